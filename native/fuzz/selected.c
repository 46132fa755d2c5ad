/* SPDX-License-Identifier: Apache-2.0 */
/* Log-probabilities of selected classes, and their backward from the statistics of the forward. */
#include "run.h"

static const uint32_t outputs = BIT(LOG_PROBABILITIES) | BIT(GRADIENT) | BIT(STATISTICS),
                      inputs = BIT(ROW_OFFSETS) | BIT(CLASS_MASK) | BIT(SINK) | BIT(UPSTREAM);

static bool later; /* the gradient comes from the backward */

static void call(fuzz_problem *p, int64_t begin, int64_t end) {
  void *const *a = p->address;
  const uint32_t reads = BIT(LOGITS) | BIT(TARGETS) | inputs;
  settle(p, "selected log-probabilities",
         call_at(
             p, on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES, shape_of(p), options_of(p), begin, end, report_of(p)),
             ARRAYS(a[LOGITS], a[TARGETS], a[LOG_PROBABILITIES], later ? NULL : a[GRADIENT], a[UPSTREAM], a[CLASS_MASK],
                    a[SINK], a[ROW_OFFSETS], statistics_of(p))),
         (fuzz_effect){reads, outputs & ~(later ? BIT(GRADIENT) : 0), begin, end, 0, p->shape.classes, true});
  if (!later) return;
  settle(
      p, "their backward",
      call_at(p,
              on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES_BACKWARD, shape_of(p), options_of(p), begin, end,
                      report_of(p)),
              ARRAYS(a[LOGITS], a[TARGETS], a[GRADIENT], a[UPSTREAM], a[CLASS_MASK], a[ROW_OFFSETS], statistics_of(p))),
      (fuzz_effect){reads & ~BIT(SINK), BIT(GRADIENT), begin, end, 0, p->shape.classes, true});
}

void fuzz_selected(const uint8_t *data, size_t size) {
  fuzz_problem *p = the_problem();
  fuzz_input in = {data, data + size};
  later = chance(&in, 96);
  const uint32_t needed = BIT(LOGITS) | BIT(TARGETS) | (later ? BIT(STATISTICS) | BIT(GRADIENT) : 0);
  p->selected = true;
  problem_read(p, &in, needed, outputs | inputs | BIT(REPORT));
  run_on_every_tier(p, call, true);
  p->selected = false;
}
