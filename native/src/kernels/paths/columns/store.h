/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second pass over a strip's tiles, which hold v: y = fma(v - m, r, b), with factors per row. From e it computes a
 * probability (m = 0, b = -0) or a gradient (m = 0; b = -c eps / H for smoothed labels, else -0), from logits a
 * log-probability (m the maximum, b = -D). Then it adds the label's gradient. Other parts of a gradient (per-class
 * targets, softcap, mask) are applied to the tile before.
 */
#ifndef XENT_STORE_H
#define XENT_STORE_H

#include "kernels/paths/columns/tiles.h"
#include "kernels/stages/emit/emit.h"

enum { XENT_WORTH_LINES = 96 }; /* from this number of columns on, most lines are whole at any alignment */

typedef struct {
  column_floats m, r, b, label_gradient;
  column_floats reference;   /* if e is computed again */
  column_floats scale;       /* c of targets that differ between classes */
} strip_factors;

/* Factors of a block, in registers. */
typedef struct {
  lanes m, r, b, label, label_gradient;
} block_factors;

/* The factors of a block; without f, the contents of the tiles are stored unchanged. */
XENT_INLINE block_factors factors_at(const strip *s, const strip_factors *f, int64_t at) {
  if (!f) return (block_factors){.m = lanes_set(0.0f), .r = lanes_set(1.0f), .b = lanes_set(-0.0f)};
  return (block_factors){.m = lanes_load(f->m + at), .r = lanes_load(f->r + at), .b = lanes_load(f->b + at),
                         .label = lanes_load(s->label + at), .label_gradient = lanes_load(f->label_gradient + at)};
}
XENT_INLINE lanes stored_value(const block_factors *b, lanes v, int64_t class, const bool labels) {
  const lanes y = class_line(lanes_sub(v, b->m), b->r, b->b);
  return labels ? lanes_where_equal(b->label, lanes_set((float)class), b->label_gradient, y) : y;
}

/* ---- gradients that need more than one fma ---- */

/* Turns the tile into the gradient, which needs no factors. */
XENT_SHARED void finish_tile(const column_call *a, const strip *s, int64_t at, int64_t begin, int64_t n,
                             const strip_factors *f) {
  const job *j = a->j;
  const block_factors b = factors_at(s, f, at);
  const lanes scale = lanes_load(f->scale + at), none = lanes_set(0.0f),
              ignored = lanes_set(XENT_IGNORED_COLUMN);
  const bool cap = a->source.cap != 0;
  float *x = a->x + at;
  for (int64_t c = 0; c < n; c++) {
    const int64_t to = at + c * s->pitch;
    lanes v = lanes_load(x + c * s->pitch);
    if (a->per_class)
      v = lanes_quiet(class_line(v, b.r, class_pull(lanes_load(a->t + to), scale)));
    else
      v = class_line(v, b.r, b.b);
    if (j->labels) v = lanes_where_equal(b.label, lanes_set((float)(begin + c)), b.label_gradient, v);
    if (cap) v = lanes_quiet(lanes_mul(v, lanes_load(a->slopes + to)));
    if (a->marks) v = lanes_where_set(a->mask + to, v, none);
    lanes_store(x + c * s->pitch, lanes_where_equal(b.label, ignored, none, v));
  }
}
/* Masked classes, whose e and targets are +0, yield +0 without further work if the factors are ordinary. */
XENT_INLINE bool is_finished(const column_call *a, const strip *s, int64_t at, const strip_factors *f) {
  if (a->per_class || (a->call->targets && a->source.cap != 0)) return false;
  if (!a->call->class_mask || !a->call->targets) return true;
  const lanes r = lanes_load(f->r + at);
  const uint32_t ordinary = lanes_bits_above(r, lanes_set(0.0f)) & ~lanes_bits_beyond(r, FLT_MAX);
  return !a->j->smoothed && (ordinary | s->ignored[at / XENT_LANES] | s->irregular[at / XENT_LANES]) == 0xffff;
}
/* ---- stores ---- */

/* The kinds of stores: through the caches; past them, with a whole line per block; past them only for whole lines. */
enum strip_stores { XENT_STORE_THROUGH, XENT_STORE_PAST, XENT_STORE_LINES };

/* Columns that are adjacent in memory. */
typedef struct {
  const strip *s;
  const strip_factors *f;
  const float *x;
  char *y;
  int64_t step;           /* bytes from class to class of y */
  int32_t type;
  int64_t at, count;      /* the first of the strip's columns, and their number */
  int64_t begin, n;       /* classes: x and y are those of `begin` */
  enum strip_stores stores;
} strip_output;

/* `count` columns of a block, in `classes` classes. */
XENT_INLINE void store_classes(const strip_output *o, const block_factors *b, const float *x, char *y, int64_t class,
                               const int classes, int64_t count, const bool whole, const bool stream,
                               const bool labels) {
  lanes v[4];
  XENT_UNROLL(4)
  for (int k = 0; k < classes; k++) v[k] = stored_value(b, lanes_load(x + k * o->s->pitch), class + k, labels);
  XENT_UNROLL(4)
  for (int k = 0; k < classes; k++) {
    char *to = y + k * o->step;
    if (whole)
      put((float *)(void *)to, v[k], stream);
    else
      strided_store(&(strided){.at = to, .stride = 1, .type = o->type}, 0, count, v[k]);
  }
}
XENT_INLINE void store_block(const strip_output *o, int64_t i, int64_t count, const bool whole, const bool stream,
                             const bool labels) {
  const block_factors b = factors_at(o->s, o->f, o->at + i);
  const int64_t pitch = o->s->pitch, end = o->begin + o->n;
  const float *x = o->x + i;
  char *y = o->y + i * size_of_float(o->type);
  int64_t c = o->begin;
  for (; c + 4 <= end; c += 4, x += 4 * pitch, y += 4 * o->step)
    store_classes(o, &b, x, y, c, 4, count, whole, stream, labels);
  for (; c < end; c++, x += pitch, y += o->step) store_classes(o, &b, x, y, c, 1, count, whole, stream, labels);
}
/* `count` columns of a class, sixteen at most. */
XENT_INLINE void store_line(const strip_output *o, int64_t class, int64_t i, int64_t count, const bool whole,
                            const bool labels) {
  const block_factors b = factors_at(o->s, o->f, o->at + i);
  store_classes(o, &b, o->x + class * o->s->pitch + i, o->y + class * o->step + i * (int64_t)sizeof(float),
                o->begin + class, 1, count, whole, whole, labels);
}
/* Class by class, if lines begin at a different column in each. The part before the first line and the part after the
 * last one are shared with the adjacent strips. */
XENT_INLINE void store_lines(const strip_output *o, const bool labels) {
  for (int64_t c = 0; c < o->n; c++) {
    int64_t i = stream_head((const float *)(const void *)(o->y + c * o->step), o->count);
    if (i > 0) store_line(o, c, 0, i, false, labels);
    for (; i + XENT_LANES <= o->count; i += XENT_LANES) store_line(o, c, i, XENT_LANES, true, labels);
    if (i < o->count) store_line(o, c, i, o->count - i, false, labels);
  }
}
XENT_INLINE void store_columns_as(const strip_output *of, const bool labels) {
  const strip_output here = *of, *o = &here; /* a copy, which no store changes */
  if (o->stores == XENT_STORE_LINES) {
    store_lines(o, labels);
    return;
  }
  int64_t i = 0;
  for (; o->type == XENT_F32 && i + XENT_LANES <= o->count; i += XENT_LANES) {
    if (o->stores == XENT_STORE_PAST)
      store_block(o, i, XENT_LANES, true, true, labels);
    else
      store_block(o, i, XENT_LANES, true, false, labels);
  }
  for (; i < o->count; i += XENT_LANES)
    store_block(o, i, o->count - i < XENT_LANES ? o->count - i : XENT_LANES, false, false, labels);
}
XENT_SHARED void store_neighbours(const strip_output *o, bool labels) {
  if (labels)
    store_columns_as(o, true);
  else
    store_columns_as(o, false);
}

XENT_INLINE bool lines_agree(const xent_layout *l) { return (uint64_t)step_of(l) % XENT_STREAM_ALIGNMENT == 0; }

/* Chooses how to store adjacent columns of an output that is larger than the caches. */
XENT_INLINE enum strip_stores stores_past(const xent_layout *l, const char *y, int64_t count) {
  if (l->type != XENT_F32) return XENT_STORE_THROUGH;
  if (lines_agree(l) && (uintptr_t)y % XENT_STREAM_ALIGNMENT == 0) return XENT_STORE_PAST;
  return count < XENT_WORTH_LINES ? XENT_STORE_THROUGH : XENT_STORE_LINES;
}

/* Irregular rows are skipped. */
XENT_INLINE void store_runs(const column_call *a, const strip *s, int64_t begin, int64_t n, const strip_factors *f,
                            bool labels) {
  const xent_call *call = a->call;
  const xent_layout *out = call->output_layout;
  XENT_EACH_RUN(call->shape, s, run) {
    char *y = (char *)(uintptr_t)column_at(call->shape, out, call->output, run.row, begin);
    const int64_t last = run.at + run.count;
    for (int64_t at = run.at; at < last;) {
      const int64_t stop = next_of_set(s->irregular, at, last);
      char *to = y + (at - run.at) * size_of_float(out->type);
      const strip_output o = {.s = s, .f = f, .x = a->x + at, .y = to, .step = step_of(out), .type = out->type,
                              .at = at, .count = stop - at, .begin = begin, .n = n,
                              .stores = call->stream ? stores_past(out, to, stop - at) : XENT_STORE_THROUGH};
      if (stop > at) store_neighbours(&o, labels);
      at = stop + 1;
    }
  }
}

/* Stores n classes from `begin` on of columns. The tiles hold e, or for log-softmax logits. */
XENT_SHARED void store_columns(const column_call *a, const strip *s, int64_t begin, int64_t n, const strip_factors *f) {
  bool finished = true;
  XENT_EACH_BLOCK(s, at) finished &= is_finished(a, s, at, f);
  if (finished) {
    store_runs(a, s, begin, n, f, a->j->labels);
    return;
  }
  XENT_EACH_BLOCK(s, at) finish_tile(a, s, at, begin, n, f);
  store_runs(a, s, begin, n, NULL, false);
}

#endif
