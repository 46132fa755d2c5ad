/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in parts: states of classes and the statistics that they are folded into, and which of them fit which call. */
#include "kernels/records.h"
#include "small.h"

static void test_states(void) {
  reset();
  xent_state states[ROWS] = {{{0}}};
  xent_statistics statistics[ROWS];
  CHECK(run_at(on_rows(XENT_FUNCTION_FINISH, &shape, &options, 0, ROWS, &report),
               ARRAYS(NULL, NULL, NULL, NULL, NULL, NULL, NULL, states, statistics)) == XENT_INVALID_ARGUMENT);
  CHECK(report.field == XENT_FIELD_STATES);
  CHECK(!run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, NULL),
                ARRAYS(x, NULL, NULL, NULL, NULL, NULL, states)));
  CHECK(run_at(on_rows(XENT_FUNCTION_FINISH, &shape, &options, 0, ROWS, &report),
               ARRAYS(labels, NULL, NULL, NULL, NULL, NULL, NULL, states, statistics)) ==
        XENT_INVALID_ARGUMENT); /* states without labels */
}

/* The type of the logits selects the arithmetic, except of a backward, which only its rows show. */
static void test_no_rows(void) {
  reset();
  xent_state states[1];
  xent_statistics statistics[1];
  const function_call none = on_rows(XENT_FUNCTION_FINISH, &shape, &options, 1, 1, &report);
  shape.logits.type = XENT_NO_TYPE;
  CHECK(!run_at(none, ARRAYS(NULL, NULL, NULL, NULL, NULL, NULL, NULL, states, statistics)));
  shape.logits.type = 77;
  CHECK(run_at(none, ARRAYS(NULL, NULL, NULL, NULL, NULL, NULL, NULL, states, statistics)) == XENT_INVALID_ARGUMENT &&
        report.field == XENT_FIELD_LOGITS);
}

static xent_status finish(const xent_state *states, const int32_t *targets, int32_t round,
                          xent_statistics *statistics, float *losses, xent_exact_sum *exact_sum) {
  return run_at((function_call){.function = XENT_FUNCTION_FINISH,
                            .shape = &shape,
                            .options = &options,
                            .choice = round,
                            .report = &report,
                            .row_begin = 0,
                            .row_end = ROWS},
                ARRAYS(targets, losses, NULL, NULL, NULL, NULL, NULL, states, statistics, exact_sum));
}

static void test_states_that_do_not_fit(void) {
  reset();
  xent_state states[ROWS];
  xent_statistics statistics[ROWS];
  float losses[ROWS];
  CHECK(!run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, NULL),
                ARRAYS(x, labels, NULL, NULL, NULL, NULL, states)));
  row_state *records = (row_state *)(void *)states;
  records[1].kind ^= 1u << 16; /* another numerics version */
  CHECK(finish(states, labels, 0, statistics, losses, NULL) == XENT_INVALID_ARGUMENT && report.row == 1);
  records[1].kind ^= 1u << 16;
  records[1].label ^= 1; /* another label */
  CHECK(finish(states, labels, 0, statistics, losses, NULL) == XENT_INVALID_ARGUMENT && report.row == 1);
  records[1].label ^= 1;
  records[1].digest ^= 1; /* other options */
  CHECK(finish(states, labels, 0, statistics, losses, NULL) == XENT_INVALID_ARGUMENT && report.row == 1);
  records[1].digest ^= 1;
  records[2].reference = NAN;
  CHECK(finish(states, labels, 0, statistics, losses, NULL) == XENT_INVALID_ARGUMENT && report.row == 2);
  CHECK(!run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, NULL),
                ARRAYS(x, labels, NULL, NULL, NULL, NULL, states)));
  records[0].kind &= ~0x100u; /* no state holds the label */
  CHECK(finish(states, labels, 0, statistics, losses, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(!run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, NULL),
                ARRAYS(x, NULL, NULL, NULL, NULL, NULL, states)));
  CHECK(finish(states, NULL, 0, statistics, losses, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(report.field == XENT_FIELD_TARGETS);
}

/* The sums of a backward have no log-sum-exp, in either arithmetic. */
static void test_log_sum_exp_of_a_backward(void) {
  reset();
  xent_state states[ROWS];
  xent_statistics statistics[ROWS];
  double wide[SIZE], lse[ROWS];
  for (int i = 0; i < SIZE; i++) wide[i] = (double)x[i];
  for (int is_wide = 0; is_wide < 2; is_wide++) {
    if (is_wide) shape.logits.type = shape.output.type = shape.upstream.type = shape.log_sum_exp.type = XENT_F64;
    const void *in = is_wide ? (const void *)wide : x;
    CHECK(!run_at(on_classes(XENT_FUNCTION_BACKWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                  ARRAYS(in, in, NULL, states)));
    CHECK(!run_at(on_rows(XENT_FUNCTION_FINISH, &shape, &options, 0, ROWS, &report),
                  ARRAYS(NULL, NULL, NULL, NULL, NULL, NULL, NULL, states, statistics)));
    CHECK(run_at(on_rows(XENT_FUNCTION_FINISH, &shape, &options, 0, ROWS, &report),
                 ARRAYS(NULL, NULL, lse, NULL, NULL, NULL, NULL, states, statistics)) == XENT_INVALID_ARGUMENT);
    CHECK(report.field == XENT_FIELD_LOG_SUM_EXP);
  }
}

/* The sums of softmax's and of log-softmax's backward take the place of each other nowhere, in either arithmetic. */
static void test_states_of_a_backward(void) {
  xent_state states[ROWS];
  xent_statistics statistics[ROWS];
  double wide[SIZE], dx[SIZE];
  for (int round = 0; round < 4; round++) {
    const bool is_wide = round & 1, log = round & 2;
    reset();
    for (int i = 0; i < SIZE; i++) wide[i] = (double)x[i];
    const int32_t type = is_wide ? XENT_F64 : XENT_F32;
    shape.logits.type = shape.output.type = shape.upstream.type = shape.gradient.type = type;
    const void *in = is_wide ? (const void *)wide : x;
    CHECK(!run_at(on_classes(XENT_FUNCTION_BACKWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, NULL),
                  ARRAYS(log ? NULL : in, in, NULL, states)));
    CHECK(!finish(states, NULL, 0, statistics, NULL, NULL));
    const xent_status of_softmax =
        run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, &shape, &options, 0, ROWS, 0, CLASSES, &report),
               ARRAYS(in, in, dx, NULL, NULL, statistics));
    const xent_status of_log_softmax =
        run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX_BACKWARD, &shape, &options, 0, ROWS, 0, CLASSES, &report),
               ARRAYS(in, in, dx, NULL, NULL, statistics));
    CHECK(of_softmax == (log ? XENT_INVALID_ARGUMENT : XENT_OK));
    CHECK(of_log_softmax == (log ? XENT_OK : XENT_INVALID_ARGUMENT));
    row_state *record = (row_state *)(void *)&states[2];
    const row_state made = *record;
    row_state wrong[] = {made, made, made, made, made};
    wrong[0].digest ^= 2;
    wrong[1].label = 1;
    wrong[2].kind |= 0x400; /* of the second round */
    wrong[3].kind |= 0x100; /* holds the label */
    wrong[4].reference = NAN;
    for (int i = 0; i < 5; i++) {
      *record = wrong[i];
      CHECK(finish(states, NULL, 0, statistics, NULL, NULL) == XENT_INVALID_ARGUMENT && report.row == 2);
    }
  }
  reset();
}

static void test_statistics_that_do_not_fit(void) {
  reset();
  xent_state states[ROWS];
  xent_statistics statistics[ROWS];
  CHECK(!run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, NULL),
                ARRAYS(x, NULL, NULL, NULL, NULL, NULL, states)));
  CHECK(!finish(states, NULL, 0, statistics, NULL, NULL));
  REFUSES(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                 ARRAYS(x, labels, NULL, y, NULL, NULL, NULL, NULL, NULL, statistics)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_STATISTICS);
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                 ARRAYS(x, x, y, NULL, NULL, statistics)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_STATISTICS);
  x[0] = 1e6f; /* wants a second round */
  CHECK(!run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, NULL),
                ARRAYS(x, NULL, NULL, NULL, NULL, NULL, states)));
  CHECK(!finish(states, NULL, 0, statistics, NULL, NULL) && report.unfinished == 1);
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                 ARRAYS(x, y, NULL, NULL, NULL, statistics)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_STATISTICS);
}

/* A label's statistics are not those of selected classes, of which the label is one. */
static void test_statistics_of_selected_classes(void) {
  reset();
  xent_statistics statistics[ROWS], selected[ROWS];
  const cross_entropy_arrays arrays = {.logits = x, .targets = labels, .statistics = statistics};
  CHECK(!cross_entropy_of(&shape, &options, 0, ROWS, &arrays, NULL));
  shape.target_count = 1;
  shape.targets.classes = 1;
  shape.upstream = (xent_layout){.outer = 1, .type = XENT_F32};
  CHECK(!run_at(on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES, &shape, &options, 0, ROWS, NULL),
                ARRAYS(x, labels, NULL, NULL, NULL, NULL, NULL, NULL, selected)));
  float dx[SIZE];
  CHECK(!run_at(on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES_BACKWARD, &shape, &options, 0, ROWS, NULL),
                ARRAYS(x, labels, dx, x, NULL, NULL, selected)));
  const xent_sizes sizes = {.outer = ROWS, .classes = CLASSES, .inner = 1};
  xent_statistics by_struct[ROWS];
  float dx_by_struct[SIZE];
  const xent_selected_log_probabilities_call forward = {
      .size = sizeof forward, .sizes = sizes, .target_count = 1, .logits = {x, shape.logits},
      .targets = {labels, shape.targets}, .statistics = by_struct};
  CHECK(!xent_selected_log_probabilities(&forward) && !memcmp(by_struct, selected, sizeof selected));
  const xent_selected_log_probabilities_backward_call backward = {
      .size = sizeof backward, .sizes = sizes, .logits = {x, shape.logits}, .targets = {labels, shape.targets},
      .statistics = by_struct, .upstream = {x, shape.upstream}, .gradient = {dx_by_struct, shape.gradient}};
  CHECK(!xent_selected_log_probabilities_backward(&backward) && !memcmp(dx_by_struct, dx, sizeof dx));
  REFUSES(run_at(on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES_BACKWARD, &shape, &options, 0, ROWS, &report),
                 ARRAYS(x, labels, y, x, NULL, NULL, statistics)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_STATISTICS);
  REFUSES(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                 ARRAYS(x, labels, NULL, y, NULL, NULL, NULL, NULL, NULL, selected)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_STATISTICS);
}

/* Two rounds add each row's loss once, and the sum equals that of whole rows. */
static void test_two_rounds(void) {
  reset();
  xent_state states[ROWS];
  xent_statistics statistics[ROWS];
  float losses[ROWS];
  xent_exact_sum parts = xent_empty_exact_sum(), whole = xent_empty_exact_sum();
  x[CLASSES] = 1e6f;
  x[3 * CLASSES] = -1e6f;
  CHECK(!run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, NULL),
                ARRAYS(x, labels, NULL, NULL, NULL, NULL, states)));
  CHECK(!finish(states, labels, 0, statistics, losses, &parts) && report.unfinished == 1 && report.valid_rows == 3);
  CHECK(finish(states, labels, 1, statistics, losses, &parts) == XENT_INVALID_ARGUMENT); /* the first round's */
  CHECK(!run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, NULL),
                ARRAYS(x, labels, NULL, NULL, NULL, statistics, states)));
  CHECK(!finish(states, labels, 1, statistics, losses, &parts) && report.unfinished == 0 && report.valid_rows == 1);
  CHECK(!finish(states, labels, 1, statistics, losses, &parts) && report.valid_rows == 0); /* nothing is left */
  const cross_entropy_arrays arrays = {.logits = x, .targets = labels, .exact_sum = &whole};
  CHECK(!cross_entropy_of(&shape, &options, 0, ROWS, &arrays, NULL));
  CHECK(!memcmp(&parts, &whole, sizeof parts));
}

static void test_empty_class_range(void) {
  reset();
  shape = dense_shape(ROWS, 1, 1);
  xent_state states[ROWS];
  xent_statistics statistics[ROWS];
  CHECK(!run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, ROWS, 0, 1, NULL),
                ARRAYS(x, NULL, NULL, NULL, NULL, NULL, states)));
  CHECK(!finish(states, NULL, 0, statistics, NULL, NULL));
  CHECK(!run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, 0, NULL),
                ARRAYS(x, y, NULL, NULL, NULL, statistics)) &&
        untouched());
}

/* Rows in parts, and the Kullback-Leibler divergence, by their structs: the bits of whole rows. */
static void test_parts_by_structs(void) {
  reset();
  const xent_sizes sizes = xent_rows(ROWS, CLASSES);
  const xent_layout full = shape.logits, row = shape.losses;
  float losses[ROWS], expected_losses[ROWS], lse[ROWS], expected_lse[ROWS], gradient[SIZE], expected[SIZE];
  uint8_t correct[ROWS], expected_hits[ROWS];
  xent_exact_sum exact_sum = xent_empty_exact_sum(), expected_exact_sum = xent_empty_exact_sum(),
      weights = xent_empty_exact_sum();
  xent_statistics statistics[ROWS];
  xent_state states[ROWS];
  x[CLASSES] = 1e6f; /* wants a second round */
  const xent_cross_entropy_call whole = {
      .size = sizeof whole, .sizes = sizes, .logits = {x, full}, .targets = {labels, shape.targets},
      .losses = {expected_losses, row}, .log_sum_exp = {expected_lse, row}, .correct = {expected_hits, shape.correct},
      .gradient = {expected, full}, .exact_sum = &expected_exact_sum, .report = &report};
  CHECK(!xent_cross_entropy(&whole) && report.valid_rows == ROWS && report.path != 0);
  xent_check_targets_call check = {.size = sizeof check,
                                   .sizes = sizes,
                                   .report = &report,
                                   .logits_type = XENT_F32,
                                   .targets = {labels, shape.targets},
                                   .row_weights = {x, {0, 0, 0, XENT_F32, 0}},
                                   .exact_sum = &weights};
  x[0] = 0.25f;
  CHECK(!xent_check_targets(&check) && xent_exact_sum_value(&weights) == ROWS * 0.25 &&
        report.denominator == ROWS * 0.25);
  check.reserved = 1;
  CHECK(xent_check_targets(&check) == XENT_UNSUPPORTED && report.field == XENT_FIELD_LOGITS && report.integer == 1);
  check.reserved = 0;
  check.logits_type = XENT_I32;
  CHECK(xent_check_targets(&check) == XENT_UNSUPPORTED && report.field == XENT_FIELD_LOGITS);
  check.logits_type = 99;
  CHECK(xent_check_targets(&check) == XENT_INVALID_ARGUMENT && report.field == XENT_FIELD_LOGITS);
  x[0] = -3;
  xent_forward_states_call first = {.size = sizeof first, .sizes = sizes, .logits = {x, full},
                                    .targets = {labels, shape.targets}, .states = states};
  CHECK(!xent_forward_states(&first));
  xent_finish_call finish_rows = {
      .size = sizeof finish_rows, .sizes = sizes, .report = &report, .logits_type = XENT_F32, .states = states,
      .targets = {labels, shape.targets}, .statistics = statistics, .losses = {losses, row},
      .log_sum_exp = {lse, row}, .correct = {correct, shape.correct}, .exact_sum = &exact_sum};
  CHECK(!xent_finish(&finish_rows) && report.unfinished == 1);
  first.statistics = statistics;
  CHECK(!xent_forward_states(&first));
  finish_rows.second_round = 1;
  CHECK(!xent_finish(&finish_rows) && report.unfinished == 0);
  const xent_cross_entropy_backward_call backward = {
      .size = sizeof backward, .sizes = sizes, .logits = {x, full}, .targets = {labels, shape.targets},
      .statistics = statistics, .gradient = {gradient, full}};
  CHECK(!xent_cross_entropy_backward(&backward) && !memcmp(gradient, expected, sizeof gradient));
  CHECK(!memcmp(losses, expected_losses, sizeof losses) && !memcmp(lse, expected_lse, sizeof lse));
  CHECK(!memcmp(correct, expected_hits, sizeof correct) && !memcmp(&exact_sum, &expected_exact_sum, sizeof exact_sum));

  const xent_softmax_call forward = {.size = sizeof forward, .sizes = sizes, .logits = {x, full}, .output = {y, full}};
  const xent_log_sum_exp_call sums = {.size = sizeof sums, .sizes = sizes, .logits = {x, full},
                                      .log_sum_exp = {lse, row}};
  CHECK(!xent_log_sum_exp(&sums) && !memcmp(lse, expected_lse, sizeof lse));
  xent_softmax_backward_call whole_backward = {.size = sizeof whole_backward, .sizes = sizes, .output = {y, full},
                                               .upstream = {x, full}, .gradient = {expected, full}};
  for (int log = 0; log < 2; log++) {
    CHECK(!(log ? xent_log_softmax : xent_softmax)(&forward));
    CHECK(!(log ? xent_log_softmax_backward : xent_softmax_backward)(&whole_backward));
    const xent_backward_states_call sums_of_rows = {.size = sizeof sums_of_rows, .sizes = sizes, .states = states,
                                                    .output = {log ? NULL : y, full}, .upstream = {x, full}};
    const xent_finish_call folded = {.size = sizeof folded, .sizes = sizes, .report = &report,
                                     .logits_type = XENT_F32, .states = states, .statistics = statistics};
    CHECK(!xent_backward_states(&sums_of_rows) && !xent_finish(&folded));
    xent_softmax_backward_call rest = whole_backward;
    rest.statistics = statistics;
    rest.gradient.address = gradient;
    CHECK(!(log ? xent_log_softmax_backward : xent_softmax_backward)(&rest));
    CHECK(!memcmp(gradient, expected, sizeof gradient));
  }
  const xent_divergence_call same = {.size = sizeof same, .sizes = sizes, .logits = {x, full}, .teacher = {x, full},
                                        .losses = {losses, row}, .gradient = {gradient, full}, .exact_sum = &exact_sum};
  CHECK(!xent_kl_divergence(&same) && losses[0] == 0 && gradient[0] == 0);
}

int main(void) {
  test_no_rows();
  test_states();
  test_states_that_do_not_fit();
  test_log_sum_exp_of_a_backward();
  test_states_of_a_backward();
  test_statistics_that_do_not_fit();
  test_statistics_of_selected_classes();
  test_two_rounds();
  test_empty_class_range();
  test_parts_by_structs();
  return all_checks();
}
