/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax, log-softmax, log-sum-exp, and their backwards. */
#include "run.h"

static int64_t function;

static const char *const names[] = {"softmax", "log-softmax", "log-sum-exp", "softmax backward",
                                    "log-softmax backward"};

static void call(fuzz_problem *p, int64_t begin, int64_t end) {
  void *const *a = p->address;
  const int64_t from = p->class_begin, to = p->class_end;
  const int written = function < 2 ? OUTPUT : function == 2 ? LOG_SUM_EXP : GRADIENT;
  const uint32_t reads =
      BIT(ROW_OFFSETS) | BIT(CLASS_MASK) | (function < 3 ? BIT(LOGITS) | BIT(SINK) : BIT(OUTPUT) | BIT(UPSTREAM));
  xent_status status;
  if (function == 2)
    status = xent_log_sum_exp_at(shape_of(p), options_of(p), begin, end, a[LOGITS], a[ROW_OFFSETS], a[CLASS_MASK],
                                 a[SINK], a[LOG_SUM_EXP], report_of(p));
  else if (function < 2)
    status = (function ? xent_log_softmax_at : xent_softmax_at)(
        shape_of(p), options_of(p), begin, end, from, to, a[LOGITS], a[ROW_OFFSETS], a[CLASS_MASK], a[SINK],
        statistics_of(p), a[OUTPUT], report_of(p));
  else
    status = (function == 3 ? xent_softmax_backward_at : xent_log_softmax_backward_at)(
        shape_of(p), options_of(p), begin, end, from, to, a[OUTPUT], a[UPSTREAM], a[ROW_OFFSETS], a[CLASS_MASK],
        statistics_of(p), a[GRADIENT], report_of(p));
  settle(p, names[function], status, (fuzz_effect){reads, BIT(written), begin, end, from, to, false});
}

void fuzz_softmax(const uint8_t *data, size_t size) {
  static const uint32_t needed[] = {BIT(LOGITS) | BIT(OUTPUT), BIT(LOGITS) | BIT(LOG_SUM_EXP),
                                    BIT(OUTPUT) | BIT(UPSTREAM) | BIT(GRADIENT)};
  fuzz_problem *p = the_problem();
  fuzz_input in = {data, data + size};
  function = below(&in, 5);
  const uint32_t rest = BIT(ROW_OFFSETS) | BIT(CLASS_MASK) | BIT(REPORT) | (function < 3 ? BIT(SINK) : 0) |
                        (chance(&in, 8) ? BIT(STATISTICS) : 0);
  problem_read(p, &in, needed[function < 2 ? 0 : function - 1 - (function == 4)], rest);
  run_on_every_tier(p, call, true);
}
