/* SPDX-License-Identifier: Apache-2.0 */
/* Losses of elements by themselves in one tier (docs/numerics.md, section 12). */
#include "kernels/elements/binary.h"
#include "kernels/tier/tier.h"

xent_status XENT_TIER_NAME(binary_cross_entropy)(const xent_call *call) { return binary_cross_entropy(call); }
