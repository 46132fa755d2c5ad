/* SPDX-License-Identifier: Apache-2.0 */
/* The order of classes: descending logit, the lower class first if logits are equal. Finds the first k classes, and the
 * rank of the label. */
#ifndef XENT_F64_ORDER_H
#define XENT_F64_ORDER_H

#include "kernels/paths/f64/f64_chunks.h"
#include "kernels/stages/targets/class_bits.h"

XENT_INLINE doubles f64_order_load(const double *x, int64_t left) { return doubles_load_part(x, left, XENT_F64_NAN); }

/* The first of classes [0, end) whose logit is `value`. */
XENT_SHARED int64_t f64_first_equal(const row_source *in, double value, int64_t end, const f64_buffers *b) {
  for (int64_t i = 0; i < end; i += XENT_PIECE) {
    const int64_t n = f64_part(i, end, XENT_PIECE);
    const double *x = f64_prepared(in, i, n, 0, b->out, NULL);
    for (int64_t k = 0; k < n; k += XENT_DOUBLES) {
      uint64_t equal = doubles_bits_equal(f64_order_load(x + k, n - k), doubles_set(value));
      if (value == -INFINITY) equal = unmasked_bits(mask_at(in, i + k), in->mask_stride, equal);
      if (equal) return i + k + __builtin_ctzll(equal);
    }
  }
  return XENT_NO_CLASS;
}

/* The number of classes that rank before class y. */
XENT_SHARED int64_t f64_rank_of(const row_source *in, int64_t y, const f64_buffers *b) {
  const double value = f64_prepared_one(in, y, 0);
  int64_t rank = 0;
  for (int64_t i = 0; i < in->classes; i += XENT_PIECE) {
    const int64_t n = f64_part(i, in->classes, XENT_PIECE);
    const double *x = f64_prepared(in, i, n, 0, b->out, NULL);
    for (int64_t k = 0; k < n; k += XENT_DOUBLES) {
      const doubles v = f64_order_load(x + k, n - k), own = doubles_set(value);
      rank += __builtin_popcountll(bits_before(mask_at(in, i + k), in->mask_stride, doubles_bits_above(v, own),
                                               doubles_bits_equal(v, own), i + k, y, value == -INFINITY));
    }
  }
  return rank;
}

enum { XENT_F64_TOP = 1024 }; /* found in one pass */

typedef struct {
  double value;
  int64_t class; /* INT64_MAX: no class */
} f64_entry;

XENT_INLINE bool f64_ranks_before(f64_entry a, f64_entry b) {
  return a.value > b.value || (a.value == b.value && a.class < b.class);
}
/* Replaces the root of a heap of n, which ranks last. */
XENT_INLINE void f64_replace_root(f64_entry *of, int n, f64_entry own) {
  int at = 0;
  for (int child; (child = 2 * at + 1) < n; at = child) {
    child += child + 1 < n && f64_ranks_before(of[child], of[child + 1]);
    if (f64_ranks_before(of[child], own)) break;
    of[at] = of[child];
  }
  of[at] = own;
}

/* Finds the first `limit` classes that rank after `last` (XENT_NO_CLASS: from the first on), in one pass over the row.
 * Returns their number. */
XENT_SHARED int f64_find_top(const row_source *in, f64_entry last, int limit, const f64_buffers *b, f64_entry *top) {
  for (int i = 0; i < limit; i++) top[i] = (f64_entry){-INFINITY, INT64_MAX};
  for (int64_t i = 0; i < in->classes; i += XENT_PIECE) {
    const int64_t n = f64_part(i, in->classes, XENT_PIECE);
    const double *x = f64_prepared(in, i, n, 0, b->out, NULL);
    for (int64_t k = 0; k < n; k += XENT_DOUBLES) {
      const doubles v = f64_order_load(x + k, n - k);
      uint32_t bits = doubles_bits_equal(v, v);
      if (top->class != INT64_MAX) bits = doubles_bits_above(v, doubles_set(top->value)); /* equal ones rank after it */
      for (; bits; bits &= bits - 1) {
        const int64_t class = i + k + __builtin_ctz(bits);
        const f64_entry own = {x[class - i], class};
        const bool behind = last.class == XENT_NO_CLASS || f64_ranks_before(last, own);
        if (behind && f64_ranks_before(own, *top) && is_counted(in, class)) f64_replace_root(top, limit, own);
      }
    }
  }
  for (int n = limit - 1; n > 0; n--) { /* the root goes to the end */
    const f64_entry own = top[n];
    top[n] = top[0];
    f64_replace_root(top, n, own);
  }
  while (limit > 0 && top[limit - 1].class == INT64_MAX) limit--;
  return limit;
}

/* Logits as compared, and their log-probabilities as in log-softmax. */
XENT_SHARED void f64_write_top(const f64_block *k, int j) {
  const f64_row *r = k->rows + j;
  const f64_sums *g = &k->sums;
  const int64_t count = r->call->shape->top_count;
  const double missing = g->row_kind[j] & (XENT_ROW_NAN | XENT_ROW_IGNORED) ? XENT_F64_NAN : -INFINITY;
  f64_entry top[XENT_F64_TOP]; /* not initialized, because it is large */
  int found = !g->row_kind[j];
  top[0] = (f64_entry){0, XENT_NO_CLASS};
  for (int64_t done = 0; done < count;) {
    const int limit = (int)f64_part(done, count, XENT_F64_TOP);
    if (found) found = f64_find_top(&r->logits, top[found - 1], limit, k->b, top);
    for (int i = 0; i < limit; i++, done++) {
      const double logit = i < found ? (top[i].value - g->shift[j]) - g->max[j] : 0;
      write_top(r->call, r->logits.row, done, i < found ? top[i].class : XENT_NO_CLASS,
                i < found ? fused_double(logit, r->temperature.high, 0 - g->distance[j]) : missing);
    }
    if (found < limit) found = 0;
  }
}

#endif
