/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of targets and weights, and calls on targets that were not checked before. */
#include "run.h"

static const uint32_t inputs = BIT(LOGITS) | BIT(TARGETS) | BIT(TARGET_WEIGHTS) | BIT(ROW_OFFSETS) | BIT(CLASS_MASK) |
                               BIT(CLASS_WEIGHTS) | BIT(ROW_WEIGHTS);

static void call(fuzz_problem *p, int64_t begin, int64_t end) {
  void *const *a = p->address;
  const xent_status status =
      call_at(p, on_rows(XENT_FUNCTION_CHECK_TARGETS, shape_of(p), options_of(p), begin, end, report_of(p)),
              ARRAYS(a[TARGETS], a[TARGET_WEIGHTS], a[CLASS_MASK], a[CLASS_WEIGHTS], a[ROW_WEIGHTS], a[ROW_OFFSETS],
                     exact_sum_of(p)));
  settle(p, "check targets", status, (fuzz_effect){0, BIT(EXACT_SUM), begin, end, 0, p->shape.classes, false});
  if (!a[LOGITS] || !p->address[REPORT]) return;
  const xent_report report = report_read(p);
  const xent_status loss =
      call_at(p, on_rows(XENT_FUNCTION_CROSS_ENTROPY, shape_of(p), options_of(p), begin, end, report_of(p)),
              ARRAYS(a[LOGITS], a[TARGETS], a[LOSSES], NULL, NULL, NULL, a[TARGET_WEIGHTS], a[CLASS_MASK],
                     a[CLASS_WEIGHTS], a[ROW_WEIGHTS], NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, a[ROW_OFFSETS]));
  settle(p, "cross-entropy of checked targets", loss,
         (fuzz_effect){inputs, BIT(LOSSES), begin, end, 0, p->shape.classes, true});
  if (status == XENT_OK && loss == XENT_INVALID_LABEL) fail("targets that were found lawful have an invalid label");
  if (status == XENT_INVALID_LABEL && loss == XENT_OK) fail("targets that were refused are lawful");
  if (status == XENT_OK && loss == XENT_OK && report.valid_rows != report_read(p).valid_rows)
    fail("%lld rows were counted, then %lld", (long long)report.valid_rows, (long long)report_read(p).valid_rows);
}

void fuzz_check_targets(const uint8_t *data, size_t size) {
  fuzz_problem *p = the_problem();
  fuzz_input in = {data, data + size};
  const uint32_t loss = chance(&in, 128) ? BIT(LOGITS) | BIT(LOSSES) : 0;
  problem_read(p, &in, BIT(TARGETS) | BIT(REPORT) | loss,
               BIT(TARGET_WEIGHTS) | BIT(ROW_OFFSETS) | BIT(CLASS_MASK) | BIT(CLASS_WEIGHTS) | BIT(ROW_WEIGHTS) |
                   BIT(EXACT_SUM));
  run_on_every_tier(p, call, true);
}
