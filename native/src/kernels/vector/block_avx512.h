/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen rows side by side on AVX-512. A reduction across the lanes of sixteen rows halves the number of
 * registers at each level of the tree: as many instructions as for one lane after the other, but none idle. */
#ifndef XENT_BLOCK_AVX512_H
#define XENT_BLOCK_AVX512_H

XENT_INLINE lanes lanes_min(lanes x, lanes a) { return (lanes){_mm512_min_ps(x.v, a.v)}; }
XENT_INLINE lanes lanes_clear_where_equal(lanes v, lanes a, lanes b) {
  return (lanes){_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_NEQ_UQ), v.v)};
}
XENT_INLINE lanes lanes_where_equal(lanes a, lanes b, lanes yes, lanes no) {
  return (lanes){_mm512_mask_mov_ps(no.v, _mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ), yes.v)};
}
XENT_INLINE lanes lanes_where_above(lanes a, lanes b, lanes yes, lanes no) {
  return (lanes){_mm512_mask_mov_ps(no.v, _mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ), yes.v)};
}
XENT_INLINE uint32_t lanes_bits_equal(lanes a, lanes b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ); }
XENT_INLINE uint32_t lanes_bits_beyond(lanes x, float limit) {
  return _mm512_cmp_ps_mask(_mm512_abs_ps(x.v), _mm512_set1_ps(limit), _CMP_NLE_UQ);
}

XENT_INLINE __m512 either(__m512 a, __m512 b, const bool largest) {
  return largest ? _mm512_max_ps(a, b) : _mm512_add_ps(a, b);
}
/* Lane i: row i reduced in the order j + 8, j + 4, j + 2, j + 1. */
XENT_INLINE lanes reduce_rows(const lanes r[XENT_LANES], const bool largest) {
  __m512 quarters[4], pairs[2];
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++) { /* rows k, k + 4, k + 8, k + 12 in the quarters */
    const __m512 a = r[k].v, b = r[k + 4].v, c = r[k + 8].v, d = r[k + 12].v;
    const __m512 ab = either(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee), largest);
    const __m512 cd = either(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xee), largest);
    quarters[k] = either(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd), largest);
  }
  XENT_UNROLL(2)
  for (int k = 0; k < 2; k++) {
    const __m512 a = quarters[2 * k], b = quarters[2 * k + 1];
    pairs[k] = either(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee), largest);
  }
  return (lanes){either(_mm512_shuffle_ps(pairs[0], pairs[1], 0x88),
                        _mm512_shuffle_ps(pairs[0], pairs[1], 0xdd), largest)};
}
XENT_INLINE lanes lanes_tree_rows(const lanes r[XENT_LANES]) { return reduce_rows(r, false); }
XENT_INLINE lanes lanes_largest_rows(const lanes r[XENT_LANES]) { return reduce_rows(r, true); }

/* Four by four in each quarter; its own inverse. */
XENT_INLINE void transpose_quarters(lanes v[4]) {
  const __m512 a = _mm512_unpacklo_ps(v[0].v, v[1].v), b = _mm512_unpackhi_ps(v[0].v, v[1].v);
  const __m512 c = _mm512_unpacklo_ps(v[2].v, v[3].v), d = _mm512_unpackhi_ps(v[2].v, v[3].v);
  v[0].v = _mm512_shuffle_ps(a, c, 0x44);
  v[1].v = _mm512_shuffle_ps(a, c, 0xee);
  v[2].v = _mm512_shuffle_ps(b, d, 0x44);
  v[3].v = _mm512_shuffle_ps(b, d, 0xee);
}
XENT_INLINE void lanes_load_rows(const float *const x[XENT_LANES], int64_t at, int64_t n, lanes v[4]) {
  const __mmask8 part = (__mmask8)((1u << n) - 1);
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++) {
    __m128 q[4];
    XENT_UNROLL(4)
    for (int i = 0; i < 4; i++) {
      const float *p = x[k + 4 * i] + at;
      q[i] = n == 4 ? _mm_loadu_ps(p) : _mm_maskz_loadu_ps(part, p);
    }
    const __m256 lo = _mm256_insertf128_ps(_mm256_castps128_ps256(q[0]), q[1], 1);
    const __m256 hi = _mm256_insertf128_ps(_mm256_castps128_ps256(q[2]), q[3], 1);
    v[k].v = _mm512_insertf32x8(_mm512_castps256_ps512(lo), hi, 1);
  }
  transpose_quarters(v);
}
XENT_INLINE void lanes_store_rows(float *const y[XENT_LANES], int64_t at, int64_t n, const lanes v[4]) {
  const __mmask8 part = (__mmask8)((1u << n) - 1);
  lanes t[4] = {v[0], v[1], v[2], v[3]};
  transpose_quarters(t);
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++) {
    const __m128 q[4] = {_mm512_castps512_ps128(t[k].v), _mm512_extractf32x4_ps(t[k].v, 1),
                         _mm512_extractf32x4_ps(t[k].v, 2), _mm512_extractf32x4_ps(t[k].v, 3)};
    XENT_UNROLL(4)
    for (int i = 0; i < 4; i++) {
      float *p = y[k + 4 * i] + at;
      if (n == 4)
        _mm_storeu_ps(p, q[i]);
      else
        _mm_mask_storeu_ps(p, part, q[i]);
    }
  }
}

XENT_INLINE dlanes dlanes_set(double x) { return (dlanes){_mm512_set1_pd(x), _mm512_set1_pd(x)}; }
XENT_INLINE dlanes dlanes_load(const double *p) { return (dlanes){_mm512_loadu_pd(p), _mm512_loadu_pd(p + 8)}; }
XENT_INLINE void dlanes_store(double *p, dlanes a) {
  _mm512_storeu_pd(p, a.lo);
  _mm512_storeu_pd(p + 8, a.hi);
}
XENT_INLINE dlanes dlanes_sub(dlanes a, dlanes b) {
  return (dlanes){_mm512_sub_pd(a.lo, b.lo), _mm512_sub_pd(a.hi, b.hi)};
}
XENT_INLINE dlanes dlanes_mul(dlanes a, dlanes b) {
  return (dlanes){_mm512_mul_pd(a.lo, b.lo), _mm512_mul_pd(a.hi, b.hi)};
}
XENT_INLINE dlanes dlanes_div(dlanes a, dlanes b) {
  return (dlanes){_mm512_div_pd(a.lo, b.lo), _mm512_div_pd(a.hi, b.hi)};
}
XENT_INLINE dlanes dlanes_where_at_most(dlanes a, dlanes b, dlanes yes, dlanes no) {
  return (dlanes){_mm512_mask_mov_pd(no.lo, _mm512_cmp_pd_mask(a.lo, b.lo, _CMP_LE_OQ), yes.lo),
                  _mm512_mask_mov_pd(no.hi, _mm512_cmp_pd_mask(a.hi, b.hi, _CMP_LE_OQ), yes.hi)};
}
XENT_INLINE uint32_t dlanes_bits_at_most(dlanes a, dlanes b) {
  return _mm512_cmp_pd_mask(a.lo, b.lo, _CMP_LE_OQ) |
         (uint32_t)_mm512_cmp_pd_mask(a.hi, b.hi, _CMP_LE_OQ) << 8;
}
XENT_INLINE uint32_t dlanes_bits_nan(dlanes a) {
  return _mm512_cmp_pd_mask(a.lo, a.lo, _CMP_UNORD_Q) |
         (uint32_t)_mm512_cmp_pd_mask(a.hi, a.hi, _CMP_UNORD_Q) << 8;
}
XENT_INLINE dlanes dlanes_magnitude(dlanes a) { return (dlanes){_mm512_abs_pd(a.lo), _mm512_abs_pd(a.hi)}; }

XENT_INLINE __m512d split_eight(__m512d v, __m512d *exponent) {
  const __m512i u = _mm512_castpd_si512(v), root = _mm512_set1_epi64((long long)XENT_ROOT_HALF_BITS);
  const __m512i k = _mm512_srai_epi64(_mm512_sub_epi64(u, root), 52);
  *exponent = _mm512_cvtepi64_pd(k);
  return _mm512_castsi512_pd(_mm512_sub_epi64(u, _mm512_slli_epi64(k, 52)));
}
XENT_INLINE dlanes dlanes_split(dlanes v, dlanes *exponent) {
  return (dlanes){split_eight(v.lo, &exponent->lo), split_eight(v.hi, &exponent->hi)};
}

/* Row i of eight in lane i: the tree from j + 4 on. */
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
    a[i] = _mm512_add_pd(r[i].lo, r[i].hi);
    b[i] = _mm512_add_pd(r[i + 8].lo, r[i + 8].hi);
  }
  return (dlanes){tree_of_eight(a), tree_of_eight(b)};
}

#endif
