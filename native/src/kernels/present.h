/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call has, as sets of bits: of its arrays, in the order of xent_call, and of its options, one for each four
 * bytes of xent_options. A path names what it knows and asks whether there is anything else, so that it passes over a
 * call with an array or an option that came later. The compiler makes a few compares of a set that it knows.
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

/* Whether any array of a set is there. */
__attribute__((always_inline)) static inline bool has_any(const xent_call *call, const uint64_t arrays) {
  uintptr_t any = 0;
  /* all from one on: whole vectors of addresses, which a short call would wait for one after the other */
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

/* The words that hold the sign of a double: the upper one of each. */
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

/* Leaves a call a set of its arrays alone. */
__attribute__((always_inline)) static inline void keep_arrays(xent_call *call, const uint64_t arrays) {
  const void *const none = NULL;
#pragma GCC unroll 64
  for (int i = 0; i < XENT_CALL_ARRAYS; i++)
    if (!(arrays >> i & 1)) memcpy((char *)call + (size_t)i * sizeof none, &none, sizeof none);
}

/* Arrays of a call begin with row 0: where that would be, if row `row` is at `first` and a row takes so many bytes. */
static inline void *all_rows_of(const void *first, int64_t row, int64_t bytes) {
  return (void *)((uintptr_t)first - (uintptr_t)row * (uintptr_t)bytes);
}

/* ---- sets that must be complete ---- */

/* Does not compile where a path to which a call can come last, as no other takes it, lacks an array that the call may
 * have: an array that is added to a function is added to the set of the path once that computes with it. */
#define XENT_KNOWS_ALL(known, taken, path) _Static_assert(((taken) & ~(known)) == 0, path " lacks an array")
/* Does not compile where something of a set is in neither of two others, or in both. */
#define XENT_IN_ONE_OF(all, one, other, text) \
  _Static_assert(((one) | (other)) == (all) && ((one) & (other)) == 0, text)

/* ---- sets that several paths share: each array is written down, so that none is in a set by itself ---- */

/* What targets and weights are. */
#define XENT_TARGETS_OF_ROWS \
  (XENT_HAS(targets) | XENT_HAS(target_weights) | XENT_HAS(class_weights) | XENT_HAS(row_weights))

/* What a forward over rows of one length can have. Flow computes each of them. */
#define XENT_OF_FORWARD                                                                                               \
  (XENT_HAS(logits) | XENT_TARGETS_OF_ROWS | XENT_HAS(class_mask) | XENT_HAS(sink) | XENT_HAS(output) |               \
   XENT_HAS(losses) | XENT_HAS(log_sum_exp) | XENT_HAS(correct) | XENT_HAS(log_probabilities) | XENT_HAS(argmax) |     \
   XENT_HAS(ranks) | XENT_HAS(entropies) | XENT_HAS(top_classes) | XENT_HAS(top_log_probabilities) |                  \
   XENT_HAS(target_gradient) | XENT_HAS(statistics) | XENT_HAS(exact_sum))

/* And a second pass from known statistics. */
#define XENT_OF_KNOWN_STATISTICS                                                                        \
  (XENT_HAS(logits) | XENT_TARGETS_OF_ROWS | XENT_HAS(class_mask) | XENT_HAS(sink) | XENT_HAS(output) | \
   XENT_HAS(upstream) | XENT_HAS(known_statistics))

/* Options that every schedule knows; of a softmax those of targets do nothing. */
#define XENT_OPTIONS_OF_SCHEDULES                                                                                     \
  (XENT_SETS(size) | XENT_SETS(isa) | XENT_SETS(fully_masked) | XENT_SETS(has_ignore_index) |                         \
   XENT_SETS(has_gradient_scale) | XENT_SETS(ignore_index) | XENT_SETS(label_smoothing) | XENT_SETS(gradient_scale) | \
   XENT_SETS(smoothing) | XENT_SETS(temperature) | XENT_SETS(softcap) | XENT_SETS(z_loss) |                           \
   XENT_SETS(probability_clamp) | XENT_SETS(focal_gamma) | XENT_SETS(focal_alpha))

/* Options that make losses and gradients of labels other than they are, but the temperature, which may be 1. */
#define XENT_OPTIONS_OF_LOSSES                                                                            \
  (XENT_ALL_OPTIONS & ~(XENT_SETS(size) | XENT_SETS(isa) | XENT_SETS(fully_masked) |                      \
                        XENT_SETS(has_ignore_index) | XENT_SETS(has_gradient_scale) |                     \
                        XENT_SETS(ignore_index) | XENT_SETS(gradient_scale) | XENT_SETS(smoothing) |      \
                        XENT_SETS(temperature) | XENT_SETS(softcap) | XENT_SETS(focal_alpha)))

/* What becomes of a class before its exponential: arrays and options that change its logit, and those that do not. */
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
/* Of one array, whose softcap may be another's: load/row.h, f64/load.h and f64/tile.h ask for these two by name. */
_Static_assert(XENT_ARRAYS_ON_LOGITS == XENT_HAS(class_mask) && XENT_OPTIONS_ON_LOGITS == XENT_SETS(softcap),
               "what changes logits is asked for in load/ and f64/, too");
static inline bool logits_are_plain(const xent_call *call) {
  return !has_any(call, XENT_ARRAYS_ON_LOGITS) && !sets_any(call->options, XENT_OPTIONS_ON_LOGITS);
}

/* Of a backward of softmax: an option that is in its factor, and those that change nothing or are refused. */
#define XENT_OPTIONS_OF_BACKWARD XENT_SETS(temperature)
#define XENT_OPTIONS_NOT_OF_BACKWARD                                                                                  \
  (XENT_SETS(size) | XENT_SETS(isa) | XENT_SETS(fully_masked) | XENT_SETS(has_ignore_index) |                         \
   XENT_SETS(has_gradient_scale) | XENT_SETS(ignore_index) | XENT_SETS(label_smoothing) | XENT_SETS(gradient_scale) | \
   XENT_SETS(smoothing) | XENT_SETS(softcap) | XENT_SETS(z_loss) | XENT_SETS(probability_clamp) |                     \
   XENT_SETS(focal_gamma) | XENT_SETS(focal_alpha) | XENT_SETS(reserved))
XENT_IN_ONE_OF(XENT_ALL_OPTIONS, XENT_OPTIONS_OF_BACKWARD, XENT_OPTIONS_NOT_OF_BACKWARD,
               "an option changes a backward of softmax, or does not");

/* Neither an array nor an option but those of two sets. */
#define XENT_HAS_ONLY(call, arrays, known) \
  (!has_any(call, XENT_ALL_ARRAYS & ~(arrays)) && !sets_any((call)->options, XENT_ALL_OPTIONS & ~(known)))

#endif
