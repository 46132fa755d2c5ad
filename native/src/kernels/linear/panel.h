/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrices, and the pieces that products work on. A *panel* is up to 128 terms of XENT_PANEL adjacent columns, a *tile*
 * is the same terms of XENT_TILE_ROWS rows. The vocabulary adds
 *   XENT_TILE_ROWS, XENT_TILE_LANES   rows and vectors whose products fit into registers
 *   XENT_FEW_ROWS                     up to this many rows are multiplied without panels
 *   lanes_load_columns(row, k, type, t)   lane i of t[j] is the j-th group of 32 bits from number k of row[i] on: a
 *                                         float, or two 16-bit floats; j < XENT_COLUMNS
 *   lanes_of_bits(t, type, upper)         these floats, or the lower or upper half of them, widened
 */
#ifndef XENT_LINEAR_PANEL_H
#define XENT_LINEAR_PANEL_H

#include "kernels/linear/workspace.h"
#include "kernels/stages/load/strided.h"

#if defined(__AVX512F__)
#include "kernels/vector/panel_avx512.h"
#elif defined(__AVX2__) && defined(__FMA__)
#include "kernels/vector/panel_avx2.h"
#elif defined(XENT_NEON)
#include "kernels/vector/panel_neon.h"
#else
#include "kernels/vector/panel_scalar.h"
#endif

enum { XENT_PANEL = XENT_TILE_LANES * XENT_LANES };
_Static_assert((int)XENT_PANEL <= (int)XENT_PANEL_MOST && XENT_TILE_ROWS <= XENT_TILE_MOST &&
                   XENT_TILE_ROWS <= XENT_LANES,
               "what workspaces are made for");

/* Rows of numbers; the offset of row r from the first is r / inner times `outer` plus r % inner times `step`. */
typedef struct {
  const char *at;
  int64_t inner, outer, step, stride; /* stride: between numbers of a row */
  int32_t type;
} matrix;

XENT_INLINE matrix matrix_of_rows(const xent_call *call, const void *array, const xent_layout *l) {
  return (matrix){.at = array, .inner = call->shape->inner, .outer = l->outer, .step = l->inner, .stride = l->classes,
                  .type = l->type};
}
XENT_INLINE matrix matrix_of_classes(const void *array, const xent_layout *l) {
  return (matrix){.at = array, .inner = 1, .outer = l->outer, .stride = l->classes, .type = l->type};
}
XENT_INLINE matrix matrix_of_floats(const float *x, int64_t pitch) {
  return (matrix){.at = (const char *)x, .inner = 1, .outer = pitch, .stride = 1, .type = XENT_F32};
}
XENT_INLINE strided row_of_matrix(const matrix *m, int64_t row) {
  const int64_t at = m->inner == 1 ? row * m->outer : row / m->inner * m->outer + row % m->inner * m->step;
  return (strided){.at = m->at + at * size_of_float(m->type), .stride = m->stride, .type = m->type};
}

/* Sixteen rows: their addresses, their stride and type, and their number. */
typedef struct {
  const char *row[XENT_LANES];
  int64_t count, stride;
  int32_t type;
} matrix_rows;

XENT_INLINE matrix_rows matrix_rows_of(const matrix *m, int64_t first, int64_t n) {
  matrix_rows r = {.count = least_of(n, XENT_LANES), .stride = m->stride, .type = m->type};
  for (int64_t i = 0; i < XENT_LANES; i++) /* absent rows are copies of the first; their results are not used */
    r.row[i] = row_of_matrix(m, first + (i < r.count ? i : 0)).at;
  return r;
}
/* Number k of each row, at any stride. */
XENT_INLINE lanes column_of_rows(const matrix_rows *r, int64_t k) {
  XENT_ALIGNED float column[XENT_LANES] = {0};
  for (int64_t i = 0; i < r->count; i++) column[i] = (float)float_at(r->row[i], r->type, k * r->stride);
  return lanes_load(column);
}

/* The number of columns per load: with 16-bit types, each 32 bits hold two. */
XENT_INLINE int64_t columns_at_once(const int32_t type) { return XENT_COLUMNS * 4 / size_of_float(type); }

XENT_INLINE void pack_columns_of(const char *const row[XENT_LANES], int64_t begin, int64_t n, const int32_t type,
                                 float *to, int64_t pitch) {
  const int per = 4 / (int)size_of_float(type);
  for (int64_t k = 0; k < n; k += columns_at_once(type)) {
    if (k > n - columns_at_once(type)) k = n - columns_at_once(type); /* the last ones overlap earlier ones */
    lanes t[XENT_COLUMNS];
    lanes_load_columns(row, begin + k, type, t);
    XENT_UNROLL(16)
    for (int j = 0; j < XENT_COLUMNS; j++) {
      float *column = to + (k + j * per) * pitch;
      lanes_store(column, lanes_of_bits(t[j], type, false));
      if (per == 2) lanes_store(column + pitch, lanes_of_bits(t[j], type, true));
    }
  }
}

/* Numbers [begin, begin + n) of rows, transposed: number k of row i is stored in to[k * pitch + i]. Whole vectors are
 * stored, and each overlaps the end of the previous one: `to` needs room for sixteen more floats. */
XENT_SHARED void pack_columns(const matrix_rows *rows, int64_t begin, int64_t n, float *to, int64_t pitch) {
  if (rows->stride != 1 || n < columns_at_once(rows->type))
    for (int64_t k = 0; k < n; k++) lanes_store(to + k * pitch, column_of_rows(rows, begin + k));
  else if (rows->type == XENT_F32)
    pack_columns_of(rows->row, begin, n, XENT_F32, to, pitch);
  else if (rows->type == XENT_BF16)
    pack_columns_of(rows->row, begin, n, XENT_BF16, to, pitch);
  else
    pack_columns_of(rows->row, begin, n, XENT_F16, to, pitch);
}
XENT_SHARED void pack_matrix(const matrix *m, int64_t first, int64_t count, int64_t begin, int64_t n, float *to,
                             int64_t pitch) {
  const matrix_rows rows = matrix_rows_of(m, first, count);
  pack_columns(&rows, begin, n, to, pitch);
}

/* Tiles of rows: number k of row i of a tile of n terms is at k * XENT_TILE_ROWS + i. */
XENT_INLINE int64_t tiles_of(int64_t rows) { return (rows + XENT_TILE_ROWS - 1) / XENT_TILE_ROWS; }
XENT_SHARED void pack_tiles(const matrix *m, int64_t first, int64_t rows, int64_t begin, int64_t n, float *to) {
  for (int64_t r = 0; r < rows; r += XENT_TILE_ROWS, to += n * XENT_TILE_ROWS)
    pack_matrix(m, first + r, rows - r < XENT_TILE_ROWS ? rows - r : XENT_TILE_ROWS, begin, n, to, XENT_TILE_ROWS);
}

/* A panel of the columns from `begin` on, of which n are left: its terms are `count` rows. Returns false if a number is
 * NaN or infinite. */
XENT_SHARED bool pack_rows(const matrix *m, int64_t first, int64_t count, int64_t begin, int64_t n, float *to) {
  lanes seen = lanes_set(0.0f);
  for (int64_t i = 0; i < count; i++) {
    const strided s = row_of_matrix(m, first + i);
    for (int64_t k = 0; k < XENT_PANEL; k += XENT_LANES, to += XENT_LANES) {
      const lanes v = strided_load(&s, begin + k, n - k, 0.0f);
      seen = lanes_fma(v, lanes_set(0.0f), seen);
      lanes_store(to, v);
    }
  }
  return !lanes_any_nan(seen, seen);
}

#endif
