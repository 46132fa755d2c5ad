/* SPDX-License-Identifier: Apache-2.0 */
/* From a row's numbers to its loss and to what its gradient is made of, in double whatever the arithmetic. */
#ifndef XENT_TARGETS_LOSS_H
#define XENT_TARGETS_LOSS_H

#include <float.h>
#include <math.h>

#include "kernels/targets/targets.h"

/* (1 - eps) w_y L + eps even; share 0: nothing is smoothed. A term with factor 0 is 0 whatever the other is. */
static inline double label_loss(const row_targets *t, double own, double share, double L, double even) {
  if (t->eps == 0 || share == 0) return own == 0 ? 0 : own * L;
  return own == 0 ? t->eps * even : fma(own, L, t->eps * even);
}

static inline double with_z_loss(const xent_options *o, double loss, double lse) {
  return o->z_loss > 0 ? loss + o->z_loss * (lse * lse) : loss;
}

/* The gradient at the label. S = others + own_e. Where the targets sum to 1 and nothing else pulls, in the form whose
 * terms are the smaller ones: 1 - p, or p itself. */
static inline double label_gradient(const row_targets *t, const xent_options *o, double others, double own_e, double S,
                                    double weight, double pull, double share, double c) {
  const bool dropped = t->eps > 0 && share == 0;
  if (t->weighted || o->z_loss != 0 || dropped) {
    const double own = t->keep * weight, even = t->others ? 0 : share * weight;
    return ((0 - others / S) * own + (own_e / S) * (pull - own) - even) * c;
  }
  if (t->eps > 0.5) return (own_e / S - (t->others ? t->keep : t->keep + share)) * c;
  return ((0 - others / S) + (t->others ? t->eps : t->eps - share)) * c;
}

static inline double gradient_scale_of_row(const xent_call *call, int64_t row, double row_weight) {
  const double c = (call->options->has_gradient_scale ? call->options->gradient_scale : 1.0) * row_weight;
  return call->upstream ? c * row_number(call, call->upstream, &call->shape->upstream, row, 1) : c;
}

/* The scale of the gradient with respect to the logits. */
static inline double logit_scale(const xent_options *o, double c) {
  return o->temperature != 0 ? c / o->temperature : c;
}

#endif
