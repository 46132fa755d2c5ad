/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles and columns of rows in plain C. */
#ifndef XENT_PANEL_SCALAR_H
#define XENT_PANEL_SCALAR_H

#define XENT_TILE_ROWS 4
#define XENT_TILE_LANES 1
#define XENT_FEW_ROWS 1
#define XENT_COLUMNS 4

XENT_INLINE void lanes_load_columns(const char *const row[XENT_LANES], int64_t k, const int32_t type, lanes t[XENT_COLUMNS]) {
  for (int j = 0; j < XENT_COLUMNS; j++)
    XENT_EACH_LANE(i) {
      const uint16_t *halves = (const uint16_t *)(const void *)row[i];
      t[j].v[i] = type == XENT_F32    ? ((const float *)(const void *)row[i])[k + j]
                  : type == XENT_BF16 ? widen_bf16(halves[k + j])
                                      : widen_f16(halves[k + j]);
    }
}

#endif
