/* SPDX-License-Identifier: Apache-2.0 */
/* A byte for each of 32 bits, not 0 if the bit is set. */
#ifndef XENT_FLAGS_H
#define XENT_FLAGS_H

#include "kernels/vector/vector.h"

/* Bit k of a byte becomes bit k of byte k. */
XENT_INLINE uint64_t flags_of_byte(uint64_t byte) {
  return byte * UINT64_C(0x0101010101010101) & UINT64_C(0x8040201008040201);
}

XENT_INLINE void store_flags(uint32_t bits, uint8_t *to) {
#if defined(__AVX512F__)
  _mm256_storeu_si256((__m256i *)to, _mm256_maskz_set1_epi8(bits, 1));
#elif defined(__AVX2__) && defined(__FMA__)
  const __m256i byte = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
  const __m256i bit = _mm256_set1_epi64x((int64_t)UINT64_C(0x8040201008040201));
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), byte);
  _mm256_storeu_si256((__m256i *)to, _mm256_and_si256(bytes, bit));
#else
  const uint64_t four[] = {flags_of_byte(bits & 255), flags_of_byte(bits >> 8 & 255), flags_of_byte(bits >> 16 & 255),
                           flags_of_byte(bits >> 24)};
  memcpy(to, four, sizeof four);
#endif
}

#endif
