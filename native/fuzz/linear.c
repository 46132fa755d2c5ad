/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cross-entropy of linear layers: the forward with its gradients; gradients of any class range later, from the
 * statistics of the forward; and the same from states of class ranges.
 */
#include "layer.h"

static const uint32_t of_targets = BIT(TARGETS) | BIT(TARGET_WEIGHTS) | BIT(CLASS_MASK) | BIT(CLASS_WEIGHTS),
                      inputs = LAYER | of_targets | BIT(ROW_WEIGHTS) | BIT(SINK),
                      finished = BIT(LOSSES) | BIT(LOG_SUM_EXP) | BIT(CORRECT) | BIT(STATISTICS) | BIT(EXACT_SUM),
                      outputs = finished | BIT(LOGITS) | BIT(LOG_PROBABILITIES) | BIT(ARGMAX) | BIT(RANKS) |
                                BIT(ENTROPIES) | BIT(TOP_CLASSES) | BIT(TOP_LOG_PROBABILITIES) | BIT(TARGET_GRADIENT);

enum { AT_ONCE, LATER, IN_PARTS, SCHEDULES };
static int64_t schedule;
static bool keeps; /* the backward takes the logits of the forward */

static bool forward(fuzz_problem *p, int64_t begin, int64_t end) {
  const uint32_t written = outputs | (schedule == AT_ONCE ? LAYER_GRADIENTS : 0);
  settle(p, "linear cross-entropy", layer_forward(p, begin, end, schedule == AT_ONCE),
         (fuzz_effect){inputs, written, begin, end, 0, p->shape.classes, true});
  return !settled();
}

static bool states(fuzz_problem *p, int64_t begin, int64_t end, const xent_statistics *known) {
  const int64_t classes = p->shape.classes;
  for (int64_t from = 0, to; from < classes || from == 0; from = to) {
    to = classes - from > XENT_CHUNK && classes <= 4 * XENT_CHUNK ? from + XENT_CHUNK : classes;
    settle(p, "states of a layer", layer_states(p, begin, end, from, to, known),
           (fuzz_effect){LAYER | of_targets, BIT(STATES), begin, end, from, to, true});
    if (settled()) return false;
  }
  return true;
}

static bool finish(fuzz_problem *p, int64_t begin, int64_t end, int32_t second) {
  void *const *a = p->address;
  settle(p, "finish of a layer",
         call_at(p,
                 (function_call){.function = XENT_FUNCTION_FINISH,
                             .shape = shape_of(p),
                             .options = options_of(p),
                             .choice = second,
                             .report = report_of(p),
                             .row_begin = begin,
                             .row_end = end},
                 ARRAYS(a[TARGETS], a[LOSSES], a[LOG_SUM_EXP], a[CORRECT], a[CLASS_WEIGHTS], a[ROW_WEIGHTS], a[SINK],
                        states_of(p), statistics_of(p), exact_sum_of(p))),
         (fuzz_effect){BIT(TARGETS) | BIT(CLASS_WEIGHTS) | BIT(ROW_WEIGHTS) | BIT(SINK), finished, begin, end, 0,
                       p->shape.classes, true});
  return !settled();
}

static bool in_parts(fuzz_problem *p, int64_t begin, int64_t end) {
  if (!states(p, begin, end, NULL) || !finish(p, begin, end, 0)) return false;
  if (report_read(p).unfinished == 0) return true;
  return states(p, begin, end, statistics_of(p)) && finish(p, begin, end, 1);
}

static void call(fuzz_problem *p, int64_t begin, int64_t end) {
  const bool made = schedule == IN_PARTS ? in_parts(p, begin, end) : forward(p, begin, end);
  if (!made || schedule == AT_ONCE) return;
  const bool logits = keeps && schedule == LATER, some = p->class_begin != 0 || p->class_end != p->shape.classes;
  const uint32_t wanted = some && p->path ? LAYER_GRADIENTS & ~BIT(HIDDEN_GRADIENT) : LAYER_GRADIENTS;
  settle(p, "gradients of a layer", layer_backward(p, begin, end, p->class_begin, p->class_end, wanted, logits),
         (fuzz_effect){(inputs & ~BIT(SINK)) | BIT(UPSTREAM) | (logits ? BIT(LOGITS) : 0), wanted, begin, end,
                       p->class_begin, p->class_end, true});
}

void fuzz_linear(const uint8_t *data, size_t size) {
  fuzz_problem *p = the_problem();
  fuzz_input in = {data, data + size};
  schedule = below(&in, SCHEDULES);
  keeps = chance(&in, 128);
  uint32_t needed = BIT(HIDDEN) | BIT(WEIGHTS) | BIT(WORKSPACE), optional = inputs | outputs | LAYER_GRADIENTS;
  if (schedule != AT_ONCE || !chance(&in, 32)) needed |= BIT(TARGETS);
  if (schedule != AT_ONCE) needed |= BIT(STATISTICS), optional |= BIT(UPSTREAM);
  if (schedule == IN_PARTS) needed |= BIT(STATES) | BIT(REPORT);
  p->linear = true;
  problem_read(p, &in, needed, optional | BIT(REPORT));
  run_on_every_tier(p, call, schedule != IN_PARTS && !has_sums_of_rows(p)); /* states are those of the rows of a call */
  p->linear = false;
}
