/* SPDX-License-Identifier: Apache-2.0 */
/* A small problem that tests of entry points change in one place: four rows of five classes with labels. */
#ifndef XENT_TEST_SMALL_H
#define XENT_TEST_SMALL_H

#include "calls.h"
#include "check.h"
#include "rows.h"

enum { ROWS = 4, CLASSES = 5, SIZE = ROWS * CLASSES };

static float x[SIZE + 8], y[SIZE + 8];
static int32_t labels[ROWS];
static xent_shape shape;
static xent_options options;
static xent_report report;

static inline void reset(void) {
  shape = dense_shape(ROWS, CLASSES, 1);
  shape.targets.type = XENT_I32;
  options = xent_default_options();
  report = (xent_report){.size = sizeof report};
  for (int i = 0; i < SIZE; i++) x[i] = (float)((i * 7) % 11) - 3, y[i] = -99;
  for (int i = 0; i < ROWS; i++) labels[i] = i;
}

static inline xent_status softmax(void) {
  return run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report), ARRAYS(x, y));
}
static inline xent_status loss(float *losses, float *gradient) {
  const cross_entropy_arrays arrays = {
      .logits = x, .targets = labels, .losses = losses, .gradient = gradient};
  return cross_entropy_of(&shape, &options, 0, ROWS, &arrays, &report);
}
static inline bool untouched(void) {
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

static inline void put_label(void *array, int32_t type, int64_t at, int64_t label) {
  switch (type) {
    case XENT_I8: ((int8_t *)array)[at] = (int8_t)label; break;
    case XENT_U8: ((uint8_t *)array)[at] = (uint8_t)label; break;
    case XENT_I16: case XENT_U16: ((int16_t *)array)[at] = (int16_t)label; break;
    case XENT_I32: case XENT_U32: ((int32_t *)array)[at] = (int32_t)label; break;
    default: ((int64_t *)array)[at] = label;
  }
}

#endif
