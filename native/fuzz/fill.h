/* SPDX-License-Identifier: Apache-2.0 */
/* The contents of arrays: valid values, edge values, or bytes of the input. */
#ifndef XENT_FUZZ_FILL_H
#define XENT_FUZZ_FILL_H

#include "problem.h"

void fill_array(const fuzz_problem *p, int array, unsigned char *data, int64_t bytes, unsigned style);

#endif
