/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax in long double, and float32 results compared with what formulas make of it. */
#ifndef XENT_TEST_FORMULAS_H
#define XENT_TEST_FORMULAS_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>

/* p = softmax(row); returns log-sum-exp */
static inline long double softmax_of(const float *row, int64_t n, long double *p) {
  long double max = -INFINITY, sum = 0;
  for (int64_t i = 0; i < n; i++)
    if (row[i] > max) max = row[i];
  for (int64_t i = 0; i < n; i++) sum += p[i] = expl(row[i] - max);
  for (int64_t i = 0; i < n; i++) p[i] /= sum;
  return max + logl(sum);
}

enum { VALUE_ROWS = 5, MAX_CLASSES = 300 };

static const int64_t class_counts[] = {1, 2, 7, 16, 17, 100, 128, 129, 300};
static int64_t compared, wrong;

static inline void expect(const char *what, int64_t n, double got, long double want, long double scale) {
  compared++;
  const long double error = fabsl((long double)got - want);
  if (!(error <= 2e-6L * scale) && wrong++ < 20)
    fprintf(stderr, "%s, %lld classes: %.9g instead of %.9Lg\n", what, (long long)n, got, want);
}

/* What a test ends with: how many values there were, and whether one was wrong. */
static inline int all_values(void) {
  printf("%lld values compared, %lld wrong\n", (long long)compared, (long long)wrong);
  return wrong != 0;
}

#endif
