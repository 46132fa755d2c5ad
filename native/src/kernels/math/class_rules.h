/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations of float32 arithmetic per class: each rule is defined once, for classes along a row, for interleaved
 * rows and for columns. The rules of float64 are f64_line, f64_pulled, f64_cap, f64_class_targets and similar
 * functions. The test class_rules counts them all.
 */
#ifndef XENT_CLASS_RULES_H
#define XENT_CLASS_RULES_H

#include "kernels/math/tanh.h"

/* softcap tanh(x / softcap), uncap being 1 / softcap, and its derivative 1 - tanh^2, of `count` vectors. */
XENT_INLINE void class_softcap(float cap, float uncap, lanes *x, lanes *slope, const int count) {
  XENT_STAGE(x[j] = lanes_mul(x[j], lanes_set(uncap)));
  tanh_vectors(x, count);
  XENT_STAGE(slope[j] = lanes_fma(lanes_sub(lanes_set(-0.0f), x[j]), x[j], lanes_set(1)));
  XENT_STAGE(x[j] = lanes_mul(lanes_set(cap), x[j]));
}

/* The target of a class: w (keep q + add), where keep and add belong to smoothing. Without q the class has only the
 * share add; without w it is not weighted. All classes have the same parts, so these are branches. */
XENT_INLINE lanes class_share(lanes q, float keep, lanes add, const bool smooth) {
  if (smooth) q = lanes_fma(lanes_set(keep), q, add);
  return q;
}
XENT_INLINE lanes class_target(lanes w, lanes share) { return lanes_mul(w, share); }

/* t (m - x), or +0 if the target t is 0, for any x. */
XENT_INLINE lanes class_gap(lanes t, lanes m, lanes x) {
  const lanes none = lanes_set(0.0f);
  return lanes_where_equal(t, none, none, lanes_mul(t, lanes_sub(m, x)));
}

/* e (m - x), with x clamped from below like in the exponential: below the clamp e is +0. */
XENT_INLINE lanes class_entropy(lanes x, lanes e, lanes max, lanes lowest) {
  return lanes_mul(e, lanes_sub(max, lanes_floor_at(x, lowest)));
}

/* The second pass: e f + b, a probability (b = -0: fma(e, f, -0) is e f bit for bit) or a gradient (b = -(t scale));
 * and (x - max) r - D, a log-probability. */
XENT_INLINE lanes class_line(lanes v, lanes f, lanes b) { return lanes_fma(v, f, b); }
XENT_INLINE lanes class_pull(lanes t, lanes scale) { return lanes_sub(lanes_set(-0.0f), lanes_mul(t, scale)); }
XENT_INLINE lanes log_probability(lanes x, lanes max, lanes r, lanes minus_distance) {
  return class_line(lanes_sub(x, max), r, minus_distance);
}

/* The gradient with respect to a target: factor (log-sum-exp - x), +0 if the factor is 0. */
XENT_INLINE lanes class_target_gradient(lanes factor, lanes x, float max, float r, float distance) {
  const lanes zero = lanes_set(0.0f);
  const lanes far = lanes_fma(lanes_sub(lanes_set(max), x), lanes_set(r), lanes_set(distance));
  return lanes_quiet(lanes_where_equal(factor, zero, zero, lanes_mul(factor, far)));
}

#endif
