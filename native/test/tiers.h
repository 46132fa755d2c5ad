/* SPDX-License-Identifier: Apache-2.0 */
/* The instruction sets of a test: all that run here. At its end it prints them, for tested_tiers.sh. */
#ifndef XENT_TEST_TIERS_H
#define XENT_TEST_TIERS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xent.h"

enum { MOST_TIERS = 31 };
static bool ran_tier[MOST_TIERS + 1];

static inline bool is_tier(int32_t isa) { return isa <= MOST_TIERS && strcmp(xent_isa_name(isa), "unknown") != 0; }

static inline void say_tiers(void) {
  printf("tiers:");
  for (int32_t isa = 1; is_tier(isa); isa++)
    if (ran_tier[isa]) printf(" %s", xent_isa_name(isa));
  const char *before = ";";
  for (int32_t isa = 1; is_tier(isa); isa++, before = ran_tier[isa - 1] ? before : ",")
    if (!ran_tier[isa]) printf("%s no %s", before, xent_isa_name(isa));
  printf(*before == ',' ? " here\n" : "\n");
}

/* The instruction set after this one, XENT_ISA_BEST after the last and before the first:
 * for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) */
static inline int32_t next_tier(int32_t isa) {
  static bool said;
  if (!said) said = !atexit(say_tiers);
  while (is_tier(++isa))
    if (xent_has_isa(isa)) {
      ran_tier[isa] = true;
      return isa;
    }
  return XENT_ISA_BEST;
}

#endif
