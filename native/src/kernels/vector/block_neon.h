/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen interleaved rows on AArch64's Advanced SIMD. */
#ifndef XENT_BLOCK_NEON_H
#define XENT_BLOCK_NEON_H

enum { XENT_IN_FLIGHT = 2 }; /* eight registers each for input and output: there are thirty-two */

XENT_INLINE dlanes dlanes_widen(lanes v) {
  return (dlanes){{{vcvt_f64_f32(vget_low_f32(v.a))}, {vcvt_high_f64_f32(v.a)}, {vcvt_f64_f32(vget_low_f32(v.b))},
                   {vcvt_high_f64_f32(v.b)}, {vcvt_f64_f32(vget_low_f32(v.c))}, {vcvt_high_f64_f32(v.c)},
                   {vcvt_f64_f32(vget_low_f32(v.d))}, {vcvt_high_f64_f32(v.d)}}};
}
XENT_INLINE lanes dlanes_narrow(dlanes x) {
  return (lanes){
      vcvt_high_f32_f64(vcvt_f32_f64(x.v[0].v), x.v[1].v), vcvt_high_f32_f64(vcvt_f32_f64(x.v[2].v), x.v[3].v),
      vcvt_high_f32_f64(vcvt_f32_f64(x.v[4].v), x.v[5].v), vcvt_high_f32_f64(vcvt_f32_f64(x.v[6].v), x.v[7].v)};
}
XENT_INLINE float64x2_t two_of_double_tree(dlanes x) {
  const float64x2_t even = vaddq_f64(vaddq_f64(x.v[0].v, x.v[4].v), vaddq_f64(x.v[2].v, x.v[6].v));
  return vaddq_f64(even, vaddq_f64(vaddq_f64(x.v[1].v, x.v[5].v), vaddq_f64(x.v[3].v, x.v[7].v)));
}
XENT_INLINE double dlanes_tree(dlanes x) { return vpaddd_f64(two_of_double_tree(x)); }

/* Transposes four rows. */
XENT_INLINE void turn_quarter(float32x4_t r[4]) {
  const float32x4_t a = vzip1q_f32(r[0], r[1]), b = vzip1q_f32(r[2], r[3]);
  const float32x4_t c = vzip2q_f32(r[0], r[1]), d = vzip2q_f32(r[2], r[3]);
  r[0] = vcombine_f32(vget_low_f32(a), vget_low_f32(b));
  r[1] = vcombine_f32(vget_high_f32(a), vget_high_f32(b));
  r[2] = vcombine_f32(vget_low_f32(c), vget_low_f32(d));
  r[3] = vcombine_f32(vget_high_f32(c), vget_high_f32(d));
}
XENT_INLINE float32x4_t *quarter_of(lanes *v, const int q) {
  return q == 0 ? &v->a : q == 1 ? &v->b : q == 2 ? &v->c : &v->d;
}
XENT_INLINE void lanes_turn_in(const float *x, int64_t pitch, lanes t[4]) {
  XENT_UNROLL(4)
  for (int q = 0; q < 4; q++) {
    float32x4_t r[4];
    XENT_UNROLL(4)
    for (int i = 0; i < 4; i++) r[i] = vld1q_f32(x + (4 * q + i) * pitch);
    turn_quarter(r);
    XENT_UNROLL(4)
    for (int k = 0; k < 4; k++) *quarter_of(&t[k], q) = r[k];
  }
}
XENT_INLINE void lanes_turn_out(const lanes t[4], float *y, int64_t pitch) {
  lanes v[4] = {t[0], t[1], t[2], t[3]};
  XENT_UNROLL(4)
  for (int q = 0; q < 4; q++) {
    float32x4_t r[4];
    XENT_UNROLL(4)
    for (int k = 0; k < 4; k++) r[k] = *quarter_of(&v[k], q);
    turn_quarter(r);
    XENT_UNROLL(4)
    for (int i = 0; i < 4; i++) vst1q_f32(y + (4 * q + i) * pitch, r[i]);
  }
}

XENT_INLINE lanes lanes_min(lanes x, lanes m) { return lanes_choose(lanes_above(m, x), x, m); }
XENT_INLINE lanes lanes_div(lanes x, lanes y) { return XENT_OF_TWO(lanes, vdivq_f32, x, y); }
XENT_INLINE lanes lanes_where_equal(lanes x, lanes y, lanes yes, lanes no) {
  return lanes_choose(lanes_same(x, y), yes, no);
}
XENT_INLINE lanes lanes_where_above(lanes x, lanes y, lanes yes, lanes no) {
  return lanes_choose(lanes_above(x, y), yes, no);
}
XENT_INLINE lanes lanes_where_set(const uint8_t *set, lanes yes, lanes no) {
  const int8x16_t clear = vreinterpretq_s8_u8(vceqzq_u8(vld1q_u8(set)));
  const int16x8_t low = vmovl_s8(vget_low_s8(clear)), high = vmovl_high_s8(clear);
  const where w = {vreinterpretq_u32_s32(vmovl_s16(vget_low_s16(low))), vreinterpretq_u32_s32(vmovl_high_s16(low)),
                   vreinterpretq_u32_s32(vmovl_s16(vget_low_s16(high))), vreinterpretq_u32_s32(vmovl_high_s16(high))};
  return lanes_choose(w, no, yes);
}
#include "kernels/vector/where_part.h"

/* Bit j of lane j. */
XENT_INLINE uint32_t where_bits(where w) {
  static const uint32_t first[4] = {1, 2, 4, 8};
  const uint32x4_t bits = vld1q_u32(first);
  const uint32x4_t low = vorrq_u32(vandq_u32(w.a, bits), vandq_u32(w.b, vshlq_n_u32(bits, 4)));
  const uint32x4_t high = vorrq_u32(vandq_u32(w.c, vshlq_n_u32(bits, 8)), vandq_u32(w.d, vshlq_n_u32(bits, 12)));
  return vaddvq_u32(vorrq_u32(low, high));
}
XENT_INLINE uint32_t lanes_bits_above(lanes x, lanes y) { return where_bits(lanes_above(x, y)); }
XENT_INLINE uint32_t lanes_bits_equal(lanes x, lanes y) { return where_bits(lanes_same(x, y)); }
XENT_INLINE uint32_t lanes_bits_nan(lanes x) { return 0xffff ^ where_bits(lanes_same(x, x)); }
XENT_INLINE uint32_t lanes_bits_beyond(lanes x, float limit) {
  return 0xffff ^ where_bits(XENT_OF_TWO(where, vcleq_f32, lanes_magnitude(x), lanes_set(limit)));
}

/* Lane i is the largest of row i of four. */
XENT_INLINE float32x4_t largest_of_pairs(const float32x4_t v[4]) {
  return vpmaxq_f32(vpmaxq_f32(v[0], v[1]), vpmaxq_f32(v[2], v[3]));
}
XENT_INLINE float32x4_t largest_of_four_rows(const lanes r[4]) {
  const float32x4_t v[4] = {largest_of_quarters(r[0]), largest_of_quarters(r[1]), largest_of_quarters(r[2]),
                            largest_of_quarters(r[3])};
  return largest_of_pairs(v);
}
XENT_INLINE lanes lanes_largest_rows(const lanes r[XENT_LANES]) {
  return (lanes){largest_of_four_rows(r), largest_of_four_rows(r + 4), largest_of_four_rows(r + 8),
                 largest_of_four_rows(r + 12)};
}
XENT_INLINE float32x4_t largest_of_four_dense(const float *x, int64_t n) {
  float32x4_t v[4];
  XENT_UNROLL(4)
  for (int i = 0; i < 4; i++) v[i] = largest_of_quarters(lanes_load_part(x + i * n, n, -INFINITY));
  return largest_of_pairs(v);
}
XENT_INLINE lanes lanes_largest_dense(const float *x, int64_t n) {
  return (lanes){largest_of_four_dense(x, n), largest_of_four_dense(x + 4 * n, n), largest_of_four_dense(x + 8 * n, n),
                 largest_of_four_dense(x + 12 * n, n)};
}
XENT_INLINE dlanes dlanes_sum_dense(const float *x, int64_t n) {
  dlanes sums;
  XENT_EACH_DOUBLES(k)
  sums.v[k].v = vpaddq_f64(two_of_tree(lanes_load_part(x + 2 * k * n, n, 0.0f)),
                         two_of_tree(lanes_load_part(x + (2 * k + 1) * n, n, 0.0f)));
  return sums;
}

/* A table of four registers holds all sixteen rows. */
#include "kernels/vector/dense_sixteen.h"
XENT_INLINE float32x4_t spread_to_four(uint8x16x4_t table, const int32_t *rows) {
  const uint32x4_t first = vdupq_n_u32(0x03020100), step = vdupq_n_u32(0x04040404);
  const uint32x4_t bytes = vmlaq_u32(first, vreinterpretq_u32_s32(vld1q_s32(rows)), step);
  return vreinterpretq_f32_u8(vqtbl4q_u8(table, vreinterpretq_u8_u32(bytes)));
}
XENT_INLINE lanes lanes_spread(lanes v, const int32_t *rows, int64_t k) {
  const uint8x16x4_t table = {{vreinterpretq_u8_f32(v.a), vreinterpretq_u8_f32(v.b), vreinterpretq_u8_f32(v.c),
                               vreinterpretq_u8_f32(v.d)}};
  const int32_t *at = rows + k * XENT_LANES;
  return (lanes){spread_to_four(table, at), spread_to_four(table, at + 4), spread_to_four(table, at + 8),
                 spread_to_four(table, at + 12)};
}

XENT_INLINE dlanes lanes_tree_rows(const lanes r[XENT_LANES]) {
  dlanes sums;
  XENT_EACH_DOUBLES(k) sums.v[k].v = vpaddq_f64(two_of_tree(r[2 * k]), two_of_tree(r[2 * k + 1]));
  return sums;
}
XENT_INLINE dlanes dlanes_tree_rows(const dlanes r[XENT_LANES]) {
  dlanes sums;
  XENT_EACH_DOUBLES(k) sums.v[k].v = vpaddq_f64(two_of_double_tree(r[2 * k]), two_of_double_tree(r[2 * k + 1]));
  return sums;
}

#endif
