/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax in long double. */
#ifndef XENT_TEST_SOFTMAX_OF_H
#define XENT_TEST_SOFTMAX_OF_H

#include <math.h>
#include <stdint.h>

/* p = softmax(row); returns log-sum-exp */
static inline long double softmax_of(const float *row, int64_t n, long double *p) {
  long double max = -INFINITY, sum = 0;
  for (int64_t i = 0; i < n; i++)
    if (row[i] > max) max = row[i];
  for (int64_t i = 0; i < n; i++) sum += p[i] = expl(row[i] - max);
  for (int64_t i = 0; i < n; i++) p[i] /= sum;
  return max + logl(sum);
}

#endif
