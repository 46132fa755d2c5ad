/* SPDX-License-Identifier: Apache-2.0 */
/* What the entry points refuse, with which status and field, before anything is written; struct sizes; the
 * floating-point mode; exact sums; and the edges of docs/numerics.md that one call shows. */
#include <fenv.h>

#include "calls.h"
#include "rows.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

static int checks, failures;

#define CHECK(condition)                                                  \
  do {                                                                    \
    checks++;                                                             \
    if (!(condition)) {                                                   \
      failures++;                                                         \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);     \
    }                                                                     \
  } while (0)

enum { ROWS = 4, CLASSES = 5, SIZE = ROWS * CLASSES };

static float x[SIZE + 8], y[SIZE + 8];
static int32_t labels[ROWS];
static xent_shape shape;
static xent_options options;
static xent_report report;

static void reset(void) {
  shape = dense_shape(ROWS, CLASSES, 1);
  shape.targets.type = XENT_I32;
  options = (xent_options)XENT_OPTIONS_DEFAULT;
  report = (xent_report){.size = sizeof report};
  for (int i = 0; i < SIZE; i++) x[i] = (float)((i * 7) % 11) - 3, y[i] = -99;
  for (int i = 0; i < ROWS; i++) labels[i] = i;
}

static xent_status softmax(void) {
  return xent_softmax_forward(&shape, &options, 0, ROWS, 0, CLASSES, x, NULL, y, &report);
}
static xent_status loss(float *losses, float *gradient) {
  const xent_cross_entropy_arrays arrays = {
      .logits = x, .targets = labels, .losses = losses, .gradient = gradient};
  return xent_cross_entropy(&shape, &options, 0, ROWS, &arrays, &report);
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
  shape.logits.type = XENT_BF16;
  REFUSES(softmax(), XENT_UNSUPPORTED, XENT_FIELD_LOGITS);
  shape.output.type = XENT_NO_TYPE;
  REFUSES(softmax(), XENT_INVALID_ARGUMENT, XENT_FIELD_OUTPUT);
  options.isa = XENT_ISA_AVX512;
  REFUSES(softmax(), XENT_UNSUPPORTED, XENT_FIELD_ISA);
  options.isa = 9;
  REFUSES(softmax(), XENT_INVALID_OPTION, XENT_FIELD_ISA);
  options.label_smoothing = NAN;
  REFUSES(loss(NULL, y), XENT_INVALID_OPTION, XENT_FIELD_LABEL_SMOOTHING);
  options.label_smoothing = 1.5;
  REFUSES(loss(NULL, y), XENT_INVALID_OPTION, XENT_FIELD_LABEL_SMOOTHING);
  options.gradient_scale = INFINITY;
  REFUSES(loss(NULL, y), XENT_INVALID_OPTION, XENT_FIELD_GRADIENT_SCALE);
  options.fully_masked = 2;
  REFUSES(softmax(), XENT_INVALID_OPTION, XENT_FIELD_FULLY_MASKED);
  REFUSES(xent_softmax_forward(&shape, &options, 0, ROWS + 1, 0, CLASSES, x, NULL, y, &report),
          XENT_INVALID_ARGUMENT, XENT_FIELD_ROW_RANGE);
  REFUSES(xent_softmax_forward(&shape, &options, 0, ROWS, 0, 3, x, NULL, y, &report), XENT_INVALID_ARGUMENT,
          XENT_FIELD_CLASS_RANGE);
  REFUSES(xent_softmax_forward(&shape, &options, 0, ROWS, 0, -1, x, NULL, y, &report), XENT_INVALID_ARGUMENT,
          XENT_FIELD_CLASS_RANGE);
  REFUSES(xent_softmax_forward(&shape, &options, 0, ROWS, 0, CLASSES, NULL, NULL, y, &report),
          XENT_INVALID_ARGUMENT, XENT_FIELD_LOGITS);
  REFUSES(xent_softmax_forward(&shape, &options, 0, ROWS, 0, CLASSES, (char *)x + 2, NULL, y, &report),
          XENT_INVALID_ARGUMENT, XENT_FIELD_LOGITS);
  REFUSES(xent_softmax_forward(&shape, &options, 0, ROWS, 0, CLASSES, y + 1, NULL, y, &report), XENT_OVERLAP,
          XENT_FIELD_OUTPUT);
  REFUSES(loss(y, y), XENT_OVERLAP, XENT_FIELD_LOSSES);
  CHECK(xent_softmax_forward(NULL, &options, 0, ROWS, 0, CLASSES, x, NULL, y, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(xent_check_targets(&shape, &options, 0, ROWS, labels, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(untouched());
}

static void test_labels(void) {
  reset();
  labels[2] = CLASSES;
  CHECK(xent_check_targets(&shape, &options, 0, ROWS, labels, &report) == XENT_INVALID_LABEL);
  CHECK(report.row == 2 && report.label == CLASSES);
  CHECK(loss(NULL, y) == XENT_INVALID_LABEL); /* the kernel checks again */
  CHECK(report.row == 2 && y[0] != -99 && y[2 * CLASSES] == -99);
  reset();
  labels[1] = -100;
  options.has_ignore_index = 1;
  options.ignore_index = -100;
  CHECK(xent_check_targets(&shape, &options, 0, ROWS, labels, &report) == XENT_OK);
  CHECK(report.counted == 3 && report.denominator == 3);
  x[CLASSES] = NAN; /* of the ignored row: not read */
  float losses[ROWS];
  CHECK(loss(losses, y) == XENT_OK);
  CHECK(losses[1] == 0 && y[CLASSES] == 0 && !signbit(y[CLASSES]) && losses[0] > 0 && report.counted == 3);
}

static void test_struct_sizes(void) {
  reset();
  struct { xent_options known; uint64_t later; } newer = {.known = options};
  newer.known.size = sizeof newer;
  CHECK(xent_softmax_forward(&shape, &newer.known, 0, ROWS, 0, CLASSES, x, NULL, y, NULL) == XENT_OK);
  newer.later = 1;
  CHECK(xent_softmax_forward(&shape, &newer.known, 0, ROWS, 0, CLASSES, x, NULL, y, NULL) == XENT_UNSUPPORTED);
  reset();
  options.size = sizeof(uint64_t) + 8; /* an older caller: knows isa and fully_masked alone */
  options.label_smoothing = 7;         /* behind its end: not read */
  CHECK(softmax() == XENT_OK);
  report.row = 123;
  report.size = offsetof(xent_report, row); /* an older report: nothing behind its end is written */
  CHECK(softmax() == XENT_OK && report.row == 123);
}

static void test_float_mode(void) {
  reset();
  float expected[SIZE];
  x[3] = -100;
  CHECK(softmax() == XENT_OK);
  memcpy(expected, y, sizeof expected);
  fesetround(FE_UPWARD);
#if defined(__x86_64__)
  const unsigned int foreign = _mm_getcsr() | 0x8040; /* flush to zero, denormals are zero */
  _mm_setcsr(foreign);
  CHECK(softmax() == XENT_OK);
  CHECK((_mm_getcsr() & 0xffc0) == (foreign & 0xffc0));
  _mm_setcsr(0x1f80);
#else
  CHECK(softmax() == XENT_OK);
#endif
  fesetround(FE_TONEAREST);
  CHECK(!memcmp(expected, y, sizeof expected));
}

static void test_states(void) {
  reset();
  xent_state states[ROWS] = {{0}};
  xent_statistics statistics[ROWS];
  CHECK(xent_finish(&shape, &options, 0, ROWS, states, NULL, 0, statistics, NULL, NULL, NULL, NULL, &report) ==
        XENT_INVALID_ARGUMENT);
  CHECK(report.field == XENT_FIELD_STATES);
  CHECK(!xent_forward_states(&shape, &options, 0, ROWS, 0, CLASSES, x, NULL, NULL, states, NULL));
  CHECK(xent_finish(&shape, &options, 0, ROWS, states, labels, 0, statistics, NULL, NULL, NULL, NULL,
                    &report) == XENT_INVALID_ARGUMENT); /* states without labels */
}

static void test_tally(void) {
  xent_tally a = XENT_TALLY_ZERO, b = XENT_TALLY_ZERO;
  const float values[] = {0x1p127f, 0x1p-149f, -0x1p127f, 1, 0x1p-24f, -0.0f};
  CHECK(!xent_tally_add(&a, values, 1, 3) && !xent_tally_add(&b, values + 3, 1, 3));
  CHECK(xent_tally_sum(&a) == 0x1p-149);
  CHECK(!xent_tally_merge(&a, &b) && xent_tally_sum(&a) == 1 + 0x1p-24); /* rounded once */
  xent_tally c = XENT_TALLY_ZERO;
  const float ties[] = {0x1p53f, 1, -0x1p-149f};
  CHECK(!xent_tally_add(&c, ties, 1, 2) && xent_tally_sum(&c) == 0x1p53);
  CHECK(!xent_tally_add(&c, ties, 1, 2) && xent_tally_sum(&c) == 0x1p54 + 2 - 0);
  xent_tally d = XENT_TALLY_ZERO;
  CHECK(xent_tally_sum(&d) == 0 && !signbit(xent_tally_sum(&d)));
  const float infinite[] = {INFINITY, -INFINITY};
  CHECK(!xent_tally_add(&d, infinite, 1, 1) && xent_tally_sum(&d) == INFINITY);
  CHECK(!xent_tally_add(&d, infinite + 1, 1, 1) && isnan(xent_tally_sum(&d)));
  d.size = 0;
  CHECK(xent_tally_add(&d, values, 1, 1) == XENT_INVALID_ARGUMENT);
}

static void test_edges(void) {
  reset();
  for (int i = 0; i < CLASSES; i++) x[i] = -INFINITY;
  CHECK(softmax() == XENT_OK && isnan(y[0]));
  options.fully_masked = XENT_FULLY_MASKED_ZERO;
  CHECK(softmax() == XENT_OK && y[0] == 0 && y[CLASSES] > 0);
  CHECK(xent_log_softmax_forward(&shape, &options, 0, ROWS, 0, CLASSES, x, NULL, y, NULL) == XENT_OK);
  CHECK(y[0] == -INFINITY);
  x[2] = NAN; /* a NaN wins over the policy */
  CHECK(softmax() == XENT_OK && isnan(y[0]));
  reset();
  shape.outer = 0;
  CHECK(xent_softmax_forward(&shape, &options, 0, 0, 0, CLASSES, x, NULL, y, &report) == XENT_OK && untouched());
}

int main(void) {
  test_refusals();
  test_labels();
  test_struct_sizes();
  test_float_mode();
  test_states();
  test_tally();
  test_edges();
  CHECK(xent_abi_version() == XENT_ABI_VERSION && xent_numerics_version() == XENT_NUMERICS_VERSION);
  for (int32_t s = -1; s < 8; s++) CHECK(xent_status_message(s) && *xent_status_message(s));
  printf("%d checks, %d failures\n", checks, failures);
  return failures != 0;
}
