/* SPDX-License-Identifier: Apache-2.0 */
/* The second pass, which writes one number per class. */
#ifndef XENT_F64_EMIT_H
#define XENT_F64_EMIT_H

#include "kernels/paths/f64/f64_results.h"

#define XENT_F64_TINY_SCALE 0x1p900
#define XENT_F64_TINY_UNSCALE 0x1p-900
#define XENT_F64_TINY_LIMIT 0x1p100 /* above this, only the target's part counts */

/* The result of a call per class. */
enum { XENT_F64_SOFTMAX, XENT_F64_LOG_SOFTMAX, XENT_F64_GRADIENT };

/* The formulas: v factor + addend; log-softmax; v / total if one class has all the mass; v factor - t scale, where t is
 * the target, or v factor + addend without a target (also if it is NaN); the same with a tiny factor, stored 2^900
 * times larger. */
enum { XENT_F64_PLAIN, XENT_F64_LOG, XENT_F64_QUOTIENT, XENT_F64_TARGETS, XENT_F64_TINY };

typedef struct {
  doubles factor, addend, share, scale; /* share: the factor of t; addend: the addend for t = 1 */
  doubles total, max, high, low;      /* high: 1 / temperature; low: - D */
  doubles up, down, limit;
} f64_numbers;

/* - t scale, -0 if t is 0 */
XENT_INLINE doubles f64_pulled(doubles t, doubles scale) {
  return doubles_sub(doubles_set(-0.0), doubles_clear_where_zero(doubles_mul(t, scale), t));
}
XENT_INLINE doubles f64_emit_one(doubles v, const double *t, int64_t n, const int how, const f64_numbers *k) {
  if (how == XENT_F64_PLAIN) return f64_line(v, k->factor, k->addend);
  if (how == XENT_F64_LOG) return f64_line(doubles_sub(v, k->max), k->high, k->low);
  if (how == XENT_F64_QUOTIENT)
    return doubles_where_equal(k->low, doubles_set(0), doubles_div(v, k->total), doubles_mul(v, k->factor));
  const doubles b = t ? f64_pulled(doubles_mul(k->share, doubles_load_part(t, n, 0)), k->scale) : k->addend;
  if (how == XENT_F64_TARGETS) return doubles_quiet(f64_line(v, k->factor, b));
  const doubles out = doubles_mul(f64_line(v, k->factor, doubles_mul(b, k->up)), k->down);
  return doubles_quiet(doubles_where_at_most(k->limit, doubles_magnitude(b), b, out));
}
XENT_INLINE void f64_emit_as(const double *v, const double *t, double *y, int64_t n, const int how,
                             const f64_numbers *numbers) {
  const f64_numbers copy = *numbers, *k = &copy; /* a copy, which no store to y can change */
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

/* Whether the classes of a gradient have different targets. */
XENT_INLINE bool f64_has_targets(const f64_block *k) {
  const row_targets *t = &k->rows->t;
  return k->what == XENT_F64_GRADIENT &&
         (t->kind == XENT_KIND_PROBABILITIES || (t->kind == XENT_KIND_LABEL && t->weighted && t->eps > 0));
}

/* Sets the constants of a tile. Returns the formula. */
XENT_INLINE int f64_numbers_of(const f64_block *b, int j, f64_numbers *k) {
  const f64_row *r = b->rows + j;
  const f64_sums *g = &b->sums;
  const uint32_t all = (1u << XENT_DOUBLES) - 1;
  const doubles zero = doubles_set(0), one = doubles_set(1), infinity = doubles_set(INFINITY);
  const doubles S = f64_at(b, g->total, j);
  k->total = S;
  k->max = f64_at(b, g->max, j);
  k->high = doubles_set(r->temperature.high);
  k->low = doubles_sub(zero, f64_at(b, g->distance, j));
  if (b->what == XENT_F64_LOG_SOFTMAX) return XENT_F64_LOG;
  if (b->what == XENT_F64_SOFTMAX) {
    k->factor = doubles_div(one, S);
    k->addend = doubles_set(-0.0);
    return doubles_bits_equal(k->low, zero) ? XENT_F64_QUOTIENT : XENT_F64_PLAIN;
  }
  const bool scaled = scales_gradients(r->call->options); /* included in the scale */
  const doubles share = scaled ? zero : f64_at(b, g->share, j), most = doubles_set(0x0.fffffffffffffp-1022);
  k->scale = f64_at(b, g->scale, j);
  k->share = r->t.kind == XENT_KIND_LABEL ? share : one;
  k->addend = f64_pulled(share, k->scale);
  const doubles h = doubles_mul(k->scale, f64_at(b, g->pull, j)), G = doubles_div(h, S);
  const doubles size = doubles_magnitude(G);
  k->factor = G;
  if (doubles_bits_above(size, most) != all && doubles_bits_equal(h, zero) != all) {
    const doubles tiny = doubles_where_equal(h, zero, infinity, size); /* at most `most` if the factor is tiny */
    const doubles up = doubles_set(XENT_F64_TINY_SCALE);
    k->factor = doubles_where_at_most(tiny, most, doubles_mul(doubles_div(up, S), h), G);
    k->up = doubles_where_at_most(tiny, most, up, one);
    k->down = doubles_where_at_most(tiny, most, doubles_set(XENT_F64_TINY_UNSCALE), one);
    k->limit = doubles_where_at_most(tiny, most, doubles_set(XENT_F64_TINY_LIMIT), doubles_set(XENT_F64_NAN));
    return XENT_F64_TINY;
  }
  const uint32_t finite =
      doubles_bits_above(infinity, size) & doubles_bits_above(infinity, doubles_magnitude(k->addend));
  return f64_has_targets(b) || finite != all ? XENT_F64_TARGETS : XENT_F64_PLAIN;
}

/* The scales of the rows' gradients, and the gradients at their labels. S = others + own_e. If the targets sum to 1
 * without further terms, the form with the smaller terms is used: 1 - p, or p itself. */
XENT_SHARED void f64_prepare_gradients(f64_block *k) {
  const xent_options *o = k->call->options;
  const row_targets *t = &k->rows->t;
  f64_sums *g = &k->sums;
  const doubles zero = doubles_set(0), keep = doubles_set(t->confidence), eps = doubles_set(t->eps);
  for (int j = 0; j < k->count; j++)
    g->scale[j] = gradient_scale_of_row(k->call, k->rows[j].logits.row, g->row_weight[j]);
  for (int j = 0; j < k->count; j += XENT_DOUBLES) {
    doubles c = doubles_load(g->scale + j);
    if (o->temperature != 0) doubles_store(g->scale + j, c = doubles_div(c, doubles_set(o->temperature)));
    if (t->kind != XENT_KIND_LABEL) continue;
    doubles share = doubles_load(g->share + j);
    if (scales_gradients(o)) {
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

/* The value of the classes of a special row. */
XENT_INLINE double f64_fixed(int what, uint32_t kind) {
  return kind & XENT_ROW_NAN ? XENT_F64_NAN : what == XENT_F64_LOG_SOFTMAX ? -INFINITY : 0;
}

/* The last steps on n gradients of row j from class `begin` on, in the order of the classes. */
XENT_INLINE void f64_end_gradients(const f64_block *k, int j, int64_t begin, int64_t n, double *out, bool cleared) {
  const f64_row *r = k->rows + j;
  const double *slope = k->slopes ? k->b->slope + (k->turned ? j * k->room : 0) : NULL;
  const int64_t label = r->label - begin;
  if (r->label != XENT_NO_CLASS && label >= 0 && label < n) out[label] = k->sums.label_gradient[j];
  for (int64_t i = 0; slope && i < n; i += XENT_DOUBLES) {
    const doubles d = doubles_load_part(slope + i, n - i, 0);
    doubles_store_part(out + i, n - i, doubles_quiet(doubles_mul(doubles_load_part(out + i, n - i, 0), d)));
  }
  if (slope || !cleared) f64_mask(&r->logits, begin, n, out, 0); /* the slope of a masked NaN is NaN */
}

/* Whether these formulas yield +0 for an exponential of 0: then masked classes need no further work. */
XENT_INLINE bool f64_clears(int how, const f64_numbers *k) {
  const uint32_t all = (1u << XENT_DOUBLES) - 1, none = doubles_bits_equal(k->addend, doubles_set(0));
  return how == XENT_F64_PLAIN && none == all && doubles_bits_above(k->factor, doubles_set(0)) == all;
}

/* Writes n classes from `begin` on of rows that are adjacent columns: v factor + addend, and gradients at labels. */
XENT_INLINE void f64_write_columns(const f64_block *k, int j, int64_t begin, int64_t n, const double *v, doubles factor,
                                   doubles even) {
  const f64_row *rows = k->rows + j;
  const int64_t stride = rows->output.stride;
  const int count = f64_rows_of_tile(k, j);
  double *to = (double *)(uintptr_t)rows->output.at + begin * stride;
  f64_put_columns(v, to, stride, count, n, factor, even);
  for (int i = 0; k->what == XENT_F64_GRADIENT && i < count; i++) {
    const int64_t label = rows[i].label - begin;
    if (rows[i].label != XENT_NO_CLASS && label >= 0 && label < n)
      to[label * stride + i] = k->sums.label_gradient[j + i];
  }
}

/* Classes [begin, end) of the rows of a tile, of which some are `regular`. The results of other rows do not matter. */
XENT_INLINE void f64_write_ordinary(const f64_block *k, int j, int64_t begin, int64_t end, uint32_t regular) {
  const f64_row *rows = k->rows + j;
  const f64_buffers *b = k->b;
  const bool gradient = k->what == XENT_F64_GRADIENT, log = k->what == XENT_F64_LOG_SOFTMAX,
             plain = are_plain_doubles(&rows->output);
  const int count = f64_rows_of_tile(k, j);
  f64_numbers m;
  const int how = f64_numbers_of(k, j, &m);
  const bool cleared = gradient && f64_clears(how, &m);
  const bool ended = !gradient || (!k->slopes && (!rows->logits.mask || cleared));
  const bool columns = k->turned && ended && f64_are_columns(k->call, k->call->output_layout);
  const int64_t step = k->turned ? k->room : XENT_PIECE;
  for (int64_t c = begin; c < end; c += step) {
    const int64_t n = f64_part(c, end, step);
    doubles factor = m.factor, even = m.addend;
    const double *v = f64_terms_at(k, j, c, n, log, k->slopes && !k->slopes_kept, b->x);
    const double *t = f64_has_targets(k) ? f64_all_targets_at(k, j, c, n) : NULL;
    double *out[XENT_DOUBLES];
    for (int i = 0; i < (k->turned ? XENT_DOUBLES : 1); i++)
      out[i] = plain && regular >> i & 1 ? (double *)(uintptr_t)rows[i].output.at + c : b->out + i * k->room;
    if (!k->turned) f64_emit(v, t, out[0], n, how, &m);
    if (k->turned && how != XENT_F64_PLAIN) {
      f64_emit(v, t, b->x, n * XENT_DOUBLES, how, &m);
      v = b->x;
      factor = doubles_set(1); /* f64_emit has applied them */
      even = doubles_set(-0.0);
    }
    if (columns) {
      f64_write_columns(k, j, c, n, v, factor, even);
      continue;
    }
    if (k->turned) f64_turn_back(v, out, n, factor, even);
    for (int i = 0; (gradient || !plain) && i < count; i++) {
      if (!(regular >> i & 1)) continue;
      if (gradient) f64_end_gradients(k, j + i, c, n, out[i], cleared);
      f64_store(&rows[i].output, c, n, out[i]);
    }
  }
}
XENT_SHARED void f64_write_tile(const f64_block *k, int j, int64_t begin, int64_t end) {
  const int count = f64_rows_of_tile(k, j);
  const uint32_t regular = ~(k->sums.special >> j) & ((1u << count) - 1);
  if (regular) f64_write_ordinary(k, j, begin, end, regular);
  for (int i = 0; regular != (1u << count) - 1 && i < count; i++)
    if (!(regular >> i & 1)) f64_fill(&k->rows[j + i].output, begin, end, f64_fixed(k->what, k->sums.row_kind[j + i]));
}

#endif
