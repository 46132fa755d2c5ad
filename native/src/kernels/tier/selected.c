/* SPDX-License-Identifier: Apache-2.0 */
/* Log-probabilities of selected classes in one tier. */
#include "kernels/selected/selected.h"

xent_status XENT_TIER_NAME(selected)(const xent_call *call) { return selected_rows(call); }
