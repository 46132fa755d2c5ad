/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cross-entropy of a linear layer (numerics.md, section 13), piece by piece in the workspace:
 *   for some rows, for each chunk of classes:                               linear_forward
 *     logits = hidden weights^T + bias;  the kernels for logits: states, or results of whole rows
 *   for some classes, for some rows:                                        linear_gradients
 *     g = logits, kept or computed again;  the kernels for logits: their gradients, in place
 *     hidden_gradient += g weights;  weights_gradient += g^T hidden;  bias_gradient += sum of the rows of g
 * contract_logit and contract_linear_gradient (native/test/contract/linear.c) are the plain form of the products.
 */
#ifndef XENT_LAYER_H
#define XENT_LAYER_H

#include "kernels/linear/few.h"
#include "kernels/linear/products.h"

typedef struct {
  const xent_call *call;
  const xent_family *kernels;
  linear_workspace w;
  matrix hidden, weights;
  strided bias;
  int64_t features, columns; /* columns: floats between rows of sums */
  float *packed, *panel, *logits, *kept, *gradient_tiles;
  double *sums, *hidden_sums, *weights_sums, *bias_sums;
  xent_state *states;
  xent_statistics *statistics; /* the caller's or the workspace's; the first one is that of row statistics_row */
  int64_t statistics_row;
  bool gradients, keeps_statistics; /* of all rows of the call; otherwise only of the current rows */
  const void *all_logits;           /* the caller's, or NULL */
} linear;

XENT_INLINE linear linear_of(const xent_call *call, const xent_family *kernels, const linear_workspace *w) {
  const xent_shape *s = call->shape;
  char *at = call->workspace;
  linear l = {.call = call, .kernels = kernels, .w = *w, .hidden = matrix_of_rows(call, call->hidden, &s->hidden),
              .weights = matrix_of_classes(call->weights, &s->weights), .features = s->features, .columns = w->columns,
              .statistics_row = call->row_begin};
  if (call->bias) l.bias = strided_at(call->bias, &s->bias, 0);
  l.packed = (float *)(void *)(at + w->hidden);
  l.panel = (float *)(void *)(at + w->panel);
  l.sums = (double *)(void *)(at + w->sums);
  l.logits = (float *)(void *)(at + w->logits);
  l.states = (xent_state *)(void *)(at + w->states);
  l.kept = (float *)(void *)(at + w->kept);
  l.all_logits = call->logits ? call->logits : call->made_logits;
  l.gradients = linear_contents(call) & XENT_GRADIENT_CONTENTS;
  l.keeps_statistics = l.gradients || call->statistics;
  l.statistics =
      call->statistics ? call->statistics + call->row_begin : (xent_statistics *)(void *)(at + w->statistics);
  if (l.gradients) {
    l.gradient_tiles = (float *)(void *)(at + w->gradient_tiles);
    l.hidden_sums = (double *)(void *)(at + w->hidden_sums);
    l.weights_sums = (double *)(void *)(at + w->weights_sums);
    l.bias_sums = (double *)(void *)(at + w->bias_sums);
  }
  return l;
}

/* ---- logits ---- */

XENT_INLINE bool are_few(int64_t rows) { return rows <= XENT_FEW_ROWS && XENT_FEW_ROWS > 1; }

XENT_SHARED void pack_hidden(const linear *l, int64_t row, int64_t rows) {
  if (are_few(rows))
    pack_matrix(&l->hidden, row, rows, 0, l->features, l->packed, XENT_FEW_ROWS);
  else
    for (int64_t k = 0; k < l->features; k += XENT_TERMS)
      pack_tiles(&l->hidden, row, rows, k, least_of(XENT_TERMS, l->features - k),
                 l->packed + tiles_of(rows) * XENT_TILE_ROWS * k);
}

/* Logits of the packed rows and n classes from `begin` on, stored in rows of whole panels. */
XENT_SHARED void make_logits(const linear *l, int64_t rows, int64_t begin, int64_t n, float *out, int64_t pitch) {
  XENT_ALIGNED float bias[XENT_PANEL];
  if (are_few(rows)) {
    few_logits(&l->weights, l->bias.at ? &l->bias : NULL, l->packed, l->features, rows, begin, n, out, pitch);
    return;
  }
  for (int64_t v = 0; v < n; v += XENT_PANEL) {
    for (int64_t j = 0; l->bias.at && j < XENT_PANEL; j += XENT_LANES)
      lanes_store(bias + j, strided_load(&l->bias, begin + v + j, n - v - j, 0.0f));
    tile_product p = {.panel = l->panel, .sums = l->sums, .sums_pitch = XENT_PANEL, .out = out + v, .out_pitch = pitch,
                 .bias = l->bias.at ? bias : NULL};
    for (int64_t k = 0; k < l->features; k += XENT_TERMS) {
      p.terms = least_of(XENT_TERMS, l->features - k);
      p.first = k == 0;
      p.last = k + p.terms == l->features;
      for (int64_t j = 0; j < XENT_PANEL && v + j < n; j += XENT_LANES)
        pack_matrix(&l->weights, begin + v + j, least_of(XENT_LANES, n - v - j), k, p.terms, l->panel + j, XENT_PANEL);
      p.tile = l->packed + tiles_of(rows) * XENT_TILE_ROWS * k;
      const int64_t next = p.last ? 0 : k + XENT_TERMS, first = p.last ? v + XENT_PANEL : v;
      multiply_tiles(p, rows, p.terms * XENT_TILE_ROWS,
                     next_panel_of(&l->weights, begin + first, least_of(XENT_PANEL, n - first), next,
                                   least_of(XENT_TERMS, l->features - next)));
    }
  }
}

/* ---- the forward ---- */

/* The number of rows from `row` on that go together, at most `most`: either all have kept logits or none. */
XENT_INLINE int64_t rows_at_once(const linear *l, int64_t row, int64_t most) {
  const int64_t kept = l->call->row_begin + l->w.kept_rows;
  return least_of(most, (row < kept ? kept : l->call->row_end) - row);
}

/* Floats [row][class] in the workspace; the first one is that of a row and a class. */
typedef struct {
  float *at;
  int64_t pitch;
} logits_place;

XENT_INLINE logits_place place_of_logits(const linear *l, int64_t row, int64_t class) {
  const int64_t from = row - l->call->row_begin;
  if (from >= l->w.kept_rows) return (logits_place){l->logits, l->w.pitch};
  return (logits_place){l->kept + from * l->w.kept_pitch + class - l->call->class_begin, l->w.kept_pitch};
}

/* The call on the logits of rows [row, row + rows) and classes [begin, end). */
typedef struct {
  xent_shape shape;
  xent_call call;
} part_of_call;

XENT_INLINE void part_begin(part_of_call *part, const linear *l, int64_t row, int64_t rows, int64_t begin,
                            int64_t end) {
  part->shape = *l->call->shape;
  part->call = *l->call;
  part->call.shape = &part->shape;
  part->call.row_begin = row;
  part->call.row_end = row + rows;
  part->call.class_begin = begin;
  part->call.class_end = end;
  drop_other_arrays(&part->call, ~XENT_ARRAYS_IN(IN_LINEAR_LAYER));
  part->call.output_layout = &part->shape.gradient;
  part->call.statistics = all_rows_of(l->statistics, l->statistics_row, sizeof *l->statistics);
}

/* The address that class 0 of row 0 would have. */
XENT_INLINE float *place_of_part(const part_of_call *part, logits_place p, xent_layout *l) {
  const int64_t number = sizeof *p.at; /* rows with a stride of 0 may be more than memory holds at the pitch */
  const int64_t outer = (int64_t)((uintptr_t)part->shape.inner * (uintptr_t)p.pitch);
  *l = (xent_layout){.outer = outer, .classes = 1, .inner = p.pitch, .type = XENT_F32};
  return all_rows_of(all_rows_of(p.at, part->call.class_begin, number), part->call.row_begin, p.pitch * number);
}

XENT_SHARED void write_logits(const linear *l, int64_t row, int64_t rows, int64_t begin, int64_t n, logits_place p) {
  const matrix m = matrix_of_rows(l->call, l->call->made_logits, &l->call->shape->logits);
  for (int64_t r = 0; r < rows; r++) {
    const strided to = row_of_matrix(&m, row + r);
    for (int64_t v = 0; v < n; v += XENT_LANES)
      strided_store(&to, begin + v, n - v, lanes_quiet(lanes_load(p.at + r * p.pitch + v)));
  }
}

/* Runs a kernel on the logits of a part, then copies them to the caller's logits. After an error nothing is copied,
 * because a rejected row must not be written. */
XENT_INLINE xent_status run_on_logits(part_of_call *part, const linear *l, xent_kernel kernel) {
  const xent_call *c = &part->call;
  const int64_t row = c->row_begin, rows = c->row_end - row, begin = c->class_begin, n = c->class_end - begin;
  const logits_place p = place_of_logits(l, row, begin);
  make_logits(l, rows, begin, n, p.at, p.pitch);
  part->call.logits = place_of_part(part, p, &part->shape.logits);
  const xent_status status = kernel(c);
  if (!status && l->call->made_logits) write_logits(l, row, rows, begin, n, p);
  return status;
}

/* States of rows; those of the first row begin at `states`. second: only for rows that have a shift. */
XENT_SHARED xent_status states_of_rows(const linear *l, int64_t row, int64_t rows, xent_state *states, bool second) {
  part_of_call part;
  const xent_call *c = l->call;
  pack_hidden(l, row, rows);
  for (int64_t v = c->class_begin; v < c->class_end; v += XENT_CHUNK) {
    part_begin(&part, l, row, rows, v, least_of(v + XENT_CHUNK, c->class_end));
    part.call.states = states;
    part.call.known_statistics = !second ? NULL : c->known_statistics ? c->known_statistics : part.call.statistics;
    const xent_status status = run_on_logits(&part, l, l->kernels->forward_states);
    if (status) return status;
  }
  return XENT_OK;
}

/* The second round of rows that have a shift. */
XENT_SHARED xent_status second_states(const linear *l, int64_t row, int64_t rows, xent_state *states,
                                      const xent_call *known) {
  const int64_t chunks = xent_chunks(l->call->shape->classes);
  for (int64_t r = row; r < row + rows;) {
    int64_t end = r;
    while (end < row + rows && known_statistics_at(known, end)->kind & XENT_ROW_UNFINISHED) end++;
    const xent_status status = end > r ? states_of_rows(l, r, end - r, states + (r - row) * chunks, true) : XENT_OK;
    if (status) return status;
    r = end + (end == r);
  }
  return XENT_OK;
}

/* Computes rows of several chunks, with statistics. */
XENT_SHARED xent_status rows_by_states(const linear *l, int64_t row, int64_t rows) {
  part_of_call part;
  xent_status status = states_of_rows(l, row, rows, l->states, false);
  if (status) return status;
  part_begin(&part, l, row, rows, 0, l->call->shape->classes);
  part.call.known_states = l->states;
  l->call->report->unfinished = 0;
  status = l->kernels->finish(&part.call);
  if (status || !l->call->report->unfinished) return status;
  part.call.known_statistics = part.call.statistics;
  status = second_states(l, row, rows, l->states, &part.call);
  if (status) return status;
  part.call.second_round = true;
  l->call->report->unfinished = 0;
  return l->kernels->finish(&part.call);
}

XENT_SHARED xent_status whole_rows(const linear *l, int64_t row, int64_t rows) {
  part_of_call part;
  pack_hidden(l, row, rows);
  part_begin(&part, l, row, rows, 0, l->call->shape->classes);
  if (!l->keeps_statistics) part.call.statistics = NULL;
  return run_on_logits(&part, l, l->kernels->cross_entropy_forward);
}

XENT_SHARED xent_status linear_forward(linear *l) {
  const xent_call *c = l->call;
  const bool whole = c->shape->classes <= XENT_CHUNK || (linear_contents(c) & XENT_WORKSPACE_WHOLE_ROWS);
  for (int64_t row = c->row_begin, rows; row < c->row_end; row += rows) {
    rows = rows_at_once(l, row, l->w.cut.rows);
    if (!l->keeps_statistics) l->statistics_row = row;
    const xent_status status = whole ? whole_rows(l, row, rows) : rows_by_states(l, row, rows);
    if (status) return status;
  }
  return XENT_OK;
}

XENT_SHARED xent_status linear_states(linear *l) {
  const xent_call *c = l->call;
  for (int64_t row = c->row_begin, rows; row < c->row_end; row += rows) {
    xent_state *states = c->states + (row - c->row_begin) * xent_chunks(c->shape->classes);
    rows = least_of(l->w.cut.rows, c->row_end - row);
    const xent_status status =
        c->known_statistics ? second_states(l, row, rows, states, c) : states_of_rows(l, row, rows, states, false);
    if (status) return status;
  }
  return XENT_OK;
}

/* ---- gradients ---- */

/* Multiplies tiles of gradients, `rows` rows in all and `terms` terms, with the rows of a matrix from `first` on, and
 * adds the products to sums of features. The sums of a panel stay in the caches until all terms are added. fresh: these
 * are the first terms of the sums. */
XENT_SHARED void add_gradients(const linear *l, int64_t rows, const matrix *m, int64_t first, int64_t terms,
                               double *sums, bool fresh) {
  for (int64_t d = 0; d < l->features; d += XENT_PANEL)
    for (int64_t k = 0; k < terms; k += XENT_TERMS) {
      tile_product p = {.tile = l->gradient_tiles + tiles_of(rows) * XENT_TILE_ROWS * k, .panel = l->panel,
                        .terms = least_of(XENT_TERMS, terms - k), .sums = sums + d, .sums_pitch = l->columns,
                        .first = fresh && k == 0};
      const bool finite = pack_rows(m, first + k, p.terms, d, l->features - d, l->panel);
      const int64_t next = k + p.terms < terms ? k + p.terms : 0, feature = next ? d : d + XENT_PANEL;
      p.out = (float *)(void *)p.sums;
      if (finite)
        multiply_tiles(p, rows, p.terms * XENT_TILE_ROWS,
                       next_panel_of(m, first + next, least_of(XENT_TERMS, terms - next), feature,
                                     least_of(XENT_PANEL, l->features - feature)));
      else
        multiply_with_care(p, rows);
    }
}

/* Multiplies the gradients of the logits of `rows` rows and n classes from `begin` on with the weights of these
 * classes. */
XENT_INLINE void add_hidden_gradient(const linear *l, int64_t row, int64_t rows, int64_t begin, int64_t n,
                                     const float *g, int64_t pitch) {
  for (int64_t v = 0; v < n; v += XENT_TERMS) {
    const matrix m = matrix_of_floats(g + v, pitch);
    pack_tiles(&m, 0, rows, 0, least_of(XENT_TERMS, n - v), l->gradient_tiles + tiles_of(rows) * XENT_TILE_ROWS * v);
  }
  double *sums = l->hidden_sums + (row - l->call->row_begin) * l->columns;
  add_gradients(l, rows, &l->weights, begin, n, sums, begin == 0);
}

/* Tiles of classes: term k of class i of a tile is row k of g. */
XENT_INLINE void pack_classes(const float *g, int64_t pitch, int64_t terms, int64_t n, float *to) {
  for (int64_t v = 0; v < n; v += XENT_TILE_ROWS)
    for (int64_t k = 0; k < terms; k++, to += XENT_TILE_ROWS)
      lanes_store(to, lanes_load_part(g + k * pitch + v, n - v, 0.0f));
}
XENT_INLINE void add_weights_gradient(const linear *l, int64_t row, int64_t rows, int64_t n, const float *g,
                                      int64_t pitch) {
  for (int64_t r = 0; r < rows; r += XENT_TERMS)
    pack_classes(g + r * pitch, pitch, least_of(XENT_TERMS, rows - r), n,
                 l->gradient_tiles + tiles_of(n) * XENT_TILE_ROWS * r);
  add_gradients(l, n, &l->hidden, row, rows, l->weights_sums, row == l->call->row_begin);
}
XENT_SHARED void add_bias_gradient(const linear *l, int64_t row, int64_t rows, int64_t n, const float *g,
                                   int64_t pitch) {
  for (int64_t r = 0; r < rows; r += XENT_TERMS)
    for (int64_t v = 0; v < n; v += XENT_LANES) {
      lanes c = lanes_set(0.0f);
      for (int64_t k = r; k < r + XENT_TERMS && k < rows; k++)
        c = lanes_add(c, lanes_load_part(g + k * pitch + v, n - v, 0.0f));
      const dlanes sum = dlanes_widen(c);
      dlanes_store(l->bias_sums + v,
                   row + r == l->call->row_begin ? sum : dlanes_add(dlanes_load(l->bias_sums + v), sum));
    }
}

/* Stores n sums as floats; none of them is -0. */
XENT_SHARED void put_sums(const strided *to, const double *sums, int64_t n) {
  const dlanes zero = dlanes_zero();
  for (int64_t i = 0; i < n; i += XENT_LANES)
    strided_store(to, i, n - i, lanes_quiet(dlanes_narrow(dlanes_add(dlanes_load(sums + i), zero))));
}

/* Computes the gradients of the logits of a part in the first rows and classes of l->logits. */
XENT_INLINE xent_status gradient_of_part(const linear *l, int64_t row, int64_t rows, int64_t begin, int64_t n,
                                         int64_t pitch) {
  part_of_call part;
  const logits_place own = {l->logits, pitch};
  part_begin(&part, l, row, rows, begin, begin + n);
  part.call.output = place_of_part(&part, own, &part.shape.gradient);
  if (l->all_logits) {
    part.call.logits = l->all_logits;
  } else if (row - l->call->row_begin < l->w.kept_rows) {
    part.call.logits = place_of_part(&part, place_of_logits(l, row, begin), &part.shape.logits);
  } else {
    pack_hidden(l, row, rows);
    make_logits(l, rows, begin, n, own.at, own.pitch);
    part.call.logits = place_of_part(&part, own, &part.shape.logits);
  }
  if (!part.call.known_statistics) part.call.known_statistics = part.call.statistics;
  part.call.statistics = NULL;
  drop_other_arrays(&part.call, XENT_ARRAYS_IN(IN_GRADIENT));
  return l->kernels->cross_entropy_backward(&part.call);
}

XENT_SHARED void put_gradients_of_classes(const linear *l, int64_t begin, int64_t n) {
  const xent_call *c = l->call;
  if (c->bias_gradient) {
    const strided to = strided_at(c->bias_gradient, &c->shape->bias_gradient, begin * c->shape->bias_gradient.classes);
    put_sums(&to, l->bias_sums, n);
  }
  const matrix weights = matrix_of_classes(c->weights_gradient, &c->shape->weights_gradient);
  for (int64_t v = 0; c->weights_gradient && v < n; v++) {
    const strided to = row_of_matrix(&weights, begin + v);
    put_sums(&to, l->weights_sums + v * l->columns, l->features);
  }
}

/* Computes the gradients of hidden states, weights and bias, if the call has any. */
XENT_SHARED xent_status linear_gradients(linear *l) {
  if (!l->gradients) return XENT_OK;
  const xent_call *c = l->call;
  const linear_cut *cut = &l->w.cut;
  if (c->row_begin == c->row_end) { /* sums over no rows */
    if (!c->bias_gradient && !c->weights_gradient) return XENT_OK;
    if (c->bias_gradient) memset(l->bias_sums, 0, (size_t)cut->gradient_classes * sizeof *l->bias_sums);
    if (c->weights_gradient)
      memset(l->weights_sums, 0, (size_t)(cut->gradient_classes * l->columns) * sizeof *l->weights_sums);
  }
  const int64_t pitch = cut->gradient_classes + XENT_LANES;
  for (int64_t v = c->class_begin; v < c->class_end; v += cut->gradient_classes) {
    const int64_t n = least_of(cut->gradient_classes, c->class_end - v);
    for (int64_t row = c->row_begin, rows; row < c->row_end; row += rows) {
      rows = rows_at_once(l, row, cut->gradient_rows);
      const xent_status status = gradient_of_part(l, row, rows, v, n, pitch);
      if (status) return status;
      if (c->hidden_gradient) add_hidden_gradient(l, row, rows, v, n, l->logits, pitch);
      if (c->weights_gradient) add_weights_gradient(l, row, rows, n, l->logits, pitch);
      if (c->bias_gradient) add_bias_gradient(l, row, rows, n, l->logits, pitch);
    }
    put_gradients_of_classes(l, v, n);
  }
  const matrix hidden = matrix_of_rows(c, c->hidden_gradient, &c->shape->hidden_gradient);
  for (int64_t row = c->row_begin; c->hidden_gradient && row < c->row_end; row++) {
    const strided to = row_of_matrix(&hidden, row);
    put_sums(&to, l->hidden_sums + (row - c->row_begin) * l->columns, l->features);
  }
  return XENT_OK;
}

XENT_SHARED xent_status linear_cross_entropy(linear *l) {
  const xent_status status = linear_forward(l);
  return status ? status : linear_gradients(l);
}

XENT_INLINE xent_status linear_call(const xent_call *call, const xent_family *kernels, xent_status (*work)(linear *l)) {
  linear_workspace w;
  if (!linear_workspace_within(call, call->workspace_size, &w)) return XENT_INVALID_ARGUMENT;
  linear l = linear_of(call, kernels, &w);
  return work(&l);
}

#endif
