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
 * stays in the second. `floats` is the room for one of the tensors that are gathered. */
XENT_INLINE int64_t strip_pitch(int64_t classes, int64_t floats) {
  const int64_t near = XENT_STRIP_NEAR / classes & -XENT_LANES, most = floats / classes & -XENT_LANES;
  const int64_t pitch = near < XENT_LONG_COLUMNS ? XENT_LONG_COLUMNS : near;
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

XENT_INLINE void copy_columns(const float *x, float *to, int64_t n) {
  int64_t i = 0;
  for (; i + XENT_LANES <= n; i += XENT_LANES) lanes_store(to + i, lanes_load(x + i));
  if (i < n) lanes_store_part(to + i, n - i, lanes_load_part(x + i, n - i, 0.0f));
}

/* n classes from `begin` on of every column, and +0 up to whole blocks. */
XENT_SHARED void gather_strip(const xent_shape *shape, const xent_layout *layout, const float *base, const strip *s,
                              int64_t begin, int64_t n, float *scratch) {
  const int64_t whole = s->width & -XENT_LANES;
  if (whole < s->width)
    for (int64_t c = 0; c < n; c++) lanes_store(scratch + c * s->pitch + whole, lanes_set(0.0f));
  XENT_EACH_RUN(shape, s, run) {
    const float *x = base + row_offset(shape, layout, run.row) + begin * layout->classes;
    for (int64_t c = 0; c < n; c++) copy_columns(x + c * layout->classes, scratch + c * s->pitch + run.at, run.count);
  }
}

#endif
