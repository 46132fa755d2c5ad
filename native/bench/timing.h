/* SPDX-License-Identifier: Apache-2.0 */
#ifndef XENT_BENCH_TIMING_H
#define XENT_BENCH_TIMING_H

#include <time.h>

enum { BENCH_MAX_ROUNDS = 101 };

static inline double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline int by_time(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

#endif
