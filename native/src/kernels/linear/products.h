/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The products of a tile of rows and a panel of columns (numerics.md, section 13). c stays in registers:
 *   for each block of up to 128 terms:
 *     for each term k, row i of the tile, vector j of the panel: c[i][j] = fma(tile[k][i], panel[k][j], c[i][j])
 *     sums += c, in double;  after the last block: out = sums + bias
 */
#ifndef XENT_PRODUCTS_H
#define XENT_PRODUCTS_H

#include "kernels/linear/panel.h"

/* The memory of the next panel: rows of `bytes` bytes. */
typedef struct {
  uintptr_t at;
  int64_t step, rows, bytes, done; /* done: prefetched bytes of the first row */
} next_panel;

XENT_INLINE next_panel next_panel_of(const matrix *m, int64_t row, int64_t rows, int64_t number, int64_t numbers) {
  const int64_t size = size_of_float(m->type);
  if (rows < 1 || numbers < 1 || m->inner != 1 || m->stride != 1) return (next_panel){0};
  return (next_panel){.at = (uintptr_t)row_of_matrix(m, row).at + (uintptr_t)(number * size),
                      .step = (int64_t)((uint64_t)m->outer * (uint64_t)size), /* for a single row, any number */
                      .rows = rows,
                      .bytes = numbers * size};
}
XENT_INLINE int64_t lines_of(const next_panel *p) { return p->rows * ((p->bytes + 63) / 64); }
XENT_INLINE void fetch_line(next_panel *p) {
  if (p->rows == 0) return;
  __builtin_prefetch((const void *)(p->at + (uintptr_t)p->done));
  p->done += 64;
  if (p->done < p->bytes) return;
  p->done = 0;
  p->at += (uintptr_t)p->step;
  p->rows--;
}

typedef struct {
  const float *tile, *panel;
  int64_t terms;
  double *sums; /* of the previous blocks: not read in the first one, not written in the last one */
  int64_t sums_pitch;
  float *out;   /* of the last one */
  int64_t out_pitch;
  const float *bias; /* of the columns, or NULL */
  bool first, last;
  next_panel *next;
  int64_t every; /* two lines of the next panel are prefetched per this many terms */
} tile_product;

/* Prefetches the sums and results of a tile while it is multiplied. */
XENT_INLINE void fetch_end(const int rows, const tile_product *p) {
  for (int i = 0; i < rows; i++) {
    if (!p->first || !p->last)
      for (int j = 0; j < XENT_PANEL; j += 8) __builtin_prefetch(p->sums + i * p->sums_pitch + j, 1);
    if (p->last)
      for (int j = 0; j < XENT_PANEL; j += 16) __builtin_prefetch(p->out + i * p->out_pitch + j, 1);
  }
}

/* Adds the products of a block to the sums, and writes the results of the last block. */
XENT_INLINE void end_product(const int rows, const tile_product *p, lanes c[XENT_TILE_ROWS][XENT_TILE_LANES]) {
  double *sums = p->sums;
  float *out = p->out;
  const bool first = p->first, last = p->last;
  const float *bias = last ? p->bias : NULL;
  XENT_UNROLL(16)
  for (int i = 0; i < rows; i++, sums += p->sums_pitch, out += p->out_pitch) {
    XENT_UNROLL(2)
    for (int j = 0; j < XENT_TILE_LANES; j++) {
      dlanes sum = dlanes_widen(c[i][j]);
      if (!first) sum = dlanes_add(dlanes_load(sums + j * XENT_LANES), sum);
      if (bias) sum = dlanes_add(sum, dlanes_widen(lanes_load(bias + j * XENT_LANES)));
      if (last)
        lanes_store(out + j * XENT_LANES, dlanes_narrow(sum));
      else
        dlanes_store(sums + j * XENT_LANES, sum);
    }
  }
}

/* The next panel is prefetched gradually: all its lines at once would delay the loads of the current one. */
XENT_INLINE void multiply_rows(const int rows, const tile_product *p) {
  lanes c[XENT_TILE_ROWS][XENT_TILE_LANES];
  const float *tile = p->tile, *panel = p->panel;
  XENT_UNROLL(16)
  for (int i = 0; i < rows; i++) {
    XENT_UNROLL(2)
    for (int j = 0; j < XENT_TILE_LANES; j++) c[i][j] = lanes_set(0.0f);
  }
  fetch_end(rows, p);
  for (int64_t k = 0, fetch = 0; k < p->terms; k++) {
    if (k == fetch) {
      fetch_line(p->next);
      fetch_line(p->next);
      fetch += p->every;
    }
    lanes w[XENT_TILE_LANES];
    XENT_UNROLL(2)
    for (int j = 0; j < XENT_TILE_LANES; j++) w[j] = lanes_load(panel + j * XENT_LANES);
    XENT_UNROLL(16)
    for (int i = 0; i < rows; i++) {
      const lanes x = lanes_set(tile[i]);
      XENT_UNROLL(2)
      for (int j = 0; j < XENT_TILE_LANES; j++) c[i][j] = lanes_fma(x, w[j], c[i][j]);
    }
    tile += XENT_TILE_ROWS;
    panel += XENT_PANEL;
  }
  end_product(rows, p, c);
}

#define XENT_DEFINE_TILE(n) \
  XENT_SHARED void multiply_##n(const tile_product *p) { multiply_rows(n, p); }
#define XENT_NAME_TILE(n) multiply_##n,
#if XENT_TILE_ROWS > 6
#define XENT_TILES(DO) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12)
#elif XENT_TILE_ROWS > 4
#define XENT_TILES(DO) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6)
#else
#define XENT_TILES(DO) DO(1) DO(2) DO(3) DO(4)
#endif
XENT_TILES(XENT_DEFINE_TILE)
static void (*const multiply_tile[])(const tile_product *) = {XENT_TILES(XENT_NAME_TILE)};
_Static_assert(sizeof multiply_tile / sizeof *multiply_tile == XENT_TILE_ROWS, "a function for each number of rows");

/* Multiplies tiles of `rows` rows in all, `step` floats apart, with one panel; sums and out are those of the first row.
 * Prefetches the next panel. */
XENT_INLINE void multiply_tiles(tile_product p, int64_t rows, int64_t step, next_panel next) {
  p.next = &next;
  p.every = least_of(1 + 2 * tiles_of(rows) * p.terms / (lines_of(&next) + 2), XENT_TERMS / 2);
  for (int64_t r = 0; r < rows; r += XENT_TILE_ROWS) {
    const int64_t n = rows - r < XENT_TILE_ROWS ? rows - r : XENT_TILE_ROWS;
    multiply_tile[n - 1](&p);
    p.tile += step;
    p.sums += XENT_TILE_ROWS * p.sums_pitch;
    p.out += XENT_TILE_ROWS * p.out_pitch;
  }
}

/* multiply_tiles for gradients, if the panel has a NaN or an infinity: terms with a gradient of 0 are skipped. */
XENT_SHARED void multiply_with_care(tile_product p, int64_t rows) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t j = 0; j < XENT_PANEL; j++) {
      const float *g = p.tile + r / XENT_TILE_ROWS * XENT_TILE_ROWS * p.terms + r % XENT_TILE_ROWS;
      double *sum = p.sums + r * p.sums_pitch + j;
      float c = 0;
      for (int64_t k = 0; k < p.terms; k++, g += XENT_TILE_ROWS)
        if (*g != 0) c = fused(*g, p.panel[k * XENT_PANEL + j], c);
      *sum = p.first ? (double)c : *sum + (double)c;
    }
}

#endif
