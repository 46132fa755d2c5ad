/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of every type, the ignore index, and weights of classes and rows, before a call. */
#include <float.h>

#include "small.h"

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
        const function_call w = on_rows(XENT_FUNCTION_CHECK_TARGETS, &shape, &options, 0, ROWS, &report);
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

/* The sum of weights is rounded once, whether additions round or not, and whether the caller wants the exact sum. */
static void test_sums_of_weights(void) {
  enum { MOST = 200 };
  static float row_weights[MOST], class_weights[CLASSES];
  static int32_t many[MOST];
  random_source r = {11};
  for (int i = 0; i < 4000; i++) {
    const int64_t rows = 1 + random_below(&r, MOST);
    const int64_t kind = random_below(&r, 4);
    for (int64_t row = 0; row < rows; row++) {
      const double unit = random_unit(&r);
      row_weights[row] = (float)(kind == 0   ? (double)random_below(&r, 3)
                                 : kind == 1 ? unit
                                 : kind == 2 ? ldexp(unit, (int)random_below(&r, 200) - 100)
                                             : 0x1p100);
      many[row] = (int32_t)random_below(&r, CLASSES + 1) - 1;
    }
    for (int64_t k = 0; k < CLASSES; k++) class_weights[k] = kind == 0 ? 0.5f : (float)random_unit(&r);
    reset();
    options.has_ignore_index = 1;
    options.ignore_index = -1;
    xent_shape s = dense_shape_of(rows, CLASSES, 1, XENT_I32);
    s.class_weights = layout_of(0, 1, 0, XENT_F32);
    s.row_weights = layout_of(1, 0, 0, XENT_F32);
    const function_call w = on_rows(XENT_FUNCTION_CHECK_TARGETS, &s, &options, 0, rows, &report);
    const float *const classes = i % 2 ? class_weights : NULL, *const of_rows = i % 3 ? row_weights : NULL;
    CHECK(run_at(w, ARRAYS(many, NULL, NULL, classes, of_rows)) == XENT_OK);
    const double sum = report.denominator;
    const int64_t valid = report.valid_rows;
    xent_exact_sum exact = xent_empty_exact_sum();
    CHECK(run_at(w, ARRAYS(many, NULL, NULL, classes, of_rows, NULL, &exact)) == XENT_OK);
    CHECK(report.denominator == sum && report.valid_rows == valid && xent_exact_sum_value(&exact) == sum);
    exact.doubles = 1; /* as full as can be */
    for (int k = 0; k < 256; k++) exact.bins[k] = INT64_MAX;
    for (int k = 0; k < 66; k++) exact.digits[k] = INT64_MAX;
    CHECK(run_at(w, ARRAYS(many, NULL, NULL, classes, of_rows, NULL, &exact)) ==
          (sum > 0 ? XENT_INVALID_ARGUMENT : XENT_OK));
    CHECK(report.field == (sum > 0 ? XENT_FIELD_EXACT_SUM : XENT_FIELD_NONE));
  }
}

/* Class weights of contiguous labels, whose float bits show whether their sum is exact, beside the exact sum. */
static void test_sums_of_class_weights(void) {
  enum { MOST = 1200, KINDS = 7 };
  static const int32_t types[] = {XENT_I8, XENT_U8, XENT_I16, XENT_U16, XENT_I32, XENT_U32, XENT_I64, XENT_U64};
  static float weights[CLASSES];
  static int64_t array[MOST];
  random_source r = {12};
  for (int i = 0; i < 14000; i++) {
    const int64_t rows = 1 + random_below(&r, i % 4 ? 20 : MOST), kind = i % KINDS;
    const int32_t type = types[random_below(&r, 8)];
    const int apart = 15 + (int)random_below(&r, 20);
    for (int64_t k = 0; k < CLASSES; k++) {
      const double unit = random_unit(&r);
      weights[k] = (float)(kind == 0   ? unit
                           : kind == 1 ? ldexp(1 + unit, k % 2 ? apart : 0)
                           : kind == 2 ? ldexp(1 + unit, k % 2 ? apart - 149 : -149)
                           : kind == 3 ? ldexp(unit, (int)random_below(&r, 200) - 100)
                           : kind == 4 ? (k % 2 ? -0.0 : 0.0)
                           : kind == 5 ? (k % 2 ? (double)FLT_MAX : 0.0)
                                       : ldexp(1 - 0x1p-24, k % 3 ? apart : 0));
    }
    reset();
    options.has_ignore_index = (int32_t)random_below(&r, 2);
    options.ignore_index = random_below(&r, CLASSES);
    xent_shape s = dense_shape_of(rows, CLASSES, 1, type);
    s.class_weights = layout_of(0, 1, 0, XENT_F32);
    const int64_t begin = random_below(&r, rows);
    for (int64_t row = begin; row < rows; row++) put_label(array, type, row, random_below(&r, CLASSES));
    const function_call w = on_rows(XENT_FUNCTION_CHECK_TARGETS, &s, &options, begin, rows, &report);
    xent_exact_sum exact = xent_empty_exact_sum();
    CHECK(run_at(w, ARRAYS(array, NULL, NULL, weights, NULL, NULL, &exact)) == XENT_OK);
    const xent_report expected = report;
    CHECK(run_at(w, ARRAYS(array, NULL, NULL, weights)) == XENT_OK);
    CHECK(report.denominator == expected.denominator && report.valid_rows == expected.valid_rows);
    CHECK(report.denominator == xent_exact_sum_value(&exact) && !signbit(report.denominator));
    /* prepared: nothing but the contents may change */
    xent_prepared prepared = {.size = sizeof prepared};
    function_call once = w;
    once.prepared = &prepared;
    const doors linked = {xent_few_at, xent_many_at};
    CHECK(run_through(&linked, once, ARRAYS(array, NULL, NULL, weights)) == XENT_OK);
    report.denominator = -1;
    CHECK(xent_run(&prepared) == XENT_OK && report.denominator == expected.denominator);
    CHECK(report.valid_rows == expected.valid_rows);
    const int64_t wrong = begin + random_below(&r, rows - begin);
    put_label(array, type, wrong, CLASSES);
    CHECK(xent_run(&prepared) == XENT_INVALID_LABEL && report.row == wrong && report.label == CLASSES);
    put_label(array, type, wrong, 0);
    weights[CLASSES - 1] = i % 2 ? NAN : -1;
    CHECK(xent_run(&prepared) == XENT_INVALID_OPTION && report.field == XENT_FIELD_CLASS_WEIGHTS);
    CHECK(report.integer == CLASSES - 1);
  }
}

int main(void) {
  test_no_rows();
  test_weights_that_are_none();
  test_labels();
  test_many_labels();
  test_sums_of_weights();
  test_sums_of_class_weights();
  return all_checks();
}
