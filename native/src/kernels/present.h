/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contents of a call as bit sets: its arrays, in the order of xent_call, and its options, one bit per four bytes of
 * xent_options. With constant sets, the compiler reduces a test to a few compares.
 */
#ifndef XENT_PRESENT_H
#define XENT_PRESENT_H

#include <stddef.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/options.h"
#include "kernels/taken.h"

enum { XENT_CALL_ARRAYS = offsetof(xent_call, shape) / sizeof(void *), XENT_OPTION_WORDS = sizeof(xent_options) / 4 };
_Static_assert(offsetof(xent_call, logits) == 0 && XENT_CALL_ARRAYS <= 64, "a bit for each array");
_Static_assert(XENT_OPTION_WORDS <= 64, "a bit for each word");

#define XENT_HAS(array) (UINT64_C(1) << offsetof(xent_call, array) / sizeof(void *))
#define XENT_SETS(option) \
  (((UINT64_C(1) << sizeof((xent_options){0}.option) / 4) - 1) << offsetof(xent_options, option) / 4)
#define XENT_ALL_ARRAYS (~UINT64_C(0) >> (64 - XENT_CALL_ARRAYS))
#define XENT_ALL_OPTIONS (~UINT64_C(0) >> (64 - XENT_OPTION_WORDS))

/* Whether the call has any array of a set. */
__attribute__((always_inline)) static inline bool has_any(const xent_call *call, const uint64_t arrays) {
  uintptr_t any = 0;
  /* If the set is all arrays from one on, this compares whole vectors of addresses, so a short call does not wait for
   * each load. */
  const int from = __builtin_ctzll(arrays);
  if (arrays == (XENT_ALL_ARRAYS & ~UINT64_C(0) << from)) {
    for (int i = from; i < XENT_CALL_ARRAYS; i++) {
      uintptr_t address;
      memcpy(&address, (const char *)call + (size_t)i * sizeof(void *), sizeof address);
      any |= address;
    }
    return any != 0;
  }
#pragma GCC unroll 64
  for (int i = 0; i < XENT_CALL_ARRAYS; i++) {
    uintptr_t address;
    memcpy(&address, (const char *)call + (size_t)i * sizeof(void *), sizeof address);
    any |= arrays >> i & 1 ? address : 0;
  }
  return any != 0;
}

/* The words that hold the sign of a double: the upper word of each. */
#define XENT_SIGN_OF_I32(option) UINT64_C(0)
#define XENT_SIGN_OF_U64(option) UINT64_C(0)
#define XENT_SIGN_OF_F64(option) (UINT64_C(1) << (offsetof(xent_options, option) / 4 + 1))
#define XENT_SIGN_OF(c, option, FIELD, type, ...) | XENT_SIGN_OF_##type(option)
#define XENT_SIGNS (UINT64_C(0) XENT_CALL_OPTIONS(XENT_SIGN_OF, ))
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the upper word of a double is the second");

/* Whether any option of a set is neither 0 nor -0. */
__attribute__((always_inline)) static inline bool sets_any(const xent_options *o, const uint64_t options) {
  uint32_t any = 0;
#pragma GCC unroll 64
  for (int i = 0; i < XENT_OPTION_WORDS; i++) {
    uint32_t word;
    memcpy(&word, (const char *)o + (size_t)i * sizeof word, sizeof word);
    any |= options >> i & 1 ? word & (XENT_SIGNS >> i & 1 ? 0x7fffffffu : 0xffffffffu) : 0;
  }
  return any != 0;
}

/* The factor of all gradients: 1 if it is not set, and 0 if it is -0. */
static inline double gradient_scale_of(const xent_options *o) {
  uint64_t bits;
  memcpy(&bits, &o->gradient_scale, sizeof bits);
  return bits ? o->gradient_scale + 0.0 : 1;
}

/* Keeps only a set of the arrays of a call. */
__attribute__((always_inline)) static inline void drop_other_arrays(xent_call *call, const uint64_t arrays) {
  const void *const none = NULL;
#pragma GCC unroll 64
  for (int i = 0; i < XENT_CALL_ARRAYS; i++)
    if (!(arrays >> i & 1)) memcpy((char *)call + (size_t)i * sizeof none, &none, sizeof none);
}

/* Converts the address of row `row` to that of row 0, because the arrays of a call begin with row 0; a row takes
 * `bytes` bytes. */
static inline void *all_rows_of(const void *first, int64_t row, int64_t bytes) {
  return (void *)((uintptr_t)first - (uintptr_t)row * (uintptr_t)bytes);
}

#endif
