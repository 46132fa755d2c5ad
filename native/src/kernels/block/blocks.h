/* SPDX-License-Identifier: Apache-2.0 */
/* Calls over rows of one chunk, in blocks. */
#ifndef XENT_BLOCK_BLOCKS_H
#define XENT_BLOCK_BLOCKS_H

#include "kernels/block/dense.h"
#include "kernels/block/flow.h"
#include "kernels/block/group.h"
#include "kernels/block/wide.h"

/* A block of a call takes its time even where few of its rows are there: so many, which depend on how long they
 * are, are as quick one by one. */
XENT_INLINE int64_t fewest_in_blocks(int64_t classes) {
  const int64_t least = 3 + classes / 20, most = 12;
  return least < most ? least : most;
}

/* Whether the rows of a call are taken in blocks: not too few, whole, of contiguous classes in one chunk. Rows of a
 * tensor larger than the caches go one by one, unless they are so short that blocks are dense: several streams at
 * once were slower. */
XENT_INLINE bool in_blocks(const xent_call *call) {
  const xent_shape *s = call->shape;
  const int64_t n = s->classes;
  const bool large = call->stream || is_large(call);
  return n > 1 && n <= (large ? XENT_DENSE : XENT_EXACT_MAX) &&
         call->row_end - call->row_begin >= fewest_in_blocks(n) && call->shape->logits.classes == 1 &&
         (!call->output || call->output_layout->classes == 1);
}

XENT_SHARED xent_status dense_softmax(const xent_call *call, row_kernel kernel) {
  return dense_blocks(call, kernel, false);
}
XENT_SHARED xent_status wide_softmax(const xent_call *call, row_kernel kernel) {
  return wide_blocks(call, kernel, false);
}
XENT_SHARED xent_status dense_labels(const xent_call *call, row_kernel kernel) {
  return dense_blocks(call, kernel, true);
}
XENT_SHARED xent_status wide_labels(const xent_call *call, row_kernel kernel) {
  return wide_blocks(call, kernel, true);
}

XENT_SHARED xent_status group_softmax(const xent_call *call, row_kernel kernel) {
  return group_blocks(call, kernel, false, true);
}
XENT_SHARED xent_status group_logs(const xent_call *call, row_kernel kernel) {
  return group_blocks(call, kernel, false, false);
}
XENT_SHARED xent_status group_losses(const xent_call *call, row_kernel kernel) {
  return group_blocks(call, kernel, true, false);
}
XENT_SHARED xent_status group_gradients(const xent_call *call, row_kernel kernel) {
  return group_blocks(call, kernel, true, true);
}

XENT_SHARED xent_status flow_softmax(const xent_call *call, row_kernel kernel) {
  return flow_rows(call, kernel, false, true);
}
XENT_SHARED xent_status flow_losses(const xent_call *call, row_kernel kernel) {
  return flow_rows(call, kernel, true, false);
}
XENT_SHARED xent_status flow_gradients(const xent_call *call, row_kernel kernel) {
  return flow_rows(call, kernel, true, true);
}

/* Rows that four to eight registers hold. What is stored past the caches is stored in whole lines, which dense rows are. */
XENT_INLINE bool in_groups(const xent_call *call) {
  const int64_t n = call->shape->classes;
  return XENT_GROUP_REGISTERS && n >= XENT_GROUP_LEAST && n <= XENT_GROUP && !call->stream && !is_large(call);
}

/* softmax, log-softmax and log-sum-exp. */
XENT_INLINE xent_status softmax_in_blocks(const xent_call *call, row_kernel kernel) {
  const int64_t n = call->shape->classes;
  if (in_groups(call)) return call->log || call->log_sum_exp ? group_logs(call, kernel) : group_softmax(call, kernel);
  if (n <= XENT_DENSE) return dense_softmax(call, kernel);
  return n < XENT_FLOW_LEAST || call->log || call->log_sum_exp ? wide_softmax(call, kernel) : flow_softmax(call, kernel);
}
/* Cross-entropy with labels and without smoothing. */
XENT_INLINE xent_status labels_in_blocks(const xent_call *call, row_kernel kernel) {
  const int64_t n = call->shape->classes;
  if (in_groups(call)) return call->output ? group_gradients(call, kernel) : group_losses(call, kernel);
  if (n <= XENT_DENSE) return dense_labels(call, kernel);
  return n < XENT_FLOW_LEAST ? wide_labels(call, kernel) : call->output ? flow_gradients(call, kernel) : flow_losses(call, kernel);
}

#endif
