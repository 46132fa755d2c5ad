/* SPDX-License-Identifier: Apache-2.0 */
/* The arrays of the interface: their extents, their types, and the positions of their elements. */
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
/* The number of elements of a row, as in the descriptor, which may be wild. */
int64_t entries_of(const fuzz_problem *p, fuzz_extent extent);
/* Bytes from the first element to the end of the last one, according to the row offsets in their slot; -1 if they do
 * not fit a room. */
int64_t bytes_of_array(const fuzz_problem *p, int index);

#endif
