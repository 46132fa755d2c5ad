/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernels of one tier, XENT_TIER. Each source of this folder is compiled once per instruction set and has a family
 * of kernels, so that a tier compiles on several cores, and a family alone after a change. Families call each other
 * through the names below only: a function that two of them include is in the library twice.
 */
#ifndef XENT_TIER_H
#define XENT_TIER_H

#include "kernels/kernels.h"

extern const xent_family XENT_TIER_NAME(f32), XENT_TIER_NAME(f64);
xent_kernel XENT_TIER_NAME(kept_forward)(const xent_call *call);
xent_status XENT_TIER_NAME(selected)(const xent_call *call);
xent_status XENT_TIER_NAME(sample)(const xent_call *call);
xent_status XENT_TIER_NAME(linear_cross_entropy)(const xent_call *call);
xent_status XENT_TIER_NAME(linear_cross_entropy_backward)(const xent_call *call);
xent_status XENT_TIER_NAME(linear_states)(const xent_call *call);

#endif
