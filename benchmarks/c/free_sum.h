/* SPDX-License-Identifier: Apache-2.0 */
#ifndef XENT_BENCH_FREE_SUM_H
#define XENT_BENCH_FREE_SUM_H

#include <stdint.h>

/* The log-sum-exp of n floats, whole groups of 128. */
double xent_free_sum_avx2(const float *x, int64_t n);
double xent_free_sum_avx512(const float *x, int64_t n);

#endif
