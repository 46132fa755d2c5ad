/* SPDX-License-Identifier: Apache-2.0 */
/* Columns in float32 arithmetic in one tier. */
#include "kernels/strips.h"
#include "kernels/tier/tier.h"

bool XENT_TIER_NAME(strips_fit)(const xent_call *call) { return strips_fit(call); }
xent_status XENT_TIER_NAME(strips)(const job *j, xent_kernel row) { return strips_forward(j->call, row); }
bool XENT_TIER_NAME(strips_fit_backward)(const xent_call *call) { return strips_fit_backward(call); }
xent_status XENT_TIER_NAME(strips_backward)(const xent_call *call) { return strips_softmax_backward(call); }
