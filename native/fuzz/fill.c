/* SPDX-License-Identifier: Apache-2.0 */
#include "fill.h"

#include <math.h>

#include "arrays.h"

static double special(random_source *r) {
  static const double values[] = {
      0.0,   -0.0,   1.0,    -1.0,    (double)INFINITY, -(double)INFINITY, (double)NAN, 3e38,     -3e38,
      1e-40, -1e-45, 88.75,  -103.97, 16384.0,          -16384.0,          16385.0,     -20000.0, 1e-8,
      1e308, -1e308, 5e-324, 709.8,   -745.2,           65504.0,           1e30,        -1e9};
  const double v = values[random_below(r, sizeof values / sizeof *values)];
  return v == v ? v : random_odd(r);
}

static double number(random_source *r, unsigned style) {
  switch (style) {
    case 9: return random_below(r, 8) ? (double)random_normal(r) : special(r);
    case 10: return special(r);
    case 11: return -(double)INFINITY;
    case 12: return random_below(r, 4) ? -(double)INFINITY : (double)random_normal(r);
    case 13: return 1000 * (double)random_normal(r);
    case 14: return (double)random_below(r, 3); /* equal ones */
    default: return 4 * (double)random_normal(r);
  }
}

static double weight(random_source *r, unsigned style) {
  if (style == 9) return random_below(r, 40) ? random_unit(r) : special(r);
  return style >= 10 ? (double)random_below(r, 2) : random_unit(r);
}

/* A class number: valid except in the last styles, and sometimes the ignore index. */
static int64_t label(const fuzz_problem *p, random_source *r, unsigned style) {
  const int64_t classes = p->shape.all_classes > 0 ? p->shape.all_classes : p->shape.classes;
  if (p->sampled && random_below(r, 4) == 0) return -1;
  if (p->options.has_ignore_index && random_below(r, 4) == 0) return p->options.ignore_index;
  if (style >= 12 && random_below(r, 12) == 0) return (int64_t)random_bits(r);
  if (style >= 12 && random_below(r, 12) == 0) return classes;
  if (p->elementwise) return random_below(r, 2);
  return classes < 1 ? 0 : random_below(r, style >= 10 && classes > 100 ? 100 : classes);
}

/* Stores the low bytes, up to the size of the type. */
static void store_integer(const array *a, int64_t at, int64_t value) {
  const size_t size = size_of_type(a->layout.type);
  memcpy(a->data + (size_t)at * size, &value, size);
}

static bool holds_labels(const fuzz_problem *p, int index) {
  return index == TARGETS || (p->sampled && (index == OUTPUT_TOKENS || index == BIAS_TOKENS || index == DRAFT_TOKENS));
}

static bool holds_weights(const fuzz_problem *p, int index) {
  if (p->sampled) return index == TARGET_WEIGHTS || index == TARGETS;
  return index == TARGET_WEIGHTS || index == CLASS_WEIGHTS || index == ROW_WEIGHTS || index == TARGETS;
}

void fill_array(const fuzz_problem *p, int index, unsigned char *data, int64_t bytes, unsigned style) {
  random_source r = {p->seed * 64 + (uint64_t)index};
  const int32_t type = layout_of_array(p, index)->type;
  if (style == 15 && p->raw_bytes > 0) { /* unchanged */
    for (int64_t i = 0; i < bytes; i++) data[i] = p->raw[(size_t)i % p->raw_bytes];
    return;
  }
  array a = {.data = data, .layout = {.type = type}};
  const int64_t count = bytes / (int64_t)size_of_type(type);
  const bool floats = type >= XENT_F32 && type <= XENT_BF16;
  for (int64_t i = 0; i < count; i++) {
    if (type == XENT_U8 && !holds_labels(p, index))
      data[i] = random_below(&r, style < 8 ? 8 : 2) ? (unsigned char)(1 + random_below(&r, 255)) : 0;
    else if (index == CLASS_MASK && !floats)
      store_integer(&a, i, (int64_t)(random_bits(&r) | (style < 8 ? random_bits(&r) : 0)));
    else if (!floats)
      store_integer(&a, i, label(p, &r, style));
    else
      set_number(&a, i, holds_weights(p, index) ? weight(&r, style) : number(&r, style));
  }
}
