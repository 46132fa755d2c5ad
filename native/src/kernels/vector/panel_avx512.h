/* SPDX-License-Identifier: Apache-2.0 */
/* Register tiles and columns of rows on AVX-512. */
#ifndef XENT_PANEL_AVX512_H
#define XENT_PANEL_AVX512_H

#define XENT_TILE_ROWS 12
#define XENT_TILE_LANES 2
#define XENT_FEW_ROWS 8
#define XENT_COLUMNS 16

XENT_INLINE __m512 unpack_doubles(__m512 a, __m512 b, const bool high) {
  const __m512d x = _mm512_castps_pd(a), y = _mm512_castps_pd(b);
  return _mm512_castpd_ps(high ? _mm512_unpackhi_pd(x, y) : _mm512_unpacklo_pd(x, y));
}
XENT_INLINE void lanes_load_columns(const char *const row[XENT_LANES], int64_t k, const int32_t type,
                                    lanes t[XENT_COLUMNS]) {
  __m512 a[16], b[16];
  XENT_UNROLL(16)
  for (int i = 0; i < 16; i++) a[i] = _mm512_loadu_ps(row[i] + k * size_of_float(type));
  XENT_UNROLL(8)
  for (int i = 0; i < 16; i += 2) {
    b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
  }
  XENT_UNROLL(4)
  for (int i = 0; i < 16; i += 4) { /* a[i + j]: in its quarters q, number 4 q + j of rows i .. i + 3 */
    a[i] = unpack_doubles(b[i], b[i + 2], false);
    a[i + 1] = unpack_doubles(b[i], b[i + 2], true);
    a[i + 2] = unpack_doubles(b[i + 1], b[i + 3], false);
    a[i + 3] = unpack_doubles(b[i + 1], b[i + 3], true);
  }
  XENT_UNROLL(4)
  for (int j = 0; j < 4; j++) {
    const __m512 even = _mm512_shuffle_f32x4(a[j], a[4 + j], 0x88), odd = _mm512_shuffle_f32x4(a[j], a[4 + j], 0xdd);
    const __m512 even8 = _mm512_shuffle_f32x4(a[8 + j], a[12 + j], 0x88),
                 odd8 = _mm512_shuffle_f32x4(a[8 + j], a[12 + j], 0xdd);
    t[j].v = _mm512_shuffle_f32x4(even, even8, 0x88);
    t[8 + j].v = _mm512_shuffle_f32x4(even, even8, 0xdd);
    t[4 + j].v = _mm512_shuffle_f32x4(odd, odd8, 0x88);
    t[12 + j].v = _mm512_shuffle_f32x4(odd, odd8, 0xdd);
  }
}
XENT_INLINE lanes lanes_of_bits(lanes bits, const int32_t type, const bool upper) {
  if (type == XENT_F32) return bits;
  __m512i u = _mm512_castps_si512(bits.v);
  if (type == XENT_BF16)
    return (lanes){
        _mm512_castsi512_ps(upper ? _mm512_and_si512(u, _mm512_set1_epi32(-65536)) : _mm512_slli_epi32(u, 16))};
  if (upper) u = _mm512_srli_epi32(u, 16);
  return (lanes){_mm512_cvtph_ps(_mm512_cvtepi32_epi16(u))};
}

#endif
