/* SPDX-License-Identifier: Apache-2.0 */
/* The divergences. */
#include "run.h"

static int64_t kind;

static void call(fuzz_problem *p, int64_t begin, int64_t end) {
  void *const *a = p->address;
  const xent_status status = (kind == 0   ? xent_kl_divergence_at
                              : kind == 1 ? xent_jensen_shannon_divergence_at
                                          : xent_total_variation_at)(
      shape_of(p), options_of(p), begin, end, a[LOGITS], a[TEACHER], a[CLASS_MASK], a[ROW_WEIGHTS], a[LOSSES],
      a[GRADIENT], tally_of(p), report_of(p));
  settle(p, "divergence", status,
         (fuzz_effect){BIT(LOGITS) | BIT(TEACHER) | BIT(CLASS_MASK) | BIT(ROW_WEIGHTS),
                       BIT(LOSSES) | BIT(GRADIENT) | BIT(TALLY), begin, end, 0, p->shape.classes, false});
}

void fuzz_divergence(const uint8_t *data, size_t size) {
  fuzz_problem *p = the_problem();
  fuzz_input in = {data, data + size};
  problem_read(p, &in, BIT(LOGITS) | BIT(TEACHER),
               BIT(CLASS_MASK) | BIT(ROW_WEIGHTS) | BIT(LOSSES) | BIT(GRADIENT) | BIT(TALLY) | BIT(REPORT));
  kind = below(&in, 3);
  run_on_every_tier(p, call, true);
}
