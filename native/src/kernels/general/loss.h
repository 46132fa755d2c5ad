/* SPDX-License-Identifier: Apache-2.0 */
/* From a row's numbers to its loss and to what its gradient is made of, in double whatever the arithmetic. */
#ifndef XENT_GENERAL_LOSS_H
#define XENT_GENERAL_LOSS_H

#include <float.h>
#include <math.h>

#include "kernels/general/targets.h"

/* min(max(L, least), most): the loss of a label whose probability counts as one in [d, 1 - d]. */
static inline double clamped_loss(double L, double least, double most) {
  const double raised = L > least ? L : least;
  return raised < most ? raised : most;
}

/* A term with factor 0 is 0 whatever the other is. */
static inline double weighted_loss(double weight, double L) { return weight == 0 ? 0 : weight * L; }

/* (1 - eps) w_y L + eps even; share 0: nothing is smoothed. */
static inline double label_loss(const row_targets *t, double own, double share, double L, double even) {
  if (t->eps == 0 || share == 0) return weighted_loss(own, L);
  return own == 0 ? t->eps * even : fma(own, L, t->eps * even);
}

static inline double with_z_loss(const xent_options *o, double loss, double lse) {
  return o->z_loss > 0 ? loss + o->z_loss * (lse * lse) : loss;
}
static inline double with_z_pull(const xent_options *o, double pull, double lse) {
  return o->z_loss > 0 ? pull + 2 * o->z_loss * lse : pull;
}

/* Whether a label's row is as it always was: its targets sum to 1, and nothing else pulls. */
static inline bool label_is_plain(const row_targets *t, const xent_options *o, double share) {
  return !t->weighted && o->z_loss == 0 && !(t->others && t->eps > 0 && share == 0);
}

/* The gradient at the label. S = others + own_e; own = (1 - eps) w_y. */
static inline double label_gradient(const row_targets *t, const xent_options *o, double others, double own_e, double S,
                                    double weight, double pull, double share, double c) {
  if (label_is_plain(t, o, share)) {
    const double rest = share == 0 ? 0 : t->others ? t->eps : t->eps - share;
    return ((0 - others / S) + rest) * c;
  }
  const double own = t->keep * weight, even = t->others ? 0 : share * weight;
  return ((0 - others / S) * own + (own_e / S) * (pull - own) - even) * c;
}

static inline double gradient_scale_of_row(const xent_call *call, int64_t row, double row_weight) {
  const double c = gradient_scale_of(call->options) * row_weight;
  const xent_layout *l = &call->shape->upstream;
  return call->upstream ? c * float_at(call->upstream, l->type, row_offset(call->shape, l, row)) : c;
}

/* The scale of the gradient with respect to the logits. */
static inline double logit_scale(const xent_options *o, double c) { return o->temperature != 0 ? c / o->temperature : c; }

#endif
