/* SPDX-License-Identifier: Apache-2.0 */
/* Times two functions that alternate. Each round yields one ratio, so noise of the machine affects both. */
#ifndef XENT_BENCH_TIMING_H
#define XENT_BENCH_TIMING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

enum { BENCH_MAX_ROUNDS = 1001 };

typedef struct {
  void (*run)(const void *of);
  const void *of;
} timed;

typedef struct {
  double median; /* of the rounds' ratios */
  double minima; /* the ratio of the shortest times */
  double first, second; /* median times of one run */
} pair_times;

/* The thread's CPU time, which excludes other threads on the same processor. */
static inline double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static inline double median_of(double *values, int count) {
  qsort(values, (size_t)count, sizeof *values, by_size);
  return values[count / 2];
}

/* Whether each run begins without its data and code in the caches. */
static bool is_cold;
enum { BENCH_SWEPT = 96 << 20 };
static inline void sweep_caches(void) {
  static char *all;
  if (!all) all = malloc(BENCH_SWEPT);
  if (!all) abort();
  for (size_t i = 0; i < BENCH_SWEPT; i += 64) *(volatile char *)(all + i) += 1;
}

static inline double time_of(timed t, int64_t repeats) {
  if (is_cold) {
    sweep_caches();
    const double begin = now();
    t.run(t.of);
    return now() - begin;
  }
  t.run(t.of); /* warm up: earlier code left its data in the caches */
  const double begin = now();
  for (int64_t i = 0; i < repeats; i++) t.run(t.of);
  return (now() - begin) / (double)repeats;
}

/* The time of the first over that of the second. They alternate every half millisecond, or every run if that is
 * longer. */
static inline pair_times take_turns(timed first, timed second, int rounds) {
  static double times[2][BENCH_MAX_ROUNDS], ratios[BENCH_MAX_ROUNDS];
  const timed both[2] = {first, second};
  int64_t repeats[2];
  for (int k = 0; k < 2; k++) {
    time_of(both[k], 1);
    repeats[k] = 1 + (int64_t)(0.0005 / time_of(both[k], 1));
  }
  for (int round = 0; round < rounds; round++) {
    for (int turn = 0; turn < 2; turn++) {
      const int k = (round + turn) % 2;
      times[k][round] = time_of(both[k], repeats[k]);
    }
    ratios[round] = times[0][round] / times[1][round];
  }
  const double a = median_of(times[0], rounds), b = median_of(times[1], rounds);
  return (pair_times){median_of(ratios, rounds), times[0][0] / times[1][0], a, b};
}

#endif
