/* SPDX-License-Identifier: Apache-2.0 */
/* Classes by falling logit, the lower first among equals: the first k, and the place of the label. */
#ifndef XENT_F64_ORDER_H
#define XENT_F64_ORDER_H

#include "kernels/f64/fold.h"

/* Classes that come before class y. */
XENT_SHARED int64_t f64_rank_of(const f64_logits *in, int64_t y, const f64_buffers *b) {
  const double value = f64_prepared_one(in, y, 0);
  int64_t rank = 0;
  for (int64_t i = 0; i < in->classes; i += XENT_PIECE) {
    const int64_t n = f64_part(i, in->classes, XENT_PIECE);
    const double *x = f64_prepared(in, i, n, 0, b->piece, NULL);
    for (int64_t k = 0; k < n; k++) rank += (x[k] > value || (x[k] == value && i + k < y)) && f64_takes_part(in, i + k);
  }
  return rank;
}

enum { XENT_F64_TOP = 64 };

typedef struct {
  double value[XENT_F64_TOP];
  int64_t class[XENT_F64_TOP];
  int count;
} f64_top;

/* The first `limit` behind class `last` of logit `value` (XENT_NO_CLASS: from the first on). One pass over the row. */
XENT_SHARED void f64_find_top(const f64_logits *in, double value, int64_t last, int limit, const f64_buffers *b,
                              f64_top *t) {
  t->count = 0;
  for (int64_t i = 0; i < in->classes; i += XENT_PIECE) {
    const int64_t n = f64_part(i, in->classes, XENT_PIECE);
    const double *x = f64_prepared(in, i, n, 0, b->piece, NULL);
    for (int64_t k = 0; k < n; k++) {
      if (t->count == limit && !(x[k] > t->value[limit - 1])) continue;
      const bool behind = last == XENT_NO_CLASS || x[k] < value || (x[k] == value && i + k > last);
      if (!behind || !f64_takes_part(in, i + k)) continue;
      int at = t->count < limit ? t->count++ : limit - 1;
      for (; at > 0 && t->value[at - 1] < x[k]; at--) {
        t->value[at] = t->value[at - 1];
        t->class[at] = t->class[at - 1];
      }
      t->value[at] = x[k];
      t->class[at] = i + k;
    }
  }
}

XENT_INLINE int64_t f64_argmax(const f64_logits *in, const f64_buffers *b) {
  f64_top t;
  f64_find_top(in, 0, XENT_NO_CLASS, 1, b, &t);
  return t.count ? t.class[0] : XENT_NO_CLASS;
}

/* Logits as they are compared; their log-probabilities as log-softmax has them. */
XENT_SHARED void f64_write_top(const f64_row *r, const row_statistics *s, double distance, const f64_buffers *b) {
  const int64_t count = r->call->shape->top_count;
  const double missing = s->kind & (XENT_ROW_NAN | XENT_ROW_IGNORED) ? XENT_F64_NAN : -INFINITY;
  f64_top t = {.count = s->kind & XENT_ROW_SPECIAL ? 0 : 1, .class = {XENT_NO_CLASS}};
  for (int64_t done = 0; done < count;) {
    const int limit = (int)f64_part(done, count, XENT_F64_TOP);
    if (t.count) f64_find_top(&r->logits, t.value[t.count - 1], t.class[t.count - 1], limit, b, &t);
    for (int j = 0; j < limit; j++, done++) {
      const double logit = j < t.count ? (t.value[j] - s->shift) - s->max : 0;
      write_top(r->call, r->span.row, done, j < t.count ? t.class[j] : XENT_NO_CLASS,
                j < t.count ? fused_double(logit, r->temperature.high, 0 - distance) : missing);
    }
    if (t.count < limit) t.count = 0;
  }
}

#endif
