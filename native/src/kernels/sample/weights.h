/* SPDX-License-Identifier: Apache-2.0 */
/* Weights: exponentials as integers, whose sums are exact. */
#ifndef XENT_SAMPLE_WEIGHTS_H
#define XENT_SAMPLE_WEIGHTS_H

#include "kernels/math/exponential.h"
#include "kernels/vector/whole.h"

enum {
  SAMPLE_PIECE = 1024,
  SAMPLE_REACH = 32 /* a class whose probability is exp(-32) times the largest one has weight 0 */
};

typedef struct {
  f32_temperature temperature;
  exp_references references;
  float shift, reference; /* shift: subtracted first, if it is not 0 */
  double scale; /* 2^g */
} weigher;

XENT_INLINE double scale_of_classes(int64_t classes) {
  int bits = 0;
  while (INT64_C(1) << bits < classes) bits++;
  return (double)(INT64_C(1) << (bits > 20 ? 32 - bits : 12));
}

/* The weigher of a set with largest value `top`. */
XENT_INLINE weigher weigher_of(const f32_temperature *h, float top, double scale) {
  const bool shifted = fabsf(top * h->hi) > XENT_LIMIT;
  weigher w = {.temperature = *h, .shift = shifted ? top : 0.0f, .scale = scale};
  w.reference = reference_for(shifted ? 0.0f : top, h);
  w.references = exp_everywhere(exp_reference_of(w.reference, h));
  return w;
}

/* Replaces `count` vectors of x by their exponentials. */
XENT_INLINE void exponentials(const weigher *w, lanes *x, const int count) {
  const lanes shift = lanes_set(w->shift);
  if (w->shift != 0) {
    XENT_UNROLL(8)
    for (int j = 0; j < count; j++) x[j] = lanes_sub(x[j], shift);
  }
  exp_lanes(x, count, &w->references, false, &w->temperature);
}

XENT_INLINE int64_t weight_of_exponential(const weigher *w, float e) {
  const double product = (double)e * w->scale, raised = product + XENT_WHOLE;
  return (int64_t)(double_bits(raised) - XENT_WHOLE_BITS);
}
XENT_INLINE int64_t weight_of(const weigher *w, float x) {
  XENT_ALIGNED float e[XENT_LANES];
  lanes v[1] = {lanes_set(x)};
  exponentials(w, v, 1);
  lanes_store(e, v[0]);
  return weight_of_exponential(w, e[0]);
}

/* The exponentials of n <= SAMPLE_PIECE values, in whole vectors. */
XENT_SHARED void exponentials_of(const weigher *of, const float *x, int64_t n, float *e) {
  const weigher own = *of, *w = &own; /* a copy, which no store here can change */
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

/* The sum of `numbers` weights, from the sum of their bits. */
XENT_INLINE int64_t sum_of_wholes(wholes w, int64_t numbers) {
  return (int64_t)(wholes_sum(w) - (uint64_t)numbers * XENT_WHOLE_BITS);
}

/* The sum of the weights of n values. */
XENT_INLINE int64_t sum_of_weights(const weigher *w, const float *x, int64_t n) {
  wholes sum = wholes_zero();
  int64_t k = 0;
  for (; k + XENT_BATCH * XENT_LANES <= n; k += XENT_BATCH * XENT_LANES) {
    lanes e[XENT_BATCH];
    XENT_UNROLL(8)
    for (int j = 0; j < XENT_BATCH; j++) e[j] = lanes_load(x + k + j * XENT_LANES);
    exponentials(w, e, XENT_BATCH);
    XENT_UNROLL(8)
    for (int j = 0; j < XENT_BATCH; j++) sum = wholes_add(sum, dlanes_whole(e[j], w->scale));
  }
  for (; k < n; k += XENT_LANES) {
    lanes e[1] = {lanes_load_part(x + k, n - k, -INFINITY)};
    exponentials(w, e, 1);
    sum = wholes_add(sum, dlanes_whole(e[0], w->scale));
  }
  return sum_of_wholes(sum, (n + XENT_LANES - 1) / XENT_LANES * XENT_LANES);
}

#endif
