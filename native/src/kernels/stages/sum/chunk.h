/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums over the classes of one chunk, in the fixed order of the bit contract; contract_chunk_of
 * (native/test/contract/contract.c) is the plain form.
 *   for each group of 128 classes, the vectors v0 .. v7 of sixteen lanes:
 *     in float:    group = ((v0 + v1) + (v2 + v3)) + ((v4 + v5) + (v6 + v7))
 *     in double:   lanes += group
 *   in double, or for at most sixteen classes in float but for the last addition:
 *     lane[j] += lane[j + 8], then lane[j + 4], lane[j + 2], lane[j + 1]
 * The first pass sums e(x; N). For up to 1024 classes, N is the maximum's reference. For more, N rises at the start of
 * a group whose maximum is more than sixteen octaves above it, and the lanes are scaled by an exact power of two.
 */
#ifndef XENT_CHUNK_H
#define XENT_CHUNK_H

#include "kernels/stages/load/row_source.h"
#include "kernels/math/exponential.h"
#include "kernels/math/largest.h"
#include "kernels/math/logarithm.h"
#include "kernels/stages/sum/line.h"
#include "kernels/stages/targets/targets.h"

enum {
  XENT_GROUP_VECTORS = XENT_GROUP / XENT_LANES,
  XENT_PREFETCH_AHEAD = 4096, /* floats: measured best from 2048 to 8192 */
  XENT_LOADED_AHEAD = 4096, /* bytes, of rows that may come from memory: measured best from 2048 to 8192 */
  XENT_STORED_AHEAD = 4096  /* bytes, of results of flow: measured best from 1024 to 4096; 8192 is slower than none */
};

XENT_INLINE int64_t chunk_length(int64_t begin, int64_t end) {
  return end - begin < XENT_CHUNK ? end - begin : XENT_CHUNK;
}

/* The sum of the lanes of a chunk of n classes; group: the lanes of its last group. */
XENT_INLINE double chunk_tree(int64_t n, lanes group, dlanes sum) {
  return n <= XENT_LANES ? lanes_tree(group) : dlanes_tree(sum);
}

/* ---- the first pass ---- */

typedef struct {
  float max, reference;
  double sum;
} chunk_sum;

/* The largest of each lane of `above` and a group of m classes, ignoring NaN. */
XENT_INLINE lanes group_largest(const float *x, int64_t m, lanes above) {
  lanes odd = lanes_set(-INFINITY);
  if (m == XENT_GROUP) {
    XENT_UNROLL(4)
    for (int k = 0; k < XENT_GROUP_VECTORS; k += 2) {
      above = lanes_max(lanes_load(x + k * XENT_LANES), above);
      odd = lanes_max(lanes_load(x + (k + 1) * XENT_LANES), odd);
    }
  } else {
    for (int64_t k = 0; k < m; k += XENT_LANES)
      above = lanes_max(lanes_load_part(x + k, m - k, -INFINITY), above);
  }
  return lanes_max(above, odd);
}

/* The logit sixteen octaves above the reference N; a higher one raises N. The largest so far may be used instead of a
 * group's maximum: earlier logits are below the limit, or above that of the highest reference, which does not rise. */
XENT_INLINE float limit_of(float N) { return (N + 16) * XENT_LN2_HI; }

/* Prefetches a group, which may be past the tensor: a prefetch may access any address. */
XENT_INLINE void prefetch_group(uintptr_t from) {
  XENT_UNROLL(8)
  for (uintptr_t k = 0; k < XENT_GROUP * sizeof(float); k += 64) __builtin_prefetch((const void *)(from + k));
}

/* Four vectors of a group's eight. */
XENT_INLINE lanes sum_of_four_vectors(const lanes v[4]) {
  return lanes_add(lanes_add(v[0], v[1]), lanes_add(v[2], v[3]));
}

/* The partial sums of a chunk. */
typedef struct {
  lanes above, group; /* the largest of each lane, including the next group; the sum of the last group */
  dlanes sum;
  float reference;
  int64_t done, settled; /* summed classes; the first class that uses the current N */
} chunk_progress;

XENT_INLINE void take_group(chunk_progress *c, lanes group) {
  c->group = group;
  c->sum = dlanes_add(c->sum, dlanes_widen(group));
}

/* Whether the largest so far raises N and scales the sums. */
XENT_INLINE bool is_above(lanes largest, float limit, const f32_temperature *h) {
  return lanes_any_above(lanes_mul(largest, lanes_set(h->hi)), limit);
}
XENT_INLINE void raise_reference(chunk_progress *c, const f32_temperature *h) {
  const float raised = reference_for(lanes_largest(c->above), h);
  if (raised <= c->reference) return;
  c->sum = dlanes_scale(c->sum, power_of_two((double)c->reference - (double)raised));
  c->reference = raised;
  c->settled = c->done;
}

/* Operations on the numbers of a chunk during the sum. */
typedef struct {
  float *kept;     /* NULL, or the destination of every e */
  bool exact;      /* N is the reference of the maximum */
  uintptr_t ahead; /* prefetch this many bytes ahead; 0: no prefetch */
  const f32_temperature *temperature;
} chunk_way;

/* The exponentials of half a group of m classes, without a loop, so that later code overlaps with their end. The class
 * `without` adds +0. */
XENT_INLINE lanes sum_unit(const float *x, int64_t m, int64_t without, const exp_references *r,
                           const f32_temperature *h, float *kept, const bool whole) {
  lanes e[XENT_UNIT_VECTORS];
  XENT_UNROLL(4)
  for (int k = 0; k < XENT_UNIT_VECTORS; k += XENT_IN_FLIGHT) {
    XENT_UNROLL(4)
    for (int j = k; j < k + XENT_IN_FLIGHT; j++) {
      const int64_t at = j * XENT_LANES;
      e[j] = whole ? lanes_load(x + at) : m > at ? lanes_load_part(x + at, m - at, -INFINITY) : lanes_set(-INFINITY);
    }
    exp_lanes(e + k, XENT_IN_FLIGHT, r, false, h);
  }
  XENT_UNROLL(4)
  for (int j = 0; kept && j < XENT_UNIT_VECTORS; j++) {
    const int64_t at = j * XENT_LANES;
    if (whole)
      lanes_store(kept + at, e[j]);
    else if (at < m)
      lanes_store_part(kept + at, m - at, e[j]);
  }
  if (__builtin_expect((uint64_t)without < XENT_UNIT, 0))
    XENT_UNROLL(4)
    for (int j = 0; j < XENT_UNIT_VECTORS; j++) e[j] = lanes_drop(e[j], without - j * XENT_LANES);
  return sum_of_four_vectors(e);
}
/* The exponentials of a group; a missing half is +0. */
XENT_INLINE lanes sum_exponentials(const float *x, int64_t m, int64_t without, const exp_references *r,
                                   const f32_temperature *h, float *kept) {
  if (__builtin_expect(m >= XENT_GROUP, 1)) {
    const lanes even = sum_unit(x, XENT_UNIT, without, r, h, kept, true);
    float *next = kept ? kept + XENT_UNIT : NULL;
    return lanes_add(even, sum_unit(x + XENT_UNIT, XENT_UNIT, without - XENT_UNIT, r, h, next, true));
  }
  lanes even = lanes_set(0.0f);
  if (m >= XENT_UNIT) {
    even = sum_unit(x, XENT_UNIT, without, r, h, kept, true);
    if (m == XENT_UNIT) return even;
    x += XENT_UNIT, m -= XENT_UNIT, without -= XENT_UNIT;
    if (kept) kept += XENT_UNIT;
  }
  return lanes_add(even, sum_unit(x, m, without, r, h, kept, false));
}

/* Sums n classes of a chunk. They begin with a group, and end with one unless they reach the chunk's end. The class
 * `without` (or one outside the chunk) adds +0 but counts for the maximum. */
XENT_INLINE void sum_classes_as(const float *x, int64_t n, int64_t without, const chunk_way *w,
                                chunk_progress *progress, const row_line *line, const bool writes) {
  const chunk_way own = *w;
  const f32_temperature h = *w->temperature; /* a copy, which no store to kept can change */
  chunk_progress c = *progress;
  line_lanes_of other;
  if (writes) other = lanes_of_line(line);
  exp_references r = exp_everywhere(exp_reference_of(c.reference, &h));
  float limit = limit_of(c.reference);
  for (int64_t i = 0; i < n; i += XENT_GROUP, c.done += XENT_GROUP) {
    const int64_t m = n - i < XENT_GROUP ? n - i : XENT_GROUP;
    float *kept = own.kept ? own.kept + i : NULL;
    if (own.ahead) prefetch_group((uintptr_t)(x + i) + own.ahead);
    if (writes && m == XENT_GROUP) line_vectors(&other, i, n, XENT_GROUP_VECTORS, true, XENT_LINE_LOG, false);
    for (int64_t k = i; writes && m < XENT_GROUP && k < n; k += XENT_LANES)
      line_vectors(&other, k, n, 1, false, XENT_LINE_LOG, false);
    if (!own.exact) {
      c.above = group_largest(x + i, m, c.above);
      if (__builtin_expect(is_above(c.above, limit, &h), 0)) {
        raise_reference(&c, &h);
        r = exp_everywhere(exp_reference_of(c.reference, &h));
        limit = limit_of(c.reference);
      }
    }
    take_group(&c, sum_exponentials(x + i, m, without - i, &r, &h, kept));
  }
  if (writes) line_label(&other);
  *progress = c;
}
XENT_SHARED void sum_classes(const float *x, int64_t n, int64_t without, const chunk_way *w, chunk_progress *progress) {
  sum_classes_as(x, n, without, w, progress, NULL, false);
}
/* The same, and writes another row of the same length. */
XENT_SHARED void sum_classes_beside_line(const float *x, int64_t n, int64_t without, const chunk_way *w,
                                         chunk_progress *progress, const row_line *line) {
  sum_classes_as(x, n, without, w, progress, line, true);
}

XENT_INLINE chunk_progress chunk_begin(float reference) {
  return (chunk_progress){.above = lanes_set(-INFINITY), .group = lanes_set(0.0f), .sum = dlanes_zero(),
                          .reference = reference};
}

/* ---- other sums ---- */

/* The location of the inputs of a sum: the second-level cache or closer, the third-level cache, or memory. Loads from
 * memory dominate the time, so pages are prefetched a chunk ahead. */
typedef enum { XENT_NEAR, XENT_FARTHER, XENT_FAR } distance_to;

XENT_INLINE lanes load_from(const float *p, const bool far) { return far ? lanes_load_far(p) : lanes_load(p); }

XENT_INLINE lanes number_lanes(const void *p, int64_t i, const distance_to from, const int32_t type) {
  return type == XENT_F32 ? load_from((const float *)p + i, from != XENT_NEAR) : whole_lanes(p, i, type);
}

/* Sixteen of `left` products a * b (of a alone if b is NULL) from number i on, +0 for missing and masked ones. */
XENT_INLINE lanes product_lanes(const void *a, const void *b, const uint8_t *mask, int64_t i, int64_t left,
                                const distance_to from, const int32_t type) {
  if (left <= 0) return lanes_set(0.0f);
  const bool whole = left >= XENT_LANES;
  lanes v = whole ? number_lanes(a, i, from, type) : first_lanes(a, i, left, type);
  if (b) v = lanes_mul(v, whole ? number_lanes(b, i, from, type) : first_lanes(b, i, left, type));
  return mask ? where_counted(mask + i, 1, left, v, 0.0f) : v;
}

/* Loads from memory go in the order of the classes: compilers load a tree from its end, and the CPU's prefetch, which
 * detects ascending addresses, then starts late. */
XENT_INLINE lanes product_group(const void *a, const void *b, const uint8_t *mask, int64_t i, int64_t m,
                                const distance_to from, const int32_t type) {
  lanes twos[4];
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++) {
    const int64_t at = 2 * k * XENT_LANES, next = at + XENT_LANES;
    const lanes even = product_lanes(a, b, mask, i + at, m - at, from, type);
    twos[k] = lanes_add(even, product_lanes(a, b, mask, i + next, m - next, from, type));
    if (from != XENT_NEAR) XENT_IN_ORDER();
  }
  return lanes_add(lanes_add(twos[0], twos[1]), lanes_add(twos[2], twos[3]));
}

/* The sum over one chunk of a * b (of a alone if b is NULL), in the same order, for a backward. A chunk may be added in
 * pieces, which must be whole groups except for the last one. */
typedef struct {
  lanes group;
  dlanes sum;
} product_sum;

XENT_INLINE product_sum no_products(void) { return (product_sum){lanes_set(0.0f), dlanes_zero()}; }
XENT_INLINE void add_products(product_sum *p, const void *a, const void *b, const uint8_t *mask, int64_t n,
                              const distance_to from, const int32_t type) {
  for (int64_t i = 0; i < n; i += XENT_GROUP) {
    if (from == XENT_FAR && i % XENT_PAGE_FLOATS == 0) {
      prefetch_behind(a, i * size_of_float(type) + XENT_PAGES_AHEAD * XENT_PAGE);
      if (b) prefetch_behind(b, i * size_of_float(type) + XENT_PAGES_AHEAD * XENT_PAGE);
    }
    if (n - i >= XENT_GROUP)
      p->group = product_group(a, b, mask, i, XENT_GROUP, from, type);
    else
      p->group = product_group(a, b, mask, i, n - i, from, type);
    p->sum = dlanes_add(p->sum, dlanes_widen(p->group));
  }
}
/* The lanes of the contract begin at +0, so no sum is -0. */
XENT_INLINE double end_products(const product_sum *p, int64_t n) { return chunk_tree(n, p->group, p->sum) + 0.0; }
XENT_INLINE double products_of(const void *a, const void *b, const uint8_t *mask, int64_t n, const distance_to from,
                               const int32_t type) {
  product_sum p = no_products();
  add_products(&p, a, b, mask, n, from, type);
  return end_products(&p, n);
}

#endif
