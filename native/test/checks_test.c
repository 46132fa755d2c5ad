/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that the entry points reject before anything is written, with its status and field: structs and their
 * sizes, shapes, ranges, overlaps, arrays and their names. */
#include "api/checks.h"
#include "small.h"
#include "tiers.h"

static void test_refusals(void) {
  reset();
  shape.classes = 0;
  REFUSES(softmax(), XENT_INVALID_SHAPE, XENT_FIELD_CLASSES);
  shape.outer = -1;
  REFUSES(softmax(), XENT_INVALID_SHAPE, XENT_FIELD_SHAPE);
  shape.outer = INT64_MAX / 2;
  REFUSES(softmax(), XENT_INVALID_SHAPE, XENT_FIELD_SHAPE);
  shape.logits.outer = INT64_MAX / 2;
  REFUSES(softmax(), XENT_INVALID_SHAPE, XENT_FIELD_LOGITS);
  shape.logits.classes = -1;
  REFUSES(softmax(), XENT_INVALID_SHAPE, XENT_FIELD_LOGITS);
  shape.output.classes = 0; /* all classes at one address */
  REFUSES(softmax(), XENT_OVERLAP, XENT_FIELD_OUTPUT);
  shape.output.outer = CLASSES - 1; /* the last element of a row is the first of the next */
  REFUSES(softmax(), XENT_OVERLAP, XENT_FIELD_OUTPUT);
  shape.logits.reserved = 1;
  REFUSES(softmax(), XENT_UNSUPPORTED, XENT_FIELD_LOGITS);
  shape.logits.type = XENT_I32;
  REFUSES(softmax(), XENT_UNSUPPORTED, XENT_FIELD_LOGITS);
  shape.output.type = XENT_NO_TYPE;
  REFUSES(softmax(), XENT_INVALID_ARGUMENT, XENT_FIELD_OUTPUT);
  for (int32_t isa = XENT_ISA_SCALAR; isa <= XENT_ISA_NEON; isa++) {
    if (xent_has_isa(isa)) continue;
    options.isa = isa;
    REFUSES(softmax(), XENT_UNSUPPORTED, XENT_FIELD_ISA);
  }
  options.isa = -1;
  REFUSES(softmax(), XENT_INVALID_OPTION, XENT_FIELD_ISA);
  options.isa = 9;
  REFUSES(softmax(), XENT_INVALID_OPTION, XENT_FIELD_ISA);
  options.label_smoothing = NAN;
  REFUSES(loss(NULL, y), XENT_INVALID_OPTION, XENT_FIELD_LABEL_SMOOTHING);
  options.label_smoothing = 1.5;
  REFUSES(loss(NULL, y), XENT_INVALID_OPTION, XENT_FIELD_LABEL_SMOOTHING);
  options.gradient_scale = INFINITY;
  REFUSES(loss(NULL, y), XENT_INVALID_OPTION, XENT_FIELD_GRADIENT_SCALE);
  options.gradient_scale = NAN;
  REFUSES(loss(NULL, y), XENT_INVALID_OPTION, XENT_FIELD_GRADIENT_SCALE);
  options.fully_masked = 2;
  REFUSES(softmax(), XENT_INVALID_OPTION, XENT_FIELD_FULLY_MASKED);
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS + 1, 0, CLASSES, &report), ARRAYS(x, y)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_ROW_RANGE);
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, -1, ROWS, 0, CLASSES, &report), ARRAYS(x, y)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_ROW_RANGE);
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, 3, &report), ARRAYS(x, y)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_CLASS_RANGE);
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, -1, &report), ARRAYS(x, y)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_CLASS_RANGE);
  shape.classes = 2 * XENT_CHUNK; /* whose first chunk is a part that needs statistics */
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, 0, 0, XENT_CHUNK, &report), ARRAYS(x, y)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_CLASS_RANGE);
  options.softcap = 1; /* its derivative cannot be computed from y */
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                 ARRAYS(x, x, y)),
          XENT_UNSUPPORTED, XENT_FIELD_SOFTCAP);
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report), ARRAYS(NULL, y)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_LOGITS);
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                 ARRAYS((char *)x + 2, y)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_LOGITS);
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report), ARRAYS(y + 1, y)),
          XENT_OVERLAP, XENT_FIELD_OUTPUT);
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report), ARRAYS(y, y + 1)),
          XENT_OVERLAP, XENT_FIELD_OUTPUT);
  shape.logits.outer = CLASSES + 1; /* the same address with other strides */
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report), ARRAYS(y, y)),
          XENT_OVERLAP, XENT_FIELD_OUTPUT);
  REFUSES(loss(y, y), XENT_OVERLAP, XENT_FIELD_LOSSES);
  CHECK(run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, &shape, &options, 0, ROWS, NULL), ARRAYS(labels)) ==
        XENT_INVALID_ARGUMENT);
  CHECK(untouched());
}

/* A plain array that is written may share no byte with another, except with its input in place. */
static void test_overlaps(void) {
  enum { ARRAYS_OF_CALL = 6, LARGEST = SIZE * 4 };
  static const int64_t sizes[ARRAYS_OF_CALL] = {SIZE * 4, SIZE * 4, ROWS * 4, ROWS * 4, ROWS * 4, ROWS};
  static char memory[ARRAYS_OF_CALL * 2 * LARGEST] __attribute__((aligned(64)));
  for (int written = 0; written < ARRAYS_OF_CALL; written++)
    for (int other = 0; other < ARRAYS_OF_CALL; other++)
      for (int end = 0; end < 3; end++) { /* adjacent, apart, overlapping by four bytes */
        if (written == other) continue;
        char *a[ARRAYS_OF_CALL];
        for (int i = 0; i < ARRAYS_OF_CALL; i++) a[i] = memory + i * 2 * LARGEST;
        a[written] = a[other] + sizes[other] - (end == 2 ? 4 : 0);
        if (end == 1) a[written] = a[other] + LARGEST;
        reset();
        cross_entropy_arrays arrays = {
            .logits = a[1], .targets = a[2], .losses = a[3], .log_sum_exp = a[4], .correct = a[5]};
        arrays.gradient = a[0];
        memset(memory, 0, sizeof memory);
        const bool reads = (written == 1 || written == 2) && (other == 1 || other == 2); /* both are read */
        const xent_status expected = end == 2 && !reads ? XENT_OVERLAP : XENT_OK;
        CHECK(cross_entropy_of(&shape, &options, 0, ROWS, &arrays, &report) == expected);
        CHECK(cross_entropy_of(&shape, &options, 0, ROWS, &(cross_entropy_arrays){.logits = a[1], .targets = a[2],
                               .losses = a[3], .log_sum_exp = a[4], .correct = a[5], .gradient = a[0]}, &report) ==
              expected);
        if (written > 1 || other > 1) continue;
        CHECK(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                     ARRAYS(a[1], a[0])) == expected);
        CHECK(run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                     ARRAYS(x, a[1], a[0])) == expected);
        CHECK(run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                     ARRAYS(a[1], x, a[0])) == expected);
      }
}

/* The offsets of ragged rows are an array like any other: a result may be before or after them, but not overlap. */
static void test_overlaps_of_row_offsets(void) {
  static float memory[2 * SIZE + 32];
  int64_t *offsets = (int64_t *)(void *)(memory + SIZE + (SIZE & 1));
  float *const begin = (float *)(void *)offsets, *const end = (float *)(void *)(offsets + ROWS + 1);
  const struct {
    float *at;
    xent_status expected;
  } places[] = {{begin - SIZE, XENT_OK},
                {begin - SIZE + 1, XENT_OVERLAP},
                {begin, XENT_OVERLAP},
                {end - 1, XENT_OVERLAP},
                {end, XENT_OK}};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++)
    for (int kind = 0; kind < 3; kind++) {
      reset();
      shape.row_offsets.type = XENT_I64;
      for (int row = 0; row <= ROWS; row++) offsets[row] = row * CLASSES;
      float *at = places[i].at;
      if (kind == 0) {
        CHECK(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                     ARRAYS(x, at, NULL, NULL, offsets)) == places[i].expected);
      } else if (kind == 1) {
        CHECK(run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                     ARRAYS(x, y, at, NULL, offsets)) == places[i].expected);
      } else {
        const cross_entropy_arrays arrays = {.logits = x, .targets = labels, .row_offsets = offsets, .gradient = at};
        CHECK(cross_entropy_of(&shape, &options, 0, ROWS, &arrays, &report) == places[i].expected);
      }
      CHECK(offsets[0] == 0 && offsets[ROWS] == ROWS * CLASSES);
      CHECK(!places[i].expected || report.field == (kind == 0 ? XENT_FIELD_OUTPUT : XENT_FIELD_GRADIENT));
    }
  reset();
  shape.row_offsets.type = XENT_I64;
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                 ARRAYS(x, y, NULL, NULL, (const char *)(const void *)offsets + 4)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_ROW_OFFSETS);
}

/* No rows along either axis, in both arithmetics: there is nothing to divide by. */
static void test_empty_axes(int32_t isa) {
  for (int i = 0; i < 4; i++) {
    reset();
    options.isa = isa;
    shape.outer = i & 1 ? 0 : ROWS;
    shape.inner = i & 1 ? ROWS : 0;
    if (!shape.inner) {
      REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, 0, 0, CLASSES, &report), ARRAYS(x, y)),
              XENT_INVALID_SHAPE, XENT_FIELD_SHAPE); /* omitted, although rows are set */
      options.isa = isa;
      shape.outer = shape.inner = 0;
    }
    if (i & 2) shape.logits.type = shape.output.type = shape.upstream.type = shape.gradient.type = XENT_F64;
    xent_statistics statistics[1];
    xent_state states[1];
    const cross_entropy_arrays arrays = {.logits = x, .targets = labels, .gradient = y};
    CHECK(!run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, 0, 0, CLASSES, &report), ARRAYS(x, y)));
    CHECK(!run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, &shape, &options, 0, 0, 0, CLASSES, &report),
                  ARRAYS(x, x, y)));
    CHECK(!cross_entropy_of(&shape, &options, 0, 0, &arrays, &report) && report.valid_rows == 0);
    CHECK(!run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &shape, &options, 0, 0, 0, CLASSES, &report),
                  ARRAYS(x, labels, NULL, y, NULL, NULL, NULL, NULL, NULL, statistics)));
    CHECK(!run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, 0, 0, CLASSES, &report),
                  ARRAYS(x, labels, NULL, NULL, NULL, NULL, states)));
    CHECK(!run_at(on_classes(XENT_FUNCTION_BACKWARD_STATES, &shape, &options, 0, 0, 0, CLASSES, &report),
                  ARRAYS(x, x, NULL, states)));
    CHECK(untouched());
  }
}

static void test_struct_sizes(void) {
  reset();
  struct { xent_options known; uint64_t later; } newer = {.known = options};
  newer.known.size = sizeof newer;
  CHECK(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &newer.known, 0, ROWS, 0, CLASSES, NULL), ARRAYS(x, y)) ==
        XENT_OK);
  newer.later = 1;
  CHECK(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &newer.known, 0, ROWS, 0, CLASSES, NULL), ARRAYS(x, y)) ==
        XENT_UNSUPPORTED);
  reset();
  report.size = 8;
  report.row = 123;
  CHECK(softmax() == XENT_INVALID_SIZE && report.row == 123 && untouched());
}

/* Counts are not negative, and no more classes are the largest than there are. */
static void test_counts(void) {
  reset();
  shape.target_count = -1;
  REFUSES(loss(NULL, y), XENT_INVALID_SHAPE, XENT_FIELD_TARGET_COUNT);
  shape.top_count = -1;
  REFUSES(loss(NULL, y), XENT_INVALID_SHAPE, XENT_FIELD_TOP_COUNT);
  shape.top_count = CLASSES + 1;
  REFUSES(loss(NULL, y), XENT_INVALID_SHAPE, XENT_FIELD_TOP_COUNT);
  shape.features = -1;
  REFUSES(run_at(on_rows(XENT_FUNCTION_LINEAR_CROSS_ENTROPY, &shape, &options, 0, ROWS, &report), ARRAYS(x, x)),
          XENT_INVALID_SHAPE, XENT_FIELD_FEATURES);
}

/* The classes of a shard begin at a chunk, and end at one or with the row. */
static void test_shards(void) {
  static const struct { int64_t first, all; int32_t field; } wrong[] = {
      {-1, -1, XENT_FIELD_ALL_CLASSES},
      {0, -1, XENT_FIELD_ALL_CLASSES},
      {-1, 3 * XENT_CHUNK, XENT_FIELD_FIRST_CLASS},
      {5, 3 * XENT_CHUNK, XENT_FIELD_FIRST_CLASS},
      {XENT_CHUNK, 0, XENT_FIELD_FIRST_CLASS},
      {0, CLASSES - 1, XENT_FIELD_ALL_CLASSES},
      {XENT_CHUNK, XENT_CHUNK + CLASSES + 1, XENT_FIELD_ALL_CLASSES},
      {INT64_MAX / XENT_CHUNK * XENT_CHUNK, INT64_MAX, XENT_FIELD_ALL_CLASSES}};
  xent_state states[ROWS];
  reset();
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const bool of_first = wrong[i].field == XENT_FIELD_FIRST_CLASS;
    shape.first_class = wrong[i].first;
    shape.all_classes = wrong[i].all;
    CHECK(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                 ARRAYS(x, NULL, NULL, NULL, NULL, NULL, states)) == XENT_INVALID_SHAPE);
    CHECK(report.field == wrong[i].field && report.integer == (of_first ? wrong[i].first : wrong[i].all));
    reset();
  }
  shape.first_class = XENT_CHUNK;
  shape.all_classes = XENT_CHUNK + CLASSES;
  CHECK(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, &report),
               ARRAYS(x, NULL, NULL, NULL, NULL, NULL, states)) == XENT_OK);
  REFUSES(softmax(), XENT_UNSUPPORTED, XENT_FIELD_ALL_CLASSES);
}

/* ---- the structs of calls ---- */

/* Without a struct, or with one of a size that no version has, nothing is read; what a later version adds must be 0. */
static void test_structs_of_calls(void) {
  reset();
  struct { xent_softmax_call known; uint64_t later; } newer = {
      .known = {.size = sizeof newer, .sizes = {ROWS, CLASSES, 1}, .report = &report,
                .logits = {x, shape.logits}, .output = {y, shape.output}}};
  newer.later = 1;
  CHECK(xent_softmax(&newer.known) == XENT_UNSUPPORTED && untouched());
  const uint64_t impossible[] = {0, 8, sizeof newer.known - 8, sizeof newer.known + 4, UINT64_C(1) << 40};
  for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++) {
    newer.known.size = impossible[i];
    CHECK(xent_softmax(&newer.known) == XENT_INVALID_SIZE && untouched());
  }
  newer.known.size = sizeof newer;
  newer.later = 0;
  CHECK(xent_softmax((const xent_softmax_call *)(const void *)((const char *)&newer + 4)) == XENT_INVALID_ARGUMENT);
  CHECK(xent_softmax(&newer.known) == XENT_OK && !untouched());
  CHECK(xent_softmax(NULL) == XENT_INVALID_ARGUMENT && xent_log_softmax(NULL) == XENT_INVALID_ARGUMENT);
  CHECK(xent_log_sum_exp(NULL) == XENT_INVALID_ARGUMENT && xent_check_targets(NULL) == XENT_INVALID_ARGUMENT);
  CHECK(xent_softmax_backward(NULL) == XENT_INVALID_ARGUMENT &&
        xent_log_softmax_backward(NULL) == XENT_INVALID_ARGUMENT);
  CHECK(xent_cross_entropy(NULL) == XENT_INVALID_ARGUMENT &&
        xent_cross_entropy_backward(NULL) == XENT_INVALID_ARGUMENT);
  CHECK(xent_kl_divergence(NULL) == XENT_INVALID_ARGUMENT && xent_finish(NULL) == XENT_INVALID_ARGUMENT);
  CHECK(xent_forward_states(NULL) == XENT_INVALID_ARGUMENT && xent_backward_states(NULL) == XENT_INVALID_ARGUMENT);
}

/* A program that was compiled before a member was appended passes a smaller struct. */
static void test_older_structs(void) {
  reset();
  xent_softmax_call c = {.size = offsetof(xent_softmax_call, statistics), .sizes = {ROWS, CLASSES, 1},
                         .report = &report, .logits = {x, shape.logits}, .output = {y, shape.output}};
  c.statistics = (const xent_statistics *)(const void *)((const char *)x + 1); /* bytes that are not of the struct */
  CHECK(xent_softmax(&c) == XENT_INVALID_SIZE && untouched());
  xent_entry grown = xent_of_softmax;
  grown.first_size = (uint16_t)c.size;
  CHECK(xent_make_call(&c, &grown) == XENT_OK && !untouched());
  c.size = sizeof c;
  CHECK(xent_make_call(&c, &grown) == XENT_INVALID_ARGUMENT && report.field == XENT_FIELD_STATISTICS);
}

/* A struct without its size, and sizes without `inner`: mistakes that would else do nothing and say that it is done. */
#define LEAVES_OUT(function, type)                                                                                 \
  do {                                                                                                             \
    xent_##type##_call c = {.sizes = xent_rows(ROWS, CLASSES), .report = &report};                                 \
    report = (xent_report){.size = sizeof report, .row = 123};                                                     \
    CHECK(xent_##function(&c) == XENT_INVALID_SIZE && report.row == 123);                                          \
    c.size = sizeof c;                                                                                             \
    const xent_status whole = xent_##function(&c); /* without arrays */                                            \
    CHECK(whole && !(whole == XENT_INVALID_SHAPE && report.field == XENT_FIELD_SHAPE));                            \
    c.sizes.inner = 0;                                                                                             \
    CHECK(xent_##function(&c) == XENT_INVALID_SHAPE && report.field == XENT_FIELD_SHAPE && report.integer == 0);   \
    c.sizes.outer = 0; /* no rows */                                                                               \
    const xent_status empty = xent_##function(&c);                                                                 \
    CHECK(!(empty == XENT_INVALID_SHAPE && report.field == XENT_FIELD_SHAPE));                                     \
  } while (0)

static void test_what_is_left_out(void) {
  reset();
  LEAVES_OUT(softmax, softmax);
  LEAVES_OUT(log_softmax, softmax);
  LEAVES_OUT(log_sum_exp, log_sum_exp);
  LEAVES_OUT(softmax_backward, softmax_backward);
  LEAVES_OUT(log_softmax_backward, softmax_backward);
  LEAVES_OUT(check_targets, check_targets);
  LEAVES_OUT(cross_entropy_backward, cross_entropy_backward);
  LEAVES_OUT(selected_log_probabilities, selected_log_probabilities);
  LEAVES_OUT(selected_log_probabilities_backward, selected_log_probabilities_backward);
  LEAVES_OUT(kl_divergence, divergence);
  LEAVES_OUT(jensen_shannon_divergence, divergence);
  LEAVES_OUT(total_variation, divergence);
  LEAVES_OUT(cross_entropy, cross_entropy);
  LEAVES_OUT(cross_entropy_hvp, cross_entropy_hvp);
  LEAVES_OUT(sample, sample);
  LEAVES_OUT(binary_cross_entropy, binary_cross_entropy);
  LEAVES_OUT(sigmoid, sigmoid);
  LEAVES_OUT(log_sigmoid, sigmoid);
  LEAVES_OUT(sigmoid_backward, sigmoid_backward);
  LEAVES_OUT(log_sigmoid_backward, sigmoid_backward);
  LEAVES_OUT(linear_cross_entropy, linear_cross_entropy);
  LEAVES_OUT(linear_cross_entropy_backward, linear_cross_entropy_backward);
  LEAVES_OUT(linear_states, linear_states);
  LEAVES_OUT(forward_states, forward_states);
  LEAVES_OUT(backward_states, backward_states);
  LEAVES_OUT(finish, finish);
  CHECK(strstr(xent_status_message(XENT_INVALID_SIZE), ".size = sizeof"));
  shape.inner = 0;
  REFUSES(softmax(), XENT_INVALID_SHAPE, XENT_FIELD_SHAPE);
  shape.outer = shape.inner = 0;
  CHECK(!run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, 0, 0, CLASSES, &report), ARRAYS(x, y)) &&
        untouched());
  reset();
  const xent_sizes matrix = xent_rows(7, 9);
  CHECK(matrix.outer == 7 && matrix.classes == 9 && matrix.inner == 1);
}

/* Records of rows, and offsets, that 64 bits cannot address: rejected before any is read, even for few rows. */
static void test_far_rows(void) {
  static xent_statistics statistics;
  static xent_state states;
  static const int64_t many = INT64_C(1) << 60, beyond = INT64_C(1) << 61;
  const xent_range none = {0, 0};
#define FAR(type, function, field_, ...)                                                                              \
  do {                                                                                                                \
    reset();                                                                                                          \
    const xent_##type##_call c = {.size = sizeof c, .sizes = {.outer = many, .classes = 1, .inner = 1}, \
                                  .rows = &none, .report = &report, __VA_ARGS__};                                     \
    CHECK(xent_##function(&c) == XENT_INVALID_SHAPE && report.field == XENT_FIELD_##field_ && report.integer == many); \
  } while (0)
  FAR(softmax, softmax, STATISTICS, .statistics = &statistics);
  FAR(softmax, log_softmax, STATISTICS, .statistics = &statistics);
  FAR(softmax_backward, softmax_backward, STATISTICS, .statistics = &statistics);
  FAR(cross_entropy, cross_entropy, STATISTICS, .statistics = &statistics);
  FAR(cross_entropy_backward, cross_entropy_backward, STATISTICS, .statistics = &statistics);
  FAR(selected_log_probabilities, selected_log_probabilities, STATISTICS, .statistics = &statistics);
  FAR(selected_log_probabilities_backward, selected_log_probabilities_backward, STATISTICS, .statistics = &statistics);
  FAR(forward_states, forward_states, STATISTICS, .statistics = &statistics);
  FAR(forward_states, forward_states, STATES, .states = &states);
  FAR(backward_states, backward_states, STATES, .states = &states);
  FAR(finish, finish, STATES, .states = &states, .statistics = &statistics);
  FAR(linear_cross_entropy, linear_cross_entropy, STATISTICS, .features = 1, .statistics = &statistics);
  FAR(linear_cross_entropy_backward, linear_cross_entropy_backward, STATISTICS, .features = 1,
      .statistics = &statistics);
  FAR(linear_states, linear_states, STATES, .features = 1, .states = &states);
#undef FAR
  reset();
  const xent_sampling sampling = xent_default_sampling();
  const xent_range first = {0, 1};
  const xent_layout same = {.type = XENT_F32}, apart = {.outer = 1, .type = XENT_I32};
  int32_t token;
  xent_sample_call c = {.size = sizeof c, .sizes = xent_rows(many, 1), .rows = &first, .report = &report,
                        .sampling = &sampling, .per_row = 1, .logits = {x, same}, .tokens = {&token, apart}};
  CHECK(xent_sample(&c) == XENT_INVALID_SHAPE && report.field == XENT_FIELD_SAMPLING && report.integer == many);
  const int32_t offsets[2] = {0, 1};
  const xent_range last = {beyond, beyond};
  const xent_softmax_call ragged = {.size = sizeof ragged, .sizes = xent_rows(beyond, 1), .rows = &last,
                                    .report = &report, .logits = {x, same}, .output = {y, same},
                                    .row_offsets = {offsets, {.type = XENT_I32}}};
  CHECK(xent_softmax(&ragged) == XENT_INVALID_SHAPE && report.field == XENT_FIELD_ROW_OFFSETS && untouched());
  const xent_layout wide = xent_per_class(INT64_MAX, 2, XENT_F32);
  const xent_softmax_call huge = {.size = sizeof huge, .sizes = {1, INT64_MAX, 2}, .report = &report,
                                  .logits = {x, wide}, .output = {y, wide}};
  CHECK(xent_softmax(&huge) == XENT_INVALID_SHAPE && report.field == XENT_FIELD_SHAPE && untouched());
  CHECK(xent_linear_workspace(INT64_MAX, INT64_MAX, INT64_MAX, XENT_WORKSPACE_LOGITS) == 0);
  CHECK(xent_linear_workspace(INT64_C(1) << 48, INT64_C(1) << 48, INT64_C(1) << 48, 31) == 0);
  CHECK(xent_linear_workspace(8, 8, 8, 31) > 0 && xent_linear_workspace(8, 8, 8, 32) == 0);
  CHECK(xent_sample_workspace(INT64_MAX, INT64_MAX) == 0);
  CHECK(xent_sample_workspace(INT32_MAX, INT64_MAX) < INT64_C(1) << 40);
}

/* Omitted members of a struct have defaults: all rows and classes, the default options, no report. */
static void test_ranges_of_calls(void) {
  reset();
  float whole[SIZE + 8];
  CHECK(!run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report), ARRAYS(x, whole)));
  xent_softmax_call c = {.size = sizeof c, .sizes = {ROWS, CLASSES, 1}, .logits = {x, shape.logits},
                         .output = {y, shape.output}};
  CHECK(!xent_softmax(&c) && !memcmp(whole, y, SIZE * sizeof *y));
  for (int i = 0; i < SIZE; i++) y[i] = -99;
  const xent_range some = {1, 3}, beyond = {1, ROWS + 1}, part = {0, 3};
  c.rows = &some;
  CHECK(!xent_softmax(&c) && y[CLASSES - 1] == -99 && y[3 * CLASSES] == -99);
  CHECK(!memcmp(whole + CLASSES, y + CLASSES, 2 * CLASSES * sizeof *y));
  c.report = &report;
  c.rows = &beyond;
  CHECK(xent_softmax(&c) == XENT_INVALID_ARGUMENT && report.field == XENT_FIELD_ROW_RANGE &&
        report.integer == ROWS + 1);
  c.rows = NULL;
  c.classes = &part;
  CHECK(xent_softmax(&c) == XENT_INVALID_ARGUMENT && report.field == XENT_FIELD_CLASS_RANGE && report.integer == 3);
  const xent_range early = {-1, 2}, reversed = {XENT_CHUNK, -5};
  c.classes = &early;
  CHECK(xent_softmax(&c) == XENT_INVALID_ARGUMENT && report.integer == -1);
  c.classes = &reversed;
  CHECK(xent_softmax(&c) == XENT_INVALID_ARGUMENT && report.integer == -5);
  c.classes = NULL;
  c.rows = &early;
  CHECK(xent_softmax(&c) == XENT_INVALID_ARGUMENT && report.integer == -1);
  c.rows = &reversed;
  CHECK(xent_softmax(&c) == XENT_INVALID_ARGUMENT && report.integer == -5);
  c.rows = NULL;
  c.sizes.outer = c.sizes.inner = INT64_MAX;
  CHECK(xent_softmax(&c) == XENT_INVALID_SHAPE && report.field == XENT_FIELD_SHAPE);
}

/* Every array of every struct has the right name: an invalid one is rejected with its field. */
#define NAMES_ITS_ARRAYS(type, function, setup, ...)                                                                   \
  do {                                                                                                                 \
    static const struct {                                                                                              \
      size_t at;                                                                                                       \
      int32_t field;                                                                                                   \
    } arrays[] = {__VA_ARGS__};                                                                                        \
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {                                                      \
      type c = {.size = sizeof c, .sizes = {ROWS, CLASSES, 1}, .report = &report};                                     \
      setup;                                                                                                           \
      const xent_input wrong = {memory + 64 * (int64_t)i + 1, {1, 1, 1, XENT_F64, 7}};                                 \
      memcpy((char *)&c + arrays[i].at, &wrong, sizeof wrong);                                                         \
      CHECK(function(&c) == XENT_UNSUPPORTED && report.field == arrays[i].field);                                      \
    }                                                                                                                  \
  } while (0)
#define NAMED(name, field) {offsetof(CALL, name), XENT_FIELD_##field}

static void test_arrays_of_calls(void) {
  static char memory[4096] __attribute__((aligned(64)));
  static xent_statistics statistics[ROWS];
  static xent_state states[ROWS];
  reset();
  const xent_layout full = shape.logits, row = shape.losses;
#define GIVE(name, layout_) c.name.address = x, c.name.layout = layout_
#define GIVE_OUT(name, layout_) c.name.address = y, c.name.layout = layout_
#define CALL xent_softmax_call
  NAMES_ITS_ARRAYS(CALL, xent_softmax, (GIVE(logits, full), GIVE_OUT(output, full)), NAMED(logits, LOGITS),
                   NAMED(output, OUTPUT), NAMED(row_offsets, ROW_OFFSETS), NAMED(class_mask, CLASS_MASK),
                   NAMED(sink, SINK));
  NAMES_ITS_ARRAYS(CALL, xent_log_softmax, (GIVE(logits, full), GIVE_OUT(output, full)), NAMED(output, OUTPUT));
#undef CALL
#define CALL xent_log_sum_exp_call
  NAMES_ITS_ARRAYS(CALL, xent_log_sum_exp, (GIVE(logits, full), GIVE_OUT(log_sum_exp, row)), NAMED(logits, LOGITS),
                   NAMED(log_sum_exp, LOG_SUM_EXP), NAMED(row_offsets, ROW_OFFSETS), NAMED(class_mask, CLASS_MASK),
                   NAMED(sink, SINK));
#undef CALL
#define CALL xent_softmax_backward_call
  NAMES_ITS_ARRAYS(CALL, xent_softmax_backward, (GIVE(output, full), GIVE(upstream, full), GIVE_OUT(gradient, full)),
                   NAMED(output, OUTPUT), NAMED(upstream, UPSTREAM), NAMED(gradient, GRADIENT),
                   NAMED(row_offsets, ROW_OFFSETS), NAMED(class_mask, CLASS_MASK));
#undef CALL
#define CALL xent_check_targets_call
  NAMES_ITS_ARRAYS(CALL, xent_check_targets,
                   (c.targets.address = labels, c.targets.layout = shape.targets, c.logits_type = XENT_F32),
                   NAMED(targets, TARGETS), NAMED(row_offsets, ROW_OFFSETS), NAMED(class_mask, CLASS_MASK),
                   NAMED(class_weights, CLASS_WEIGHTS), NAMED(row_weights, ROW_WEIGHTS));
#undef CALL
#define CALL xent_cross_entropy_call
  NAMES_ITS_ARRAYS(CALL, xent_cross_entropy,
                   (GIVE(logits, full), c.targets.address = labels, c.targets.layout = shape.targets),
                   NAMED(logits, LOGITS), NAMED(targets, TARGETS), NAMED(row_offsets, ROW_OFFSETS),
                   NAMED(class_mask, CLASS_MASK), NAMED(class_weights, CLASS_WEIGHTS), NAMED(row_weights, ROW_WEIGHTS),
                   NAMED(sink, SINK), NAMED(losses, LOSSES), NAMED(log_sum_exp, LOG_SUM_EXP), NAMED(correct, CORRECT),
                   NAMED(log_probabilities, LOG_PROBABILITIES), NAMED(argmax, ARGMAX), NAMED(ranks, RANKS),
                   NAMED(entropies, ENTROPIES), NAMED(top_classes, TOP_CLASSES),
                   NAMED(top_log_probabilities, TOP_LOG_PROBABILITIES), NAMED(gradient, GRADIENT),
                   NAMED(target_gradient, TARGET_GRADIENT));
  NAMES_ITS_ARRAYS(CALL, xent_cross_entropy, (GIVE(logits, full), c.targets.address = labels, c.target_count = 1,
                   c.targets.layout = (xent_layout){1, 1, 1, XENT_I32, 0}), NAMED(target_weights, TARGET_WEIGHTS));
#undef CALL
#define CALL xent_cross_entropy_backward_call
  NAMES_ITS_ARRAYS(CALL, xent_cross_entropy_backward,
                   (GIVE(logits, full), c.targets.address = labels, c.targets.layout = shape.targets,
                    GIVE_OUT(gradient, full), c.statistics = statistics),
                   NAMED(logits, LOGITS), NAMED(targets, TARGETS), NAMED(upstream, UPSTREAM), NAMED(gradient, GRADIENT),
                   NAMED(row_offsets, ROW_OFFSETS), NAMED(class_mask, CLASS_MASK), NAMED(class_weights, CLASS_WEIGHTS),
                   NAMED(row_weights, ROW_WEIGHTS));
#undef CALL
#define CALL xent_selected_log_probabilities_call
  NAMES_ITS_ARRAYS(CALL, xent_selected_log_probabilities,
                   (GIVE(logits, full), c.targets.address = labels, c.target_count = 1,
                    c.targets.layout = (xent_layout){1, 1, 1, XENT_I32, 0}, GIVE_OUT(gradient, full)),
                   NAMED(logits, LOGITS), NAMED(targets, TARGETS), NAMED(row_offsets, ROW_OFFSETS),
                   NAMED(class_mask, CLASS_MASK), NAMED(sink, SINK), NAMED(upstream, UPSTREAM),
                   NAMED(log_probabilities, LOG_PROBABILITIES), NAMED(gradient, GRADIENT));
#undef CALL
#define CALL xent_selected_log_probabilities_backward_call
  NAMES_ITS_ARRAYS(CALL, xent_selected_log_probabilities_backward,
                   (GIVE(logits, full), c.targets.address = labels, c.target_count = 1,
                    c.targets.layout = (xent_layout){1, 1, 1, XENT_I32, 0}, GIVE_OUT(gradient, full),
                    c.statistics = statistics),
                   NAMED(logits, LOGITS), NAMED(targets, TARGETS), NAMED(row_offsets, ROW_OFFSETS),
                   NAMED(class_mask, CLASS_MASK), NAMED(upstream, UPSTREAM), NAMED(gradient, GRADIENT));
#undef CALL
#define CALL xent_divergence_call
  NAMES_ITS_ARRAYS(CALL, xent_kl_divergence, (GIVE(logits, full), GIVE(teacher, full)), NAMED(logits, LOGITS),
                   NAMED(teacher, TEACHER), NAMED(class_mask, CLASS_MASK), NAMED(row_weights, ROW_WEIGHTS),
                   NAMED(losses, LOSSES), NAMED(gradient, GRADIENT));
#undef CALL
#define CALL xent_binary_cross_entropy_call
  NAMES_ITS_ARRAYS(CALL, xent_binary_cross_entropy, (GIVE(logits, full), GIVE(targets, full)), NAMED(logits, LOGITS),
                   NAMED(targets, TARGETS), NAMED(element_weights, ELEMENT_WEIGHTS),
                   NAMED(positive_weights, POSITIVE_WEIGHTS), NAMED(losses, LOSSES), NAMED(gradient, GRADIENT));
#undef CALL
#define CALL xent_sigmoid_call
  NAMES_ITS_ARRAYS(CALL, xent_sigmoid, (GIVE(logits, full), GIVE_OUT(output, full)), NAMED(logits, LOGITS),
                   NAMED(output, OUTPUT));
#undef CALL
#define CALL xent_sigmoid_backward_call
  NAMES_ITS_ARRAYS(CALL, xent_log_sigmoid_backward,
                   (GIVE(logits, full), GIVE(upstream, full), GIVE_OUT(gradient, full)), NAMED(logits, LOGITS),
                   NAMED(upstream, UPSTREAM), NAMED(gradient, GRADIENT));
#undef CALL
#define CALL xent_forward_states_call
  NAMES_ITS_ARRAYS(CALL, xent_forward_states, (GIVE(logits, full), c.targets.address = labels,
                   c.targets.layout = shape.targets, c.states = states),
                   NAMED(logits, LOGITS), NAMED(targets, TARGETS), NAMED(class_mask, CLASS_MASK),
                   NAMED(class_weights, CLASS_WEIGHTS));
#undef CALL
#define CALL xent_backward_states_call
  NAMES_ITS_ARRAYS(CALL, xent_backward_states, (GIVE(output, full), GIVE(upstream, full), c.states = states),
                   NAMED(output, OUTPUT), NAMED(upstream, UPSTREAM), NAMED(class_mask, CLASS_MASK));
#undef CALL
#define CALL xent_finish_call
  NAMES_ITS_ARRAYS(CALL, xent_finish,
                   (c.targets.address = labels, c.targets.layout = shape.targets, c.states = states,
                    c.statistics = statistics, c.logits_type = XENT_F32),
                   NAMED(targets, TARGETS), NAMED(losses, LOSSES), NAMED(log_sum_exp, LOG_SUM_EXP), NAMED(correct,
                       CORRECT),
                   NAMED(class_weights, CLASS_WEIGHTS), NAMED(row_weights, ROW_WEIGHTS), NAMED(sink, SINK));
#undef CALL
}

/* Temperatures and softcaps whose powers up to the third are normal numbers, and their reciprocals' too. */
static void test_factors(void) {
  const double allowed[] = {0, 0x1p-32, 1, 0x1p32}, refused[] = {0x1.fffffffffffffp-33, 0x1.0000000000001p32, -1, NAN};
  for (int i = 0; i < 4; i++)
    for (int wide = 0; wide < 2; wide++) {
      reset();
      double logits[SIZE] = {0};
      const void *in = wide ? (const void *)logits : x;
      if (wide) shape.logits.type = XENT_F64;
      options.temperature = options.softcap = allowed[i];
      CHECK(!run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report), ARRAYS(in, y)));
      reset();
      if (wide) shape.logits.type = XENT_F64;
      options.temperature = refused[i];
      REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report), ARRAYS(in, y)),
              XENT_INVALID_OPTION, XENT_FIELD_TEMPERATURE);
      if (wide) shape.logits.type = XENT_F64;
      options.softcap = refused[i];
      REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report), ARRAYS(in, y)),
              XENT_INVALID_OPTION, XENT_FIELD_SOFTCAP);
    }
}

/* What a function does not have is rejected, unless it has no effect in any function of the same shape. */
static void test_foreign_options(void) {
  const xent_shape *s = &shape;
  const xent_options *o = &options;
  xent_report *r = &report;
  xent_statistics statistics[ROWS];
  xent_state states[ROWS];
  float tokens[ROWS * 2], losses[ROWS];
  for (int i = 0; i < 9; i++) {
    reset();
    shape.features = 1;
    options.focal_alpha = 0.5;
    const xent_status status =
        i == 0   ? run_at(on_classes(XENT_FUNCTION_SOFTMAX, s, o, 0, ROWS, 0, CLASSES, r), ARRAYS(x, y))
        : i == 1 ? run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, s, o, 0, ROWS, r), ARRAYS(x, losses))
        : i == 2 ? run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, s, o, 0, ROWS, 0, CLASSES, r), ARRAYS(x, x, y))
        : i == 3 ? run_at(on_rows(XENT_FUNCTION_CROSS_ENTROPY, s, o, 0, ROWS, r), ARRAYS(x, labels, losses))
        : i == 4 ? run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, s, o, 0, ROWS, 0, CLASSES, r),
                          ARRAYS(x, labels, NULL, y, NULL, NULL, NULL, NULL, NULL, statistics))
        : i == 5 ? run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, s, o, 0, ROWS, 0, CLASSES, r),
                          ARRAYS(x, labels, NULL, NULL, NULL, NULL, states))
        : i == 6 ? run_at(on_classes(XENT_FUNCTION_BACKWARD_STATES, s, o, 0, ROWS, 0, CLASSES, r),
                          ARRAYS(x, x, NULL, states))
        : i == 7 ? run_at(on_rows(XENT_FUNCTION_LINEAR_CROSS_ENTROPY, s, o, 0, ROWS, r),
                          ARRAYS(x, x, NULL, NULL, labels))
                 : run_at(on_rows(XENT_FUNCTION_SAMPLE, s, o, 0, ROWS, r), ARRAYS(x, tokens));
    REFUSES(status, XENT_UNSUPPORTED, XENT_FIELD_FOCAL_ALPHA);
  }
  options.softcap = 1; /* its derivative cannot be computed from y */
  REFUSES(run_at(on_classes(XENT_FUNCTION_BACKWARD_STATES, s, o, 0, ROWS, 0, CLASSES, r), ARRAYS(x, x, NULL, states)),
          XENT_UNSUPPORTED, XENT_FIELD_SOFTCAP);
  options.gradient_scale = 2;
  REFUSES(run_at(on_rows(XENT_FUNCTION_SAMPLE, s, o, 0, ROWS, r), ARRAYS(x, tokens)), XENT_UNSUPPORTED,
          XENT_FIELD_GRADIENT_SCALE);
}

/* Ragged rows begin where their offsets say: strides that they do not use may differ in place. */
static void test_ragged_rows_in_place(void) {
  static const int64_t offsets[ROWS + 1] = {0, 2, 2, 5, 7};
  reset();
  shape.row_offsets.type = XENT_I64;
  shape.logits.outer = 1;
  CHECK(!run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                ARRAYS(y, y, NULL, NULL, offsets)));
  reset();
  shape.row_offsets.type = 77;
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                 ARRAYS(x, y, NULL, NULL, offsets)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_ROW_OFFSETS);
}

int main(void) {
  test_foreign_options();
  test_ragged_rows_in_place();
  test_refusals();
  test_overlaps();
  test_overlaps_of_row_offsets();
  test_struct_sizes();
  test_counts();
  test_shards();
  test_structs_of_calls();
  test_older_structs();
  test_what_is_left_out();
  test_far_rows();
  test_ranges_of_calls();
  test_arrays_of_calls();
  test_factors();
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) test_empty_axes(isa);
  return all_checks();
}
