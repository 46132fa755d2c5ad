/* SPDX-License-Identifier: Apache-2.0 */
/* Register tiles and columns of rows on AVX2. */
#ifndef XENT_PANEL_AVX2_H
#define XENT_PANEL_AVX2_H

#define XENT_TILE_ROWS 6
#define XENT_TILE_LANES 1
#define XENT_FEW_ROWS 8
#define XENT_COLUMNS 4

XENT_INLINE __m128 four_of_row(const char *row, int64_t k, const int32_t type) {
  return _mm_loadu_ps((const float *)(const void *)(row + k * size_of_float(type)));
}
/* Four numbers of eight rows: rows i and i + 4 in one register, then a transpose of four by four in each half. */
XENT_INLINE void eight_rows(const char *const row[8], int64_t k, const int32_t type, __m256 t[4]) {
  __m256 a[4], b[4];
  XENT_UNROLL(4)
  for (int i = 0; i < 4; i++) a[i] = _mm256_set_m128(four_of_row(row[i + 4], k, type), four_of_row(row[i], k, type));
  b[0] = _mm256_unpacklo_ps(a[0], a[1]);
  b[1] = _mm256_unpackhi_ps(a[0], a[1]);
  b[2] = _mm256_unpacklo_ps(a[2], a[3]);
  b[3] = _mm256_unpackhi_ps(a[2], a[3]);
  t[0] = _mm256_shuffle_ps(b[0], b[2], 0x44);
  t[1] = _mm256_shuffle_ps(b[0], b[2], 0xee);
  t[2] = _mm256_shuffle_ps(b[1], b[3], 0x44);
  t[3] = _mm256_shuffle_ps(b[1], b[3], 0xee);
}
XENT_INLINE void lanes_load_columns(const char *const row[XENT_LANES], int64_t k, const int32_t type,
                                    lanes t[XENT_COLUMNS]) {
  __m256 lo[4], hi[4];
  eight_rows(row, k, type, lo);
  eight_rows(row + 8, k, type, hi);
  XENT_UNROLL(4)
  for (int j = 0; j < 4; j++) t[j] = (lanes){lo[j], hi[j]};
}
XENT_INLINE __m256 floats_of_bits(__m256 bits, const int32_t type, const bool upper) {
  __m256i u = _mm256_castps_si256(bits);
  if (type == XENT_BF16)
    return _mm256_castsi256_ps(upper ? _mm256_and_si256(u, _mm256_set1_epi32(-65536)) : _mm256_slli_epi32(u, 16));
  u = upper ? _mm256_srli_epi32(u, 16) : _mm256_and_si256(u, _mm256_set1_epi32(0xffff));
  return _mm256_cvtph_ps(_mm_packus_epi32(_mm256_castsi256_si128(u), _mm256_extracti128_si256(u, 1)));
}
XENT_INLINE lanes lanes_of_bits(lanes bits, const int32_t type, const bool upper) {
  return type == XENT_F32 ? bits : (lanes){floats_of_bits(bits.lo, type, upper), floats_of_bits(bits.hi, type, upper)};
}

#endif
