/* SPDX-License-Identifier: Apache-2.0 */
/* Philox4x32-10, and a number below S from its 128 bits (conformance/numerics.md, section 11); contract_philox and
 * drawn_below in native/test/contract/sample.c are the plain forms. */
#ifndef XENT_SAMPLE_PHILOX_H
#define XENT_SAMPLE_PHILOX_H

#include <stdint.h>

typedef struct {
  uint64_t low, high;
} random_number;

static inline random_number philox(uint64_t seed, uint64_t stream, uint32_t step, uint32_t draw) {
  uint32_t c[4] = {step, draw, (uint32_t)stream, (uint32_t)(stream >> 32)};
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    const uint64_t a = UINT64_C(0xd2511f53) * c[0], b = UINT64_C(0xcd9e8d57) * c[2];
    const uint32_t c1 = c[1], c3 = c[3];
    c[0] = (uint32_t)(b >> 32) ^ c1 ^ k0;
    c[1] = (uint32_t)b;
    c[2] = (uint32_t)(a >> 32) ^ c3 ^ k1;
    c[3] = (uint32_t)a;
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  return (random_number){(uint64_t)c[1] << 32 | c[0], (uint64_t)c[3] << 32 | c[2]};
}

__extension__ typedef unsigned __int128 two_words;

/* floor(R S / 2^128) */
static inline int64_t below_sum(random_number r, int64_t sum) {
  const two_words low = (two_words)r.low * (uint64_t)sum;
  return (int64_t)(((two_words)r.high * (uint64_t)sum + (uint64_t)(low >> 64)) >> 64);
}

/* ceil(p S) for 0 < p < 1: the integer that a mass has to reach. */
static inline int64_t share_of_sum(double p, int64_t sum) {
  uint64_t bits;
  __builtin_memcpy(&bits, &p, sizeof bits);
  const int exponent = (int)(bits >> 52);
  const uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
  const two_words product = (two_words)(exponent ? fraction | UINT64_C(1) << 52 : fraction) * (uint64_t)sum;
  const int shift = 1075 - (exponent ? exponent : 1); /* p = product 2^-shift */
  if (shift >= 128) return 1;
  const two_words whole = product >> shift;
  return (int64_t)whole + ((whole << shift) != product);
}

#endif
