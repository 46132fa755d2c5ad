/* SPDX-License-Identifier: Apache-2.0 */
/* Register tiles and columns of rows on AArch64's Advanced SIMD. */
#ifndef XENT_PANEL_NEON_H
#define XENT_PANEL_NEON_H

#define XENT_TILE_ROWS 6
#define XENT_TILE_LANES 1
#define XENT_FEW_ROWS 8
#define XENT_COLUMNS 4

XENT_INLINE float32x4_t four_of_row(const char *row, int64_t k, const int32_t type) {
  return vreinterpretq_f32_u8(vld1q_u8((const uint8_t *)(row + k * size_of_float(type))));
}
/* Four numbers of four rows. */
XENT_INLINE void four_rows(const char *const row[4], int64_t k, const int32_t type, float32x4_t t[4]) {
  const float32x4x2_t a = vtrnq_f32(four_of_row(row[0], k, type), four_of_row(row[1], k, type));
  const float32x4x2_t b = vtrnq_f32(four_of_row(row[2], k, type), four_of_row(row[3], k, type));
  t[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
  t[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
  t[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
  t[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}
XENT_INLINE void lanes_load_columns(const char *const row[XENT_LANES], int64_t k, const int32_t type,
                                    lanes t[XENT_COLUMNS]) {
  float32x4_t a[4], b[4], c[4], d[4];
  four_rows(row, k, type, a);
  four_rows(row + 4, k, type, b);
  four_rows(row + 8, k, type, c);
  four_rows(row + 12, k, type, d);
  XENT_UNROLL(4)
  for (int j = 0; j < 4; j++) t[j] = (lanes){a[j], b[j], c[j], d[j]};
}
XENT_INLINE float32x4_t floats_of_bits(float32x4_t bits, const int32_t type, const bool upper) {
  const uint32x4_t u = vreinterpretq_u32_f32(bits);
  if (type == XENT_BF16)
    return vreinterpretq_f32_u32(upper ? vandq_u32(u, vdupq_n_u32(0xffff0000u)) : vshlq_n_u32(u, 16));
  return vcvt_f32_f16(vreinterpret_f16_u16(upper ? vshrn_n_u32(u, 16) : vmovn_u32(u)));
}
XENT_INLINE lanes lanes_of_bits(lanes bits, const int32_t type, const bool upper) {
  if (type == XENT_F32) return bits;
  return (lanes){floats_of_bits(bits.a, type, upper), floats_of_bits(bits.b, type, upper),
                 floats_of_bits(bits.c, type, upper), floats_of_bits(bits.d, type, upper)};
}

#endif
