/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths of calls over rows in float32 arithmetic: one list for each kind of call (take_path.h). The kernels of a
 * path are in paths/: each, dense, flow, and columns (strip, turned), backward, generic.
 */
#ifndef XENT_PATHS_H
#define XENT_PATHS_H

#include "kernels/paths/columns/backward_columns.h"
#include "kernels/paths/columns/turn.h"
#include "kernels/paths/backward/backward_rows.h"
#include "kernels/paths/backward/statistics.h"
#include "kernels/paths/generic/parts.h"
#include "kernels/supported.h"
#include "kernels/paths/each.h"
#include "kernels/paths/flow.h"
#include "kernels/take_path.h"

/* Whether blocks of rows can compute a call, for any arrays. */
XENT_INLINE bool blocks_fit(const xent_call *call) {
  return call->shape->top_count <= XENT_TOP_AT_ONCE && !(clamps_terms(call) && call->sink) &&
         !(call->shape->classes == 1 && call->output && !call->targets);
}
XENT_INLINE bool flow_fits(const xent_call *call) {
  const int64_t n = call->shape->classes;
  const bool sloped = call->output && call->targets && call->options->softcap != 0;
  return n <= (call->output && call->stream ? XENT_EXACT_MAX : sloped ? XENT_FLOW_SLOPED : XENT_FLOW_MOST) &&
         XENT_HAS_ONLY(call, IN_FLOW, XENT_OPTIONS_OF_PATHS) && blocks_fit(call);
}

/* Whether vectors along a row would be mostly empty, there are enough rows to fill a block, and their masks have the
 * layout of a block. */
XENT_INLINE bool has_dense_mask(const xent_call *call) {
  const xent_shape *s = call->shape;
  const xent_layout *m = &s->class_mask;
  if (!call->class_mask || (m->outer == 0 && (m->inner == 0 || s->inner == 1))) return true;
  return is_dense_layout(s, m);
}
XENT_INLINE bool has_enough_dense_rows(const xent_call *call) {
  const int64_t rows = call->row_end - call->row_begin, n = call->shape->classes;
  return n <= (call->output ? XENT_DENSE_OUTPUTS : XENT_DENSE_LOSSES) && rows >= XENT_DENSE_LEAST &&
         lanes_are_filled(rows, XENT_ROWS, n, XENT_DENSE_PARTLY) && has_dense_mask(call);
}
XENT_INLINE bool dense_fits(const xent_call *call) {
  return XENT_HAS_ONLY(call, IN_DENSE, XENT_OPTIONS_OF_PATHS) && blocks_fit(call) &&
         needs_no_whole_rows(call) && has_enough_dense_rows(call) && call->shape->classes > 1 &&
         call->shape->logits.classes == 1;
}

/* Gradients from statistics of whole rows. */
XENT_INLINE bool known_flow_fits(const xent_call *call) {
  const xent_shape *s = call->shape;
  return call->class_end - call->class_begin == s->classes && s->classes <= XENT_EXACT_MAX && !s->all_classes &&
         XENT_HAS_ONLY(call, IN_GRADIENT, XENT_OPTIONS_OF_PATHS);
}
XENT_INLINE bool known_dense_fits(const xent_call *call) {
  return known_flow_fits(call) && !call->shape->target_count && has_enough_dense_rows(call);
}

/* The calls on columns that have been transposed to rows. */
static xent_status cross_entropy_forward(const xent_call *call);
static xent_status cross_entropy_backward(const xent_call *call);
static xent_status turned_forward(const xent_call *call, xent_kernel fallback) {
  return turned_rows(call, cross_entropy_forward, fallback);
}
static xent_status turned_gradient(const xent_call *call, xent_kernel fallback) {
  return turned_rows(call, cross_entropy_backward, fallback);
}

/* softmax, log-softmax, log-sum-exp, cross-entropy */
#define XENT_FORWARD_PATHS(_)              \
  _(EACH, each_fits, each_rows)            \
  _(DENSE, dense_fits, dense_rows)         \
  _(STRIP, strips_fit, strip_rows)         \
  _(TURNED, turned_fits, turned_forward)   \
  _(FLOW, flow_fits, flow_rows)            \
  _(ROW, any_fits, any_rows)
/* the gradient of cross-entropy from statistics */
#define XENT_GRADIENT_PATHS(_)                \
  _(STRIP, strips_fit, strip_rows)            \
  _(TURNED, turned_fits, turned_gradient)     \
  _(DENSE, known_dense_fits, known_dense_rows) \
  _(FLOW, known_flow_fits, known_flow_rows)   \
  _(ROW, any_fits, any_rows)
/* softmax and log-softmax backward */
#define XENT_BACKWARD_PATHS(_)                             \
  _(STRIP, strips_fit_backward, strips_softmax_backward)   \
  _(SHORT, short_fits, backward_of_short)                  \
  _(CONTIGUOUS, contiguous_fits, backward_of_contiguous)   \
  _(COPIES, any_fits, backward_of_copies)

XENT_DEFINE_PATHS(forward_rows, XENT_FORWARD_PATHS, generic_forward)
XENT_DEFINE_PATHS(cross_entropy_backward, XENT_GRADIENT_PATHS, generic_forward)
XENT_DEFINE_PATHS(softmax_backward, XENT_BACKWARD_PATHS, NULL)
static xent_status cross_entropy_forward(const xent_call *call) { return forward_rows(call); }

#endif
