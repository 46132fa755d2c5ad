/* SPDX-License-Identifier: Apache-2.0 */
/* Register tiles and columns of rows on AArch64's Advanced SIMD. */
#ifndef XENT_PANEL_NEON_H
#define XENT_PANEL_NEON_H

#define XENT_TILE_ROWS 6
#define XENT_TILE_LANES 1
#define XENT_FEW_ROWS 8
#define XENT_COLUMNS 4

XENT_INLINE float32x4_t four_of_row(const char *row, int64_t k, const int32_t type) {
  if (type == XENT_F32) return vld1q_f32((const float *)(const void *)row + k);
  const uint16x4_t halves = vld1_u16((const uint16_t *)(const void *)row + k);
  return type == XENT_BF16 ? vreinterpretq_f32_u32(vshll_n_u16(halves, 16)) : vcvt_f32_f16(vreinterpret_f16_u16(halves));
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
XENT_INLINE void lanes_load_columns(const char *const row[XENT_LANES], int64_t k, const int32_t type, lanes t[XENT_COLUMNS]) {
  float32x4_t a[4], b[4], c[4], d[4];
  four_rows(row, k, type, a);
  four_rows(row + 4, k, type, b);
  four_rows(row + 8, k, type, c);
  four_rows(row + 12, k, type, d);
  XENT_UNROLL(4)
  for (int j = 0; j < 4; j++) t[j] = (lanes){a[j], b[j], c[j], d[j]};
}

#endif
