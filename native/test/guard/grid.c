/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every function of xent.h between pages without access: each array of a call, and each struct, begins after such a
 * page or ends at one. The points of the grid, each with every instruction set of the CPU:
 *
 *   functions   softmax, log-softmax, their backwards, log-sum-exp; cross-entropy: losses alone, with gradient, with
 *               every output, gradient from statistics; of labels, probability rows, sparse targets, without targets;
 *               divergences, Hessian-vector products, selected log-probabilities, binary cross-entropy, sampling,
 *               linear layers; in parts: states, both rounds of finish, results by class ranges; checks of targets;
 *               exact sums
 *   types       float32, float16, bfloat16, float64, and different types for each array; labels, tokens, offsets and
 *               class numbers of every integer type that can represent them
 *   layouts     rows dense and apart, columns dense and apart, gaps between all elements, classes last, rows as
 *               columns, ragged rows, and different layouts for each array
 *   classes     1 to 300 and both sides of every boundary up to three chunks; one row, blocks and strips of rows; all
 *               rows, and all but the first and last
 *   places      up to the page and from the page, then shifted so that arrays begin at every element of a cache line;
 *               separate outputs, and outputs over each input that they may replace
 *
 * A read or write beyond a page ends the program with SIGSEGV. A changed byte next to an array, between its elements,
 * in an input or in rows and classes outside the range is a fault. Different bits than those of the scalar instruction
 * set are a fault, too. If an array is not at the page, only writes next to it are detected; in a build with
 * AddressSanitizer, reads are too.
 *
 * Usage: guard_grid [STEP]   every STEP-th point, of long rows every fourth of these; the default is 1, which takes a
 * quarter of an hour
 */
#define _DEFAULT_SOURCE
#include "grid.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rows.h"

static const int64_t boundaries[] = {383,  384,  385,  511,  512,  513,  640,  1000, 1023, 1024,  1025,  1151,  1152,
                                     1153, 2000, 2047, 2048, 2049, 4095, 4096, 4097, 5000, 8191,  8192,  8193,  8208,
                                     8320, 9000, 16000, 16383, 16384, 16385};
enum { SHORT = 300, COUNTS = SHORT + sizeof boundaries / sizeof *boundaries, PLACES = 3 };

static grid_point now; /* for debugging: the point at which the program ended */

static void say_where(int number) {
  char text[300];
  const int n = snprintf(
      text, sizeof text, "ended at: %s, types %d, layout %d, %lld classes, %s, shift %lld, place %d, seed %llu\n",
      grid_functions[now.function].name, now.types, now.layout, (long long)now.classes,
      now.at_end ? "up to the page" : "from the page", (long long)now.shift, now.place, (unsigned long long)now.seed);
  signal(number, SIG_DFL);
  if (write(2, text, (unsigned)n) == n) raise(number);
}

/* All places of one point: exactly at the page, then with each array elsewhere in its cache line. */
static int64_t run_places(fuzz_problem *p) {
  int64_t points = 0;
  for (now.place = 0; now.place < PLACES; now.place++)
    for (int k = 0; k < 4; k++) {
      now.at_end = k % 2 == 0;
      now.shift = k < 2 ? 0 : 1 + now.classes % 63;
      if (!grid_problem(p, &now)) continue;
      run_on_every_tier(p, grid_call, now.function < PARTS_OF_SOFTMAX);
      points++;
    }
  return points;
}

int main(int argc, char **argv) {
  const int64_t step = argc > 1 ? atoll(argv[1]) : 1;
  if (step < 1) {
    fprintf(stderr, "usage: guard_grid [STEP], STEP at least 1\n");
    return 2;
  }
  signal(SIGSEGV, say_where);
  signal(SIGABRT, say_where);
  fuzz_problem *p = the_problem();
  int64_t point = 0, points = 0, cases[OF_GRID] = {0};
  for (int64_t c = 0; c < (int64_t)COUNTS; c++)
    for (now.function = 0; now.function < OF_GRID; now.function++)
      for (now.types = 0; now.types < TYPES; now.types++)
        for (now.layout = 0; now.layout < LAYOUTS; now.layout++) {
          if (point++ % (c < SHORT ? step : (step + 3) / 4)) continue; /* long rows have more ways */
          now.classes = c < SHORT ? c + 1 : boundaries[c - SHORT];
          now.seed = (uint64_t)point * 1000003;
          const int64_t run = run_places(p);
          cases[now.function] += run;
          points += run;
        }
  for (int i = 0; i < OF_GRID; i++) {
    printf("%-40s %9lld points\n", grid_functions[i].name, (long long)cases[i]);
    if (cases[i] == 0 && step < 1000) fail("%s was not called", grid_functions[i].name);
  }
  const fuzz_count calls = calls_so_far();
  if (calls.accepted < calls.made)
    fail("%lld of %lld calls were refused, which are all lawful", calls.made - calls.accepted, calls.made);
  printf("%lld calls between guard pages at %lld points: nothing outside was touched\n", calls.made, (long long)points);
  return 0;
}
