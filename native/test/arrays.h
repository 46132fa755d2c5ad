/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays of every type and layout for the tests, one entry at a time. */
#ifndef XENT_TEST_ARRAYS_H
#define XENT_TEST_ARRAYS_H

#include "calls.h"
#include "numerics/halves.h"
#include "rows.h"

typedef struct {
  unsigned char *data;
  size_t bytes;
  xent_layout layout;
} array;

static inline size_t size_of_type(int32_t type) {
  return type == XENT_I8 || type == XENT_U8                                                ? 1
         : type == XENT_F16 || type == XENT_BF16 || type == XENT_I16 || type == XENT_U16 ? 2
         : type == XENT_F32 || type == XENT_I32 || type == XENT_U32                       ? 4
                                                                                          : 8;
}

static inline double get_number(const array *a, int64_t at) {
  const void *p = a->data + (size_t)at * size_of_type(a->layout.type);
  switch (a->layout.type) {
    case XENT_F32: return (double)*(const float *)p;
    case XENT_F64: return *(const double *)p;
    case XENT_F16: return (double)widen_f16(*(const uint16_t *)p);
    case XENT_BF16: return (double)widen_bf16(*(const uint16_t *)p);
    case XENT_I8: return *(const int8_t *)p;
    case XENT_U8: return *(const uint8_t *)p;
    case XENT_I16: return *(const int16_t *)p;
    case XENT_I32: return *(const int32_t *)p;
    case XENT_U16: return *(const uint16_t *)p;
    case XENT_U32: return *(const uint32_t *)p;
    case XENT_U64: return (double)*(const uint64_t *)p;
    default: return (double)*(const int64_t *)p;
  }
}

/* A float that rounds to 16 bits as the double does: the one towards 0 of two, but odd. */
static inline float odd_float(double value) {
  const float nearest = (float)value;
  uint32_t bits;
  if ((double)nearest == value || value != value) return nearest;
  memcpy(&bits, &nearest, sizeof bits);
  bits = (bits - (fabs((double)nearest) > fabs(value))) | 1;
  return float_of(bits);
}

/* Rounded to the array's type, once. */
static inline void set_number(array *a, int64_t at, double value) {
  void *p = a->data + (size_t)at * size_of_type(a->layout.type);
  switch (a->layout.type) {
    case XENT_F32: *(float *)p = (float)value; break;
    case XENT_F64: *(double *)p = value; break;
    case XENT_F16: *(uint16_t *)p = narrow_f16(odd_float(value)); break;
    case XENT_BF16: *(uint16_t *)p = narrow_bf16(odd_float(value)); break;
    case XENT_I8: *(int8_t *)p = (int8_t)value; break;
    case XENT_U8: *(uint8_t *)p = (uint8_t)value; break;
    case XENT_I16: *(int16_t *)p = (int16_t)value; break;
    case XENT_I32: *(int32_t *)p = (int32_t)value; break;
    case XENT_U16: *(uint16_t *)p = (uint16_t)value; break;
    case XENT_U32: *(uint32_t *)p = (uint32_t)value; break;
    case XENT_U64: *(uint64_t *)p = (uint64_t)value; break;
    default: *(int64_t *)p = (int64_t)value; break;
  }
}

/* Whether an entry has the bits that a value has in the array's type; every NaN must be the canonical one. */
static inline bool has_bits_of(const array *a, int64_t at, double value) {
  unsigned char expected[8];
  array one = {.data = expected, .layout = a->layout};
  const size_t size = size_of_type(a->layout.type);
  if (value != value && (a->layout.type == XENT_F32)) {
    const uint32_t quiet = 0x7fc00000u;
    memcpy(expected, &quiet, sizeof quiet);
  } else {
    set_number(&one, 0, value);
  }
  return !memcmp(expected, a->data + (size_t)at * size, size);
}

/* Memory for `count` entries and some more, which must not be touched. */
static inline array new_array(int64_t count, xent_layout layout) {
  array a = {.bytes = (size_t)count * size_of_type(layout.type) + 64, .layout = layout};
  a.data = must_allocate(a.bytes);
  memset(a.data, 0xa5, a.bytes);
  return a;
}
static inline void free_array(array *a) {
  free(a->data);
  a->data = NULL;
}

#endif
