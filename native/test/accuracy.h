/* SPDX-License-Identifier: Apache-2.0 */
/* How far float64 results are from long double. */
#ifndef XENT_TEST_ACCURACY_H
#define XENT_TEST_ACCURACY_H

#include <math.h>
#include <stdint.h>

static inline void raise_to(double *worst, long double error) {
  if ((double)error > *worst || error != error) *worst = (double)error;
}

/* log sum exp(x) - max */
static inline long double distance_of(const double *x, int64_t n, double *max, int64_t *at) {
  long double sum = 0;
  *at = 0;
  for (int64_t k = 0; k < n; k++)
    if (x[k] > x[*at]) *at = k;
  *max = x[*at];
  for (int64_t k = 0; k < n; k++)
    if (k != *at) sum += expl((long double)x[k] - (long double)*max);
  return log1pl(sum);
}

#endif
