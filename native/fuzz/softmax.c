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
    status = call_at(p, on_rows(XENT_FUNCTION_LOG_SUM_EXP, shape_of(p), options_of(p), begin, end, report_of(p)),
                     ARRAYS(a[LOGITS], a[LOG_SUM_EXP], a[CLASS_MASK], a[SINK], a[ROW_OFFSETS]));
  else if (function < 2)
    status = call_at(p,
                     on_classes(function ? XENT_FUNCTION_LOG_SOFTMAX : XENT_FUNCTION_SOFTMAX, shape_of(p),
                                options_of(p), begin, end, from, to, report_of(p)),
                     ARRAYS(a[LOGITS], a[OUTPUT], a[CLASS_MASK], a[SINK], a[ROW_OFFSETS], statistics_of(p)));
  else
    status = call_at(p,
                     on_classes(function == 3 ? XENT_FUNCTION_SOFTMAX_BACKWARD : XENT_FUNCTION_LOG_SOFTMAX_BACKWARD,
                                shape_of(p), options_of(p), begin, end, from, to, report_of(p)),
                     ARRAYS(a[OUTPUT], a[UPSTREAM], a[GRADIENT], a[CLASS_MASK], a[ROW_OFFSETS], statistics_of(p)));
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
