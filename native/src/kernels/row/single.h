/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row of at most sixteen classes: a vector, which stays in registers from load to store. The arithmetic
 * is that of chunk.h and finish.h; what is saved is states, folds and buffers, which for one such row take
 * as long as its exponentials.
 */
#ifndef XENT_SINGLE_H
#define XENT_SINGLE_H

#include "kernels/row/emit.h"
#include "kernels/row/forward.h"

/* A row without anything special in it. */
typedef struct {
  lanes x, e;
  row_fold fold;
  xent_statistics statistics;
} single_row;

/* Whether a call is for one such row, whole and side by side. */
XENT_INLINE bool is_single_row(const xent_call *call) {
  return call->row_end - call->row_begin == 1 && call->shape->classes <= XENT_LANES &&
         call->shape->logits.classes == 1;
}

/* Reads the row. False for one that is not plain: NaN, infinite, or beyond the limit. */
XENT_INLINE bool read_single_row(const row_input *in, single_row *row) {
  const int64_t n = in->classes;
  row->x = lanes_load_part(in->x, n, -INFINITY);
  /* passes over a NaN, or over others because of it: then the sum is NaN */
  const float max = lanes_largest(row->x) + 0.0f;
  if (!(fabsf(max) <= XENT_LIMIT)) return false;
  const float N = fmaf(max, XENT_LOG2E, XENT_ROUND) - XENT_ROUND; /* reference_for within the limit */
  const exp_reference r = exp_reference_of(N);
  row->e = row->x;
  exp_lanes(&row->e, 1, r);
  lanes counted = lanes_keep_first(row->e, n);
  double label_e = 0;
  fold_begin(&row->fold);
  if (in->kind == XENT_KIND_LABEL) {
    counted = lanes_drop(counted, in->label);
    row->fold.label_logit = in->x[in->label];
    label_e = (double)exp_one(row->fold.label_logit, r) * XENT_UNSCALE;
  }
  const double sum = (double)lanes_tree(counted) * XENT_UNSCALE;
  if (!(sum + label_e > 0)) return false;
  row->fold.max = max;
  row->statistics =
      (xent_statistics){.max = max, .reference = N, .kind = in->kind, .sum = sum, .mass = label_e};
  return true;
}

#endif
