/* SPDX-License-Identifier: Apache-2.0 */
/* Binary cross-entropy. */
#include "run.h"

/* Arrays of elements and of positives, in the slots of arrays of rows. */
enum { ELEMENT_WEIGHTS = ROW_WEIGHTS, POSITIVE_WEIGHTS = SINK };

static const uint32_t inputs = BIT(LOGITS) | BIT(TARGETS) | BIT(ELEMENT_WEIGHTS) | BIT(POSITIVE_WEIGHTS),
                      outputs = BIT(LOSSES) | BIT(GRADIENT) | BIT(EXACT_SUM);

static void call(fuzz_problem *p, int64_t begin, int64_t end) {
  void *const *a = p->address;
  settle(p, "binary cross-entropy",
         call_at(p, on_rows(XENT_FUNCTION_BINARY_CROSS_ENTROPY, shape_of(p), options_of(p), begin, end, report_of(p)),
                 ARRAYS(a[LOGITS], a[TARGETS], a[LOSSES], a[GRADIENT], a[ELEMENT_WEIGHTS], a[POSITIVE_WEIGHTS],
                        exact_sum_of(p))),
         (fuzz_effect){inputs, outputs, begin, end, 0, p->shape.classes, false});
}

void fuzz_binary(const uint8_t *data, size_t size) {
  fuzz_problem *p = the_problem();
  fuzz_input in = {data, data + size};
  p->elementwise = true;
  problem_read(p, &in, BIT(LOGITS) | BIT(TARGETS), inputs | outputs | BIT(REPORT));
  run_on_every_tier(p, call, true);
  p->elementwise = false;
}
