/* SPDX-License-Identifier: Apache-2.0 */
/* Loads the columns of a strip, class by class, as floats in one layout. */
#ifndef XENT_GATHER_H
#define XENT_GATHER_H

#include "kernels/paths/columns/strip.h"

/* Copies `blocks` whole blocks of neighbouring columns, class after class, and finds the largest of each column. */
XENT_INLINE void gather_blocks(const char *x, int64_t step, int64_t n, float *scratch, int64_t pitch, const int blocks,
                               const int32_t type, float *largest) {
  lanes m[4];
  XENT_UNROLL(4)
  for (int k = 0; k < blocks; k++) m[k] = lanes_set(-INFINITY);
  for (int64_t c = 0; c < n; c++)
    XENT_UNROLL(4)
    for (int k = 0; k < blocks; k++) {
      const lanes v = load_columns(x + c * step + k * XENT_LANES * size_of_float(type), type, XENT_LANES);
      lanes_store(scratch + c * pitch + k * XENT_LANES, v);
      m[k] = lanes_max(v, m[k]);
    }
  XENT_UNROLL(4)
  for (int k = 0; k < blocks; k++) lanes_store(largest + k * XENT_LANES, m[k]);
}

/* Copies fewer than sixteen columns, with +0 after them if they are the last of the strip. */
XENT_INLINE void gather_part(const char *x, int64_t step, int32_t type, int64_t n, float *scratch, int64_t pitch,
                             int64_t columns, const bool last, float *largest) {
  lanes m = lanes_set(-INFINITY);
  for (int64_t c = 0; c < n; c++) {
    const lanes v = load_columns(x + c * step, type, columns);
    if (last)
      lanes_store(scratch + c * pitch, v);
    else
      lanes_store_part(scratch + c * pitch, columns, v);
    m = lanes_max(v, m);
  }
  lanes_store(largest, m);
}

XENT_INLINE void gather_run(const char *x, int64_t step, int64_t n, float *scratch, int64_t pitch, int64_t columns,
                            const int32_t type, float *largest) {
  const int64_t size = size_of_float(type);
  int64_t i = 0;
  for (; i + 4 * XENT_LANES <= columns; i += 4 * XENT_LANES)
    gather_blocks(x + i * size, step, n, scratch + i, pitch, 4, type, largest + i);
  for (; i + XENT_LANES <= columns; i += XENT_LANES)
    gather_blocks(x + i * size, step, n, scratch + i, pitch, 1, type, largest + i);
  if (i < columns) gather_part(x + i * size, step, type, n, scratch + i, pitch, columns - i, true, largest + i);
}

/* Copies short adjacent runs, whose columns begin anywhere in a block. */
XENT_SHARED void gather_short_runs(const xent_shape *shape, const xent_layout *l, const void *array, const strip *s,
                                   int64_t begin, int64_t n, float *scratch, float *largest) {
  const int64_t whole = s->width & -XENT_LANES;
  float unused[XENT_LANES];
  for (int64_t c = 0; whole < s->width && c < n; c++) lanes_store(scratch + c * s->pitch + whole, lanes_set(0.0f));
  XENT_EACH_RUN(shape, s, run) {
    const char *x = column_at(shape, l, array, run.row, begin);
    for (int64_t i = 0; i < run.count; i += XENT_LANES)
      gather_part(x + i * size_of_float(l->type), step_of(l), l->type, n, scratch + run.at + i, s->pitch, run.count - i,
                  false, unused);
  }
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    lanes m[2] = {lanes_set(-INFINITY), lanes_set(-INFINITY)};
    for (int64_t c = 0; c < n; c++) m[c & 1] = lanes_max(lanes_load(scratch + c * s->pitch + at), m[c & 1]);
    lanes_store(largest + at, lanes_max(m[0], m[1]));
  }
}

/* Copies n classes from `begin` on of every column into the scratch, padded with +0 to whole blocks. Also computes the
 * largest value of each column, ignoring NaN. */
XENT_SHARED void gather_strip(const xent_shape *shape, const xent_layout *l, const void *array, const strip *s,
                              int64_t begin, int64_t n, float *scratch, float *largest) {
  if (run_at(shape, s, 0).count != s->width) {
    gather_short_runs(shape, l, array, s, begin, n, scratch, largest);
    return;
  }
  const char *x = column_at(shape, l, array, s->row, begin);
  switch (l->type) {
    case XENT_F32: gather_run(x, step_of(l), n, scratch, s->pitch, s->width, XENT_F32, largest); break;
    case XENT_BF16: gather_run(x, step_of(l), n, scratch, s->pitch, s->width, XENT_BF16, largest); break;
    default: gather_run(x, step_of(l), n, scratch, s->pitch, s->width, XENT_F16, largest);
  }
}

#endif
