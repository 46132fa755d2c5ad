/* SPDX-License-Identifier: Apache-2.0 */
/* Sampling of tokens. */
#include "kernels/sample/bits.h"
#include "kernels/sample/sampler_rows.h"
#include "kernels/tier/tier.h"

static xent_status sample_with_bytes(const xent_call *call) {
  return sample_call(call, XENT_TIER_NAME(f32).cross_entropy_forward);
}
xent_status XENT_TIER_NAME(sample)(const xent_call *call) { return sample_with_flags(call, sample_with_bytes); }
