/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call has the same bits, status and report on every path. Random calls of every function, as the fuzzer makes them,
 * with every instruction set: each is repeated without the path that it took, then without the next one, until only the
 * last one fits; and without random sets of paths. All arrays are between pages without access.
 *
 * Usage: paths_agree_test [COUNT [SEED]]: COUNT random inputs for softmax and for cross-entropy, fewer for others
 */
#include <stdio.h>
#include <stdlib.h>

#include "rows.h"
#include "run.h"

enum { LONGEST = 240, LEAST = 1 };

static const struct {
  const char *name;
  void (*run)(const uint8_t *data, size_t size);
  int one_of; /* inputs */
} targets[] = {{"softmax", fuzz_softmax, 1},       {"cross_entropy", fuzz_cross_entropy, 1},
               {"selected", fuzz_selected, 8},     {"linear", fuzz_linear, 16},
               {"parts", fuzz_parts, 16},          {"sample", fuzz_sample, 32},
               {"divergence", fuzz_divergence, 64}, {"hvp", fuzz_hvp, 32}};

/* Whether another path of the list follows this one. */
static bool has_another(int path) {
  return path != XENT_PATH_NONE && path != XENT_PATH_ROW && path != XENT_PATH_F64 &&
         path != XENT_PATH_ELEMENTS && path != XENT_PATH_COPIES;
}

int main(int argc, char **argv) {
  const long count = argc > 1 ? atol(argv[1]) : 1500;
  random_source r = {argc > 2 ? strtoull(argv[2], NULL, 0) : 1};
  int rare = 0;
  if (count < 1) {
    fprintf(stderr, "usage: paths_agree_test [COUNT [SEED]]\n");
    return 2;
  }
  for (size_t t = 0; t < sizeof targets / sizeof *targets; t++)
    for (long i = 0; i < count; i += targets[t].one_of) {
      uint8_t data[LONGEST];
      const size_t size = 1 + (size_t)random_below(&r, LONGEST);
      for (size_t k = 0; k < size; k++) data[k] = random_below(&r, 3) ? (uint8_t)random_bits(&r) : 0;
      targets[t].run(data, size);
    }
  const fuzz_count calls = calls_so_far();
  for (int k = 0; k < XENT_PATH_COUNT; k++) {
    if (!has_another(k)) continue;
    printf("without %-11s %lld runs\n", xent_path_name(k), calls.replaced[k]);
    if (calls.replaced[k] >= LEAST) continue;
    rare++;
    fprintf(stderr, "too few calls take the path %s\n", xent_path_name(k));
  }
  printf("%lld calls, %lld runs compared with paths off, 0 differ\n", calls.made, calls.without);
  return rare != 0;
}
