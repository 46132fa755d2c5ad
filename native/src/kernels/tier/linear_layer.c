/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-entropy of a linear layer. */
#include "kernels/linear/layer.h"
#include "kernels/tier/tier.h"

xent_status XENT_TIER_NAME(linear_cross_entropy)(const xent_call *call) {
  return linear_call(call, &XENT_TIER_NAME(f32), linear_cross_entropy);
}
xent_status XENT_TIER_NAME(linear_cross_entropy_backward)(const xent_call *call) {
  return linear_call(call, &XENT_TIER_NAME(f32), linear_gradients);
}
xent_status XENT_TIER_NAME(linear_states)(const xent_call *call) {
  return linear_call(call, &XENT_TIER_NAME(f32), linear_states);
}
