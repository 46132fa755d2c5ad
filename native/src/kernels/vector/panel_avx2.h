/* SPDX-License-Identifier: Apache-2.0 */
/* Register tiles and columns of rows on AVX2. */
#ifndef XENT_PANEL_AVX2_H
#define XENT_PANEL_AVX2_H

#define XENT_TILE_ROWS 6
#define XENT_TILE_LANES 1
#define XENT_FEW_ROWS 8
#define XENT_COLUMNS 4

XENT_INLINE __m128 four_of_row(const char *row, int64_t k, const int32_t type) {
  if (type == XENT_F32) return _mm_loadu_ps((const float *)(const void *)row + k);
  const __m128i halves = _mm_loadl_epi64((const __m128i *)(const void *)(row + 2 * k));
  return type == XENT_BF16 ? _mm_castsi128_ps(_mm_slli_epi32(_mm_cvtepu16_epi32(halves), 16)) : _mm_cvtph_ps(halves);
}
/* Four numbers of eight rows: rows i and i + 4 side by side, then four by four in each half. */
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
XENT_INLINE void lanes_load_columns(const char *const row[XENT_LANES], int64_t k, const int32_t type, lanes t[XENT_COLUMNS]) {
  __m256 lo[4], hi[4];
  eight_rows(row, k, type, lo);
  eight_rows(row + 8, k, type, hi);
  XENT_UNROLL(4)
  for (int j = 0; j < 4; j++) t[j] = (lanes){lo[j], hi[j]};
}

#endif
