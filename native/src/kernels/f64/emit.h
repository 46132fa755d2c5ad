/* SPDX-License-Identifier: Apache-2.0 */
/* The second pass over a row, which writes a number per class, from its exponentials e. */
#ifndef XENT_F64_EMIT_H
#define XENT_F64_EMIT_H

#include "kernels/f64/results.h"

#define XENT_F64_TINY_SCALE 0x1p900
#define XENT_F64_TINY_UNSCALE 0x1p-900
#define XENT_F64_TINY_LIMIT 0x1p100 /* beyond, the target's part is carried alone */

/* y from v, the exponentials or, for log-softmax, the logits, and t, the targets (NULL: none). In doubles are numbers
 * of one row, the same in all places, or of rows side by side. */
typedef struct {
  doubles total, reciprocal;         /* softmax: v * reciprocal; where one class has all, v / total gives it 1 */
  doubles max, per_temperature, low; /* log-softmax; low: - D */
  doubles factor, scale;             /* gradient: v * factor - scale * t; a tiny factor is 2^900 times as much */
} f64_numbers;

/* What is written per class. */
enum { XENT_F64_SOFTMAX, XENT_F64_LOG_SOFTMAX, XENT_F64_GRADIENT, XENT_F64_QUOTIENT, XENT_F64_TARGETS, XENT_F64_TINY };

XENT_INLINE doubles f64_emit_one(doubles v, const double *t, int64_t n, const int what, const f64_numbers *k) {
  const doubles minus_zero = doubles_set(-0.0), limit = doubles_set(XENT_F64_TINY_LIMIT);
  if (what == XENT_F64_SOFTMAX) return doubles_mul(v, k->reciprocal);
  if (what == XENT_F64_QUOTIENT) return doubles_div(v, k->total);
  if (what == XENT_F64_LOG_SOFTMAX) return doubles_fma(doubles_sub(v, k->max), k->per_temperature, k->low);
  if (what == XENT_F64_GRADIENT) return doubles_quiet(doubles_fma(v, k->factor, minus_zero));
  const doubles ts = t ? doubles_load_part(t, n, 0) : doubles_set(0);
  const doubles b = doubles_sub(minus_zero, doubles_clear_where_zero(doubles_mul(ts, k->scale), ts));
  if (what == XENT_F64_TARGETS) return doubles_quiet(doubles_fma(v, k->factor, b));
  const doubles carried = doubles_fma(v, k->factor, doubles_mul(b, doubles_set(XENT_F64_TINY_SCALE)));
  const doubles out = doubles_mul(carried, doubles_set(XENT_F64_TINY_UNSCALE));
  return doubles_quiet(doubles_where_at_most(limit, doubles_magnitude(b), b, out));
}
XENT_INLINE void f64_emit_as(const double *v, const double *t, double *y, int64_t n, const int what,
                             const f64_numbers *numbers) {
  const f64_numbers copy = *numbers, *k = &copy; /* which no store to y can change */
  int64_t i = 0;
  for (; i + XENT_DOUBLES <= n; i += XENT_DOUBLES)
    doubles_store(y + i, f64_emit_one(doubles_load(v + i), t ? t + i : NULL, XENT_DOUBLES, what, k));
  if (i == n) return;
  const doubles rest = doubles_load_part(v + i, n - i, 0);
  doubles_store_part(y + i, n - i, f64_emit_one(rest, t ? t + i : NULL, n - i, what, k));
}
XENT_SHARED void f64_emit(const double *v, const double *t, double *y, int64_t n, int what, const f64_numbers *k) {
  switch (what) {
    case XENT_F64_SOFTMAX: f64_emit_as(v, NULL, y, n, XENT_F64_SOFTMAX, k); break;
    case XENT_F64_LOG_SOFTMAX: f64_emit_as(v, NULL, y, n, XENT_F64_LOG_SOFTMAX, k); break;
    case XENT_F64_GRADIENT: f64_emit_as(v, NULL, y, n, XENT_F64_GRADIENT, k); break;
    case XENT_F64_QUOTIENT: f64_emit_as(v, NULL, y, n, XENT_F64_QUOTIENT, k); break;
    case XENT_F64_TARGETS: f64_emit_as(v, t, y, n, XENT_F64_TARGETS, k); break;
    default: f64_emit_as(v, t, y, n, XENT_F64_TINY, k);
  }
}

/* What the classes of a special row get. */
XENT_INLINE double f64_fixed(int what, uint32_t kind) {
  return kind & XENT_ROW_NAN ? XENT_F64_NAN : what == XENT_F64_LOG_SOFTMAX ? -INFINITY : 0;
}


/* Classes [begin, end) of a row. kept: its exponentials, or NULL; c: the scale of a gradient. */
XENT_SHARED void f64_write_classes(const f64_row *r, int what, const row_statistics *s, double distance,
                                   const double *kept, double c, int64_t begin, int64_t end, const f64_buffers *b) {
  const f64_array *y = &r->output;
  if (s->kind & XENT_ROW_SPECIAL) {
    f64_fill(y, begin, end, f64_fixed(what, s->kind));
    return;
  }
  const bool gradient = what == XENT_F64_GRADIENT;
  const double S = f64_total(s), scale = logit_scale(r->call->options, c), h = scale * s->pull, G = h / S;
  const bool tiny = h != 0 && fabs(G) < 0x1p-1022;
  const f64_numbers k = {doubles_set(S), doubles_set(1 / S), doubles_set(s->max), doubles_set(r->temperature.high),
                         doubles_set(0 - distance),
                         doubles_set(tiny ? XENT_F64_TINY_SCALE / S * h : G), doubles_set(scale)};
  const bool alone = what == XENT_F64_SOFTMAX && distance == 0;
  const int how = gradient && tiny ? XENT_F64_TINY : alone ? XENT_F64_QUOTIENT : what;
  double *slope = gradient && r->logits.softcap != 0 ? b->slope : NULL;
  for (int64_t i = begin; i < end; i += XENT_PIECE) {
    const int64_t n = f64_part(i, end, XENT_PIECE), label = r->label - i;
    double *out = f64_room(y, i, b->terms);
    const double *v = what == XENT_F64_LOG_SOFTMAX ? f64_prepared(&r->logits, i, n, s->shift, b->piece, NULL)
                                                   : f64_row_exponentials(r, s, kept, i, n, b->piece, slope);
    const double *t = gradient ? f64_targets(r, i, n, s->share, b->other) : NULL;
    f64_emit(v, t, out, n, how == XENT_F64_GRADIENT && t ? XENT_F64_TARGETS : how, &k);
    if (gradient) {
      if (r->label != XENT_NO_CLASS && label >= 0 && label < n)
        out[label] = f64_quiet(label_gradient(&r->t, r->call->options, s->sum, s->mass, S,
                                              weight_of_class(r->call, r->t.label), s->pull, s->share, scale));
      for (int64_t j = 0; slope && j < n; j++) out[j] = f64_quiet(out[j] * slope[j]);
      f64_mask(&r->logits, i, n, out, 0);
    }
    f64_store(y, i, n, out);
  }
}

/* All classes of rows side by side, from what the first pass left in t; gradients of labels alone. */
XENT_INLINE void f64_turn_back(const double *t, double *const *rows, int count, int64_t n, const int what,
                               const f64_numbers *k) {
  for (int64_t i = 0; i < n; i += XENT_DOUBLES) {
    const bool whole = n - i >= XENT_DOUBLES;
    doubles v[XENT_DOUBLES];
    XENT_UNROLL(8)
    for (int j = 0; j < XENT_DOUBLES; j++)
      v[j] = f64_emit_one(doubles_load(t + (i + j) * XENT_DOUBLES), NULL, 0, what, k);
    doubles_transpose(v);
    XENT_UNROLL(8)
    for (int j = 0; j < XENT_DOUBLES; j++) {
      if (j < count && whole) doubles_store(rows[j] + i, v[j]);
      if (j < count && !whole) doubles_store_part(rows[j] + i, n - i, v[j]);
    }
  }
}
XENT_SHARED void f64_write_dense(const f64_row *rows, int count, int what, const double *t, const f64_sums *g,
                                 const f64_buffers *b) {
  const int64_t n = rows->logits.classes;
  const bool gradient = what == XENT_F64_GRADIENT;
  const doubles S = doubles_load(g->total), zero = doubles_set(0);
  const f64_numbers k = {S, doubles_div(doubles_set(1), S), doubles_load(g->max), doubles_set(rows->temperature.high),
                         doubles_sub(zero, doubles_load(g->distance)), doubles_load(g->factor), zero};
  double *out[XENT_DOUBLES] = {NULL};
  for (int j = 0; j < count; j++) out[j] = f64_room(&rows[j].output, 0, b->row + j * XENT_F64_DENSE);
  switch (what) {
    case XENT_F64_SOFTMAX: f64_turn_back(t, out, count, n, XENT_F64_SOFTMAX, &k); break;
    case XENT_F64_LOG_SOFTMAX: f64_turn_back(t, out, count, n, XENT_F64_LOG_SOFTMAX, &k); break;
    default: f64_turn_back(t, out, count, n, XENT_F64_GRADIENT, &k);
  }
  for (int j = 0; j < count; j++) {
    if (gradient && rows[j].label != XENT_NO_CLASS) out[j][rows[j].label] = g->label_gradient[j];
    if (gradient) f64_mask(&rows[j].logits, 0, n, out[j], 0);
    f64_store(&rows[j].output, 0, n, out[j]);
  }
}

#endif
