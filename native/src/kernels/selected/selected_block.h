/* SPDX-License-Identifier: Apache-2.0 */
/* A block of rows and their selected classes. */
#ifndef XENT_SELECTED_BLOCK_H
#define XENT_SELECTED_BLOCK_H

#include "kernels/math/exponential.h"
#include "kernels/math/f64_exponential.h"
#include "kernels/present.h"
#include "kernels/records.h"
#include "kernels/stages/targets/loss.h"

enum { XENT_SELECTED_ROWS = 16 };

typedef struct {
  int64_t class; /* XENT_NO_CLASS: the entry is ignored */
  double raw;    /* its original logit: the gradient may overwrite it */
} selected_class;

typedef struct {
  const xent_call *call;
  xent_shape shape; /* of the same rows with labels */
  xent_options options;
  f32_temperature temperature;
  f64_temperature wide_temperature;
  int64_t first, count; /* the first row, and the number of selected classes per row */
  int rows, most;
  const row_statistics *known; /* from the first row on */
  int64_t begin[XENT_SELECTED_ROWS]; /* of ragged rows */
  int64_t label[XENT_SELECTED_ROWS];
  double pull[XENT_SELECTED_ROWS]; /* the sum of the targets */
  double losses[XENT_SELECTED_ROWS];
  float float_losses[XENT_SELECTED_ROWS];
  row_statistics statistics[XENT_SELECTED_ROWS];
  selected_class classes[XENT_MOST_SELECTED];
} selected_block;

/* The target of entry k of a row: - upstream. */
XENT_INLINE double selected_target(const xent_call *call, int64_t row, int64_t k) {
  const xent_layout *l = &call->shape->upstream;
  return call->upstream ? -one_float_at(call->upstream, l->type, row_offset(call->shape, l, row) + k * l->classes) : -1;
}

/* A target times the scale of the gradient with respect to the logits. */
XENT_INLINE double selected_scale(const selected_block *b, double target) {
  const xent_options *o = b->call->options;
  return logit_scale(o, gradient_scale_of(o) * target);
}

#endif
