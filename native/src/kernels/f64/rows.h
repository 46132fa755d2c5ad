/* SPDX-License-Identifier: Apache-2.0 */
/* Calls over rows: load, sum, results, emit. */
#ifndef XENT_F64_ROWS_H
#define XENT_F64_ROWS_H

#include "kernels/f64/emit.h"

/* Statistics that a call is given. The record may be smaller than the public struct that it lies in. */
XENT_INLINE const row_statistics *f64_known(const xent_call *call, int64_t row) {
  return (const row_statistics *)&call->known_statistics[row];
}
XENT_INLINE int64_t f64_class_end(const xent_call *call, int64_t classes) {
  return call->class_end < classes ? call->class_end : classes;
}

/* c (1 - eps) w (log-sum-exp - x) */
XENT_INLINE double f64_target_gradient(const f64_row *r, const row_statistics *s, double c, int64_t class, double x,
                                       double D) {
  const double weight = c * (r->t.keep * class_weight_at(r->call, class));
  return weight == 0 ? 0 : f64_quiet(weight * fused_double(s->max - x, r->temperature.high, D));
}
XENT_SHARED void f64_target_gradients(const f64_row *r, const row_statistics *s, double c, double D,
                                      const f64_buffers *b) {
  const xent_call *call = r->call;
  const xent_layout *l = &call->shape->target_gradient;
  const bool special = s->kind & XENT_ROW_SPECIAL;
  const double fixed = s->kind & XENT_ROW_NAN ? XENT_F64_NAN : 0;
  for (int64_t j = 0; r->t.sparse && j < call->shape->target_count; j++) {
    int64_t class;
    double target, out = fixed;
    if (!special && f64_entry_at(r, j, 0, r->logits.classes, &class, &target))
      out = f64_target_gradient(r, s, c, class, f64_prepared_one(&r->logits, class, s->shift), D);
    put_number(call->target_gradient, l->type, row_offset(call->shape, l, r->span.row) + j * l->classes, out);
  }
  if (r->t.sparse) return;
  const f64_array dq = f64_array_of(call, call->target_gradient, l, r->span);
  if (special) {
    f64_fill(&dq, 0, r->logits.classes, fixed);
    return;
  }
  for (int64_t i = 0; i < r->logits.classes; i += XENT_PIECE) {
    const int64_t n = f64_part(i, r->logits.classes, XENT_PIECE);
    const double *x = f64_prepared(&r->logits, i, n, s->shift, b->piece, NULL);
    double *out = f64_room(&dq, i, b->terms);
    for (int64_t k = 0; k < n; k++) out[k] = f64_target_gradient(r, s, c, i + k, x[k], D);
    f64_mask(&r->logits, i, n, out, 0);
    f64_store(&dq, i, n, out);
  }
}

/* A gradient or probabilities from statistics. */
XENT_SHARED xent_status f64_from_statistics(const xent_call *call, int what) {
  XENT_F64_BUFFERS(b, XENT_CHUNK, XENT_PIECE);
  f64_row r = f64_rows_of(call);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const xent_status status = f64_move_to(&r, row);
    if (status) return status;
    const row_statistics ignored = f64_special(&r, XENT_ROW_IGNORED);
    const row_statistics *s = r.t.ignored ? &ignored : f64_known(call, row);
    const f64_reference k = f64_reference_of(doubles_set((double)s->reference), r.temperature);
    const doubles D = f64_distance(doubles_set(f64_total(s)), f64_exp(doubles_set(s->max), &k));
    r.share = s->share;
    f64_write_classes(&r, what, s, doubles_first(D), NULL, gradient_scale_of_row(call, row, r.t.row_weight),
                      call->class_begin, f64_class_end(call, r.logits.classes), &b);
  }
  return XENT_OK;
}

/* Where the exponentials of a row may be kept until its results are written: there, if that is an array of doubles that
 * is not read any more; or in the buffer. */
XENT_INLINE double *f64_place(const f64_row *r, double *room, int64_t most) {
  const f64_array *output = &r->output;
  if (is_plain_array(output) && output->array && output->array != r->logits.x.array) return f64_room(output, 0, NULL);
  return r->logits.classes <= most ? room : NULL;
}

/* Rows side by side: of few classes, without sums over targets. */
XENT_INLINE bool f64_are_dense(const xent_call *call, const row_targets *t) {
  return call->shape->classes <= XENT_F64_DENSE && !call->row_offsets && !call->sink && t->eps == 0 &&
      t->kind != XENT_KIND_PROBABILITIES;
}

/* Their first pass; true: one is left to be done alone. */
XENT_INLINE bool f64_sum_dense(const f64_row *rows, int count, bool keep, double *t, const f64_buffers *b,
                               f64_sums *g) {
  const double *x[XENT_DOUBLES];
  int64_t labels[XENT_DOUBLES];
  bool beyond = false;
  for (int j = 0; j < XENT_DOUBLES; j++) {
    g->shift[j] = 0;
    double *room = b->row + j * XENT_F64_DENSE;
    x[j] = j < count ? f64_prepared(&rows[j].logits, 0, rows->logits.classes, 0, room, NULL) : x[0];
    labels[j] = j < count ? rows[j].label : XENT_NO_CLASS; /* a row behind may have a wrong one */
  }
  const int64_t *used = rows->t.kind == XENT_KIND_LABEL ? labels : NULL;
  f64_dense_rows(x, rows->logits.classes, used, rows->temperature, keep, t, g);
  const doubles size = doubles_magnitude(doubles_mul(doubles_load(g->max), doubles_set(rows->temperature.high)));
  const uint32_t large = doubles_bits_above(size, doubles_set((double)XENT_LIMIT));
  for (int j = 0; large && j < count; j++) {
    if (rows[j].t.ignored || !f64_is_beyond(&rows[j], g->max[j])) continue;
    beyond = true;
    f64_whole_row(&rows[j], b->row, b, g, j);
  }
  return beyond;
}

/* Targets of `count` rows; of as many as come before one with a wrong label. */
XENT_INLINE xent_status f64_begin_rows(f64_row *rows, int64_t row, int *count, f64_sums *g) {
  for (int j = 0; j < *count; j++) {
    f64_row *r = &rows[j];
    const xent_status status = f64_move_to(r, row + j);
    if (status) *count = j;
    if (status) return status;
    if (r->t.kind == XENT_KIND_SOFTMAX) continue;
    g->row_weight[j] = r->t.row_weight;
    g->label_weight[j] = r->t.weighted && r->label != XENT_NO_CLASS ? class_weight_at(r->call, r->label) : 1;
    r->call->report->counted += !r->t.ignored;
  }
  return XENT_OK;
}

/* What gradients of labels without smoothing need, of rows side by side; true: a row is to be done alone. */
XENT_INLINE bool f64_prepare_gradients(const f64_row *r, f64_sums *g) {
  const xent_options *o = r->call->options;
  const doubles zero = doubles_set(0), S = doubles_load(g->total), pull = doubles_load(g->pull),
      least = doubles_set(0x1p-1022);
  doubles c = doubles_mul(doubles_set(gradient_scale_of_row(r->call, 0, 1)), doubles_load(g->row_weight));
  if (o->temperature != 0) c = doubles_div(c, doubles_set(o->temperature));
  const doubles h = doubles_mul(c, pull), G = doubles_div(h, S), q = doubles_div(doubles_load(g->sum), S);
  const doubles others = doubles_sub(zero, q);
  doubles at_label = others;
  if (r->t.weighted || o->z_loss != 0) {
    const doubles own = doubles_mul(doubles_set(r->t.keep), doubles_load(g->label_weight)),
        p = doubles_div(doubles_load(g->label_e), S);
    at_label = doubles_add(doubles_mul(others, own), doubles_mul(p, doubles_sub(pull, own)));
  }
  doubles_store(g->factor, G);
  doubles_store(g->label_gradient, doubles_quiet(doubles_mul(at_label, c)));
  const uint32_t tiny = doubles_bits_above(least, doubles_magnitude(G)) & ~doubles_bits_equal(h, zero);
  return tiny || o->softcap != 0;
}

/* A settled row's loss under a clamp of its terms: the row is read once more. */
XENT_SHARED double f64_clamped_loss(const f64_row *r, const f64_sums *g, int j, const f64_buffers *b) {
  const xent_options *o = r->call->options;
  const double d = o->probability_clamp < DBL_MIN ? DBL_MIN : o->probability_clamp, M = g->max[j], D = g->distance[j];
  const double least = -f64_log1m(d), most = -doubles_first(f64_log(doubles_set(d))), high = r->temperature.high;
  pair sum = {0, 0};
  for (int64_t i = 0; r->t.sparse && i < r->call->shape->target_count; i++) {
    int64_t class;
    double t;
    if (!f64_entry_at(r, i, 0, r->logits.classes, &class, &t) || t == 0) continue;
    const double gap = M - f64_prepared_one(&r->logits, class, g->shift[j]);
    sum = pair_add_one(sum, t * clamped_loss(fused_double(gap, high, D), least, most));
  }
  for (int64_t i = 0; !r->t.sparse && i < r->logits.classes; i += XENT_PIECE) {
    const int64_t n = f64_part(i, r->logits.classes, XENT_PIECE);
    const double *x = f64_prepared(&r->logits, i, n, g->shift[j], b->piece, NULL), *t = b->other;
    f64_dense(r, i, n, b->other);
    for (int64_t k = 0; k < n; k++)
      if (t[k] != 0) sum = pair_add_one(sum, t[k] * clamped_loss(fused_double(M - x[k], high, D), least, most));
  }
  return f64_quiet(r->t.row_weight * with_z_loss(o, pair_value(sum), g->log_sum_exp[j]));
}

/* Every call without statistics. */
XENT_SHARED xent_status f64_forward_rows(const xent_call *call, int what, const f64_buffers *b) {
  f64_sums g;
  f64_row rows[XENT_DOUBLES];
  rows[0] = f64_rows_of(call);
  for (int j = 1; j < XENT_DOUBLES; j++) rows[j] = rows[0];
  memset(&g, 0, sizeof g);
  double *t = b->row + XENT_DOUBLES * XENT_F64_DENSE;
  const bool dense = f64_are_dense(call, &rows[0].t);
  const bool keep = what != XENT_F64_LOG_SOFTMAX && (call->output || call->entropies);
  const bool outputs = what == XENT_F64_GRADIENT || call->log_sum_exp;
  const int64_t step = call->shape->classes <= XENT_PIECE ? XENT_DOUBLES : 1;
  const int64_t most = call->shape->classes <= XENT_F64_DENSE ? XENT_F64_DENSE : XENT_CHUNK / step;
  xent_status status = XENT_OK;
  for (int64_t row = call->row_begin; !status && row < call->row_end; row += step) {
    int count = (int)f64_part(row, call->row_end, step);
    status = f64_begin_rows(rows, row, &count, &g);
    if (!count) break;
    bool alone = !dense;
    if (dense) alone = f64_sum_dense(rows, count, keep, t, b, &g);
    for (int j = 0; !dense && j < count; j++) {
      if (rows[j].t.ignored) continue;
      double *room = b->row + j * most;
      g.kept[j] = keep ? f64_place(&rows[j], room, most) : NULL;
      f64_whole_row(&rows[j], room, b, &g, j);
    }
    f64_settle(rows, count, outputs || what != XENT_F64_SOFTMAX, &g);
    for (int j = 0; clamps_terms(call) && j < count; j++)
      if (!g.fate[j]) g.loss[j] = f64_clamped_loss(&rows[j], &g, j, b);
    for (int j = 0; !dense && j < count; j++)
      if (g.kept[j] && rows[j].label != XENT_NO_CLASS) g.kept[j][rows[j].label] = g.label_e[j];
    if (outputs) f64_write_rows(rows, count, &g, b);
    if (!call->output && !call->target_gradient) continue;
    if (!alone && what == XENT_F64_GRADIENT) alone = f64_prepare_gradients(rows, &g);
    if (what == XENT_F64_SOFTMAX) alone |= doubles_bits_equal(doubles_load(g.distance), doubles_set(0)) != 0;
    if (!alone) f64_write_dense(rows, count, what, t, &g, b);
    for (int j = 0; (alone || g.any_fate) && j < count; j++) {
      if (!alone && !g.fate[j]) continue;
      const row_statistics s = f64_statistics_of(&rows[j], &g, j);
      const double c = gradient_scale_of_row(call, row + j, rows[j].t.row_weight);
      if (call->target_gradient) f64_target_gradients(&rows[j], &s, c, g.distance[j], b);
      const int64_t n = rows[j].logits.classes;
      if (call->output) f64_write_classes(&rows[j], what, &s, g.distance[j], g.kept[j], c, 0, n, b);
    }
  }
  return status;
}
static __attribute__((noinline)) xent_status f64_forward_few(const xent_call *call, int what) {
  XENT_F64_BUFFERS(b, 2 * XENT_DOUBLES * XENT_F64_DENSE, XENT_F64_DENSE);
  return f64_forward_rows(call, what, &b);
}
static __attribute__((noinline)) xent_status f64_forward_many(const xent_call *call, int what) {
  XENT_F64_BUFFERS(b, XENT_CHUNK, XENT_PIECE);
  return f64_forward_rows(call, what, &b);
}
static xent_status f64_forward(const xent_call *call, int what) {
  return call->shape->classes <= XENT_F64_DENSE ? f64_forward_few(call, what) : f64_forward_many(call, what);
}

static xent_status f64_softmax(const xent_call *call) {
  const int what = call->log ? XENT_F64_LOG_SOFTMAX : XENT_F64_SOFTMAX;
  return call->known_statistics ? f64_from_statistics(call, what) : f64_forward(call, what);
}
static xent_status f64_log_sum_exp_rows(const xent_call *call) { return f64_forward(call, XENT_F64_SOFTMAX); }
static xent_status f64_cross_entropy(const xent_call *call) { return f64_forward(call, XENT_F64_GRADIENT); }
static xent_status f64_cross_entropy_backward(const xent_call *call) {
  return f64_from_statistics(call, XENT_F64_GRADIENT);
}

#endif
