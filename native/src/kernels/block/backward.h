/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backward of softmax and log-softmax, block by block: the sums of one block are taken while the rows of the block
 * before are written.
 *   softmax      s = sum of g * y, dx = y * (g - s)
 *   log-softmax  s = sum of g, dx = g - e(y; 0) * 2^-30 * s
 */
#ifndef XENT_BLOCK_BACKWARD_H
#define XENT_BLOCK_BACKWARD_H

#include "kernels/block/dense.h"
#include "kernels/block/wide.h"

typedef struct {
  block_rows rows;
  const float *y, *g; /* of its first row */
  float *dx;
  lanes sums;
} backward_block;

/* Up to so many classes; the exponentials of log-softmax are worth more permutations. */
enum { XENT_DENSE_SOFTMAX_BACKWARD = 48, XENT_DENSE_LOG_SOFTMAX_BACKWARD = XENT_DENSE };

/* A sum below this comes from finite y and g, and no g - s reaches infinity: no result is NaN. */
#define XENT_QUIET_SUMS 0x1p100f

XENT_INLINE bool dense_backward_fits(const xent_call *call, int64_t most) {
  const xent_shape *s = call->shape;
  return call->row_end - call->row_begin >= XENT_BLOCK_ROWS && s->classes <= most && s->inner == 1 &&
         s->output.outer == s->classes && s->upstream.outer == s->classes &&
         call->output_layout->outer == s->classes;
}

XENT_INLINE lanes gradient_of(lanes y, lanes g, lanes s, const bool quiet) {
  const lanes dx = lanes_mul(y, lanes_sub(g, s));
  return quiet ? dx : lanes_quiet(dx);
}

XENT_INLINE void dense_backward_sums(const dense_layout *d, backward_block *b, const bool log, float *terms) {
  const float *from = b->g;
  for (int64_t k = 0; !log && k < d->n; k++)
    lanes_store_dense(terms, d->n, k, lanes_mul(lanes_load_dense(b->g, d->n, k), lanes_load_dense(b->y, d->n, k)));
  if (!log) from = terms;
  b->sums = lanes_add(dense_sums(from, d->n), lanes_set(0.0f)); /* the contract's lanes begin at +0: no sum is -0 */
}

XENT_INLINE void dense_backward_step(const dense_layout *d, const backward_block *b, int64_t k, const int count,
                                     const bool log, const bool quiet) {
  lanes y[2];
  XENT_UNROLL(2)
  for (int j = 0; j < count; j++) y[j] = lanes_load_dense(b->y, d->n, k + j);
  if (log) exp_lanes(y, count, exp_reference_of(0.0f));
  XENT_UNROLL(2)
  for (int j = 0; j < count; j++) {
    const lanes g = lanes_load_dense(b->g, d->n, k + j), s = lanes_spread(b->sums, d->rows, k + j);
    lanes_store_dense(b->dx, d->n, k + j, log ? log_softmax_gradient(y[j], g, s) : gradient_of(y[j], g, s, quiet));
  }
}
XENT_INLINE void dense_backward_write(const dense_layout *d, const backward_block *b, const bool log,
                                      const bool quiet) {
  int64_t k = 0;
  for (; k + 2 <= d->n; k += 2) dense_backward_step(d, b, k, 2, log, quiet);
  if (k < d->n) dense_backward_step(d, b, k, 1, log, quiet);
}

XENT_INLINE void backward_take(const xent_call *call, int64_t row, int count, backward_block *b) {
  const xent_shape *s = call->shape;
  b->rows = (block_rows){.first = row, .count = count, .adjacent = true};
  b->y = call->forward_output + row_offset(s, &s->output, row);
  b->g = call->upstream + row_offset(s, &s->upstream, row);
  b->dx = call->output + row_offset(s, call->output_layout, row);
}

/* Sixteen rows at a time; those that are left at the end one by one. */
XENT_INLINE xent_status dense_backward(const xent_call *call, row_kernel kernel, const bool log) {
  float terms[2][XENT_BLOCK_ROWS * XENT_DENSE + XENT_LANES];
  dense_layout d;
  backward_block block[2];
  const int64_t blocks = (call->row_end - call->row_begin) / XENT_BLOCK_ROWS;
  dense_begin(&d, call->shape->classes);
  for (int64_t step = 0; step <= blocks; step++) {
    backward_block *now = &block[step % 2], *before = &block[(step + 1) % 2];
    if (step < blocks) {
      backward_take(call, call->row_begin + step * XENT_BLOCK_ROWS, XENT_BLOCK_ROWS, now);
      dense_backward_sums(&d, now, log, terms[step % 2]);
    }
    if (step == 0) continue;
    if (!log && !lanes_bits_beyond(before->sums, XENT_QUIET_SUMS))
      dense_backward_write(&d, before, log, true);
    else
      dense_backward_write(&d, before, log, false);
  }
  xent_call rest = *call;
  rest.row_begin += blocks * XENT_BLOCK_ROWS;
  return rest.row_begin < rest.row_end ? kernel(&rest) : XENT_OK;
}

XENT_INLINE void wide_backward_write(const backward_block *b, int64_t n, float sum, const bool log,
                                     const bool far) {
  if (log || !(fabsf(sum) <= XENT_QUIET_SUMS))
    emit_backward(b->y, b->g, b->dx, n, sum, log, false);
  else
    emit_backward_lanes(b->y, b->g, b->dx, n, sum, false, true, far, false);
}

/* A row is written while it lies in the first cache. */
XENT_INLINE xent_status backward_at_once(const xent_call *call, const bool log) {
  const int64_t n = call->shape->classes;
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    backward_block now;
    backward_take(call, row, 1, &now);
    wide_backward_write(&now, n, (float)products_of(now.g, log ? NULL : now.y, n, XENT_FARTHER), log, true);
  }
  return XENT_OK;
}

/* A row is written after the sum of the next is under way: nobody waits for the tree. */
XENT_INLINE xent_status backward_one_behind(const xent_call *call, const bool log) {
  const int64_t n = call->shape->classes;
  backward_block before = {.y = NULL};
  float sum_before = 0;
  for (int64_t row = call->row_begin; row <= call->row_end; row++) {
    backward_block now = before;
    float sum = 0;
    if (row < call->row_end) {
      backward_take(call, row, 1, &now);
      sum = (float)products_of(now.g, log ? NULL : now.y, n, XENT_NEAR);
    }
    if (row > call->row_begin) wide_backward_write(&before, n, sum_before, log, false);
    before = now;
    sum_before = sum;
  }
  return XENT_OK;
}

XENT_INLINE xent_status wide_backward(const xent_call *call, const bool log) {
  if (call->shape->classes > XENT_BACKWARD_ONE_BEHIND) return backward_at_once(call, log);
  return backward_one_behind(call, log);
}

XENT_SHARED xent_status softmax_backward_blocks(const xent_call *call, row_kernel kernel) {
  if (dense_backward_fits(call, XENT_DENSE_SOFTMAX_BACKWARD)) return dense_backward(call, kernel, false);
  return wide_backward(call, false);
}
XENT_SHARED xent_status log_softmax_backward_blocks(const xent_call *call, row_kernel kernel) {
  if (dense_backward_fits(call, XENT_DENSE_LOG_SOFTMAX_BACKWARD)) return dense_backward(call, kernel, true);
  return wide_backward(call, true);
}

XENT_INLINE bool backward_in_blocks(const xent_call *call) {
  const xent_shape *s = call->shape;
  const int64_t most = call->stream ? XENT_DENSE : XENT_EXACT_MAX;
  return s->classes <= most && s->inner == 1 && !call->known_statistics &&
         s->upstream.classes == 1 && s->output.classes == 1 && call->output_layout->classes == 1;
}

#endif
