/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns: rows whose class axis is not last, so that neighbours in memory are the same class of neighbouring
 * rows. A strip is some such rows side by side. Its logits are read once, class after class, into a scratch that
 * stays in the caches; there vectors run along the rows, sixteen at a time (a block), and the lanes, groups
 * and chunks of the contract become accumulators.
 */
#ifndef XENT_STRIP_H
#define XENT_STRIP_H

#include "kernels/row/labels.h"
#include "kernels/vector/vector.h"

enum {
  XENT_STRIP_COLUMNS = 256,   /* at most */
  XENT_STRIP_BLOCKS = XENT_STRIP_COLUMNS / XENT_LANES,
  XENT_STRIP_FLOATS = 16384,  /* of the scratch: sixteen columns of as many classes as have their maximum first */
  XENT_STRIP_NEAR = 5120,     /* floats that leave room in the first cache */
  XENT_STRIP_FAR = 196608,    /* floats that leave room in the second cache */
  XENT_WORTH_LINES = 96,      /* columns of which most lines are whole, wherever they begin */
  XENT_LONG_COLUMNS = 64,     /* at most, where a group of classes at a time goes through the scratch */
  XENT_LONG_BLOCKS = XENT_LONG_COLUMNS / XENT_LANES,
  XENT_MOST_COLUMN_CLASSES = 1 << 24, /* class numbers are compared as floats */
  XENT_LEAST_COLUMNS = 4      /* fewer rows are gathered one by one */
};
_Static_assert(XENT_STRIP_FLOATS >= XENT_EXACT_MAX * XENT_LANES, "one block must fit");

typedef struct {
  int64_t row, width; /* the first row; how many */
  int64_t pitch;      /* floats from class to class in the scratch */
} strip;

/* Columns of a strip that are neighbours in memory. */
typedef struct {
  int64_t at, row, count;
} strip_run;

XENT_INLINE int64_t blocks_of(int64_t columns) { return (columns + XENT_LANES - 1) / XENT_LANES; }

XENT_INLINE strip_run run_at(const xent_shape *shape, const strip *s, int64_t at) {
  const int64_t row = s->row + at, left = s->width - at;
  const int64_t together = shape->inner - row % shape->inner;
  return (strip_run){.at = at, .row = row, .count = left < together ? left : together};
}

#define XENT_EACH_RUN(shape, s, run)                                              \
  for (strip_run run = run_at(shape, s, 0); run.at < (s)->width && run.count > 0; \
       run = run_at(shape, s, run.at + run.count))

XENT_INLINE bool side_by_side(const xent_shape *shape, const xent_layout *layout) {
  return shape->inner > 1 ? layout->inner == 1 : layout->outer == 1;
}

/* One inner row of all rows: what [classes, rows] is when it is seen from its rows. */
XENT_INLINE void lay_inward(xent_shape *shape) {
  xent_layout *const layouts[] = {&shape->logits,  &shape->output, &shape->gradient,    &shape->upstream,
                                  &shape->targets, &shape->losses, &shape->log_sum_exp, &shape->hits};
  shape->inner = shape->outer;
  shape->outer = 1;
  for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) layouts[i]->inner = layouts[i]->outer;
}

/* Whether all classes of a strip fit into the scratch at once. */
XENT_INLINE bool is_short(const xent_call *call) { return call->shape->classes <= XENT_EXACT_MAX; }

/* Between classes in the scratch: the widest strip that stays in the first cache, else one of few columns that
 * stays in the second. `floats` is the room for one of the tensors that are gathered. wide: as wide as there is
 * room for, so that few lines of an output are shared with the strips beside. */
XENT_INLINE int64_t strip_pitch(int64_t classes, int64_t floats, bool wide) {
  const int64_t near = XENT_STRIP_NEAR / classes & -XENT_LANES, most = floats / classes & -XENT_LANES;
  const int64_t pitch = wide ? most : near < XENT_LONG_COLUMNS ? XENT_LONG_COLUMNS : near;
  if (pitch > most) return most;
  return pitch < XENT_STRIP_COLUMNS ? pitch : XENT_STRIP_COLUMNS;
}

/* The next strip from a row on. Long inner axes are cut where they end, and where a line of the output begins;
 * short ones are put side by side. */
XENT_INLINE strip strip_from(const xent_call *call, int64_t row, int64_t pitch) {
  const float *aligned = call->output ? call->output : call->logits;
  const xent_layout *layout = call->output ? call->output_layout : &call->shape->logits;
  const int64_t inner = call->shape->inner, left = call->row_end - row;
  int64_t width = pitch;
  if (inner >= 4 * XENT_LANES) {
    const uintptr_t at = (uintptr_t)(aligned + row_offset(call->shape, layout, row)) / sizeof(float);
    const int64_t ends = inner - row % inner, before = (int64_t)(at % XENT_LANES);
    if (width > XENT_LANES) width -= before;
    if (width > ends) width = ends;
  }
  return (strip){.row = row, .width = width < left ? width : left, .pitch = pitch};
}

/* `blocks` whole blocks of neighbouring columns, class after class, and the largest of each column. */
XENT_INLINE void gather_blocks(const float *x, int64_t stride, int64_t n, float *scratch, int64_t pitch,
                               const int blocks, float *largest) {
  lanes m[4];
  XENT_UNROLL(4)
  for (int k = 0; k < blocks; k++) m[k] = lanes_set(-INFINITY);
  for (int64_t c = 0; c < n; c++)
    XENT_UNROLL(4)
    for (int k = 0; k < blocks; k++) {
      const lanes v = lanes_load(x + c * stride + k * XENT_LANES);
      lanes_store(scratch + c * pitch + k * XENT_LANES, v);
      m[k] = lanes_max(v, m[k]);
    }
  XENT_UNROLL(4)
  for (int k = 0; k < blocks; k++) lanes_store(largest + k * XENT_LANES, m[k]);
}

/* Fewer than sixteen columns, and +0 beside them where they are the strip's last. */
XENT_INLINE void gather_part(const float *x, int64_t stride, int64_t n, float *scratch, int64_t pitch,
                             int64_t columns, const bool last, float *largest) {
  lanes m = lanes_set(-INFINITY);
  for (int64_t c = 0; c < n; c++) {
    const lanes v = lanes_load_part(x + c * stride, columns, 0.0f);
    if (last)
      lanes_store(scratch + c * pitch, v);
    else
      lanes_store_part(scratch + c * pitch, columns, v);
    m = lanes_max(v, m);
  }
  lanes_store(largest, m);
}

/* n classes from `begin` on of every column of a strip that begins at a whole block of the scratch. */
XENT_SHARED void gather_run(const float *x, int64_t stride, int64_t n, float *scratch, int64_t pitch, int64_t columns,
                            float *largest) {
  int64_t i = 0;
  for (; i + 4 * XENT_LANES <= columns; i += 4 * XENT_LANES)
    gather_blocks(x + i, stride, n, scratch + i, pitch, 4, largest + i);
  for (; i + XENT_LANES <= columns; i += XENT_LANES)
    gather_blocks(x + i, stride, n, scratch + i, pitch, 1, largest + i);
  if (i < columns) gather_part(x + i, stride, n, scratch + i, pitch, columns - i, true, largest + i);
}

/* Short runs side by side: their columns begin anywhere in a block. */
XENT_SHARED void gather_short_runs(const xent_shape *shape, const xent_layout *layout, const float *base,
                                   const strip *s, int64_t begin, int64_t n, float *scratch) {
  const int64_t whole = s->width & -XENT_LANES;
  float unused[XENT_LANES];
  if (whole < s->width)
    for (int64_t c = 0; c < n; c++) lanes_store(scratch + c * s->pitch + whole, lanes_set(0.0f));
  XENT_EACH_RUN(shape, s, run) {
    const float *x = base + row_offset(shape, layout, run.row) + begin * layout->classes;
    for (int64_t i = 0; i < run.count; i += XENT_LANES)
      gather_part(x + i, layout->classes, n, scratch + run.at + i, s->pitch, run.count - i, false, unused);
  }
}

/* The largest of n classes of each column of a block, NaN passed over. */
XENT_INLINE lanes largest_columns(const float *x, int64_t pitch, int64_t n) {
  lanes m[4];
  for (int k = 0; k < 4; k++) m[k] = lanes_set(-INFINITY);
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    XENT_UNROLL(4)
    for (int k = 0; k < 4; k++) m[k] = lanes_max(lanes_load(x + (i + k) * pitch), m[k]);
  for (; i < n; i++) m[0] = lanes_max(lanes_load(x + i * pitch), m[0]);
  return lanes_max(lanes_max(m[0], m[1]), lanes_max(m[2], m[3]));
}

/* n classes from `begin` on of every column into the scratch, with +0 up to whole blocks; and the largest of each
 * column, NaN passed over. */
XENT_INLINE void gather_strip(const xent_shape *shape, const xent_layout *layout, const float *base, const strip *s,
                              int64_t begin, int64_t n, float *scratch, float *largest) {
  if (run_at(shape, s, 0).count == s->width) {
    const float *x = base + row_offset(shape, layout, s->row) + begin * layout->classes;
    gather_run(x, layout->classes, n, scratch, s->pitch, s->width, largest);
    return;
  }
  gather_short_runs(shape, layout, base, s, begin, n, scratch);
  for (int64_t at = 0; at < s->width; at += XENT_LANES)
    lanes_store(largest + at, largest_columns(scratch + at, s->pitch, n));
}

#endif
