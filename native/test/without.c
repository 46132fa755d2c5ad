/* SPDX-License-Identifier: Apache-2.0 */
/* The switches of a library with XENT_SWITCHES; the environment sets them: XENT_WITHOUT=dense,flow. */
#include "without.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

volatile uint32_t xent_without;

uint32_t switches_named(const char *names) {
  uint32_t set = 0;
  for (const char *name = names, *end; *name; name = *end ? end + 1 : end) {
    end = name + strcspn(name, ",");
    int k = XENT_PATH_EACH;
    while (k < XENT_PATH_COUNT &&
           (strlen(xent_path_names[k]) != (size_t)(end - name) ||
            strncmp(xent_path_names[k], name, (size_t)(end - name))))
      k++;
    if (k == XENT_PATH_COUNT) {
      fprintf(stderr, "XENT_WITHOUT: no path has the name %.*s\n", (int)(end - name), name);
      exit(2);
    }
    set |= UINT32_C(1) << k;
  }
  return set;
}

__attribute__((constructor)) static void read_environment(void) {
  const char *names = getenv("XENT_WITHOUT");
  if (names) xent_without = switches_named(names);
}
