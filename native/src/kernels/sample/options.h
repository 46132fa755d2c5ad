/* SPDX-License-Identifier: Apache-2.0 */
/* What entry points and kernels both know of a row's options, and of the memory that penalties take. */
#ifndef XENT_SAMPLE_OPTIONS_H
#define XENT_SAMPLE_OPTIONS_H

#include "kernels/kernels.h"
#include "numerics/types.h"

/* Structs may be longer than this library knows; all of a call have the size of the first. */
static inline const xent_sampling *sampling_of_row(const xent_call *call, int64_t row) {
  const char *first = (const char *)call->sampling;
  const int64_t size = (int64_t)call->sampling->size;
  return (const xent_sampling *)(const void *)(first + (call->sampling_per_row ? row * size : 0));
}

/* Whether top-k keeps every class that equals the k-th. */
static inline bool keeps_all_ties(const xent_sampling *s) {
  const bool of_rules = s->rules == XENT_RULES_TRANSFORMERS || s->rules == XENT_RULES_VLLM;
  return s->ties == XENT_TIES_OF_RULES ? of_rules : s->ties == XENT_TIES_ALL;
}

static inline int64_t classes_of_rows(const xent_shape *s) { return s->all_classes ? s->all_classes : s->classes; }

/* ---- the workspace: a table of the classes that a row's tokens name, then the flags of a mask of bits ---- */

/* A class that the row's tokens name, and how often it is among the output tokens; -1: it has a bias alone. Class -1: a
 * free place. */
typedef struct {
  int32_t class;
  float bias;
  int64_t count;
} named_class;

/* A bit per class says whether it is in the table, and the table has room for twice the classes that can be in it. */
static inline int64_t table_words(int64_t classes) { return classes / 64 + (classes % 64 != 0); }
static inline int64_t table_slots(int64_t classes, int64_t tokens) {
  const int64_t most = tokens < classes ? tokens : classes;
  int64_t slots = 2;
  while (slots < 2 * most) slots *= 2;
  return slots;
}
static inline uint64_t bytes_of_table(int64_t classes, int64_t tokens) {
  if (tokens < 1) return 0;
  const uint64_t words = (uint64_t)table_words(classes), slots = (uint64_t)table_slots(classes, tokens);
  return words * sizeof(uint64_t) + slots * sizeof(named_class);
}
static inline uint64_t bytes_of_flags(int64_t classes) { return ((uint64_t)classes + 7) / 8 * 8; }

/* How many tokens a row names at most. */
static inline int64_t tokens_of_row(const xent_call *call) {
  const xent_shape *s = call->shape;
  int64_t tokens = call->prompt_tokens ? s->prompt_count : 0;
  if (call->output_tokens && __builtin_add_overflow(tokens, s->output_count, &tokens)) return INT64_MAX;
  if (call->bias_tokens && __builtin_add_overflow(tokens, s->target_count, &tokens)) return INT64_MAX;
  return tokens;
}

/* Whether the mask has a bit for each class, not a byte. */
static inline bool has_mask_of_bits(const xent_call *call) {
  return call->class_mask && xent_element_type_of(call->shape->class_mask.type).holds & XENT_WORDS;
}

#endif
