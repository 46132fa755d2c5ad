/* SPDX-License-Identifier: Apache-2.0 */
/* Sigmoid, log-sigmoid, and their backwards. */
#include "run.h"

static int64_t function;

static const char *const names[] = {"sigmoid", "log-sigmoid", "sigmoid backward", "log-sigmoid backward"};

static void call(fuzz_problem *p, int64_t begin, int64_t end) {
  static const int32_t numbers[] = {XENT_FUNCTION_SIGMOID, XENT_FUNCTION_LOG_SIGMOID, XENT_FUNCTION_SIGMOID_BACKWARD,
                                    XENT_FUNCTION_LOG_SIGMOID_BACKWARD};
  void *const *a = p->address;
  const bool backward = function >= 2;
  const function_call on = on_rows(numbers[function], shape_of(p), options_of(p), begin, end, report_of(p));
  const xent_status status = backward ? call_at(p, on, ARRAYS(a[LOGITS], a[UPSTREAM], a[GRADIENT]))
                                      : call_at(p, on, ARRAYS(a[LOGITS], a[OUTPUT]));
  settle(p, names[function], status,
         (fuzz_effect){BIT(LOGITS) | (backward ? BIT(UPSTREAM) : 0), BIT(backward ? GRADIENT : OUTPUT), begin, end, 0,
                       p->shape.classes, false});
}

void fuzz_sigmoid(const uint8_t *data, size_t size) {
  fuzz_problem *p = the_problem();
  fuzz_input in = {data, data + size};
  function = below(&in, 4);
  p->elementwise = true;
  problem_read(p, &in, BIT(LOGITS) | (function < 2 ? BIT(OUTPUT) : BIT(UPSTREAM) | BIT(GRADIENT)), BIT(REPORT));
  run_on_every_tier(p, call, true);
  p->elementwise = false;
}
