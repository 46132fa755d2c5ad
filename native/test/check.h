/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that are counted, and say where they failed. */
#ifndef XENT_TEST_CHECK_H
#define XENT_TEST_CHECK_H

#include <stdio.h>

static int checks, failures;

#define CHECK(condition)                                                  \
  do {                                                                    \
    checks++;                                                             \
    if (!(condition)) {                                                   \
      failures++;                                                         \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);     \
    }                                                                     \
  } while (0)

/* What a test ends with: how many checks there were, and whether one failed. */
static inline int all_checks(void) {
  printf("%d checks, %d failures\n", checks, failures);
  return failures != 0;
}

#endif
