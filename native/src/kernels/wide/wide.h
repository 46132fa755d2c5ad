/* SPDX-License-Identifier: Apache-2.0 */
/* Calls in float64 arithmetic (docs/numerics.md, sections 8 and 9): rows one by one, in pieces of doubles. */
#ifndef XENT_WIDE_H
#define XENT_WIDE_H

#include "kernels/wide/kl_divergence.h"
#include "kernels/wide/softmax.h"
#include "kernels/wide/states.h"

#endif
