/* SPDX-License-Identifier: Apache-2.0 */
/* A point of the grid of calls between guard pages: which function, on what, where. */
#ifndef XENT_GUARD_GRID_H
#define XENT_GUARD_GRID_H

#include "run.h"

enum {
  SOFTMAX, LOG_SOFTMAX, LSE, SOFTMAX_BACKWARD, LOG_SOFTMAX_BACKWARD,
  LOSSES_ALONE, LABELS_WITH_GRADIENT, PROBABILITIES_WITH_GRADIENT,
  FULL_LABELS, FULL_PROBABILITIES, FULL_SPARSE, FULL_NO_TARGETS,
  DIVERGENCE, HVP, SELECTED, BINARY_OF_LABELS, BINARY_OF_NUMBERS, SAMPLE,
  PARTS_OF_SOFTMAX, PARTS_OF_LABELS, PARTS_OF_PROBABILITIES, PARTS_OF_SPARSE, PARTS_OF_BACKWARD, PARTS_OF_LOG_BACKWARD,
  LAYER_OF_LABELS, LAYER_OF_PROBABILITIES, LAYER_OF_SPARSE, PARTS_OF_LAYER,
  CHECK_LABELS, CHECK_SPARSE, EXACT_SUM_OF_VALUES, OF_GRID,
  SIGMOID = OF_GRID, LOG_SIGMOID, SIGMOID_BACKWARD, LOG_SIGMOID_BACKWARD, FUNCTIONS
};
enum { ALL_F32, ALL_F16, ALL_BF16, ALL_F64, MIXED_NARROW, MIXED_WIDE, TYPES };
enum {
  ROWS_DENSE,
  ROWS_APART,
  COLUMNS_DENSE,
  COLUMNS_APART,
  GAPS_EVERYWHERE,
  COLUMNS_OF_ROWS,
  RAGGED,
  CLASSES_LAST,
  EACH_ITS_OWN,
  LAYOUTS
};
enum { BESIDE, IN_PLACE, IN_PLACE_OF_UPSTREAM };

typedef struct {
  int function, types, layout;
  int64_t classes;
  uint64_t seed;
  bool at_end;   /* the arrays end at a page without access; else they begin behind one */
  int64_t shift; /* elements from there, each array by its own elements */
  int place;
  bool wider; /* options, counts and contents of every kind, and steps of 0: the rest stays as it is without */
} grid_point;

/* What a function takes: always, and where it is wished. */
typedef struct {
  const char *name;
  uint32_t needed, optional, written;
  bool sparse, probabilities, ragged, selected, hessian, elementwise, sampled, linear;
} grid_function;
extern const grid_function grid_functions[FUNCTIONS];

/* The problem of a point; false if its arrays do not fit their memory or cannot be at one place. */
bool grid_problem(fuzz_problem *p, const grid_point *at);
/* Makes the calls of a function on rows from begin to end. */
void grid_call(fuzz_problem *p, int64_t begin, int64_t end);
/* Which one. */
extern int grid_function_now;
/* Whether each part of a row is a shard, in calls for parts. */
extern bool grid_shards;
/* Is told what each call has written, of which rows and classes, unless it is NULL. */
extern void (*grid_check)(fuzz_problem *p, uint32_t written, int64_t begin, int64_t end, int64_t from, int64_t to);
/* The index of a number, of an array that is there. */
int64_t element_of(const fuzz_problem *p, int index, int64_t row, int64_t entry);

#endif
