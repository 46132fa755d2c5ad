/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks that each call takes the fastest of the paths that can compute it. For operations, shapes and types it
 * measures the time of the chosen path over that of each other path, alternating in one process. Switches select the
 * other paths: first the chosen path is off, then the next one as well, and so on.
 * `paths --help` lists the arguments.
 */
#define _GNU_SOURCE
#include "timing.h"

#include "problem.h"
#include "tiers.h"
#include "without.h"

enum { AGAIN = 4 /* times the rounds */, MOST_NUMBERS = 1 << 22 };

/* Operations of shapes, as rows of outer x classes x inner. */
#define ON(operation) (1u << (operation))
enum {
  FORWARD = ON(SOFTMAX) | ON(LOG_SOFTMAX) | ON(LOSS) | ON(LOSS_AND_GRADIENT),
  LATER = ON(BACKWARD),
  OF_OUTPUTS = ON(SOFTMAX_BACKWARD) | ON(LOG_SOFTMAX_BACKWARD),
  EVERY = FORWARD | LATER | OF_OUTPUTS
};
static const int operations[] = {SOFTMAX, LOG_SOFTMAX, LOSS, LOSS_AND_GRADIENT, BACKWARD, SOFTMAX_BACKWARD,
                                 LOG_SOFTMAX_BACKWARD};

typedef struct {
  const char *name;
  unsigned on;
  variant of;
} path_case;
static const path_case cases[] = {
    {"plain", EVERY, {0}},
    {"mask", FORWARD | OF_OUTPUTS, {.arrays = CLASS_MASK}},
    {"smoothing", ON(LOSS_AND_GRADIENT), {.options = {.label_smoothing = 0.1}}},
    {"top 8", ON(LOSS) | ON(LOSS_AND_GRADIENT), {.arrays = TOP_8}},
    {"bfloat16", EVERY, {.type = XENT_BF16}},
    {"float64", EVERY, {.type = XENT_F64}},
};

/* Rows, and columns. */
static const int64_t some_rows[] = {1, 2, 3, 4, 6, 8, 12, 15, 16, 17, 24, 64, 1000},
                     some_classes[] = {2,  3,   10,  17,  24,  30,  40,   48,   50,   59,
                                       64, 80, 100, 128, 256, 512, 1000, 1024, 1100, 2000, 4096},
                     some_columns[] = {4, 16, 64, 1024}, column_classes[] = {3, 10, 19, 64, 100, 150, 256, 1000};

typedef struct {
  const char *text;
  int rounds, cells, missed;
  double limit;
  bool all;
  int32_t isa;
  numbers numbers;
} paths;

/* A call with some paths off. */
typedef struct {
  const call *it;
  uint32_t without;
} switched_call;
static void run_switched(const void *of) {
  const switched_call *c = of;
  xent_without = c->without;
  run_call(c->it);
}

static int32_t path_of(const call *c, uint32_t without) {
  const switched_call s = {c, without};
  run_switched(&s);
  return c->report->path;
}

/* Measures the chosen path against another one. */
static void measure(paths *g, const char *name, const call *it, uint32_t without, int32_t taken, int32_t other) {
  const switched_call with = {it, 0}, instead = {it, without};
  pair_times t = take_turns((timed){run_switched, &with}, (timed){run_switched, &instead}, g->rounds);
  if (t.median > g->limit) { /* measure again, for longer, and keep the smaller ratio */
    const pair_times again =
        take_turns((timed){run_switched, &with}, (timed){run_switched, &instead}, AGAIN * g->rounds);
    if (again.median < t.median) t = again;
  }
  const bool missed = t.median > g->limit;
  g->cells++;
  g->missed += missed;
  if (g->all || missed)
    printf("%-7s%8.2f%12.3f  %-11s%-11s%s\n", missed ? "missed" : "", t.median, t.first * 1e6,
           xent_path_name(taken), xent_path_name(other), name);
  fflush(stdout);
}

/* Measures every other path that can compute a call. */
static void measure_call(paths *g, const char *name, call *it) {
  xent_report report = {.size = sizeof report};
  it->report = &report;
  const int32_t taken = path_of(it, 0);
  uint32_t off = 0;
  for (int32_t next = taken, last = XENT_PATH_NONE; next != last;) {
    last = next;
    off |= UINT32_C(1) << last;
    next = path_of(it, off);
    if (next != last) measure(g, name, it, off, taken, next);
  }
  it->report = NULL;
  xent_without = 0;
}

static void measure_shape(paths *g, int64_t outer, int64_t classes, int64_t inner) {
  static random_source r = {1};
  static const doors linked = {xent_few_at, xent_many_at};
  if (outer * classes * inner > MOST_NUMBERS / 4) return;
  problem p = make_problem(outer * inner, classes, inner, &g->numbers, &r);
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    for (size_t o = 0; o < sizeof operations / sizeof *operations; o++) {
      char name[160];
      const path_case *c = &cases[k];
      snprintf(name, sizeof name, "%s: %s, %lldx%lldx%lld", operation_names[operations[o]], c->name, (long long)outer,
               (long long)classes, (long long)inner);
      const bool has_top = classes >= 8 || !(c->of.arrays & TOP_8);
      if (!(c->on & ON(operations[o])) || !has_top || !strstr(name, g->text)) continue;
      variant v = c->of;
      v.arrays |= EXACT_SUM;
      call it = ready_call(&linked, &v, operations[o], &p, g->isa);
      if (operations[o] == BACKWARD) must(cross_entropy(&it, 0, p.rows), "forward");
      measure_call(g, name, &it);
    }
  free_problem(p);
}

static int usage(void) {
  fprintf(stderr,
          "usage: paths [--tier avx512,avx2] [--cells TEXT] [--rounds N] [--limit RATIO] [-v]\n"
          "  --tier    instruction sets; the best alone unless said\n"
          "  --cells   those whose name has this text in it, such as `softmax: plain, 8x30x1`\n"
          "  --rounds  turns of each pair, 1 to %d; 9 unless said\n"
          "  --limit   what the path that is taken may take over another one; 1.1 unless said\n"
          "  -v        every pair, not only those above the limit\n"
          "The exit status is 1 if a path that is not taken is faster by more than the limit.\n",
          BENCH_MAX_ROUNDS / AGAIN);
  return 2;
}

int main(int argc, char **argv) {
  static paths g = {.text = "", .rounds = 9, .limit = 1.1};
  const char *tier = xent_isa_name(xent_best_isa());
  random_source r = {1};
  int missed = 0;
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "-v")) g.all = true;
    else if (i + 1 == argc) return usage();
    else if (!strcmp(argv[i], "--tier")) tier = argv[++i];
    else if (!strcmp(argv[i], "--cells")) g.text = argv[++i];
    else if (!strcmp(argv[i], "--rounds")) g.rounds = (int)strtol(argv[++i], NULL, 10);
    else if (!strcmp(argv[i], "--limit")) g.limit = strtod(argv[++i], NULL);
    else return usage();
  }
  if (g.rounds < 1 || g.rounds > BENCH_MAX_ROUNDS / AGAIN || !(g.limit > 0)) return usage();
  g.numbers = make_numbers(MOST_NUMBERS, &r);
  for (g.isa = next_tier(XENT_ISA_BEST); g.isa; g.isa = next_tier(g.isa)) {
    if (!strstr(tier, xent_isa_name(g.isa))) continue;
    g.cells = g.missed = 0;
    printf("%s\n%-7s%8s%12s  %-11s%-11s%s\n", xent_isa_name(g.isa), "", "ratio", "us", "taken", "other", "call");
    for (size_t i = 0; i < sizeof some_rows / sizeof *some_rows; i++)
      for (size_t c = 0; c < sizeof some_classes / sizeof *some_classes; c++)
        measure_shape(&g, some_rows[i], some_classes[c], 1);
    for (size_t i = 0; i < sizeof some_columns / sizeof *some_columns; i++)
      for (size_t c = 0; c < sizeof column_classes / sizeof *column_classes; c++)
        measure_shape(&g, some_columns[i] > 64 ? 1 : 2, column_classes[c], some_columns[i]);
    printf("%s: %d pairs, %d in which a path that is not taken is faster\n", xent_isa_name(g.isa), g.cells, g.missed);
    missed += g.missed;
  }
  free_numbers(g.numbers);
  return missed != 0;
}
