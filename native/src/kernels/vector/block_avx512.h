/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen interleaved rows on AVX-512. A reduction across the lanes of sixteen rows halves the number of registers at
 * each level of the tree: the instruction count is that of a reduction lane by lane, but no lane is idle. */
#ifndef XENT_BLOCK_AVX512_H
#define XENT_BLOCK_AVX512_H

#include "kernels/vector/reduce_eight.h"

enum { XENT_IN_FLIGHT = 4 };

XENT_INLINE dlanes dlanes_widen(lanes a) {
  return (dlanes){{{_mm512_cvtps_pd(_mm512_castps512_ps256(a.v))}, {_mm512_cvtps_pd(_mm512_extractf32x8_ps(a.v, 1))}}};
}
XENT_INLINE lanes dlanes_narrow(dlanes a) {
  return (lanes){_mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(a.v[0].v)), _mm512_cvtpd_ps(a.v[1].v), 1)};
}
XENT_INLINE double dlanes_tree(dlanes a) {
  const __m512d v = _mm512_add_pd(a.v[0].v, a.v[1].v);
  const __m256d w = _mm256_add_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd(v, 1));
  const __m128d x = _mm_add_pd(_mm256_castpd256_pd128(w), _mm256_extractf128_pd(w, 1));
  return _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)));
}

XENT_INLINE uint32_t bits_of(__mmask16 mask) {
  uint32_t bits;
  __asm__("kmovw %1, %0" : "=r"(bits) : "k"(mask));
  return bits;
}

/* Transposes four rows within each quarter. */
XENT_INLINE void turn_quarters(__m512 r[4]) {
  const __m512 a = _mm512_unpacklo_ps(r[0], r[1]), b = _mm512_unpacklo_ps(r[2], r[3]);
  const __m512 c = _mm512_unpackhi_ps(r[0], r[1]), d = _mm512_unpackhi_ps(r[2], r[3]);
  r[0] = _mm512_shuffle_ps(a, b, 0x44);
  r[1] = _mm512_shuffle_ps(a, b, 0xee);
  r[2] = _mm512_shuffle_ps(c, d, 0x44);
  r[3] = _mm512_shuffle_ps(c, d, 0xee);
}
XENT_INLINE void lanes_turn_in(const float *x, int64_t pitch, lanes t[4]) {
  __m512 r[4];
  XENT_UNROLL(4)
  for (int i = 0; i < 4; i++) { /* rows i, i + 4, i + 8, i + 12 in the quarters */
    r[i] = _mm512_castps128_ps512(_mm_loadu_ps(x + i * pitch));
    r[i] = _mm512_insertf32x4(r[i], _mm_loadu_ps(x + (i + 4) * pitch), 1);
    r[i] = _mm512_insertf32x4(r[i], _mm_loadu_ps(x + (i + 8) * pitch), 2);
    r[i] = _mm512_insertf32x4(r[i], _mm_loadu_ps(x + (i + 12) * pitch), 3);
  }
  turn_quarters(r);
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++) t[k].v = r[k];
}
XENT_INLINE void lanes_turn_out(const lanes t[4], float *y, int64_t pitch) {
  __m512 r[4] = {t[0].v, t[1].v, t[2].v, t[3].v};
  turn_quarters(r);
  XENT_UNROLL(4)
  for (int i = 0; i < 4; i++) {
    _mm_storeu_ps(y + i * pitch, _mm512_castps512_ps128(r[i]));
    _mm_storeu_ps(y + (i + 4) * pitch, _mm512_extractf32x4_ps(r[i], 1));
    _mm_storeu_ps(y + (i + 8) * pitch, _mm512_extractf32x4_ps(r[i], 2));
    _mm_storeu_ps(y + (i + 12) * pitch, _mm512_extractf32x4_ps(r[i], 3));
  }
}

XENT_INLINE lanes lanes_min(lanes x, lanes a) { return (lanes){_mm512_min_ps(x.v, a.v)}; }
XENT_INLINE lanes lanes_where_equal(lanes a, lanes b, lanes yes, lanes no) {
  return (lanes){_mm512_mask_mov_ps(no.v, _mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ), yes.v)};
}
XENT_INLINE lanes lanes_where_above(lanes a, lanes b, lanes yes, lanes no) {
  return (lanes){_mm512_mask_mov_ps(no.v, _mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ), yes.v)};
}
XENT_INLINE lanes lanes_where_set(const uint8_t *set, lanes yes, lanes no) {
  const __m128i bytes = _mm_loadu_si128((const __m128i *)set);
  return (lanes){_mm512_mask_mov_ps(no.v, _mm_test_epi8_mask(bytes, bytes), yes.v)};
}
XENT_INLINE lanes lanes_where_set_part(const uint8_t *set, int64_t n, lanes yes, lanes no) {
  const __m128i bytes = _mm_maskz_loadu_epi8(first_of_sixteen(n), set);
  return (lanes){_mm512_mask_mov_ps(no.v, _mm_test_epi8_mask(bytes, bytes), yes.v)};
}
XENT_INLINE uint32_t lanes_bits_above(lanes a, lanes b) { return bits_of(_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)); }
XENT_INLINE uint32_t lanes_bits_equal(lanes a, lanes b) {
  return bits_of(_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ));
}
XENT_INLINE uint32_t lanes_bits_beyond(lanes x, float limit) {
  return bits_of(_mm512_cmp_ps_mask(_mm512_abs_ps(x.v), _mm512_set1_ps(limit), _CMP_NLE_UQ));
}

XENT_INLINE lanes lanes_div(lanes a, lanes b) { return (lanes){_mm512_div_ps(a.v, b.v)}; }
XENT_INLINE uint32_t lanes_bits_nan(lanes a) {
  return bits_of(_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q));
}

XENT_INLINE lanes lanes_largest_rows(const lanes r[XENT_LANES]) {
  __m512 quarters[4], pairs[2];
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++) { /* rows k, k + 4, k + 8, k + 12 in the quarters */
    const __m512 a = r[k].v, b = r[k + 4].v, c = r[k + 8].v, d = r[k + 12].v;
    const __m512 ab = _mm512_max_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
    const __m512 cd = _mm512_max_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xee));
    quarters[k] = _mm512_max_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
  }
  XENT_UNROLL(2)
  for (int k = 0; k < 2; k++) {
    const __m512 a = quarters[2 * k], b = quarters[2 * k + 1];
    pairs[k] = _mm512_max_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee));
  }
  return (lanes){_mm512_max_ps(_mm512_shuffle_ps(pairs[0], pairs[1], 0x88),
                        _mm512_shuffle_ps(pairs[0], pairs[1], 0xdd))};
}

/* Reduces eight rows in the order j + 8, j + 4, j + 2, and does the last step in double. */
XENT_INLINE __m512d trees_of_eight_rows(const lanes r[8]) {
  __m256 v[8], left[2];
  XENT_UNROLL(8)
  for (int i = 0; i < 8; i++) v[i] = _mm256_add_ps(_mm512_castps512_ps256(r[i].v), _mm512_extractf32x8_ps(r[i].v, 1));
  reduce_eight(v, false, left);
  return _mm512_add_pd(_mm512_cvtps_pd(left[0]), _mm512_cvtps_pd(left[1]));
}
XENT_INLINE dlanes lanes_tree_rows(const lanes r[XENT_LANES]) {
  return (dlanes){{{trees_of_eight_rows(r)}, {trees_of_eight_rows(r + 8)}}};
}

/* Rows this short are half a register, so a row's first step needs no shuffle. */
XENT_INLINE void reduce_eight_dense(const float *x, int64_t n, const bool largest, __m256 left[2]) {
  const __m256 fill = _mm256_set1_ps(largest ? -INFINITY : 0.0f);
  const __mmask8 first = (__mmask8)first_of_sixteen(n), rest = (__mmask8)(first_of_sixteen(n) >> 8);
  __m256 v[8];
  XENT_UNROLL(8)
  for (int i = 0; i < 8; i++) {
    const float *p = x + i * n;
    if (n > 8)
      v[i] = either_of_eight(_mm256_loadu_ps(p), _mm256_mask_loadu_ps(fill, rest, p + 8), largest);
    else
      v[i] = _mm256_mask_loadu_ps(fill, first, p);
  }
  reduce_eight(v, largest, left);
}
XENT_INLINE lanes lanes_largest_dense(const float *x, int64_t n) {
  __m256 lo[2], hi[2];
  reduce_eight_dense(x, n, true, lo);
  reduce_eight_dense(x + 8 * n, n, true, hi);
  return (lanes){
      _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_max_ps(lo[0], lo[1])), _mm256_max_ps(hi[0], hi[1]), 1)};
}
XENT_INLINE dlanes dlanes_sum_dense(const float *x, int64_t n) {
  __m256 lo[2], hi[2];
  reduce_eight_dense(x, n, false, lo);
  reduce_eight_dense(x + 8 * n, n, false, hi);
  return (dlanes){{{_mm512_add_pd(_mm512_cvtps_pd(lo[0]), _mm512_cvtps_pd(lo[1]))},
                   {_mm512_add_pd(_mm512_cvtps_pd(hi[0]), _mm512_cvtps_pd(hi[1]))}}};
}

#include "kernels/vector/dense_sixteen.h"
XENT_INLINE lanes lanes_spread(lanes v, const int32_t *rows, int64_t k) {
  return (lanes){_mm512_permutexvar_ps(_mm512_loadu_si512(rows + k * XENT_LANES), v.v)};
}

/* Lane i is the tree of row i of eight, from j + 4 on. */
XENT_INLINE __m512d tree_of_eight(const __m512d r[8]) {
  __m512d quarters[2];
  XENT_UNROLL(2)
  for (int k = 0; k < 2; k++) { /* rows k, k + 2, k + 4, k + 6 in the quarters */
    const __m512d a = r[k], b = r[k + 2], c = r[k + 4], d = r[k + 6];
    const __m512d ab = _mm512_add_pd(_mm512_shuffle_f64x2(a, b, 0x44), _mm512_shuffle_f64x2(a, b, 0xee));
    const __m512d cd = _mm512_add_pd(_mm512_shuffle_f64x2(c, d, 0x44), _mm512_shuffle_f64x2(c, d, 0xee));
    quarters[k] = _mm512_add_pd(_mm512_shuffle_f64x2(ab, cd, 0x88), _mm512_shuffle_f64x2(ab, cd, 0xdd));
  }
  return _mm512_add_pd(_mm512_unpacklo_pd(quarters[0], quarters[1]),
                       _mm512_unpackhi_pd(quarters[0], quarters[1]));
}
XENT_INLINE dlanes dlanes_tree_rows(const dlanes r[XENT_LANES]) {
  __m512d a[8], b[8];
  XENT_UNROLL(8)
  for (int i = 0; i < 8; i++) {
    a[i] = _mm512_add_pd(r[i].v[0].v, r[i].v[1].v);
    b[i] = _mm512_add_pd(r[i + 8].v[0].v, r[i + 8].v[1].v);
  }
  return (dlanes){{{tree_of_eight(a)}, {tree_of_eight(b)}}};
}

#endif
