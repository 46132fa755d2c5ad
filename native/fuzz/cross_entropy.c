/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-entropy, and its backward from the statistics of the forward. */
#include "run.h"

static const uint32_t plain_outputs = BIT(LOSSES) | BIT(LOG_SUM_EXP) | BIT(CORRECT) | BIT(GRADIENT) | BIT(STATISTICS) |
                                      BIT(EXACT_SUM),
                      other_outputs = BIT(LOG_PROBABILITIES) | BIT(ARGMAX) | BIT(RANKS) | BIT(ENTROPIES) |
                                      BIT(TOP_CLASSES) | BIT(TOP_LOG_PROBABILITIES) | BIT(TARGET_GRADIENT),
                      other_inputs = BIT(TARGET_WEIGHTS) | BIT(ROW_OFFSETS) | BIT(CLASS_MASK) | BIT(CLASS_WEIGHTS) |
                                     BIT(ROW_WEIGHTS) | BIT(SINK);

static int64_t function; /* 0: with few arrays, 1: with any, 2: followed by a backward */

/* A plain call has the other arrays NULL. */
static xent_status forward(fuzz_problem *p, int64_t begin, int64_t end) {
  void *given[ARRAYS];
  for (int i = 0; i < ARRAYS; i++)
    given[i] = function || !((other_inputs | other_outputs) & BIT(i)) ? p->address[i] : NULL;
  void *const *a = given;
  return call_at(
      p, on_rows(XENT_FUNCTION_CROSS_ENTROPY, shape_of(p), options_of(p), begin, end, report_of(p)),
      ARRAYS(a[LOGITS], a[TARGETS], a[LOSSES], a[LOG_SUM_EXP], a[CORRECT], function == 2 ? NULL : a[GRADIENT],
             a[TARGET_WEIGHTS], a[CLASS_MASK], a[CLASS_WEIGHTS], a[ROW_WEIGHTS], a[SINK], a[LOG_PROBABILITIES],
             a[ARGMAX], a[RANKS], a[ENTROPIES], a[TOP_CLASSES], a[TOP_LOG_PROBABILITIES], a[TARGET_GRADIENT],
             a[ROW_OFFSETS], statistics_of(p), exact_sum_of(p)));
}

static void call(fuzz_problem *p, int64_t begin, int64_t end) {
  void *const *a = p->address;
  const uint32_t written = (plain_outputs | (function ? other_outputs : 0)) & ~(function == 2 ? BIT(GRADIENT) : 0);
  const uint32_t reads = BIT(LOGITS) | BIT(TARGETS) | (function ? other_inputs : 0);
  settle(p, "cross-entropy", forward(p, begin, end),
         (fuzz_effect){reads, written, begin, end, 0, p->shape.classes, true});
  if (function != 2) return;
  const xent_status status =
      call_at(p,
              on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, shape_of(p), options_of(p), begin, end, p->class_begin,
                         p->class_end, report_of(p)),
              ARRAYS(a[LOGITS], a[TARGETS], a[UPSTREAM], a[GRADIENT], a[TARGET_WEIGHTS], a[CLASS_MASK],
                     a[CLASS_WEIGHTS], a[ROW_WEIGHTS], a[ROW_OFFSETS], statistics_of(p)));
  settle(p, "cross-entropy backward", status,
         (fuzz_effect){(reads & ~BIT(SINK)) | BIT(UPSTREAM), BIT(GRADIENT), begin, end, p->class_begin, p->class_end,
                       true});
}

void fuzz_cross_entropy(const uint8_t *data, size_t size) {
  fuzz_problem *p = the_problem();
  fuzz_input in = {data, data + size};
  function = below(&in, 3);
  const bool rest = chance(&in, 160);
  uint32_t needed = BIT(LOGITS), optional = plain_outputs | BIT(REPORT);
  if (function == 2)
    needed |= BIT(TARGETS) | BIT(STATISTICS) | BIT(GRADIENT), optional |= BIT(UPSTREAM) | (rest ? other_inputs : 0);
  else if (function == 1)
    optional |= other_outputs | (rest ? other_inputs : 0), needed |= chance(&in, 16) ? 0 : BIT(TARGETS);
  else
    needed |= BIT(TARGETS);
  problem_read(p, &in, needed, optional);
  run_on_every_tier(p, call, true);
}
