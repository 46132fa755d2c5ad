/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen lanes of doubles as classes of a row, on AVX2: four registers. */
#ifndef XENT_WIDE_AVX2_H
#define XENT_WIDE_AVX2_H

enum { XENT_WIDE_BATCH = 1 };

/* All ones in the first n of four lanes; any n. */
XENT_INLINE __m256i first_of_four(int64_t n) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)n), _mm256_setr_epi64x(0, 1, 2, 3));
}
XENT_INLINE dlanes dlanes_load_part(const double *p, int64_t n, double fill) {
  dlanes r;
  /* masked-out lanes are not read: no fault behind the end of an array */
  XENT_EACH_QUARTER(k) {
    const __m256i mask = first_of_four(n - 4 * k);
    r.q[k] = _mm256_blendv_pd(_mm256_set1_pd(fill), _mm256_maskload_pd(p + 4 * k, mask), _mm256_castsi256_pd(mask));
  }
  return r;
}
XENT_INLINE void dlanes_store_part(double *p, int64_t n, dlanes a) {
  if (n >= XENT_LANES) {
    dlanes_store(p, a);
    return;
  }
  double all[XENT_LANES];
  dlanes_store(all, a);
  for (int64_t j = 0; j < n; j++) p[j] = all[j];
}
/* maxpd gives its second operand when the first is NaN or both are equal. */
XENT_INLINE dlanes dlanes_max(dlanes x, dlanes a) {
  XENT_EACH_QUARTER(k) a.q[k] = _mm256_max_pd(x.q[k], a.q[k]);
  return a;
}
XENT_INLINE dlanes dlanes_floor_at(dlanes x, dlanes lo) {
  XENT_EACH_QUARTER(k) x.q[k] = _mm256_max_pd(lo.q[k], x.q[k]);
  return x;
}
XENT_INLINE dlanes dlanes_power(dlanes z) {
  XENT_EACH_QUARTER(k) z.q[k] = _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(z.q[k]), 52));
  return z;
}
XENT_INLINE dlanes dlanes_drop(dlanes a, int64_t lane) {
  XENT_EACH_QUARTER(k) {
    const __m256i here = _mm256_cmpeq_epi64(_mm256_set1_epi64x((long long)lane - 4 * k), _mm256_setr_epi64x(0, 1, 2, 3));
    a.q[k] = _mm256_andnot_pd(_mm256_castsi256_pd(here), a.q[k]);
  }
  return a;
}
XENT_INLINE dlanes dlanes_quiet(dlanes a) {
  XENT_EACH_QUARTER(k)
  a.q[k] = _mm256_blendv_pd(a.q[k], _mm256_set1_pd(XENT_WIDE_NAN), _mm256_cmp_pd(a.q[k], a.q[k], _CMP_UNORD_Q));
  return a;
}
XENT_INLINE dlanes dlanes_sign(dlanes v, dlanes s) {
  const __m256d sign = _mm256_set1_pd(-0.0);
  XENT_EACH_QUARTER(k) v.q[k] = _mm256_or_pd(_mm256_andnot_pd(sign, v.q[k]), _mm256_and_pd(s.q[k], sign));
  return v;
}
XENT_INLINE uint32_t dlanes_bits_above(dlanes a, dlanes b) {
  uint32_t bits = 0;
  XENT_EACH_QUARTER(k) bits |= (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(a.q[k], b.q[k], _CMP_GT_OQ)) << 4 * k;
  return bits;
}
XENT_INLINE uint32_t dlanes_bits_equal(dlanes a, dlanes b) {
  uint32_t bits = 0;
  XENT_EACH_QUARTER(k) bits |= (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(a.q[k], b.q[k], _CMP_EQ_OQ)) << 4 * k;
  return bits;
}
XENT_INLINE double dlanes_largest(dlanes a) {
  const __m256d v = _mm256_max_pd(_mm256_max_pd(a.q[0], a.q[2]), _mm256_max_pd(a.q[1], a.q[3]));
  const __m128d w = _mm_max_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
  return _mm_cvtsd_f64(_mm_max_sd(w, _mm_unpackhi_pd(w, w)));
}

#endif
