/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of a linear layer, with the arrays of a problem. */
#ifndef XENT_FUZZ_LAYER_H
#define XENT_FUZZ_LAYER_H

#include "run.h"

#define LAYER (BIT(HIDDEN) | BIT(WEIGHTS) | BIT(BIAS_OF_CLASSES))
#define LAYER_GRADIENTS (BIT(HIDDEN_GRADIENT) | BIT(WEIGHTS_GRADIENT) | BIT(BIAS_GRADIENT))

static inline bool has_sums_of_rows(const fuzz_problem *p) {
  return p->address[WEIGHTS_GRADIENT] || p->address[BIAS_GRADIENT];
}

static inline xent_status layer_forward(fuzz_problem *p, int64_t begin, int64_t end, bool gradients) {
  void *const *a = p->address;
  return call_at(
      p,
      (function_call){.function = XENT_FUNCTION_LINEAR_CROSS_ENTROPY,
                  .shape = shape_of(p),
                  .options = options_of(p),
                  .report = report_of(p),
                  .row_begin = begin,
                  .row_end = end,
                  .workspace_size = p->workspace_size},
      ARRAYS(a[HIDDEN], a[WEIGHTS], a[BIAS_OF_CLASSES], a[LOGITS], a[TARGETS], a[TARGET_WEIGHTS], a[CLASS_MASK],
             a[CLASS_WEIGHTS], a[ROW_WEIGHTS], a[SINK], a[LOSSES], a[LOG_SUM_EXP], a[CORRECT], a[LOG_PROBABILITIES],
             a[ARGMAX], a[RANKS], a[ENTROPIES], a[TOP_CLASSES], a[TOP_LOG_PROBABILITIES], a[TARGET_GRADIENT],
             gradients ? a[HIDDEN_GRADIENT] : NULL, gradients ? a[WEIGHTS_GRADIENT] : NULL,
             gradients ? a[BIAS_GRADIENT] : NULL, statistics_of(p), exact_sum_of(p), a[WORKSPACE]));
}

/* Computes the wanted gradients, from the logits that a forward wrote, or from recomputed logits. */
static inline xent_status layer_backward(fuzz_problem *p, int64_t begin, int64_t end, int64_t from, int64_t to,
                                         uint32_t wanted, bool logits) {
  void *const *a = p->address;
  return call_at(p,
                 (function_call){.function = XENT_FUNCTION_LINEAR_CROSS_ENTROPY_BACKWARD,
                             .shape = shape_of(p),
                             .options = options_of(p),
                             .report = report_of(p),
                             .row_begin = begin,
                             .row_end = end,
                             .class_begin = from,
                             .class_end = to,
                             .workspace_size = p->workspace_size},
                 ARRAYS(a[HIDDEN], a[WEIGHTS], a[BIAS_OF_CLASSES], logits ? a[LOGITS] : NULL, a[TARGETS],
                        a[TARGET_WEIGHTS], a[CLASS_MASK], a[CLASS_WEIGHTS], a[ROW_WEIGHTS], a[UPSTREAM],
                        wanted & BIT(HIDDEN_GRADIENT) ? a[HIDDEN_GRADIENT] : NULL,
                        wanted & BIT(WEIGHTS_GRADIENT) ? a[WEIGHTS_GRADIENT] : NULL,
                        wanted & BIT(BIAS_GRADIENT) ? a[BIAS_GRADIENT] : NULL, statistics_of(p), a[WORKSPACE]));
}

static inline xent_status layer_states(fuzz_problem *p, int64_t begin, int64_t end, int64_t from, int64_t to,
                                       const xent_statistics *known) {
  void *const *a = p->address;
  return call_at(p,
                 (function_call){.function = XENT_FUNCTION_LINEAR_STATES,
                             .shape = shape_of(p),
                             .options = options_of(p),
                             .report = report_of(p),
                             .row_begin = begin,
                             .row_end = end,
                             .class_begin = from,
                             .class_end = to,
                             .workspace_size = p->workspace_size},
                 ARRAYS(a[HIDDEN], a[WEIGHTS], a[BIAS_OF_CLASSES], a[TARGETS], a[TARGET_WEIGHTS], a[CLASS_MASK],
                        a[CLASS_WEIGHTS], known, states_of(p), a[WORKSPACE]));
}

#endif
