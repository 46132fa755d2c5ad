/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second pass over columns of a strip, class after class along the rows: the formulas of row/emit.h with
 * factors of their own for every column.
 *   exponential   y = fma(e, first, second), at the label its gradient; e was kept, or is computed again from x
 *   logarithm     y = (x - first) + second
 */
#ifndef XENT_COLUMNS_EMIT_H
#define XENT_COLUMNS_EMIT_H

#include "kernels/columns/strip.h"
#include "kernels/row/emit.h"

/* Numbers of every column of a strip, with room for a whole vector from any of them on. */
typedef float column_floats[XENT_STRIP_COLUMNS + XENT_LANES];

typedef struct {
  column_floats first, second;
  column_floats reference;             /* where e is computed again */
  column_floats label, label_gradient; /* where there are labels: -1 in ignored columns */
} column_factors;

/* Through the caches; past them, every block being a line; past them where whole lines are. */
enum column_stores { XENT_STORE_THROUGH, XENT_STORE_PAST, XENT_STORE_LINES };

/* Columns that are neighbours in memory, from the scratch or from a tensor. */
typedef struct {
  const float *x;
  float *y;
  int64_t x_stride, y_stride; /* between classes */
  int64_t at, count;          /* the first of the strip's columns; how many */
  int64_t begin, end;         /* classes; x and y are those of `begin` */
  enum column_stores stores;
} column_output;

enum column_formula { XENT_COLUMN_KEPT, XENT_COLUMN_AGAIN, XENT_COLUMN_LOG };
enum column_labels { XENT_NO_LABELS, XENT_LABELS, XENT_LABELS_AND_IGNORED, XENT_ALL_IGNORED };

static const float XENT_IGNORED_COLUMN = -1;

/* Factors of a block of columns, in registers. */
typedef struct {
  lanes first, second, label, label_gradient;
  exp_references references;
} block_factors;

/* A block may begin at any column of the last one: the references of those behind it are numbers too. */
XENT_INLINE void end_references(column_factors *f, int64_t width) {
  lanes_store(f->reference + blocks_of(width) * XENT_LANES, lanes_set(0.0f));
}

XENT_INLINE block_factors factors_at(const column_factors *f, int64_t at, const enum column_formula formula,
                                     const enum column_labels labels) {
  block_factors b = {.first = lanes_load(f->first + at), .second = lanes_load(f->second + at)};
  if (formula == XENT_COLUMN_AGAIN) b.references = exp_references_of(lanes_load(f->reference + at));
  if (labels != XENT_NO_LABELS) {
    b.label = lanes_load(f->label + at);
    b.label_gradient = lanes_load(f->label_gradient + at);
  }
  return b;
}

XENT_INLINE lanes column_value(lanes x, const block_factors *b, lanes class, const enum column_formula formula,
                               const enum column_labels labels) {
  if (formula == XENT_COLUMN_LOG) return log_probability(x, b->first, b->second);
  const lanes y = lanes_fma(x, b->first, b->second);
  if (labels == XENT_NO_LABELS) return y;
  const lanes dx = lanes_where_equal(b->label, class, b->label_gradient, y);
  if (labels == XENT_LABELS) return dx;
  return lanes_where_equal(b->label, lanes_set(XENT_IGNORED_COLUMN), lanes_set(0.0f), dx);
}

/* `count` columns of a block, in `classes` classes from x and y on; whole: all sixteen. Where e is computed again,
 * the logits beside are asked for. */
XENT_INLINE void emit_classes(const column_output *o, const block_factors *b, const float *x, float *y, int64_t class,
                              const int classes, int64_t count, const bool whole, const enum column_formula formula,
                              const enum column_labels labels) {
  lanes v[4];
  XENT_UNROLL(4)
  for (int k = 0; k < classes; k++) {
    const float *from = x + k * o->x_stride;
    if (formula == XENT_COLUMN_AGAIN)
      __builtin_prefetch((const void *)((uintptr_t)from + (2 * XENT_LANES - 1) * sizeof *from));
    v[k] = whole ? lanes_load(from) : lanes_load_part(from, count, 0.0f);
  }
  if (formula == XENT_COLUMN_AGAIN) exp_lanes_at(v, classes, b->references);
  XENT_UNROLL(4)
  for (int k = 0; k < classes; k++) {
    const lanes value = column_value(v[k], b, lanes_set((float)(class + k)), formula, labels);
    if (whole)
      put(y + k * o->y_stride, value, o->stores == XENT_STORE_PAST);
    else
      lanes_store_part(y + k * o->y_stride, count, value);
  }
}

XENT_INLINE void emit_block(const column_output *o, const column_factors *f, int64_t i, int64_t count,
                            const bool whole, const enum column_formula formula, const enum column_labels labels) {
  const block_factors b = factors_at(f, o->at + i, formula, labels);
  const float *x = o->x + i;
  float *y = o->y + i;
  int64_t c = o->begin;
  for (; c + 4 <= o->end; c += 4, x += 4 * o->x_stride, y += 4 * o->y_stride)
    emit_classes(o, &b, x, y, c, 4, count, whole, formula, labels);
  for (; c < o->end; c++, x += o->x_stride, y += o->y_stride)
    emit_classes(o, &b, x, y, c, 1, count, whole, formula, labels);
}

/* `count` columns of a class, sixteen at most. */
XENT_INLINE lanes class_value(const float *x, const column_output *o, const column_factors *f, int64_t i,
                              int64_t count, int64_t class, const enum column_formula formula,
                              const enum column_labels labels) {
  const block_factors b = factors_at(f, o->at + i, formula, labels);
  lanes v[1] = {lanes_load_part(x + i, count, 0.0f)};
  if (formula == XENT_COLUMN_AGAIN) exp_lanes_at(v, 1, b.references);
  return column_value(v[0], &b, lanes_set((float)class), formula, labels);
}

/* Class after class, where a line begins at another column in each: what lies before the first line and behind the
 * last one is shared with the strips beside. */
XENT_INLINE void emit_past_caches(const column_output *o, const column_factors *f, const enum column_formula formula,
                                  const enum column_labels labels) {
  const float *x = o->x;
  float *y = o->y;
  for (int64_t c = o->begin; c < o->end; c++, x += o->x_stride, y += o->y_stride) {
    int64_t i = stream_head(y, o->count);
    if (i > 0) lanes_store_part(y, i, class_value(x, o, f, 0, i, c, formula, labels));
    for (; i + XENT_LANES <= o->count; i += XENT_LANES)
      lanes_stream(y + i, class_value(x, o, f, i, XENT_LANES, c, formula, labels));
    if (i < o->count)
      lanes_store_part(y + i, o->count - i, class_value(x, o, f, i, o->count - i, c, formula, labels));
  }
}

XENT_INLINE void emit_columns_as(const column_output *o, const column_factors *f, const enum column_formula formula,
                                 const enum column_labels labels) {
  if (o->stores == XENT_STORE_LINES) {
    emit_past_caches(o, f, formula, labels);
    return;
  }
  int64_t i = 0;
  for (; i + XENT_LANES <= o->count; i += XENT_LANES)
    emit_block(o, f, i, XENT_LANES, true, formula, labels);
  if (i < o->count) emit_block(o, f, i, o->count - i, false, formula, labels);
}

XENT_SHARED void emit_columns_kept(const column_output *o, const column_factors *f, enum column_labels labels) {
  switch (labels) {
    case XENT_NO_LABELS: emit_columns_as(o, f, XENT_COLUMN_KEPT, XENT_NO_LABELS); break;
    case XENT_LABELS: emit_columns_as(o, f, XENT_COLUMN_KEPT, XENT_LABELS); break;
    default: emit_columns_as(o, f, XENT_COLUMN_KEPT, XENT_LABELS_AND_IGNORED);
  }
}
XENT_SHARED void emit_columns_again(const column_output *o, const column_factors *f, enum column_labels labels) {
  switch (labels) {
    case XENT_NO_LABELS: emit_columns_as(o, f, XENT_COLUMN_AGAIN, XENT_NO_LABELS); break;
    case XENT_LABELS: emit_columns_as(o, f, XENT_COLUMN_AGAIN, XENT_LABELS); break;
    default: emit_columns_as(o, f, XENT_COLUMN_AGAIN, XENT_LABELS_AND_IGNORED);
  }
}
XENT_SHARED void emit_columns_log(const column_output *o, const column_factors *f) {
  emit_columns_as(o, f, XENT_COLUMN_LOG, XENT_NO_LABELS);
}

XENT_INLINE void emit_columns(const column_output *o, const column_factors *f, enum column_formula formula,
                              enum column_labels labels) {
  switch (formula) {
    case XENT_COLUMN_KEPT: emit_columns_kept(o, f, labels); break;
    case XENT_COLUMN_AGAIN: emit_columns_again(o, f, labels); break;
    default: emit_columns_log(o, f);
  }
}

#endif
