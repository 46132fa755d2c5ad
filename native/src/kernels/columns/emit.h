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

/* Columns that are neighbours in memory, from the scratch or from a tensor. */
typedef struct {
  const float *x;
  float *y;
  int64_t x_stride, y_stride; /* between classes */
  int64_t at, count;          /* the first of the strip's columns; how many */
  int64_t begin, end;         /* classes; x and y are those of `begin` */
  bool stream;
} column_output;

enum column_formula { XENT_COLUMN_KEPT, XENT_COLUMN_AGAIN, XENT_COLUMN_LOG };
enum column_labels { XENT_NO_LABELS, XENT_LABELS, XENT_LABELS_AND_IGNORED };

static const float XENT_IGNORED_COLUMN = -1;

XENT_INLINE lanes column_value(lanes x, const column_factors *f, int64_t at, lanes class,
                               const enum column_formula formula, const enum column_labels labels) {
  const lanes first = lanes_load(f->first + at), second = lanes_load(f->second + at);
  if (formula == XENT_COLUMN_LOG) return log_probability(x, first, second);
  lanes e[1] = {x};
  if (formula == XENT_COLUMN_AGAIN) exp_lanes_at(e, 1, exp_references_of(lanes_load(f->reference + at)));
  const lanes y = lanes_fma(e[0], first, second);
  if (labels == XENT_NO_LABELS) return y;
  const lanes label = lanes_load(f->label + at);
  const lanes dx = lanes_where_equal(label, class, lanes_load(f->label_gradient + at), y);
  if (labels == XENT_LABELS) return dx;
  return lanes_where_equal(label, lanes_set(XENT_IGNORED_COLUMN), lanes_set(0.0f), dx);
}

XENT_INLINE void emit_columns_as(const column_output *o, const column_factors *f, const enum column_formula formula,
                                 const enum column_labels labels) {
  for (int64_t c = o->begin; c < o->end; c++) {
    const float *x = o->x + (c - o->begin) * o->x_stride;
    float *y = o->y + (c - o->begin) * o->y_stride;
    const lanes class = lanes_set((float)c);
    int64_t i = o->stream ? stream_head(y, o->count) : 0;
    if (i > 0)
      lanes_store_part(y, i, column_value(lanes_load_part(x, i, 0.0f), f, o->at, class, formula, labels));
    for (; i + XENT_LANES <= o->count; i += XENT_LANES)
      put(y + i, column_value(lanes_load(x + i), f, o->at + i, class, formula, labels), o->stream);
    if (i < o->count)
      lanes_store_part(y + i, o->count - i,
                       column_value(lanes_load_part(x + i, o->count - i, 0.0f), f, o->at + i, class, formula, labels));
  }
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
