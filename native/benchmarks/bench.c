/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures the cost of options and types: each case against the plain call of the same operation and shape, and the
 * plain calls against memcpy of the logits' bytes. The two calls of a pair alternate in one process, so the ratio is
 * the result.
 * `bench --help` lists the arguments.
 */
#define _POSIX_C_SOURCE 200809L
#include "timing.h"

#include "problem.h"
#include "tiers.h"

static const doors linked = {xent_few_at, xent_many_at};

typedef struct {
  int operation;
  const char *name;
  double limit; /* of the time over the plain call's; 0: this is the plain call, measured against memcpy */
  unsigned arrays;
  int32_t type;         /* of logits and outputs; 0: XENT_F32 */
  xent_options options; /* those that differ from the default */
  double few;           /* the limit below 300 classes; 0: same as `limit` */
  bool beside_rows;     /* compare with the same case in one call per row, not with the plain call */
  int32_t plain_type;   /* of the plain call; 0: XENT_F32 */
} bench_case;

/* A call must not be slower than its rows in one call each; 5 % allow for noise between two equal times. */
#define ROW_BY_ROW .limit = 1.05, .beside_rows = true

/* Options of float64 arithmetic, compared with the plain call in float64. */
#define WIDE .type = XENT_F64, .plain_type = XENT_F64

static const bench_case cases[] = {
    {LOSS_AND_GRADIENT, "plain", .limit = 0},
    {LOSS_AND_GRADIENT, "label smoothing", 1.3, .options = {.label_smoothing = 0.1}},
    {LOSS_AND_GRADIENT, "label smoothing, others", 1.3,
     .options = {.label_smoothing = 0.1, .smoothing = XENT_SMOOTHING_OTHERS}},
    {LOSS_AND_GRADIENT, "class weights", 1.3, .arrays = CLASS_WEIGHTS},
    {LOSS_AND_GRADIENT, "row weights", 1.3, .arrays = ROW_WEIGHTS},
    {LOSS_AND_GRADIENT, "z-loss", 1.3, .options = {.z_loss = 1e-4}},
    {LOSS_AND_GRADIENT, "sink", 1.3, .arrays = SINK},
    {LOSS_AND_GRADIENT, "log-sum-exp", 1.3, .arrays = LOG_SUM_EXP},
    {LOSS_AND_GRADIENT, "losses", 1.3, .arrays = LOSSES},
    {LOSS_AND_GRADIENT, "log-probability", 1.3, .arrays = LOG_PROBABILITY},
    {LOSS_AND_GRADIENT, "correct", 1.3, .arrays = CORRECT},
    {LOSS_AND_GRADIENT, "argmax", 1.3, .arrays = ARGMAX},
    {LOSS_AND_GRADIENT, "entropy", 1.3, .arrays = ENTROPY},
    {LOSS_AND_GRADIENT, "statistics", 1.3, .arrays = STATISTICS},
    {LOSS_AND_GRADIENT, "all of these", 1.6, .arrays = ALL,
     .options = {.label_smoothing = 0.1, .z_loss = 1e-4}},
    {LOSS_AND_GRADIENT, "ranks", 2, .arrays = RANKS},
    {LOSS_AND_GRADIENT, "top 8", 2, .arrays = TOP_8},
    {LOSS_AND_GRADIENT, "temperature", 1.3, .few = 1.5, .options = {.temperature = 0.7}},
    {LOSS_AND_GRADIENT, "softcap", 2, .options = {.softcap = 30}},
    {LOSS_AND_GRADIENT, "labels without a sign", 1.1, .arrays = UNSIGNED_LABELS},
    {LOSS_AND_GRADIENT, "8 selected classes", 3, .few = 20, .arrays = SELECTED_8},
    {LOSS_AND_GRADIENT, "mask per class", 1.3, .arrays = CLASS_MASK},
    {LOSS_AND_GRADIENT, "mask per class and row", 1.5, .arrays = ROW_MASK},
    {LOSS_AND_GRADIENT, "probability rows", 1.3, .arrays = PROBABILITIES},
    {LOSS_AND_GRADIENT, "float16", 1.3, .type = XENT_F16},
    {LOSS_AND_GRADIENT, "bfloat16", 1.3, .type = XENT_BF16},
    {LOSS_AND_GRADIENT, "bfloat16, smoothing", 1.3, .type = XENT_BF16, .options = {.label_smoothing = 0.1}},
    {LOSS_AND_GRADIENT, "float64", 4, .type = XENT_F64},
    {LOSS_AND_GRADIENT, "float64, smoothing", 1.3, WIDE, .options = {.label_smoothing = 0.1}},
    {LOSS_AND_GRADIENT, "float64, others", 1.3, WIDE,
     .options = {.label_smoothing = 0.1, .smoothing = XENT_SMOOTHING_OTHERS}},
    {LOSS_AND_GRADIENT, "float64, class weights", 1.3, WIDE, .arrays = CLASS_WEIGHTS},
    {LOSS_AND_GRADIENT, "float64, row weights", 1.3, WIDE, .arrays = ROW_WEIGHTS},
    {LOSS_AND_GRADIENT, "float64, z-loss", 1.3, WIDE, .options = {.z_loss = 1e-4}},
    {LOSS_AND_GRADIENT, "float64, sink", 1.3, WIDE, .arrays = SINK},
    {LOSS_AND_GRADIENT, "float64, argmax", 1.3, WIDE, .arrays = ARGMAX},
    {LOSS_AND_GRADIENT, "float64, entropy", 1.3, WIDE, .arrays = ENTROPY},
    {LOSS_AND_GRADIENT, "float64, all of these", 1.6, WIDE, .arrays = ALL,
     .options = {.label_smoothing = 0.1, .z_loss = 1e-4}},
    {LOSS_AND_GRADIENT, "float64, ranks", 2, WIDE, .arrays = RANKS},
    {LOSS_AND_GRADIENT, "float64, top 8", 2, WIDE, .arrays = TOP_8},
    {LOSS_AND_GRADIENT, "float64, temperature", 1.3, WIDE, .options = {.temperature = 0.7}},
    {LOSS_AND_GRADIENT, "float64, softcap", 2, WIDE, .options = {.softcap = 30}},
    {LOSS_AND_GRADIENT, "float64, class mask", 1.3, WIDE, .arrays = CLASS_MASK},
    {LOSS_AND_GRADIENT, "float64, row mask", 1.5, WIDE, .arrays = ROW_MASK},
    {LOSS_AND_GRADIENT, "float64, probabilities", 1.3, WIDE, .arrays = PROBABILITIES},
    {LOSS_AND_GRADIENT, "focal", 2, .options = {.focal_gamma = 2}},
    {LOSS_AND_GRADIENT, "float64, focal", 1.3, WIDE, .options = {.focal_gamma = 2}},
    {LOSS_AND_GRADIENT, "batch, plain", ROW_BY_ROW},
    {LOSS_AND_GRADIENT, "batch, smoothing", ROW_BY_ROW, .options = {.label_smoothing = 0.1}},
    {LOSS_AND_GRADIENT, "batch, bfloat16", ROW_BY_ROW, .type = XENT_BF16},
    {LOSS, "plain", .limit = 0},
    {LOSS, "label smoothing", 1.3, .options = {.label_smoothing = 0.1}},
    {LOSS, "8 selected classes", 3, .few = 20, .arrays = SELECTED_8},
    {BACKWARD, "plain", .limit = 0},
    {BACKWARD, "label smoothing", 1.3, .options = {.label_smoothing = 0.1}},
    {BACKWARD, "bfloat16", 1.3, .type = XENT_BF16},
    {BACKWARD, "float64", 4, .type = XENT_F64},
    {SOFTMAX, "plain", .limit = 0},
    {SOFTMAX, "temperature", 1.3, .few = 1.5, .options = {.temperature = 0.7}},
    {SOFTMAX, "softcap", 2, .options = {.softcap = 30}},
    {SOFTMAX, "mask per class", 1.3, .arrays = CLASS_MASK},
    {SOFTMAX, "mask per class and row", 1.5, .arrays = ROW_MASK},
    {SOFTMAX, "sink", 1.3, .arrays = SINK},
    {SOFTMAX, "float16", 1.3, .type = XENT_F16},
    {SOFTMAX, "bfloat16", 1.3, .type = XENT_BF16},
    {SOFTMAX, "float64", 4, .type = XENT_F64},
    {SOFTMAX, "float64, temperature", 1.3, WIDE, .options = {.temperature = 0.7}},
    {SOFTMAX, "float64, sink", 1.3, WIDE, .arrays = SINK},
    {SOFTMAX, "float64, row mask", 1.5, WIDE, .arrays = ROW_MASK},
    {SOFTMAX, "batch, temperature", ROW_BY_ROW, .options = {.temperature = 0.7}},
    {LOG_SOFTMAX, "plain", .limit = 0},
    {LOG_SOFTMAX, "temperature", 1.3, .few = 1.5, .options = {.temperature = 0.7}},
    {LOG_SOFTMAX, "float64", 4, .type = XENT_F64},
    {SOFTMAX_BACKWARD, "plain", .limit = 0},
    {SOFTMAX_BACKWARD, "temperature", 1.3, .few = 1.5, .options = {.temperature = 0.7}},
    {SOFTMAX_BACKWARD, "bfloat16", 1.3, .type = XENT_BF16},
    {SOFTMAX_BACKWARD, "float64", 4, .type = XENT_F64},
    {LOG_SOFTMAX_BACKWARD, "plain", .limit = 0},
    {LOG_SOFTMAX_BACKWARD, "float64", 4, .type = XENT_F64},
    {BINARY, "plain", .limit = 0},
    {BINARY, "labels of bytes", 1.3, .arrays = BYTE_LABELS},
    {BINARY, "weights", 1.3, .arrays = ELEMENT_WEIGHTS},
    {BINARY, "weights of positives", 1.3, .arrays = POSITIVE_WEIGHTS},
    {BINARY, "bfloat16", 1.3, .type = XENT_BF16},
    {BINARY, "focal alpha", 1.3, .options = {.focal_alpha = 0.25}},
    {BINARY, "focal", 8, .options = {.focal_gamma = 2}},
    {BINARY, "float64", 6, .type = XENT_F64},
    {BINARY, "float64, focal", 2, WIDE, .options = {.focal_gamma = 2}},
};

/* Two calls one after the other: the plain call, then a read of the additional arrays of the case. */
static void run_both(const void *of) {
  const call *c = of;
  run_call(&c[0]);
  run_call(&c[1]);
}

static call ready_case(const bench_case *k, int operation, const problem *p, int32_t isa) {
  const variant v = {k->arrays | EXACT_SUM, k->type, k->options};
  return ready_call(&linked, &v, operation, p, isa);
}

/* Times the case against its baseline. */
static pair_times measure(const bench_case *k, const problem *p, int32_t isa, int rounds) {
  const bench_case plain = {.operation = k->operation, .type = k->plain_type};
  const call it = ready_case(k, k->operation, p, isa);
  call against[2] = {ready_case(&plain, k->operation, p, isa), ready_case(k, READ, p, isa)};
  if (k->beside_rows) {
    against[0] = it;
    against[0].by_rows = true;
  } else if (k->limit == 0) {
    against[0].operation = COPY;
  }
  *p->exact_sum = xent_empty_exact_sum();
  if (k->operation == BACKWARD) { /* each backward uses statistics of a separate forward call */
    static xent_statistics *own;
    free(own);
    own = must_allocate((size_t)p->rows * sizeof *own);
    must(cross_entropy(&it, 0, p->rows), "forward");
    against[0].arrays.statistics = own;
    must(cross_entropy(&against[0], 0, p->rows), "forward");
  }
  return take_turns((timed){run_call, &it}, (timed){k->arrays & PROBABILITIES ? run_both : run_call, against}, rounds);
}

typedef struct {
  const char *cases, *tiers;
  int64_t classes[16];
  int counts, rounds;
  int64_t rows, inner;
} choice;

static bool is_wanted(const bench_case *k, const choice *chosen, int64_t classes) {
  char name[128];
  snprintf(name, sizeof name, "%s: %s", operation_names[k->operation], k->name);
  return strstr(name, chosen->cases) && !(k->arrays & TOP_8 && classes < 8);
}

static int bench(int64_t classes, int32_t isa, const choice *chosen) {
  const int64_t inner = chosen->inner;
  const int64_t outer = chosen->rows ? chosen->rows : classes <= 1000 ? 64 : classes <= 32000 ? 16 : 8;
  const int64_t rows = outer * inner;
  random_source r = {1};
  const numbers n = make_numbers(rows * classes, &r);
  const problem p = make_problem(rows, classes, inner, &n, &r);
  int missed = 0;
  printf("\n%s, %lld x %lld x %lld\n%-25s%-24s%11s%9s%9s%7s\n", xent_isa_name(isa), (long long)outer,
         (long long)classes, (long long)inner, "operation", "case", "ns/element", "ratio", "minima", "limit");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const bench_case *k = &cases[i];
    if (!is_wanted(k, chosen, classes)) continue;
    const pair_times t = measure(k, &p, isa, chosen->rounds);
    const double limit = classes < 300 && k->few > 0 ? k->few : k->limit;
    printf("%-25s%-24s%11.4f%9.3f%9.3f", operation_names[k->operation], k->name,
           t.first * 1e9 / (double)(rows * classes), t.median, t.minima);
    if (limit > 0) printf("%7.2f %s\n", limit, t.median <= limit ? "met" : "MISSED");
    else printf("        of memcpy's time\n");
    missed += limit > 0 && t.median > limit;
    fflush(stdout);
  }
  free_problem(p);
  free_numbers(n);
  return missed;
}

static int usage(void) {
  fprintf(stderr,
          "usage: bench [--tiers avx512,avx2] [--classes 10,100] [--cases TEXT] [--rows N] [--inner N]\n"
          "             [--rounds N]\n"
          "  --tiers       instruction sets; the best alone unless said\n"
          "  --classes     class counts; 10,100,300,1000,32000,128256 unless said\n"
          "  --cases       those whose `operation: case` has this text in it: plain, softmax: temp\n"
          "  --rows        so many; 64, 16 of more than 1000 classes, 8 of more than 32000 unless said\n"
          "  --inner       columns: so many times as many rows, classes so far apart; 1 unless said\n"
          "  --rounds      turns of each pair, 1 to %d; 21 unless said\n",
          BENCH_MAX_ROUNDS);
  return 2;
}

static int list_classes(const char *text, choice *chosen) {
  chosen->counts = 0;
  while (*text && chosen->counts < 16) {
    char *end;
    const int64_t classes = strtoll(text, &end, 10);
    if (classes < 1 || (*end && *end != ',')) return 0;
    chosen->classes[chosen->counts++] = classes;
    text = *end ? end + 1 : end;
  }
  return chosen->counts;
}

int main(int argc, char **argv) {
  choice chosen = {"", xent_isa_name(xent_best_isa()), {10, 100, 300, 1000, 32000, 128256}, 6, 21, 0, 1};
  for (int i = 1; i < argc; i++) {
    const char *value = ++i < argc ? argv[i] : NULL;
    if (!value) return usage();
    if (!strcmp(argv[i - 1], "--tiers")) chosen.tiers = value;
    else if (!strcmp(argv[i - 1], "--cases")) chosen.cases = value;
    else if (!strcmp(argv[i - 1], "--rows")) chosen.rows = strtoll(value, NULL, 10);
    else if (!strcmp(argv[i - 1], "--inner")) chosen.inner = strtoll(value, NULL, 10);
    else if (!strcmp(argv[i - 1], "--rounds")) chosen.rounds = (int)strtol(value, NULL, 10);
    else if (strcmp(argv[i - 1], "--classes") || !list_classes(value, &chosen)) return usage();
  }
  if (chosen.rounds < 1 || chosen.rounds > BENCH_MAX_ROUNDS || chosen.rows < 0 || chosen.inner < 1) return usage();
  int missed = 0;
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
    for (int i = 0; strstr(chosen.tiers, xent_isa_name(isa)) && i < chosen.counts; i++)
      missed += bench(chosen.classes[i], isa, &chosen);
  printf("\n%d limits missed\n", missed);
  return 0;
}
