/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over the targets of a chunk: of t (m - x), which is not negative if no target is, and of t. */
#ifndef XENT_TARGET_SUMS_H
#define XENT_TARGET_SUMS_H

#include "kernels/stages/load/row_source.h"
#include "kernels/stages/sum/chunk.h"

/* The target of class i of a row: w q', w or 1; 0 for a masked class and for the class `without`. */
typedef struct {
  strided q, w;     /* `at` is NULL: absent */
  float confidence, add; /* q' = confidence * q + add, fused, if smooth is set; without q: add */
  bool smooth;
  const uint8_t *mask;
  int64_t mask_stride;
  int64_t without;
} class_targets;

/* The targets of sixteen classes from i on, of which n are left. */
XENT_INLINE lanes target_lanes(const class_targets *t, int64_t i, int64_t n) {
  lanes v = lanes_set(t->add);
  if (t->q.at) v = class_share(strided_load(&t->q, i, n, 0.0f), t->confidence, v, t->smooth);
  if (t->w.at) v = class_target(strided_load(&t->w, i, n, 0.0f), v);
  if (t->mask) v = where_counted(t->mask + i * t->mask_stride, t->mask_stride, n, v, 0.0f);
  if (n < XENT_LANES) v = lanes_keep_first(v, n);
  return t->without >= 0 ? lanes_drop(v, t->without - i) : v;
}

typedef struct {
  double dot, mass;
} target_sums;

/* Whether q and w are contiguous floats or absent, and no class is masked or left out. */
XENT_INLINE bool targets_are_floats(const class_targets *t) {
  return (!t->q.at || is_direct(&t->q)) && (!t->w.at || is_direct(&t->w)) && !t->mask && t->without < 0;
}
XENT_INLINE lanes load_up_to(const float *x, int64_t n) {
  return n >= XENT_LANES ? lanes_load(x) : lanes_load_part(x, n, 0.0f);
}
XENT_INLINE lanes target_floats(const class_targets *t, int64_t i, int64_t n, const bool q, const bool w) {
  lanes v = lanes_set(t->add);
  if (q) v = class_share(load_up_to((const float *)(const void *)t->q.at + i, n), t->confidence, v, t->smooth);
  if (w) v = class_target(load_up_to((const float *)(const void *)t->w.at + i, n), v);
  return n >= XENT_LANES ? v : lanes_keep_first(v, n);
}

/* A group of n floats x, or the first of them, and their targets: floats, or any kind. whole: of eight vectors. */
XENT_INLINE void sum_target_group(const class_targets *t, const float *x, int64_t begin, int64_t n, lanes largest,
                                  lanes *dots, lanes *masses, const bool whole, const bool q, const bool w) {
  const lanes none = lanes_set(0.0f);
  lanes d[2], m[2]; /* of half a group each */
  XENT_UNROLL(2)
  for (int half = 0; half < 2; half++) {
    lanes weight[XENT_UNIT_VECTORS], term[XENT_UNIT_VECTORS];
    XENT_UNROLL(4)
    for (int k = 0; k < XENT_UNIT_VECTORS; k++) {
      const int64_t at = half * XENT_UNIT + k * XENT_LANES, left = whole ? XENT_LANES : n - at;
      weight[k] = left > 0 ? target_floats(t, begin + at, left, q, w) : none;
      term[k] = class_gap(weight[k], largest, left > 0 ? load_up_to(x + at, left) : none);
    }
    d[half] = sum_of_four_vectors(term);
    m[half] = sum_of_four_vectors(weight);
  }
  *dots = lanes_add(d[0], d[1]);
  *masses = lanes_add(m[0], m[1]);
}
XENT_INLINE target_sums sum_targets_as(const class_targets *from, const float *x, int64_t begin, int64_t n, float m,
                                       const bool q, const bool w) {
  const class_targets own = *from, *t = &own;
  const lanes largest = lanes_set(m);
  lanes dots = lanes_set(0.0f), masses = dots;
  dlanes dot = dlanes_zero(), mass = dlanes_zero();
  for (int64_t i = 0; i < n; i += XENT_GROUP) {
    if (n - i >= XENT_GROUP)
      sum_target_group(t, x + i, begin + i, XENT_GROUP, largest, &dots, &masses, true, q, w);
    else
      sum_target_group(t, x + i, begin + i, n - i, largest, &dots, &masses, false, q, w);
    dot = dlanes_add(dot, dlanes_widen(dots));
    mass = dlanes_add(mass, dlanes_widen(masses));
  }
  return (target_sums){chunk_tree(n, dots, dot), chunk_tree(n, masses, mass)};
}
/* A group of targets of any kind, which are converted to floats. */
XENT_SHARED void sum_odd_group(const class_targets *t, const float *x, int64_t begin, int64_t n, float m, lanes *dots,
                               lanes *masses) {
  XENT_ALIGNED float targets[XENT_GROUP];
  const class_targets ready = {.q = {.at = (const char *)targets, .stride = 1, .type = XENT_F32},
                               .without = XENT_NO_CLASS};
  for (int64_t k = 0; k < n; k += XENT_LANES) lanes_store(targets + k, target_lanes(t, begin + k, n - k));
  sum_target_group(&ready, x, 0, n, lanes_set(m), dots, masses, false, true, false);
}
XENT_SHARED target_sums sum_odd_targets(const class_targets *t, const float *x, int64_t begin, int64_t n, float m) {
  lanes dots = lanes_set(0.0f), masses = dots;
  dlanes dot = dlanes_zero(), mass = dlanes_zero();
  for (int64_t i = 0; i < n; i += XENT_GROUP) {
    sum_odd_group(t, x + i, begin + i, n - i < XENT_GROUP ? n - i : XENT_GROUP, m, &dots, &masses);
    dot = dlanes_add(dot, dlanes_widen(dots));
    mass = dlanes_add(mass, dlanes_widen(masses));
  }
  return (target_sums){chunk_tree(n, dots, dot), chunk_tree(n, masses, mass)};
}
/* The sums for n floats x, which are the row's classes from `begin` on. */
XENT_SHARED target_sums sum_targets(const class_targets *t, const float *x, int64_t begin, int64_t n, float m) {
  if (!targets_are_floats(t)) return sum_odd_targets(t, x, begin, n, m);
  if (t->q.at && t->w.at) return sum_targets_as(t, x, begin, n, m, true, true);
  if (t->q.at) return sum_targets_as(t, x, begin, n, m, true, false);
  return t->w.at ? sum_targets_as(t, x, begin, n, m, false, true) : sum_targets_as(t, x, begin, n, m, false, false);
}

/* The gaps m - x of a group of n classes: +0 for masked classes, and for the class `without`. */
XENT_INLINE lanes sum_gap_group(const float *x, int64_t n, lanes m, const uint8_t *mask, int64_t without,
                                const bool whole) {
  lanes v[XENT_GROUP_VECTORS];
  XENT_UNROLL(8)
  for (int k = 0; k < XENT_GROUP_VECTORS; k++) {
    const int64_t at = k * XENT_LANES, left = n - at;
    v[k] = whole || left >= XENT_LANES ? lanes_sub(m, lanes_load(x + at))
           : left > 0                  ? lanes_keep_first(lanes_sub(m, lanes_load_part(x + at, left, 0.0f)), left)
                                       : lanes_set(0.0f);
    if (mask) v[k] = lanes_where_set(mask + at, v[k], lanes_set(0.0f));
    if (!whole) v[k] = lanes_drop(v[k], without - at);
  }
  return lanes_add(sum_of_four_vectors(v), sum_of_four_vectors(v + 4));
}
/* The dot of sum_targets if every target is 1, except masked classes and the class `without`. mask: at the first class,
 * or NULL. */
XENT_SHARED double sum_gaps(const float *x, int64_t n, float m, int64_t without, const uint8_t *mask, int64_t stride) {
  const lanes largest = lanes_set(m);
  lanes group = lanes_set(0.0f), unused;
  dlanes sum = dlanes_zero();
  for (int64_t i = 0; i < n; i += XENT_GROUP) {
    const int64_t left = n - i;
    const bool whole = left >= XENT_GROUP && (uint64_t)(without - i) >= XENT_GROUP;
    if (!mask) {
      group = whole ? sum_gap_group(x + i, left, largest, NULL, 0, true)
                    : sum_gap_group(x + i, left, largest, NULL, without - i, false);
    } else if (whole && stride == 1) {
      group = sum_gap_group(x + i, left, largest, mask + i, 0, true);
    } else {
      const class_targets t = {.add = 1, .mask = mask, .mask_stride = stride, .without = without};
      sum_odd_group(&t, x + i, i, left < XENT_GROUP ? left : XENT_GROUP, m, &group, &unused);
    }
    sum = dlanes_add(sum, dlanes_widen(group));
  }
  return chunk_tree(n, group, sum);
}

/* Adds e(x; N) (M - x), with e in memory. A chunk may be added in pieces, which must be whole groups except for the
 * last one. */
XENT_SHARED void add_entropy(product_sum *s, const float *x, const float *e, int64_t n, float N, float max,
                             const f32_temperature *h) {
  const lanes M = lanes_set(max), lowest = lanes_set(exp_reference_of(N, h).lowest);
  for (int64_t i = 0; i < n; i += XENT_GROUP) {
    lanes halves[2];
    XENT_UNROLL(2)
    for (int half = 0; half < 2; half++) {
      lanes v[XENT_UNIT_VECTORS];
      XENT_UNROLL(4)
      for (int k = 0; k < XENT_UNIT_VECTORS; k++) {
        const int64_t at = i + half * XENT_UNIT + k * XENT_LANES, left = n - at;
        v[k] = left >= XENT_LANES ? class_entropy(lanes_load(x + at), lanes_load(e + at), M, lowest) : lanes_set(0.0f);
        if (left > 0 && left < XENT_LANES)
          v[k] =
              class_entropy(lanes_load_part(x + at, left, -INFINITY), lanes_load_part(e + at, left, 0.0f), M, lowest);
      }
      halves[half] = sum_of_four_vectors(v);
    }
    s->group = lanes_add(halves[0], halves[1]);
    s->sum = dlanes_add(s->sum, dlanes_widen(s->group));
  }
}

#endif
