/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call of the interface as bytes describe it. Half of them are for a schedule by choice: sizes that it takes, mostly
 * blocks of sixteen rows, and nothing wild. The others are mostly plausible, sometimes wild. What a wild one may touch
 * is known all the same: an array that its descriptor makes larger than a room lies at an address without access, and
 * then the range of rows is empty.
 */
#ifndef XENT_FUZZ_PROBLEM_H
#define XENT_FUZZ_PROBLEM_H

#include "input.h"
#include "memory.h"
#include "xent.h"

/* The arrays of the interface, and the structs, each in a slot of its own. */
enum {
  LOGITS, OUTPUT, GRADIENT, UPSTREAM, TARGETS, LOSSES, LOG_SUM_EXP, CORRECT, TARGET_WEIGHTS, ROW_OFFSETS, CLASS_MASK,
  CLASS_WEIGHTS, ROW_WEIGHTS, SINK, LOG_PROBABILITIES, ARGMAX, RANKS, ENTROPIES, TOP_CLASSES, TOP_LOG_PROBABILITIES,
  TARGET_GRADIENT, TEACHER, BIAS_OF_CLASSES, WEIGHTS_GRADIENT, BIAS_GRADIENT, ARRAYS,
  STATISTICS = ARRAYS, STATES, EXACT_SUM, SHAPE, OPTIONS, REPORT, WORKSPACE, SLOTS
};
#define BIT(slot) (UINT32_C(1) << (slot))
/* Of sampling, in the slots of what it does not have. */
enum {
  BIAS = TEACHER, PROMPT_TOKENS = TARGETS, OUTPUT_TOKENS = TARGET_WEIGHTS, TOKENS = ARGMAX,
  BIAS_TOKENS = SINK, BIAS_VALUES = ROW_WEIGHTS, PROCESSED_LOG_PROBABILITIES = LOSSES, KEPT = LOG_SUM_EXP,
  KEPT_MASK = OUTPUT, SAMPLING = STATISTICS, GATHERED = EXACT_SUM
};
/* Likewise of a linear layer. */
enum { HIDDEN = OUTPUT, WEIGHTS = TEACHER, HIDDEN_GRADIENT = GRADIENT };

typedef struct {
  fuzz_slot slots[SLOTS];
  int in_slot_of[ARRAYS]; /* itself, or the array whose memory it shares */
  int64_t offset[ARRAYS]; /* in bytes, in that slot */
  int64_t bytes[SLOTS];   /* from the first to behind the last element; -1 where that is no room's */
  void *address[SLOTS];   /* as it is given to calls; NULL where it is not given */
  xent_shape shape;
  xent_options options;
  int64_t row_begin, row_end, class_begin, class_end;
  int32_t schedule;            /* by choice, of kernels/schedules.h; XENT_SCHEDULE_NONE: whichever it comes to */
  bool ragged;            /* row_offsets are given */
  bool selected;          /* of selected classes: upstream and log-probabilities lie as the targets */
  bool hessian;           /* of a Hessian: upstream has a number per class, output the type of the arithmetic */
  bool elementwise;       /* of elements: row weights and sinks are their weights, and all have one per element */
  bool sampled;           /* of sampling, whose arrays have slots of others */
  bool sharded;           /* its rows have as many classes again, which are another shard's */
  bool linear;            /* of a linear layer, as well; logits are written */
  bool least_workspace;   /* as little as will do */
  int32_t sampling_per_row;
  uint64_t workspace_size; /* as it is told, at most what there is */
  bool any_isa;           /* options.isa is the tier's; else it is wild and stays */
  uint64_t seed;          /* of what arrays hold */
  const uint8_t *raw;     /* ... or bytes of the input itself */
  size_t raw_bytes;
} fuzz_problem;

/* Whether something happens that no caller means. */
static inline bool is_wild(const fuzz_problem *p, fuzz_input *in, unsigned times) {
  return !p->schedule && chance(in, times);
}

/* Reads a problem. `needed` and `optional` are the arrays and structs that the calls take. */
void problem_read(fuzz_problem *p, fuzz_input *in, uint32_t needed, uint32_t optional);

/* How an array's elements are found. */
typedef enum {
  PER_CLASS, PER_ROW, PER_ENTRY, PER_TOP, ONE_ROW, PER_OFFSET, PER_PROMPT, PER_OUTPUT, PER_FEATURE,
  PER_WORD, /* of 32 classes */
  MATRIX /* features of each class */
} fuzz_extent;
fuzz_extent extent_of(const fuzz_problem *p, int index);
const xent_layout *layout_of_array(const fuzz_problem *p, int index);
/* Rows, or -1 where there is no such number. */
int64_t rows_of(const fuzz_problem *p);
int64_t row_offset(const fuzz_problem *p, int64_t row);

/* Bytes of the workspace of a linear layer's call on its rows and all classes; 0 where there is no such number. */
uint64_t workspace_of_layer(const fuzz_problem *p);
/* Sets to 1 what of an array's slot is an element of these rows and classes. */
void mark_elements(const fuzz_problem *p, int index, int64_t row_begin, int64_t row_end, int64_t class_begin,
                   int64_t class_end, uint8_t *marks);

#endif
