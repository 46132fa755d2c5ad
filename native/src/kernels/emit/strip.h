/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second pass over columns of a strip, class after class along the rows: the formulas of emit/row.h with factors of
 * their own for every column.
 *   exponential   y = fma(e, first, second), at the label its gradient; e was kept, or is computed again from x
 *   logarithm     y = fma(x - first, r, second)
 */
#ifndef XENT_EMIT_STRIP_H
#define XENT_EMIT_STRIP_H

#include "kernels/emit/row.h"
#include "kernels/load/strip.h"

enum { XENT_WORTH_LINES = 96 }; /* columns of which most lines are whole, wherever they begin */

typedef struct {
  column_floats first, second;
  column_floats reference;             /* where e is computed again */
  column_floats label_gradient;        /* where there are labels */
} strip_factors;

/* Through the caches; past them, every block being a line; past them where whole lines are. */
enum strip_stores { XENT_STORE_THROUGH, XENT_STORE_PAST, XENT_STORE_LINES };

/* FLOATS: from floats to floats, without a temperature; ANY: of any type and temperature, and with labels. */
enum strip_formula { XENT_KEPT, XENT_AGAIN, XENT_LOG };
enum strip_kind { XENT_FLOATS, XENT_FLOATS_AND_LABELS, XENT_ANY };

/* Columns that are neighbours in memory, from the scratch or from a tensor. */
typedef struct {
  const char *x;
  char *y;
  int64_t x_step, y_step; /* bytes between classes */
  int32_t x_type, y_type;
  const heat *heat;
  const float *label;     /* of the strip */
  int64_t at, count;      /* the first of the strip's columns; how many */
  int64_t begin, end;     /* classes; x and y are those of `begin` */
  enum strip_stores stores;
} strip_output;

/* Factors of a block of columns, in registers. */
typedef struct {
  lanes first, second, r, label, label_gradient;
  exp_references references;
} block_factors;

XENT_INLINE block_factors factors_at(const strip_output *o, const strip_factors *f, int64_t i, const enum strip_formula formula,
                                     const enum strip_kind kind) {
  const int64_t at = o->at + i;
  block_factors b = {.first = lanes_load(f->first + at), .second = lanes_load(f->second + at), .r = lanes_set(o->heat->hi)};
  if (formula == XENT_AGAIN)
    b.references = exp_references_of(lanes_load(f->reference + at), o->heat);
  if (formula != XENT_LOG && kind != XENT_FLOATS) {
    b.label = lanes_load(o->label + at);
    b.label_gradient = lanes_load(f->label_gradient + at);
  }
  return b;
}

/* `count` columns of a block, in `classes` classes from x and y on; whole: all sixteen. Where e is computed again, the logits
 * beside are asked for; those of ignored columns are +0, whatever they are. */
XENT_INLINE void emit_strip_classes(const strip_output *o, const block_factors *b, const char *x, char *y, int64_t class,
                                    const int classes, int64_t count, const bool whole, const bool stream,
                                    const enum strip_formula formula, const enum strip_kind kind) {
  const bool labels = formula != XENT_LOG && kind != XENT_FLOATS;
  lanes v[4];
  XENT_UNROLL(4)
  for (int k = 0; k < classes; k++) {
    const char *from = x + k * o->x_step;
    if (formula == XENT_AGAIN) __builtin_prefetch((const void *)((uintptr_t)from + (2 * XENT_LANES - 1) * sizeof(float)));
    v[k] = load_columns(from, kind != XENT_ANY || formula == XENT_KEPT ? XENT_F32 : o->x_type, whole ? XENT_LANES : count);
    if (formula == XENT_AGAIN && labels) v[k] = lanes_where_equal(b->label, lanes_set(XENT_IGNORED_COLUMN), lanes_set(0.0f), v[k]);
  }
  if (formula == XENT_AGAIN) exp_lanes(v, classes, &b->references, false, o->heat);
  XENT_UNROLL(4)
  for (int k = 0; k < classes; k++) {
    lanes value = formula == XENT_LOG ? log_probability(v[k], b->first, b->r, b->second)
                                      : lanes_fma(v[k], b->first, b->second);
    if (labels) value = lanes_where_equal(b->label, lanes_set((float)(class + k)), b->label_gradient, value);
    char *to = y + k * o->y_step;
    if (kind == XENT_ANY && o->y_type != XENT_F32) {
      const strand s = {.at = to, .stride = 1, .type = o->y_type};
      strand_store(&s, 0, whole ? XENT_LANES : count, value);
    } else if (whole) {
      put((float *)(void *)to, value, stream);
    } else {
      lanes_store_part((float *)(void *)to, count, value);
    }
  }
}

XENT_INLINE void emit_strip_block(const strip_output *of, const strip_factors *f, int64_t i, int64_t count, const bool whole,
                                  const enum strip_formula formula, const enum strip_kind kind) {
  const heat h = *of->heat;
  strip_output here = *of; /* which no store changes, as little as the heat */
  here.heat = &h;
  const strip_output *o = &here;
  const block_factors b = factors_at(o, f, i, formula, kind);
  const bool stream = o->stores == XENT_STORE_PAST;
  const char *x = o->x + i * size_of_float(o->x_type);
  char *y = o->y + i * size_of_float(o->y_type);
  int64_t c = o->begin;
  for (; c + 4 <= o->end; c += 4, x += 4 * o->x_step, y += 4 * o->y_step)
    emit_strip_classes(o, &b, x, y, c, 4, count, whole, stream, formula, kind);
  for (; c < o->end; c++, x += o->x_step, y += o->y_step)
    emit_strip_classes(o, &b, x, y, c, 1, count, whole, stream, formula, kind);
}

/* `count` columns of a class, sixteen at most. */
XENT_INLINE void emit_strip_line(const strip_output *o, const strip_factors *f, const char *x, char *y, int64_t i, int64_t count,
                                 int64_t class, const bool stream, const enum strip_formula formula, const enum strip_kind kind) {
  const block_factors b = factors_at(o, f, i, formula, kind);
  x += i * size_of_float(o->x_type);
  y += i * (int64_t)sizeof(float);
  emit_strip_classes(o, &b, x, y, class, 1, count, stream, stream, formula, kind);
}

/* Class after class, where a line begins at another column in each: what lies before the first line and behind the last one
 * is shared with the strips beside. */
XENT_INLINE void emit_strip_lines(const strip_output *o, const strip_factors *f, const enum strip_formula formula,
                                  const enum strip_kind kind) {
  const char *x = o->x;
  char *y = o->y;
  for (int64_t c = o->begin; c < o->end; c++, x += o->x_step, y += o->y_step) {
    int64_t i = stream_head((const float *)(const void *)y, o->count);
    if (i > 0) emit_strip_line(o, f, x, y, 0, i, c, false, formula, kind);
    for (; i + XENT_LANES <= o->count; i += XENT_LANES) emit_strip_line(o, f, x, y, i, XENT_LANES, c, true, formula, kind);
    if (i < o->count) emit_strip_line(o, f, x, y, i, o->count - i, c, false, formula, kind);
  }
}

XENT_INLINE void emit_columns_as(const strip_output *o, const strip_factors *f, const enum strip_formula formula,
                                 const enum strip_kind kind) {
  if (o->stores == XENT_STORE_LINES) {
    emit_strip_lines(o, f, formula, kind);
    return;
  }
  int64_t i = 0;
  for (; i + XENT_LANES <= o->count; i += XENT_LANES) emit_strip_block(o, f, i, XENT_LANES, true, formula, kind);
  if (i < o->count) emit_strip_block(o, f, i, o->count - i, false, formula, kind);
}
XENT_SHARED void emit_columns_kept(const strip_output *o, const strip_factors *f, enum strip_kind kind) {
  switch (kind) {
    case XENT_FLOATS: emit_columns_as(o, f, XENT_KEPT, XENT_FLOATS); break;
    case XENT_FLOATS_AND_LABELS: emit_columns_as(o, f, XENT_KEPT, XENT_FLOATS_AND_LABELS); break;
    default: emit_columns_as(o, f, XENT_KEPT, XENT_ANY);
  }
}
XENT_SHARED void emit_columns_again(const strip_output *o, const strip_factors *f, enum strip_kind kind) {
  switch (kind) {
    case XENT_FLOATS: emit_columns_as(o, f, XENT_AGAIN, XENT_FLOATS); break;
    case XENT_FLOATS_AND_LABELS: emit_columns_as(o, f, XENT_AGAIN, XENT_FLOATS_AND_LABELS); break;
    default: emit_columns_as(o, f, XENT_AGAIN, XENT_ANY);
  }
}
XENT_SHARED void emit_columns_log(const strip_output *o, const strip_factors *f, enum strip_kind kind) {
  if (kind == XENT_FLOATS)
    emit_columns_as(o, f, XENT_LOG, XENT_FLOATS);
  else
    emit_columns_as(o, f, XENT_LOG, XENT_ANY);
}

XENT_INLINE bool lines_agree(const xent_layout *l) { return (uint64_t)step_of(l) % XENT_STREAM_ALIGNMENT == 0; }

/* How neighbouring columns of an output are stored that is larger than the caches. */
XENT_INLINE enum strip_stores stores_past(const xent_layout *l, const char *y, int64_t count) {
  if (l->type != XENT_F32) return XENT_STORE_THROUGH;
  if (lines_agree(l) && (uintptr_t)y % XENT_STREAM_ALIGNMENT == 0) return XENT_STORE_PAST;
  return count < XENT_WORTH_LINES ? XENT_STORE_THROUGH : XENT_STORE_LINES;
}

/* Where the second pass reads from: the scratch, or (NULL) the logits again. */
XENT_SHARED void emit_strip(const job *j, const strip *s, const float *scratch, int64_t begin, int64_t end, const strip_factors *f,
                            enum strip_formula formula) {
  const xent_call *call = j->call;
  const xent_layout *in = &call->shape->logits, *out = call->output_layout;
  const int32_t x_type = scratch ? XENT_F32 : in->type;
  const bool floats = x_type == XENT_F32 && out->type == XENT_F32;
  const enum strip_kind kind = !floats ? XENT_ANY : j->labels ? XENT_FLOATS_AND_LABELS : XENT_FLOATS;
  XENT_EACH_RUN(call->shape, s, run) {
    const char *x = column_at(call->shape, in, call->logits, run.row, begin);
    char *y = (char *)(uintptr_t)column_at(call->shape, out, call->output, run.row, begin);
    const int64_t last = run.at + run.count;
    for (int64_t at = run.at; at < last;) {
      const int64_t stop = next_of_set(s->apart, at, last);
      char *to = y + (at - run.at) * size_of_float(out->type);
      const strip_output o = {.x = scratch ? (const char *)(scratch + at) : x + (at - run.at) * size_of_float(in->type), .y = to,
                              .x_step = scratch ? s->pitch * (int64_t)sizeof *scratch : step_of(in), .y_step = step_of(out),
                              .x_type = x_type, .y_type = out->type, .heat = &j->heat, .label = s->label, .at = at,
                              .count = stop - at, .begin = begin, .end = end,
                              .stores = call->stream ? stores_past(out, to, stop - at) : XENT_STORE_THROUGH};
      if (stop > at) switch (formula) {
          case XENT_KEPT: emit_columns_kept(&o, f, kind); break;
          case XENT_AGAIN: emit_columns_again(&o, f, kind); break;
          default: emit_columns_log(&o, f, kind);
        }
      at = stop + 1;
    }
  }
}

#endif
