/* SPDX-License-Identifier: Apache-2.0 */
/* Hessian-vector products of cross-entropy. */
#include "run.h"

static const uint32_t inputs =
    BIT(LOGITS) | BIT(UPSTREAM) | BIT(ROW_OFFSETS) | BIT(CLASS_MASK) | BIT(ROW_WEIGHTS) | BIT(SINK);

static void call(fuzz_problem *p, int64_t begin, int64_t end) {
  void *const *a = p->address;
  settle(p, "hvp",
         call_at(p, on_rows(XENT_FUNCTION_CROSS_ENTROPY_HVP, shape_of(p), options_of(p), begin, end, report_of(p)),
                 ARRAYS(a[LOGITS], a[UPSTREAM], a[OUTPUT], a[CLASS_MASK], a[ROW_WEIGHTS], a[SINK], a[ROW_OFFSETS])),
         (fuzz_effect){inputs, BIT(OUTPUT), begin, end, 0, p->shape.classes, false});
}

void fuzz_hvp(const uint8_t *data, size_t size) {
  fuzz_problem *p = the_problem();
  fuzz_input in = {data, data + size};
  p->hessian = true;
  problem_read(p, &in, BIT(LOGITS) | BIT(UPSTREAM) | BIT(OUTPUT), inputs | BIT(REPORT));
  run_on_every_tier(p, call, true);
  p->hessian = false;
}
