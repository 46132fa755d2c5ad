/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library that is not Xent's of this version, for the tests of the Java loader. Compiled with
 * STRANGER_ABI and STRANGER_NUMERICS, the versions it says it has; it has no other function.
 */
#include "xent.h"

uint32_t xent_abi_version(void) { return STRANGER_ABI; }

uint32_t xent_numerics_version(void) { return STRANGER_NUMERICS; }
