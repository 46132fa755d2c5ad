/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of 60 to 128 classes, sixteen at a time: each row lies along the lanes in four to eight vectors, which stay in
 * registers until they are added. The exponentials are under way in two batches per row, and one batch's second half
 * runs between the stages of the next one's first half, across rows. Beside them a row of the next block is searched for
 * its maximum, and a row of the block before is written.
 */
#ifndef XENT_BLOCK_GROUP_H
#define XENT_BLOCK_GROUP_H

#include "kernels/block/wide.h"

enum {
  XENT_GROUP_LEAST = 60, /* classes */
  XENT_GROUP_REGISTERS = XENT_BATCH >= 4 /* whether two batches of four vectors fit into the registers */
};

/* What is done together: the next block is searched, this one is at its exponentials, the one before is written. */
typedef struct {
  wide_block *next, *now, *before;
  float *logit; /* of the labels of `now` */
  float *e; /* of `now`, and of `before` in rows that are still to be written */
  int64_t n;
  bool log, write;
} group_step;

/* x of several vectors whose last one has the rest of n classes; e(-inf) = +0 behind them. */
XENT_INLINE void group_load(const float *x, int64_t n, const int count, lanes *v) {
  XENT_UNROLL(4)
  for (int k = 0; k < count - 1; k++) v[k] = lanes_load(x + k * XENT_LANES);
  v[count - 1] = lanes_load_part(x + (count - 1) * XENT_LANES, n - (count - 1) * XENT_LANES, -INFINITY);
}

/* Their sum, in the order of a group whose other vectors are +0; the label's class, counted from the first of them, is
 * not added and not kept. */
XENT_INLINE lanes group_take(lanes *e, const int count, const bool labels, int64_t label, float *kept) {
  XENT_UNROLL(4)
  for (int k = 0; k < count; k++) {
    if (labels) e[k] = lanes_drop(e[k], label - k * XENT_LANES);
    if (kept) lanes_store(kept + k * XENT_LANES, e[k]);
  }
  if (count == 1) return e[0];
  const lanes two = lanes_add(e[0], e[1]);
  if (count == 2) return two;
  return lanes_add(two, count == 3 ? e[2] : lanes_add(e[2], e[3]));
}

/* The last vector overlaps the one before it. A row with a NaN may have any maximum: its sum marks it. */
XENT_INLINE lanes group_search(const float *x, int64_t n) {
  lanes m = lanes_load(x + n - XENT_LANES);
  for (int64_t i = 0; i + XENT_LANES < n; i += XENT_LANES) m = lanes_max(lanes_load(x + i), m);
  return m;
}

XENT_INLINE void group_write(group_step s, int row) {
  const wide_block *b = s.before;
  if (!s.write || !(b->outcome.stay >> row & 1)) return;
  const lanes f = lanes_set(b->factor[row]), max = lanes_set(b->max[row]);
  if (s.log)
    wide_emit(b->x[row], b->y[row], s.n, true, max, f);
  else
    wide_emit(s.e + row * XENT_GROUP, b->y[row], s.n, false, max, f);
}

/* Sixteen rows of each block; first, second: the vectors of a row's batches. */
XENT_INLINE void group_rows(group_step s, const int first, const int second, const bool labels, const bool keep) {
  const int64_t middle = first * XENT_LANES;
  const wide_block *now = s.now;
  lanes v[XENT_BATCH_MAX], e[XENT_BATCH_MAX];
  exp_half half;
  exp_references r = wide_references_at(now, 0);
  group_load(now->x[0], s.n, first, v);
  exp_begin(&half, v, first, r);
  for (int row = 0; row < XENT_BLOCK_ROWS; row++) {
    float *kept = s.e + row * XENT_GROUP;
    const int64_t label = labels ? now->label[row] : 0;
    if (labels) s.logit[row] = now->x[row][label];
    group_write(s, row); /* before its e are overwritten */
    group_load(now->x[row] + middle, s.n - middle, second, v);
    exp_change(&half, v, second, e, first, r);
    const lanes sum = group_take(e, first, labels, label, keep ? kept : NULL);
    if (s.next->rows.count) s.next->largest[row] = group_search(s.next->x[row], s.n);
    if (row + 1 < XENT_BLOCK_ROWS) {
      r = wide_references_at(now, row + 1);
      group_load(now->x[row + 1], s.n, first, v);
      exp_change(&half, v, first, e, second, r);
    } else {
      exp_end(&half, e, second);
    }
    s.now->group[row] = lanes_add(sum, group_take(e, second, labels, label - middle, keep ? kept + middle : NULL));
  }
}

XENT_INLINE void group_blocks_at_work(group_step s, const bool labels, const bool keep) {
  if (!s.now->rows.count) {
    for (int row = 0; row < XENT_BLOCK_ROWS; row++) {
      group_write(s, row);
      if (s.next->rows.count) s.next->largest[row] = group_search(s.next->x[row], s.n);
    }
    return;
  }
  switch ((s.n - 1) / XENT_LANES) {
    case 3: group_rows(s, 2, 2, labels, keep); return;
    case 4: group_rows(s, 4, 1, labels, keep); return;
    case 5: group_rows(s, 4, 2, labels, keep); return;
    case 6: group_rows(s, 4, 3, labels, keep); return;
    default: group_rows(s, 4, 4, labels, keep);
  }
}

XENT_INLINE void group_finish(const xent_call *call, wide_block *b, lanes max, const float *logits, const bool labels) {
  const lanes sum = lanes_tree_rows(b->group);
  if (labels) {
    const lanes logit = lanes_load(logits);
    const uint32_t first = call->hits ? wide_first_labels(b, logit, max) : 0;
    label_outcome(call, &b->rows, max, dlanes_widen(sum), logit, first, &b->outcome);
  } else {
    softmax_outcome_of_floats(call, &b->rows, max, sum, &b->outcome);
  }
  lanes_store(b->factor, b->outcome.f);
  lanes_store(b->max, b->outcome.max);
}

XENT_INLINE xent_status group_blocks(const xent_call *call, row_kernel kernel, const bool labels, const bool keep) {
  XENT_ALIGNED float e[XENT_BLOCK_ROWS * XENT_GROUP];
  wide_block block[3];
  XENT_ALIGNED float logit[XENT_BLOCK_ROWS];
  block_source source = {.call = call, .kernel = kernel, .row = call->row_begin};
  for (int k = 0; k < 3; k++) block[k].rows.count = 0;
  for (int step = 0, empty = 0; empty < 3; step++) {
    wide_block *next = &block[step % 3], *now = &block[(step + 2) % 3], *before = &block[(step + 1) % 3];
    block_take(&source, &next->rows, next->label, labels, XENT_BLOCK_ROWS);
    if (next->rows.count)
      wide_addresses(call, next);
    else
      empty++;
    for (int i = next->rows.count; next->rows.count && i < XENT_BLOCK_ROWS; i++) next->x[i] = next->x[0];
    lanes max = lanes_set(0.0f);
    if (now->rows.count) max = wide_references(now);
    group_blocks_at_work((group_step){.next = next, .now = now, .before = before, .logit = logit, .e = e, .n = call->shape->classes,
                                      .log = call->log, .write = call->output && before->rows.count},
                         labels, keep);
    if (now->rows.count) group_finish(call, now, max, logit, labels);
    if (!before->rows.count) continue;
    const uint32_t stay = before->outcome.stay;
    for (uint32_t rest = labels && call->output ? stay : 0; rest; rest &= rest - 1) {
      const int row = __builtin_ctz(rest);
      before->y[row][before->label[row]] = before->outcome.label_gradient[row];
    }
    const xent_status status = rows_alone(call, &before->rows, block_all_rows(&before->rows) & ~stay, kernel);
    if (status) source.status = status;
  }
  return source.status;
}

#endif
