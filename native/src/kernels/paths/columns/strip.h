/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns: rows whose class axis is not last, so that neighbours in memory have the same class and belong to adjacent
 * rows. A strip is a set of adjacent rows, sixteen per block. A vector has one class of the rows of a block.
 */
#ifndef XENT_STRIP_H
#define XENT_STRIP_H

#include "kernels/stages/rows/take_rows.h"

enum {
  XENT_STRIP_COLUMNS = 256,   /* at most */
  XENT_STRIP_BLOCKS = XENT_STRIP_COLUMNS / XENT_LANES,
  XENT_STRIP_FLOATS = 16384,  /* of the scratch: sixteen columns of the most classes that need their maximum first */
  XENT_STRIP_NEAR = 5120,     /* floats that leave room in the first-level cache */
  XENT_STRIP_FAR = 196608,    /* floats that leave room in the second-level cache */
  XENT_LONG_COLUMNS = 64,     /* at most, if the scratch holds one group of classes at a time */
  XENT_MOST_COLUMN_CLASSES = 1 << 24 /* class numbers are compared as floats */
};
_Static_assert(XENT_STRIP_FLOATS >= XENT_EXACT_MAX * XENT_LANES, "one block must fit");

/* One number per row of a strip, with room for a whole vector from any row on. */
typedef float column_floats[XENT_STRIP_COLUMNS + XENT_LANES];

typedef struct {
  int64_t row, width;   /* the first row, and the number of rows */
  int64_t pitch;        /* floats between classes in the scratch */
  bool any_valid;       /* not all rows are ignored */
  uint32_t ignored[XENT_STRIP_BLOCKS], irregular[XENT_STRIP_BLOCKS]; /* irregular: rows for the generic kernel */
  column_floats label;
} strip;

static const float XENT_IGNORED_COLUMN = -1, XENT_UNLABELLED = -2;

/* Rows of a strip that are adjacent in memory. */
typedef struct {
  int64_t at, row, count;
} strip_run;

XENT_INLINE int64_t blocks_of(int64_t rows) { return (rows + XENT_LANES - 1) / XENT_LANES; }

XENT_INLINE strip_run run_at(const xent_shape *shape, const strip *s, int64_t at) {
  const int64_t row = s->row + at, left = s->width - at;
  const int64_t together = shape->inner - row % shape->inner;
  return (strip_run){.at = at, .row = row, .count = left < together ? left : together};
}

#define XENT_EACH_RUN(shape, s, run)                                              \
  for (strip_run run = run_at(shape, s, 0); run.at < (s)->width && run.count > 0; \
       run = run_at(shape, s, run.at + run.count))
#define XENT_EACH_BLOCK(s, at) for (int64_t at = 0; at < (s)->width; at += XENT_LANES)

/* One inner row of all rows: [classes, rows] as seen from its rows. */
XENT_INLINE void lay_inward(xent_shape *s) {
  enum { FIRST = offsetof(xent_shape, logits) };
  _Static_assert((sizeof *s - FIRST) % sizeof s->logits == 0, "a shape ends with layouts of every array");
  s->inner = s->outer;
  s->outer = 1;
  for (size_t at = FIRST; at < sizeof *s; at += sizeof s->logits) {
    xent_layout *l = (xent_layout *)(void *)((char *)s + at);
    l->inner = l->outer;
  }
}

/* The number of rows of the block that begins at a row. */
XENT_INLINE int rows_of_block(const strip *s, int64_t at) {
  return s->width - at < XENT_ROWS ? (int)(s->width - at) : XENT_ROWS;
}
XENT_INLINE row_set block_rows(const strip *s, int64_t at) {
  return (row_set){.first = s->row + at, .count = rows_of_block(s, at), .adjacent = true};
}

/* The first row of a set from `at` on, or `end`. */
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

/* ---- labels ---- */

/* Converts the labels of a run to floats. Returns the index of the first invalid one, or the number of labels. */
XENT_INLINE int64_t labels_of_run(const xent_call *call, const strip_run *run, const int32_t type, strip *s,
                                  int64_t *wrong) {
  const xent_layout *l = &call->shape->targets;
  const int64_t first = row_offset(call->shape, l, run->row);
  const int64_t classes = call->shape->classes;
  const bool ignores = ignores_a_class(call);
  for (int64_t i = 0; i < run->count; i++) {
    const int64_t label = load_label_at(call->targets, type, first + i * l->inner), at = run->at + i;
    const bool ignored = (ignores && label == call->options->ignore_index) || s->label[at] == XENT_IGNORED_COLUMN;
    const bool masked = call->class_mask && !ignored && (uint64_t)label < (uint64_t)classes &&
                        !takes_part(call, (row_span){.row = run->row + i, .classes = classes}, label);
    if (__builtin_expect(ignored, 0)) {
      s->ignored[at / XENT_LANES] |= 1u << at % XENT_LANES;
    } else if (__builtin_expect((uint64_t)label >= (uint64_t)classes || masked, 0)) {
      *wrong = label;
      return i;
    }
    s->label[at] = ignored ? XENT_IGNORED_COLUMN : (float)label;
  }
  return run->count;
}

/* Marks rows after the last of a strip, up to the end of a block that begins at any of its rows, as ignored. */
XENT_INLINE void label_behind(strip *s) {
  const int64_t end = (blocks_of(s->width) + 1) * XENT_LANES;
  for (int64_t i = s->width; i < end; i++) s->label[i] = XENT_IGNORED_COLUMN;
}
/* Loads the labels and finds the ignored rows. The strip ends before an invalid label. */
XENT_SHARED xent_status load_labels(const job *j, strip *s) {
  const xent_call *call = j->call;
  const xent_shape *shape = call->shape;
  xent_status status = XENT_OK;
  XENT_EACH_BLOCK(s, at) lanes_store(s->label + at, lanes_set(XENT_UNLABELLED));
  label_behind(s);
  for (int64_t i = 0; call->row_weights && i < s->width; i++) {
    if (row_number(call, call->row_weights, &shape->row_weights, s->row + i, 1) != 0) continue;
    s->label[i] = XENT_IGNORED_COLUMN;
    s->ignored[i / XENT_LANES] |= 1u << i % XENT_LANES;
  }
  if (j->labels) XENT_EACH_RUN(shape, s, run) {
      int64_t wrong = 0, valid;
      switch (shape->targets.type) {
        case XENT_I32: valid = labels_of_run(call, &run, XENT_I32, s, &wrong); break;
        case XENT_I64: valid = labels_of_run(call, &run, XENT_I64, s, &wrong); break;
        default: valid = labels_of_run(call, &run, shape->targets.type, s, &wrong);
      }
      if (valid == run.count) continue;
      status = wrong_class(call, run.row + valid, wrong);
      s->width = run.at + valid;
      label_behind(s);
    }
  s->any_valid = false;
  XENT_EACH_BLOCK(s, at) {
    s->ignored[at / XENT_LANES] &= (1u << rows_of_block(s, at)) - 1;
    s->any_valid |= s->ignored[at / XENT_LANES] != (1u << rows_of_block(s, at)) - 1;
  }
  return status;
}

/* ---- columns in memory ---- */

/* Bytes between classes; for an axis of one class any number. */
XENT_INLINE int64_t step_of(const xent_layout *l) {
  return (int64_t)((uint64_t)l->classes * (uint64_t)size_of_float(l->type));
}

XENT_INLINE const char *column_at(const xent_shape *shape, const xent_layout *l, const void *array, int64_t row,
                                  int64_t class) {
  return strided_at(array, l, row_offset(shape, l, row) + class * l->classes).at;
}

/* `count` adjacent columns of a class. */
XENT_INLINE lanes load_columns(const void *at, int32_t type, int64_t count) {
  if (type != XENT_F32 && count < XENT_LANES) return first_lanes(at, 0, count, type);
  const strided s = {.at = at, .stride = 1, .type = type};
  return strided_load(&s, 0, count, 0.0f);
}

#endif
