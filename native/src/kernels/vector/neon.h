/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary on AArch64's Advanced SIMD: sixteen lanes are four registers of four floats, eight of two doubles. */
#ifndef XENT_NEON_H
#define XENT_NEON_H

#include <arm_neon.h>

typedef struct { float32x4_t a, b, c, d; } lanes;
typedef struct { uint32x4_t a, b, c, d; } where; /* a comparison: all ones or zero in each lane */

#define XENT_BATCH 1
#define XENT_STREAM_ALIGNMENT sizeof(float) /* no intrinsic stores past the caches */
#define XENT_BACKWARD_REGISTERS 0
#define XENT_MASKED_LOADS 0
#define XENT_CONSTANT_LENGTHS 0
#define XENT_EACH_SOFTMAX 256
#define XENT_DENSE_OUTPUTS 104
#define XENT_DENSE_LOSSES 104

/* Applies an operation to each quarter; x and y are lanes. */
#define XENT_OF_ONE(type, op, x) ((type){op((x).a), op((x).b), op((x).c), op((x).d)})
#define XENT_OF_TWO(type, op, x, y) ((type){op((x).a, (y).a), op((x).b, (y).b), op((x).c, (y).c), op((x).d, (y).d)})

XENT_INLINE lanes lanes_set(float x) {
  const float32x4_t v = vdupq_n_f32(x);
  return (lanes){v, v, v, v};
}
XENT_INLINE lanes lanes_load(const float *p) {
  return (lanes){vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)};
}
XENT_INLINE lanes lanes_load_far(const float *p) { return lanes_load(p); }
XENT_INLINE void lanes_store(float *p, lanes v) {
  vst1q_f32(p, v.a);
  vst1q_f32(p + 4, v.b);
  vst1q_f32(p + 8, v.c);
  vst1q_f32(p + 12, v.d);
}
XENT_INLINE void lanes_stream(float *p, lanes v) { lanes_store(p, v); }

/* The first n of four, any n: the numbers after them are not read. */
XENT_INLINE float32x4_t load_quarter(const float *p, int64_t n, float fill) {
  if (n >= 4) return vld1q_f32(p);
  float32x4_t v = vdupq_n_f32(fill);
  if (n > 0) v = vld1q_lane_f32(p, v, 0);
  if (n > 1) v = vld1q_lane_f32(p + 1, v, 1);
  if (n > 2) v = vld1q_lane_f32(p + 2, v, 2);
  return v;
}
XENT_INLINE lanes lanes_load_part(const float *p, int64_t n, float fill) {
  return (lanes){load_quarter(p, n, fill), load_quarter(p + 4, n - 4, fill), load_quarter(p + 8, n - 8, fill),
                 load_quarter(p + 12, n - 12, fill)};
}
XENT_INLINE void lanes_store_part(float *p, int64_t n, lanes v) {
  if (n >= XENT_LANES) {
    lanes_store(p, v);
    return;
  }
  float32x4_t rest = v.a, next = v.b;
  if (n & 8) {
    vst1q_f32(p, v.a);
    vst1q_f32(p + 4, v.b);
    rest = v.c, next = v.d;
    p += 8;
  }
  if (n & 4) {
    vst1q_f32(p, rest);
    rest = next;
    p += 4;
  }
  float32x2_t few = vget_low_f32(rest);
  if (n & 2) {
    vst1_f32(p, few);
    few = vget_high_f32(rest);
    p += 2;
  }
  if (n & 1) vst1_lane_f32(p, few, 0);
}
XENT_INLINE lanes lanes_add(lanes x, lanes y) { return XENT_OF_TWO(lanes, vaddq_f32, x, y); }
XENT_INLINE lanes lanes_sub(lanes x, lanes y) { return XENT_OF_TWO(lanes, vsubq_f32, x, y); }
XENT_INLINE lanes lanes_mul(lanes x, lanes y) { return XENT_OF_TWO(lanes, vmulq_f32, x, y); }
XENT_INLINE lanes lanes_fma(lanes x, lanes y, lanes z) {
  return (lanes){vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b), vfmaq_f32(z.c, x.c, y.c),
                 vfmaq_f32(z.d, x.d, y.d)};
}

XENT_INLINE lanes lanes_choose(where w, lanes yes, lanes no) {
  return (lanes){vbslq_f32(w.a, yes.a, no.a), vbslq_f32(w.b, yes.b, no.b), vbslq_f32(w.c, yes.c, no.c),
                 vbslq_f32(w.d, yes.d, no.d)};
}
XENT_INLINE where lanes_above(lanes x, lanes y) { return XENT_OF_TWO(where, vcgtq_f32, x, y); }
XENT_INLINE where lanes_same(lanes x, lanes y) { return XENT_OF_TWO(where, vceqq_f32, x, y); }
/* The max instructions return a signalling NaN, but NaN must be ignored. */
XENT_INLINE lanes lanes_max(lanes x, lanes m) { return lanes_choose(lanes_above(x, m), x, m); }
/* Here a NaN x of any kind must be kept. */
XENT_INLINE lanes lanes_floor_at(lanes x, lanes lo) { return XENT_OF_TWO(lanes, vmaxq_f32, x, lo); }

/* Two registers hold the table; a lane's four bytes are those from byte 4 k on. */
XENT_INLINE float32x4_t exponent_table(float32x4_t z) {
  const uint32x4_t u = vreinterpretq_u32_f32(z), first = vdupq_n_u32(0x03020100), step = vdupq_n_u32(0x04040404);
  const uint8x16x2_t table = {{vreinterpretq_u8_u32(vld1q_u32(XENT_TWO_TO_EIGHTHS)),
                               vreinterpretq_u8_u32(vld1q_u32(XENT_TWO_TO_EIGHTHS + 4))}};
  const uint32x4_t bytes = vmlaq_u32(first, vandq_u32(u, vdupq_n_u32(7)), step);
  const uint32x4_t power = vreinterpretq_u32_u8(vqtbl2q_u8(table, vreinterpretq_u8_u32(bytes)));
  return vreinterpretq_f32_u32(vaddq_u32(power, vshlq_n_u32(u, 20)));
}
XENT_INLINE lanes lanes_exponent_table(lanes z) { return XENT_OF_ONE(lanes, exponent_table, z); }

/* The number of each lane. */
XENT_INLINE where lanes_numbers(void) {
  static const uint32_t first[4] = {0, 1, 2, 3};
  const uint32x4_t iota = vld1q_u32(first);
  return (where){iota, vaddq_u32(iota, vdupq_n_u32(4)), vaddq_u32(iota, vdupq_n_u32(8)),
                 vaddq_u32(iota, vdupq_n_u32(12))};
}
XENT_INLINE lanes lanes_keep_first(lanes v, int64_t n) {
  const where at = lanes_numbers();
  const uint32x4_t count = vdupq_n_u32(n < 0 ? 0 : n > XENT_LANES ? XENT_LANES : (uint32_t)n);
  const where here = {vcltq_u32(at.a, count), vcltq_u32(at.b, count), vcltq_u32(at.c, count), vcltq_u32(at.d, count)};
  return lanes_choose(here, v, lanes_set(0.0f));
}
XENT_INLINE lanes lanes_drop(lanes v, int64_t lane) {
  const where at = lanes_numbers();
  const uint32x4_t j = vdupq_n_u32(lane < 0 || lane >= XENT_LANES ? XENT_LANES : (uint32_t)lane);
  const where there = {vceqq_u32(at.a, j), vceqq_u32(at.b, j), vceqq_u32(at.c, j), vceqq_u32(at.d, j)};
  return lanes_choose(there, lanes_set(0.0f), v);
}
XENT_INLINE lanes lanes_quiet(lanes v) { return lanes_choose(lanes_same(v, v), v, lanes_set(XENT_NAN)); }
XENT_INLINE lanes lanes_magnitude(lanes v) { return XENT_OF_ONE(lanes, vabsq_f32, v); }
XENT_INLINE lanes lanes_sign(lanes v, lanes s) {
  const uint32x4_t sign = vdupq_n_u32(0x80000000u);
  return lanes_choose((where){sign, sign, sign, sign}, s, v);
}

XENT_INLINE lanes lanes_load_f16(const uint16_t *p) {
  const float16x8_t low = vreinterpretq_f16_u16(vld1q_u16(p)), high = vreinterpretq_f16_u16(vld1q_u16(p + 8));
  return (lanes){vcvt_f32_f16(vget_low_f16(low)), vcvt_high_f32_f16(low), vcvt_f32_f16(vget_low_f16(high)),
                 vcvt_high_f32_f16(high)};
}
XENT_INLINE lanes lanes_load_bf16(const uint16_t *p) {
  const uint16x8_t low = vld1q_u16(p), high = vld1q_u16(p + 8);
  return (lanes){
      vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(low), 16)), vreinterpretq_f32_u32(vshll_high_n_u16(low, 16)),
      vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(high), 16)), vreinterpretq_f32_u32(vshll_high_n_u16(high, 16))};
}
XENT_INLINE void store_numbers_f16(uint16_t *p, lanes v) {
  vst1q_u16(p, vreinterpretq_u16_f16(vcvt_high_f16_f32(vcvt_f16_f32(v.a), v.b)));
  vst1q_u16(p + 8, vreinterpretq_u16_f16(vcvt_high_f16_f32(vcvt_f16_f32(v.c), v.d)));
}
XENT_INLINE void lanes_store_f16(uint16_t *p, lanes v) { store_numbers_f16(p, lanes_quiet(v)); }
/* Like narrow_bf16: half a unit of the last place is added, minus one if it is even, and the upper halves are taken. */
XENT_INLINE uint32x4_t half_of_last(uint32x4_t u) {
  return vaddq_u32(vandq_u32(vshrq_n_u32(u, 16), vdupq_n_u32(1)), vdupq_n_u32(0x7fff));
}
XENT_INLINE uint16x8_t narrow_bf16_eight(float32x4_t low, float32x4_t high) {
  const uint32x4_t u = vreinterpretq_u32_f32(low), w = vreinterpretq_u32_f32(high);
  return vaddhn_high_u32(vaddhn_u32(u, half_of_last(u)), w, half_of_last(w));
}
XENT_INLINE void store_numbers_bf16(uint16_t *p, lanes v) {
  vst1q_u16(p, narrow_bf16_eight(v.a, v.b));
  vst1q_u16(p + 8, narrow_bf16_eight(v.c, v.d));
}
XENT_INLINE void lanes_store_bf16(uint16_t *p, lanes v) { store_numbers_bf16(p, lanes_quiet(v)); }
XENT_INLINE void lanes_store_numbers_f16(uint16_t *p, lanes v, lanes w, const bool stream) {
  (void)stream;
  store_numbers_f16(p, v);
  store_numbers_f16(p + XENT_LANES, w);
}
XENT_INLINE void lanes_store_numbers_bf16(uint16_t *p, lanes v, lanes w, const bool stream) {
  (void)stream;
  store_numbers_bf16(p, v);
  store_numbers_bf16(p + XENT_LANES, w);
}
XENT_INLINE void lanes_store_pair_bf16(uint16_t *p, const lanes v[2], const bool stream) {
  lanes_store_numbers_bf16(p, v[0], v[1], stream);
}
XENT_INLINE void lanes_load_pair_bf16(const uint16_t *p, lanes v[2]) {
  v[0] = lanes_load_bf16(p);
  v[1] = lanes_load_bf16(p + XENT_LANES);
}
XENT_INLINE void halves_first(uint16_t *to, const uint16_t *p, int64_t n) {
  for (int64_t k = 0; k < XENT_LANES; k++) to[k] = k < n ? p[k] : 0;
}

XENT_INLINE where where_both(where x, where y) { return XENT_OF_TWO(where, vandq_u32, x, y); }
XENT_INLINE bool where_any(where w) {
  return vmaxvq_u32(vorrq_u32(vorrq_u32(w.a, w.b), vorrq_u32(w.c, w.d))) != 0;
}
XENT_INLINE bool where_all(where w) {
  return vminvq_u32(vandq_u32(vandq_u32(w.a, w.b), vandq_u32(w.c, w.d))) != 0;
}
XENT_INLINE bool lanes_any_nan(lanes x, lanes y) { return !where_all(where_both(lanes_same(x, x), lanes_same(y, y))); }
XENT_INLINE bool lanes_any_above(lanes x, float limit) { return where_any(lanes_above(x, lanes_set(limit))); }

XENT_INLINE float32x4_t largest_of_four(float32x4_t x, float32x4_t m) { return vbslq_f32(vcgtq_f32(x, m), x, m); }
XENT_INLINE float32x4_t largest_of_quarters(lanes v) {
  return largest_of_four(largest_of_four(v.a, v.c), largest_of_four(v.b, v.d));
}
XENT_INLINE float lanes_largest(lanes v) { return vmaxvq_f32(largest_of_quarters(v)); }

/* Adds j + 8, j + 4 and j + 2; two numbers are left. */
XENT_INLINE float64x2_t two_of_tree(lanes v) {
  const float32x4_t sum = vaddq_f32(vaddq_f32(v.a, v.c), vaddq_f32(v.b, v.d));
  return vcvt_f64_f32(vadd_f32(vget_low_f32(sum), vget_high_f32(sum)));
}
XENT_INLINE double lanes_tree(lanes v) { return vpaddd_f64(two_of_tree(v)); }

#endif
