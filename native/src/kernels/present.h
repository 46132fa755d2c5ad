/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contents of a call as bit sets: its arrays, in the order of xent_call, and its options, one bit per four bytes of
 * xent_options. A path lists what it supports and checks that the call has nothing else, so it rejects calls with later
 * arrays or options. With constant sets, the compiler reduces this to a few compares.
 */
#ifndef XENT_PRESENT_H
#define XENT_PRESENT_H

#include <stddef.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/taken.h"

enum { XENT_CALL_ARRAYS = offsetof(xent_call, shape) / sizeof(void *), XENT_OPTION_WORDS = sizeof(xent_options) / 4 };
_Static_assert(offsetof(xent_call, logits) == 0 && XENT_CALL_ARRAYS <= 64, "a bit for each array");
_Static_assert(XENT_OPTION_WORDS <= 32, "a bit for each word");

#define XENT_HAS(array) (UINT64_C(1) << offsetof(xent_call, array) / sizeof(void *))
#define XENT_SETS(option) \
  (((UINT32_C(1) << sizeof((xent_options){0}.option) / 4) - 1) << offsetof(xent_options, option) / 4)
#define XENT_ALL_ARRAYS (~UINT64_C(0) >> (64 - XENT_CALL_ARRAYS))
#define XENT_ALL_OPTIONS (~UINT32_C(0) >> (32 - XENT_OPTION_WORDS))

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
#define XENT_SIGN_OF(option) (UINT32_C(1) << (offsetof(xent_options, option) / 4 + 1))
#define XENT_SIGNS                                                                                                  \
  (XENT_SIGN_OF(label_smoothing) | XENT_SIGN_OF(gradient_scale) | XENT_SIGN_OF(temperature) | XENT_SIGN_OF(softcap) | \
   XENT_SIGN_OF(z_loss) | XENT_SIGN_OF(probability_clamp) | XENT_SIGN_OF(focal_gamma) | XENT_SIGN_OF(focal_alpha))
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the upper word of a double is the second");

/* Whether any option of a set is neither 0 nor -0. */
__attribute__((always_inline)) static inline bool sets_any(const xent_options *o, const uint32_t options) {
  uint32_t any = 0;
#pragma GCC unroll 32
  for (int i = 0; i < XENT_OPTION_WORDS; i++) {
    uint32_t word;
    memcpy(&word, (const char *)o + (size_t)i * sizeof word, sizeof word);
    any |= options >> i & 1 ? word & (XENT_SIGNS >> i & 1 ? 0x7fffffffu : 0xffffffffu) : 0;
  }
  return any != 0;
}

/* Keeps only a set of the arrays of a call. */
__attribute__((always_inline)) static inline void keep_arrays(xent_call *call, const uint64_t arrays) {
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

/* ---- sets that must be complete ---- */

/* Fails to compile if a path lacks an array that its calls may have, for paths that calls reach last. An array that is
 * added to a function is added to the set of a path after the path supports it. */
#define XENT_KNOWS_ALL(known, taken, path) _Static_assert(((taken) & ~(known)) == 0, path " lacks an array")
/* Fails to compile if an element of a set is in neither of two others, or in both. */
#define XENT_IN_ONE_OF(all, one, other, text) \
  _Static_assert(((one) | (other)) == (all) && ((one) & (other)) == 0, text)

/* ---- sets that several paths share: each array is listed explicitly, so that new ones are not included ---- */

/* The arrays of targets and weights. */
#define XENT_TARGETS_OF_ROWS \
  (XENT_HAS(targets) | XENT_HAS(target_weights) | XENT_HAS(class_weights) | XENT_HAS(row_weights))

/* The arrays of a forward over rows of one length. Flow supports all of them. */
#define XENT_OF_FORWARD                                                                                               \
  (XENT_HAS(logits) | XENT_TARGETS_OF_ROWS | XENT_HAS(class_mask) | XENT_HAS(sink) | XENT_HAS(output) |               \
   XENT_HAS(losses) | XENT_HAS(log_sum_exp) | XENT_HAS(correct) | XENT_HAS(log_probabilities) | XENT_HAS(argmax) |     \
   XENT_HAS(ranks) | XENT_HAS(entropies) | XENT_HAS(top_classes) | XENT_HAS(top_log_probabilities) |                  \
   XENT_HAS(target_gradient) | XENT_HAS(statistics) | XENT_HAS(exact_sum))

/* The arrays of a second pass from known statistics. */
#define XENT_OF_KNOWN_STATISTICS                                                                        \
  (XENT_HAS(logits) | XENT_TARGETS_OF_ROWS | XENT_HAS(class_mask) | XENT_HAS(sink) | XENT_HAS(output) | \
   XENT_HAS(upstream) | XENT_HAS(known_statistics))

/* Options that every schedule supports; in a softmax, options of targets have no effect. */
#define XENT_OPTIONS_OF_SCHEDULES                                                                                     \
  (XENT_SETS(size) | XENT_SETS(isa) | XENT_SETS(fully_masked) | XENT_SETS(has_ignore_index) |                         \
   XENT_SETS(has_gradient_scale) | XENT_SETS(ignore_index) | XENT_SETS(label_smoothing) | XENT_SETS(gradient_scale) | \
   XENT_SETS(smoothing) | XENT_SETS(temperature) | XENT_SETS(softcap) | XENT_SETS(z_loss) |                           \
   XENT_SETS(probability_clamp) | XENT_SETS(focal_gamma) | XENT_SETS(focal_alpha))

/* Options that change losses and gradients of labels, except the temperature, which may be 1. */
#define XENT_OPTIONS_OF_LOSSES                                                                            \
  (XENT_ALL_OPTIONS & ~(XENT_SETS(size) | XENT_SETS(isa) | XENT_SETS(fully_masked) |                      \
                        XENT_SETS(has_ignore_index) | XENT_SETS(has_gradient_scale) |                     \
                        XENT_SETS(ignore_index) | XENT_SETS(gradient_scale) | XENT_SETS(smoothing) |      \
                        XENT_SETS(temperature) | XENT_SETS(softcap) | XENT_SETS(focal_alpha)))

/* Operations on a class before its exponential: arrays and options that change its logit, and those that do not. */
#define XENT_ARRAYS_ON_LOGITS XENT_HAS(class_mask)
#define XENT_ARRAYS_BESIDE_LOGITS                                                                                 \
  (XENT_HAS(logits) | XENT_TARGETS_OF_ROWS | XENT_HAS(sink) | XENT_HAS(output) | XENT_HAS(upstream) |             \
   XENT_HAS(known_statistics) | XENT_HAS(losses) | XENT_HAS(log_sum_exp) | XENT_HAS(correct) |                    \
   XENT_HAS(log_probabilities) | XENT_HAS(argmax) | XENT_HAS(ranks) | XENT_HAS(entropies) | XENT_HAS(top_classes) | \
   XENT_HAS(top_log_probabilities) | XENT_HAS(target_gradient) | XENT_HAS(statistics) | XENT_HAS(exact_sum))
XENT_IN_ONE_OF(XENT_OF_FORWARD | XENT_OF_KNOWN_STATISTICS, XENT_ARRAYS_ON_LOGITS, XENT_ARRAYS_BESIDE_LOGITS,
               "an array changes logits, or does not");
#define XENT_OPTIONS_ON_LOGITS XENT_SETS(softcap)
#define XENT_OPTIONS_BESIDE_LOGITS                                                                                    \
  (XENT_SETS(size) | XENT_SETS(isa) | XENT_SETS(fully_masked) | XENT_SETS(has_ignore_index) |                         \
   XENT_SETS(has_gradient_scale) | XENT_SETS(ignore_index) | XENT_SETS(label_smoothing) | XENT_SETS(gradient_scale) | \
   XENT_SETS(smoothing) | XENT_SETS(temperature) | XENT_SETS(z_loss) | XENT_SETS(probability_clamp) |                 \
   XENT_SETS(focal_gamma) | XENT_SETS(focal_alpha))
XENT_IN_ONE_OF(XENT_OPTIONS_OF_SCHEDULES, XENT_OPTIONS_ON_LOGITS, XENT_OPTIONS_BESIDE_LOGITS,
               "an option changes logits, or does not");
/* For each array with its own softcap: load/row.h, f64/load.h and f64/tile.h check these two by name. */
_Static_assert(XENT_ARRAYS_ON_LOGITS == XENT_HAS(class_mask) && XENT_OPTIONS_ON_LOGITS == XENT_SETS(softcap),
               "what changes logits is asked for in load/ and f64/, too");
static inline bool logits_are_plain(const xent_call *call) {
  return !has_any(call, XENT_ARRAYS_ON_LOGITS) && !sets_any(call->options, XENT_OPTIONS_ON_LOGITS);
}

/* For a backward of softmax: an option that is part of its factor, and options that have no effect or are rejected. */
#define XENT_OPTIONS_OF_BACKWARD XENT_SETS(temperature)
#define XENT_OPTIONS_NOT_OF_BACKWARD                                                                                  \
  (XENT_SETS(size) | XENT_SETS(isa) | XENT_SETS(fully_masked) | XENT_SETS(has_ignore_index) |                         \
   XENT_SETS(has_gradient_scale) | XENT_SETS(ignore_index) | XENT_SETS(label_smoothing) | XENT_SETS(gradient_scale) | \
   XENT_SETS(smoothing) | XENT_SETS(softcap) | XENT_SETS(z_loss) | XENT_SETS(probability_clamp) |                     \
   XENT_SETS(focal_gamma) | XENT_SETS(focal_alpha) | XENT_SETS(reserved))
XENT_IN_ONE_OF(XENT_ALL_OPTIONS, XENT_OPTIONS_OF_BACKWARD, XENT_OPTIONS_NOT_OF_BACKWARD,
               "an option changes a backward of softmax, or does not");

/* Whether a call has only the arrays and options of two sets. */
#define XENT_HAS_ONLY(call, arrays, known) \
  (!has_any(call, XENT_ALL_ARRAYS & ~(arrays)) && !sets_any((call)->options, XENT_ALL_OPTIONS & ~(known)))

#endif
