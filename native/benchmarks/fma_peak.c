/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the peak rate of fused multiply-adds of one core: twelve chains of vectors that stay in registers. */
#include "fma_peak.h"

#include "kernels/vector/vector.h"

#define JOIN_(name, tier) name##_##tier
#define JOIN(name, tier) JOIN_(name, tier)

double JOIN(bench_fma_peak, XENT_TIER)(int64_t rounds) {
  enum { CHAINS = sizeof(lanes) == sizeof(doubles) ? 12 : 6 }; /* one register or two of each */
  float numbers[CHAINS * XENT_LANES]; /* all different, so that the compiler does not merge chains */
  for (int i = 0; i < CHAINS * XENT_LANES; i++) numbers[i] = (float)i;
  lanes c[CHAINS], a = lanes_set(0.999f), b = lanes_set(1e-3f);
#pragma GCC unroll 12
  for (int i = 0; i < CHAINS; i++) c[i] = lanes_load(numbers + i * XENT_LANES);
  for (int64_t k = 0; k < rounds; k++) {
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) c[i] = lanes_fma(c[i], a, b);
    XENT_IN_ORDER();
  }
#pragma GCC unroll 12
  for (int i = 1; i < CHAINS; i++) c[0] = lanes_add(c[0], c[i]);
  bench_fma_sum = lanes_largest(c[0]);
  return (double)rounds * CHAINS * XENT_LANES * 2;
}
