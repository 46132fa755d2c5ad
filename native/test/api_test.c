/* SPDX-License-Identifier: Apache-2.0 */
/* What the entry points refuse, with which status and field, before anything is written; struct sizes;
 * exact sums; and the edges of docs/spec/numerics.md that one call shows. */
#include "api/function_list.h"
#include "calls.h"
#include "kernels/records.h"
#include "rows.h"
#include "tiers.h"

static int checks, failures;

#define CHECK(condition)                                                  \
  do {                                                                    \
    checks++;                                                             \
    if (!(condition)) {                                                   \
      failures++;                                                         \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);     \
    }                                                                     \
  } while (0)

#define ONE_MORE(number, name) +1
enum { FUNCTIONS = XENT_FUNCTIONS(ONE_MORE) };
enum { ROWS = 4, CLASSES = 5, SIZE = ROWS * CLASSES };

static float x[SIZE + 8], y[SIZE + 8];
static int32_t labels[ROWS];
static xent_shape shape;
static xent_options options;
static xent_report report;

static void reset(void) {
  shape = dense_shape(ROWS, CLASSES, 1);
  shape.targets.type = XENT_I32;
  options = xent_default_options();
  report = (xent_report){.size = sizeof report};
  for (int i = 0; i < SIZE; i++) x[i] = (float)((i * 7) % 11) - 3, y[i] = -99;
  for (int i = 0; i < ROWS; i++) labels[i] = i;
}

static xent_status softmax(void) {
  return run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report), ARRAYS(x, y));
}
static xent_status loss(float *losses, float *gradient) {
  const cross_entropy_arrays arrays = {
      .logits = x, .targets = labels, .losses = losses, .gradient = gradient};
  return cross_entropy_of(&shape, &options, 0, ROWS, &arrays, &report);
}
static bool untouched(void) {
  for (int i = 0; i < SIZE; i++)
    if (y[i] != -99) return false;
  return true;
}

#define REFUSES(call, status, field_)       \
  do {                                      \
    CHECK((call) == (status));              \
    CHECK(report.field == (field_));        \
    CHECK(untouched());                     \
    reset();                                \
  } while (0)

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
  shape.output.classes = 0; /* all classes in one place */
  REFUSES(softmax(), XENT_OVERLAP, XENT_FIELD_OUTPUT);
  shape.output.outer = CLASSES - 1; /* the end of a row in the place of the next one's begin */
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
  options.has_gradient_scale = 2;
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
  options.softcap = 1; /* whose derivative y does not tell */
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
  CHECK(run_at(on_classes(XENT_FUNCTION_SOFTMAX, NULL, &options, 0, ROWS, 0, CLASSES, NULL), ARRAYS(x, y)) ==
        XENT_INVALID_ARGUMENT);
  CHECK(run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, &shape, &options, 0, ROWS, NULL), ARRAYS(labels)) ==
        XENT_INVALID_ARGUMENT);
  CHECK(untouched());
}

/* The offsets of ragged rows are an array as any other: a result may lie before or behind them, not on them. */
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

/* Of the plain arrays of a call each that is written may share no byte with any other, but be its input in place. */
static void test_overlaps(void) {
  enum { ARRAYS_OF_CALL = 6, LARGEST = SIZE * 4 };
  static const int64_t sizes[ARRAYS_OF_CALL] = {SIZE * 4, SIZE * 4, ROWS * 4, ROWS * 4, ROWS * 4, ROWS};
  static char memory[ARRAYS_OF_CALL * 2 * LARGEST] __attribute__((aligned(64)));
  for (int written = 0; written < ARRAYS_OF_CALL; written++)
    for (int other = 0; other < ARRAYS_OF_CALL; other++)
      for (int end = 0; end < 3; end++) { /* side by side, the last element of one, the first of the other; behind it */
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

/* Weights of sparse targets where there are none. */
/* What a call left on the stack decides nothing of the next one. */
static void test_weights_that_are_missing(void) {
  const float logits[2] = {1, 2}, floats[1] = {1};
  const double doubles[1] = {1};
  const int32_t class[1] = {0};
  float losses[1];
  for (int before = 0; before < 3; before++) {
    xent_report r = {.size = sizeof r};
    xent_cross_entropy_call c = {.size = sizeof c, .sizes = xent_rows(1, 2), .report = &r,
                                 .logits = {logits, xent_per_class(2, 1, XENT_F32)},
                                 .targets = {class, xent_per_class(1, 1, XENT_I32)},
                                 .losses = {losses, xent_per_row(1, XENT_F32)}};
    c.sizes.target_count = 1;
    if (before == 1) c.target_weights = (xent_input){floats, xent_per_class(1, 1, XENT_F32)};
    if (before == 2) c.target_weights = (xent_input){doubles, xent_per_class(1, 1, XENT_F64)};
    CHECK((xent_cross_entropy(&c) == XENT_OK) == (before == 1));
    c.target_weights = (xent_input){0};
    CHECK(xent_cross_entropy(&c) == XENT_INVALID_ARGUMENT && r.integer == 0);
    CHECK(r.field == XENT_FIELD_TARGET_WEIGHTS);
  }
}

static void test_target_weights(void) {
  reset();
  float losses[ROWS], weights[SIZE] = {0};
  xent_statistics statistics[ROWS];
  xent_state states[ROWS];
  shape.target_weights = layout_of(1, 1, 1, XENT_F32);
  const cross_entropy_arrays a = {.logits = x, .targets = labels, .losses = losses, .statistics = statistics};
  cross_entropy_arrays weighted = a;
  weighted.target_weights = weights;
  CHECK(!cross_entropy_of(&shape, &options, 0, ROWS, &a, &report));
  CHECK(cross_entropy_of(&shape, &options, 0, ROWS, &weighted, &report) == XENT_INVALID_ARGUMENT);
  CHECK(report.field == XENT_FIELD_TARGET_WEIGHTS);
  REFUSES(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                 ARRAYS(x, labels, NULL, y, weights, NULL, NULL, NULL, NULL, statistics)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_TARGET_WEIGHTS);
  REFUSES(run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, &shape, &options, 0, ROWS, &report), ARRAYS(labels, weights)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_TARGET_WEIGHTS);
  REFUSES(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                 ARRAYS(x, labels, NULL, weights, NULL, NULL, states)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_TARGET_WEIGHTS);
}

/* The terms of a loss are clamped where the row is whole; the sums of a part do not tell them. */
static void test_clamp_of_probability_rows(void) {
  reset();
  float q[SIZE] = {0}, losses[ROWS];
  xent_state states[ROWS];
  options.probability_clamp = 1e-7;
  shape.targets = shape.logits;
  for (int i = 0; i < SIZE; i++) q[i] = 0.25f;
  const cross_entropy_arrays arrays = {.logits = x, .targets = q, .losses = losses};
  CHECK(cross_entropy_of(&shape, &options, 0, ROWS, &arrays, &report) == XENT_OK);
  REFUSES(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                 ARRAYS(x, q, NULL, NULL, NULL, NULL, states)),
          XENT_INVALID_OPTION, XENT_FIELD_PROBABILITY_CLAMP);
}

/* A focal loss is of labels alone, and of nothing that changes their losses otherwise. */
static void test_focal_loss(void) {
  static const double gammas[] = {-1, -1e-300, 0x1.1p32, INFINITY, NAN};
  for (size_t i = 0; i < sizeof gammas / sizeof *gammas; i++) {
    reset();
    options.focal_gamma = gammas[i];
    REFUSES(run_at(on_rows(XENT_FUNCTION_CROSS_ENTROPY, &shape, &options, 0, ROWS, &report),
                   ARRAYS(x, labels, NULL, NULL, NULL, y)),
            XENT_INVALID_OPTION, XENT_FIELD_FOCAL_GAMMA);
  }
  for (int i = 0; i < 3; i++) {
    reset();
    options.focal_gamma = 2;
    *(i == 0 ? &options.label_smoothing : i == 1 ? &options.z_loss : &options.probability_clamp) = 0.25;
    REFUSES(run_at(on_rows(XENT_FUNCTION_CROSS_ENTROPY, &shape, &options, 0, ROWS, &report),
                   ARRAYS(x, labels, NULL, NULL, NULL, y)),
            XENT_INVALID_OPTION, XENT_FIELD_FOCAL_GAMMA);
  }
  reset();
  options.focal_gamma = 2;
  shape.targets = shape.logits;
  REFUSES(run_at(on_rows(XENT_FUNCTION_CROSS_ENTROPY, &shape, &options, 0, ROWS, &report),
                 ARRAYS(x, x, NULL, NULL, NULL, y)),
          XENT_INVALID_OPTION, XENT_FIELD_FOCAL_GAMMA);
}

/* What a divergence has no use for is refused, not passed over. */
static void test_options_of_a_divergence(void) {
  static const struct {
    size_t at;
    int32_t field;
  } foreign[] = {{offsetof(xent_options, label_smoothing), XENT_FIELD_LABEL_SMOOTHING},
                 {offsetof(xent_options, softcap), XENT_FIELD_SOFTCAP},
                 {offsetof(xent_options, z_loss), XENT_FIELD_Z_LOSS},
                 {offsetof(xent_options, probability_clamp), XENT_FIELD_PROBABILITY_CLAMP},
                 {offsetof(xent_options, focal_gamma), XENT_FIELD_FOCAL_GAMMA},
                 {offsetof(xent_options, focal_alpha), XENT_FIELD_FOCAL_ALPHA}};
  for (size_t i = 0; i <= sizeof foreign / sizeof *foreign + 1; i++) {
    reset();
    shape.teacher = shape.logits;
    const double half = 0.5;
    const bool number = i < sizeof foreign / sizeof *foreign, others = !number && i % 2;
    if (number) memcpy((char *)&options + foreign[i].at, &half, sizeof half);
    if (others) options.smoothing = XENT_SMOOTHING_OTHERS;
    if (!number && !others) options.has_ignore_index = 1, options.ignore_index = -100;
    const double value = number ? half : others ? XENT_SMOOTHING_OTHERS : -100;
    CHECK(run_at(on_rows(XENT_FUNCTION_KL_DIVERGENCE, &shape, &options, 0, ROWS, &report), ARRAYS(x, x, NULL, y)) ==
          XENT_UNSUPPORTED);
    CHECK(report.value == value && untouched());
    CHECK(report.field == (number ? foreign[i].field : others ? XENT_FIELD_SMOOTHING : XENT_FIELD_IGNORE_INDEX));
  }
  reset();
  shape.teacher = shape.logits;
  options.temperature = 2;
  CHECK(!run_at(on_rows(XENT_FUNCTION_KL_DIVERGENCE, &shape, &options, 0, ROWS, &report), ARRAYS(x, x, NULL, y)));
}

/* The largest numbers of classes have chunks, too. */
static void test_chunks(void) {
  CHECK(xent_chunks(1) == 1 && xent_chunks(XENT_CHUNK) == 1 && xent_chunks(XENT_CHUNK + 1) == 2);
  CHECK(xent_chunks(INT64_MAX) == INT64_MAX / XENT_CHUNK + 1 &&
        xent_chunks(INT64_MAX - XENT_CHUNK + 1) == INT64_MAX / XENT_CHUNK);
}

/* Without rows no class weight is looked at. */
static void test_no_rows(void) {
  reset();
  shape.outer = 0;
  shape.class_weights = layout_of(0, 1, 0, XENT_F32);
  float weight = -1;
  CHECK(!run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, &shape, &options, 0, 0, &report),
                ARRAYS(labels, NULL, NULL, &weight)));
  CHECK(report.valid_rows == 0 && report.denominator == 0);
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
              XENT_INVALID_SHAPE, XENT_FIELD_SHAPE); /* left out beside rows */
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

/* The entropy of a long probability row and its gradient have the bits of each alone. */
static void test_entropy_beside_a_gradient(int32_t isa) {
  enum { LONG = XENT_CHUNK + 1001 }; /* whose exponentials are not kept */
  static float logits[2 * LONG], targets[2 * LONG], alone[2 * LONG], both[2 * LONG];
  float entropies[2], beside[2];
  reset();
  shape = dense_shape_of(2, LONG, 1, XENT_F32);
  shape.entropies = shape.losses;
  options.isa = isa;
  for (int i = 0; i < 2 * LONG; i++) logits[i] = (float)(i * 7 % 23) / 4, targets[i] = (float)(i * 5 % 11) / LONG;
  cross_entropy_arrays arrays = {.logits = logits, .targets = targets, .entropies = entropies};
  CHECK(!cross_entropy_of(&shape, &options, 0, 2, &arrays, &report) && entropies[0] > 0);
  arrays.gradient = both;
  arrays.entropies = beside;
  CHECK(!cross_entropy_of(&shape, &options, 0, 2, &arrays, &report));
  arrays.gradient = alone;
  arrays.entropies = NULL;
  CHECK(!cross_entropy_of(&shape, &options, 0, 2, &arrays, &report));
  CHECK(!memcmp(both, alone, sizeof alone) && !memcmp(beside, entropies, sizeof entropies));
}

static void test_labels(void) {
  reset();
  labels[2] = CLASSES;
  CHECK(run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, &shape, &options, 0, ROWS, &report), ARRAYS(labels)) ==
        XENT_INVALID_LABEL);
  CHECK(report.row == 2 && report.label == CLASSES);
  CHECK(loss(NULL, y) == XENT_INVALID_LABEL); /* the kernel checks again */
  CHECK(report.row == 2 && y[0] != -99 && y[2 * CLASSES] == -99);
  reset();
  labels[1] = -100;
  options.has_ignore_index = 1;
  options.ignore_index = -100;
  CHECK(run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, &shape, &options, 0, ROWS, &report), ARRAYS(labels)) == XENT_OK);
  CHECK(report.valid_rows == 3 && report.denominator == 3);
  x[CLASSES] = NAN; /* of the ignored row: not read */
  float losses[ROWS];
  CHECK(loss(losses, y) == XENT_OK);
  CHECK(losses[1] == 0 && y[CLASSES] == 0 && !signbit(y[CLASSES]) && losses[0] > 0 && report.valid_rows == 3);
}

static void put_label(void *array, int32_t type, int64_t at, int64_t label) {
  switch (type) {
    case XENT_I8: ((int8_t *)array)[at] = (int8_t)label; break;
    case XENT_U8: ((uint8_t *)array)[at] = (uint8_t)label; break;
    case XENT_I16: case XENT_U16: ((int16_t *)array)[at] = (int16_t)label; break;
    case XENT_I32: case XENT_U32: ((int32_t *)array)[at] = (int32_t)label; break;
    default: ((int64_t *)array)[at] = label;
  }
}

/* Labels of every type and many numbers of classes, side by side or not, with one wrong label or none. */
static void test_many_labels(void) {
  enum { MOST = 9000 };
  static const int64_t classes[] = {1, 10, 127, 128, 255, 256, 1000, 32768, 70000};
  static const int32_t types[] = {XENT_I8, XENT_U8, XENT_I16, XENT_U16, XENT_I32, XENT_U32, XENT_I64, XENT_U64};
  static const int64_t largest[] = {INT8_MAX,  UINT8_MAX,  INT16_MAX, UINT16_MAX,
                                    INT32_MAX, UINT32_MAX, INT64_MAX, INT64_MAX};
  int64_t *array = must_allocate(3 * MOST * sizeof *array);
  random_source r = {7};
  for (int64_t i = 0; i < 2000; i++) {
    const int32_t type = types[i % 8];
    const bool is_unsigned = type == XENT_U8 || type >= XENT_U16;
    const int64_t most = largest[i % 8], C = classes[random_below(&r, 9)], rows = 1 + random_below(&r, MOST);
    const int64_t begin = random_below(&r, rows), step = random_below(&r, 3) ? 1 : 3;
    xent_options o = xent_default_options();
    const int64_t ignored[] = {0, -100, -1, 300, C, INT64_MIN};
    o.has_ignore_index = (int32_t)random_below(&r, 2);
    o.ignore_index = ignored[random_below(&r, 6)];
    const bool held =
        o.has_ignore_index && o.ignore_index <= most && o.ignore_index >= (is_unsigned ? 0 : -most - 1);
    xent_shape s = dense_shape_of(rows, C, 1, type);
    s.targets.outer = step;
    int64_t counted = 0;
    for (int64_t k = begin; k < rows; k++) {
      const bool ignore = held && random_below(&r, 4) == 0;
      const int64_t label = ignore ? o.ignore_index : random_below(&r, C < most ? C : most);
      put_label(array, type, k * step, label);
      counted += !(o.has_ignore_index && label == o.ignore_index);
    }
    report = (xent_report){.size = sizeof report};
    CHECK(run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, &s, &o, begin, rows, &report), ARRAYS(array)) == XENT_OK &&
          report.valid_rows == counted);
    const int64_t wrong = random_below(&r, 2) ? C : is_unsigned ? most : -2;
    if ((wrong >= 0 && wrong < C) || wrong > most || (o.has_ignore_index && wrong == o.ignore_index)) continue;
    const int64_t first = begin + random_below(&r, rows - begin);
    put_label(array, type, first * step, wrong);
    put_label(array, type, (rows - 1) * step, wrong);
    report = (xent_report){.size = sizeof report};
    CHECK(run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, &s, &o, begin, rows, &report), ARRAYS(array)) ==
          XENT_INVALID_LABEL);
    CHECK(report.row == first && report.label == wrong);
  }
  free(array);
}

/* Rows in blocks have the bits that labels of 64 bits give, whatever the type; in one of them a row is ignored. */
static void test_label_types(void) {
  enum { MANY = 40, MOST_CLASSES = 300 };
  static const int32_t types[] = {XENT_I64, XENT_I8, XENT_U8, XENT_I16, XENT_U16, XENT_I32, XENT_U32, XENT_U64};
  static const int64_t classes[] = {2, 10, 100, MOST_CLASSES};
  static float logits[MANY * MOST_CLASSES], gradients[2][MANY * MOST_CLASSES], losses[2][MANY];
  static int64_t of_rows[MANY];
  random_source r = {11};
  for (int64_t i = 0; i < MANY * MOST_CLASSES; i++) logits[i] = random_normal(&r);
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
    for (size_t i = 0; i < 8 * sizeof classes / sizeof *classes; i++) {
      const int64_t C = classes[i / 8], most = C < 100 ? C : 100;
      const int which = i % 8 > 0;
      xent_options o = xent_default_options();
      o.isa = isa;
      o.has_ignore_index = 1;
      o.ignore_index = 1;
      const xent_shape s = dense_shape_of(MANY, C, 1, types[i % 8]);
      for (int64_t row = 0; row < MANY; row++)
        put_label(of_rows, types[i % 8], row, row == 20 ? 1 : row * row % most / 2 * 2);
      const cross_entropy_arrays a = {.logits = logits, .targets = of_rows, .losses = losses[which],
                                      .gradient = gradients[which]};
      report = (xent_report){.size = sizeof report};
      CHECK(cross_entropy_of(&s, &o, 0, MANY, &a, &report) == XENT_OK && report.valid_rows == MANY - 1);
      CHECK(!memcmp(losses[which], losses[0], sizeof losses[0]));
      CHECK(!memcmp(gradients[which], gradients[0], (size_t)(MANY * C) * sizeof(float)));
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
  struct { xent_shape known; uint64_t later; } newer_shape = {.known = shape};
  newer_shape.known.size = sizeof newer_shape;
  const xent_work on_newer_shape =
      on_classes(XENT_FUNCTION_SOFTMAX, &newer_shape.known, &options, 0, ROWS, 0, CLASSES, &report);
  CHECK(run_at(on_newer_shape, ARRAYS(x, y)) == XENT_OK);
  reset();
  newer_shape.later = 1;
  REFUSES(run_at(on_newer_shape, ARRAYS(x, y)), XENT_UNSUPPORTED, XENT_FIELD_SHAPE);
  struct { xent_report known; uint64_t later; } newer_report = {.known = {.size = sizeof newer_report}, .later = 7};
  options.isa = -1;
  CHECK(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &newer_report.known),
               ARRAYS(x, y)) == XENT_INVALID_OPTION);
  CHECK(newer_report.known.field == XENT_FIELD_ISA && newer_report.known.size == sizeof newer_report);
  CHECK(newer_report.later == 7);
  reset();
  const uint64_t impossible[] = {0, 16, 44, sizeof options + 4, UINT64_C(1) << 40};
  for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++) {
    options.size = impossible[i];
    CHECK(softmax() == XENT_INVALID_SIZE && report.integer == (int64_t)impossible[i]);
    CHECK(report.field == XENT_FIELD_OPTIONS && untouched());
    reset();
  }
  report.size = 8;
  report.row = 123;
  CHECK(softmax() == XENT_INVALID_SIZE && report.row == 123 && untouched());
}

/* Counts are not negative, and no more classes are the largest than there are. */
static void test_counts(void) {
  reset();
  shape.target_count = -1;
  REFUSES(softmax(), XENT_INVALID_SHAPE, XENT_FIELD_TARGET_COUNT);
  shape.top_count = -1;
  REFUSES(softmax(), XENT_INVALID_SHAPE, XENT_FIELD_TOP_COUNT);
  shape.top_count = CLASSES + 1;
  REFUSES(softmax(), XENT_INVALID_SHAPE, XENT_FIELD_TOP_COUNT);
  shape.prompt_count = -1;
  REFUSES(softmax(), XENT_INVALID_SHAPE, XENT_FIELD_PROMPT_COUNT);
  shape.output_count = -1;
  REFUSES(softmax(), XENT_INVALID_SHAPE, XENT_FIELD_OUTPUT_COUNT);
  shape.features = -1;
  REFUSES(softmax(), XENT_INVALID_SHAPE, XENT_FIELD_FEATURES);
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

/* Weights are finite and not negative, of every type and with any stride. */
static void test_weights_that_are_none(void) {
  static const double wrong[] = {-1, NAN, INFINITY, -0x1p-149};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    for (int64_t stride = 1; stride < 3; stride++) {
      float class_weights[2 * CLASSES] = {0}, row_weights[2 * ROWS] = {0};
      const void *const of_classes[MOST_ARRAYS] = {labels, NULL, NULL, class_weights},
                        *const of_rows[MOST_ARRAYS] = {labels, NULL, NULL, NULL, row_weights};
      for (int zeros = 0; zeros < 2; zeros++) {
        reset();
        shape.class_weights = layout_of(0, stride, 0, XENT_F32);
        shape.row_weights = layout_of(stride, 0, 0, XENT_F32);
        const xent_work w = on_rows(XENT_FUNCTION_CHECK_TARGETS, &shape, &options, 0, ROWS, &report);
        if (zeros == 0) {
          CHECK(run_at(w, of_classes) == XENT_OK && run_at(w, of_rows) == XENT_OK && report.valid_rows == 0);
          class_weights[stride * (CLASSES - 1)] = row_weights[stride * 2] = (float)wrong[i];
          continue;
        }
        CHECK(run_at(w, of_classes) == XENT_INVALID_OPTION && report.field == XENT_FIELD_CLASS_WEIGHTS);
        CHECK(report.integer == CLASSES - 1 && (report.value == wrong[i] || isnan(wrong[i])));
        CHECK(run_at(w, of_rows) == XENT_INVALID_OPTION && report.field == XENT_FIELD_ROW_WEIGHTS);
        CHECK(report.integer == 2 && (report.value == wrong[i] || isnan(wrong[i])));
      }
    }
}

/* Probability rows have no labels to ignore or to hit. */
static void test_probability_rows(void) {
  reset();
  uint8_t correct[ROWS];
  float q[SIZE] = {1e10f, 1e-39f, -1e10f, 0, 0};
  shape.targets = shape.logits;
  options.has_ignore_index = 1;
  REFUSES(cross_entropy_of(&shape, &options, 0, ROWS, &(cross_entropy_arrays){.logits = x, .targets = q,
                           .gradient = y}, &report),
          XENT_INVALID_OPTION, XENT_FIELD_IGNORE_INDEX);
  shape.targets = shape.logits;
  REFUSES(cross_entropy_of(&shape, &options, 0, ROWS, &(cross_entropy_arrays){.logits = x, .targets = q,
                           .correct = correct, .gradient = y}, &report),
          XENT_INVALID_ARGUMENT, XENT_FIELD_CORRECT);
  shape.targets = shape.logits;
  memset(x, 0, sizeof x);
  const cross_entropy_arrays arrays = {.logits = x, .targets = q, .gradient = y};
  CHECK(cross_entropy_of(&shape, &options, 0, ROWS, &arrays, &report) == XENT_OK);
  CHECK(y[0] == -1e10f && y[2] == 1e10f); /* targets that cancel: the carried form would overflow */
}

static void test_hits(void) {
  reset();
  enum { WIDE = 20000 };
  static float wide[WIDE];
  int64_t label = 9000;
  uint8_t hit;
  shape = dense_shape_of(1, WIDE, 1, XENT_I64);
  const cross_entropy_arrays arrays = {.logits = wide, .targets = &label, .correct = &hit};
  wide[label] = 5;
  CHECK(cross_entropy_of(&shape, &options, 0, 1, &arrays, NULL) == XENT_OK && hit == 1);
  wide[label + 1] = 5; /* a tie behind it: still the first */
  CHECK(cross_entropy_of(&shape, &options, 0, 1, &arrays, NULL) == XENT_OK && hit == 1);
  wide[label - 1] = 5; /* before it in the same chunk */
  CHECK(cross_entropy_of(&shape, &options, 0, 1, &arrays, NULL) == XENT_OK && hit == 0);
  wide[label - 1] = 0;
  wide[3] = 5; /* in an earlier chunk */
  CHECK(cross_entropy_of(&shape, &options, 0, 1, &arrays, NULL) == XENT_OK && hit == 0);
  label = 3;
  CHECK(cross_entropy_of(&shape, &options, 0, 1, &arrays, NULL) == XENT_OK && hit == 1);
}

/* One short row has a way of its own. */
static void test_hits_of_one_row(void) {
  reset();
  const float ties[] = {0, 2, -1, 2}, zeros[] = {-0.0f, 0.0f, -1, -0.0f};
  for (int64_t label = 0; label < 4; label++) {
    uint8_t hit, hit_of_zeros;
    shape = dense_shape_of(1, 4, 1, XENT_I64);
    const cross_entropy_arrays arrays = {.logits = ties, .targets = &label, .correct = &hit};
    const cross_entropy_arrays of_zeros = {.logits = zeros, .targets = &label, .correct = &hit_of_zeros};
    CHECK(cross_entropy_of(&shape, &options, 0, 1, &arrays, NULL) == XENT_OK && hit == (label == 1));
    CHECK(cross_entropy_of(&shape, &options, 0, 1, &of_zeros, NULL) == XENT_OK && hit_of_zeros == (label == 0));
  }
}

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

static xent_status finish(const xent_state *states, const int32_t *targets, int32_t round,
                          xent_statistics *statistics, float *losses, xent_exact_sum *exact_sum) {
  return run_at((xent_work){.function = XENT_FUNCTION_FINISH,
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
  const xent_sizes sizes = {.outer = ROWS, .classes = CLASSES, .inner = 1, .target_count = 1};
  xent_statistics by_struct[ROWS];
  float dx_by_struct[SIZE];
  const xent_selected_log_probabilities_call forward = {
      .size = sizeof forward, .sizes = sizes, .logits = {x, shape.logits}, .targets = {labels, shape.targets},
      .statistics = by_struct};
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

static void test_workspace_of_too_many_classes(void) {
  CHECK(xent_sample_workspace(INT32_MAX, INT64_MAX) != 0);
  CHECK(xent_sample_workspace((int64_t)INT32_MAX + 1, 1) == 0);
  CHECK(xent_sample_workspace(INT64_MAX, INT64_MAX) == 0);
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

/* Two rounds add each row's loss once, to the sum that whole rows give. */
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

static void test_exact_sum(void) {
  xent_exact_sum a = xent_empty_exact_sum(), b = xent_empty_exact_sum();
  const float values[] = {0x1p127f, 0x1p-149f, -0x1p127f, 1, 0x1p-24f, -0.0f};
  CHECK(!xent_exact_sum_add(&a, values, XENT_F32, 1, 3) && !xent_exact_sum_add(&b, values + 3, XENT_F32, 1, 3));
  CHECK(xent_exact_sum_value(&a) == 0x1p-149);
  CHECK(!xent_exact_sum_merge(&a, &b) && xent_exact_sum_value(&a) == 1 + 0x1p-24); /* rounded once */
  xent_exact_sum c = xent_empty_exact_sum();
  const float ties[] = {0x1p53f, 1, -0x1p-149f};
  CHECK(!xent_exact_sum_add(&c, ties, XENT_F32, 1, 2) && xent_exact_sum_value(&c) == 0x1p53);
  CHECK(!xent_exact_sum_add(&c, ties, XENT_F32, 1, 2) && xent_exact_sum_value(&c) == 0x1p54 + 2 - 0);
  xent_exact_sum d = xent_empty_exact_sum();
  CHECK(xent_exact_sum_value(&d) == 0 && !signbit(xent_exact_sum_value(&d)));
  const float infinite[] = {INFINITY, -INFINITY};
  CHECK(!xent_exact_sum_add(&d, infinite, XENT_F32, 1, 1) && xent_exact_sum_value(&d) == INFINITY);
  CHECK(!xent_exact_sum_add(&d, infinite + 1, XENT_F32, 1, 1) && isnan(xent_exact_sum_value(&d)));
  xent_exact_sum nan = xent_empty_exact_sum();
  const float not_a_number[] = {NAN};
  CHECK(!xent_exact_sum_add(&nan, not_a_number, XENT_F32, 1, 1) && !xent_exact_sum_merge(&b, &nan) &&
        isnan(xent_exact_sum_value(&b)));
  d.size = 0;
  CHECK(xent_exact_sum_add(&d, values, XENT_F32, 1, 1) == XENT_INVALID_SIZE);
  CHECK(xent_exact_sum_merge(&c, &d) == XENT_INVALID_SIZE && xent_exact_sum_merge(NULL, &c) == XENT_INVALID_ARGUMENT);
}

/* What is added lies where 64 bits can say: else nothing is read. */
static void test_far_summands(void) {
  const double values[2] = {1, 2};
  const struct {
    int32_t type;
    int64_t stride, count;
  } far[] = {{XENT_F32, INT64_C(1) << 62, 4},      {XENT_F32, INT64_MAX, 3},  {XENT_F32, INT64_MAX, INT64_MAX},
             {XENT_F32, INT64_MAX, 2},             {XENT_F32, INT64_MAX / 4, 2}, {XENT_F64, INT64_MAX / 8, 2},
             {XENT_F64, INT64_C(1) << 59, 3},      {XENT_F32, 1, INT64_MAX},  {XENT_F32, -1, 1},
             {XENT_F32, 1, -1}};
  xent_exact_sum t = xent_empty_exact_sum();
  for (size_t i = 0; i < sizeof far / sizeof *far; i++)
    CHECK(xent_exact_sum_add(&t, values, far[i].type, far[i].stride, far[i].count) == XENT_INVALID_SHAPE);
  CHECK(xent_exact_sum_value(&t) == 0);
  CHECK(!xent_exact_sum_add(&t, values, XENT_F64, INT64_MAX, 1) && !xent_exact_sum_add(&t, NULL, XENT_F64, INT64_MAX,
      0));
  CHECK(!xent_exact_sum_add(&t, values + 1, XENT_F64, 0, 3) && xent_exact_sum_value(&t) == 7);
}

static void test_edges(void) {
  reset();
  for (int i = 0; i < CLASSES; i++) x[i] = -INFINITY;
  CHECK(softmax() == XENT_OK && isnan(y[0]));
  options.fully_masked = XENT_FULLY_MASKED_ZERO;
  CHECK(softmax() == XENT_OK && y[0] == 0 && y[CLASSES] > 0);
  CHECK(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, NULL), ARRAYS(x, y)) ==
        XENT_OK);
  CHECK(y[0] == -INFINITY);
  x[2] = NAN; /* a NaN wins over the policy */
  CHECK(softmax() == XENT_OK && isnan(y[0]));
  reset();
  shape.outer = 0;
  CHECK(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, 0, 0, CLASSES, &report), ARRAYS(x, y)) ==
            XENT_OK &&
        untouched());
  /* no rows at all of sizes whose product 64 bits do not hold: nobody multiplies them unseen */
  shape.classes = shape.inner = shape.logits.classes = shape.output.classes = INT64_C(1) << 40;
  shape.logits.inner = shape.output.inner = 1;
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, 0, 0, shape.classes, &report), ARRAYS(x, y)),
          XENT_INVALID_SHAPE, XENT_FIELD_LOGITS);
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

/* A struct without its size, and sizes without `inner`: mistakes that would else do nothing and say that it is done. */
#define LEAVES_OUT(function, type)                                                                                 \
  do {                                                                                                             \
    xent_##type##_call c = {.sizes = xent_rows(ROWS, CLASSES), .report = &report};                                 \
    report = (xent_report){.size = sizeof report, .row = 123};                                                     \
    CHECK(xent_##function(&c) == XENT_INVALID_SIZE && report.row == 123);                                          \
    c.size = sizeof c;                                                                                             \
    c.sizes.features = 1; /* of linear layers */                                                                   \
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
  CHECK(matrix.outer == 7 && matrix.classes == 9 && matrix.inner == 1 && matrix.features == 0);
}

/* Records of rows, and offsets, that 64 bits cannot address: refused before any is read, however few rows are meant. */
static void test_far_rows(void) {
  static xent_statistics statistics;
  static xent_state states;
  static xent_sample_state sample_states;
  static const int64_t many = INT64_C(1) << 60, beyond = INT64_C(1) << 61;
  const xent_range none = {0, 0};
#define FAR(type, function, field_, ...)                                                                              \
  do {                                                                                                                \
    reset();                                                                                                          \
    const xent_##type##_call c = {.size = sizeof c, .sizes = {.outer = many, .classes = 1, .inner = 1, .features = 1}, \
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
  FAR(linear_cross_entropy, linear_cross_entropy, STATISTICS, .statistics = &statistics);
  FAR(linear_cross_entropy_backward, linear_cross_entropy_backward, STATISTICS, .statistics = &statistics);
  FAR(linear_states, linear_states, STATES, .states = &states);
#undef FAR
  reset();
  const xent_sampling sampling = xent_default_sampling();
  const xent_range first = {0, 1};
  const xent_layout same = {.type = XENT_F32}, apart = {.outer = 1, .type = XENT_I32};
  int32_t token;
  xent_sample_call c = {.size = sizeof c, .sizes = xent_rows(many, 1), .rows = &first, .report = &report,
                        .sampling = &sampling, .per_row = 1, .logits = {x, same}, .tokens = {&token, apart}};
  CHECK(xent_sample(&c) == XENT_INVALID_SHAPE && report.field == XENT_FIELD_SAMPLING && report.integer == many);
  c.per_row = 0;
  c.sizes.all_classes = 2;
  c.states = &sample_states;
  CHECK(xent_sample(&c) == XENT_INVALID_SHAPE && report.field == XENT_FIELD_STATES && report.integer == many);
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
  CHECK(xent_sample_workspace(INT64_MAX, INT64_MAX) == 0);
  CHECK(xent_sample_workspace(INT32_MAX, INT64_MAX) < INT64_C(1) << 40);
}

/* What is left out of a struct is the usual: all rows and classes, the default options, no report. */
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
  CHECK(xent_softmax(&c) == XENT_INVALID_ARGUMENT && report.field == XENT_FIELD_CLASS_RANGE);
  c.classes = NULL;
  c.sizes.outer = c.sizes.inner = INT64_MAX;
  CHECK(xent_softmax(&c) == XENT_INVALID_SHAPE && report.field == XENT_FIELD_SHAPE);
}

/* Every array of every struct is the one that its name says: refused where it must be, by its field. */
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
  NAMES_ITS_ARRAYS(CALL, xent_cross_entropy, (GIVE(logits, full), c.targets.address = labels, c.sizes.target_count = 1,
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
                   (GIVE(logits, full), c.targets.address = labels, c.sizes.target_count = 1,
                    c.targets.layout = (xent_layout){1, 1, 1, XENT_I32, 0}, GIVE_OUT(gradient, full)),
                   NAMED(logits, LOGITS), NAMED(targets, TARGETS), NAMED(row_offsets, ROW_OFFSETS),
                   NAMED(class_mask, CLASS_MASK), NAMED(sink, SINK), NAMED(upstream, UPSTREAM),
                   NAMED(log_probabilities, LOG_PROBABILITIES), NAMED(gradient, GRADIENT));
#undef CALL
#define CALL xent_selected_log_probabilities_backward_call
  NAMES_ITS_ARRAYS(CALL, xent_selected_log_probabilities_backward,
                   (GIVE(logits, full), c.targets.address = labels, c.sizes.target_count = 1,
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
  CHECK(!xent_cross_entropy(&whole) && report.valid_rows == ROWS && report.schedule != 0);
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
  CHECK(xent_check_targets(&check) == XENT_UNSUPPORTED && report.field == XENT_FIELD_LOGITS);
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

/* A shape may end behind its last array, and what lies behind it is not looked at. */
static void test_short_shapes(void) {
  reset();
  float losses[ROWS];
  xent_shape later = shape;
  memset((char *)&later + offsetof(xent_shape, losses), 0xff, sizeof later - offsetof(xent_shape, losses));
  later.size = offsetof(xent_shape, gradient);
  CHECK(!run_at(on_classes(XENT_FUNCTION_SOFTMAX, &later, &options, 0, ROWS, 0, CLASSES, &report), ARRAYS(x, y)) &&
        !untouched());
  reset();
  later.size = offsetof(xent_shape, losses);
  CHECK(!run_at(on_rows(XENT_FUNCTION_CROSS_ENTROPY, &later, &options, 0, ROWS, &report),
                ARRAYS(x, labels, NULL, NULL, NULL, y)) &&
        !untouched());
  reset();
  REFUSES(run_at(on_rows(XENT_FUNCTION_CROSS_ENTROPY, &later, &options, 0, ROWS, &report),
                 ARRAYS(x, labels, losses, NULL, NULL, y)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_LOSSES);
  const uint64_t impossible[] = {0, offsetof(xent_shape, gradient) - 8, sizeof shape + 4, 8192};
  for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++) {
    shape.size = impossible[i];
    REFUSES(softmax(), XENT_INVALID_SIZE, XENT_FIELD_SHAPE);
  }
}

/* ---- strides ---- */

/* Whether two indices of an array have the same place, found by trying all. */
static bool meets_itself(const int64_t extents[3], const int64_t strides[3]) {
  static uint8_t seen[1 << 16];
  memset(seen, 0, sizeof seen);
  for (int64_t i = 0; i < extents[0]; i++)
    for (int64_t j = 0; j < extents[1]; j++)
      for (int64_t k = 0; k < extents[2]; k++)
        if (seen[i * strides[0] + j * strides[1] + k * strides[2]]++) return true;
  return false;
}

/* Every output is accepted or refused as its elements are apart or not, however its strides interleave. */
static void test_strides_of_outputs(void) {
  static float output[1 << 16];
  random_source r = {11};
  int apart = 0, tangled = 0;
  for (int i = 0; i < 40000; i++) {
    const int64_t most = i % 3 ? 6 : 12, reach = i % 2 ? 16 : 300;
    const int64_t extents[3] = {1 + random_below(&r, most), 1 + random_below(&r, most), 1 + random_below(&r, most)};
    const int64_t strides[3] = {random_below(&r, reach), random_below(&r, reach), random_below(&r, reach)};
    const bool meets = meets_itself(extents, strides);
    reset();
    shape = dense_shape(extents[0], extents[1], extents[2]);
    shape.logits = layout_of(0, 0, 0, XENT_F32);
    shape.output = layout_of(strides[0], strides[1], strides[2], XENT_F32);
    const xent_status status =
        run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, extents[0] * extents[2], 0, extents[1], &report),
               ARRAYS(x, output));
    CHECK(status == (meets ? XENT_OVERLAP : XENT_OK));
    meets ? tangled++ : apart++;
  }
  CHECK(apart > 5000 && tangled > 5000);
  reset();
  shape = dense_shape(2, 3, 1); /* [2, 3] with strides of 3 and 2: 0 2 4, 3 5 7 */
  shape.output = layout_of(3, 2, 1, XENT_F32);
  CHECK(!run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, 2, 0, 3, &report), ARRAYS(x, y)) && y[1] == -99);
  /* more elements than could be tried: strides of which a + c = 2 b, and three that do not meet within reach */
  const int64_t many = 4096, step = INT64_C(1) << 40;
  float *const low = &x[0] < &y[0] ? x : y, *const high = low == x ? y : x; /* the output reaches far up */
  for (int apart_by = 0; apart_by < 2; apart_by++) {
    shape = dense_shape(many, many, many);
    shape.logits = layout_of(0, 0, 0, XENT_F32);
    shape.output = apart_by ? layout_of(step, step + 8193, step + (1 << 26), XENT_F32)
                            : layout_of(step, step + 1, step + 2, XENT_F32);
    const xent_status expected = apart_by ? XENT_OK : XENT_OVERLAP;
    CHECK(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, 0, 0, many, &report), ARRAYS(low, high)) ==
          expected);
  }
}

/* Numbers of classes that a type does not hold are refused, and not wrapped. */
static void test_class_numbers(void) {
  static int32_t numbers[1];
  int32_t *const none = NULL;
  for (int i = 0; i < 3; i++)
    for (int over = 0; over < 2; over++) {
      reset();
      int32_t label = 0;
      shape = dense_shape_of(1, (INT64_C(1) << 31) + over, 1, XENT_I32);
      shape.logits = layout_of(0, 0, 0, XENT_F32);
      shape.argmax = shape.ranks = layout_of(1, 0, 1, XENT_I32);
      shape.top_classes = layout_of(1, 1, 1, XENT_I32);
      shape.top_count = 1;
      const xent_status status =
          cross_entropy_of(&shape, &options, 0, 0, &(cross_entropy_arrays){.logits = x, .targets = &label,
                           .argmax = i == 0 ? numbers : none, .ranks = i == 1 ? numbers : none,
                           .top_classes = i == 2 ? numbers : none}, &report);
      CHECK(status == (over ? XENT_UNSUPPORTED : XENT_OK));
      const int32_t fields[] = {XENT_FIELD_ARGMAX, XENT_FIELD_RANKS, XENT_FIELD_TOP_CLASSES};
      CHECK(!over || (report.field == fields[i] && report.integer == XENT_I32));
    }
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

/* A call that wants something of targets, without any. */
/* Columns that are turned into rows: those before a label out of range are written, those from it on are left. */
static void test_columns_before_a_wrong_label(void) {
  enum { COLUMNS = 24, WRONG = 21 };
  float logits[2 * COLUMNS], gradient[2 * COLUMNS];
  int32_t own_labels[COLUMNS] = {0}, top[COLUMNS];
  const xent_layout columns = {.outer = 1, .classes = COLUMNS, .type = XENT_F32};
  const xent_layout per_row = {.outer = 1, .classes = COLUMNS, .type = XENT_I32};
  xent_report own_report = {.size = sizeof own_report};
  xent_cross_entropy_call c = {.size = sizeof c, .sizes = xent_rows(COLUMNS, 2), .report = &own_report,
                               .logits = {logits, columns}, .targets = {own_labels, per_row},
                               .top_classes = {top, per_row}, .gradient = {gradient, columns}};
  c.sizes.top_count = 1;
  for (int i = 0; i < 2 * COLUMNS; i++) logits[i] = (float)(i % 5), gradient[i] = 7;
  own_labels[WRONG] = 9;
  CHECK(xent_cross_entropy(&c) == XENT_INVALID_LABEL && own_report.row == WRONG);
  int written = 0, left = 0;
  for (int row = 0; row < WRONG; row++) written += gradient[row] != 7 && gradient[COLUMNS + row] != 7;
  for (int row = WRONG; row < COLUMNS; row++) left += gradient[row] == 7 && gradient[COLUMNS + row] == 7;
  CHECK(written == WRONG && left == COLUMNS - WRONG);
}

static void test_missing_targets(void) {
  for (int i = 0; i < 8; i++) {
    reset();
    float losses[ROWS];
    int64_t ranks[ROWS];
    uint8_t correct[ROWS];
    xent_statistics statistics[ROWS];
    xent_exact_sum exact_sum = xent_empty_exact_sum();
    shape.log_probabilities = shape.losses;
    shape.target_gradient = shape.logits;
    shape.ranks = layout_of(1, 0, 1, XENT_I64);
    cross_entropy_arrays a = {.logits = x, .log_sum_exp = losses};
    CHECK(cross_entropy_of(&shape, &options, 0, ROWS, &a, &report) == XENT_OK);
    a.log_sum_exp = NULL;
    if (i == 0) a.losses = losses;
    if (i == 1) a.gradient = y;
    if (i == 2) a.correct = correct;
    if (i == 3) a.log_probabilities = losses;
    if (i == 4) a.ranks = ranks;
    if (i == 5) a.statistics = statistics;
    if (i == 6) a.exact_sum = &exact_sum;
    if (i == 7) a.target_gradient = y;
    REFUSES(cross_entropy_of(&shape, &options, 0, ROWS, &a, &report), XENT_INVALID_ARGUMENT, XENT_FIELD_TARGETS);
  }
}

/* Every field and every tier has a name of its own. */
/* Numbers, sizes and arrays that a door refuses; and a function that it runs like the struct does. */
static void test_doors(void) {
  const xent_shape s = dense_shape(1, 3, 1);
  const xent_options o = xent_default_options();
  xent_report r = {.size = sizeof r};
  float logits[3] = {1, 2, 3}, output[3] = {0}, other[3];
  int64_t label = 2;
  xent_work w = on_classes(XENT_FUNCTION_SOFTMAX, &s, &o, 0, 1, 0, 3, &r);
  CHECK(xent_few_at(NULL, logits, output, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(xent_few_at(&w, logits, output, NULL, NULL, NULL, NULL) == XENT_INVALID_SIZE);
  w.size = sizeof w + 1;
  CHECK(xent_few_at(&w, logits, output, NULL, NULL, NULL, NULL) == XENT_INVALID_SIZE);
  static const int32_t unknown[] = {0, FUNCTIONS + 1, -1, INT32_MAX, INT32_MIN};
  w.size = sizeof w;
  for (size_t k = 0; k < sizeof unknown / sizeof *unknown; k++) {
    w.function = unknown[k];
    CHECK(xent_few_at(&w, logits, output, NULL, NULL, NULL, NULL) == XENT_UNSUPPORTED);
  }
  w.function = XENT_FUNCTION_LOG_SUM_EXP; /* which takes five arrays */
  CHECK(xent_few_at(&w, logits, output, NULL, NULL, NULL, logits) == XENT_INVALID_ARGUMENT && output[0] == 0);
  w.function = XENT_FUNCTION_SOFTMAX;
  CHECK(xent_many_at(&w, logits, output, NULL, NULL, NULL, NULL, logits, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                     NULL) == XENT_INVALID_ARGUMENT &&
        output[0] == 0);
  CHECK(xent_many_at(&w, logits, output, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                     NULL) == XENT_OK);
  CHECK(xent_few_at(&w, logits, other, NULL, NULL, NULL, NULL) == XENT_OK && !memcmp(output, other, sizeof output));
  w.report = NULL;
  w.function = XENT_FUNCTION_CHECK_TARGETS; /* which tells what it found in its report */
  CHECK(xent_few_at(&w, &label, NULL, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  w.report = &r;
  CHECK(xent_few_at(&w, &label, NULL, NULL, NULL, NULL, NULL) == XENT_OK && r.valid_rows == 1);
  w.choice = 1; /* of a function that has none to make */
  CHECK(xent_few_at(&w, &label, NULL, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  w.function = XENT_FUNCTION_SOFTMAX;
  CHECK(xent_few_at(&w, logits, output, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  int32_t token[2]; /* the range of classes says nothing to a function that has none */
  xent_shape one = s;
  one.tokens = xent_per_row(1, XENT_I32);
  const xent_sampling greedy = {.size = sizeof greedy, .greedy = 1};
  w = (xent_work){.size = sizeof w, .function = XENT_FUNCTION_SAMPLE, .shape = &one, .options = &o, .report = &r,
                  .sampling = &greedy, .row_end = 1, .class_begin = 7, .class_end = 9};
  CHECK(xent_few_at(&w, logits, token, NULL, NULL, NULL, NULL) == XENT_OK && token[0] == 2);
}

/* Structs that are not there have no size that could be wrong. */
static void test_structs_that_are_missing(void) {
  const xent_shape s = dense_shape(1, 3, 1);
  const xent_options o = xent_default_options();
  xent_report r = {.size = sizeof r};
  float logits[3] = {1, 2, 3}, output[3] = {0};
  xent_work w = on_classes(XENT_FUNCTION_SOFTMAX, NULL, &o, 0, 1, 0, 3, &r);
  w.size = sizeof w;
  CHECK(xent_few_at(&w, logits, output, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(r.field == XENT_FIELD_SHAPE && r.integer == 0);
  w.shape = &s;
  w.options = NULL;
  CHECK(xent_few_at(&w, logits, output, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(r.field == XENT_FIELD_OPTIONS && r.integer == 0 && output[0] == 0);
}

/* A compiler that knows of callers and of us, as with link-time optimisation, sees that these are one and the same. */
#define XENT_DEFINE_WORD_AFTER(opaque_type, type)                                                                \
  __attribute__((noinline)) static uint64_t word_of_##opaque_type(xent_##opaque_type *caller, type *own) {       \
    caller->opaque[0] = 1;                                                                                       \
    own->kind = 7;                                                                                               \
    return caller->opaque[0];                                                                                    \
  }
XENT_DEFINE_WORD_AFTER(statistics, row_statistics)
XENT_DEFINE_WORD_AFTER(state, row_state)
XENT_DEFINE_WORD_AFTER(sample_state, row_sample_state)

static void test_records_behind_opaque_structs(void) {
  static xent_statistics statistics;
  static xent_state state;
  static xent_sample_state sample_state;
  CHECK(word_of_statistics(&statistics, (void *)&statistics) == 7);
  CHECK(word_of_state(&state, (void *)&state) == 7);
  CHECK(word_of_sample_state(&sample_state, (void *)&sample_state) == 7);
}

/* A call that is checked once sees what its memory holds in each run. */
static void test_prepared(void) {
  enum { C = 5 };
  const xent_options o = xent_default_options();
  xent_report r = {.size = sizeof r};
  float logits[C] = {1, 2, 3, 4, 5}, gradient[C], moved[C], again[C], loss[2];
  int8_t label = 2, other_label = 4;
  xent_cross_entropy_call c = {.size = sizeof c, .sizes = xent_rows(1, C), .options = &o, .report = &r,
                               .logits = {logits, xent_per_class(C, 1, XENT_F32)},
                               .targets = {&label, xent_per_row(1, XENT_I8)},
                               .losses = {loss, xent_per_row(1, XENT_F32)},
                               .gradient = {gradient, xent_per_class(C, 1, XENT_F32)}};
  xent_prepared p = {.size = sizeof p};
  const int32_t function = XENT_FUNCTION_CROSS_ENTROPY;
  CHECK(xent_run(NULL) == XENT_INVALID_ARGUMENT && xent_run(&p) == XENT_INVALID_ARGUMENT);
  CHECK(xent_run_at(&p, logits, NULL, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(xent_prepare(&p, 0, &c) == XENT_UNSUPPORTED);
  CHECK(xent_prepare(&p, FUNCTIONS + 1, &c) == XENT_UNSUPPORTED);
  CHECK(xent_prepare(NULL, function, &c) == XENT_INVALID_ARGUMENT && xent_prepare(&p, function, NULL) != XENT_OK);
  xent_prepared unsized = {.size = 8};
  CHECK(xent_prepare(&unsized, function, &c) == XENT_INVALID_SIZE && xent_run(&unsized) == XENT_INVALID_ARGUMENT);
  gradient[0] = 77;
  CHECK(xent_prepare(&p, function, &c) == XENT_OK && gradient[0] == 77); /* nothing is computed */
  c.size = 0; /* the struct is not used afterwards */
  for (int run = 0; run < 3; run++) {
    logits[run] += 0.5f;
    label = (int8_t)run;
    r.row = 9;
    CHECK(xent_run(&p) == XENT_OK && r.row == -1 && r.valid_rows == 1 && r.denominator == 1);
    memcpy(moved, gradient, sizeof moved);
    loss[1] = loss[0];
    c.size = sizeof c;
    CHECK(xent_cross_entropy(&c) == XENT_OK && !memcmp(moved, gradient, sizeof moved) && loss[0] == loss[1]);
  }
  const int32_t way = r.schedule;
  CHECK(xent_run(&p) == XENT_OK && r.schedule == way);
  label = C;
  CHECK(xent_run(&p) == XENT_INVALID_LABEL && r.row == 0 && r.label == C);
  label = -1;
  CHECK(xent_run(&p) == XENT_INVALID_LABEL && r.label == -1);
  label = 1;
  CHECK(xent_run(&p) == XENT_OK);
  memcpy(moved, logits, sizeof moved);
  memset(logits, 0, sizeof logits);
  CHECK(xent_run_at(&p, moved, &other_label, NULL, NULL, NULL, again) == XENT_OK && again[4] < 0 && again[1] > 0);
  xent_cross_entropy_call there = c; /* every array is the one that moved, not what was left behind */
  float direct[C];
  there.logits.address = moved;
  there.targets.address = &other_label;
  there.gradient.address = direct;
  CHECK(xent_cross_entropy(&there) == XENT_OK && !memcmp(again, direct, sizeof direct));
  CHECK(xent_run_at(&p, NULL, &label, NULL, NULL, again, NULL) == XENT_OK && again[1] < 0); /* of no array */
  c.sizes.classes = 0;
  CHECK(xent_prepare(&p, function, &c) == XENT_INVALID_SHAPE && r.field == XENT_FIELD_CLASSES);
  CHECK(xent_run(&p) == XENT_INVALID_ARGUMENT); /* what was prepared before is gone */
  c.sizes.classes = C;
  c.report = NULL;
  CHECK(xent_prepare(&p, function, &c) == XENT_OK && xent_run(&p) == XENT_OK);
  /* what refuses a call leaves nothing that was prepared before */
  xent_cross_entropy_call bad = c;
  bad.size = 0;
  CHECK(xent_prepare(&p, function, &bad) == XENT_INVALID_SIZE && xent_run(&p) == XENT_INVALID_ARGUMENT);
  CHECK(xent_prepare(&p, function, &c) == XENT_OK && xent_prepare(&p, function, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(xent_run(&p) == XENT_INVALID_ARGUMENT && xent_prepare(&p, function, &c) == XENT_OK);
  CHECK(xent_prepare(&p, 99, &c) == XENT_UNSUPPORTED && xent_run(&p) == XENT_INVALID_ARGUMENT);
  const xent_shape dense = dense_shape(1, C, 1);
  xent_work w = on_classes(XENT_FUNCTION_SOFTMAX, &dense, &o, 0, 1, 0, C, &r);
  w.size = sizeof w;
  w.prepared = &p;
  CHECK(xent_few_at(&w, logits, again, NULL, NULL, NULL, NULL) == XENT_OK && r.schedule == 0 &&
        xent_run(&p) == XENT_OK);
  w.choice = 1;
  CHECK(xent_few_at(&w, logits, again, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(xent_run(&p) == XENT_INVALID_ARGUMENT);
  /* arrays behind those of the function are not looked at */
  xent_log_sum_exp_call lse = {.size = sizeof lse, .sizes = xent_rows(1, C), .report = &r,
                               .logits = {logits, xent_per_class(C, 1, XENT_F32)},
                               .log_sum_exp = {loss, xent_per_row(1, XENT_F32)}};
  CHECK(xent_prepare(&p, XENT_FUNCTION_LOG_SUM_EXP, &lse) == XENT_OK && xent_run(&p) == XENT_OK);
  loss[1] = loss[0];
  CHECK(xent_run_at(&p, logits, loss, moved, moved, moved, moved) == XENT_OK && loss[0] == loss[1]);
  /* an exact sum says in each run that it is one */
  xent_exact_sum exact_sum = xent_empty_exact_sum();
  c.exact_sum = &exact_sum;
  c.report = &r;
  CHECK(xent_prepare(&p, function, &c) == XENT_OK && xent_run(&p) == XENT_OK);
  exact_sum.size = 0;
  CHECK(xent_run(&p) == XENT_INVALID_SIZE && r.field == XENT_FIELD_EXACT_SUM && r.integer == 0 && r.schedule == 0);
  c.exact_sum = NULL;
  /* what is checked in memory is checked in each run */
  int32_t offsets[2] = {0, C};
  xent_softmax_call ragged = {.size = sizeof ragged, .sizes = xent_rows(1, C), .report = &r,
                              .logits = {logits, xent_per_class(C, 1, XENT_F32)},
                              .output = {again, xent_per_class(C, 1, XENT_F32)},
                              .row_offsets = {offsets, xent_per_row(1, XENT_I32)}};
  CHECK(xent_prepare(&p, XENT_FUNCTION_SOFTMAX, &ragged) == XENT_OK && xent_run(&p) == XENT_OK);
  offsets[1] = C + 1;
  CHECK(xent_run(&p) == XENT_INVALID_SHAPE && r.field == XENT_FIELD_ROW_OFFSETS);
  offsets[1] = 3;
  again[3] = 99;
  CHECK(xent_run(&p) == XENT_OK && again[3] == 99 && again[0] == (float)(1 / 3.0));
  xent_sampling sampling = {.size = sizeof sampling, .greedy = 1};
  int32_t token[1] = {-9};
  xent_sample_call sample = {.size = sizeof sample, .sizes = xent_rows(1, C), .report = &r, .sampling = &sampling,
                             .logits = {logits, xent_per_class(C, 1, XENT_F32)},
                             .tokens = {token, xent_per_row(1, XENT_I32)}};
  CHECK(xent_prepare(&p, XENT_FUNCTION_SAMPLE, &sample) == XENT_OK && token[0] == -9);
  logits[3] = 1;
  CHECK(xent_run(&p) == XENT_OK && token[0] == 3);
  sampling.top_k = -1;
  CHECK(xent_run(&p) == XENT_INVALID_OPTION && r.field == XENT_FIELD_TOP_K);
  sample.options = &o; /* what is kept of a call without rows is the caller's */
  sample.sizes = xent_rows(0, C);
  sample.tokens.address = NULL;
  sampling.top_k = 0;
  CHECK(xent_prepare(&p, XENT_FUNCTION_SAMPLE, &sample) == XENT_OK);
  bool kept = false;
  for (size_t k = 0; k < sizeof p.opaque / sizeof *p.opaque; k++) kept |= p.opaque[k] == (uint64_t)(uintptr_t)&o;
  CHECK(kept && xent_run(&p) == XENT_OK && r.valid_rows == 0);
  sampling.top_k = -1; /* which checks read of every run, rows or none */
  CHECK(xent_run(&p) == XENT_INVALID_OPTION && r.field == XENT_FIELD_TOP_K);
}

static void test_names(void) {
  const char *unknown = xent_field_name(INT32_MAX);
  CHECK(!strcmp(unknown, "unknown") && !strcmp(xent_field_name(-1), unknown));
  for (int32_t f = XENT_FIELD_NONE + 1; f <= XENT_FIELD_BIAS_GRADIENT; f++) {
    CHECK(*xent_field_name(f) && strcmp(xent_field_name(f), unknown) != 0);
    for (int32_t other = XENT_FIELD_NONE; other < f; other++)
      CHECK(strcmp(xent_field_name(f), xent_field_name(other)) != 0);
  }
  CHECK(!strcmp(xent_field_name(XENT_FIELD_LABEL_SMOOTHING), "label_smoothing"));
  CHECK(!strcmp(xent_field_name(XENT_FIELD_TOP_LOG_PROBABILITIES), "top_log_probabilities"));
  for (int32_t isa = XENT_ISA_BEST; isa <= XENT_ISA_NEON; isa++)
    for (int32_t other = XENT_ISA_BEST - 1; other < isa; other++)
      CHECK(strcmp(xent_isa_name(isa), xent_isa_name(other)) != 0);
  CHECK(!strcmp(xent_isa_name(XENT_ISA_NEON + 1), xent_isa_name(-1)));
  CHECK(xent_has_isa(XENT_ISA_BEST) == 1 && xent_has_isa(XENT_ISA_SCALAR) == 1 && xent_has_isa(xent_best_isa()) == 1);
  CHECK(!xent_has_isa(-1) && !xent_has_isa(XENT_ISA_NEON + 1));
  CHECK(!xent_has_isa(INT32_MIN) && !xent_has_isa(INT32_MAX));
  CHECK(!strcmp(xent_schedule_name(-1), "unknown") && !strcmp(xent_schedule_name(1 << 20), "unknown"));
  CHECK(!strcmp(xent_schedule_name(0), "none") && *xent_schedule_name(1));
  int numbers[3];
  char rest;
  CHECK(sscanf(xent_version(), "%d.%d.%d%c", &numbers[0], &numbers[1], &numbers[2], &rest) == 3);
}

int main(void) {
  test_refusals();
  test_overlaps();
  test_overlaps_of_row_offsets();
  test_weights_that_are_missing();
  test_target_weights();
  test_clamp_of_probability_rows();
  test_focal_loss();
  test_options_of_a_divergence();
  test_chunks();
  test_no_rows();
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
    test_empty_axes(isa);
    test_entropy_beside_a_gradient(isa);
  }
  test_labels();
  test_many_labels();
  test_label_types();
  test_struct_sizes();
  test_counts();
  test_shards();
  test_weights_that_are_none();
  test_states();
  test_states_that_do_not_fit();
  test_log_sum_exp_of_a_backward();
  test_states_of_a_backward();
  test_statistics_that_do_not_fit();
  test_statistics_of_selected_classes();
  test_workspace_of_too_many_classes();
  test_two_rounds();
  test_empty_class_range();
  test_probability_rows();
  test_hits();
  test_hits_of_one_row();
  test_exact_sum();
  test_far_summands();
  test_edges();
  test_doors();
  test_structs_that_are_missing();
  test_records_behind_opaque_structs();
  test_prepared();
  test_names();
  test_structs_of_calls();
  test_what_is_left_out();
  test_far_rows();
  test_ranges_of_calls();
  test_arrays_of_calls();
  test_parts_by_structs();
  test_short_shapes();
  test_strides_of_outputs();
  test_class_numbers();
  test_factors();
  test_missing_targets();
  test_columns_before_a_wrong_label();
  CHECK(xent_abi_version() == XENT_ABI_VERSION && xent_numerics_version() == XENT_NUMERICS_VERSION);
  for (int32_t s = -1; s < 10; s++) CHECK(xent_status_message(s) && *xent_status_message(s));
  printf("%d checks, %d failures\n", checks, failures);
  return failures != 0;
}
