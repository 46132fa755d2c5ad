/* SPDX-License-Identifier: Apache-2.0 */
/* The first pass: what is known of a chunk, and chunks folded to rows; of one row, or of rows side by side. */
#ifndef XENT_F64_FOLD_H
#define XENT_F64_FOLD_H

#include "kernels/f64/targets.h"

enum { XENT_F64_ROWS = 16, XENT_F64_LANES = XENT_F64_ROWS + XENT_DOUBLES };

/* A block of rows: one number of each side by side. Vectors may go on behind the last row, with numbers of another. */
typedef struct {
  double counted[XENT_F64_LANES], label_weight[XENT_F64_LANES], row_weight[XENT_F64_LANES]; /* what is asked for */
  double max[XENT_F64_LANES], class_max[XENT_F64_LANES], reference[XENT_F64_LANES], sum[XENT_F64_LANES];
  double dot[XENT_F64_LANES], mass[XENT_F64_LANES], label_logit[XENT_F64_LANES], shift[XENT_F64_LANES];
  /* settled from here on */
  double label_e[XENT_F64_LANES], total[XENT_F64_LANES], distance[XENT_F64_LANES], log_sum_exp[XENT_F64_LANES];
  double loss[XENT_F64_LANES], log_probability[XENT_F64_LANES], entropy[XENT_F64_LANES];
  double pull[XENT_F64_LANES], share[XENT_F64_LANES], scale[XENT_F64_LANES], label_gradient[XENT_F64_LANES];
  double *kept[XENT_F64_ROWS];  /* the exponentials of the row's classes, or NULL */
  uint32_t fate[XENT_F64_ROWS]; /* 0, or what of XENT_ROW_SPECIAL became of the row */
  bool hit[XENT_F64_ROWS];      /* before a shift */
  bool slopes;                  /* the derivatives of the softcap of all classes are in their buffer */
  uint32_t ignored, special, left; /* rows with a fate; rows side by side that are to be done again alone */
} f64_sums;

/* The numbers of a chunk; its label is not in the sum. */
typedef struct {
  doubles max, others, reference; /* others: the largest without the label */
  pair sum;
  doubles dot, mass;
} f64_chunk;

/* Chunks folded so far, in class order. */
typedef struct {
  doubles max, class_max, reference; /* max: with the sink */
  doubles least_reference;
  pair sum, dot, mass;
} f64_fold;

/* Of n numbers, number `without` being the label; own: its logit, or -inf. */
XENT_INLINE void f64_chunk_maximum(const double *x, int64_t n, int64_t without, doubles own, f64_temperature t,
                                   bool turned, f64_chunk *c) {
  c->others = f64_largest(x, n, without, turned);
  c->max = doubles_add(doubles_max(own, c->others), doubles_set(0)); /* -0 counts as +0 */
  c->reference = f64_reference_for(c->max, t);
  c->dot = c->mass = doubles_set(0);
}
XENT_INLINE doubles f64_finite_or_zero(doubles v) {
  return doubles_where_at_most(doubles_magnitude(v), doubles_set(DBL_MAX), v, doubles_set(0));
}
XENT_INLINE void f64_chunk_sum(const double *x, double *e, int64_t n, int64_t without, f64_temperature t, bool turned,
                               f64_chunk *c) {
  const f64_reference k = f64_reference_of(c->reference, t);
  c->sum = pair_of(doubles_set(0));
  /* a second round comes, or the row is NaN; rows side by side then leave */
  if (!turned && doubles_first(c->max) * t.high > (double)XENT_LIMIT) return;
  const f64_grids g = f64_grids_for(c->others, c->reference, t);
  c->sum = f64_across_sum(f64_sum_exponentials(x, e, n, without, &k, g), turned);
}

/* The n prepared logits x from class `begin` on. Their exponentials go to e, which may be x, or is NULL. */
XENT_SHARED void f64_chunk_of(const f64_row *r, const double *x, int64_t begin, int64_t n, double *e,
                              const f64_buffers *b, f64_chunk *c) {
  const int64_t y = r->label >= begin && r->label < begin + n ? r->label - begin : XENT_NO_CLASS;
  f64_chunk_maximum(x, n, y, doubles_set(y < 0 ? -INFINITY : x[y]), r->temperature, false, c);
  if (f64_has_target_sums(r)) f64_target_sums(r, x, begin, n, f64_finite_or_zero(c->max), b->t, &c->dot, &c->mass);
  f64_chunk_sum(x, e, n, y, r->temperature, false, c);
}

/* The first chunk. */
XENT_INLINE f64_fold f64_fold_begin(const f64_chunk *c) {
  return (f64_fold){c->max, c->max, c->reference, c->reference, c->sum, pair_of(c->dot), pair_of(c->mass)};
}

/* By how much a maximum is raised; 0 where one of the two is infinite. */
XENT_INLINE doubles f64_rise(doubles from, doubles to) {
  const doubles most = doubles_max(doubles_magnitude(from), doubles_magnitude(to));
  return doubles_where_at_most(most, doubles_set(DBL_MAX), doubles_sub(to, from), doubles_set(0));
}

/* One more sum of exponentials. The sums over targets are of M - x, so they move with M. */
XENT_INLINE void f64_fold_sum(f64_fold *f, doubles max, doubles reference, pair sum) {
  const doubles N = doubles_max(reference, f->reference), raised = doubles_max(max, f->max);
  f->sum = pair_add(pair_scale(f->sum, doubles_sub(f->reference, N)), pair_scale(sum, doubles_sub(reference, N)));
  f->least_reference = doubles_where_at_most(f->least_reference, reference, f->least_reference, reference);
  f->dot = pair_add_product(f->dot, f->mass.high, f64_rise(f->max, raised));
  f->reference = N;
  f->max = raised;
}
XENT_SHARED void f64_fold_chunk(f64_fold *f, const f64_chunk *c) {
  f64_fold_sum(f, c->max, c->reference, c->sum);
  f->class_max = f->max;
  f->dot = pair_add_product(pair_add(f->dot, pair_of(c->dot)), c->mass, f64_rise(c->max, f->max));
  f->mass = pair_add(f->mass, pair_of(c->mass));
}

/* The sinks of the rows of a vector, as raw logits less the shift. A finite one stays finite. */
XENT_SHARED doubles f64_sinks(const f64_row *rows, int count, const double *shifts) {
  const f64_temperature t = rows->temperature;
  double sinks[XENT_DOUBLES];
  for (int k = 0; k < XENT_DOUBLES; k++) {
    const f64_row *r = &rows[k < count ? k : 0];
    const double sink = row_number(r->call, r->call->sink, &r->call->shape->sink, r->span.row, 0);
    const double raw = t.value != 0 ? sink * t.value : sink;
    sinks[k] = (isinf(raw) && !isinf(sink) ? copysign(DBL_MAX, sink) : raw) - shifts[k < count ? k : 0];
  }
  return doubles_load(sinks);
}
XENT_INLINE void f64_fold_sinks(const f64_row *rows, int count, const double *shifts, f64_fold *f) {
  if (!rows->call->sink) return;
  const doubles x = f64_sinks(rows, count, shifts), N = f64_reference_for(x, rows->temperature);
  const f64_reference k = f64_reference_of(N, rows->temperature);
  f64_fold_sum(f, doubles_add(x, doubles_set(0)), N, pair_of(f64_exp(x, &k)));
}

/* Rows with a finite maximum that need a second round, on what is less by it. */
XENT_INLINE uint32_t f64_beyond(doubles max, f64_temperature t) {
  const doubles size = doubles_magnitude(doubles_mul(max, doubles_set(t.high)));
  return doubles_bits_above(size, doubles_set((double)XENT_LIMIT)) &
         ~doubles_bits_above(doubles_magnitude(max), doubles_set(DBL_MAX));
}

/* Rows from j on of a block. */
XENT_INLINE void f64_take_fold(const f64_fold *f, doubles class_max, doubles own, double shift, f64_sums *g, int j) {
  doubles_store(g->max + j, f->max);
  doubles_store(g->class_max + j, class_max);
  doubles_store(g->reference + j, f->reference);
  doubles_store(g->sum + j, pair_value(f->sum));
  doubles_store(g->dot + j, pair_value(f->dot));
  doubles_store(g->mass + j, pair_value(f->mass));
  doubles_store(g->label_logit + j, doubles_quiet(own));
  doubles_store(g->shift + j, doubles_set(shift));
}

/* ---- one row ---- */

XENT_SHARED void f64_fold_row(const f64_row *r, double shift, double *kept, double *room, double *slope,
                              const f64_buffers *b, f64_fold *f) {
  for (int64_t i = 0; i == 0 || i < r->logits.classes; i += XENT_CHUNK) { /* one without classes is like one of -inf */
    const int64_t n = f64_part(i, r->logits.classes, XENT_CHUNK);
    f64_chunk c;
    f64_chunk_of(r, f64_prepared(&r->logits, i, n, shift, room, slope), i, n, kept ? kept + i : NULL, b, &c);
    if (i == 0)
      *f = f64_fold_begin(&c);
    else
      f64_fold_chunk(f, &c);
  }
  f64_fold_sinks(r, 1, &shift, f);
}

/* Both rounds over a row, as row j of a block. Its exponentials go to kept[j], and stay if they fit there. */
XENT_SHARED void f64_whole_row(const f64_row *r, double *room, const f64_buffers *b, f64_sums *g, int j) {
  f64_fold f;
  double shift = 0;
  f64_fold_row(r, 0, g->kept[j], room, g->slopes ? b->slope : NULL, b, &f);
  const doubles class_max = f.class_max; /* of the first round */
  if (f64_beyond(f.max, r->temperature) & 1) {
    shift = doubles_first(f.max);
    f64_fold_row(r, shift, g->kept[j], room, g->slopes ? b->slope : NULL, b, &f);
  }
  const double own = r->label == XENT_NO_CLASS ? 0 : f64_prepared_one(&r->logits, r->label, shift);
  f64_take_fold(&f, class_max, doubles_set(own), shift, g, j);
  if (doubles_first(f.least_reference) != doubles_first(f.reference)) g->kept[j] = NULL;
}

/* ---- rows side by side ---- */

/* The targets of rows from j on. */
XENT_SHARED void f64_turn_targets(const f64_row *rows, int j, int count, const f64_buffers *b) {
  const int64_t n = rows->logits.classes, length = f64_turned_length(n);
  const double *from[XENT_DOUBLES];
  for (int k = 0; k < XENT_DOUBLES; k++) {
    from[k] = j + k < count ? f64_class_targets(&rows[j + k], 0, n, b->out + k * length) : b->out;
  }
  f64_turn(from, b->t + j * length, n);
}

/* Whether the logits or the outputs of XENT_DOUBLES rows are columns of doubles side by side: turned already. */
XENT_INLINE bool f64_are_columns(const f64_row *rows, bool output) {
  const f64_array *first = output ? &rows->output : &rows->logits.x;
  bool columns = first->type == XENT_F64;
  for (int k = 1; k < XENT_DOUBLES; k++) columns &= (output ? &rows[k].output : &rows[k].logits.x)->at == first->at + k;
  return columns;
}

/* The prepared logits of rows from j on, in x. */
XENT_SHARED void f64_turn_rows(const f64_row *rows, int j, int count, bool slopes, const double *shifts,
                               const f64_buffers *b, double *x) {
  const f64_logits *in = &rows->logits;
  const int64_t n = in->classes, length = f64_turned_length(n);
  const bool as_they_are = !in->mask && in->softcap == 0 && !shifts, direct = is_plain_array(&in->x) && as_they_are;
  const f64_array *first = &rows[j].logits.x;
  if (as_they_are && count - j >= XENT_DOUBLES && f64_are_columns(rows + j, false)) {
    const double *from = (const double *)first->array + first->at;
    for (int64_t i = 0; i < n; i++) {
      doubles_store(x + i * XENT_DOUBLES, doubles_load(from + i * first->stride));
      prefetch_behind(from + i * first->stride, XENT_F64_ROWS * (int64_t)sizeof *from); /* the next block's */
    }
    return;
  }
  const double *from[XENT_DOUBLES];
  for (int k = 0; k < XENT_DOUBLES; k++) {
    const int row = j + k < count ? j + k : j;
    const f64_logits *own = &rows[row].logits;
    double *room = b->out + (row - j) * length;
    from[k] = direct ? (const double *)own->x.array + own->x.at
                     : f64_prepared(own, 0, n, shifts ? shifts[row] : 0, room, slopes ? b->slope + row * length : NULL);
  }
  f64_turn(from, x, n);
}

/* Puts the logits of labels into their places, or -inf. */
XENT_INLINE void f64_put_labels(const f64_row *rows, int count, const double *own, double *x) {
  for (int k = 0; k < XENT_DOUBLES && k < count; k++)
    if (rows[k].label != XENT_NO_CLASS) x[rows[k].label * XENT_DOUBLES + k] = own ? own[k] : -INFINITY;
}

/* Their sums over targets, of the logits x of rows from j on. */
XENT_SHARED void f64_target_sums_aside(const f64_row *rows, int j, int count, const double *x, const f64_buffers *b,
                                       f64_chunk *c) {
  const int64_t n = rows->logits.classes, length = f64_turned_length(n);
  const bool even = f64_smooths_evenly(rows);
  double *targets = even ? NULL : b->t + j * length;
  if (!even) f64_turn_targets(rows, j, count, b);
  c->dot = doubles_quiet(pair_value(f64_sum_gaps(targets, x, f64_finite_or_zero(c->max), n * XENT_DOUBLES, true)));
  c->mass = doubles_set((double)(n - rows->t.others));
  if (!even) c->mass = doubles_quiet(pair_value(f64_sum_values(targets, n * XENT_DOUBLES, true)));
}

/* The first pass over the rows of a block, step by step, as each waits for what comes before. e: exponentials are kept;
 * both: logits too. */
XENT_SHARED void f64_rows_aside(const f64_row *rows, int count, bool e, bool both, bool slopes, const f64_buffers *b,
                                f64_sums *g) {
  const int64_t n = rows->logits.classes, length = f64_turned_length(n);
  const f64_temperature t = rows->temperature;
  const bool labels = rows->t.kind == XENT_KIND_LABEL;
  double *all = both ? b->x : b->row;
  f64_chunk chunks[XENT_F64_ROWS / XENT_DOUBLES];
  for (int j = 0; j < count; j += XENT_DOUBLES) {
    double *x = all + j * length;
    doubles_store(g->label_logit + j, doubles_set(-INFINITY));
    f64_turn_rows(rows, j, count, slopes, NULL, b, x);
    for (int k = j; labels && k < j + XENT_DOUBLES && k < count; k++)
      if (rows[k].label != XENT_NO_CLASS) g->label_logit[k] = x[rows[k].label * XENT_DOUBLES + k - j];
    if (labels) f64_put_labels(rows + j, count - j, NULL, x);
  }
  for (int j = 0; j < count; j += XENT_DOUBLES)
    f64_chunk_maximum(all + j * length, n * XENT_DOUBLES, XENT_NO_CLASS, doubles_load(g->label_logit + j), t, true,
                      &chunks[j / XENT_DOUBLES]);
  for (int j = 0; j < count; j += XENT_DOUBLES) {
    f64_chunk *c = &chunks[j / XENT_DOUBLES];
    const f64_row *first = rows + j;
    double *x = all + j * length, *own = g->label_logit + j;
    const int here = count - j;
    if (f64_has_target_sums(rows)) {
      double max[XENT_DOUBLES]; /* leaves no gap */
      doubles_store(max, f64_finite_or_zero(c->max));
      if (labels) f64_put_labels(first, here, rows->t.others ? max : own, x);
      f64_target_sums_aside(rows, j, count, x, b, c);
      if (labels) f64_put_labels(first, here, NULL, x);
    }
    f64_chunk_sum(x, e ? b->row + j * length : NULL, n * XENT_DOUBLES, XENT_NO_CLASS, t, true, c);
    if (labels && both) f64_put_labels(first, here, own, x);
    f64_fold f = f64_fold_begin(c);
    const double none[XENT_DOUBLES] = {0};
    f64_fold_sinks(first, here, none, &f);
    f64_take_fold(&f, c->max, doubles_load(own), 0, g, j);
    const uint32_t every = (1u << XENT_DOUBLES) - 1, same = doubles_bits_equal(f.least_reference, f.reference);
    g->left |= (f64_beyond(f.max, t) | (every & ~same)) << j;
  }
}

#endif
