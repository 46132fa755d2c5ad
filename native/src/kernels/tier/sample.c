/* SPDX-License-Identifier: Apache-2.0 */
/* Sampling in one tier. */
#include "kernels/sample/shards.h"
#include "kernels/tier/tier.h"

xent_status XENT_TIER_NAME(sample)(const xent_call *call) {
  if (call->shape->all_classes) return sample_shards(call);
  return sample_call(call, XENT_TIER_NAME(f32).cross_entropy_forward);
}
