/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a problem: which arrays share memory, where each is, and its contents. */
#ifndef XENT_FUZZ_PLACE_H
#define XENT_FUZZ_PLACE_H

#include "problem.h"

/* Computes the row offsets; their slot has been placed. */
void make_offsets(fuzz_problem *p, fuzz_input *in);
/* Lets an array be another one, in place, or overlap one. */
void share_memory(fuzz_problem *p, fuzz_input *in, uint32_t arrays);
/* Places the arrays and sets their addresses, then the structs, then fills the arrays. */
void place_arrays(fuzz_problem *p, fuzz_input *in, uint32_t given);
void place_structs(fuzz_problem *p, fuzz_input *in, uint32_t given);
void fill_arrays(fuzz_problem *p, fuzz_input *in, uint32_t given);

#endif
