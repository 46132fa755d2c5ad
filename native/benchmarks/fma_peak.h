/* SPDX-License-Identifier: Apache-2.0 */
#ifndef XENT_BENCH_FMA_PEAK_H
#define XENT_BENCH_FMA_PEAK_H

#include <stdint.h>

extern float bench_fma_sum; /* stores the result, so that the compiler keeps the computation */

/* Each returns the number of operations, two per fused multiply-add. */
double bench_fma_peak_avx2(int64_t rounds);
double bench_fma_peak_avx512(int64_t rounds);

#endif
