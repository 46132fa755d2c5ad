/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sum of a row whose N is known, or above 1024 classes rises, together with the second pass of another row, whose
 * results are contiguous floats. Exponentials of the next vectors, or of the next row, begin before the last ones end,
 * so that no dependency chain stalls. Above 1024 classes: sum_classes_beside_line.
 */
#ifndef XENT_BESIDE_H
#define XENT_BESIDE_H

#include "kernels/stages/emit/emit.h"
#include "kernels/job.h"

/* Whether a call is larger than a first-level cache, and may come from memory: then lines are prefetched, because the
 * CPU's own prefetch ends at each page. */
XENT_INLINE bool may_be_far(const xent_call *call) {
  enum { NEAR = 1 << 13 };
  return call->shape->outer * call->shape->inner * call->shape->classes > NEAR;
}
/* The largest of a row; if far, prefetches what follows. */
XENT_INLINE lanes search_row(const float *x, const uint8_t *mask, int64_t n, bool far) {
  for (int64_t i = 0; far && i < n; i += XENT_LANES) prefetch_far_behind(x + i, XENT_LOADED_AHEAD);
  if (!XENT_MASKED_LOADS || !mask) return largest_lanes(x, n);
  lanes even = lanes_set(-INFINITY), odd = even;
  int64_t i = 0;
  for (; i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
    even = lanes_max(masked_floats(x + i, mask + i, XENT_LANES), even);
    odd = lanes_max(masked_floats(x + i + XENT_LANES, mask + i + XENT_LANES, XENT_LANES), odd);
  }
  for (; i < n; i += XENT_LANES) even = lanes_max(masked_floats(x + i, mask + i, n - i), even);
  return lanes_max(even, odd);
}

/* ---- sums ---- */

/* Completes `pending` vectors in e, and begins `count` next vectors from class i on; at least `sure` exist. */
XENT_INLINE void sum_step(exp_half *half, const float *x, const uint8_t *mask, const exp_references *r, int64_t i,
                          int64_t n, const int64_t sure, lanes *e, const int count, const int pending,
                          const bool masked, const f32_temperature *h) {
  lanes v[XENT_BATCH_MAX];
  const bool whole = i + count * XENT_LANES <= sure || n - i >= count * XENT_LANES;
  if (__builtin_expect(whole, 1))
    XENT_UNROLL(4)
    for (int k = 0; k < count; k++) {
      const int64_t at = i + k * XENT_LANES;
      v[k] = masked ? masked_floats(x + at, mask + at, XENT_LANES) : lanes_load(x + at);
    }
  else
    XENT_UNROLL(4)
    for (int k = 0; k < count; k++) {
      const int64_t at = i + k * XENT_LANES, left = n - at;
      v[k] = masked                                      ? masked_floats(x + at, mask + at, left)
             : at + XENT_LANES <= sure || left >= XENT_LANES ? lanes_load(x + at)
             : left > 0                                  ? lanes_load_part(x + at, left, -INFINITY)
                                                         : lanes_set(-INFINITY);
    }
  exp_stages(half, v, e, count, pending, r, false, h);
}

/* A row in registers. */
typedef struct {
  const float *x;
  const uint8_t *mask;
  exp_references references;
} row_of_exponentials;

/* The sum of the unit from class i on, of `vectors` vectors, the first of which have begun; also begins `batch` vectors
 * of `after` from class `begin` on. The class `without` is not added. */
XENT_INLINE lanes sum_half_group(exp_half *half, const row_of_exponentials *row, int64_t i, int64_t n,
                                 const row_of_exponentials *after, int64_t begin, const int vectors, const int64_t sure,
                                 const int batch, const bool masked, int64_t without, float *kept,
                                 const f32_temperature *h) {
  lanes e[4] = {lanes_set(0.0f), lanes_set(0.0f), lanes_set(0.0f), lanes_set(0.0f)};
  XENT_UNROLL(4)
  for (int k = 0; k < vectors; k += batch) {
    const int left = vectors - k - batch, next = left < batch ? left : batch;
    if (left > 0)
      sum_step(half, row->x, row->mask, &row->references, i + (k + batch) * XENT_LANES, n, sure, e + k, next, batch,
               masked, h);
    else
      sum_step(half, after->x, after->mask, &after->references, begin, n, sure, e + k, batch, vectors - k, masked, h);
  }
  if (kept)
    XENT_UNROLL(4)
    for (int k = 0; k < vectors; k++) lanes_store(kept + i + k * XENT_LANES, e[k]);
  const int64_t lane = without - i;
  if (lane >= 0 && lane < XENT_UNIT)
    XENT_UNROLL(4)
    for (int k = 0; k < vectors; k++) e[k] = lanes_drop(e[k], lane - k * XENT_LANES);
  return vectors == 1 ? e[0] : vectors == 2 ? lanes_add(e[0], e[1]) : sum_of_four_vectors(e);
}

/* What happens during the sum of `vectors` vectors from class i on. ahead: lines behind that row are prefetched; or
 * NULL. Returns the largest of the row that is searched. */
XENT_INLINE lanes beside_unit(const float *ahead, const float *searched, const uint8_t *searched_mask,
                              const line_lanes_of *line, int64_t i, int64_t n, const int vectors, const bool whole,
                              bool far, lanes largest, const bool writes, const enum line_kind kind,
                              const bool masked) {
  if (ahead)
    XENT_UNROLL(4)
    for (int k = 0; k < vectors; k++) prefetch_far_behind(ahead + i + k * XENT_LANES, XENT_LOADED_AHEAD);
  if (far && writes)
    XENT_UNROLL(4)
    for (int k = 0; k < vectors; k++) prefetch_far_behind(line->to + i + k * XENT_LANES, XENT_STORED_AHEAD);
  if (writes) line_vectors(line, i, n, vectors, whole, kind, masked);
  if (!searched) return largest;
  lanes odd = largest;
  XENT_UNROLL(4)
  for (int k = 0; k < vectors; k++) {
    const int64_t at = i + k * XENT_LANES, left = whole || k + 1 < vectors ? XENT_LANES : n - at;
    const lanes v = masked               ? masked_floats(searched + at, searched_mask + at, left)
                    : left >= XENT_LANES ? lanes_load(searched + at)
                                         : lanes_load_part(searched + at, left, -INFINITY);
    if (k & 1)
      odd = lanes_max(v, odd);
    else
      largest = lanes_max(v, largest);
  }
  return vectors > 1 ? lanes_max(odd, largest) : largest;
}
/* While another row is written, fewer exponentials at once fit into the registers. */
XENT_INLINE int sum_batch(const bool writes) { return !writes || XENT_BATCH < 2 ? XENT_BATCH : 2; }

/* The sum of e of a row, which is begun in *half; begins the row after it. e: NULL, or the place of all e. Meanwhile
 * writes `line`, if `writes`, sets *largest of `searched`, and prefetches what is behind `ahead`; both may be NULL.
 * vectors: of a row, if that is constant, or 0. */
XENT_INLINE product_sum sum_row(exp_half *half, const row_of_exponentials *own, const row_of_exponentials *after,
                                int64_t n, int64_t label, float *e, line_lanes_of *line, const float *ahead,
                                const float *searched, const uint8_t *searched_mask, lanes *largest, bool far,
                                const int batch, const f32_temperature *h, const bool writes, const enum line_kind kind,
                                const bool masked, const int vectors) {
  const int64_t last = vectors ? (vectors - 1) / XENT_UNIT_VECTORS * XENT_UNIT : (n - 1) / XENT_UNIT * XENT_UNIT;
  const int64_t sure = vectors ? (vectors - 1) * XENT_LANES : 0;
  lanes even = lanes_set(0.0f), above = lanes_set(-INFINITY), q;
  dlanes sum = dlanes_zero();
  for (int64_t i = 0; i < last; i += XENT_UNIT) {
    above = beside_unit(ahead, searched, searched_mask, line, i, n, XENT_UNIT_VECTORS, true, far, above, writes, kind,
                        masked);
    q = sum_half_group(half, own, i, n, own, i + XENT_UNIT, XENT_UNIT_VECTORS, vectors ? sure : i + XENT_UNIT, batch,
                       masked, label, e, h);
    if (i & XENT_UNIT)
      sum = dlanes_add(sum, dlanes_widen(lanes_add(even, q)));
    else
      even = q;
  }
#define XENT_LAST(rest) \
  above = beside_unit(ahead, searched, searched_mask, line, last, n, rest, false, far, above, writes, kind, masked); \
  q = sum_half_group(half, own, last, n, after, 0, rest, sure, batch, masked, label, e, h)
  switch (vectors ? vectors - (vectors - 1) / XENT_UNIT_VECTORS * XENT_UNIT_VECTORS
                  : (int)((n - last + XENT_LANES - 1) / XENT_LANES)) {
    case 1: XENT_LAST(1); break;
    case 2: XENT_LAST(2); break;
    case 3: XENT_LAST(3); break;
    default: XENT_LAST(4);
  }
#undef XENT_LAST
  if (writes) line_label(line);
  if (searched) *largest = above;
  if (last & XENT_UNIT) q = lanes_add(even, q);
  return (product_sum){q, dlanes_add(sum, dlanes_widen(q))};
}

#endif
