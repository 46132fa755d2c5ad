/* SPDX-License-Identifier: Apache-2.0 */
/* The arrays of the interface: what each has per row, of which types, and where its elements are. */
#ifndef XENT_FUZZ_ELEMENTS_H
#define XENT_FUZZ_ELEMENTS_H

#include "problem.h"

__extension__ typedef __int128 wide_int; /* sums and products of wild numbers */

typedef enum { FLOATS, TARGET, CLASS_NUMBERS, BYTES, BYTES_OR_WORDS, FLOATS_OR_BYTES, OFFSETS } fuzz_types;

typedef struct {
  size_t layout; /* its place in xent_shape */
  fuzz_extent extent;
  fuzz_types types;
  bool written;
} fuzz_kind;

const fuzz_kind *kind_of(const fuzz_problem *p, int index);

xent_layout *layout_to_set(fuzz_problem *p, int index);
/* How many elements a row has; the descriptor's word, which may be wild. */
int64_t entries_of(const fuzz_problem *p, fuzz_extent extent);
/* From the first to behind the last element of an array, as the row offsets in their slot say; -1 where that is no
 * room's. */
int64_t bytes_of_array(const fuzz_problem *p, int index);

#endif
