/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary on AVX-512 (F, BW, DQ, VL): sixteen lanes are one register of floats, two of doubles;
 * parts of a vector are masks. */
#ifndef XENT_AVX512_H
#define XENT_AVX512_H

#include <immintrin.h>

typedef struct { __m512 v; } lanes;

#define XENT_BATCH 4
#define XENT_STREAM_ALIGNMENT 64
#define XENT_BACKWARD_REGISTERS XENT_GROUP
#define XENT_MASKED_LOADS 1
#define XENT_CONSTANT_LENGTHS 1
#define XENT_EACH_SOFTMAX 128
#define XENT_DENSE_OUTPUTS 59
#define XENT_DENSE_LOSSES 47

/* The first n of sixteen lanes; any n. */
XENT_INLINE __mmask16 first_of_sixteen(int64_t n) {
  return (__mmask16)(n <= 0 ? 0 : n >= XENT_LANES ? 0xffff : (1u << n) - 1);
}
XENT_INLINE lanes lanes_set(float x) { return (lanes){_mm512_set1_ps(x)}; }
XENT_INLINE lanes lanes_load(const float *p) { return (lanes){_mm512_loadu_ps(p)}; }
/* Loads that read half a line request lines earlier (a fifth faster on Zen 4). */
XENT_INLINE lanes lanes_load_far(const float *p) {
  return (lanes){_mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(p)), _mm256_loadu_ps(p + 8), 1)};
}
XENT_INLINE void lanes_store(float *p, lanes a) { _mm512_storeu_ps(p, a.v); }
XENT_INLINE void lanes_stream(float *p, lanes a) { _mm512_stream_ps(p, a.v); }
XENT_INLINE lanes lanes_load_part(const float *p, int64_t n, float fill) {
  return (lanes){_mm512_mask_loadu_ps(_mm512_set1_ps(fill), first_of_sixteen(n), p)};
}
XENT_INLINE void lanes_store_part(float *p, int64_t n, lanes a) {
  _mm512_mask_storeu_ps(p, first_of_sixteen(n), a.v);
}
XENT_INLINE lanes lanes_add(lanes a, lanes b) { return (lanes){_mm512_add_ps(a.v, b.v)}; }
XENT_INLINE lanes lanes_sub(lanes a, lanes b) { return (lanes){_mm512_sub_ps(a.v, b.v)}; }
XENT_INLINE lanes lanes_mul(lanes a, lanes b) { return (lanes){_mm512_mul_ps(a.v, b.v)}; }
XENT_INLINE lanes lanes_fma(lanes a, lanes b, lanes c) { return (lanes){_mm512_fmadd_ps(a.v, b.v, c.v)}; }
/* maxps returns its second operand if the first is NaN or both are equal. */
XENT_INLINE lanes lanes_max(lanes x, lanes a) { return (lanes){_mm512_max_ps(x.v, a.v)}; }
XENT_INLINE lanes lanes_floor_at(lanes x, lanes lo) { return (lanes){_mm512_max_ps(lo.v, x.v)}; }
XENT_INLINE lanes lanes_exponent_table(lanes z) {
  const __m256i half = _mm256_loadu_si256((const __m256i *)XENT_TWO_TO_EIGHTHS);
  const __m512i u = _mm512_castps_si512(z.v), table = _mm512_broadcast_i32x8(half);
  return (lanes){_mm512_castsi512_ps(
      _mm512_add_epi32(_mm512_permutexvar_epi32(u, table), _mm512_slli_epi32(u, 20)))};
}
XENT_INLINE lanes lanes_keep_first(lanes a, int64_t n) {
  return (lanes){_mm512_maskz_mov_ps(first_of_sixteen(n), a.v)};
}
XENT_INLINE lanes lanes_drop(lanes a, int64_t lane) {
  const uint32_t here = lane >= 0 && lane < XENT_LANES ? 1u << lane : 0;
  return (lanes){_mm512_maskz_mov_ps((__mmask16)~here, a.v)};
}
XENT_INLINE lanes lanes_quiet(lanes a) {
  const __mmask16 nan = _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q);
  return (lanes){_mm512_mask_mov_ps(a.v, nan, _mm512_set1_ps(XENT_NAN))};
}
XENT_INLINE lanes lanes_magnitude(lanes a) { return (lanes){_mm512_abs_ps(a.v)}; }
XENT_INLINE lanes lanes_sign(lanes v, lanes s) {
  return (lanes){_mm512_or_ps(v.v, _mm512_and_ps(s.v, _mm512_set1_ps(-0.0f)))};
}
XENT_INLINE lanes lanes_load_f16(const uint16_t *p) {
  return (lanes){_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p))};
}
XENT_INLINE lanes lanes_load_bf16(const uint16_t *p) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
  return (lanes){_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
}
XENT_INLINE void halves_first(uint16_t *to, const uint16_t *p, int64_t n) {
  _mm256_storeu_si256((__m256i *)to, _mm256_maskz_loadu_epi16(first_of_sixteen(n), p));
}
/* First those in the lower halves of 32 bits, then those in the upper ones, without a shuffle. */
XENT_INLINE void lanes_load_pair_bf16(const uint16_t *p, lanes v[2]) {
  const __m512i u = _mm512_loadu_si512(p);
  v[0].v = _mm512_castsi512_ps(_mm512_slli_epi32(u, 16));
  v[1].v = _mm512_castsi512_ps(_mm512_and_si512(u, _mm512_set1_epi32((int)0xffff0000)));
}
XENT_INLINE __m256i narrow_f16_numbers(lanes a) {
  return _mm512_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* Like narrow_bf16: half a unit of the last place is added, minus one if it is even; the carry rounds. */
XENT_INLINE __m256i narrow_bf16_lanes(lanes a) {
  const __m512i u = _mm512_castps_si512(a.v), odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
  const __m512i up = _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(u, odd), _mm512_set1_epi32(0x7fff)), 16);
  const __mmask16 nan = _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q);
  return _mm512_cvtepi32_epi16(_mm512_mask_mov_epi32(up, nan, _mm512_set1_epi32(0x7fc0)));
}
XENT_INLINE void put_halves(uint16_t *p, __m512i v, const bool stream) {
  if (__builtin_expect(stream, 0)) /* memory dominates the time */
    _mm512_stream_si512((__m512i *)p, v);
  else
    _mm512_storeu_si512((__m512i *)p, v);
}
/* The upper halves are the rounded numbers, which are not NaN: half a unit of the last place is added, minus one if it
 * is even. */
XENT_INLINE __m512i round_bf16(lanes a) {
  const __m512i u = _mm512_castps_si512(a.v), up = _mm512_add_epi32(u, _mm512_set1_epi32(0x7fff));
  return _mm512_mask_add_epi32(up, _mm512_test_epi32_mask(u, _mm512_set1_epi32(0x10000)), up, _mm512_set1_epi32(1));
}
XENT_INLINE __m512i narrow_bf16_pair(lanes a, lanes b) {
  const __m512i upper = _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27, 25,
                                         23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
  return _mm512_permutex2var_epi16(round_bf16(a), upper, round_bf16(b));
}
XENT_INLINE void lanes_store_pair_bf16(uint16_t *p, const lanes v[2], const bool stream) {
  const __m512i both = _mm512_mask_mov_epi16(_mm512_srli_epi32(round_bf16(v[0]), 16), 0xaaaaaaaa, round_bf16(v[1]));
  put_halves(p, both, stream);
}
XENT_INLINE void lanes_store_f16(uint16_t *p, lanes a) {
  _mm256_storeu_si256((__m256i *)p, narrow_f16_numbers(lanes_quiet(a)));
}
XENT_INLINE void lanes_store_bf16(uint16_t *p, lanes a) { _mm256_storeu_si256((__m256i *)p, narrow_bf16_lanes(a)); }
XENT_INLINE void lanes_store_numbers_bf16(uint16_t *p, lanes a, lanes b, const bool stream) {
  put_halves(p, narrow_bf16_pair(a, b), stream);
}
XENT_INLINE void lanes_store_numbers_f16(uint16_t *p, lanes a, lanes b, const bool stream) {
  put_halves(p, _mm512_inserti64x4(_mm512_castsi256_si512(narrow_f16_numbers(a)), narrow_f16_numbers(b), 1), stream);
}
XENT_INLINE bool lanes_any_nan(lanes a, lanes b) {
  return _mm512_cmp_ps_mask(a.v, b.v, _CMP_UNORD_Q) != 0;
}
XENT_INLINE bool lanes_any_above(lanes x, float limit) {
  return _mm512_cmp_ps_mask(x.v, _mm512_set1_ps(limit), _CMP_GT_OQ) != 0;
}
XENT_INLINE __m128 halves_of_eight(__m256 v, const bool largest) {
  const __m128 a = _mm256_castps256_ps128(v), b = _mm256_extractf128_ps(v, 1);
  return largest ? _mm_max_ps(a, b) : _mm_add_ps(a, b);
}
XENT_INLINE float lanes_largest(lanes a) {
  const __m256 v = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  __m128 w = halves_of_eight(v, true);
  w = _mm_max_ps(w, _mm_movehl_ps(w, w));
  return _mm_cvtss_f32(_mm_max_ss(w, _mm_movehdup_ps(w)));
}
XENT_INLINE double lanes_tree(lanes a) {
  const __m256 v = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 w = halves_of_eight(v, false);
  const __m128d x = _mm_cvtps_pd(_mm_add_ps(w, _mm_movehl_ps(w, w)));
  return _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)));
}

#endif
