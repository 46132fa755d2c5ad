/* SPDX-License-Identifier: Apache-2.0 */
/* Calls in float32 arithmetic that are not plain. */
#ifndef XENT_GENERAL_H
#define XENT_GENERAL_H

#include "kernels/kernels.h"

static xent_status general_not_yet(const xent_call *call) {
  call->report->field = XENT_FIELD_OPTIONS;
  return XENT_UNSUPPORTED;
}
#define general_softmax general_not_yet
#define general_log_sum_exp general_not_yet
#define general_softmax_backward general_not_yet
#define general_cross_entropy general_not_yet
#define general_cross_entropy_backward general_not_yet
#define general_forward_states general_not_yet
#define general_backward_states general_not_yet
#define general_finish general_not_yet

#endif
