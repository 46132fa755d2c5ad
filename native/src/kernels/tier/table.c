/* SPDX-License-Identifier: Apache-2.0 */
/* Every kernel of one tier; XENT_TIER is its name. */
#include "kernels/tier/tier.h"

const xent_kernels XENT_TIER_NAME(kernels) = {
    .plain = &XENT_TIER_NAME(plain),
    .general = &XENT_TIER_NAME(general),
    .wide = &XENT_TIER_NAME(wide),
    .kl_divergence = XENT_TIER_NAME(kl_divergence),
    .exponential = XENT_TIER_NAME(exponential),
    .tanh = XENT_TIER_NAME(tanh),
    .wide_exponential = XENT_TIER_NAME(wide_exponential),
    .wide_tanh = XENT_TIER_NAME(wide_tanh),
    .wide_log = XENT_TIER_NAME(wide_log),
    .wide_log1p = XENT_TIER_NAME(wide_log1p),
    .wide_log1m = XENT_TIER_NAME(wide_log1m),
};
