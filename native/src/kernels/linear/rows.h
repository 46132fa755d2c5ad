/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cross-entropy of a linear layer (docs/numerics.md, section 13): the logits of some rows and of a chunk of classes are
 * written to the workspace and become states, or whole rows become results, by the kernels for logits that are given. Then,
 * for gradients, the logits are made again, some rows and some classes at a time, become gradients where they are, and are
 * multiplied with the weights and the hidden states.
 */
#ifndef XENT_LINEAR_ROWS_H
#define XENT_LINEAR_ROWS_H

#include "kernels/linear/few.h"
#include "kernels/linear/tile.h"

typedef struct {
  const xent_call *call;
  const xent_family *kernels;
  linear_workspace w;
  matrix hidden, weights;
  strand bias;
  int64_t features, classes, columns; /* columns: from a row of sums to the next */
  float *packed, *panel, *logits, *gradient_tiles;
  double *sums, *hidden_sums, *weights_sums, *bias_sums;
  xent_state *states;
  xent_statistics *statistics; /* the caller's or the workspace's, the first of them of row statistics_row */
  int64_t statistics_row;
  bool gradients, keeps_statistics; /* of all rows of the call; else of those that are there at once */
} linear;

XENT_INLINE linear linear_of(const xent_call *call, const xent_family *kernels, const linear_workspace *w) {
  const xent_shape *s = call->shape;
  char *at = call->workspace;
  linear l = {.call = call, .kernels = kernels, .w = *w, .hidden = matrix_of_rows(call, call->hidden, &s->hidden),
              .weights = matrix_of_classes(call->weights, &s->weights), .features = s->features, .classes = s->classes,
              .columns = w->columns, .statistics_row = call->row_begin};
  if (call->bias) l.bias = strand_at(call->bias, &s->bias, 0);
  l.packed = (float *)(void *)(at + w->hidden);
  l.panel = (float *)(void *)(at + w->panel);
  l.sums = (double *)(void *)(at + w->sums);
  l.logits = (float *)(void *)(at + w->logits);
  l.states = (xent_state *)(void *)(at + w->states);
  l.gradients = linear_contents(call) & XENT_WORKSPACE_GRADIENTS;
  l.keeps_statistics = l.gradients || call->statistics;
  l.statistics = call->statistics ? call->statistics + call->row_begin : (xent_statistics *)(void *)(at + w->statistics);
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
    pack_columns(&l->hidden, row, rows, 0, l->features, l->packed, XENT_FEW_ROWS);
  else
    pack_tiles(&l->hidden, row, rows, 0, l->features, l->packed);
}

/* Of the rows that are packed and n classes from `begin` on, to rows of whole panels. */
XENT_SHARED void make_logits(const linear *l, int64_t rows, int64_t begin, int64_t n, float *out, int64_t pitch) {
  XENT_ALIGNED float bias[XENT_PANEL];
  if (are_few(rows)) {
    few_logits(&l->weights, l->bias.at ? &l->bias : NULL, l->packed, l->features, rows, begin, n, out, pitch);
    return;
  }
  for (int64_t v = 0; v < n; v += XENT_PANEL) {
    for (int64_t j = 0; l->bias.at && j < XENT_PANEL; j += XENT_LANES)
      lanes_store(bias + j, strand_load(&l->bias, begin + v + j, n - v - j, 0.0f));
    product p = {.panel = l->panel, .sums = l->sums, .sums_pitch = XENT_PANEL, .out = out + v, .out_pitch = pitch,
                 .bias = l->bias.at ? bias : NULL};
    for (int64_t k = 0; k < l->features; k += XENT_TERMS) {
      p.terms = least_of(XENT_TERMS, l->features - k);
      p.first = k == 0;
      p.last = k + p.terms == l->features;
      for (int64_t j = 0; j < XENT_PANEL && v + j < n; j += XENT_LANES)
        pack_columns(&l->weights, begin + v + j, least_of(XENT_LANES, n - v - j), k, p.terms, l->panel + j, XENT_PANEL);
      for (int64_t r = 0; r < rows; r += XENT_TILE_ROWS) {
        const int64_t count = least_of(XENT_TILE_ROWS, rows - r);
        p.tile = l->packed + r * l->features + k * XENT_TILE_ROWS;
        p.sums = l->sums + r * XENT_PANEL;
        p.out = out + v + r * pitch;
        multiply_tile[count - 1](&p);
      }
    }
  }
}

/* ---- the forward ---- */

/* The call on the logits of rows [row, row + rows) and classes [begin, end) that lie at `logits`: its arrays are those of
 * the whole call, so the logits are said to lie where class 0 of row 0 would be. */
typedef struct {
  xent_shape shape;
  xent_call call;
} part_of_call;

XENT_INLINE void part_begin(part_of_call *part, const linear *l, int64_t row, int64_t rows, int64_t begin, int64_t end, float *logits,
                            int64_t pitch) {
  part->shape = *l->call->shape;
  part->shape.logits = (xent_layout){.outer = part->shape.inner * pitch, .classes = 1, .inner = pitch, .type = XENT_F32};
  part->shape.gradient = part->shape.logits;
  part->call = *l->call;
  part->call.shape = &part->shape;
  part->call.row_begin = row;
  part->call.row_end = row + rows;
  part->call.class_begin = begin;
  part->call.class_end = end;
  const uintptr_t before = (uintptr_t)(row * pitch + begin) * sizeof *logits;
  part->call.logits = (const float *)((uintptr_t)logits - before);
  part->call.bias = NULL;
  part->call.output = NULL;
  part->call.output_layout = &part->shape.gradient;
  part->call.statistics = (xent_statistics *)((uintptr_t)l->statistics - (uintptr_t)l->statistics_row * sizeof *l->statistics);
  part->call.states = l->states;
  part->call.known_states = l->states;
}

/* States of rows of which the first has its states at `states`; second: those that have a shift. */
XENT_SHARED xent_status states_of_rows(const linear *l, int64_t row, int64_t rows, xent_state *states, bool second) {
  part_of_call part;
  pack_hidden(l, row, rows);
  for (int64_t c = 0; c < l->classes; c += XENT_CHUNK) {
    const int64_t n = least_of(XENT_CHUNK, l->classes - c);
    make_logits(l, rows, c, n, l->logits, l->w.pitch);
    part_begin(&part, l, row, rows, c, c + n, l->logits, l->w.pitch);
    part.call.states = states;
    part.call.known_statistics = second ? part.call.statistics : NULL;
    const xent_status status = l->kernels->forward_states(&part.call);
    if (status) return status;
  }
  return XENT_OK;
}

XENT_INLINE bool has_shift(const xent_call *c, int64_t row) { return statistics_at(c, row)->kind & XENT_ROW_UNFINISHED; }

/* Rows of several chunks; statistics are there. */
XENT_SHARED xent_status rows_by_states(const linear *l, int64_t row, int64_t rows) {
  const int64_t chunks = xent_chunks(l->classes);
  part_of_call part;
  xent_status status = states_of_rows(l, row, rows, l->states, false);
  if (status) return status;
  part_begin(&part, l, row, rows, 0, l->classes, l->logits, l->w.pitch);
  l->call->report->unfinished = 0;
  status = l->kernels->finish(&part.call);
  if (status || !l->call->report->unfinished) return status;
  for (int64_t r = row; r < row + rows;) {
    int64_t end = r;
    while (end < row + rows && has_shift(&part.call, end)) end++;
    if (end > r) status = states_of_rows(l, r, end - r, l->states + (r - row) * chunks, true);
    if (status) return status;
    r = end + (end == r);
  }
  part.call.second_round = true;
  l->call->report->unfinished = 0;
  return l->kernels->finish(&part.call);
}

XENT_SHARED xent_status whole_rows(const linear *l, int64_t row, int64_t rows) {
  part_of_call part;
  pack_hidden(l, row, rows);
  make_logits(l, rows, 0, l->classes, l->logits, l->w.pitch);
  part_begin(&part, l, row, rows, 0, l->classes, l->logits, l->w.pitch);
  if (!l->keeps_statistics) part.call.statistics = NULL;
  return l->kernels->cross_entropy_forward(&part.call);
}

XENT_SHARED xent_status linear_forward(linear *l) {
  const xent_call *c = l->call;
  const bool whole = l->classes <= XENT_CHUNK || (linear_contents(c) & XENT_WORKSPACE_WHOLE_ROWS);
  for (int64_t row = c->row_begin; row < c->row_end; row += l->w.cut.rows) {
    const int64_t rows = least_of(l->w.cut.rows, c->row_end - row);
    if (!l->keeps_statistics) l->statistics_row = row;
    const xent_status status = whole ? whole_rows(l, row, rows) : rows_by_states(l, row, rows);
    if (status) return status;
  }
  return XENT_OK;
}

/* ---- gradients ---- */

XENT_INLINE void multiply_gradients(product p, int64_t rows, bool finite) {
  p.out = p.last ? p.out : (float *)(void *)p.sums;
  if (finite)
    multiply_tiles(p, rows);
  else
    multiply_with_care(p, rows);
}

/* Gradients of the logits of `rows` rows and n classes from `begin` on, times the weights of these, into the sums. */
XENT_SHARED void add_hidden_gradient(const linear *l, int64_t row, int64_t rows, int64_t begin, int64_t n, const float *g, int64_t pitch) {
  double *sums = l->hidden_sums + (row - l->call->row_begin) * l->columns;
  for (int64_t v = 0; v < n; v += XENT_TERMS) {
    const matrix m = matrix_of_floats(g + v, pitch);
    const int64_t terms = least_of(XENT_TERMS, n - v);
    pack_tiles(&m, 0, rows, 0, terms, l->gradient_tiles);
    for (int64_t d = 0; d < l->features; d += XENT_PANEL) {
      const bool finite = pack_rows(&l->weights, begin + v, terms, d, l->features - d, l->panel);
      const product p = {.tile = l->gradient_tiles, .panel = l->panel, .terms = terms, .sums = sums + d, .sums_pitch = l->columns,
                         .first = begin + v == 0};
      multiply_gradients(p, rows, finite);
    }
  }
}

/* Tiles of classes: term k of class i of a tile is row k of g. */
XENT_INLINE void pack_classes(const float *g, int64_t pitch, int64_t terms, int64_t n, float *to) {
  for (int64_t v = 0; v < n; v += XENT_TILE_ROWS)
    for (int64_t k = 0; k < terms; k++, to += XENT_TILE_ROWS) lanes_store(to, lanes_load_part(g + k * pitch + v, n - v, 0.0f));
}
XENT_SHARED void add_weights_gradient(const linear *l, int64_t row, int64_t rows, int64_t n, const float *g, int64_t pitch) {
  for (int64_t r = 0; r < rows; r += XENT_TERMS) {
    const int64_t terms = least_of(XENT_TERMS, rows - r);
    pack_classes(g + r * pitch, pitch, terms, n, l->gradient_tiles);
    for (int64_t d = 0; d < l->features; d += XENT_PANEL) {
      const bool finite = pack_rows(&l->hidden, row + r, terms, d, l->features - d, l->panel);
      const product p = {.tile = l->gradient_tiles, .panel = l->panel, .terms = terms, .sums = l->weights_sums + d,
                         .sums_pitch = l->columns, .first = row + r == l->call->row_begin};
      multiply_gradients(p, n, finite);
    }
  }
}
XENT_SHARED void add_bias_gradient(const linear *l, int64_t row, int64_t rows, int64_t n, const float *g, int64_t pitch) {
  for (int64_t r = 0; r < rows; r += XENT_TERMS)
    for (int64_t v = 0; v < n; v += XENT_LANES) {
      lanes c = lanes_set(0.0f);
      for (int64_t k = r; k < r + XENT_TERMS && k < rows; k++) c = lanes_add(c, lanes_load_part(g + k * pitch + v, n - v, 0.0f));
      const dlanes sum = dlanes_widen(c);
      dlanes_store(l->bias_sums + v, row + r == l->call->row_begin ? sum : dlanes_add(dlanes_load(l->bias_sums + v), sum));
    }
}

/* n sums as floats, of which none is -0. */
XENT_SHARED void put_sums(const strand *to, const double *sums, int64_t n) {
  const dlanes zero = dlanes_zero();
  for (int64_t i = 0; i < n; i += XENT_LANES)
    strand_store(to, i, n - i, lanes_quiet(dlanes_narrow(dlanes_add(dlanes_load(sums + i), zero))));
}

XENT_INLINE xent_status gradient_of_part(const linear *l, int64_t row, int64_t rows, int64_t begin, int64_t n, int64_t pitch) {
  part_of_call part;
  xent_report report = {.size = sizeof report};
  make_logits(l, rows, begin, n, l->logits, pitch);
  part_begin(&part, l, row, rows, begin, begin + n, l->logits, pitch);
  part.call.known_statistics = part.call.statistics;
  part.call.statistics = NULL;
  part.call.report = &report;
  part.call.output = (float *)(uintptr_t)part.call.logits;
  return l->kernels->cross_entropy_backward(&part.call);
}

XENT_SHARED void put_gradients_of_classes(const linear *l, int64_t begin, int64_t n) {
  const xent_call *c = l->call;
  if (c->bias_gradient) {
    const strand to = strand_at(c->bias_gradient, &c->shape->bias_gradient, begin * c->shape->bias_gradient.classes);
    put_sums(&to, l->bias_sums, n);
  }
  const matrix weights = matrix_of_classes(c->weights_gradient, &c->shape->weights_gradient);
  for (int64_t v = 0; c->weights_gradient && v < n; v++) {
    const strand to = row_of_matrix(&weights, begin + v);
    put_sums(&to, l->weights_sums + v * l->columns, l->features);
  }
}

XENT_SHARED xent_status linear_gradients(const linear *l) {
  const xent_call *c = l->call;
  const linear_cut *cut = &l->w.cut;
  if (c->row_begin == c->row_end) { /* sums over no rows */
    memset(l->bias_sums, 0, (size_t)cut->gradient_classes * sizeof *l->bias_sums);
    memset(l->weights_sums, 0, (size_t)(cut->gradient_classes * l->columns) * sizeof *l->weights_sums);
  }
  const int64_t pitch = cut->gradient_classes + XENT_LANES;
  for (int64_t v = 0; v < l->classes; v += cut->gradient_classes) {
    const int64_t n = least_of(cut->gradient_classes, l->classes - v);
    for (int64_t row = c->row_begin; row < c->row_end; row += cut->gradient_rows) {
      const int64_t rows = least_of(cut->gradient_rows, c->row_end - row);
      pack_hidden(l, row, rows);
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
    const strand to = row_of_matrix(&hidden, row);
    put_sums(&to, l->hidden_sums + (row - c->row_begin) * l->columns, l->features);
  }
  return XENT_OK;
}

XENT_INLINE xent_status linear_call(const xent_call *call, const xent_family *kernels) {
  linear_workspace w;
  if (!linear_workspace_within(call, call->workspace_size, &w)) return XENT_INVALID_ARGUMENT;
  linear l = linear_of(call, kernels, &w);
  const xent_status status = linear_forward(&l);
  return status || !l.gradients ? status : linear_gradients(&l);
}

#endif
