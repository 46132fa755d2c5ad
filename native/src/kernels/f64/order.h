/* SPDX-License-Identifier: Apache-2.0 */
/* The order of classes: descending logit, the lower class first if logits are equal. Finds the first k classes, and the
 * rank of the label. */
#ifndef XENT_F64_ORDER_H
#define XENT_F64_ORDER_H

#include "kernels/f64/sum.h"
#include "kernels/targets/class_bits.h"

/* The mask of class i of a row, or NULL. */
XENT_INLINE const uint8_t *f64_mask_at(const f64_logits *in, int64_t i) {
  return in->mask ? in->mask + i * in->mask_stride : NULL;
}
XENT_INLINE doubles f64_order_load(const double *x, int64_t left) { return doubles_load_part(x, left, XENT_F64_NAN); }

/* The first of classes [0, end) whose logit is `value`. */
XENT_SHARED int64_t f64_first_equal(const f64_logits *in, double value, int64_t end, const f64_buffers *b) {
  for (int64_t i = 0; i < end; i += XENT_PIECE) {
    const int64_t n = f64_part(i, end, XENT_PIECE);
    const double *x = f64_prepared(in, i, n, 0, b->out, NULL);
    for (int64_t k = 0; k < n; k += XENT_DOUBLES) {
      uint64_t equal = doubles_bits_equal(f64_order_load(x + k, n - k), doubles_set(value));
      if (value == -INFINITY) equal = unmasked_bits(f64_mask_at(in, i + k), in->mask_stride, equal);
      if (equal) return i + k + __builtin_ctzll(equal);
    }
  }
  return XENT_NO_CLASS;
}

/* The number of classes that rank before class y. */
XENT_SHARED int64_t f64_rank_of(const f64_logits *in, int64_t y, const f64_buffers *b) {
  const double value = f64_prepared_one(in, y, 0);
  int64_t rank = 0;
  for (int64_t i = 0; i < in->classes; i += XENT_PIECE) {
    const int64_t n = f64_part(i, in->classes, XENT_PIECE);
    const double *x = f64_prepared(in, i, n, 0, b->out, NULL);
    for (int64_t k = 0; k < n; k += XENT_DOUBLES) {
      const doubles v = f64_order_load(x + k, n - k), own = doubles_set(value);
      rank += __builtin_popcountll(bits_before(f64_mask_at(in, i + k), in->mask_stride, doubles_bits_above(v, own),
                                               doubles_bits_equal(v, own), i + k, y, value == -INFINITY));
    }
  }
  return rank;
}

enum { XENT_F64_TOP = 64 };

typedef struct {
  double value[XENT_F64_TOP];
  int64_t class[XENT_F64_TOP];
  int count;
} f64_top;

XENT_INLINE void f64_insert_top(f64_top *t, int limit, double value, int64_t class) {
  if (t->count == limit && !(value > t->value[limit - 1])) return;
  int at = t->count < limit ? t->count++ : limit - 1;
  for (; at > 0 && t->value[at - 1] < value; at--) {
    t->value[at] = t->value[at - 1];
    t->class[at] = t->class[at - 1];
  }
  t->value[at] = value;
  t->class[at] = class;
}

/* The first `limit` classes that rank after class `last` of logit `value` (XENT_NO_CLASS: from the first on), in one
 * pass over the row. */
XENT_SHARED void f64_find_top(const f64_logits *in, double value, int64_t last, int limit, const f64_buffers *b,
                              f64_top *t) {
  t->count = 0;
  for (int64_t i = 0; i < in->classes; i += XENT_PIECE) {
    const int64_t n = f64_part(i, in->classes, XENT_PIECE);
    const double *x = f64_prepared(in, i, n, 0, b->out, NULL);
    for (int64_t k = 0; k < n; k += XENT_DOUBLES) {
      const doubles v = f64_order_load(x + k, n - k);
      uint32_t bits = doubles_bits_equal(v, v);
      if (t->count == limit) bits = doubles_bits_above(v, doubles_set(t->value[limit - 1]));
      for (; bits; bits &= bits - 1) {
        const int64_t class = i + k + __builtin_ctz(bits);
        const double own = x[class - i];
        const bool behind = last == XENT_NO_CLASS || own < value || (own == value && class > last);
        if (behind && f64_takes_part(in, class)) f64_insert_top(t, limit, own, class);
      }
    }
  }
}

/* Logits as compared, and their log-probabilities as in log-softmax. */
XENT_SHARED void f64_write_top(const f64_block *k, int j) {
  const f64_row *r = k->rows + j;
  const f64_sums *g = &k->sums;
  const int64_t count = r->call->shape->top_count;
  const double missing = g->row_kind[j] & (XENT_ROW_NAN | XENT_ROW_IGNORED) ? XENT_F64_NAN : -INFINITY;
  f64_top t; /* not initialized, because it is large */
  t.count = !g->row_kind[j];
  t.value[0] = 0;
  t.class[0] = XENT_NO_CLASS;
  for (int64_t done = 0; done < count;) {
    const int limit = (int)f64_part(done, count, XENT_F64_TOP);
    if (t.count) f64_find_top(&r->logits, t.value[t.count - 1], t.class[t.count - 1], limit, k->b, &t);
    for (int i = 0; i < limit; i++, done++) {
      const double logit = i < t.count ? (t.value[i] - g->shift[j]) - g->max[j] : 0;
      write_top(r->call, r->span.row, done, i < t.count ? t.class[i] : XENT_NO_CLASS,
                i < t.count ? fused_double(logit, r->temperature.high, 0 - g->distance[j]) : missing);
    }
    if (t.count < limit) t.count = 0;
  }
}

#endif
