/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contiguous rows of a few classes, here rows a, b, c of three. Operations per number run on the 16 n numbers of
 * sixteen rows in place, so that no lane is idle. A permutation (lanes_spread) provides the values of a number's row:
 *   logits    a0 a1 a2 b0 b1 b2 c0 c1 c2 ...
 *   N, f, b    a  a  a  b  b  b  c  c  c ...
 * Only maxima and sums work on one row at a time. Four blocks of sixteen rows, A to D, are in flight (dense_rows):
 *   step 3   load C   exponentials of B   sums of A
 *   step 4   load D   exponentials of C   sums of B   write A
 */
#ifndef XENT_DENSE_H
#define XENT_DENSE_H

#include "kernels/stages/emit/row_context.h"
#include "kernels/stages/order/order.h"
#include "kernels/stages/rows/take_rows.h"

enum {
  XENT_DENSE = 104, /* most classes: with more, whole vectors of one row waste less than permutations cost */
  XENT_DENSE_LEAST = 6,                              /* least rows */
  /* The class limit for rows that do not fill whole blocks. The time over that of flow is 1.0 for 6 rows of 17 classes,
   * 1.7 for 6 of 100; 0.9 for 17 rows of 24 classes, 1.4 for 17 of 100; and 0.4 to 1.0 for 16 rows (AVX2, AMD EPYC, two
   * busy cores, November 2026; AVX-512 was not measured). */
  XENT_DENSE_PARTLY = 45,
  XENT_DENSE_BLOCKS = 4,                             /* in flight at once */
  XENT_DENSE_FLOATS = XENT_ROWS * XENT_DENSE + XENT_LANES
};

/* The shared state of the blocks of one call. */
typedef struct {
  const job *j;
  int64_t n;
  bool contiguous;     /* the rows of the logits, and of all arrays with one number per class, are contiguous */
  bool stored;  /* results are stored directly as contiguous floats */
  bool odd;     /* they are not, or need another operation */
  bool log;
  int32_t rows[XENT_DENSE_ROWS * XENT_DENSE]; /* the row of each number */
  uint8_t mask[XENT_DENSE_FLOATS];                 /* of sixteen rows, if all have the same one */
  float weights[XENT_DENSE_FLOATS];                /* the same for weights */
} dense_call;

typedef struct {
  int32_t label[XENT_ROWS];
  const float *x; /* the tensor, or the copy */
  const uint8_t *mask;
  lanes max;
  row_sums sums;
  row_outcome outcome;
  float e[XENT_DENSE_FLOATS], copy[XENT_DENSE_FLOATS];
} dense_block;

/* ---- load ---- */

XENT_INLINE bool is_dense_layout(const xent_shape *s, const xent_layout *l) {
  return s->inner == 1 && l->classes == 1 && l->outer == s->classes;
}

XENT_SHARED void dense_begin(dense_call *d, const job *j) {
  const xent_call *call = j->call;
  const xent_shape *s = call->shape;
  const int64_t n = s->classes;
  d->j = j;
  d->n = n;
  d->log = call->log;
  d->contiguous = is_dense_layout(s, &s->logits) && (!j->probabilities || is_dense_layout(s, &s->targets));
  d->stored = call->output && call->output_layout->type == XENT_F32 && is_dense_layout(s, call->output_layout);
  d->odd = !d->stored || !logits_are_plain(call) || j->per_class;
  map_rows(d->rows, n);
  const bool same = call->class_mask && s->class_mask.outer == 0;
  for (int64_t i = 0; same && i < XENT_ROWS * n; i++)
    d->mask[i] = i < n ? ((const uint8_t *)call->class_mask)[i * s->class_mask.classes] != 0 : d->mask[i - n];
  for (int64_t i = 0; j->weighted && (j->smoothed || j->probabilities) && i < XENT_ROWS * n; i++)
    d->weights[i] = i < n ? (float)class_weight_at(call, i) : d->weights[i - n];
}

/* Sixteen rows as one row of 16 n classes. */
XENT_INLINE row_source dense_source(const dense_call *d, const dense_block *b) {
  row_source all = logits_of_row(d->j->call, b->sums.rows.first);
  all.classes *= XENT_ROWS;
  if (b->mask) {
    all.mask = b->mask;
    all.mask_stride = 1;
  }
  return all;
}

/* Gathers the rows of a block that has fewer than sixteen, or whose rows are not contiguous. Absent rows are filled
 * with zeros, or with row 0. */
XENT_SHARED void dense_gather(const dense_call *d, dense_block *b) {
  const int64_t there = b->sums.rows.count * d->n;
  if (d->contiguous && b->sums.rows.adjacent) { /* as one row */
    row_source all = b->mask ? dense_source(d, b) : logits_of_row(d->j->call, b->sums.rows.first);
    all.classes = there;
    copy_row(&all, 0, there, 0.0f, b->copy);
    for (int64_t i = there; i < XENT_ROWS * d->n; i += XENT_LANES) lanes_store(b->copy + i, lanes_set(0.0f));
    return;
  }
  for (int i = 0; i < XENT_ROWS; i++) {
    const row_source source = logits_of_row(d->j->call, row_of(&b->sums.rows, i < b->sums.rows.count ? i : 0));
    copy_row(&source, 0, d->n, 0.0f, b->copy + i * d->n);
  }
}

/* The maximum of a row with a NaN is arbitrary: its sum marks it. */
XENT_INLINE lanes dense_largest(const float *x, int64_t n) {
  lanes m = lanes_load(x);
  int64_t i = XENT_LANES;
  for (; i + XENT_LANES <= n; i += XENT_LANES) m = lanes_max(lanes_load(x + i), m);
  return i < n ? lanes_max(lanes_load_part(x + i, n - i, -INFINITY), m) : m;
}
XENT_INLINE lanes dense_max(const float *x, int64_t n) {
  if (n <= XENT_LANES) return lanes_largest_dense(x, n);
  lanes largest[XENT_ROWS];
  XENT_UNROLL(16)
  for (int i = 0; i < XENT_ROWS; i++) largest[i] = dense_largest(x + i * n, n);
  return lanes_largest_rows(largest);
}

XENT_INLINE void dense_load(const dense_call *d, dense_block *b) {
  const xent_call *call = d->j->call;
  const bool whole = d->contiguous && b->sums.rows.adjacent && b->sums.rows.count == XENT_ROWS;
  b->mask = NULL;
  if (call->class_mask) b->mask = call->shape->class_mask.outer == 0 ? d->mask
                                  : whole ? (const uint8_t *)call->class_mask + b->sums.rows.first * d->n : NULL;
  if (!whole) {
    dense_gather(d, b);
    b->x = b->copy;
  } else if (call->shape->logits.type == XENT_F32 && logits_are_plain(call)) {
    b->x = call->logits + b->sums.rows.first * d->n;
    if (is_large(call)) prefetch_floats(b->x, XENT_ROWS * d->n);
  } else {
    const row_source all = dense_source(d, b);
    copy_row(&all, 0, XENT_ROWS * d->n, 0.0f, b->copy);
    b->x = b->copy;
  }
}

/* ---- sum ---- */

/* A row's sum in the lanes of the contract, of up to `vectors` vectors; add_group (native/test/contract/contract.c) is
 * its plain form. */
XENT_INLINE lanes dense_group(const float *v, int64_t n, const int64_t vectors) {
  lanes p[8];
  XENT_UNROLL(8)
  for (int64_t k = 0; k < vectors; k++) {
    const int64_t left = n - k * XENT_LANES;
    p[k] = left >= XENT_LANES ? lanes_load(v + k * XENT_LANES) : lanes_load_part(v + k * XENT_LANES, left, 0.0f);
  }
  if (vectors == 2) return lanes_add(p[0], p[1]);
  const lanes half = lanes_add(lanes_add(p[0], p[1]), lanes_add(p[2], p[3]));
  if (vectors == 4) return half;
  return lanes_add(half, lanes_add(lanes_add(p[4], p[5]), lanes_add(p[6], p[7])));
}
XENT_INLINE dlanes dense_sums_of(const float *v, int64_t n, const int64_t vectors) {
  dlanes group[XENT_ROWS];
  for (int i = 0; i < XENT_ROWS; i++) group[i] = dlanes_widen(dense_group(v + i * n, n, vectors));
  return dlanes_tree_rows(group);
}
XENT_SHARED dlanes dense_sums(const float *v, int64_t n) {
  if (n > XENT_DENSE) __builtin_unreachable();
  if (n <= XENT_LANES) return dlanes_sum_dense(v, n);
  if (n <= 2 * XENT_LANES) return dense_sums_of(v, n, 2);
  if (XENT_DENSE <= 4 * XENT_LANES || n <= 4 * XENT_LANES) return dense_sums_of(v, n, 4);
  return dense_sums_of(v, n, 8);
}

/* Computes e of `count` parts of sixteen rows from part k on, each row with its reference. */
XENT_INLINE void dense_exp_step(const dense_call *d, const float *x, float *e, int64_t k, const int count,
                                const exp_references *r, const f32_temperature *h) {
  exp_references of[XENT_BATCH_MAX];
  lanes v[XENT_BATCH_MAX];
  XENT_UNROLL(4)
  for (int j = 0; j < count; j++) {
    v[j] = lanes_load_dense(x, d->n, k + j);
    of[j].lowest = lanes_spread(r->lowest, d->rows, k + j);
    of[j].magic = lanes_spread(r->magic, d->rows, k + j);
  }
  exp_lanes(v, count, of, true, h);
  XENT_UNROLL(4)
  for (int j = 0; j < count; j++) lanes_store_dense(e, d->n, k + j, v[j]);
}
XENT_INLINE void dense_exp(const dense_call *d, const float *x, float *e, lanes references) {
  const f32_temperature h = d->j->temperature; /* a copy, which no store can change */
  const exp_references r = exp_references_of(references, &h);
  int64_t k = 0;
  for (; k + 2 <= d->n; k += 2) dense_exp_step(d, x, e, k, 2, &r, &h);
  if (k < d->n) dense_exp_step(d, x, e, k, 1, &r, &h);
}

/* The float targets of sixteen rows, in place; for labels, the weights of the classes that smoothing counts. */
XENT_SHARED void dense_targets(const dense_call *d, const dense_block *b, float *t) {
  const job *j = d->j;
  const int64_t n = d->n;
  const bool one_share =
      !j->probabilities || !j->smoothed || !j->call->class_mask || j->call->shape->class_mask.outer == 0;
  if (d->contiguous && one_share && b->sums.rows.adjacent && b->sums.rows.count == XENT_ROWS) {
    class_targets c = {.confidence = j->confidence32, .add = 1, .smooth = j->smoothed, .mask = b->mask,
                       .mask_stride = 1, .without = XENT_NO_CLASS};
    if (j->probabilities) {
      c.q =
          strided_row(j->call, j->call->targets, &j->call->shape->targets, span_of_row(j->call, b->sums.rows.first));
      double even = 0; /* of the rows that count: special rows may lack it */
      for (int i = 0; i < XENT_ROWS; i++) even = b->sums.smoothed_count[i] > even ? b->sums.smoothed_count[i] : even;
      c.add = (float)(j->eps / even);
    }
    if (j->weighted) c.w = (strided){.at = (const char *)d->weights, .stride = 1, .type = XENT_F32};
    for (int64_t i = 0; i < XENT_ROWS * n; i += XENT_LANES) lanes_store(t + i, target_lanes(&c, i, XENT_ROWS * n - i));
  } else {
    for (int row = 0; row < XENT_ROWS; row++) {
      row_context r = row_context_of(j, row_of(&b->sums.rows, row < b->sums.rows.count ? row : 0), (row_buffers){NULL});
      if (j->smoothed) r.share = j->eps / b->sums.smoothed_count[row];
      class_targets c = targets_of_classes(&r);
      c.without = XENT_NO_CLASS;
      for (int64_t i = 0; i < n; i += XENT_LANES) lanes_store_part(t + row * n + i, n - i, target_lanes(&c, i, n - i));
    }
  }
  for (int row = 0; j->labels && j->others && row < XENT_ROWS; row++) t[row * n + b->label[row]] = 0;
}

/* dense_targets, or the class weights if these are the targets of all rows. */
XENT_INLINE const float *dense_targets_of(const dense_call *d, const dense_block *b, float *t) {
  if (d->j->labels && !d->j->others && !d->j->call->class_mask) return d->weights;
  dense_targets(d, b, t);
  return t;
}

XENT_SHARED void dense_target_sums(const dense_call *d, dense_block *b) {
  const job *j = d->j;
  const int64_t n = d->n;
  XENT_ALIGNED float own[XENT_DENSE_FLOATS], terms[XENT_DENSE_FLOATS];
  const lanes infinity = lanes_set(INFINITY), none = lanes_set(0.0f);
  lanes m = lanes_add(b->max, none);
  m = lanes_where_equal(lanes_magnitude(m), infinity, none, m);
  const bool ones = j->labels && !j->weighted && (b->mask || !j->call->class_mask); /* except for masked classes */
  const float *t = ones ? NULL : dense_targets_of(d, b, own);
  for (int64_t k = 0; k < n; k++) {
    const lanes max = lanes_spread(m, d->rows, k), x = lanes_load_dense(b->x, n, k);
    lanes_store_dense(terms, n, k, ones ? lanes_sub(max, x) : class_gap(lanes_load_dense(t, n, k), max, x));
  }
  for (int64_t i = 0; ones && b->mask && i < XENT_ROWS * n; i += XENT_LANES)
    lanes_store(terms + i, lanes_where_set(b->mask + i, lanes_load(terms + i), none));
  for (int row = 0; ones && j->others && row < XENT_ROWS; row++) terms[row * n + b->label[row]] = 0;
  dlanes_store(b->sums.dot, dense_sums(terms, n));
  if (j->probabilities || j->weighted) dlanes_store(b->sums.mass, dense_sums(t, n));
}

XENT_SHARED void dense_entropy(const dense_call *d, dense_block *b) {
  XENT_ALIGNED float terms[XENT_DENSE_FLOATS];
  const exp_references r = exp_references_of(references_for(b->max, &d->j->temperature), &d->j->temperature);
  lanes most = lanes_add(b->max, lanes_set(0.0f));
  if (d->j->call->sink) most = lanes_max(lanes_load(b->sums.sink), most);
  for (int64_t k = 0; k < d->n; k++)
    lanes_store_dense(terms, d->n, k,
                      class_entropy(lanes_load_dense(b->x, d->n, k), lanes_load_dense(b->e, d->n, k),
                                    lanes_spread(most, d->rows, k), lanes_spread(r.lowest, d->rows, k)));
  double sums[XENT_ROWS];
  dlanes_store(sums, dense_sums(terms, d->n));
  for (int i = 0; i < XENT_ROWS; i++) b->sums.entropy[i] = sums[i] + 0.0;
}

/* Computes inputs of the results other than sums of exponentials, once the rows are loaded. */
XENT_INLINE void dense_prepare(const dense_call *d, dense_block *b) {
  const job *j = d->j;
  const xent_call *call = j->call;
  b->sums.folded = b->sums.long_row = false;
  b->sums.correct = 0;
  lanes_store(b->sums.max, b->max);
  if (!j->plain && (call->targets || call->sink)) {
    int64_t counted[XENT_ROWS];
    for (int i = 0; i < XENT_ROWS; i++) counted[i] = d->n;
    for (int i = 0; call->class_mask && j->smoothed && i < b->sums.rows.count; i++) {
      const row_source source = logits_of_row(call, row_of(&b->sums.rows, i));
      counted[i] = i > 0 && call->shape->class_mask.outer == 0 ? counted[0] : count_classes(&source, 0, d->n);
    }
    load_row_numbers(j, &b->sums.rows, b->label, counted, &b->sums);
  }
  if (j->smoothed || j->probabilities) dense_target_sums(d, b);
  if (!(call->argmax || call->ranks || call->correct)) return;
  row_source source = logits_of_row(call, b->sums.rows.first);
  for (int i = 0; i < b->sums.rows.count; i++) {
    if (call->class_mask) source = logits_of_row(call, row_of(&b->sums.rows, i)); /* used only for its mask */
    find_order(call, &source, b->x + i * d->n, b->label[i], b->sums.max[i], i, &b->sums);
  }
}

/* Removes the labels' classes from e. */
XENT_INLINE void dense_take_labels(dense_block *b, int64_t n) {
  for (int i = 0; i < XENT_ROWS; i++) {
    const int64_t at = i * n + b->label[i];
    b->sums.logit[i] = b->x[at];
    b->e[at] = 0.0f;
  }
}

XENT_INLINE void dense_results(const dense_call *d, dense_block *b) {
  dlanes_store(b->sums.sum, dense_sums(b->e, d->n));
  b->outcome.record = NULL;
  results_of_rows(d->j, &b->sums, &b->outcome);
}

XENT_SHARED void dense_top(const dense_call *d, dense_block *b) {
  const float *x[XENT_ROWS];
  for (int i = 0; i < XENT_ROWS; i++) x[i] = b->x + i * d->n;
  write_top_rows(d->j, &b->sums.rows, &b->outcome, x);
}

/* ---- emit ---- */

/* The formula of y: e f, e f + b, or (x - max) r + f. */
enum dense_formula { XENT_DENSE_SCALED, XENT_DENSE_LINE, XENT_DENSE_LOG };

XENT_INLINE void dense_emit_as(const dense_call *d, const dense_block *b, float *y, const enum dense_formula formula,
                               const bool stream) {
  const lanes r = lanes_set(d->j->temperature.hi);
  for (int64_t k = 0; k < d->n; k++) {
    lanes v = lanes_load_dense(formula == XENT_DENSE_LOG ? b->x : b->e, d->n, k);
    const lanes f = lanes_spread(b->outcome.f, d->rows, k);
    if (formula == XENT_DENSE_LOG)
      v = log_probability(v, lanes_spread(b->outcome.max, d->rows, k), r, f);
    else
      v = formula == XENT_DENSE_LINE ? class_line(v, f, lanes_spread(b->outcome.b, d->rows, k)) : lanes_mul(v, f);
    if (stream)
      lanes_stream_dense(y, d->n, k, v);
    else
      lanes_store_dense(y, d->n, k, v);
  }
}
XENT_INLINE void dense_emit_to(const dense_call *d, const dense_block *b, float *y, const enum dense_formula formula,
                               bool stream) {
  if (stream)
    dense_emit_as(d, b, y, formula, true);
  else
    dense_emit_as(d, b, y, formula, false);
}

/* Writes gradients that need more than one factor per row: targets per class, masks, the softcap's derivative. */
XENT_SHARED void dense_emit_odd(const dense_call *d, const dense_block *b, float *y) {
  const job *j = d->j;
  const int64_t n = d->n;
  XENT_ALIGNED float own[XENT_DENSE_FLOATS];
  const bool per_class = j->per_class;
  const lanes scale = lanes_load(b->outcome.scale);
  const float *t = per_class ? dense_targets_of(d, b, own) : NULL;
  for (int64_t k = 0; k < n; k++) {
    lanes c = lanes_spread(b->outcome.b, d->rows, k);
    if (per_class) c = class_pull(lanes_load_dense(t, n, k), lanes_spread(scale, d->rows, k));
    const lanes v = class_line(lanes_load_dense(b->e, n, k), lanes_spread(b->outcome.f, d->rows, k), c);
    lanes_store_dense(y, n, k, per_class ? lanes_quiet(v) : v);
  }
}
/* Whether masked classes, whose e and targets are +0, yield +0 without further work. */
XENT_INLINE bool dense_masked_are_zero(const dense_call *d, const dense_block *b) {
  const job *j = d->j;
  const lanes f = b->outcome.f;
  const uint32_t ordinary = lanes_bits_above(f, lanes_set(0.0f)) & ~lanes_bits_beyond(f, FLT_MAX);
  const bool per_class = j->per_class;
  return ordinary == 0xffff && (per_class ? !lanes_bits_beyond(lanes_load(b->outcome.scale), FLT_MAX) : !j->smoothed);
}
XENT_SHARED void dense_finish_odd(const dense_call *d, const dense_block *b, float *y) {
  const xent_call *call = d->j->call;
  const bool whole =
      d->contiguous && b->sums.rows.adjacent && b->sums.rows.count == XENT_ROWS && (!call->class_mask || b->mask);
  for (int row = 0; row < (whole ? 1 : b->sums.rows.count); row++) {
    row_context r = {.j = d->j, .x = whole ? dense_source(d, b) : logits_of_row(call, row_of(&b->sums.rows, row))};
    finish_classes(&r, y + row * d->n, 0, r.x.classes);
  }
}

/* Whether all rows may be written: ignored rows become +0 afterwards, but the logits of other irregular rows may still
 * be needed. */
XENT_INLINE bool dense_writes_all(const dense_block *b) {
  return (b->outcome.regular | b->sums.rows.ignored) == 0xffff;
}

XENT_INLINE void dense_put(const dense_call *d, const dense_block *b, const float *y) {
  const xent_call *call = d->j->call;
  const row_set *rows = &b->sums.rows;
  const bool all = (b->outcome.regular | rows->ignored) == all_rows(rows);
  if (all && rows->adjacent && is_dense_layout(call->shape, call->output_layout)) {
    const strided to = strided_row(call, call->output, call->output_layout, span_of_row(call, rows->first));
    put_floats(&to, 0, rows->count * d->n, y, call->stream);
    return;
  }
  for (uint32_t rest = b->outcome.regular; rest; rest &= rest - 1) {
    const int row = __builtin_ctz(rest);
    const strided to =
        strided_row(call, call->output, call->output_layout, span_of_row(call, row_of(&b->sums.rows, row)));
    put_floats(&to, 0, d->n, y + row * d->n, false);
  }
}

/* The destination of a block's results: the tensor if all of them are stored directly, and no later step would wait for
 * such a store or read the logits again; otherwise the copy. */
XENT_INLINE float *dense_place(const dense_call *d, dense_block *b, bool *stream) {
  const xent_call *call = d->j->call;
  *stream = false;
  if (!d->stored || !b->sums.rows.adjacent || !dense_writes_all(b)) return b->copy;
  float *to = call->output + b->sums.rows.first * d->n;
  const bool past = call->stream && stream_head(to, d->n) == 0; /* sixteen rows are whole lines */
  if (past && (d->j->labels || d->odd)) return b->copy;
  if (d->odd && call->options->softcap != 0) return b->copy;
  *stream = past;
  return to;
}
/* Writes the results of a block. Irregular rows are not written. */
XENT_INLINE void dense_emit(const dense_call *d, dense_block *b) {
  const job *j = d->j;
  const xent_call *call = j->call;
  const int64_t n = d->n;
  bool stream;
  float *y = dense_place(d, b, &stream);
  if (!call->targets && d->log)
    dense_emit_to(d, b, y, XENT_DENSE_LOG, stream);
  else if (call->targets && d->odd)
    dense_emit_odd(d, b, y);
  else if (j->labels && j->smoothed)
    dense_emit_as(d, b, y, XENT_DENSE_LINE, false); /* labels are stored after this */
  else
    dense_emit_to(d, b, y, XENT_DENSE_SCALED, stream);
  for (int i = 0; j->labels && i < XENT_ROWS; i++) y[i * n + b->label[i]] = b->outcome.label_gradient[i];
  if (call->targets && (call->options->softcap != 0 || (call->class_mask && !dense_masked_are_zero(d, b))))
    dense_finish_odd(d, b, y);
  if (y == b->copy) dense_put(d, b, y);
}

/* ---- the loop ---- */

/* A block is one long dependency chain, so four blocks are in flight: one is loaded while the previous one computes
 * exponentials, the one before that its sums, and the first one is written. */
XENT_SHARED xent_status dense_rows(const xent_call *call, xent_kernel fallback) {
  const job of = job_of(call), *const j = &of;
  dense_block block[XENT_DENSE_BLOCKS];
  dense_call d;
  row_reader reader = {.j = j, .row = call->row_begin};
  const bool top = call->top_classes || call->top_log_probabilities;
  dense_begin(&d, j);
  for (int k = 0; k < XENT_DENSE_BLOCKS; k++) block[k].sums.rows.count = 0;
  for (int step = 0, empty = 0; empty < XENT_DENSE_BLOCKS; step++) {
    dense_block *loaded = &block[step % XENT_DENSE_BLOCKS], *exponents = &block[(step + 3) % XENT_DENSE_BLOCKS];
    dense_block *summed = &block[(step + 2) % XENT_DENSE_BLOCKS], *written = &block[(step + 1) % XENT_DENSE_BLOCKS];
    take_rows(&reader, &loaded->sums.rows, loaded->label, XENT_ROWS, true);
    if (loaded->sums.rows.count)
      dense_load(&d, loaded);
    else
      empty++;
    if (exponents->sums.rows.count) {
      dense_prepare(&d, exponents);
      dense_exp(&d, exponents->x, exponents->e, references_for(exponents->max, &j->temperature));
      if (call->entropies) dense_entropy(&d, exponents);
      if (j->labels) dense_take_labels(exponents, d.n);
    }
    if (summed->sums.rows.count) {
      dense_results(&d, summed);
      if (top) dense_top(&d, summed);
    }
    if (written->sums.rows.count) {
      if (call->output) dense_emit(&d, written);
      const xent_status status = rows_alone(j, &written->sums.rows, written->outcome.regular, fallback);
      if (status) reader.status = status;
    }
    if (loaded->sums.rows.count) loaded->max = dense_max(loaded->x, d.n); /* last: a copy must be complete first */
  }
  return reader.status;
}

#endif
