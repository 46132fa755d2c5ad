/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schedules of calls in float32 arithmetic, in the order in which they are asked: the first that fits is taken,
 * and its name is in the report. A call of one row is asked for before them (schedules/single.h), and a backward of
 * softmax has its own (backward/). Each is in the folder of its kernels: schedules/ (dense, flow), columns/ (strip,
 * turned). What no schedule fits, and rows that leave one, generic/ computes row by row.
 */
#ifndef XENT_CHOOSE_H
#define XENT_CHOOSE_H

#include "kernels/columns/backward.h"
#include "kernels/columns/turn.h"
#include "kernels/backward/rows.h"
#include "kernels/backward/statistics.h"
#include "kernels/generic/parts.h"
#include "kernels/present.h"
#include "kernels/schedules/single.h"
#include "kernels/schedules.h"

/* Whether blocks of rows can be computed at all, whichever arrays they have. */
XENT_INLINE bool blocks_fit(const xent_call *call) {
  return call->shape->top_count <= XENT_TOP_AT_ONCE && !(clamps_terms(call) && call->sink) &&
         !(call->shape->classes == 1 && call->output && !call->targets);
}
XENT_INLINE bool flows_by(const xent_call *call) {
  return XENT_HAS_ONLY(call, XENT_OF_FORWARD, XENT_OPTIONS_OF_SCHEDULES) && blocks_fit(call);
}
XENT_INLINE bool flow_fits(const xent_call *call) { return call->shape->classes <= XENT_FLOW_MOST && flows_by(call); }
/* The schedule of long rows, whose results are not stored past the caches. */
XENT_INLINE bool long_flow_fits(const xent_call *call) {
  return call->shape->classes <= XENT_FLOW_LONGEST && !(call->output && call->stream) && flows_by(call);
}

/* So few classes that vectors along a row would be mostly empty, and enough rows to fill a block,
 * whose masks lie as the block wants them. */
XENT_INLINE bool has_dense_mask(const xent_call *call) {
  const xent_shape *s = call->shape;
  const xent_layout *m = &s->class_mask;
  if (!call->class_mask || (m->outer == 0 && (m->inner == 0 || s->inner == 1))) return true;
  return is_dense_layout(s, m);
}
XENT_INLINE bool has_enough_dense_rows(const xent_call *call) {
  return call->shape->classes <= XENT_DENSE_FORWARD && call->row_end - call->row_begin >= XENT_DENSE_LEAST &&
         has_dense_mask(call);
}
/* The gradient of the targets is written row by row, and so are its sums. */
#define XENT_OF_DENSE                                                                                                 \
  (XENT_HAS(logits) | XENT_TARGETS_OF_ROWS | XENT_HAS(class_mask) | XENT_HAS(sink) | XENT_HAS(output) |               \
   XENT_HAS(losses) | XENT_HAS(log_sum_exp) | XENT_HAS(correct) | XENT_HAS(log_probabilities) | XENT_HAS(argmax) |    \
   XENT_HAS(ranks) | XENT_HAS(entropies) | XENT_HAS(top_classes) | XENT_HAS(top_log_probabilities) |                  \
   XENT_HAS(statistics) | XENT_HAS(exact_sum))
XENT_INLINE bool dense_fits(const xent_call *call) {
  return XENT_HAS_ONLY(call, XENT_OF_DENSE, XENT_OPTIONS_OF_SCHEDULES) && blocks_fit(call) &&
         needs_no_whole_rows(call) && has_enough_dense_rows(call) && call->shape->classes > 1 &&
         call->shape->logits.classes == 1;
}

/* Gradients from statistics: whole rows of one chunk. */
XENT_INLINE bool known_flow_fits(const xent_call *call) {
  const xent_shape *s = call->shape;
  return call->class_end - call->class_begin == s->classes && s->classes <= XENT_FLOW_MOST && !s->all_classes &&
         XENT_HAS_ONLY(call, XENT_OF_KNOWN_STATISTICS, XENT_OPTIONS_OF_SCHEDULES);
}
XENT_INLINE bool known_dense_fits(const xent_call *call) {
  return known_flow_fits(call) && !call->shape->target_count && has_enough_dense_rows(call);
}

typedef struct {
  int32_t schedule;
  bool (*fits)(const xent_call *call);
  xent_status (*run)(const job *j, xent_kernel fallback);
} xent_schedule;

/* What becomes of columns that have been turned into rows. */
static xent_status cross_entropy_forward(const xent_call *call);
static xent_status cross_entropy_backward(const xent_call *call);
static xent_status turned_forward(const job *j, xent_kernel fallback) {
  return turned_rows(j->call, cross_entropy_forward, fallback);
}
static xent_status turned_gradient(const job *j, xent_kernel fallback) {
  return turned_rows(j->call, cross_entropy_backward, fallback);
}

static const xent_schedule forward_schedules[] = {{XENT_SCHEDULE_DENSE, dense_fits, dense_rows},
                                        {XENT_SCHEDULE_STRIP, strips_fit, strip_rows},
                                        {XENT_SCHEDULE_TURNED, turned_fits, turned_forward},
                                        {XENT_SCHEDULE_FLOW, flow_fits, flow_rows},
                                        {XENT_SCHEDULE_ROW, long_flow_fits, flow_rows}}; /* longer ones, too */
static const xent_schedule gradient_schedules[] = {{XENT_SCHEDULE_STRIP, strips_fit, strip_rows},
                                         {XENT_SCHEDULE_TURNED, turned_fits, turned_gradient},
                                         {XENT_SCHEDULE_DENSE, known_dense_fits, known_dense_rows},
                                         {XENT_SCHEDULE_FLOW, known_flow_fits, known_flow_rows}};

XENT_INLINE xent_status take_schedule(const xent_call *call, const xent_schedule *schedules, const int count,
                                      xent_kernel fallback) {
  if (call->row_begin >= call->row_end) return XENT_OK;
  const job j = job_of(call);
  for (int i = 0; i < count; i++) {
    if (!schedules[i].fits(call)) continue;
    const xent_status status = schedules[i].run(&j, fallback);
    call->report->schedule = schedules[i].schedule; /* not that of rows which left, or of columns that were turned */
    return status;
  }
  call->report->schedule = XENT_SCHEDULE_ROW;
  return fallback(call);
}
#define XENT_TAKE_SCHEDULE(call, schedules, kernel) \
  take_schedule(call, schedules, (int)(sizeof schedules / sizeof *schedules), kernel)

static xent_status single_forward(const xent_call *call) { return single_row(call, generic_forward); }
static xent_status forward_rows(const xent_call *call) {
  if (single_fits(call)) return single_forward(call);
  return XENT_TAKE_SCHEDULE(call, forward_schedules, generic_forward);
}
static xent_status cross_entropy_forward(const xent_call *call) { return forward_rows(call); }
static xent_status cross_entropy_backward(const xent_call *call) {
  return XENT_TAKE_SCHEDULE(call, gradient_schedules, generic_known);
}
/* What becomes of a forward whose arrays are always there, and of these types. */
static xent_kernel kept_forward(const xent_call *call) { return single_fits(call) ? single_forward : forward_rows; }
static xent_status softmax_backward(const xent_call *call) {
  if (call->row_begin >= call->row_end) return XENT_OK; /* an axis of no length divides nothing */
  const bool fits = strips_fit_backward(call);
  call->report->schedule = fits ? XENT_SCHEDULE_STRIP : XENT_SCHEDULE_ROW;
  return fits ? strips_softmax_backward(call) : backward_rows(call);
}

#endif
