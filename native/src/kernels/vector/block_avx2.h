/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen rows side by side on AVX2: eight rows in the low register, eight in the high one. */
#ifndef XENT_BLOCK_AVX2_H
#define XENT_BLOCK_AVX2_H

XENT_INLINE lanes lanes_min(lanes x, lanes a) { return XENT_BOTH(_mm256_min_ps, x, a); }
XENT_INLINE lanes lanes_clear_where_equal(lanes v, lanes a, lanes b) {
  return (lanes){_mm256_and_ps(v.lo, _mm256_cmp_ps(a.lo, b.lo, _CMP_NEQ_UQ)),
                 _mm256_and_ps(v.hi, _mm256_cmp_ps(a.hi, b.hi, _CMP_NEQ_UQ))};
}
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
XENT_INLINE uint32_t lanes_bits_equal(lanes a, lanes b) {
  return bits_of_eights(_mm256_cmp_ps(a.lo, b.lo, _CMP_EQ_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_EQ_OQ));
}
XENT_INLINE uint32_t lanes_bits_beyond(lanes x, float limit) {
  const __m256 most = _mm256_set1_ps(limit), sign = _mm256_set1_ps(-0.0f);
  return bits_of_eights(_mm256_cmp_ps(_mm256_andnot_ps(sign, x.lo), most, _CMP_NLE_UQ),
                        _mm256_cmp_ps(_mm256_andnot_ps(sign, x.hi), most, _CMP_NLE_UQ));
}

XENT_INLINE __m256 either(__m256 a, __m256 b, const bool largest) {
  return largest ? _mm256_max_ps(a, b) : _mm256_add_ps(a, b);
}
/* Lane i: row i of eight reduced in the order j + 8, j + 4, j + 2, j + 1. */
XENT_INLINE __m256 reduce_eight(const lanes r[8], const bool largest) {
  __m256 halves[4], pairs[2];
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++) { /* rows k and k + 4 in the halves */
    const __m256 a = either(r[k].lo, r[k].hi, largest), b = either(r[k + 4].lo, r[k + 4].hi, largest);
    halves[k] = either(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31), largest);
  }
  XENT_UNROLL(2)
  for (int k = 0; k < 2; k++) {
    const __m256 a = halves[2 * k], b = halves[2 * k + 1];
    pairs[k] = either(_mm256_shuffle_ps(a, b, 0x44), _mm256_shuffle_ps(a, b, 0xee), largest);
  }
  return either(_mm256_shuffle_ps(pairs[0], pairs[1], 0x88), _mm256_shuffle_ps(pairs[0], pairs[1], 0xdd), largest);
}
XENT_INLINE lanes lanes_tree_rows(const lanes r[XENT_LANES]) {
  return (lanes){reduce_eight(r, false), reduce_eight(r + 8, false)};
}
XENT_INLINE lanes lanes_largest_rows(const lanes r[XENT_LANES]) {
  return (lanes){reduce_eight(r, true), reduce_eight(r + 8, true)};
}

/* Four by four in each half; its own inverse. */
XENT_INLINE void transpose_halves(__m256 v[4]) {
  const __m256 a = _mm256_unpacklo_ps(v[0], v[1]), b = _mm256_unpackhi_ps(v[0], v[1]);
  const __m256 c = _mm256_unpacklo_ps(v[2], v[3]), d = _mm256_unpackhi_ps(v[2], v[3]);
  v[0] = _mm256_shuffle_ps(a, c, 0x44);
  v[1] = _mm256_shuffle_ps(a, c, 0xee);
  v[2] = _mm256_shuffle_ps(b, d, 0x44);
  v[3] = _mm256_shuffle_ps(b, d, 0xee);
}
XENT_INLINE __m128 load_up_to_four(const float *p, int64_t n) {
  if (n == 4) return _mm_loadu_ps(p);
  return _mm_maskload_ps(p, _mm_cmpgt_epi32(_mm_set1_epi32((int32_t)n), _mm_setr_epi32(0, 1, 2, 3)));
}
XENT_INLINE void store_up_to_four(float *p, int64_t n, __m128 v) {
  if (n == 4) {
    _mm_storeu_ps(p, v);
    return;
  }
  if (n & 2) {
    _mm_storel_pi((__m64 *)p, v);
    v = _mm_movehl_ps(v, v);
    p += 2;
  }
  if (n & 1) _mm_store_ss(p, v);
}
XENT_INLINE void load_eight_rows(const float *const x[8], int64_t at, int64_t n, __m256 v[4]) {
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++)
    v[k] = _mm256_set_m128(load_up_to_four(x[k + 4] + at, n), load_up_to_four(x[k] + at, n));
  transpose_halves(v);
}
XENT_INLINE void lanes_load_rows(const float *const x[XENT_LANES], int64_t at, int64_t n, lanes v[4]) {
  __m256 lo[4], hi[4];
  load_eight_rows(x, at, n, lo);
  load_eight_rows(x + 8, at, n, hi);
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++) v[k] = (lanes){lo[k], hi[k]};
}
XENT_INLINE void store_eight_rows(float *const y[8], int64_t at, int64_t n, __m256 v[4]) {
  transpose_halves(v);
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++) {
    store_up_to_four(y[k] + at, n, _mm256_castps256_ps128(v[k]));
    store_up_to_four(y[k + 4] + at, n, _mm256_extractf128_ps(v[k], 1));
  }
}
XENT_INLINE void lanes_store_rows(float *const y[XENT_LANES], int64_t at, int64_t n, const lanes v[4]) {
  __m256 lo[4] = {v[0].lo, v[1].lo, v[2].lo, v[3].lo}, hi[4] = {v[0].hi, v[1].hi, v[2].hi, v[3].hi};
  store_eight_rows(y, at, n, lo);
  store_eight_rows(y + 8, at, n, hi);
}

XENT_INLINE dlanes dlanes_set(double x) {
  const __m256d v = _mm256_set1_pd(x);
  return (dlanes){{v, v, v, v}};
}
XENT_INLINE dlanes dlanes_load(const double *p) {
  dlanes a;
  XENT_EACH_QUARTER(k) a.q[k] = _mm256_loadu_pd(p + 4 * k);
  return a;
}
XENT_INLINE void dlanes_store(double *p, dlanes a) { XENT_EACH_QUARTER(k) _mm256_storeu_pd(p + 4 * k, a.q[k]); }
XENT_INLINE dlanes dlanes_sub(dlanes a, dlanes b) {
  XENT_EACH_QUARTER(k) a.q[k] = _mm256_sub_pd(a.q[k], b.q[k]);
  return a;
}
XENT_INLINE dlanes dlanes_mul(dlanes a, dlanes b) {
  XENT_EACH_QUARTER(k) a.q[k] = _mm256_mul_pd(a.q[k], b.q[k]);
  return a;
}
XENT_INLINE dlanes dlanes_div(dlanes a, dlanes b) {
  XENT_EACH_QUARTER(k) a.q[k] = _mm256_div_pd(a.q[k], b.q[k]);
  return a;
}
XENT_INLINE dlanes dlanes_where_at_most(dlanes a, dlanes b, dlanes yes, dlanes no) {
  XENT_EACH_QUARTER(k)
  no.q[k] = _mm256_blendv_pd(no.q[k], yes.q[k], _mm256_cmp_pd(a.q[k], b.q[k], _CMP_LE_OQ));
  return no;
}
XENT_INLINE uint32_t dlanes_bits_at_most(dlanes a, dlanes b) {
  uint32_t bits = 0;
  XENT_EACH_QUARTER(k)
  bits |= (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(a.q[k], b.q[k], _CMP_LE_OQ)) << 4 * k;
  return bits;
}
XENT_INLINE uint32_t dlanes_bits_nan(dlanes a) {
  uint32_t bits = 0;
  XENT_EACH_QUARTER(k)
  bits |= (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(a.q[k], a.q[k], _CMP_UNORD_Q)) << 4 * k;
  return bits;
}
XENT_INLINE dlanes dlanes_magnitude(dlanes a) {
  XENT_EACH_QUARTER(k) a.q[k] = _mm256_andnot_pd(_mm256_set1_pd(-0.0), a.q[k]);
  return a;
}

/* There is no arithmetic shift of 64 bits; the exponent lies in the upper half, where 32 will do. */
XENT_INLINE __m256d split_four(__m256d v, __m256d *exponent) {
  const __m256i u = _mm256_castpd_si256(v), root = _mm256_set1_epi64x((long long)XENT_ROOT_HALF_BITS);
  const __m256i k = _mm256_srai_epi32(_mm256_sub_epi64(u, root), 20);
  const __m256i upper = _mm256_permutevar8x32_epi32(k, _mm256_setr_epi32(1, 3, 5, 7, 1, 3, 5, 7));
  *exponent = _mm256_cvtepi32_pd(_mm256_castsi256_si128(upper));
  const __m256i back = _mm256_slli_epi64(_mm256_srli_epi64(k, 32), 52);
  return _mm256_castsi256_pd(_mm256_sub_epi64(u, back));
}
XENT_INLINE dlanes dlanes_split(dlanes v, dlanes *exponent) {
  XENT_EACH_QUARTER(k) v.q[k] = split_four(v.q[k], &exponent->q[k]);
  return v;
}

/* Row i of four in lane i. */
XENT_INLINE __m256d tree_of_four(const dlanes r[4]) {
  __m256d s[4];
  XENT_EACH_QUARTER(i)
  s[i] = _mm256_add_pd(_mm256_add_pd(r[i].q[0], r[i].q[2]), _mm256_add_pd(r[i].q[1], r[i].q[3]));
  const __m256d a = _mm256_add_pd(_mm256_permute2f128_pd(s[0], s[2], 0x20), _mm256_permute2f128_pd(s[0], s[2], 0x31));
  const __m256d b = _mm256_add_pd(_mm256_permute2f128_pd(s[1], s[3], 0x20), _mm256_permute2f128_pd(s[1], s[3], 0x31));
  return _mm256_add_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
}
XENT_INLINE dlanes dlanes_tree_rows(const dlanes r[XENT_LANES]) {
  return (dlanes){{tree_of_four(r), tree_of_four(r + 4), tree_of_four(r + 8), tree_of_four(r + 12)}};
}

#endif
