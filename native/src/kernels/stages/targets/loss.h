/* SPDX-License-Identifier: Apache-2.0 */
/* The z-loss, and the factors of losses and gradients, in double for both arithmetics. */
#ifndef XENT_LOSS_H
#define XENT_LOSS_H

#include <float.h>
#include <math.h>

#include "kernels/present.h"
#include "kernels/stages/targets/targets.h"

static inline double with_z_loss(const xent_options *o, double loss, double lse) {
  return o->z_loss > 0 ? loss + o->z_loss * (lse * lse) : loss;
}

static inline double gradient_scale_of_row(const xent_call *call, int64_t row, double row_weight) {
  const double c = gradient_scale_of(call->options) * row_weight;
  return call->upstream ? c * row_number(call, call->upstream, &call->shape->upstream, row, 1) : c;
}

/* Whether the share of a row with a label is not of smoothing, but the scale of its gradient. */
static inline bool scales_gradients(const xent_options *o) { return o->focal_gamma > 0; }

/* The scale of the gradient with respect to the logits. */
static inline double logit_scale(const xent_options *o, double c) {
  return o->temperature != 0 ? c / o->temperature : c;
}

#endif
