/* SPDX-License-Identifier: Apache-2.0 */
/* Doubles on AVX2: four per register. */
#ifndef XENT_F64_AVX2_H
#define XENT_F64_AVX2_H

typedef struct { __m256d v; } doubles;
enum { XENT_DOUBLES = 4, XENT_DOUBLES_BATCH = 4 };

XENT_INLINE __m256i first_doubles(int64_t n) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)n), _mm256_setr_epi64x(0, 1, 2, 3));
}
XENT_INLINE doubles doubles_set(double x) { return (doubles){_mm256_set1_pd(x)}; }
XENT_INLINE doubles doubles_load(const double *p) { return (doubles){_mm256_loadu_pd(p)}; }
XENT_INLINE void doubles_store(double *p, doubles a) { _mm256_storeu_pd(p, a.v); }
/* Masked-out numbers are not read, so loads past the end of an array do not fault. */
XENT_INLINE doubles doubles_load_part(const double *p, int64_t n, double fill) {
  if (n >= 4) return doubles_load(p);
  const __m256i mask = first_doubles(n);
  return (doubles){_mm256_blendv_pd(_mm256_set1_pd(fill), _mm256_maskload_pd(p, mask), _mm256_castsi256_pd(mask))};
}
/* Ordinary stores of 2 and 1: a masked store is microcode on some CPUs. */
XENT_INLINE void doubles_store_part(double *p, int64_t n, doubles a) {
  if (n >= 4) {
    doubles_store(p, a);
    return;
  }
  __m128d w = _mm256_castpd256_pd128(a.v);
  if (n & 2) {
    _mm_storeu_pd(p, w);
    w = _mm256_extractf128_pd(a.v, 1);
    p += 2;
  }
  if (n & 1) _mm_store_sd(p, w);
}
XENT_INLINE doubles doubles_add(doubles a, doubles b) { return (doubles){_mm256_add_pd(a.v, b.v)}; }
XENT_INLINE doubles doubles_add_aside(doubles a, doubles b) {
  return (doubles){_mm256_fmadd_pd(a.v, _mm256_set1_pd(1), b.v)};
}
XENT_INLINE doubles doubles_sub(doubles a, doubles b) { return (doubles){_mm256_sub_pd(a.v, b.v)}; }
XENT_INLINE doubles doubles_mul(doubles a, doubles b) { return (doubles){_mm256_mul_pd(a.v, b.v)}; }
XENT_INLINE doubles doubles_div(doubles a, doubles b) { return (doubles){_mm256_div_pd(a.v, b.v)}; }
XENT_INLINE doubles doubles_fma(doubles a, doubles b, doubles c) { return (doubles){_mm256_fmadd_pd(a.v, b.v, c.v)}; }
/* maxpd returns its second operand if the first is NaN or both are equal. */
XENT_INLINE doubles doubles_max(doubles x, doubles a) { return (doubles){_mm256_max_pd(x.v, a.v)}; }
XENT_INLINE doubles doubles_power(doubles z) {
  return (doubles){_mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(z.v), 52))};
}
XENT_INLINE doubles doubles_exponent(doubles v) { /* from 2^52 on it is in the low bits */
  const __m256i bits = _mm256_srli_epi64(_mm256_castpd_si256(v.v), 52),
                big = _mm256_castpd_si256(_mm256_set1_pd(0x1p52));
  return (doubles){_mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(bits, big)), _mm256_set1_pd(0x1p52))};
}
XENT_INLINE doubles doubles_magnitude(doubles a) { return (doubles){_mm256_andnot_pd(_mm256_set1_pd(-0.0), a.v)}; }
XENT_INLINE doubles doubles_sign(doubles v, doubles s) {
  return (doubles){_mm256_or_pd(v.v, _mm256_and_pd(s.v, _mm256_set1_pd(-0.0)))};
}
XENT_INLINE doubles doubles_where_at_most(doubles a, doubles b, doubles yes, doubles no) {
  return (doubles){_mm256_blendv_pd(no.v, yes.v, _mm256_cmp_pd(a.v, b.v, _CMP_LE_OQ))};
}
XENT_INLINE uint32_t doubles_bits_above(doubles a, doubles b) {
  return (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(a.v, b.v, _CMP_GT_OQ));
}
XENT_INLINE uint32_t doubles_bits_at_most(doubles a, doubles b) {
  return (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(a.v, b.v, _CMP_LE_OQ));
}
XENT_INLINE uint32_t doubles_bits_equal(doubles a, doubles b) {
  return (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(a.v, b.v, _CMP_EQ_OQ));
}
XENT_INLINE doubles doubles_where_equal(doubles a, doubles b, doubles yes, doubles no) {
  return (doubles){_mm256_blendv_pd(no.v, yes.v, _mm256_cmp_pd(a.v, b.v, _CMP_EQ_OQ))};
}
XENT_INLINE doubles doubles_clear_where_zero(doubles v, doubles q) {
  return (doubles){_mm256_and_pd(v.v, _mm256_cmp_pd(q.v, _mm256_setzero_pd(), _CMP_NEQ_UQ))};
}
XENT_INLINE doubles doubles_quiet(doubles a) {
  return (doubles){_mm256_blendv_pd(a.v, _mm256_set1_pd(XENT_F64_NAN), _mm256_cmp_pd(a.v, a.v, _CMP_UNORD_Q))};
}
/* v if byte j of the mask is not 0, else `other` */
XENT_INLINE doubles doubles_where_set(const uint8_t *mask, doubles v, doubles other) {
  int32_t bytes;
  memcpy(&bytes, mask, sizeof bytes);
  const __m256i clear = _mm256_cmpeq_epi64(_mm256_cvtepu8_epi64(_mm_cvtsi32_si128(bytes)), _mm256_setzero_si256());
  return (doubles){_mm256_blendv_pd(v.v, other.v, _mm256_castsi256_pd(clear))};
}
XENT_INLINE double doubles_first(doubles a) { return _mm256_cvtsd_f64(a.v); }
XENT_INLINE double doubles_largest(doubles a) {
  const __m128d x = _mm_max_pd(_mm256_castpd256_pd128(a.v), _mm256_extractf128_pd(a.v, 1));
  return _mm_cvtsd_f64(_mm_max_sd(x, _mm_unpackhi_pd(x, x)));
}
XENT_INLINE double doubles_sum(doubles a) {
  const __m128d x = _mm_add_pd(_mm256_castpd256_pd128(a.v), _mm256_extractf128_pd(a.v, 1));
  return _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)));
}
/* v = m * 2^k, sqrt(1/2) <= m < sqrt(2), of a normal v > 0 */
XENT_INLINE doubles doubles_split(doubles v, doubles *k) {
  const __m256i bias = _mm256_set1_epi64x(INT64_C(1024) << 52), two_52 = _mm256_set1_epi64x(0x433ll << 52);
  const __m256i u = _mm256_castpd_si256(v.v);
  const __m256i above = _mm256_sub_epi64(u, _mm256_set1_epi64x((long long)XENT_ROOT_HALF_BITS));
  const __m256i e = _mm256_srli_epi64(_mm256_add_epi64(above, bias), 52); /* k + 1024 */
  k->v = _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(e, two_52)), _mm256_set1_pd(0x1p52 + 1024));
  return (doubles){_mm256_castsi256_pd(_mm256_sub_epi64(u, _mm256_sub_epi64(_mm256_slli_epi64(e, 52), bias)))};
}
/* Number j of vector i becomes number i of vector j. */
XENT_INLINE void doubles_transpose(doubles r[4]) {
  const __m256d a = _mm256_unpacklo_pd(r[0].v, r[1].v), b = _mm256_unpackhi_pd(r[0].v, r[1].v);
  const __m256d c = _mm256_unpacklo_pd(r[2].v, r[3].v), d = _mm256_unpackhi_pd(r[2].v, r[3].v);
  r[0].v = _mm256_permute2f128_pd(a, c, 0x20);
  r[1].v = _mm256_permute2f128_pd(b, d, 0x20);
  r[2].v = _mm256_permute2f128_pd(a, c, 0x31);
  r[3].v = _mm256_permute2f128_pd(b, d, 0x31);
}

#endif
