/* SPDX-License-Identifier: Apache-2.0 */
/* Classes by falling logit, the lower first among equals: the first, the place of the label, and the first k. */
#ifndef XENT_WIDE_ORDER_H
#define XENT_WIDE_ORDER_H

#include "kernels/wide/fold.h"

/* The first sixteen of n classes that take part. */
XENT_INLINE uint32_t f64_part_bits(const f64_logits *in, int64_t begin, int64_t n) {
  uint32_t bits = n >= XENT_LANES ? 0xffff : (UINT32_C(1) << n) - 1;
  if (in->mask)
    for (int j = 0; j < XENT_LANES && j < n; j++)
      if (!f64_takes_part(in, begin + j)) bits &= ~(UINT32_C(1) << j);
  return bits;
}

/* The lowest of the classes whose logit is `max`, or XENT_NO_CLASS. */
XENT_SHARED int64_t f64_first_of(const f64_logits *in, double max, f64_buffers *buffers) {
  for (int64_t i = 0; i < in->classes; i += XENT_PIECE) {
    const int64_t n = piece_length(i, in->classes);
    const double *x = f64_prepared(in, i, n, 0, buffers->x, NULL);
    for (int64_t k = 0; k < n; k += XENT_LANES) {
      uint32_t bits = dlanes_bits_equal(dlanes_load_part(x + k, n - k, -INFINITY), dlanes_set(max));
      if (bits) bits &= f64_part_bits(in, i + k, n - k);
      if (bits) return i + k + __builtin_ctz(bits);
    }
  }
  return XENT_NO_CLASS;
}

/* How many classes come before class y. */
XENT_SHARED int64_t f64_rank_of(const f64_logits *in, int64_t y, f64_buffers *buffers) {
  const dlanes value = dlanes_set(f64_prepared_one(in, y, 0));
  int64_t rank = 0;
  for (int64_t i = 0; i < in->classes; i += XENT_PIECE) {
    const int64_t n = piece_length(i, in->classes);
    const double *x = f64_prepared(in, i, n, 0, buffers->x, NULL);
    for (int64_t k = 0; k < n; k += XENT_LANES) {
      const dlanes v = dlanes_load_part(x + k, n - k, -INFINITY);
      const int64_t before = y - i - k;
      uint32_t bits = dlanes_bits_above(v, value);
      if (before > 0) bits |= dlanes_bits_equal(v, value) & (before >= XENT_LANES ? 0xffff : (UINT32_C(1) << before) - 1);
      if (bits) rank += __builtin_popcount(bits & f64_part_bits(in, i + k, n - k));
    }
  }
  return rank;
}

enum { XENT_F64_TOP = 64 };

/* The largest found so far that come behind `after`, in their order. */
typedef struct {
  double value[XENT_F64_TOP];
  int64_t class[XENT_F64_TOP];
  int count;
} f64_top;

XENT_INLINE void f64_top_insert(f64_top *t, int limit, double value, int64_t class) {
  if (t->count == limit && !(value > t->value[limit - 1])) return;
  int at = t->count < limit ? t->count++ : limit - 1;
  for (; at > 0 && t->value[at - 1] < value; at--) {
    t->value[at] = t->value[at - 1];
    t->class[at] = t->class[at - 1];
  }
  t->value[at] = value;
  t->class[at] = class;
}

/* The first `limit` behind class `last` of logit `value` (XENT_NO_CLASS: from the first on). One pass over the row. */
XENT_SHARED void f64_find_top(const f64_logits *in, double value, int64_t last, int limit, f64_buffers *buffers, f64_top *t) {
  t->count = 0;
  for (int64_t i = 0; i < in->classes; i += XENT_PIECE) {
    const int64_t n = piece_length(i, in->classes);
    const double *x = f64_prepared(in, i, n, 0, buffers->x, NULL);
    for (int64_t k = 0; k < n; k += XENT_LANES) {
      const dlanes v = dlanes_load_part(x + k, n - k, -INFINITY);
      uint32_t bits = t->count < limit ? 0xffff : dlanes_bits_above(v, dlanes_set(t->value[limit - 1]));
      if (bits) bits &= f64_part_bits(in, i + k, n - k);
      for (; bits; bits &= bits - 1) {
        const int64_t at = k + __builtin_ctz(bits), class = i + at;
        if (last == XENT_NO_CLASS || x[at] < value || (x[at] == value && class > last))
          f64_top_insert(t, limit, x[at], class);
      }
    }
  }
}


/* Logits as they are compared; their log-probabilities as log-softmax has them. */
XENT_SHARED void f64_write_top(const xent_call *call, int64_t row, const f64_logits *in, const xent_statistics *s,
                                double distance, f64_buffers *buffers) {
  const int64_t count = call->shape->top_count;
  const double missing = s->kind & (XENT_ROW_NAN | XENT_ROW_IGNORED) ? XENT_WIDE_NAN : -INFINITY;
  int64_t done = 0, last = XENT_NO_CLASS;
  double value = 0;
  while (done < count && !(s->kind & XENT_ROW_SPECIAL)) {
    const int64_t left = count - done;
    const int limit = left < XENT_F64_TOP ? (int)left : XENT_F64_TOP;
    f64_top t;
    f64_find_top(in, value, last, limit, buffers, &t);
    for (int j = 0; j < t.count; j++) {
      const double x = s->wide_shift != 0 ? t.value[j] - s->wide_shift : t.value[j];
      write_top(call, row, done + j, t.class[j], (x - s->wide_max) + (0 - distance));
    }
    done += t.count;
    if (t.count < limit) break;
    value = t.value[t.count - 1];
    last = t.class[t.count - 1];
  }
  for (; done < count; done++) write_top(call, row, done, XENT_NO_CLASS, missing);
}

#endif
