/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary on AVX2, FMA and F16C: sixteen lanes are two registers of eight floats, four of doubles. */
#ifndef XENT_AVX2_H
#define XENT_AVX2_H

#include <immintrin.h>

typedef struct { __m256 lo, hi; } lanes;

#define XENT_BATCH 1
#define XENT_STREAM_ALIGNMENT 32
#define XENT_BACKWARD_REGISTERS 0
#define XENT_MASKED_LOADS 0
#define XENT_CONSTANT_LENGTHS 0
#define XENT_EACH_SOFTMAX 256
#define XENT_DENSE_OUTPUTS 104
#define XENT_DENSE_LOSSES 104

#define XENT_BOTH(op, a, b) ((lanes){op((a).lo, (b).lo), op((a).hi, (b).hi)})

XENT_INLINE lanes lanes_set(float x) {
  __m256 v = _mm256_set1_ps(x);
  return (lanes){v, v};
}
XENT_INLINE lanes lanes_load(const float *p) {
  return (lanes){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
XENT_INLINE lanes lanes_load_far(const float *p) { return lanes_load(p); }
XENT_INLINE void lanes_store(float *p, lanes a) {
  _mm256_storeu_ps(p, a.lo);
  _mm256_storeu_ps(p + 8, a.hi);
}
XENT_INLINE void lanes_stream(float *p, lanes a) {
  _mm256_stream_ps(p, a.lo);
  _mm256_stream_ps(p + 8, a.hi);
}

/* All ones in the first n of eight lanes; any n. */
XENT_INLINE __m256i first_of_eight(int64_t n) {
  int32_t count = n < 0 ? 0 : n > 8 ? 8 : (int32_t)n;
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
XENT_INLINE lanes lanes_load_part(const float *p, int64_t n, float fill) {
  __m256i a = first_of_eight(n), b = first_of_eight(n - 8);
  __m256 f = _mm256_set1_ps(fill);
  /* masked-out lanes are not read, so loads past the end of an array do not fault */
  return (lanes){_mm256_blendv_ps(f, _mm256_maskload_ps(p, a), _mm256_castsi256_ps(a)),
                 _mm256_blendv_ps(f, _mm256_maskload_ps(p + 8, b), _mm256_castsi256_ps(b))};
}
/* Ordinary stores of 8, 4, 2 and 1 floats: a masked store is microcode on some CPUs. */
XENT_INLINE void lanes_store_part(float *p, int64_t n, lanes v) {
  if (n >= XENT_LANES) {
    lanes_store(p, v);
    return;
  }
  __m256 rest = v.lo;
  if (n & 8) {
    _mm256_storeu_ps(p, v.lo);
    rest = v.hi;
    p += 8;
  }
  __m128 w = _mm256_castps256_ps128(rest);
  if (n & 4) {
    _mm_storeu_ps(p, w);
    w = _mm256_extractf128_ps(rest, 1);
    p += 4;
  }
  if (n & 2) {
    _mm_storel_pi((__m64 *)p, w);
    w = _mm_movehl_ps(w, w);
    p += 2;
  }
  if (n & 1) _mm_store_ss(p, w);
}
XENT_INLINE lanes lanes_add(lanes a, lanes b) { return XENT_BOTH(_mm256_add_ps, a, b); }
XENT_INLINE lanes lanes_sub(lanes a, lanes b) { return XENT_BOTH(_mm256_sub_ps, a, b); }
XENT_INLINE lanes lanes_mul(lanes a, lanes b) { return XENT_BOTH(_mm256_mul_ps, a, b); }
XENT_INLINE lanes lanes_fma(lanes a, lanes b, lanes c) {
  return (lanes){_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
/* maxps returns its second operand if the first is NaN or both are equal. */
XENT_INLINE lanes lanes_max(lanes x, lanes a) { return XENT_BOTH(_mm256_max_ps, x, a); }
XENT_INLINE lanes lanes_floor_at(lanes x, lanes lo) { return XENT_BOTH(_mm256_max_ps, lo, x); }

XENT_INLINE __m256 exponent_table(__m256 z) {
  __m256i u = _mm256_castps_si256(z);
  __m256i table = _mm256_loadu_si256((const __m256i *)XENT_TWO_TO_EIGHTHS);
  return _mm256_castsi256_ps(
      _mm256_add_epi32(_mm256_permutevar8x32_epi32(table, u), _mm256_slli_epi32(u, 20)));
}
XENT_INLINE lanes lanes_exponent_table(lanes z) {
  return (lanes){exponent_table(z.lo), exponent_table(z.hi)};
}
XENT_INLINE lanes lanes_keep_first(lanes v, int64_t n) {
  return (lanes){_mm256_and_ps(v.lo, _mm256_castsi256_ps(first_of_eight(n))),
                 _mm256_and_ps(v.hi, _mm256_castsi256_ps(first_of_eight(n - 8)))};
}
XENT_INLINE lanes lanes_drop(lanes v, int64_t lane) {
  const int32_t own = lane < 0 || lane >= XENT_LANES ? -1 : (int32_t)lane;
  __m256i at = _mm256_set1_epi32(own), iota = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  __m256i lo = _mm256_cmpeq_epi32(at, iota);
  __m256i hi = _mm256_cmpeq_epi32(at, _mm256_add_epi32(iota, _mm256_set1_epi32(8)));
  return (lanes){_mm256_andnot_ps(_mm256_castsi256_ps(lo), v.lo),
                 _mm256_andnot_ps(_mm256_castsi256_ps(hi), v.hi)};
}
XENT_INLINE __m256 quiet(__m256 v) {
  return _mm256_blendv_ps(v, _mm256_set1_ps(XENT_NAN), _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
}
XENT_INLINE lanes lanes_quiet(lanes v) { return (lanes){quiet(v.lo), quiet(v.hi)}; }
XENT_INLINE lanes lanes_magnitude(lanes a) { return XENT_BOTH(_mm256_andnot_ps, lanes_set(-0.0f), a); }
XENT_INLINE lanes lanes_sign(lanes v, lanes s) {
  const lanes sign = XENT_BOTH(_mm256_and_ps, s, lanes_set(-0.0f));
  return XENT_BOTH(_mm256_or_ps, v, sign);
}
XENT_INLINE lanes lanes_load_f16(const uint16_t *p) {
  return (lanes){_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)),
                 _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8)))};
}
XENT_INLINE __m256 widen_bf16_eight(const uint16_t *p) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
XENT_INLINE lanes lanes_load_bf16(const uint16_t *p) { return (lanes){widen_bf16_eight(p), widen_bf16_eight(p + 8)}; }
/* The last one is handled separately, because AVX2 has no masks of 16 bits. */
XENT_INLINE void halves_first(uint16_t *to, const uint16_t *p, int64_t n) {
  static const uint16_t only[2 * XENT_LANES] = {[XENT_LANES - 1] = 0xffff};
  const __m256i last = _mm256_loadu_si256((const __m256i *)(only + XENT_LANES - n));
  const __m256i twos = _mm256_maskload_epi32((const int *)(const void *)p, first_of_eight(n / 2));
  _mm256_storeu_si256((__m256i *)to, _mm256_or_si256(twos, _mm256_and_si256(last, _mm256_set1_epi16((short)p[n - 1]))));
}
/* First those in the lower halves of 32 bits, then those in the upper ones, without a shuffle. */
XENT_INLINE void lanes_load_pair_bf16(const uint16_t *p, lanes v[2]) {
  const __m256i u = _mm256_loadu_si256((const __m256i *)p), w = _mm256_loadu_si256((const __m256i *)(p + XENT_LANES));
  const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
  v[0] = (lanes){_mm256_castsi256_ps(_mm256_slli_epi32(u, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(w, 16))};
  v[1] = (lanes){_mm256_castsi256_ps(_mm256_and_si256(u, upper)), _mm256_castsi256_ps(_mm256_and_si256(w, upper))};
}
XENT_INLINE __m256i narrow_f16_numbers(lanes v) {
  return _mm256_set_m128i(_mm256_cvtps_ph(v.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
                          _mm256_cvtps_ph(v.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
/* The upper halves are the rounded numbers, which are not NaN: half a unit of the last place is added, minus one if it
 * is even. */
XENT_INLINE __m256i round_bf16(__m256 v) {
  const __m256i u = _mm256_castps_si256(v), odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
  return _mm256_add_epi32(_mm256_add_epi32(u, odd), _mm256_set1_epi32(0x7fff));
}
XENT_INLINE __m256i narrow_bf16_numbers(lanes a) {
  const __m256i lo = _mm256_srli_epi32(round_bf16(a.lo), 16), hi = _mm256_srli_epi32(round_bf16(a.hi), 16);
  return _mm256_permute4x64_epi64(_mm256_packus_epi32(lo, hi), _MM_SHUFFLE(3, 1, 2, 0));
}
XENT_INLINE __m256i narrow_bf16_lanes(lanes a) { return narrow_bf16_numbers(lanes_quiet(a)); }
XENT_INLINE void lanes_store_f16(uint16_t *p, lanes a) {
  _mm256_storeu_si256((__m256i *)p, narrow_f16_numbers(lanes_quiet(a)));
}
XENT_INLINE void lanes_store_bf16(uint16_t *p, lanes a) { _mm256_storeu_si256((__m256i *)p, narrow_bf16_lanes(a)); }
XENT_INLINE void put_halves(uint16_t *p, __m256i a, __m256i b, const bool stream) {
  if (__builtin_expect(stream, 0)) {
    _mm256_stream_si256((__m256i *)p, a);
    _mm256_stream_si256((__m256i *)(p + XENT_LANES), b);
  } else {
    _mm256_storeu_si256((__m256i *)p, a);
    _mm256_storeu_si256((__m256i *)(p + XENT_LANES), b);
  }
}
XENT_INLINE void lanes_store_numbers_f16(uint16_t *p, lanes a, lanes b, const bool stream) {
  put_halves(p, narrow_f16_numbers(a), narrow_f16_numbers(b), stream);
}
XENT_INLINE void lanes_store_numbers_bf16(uint16_t *p, lanes a, lanes b, const bool stream) {
  put_halves(p, narrow_bf16_numbers(a), narrow_bf16_numbers(b), stream);
}
XENT_INLINE void lanes_store_pair_bf16(uint16_t *p, const lanes v[2], const bool stream) {
  put_halves(p, _mm256_blend_epi16(_mm256_srli_epi32(round_bf16(v[0].lo), 16), round_bf16(v[1].lo), 0xaa),
             _mm256_blend_epi16(_mm256_srli_epi32(round_bf16(v[0].hi), 16), round_bf16(v[1].hi), 0xaa), stream);
}
XENT_INLINE bool lanes_any_nan(lanes a, lanes b) {
  return _mm256_movemask_ps(_mm256_or_ps(_mm256_cmp_ps(a.lo, b.lo, _CMP_UNORD_Q),
                                         _mm256_cmp_ps(a.hi, b.hi, _CMP_UNORD_Q))) != 0;
}
XENT_INLINE bool lanes_any_above(lanes x, float limit) {
  __m256 m = _mm256_set1_ps(limit);
  return _mm256_movemask_ps(_mm256_or_ps(_mm256_cmp_ps(x.lo, m, _CMP_GT_OQ),
                                         _mm256_cmp_ps(x.hi, m, _CMP_GT_OQ))) != 0;
}
XENT_INLINE float lanes_largest(lanes a) {
  __m256 v = _mm256_max_ps(a.lo, a.hi);
  __m128 w = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  w = _mm_max_ps(w, _mm_movehl_ps(w, w));
  return _mm_cvtss_f32(_mm_max_ss(w, _mm_movehdup_ps(w)));
}
XENT_INLINE double lanes_tree(lanes a) {
  const __m256 v = _mm256_add_ps(a.lo, a.hi);
  const __m128 w = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128d x = _mm_cvtps_pd(_mm_add_ps(w, _mm_movehl_ps(w, w)));
  return _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)));
}

#endif
