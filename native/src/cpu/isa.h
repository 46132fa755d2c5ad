/* SPDX-License-Identifier: Apache-2.0 */
#ifndef XENT_ISA_H
#define XENT_ISA_H

#include "kernels/kernels.h"

/* The kernels of a tier (XENT_ISA_BEST: the best here), or NULL where this CPU or build lacks it. */
const xent_kernels *xent_kernels_of(int32_t isa);

#endif
