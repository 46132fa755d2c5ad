/* SPDX-License-Identifier: Apache-2.0 */
/* The second pass, which writes a number per class: of one row, or of rows side by side. */
#ifndef XENT_F64_EMIT_H
#define XENT_F64_EMIT_H

#include "kernels/f64/results.h"

#define XENT_F64_TINY_SCALE 0x1p900
#define XENT_F64_TINY_UNSCALE 0x1p-900
#define XENT_F64_TINY_LIMIT 0x1p100 /* beyond, the target's part is carried alone */

/* What a call writes per class. */
enum { XENT_F64_SOFTMAX, XENT_F64_LOG_SOFTMAX, XENT_F64_GRADIENT };

/* How: v factor + even; log-softmax; v / total where one class has all; v factor - t scale, where t is the target, or
 * v factor + even where there is none, NaN too; the same with a tiny factor, which is 2^900 times as much. */
enum { XENT_F64_PLAIN, XENT_F64_LOG, XENT_F64_QUOTIENT, XENT_F64_TARGETS, XENT_F64_TINY };

typedef struct {
  doubles factor, even, share, scale; /* share: what t is a multiple of; even: of t 1 */
  doubles total, max, high, low;      /* high: 1 / temperature; low: - D */
  doubles up, down, limit;
} f64_numbers;

/* - t scale, -0 where t is 0 */
XENT_INLINE doubles f64_pulled(doubles t, doubles scale) {
  return doubles_sub(doubles_set(-0.0), doubles_clear_where_zero(doubles_mul(t, scale), t));
}
XENT_INLINE doubles f64_emit_one(doubles v, const double *t, int64_t n, const int how, const f64_numbers *k) {
  if (how == XENT_F64_PLAIN) return doubles_fma(v, k->factor, k->even);
  if (how == XENT_F64_LOG) return doubles_fma(doubles_sub(v, k->max), k->high, k->low);
  if (how == XENT_F64_QUOTIENT)
    return doubles_where_equal(k->low, doubles_set(0), doubles_div(v, k->total), doubles_mul(v, k->factor));
  const doubles b = t ? f64_pulled(doubles_mul(k->share, doubles_load_part(t, n, 0)), k->scale) : k->even;
  if (how == XENT_F64_TARGETS) return doubles_quiet(doubles_fma(v, k->factor, b));
  const doubles out = doubles_mul(doubles_fma(v, k->factor, doubles_mul(b, k->up)), k->down);
  return doubles_quiet(doubles_where_at_most(k->limit, doubles_magnitude(b), b, out));
}
XENT_INLINE void f64_emit_as(const double *v, const double *t, double *y, int64_t n, const int how,
                             const f64_numbers *numbers) {
  const f64_numbers copy = *numbers, *k = &copy; /* which no store to y can change */
  int64_t i = 0;
  for (; i + XENT_DOUBLES <= n; i += XENT_DOUBLES)
    doubles_store(y + i, f64_emit_one(doubles_load(v + i), t ? t + i : NULL, XENT_DOUBLES, how, k));
  if (i == n) return;
  const doubles rest = doubles_load_part(v + i, n - i, 0);
  doubles_store_part(y + i, n - i, f64_emit_one(rest, t ? t + i : NULL, n - i, how, k));
}
XENT_SHARED void f64_emit(const double *v, const double *t, double *y, int64_t n, int how, const f64_numbers *k) {
  switch (how) {
    case XENT_F64_PLAIN: f64_emit_as(v, NULL, y, n, XENT_F64_PLAIN, k); break;
    case XENT_F64_LOG: f64_emit_as(v, NULL, y, n, XENT_F64_LOG, k); break;
    case XENT_F64_QUOTIENT: f64_emit_as(v, NULL, y, n, XENT_F64_QUOTIENT, k); break;
    case XENT_F64_TARGETS: f64_emit_as(v, t, y, n, XENT_F64_TARGETS, k); break;
    default: f64_emit_as(v, t, y, n, XENT_F64_TINY, k);
  }
}

/* Rows from j on side by side, or row j. */
XENT_INLINE doubles f64_at(const double *numbers, int j, bool aside) {
  return aside ? doubles_load(numbers + j) : doubles_set(numbers[j]);
}
/* What these are written with; back comes how. targets: each class has its own. */
XENT_INLINE int f64_numbers_of(const f64_row *r, const f64_sums *g, int j, bool aside, int what, bool targets,
                               f64_numbers *k) {
  const uint32_t all = (1u << XENT_DOUBLES) - 1;
  const doubles zero = doubles_set(0), one = doubles_set(1), infinity = doubles_set(INFINITY);
  const doubles S = f64_at(g->total, j, aside);
  k->total = S;
  k->max = f64_at(g->max, j, aside);
  k->high = doubles_set(r->temperature.high);
  k->low = doubles_sub(zero, f64_at(g->distance, j, aside));
  if (what == XENT_F64_LOG_SOFTMAX) return XENT_F64_LOG;
  if (what == XENT_F64_SOFTMAX) {
    k->factor = doubles_div(one, S);
    k->even = doubles_set(-0.0);
    return doubles_bits_equal(k->low, zero) ? XENT_F64_QUOTIENT : XENT_F64_PLAIN;
  }
  const bool focal = r->call->options->focal_gamma > 0; /* in the scale already */
  const doubles share = focal ? zero : f64_at(g->share, j, aside), most = doubles_set(0x0.fffffffffffffp-1022);
  k->scale = f64_at(g->scale, j, aside);
  k->share = r->t.kind == XENT_KIND_LABEL ? share : one;
  k->even = f64_pulled(share, k->scale);
  const doubles h = doubles_mul(k->scale, f64_at(g->pull, j, aside)), G = doubles_div(h, S);
  const doubles size = doubles_magnitude(G);
  k->factor = G;
  if (doubles_bits_above(size, most) != all && doubles_bits_equal(h, zero) != all) {
    const doubles tiny = doubles_where_equal(h, zero, infinity, size); /* at most `most` where it is */
    const doubles up = doubles_set(XENT_F64_TINY_SCALE);
    k->factor = doubles_where_at_most(tiny, most, doubles_mul(doubles_div(up, S), h), G);
    k->up = doubles_where_at_most(tiny, most, up, one);
    k->down = doubles_where_at_most(tiny, most, doubles_set(XENT_F64_TINY_UNSCALE), one);
    k->limit = doubles_where_at_most(tiny, most, doubles_set(XENT_F64_TINY_LIMIT), doubles_set(XENT_F64_NAN));
    return XENT_F64_TINY;
  }
  const uint32_t finite = doubles_bits_above(infinity, size) & doubles_bits_above(infinity, doubles_magnitude(k->even));
  return targets || finite != all ? XENT_F64_TARGETS : XENT_F64_PLAIN;
}

/* Whether each class of a gradient has a target of its own. */
XENT_INLINE bool f64_has_targets(const f64_row *r) {
  return r->t.kind == XENT_KIND_PROBABILITIES || (r->t.kind == XENT_KIND_LABEL && r->t.weighted && r->t.eps > 0);
}

/* The scales of the rows' gradients, and the gradients at their labels. S = others + own_e. Where the targets sum to 1
 * and nothing else pulls, in the form whose terms are the smaller ones: 1 - p, or p itself. */
XENT_SHARED void f64_prepare_gradients(const f64_row *rows, int count, f64_sums *g) {
  const xent_call *call = rows->call;
  const xent_options *o = call->options;
  const row_targets *t = &rows->t;
  const doubles zero = doubles_set(0), keep = doubles_set(t->keep), eps = doubles_set(t->eps);
  for (int j = 0; j < count; j++) g->scale[j] = gradient_scale_of_row(call, rows[j].span.row, g->row_weight[j]);
  for (int j = 0; j < count; j += XENT_DOUBLES) {
    doubles c = doubles_load(g->scale + j);
    if (o->temperature != 0) doubles_store(g->scale + j, c = doubles_div(c, doubles_set(o->temperature)));
    if (t->kind != XENT_KIND_LABEL) continue;
    doubles share = doubles_load(g->share + j);
    if (o->focal_gamma > 0) {
      doubles_store(g->scale + j, c = doubles_mul(c, share));
      share = zero;
    }
    const doubles S = doubles_load(g->total + j), pull = doubles_load(g->pull + j);
    const doubles others = doubles_sub(zero, doubles_div(doubles_load(g->sum + j), S));
    const doubles weight = doubles_load(g->label_weight + j);
    doubles out = others;
    if (t->weighted || o->z_loss != 0 || t->eps > 0) {
      const doubles p = doubles_div(doubles_load(g->label_e + j), S), own = doubles_mul(keep, weight);
      const doubles even = t->others ? zero : doubles_mul(share, weight);
      const doubles least = t->others ? eps : doubles_sub(eps, share);
      const doubles most = t->others ? keep : doubles_add(keep, share);
      const doubles plain = t->eps > 0.5 ? doubles_sub(p, most) : doubles_add(others, least);
      out = doubles_sub(doubles_add(doubles_mul(others, own), doubles_mul(p, doubles_sub(pull, own))), even);
      if (!t->weighted && o->z_loss == 0) out = doubles_where_equal(share, zero, out, plain);
    }
    doubles_store(g->label_gradient + j, doubles_quiet(doubles_mul(out, c)));
  }
}

/* What the classes of a special row get. */
XENT_INLINE double f64_fixed(int what, uint32_t kind) {
  return kind & XENT_ROW_NAN ? XENT_F64_NAN : what == XENT_F64_LOG_SOFTMAX ? -INFINITY : 0;
}

/* What is done to n gradients from class `begin` on once they lie in the order of the classes. */
XENT_INLINE void f64_end_gradients(const f64_row *r, const f64_sums *g, int j, int64_t begin, int64_t n, double *out,
                                   const double *slope, bool cleared) {
  const int64_t label = r->label - begin;
  if (r->label != XENT_NO_CLASS && label >= 0 && label < n) out[label] = g->label_gradient[j];
  for (int64_t i = 0; slope && i < n; i += XENT_DOUBLES) {
    const doubles d = doubles_load_part(slope + i, n - i, 0);
    doubles_store_part(out + i, n - i, doubles_quiet(doubles_mul(doubles_load_part(out + i, n - i, 0), d)));
  }
  if (slope || !cleared) f64_mask(&r->logits, begin, n, out, 0); /* the slope of a masked NaN is NaN */
}

/* Whether what these make of an exponential that is 0 is +0: then masked classes need no more. */
XENT_INLINE bool f64_clears(int how, const f64_numbers *k) {
  const uint32_t all = (1u << XENT_DOUBLES) - 1, none = doubles_bits_equal(k->even, doubles_set(0));
  return how == XENT_F64_PLAIN && none == all && doubles_bits_above(k->factor, doubles_set(0)) == all;
}

/* Classes [begin, end) of row j. */
XENT_SHARED void f64_write_row(const f64_row *r, const f64_sums *g, int j, int what, int64_t begin, int64_t end,
                               const f64_buffers *b) {
  const f64_array *y = &r->output;
  if (g->fate[j]) {
    f64_fill(y, begin, end, f64_fixed(what, g->fate[j]));
    return;
  }
  const bool gradient = what == XENT_F64_GRADIENT, targets = gradient && f64_has_targets(r);
  const bool log = what == XENT_F64_LOG_SOFTMAX;
  double *slope = gradient && r->logits.softcap != 0 ? b->slope : NULL;
  f64_numbers k;
  const int how = f64_numbers_of(r, g, j, false, what, targets, &k);
  const bool cleared = gradient && f64_clears(how, &k);
  for (int64_t i = begin; i < end; i += XENT_PIECE) {
    const int64_t n = f64_part(i, end, XENT_PIECE);
    double *out = f64_room(y, i, b->out);
    const double *v = log ? f64_prepared(&r->logits, i, n, g->shift[j], b->x, NULL)
                          : f64_row_exponentials(r, g, j, i, n, b->x, g->slopes ? NULL : slope);
    f64_emit(v, targets ? f64_targets(r, i, n, b->t) : NULL, out, n, how, &k);
    if (gradient) f64_end_gradients(r, g, j, i, n, out, slope, cleared);
    f64_store(y, i, n, out);
  }
}

/* Of rows that are columns side by side: v factor + even, and the gradients at their labels. */
XENT_INLINE void f64_write_columns(const f64_row *rows, const double *label_gradient, bool gradient, const double *v, int64_t n,
                                   const f64_numbers *m) {
  const f64_array *y = &rows->output;
  double *to = (double *)y->array + y->at;
  for (int64_t i = 0; i < n; i++)
    doubles_store(to + i * y->stride, doubles_fma(doubles_load(v + i * XENT_DOUBLES), m->factor, m->even));
  for (int k = 0; gradient && k < XENT_DOUBLES; k++)
    if (rows[k].label != XENT_NO_CLASS) to[rows[k].label * y->stride + k] = label_gradient[k];
}

/* All classes of the rows of a block that lie side by side. */
XENT_SHARED void f64_write_aside(const f64_row *rows, int count, int what, const f64_buffers *b, const f64_sums *g) {
  const int64_t n = rows->logits.classes, length = f64_turned_length(n);
  const bool gradient = what == XENT_F64_GRADIENT, targets = gradient && f64_has_targets(rows);
  const uint32_t stay = ~(g->special | g->left) & ((1u << count) - 1);
  const bool plain = is_plain_array(&rows->output), simple = plain && !gradient;
  for (int j = 0; j < count; j += XENT_DOUBLES) {
    double *v = b->row + j * length, *out[XENT_DOUBLES];
    f64_numbers m;
    const int how = f64_numbers_of(rows, g, j, true, what, targets, &m);
    const bool cleared = gradient && f64_clears(how, &m);
    if (how != XENT_F64_PLAIN) {
      f64_emit(v, targets ? b->t + j * length : NULL, v, n * XENT_DOUBLES, how, &m);
      m.factor = doubles_set(1); /* and that is that */
      m.even = doubles_set(-0.0);
    }
    const uint32_t every = ((1u << XENT_DOUBLES) - 1) << j;
    const bool ended = !gradient || (rows->logits.softcap == 0 && (!rows->logits.mask || cleared));
    if (ended && (stay & every) == every && f64_are_columns(rows + j, true)) {
      f64_write_columns(rows + j, g->label_gradient + j, gradient, v, n, &m);
      continue;
    }
    for (int k = 0; k < XENT_DOUBLES; k++)
      out[k] = plain && stay >> (j + k) & 1 ? f64_room(&rows[j + k].output, 0, NULL) : b->out + k * length;
    f64_turn_back(v, out, n, m.factor, m.even);
    for (int k = 0; !simple && k < XENT_DOUBLES && j + k < count; k++) {
      const f64_row *r = &rows[j + k];
      if (!(stay >> (j + k) & 1)) continue;
      if (gradient)
        f64_end_gradients(r, g, j + k, 0, n, out[k], r->logits.softcap != 0 ? b->slope + (j + k) * length : NULL,
                          cleared);
      f64_store(&r->output, 0, n, out[k]);
    }
  }
  for (uint32_t rest = g->special; rest; rest &= rest - 1) {
    const int j = __builtin_ctz(rest);
    f64_fill(&rows[j].output, 0, n, f64_fixed(what, g->fate[j]));
  }
}

#endif
