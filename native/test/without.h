/* SPDX-License-Identifier: Apache-2.0 */
/* Switches of paths, in programs that are linked with the library xent_switched. */
#ifndef XENT_TEST_WITHOUT_H
#define XENT_TEST_WITHOUT_H

#include <stdbool.h>

#include "kernels/path_names.h"

/* The switches of names with commas between them, as in XENT_WITHOUT. A wrong name ends the program. */
uint32_t switches_named(const char *names);

#endif
