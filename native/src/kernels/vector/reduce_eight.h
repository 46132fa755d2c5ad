/* SPDX-License-Identifier: Apache-2.0 */
/* Reduces eight rows of eight floats at once, in registers that AVX2 and AVX-512 both have. */
#ifndef XENT_REDUCE_EIGHT_H
#define XENT_REDUCE_EIGHT_H

XENT_INLINE __m256 either_of_eight(__m256 a, __m256 b, const bool largest) {
  return largest ? _mm256_max_ps(a, b) : _mm256_add_ps(a, b);
}
/* Lane i is row i of eight, in the order j + 4, j + 2; two numbers per row are left. */
XENT_INLINE void reduce_eight(const __m256 r[8], const bool largest, __m256 left[2]) {
  __m256 halves[4], pairs[2];
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++) /* rows k and k + 4 in the halves */
    halves[k] = either_of_eight(_mm256_permute2f128_ps(r[k], r[k + 4], 0x20),
                                _mm256_permute2f128_ps(r[k], r[k + 4], 0x31), largest);
  XENT_UNROLL(2)
  for (int k = 0; k < 2; k++) {
    const __m256 a = halves[2 * k], b = halves[2 * k + 1];
    pairs[k] = either_of_eight(_mm256_shuffle_ps(a, b, 0x44), _mm256_shuffle_ps(a, b, 0xee), largest);
  }
  left[0] = _mm256_shuffle_ps(pairs[0], pairs[1], 0x88);
  left[1] = _mm256_shuffle_ps(pairs[0], pairs[1], 0xdd);
}

#endif
