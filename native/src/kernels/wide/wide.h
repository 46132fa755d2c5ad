/* SPDX-License-Identifier: Apache-2.0 */
/* Calls in float64 arithmetic. */
#ifndef XENT_WIDE_H
#define XENT_WIDE_H

#include "kernels/kernels.h"

static xent_status wide_not_yet(const xent_call *call) {
  call->report->field = XENT_FIELD_LOGITS;
  return XENT_UNSUPPORTED;
}
#define wide_softmax wide_not_yet
#define wide_log_sum_exp wide_not_yet
#define wide_softmax_backward wide_not_yet
#define wide_cross_entropy wide_not_yet
#define wide_cross_entropy_backward wide_not_yet
#define wide_forward_states wide_not_yet
#define wide_backward_states wide_not_yet
#define wide_finish wide_not_yet
#define wide_kl_divergence wide_not_yet

#endif
