/* SPDX-License-Identifier: Apache-2.0 */
/* The first pass over a tile: the sums of a chunk, and their fold over the chunks of a row. */
#ifndef XENT_F64_CHUNKS_H
#define XENT_F64_CHUNKS_H

#include "kernels/paths/f64/f64_targets.h"

/* The fold of chunks in class order; their label is not in the sum. */
typedef struct {
  doubles max, class_max; /* max: with the sink */
  doubles own;            /* the label's logit, -inf until it is reached */
  doubles reference, least_reference;
  pair sum, dot, mass;
} f64_fold;

/* A chunk of a tile, whose sums become part of `fold`. */
typedef struct {
  const double *x;           /* from class begin + last on */
  int64_t begin, n, last;    /* last: 0, or the begin of the last part, if interleaved rows are processed in parts */
  int64_t without;           /* index of the label in x, or XENT_NO_CLASS */
  double labels[XENT_DOUBLES];
  doubles others;            /* the largest without the label; before the last part is loaded, of the earlier parts */
  f64_fold fold;
} f64_chunk;

XENT_INLINE doubles f64_finite_or_zero(doubles v) {
  return doubles_where_at_most(doubles_magnitude(v), doubles_set(DBL_MAX), v, doubles_set(0));
}

/* Loads n prepared logits of a chunk from its class i on. Labels of interleaved rows are removed. */
XENT_INLINE void f64_load_part(const f64_block *k, int j, int64_t i, int64_t n, f64_chunk *c) {
  const int64_t begin = c->begin + i;
  c->x = f64_logits_at(k, j, begin, n, k->slopes_kept, k->b->row + j * k->room);
  f64_label_logits(k, j, c->x, begin, n, c->labels);
  if (k->turned) f64_put_labels(k, j, doubles_set(-INFINITY), c->x, begin, n);
}
/* Loads the prepared logits of a tile from class `begin` on; if it has parts, those of the last one remain loaded. */
XENT_SHARED void f64_load_chunk(const f64_block *k, int j, int64_t begin, f64_chunk *c) {
  const f64_row *r = k->rows + j;
  const int64_t n = f64_part(begin, r->logits.classes, XENT_CHUNK); /* a row without classes has one of -inf */
  const bool here = r->label >= begin && r->label < begin + n;
  c->begin = begin;
  c->n = n;
  c->last = k->turned ? (n - 1) / k->room * k->room : 0;
  c->without = here && !k->turned ? r->label - begin : XENT_NO_CLASS;
  c->others = doubles_set(-INFINITY);
  doubles_store(c->labels, c->others);
  for (int64_t i = 0; i < c->last; i += k->room) {
    f64_load_part(k, j, i, k->room, c);
    c->others = doubles_max(f64_largest(c->x, k->room * XENT_DOUBLES, XENT_NO_CLASS, true), c->others);
  }
  f64_load_part(k, j, c->last, n - c->last, c);
}
/* The values that the sums of a chunk depend on. */
XENT_INLINE void f64_chunk_largest(const f64_block *k, int j, f64_chunk *c) {
  f64_fold *f = &c->fold;
  f->own = f64_at(k, c->labels, 0);
  c->others = doubles_max(f64_largest(c->x, (c->n - c->last) * f64_width(k), c->without, k->turned), c->others);
  f->max = f->class_max = doubles_add(doubles_max(f->own, c->others), doubles_set(0)); /* -0 counts as +0 */
  f->reference = f->least_reference = f64_reference_for(f->max, k->rows[j].temperature);
}
XENT_SHARED void f64_next_chunk(const f64_block *k, int j, int64_t begin, f64_chunk *c) {
  f64_load_chunk(k, j, begin, c);
  f64_chunk_largest(k, j, c);
}
/* The sums of a chunk; chunk_of (native/test/contract/f64.c) is the plain form. Exponentials are stored in e, which may
 * be x, or NULL. */
XENT_INLINE void f64_sum_chunk(const f64_block *k, int j, double *e, f64_chunk *c) {
  const f64_row *r = k->rows + j;
  const f64_temperature t = r->temperature;
  f64_fold *f = &c->fold;
  f->sum = f->dot = f->mass = pair_of(doubles_set(0));
  if (f64_has_target_sums(r)) {
    f64_target_sums(k, j, c->x, c->begin, c->n, f->own, f64_finite_or_zero(f->max), &f->dot, &f->mass);
    if (k->turned) f64_put_labels(k, j, doubles_set(-INFINITY), c->x, c->begin, c->n);
  }
  /* there is a second round, or the row is NaN */
  if (!k->turned && doubles_first(f->max) * t.high > (double)XENT_LIMIT) return;
  const f64_reference of = f64_reference_of(f->reference, t);
  const f64_grids g = f64_grids_for(c->others, f->reference, t);
  const int64_t terms = (c->n - c->last) * f64_width(k);
  f->sum = f64_across_sum(f64_sum_exponentials(c->x, e, terms, c->without, &of, g), k->turned);
  for (int64_t i = c->last; i > 0; i -= k->room) { /* exact, because the grids are the same */
    f64_load_part(k, j, i - k->room, k->room, c);
    const pair sum = f64_sum_exponentials(c->x, NULL, k->room * XENT_DOUBLES, XENT_NO_CLASS, &of, g);
    f->sum = (pair){doubles_add(f->sum.high, sum.high), doubles_add(f->sum.low, sum.low)};
  }
}

XENT_SHARED void f64_sum_next(const f64_block *k, int j, double *e, f64_chunk *c) { f64_sum_chunk(k, j, e, c); }

/* The difference from an old maximum to a new one; 0 if one of the two is infinite. */
XENT_INLINE doubles f64_rise(doubles from, doubles to) {
  const doubles most = doubles_max(doubles_magnitude(from), doubles_magnitude(to));
  return doubles_where_at_most(most, doubles_set(DBL_MAX), doubles_sub(to, from), doubles_set(0));
}

/* Adds a sum of exponentials to the fold. The sums over targets are of M - x, so they change with M. */
XENT_INLINE void f64_fold_sum(f64_fold *f, doubles max, doubles reference, pair sum) {
  const doubles N = doubles_max(reference, f->reference), raised = doubles_max(max, f->max);
  f->sum = pair_add(pair_scale(f->sum, doubles_sub(f->reference, N)), pair_scale(sum, doubles_sub(reference, N)));
  f->least_reference = doubles_where_at_most(f->least_reference, reference, f->least_reference, reference);
  f->dot = pair_add_product(f->dot, f->mass.high, f64_rise(f->max, raised));
  f->reference = N;
  f->max = raised;
}
XENT_INLINE void f64_fold_chunk(f64_fold *f, const f64_fold *c) {
  f64_fold_sum(f, c->max, c->reference, c->sum);
  f->class_max = f->max;
  f->own = doubles_where_equal(c->own, doubles_set(-INFINITY), f->own, c->own);
  f->dot = pair_add_product(pair_add(f->dot, c->dot), c->mass.high, f64_rise(c->max, f->max));
  f->mass = pair_add(f->mass, c->mass);
}

/* The sinks of the rows of a tile, as raw logits minus the shift. A finite sink stays finite. */
XENT_SHARED doubles f64_sinks(const f64_block *k, int j) {
  const f64_row *rows = k->rows + j;
  const f64_temperature t = rows->temperature;
  double sinks[XENT_DOUBLES];
  for (int i = 0; i < f64_width(k); i++) {
    const int row = i < f64_rows_of_tile(k, j) ? i : 0;
    const double sink = row_number(k->call, k->call->sink, &k->call->shape->sink, rows[row].logits.row, 0);
    const double raw = t.value != 0 ? sink * t.value : sink;
    sinks[i] = (isinf(raw) && !isinf(sink) ? copysign(DBL_MAX, sink) : raw) - k->sums.shift[j + row];
  }
  return k->turned ? doubles_load(sinks) : doubles_set(sinks[0]);
}
/* Folds the sinks into the maximum, and if `counts` into the sum. */
XENT_INLINE void f64_fold_sinks(const f64_block *k, int j, bool counts, f64_fold *f) {
  if (!k->call->sink) return;
  const f64_temperature t = k->rows[j].temperature;
  const doubles x = f64_sinks(k, j), N = f64_reference_for(x, t), infinite = doubles_set(INFINITY);
  const f64_reference of = f64_reference_of(N, t);
  const doubles limit = doubles_set((double)XENT_LIMIT), size = doubles_mul(x, doubles_set(t.high));
  const doubles beyond = doubles_where_equal(x, infinite, infinite, doubles_set(0)); /* like f64_sum_chunk */
  const doubles reached = doubles_where_at_most(size, limit, f64_exp(x, &of), beyond);
  const doubles e = doubles_where_equal(x, x, reached, x);
  f64_fold_sum(f, doubles_add(x, doubles_set(0)), N, pair_of(counts ? e : doubles_set(0)));
}

/* Rows with a finite maximum that need a second round, on logits minus the maximum. */
XENT_INLINE uint32_t f64_beyond(doubles max, f64_temperature t) {
  const doubles size = doubles_magnitude(doubles_mul(max, doubles_set(t.high)));
  return doubles_bits_above(size, doubles_set((double)XENT_LIMIT)) &
         ~doubles_bits_above(doubles_magnitude(max), doubles_set(DBL_MAX));
}

/* Stores the fold for rows from j on of a block. */
XENT_INLINE void f64_take_fold(const f64_fold *f, doubles class_max, f64_sums *g, int j) {
  doubles_store(g->max + j, f->max);
  doubles_store(g->class_max + j, class_max);
  doubles_store(g->reference + j, f->reference);
  doubles_store(g->sum + j, pair_value(f->sum));
  doubles_store(g->dot + j, pair_value(f->dot));
  doubles_store(g->mass + j, pair_value(f->mass));
  doubles_store(g->label_logit + j, doubles_quiet(f->own));
}

/* The place of a tile's exponentials until its results are written, or NULL: the output if it is an array of doubles
 * other than the logits; otherwise the buffer. */
XENT_INLINE double *f64_place(const f64_block *k, int j) {
  const f64_row *r = k->rows + j;
  const xent_call *call = k->call;
  if (!k->keep) return NULL;
  if (!k->turned && call->output && call->output != call->logits && are_plain_doubles(&r->output))
    return f64_room(&r->output, 0, NULL);
  return r->logits.classes <= k->room ? k->b->row + j * k->room : NULL;
}

/* Folds the chunks after the first one of a tile. */
XENT_SHARED void f64_fold_rest(const f64_block *k, int j, double *e, f64_fold *f) {
  for (int64_t i = XENT_CHUNK; i < k->rows[j].logits.classes; i += XENT_CHUNK) {
    f64_chunk c;
    f64_next_chunk(k, j, i, &c);
    f64_sum_next(k, j, e ? e + i : NULL, &c);
    f64_fold_chunk(f, &c.fold);
  }
  f64_fold_sinks(k, j, true, f);
}
XENT_INLINE bool f64_has_rest(const f64_block *k, int j) {
  return k->call->sink || k->rows[j].logits.classes > XENT_CHUNK;
}
/* The second round, on logits minus the maximum if the maximum is beyond the limit. */
XENT_SHARED void f64_fold_again(f64_block *k, int j, double *e, uint32_t beyond, f64_chunk *first) {
  double max[XENT_DOUBLES];
  doubles_store(max, first->fold.max);
  for (int i = 0; i < f64_width(k); i++) k->sums.shift[j + i] = beyond >> i & 1 ? max[i] : 0;
  f64_next_chunk(k, j, 0, first);
  f64_sum_next(k, j, e, first);
  if (f64_has_rest(k, j)) f64_fold_rest(k, j, e, &first->fold);
}

/* Sums a tile whose first chunk is loaded and whose largest logit is known. */
XENT_SHARED void f64_sum_tile(f64_block *k, int j, f64_chunk *first) {
  f64_sums *g = &k->sums;
  const f64_fold *f = &first->fold;
  double *e = f64_place(k, j);
  f64_sum_chunk(k, j, e, first);
  if (f64_has_rest(k, j)) f64_fold_rest(k, j, e, &first->fold);
  const doubles class_max = f->class_max; /* from the first round */
  const uint32_t beyond = f64_beyond(f->max, k->rows[j].temperature);
  if (beyond) f64_fold_again(k, j, e, beyond, first);
  f64_take_fold(f, class_max, g, j);
  const bool logits = k->turned && !k->keep && k->rows->logits.classes <= k->room; /* for log-softmax */
  if (logits) e = k->b->row + j * k->room;
  g->kept[j] = doubles_bits_equal(f->least_reference, f->reference) == (1u << XENT_DOUBLES) - 1 ? e : NULL;
}

/* The first pass over all tiles of a block of interleaved rows. Each step runs on all tiles, because it depends on the
 * previous step. A tile that is one ignored row is not read. */
enum { XENT_F64_TILES = XENT_F64_ROWS / XENT_DOUBLES };
XENT_SHARED void f64_sum_tiles(f64_block *k, int from) {
  const int width = f64_width(k), end = from + (int)f64_part(from, k->count, XENT_F64_TILES * width);
  const uint32_t left_out = k->turned ? 0 : k->sums.ignored;
  f64_chunk chunks[XENT_F64_TILES], *c = chunks;
  for (int j = from; j < end; j += width, c++) {
    doubles_store(k->sums.shift + j, doubles_set(0));
    if (!(left_out >> j & 1)) f64_load_chunk(k, j, 0, c);
  }
  c = chunks;
  for (int j = from; j < end; j += width, c++)
    if (!(left_out >> j & 1)) f64_chunk_largest(k, j, c);
  c = chunks;
  for (int j = from; j < end; j += width, c++)
    if (!(left_out >> j & 1)) f64_sum_tile(k, j, c);
}

#endif
