/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a few classes that lie one behind the other: the exponentials of sixteen rows are taken over their 16 n
 * floats as they lie, so that no lane is idle, and each float gets the reference of its row by a permutation.
 * Only the maximum and the sum look at one row at a time.
 */
#ifndef XENT_BLOCK_DENSE_H
#define XENT_BLOCK_DENSE_H

#include "kernels/block/input.h"
#include "kernels/row/emit.h"

enum {
  XENT_DENSE = 104,        /* classes: with more, whole vectors of one row waste less than permutations cost */
  XENT_DENSE_BLOCKS = 4    /* on their way at once */
};

/* What blocks of one call share. */
typedef struct {
  int64_t n;
  int32_t rows[XENT_DENSE_ROWS * XENT_DENSE]; /* which row each float belongs to */
} dense_layout;

typedef struct {
  block_rows rows;
  const float *x; /* the tensor, or the copy */
  lanes max;
  int32_t label[XENT_BLOCK_ROWS];
  float logit[XENT_BLOCK_ROWS]; /* of the labels */
  block_outcome outcome;
  float e[XENT_BLOCK_ROWS * XENT_DENSE + XENT_LANES];
  float copy[XENT_BLOCK_ROWS * XENT_DENSE + XENT_LANES]; /* of rows that do not lie like this in the tensor */
} dense_block;

XENT_INLINE void dense_begin(dense_layout *d, int64_t n) {
  d->n = n;
  const uint32_t reciprocal = (1u << 20) / (uint32_t)n + 1; /* i / n exactly, for i < 2^11 */
  for (uint32_t i = 0; i < XENT_DENSE_ROWS * (uint32_t)n; i++) d->rows[i] = (int32_t)(i * reciprocal >> 20);
}

/* n floats; up to a vector behind them may be written too. */
XENT_INLINE void dense_copy(float *to, const float *from, int64_t n) {
  for (int64_t i = 0; i < n; i += XENT_LANES) lanes_store(to + i, lanes_load_part(from + i, n - i, 0.0f));
}
/* The rows of a block one behind the other; those behind the last are row 0 once more. */
XENT_SHARED void dense_gather(const xent_call *call, dense_block *b) {
  const int64_t n = call->shape->classes;
  for (int i = 0; i < XENT_BLOCK_ROWS; i++) {
    const int64_t row = block_row(&b->rows, i < b->rows.count ? i : 0);
    dense_copy(b->copy + i * n, call->logits + row_offset(call->shape, &call->shape->logits, row), n);
  }
}
XENT_SHARED void dense_scatter(const xent_call *call, const dense_block *b) {
  const int64_t n = call->shape->classes;
  for (uint32_t stay = b->outcome.stay; stay; stay &= stay - 1) {
    const int row = __builtin_ctz(stay);
    float *y = call->output + row_offset(call->shape, call->output_layout, block_row(&b->rows, row));
    for (int64_t i = 0; i < n; i += XENT_LANES) lanes_store_part(y + i, n - i, lanes_load(b->copy + row * n + i));
  }
}

/* A row with a NaN may have any maximum: its sum marks it. */
XENT_INLINE lanes dense_largest(const float *x, int64_t n) {
  lanes m = lanes_load(x);
  int64_t i = XENT_LANES;
  for (; i + XENT_LANES <= n; i += XENT_LANES) m = lanes_max(lanes_load(x + i), m);
  return i < n ? lanes_max(lanes_load_part(x + i, n - i, -INFINITY), m) : m;
}
XENT_INLINE lanes dense_max(const float *x, int64_t n) {
  if (n <= XENT_LANES) return lanes_reduce_dense(x, n, true);
  lanes largest[XENT_BLOCK_ROWS];
  XENT_UNROLL(16)
  for (int i = 0; i < XENT_BLOCK_ROWS; i++) largest[i] = dense_largest(x + i * n, n);
  return lanes_largest_rows(largest);
}

/* e of `count` parts of sixteen rows from part `at` on, each row with its reference. */
XENT_INLINE void dense_exp_parts(const dense_layout *d, const float *x, int64_t at, const int count, exp_references r,
                                 lanes *e) {
  exp_references of[XENT_BATCH_MAX];
  XENT_UNROLL(4)
  for (int j = 0; j < count; j++) {
    e[j] = lanes_load_dense(x, d->n, at + j);
    of[j].lowest = lanes_spread(r.lowest, d->rows, at + j);
    of[j].magic = lanes_spread(r.magic, d->rows, at + j);
  }
  exp_lanes_each(e, count, of);
}
XENT_INLINE void dense_exp_step(const dense_layout *d, const float *x, float *e, int64_t at, const int count,
                                exp_references r) {
  lanes v[XENT_BATCH_MAX];
  dense_exp_parts(d, x, at, count, r, v);
  XENT_UNROLL(4)
  for (int j = 0; j < count; j++) lanes_store_dense(e, d->n, at + j, v[j]);
}
XENT_INLINE void dense_exp(const dense_layout *d, const float *x, float *e, exp_references r) {
  int64_t k = 0;
  for (; k + 2 <= d->n; k += 2) dense_exp_step(d, x, e, k, 2, r);
  if (k < d->n) dense_exp_step(d, x, e, k, 1, r);
}

/* A row's sum in the lanes of the contract: (e0+e1)+(e2+e3) of up to `vectors` vectors. */
XENT_INLINE lanes dense_group(const float *e, int64_t n, const int64_t vectors) {
  lanes v[8];
  XENT_UNROLL(8)
  for (int64_t k = 0; k < vectors; k++) {
    const int64_t left = n - k * XENT_LANES;
    v[k] = left >= XENT_LANES ? lanes_load(e + k * XENT_LANES) : lanes_load_part(e + k * XENT_LANES, left, 0.0f);
  }
  if (vectors == 2) return lanes_add(v[0], v[1]);
  const lanes half = lanes_add(lanes_add(v[0], v[1]), lanes_add(v[2], v[3]));
  if (vectors == 4) return half;
  return lanes_add(half, lanes_add(lanes_add(v[4], v[5]), lanes_add(v[6], v[7])));
}
XENT_INLINE lanes dense_sums_of(const float *e, int64_t n, const int64_t vectors) {
  lanes group[XENT_BLOCK_ROWS];
  XENT_UNROLL(16)
  for (int i = 0; i < XENT_BLOCK_ROWS; i++) group[i] = dense_group(e + i * n, n, vectors);
  return lanes_tree_rows(group);
}
XENT_INLINE lanes dense_sums(const float *e, int64_t n) {
  if (n <= XENT_LANES) return lanes_reduce_dense(e, n, false);
  if (n <= 2 * XENT_LANES) return dense_sums_of(e, n, 2);
  if (n <= 4 * XENT_LANES) return dense_sums_of(e, n, 4);
  return dense_sums_of(e, n, 8);
}

/* Takes the labels' classes out of e. */
XENT_INLINE void dense_take_labels(dense_block *b, int64_t n) {
  for (int i = 0; i < XENT_BLOCK_ROWS; i++) {
    const int64_t at = i * n + b->label[i];
    b->logit[i] = b->x[at];
    b->e[at] = 0.0f;
  }
}

XENT_INLINE void dense_load(const xent_call *call, dense_block *b) {
  const int64_t n = call->shape->classes;
  if (block_is_dense(call, &b->rows, &call->shape->logits)) {
    b->x = call->logits + b->rows.first * n;
    if (is_large(call)) prefetch_floats(b->x, XENT_BLOCK_ROWS * n);
  } else {
    dense_gather(call, b);
    b->x = b->copy;
  }
  b->max = dense_max(b->x, n);
}

XENT_INLINE uint32_t dense_first_labels(const dense_block *b, int64_t n, lanes logit) {
  uint32_t first = 0;
  for (uint32_t rest = lanes_bits_equal(logit, b->max); rest; rest &= rest - 1) {
    const int i = __builtin_ctz(rest);
    first |= (uint32_t)label_is_first(b->x + i * n, b->label[i]) << i;
  }
  return first;
}

XENT_INLINE void dense_finish(const xent_call *call, dense_block *b, const bool labels) {
  const int64_t n = call->shape->classes;
  const lanes sum = dense_sums(b->e, n);
  if (!labels) {
    softmax_outcome_of_floats(call, &b->rows, b->max, sum, &b->outcome);
    return;
  }
  const lanes logit = lanes_load(b->logit);
  const uint32_t first = call->hits ? dense_first_labels(b, n, logit) : 0;
  label_outcome(call, &b->rows, b->max, dlanes_widen(sum), logit, first, &b->outcome);
}

XENT_INLINE lanes dense_result(const dense_layout *d, const dense_block *b, int64_t k, const bool log) {
  const lanes f = lanes_spread(b->outcome.f, d->rows, k);
  if (!log) return lanes_mul(lanes_load_dense(b->e, d->n, k), f);
  return log_probability(lanes_load_dense(b->x, d->n, k), lanes_spread(b->outcome.max, d->rows, k), f);
}
XENT_INLINE void dense_emit_to(const dense_layout *d, const dense_block *b, float *y, const bool log,
                               const bool stream) {
  for (int64_t k = 0; k < d->n; k++) {
    const lanes v = dense_result(d, b, k, log);
    if (stream)
      lanes_stream_dense(y, d->n, k, v);
    else
      lanes_store_dense(y, d->n, k, v);
  }
}

/* Rows that do not stay are not written. Sixteen rows are whole lines: where the first is aligned, all are. */
XENT_INLINE void dense_emit(const xent_call *call, const dense_layout *d, dense_block *b, const bool labels) {
  const int64_t n = d->n;
  const bool direct = block_is_dense(call, &b->rows, call->output_layout) && b->outcome.stay == 0xffff;
  float *to = call->output + b->rows.first * n;
  const bool stream = direct && call->stream && stream_head(to, n) == 0;
  float *y = direct && !(stream && labels) ? to : b->copy;
  const bool log = !labels && call->log;
  if (log && stream)
    dense_emit_to(d, b, y, true, true);
  else if (log)
    dense_emit_to(d, b, y, true, false);
  else if (stream && !labels)
    dense_emit_to(d, b, y, false, true);
  else
    dense_emit_to(d, b, y, false, false);
  for (int i = 0; labels && i < XENT_BLOCK_ROWS; i++) y[i * n + b->label[i]] = b->outcome.label_gradient[i];
  if (stream && labels)
    for (int64_t k = 0; k < n; k++) lanes_stream(to + k * XENT_LANES, lanes_load(y + k * XENT_LANES));
  if (!direct) dense_scatter(call, b);
}

/* A block is one long chain, so four are on their way at once: one is loaded while the one before it is at its
 * exponentials, the one before that at its sums, and the first is written. */
XENT_INLINE xent_status dense_blocks(const xent_call *call, row_kernel kernel, const bool labels) {
  dense_block block[XENT_DENSE_BLOCKS];
  dense_layout d;
  block_source source = {.call = call, .kernel = kernel, .row = call->row_begin};
  dense_begin(&d, call->shape->classes);
  for (int k = 0; k < XENT_DENSE_BLOCKS; k++) block[k].rows.count = 0;
  for (int step = 0, empty = 0; empty < XENT_DENSE_BLOCKS; step++) {
    dense_block *loaded = &block[step % XENT_DENSE_BLOCKS], *exponents = &block[(step + 3) % XENT_DENSE_BLOCKS];
    dense_block *summed = &block[(step + 2) % XENT_DENSE_BLOCKS], *written = &block[(step + 1) % XENT_DENSE_BLOCKS];
    block_take(&source, &loaded->rows, loaded->label, labels, XENT_BLOCK_ROWS);
    if (loaded->rows.count)
      dense_load(call, loaded);
    else
      empty++;
    if (exponents->rows.count) {
      dense_exp(&d, exponents->x, exponents->e, exp_references_of(references_for(exponents->max)));
      if (labels) dense_take_labels(exponents, d.n);
    }
    if (summed->rows.count) dense_finish(call, summed, labels);
    if (written->rows.count) {
      if (call->output) dense_emit(call, &d, written, labels);
      const uint32_t leave = block_all_rows(&written->rows) & ~written->outcome.stay;
      if (leave) {
        const xent_status status = rows_alone(call, &written->rows, leave, kernel);
        if (status) source.status = status;
      }
    }
  }
  return source.status;
}

#endif
