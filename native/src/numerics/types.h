/* SPDX-License-Identifier: Apache-2.0 */
/* The element types of arrays, and the kinds of values that each can hold. */
#ifndef XENT_TYPES_H
#define XENT_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "xent.h"

enum {
  XENT_IN_FLOAT = 1,  /* numbers in calls with float32 arithmetic */
  XENT_IN_DOUBLE = 2, /* numbers in calls with float64 arithmetic */
  XENT_NUMBERS = XENT_IN_FLOAT | XENT_IN_DOUBLE,
  XENT_LABELS = 4,
  XENT_CLASS_NUMBERS = 8, /* as outputs, including -1 */
  XENT_FLAGS = 16,
  XENT_SUMMANDS = 32, /* of exact sums */
  XENT_WORDS = 64 /* of bits, one for each of 32 classes */
};

typedef struct {
  uint8_t size, holds; /* 0: not a type */
} xent_element_type;

static const xent_element_type xent_element_types[] = {
    [XENT_NO_TYPE] = {0, 0},
    [XENT_F32] = {4, XENT_NUMBERS | XENT_SUMMANDS},
    [XENT_F64] = {8, XENT_IN_DOUBLE | XENT_SUMMANDS},
    [XENT_F16] = {2, XENT_IN_FLOAT},
    [XENT_BF16] = {2, XENT_IN_FLOAT},
    [XENT_I8] = {1, XENT_LABELS},
    [XENT_U8] = {1, XENT_LABELS | XENT_FLAGS},
    [XENT_I16] = {2, XENT_LABELS},
    [XENT_I32] = {4, XENT_LABELS | XENT_CLASS_NUMBERS | XENT_WORDS},
    [XENT_I64] = {8, XENT_LABELS | XENT_CLASS_NUMBERS},
    [XENT_U16] = {2, XENT_LABELS},
    [XENT_U32] = {4, XENT_LABELS | XENT_WORDS},
    [XENT_U64] = {8, XENT_LABELS},
};

/* Accepts any number that a caller may pass; an invalid type has size 0. */
static inline xent_element_type xent_element_type_of(int32_t type) {
  const uint32_t types = sizeof xent_element_types / sizeof *xent_element_types;
  return xent_element_types[(uint32_t)type < types ? type : XENT_NO_TYPE];
}

/* Whether a call whose leading array is of this type computes in float64. */
static inline bool xent_is_wide(int32_t type) {
  return (xent_element_type_of(type).holds & XENT_NUMBERS) == XENT_IN_DOUBLE;
}

/* The number of words with one bit per class. */
static inline int64_t words_of_bits(int64_t classes) { return classes / 32 + (classes % 32 != 0); }

#endif
