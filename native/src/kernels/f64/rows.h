/* SPDX-License-Identifier: Apache-2.0 */
/* Calls over rows: load, sum, results, emit. */
#ifndef XENT_F64_ROWS_H
#define XENT_F64_ROWS_H

#include <stddef.h>

#include "kernels/f64/emit.h"

XENT_INLINE int64_t f64_class_end(const xent_call *call, int64_t classes) {
  return call->class_end < classes ? call->class_end : classes;
}

/* c (1 - eps) w (log-sum-exp - x) */
XENT_INLINE double f64_target_gradient(const f64_row *r, const f64_sums *g, int j, double c, int64_t class, double x) {
  const double weight = c * (r->t.keep * class_weight_at(r->call, class));
  return weight == 0 ? 0 : f64_quiet(weight * fused_double(g->max[j] - x, r->temperature.high, g->distance[j]));
}
XENT_SHARED void f64_target_gradients(const f64_row *r, const f64_sums *g, int j, const f64_buffers *b) {
  const xent_call *call = r->call;
  const double c = gradient_scale_of_row(call, r->span.row, r->t.row_weight);
  const xent_layout *l = &call->shape->target_gradient;
  const double fixed = f64_fixed(XENT_F64_GRADIENT, g->fate[j]);
  for (int64_t i = 0; r->t.sparse && i < call->shape->target_count; i++) {
    int64_t class;
    double target, out = fixed;
    if (!g->fate[j] && f64_entry_at(r, i, 0, r->logits.classes, &class, &target))
      out = f64_target_gradient(r, g, j, c, class, f64_prepared_one(&r->logits, class, g->shift[j]));
    put_number(call->target_gradient, l->type, row_offset(call->shape, l, r->span.row) + i * l->classes, out);
  }
  if (r->t.sparse) return;
  const f64_array dq = f64_array_of(call, call->target_gradient, l, r->span);
  if (g->fate[j]) f64_fill(&dq, 0, r->logits.classes, fixed);
  for (int64_t i = 0; !g->fate[j] && i < r->logits.classes; i += XENT_PIECE) {
    const int64_t n = f64_part(i, r->logits.classes, XENT_PIECE);
    const double *x = f64_prepared(&r->logits, i, n, g->shift[j], b->out, NULL);
    double *out = f64_room(&dq, i, b->out);
    for (int64_t k = 0; k < n; k++) out[k] = f64_target_gradient(r, g, j, c, i + k, x[k]);
    f64_mask(&r->logits, i, n, out, 0);
    f64_store(&dq, i, n, out);
  }
}

/* Where the exponentials of a row may be kept until its results are written: there, if that is an array of doubles that
 * is not read any more; or in the buffer. */
XENT_INLINE double *f64_place(const f64_row *r, double *room, int64_t most) {
  const f64_array *output = &r->output;
  if (is_plain_array(output) && output->array && output->array != r->logits.x.array) return f64_room(output, 0, NULL);
  return r->logits.classes <= most ? room : NULL;
}

/* A call, and the block of rows that it is at. */
typedef struct {
  const xent_call *call;
  int what, most, count;         /* most: rows of a block */
  bool aside, outputs, distances; /* aside: rows lie side by side */
  bool keep, both;               /* exponentials are used again, logits beside them */
  bool slopes;                   /* derivatives of the softcap are asked for */
  int64_t room;                  /* doubles for the exponentials of a row */
  f64_row rows[XENT_F64_ROWS];
  XENT_ALIGNED f64_sums sums;
} f64_block;

/* The rows of the next block, and their targets; of as many as come before one with a wrong label. */
XENT_SHARED xent_status f64_begin_rows(f64_block *k, int64_t row) {
  f64_sums *g = &k->sums;
  xent_status status = XENT_OK;
  k->count = (int)f64_part(row, k->call->row_end, k->most);
  memset(g->fate, 0, sizeof g->fate);
  g->ignored = g->special = g->left = 0;
  for (int j = 0; j < k->count; j++) {
    f64_row *r = &k->rows[j];
    status = f64_move_to(r, row + j);
    if (status) k->count = j;
    if (status) break;
    if (r->t.kind == XENT_KIND_SOFTMAX && !k->call->row_weights) continue;
    g->ignored |= (uint32_t)r->t.ignored << j;
    g->row_weight[j] = r->t.row_weight;
    g->label_weight[j] = r->t.weighted && r->label != XENT_NO_CLASS ? weight_of_class(r->call, r->t.label) : 1;
    if (r->t.eps == 0 || k->call->known_statistics) continue;
    g->counted[j] = (double)f64_count(&r->logits, 0, r->logits.classes);
  }
  return status;
}

/* The first pass. */
XENT_SHARED void f64_sum_rows(f64_block *k, const f64_buffers *b) {
  f64_sums *g = &k->sums;
  if (k->aside) f64_rows_aside(k->rows, k->count, k->keep, k->both, k->slopes, b, g);
  for (int j = 0; !k->aside && j < k->count; j++) {
    double *room = b->row + j * k->room;
    g->kept[j] = k->keep ? f64_place(&k->rows[j], room, k->room) : NULL;
    if (!k->rows[j].t.ignored) f64_whole_row(&k->rows[j], room, b, g, j);
  }
}

/* Labels get their exponentials, which are in no sum. */
XENT_INLINE void f64_put_label_exponentials(const f64_block *k, const f64_buffers *b) {
  const int64_t length = f64_turned_length(k->call->shape->classes);
  for (int j = 0; k->keep && j < k->count; j++) {
    const int64_t label = k->rows[j].label;
    if (label == XENT_NO_CLASS) continue;
    if (k->aside)
      b->row[j / XENT_DOUBLES * XENT_DOUBLES * length + label * XENT_DOUBLES + j % XENT_DOUBLES] = k->sums.label_e[j];
    else if (k->sums.kept[j])
      k->sums.kept[j][label] = k->sums.label_e[j];
  }
}

/* A settled row's loss under a clamp of its terms: the row is read once more. */
XENT_SHARED double f64_clamped_loss(const f64_row *r, const f64_sums *g, int j, const f64_buffers *b) {
  const xent_options *o = r->call->options;
  const double d = o->probability_clamp < DBL_MIN ? DBL_MIN : o->probability_clamp, M = g->max[j], D = g->distance[j];
  const double least = -f64_log1m(d), most = -doubles_first(f64_log(doubles_set(d))), high = r->temperature.high;
  pair sum = pair_of(doubles_set(0));
  for (int64_t i = 0; r->t.sparse && i < r->call->shape->target_count; i++) {
    int64_t class;
    double t;
    if (!f64_entry_at(r, i, 0, r->logits.classes, &class, &t) || t == 0) continue;
    const double L = fused_double(M - f64_prepared_one(&r->logits, class, g->shift[j]), high, D);
    sum = pair_add(sum, pair_of(doubles_set(t * clamped_loss(L, least, most))));
  }
  for (int64_t i = 0; !r->t.sparse && i < r->logits.classes; i += XENT_PIECE) {
    const int64_t n = f64_part(i, r->logits.classes, XENT_PIECE);
    const double *x = f64_prepared(&r->logits, i, n, g->shift[j], b->x, NULL), *t = f64_targets(r, i, n, b->t);
    for (int64_t k = 0; k < n; k++) {
      const double L = clamped_loss(fused_double(M - x[k], high, D), least, most);
      if (t[k] != 0) sum = pair_add(sum, pair_of(doubles_set(t[k] * L)));
    }
  }
  return f64_quiet(r->t.row_weight * with_z_loss(o, doubles_first(pair_value(sum)), g->log_sum_exp[j]));
}

/* Rows that are in no block of rows side by side. */
static xent_status f64_forward_alone(const xent_call *call, int64_t row, int what);

/* What comes of a block. */
XENT_SHARED xent_status f64_end_rows(f64_block *k, const f64_buffers *b) {
  const xent_call *call = k->call;
  f64_sums *g = &k->sums;
  f64_settle(k->rows, k->count, k->distances, g);
  for (int j = 0; clamps_terms(call) && j < k->count; j++)
    if (!g->fate[j]) g->loss[j] = f64_clamped_loss(&k->rows[j], g, j, b);
  if (call->entropies) f64_put_label_exponentials(k, b);
  if (k->outputs) f64_write_rows(k->rows, k->count, k->aside, g, b);
  if (k->what == XENT_F64_GRADIENT && call->output) f64_prepare_gradients(k->rows, k->count, g);
  for (int j = 0; call->target_gradient && j < k->count; j++)
    if (!(g->left >> j & 1)) f64_target_gradients(&k->rows[j], g, j, b);
  if (call->output && k->aside) f64_write_aside(k->rows, k->count, k->what, b, g);
  for (int j = 0; call->output && !k->aside && j < k->count; j++)
    f64_write_row(&k->rows[j], g, j, k->what, 0, k->rows[j].logits.classes, b);
  if (k->rows->t.kind != XENT_KIND_SOFTMAX)
    call->report->counted += k->count - __builtin_popcount(g->ignored | g->left);
  xent_status status = XENT_OK;
  for (uint32_t left = g->left; left && !status; left &= left - 1)
    status = f64_forward_alone(call, k->rows[__builtin_ctz(left)].span.row, k->what);
  return status;
}

/* A gradient or probabilities from statistics. */
XENT_SHARED void f64_end_known_rows(f64_block *k, const f64_buffers *b) {
  const xent_call *call = k->call;
  f64_sums *g = &k->sums;
  const f64_row *rows = k->rows;
  const int64_t n = call->shape->classes, length = f64_turned_length(n);
  for (int j = 0; j < k->count; j++) f64_take_statistics(&rows[j], known_statistics_at(call, rows[j].span.row), g, j);
  for (int j = 0; j < k->count; j++) k->rows[j].share = g->share[j];
  if (k->what == XENT_F64_GRADIENT) f64_prepare_gradients(rows, k->count, g);
  for (int j = 0; j < k->count; j += XENT_DOUBLES) {
    const f64_reference of = f64_reference_of(doubles_load(g->reference + j), rows->temperature);
    double *x = b->row + j * length;
    if (k->what != XENT_F64_GRADIENT)
      doubles_store(g->distance + j, f64_distance(doubles_load(g->total + j), f64_exp(doubles_load(g->max + j), &of)));
    if (!k->aside) continue;
    f64_turn_rows(rows, j, k->count, k->what == XENT_F64_GRADIENT, g->shift, b, x);
    if (k->what != XENT_F64_LOG_SOFTMAX) f64_exponentials(x, x, n * XENT_DOUBLES, &of);
    if (f64_has_targets(rows)) f64_turn_targets(rows, j, k->count, b);
  }
  if (k->aside) f64_write_aside(rows, k->count, k->what, b, g);
  for (int j = 0; !k->aside && j < k->count; j++) {
    g->kept[j] = NULL;
    f64_write_row(&rows[j], g, j, k->what, call->class_begin, f64_class_end(call, rows[j].logits.classes), b);
  }
}

XENT_SHARED xent_status f64_blocks(const xent_call *call, int what, bool aside, const f64_buffers *b) {
  const int64_t room = b->room;
  f64_block k;
  const int64_t length = f64_turned_length(call->shape->classes);
  k.call = call;
  k.what = what;
  k.aside = aside;
  k.most = length * XENT_F64_ROWS <= room ? XENT_F64_ROWS : length * XENT_F64_ROWS / 2 <= room ? XENT_F64_ROWS / 2 : 1;
  k.slopes = what == XENT_F64_GRADIENT && call->output && call->options->softcap != 0;
  if (k.slopes && !aside) k.most = 1;
  k.room = room / k.most;
  k.both = call->entropies != NULL;
  k.keep = (what != XENT_F64_LOG_SOFTMAX && call->output) || k.both;
  k.outputs = what == XENT_F64_GRADIENT || call->log_sum_exp;
  k.distances = k.outputs || what != XENT_F64_SOFTMAX;
  memset(&k.sums, 0, aside && !call->known_statistics ? offsetof(f64_sums, max) : sizeof k.sums);
  k.sums.slopes = k.slopes && !call->known_statistics && call->shape->classes <= XENT_PIECE;
  k.rows[0] = f64_rows_of(call);
  for (int j = 1; j < k.most && j < call->row_end - call->row_begin; j++) k.rows[j] = k.rows[0];
  xent_status status = XENT_OK;
  for (int64_t row = call->row_begin; !status && row < call->row_end; row += k.most) {
    xent_status wrong = f64_begin_rows(&k, row);
    if (call->known_statistics) {
      f64_end_known_rows(&k, b);
    } else if (k.count) {
      f64_sum_rows(&k, b);
      status = f64_end_rows(&k, b);
    }
    if (!status) status = wrong;
  }
  return status;
}
#define XENT_F64_ROWS_WITH(name, chunk, part)                                                          \
  static __attribute__((noinline)) xent_status name(const xent_call *call, int what, bool aside) {      \
    XENT_F64_BUFFERS(b, chunk, part);                                                                   \
    return f64_blocks(call, what, aside, &b);                                                           \
  }
XENT_F64_ROWS_WITH(f64_one, XENT_F64_MIDDLE, XENT_F64_MIDDLE)
XENT_F64_ROWS_WITH(f64_few, XENT_F64_ROWS * XENT_F64_FEW, XENT_F64_ROWS * XENT_F64_FEW)
XENT_F64_ROWS_WITH(f64_middle, XENT_F64_ROWS / 2 * XENT_F64_MIDDLE, XENT_F64_ROWS / 2 * XENT_F64_MIDDLE)
XENT_F64_ROWS_WITH(f64_many, XENT_CHUNK, XENT_PIECE)

static xent_status f64_forward_alone(const xent_call *call, int64_t row, int what) {
  xent_call one = *call;
  one.row_begin = row;
  one.row_end = row + 1;
  return f64_one(&one, what, false);
}
static xent_status f64_rows(const xent_call *call, int what) {
  if (call->row_begin >= call->row_end) return XENT_OK; /* whose first has no offset */
  const xent_shape *s = call->shape;
  const bool whole = !call->known_statistics || call->class_end - call->class_begin == s->classes;
  const bool enough = call->row_end - call->row_begin >= (XENT_DOUBLES + 1) / 2;
  const bool aside = whole && enough && !call->row_offsets && !s->target_count && !clamps_terms(call);
  if (s->classes <= XENT_F64_FEW) return f64_few(call, what, aside);
  return aside && s->classes <= XENT_F64_MIDDLE ? f64_middle(call, what, true) : f64_many(call, what, false);
}

static xent_status f64_softmax(const xent_call *call) {
  return f64_rows(call, call->log ? XENT_F64_LOG_SOFTMAX : XENT_F64_SOFTMAX);
}
static xent_status f64_log_sum_exp_rows(const xent_call *call) { return f64_rows(call, XENT_F64_SOFTMAX); }
static xent_status f64_cross_entropy(const xent_call *call) { return f64_rows(call, XENT_F64_GRADIENT); }
static xent_status f64_cross_entropy_backward(const xent_call *call) { return f64_rows(call, XENT_F64_GRADIENT); }

#endif
