/* SPDX-License-Identifier: Apache-2.0 */
/* Doubles on AVX-512: eight per register. */
#ifndef XENT_F64_AVX512_H
#define XENT_F64_AVX512_H

typedef struct { __m512d v; } doubles;
enum { XENT_DOUBLES = 8, XENT_DOUBLES_BATCH = 4 };

/* Moves a mask to a general register. The compiler must not do this: if no register is free, GCC 12 stores only the
 * bytes of a mask and loads four. */
XENT_INLINE uint32_t bits_of_eight(__mmask8 mask) {
  uint32_t bits;
  __asm__("kmovb %1, %0" : "=r"(bits) : "k"(mask));
  return bits;
}
XENT_INLINE __mmask8 first_doubles(int64_t n) { return (__mmask8)((1u << n) - 1); }
XENT_INLINE doubles doubles_set(double x) { return (doubles){_mm512_set1_pd(x)}; }
XENT_INLINE doubles doubles_load(const double *p) { return (doubles){_mm512_loadu_pd(p)}; }
XENT_INLINE void doubles_store(double *p, doubles a) { _mm512_storeu_pd(p, a.v); }
XENT_INLINE doubles doubles_load_part(const double *p, int64_t n, double fill) {
  if (n >= 8) return doubles_load(p);
  return (doubles){_mm512_mask_loadu_pd(_mm512_set1_pd(fill), first_doubles(n), p)};
}
XENT_INLINE void doubles_store_part(double *p, int64_t n, doubles a) {
  if (n >= 8)
    doubles_store(p, a);
  else
    _mm512_mask_storeu_pd(p, first_doubles(n), a.v);
}
XENT_INLINE doubles doubles_add(doubles a, doubles b) { return (doubles){_mm512_add_pd(a.v, b.v)}; }
XENT_INLINE doubles doubles_add_aside(doubles a, doubles b) {
  return (doubles){_mm512_fmadd_pd(a.v, _mm512_set1_pd(1), b.v)};
}
XENT_INLINE doubles doubles_sub(doubles a, doubles b) { return (doubles){_mm512_sub_pd(a.v, b.v)}; }
XENT_INLINE doubles doubles_mul(doubles a, doubles b) { return (doubles){_mm512_mul_pd(a.v, b.v)}; }
XENT_INLINE doubles doubles_div(doubles a, doubles b) { return (doubles){_mm512_div_pd(a.v, b.v)}; }
XENT_INLINE doubles doubles_fma(doubles a, doubles b, doubles c) { return (doubles){_mm512_fmadd_pd(a.v, b.v, c.v)}; }
/* maxpd returns its second operand if the first is NaN or both are equal. */
XENT_INLINE doubles doubles_max(doubles x, doubles a) { return (doubles){_mm512_max_pd(x.v, a.v)}; }
XENT_INLINE doubles doubles_power(doubles z) {
  return (doubles){_mm512_castsi512_pd(_mm512_slli_epi64(_mm512_castpd_si512(z.v), 52))};
}
XENT_INLINE doubles doubles_exponent(doubles v) {
  return (doubles){_mm512_cvtepi64_pd(_mm512_srli_epi64(_mm512_castpd_si512(v.v), 52))};
}
XENT_INLINE doubles doubles_magnitude(doubles a) { return (doubles){_mm512_abs_pd(a.v)}; }
XENT_INLINE doubles doubles_sign(doubles v, doubles s) {
  return (doubles){_mm512_or_pd(v.v, _mm512_and_pd(s.v, _mm512_set1_pd(-0.0)))};
}
XENT_INLINE doubles doubles_where_at_most(doubles a, doubles b, doubles yes, doubles no) {
  return (doubles){_mm512_mask_mov_pd(no.v, _mm512_cmp_pd_mask(a.v, b.v, _CMP_LE_OQ), yes.v)};
}
XENT_INLINE uint32_t doubles_bits_above(doubles a, doubles b) {
  return bits_of_eight(_mm512_cmp_pd_mask(a.v, b.v, _CMP_GT_OQ));
}
XENT_INLINE uint32_t doubles_bits_at_most(doubles a, doubles b) {
  return bits_of_eight(_mm512_cmp_pd_mask(a.v, b.v, _CMP_LE_OQ));
}
XENT_INLINE uint32_t doubles_bits_equal(doubles a, doubles b) {
  return bits_of_eight(_mm512_cmp_pd_mask(a.v, b.v, _CMP_EQ_OQ));
}
XENT_INLINE doubles doubles_where_equal(doubles a, doubles b, doubles yes, doubles no) {
  return (doubles){_mm512_mask_mov_pd(no.v, _mm512_cmp_pd_mask(a.v, b.v, _CMP_EQ_OQ), yes.v)};
}
XENT_INLINE doubles doubles_clear_where_zero(doubles v, doubles q) {
  return (doubles){_mm512_maskz_mov_pd(_mm512_cmp_pd_mask(q.v, _mm512_setzero_pd(), _CMP_NEQ_UQ), v.v)};
}
XENT_INLINE doubles doubles_quiet(doubles a) {
  return (doubles){_mm512_mask_mov_pd(a.v, _mm512_cmp_pd_mask(a.v, a.v, _CMP_UNORD_Q), _mm512_set1_pd(XENT_F64_NAN))};
}
/* v if byte j of the mask is not 0, else `other` */
XENT_INLINE doubles doubles_where_set(const uint8_t *mask, doubles v, doubles other) {
  const __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)mask);
  return (doubles){_mm512_mask_mov_pd(other.v, (__mmask8)_mm_test_epi8_mask(bytes, bytes), v.v)};
}
XENT_INLINE double doubles_first(doubles a) { return _mm512_cvtsd_f64(a.v); }
XENT_INLINE double doubles_largest(doubles a) {
  const __m256d w = _mm256_max_pd(_mm512_castpd512_pd256(a.v), _mm512_extractf64x4_pd(a.v, 1));
  const __m128d x = _mm_max_pd(_mm256_castpd256_pd128(w), _mm256_extractf128_pd(w, 1));
  return _mm_cvtsd_f64(_mm_max_sd(x, _mm_unpackhi_pd(x, x)));
}
XENT_INLINE double doubles_sum(doubles a) {
  const __m256d w = _mm256_add_pd(_mm512_castpd512_pd256(a.v), _mm512_extractf64x4_pd(a.v, 1));
  const __m128d x = _mm_add_pd(_mm256_castpd256_pd128(w), _mm256_extractf128_pd(w, 1));
  return _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)));
}
/* v = m * 2^k, sqrt(1/2) <= m < sqrt(2), of a normal v > 0 */
XENT_INLINE doubles doubles_split(doubles v, doubles *k) {
  const __m512i u = _mm512_castpd_si512(v.v);
  const __m512i above = _mm512_sub_epi64(u, _mm512_set1_epi64((long long)XENT_ROOT_HALF_BITS));
  const __m512i e = _mm512_srai_epi64(above, 52);
  k->v = _mm512_cvtepi64_pd(e);
  return (doubles){_mm512_castsi512_pd(_mm512_sub_epi64(u, _mm512_slli_epi64(e, 52)))};
}
/* Number j of vector i becomes number i of vector j. */
XENT_INLINE void doubles_transpose(doubles r[8]) {
  __m512d t[8], u[8];
  XENT_UNROLL(4)
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm512_unpacklo_pd(r[i].v, r[i + 1].v);
    t[i + 1] = _mm512_unpackhi_pd(r[i].v, r[i + 1].v);
  }
  XENT_UNROLL(4)
  for (int i = 0; i < 4; i++) { /* i % 2: even or odd numbers; i / 2: of the upper four rows */
    const int at = i / 2 * 4 + i % 2;
    u[i] = _mm512_shuffle_f64x2(t[at], t[at + 2], 0x88);
    u[i + 4] = _mm512_shuffle_f64x2(t[at], t[at + 2], 0xdd);
  }
  XENT_UNROLL(2)
  for (int i = 0; i < 2; i++) {
    r[i].v = _mm512_shuffle_f64x2(u[i], u[i + 2], 0x88);
    r[i + 4].v = _mm512_shuffle_f64x2(u[i], u[i + 2], 0xdd);
    r[i + 2].v = _mm512_shuffle_f64x2(u[i + 4], u[i + 6], 0x88);
    r[i + 6].v = _mm512_shuffle_f64x2(u[i + 4], u[i + 6], 0xdd);
  }
}

#endif
