/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations for sums of integers, and for picking lanes; see vector.h. `wholes` are sixteen integers of 64 bits,
 * modulo 2^64. If 1.5 * 2^52 is added to a double, its bits contain the nearest integer. Sums of such bits are exact,
 * and contain XENT_WHOLE_BITS once per number.
 *   wholes_zero, wholes_sum(w)            the sum is across lanes
 *   wholes_add(w, d)                      the bits of d
 *   wholes_add_above(w, d, x, limit)      those of the lanes in which x > limit
 *   dlanes_whole(e, scale)                e * scale + 1.5 * 2^52; the product is exact
 *   lanes_pick(to, v, bits)               the lanes whose bits are set, contiguous; up to sixteen places are written
 *   numbers_pick(to, first, bits)         the numbers first + lane in the same way
 *   numbers_move(to, from, bits)          those of sixteen numbers in the same way; `to` may be before them
 */
#ifndef XENT_WHOLE_H
#define XENT_WHOLE_H

#include "kernels/vector/vector.h"

#define XENT_WHOLE 0x1.8p52
#define XENT_WHOLE_BITS UINT64_C(0x4338000000000000)

#if defined(__AVX512F__)
typedef struct { __m512i lo, hi; } wholes;

XENT_INLINE wholes wholes_zero(void) { return (wholes){_mm512_setzero_si512(), _mm512_setzero_si512()}; }
XENT_INLINE wholes wholes_add(wholes w, dlanes d) {
  return (wholes){_mm512_add_epi64(w.lo, _mm512_castpd_si512(d.v[0].v)),
                  _mm512_add_epi64(w.hi, _mm512_castpd_si512(d.v[1].v))};
}
XENT_INLINE wholes wholes_add_above(wholes w, dlanes d, lanes x, lanes limit) {
  const __mmask16 above = _mm512_cmp_ps_mask(x.v, limit.v, _CMP_GT_OQ);
  return (wholes){_mm512_mask_add_epi64(w.lo, (__mmask8)above, w.lo, _mm512_castpd_si512(d.v[0].v)),
                  _mm512_mask_add_epi64(w.hi, (__mmask8)(above >> 8), w.hi, _mm512_castpd_si512(d.v[1].v))};
}
XENT_INLINE uint64_t wholes_sum(wholes w) { /* the compiler's own sum across lanes is signed, and overflows */
  const __m512i n = _mm512_add_epi64(w.lo, w.hi);
  const __m256i four = _mm256_add_epi64(_mm512_castsi512_si256(n), _mm512_extracti64x4_epi64(n, 1));
  const __m128i two = _mm_add_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
  return (uint64_t)_mm_cvtsi128_si64(two) + (uint64_t)_mm_extract_epi64(two, 1);
}
XENT_INLINE dlanes dlanes_whole(lanes e, double scale) {
  return dlanes_fma(dlanes_widen(e), dlanes_set(scale), dlanes_set(XENT_WHOLE));
}
XENT_INLINE void lanes_pick(float *to, lanes v, uint32_t bits) {
  _mm512_storeu_ps(to, _mm512_maskz_compress_ps((__mmask16)bits, v.v));
}
XENT_INLINE void numbers_pick(int32_t *to, int32_t first, uint32_t bits) {
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  _mm512_storeu_si512(to,
                      _mm512_maskz_compress_epi32((__mmask16)bits, _mm512_add_epi32(lane, _mm512_set1_epi32(first))));
}
XENT_INLINE void numbers_move(int32_t *to, const int32_t *from, uint32_t bits) {
  _mm512_storeu_si512(to, _mm512_maskz_compress_epi32((__mmask16)bits, _mm512_loadu_si512(from)));
}

#else
#if defined(__AVX2__) && defined(__FMA__)
typedef struct { __m256i q[4]; } wholes;

XENT_INLINE wholes wholes_zero(void) {
  const __m256i zero = _mm256_setzero_si256();
  return (wholes){{zero, zero, zero, zero}};
}
XENT_INLINE wholes wholes_add(wholes w, dlanes d) {
  XENT_EACH_DOUBLES(k) w.q[k] = _mm256_add_epi64(w.q[k], _mm256_castpd_si256(d.v[k].v));
  return w;
}
XENT_INLINE wholes wholes_add_above(wholes w, dlanes d, lanes x, lanes limit) {
  const __m256i lo = _mm256_castps_si256(_mm256_cmp_ps(x.lo, limit.lo, _CMP_GT_OQ));
  const __m256i hi = _mm256_castps_si256(_mm256_cmp_ps(x.hi, limit.hi, _CMP_GT_OQ));
  const __m256i above[4] = {
      _mm256_cvtepi32_epi64(_mm256_castsi256_si128(lo)), _mm256_cvtepi32_epi64(_mm256_extracti128_si256(lo, 1)),
      _mm256_cvtepi32_epi64(_mm256_castsi256_si128(hi)), _mm256_cvtepi32_epi64(_mm256_extracti128_si256(hi, 1))};
  XENT_EACH_DOUBLES(k) w.q[k] = _mm256_add_epi64(w.q[k], _mm256_and_si256(above[k], _mm256_castpd_si256(d.v[k].v)));
  return w;
}
XENT_INLINE uint64_t wholes_sum(wholes w) {
  uint64_t n[4];
  _mm256_storeu_si256((__m256i *)(void *)n,
                      _mm256_add_epi64(_mm256_add_epi64(w.q[0], w.q[1]), _mm256_add_epi64(w.q[2], w.q[3])));
  return n[0] + n[1] + n[2] + n[3];
}
XENT_INLINE dlanes dlanes_whole(lanes e, double scale) {
  return dlanes_fma(dlanes_widen(e), dlanes_set(scale), dlanes_set(XENT_WHOLE));
}

#elif defined(XENT_NEON)
typedef struct { uint64x2_t p[8]; } wholes;

XENT_INLINE wholes wholes_zero(void) {
  const uint64x2_t zero = vdupq_n_u64(0);
  return (wholes){{zero, zero, zero, zero, zero, zero, zero, zero}};
}
XENT_INLINE wholes wholes_add(wholes w, dlanes d) {
  XENT_EACH_DOUBLES(k) w.p[k] = vaddq_u64(w.p[k], vreinterpretq_u64_f64(d.v[k].v));
  return w;
}
XENT_INLINE wholes wholes_add_above(wholes w, dlanes d, lanes x, lanes limit) {
  const where above = lanes_above(x, limit);
  const uint32x4_t four[4] = {above.a, above.b, above.c, above.d};
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++) {
    const int32x4_t v = vreinterpretq_s32_u32(four[k]);
    const uint64x2_t low = vreinterpretq_u64_s64(vmovl_s32(vget_low_s32(v)));
    const uint64x2_t high = vreinterpretq_u64_s64(vmovl_high_s32(v));
    w.p[2 * k] = vaddq_u64(w.p[2 * k], vandq_u64(low, vreinterpretq_u64_f64(d.v[2 * k].v)));
    w.p[2 * k + 1] = vaddq_u64(w.p[2 * k + 1], vandq_u64(high, vreinterpretq_u64_f64(d.v[2 * k + 1].v)));
  }
  return w;
}
XENT_INLINE uint64_t wholes_sum(wholes w) {
  const uint64x2_t even = vaddq_u64(vaddq_u64(w.p[0], w.p[2]), vaddq_u64(w.p[4], w.p[6]));
  const uint64x2_t odd = vaddq_u64(vaddq_u64(w.p[1], w.p[3]), vaddq_u64(w.p[5], w.p[7]));
  return vaddvq_u64(vaddq_u64(even, odd));
}
XENT_INLINE dlanes dlanes_whole(lanes e, double scale) {
  return dlanes_fma(dlanes_widen(e), dlanes_set(scale), dlanes_set(XENT_WHOLE));
}

#else
typedef struct { uint64_t v[XENT_LANES]; } wholes;

XENT_INLINE wholes wholes_zero(void) { return (wholes){{0}}; }
XENT_INLINE wholes wholes_add(wholes w, dlanes d) {
  XENT_EACH_LANE(j) w.v[j] += double_bits(d.v[j].v);
  return w;
}
XENT_INLINE wholes wholes_add_above(wholes w, dlanes d, lanes x, lanes limit) {
  XENT_EACH_LANE(j) w.v[j] += x.v[j] > limit.v[j] ? double_bits(d.v[j].v) : 0;
  return w;
}
XENT_INLINE uint64_t wholes_sum(wholes w) {
  uint64_t sum = 0;
  XENT_EACH_LANE(j) sum += w.v[j];
  return sum;
}
XENT_INLINE dlanes dlanes_whole(lanes e, double scale) {
  return dlanes_add(dlanes_scale(dlanes_widen(e), scale), dlanes_set(XENT_WHOLE));
}
#endif

#if defined(__AVX2__) && defined(__FMA__)
/* The numbers of the set bits of a byte, four bits each, the lowest first. */
#define XENT_NUMBER_AT(b, i) ((b) >> (i) & 1 ? (uint32_t)(i) << 4 * __builtin_popcount((b) & ((1 << (i)) - 1)) : 0)
#define XENT_NUMBERS(b)                                                                                            \
  (XENT_NUMBER_AT(b, 0) | XENT_NUMBER_AT(b, 1) | XENT_NUMBER_AT(b, 2) | XENT_NUMBER_AT(b, 3) | XENT_NUMBER_AT(b, 4) | \
   XENT_NUMBER_AT(b, 5) | XENT_NUMBER_AT(b, 6) | XENT_NUMBER_AT(b, 7))
#define XENT_NUMBERS_4(b) XENT_NUMBERS(b), XENT_NUMBERS(b + 1), XENT_NUMBERS(b + 2), XENT_NUMBERS(b + 3)
#define XENT_NUMBERS_16(b) XENT_NUMBERS_4(b), XENT_NUMBERS_4(b + 4), XENT_NUMBERS_4(b + 8), XENT_NUMBERS_4(b + 12)
#define XENT_NUMBERS_64(b) XENT_NUMBERS_16(b), XENT_NUMBERS_16(b + 16), XENT_NUMBERS_16(b + 32), XENT_NUMBERS_16(b + 48)
static const uint32_t numbers_of_bits[256] = {XENT_NUMBERS_64(0), XENT_NUMBERS_64(64), XENT_NUMBERS_64(128),
                                              XENT_NUMBERS_64(192)};

XENT_INLINE __m256i picked_eight(uint32_t bits) {
  const __m256i all = _mm256_set1_epi32((int)numbers_of_bits[bits]);
  return _mm256_srlv_epi32(all, _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28));
}
XENT_INLINE void lanes_pick(float *to, lanes v, uint32_t bits) {
  _mm256_storeu_ps(to, _mm256_permutevar8x32_ps(v.lo, picked_eight(bits & 255)));
  _mm256_storeu_ps(to + __builtin_popcount(bits & 255), _mm256_permutevar8x32_ps(v.hi, picked_eight(bits >> 8)));
}
XENT_INLINE void numbers_pick(int32_t *to, int32_t first, uint32_t bits) {
  const __m256i eight = _mm256_set1_epi32(7), begin = _mm256_set1_epi32(first), next = _mm256_set1_epi32(first + 8);
  const __m256i low = _mm256_and_si256(picked_eight(bits & 255), eight), high = picked_eight(bits >> 8);
  _mm256_storeu_si256((__m256i *)to, _mm256_add_epi32(low, begin));
  _mm256_storeu_si256((__m256i *)(to + __builtin_popcount(bits & 255)),
                      _mm256_add_epi32(_mm256_and_si256(high, eight), next));
}
XENT_INLINE void numbers_move(int32_t *to, const int32_t *from, uint32_t bits) {
  const __m256i low = _mm256_loadu_si256((const __m256i *)from), high = _mm256_loadu_si256((const __m256i *)(from + 8));
  _mm256_storeu_si256((__m256i *)to, _mm256_permutevar8x32_epi32(low, picked_eight(bits & 255)));
  _mm256_storeu_si256((__m256i *)(to + __builtin_popcount(bits & 255)),
                      _mm256_permutevar8x32_epi32(high, picked_eight(bits >> 8)));
}
#else
XENT_INLINE void lanes_pick(float *to, lanes v, uint32_t bits) {
  XENT_ALIGNED float x[XENT_LANES];
  if (bits) lanes_store(x, v);
  for (; bits; bits &= bits - 1) *to++ = x[__builtin_ctz(bits)];
}
XENT_INLINE void numbers_pick(int32_t *to, int32_t first, uint32_t bits) {
  for (; bits; bits &= bits - 1) *to++ = first + __builtin_ctz(bits);
}
XENT_INLINE void numbers_move(int32_t *to, const int32_t *from, uint32_t bits) {
  for (; bits; bits &= bits - 1) *to++ = from[__builtin_ctz(bits)];
}
#endif
#endif

#endif
