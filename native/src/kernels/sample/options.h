/* SPDX-License-Identifier: Apache-2.0 */
/* What entry points and kernels both know of a row's options, and of the memory that penalties take. */
#ifndef XENT_SAMPLE_OPTIONS_H
#define XENT_SAMPLE_OPTIONS_H

#include "kernels/kernels.h"

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

/* A bit per class says whether it is in the table, and the table has room for twice the classes that can be in it. */
static inline int64_t penalty_words(int64_t classes) { return classes / 64 + (classes % 64 != 0); }
static inline int64_t penalty_slots(int64_t classes, int64_t tokens) {
  const int64_t most = tokens < classes ? tokens : classes;
  int64_t slots = 2;
  while (slots < 2 * most) slots *= 2;
  return slots;
}

#endif
