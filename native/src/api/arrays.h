/* SPDX-License-Identifier: Apache-2.0 */
/* The arrays of the interface: the rules that each is checked against, and its place in a call. The arrays are also
 * named in xent_call, xent_shape and the places of each function. */
#ifndef XENT_ARRAYS_H
#define XENT_ARRAYS_H

#include <stddef.h>

#include "api/function_list.h"
#include "kernels/kernels.h"
#include "numerics/types.h"

#define XENT_COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* The number of elements of an array. */
enum {
  XENT_PER_CLASS,
  XENT_PER_ROW,
  XENT_PER_TARGET, /* target_count per row */
  XENT_PER_TOP,    /* top_count per row */
  XENT_PER_PROMPT, /* prompt_count per row */
  XENT_PER_OUTPUT, /* output_count */
  XENT_PER_WORD,   /* one per 32 classes */
  XENT_PER_FEATURE, /* `features` per row */
  XENT_OF_CLASSES, /* `features` per class, the same for all rows */
  XENT_OF_TARGETS, /* one of these, depending on the type and target_count */
  XENT_ONE_ROW,    /* every class, the same for all rows */
  XENT_OFFSETS,    /* of ragged rows: one more than the number of rows */
  XENT_ROW_RECORDS, /* no array: records of 64 bytes, one per row */
  XENT_CHUNK_RECORDS, /* one per chunk of each row */
  XENT_BESIDE,     /* memory that the function checks itself */
  XENT_NO_ARRAY,   /* eight bytes, not an array of the caller */
  XENT_OF_SHAPE    /* a size, in xent_shape */
};

typedef struct {
  uint16_t layout, address; /* in xent_shape and xent_call */
  uint8_t field, form, holds;
  bool written;
  uint64_t in_place; /* bit set of fields below 64 that the array may alias, at the same address, strides and type */
} xent_rule;

#define XENT_FIELD_BIT(name) (UINT64_C(1) << XENT_FIELD_##name)
#define XENT_INPUT(field_, name, address_, form_, holds_)                                                       \
  {offsetof(xent_shape, name), offsetof(xent_call, address_), XENT_FIELD_##field_, XENT_##form_, holds_, false, 0}
/* The same, if bindings let one number stand for several rows or classes: tools/functions.py reads the name. */
#define XENT_SPREAD_INPUT XENT_INPUT
#define XENT_OUTPUT_IN_PLACE(field_, name, address_, form_, holds_, in_place_)                                  \
  {offsetof(xent_shape, name), offsetof(xent_call, address_), XENT_FIELD_##field_, XENT_##form_, holds_, true,  \
   in_place_}
#define XENT_OUTPUT(field_, name, form_, holds_) XENT_OUTPUT_IN_PLACE(field_, name, name, form_, holds_, 0)
#define XENT_SIZE(field_, name) \
  {.layout = offsetof(xent_shape, name), .field = XENT_FIELD_##field_, .form = XENT_OF_SHAPE}
#define XENT_RECORD(field_, address_, form_) \
  {.address = offsetof(xent_call, address_), .field = XENT_FIELD_##field_, .form = XENT_##form_}

enum {
  XENT_LOGITS, XENT_TEACHER, XENT_TARGETS, XENT_TARGET_WEIGHTS, XENT_ROW_OFFSETS, XENT_CLASS_MASK, XENT_CLASS_WEIGHTS,
  XENT_ROW_WEIGHTS, XENT_SINK, XENT_KNOWN_OUTPUT, XENT_UPSTREAM, XENT_UPSTREAM_OF_ROWS, XENT_OUTPUT_ARRAY,
  XENT_GRADIENT, XENT_SOFTMAX_GRADIENT, XENT_ELEMENT_GRADIENT, XENT_LOSSES, XENT_LOG_SUM_EXP, XENT_CORRECT,
  XENT_LOG_PROBABILITIES, XENT_ARGMAX, XENT_RANKS, XENT_ENTROPIES, XENT_TOP_CLASSES, XENT_TOP_LOG_PROBABILITIES,
  XENT_TARGET_GRADIENT, XENT_BIAS, XENT_PROMPT_TOKENS, XENT_OUTPUT_TOKENS, XENT_TOKENS,
  XENT_PROCESSED_LOG_PROBABILITIES, XENT_KEPT, XENT_KEPT_MASK, XENT_MASK_OF_TOKENS, XENT_BIAS_TOKENS, XENT_BIAS_VALUES,
  XENT_DRAFT_TOKENS, XENT_DRAFT_PROBABILITIES,
  XENT_ELEMENT_TARGETS, XENT_ELEMENT_WEIGHTS, XENT_POSITIVE_WEIGHTS, XENT_ELEMENT_LOSSES,
  XENT_SELECTED_CLASSES, XENT_SELECTED_UPSTREAM, XENT_SELECTED_LOG_PROBABILITIES,
  XENT_HIDDEN, XENT_WEIGHTS, XENT_BIAS_OF_CLASSES, XENT_MADE_LOGITS, XENT_HIDDEN_GRADIENT, XENT_WEIGHTS_GRADIENT,
  XENT_BIAS_GRADIENT,
  XENT_KNOWN_STATISTICS, XENT_STATISTICS, XENT_KNOWN_STATES, XENT_STATES, XENT_EXACT_SUM, XENT_WORKSPACE,
  XENT_ARRAYS, /* the number of addresses that bindings pass; the following rules have places in their struct */
  XENT_WORKSPACE_SIZE = XENT_ARRAYS, XENT_SAMPLING, XENT_TARGET_COUNT, XENT_TOP_COUNT, XENT_FIRST_CLASS,
  XENT_ALL_CLASSES, XENT_PROMPT_COUNT, XENT_OUTPUT_COUNT, XENT_BIAS_COUNT, XENT_FEATURES,
  XENT_RULES
};

static const xent_rule xent_rules[] = {
    [XENT_LOGITS] = XENT_INPUT(LOGITS, logits, logits, PER_CLASS, XENT_NUMBERS),
    [XENT_TEACHER] = XENT_INPUT(TEACHER, teacher, teacher, PER_CLASS, XENT_NUMBERS),
    [XENT_TARGETS] = XENT_INPUT(TARGETS, targets, targets, OF_TARGETS, XENT_LABELS | XENT_NUMBERS),
    [XENT_TARGET_WEIGHTS] = XENT_INPUT(TARGET_WEIGHTS, target_weights, target_weights, PER_TARGET, XENT_NUMBERS),
    [XENT_ROW_OFFSETS] = XENT_INPUT(ROW_OFFSETS, row_offsets, row_offsets, OFFSETS, XENT_CLASS_NUMBERS),
    [XENT_CLASS_MASK] = XENT_SPREAD_INPUT(CLASS_MASK, class_mask, class_mask, PER_CLASS, XENT_FLAGS),
    [XENT_CLASS_WEIGHTS] = XENT_INPUT(CLASS_WEIGHTS, class_weights, class_weights, ONE_ROW, XENT_NUMBERS),
    [XENT_ROW_WEIGHTS] = XENT_SPREAD_INPUT(ROW_WEIGHTS, row_weights, row_weights, PER_ROW, XENT_NUMBERS | XENT_FLAGS),
    [XENT_SINK] = XENT_SPREAD_INPUT(SINK, sink, sink, PER_ROW, XENT_NUMBERS),
    [XENT_KNOWN_OUTPUT] = XENT_INPUT(OUTPUT, output, forward_output, PER_CLASS, XENT_NUMBERS),
    [XENT_UPSTREAM] = XENT_INPUT(UPSTREAM, upstream, upstream, PER_CLASS, XENT_NUMBERS),
    [XENT_UPSTREAM_OF_ROWS] = XENT_INPUT(UPSTREAM, upstream, upstream, PER_ROW, XENT_NUMBERS),
    [XENT_OUTPUT_ARRAY] =
        XENT_OUTPUT_IN_PLACE(OUTPUT, output, output, PER_CLASS, XENT_NUMBERS, XENT_FIELD_BIT(LOGITS)),
    [XENT_GRADIENT] =
        XENT_OUTPUT_IN_PLACE(GRADIENT, gradient, output, PER_CLASS, XENT_NUMBERS, XENT_FIELD_BIT(LOGITS)),
    [XENT_SOFTMAX_GRADIENT] = XENT_OUTPUT_IN_PLACE(GRADIENT, gradient, output, PER_CLASS, XENT_NUMBERS,
                                                   XENT_FIELD_BIT(OUTPUT) | XENT_FIELD_BIT(UPSTREAM)),
    [XENT_ELEMENT_GRADIENT] = XENT_OUTPUT_IN_PLACE(GRADIENT, gradient, output, PER_CLASS, XENT_NUMBERS,
                                                   XENT_FIELD_BIT(LOGITS) | XENT_FIELD_BIT(UPSTREAM)),
    [XENT_LOSSES] = XENT_OUTPUT(LOSSES, losses, PER_ROW, XENT_NUMBERS),
    [XENT_LOG_SUM_EXP] = XENT_OUTPUT(LOG_SUM_EXP, log_sum_exp, PER_ROW, XENT_NUMBERS),
    [XENT_CORRECT] = XENT_OUTPUT(CORRECT, correct, PER_ROW, XENT_FLAGS),
    [XENT_LOG_PROBABILITIES] = XENT_OUTPUT(LOG_PROBABILITIES, log_probabilities, PER_ROW, XENT_NUMBERS),
    [XENT_ARGMAX] = XENT_OUTPUT(ARGMAX, argmax, PER_ROW, XENT_CLASS_NUMBERS),
    [XENT_RANKS] = XENT_OUTPUT(RANKS, ranks, PER_ROW, XENT_CLASS_NUMBERS),
    [XENT_ENTROPIES] = XENT_OUTPUT(ENTROPIES, entropies, PER_ROW, XENT_NUMBERS),
    [XENT_TOP_CLASSES] = XENT_OUTPUT(TOP_CLASSES, top_classes, PER_TOP, XENT_CLASS_NUMBERS),
    [XENT_TOP_LOG_PROBABILITIES] = XENT_OUTPUT(TOP_LOG_PROBABILITIES, top_log_probabilities, PER_TOP, XENT_NUMBERS),
    [XENT_TARGET_GRADIENT] = XENT_OUTPUT(TARGET_GRADIENT, target_gradient, OF_TARGETS, XENT_NUMBERS),
    [XENT_BIAS] = XENT_SPREAD_INPUT(BIAS, bias, bias, PER_CLASS, XENT_NUMBERS),
    [XENT_PROMPT_TOKENS] = XENT_INPUT(PROMPT_TOKENS, prompt_tokens, prompt_tokens, PER_PROMPT, XENT_LABELS),
    [XENT_OUTPUT_TOKENS] = XENT_INPUT(OUTPUT_TOKENS, output_tokens, output_tokens, PER_OUTPUT, XENT_LABELS),
    [XENT_TOKENS] = XENT_OUTPUT(TOKENS, tokens, PER_ROW, XENT_CLASS_NUMBERS),
    [XENT_PROCESSED_LOG_PROBABILITIES] =
        XENT_OUTPUT(PROCESSED_LOG_PROBABILITIES, processed_log_probabilities, PER_ROW, XENT_NUMBERS),
    [XENT_KEPT] = XENT_OUTPUT(KEPT, kept, PER_ROW, XENT_CLASS_NUMBERS),
    [XENT_KEPT_MASK] = XENT_OUTPUT(KEPT_MASK, kept_mask, PER_CLASS, XENT_FLAGS),
    [XENT_MASK_OF_TOKENS] =
        XENT_SPREAD_INPUT(CLASS_MASK, class_mask, class_mask, PER_CLASS, XENT_FLAGS | XENT_WORDS),
    [XENT_BIAS_TOKENS] = XENT_INPUT(BIAS_TOKENS, bias_tokens, bias_tokens, PER_TARGET, XENT_LABELS),
    [XENT_BIAS_VALUES] = XENT_INPUT(BIAS_VALUES, bias_values, bias_values, PER_TARGET, XENT_NUMBERS),
    [XENT_DRAFT_TOKENS] = XENT_INPUT(DRAFT_TOKENS, draft_tokens, draft_tokens, PER_ROW, XENT_LABELS),
    [XENT_DRAFT_PROBABILITIES] =
        XENT_INPUT(DRAFT_PROBABILITIES, draft_probabilities, draft_probabilities, PER_CLASS, XENT_NUMBERS),
    [XENT_ELEMENT_TARGETS] = XENT_INPUT(TARGETS, targets, targets, PER_CLASS, XENT_LABELS | XENT_NUMBERS),
    [XENT_ELEMENT_WEIGHTS] =
        XENT_SPREAD_INPUT(ELEMENT_WEIGHTS, element_weights, element_weights, PER_CLASS, XENT_NUMBERS | XENT_FLAGS),
    [XENT_POSITIVE_WEIGHTS] =
        XENT_SPREAD_INPUT(POSITIVE_WEIGHTS, positive_weights, positive_weights, PER_CLASS, XENT_NUMBERS),
    [XENT_ELEMENT_LOSSES] = XENT_OUTPUT(LOSSES, losses, PER_CLASS, XENT_NUMBERS),
    [XENT_SELECTED_CLASSES] = XENT_INPUT(TARGETS, targets, targets, OF_TARGETS, XENT_LABELS),
    [XENT_SELECTED_UPSTREAM] = XENT_INPUT(UPSTREAM, upstream, upstream, OF_TARGETS, XENT_NUMBERS),
    [XENT_SELECTED_LOG_PROBABILITIES] =
        XENT_OUTPUT(LOG_PROBABILITIES, log_probabilities, OF_TARGETS, XENT_NUMBERS),
    [XENT_HIDDEN] = XENT_INPUT(HIDDEN, hidden, hidden, PER_FEATURE, XENT_NUMBERS),
    [XENT_WEIGHTS] = XENT_INPUT(WEIGHTS, weights, weights, OF_CLASSES, XENT_NUMBERS),
    [XENT_BIAS_OF_CLASSES] = XENT_INPUT(BIAS, bias, bias, ONE_ROW, XENT_NUMBERS),
    [XENT_MADE_LOGITS] = XENT_OUTPUT_IN_PLACE(LOGITS, logits, made_logits, PER_CLASS, XENT_NUMBERS, 0),
    [XENT_HIDDEN_GRADIENT] = XENT_OUTPUT(HIDDEN_GRADIENT, hidden_gradient, PER_FEATURE, XENT_NUMBERS),
    [XENT_WEIGHTS_GRADIENT] = XENT_OUTPUT(WEIGHTS_GRADIENT, weights_gradient, OF_CLASSES, XENT_NUMBERS),
    [XENT_BIAS_GRADIENT] = XENT_OUTPUT(BIAS_GRADIENT, bias_gradient, ONE_ROW, XENT_NUMBERS),
    [XENT_KNOWN_STATISTICS] = XENT_RECORD(STATISTICS, known_statistics, ROW_RECORDS),
    [XENT_STATISTICS] = XENT_RECORD(STATISTICS, statistics, ROW_RECORDS),
    [XENT_KNOWN_STATES] = XENT_RECORD(STATES, known_states, CHUNK_RECORDS),
    [XENT_STATES] = XENT_RECORD(STATES, states, CHUNK_RECORDS),
    [XENT_EXACT_SUM] = XENT_RECORD(EXACT_SUM, exact_sum, BESIDE),
    [XENT_WORKSPACE] = XENT_RECORD(WORKSPACE, workspace, BESIDE),
    [XENT_WORKSPACE_SIZE] = XENT_RECORD(WORKSPACE, workspace_size, NO_ARRAY),
    [XENT_SAMPLING] = XENT_RECORD(SAMPLING, sampling, NO_ARRAY),
    [XENT_TARGET_COUNT] = XENT_SIZE(TARGET_COUNT, target_count),
    [XENT_TOP_COUNT] = XENT_SIZE(TOP_COUNT, top_count),
    [XENT_FIRST_CLASS] = XENT_SIZE(FIRST_CLASS, first_class),
    [XENT_ALL_CLASSES] = XENT_SIZE(ALL_CLASSES, all_classes),
    [XENT_PROMPT_COUNT] = XENT_SIZE(PROMPT_COUNT, prompt_count),
    [XENT_OUTPUT_COUNT] = XENT_SIZE(OUTPUT_COUNT, output_count),
    [XENT_BIAS_COUNT] = XENT_SIZE(BIAS_COUNT, target_count),
    [XENT_FEATURES] = XENT_SIZE(FEATURES, features),
};
_Static_assert(XENT_COUNT(xent_rules) == XENT_RULES && XENT_RULES <= 128, "a rule each");

static inline bool xent_is_array(const xent_rule *rule) { return rule->form < XENT_ROW_RECORDS; }

/* Whether a written array may alias another one at the same address. */
static inline bool xent_may_share(const xent_rule *written, const xent_rule *other) {
  return other->field < 64 && (written->in_place >> other->field & 1);
}

/* An argument of a function, in the struct that it takes. Arrays come first, so that they have the numbers of
 * xent_bindings.h. */
typedef struct {
  uint16_t at;
  uint8_t rule;
  bool needed;
} xent_place;

typedef struct xent_frame xent_frame;

/* A function of the interface: its arguments, in the order of its struct, and the code that runs a call with them. */
typedef struct {
  const xent_place *places;
  uint64_t visited; /* a bit for each place that is needed, or whose layout is read without an array, too */
  xent_status (*work)(xent_frame *frame);
  uint64_t (*workspace)(const xent_call *call); /* the size that suits a call, not checked; NULL: it needs none */
  uint8_t count;     /* of the places */
  bool all_layouts;  /* takes layouts of absent arrays, too */
  bool has_classes;  /* a range of classes, after the range of rows */
  bool needs_report; /* the report receives the result of the function */
  bool weighs_rows;  /* the kernel sets the denominator */
  bool backward;     /* of softmax: the type of its output selects the arithmetic */
  uint16_t size, first_size; /* of its struct, now and in the first version that had it */
  uint16_t report;
  uint8_t arrays; /* of the places, the first ones */
  uint16_t logits_type, choice, continues, reserved; /* int32_t; 0: not in the struct */
  uint64_t own_options; /* XENT_SETS; 0: XENT_OPTIONS_OF_ROWS */
} xent_entry;

static inline uint64_t xent_all_places(const xent_entry *function) { return ~UINT64_C(0) >> (64 - function->count); }

#define XENT_DECLARE_FUNCTION(number, name) extern const xent_entry xent_of_##name;
XENT_FUNCTIONS(XENT_DECLARE_FUNCTION)

enum { XENT_LARGEST_STRUCT = 4096 }; /* its bytes, in any version */

enum {
  XENT_OPTIONAL,
  XENT_NEEDED,
  XENT_MOST_PLACES = 40, /* of a function */
  XENT_MOST_ARRAYS = 32  /* among them, accepted by xent_many_at */
};

/* Places from a list of `_(c, member, RULE, NEEDED or OPTIONAL)`, where c is the struct that the function takes. */
#define XENT_PLACE(call, member, rule, need) {offsetof(call, member), XENT_##rule, XENT_##need},
#define XENT_INDEX_OF(name, member, rule, need) name##_##member,
#define XENT_ADD_VISITED(name, member, rule, need) \
  | (uint64_t)(XENT_##need || XENT_##rule == XENT_TARGETS || XENT_##rule == XENT_KNOWN_OUTPUT) << name##_##member
#define XENT_ADD_ARRAY(call, member, rule, need) +(XENT_##rule < XENT_ARRAYS)
#define XENT_ADD_LATE(name, member, rule, need) \
  +(XENT_##rule < XENT_ARRAYS && (int)name##_##member >= (int)name##_arrays)
#define XENT_PLACES(name, call, list)                                                                          \
  enum {list(XENT_INDEX_OF, name)};                                                                            \
  static const uint64_t name##_visited = 0 list(XENT_ADD_VISITED, name);                                       \
  enum { name##_arrays = 0 list(XENT_ADD_ARRAY, call) };                                                       \
  static const xent_place name[] = {list(XENT_PLACE, call)};                                                   \
  _Static_assert(XENT_COUNT(name) <= XENT_MOST_PLACES, "xent_check_arrays has no room for so many places");    \
  _Static_assert((0 list(XENT_ADD_LATE, name)) == 0, "arrays come first");                                      \
  _Static_assert(0 list(XENT_ADD_ARRAY, call) <= XENT_MOST_ARRAYS, "xent_many_at does not take so many arrays")

/* The outputs per row of a cross-entropy besides losses, in the order of the structs. */
#define XENT_ROW_OUTPUTS(_, c)                                                                                     \
  _(c, log_probabilities, LOG_PROBABILITIES, OPTIONAL) _(c, argmax, ARGMAX, OPTIONAL) _(c, ranks, RANKS, OPTIONAL) \
  _(c, entropies, ENTROPIES, OPTIONAL) _(c, top_classes, TOP_CLASSES, OPTIONAL)                                    \
  _(c, top_log_probabilities, TOP_LOG_PROBABILITIES, OPTIONAL) _(c, target_gradient, TARGET_GRADIENT, OPTIONAL)

/* The sizes of a shard. */
#define XENT_SHARD_SIZES(_, c) _(c, first_class, FIRST_CLASS, OPTIONAL) _(c, all_classes, ALL_CLASSES, OPTIONAL)

/* 0, if a condition is true. */
#define XENT_ZERO_IF(condition, otherwise)      \
  (0 * sizeof(struct {                          \
    _Static_assert(condition, otherwise);       \
    int nothing;                                \
  }))
/* `first` is the size of the struct in the first version that had it: it stays when members are appended. */
#define XENT_ARGUMENTS(call, first, places_, work_)                                                              \
  .places = places_, .visited = places_##_visited, .count = XENT_COUNT(places_), .arrays = places_##_arrays,     \
  .work = work_,                                                                                                 \
  .size = sizeof(call),                                                                                          \
  .first_size = first + XENT_ZERO_IF((first) <= sizeof(call) && sizeof(call) <= XENT_LARGEST_STRUCT,             \
                                     "a struct grows, up to a limit"),                                           \
  .has_classes = offsetof(call, options) > offsetof(call, rows) + sizeof(void *), .report = offsetof(call, report)
#endif
