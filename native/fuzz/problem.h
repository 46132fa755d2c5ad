/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call of the interface, decoded from bytes. Half of the calls target a path: they have sizes that it accepts,
 * mostly blocks of sixteen rows, and nothing wild. The others are mostly plausible, sometimes wild. The memory that a
 * wild call may access is limited all the same: if its descriptor makes an array larger than a room, the array has an
 * inaccessible address, and the range of rows is empty.
 */
#ifndef XENT_FUZZ_PROBLEM_H
#define XENT_FUZZ_PROBLEM_H

#include "input.h"
#include "memory.h"
#include "kernels/kernels.h"
#include "xent_bindings.h"

/* The arrays of the interface, and the structs, each in a separate slot. */
enum {
  LOGITS, OUTPUT, GRADIENT, UPSTREAM, TARGETS, LOSSES, LOG_SUM_EXP, CORRECT, TARGET_WEIGHTS, ROW_OFFSETS, CLASS_MASK,
  CLASS_WEIGHTS, ROW_WEIGHTS, SINK, LOG_PROBABILITIES, ARGMAX, RANKS, ENTROPIES, TOP_CLASSES, TOP_LOG_PROBABILITIES,
  TARGET_GRADIENT, TEACHER, BIAS_OF_CLASSES, WEIGHTS_GRADIENT, BIAS_GRADIENT, ARRAYS,
  STATISTICS = ARRAYS, STATES, EXACT_SUM, OPTIONS, REPORT, WORKSPACE, SLOTS
};
#define BIT(slot) (UINT32_C(1) << (slot))
/* Arrays of sampling, in the slots of arrays that it does not have. */
enum {
  BIAS = TEACHER, PROMPT_TOKENS = TARGETS, OUTPUT_TOKENS = TARGET_WEIGHTS, TOKENS = ARGMAX,
  BIAS_TOKENS = SINK, BIAS_VALUES = ROW_WEIGHTS, PROCESSED_LOG_PROBABILITIES = LOSSES, KEPT = LOG_SUM_EXP,
  KEPT_MASK = OUTPUT, DRAFT_TOKENS = CORRECT, DRAFT_PROBABILITIES = UPSTREAM, SAMPLING = STATISTICS
};
/* Likewise for a linear layer. */
enum { HIDDEN = OUTPUT, WEIGHTS = TEACHER, HIDDEN_GRADIENT = GRADIENT };

typedef struct {
  fuzz_slot slots[SLOTS];
  int in_slot_of[ARRAYS]; /* itself, or the array whose memory it shares */
  int64_t offset[ARRAYS]; /* in bytes, in that slot */
  int64_t bytes[SLOTS];   /* from the first element to the end of the last one; -1 if they do not fit a room */
  void *address[SLOTS];   /* as passed to calls; NULL if it is not passed */
  xent_shape shape;
  xent_options options;
  int64_t row_begin, row_end, class_begin, class_end;
  int32_t path;            /* the intended one, of kernels/path_names.h; XENT_PATH_NONE: any */
  bool ragged;            /* has row_offsets */
  bool selected;          /* of selected classes: upstream and log-probabilities have the layout of the targets */
  bool hessian;           /* of a Hessian: upstream has one number per class, output the type of the arithmetic */
  bool elementwise;       /* of elements: row weights and sinks hold their weights, one number per element */
  bool sampled;           /* of sampling, whose arrays use slots of others */
  bool linear;            /* of a linear layer, too; logits are written */
  bool least_workspace;   /* the least size that is accepted */
  int32_t sampling_per_row;
  uint64_t workspace_size; /* the size that is passed, at most the real one */
  bool any_isa;           /* options.isa is set to each tier; otherwise it is wild and stays */
  uint64_t seed;          /* of the contents of arrays */
  const uint8_t *raw;     /* ... or bytes of the input */
  size_t raw_bytes;
} fuzz_problem;

/* Whether to do something that no correct caller does. */
static inline bool is_wild(const fuzz_problem *p, fuzz_input *in, unsigned times) {
  return !p->path && chance(in, times);
}

/* Reads a problem. `needed` and `optional` are the arrays and structs that the calls take. */
void problem_read(fuzz_problem *p, fuzz_input *in, uint32_t needed, uint32_t optional);

/* The extent of an array: its elements per row or per class. */
typedef enum {
  PER_CLASS, PER_ROW, PER_ENTRY, PER_TOP, ONE_ROW, PER_OFFSET, PER_PROMPT, PER_OUTPUT, PER_FEATURE,
  PER_WORD, /* of 32 classes */
  MATRIX /* features of each class */
} fuzz_extent;
fuzz_extent extent_of(const fuzz_problem *p, int index);
const xent_layout *layout_of_array(const fuzz_problem *p, int index);
/* The number of rows, or -1 if it overflows. */
int64_t rows_of(const fuzz_problem *p);
int64_t row_offset(const fuzz_problem *p, int64_t row);

/* Bytes of the workspace of a linear layer's call on its rows and all classes; 0 if the size overflows. */
uint64_t workspace_of_layer(const fuzz_problem *p);
/* Sets to 1 the marks of the bytes of an array's slot that are elements of these rows and classes. */
void mark_elements(const fuzz_problem *p, int index, int64_t row_begin, int64_t row_end, int64_t class_begin,
                   int64_t class_end, uint8_t *marks);

#endif
