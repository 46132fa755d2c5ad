/* SPDX-License-Identifier: Apache-2.0 */
/* Every kernel of one tier; XENT_TIER is its name. */
#include "kernels/tier/tier.h"

const xent_kernels XENT_TIER_NAME(kernels) = {
    .f32 = &XENT_TIER_NAME(f32),
    .f64 = &XENT_TIER_NAME(f64),
    .kl_divergence = XENT_TIER_NAME(kl_divergence),
    .sample = XENT_TIER_NAME(sample),
    .binary_cross_entropy = XENT_TIER_NAME(binary_cross_entropy),
    .selected = XENT_TIER_NAME(selected),
    .linear_cross_entropy = XENT_TIER_NAME(linear_cross_entropy),
    .linear_cross_entropy_backward = XENT_TIER_NAME(linear_cross_entropy_backward),
    .linear_states = XENT_TIER_NAME(linear_states),
    .exponential = XENT_TIER_NAME(exponential),
    .tanh = XENT_TIER_NAME(tanh),
    .f64_exponential = XENT_TIER_NAME(f64_exponential),
    .f64_tanh = XENT_TIER_NAME(f64_tanh),
    .f64_log = XENT_TIER_NAME(f64_log),
    .f64_log1p = XENT_TIER_NAME(f64_log1p),
    .f64_log1m = XENT_TIER_NAME(f64_log1m),
};
