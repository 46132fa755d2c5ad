/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen lanes of doubles as classes of a row, on AVX-512: two registers. */
#ifndef XENT_WIDE_AVX512_H
#define XENT_WIDE_AVX512_H

enum { XENT_WIDE_BATCH = 2 };

XENT_INLINE __mmask8 first_half(int64_t n) { return (__mmask8)first_of_sixteen(n); }
XENT_INLINE __mmask8 second_half(int64_t n) { return (__mmask8)(first_of_sixteen(n) >> 8); }

XENT_INLINE dlanes dlanes_load_part(const double *p, int64_t n, double fill) {
  const __m512d f = _mm512_set1_pd(fill);
  return (dlanes){_mm512_mask_loadu_pd(f, first_half(n), p), _mm512_mask_loadu_pd(f, second_half(n), p + 8)};
}
XENT_INLINE void dlanes_store_part(double *p, int64_t n, dlanes a) {
  _mm512_mask_storeu_pd(p, first_half(n), a.lo);
  _mm512_mask_storeu_pd(p + 8, second_half(n), a.hi);
}
/* maxpd gives its second operand when the first is NaN or both are equal. */
XENT_INLINE dlanes dlanes_max(dlanes x, dlanes a) {
  return (dlanes){_mm512_max_pd(x.lo, a.lo), _mm512_max_pd(x.hi, a.hi)};
}
XENT_INLINE dlanes dlanes_floor_at(dlanes x, dlanes lo) {
  return (dlanes){_mm512_max_pd(lo.lo, x.lo), _mm512_max_pd(lo.hi, x.hi)};
}
XENT_INLINE __m512d power_of_eight(__m512d z) {
  return _mm512_castsi512_pd(_mm512_slli_epi64(_mm512_castpd_si512(z), 52));
}
XENT_INLINE dlanes dlanes_power(dlanes z) { return (dlanes){power_of_eight(z.lo), power_of_eight(z.hi)}; }
XENT_INLINE dlanes dlanes_drop(dlanes a, int64_t lane) {
  const uint32_t keep = ~(lane >= 0 && lane < XENT_LANES ? UINT32_C(1) << lane : 0);
  return (dlanes){_mm512_maskz_mov_pd((__mmask8)keep, a.lo), _mm512_maskz_mov_pd((__mmask8)(keep >> 8), a.hi)};
}
XENT_INLINE __m512d quiet_eight(__m512d v) {
  return _mm512_mask_mov_pd(v, _mm512_cmp_pd_mask(v, v, _CMP_UNORD_Q), _mm512_set1_pd(XENT_WIDE_NAN));
}
XENT_INLINE dlanes dlanes_quiet(dlanes a) { return (dlanes){quiet_eight(a.lo), quiet_eight(a.hi)}; }
XENT_INLINE __m512d sign_of_eight(__m512d v, __m512d s) {
  return _mm512_or_pd(_mm512_abs_pd(v), _mm512_and_pd(s, _mm512_set1_pd(-0.0)));
}
XENT_INLINE dlanes dlanes_sign(dlanes v, dlanes s) {
  return (dlanes){sign_of_eight(v.lo, s.lo), sign_of_eight(v.hi, s.hi)};
}
XENT_INLINE uint32_t dlanes_bits_above(dlanes a, dlanes b) {
  return bits_of_eights(_mm512_cmp_pd_mask(a.lo, b.lo, _CMP_GT_OQ), _mm512_cmp_pd_mask(a.hi, b.hi, _CMP_GT_OQ));
}
XENT_INLINE uint32_t dlanes_bits_equal(dlanes a, dlanes b) {
  return bits_of_eights(_mm512_cmp_pd_mask(a.lo, b.lo, _CMP_EQ_OQ), _mm512_cmp_pd_mask(a.hi, b.hi, _CMP_EQ_OQ));
}
XENT_INLINE double dlanes_largest(dlanes a) {
  const __m512d v = _mm512_max_pd(a.lo, a.hi);
  const __m256d w = _mm256_max_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd(v, 1));
  const __m128d x = _mm_max_pd(_mm256_castpd256_pd128(w), _mm256_extractf128_pd(w, 1));
  return _mm_cvtsd_f64(_mm_max_sd(x, _mm_unpackhi_pd(x, x)));
}

#endif
