/* SPDX-License-Identifier: Apache-2.0 */
/* Sampling: tokens, and their other outputs. */
#include "run.h"

static const uint32_t inputs = BIT(LOGITS) | BIT(CLASS_MASK) | BIT(BIAS) | BIT(PROMPT_TOKENS) | BIT(OUTPUT_TOKENS) |
                               BIT(BIAS_TOKENS) | BIT(BIAS_VALUES) | BIT(DRAFT_TOKENS) | BIT(DRAFT_PROBABILITIES),
                      outputs = BIT(TOKENS) | BIT(PROCESSED_LOG_PROBABILITIES) | BIT(KEPT) | BIT(KEPT_MASK) |
                                BIT(LOG_PROBABILITIES) | BIT(RANKS) | BIT(ENTROPIES) | BIT(TOP_CLASSES) |
                                BIT(TOP_LOG_PROBABILITIES);

static void call(fuzz_problem *p, int64_t begin, int64_t end) {
  void *const *a = p->address;
  settle(p, "sampling",
         call_at(p,
                 (function_call){.function = XENT_FUNCTION_SAMPLE,
                             .shape = shape_of(p),
                             .options = options_of(p),
                             .sampling = a[SAMPLING],
                             .choice = p->sampling_per_row,
                             .report = report_of(p),
                             .row_begin = begin,
                             .row_end = end,
                             .workspace_size = p->workspace_size},
                 ARRAYS(a[LOGITS], a[TOKENS], a[CLASS_MASK], a[BIAS], a[PROMPT_TOKENS], a[OUTPUT_TOKENS],
                        a[PROCESSED_LOG_PROBABILITIES], a[KEPT], a[KEPT_MASK], a[LOG_PROBABILITIES], a[RANKS],
                        a[ENTROPIES], a[TOP_CLASSES], a[TOP_LOG_PROBABILITIES], a[WORKSPACE], a[BIAS_TOKENS],
                        a[BIAS_VALUES], a[DRAFT_TOKENS], a[DRAFT_PROBABILITIES])),
         (fuzz_effect){inputs, outputs, begin, end, 0, p->shape.classes, false});
}

void fuzz_sample(const uint8_t *data, size_t size) {
  fuzz_problem *p = the_problem();
  fuzz_input in = {data, data + size};
  p->sampled = true;
  problem_read(p, &in, BIT(LOGITS) | BIT(TOKENS), inputs | outputs | BIT(SAMPLING) | BIT(REPORT));
  run_on_every_tier(p, call, true);
  p->sampled = false;
}
