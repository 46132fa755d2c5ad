/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every C file of the library includes this header. The bits are the contract: cmake/Arithmetic.cmake sets the flags
 * for arithmetic after those of a parent project. If a flag that breaks the contract is set all the same and the
 * compiler makes it visible, this header raises an error. Only gcc makes more than -ffast-math and -ffinite-math-only
 * visible.
 */
#ifndef XENT_FLOAT_FLAGS_H
#define XENT_FLOAT_FLAGS_H

#include <float.h>

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "The bits are the contract: compile without -ffast-math and -ffinite-math-only."
#endif
#if defined(__NO_SIGNED_ZEROS__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    defined(__NO_TRAPPING_MATH__)
#error "The bits are the contract: compile without any part of -funsafe-math-optimizations."
#endif
#if defined(__GCC_IEC_559) && __GCC_IEC_559 < 1
#error "The bits are the contract: compile with arithmetic of IEEE 754 and -ffp-contract=off."
#endif
_Static_assert(FLT_EVAL_METHOD == 0, "float arithmetic must be float arithmetic");

#endif
