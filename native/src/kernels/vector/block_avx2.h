/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen interleaved rows on AVX2: eight rows in the low register, eight in the high one. */
#ifndef XENT_BLOCK_AVX2_H
#define XENT_BLOCK_AVX2_H

#include "kernels/vector/reduce_eight.h"

enum { XENT_IN_FLIGHT = 2 }; /* four registers each for input and output: there are sixteen */

XENT_INLINE dlanes dlanes_widen(lanes a) {
  return (dlanes){{{_mm256_cvtps_pd(_mm256_castps256_ps128(a.lo))},
                   {_mm256_cvtps_pd(_mm256_extractf128_ps(a.lo, 1))},
                   {_mm256_cvtps_pd(_mm256_castps256_ps128(a.hi))},
                   {_mm256_cvtps_pd(_mm256_extractf128_ps(a.hi, 1))}}};
}
XENT_INLINE lanes dlanes_narrow(dlanes a) {
  return (lanes){_mm256_set_m128(_mm256_cvtpd_ps(a.v[1].v), _mm256_cvtpd_ps(a.v[0].v)),
                 _mm256_set_m128(_mm256_cvtpd_ps(a.v[3].v), _mm256_cvtpd_ps(a.v[2].v))};
}
XENT_INLINE double dlanes_tree(dlanes a) {
  __m256d v = _mm256_add_pd(_mm256_add_pd(a.v[0].v, a.v[2].v), _mm256_add_pd(a.v[1].v, a.v[3].v));
  __m128d w = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
  return _mm_cvtsd_f64(_mm_add_sd(w, _mm_unpackhi_pd(w, w)));
}

/* Transposes four rows within each half. */
XENT_INLINE void turn_halves(__m256 r[4]) {
  const __m256 a = _mm256_unpacklo_ps(r[0], r[1]), b = _mm256_unpacklo_ps(r[2], r[3]);
  const __m256 c = _mm256_unpackhi_ps(r[0], r[1]), d = _mm256_unpackhi_ps(r[2], r[3]);
  r[0] = _mm256_shuffle_ps(a, b, 0x44);
  r[1] = _mm256_shuffle_ps(a, b, 0xee);
  r[2] = _mm256_shuffle_ps(c, d, 0x44);
  r[3] = _mm256_shuffle_ps(c, d, 0xee);
}
XENT_INLINE void turn_eight_in(const float *x, int64_t pitch, __m256 r[4]) {
  XENT_UNROLL(4)
  for (int i = 0; i < 4; i++)
    r[i] =
        _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x + i * pitch)), _mm_loadu_ps(x + (i + 4) * pitch), 1);
  turn_halves(r);
}
XENT_INLINE void turn_eight_out(__m256 r[4], float *y, int64_t pitch) {
  turn_halves(r);
  XENT_UNROLL(4)
  for (int i = 0; i < 4; i++) {
    _mm_storeu_ps(y + i * pitch, _mm256_castps256_ps128(r[i]));
    _mm_storeu_ps(y + (i + 4) * pitch, _mm256_extractf128_ps(r[i], 1));
  }
}
XENT_INLINE void lanes_turn_in(const float *x, int64_t pitch, lanes t[4]) {
  __m256 lo[4], hi[4];
  turn_eight_in(x, pitch, lo);
  turn_eight_in(x + 8 * pitch, pitch, hi);
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++) t[k] = (lanes){lo[k], hi[k]};
}
XENT_INLINE void lanes_turn_out(const lanes t[4], float *y, int64_t pitch) {
  __m256 lo[4] = {t[0].lo, t[1].lo, t[2].lo, t[3].lo}, hi[4] = {t[0].hi, t[1].hi, t[2].hi, t[3].hi};
  turn_eight_out(lo, y, pitch);
  turn_eight_out(hi, y + 8 * pitch, pitch);
}

XENT_INLINE lanes lanes_min(lanes x, lanes a) { return XENT_BOTH(_mm256_min_ps, x, a); }
XENT_INLINE lanes lanes_where_equal(lanes a, lanes b, lanes yes, lanes no) {
  return (lanes){_mm256_blendv_ps(no.lo, yes.lo, _mm256_cmp_ps(a.lo, b.lo, _CMP_EQ_OQ)),
                 _mm256_blendv_ps(no.hi, yes.hi, _mm256_cmp_ps(a.hi, b.hi, _CMP_EQ_OQ))};
}
XENT_INLINE lanes lanes_where_above(lanes a, lanes b, lanes yes, lanes no) {
  return (lanes){_mm256_blendv_ps(no.lo, yes.lo, _mm256_cmp_ps(a.lo, b.lo, _CMP_GT_OQ)),
                 _mm256_blendv_ps(no.hi, yes.hi, _mm256_cmp_ps(a.hi, b.hi, _CMP_GT_OQ))};
}
XENT_INLINE uint32_t bits_of_eights(__m256 lo, __m256 hi) {
  return (uint32_t)_mm256_movemask_ps(lo) | (uint32_t)_mm256_movemask_ps(hi) << 8;
}
XENT_INLINE __m256 where_set_of_eight(const uint8_t *set, __m256 yes, __m256 no) {
  const __m256i wide = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)set));
  return _mm256_blendv_ps(yes, no, _mm256_castsi256_ps(_mm256_cmpeq_epi32(wide, _mm256_setzero_si256())));
}
XENT_INLINE lanes lanes_where_set(const uint8_t *set, lanes yes, lanes no) {
  return (lanes){where_set_of_eight(set, yes.lo, no.lo), where_set_of_eight(set + 8, yes.hi, no.hi)};
}
#include "kernels/vector/where_part.h"
XENT_INLINE uint32_t lanes_bits_above(lanes a, lanes b) {
  return bits_of_eights(_mm256_cmp_ps(a.lo, b.lo, _CMP_GT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_GT_OQ));
}
XENT_INLINE uint32_t lanes_bits_equal(lanes a, lanes b) {
  return bits_of_eights(_mm256_cmp_ps(a.lo, b.lo, _CMP_EQ_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_EQ_OQ));
}
XENT_INLINE uint32_t lanes_bits_beyond(lanes x, float limit) {
  const __m256 most = _mm256_set1_ps(limit), sign = _mm256_set1_ps(-0.0f);
  return bits_of_eights(_mm256_cmp_ps(_mm256_andnot_ps(sign, x.lo), most, _CMP_NLE_UQ),
                        _mm256_cmp_ps(_mm256_andnot_ps(sign, x.hi), most, _CMP_NLE_UQ));
}

XENT_INLINE lanes lanes_div(lanes a, lanes b) { return XENT_BOTH(_mm256_div_ps, a, b); }
XENT_INLINE uint32_t lanes_bits_nan(lanes a) {
  return bits_of_eights(_mm256_cmp_ps(a.lo, a.lo, _CMP_UNORD_Q), _mm256_cmp_ps(a.hi, a.hi, _CMP_UNORD_Q));
}

XENT_INLINE __m256 largest_of_eight_rows(const lanes r[8]) {
  __m256 v[8], left[2];
  XENT_UNROLL(8)
  for (int i = 0; i < 8; i++) v[i] = _mm256_max_ps(r[i].lo, r[i].hi);
  reduce_eight(v, true, left);
  return _mm256_max_ps(left[0], left[1]);
}
XENT_INLINE lanes lanes_largest_rows(const lanes r[XENT_LANES]) {
  return (lanes){largest_of_eight_rows(r), largest_of_eight_rows(r + 8)};
}

/* Reduces eight rows in the order j + 8, j + 4, j + 2; two numbers per row are left. */
XENT_INLINE void pairs_of_eight_rows(const lanes r[8], __m256 left[2]) {
  __m256 v[8];
  XENT_UNROLL(8)
  for (int i = 0; i < 8; i++) v[i] = _mm256_add_ps(r[i].lo, r[i].hi);
  reduce_eight(v, false, left);
}
XENT_INLINE dlanes lanes_tree_rows(const lanes r[XENT_LANES]) {
  __m256 lo[2], hi[2];
  pairs_of_eight_rows(r, lo);
  pairs_of_eight_rows(r + 8, hi);
  return dlanes_add(dlanes_widen((lanes){lo[0], hi[0]}), dlanes_widen((lanes){lo[1], hi[1]}));
}

XENT_INLINE __m256 load_first(const float *p, __m256i first, __m256 fill) {
  return _mm256_blendv_ps(fill, _mm256_maskload_ps(p, first), _mm256_castsi256_ps(first));
}
XENT_INLINE void reduce_eight_dense(const float *x, int64_t n, const bool largest, __m256 left[2]) {
  const __m256 fill = _mm256_set1_ps(largest ? -INFINITY : 0.0f);
  const __m256i first = first_of_eight(n), rest = first_of_eight(n - 8);
  __m256 v[8];
  XENT_UNROLL(8)
  for (int i = 0; i < 8; i++) {
    const float *p = x + i * n;
    if (n > 8)
      v[i] = either_of_eight(_mm256_loadu_ps(p), load_first(p + 8, rest, fill), largest);
    else
      v[i] = load_first(p, first, fill);
  }
  reduce_eight(v, largest, left);
}
XENT_INLINE lanes lanes_largest_dense(const float *x, int64_t n) {
  __m256 lo[2], hi[2];
  reduce_eight_dense(x, n, true, lo);
  reduce_eight_dense(x + 8 * n, n, true, hi);
  return (lanes){_mm256_max_ps(lo[0], lo[1]), _mm256_max_ps(hi[0], hi[1])};
}
XENT_INLINE dlanes dlanes_sum_dense(const float *x, int64_t n) {
  __m256 lo[2], hi[2];
  reduce_eight_dense(x, n, false, lo);
  reduce_eight_dense(x + 8 * n, n, false, hi);
  return dlanes_add(dlanes_widen((lanes){lo[0], hi[0]}), dlanes_widen((lanes){lo[1], hi[1]}));
}

/* A permutation reaches eight lanes, so the first eight rows and the last eight are two streams. */
enum { XENT_DENSE_ROWS = 8 };
XENT_INLINE lanes lanes_load_dense(const float *x, int64_t n, int64_t k) {
  return (lanes){_mm256_loadu_ps(x + 8 * k), _mm256_loadu_ps(x + 8 * (n + k))};
}
XENT_INLINE void lanes_store_dense(float *y, int64_t n, int64_t k, lanes v) {
  _mm256_storeu_ps(y + 8 * k, v.lo);
  _mm256_storeu_ps(y + 8 * (n + k), v.hi);
}
XENT_INLINE void lanes_stream_dense(float *y, int64_t n, int64_t k, lanes v) {
  _mm256_stream_ps(y + 8 * k, v.lo);
  _mm256_stream_ps(y + 8 * (n + k), v.hi);
}
XENT_INLINE lanes lanes_spread(lanes v, const int32_t *rows, int64_t k) {
  const __m256i at = _mm256_loadu_si256((const __m256i *)(rows + 8 * k));
  return (lanes){_mm256_permutevar8x32_ps(v.lo, at), _mm256_permutevar8x32_ps(v.hi, at)};
}

/* Lane i is the tree of row i of four. */
XENT_INLINE __m256d tree_of_four(const dlanes r[4]) {
  __m256d s[4];
  XENT_EACH_DOUBLES(i)
  s[i] = _mm256_add_pd(_mm256_add_pd(r[i].v[0].v, r[i].v[2].v), _mm256_add_pd(r[i].v[1].v, r[i].v[3].v));
  const __m256d a = _mm256_add_pd(_mm256_permute2f128_pd(s[0], s[2], 0x20), _mm256_permute2f128_pd(s[0], s[2], 0x31));
  const __m256d b = _mm256_add_pd(_mm256_permute2f128_pd(s[1], s[3], 0x20), _mm256_permute2f128_pd(s[1], s[3], 0x31));
  return _mm256_add_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
}
XENT_INLINE dlanes dlanes_tree_rows(const dlanes r[XENT_LANES]) {
  return (dlanes){{{tree_of_four(r)}, {tree_of_four(r + 4)}, {tree_of_four(r + 8)}, {tree_of_four(r + 12)}}};
}

#endif
