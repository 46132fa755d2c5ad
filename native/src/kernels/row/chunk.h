/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first pass over one chunk: sum over its classes of e(x; N), in the fixed order of the bit contract.
 *   Groups of 128 classes, eight vectors of sixteen lanes: ((e0+e1)+(e2+e3))+((e4+e5)+(e6+e7)) in float,
 *   added to sixteen double lanes; at the end the tree over the lanes, in float where there is one group.
 *   Up to 1024 classes N is the maximum's reference. Beyond, N rises at the start of a group whose
 *   maximum is more than sixteen octaves above it, and the lanes are scaled by an exact power of two.
 */
#ifndef XENT_ROW_CHUNK_H
#define XENT_ROW_CHUNK_H

#include "kernels/math/exponential.h"
#include "kernels/math/logarithm.h"
#include "xent.h"

enum {
  XENT_GROUP_VECTORS = XENT_GROUP / XENT_LANES,
  XENT_NO_CLASS = -1,
  XENT_PREFETCH_AHEAD = 4096, /* floats: measured best from 2048 to 8192 */
  XENT_PAGE = 4096,
  XENT_PAGE_FLOATS = XENT_PAGE / sizeof(float),
  XENT_PAGES_AHEAD = 8 /* a chunk of 8192 floats */
};

typedef struct {
  float max, reference;
  double sum;
} chunk_sum;

/* A vector whose largest is that of n floats, NaN passed over; -0 or +0 as it comes. */
XENT_INLINE lanes largest_lanes(const float *x, int64_t n) {
  lanes m[4];
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++) m[k] = lanes_set(-INFINITY);
  int64_t i = 0;
  for (; i + 4 * XENT_LANES <= n; i += 4 * XENT_LANES)
    XENT_UNROLL(4)
    for (int k = 0; k < 4; k++) m[k] = lanes_max(lanes_load(x + i + k * XENT_LANES), m[k]);
  for (; i + XENT_LANES <= n; i += XENT_LANES) m[0] = lanes_max(lanes_load(x + i), m[0]);
  if (i < n) m[1] = lanes_max(lanes_load_part(x + i, n - i, -INFINITY), m[1]);
  return lanes_max(lanes_max(m[0], m[1]), lanes_max(m[2], m[3]));
}
XENT_INLINE float largest_of(const float *x, int64_t n) { return lanes_largest(largest_lanes(x, n)); }

/* Vectors h and h + 1 of a group of m classes: their e, +0 for the classes that are missing, and for the
 * class `without` where drop is set. */
XENT_INLINE void group_pair(const float *x, int64_t m, int h, int64_t without, const bool drop,
                            exp_reference r, float *kept, lanes e[2]) {
  const int64_t at = (int64_t)h * XENT_LANES, left = m - at;
  if (left <= 0) {
    e[0] = e[1] = lanes_set(0.0f);
    return;
  }
  const bool whole = left >= 2 * XENT_LANES;
  XENT_UNROLL(2)
  for (int k = 0; k < 2; k++) {
    const int64_t i = at + k * XENT_LANES;
    e[k] = whole ? lanes_load(x + i) : lanes_load_part(x + i, m - i, 0.0f);
  }
  exp_lanes(e, 2, r);
  XENT_UNROLL(2)
  for (int k = 0; k < 2; k++) {
    const int64_t i = at + k * XENT_LANES;
    if (kept) lanes_store(kept + i, e[k]);
    if (!whole) e[k] = lanes_keep_first(e[k], m - i);
    if (drop) e[k] = lanes_drop(e[k], without - i);
  }
}

XENT_INLINE lanes group_sum(const float *x, int64_t m, int64_t without, const bool drop, exp_reference r,
                            float *kept) {
  if (m <= 2 * XENT_LANES) { /* the other terms are +0, and no term is negative: nothing to add */
    lanes e[2];
    group_pair(x, m, 0, without, drop, r, kept, e);
    return lanes_add(e[0], e[1]);
  }
  lanes half[2];
  XENT_UNROLL(2)
  for (int h = 0; h < 2; h++) {
    lanes a[2], b[2];
    group_pair(x, m, 4 * h, without, drop, r, kept, a);
    group_pair(x, m, 4 * h + 2, without, drop, r, kept, b);
    half[h] = lanes_add(lanes_add(a[0], a[1]), lanes_add(b[0], b[1]));
  }
  return lanes_add(half[0], half[1]);
}

/* The largest of each lane of `above` and a group of m classes, NaN passed over. */
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

/* Sixteen octaves above the reference N; what lies higher raises it. The largest so far may stand for a
 * group's own: what came before lies below, or not even the highest reference would change that. */
XENT_INLINE float limit_of(float N) { return (N + 16) * XENT_LN2_HI; }

/* A group that begins at number `at`, which may lie behind the tensor, as a prefetch may. */
XENT_INLINE void prefetch_group(const void *x, const int32_t type, int64_t at) {
  const uintptr_t size = type == XENT_F32 ? sizeof(float) : sizeof(uint16_t), from = (uintptr_t)x + (uintptr_t)at * size;
  XENT_UNROLL(8)
  for (uintptr_t k = 0; k < XENT_GROUP * size; k += 64) __builtin_prefetch((const void *)(from + k));
}

#if defined(XENT_FREE_ORDER)
/* What the fixed order costs: a variant for native/bench alone, which adds in float in whatever order is
 * fast. It widens once per run of groups with one reference, not once per group. */
typedef struct {
  lanes up[XENT_BATCH], group;
} group_tree;

XENT_INLINE void tree_begin(group_tree *tree) {
  for (int j = 0; j < XENT_BATCH; j++) tree->up[j] = lanes_set(0.0f);
}
XENT_INLINE void tree_add(group_tree *tree, const int j, lanes e) {
  tree->up[j % XENT_BATCH] = lanes_add(tree->up[j % XENT_BATCH], e);
}
XENT_INLINE bool tree_done(group_tree *tree, bool more) {
  if (more) return false;
  tree->group = tree->up[0];
  for (int j = 1; j < XENT_BATCH; j++) tree->group = lanes_add(tree->group, tree->up[j]);
  return true;
}
#else
/* The sum of a group's eight vectors, which come in order: ((0+1)+(2+3))+((4+5)+(6+7)). `up` holds the sums
 * that wait for their neighbour. */
typedef struct {
  lanes up[3], group;
} group_tree;

XENT_INLINE void tree_add(group_tree *tree, const int j, lanes e) {
  lanes v = e;
  if (j & 1) {
    v = lanes_add(tree->up[0], v);
    if (j & 2) {
      v = lanes_add(tree->up[1], v);
      if (j & 4)
        tree->group = lanes_add(tree->up[2], v);
      else
        tree->up[2] = v;
    } else {
      tree->up[1] = v;
    }
  } else {
    tree->up[0] = v;
  }
}
XENT_INLINE void tree_begin(group_tree *tree) { (void)tree; }
/* Whether the sum is to be taken now; always after a group. */
XENT_INLINE bool tree_done(group_tree *tree, bool more) {
  (void)tree, (void)more;
  return true;
}
#endif

/* A chunk under way. */
typedef struct {
  lanes above, group; /* the largest of each lane, next group included; the sum of the last group */
  dlanes sum;
  float reference;
} chunk_progress;

XENT_INLINE void take_group(chunk_progress *c, lanes group) {
  c->group = group;
  c->sum = dlanes_add(c->sum, dlanes_widen(group));
}

/* Where the largest so far asks for it N rises, and the sums are scaled. */
XENT_INLINE void raise_reference(chunk_progress *c) {
  if (__builtin_expect(!lanes_any_above(c->above, limit_of(c->reference)), 1)) return;
  const float raised = reference_for(lanes_largest(c->above));
  if (raised <= c->reference) return;
  c->sum = dlanes_scale(c->sum, power_of_two((double)c->reference - (double)raised));
  c->reference = raised;
}

XENT_INLINE void load_batch(const float *x, lanes v[XENT_BATCH_MAX]) {
  XENT_UNROLL(4)
  for (int j = 0; j < XENT_BATCH; j++) v[j] = lanes_load(x + j * XENT_LANES);
}

/* Vectors at.. of a group are done. */
XENT_INLINE void take_batch(group_tree *tree, const int at, const lanes *e, float *kept) {
  XENT_UNROLL(4)
  for (int j = 0; j < XENT_BATCH; j++) {
    if (kept) lanes_store(kept + (at + j) * XENT_LANES, e[j]);
    tree_add(tree, at + j, e[j]);
  }
}

/* Numbers at.. of a chunk that is of this type. */
XENT_INLINE lanes load_numbers(const void *x, int64_t at, const int32_t type) {
  if (type == XENT_BF16) return lanes_load_bf16((const uint16_t *)x + at);
  if (type == XENT_F16) return lanes_load_f16((const uint16_t *)x + at);
  return lanes_load((const float *)x + at);
}
XENT_INLINE void load_batch_of(const void *x, int64_t at, const int32_t type, lanes v[XENT_BATCH_MAX]) {
  XENT_UNROLL(4)
  for (int j = 0; j < XENT_BATCH; j++) v[j] = load_numbers(x, at + j * XENT_LANES, type);
}

/* group_largest of a whole group of any type. */
XENT_INLINE lanes group_largest_of(const void *x, int64_t at, const int32_t type, lanes above) {
  if (type == XENT_F32) return group_largest((const float *)x + at, XENT_GROUP, above);
  lanes odd = lanes_set(-INFINITY);
  XENT_UNROLL(4)
  for (int k = 0; k < XENT_GROUP_VECTORS; k += 2) {
    above = lanes_max(load_numbers(x, at + k * XENT_LANES, type), above);
    odd = lanes_max(load_numbers(x, at + (k + 1) * XENT_LANES, type), odd);
  }
  return lanes_max(above, odd);
}

/* Whole groups [i, end) of a chunk. While N stays, the second half of a group's last exponentials runs with
 * the first half of the next group's. */
XENT_INLINE void sum_groups(const void *x, const int32_t type, int64_t i, const int64_t end, const bool exact,
                            float *kept, float *kept_reference, const int64_t ahead, chunk_progress *c) {
  enum { LAST = XENT_GROUP_VECTORS - XENT_BATCH };
  if (!exact) c->above = group_largest_of(x, i, type, c->above);
  while (i < end) {
    if (!exact) raise_reference(c);
    const exp_references r = exp_everywhere(exp_reference_of(c->reference));
    const float limit = limit_of(c->reference);
    group_tree tree;
    tree_begin(&tree);
    exp_half half;
    lanes v[XENT_BATCH_MAX], e[XENT_BATCH_MAX];
    load_batch_of(x, i, type, v);
    exp_begin(&half, v, XENT_BATCH, r);
    bool same = true;
    do {
      if (ahead > 0) prefetch_group(x, type, i + ahead);
      if (kept) kept_reference[i / XENT_GROUP] = c->reference;
      XENT_UNROLL(8)
      for (int at = XENT_BATCH; at < XENT_GROUP_VECTORS; at += XENT_BATCH) {
        load_batch_of(x, i + at * XENT_LANES, type, v);
        exp_step(&half, v, e, XENT_BATCH, r);
        take_batch(&tree, at - XENT_BATCH, e, kept ? kept + i : NULL);
      }
      const int64_t done = i;
      i += XENT_GROUP;
      same = i < end;
      if (same && !exact) {
        c->above = group_largest_of(x, i, type, c->above);
        same = __builtin_expect(!lanes_any_above(c->above, limit), 1);
      }
      if (same) {
        load_batch_of(x, i, type, v);
        exp_step(&half, v, e, XENT_BATCH, r);
      } else {
        exp_end(&half, e, XENT_BATCH);
      }
      take_batch(&tree, LAST, e, kept ? kept + done : NULL);
      if (tree_done(&tree, same)) take_group(c, tree.group);
    } while (same);
  }
}

/* A group of m classes that is not whole or has the class `without`. */
XENT_INLINE void sum_odd_group(const float *x, int64_t m, int64_t without, const bool exact, float *kept,
                               float *kept_reference, chunk_progress *c) {
  if (!exact) {
    c->above = group_largest(x, m, c->above);
    raise_reference(c);
  }
  if (kept) *kept_reference = c->reference;
  take_group(c, group_sum(x, m, without, true, exp_reference_of(c->reference), kept));
}

/* A chunk of n floats. The class `without` (or XENT_NO_CLASS) adds +0 but counts for the maximum.
 * kept, when not NULL, receives every e, up to whole pairs of vectors, and kept_reference the N of each group of 128.
 * ahead > 0: so many numbers further on are prefetched. Numbers of 16 bits are of longer chunks than XENT_EXACT_MAX. */
XENT_INLINE chunk_sum sum_chunk(const void *x, const int32_t type, int64_t n, int64_t without, float *kept,
                                float *kept_reference, const int64_t ahead) {
  const bool exact = type == XENT_F32 && n <= XENT_EXACT_MAX;
  chunk_sum c = {.max = -INFINITY, .reference = XENT_LOWEST_REFERENCE, .sum = 0};
  if (exact) {
    c.max = largest_of((const float *)x, n);
    c.reference = reference_for(c.max);
  }
  chunk_progress p = {.above = lanes_set(-INFINITY), .group = lanes_set(0.0f), .sum = dlanes_zero(), .reference = c.reference};
  const int64_t whole = n / XENT_GROUP * XENT_GROUP;
  const int64_t label_group = without >= 0 ? without / XENT_GROUP * XENT_GROUP : n;
  for (int64_t i = 0; i < n;) {
    const int64_t end = i <= label_group && label_group < whole ? label_group : whole;
    if (i < end) {
      sum_groups(x, type, i, end, exact, kept, kept_reference, ahead, &p);
      i = end;
    }
    if (i < n) {
      const int64_t m = n - i < XENT_GROUP ? n - i : XENT_GROUP;
      XENT_ALIGNED float wide[XENT_GROUP];
      const float *group = (const float *)x + i;
      if (type != XENT_F32) {
        for (int64_t k = 0; k < m; k++) {
          const uint16_t half = ((const uint16_t *)x)[i + k];
          wide[k] = type == XENT_BF16 ? widen_bf16(half) : widen_f16(half);
        }
        group = wide;
      }
      sum_odd_group(group, m, i == label_group ? without - i : XENT_NO_CLASS, exact, kept ? kept + i : NULL,
                    kept ? kept_reference + i / XENT_GROUP : NULL, &p);
      i += m;
    }
  }
  c.reference = p.reference;
  if (!exact) c.max = lanes_largest(p.above);
  c.max += 0.0f; /* -0 counts as +0 */
  c.sum = n <= XENT_GROUP ? (double)lanes_tree(p.group) : dlanes_tree(p.sum);
  return c;
}

XENT_SHARED chunk_sum sum_chunk_plain(const float *x, int64_t n, int64_t without) {
  return sum_chunk(x, XENT_F32, n, without, NULL, NULL, 0);
}
XENT_SHARED chunk_sum sum_chunk_kept(const float *x, int64_t n, int64_t without, float *kept,
                                     float *kept_reference) {
  return sum_chunk(x, XENT_F32, n, without, kept, kept_reference, 0);
}
/* A chunk of a long row, which comes from memory. */
XENT_SHARED chunk_sum sum_chunk_ahead(const float *x, int64_t n, int64_t without) {
  return sum_chunk(x, XENT_F32, n, without, NULL, NULL, XENT_PREFETCH_AHEAD);
}

/* Where the vectors of a sum come from: the second cache or above, the third one, memory. Memory is all that
 * there is to wait for; then pages are looked up a chunk ahead. */
typedef enum { XENT_NEAR, XENT_FARTHER, XENT_FAR } distance_to;

XENT_INLINE lanes load_from(const float *p, const bool far) { return far ? lanes_load_far(p) : lanes_load(p); }

/* The first sixteen of `left` products a * b (of a alone where b is NULL), +0 for those that are missing. */
XENT_INLINE lanes product_lanes(const float *a, const float *b, int64_t left, const distance_to from) {
  if (left >= XENT_LANES) {
    const lanes v = load_from(a, from != XENT_NEAR);
    return b ? lanes_mul(v, load_from(b, from != XENT_NEAR)) : v;
  }
  if (left <= 0) return lanes_set(0.0f);
  const lanes v = lanes_load_part(a, left, 0.0f);
  return b ? lanes_mul(v, lanes_load_part(b, left, 0.0f)) : v;
}

/* From afar in the order of the classes: compilers take a tree's loads from its end, and the CPU's prefetch,
 * which looks for rising addresses, then comes late. */
XENT_INLINE lanes product_group(const float *a, const float *b, int64_t m, const distance_to from) {
  lanes twos[4];
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++) {
    const int64_t at = 2 * k * XENT_LANES, next = at + XENT_LANES;
    const lanes even = product_lanes(a + at, b ? b + at : NULL, m - at, from);
    twos[k] = lanes_add(even, product_lanes(a + next, b ? b + next : NULL, m - next, from));
    if (from != XENT_NEAR) XENT_IN_ORDER();
  }
  return lanes_add(lanes_add(twos[0], twos[1]), lanes_add(twos[2], twos[3]));
}

/* The same of numbers of 16 bits, more of them than XENT_EXACT_MAX. */
XENT_SHARED chunk_sum sum_chunk_bf16(const uint16_t *x, int64_t n, int64_t without) {
  return sum_chunk(x, XENT_BF16, n, without, NULL, NULL, XENT_PREFETCH_AHEAD);
}
XENT_SHARED chunk_sum sum_chunk_f16(const uint16_t *x, int64_t n, int64_t without) {
  return sum_chunk(x, XENT_F16, n, without, NULL, NULL, XENT_PREFETCH_AHEAD);
}

/* Sum over one chunk of a * b (of a alone where b is NULL), in the same order: backward. */
XENT_INLINE double products_of(const float *a, const float *b, int64_t n, const distance_to from) {
  lanes group = lanes_set(0.0f);
  dlanes sum = dlanes_zero();
  for (int64_t i = 0; i < n; i += XENT_GROUP) {
    if (from == XENT_FAR && i % XENT_PAGE_FLOATS == 0) {
      __builtin_prefetch((const void *)((uintptr_t)(a + i) + XENT_PAGES_AHEAD * XENT_PAGE));
      if (b) __builtin_prefetch((const void *)((uintptr_t)(b + i) + XENT_PAGES_AHEAD * XENT_PAGE));
    }
    if (n - i >= XENT_GROUP)
      group = product_group(a + i, b ? b + i : NULL, XENT_GROUP, from);
    else
      group = product_group(a + i, b ? b + i : NULL, n - i, from);
    sum = dlanes_add(sum, dlanes_widen(group));
  }
  /* the lanes of the contract begin at +0, so no sum is -0 */
  return (n <= XENT_GROUP ? (double)lanes_tree(group) : dlanes_tree(sum)) + 0.0;
}
XENT_SHARED double sum_products(const float *a, const float *b, int64_t n) {
  return products_of(a, b, n, XENT_NEAR);
}
XENT_SHARED double sum_products_far(const float *a, const float *b, int64_t n) {
  return products_of(a, b, n, XENT_FAR);
}

/* Sum over one chunk of its values in double lanes, class i in lane i mod 16, in class order: smoothing. */
XENT_SHARED double sum_in_double(const float *x, int64_t n) {
  dlanes sum = dlanes_zero();
  int64_t i = 0;
  for (; i + XENT_LANES <= n; i += XENT_LANES) sum = dlanes_add(sum, dlanes_load_floats(x + i));
  if (i < n) sum = dlanes_add(sum, dlanes_widen(lanes_load_part(x + i, n - i, 0.0f)));
  return dlanes_tree(sum);
}

/* Smoothed targets q' of a probability row. */
typedef struct {
  double keep, add; /* q' = keep * q + add, fused; keep = 1 and add = 0 leave q as it is */
} smoothing;

XENT_INLINE dlanes smoothed(lanes q, smoothing s) {
  dlanes wide = dlanes_widen(q);
  return s.add == 0 ? wide : dlanes_line(wide, s.keep, s.add);
}

/* dot = sum of q' x, mass = sum of q', over one chunk; a term whose q' is 0 adds +0 whatever x is. */
XENT_SHARED void sum_targets(const float *x, const float *q, int64_t n, smoothing s, double *dot,
                             double *mass) {
  dlanes d = dlanes_zero(), w = dlanes_zero();
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    const bool whole = n - i >= XENT_LANES;
    lanes xs = whole ? lanes_load(x + i) : lanes_load_part(x + i, n - i, 0.0f);
    lanes qs = whole ? lanes_load(q + i) : lanes_load_part(q + i, n - i, 0.0f);
    dlanes t = smoothed(qs, s);
    if (!whole) t = dlanes_keep_first(t, n - i);
    d = dlanes_fma(t, dlanes_clear_where_zero(dlanes_widen(xs), t), d);
    w = dlanes_add(w, t);
  }
  *dot = dlanes_tree(d);
  *mass = dlanes_tree(w);
}

#endif
