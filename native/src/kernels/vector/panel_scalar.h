/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles and columns of rows in plain C. */
#ifndef XENT_PANEL_SCALAR_H
#define XENT_PANEL_SCALAR_H

#define XENT_TILE_ROWS 4
#define XENT_TILE_LANES 1
#define XENT_FEW_ROWS 1
#define XENT_COLUMNS 4

XENT_INLINE void lanes_load_columns(const char *const row[XENT_LANES], int64_t k, const int32_t type,
                                    lanes t[XENT_COLUMNS]) {
  for (int j = 0; j < XENT_COLUMNS; j++)
    XENT_EACH_LANE(i) memcpy(&t[j].v[i], row[i] + k * size_of_float(type) + 4 * j, sizeof t[j].v[i]);
}
XENT_INLINE lanes lanes_of_bits(lanes bits, const int32_t type, const bool upper) {
  lanes r = bits;
  XENT_EACH_LANE(i) {
    const uint16_t half = (uint16_t)(float_bits(bits.v[i]) >> (upper ? 16 : 0));
    if (type != XENT_F32) r.v[i] = type == XENT_BF16 ? widen_bf16(half) : widen_f16(half);
  }
  return r;
}

#endif
