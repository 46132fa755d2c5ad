/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns: rows whose class axis is not last, so that neighbours in memory are the same class of neighbouring rows. A
 * strip is some such rows side by side. Its logits are read once, class after class, into a scratch that stays in the
 * caches; there vectors run along the rows, sixteen at a time (a block), and lanes, groups and chunks become accumulators.
 */
#ifndef XENT_LOAD_STRIP_H
#define XENT_LOAD_STRIP_H

#include "kernels/load/sixteen.h"

enum {
  XENT_STRIP_COLUMNS = 256,   /* at most */
  XENT_STRIP_BLOCKS = XENT_STRIP_COLUMNS / XENT_LANES,
  XENT_STRIP_FLOATS = 16384,  /* of the scratch: sixteen columns of as many classes as have their maximum first */
  XENT_STRIP_NEAR = 5120,     /* floats that leave room in the first cache */
  XENT_STRIP_FAR = 196608,    /* floats that leave room in the second cache */
  XENT_LONG_COLUMNS = 64,     /* at most, where a group of classes at a time goes through the scratch */
  XENT_LONG_BLOCKS = XENT_LONG_COLUMNS / XENT_LANES,
  XENT_MOST_COLUMN_CLASSES = 1 << 24, /* class numbers are compared as floats */
  XENT_LEAST_COLUMNS = 4      /* fewer rows are gathered one by one */
};
_Static_assert(XENT_STRIP_FLOATS >= XENT_EXACT_MAX * XENT_LANES, "one block must fit");

/* Numbers of every column of a strip, with room for a whole vector from any of them on. */
typedef float column_floats[XENT_STRIP_COLUMNS + XENT_LANES];

typedef struct {
  int64_t row, width; /* the first row; how many */
  int64_t pitch;      /* floats from class to class in the scratch */
  bool counted;       /* not all columns are ignored */
  uint32_t ignored[XENT_STRIP_BLOCKS], apart[XENT_STRIP_BLOCKS]; /* apart: columns that the careful kernel computes */
  column_floats label;
} strip;

static const float XENT_IGNORED_COLUMN = -1, XENT_UNLABELLED = -2;

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
  return layout->classes != 1 && (shape->inner > 1 ? layout->inner == 1 : layout->outer == 1);
}

/* One inner row of all rows: what [classes, rows] is when it is seen from its rows. */
XENT_INLINE void lay_inward(xent_shape *s) {
  xent_layout *const layouts[] = {&s->logits, &s->output, &s->gradient, &s->upstream,    &s->targets, &s->losses,
                                  &s->hits,   &s->sink,   &s->log_sum_exp, &s->row_weights, &s->log_probabilities};
  s->inner = s->outer;
  s->outer = 1;
  for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) layouts[i]->inner = layouts[i]->outer;
}

/* Whether all classes of a strip fit into the scratch at once. */
XENT_INLINE bool is_short(const xent_call *call) { return call->shape->classes <= XENT_EXACT_MAX; }

/* Between classes in the scratch: the widest strip that stays in the first cache, else one of few columns that stays in
 * the second. wide: as wide as there is room for, so that few lines of an output are shared with the strips beside. */
XENT_INLINE int64_t strip_pitch(int64_t classes, bool wide) {
  const int64_t near = XENT_STRIP_NEAR / classes & -XENT_LANES, most = XENT_STRIP_FLOATS / classes & -XENT_LANES;
  const int64_t pitch = wide ? most : near < XENT_LONG_COLUMNS ? XENT_LONG_COLUMNS : near;
  if (pitch > most) return most;
  return pitch < XENT_STRIP_COLUMNS ? pitch : XENT_STRIP_COLUMNS;
}

/* The next strip from a row on. Long inner axes are cut where they end, and where a line of the output begins; short ones
 * are put side by side. */
XENT_INLINE void strip_from(const xent_call *call, int64_t row, int64_t pitch, strip *s) {
  const xent_layout *layout = call->output ? call->output_layout : &call->shape->logits;
  const int64_t inner = call->shape->inner, left = call->row_end - row;
  int64_t width = pitch;
  if (inner >= 4 * XENT_LANES) {
    const strand first = strand_at(call->output ? call->output : call->logits, layout, row_offset(call->shape, layout, row));
    const int64_t ends = inner - row % inner;
    const uintptr_t at = (uintptr_t)first.at / (uintptr_t)size_of_float(layout->type);
    if (width > XENT_LANES) width -= (int64_t)(at % XENT_LANES);
    if (width > ends) width = ends;
  }
  s->row = row;
  s->width = width < left ? width : left;
  s->pitch = pitch;
  s->counted = true;
  memset(s->ignored, 0, sizeof s->ignored);
  memset(s->apart, 0, sizeof s->apart);
}

/* Of the block that begins at a column. */
XENT_INLINE uint32_t columns_of_block(const strip *s, int64_t at) {
  const int64_t left = s->width - at;
  return left >= XENT_LANES ? 0xffff : (1u << left) - 1;
}

/* The first column of a set from `at` on, or `end`. */
XENT_INLINE int64_t next_of_set(const uint32_t *set, int64_t at, int64_t end) {
  while (at < end) {
    const uint32_t bits = set[at / XENT_LANES] >> at % XENT_LANES;
    if (bits) {
      at += __builtin_ctz(bits);
      return at < end ? at : end;
    }
    at = (at / XENT_LANES + 1) * XENT_LANES;
  }
  return end;
}

/* The labels of a strip as floats. The strip ends before an invalid label. */
XENT_SHARED xent_status load_labels(const xent_call *call, strip *s) {
  const xent_layout *l = &call->shape->targets;
  const xent_shape *shape = call->shape;
  xent_status status = XENT_OK;
  s->counted = false;
  XENT_EACH_RUN(shape, s, run) {
    const int64_t first = row_offset(shape, l, run.row);
    for (int64_t i = 0; i < run.count; i++) {
      const int64_t at = run.at + i, label = load_label_at(call->targets, l->type, first + i * l->inner);
      const bool ignored = is_ignored_class(call, label) ||
                           (call->row_weights && row_number(call, call->row_weights, &shape->row_weights, run.row + i, 1) == 0);
      if (!ignored && (label < 0 || label >= shape->classes)) {
        status = wrong_class(call, run.row + i, label);
        s->width = at;
        break;
      }
      s->label[at] = ignored ? XENT_IGNORED_COLUMN : (float)label;
      s->ignored[at / XENT_LANES] |= (uint32_t)ignored << at % XENT_LANES;
      s->counted |= !ignored;
    }
  }
  /* Up to the end of a block that begins at any column of the last one. */
  const int64_t end = (blocks_of(s->width) + 1) * XENT_LANES;
  for (int64_t i = s->width; i < end; i++) s->label[i] = XENT_IGNORED_COLUMN;
  return status;
}

/* ---- gather ---- */

/* Bytes from class to class; of an axis of one class any number. */
XENT_INLINE int64_t step_of(const xent_layout *l) {
  return (int64_t)((uint64_t)l->classes * (uint64_t)size_of_float(l->type));
}

XENT_INLINE const char *column_at(const xent_shape *shape, const xent_layout *l, const void *array, int64_t row, int64_t class) {
  return strand_at(array, l, row_offset(shape, l, row) + class * l->classes).at;
}

/* `count` neighbouring columns of a class. */
XENT_INLINE lanes load_columns(const void *at, int32_t type, int64_t count) {
  const strand s = {.at = at, .stride = 1, .type = type};
  return strand_load(&s, 0, count, 0.0f);
}

/* `blocks` whole blocks of neighbouring columns, class after class, and the largest of each column. */
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

/* Fewer than sixteen columns, and +0 beside them where they are the strip's last. */
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

/* Short runs side by side: their columns begin anywhere in a block. */
XENT_SHARED void gather_short_runs(const xent_shape *shape, const xent_layout *l, const void *array, const strip *s, int64_t begin,
                                   int64_t n, float *scratch, float *largest) {
  const int64_t whole = s->width & -XENT_LANES;
  float unused[XENT_LANES];
  for (int64_t c = 0; whole < s->width && c < n; c++) lanes_store(scratch + c * s->pitch + whole, lanes_set(0.0f));
  XENT_EACH_RUN(shape, s, run) {
    const char *x = column_at(shape, l, array, run.row, begin);
    for (int64_t i = 0; i < run.count; i += XENT_LANES)
      gather_part(x + i * size_of_float(l->type), step_of(l), l->type, n, scratch + run.at + i, s->pitch, run.count - i, false, unused);
  }
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    lanes m[2] = {lanes_set(-INFINITY), lanes_set(-INFINITY)};
    for (int64_t c = 0; c < n; c++) m[c & 1] = lanes_max(lanes_load(scratch + c * s->pitch + at), m[c & 1]);
    lanes_store(largest + at, lanes_max(m[0], m[1]));
  }
}

/* n classes from `begin` on of every column into the scratch, with +0 up to whole blocks; and the largest of each column,
 * NaN passed over. */
XENT_SHARED void gather_strip(const xent_shape *shape, const xent_layout *l, const void *array, const strip *s, int64_t begin,
                              int64_t n, float *scratch, float *largest) {
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
