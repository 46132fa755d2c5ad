/* SPDX-License-Identifier: Apache-2.0 */
/* Weights: exponentials as integers, whose sums are exact. A vector of doubles holds them: those of 1024 classes add up
 * to less than 2^53. */
#ifndef XENT_SAMPLE_WEIGHTS_H
#define XENT_SAMPLE_WEIGHTS_H

#include "kernels/math/exponential.h"

enum {
  SAMPLE_PIECE = 1024,
  SAMPLE_REACH = 32 /* a class whose probability is exp(-32) of the largest one's has weight 0 */
};

typedef struct {
  heat heat;
  exp_references references;
  float shift;  /* is subtracted first, where it is not 0 */
  double scale; /* 2^g */
} weigher;

#define XENT_WHOLE 0x1.8p52 /* adding it rounds to a whole number */

XENT_INLINE double scale_of_classes(int64_t classes) {
  int bits = 0;
  while (INT64_C(1) << bits < classes) bits++;
  return (double)(INT64_C(1) << (bits > 20 ? 32 - bits : 12));
}

/* For a set whose largest value is `top`. */
XENT_INLINE weigher weigher_of(const heat *h, float top, double scale) {
  const bool shifted = fabsf(top * h->hi) > XENT_LIMIT;
  weigher w = {.heat = *h, .shift = shifted ? top : 0.0f, .scale = scale};
  w.references = exp_everywhere(exp_reference_of(reference_for(shifted ? 0.0f : top, h), h));
  return w;
}

/* `count` vectors of x become exponentials. */
XENT_INLINE void exponentials(const weigher *w, lanes *x, const int count) {
  const lanes shift = lanes_set(w->shift);
  if (w->shift != 0) {
    XENT_UNROLL(8)
    for (int j = 0; j < count; j++) x[j] = lanes_sub(x[j], shift);
  }
  exp_lanes(x, count, &w->references, false, &w->heat);
}

/* And those weights. */
XENT_INLINE dlanes whole_weights(const weigher *w, lanes e) {
  const dlanes whole = dlanes_set(XENT_WHOLE);
  return dlanes_sub(dlanes_add(dlanes_scale(dlanes_widen(e), w->scale), whole), whole);
}
XENT_INLINE int64_t weight_of_exponential(const weigher *w, float e) {
  const double product = (double)e * w->scale, raised = product + XENT_WHOLE;
  return (int64_t)(raised - XENT_WHOLE);
}
XENT_INLINE int64_t weight_of(const weigher *w, float x) {
  XENT_ALIGNED float e[XENT_LANES];
  lanes v[1] = {lanes_set(x)};
  exponentials(w, v, 1);
  lanes_store(e, v[0]);
  return weight_of_exponential(w, e[0]);
}

/* The exponentials of n <= SAMPLE_PIECE values, in whole vectors. */
XENT_SHARED void exponentials_of(const weigher *w, const float *x, int64_t n, float *e) {
  int64_t k = 0;
  for (; k + XENT_BATCH * XENT_LANES <= n; k += XENT_BATCH * XENT_LANES) {
    lanes v[XENT_BATCH];
    for (int j = 0; j < XENT_BATCH; j++) v[j] = lanes_load(x + k + j * XENT_LANES);
    exponentials(w, v, XENT_BATCH);
    for (int j = 0; j < XENT_BATCH; j++) lanes_store(e + k + j * XENT_LANES, v[j]);
  }
  for (; k < n; k += XENT_LANES) {
    lanes v[1] = {lanes_load_part(x + k, n - k, -INFINITY)};
    exponentials(w, v, 1);
    lanes_store(e + k, v[0]);
  }
}

/* The weights of those of n <= SAMPLE_PIECE values that are above `low` and, where `bounded`, not above `high`. */
XENT_INLINE dlanes add_weights(const weigher *w, dlanes sum, const lanes *x, const int count, lanes low, lanes high, const bool bounded) {
  lanes e[XENT_BATCH];
  const lanes zero = lanes_set(0);
  XENT_UNROLL(8)
  for (int j = 0; j < count; j++) e[j] = x[j];
  exponentials(w, e, count);
  XENT_UNROLL(8)
  for (int j = 0; j < count; j++) {
    if (bounded) {
      e[j] = lanes_where_above(x[j], low, e[j], zero);
      e[j] = lanes_where_above(x[j], high, zero, e[j]);
    }
    sum = dlanes_add(sum, whole_weights(w, e[j]));
  }
  return sum;
}
XENT_INLINE int64_t sum_of_weights(const weigher *w, const float *x, int64_t n, float low, float high, const bool bounded) {
  dlanes sum = dlanes_zero();
  const lanes lows = lanes_set(low), highs = lanes_set(high);
  int64_t k = 0;
  for (; k + XENT_BATCH * XENT_LANES <= n; k += XENT_BATCH * XENT_LANES) {
    lanes v[XENT_BATCH];
    XENT_UNROLL(8)
    for (int j = 0; j < XENT_BATCH; j++) v[j] = lanes_load(x + k + j * XENT_LANES);
    sum = add_weights(w, sum, v, XENT_BATCH, lows, highs, bounded);
  }
  for (; k < n; k += XENT_LANES) {
    const lanes v[1] = {lanes_load_part(x + k, n - k, -INFINITY)};
    sum = add_weights(w, sum, v, 1, lows, highs, bounded);
  }
  return (int64_t)dlanes_tree(sum);
}

#endif
