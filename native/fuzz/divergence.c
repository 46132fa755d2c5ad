/* SPDX-License-Identifier: Apache-2.0 */
/* The divergences. */
#include "run.h"

static int64_t kind;

static void call(fuzz_problem *p, int64_t begin, int64_t end) {
  void *const *a = p->address;
  static const int32_t functions[] = {XENT_FUNCTION_KL_DIVERGENCE, XENT_FUNCTION_JENSEN_SHANNON_DIVERGENCE,
                                      XENT_FUNCTION_TOTAL_VARIATION};
  const xent_status status =
      call_at(p, on_rows(functions[kind], shape_of(p), options_of(p), begin, end, report_of(p)),
              ARRAYS(a[LOGITS], a[TEACHER], a[LOSSES], a[GRADIENT], a[CLASS_MASK], a[ROW_WEIGHTS], exact_sum_of(p)));
  settle(p, "divergence", status,
         (fuzz_effect){BIT(LOGITS) | BIT(TEACHER) | BIT(CLASS_MASK) | BIT(ROW_WEIGHTS),
                       BIT(LOSSES) | BIT(GRADIENT) | BIT(EXACT_SUM), begin, end, 0, p->shape.classes, false});
}

void fuzz_divergence(const uint8_t *data, size_t size) {
  fuzz_problem *p = the_problem();
  fuzz_input in = {data, data + size};
  problem_read(p, &in, BIT(LOGITS) | BIT(TEACHER),
               BIT(CLASS_MASK) | BIT(ROW_WEIGHTS) | BIT(LOSSES) | BIT(GRADIENT) | BIT(EXACT_SUM) | BIT(REPORT));
  kind = below(&in, 3);
  run_on_every_tier(p, call, true);
}
