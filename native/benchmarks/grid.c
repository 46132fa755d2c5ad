/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds steps in the time per logit: each class count against the best of the shorter rows, each option against the
 * plain call, each layout against rows, each type against float32. The two calls of a pair alternate in one process.
 * With two libraries, it reports the time of the new one over that of the old one in the same cells. `grid --help`
 * lists the arguments.
 */
#define _GNU_SOURCE /* loaded.h */
#include "timing.h"

#include "loaded.h"
#include "problem.h"
#include "tiers.h"

enum { CLASSES = 1, OPTIONS = 2, LAYOUTS = 4, TYPES = 8, PARTS = 15 };
static const char *const part_names[] = {"classes", "options", "layouts", "types"};

/* The limits on the ratio of a cell to its baseline. */
enum { NO_LIMIT, OF_CLASSES, OF_OPTION, OF_OPTION_FEW, OF_OPTION_COLUMNS, OF_TANH, OF_TANH_COLUMNS, OF_ROWS_ASIDE,
       OF_COLUMNS, OF_STRIDED, OF_HALF, OF_DOUBLE, OF_OLD, KINDS };
static const struct {
  double limit;
  const char *what;
} limits[KINDS] = {
    [OF_CLASSES] = {1.25, "a class count, over the least time per logit of shorter rows"},
    [OF_OPTION] = {1.3, "an option or output, over the plain call"},
    [OF_OPTION_FEW] = {1.5, "an option or output below 100 classes"},
    [OF_OPTION_COLUMNS] = {2, "an option or output in columns"},
    [OF_TANH] = {2, "softcap, which is a tanh of each logit, or many at once"},
    [OF_TANH_COLUMNS] = {3, "softcap or many at once in columns"},
    [OF_ROWS_ASIDE] = {1.25, "rows that do not begin at lines, or with gaps between them, over rows"},
    [OF_COLUMNS] = {1.5, "columns, over rows"},
    [OF_STRIDED] = {4, "classes two apart, over rows"},
    [OF_HALF] = {1.3, "two bytes a logit, over float32"},
    [OF_DOUBLE] = {4, "float64, over float32"},
    [OF_OLD] = {1.05, "new over old"},
};

/* Includes the neighbours of the constants in native/src at which one kernel ends and another begins. */
static const int64_t class_counts[] = {
    2, 3, 4, 5, 7, 8, 9, 10, 12, 15, 16, 17, 20, 24, 30, 31, 32, 33, 40, 47, 48, 49, 59, 60, 61, 63, 64, 65, 80, 95, 96,
    97, 100, 103, 104, 105, 112, 127, 128, 129, 160, 191, 192, 193, 255, 256, 257, 300, 383, 384, 385, 500, 511, 512,
    513, 700, 895, 896, 897, 1000, 1023, 1024, 1025, 1040, 1100, 1500, 2000, 2047, 2048, 2049, 3000, 4095, 4096, 4097,
    5000, 8191, 8192, 8193, 8500, 10000, 16383, 16384, 16385, 20000, 32000, 32768, 50257, 65535, 65536, 65537, 70000};
static const int64_t few_counts[] = {10, 19, 100, 1000, 2000, 10000, 32000};

/* The layout of arrays with one number per class. */
typedef struct {
  const char *name;
  int64_t inner;  /* 1: rows */
  int64_t stride; /* between classes, in units of inner */
  int64_t pad;    /* rows begin at multiples of this; if it is above 1, there are gaps between all rows */
  int64_t begin;  /* offset of the first row from the begin of a cache line, in bytes */
  int limit;      /* on the ratio to rows */
} layout;
enum { ROWS, COLUMNS_7, COLUMNS_49, COLUMNS_196, COLUMNS_3136, STRIDED, HEAP, PADDED, LAYOUT_CASES };
static const layout layouts[LAYOUT_CASES] = {
    [ROWS] = {"rows", 1, 1, 1, 0, 0},
    [COLUMNS_7] = {"columns of 7", 7, 1, 1, 0, OF_COLUMNS},
    [COLUMNS_49] = {"columns of 49", 49, 1, 1, 0, OF_COLUMNS},
    [COLUMNS_196] = {"columns of 196", 196, 1, 1, 0, OF_COLUMNS},
    [COLUMNS_3136] = {"columns of 3136", 3136, 1, 1, 0, OF_COLUMNS},
    [STRIDED] = {"classes two apart", 1, 2, 1, 0, OF_STRIDED},
    [HEAP] = {"rows in Java's heap", 1, 1, 1, 16, OF_ROWS_ASIDE},
    [PADDED] = {"rows of a padded matrix", 1, 1, 32, 0, OF_ROWS_ASIDE},
};

/* About 256 KB of float32 in every cell, so that the caches add no step. Columns are longer if they must be. */
enum { NUMBERS = 1 << 16, MOST_NUMBERS = 5 << 18, MOST_COLUMNS = 1 << 20 };

#define ON(operation) (1u << (operation))
enum {
  FORWARD = ON(SOFTMAX) | ON(LOG_SOFTMAX) | ON(SUMS),
  OF_LABELS = ON(LOSS) | ON(LOSS_AND_GRADIENT),
  WITH_LABELS = OF_LABELS | ON(BACKWARD),
  OF_OUTPUTS = ON(SOFTMAX_BACKWARD) | ON(LOG_SOFTMAX_BACKWARD),
};
static const int operations[] = {SOFTMAX, LOG_SOFTMAX, SUMS, LOSS, LOSS_AND_GRADIENT, BACKWARD, SOFTMAX_BACKWARD,
                                 LOG_SOFTMAX_BACKWARD};

typedef struct {
  const char *name;
  unsigned on; /* the operations that have the option */
  unsigned arrays;
  xent_options options;
  int limit; /* if it differs from the limit of all options */
} option;
#define SMOOTHING .label_smoothing = 0.1
static const option option_cases[] = {
    {"plain", FORWARD | WITH_LABELS | OF_OUTPUTS, .arrays = 0},
    {"smoothing", WITH_LABELS, .options = {SMOOTHING}},
    {"smoothing of others", WITH_LABELS, .options = {SMOOTHING, .smoothing = XENT_SMOOTHING_OTHERS}},
    {"class weights", WITH_LABELS, .arrays = CLASS_WEIGHTS},
    {"smoothing, class weights", WITH_LABELS, .arrays = CLASS_WEIGHTS, .options = {SMOOTHING}},
    {"row weights", WITH_LABELS, .arrays = ROW_WEIGHTS},
    {"ignore index", WITH_LABELS, .arrays = IGNORED},
    {"z-loss", WITH_LABELS, .options = {.z_loss = 1e-4}},
    {"temperature", FORWARD | WITH_LABELS | OF_OUTPUTS, .options = {.temperature = 0.7}},
    {"softcap", FORWARD | WITH_LABELS, .options = {.softcap = 30}, .limit = OF_TANH},
    {"softcap, smoothing", WITH_LABELS, .options = {.softcap = 30, SMOOTHING}, .limit = OF_TANH},
    {"clamp", WITH_LABELS, .options = {.probability_clamp = 1e-4}},
    {"focal", WITH_LABELS, .options = {.focal_gamma = 2}},
    {"sink", FORWARD | WITH_LABELS, .arrays = SINK},
    {"mask", FORWARD | WITH_LABELS | OF_OUTPUTS, .arrays = CLASS_MASK},
    {"mask of each row", FORWARD | WITH_LABELS | OF_OUTPUTS, .arrays = ROW_MASK},
    {"mask, smoothing", WITH_LABELS, .arrays = CLASS_MASK, .options = {SMOOTHING}},
    {"probability rows", WITH_LABELS, .arrays = PROBABILITIES},
    {"probability rows, smoothing", WITH_LABELS, .arrays = PROBABILITIES, .options = {SMOOTHING}},
    {"probability rows, clamp", OF_LABELS, .arrays = PROBABILITIES, .options = {.probability_clamp = 1e-4}},
    {"probability rows, gradient", OF_LABELS, .arrays = PROBABILITIES | TARGET_GRADIENT},
    {"sparse targets", WITH_LABELS, .arrays = SPARSE_4},
    {"sparse targets, smoothing", WITH_LABELS, .arrays = SPARSE_4, .options = {SMOOTHING}},
    {"upstream", ON(BACKWARD), .arrays = UPSTREAM},
    {"losses", OF_LABELS, .arrays = LOSSES},
    {"log-sum-exp", OF_LABELS, .arrays = LOG_SUM_EXP},
    {"log-probability", OF_LABELS, .arrays = LOG_PROBABILITY},
    {"correct", OF_LABELS, .arrays = CORRECT},
    {"argmax", OF_LABELS, .arrays = ARGMAX},
    {"ranks", OF_LABELS, .arrays = RANKS},
    {"entropies", OF_LABELS, .arrays = ENTROPY},
    {"top 8", OF_LABELS, .arrays = TOP_8},
    {"statistics", OF_LABELS, .arrays = STATISTICS},
    {"many outputs", OF_LABELS, .limit = OF_TANH,
     .arrays = LOSSES | LOG_SUM_EXP | LOG_PROBABILITY | CORRECT | ARGMAX | RANKS | ENTROPY | STATISTICS},
    {"many options", OF_LABELS, .arrays = CLASS_WEIGHTS | ROW_WEIGHTS | SINK | IGNORED,
     .options = {SMOOTHING, .z_loss = 1e-4, .temperature = 0.7}, .limit = OF_TANH},
};
enum { PLAIN, OPTION_CASES = sizeof option_cases / sizeof *option_cases };

static const int32_t types[] = {XENT_F32, XENT_BF16, XENT_F16, XENT_F64};
static const char *const type_names[] = {[XENT_F32] = "f32", [XENT_F64] = "f64", [XENT_F16] = "f16",
                                         [XENT_BF16] = "bf16"};

typedef struct {
  int operation, option, layout;
  int32_t type;
  int64_t classes;
} cell;

enum { PLACEMENTS = 3, RESULTS = 1 << 16, AGAIN = 4 /* times the rounds */ };

typedef struct {
  cell it, beside;
  int kind;           /* of limit */
  double ratio, time; /* per logit, in seconds; of the new library if there are two */
} result;

/* The arguments of the command line, and the results. */
typedef struct {
  unsigned parts;
  const char *tier, *text;
  int rounds;
  bool quick, all;
  doors libraries[PLACEMENTS][2]; /* the new one, the old one */
  bool two;
  int32_t isa;
  numbers numbers;
  result *results;
  int count;
} grid;

static int64_t rows_of(const cell *c) {
  const int64_t inner = layouts[c->layout].inner, outer = NUMBERS / (c->classes * inner);
  return (outer ? outer : 1) * inner;
}

static problem problem_of(const grid *g, const cell *c) {
  static random_source r = {1};
  const layout *l = &layouts[c->layout];
  problem p = make_problem(rows_of(c), c->classes, l->inner, &g->numbers, &r);
  p.lies.classes *= l->stride;
  p.lies.outer = (p.lies.outer * l->stride + l->pad - 1) / l->pad * l->pad;
  if (l->pad > 1) p.lies.outer += l->pad;
  p.offset = l->begin;
  return p;
}

static call call_of(const grid *g, const cell *c, const problem *p, const doors *l) {
  const option *o = &option_cases[c->option];
  const variant v = {o->arrays | EXACT_SUM, c->type, o->options};
  call it = ready_call(l, &v, c->operation, p, g->isa);
  if (c->operation == BACKWARD) must(cross_entropy(&it, 0, p->rows), "forward");
  return it;
}

static void name_cell(const cell *c, char *name, size_t room) {
  snprintf(name, room, "%s: %s, %lld %s, %s", operation_names[c->operation], option_cases[c->option].name,
           (long long)c->classes, type_names[c->type], layouts[c->layout].name);
}

/* Time per logit of the first over that of the second; `time` receives that of the first. */
static double ratio_of(const grid *g, const cell *a, const cell *b, int rounds, double *time) {
  problem p = problem_of(g, a), q = problem_of(g, b);
  double ratios[PLACEMENTS], times[PLACEMENTS];
  const int placements = g->two ? PLACEMENTS : 1;
  const double logits = (double)(p.rows * p.classes), others = (double)(q.rows * q.classes);
  for (int k = 0; k < placements; k++) {
    const call one = call_of(g, a, &p, &g->libraries[k][0]), other = call_of(g, b, &q, &g->libraries[k][g->two]);
    const pair_times t = take_turns((timed){run_call, &one}, (timed){run_call, &other}, rounds);
    ratios[k] = t.median * others / logits;
    times[k] = t.first / logits;
  }
  free_problem(p), free_problem(q);
  *time = median_of(times, placements);
  return median_of(ratios, placements);
}

static bool is_wanted(const grid *g, const cell *c) {
  char name[160];
  const option *o = &option_cases[c->option];
  name_cell(c, name, sizeof name);
  const bool fits = layouts[c->layout].inner == 1 || c->classes * layouts[c->layout].inner <= MOST_COLUMNS;
  return fits && o->on & ON(c->operation) && !(o->arrays & TOP_8 && c->classes < 8) && strstr(name, g->text);
}

/* Measures a cell against its baseline, or with two libraries the new one against the old one. A ratio that is slightly
 * above its limit is measured once more, for longer, and the smaller one is kept. */
static double measure(grid *g, cell it, cell beside, int kind) {
  if (g->two) beside = it, kind = OF_OLD;
  result r = {it, beside, .kind = kind};
  const double limit = limits[kind].limit;
  r.ratio = ratio_of(g, &r.it, &r.beside, g->rounds, &r.time);
  if (r.ratio > limit && r.ratio < 1.5 * limit) {
    const double again = ratio_of(g, &r.it, &r.beside, AGAIN * g->rounds, &r.time);
    if (again < r.ratio) r.ratio = again;
  }
  if (g->count < RESULTS) g->results[g->count++] = r;
  return r.ratio;
}

/* Measures each class count against the best of the shorter rows. */
static void sweep(grid *g, cell it) {
  cell best = it;
  best.classes = 0;
  for (size_t i = 0; i < sizeof class_counts / sizeof *class_counts; i++) {
    it.classes = class_counts[i];
    const bool larger = rows_of(&it) * it.classes > 2 * NUMBERS; /* and memory adds a step */
    if (larger || !is_wanted(g, &it)) continue;
    if (g->two || best.classes) {
      if (measure(g, it, best, OF_CLASSES) < 1) best = it;
    } else {
      best = it;
    }
  }
}

static int limit_of_option(const cell *c) {
  const bool columns = layouts[c->layout].inner > 1;
  if (option_cases[c->option].limit) return columns ? OF_TANH_COLUMNS : OF_TANH;
  return columns ? OF_OPTION_COLUMNS : c->classes < 100 ? OF_OPTION_FEW : OF_OPTION;
}

static int limit_of_type(int32_t type) { return type == XENT_F64 ? OF_DOUBLE : OF_HALF; }

/* Measures the cells of one operation, option, layout and class count: all parts except the class counts. */
static void measure_cell(grid *g, cell it) {
  cell beside = it;
  if (!is_wanted(g, &it)) return;
  if (g->two) {
    measure(g, it, it, OF_OLD);
    return;
  }
  if (g->parts & OPTIONS && it.option != PLAIN) {
    beside.option = PLAIN;
    measure(g, it, beside, limit_of_option(&it));
  }
  if (it.option != PLAIN) return;
  if (g->parts & LAYOUTS && it.layout != ROWS) {
    beside.layout = ROWS;
    measure(g, it, beside, layouts[it.layout].limit);
    beside.layout = it.layout;
  }
  if (g->parts & TYPES && it.type != XENT_F32) {
    beside.type = XENT_F32;
    measure(g, it, beside, limit_of_type(it.type));
  }
}

/* Options combined with types are measured only at a few class counts and in the two usual layouts. */
static void measure_operation(grid *g, int operation) {
  for (size_t t = 0; t < sizeof types / sizeof *types; t++)
    for (int l = 0; l < LAYOUT_CASES; l++)
      for (int o = 0; o < OPTION_CASES; o++) {
        const bool usual = l == ROWS || l == COLUMNS_196, plain = o == PLAIN;
        cell it = {operation, o, l, types[t], 0};
        if (g->parts & CLASSES && usual && (plain || (!t && !g->quick))) sweep(g, it);
        if (!plain && (!usual || (t && g->quick))) continue;
        for (size_t i = 0; i < sizeof few_counts / sizeof *few_counts; i++) {
          it.classes = few_counts[i];
          measure_cell(g, it);
        }
      }
}

static double excess(const result *r) { return r->ratio / limits[r->kind].limit; }

static int by_excess(const void *a, const void *b) { return (excess(a) < excess(b)) - (excess(a) > excess(b)); }

static void print_result(const grid *g, const result *r) {
  const cell *a = &r->it, *b = &r->beside;
  char classes[32];
  snprintf(classes, sizeof classes, "%lld classes", (long long)b->classes);
  printf("%-7s%8.3f%7.2f%10.4f  %-25s%-29s%-25s%7lld %-6s%s\n", excess(r) > 1 ? "missed" : "", r->ratio,
         limits[r->kind].limit, r->time * 1e9, operation_names[a->operation], option_cases[a->option].name,
         layouts[a->layout].name, (long long)a->classes, type_names[a->type],
         g->two                     ? "the old library"
         : a->classes != b->classes ? classes
         : a->option != b->option   ? option_cases[b->option].name
         : a->layout != b->layout         ? layouts[b->layout].name
                                    : type_names[b->type]);
}

static void print_results(const grid *g) {
  struct {
    int cells, missed;
    double worst, logarithms;
  } of[KINDS] = {{0}};
  qsort(g->results, (size_t)g->count, sizeof *g->results, by_excess);
  printf("%s\n%-7s%8s%7s%10s  %-25s%-29s%-25s%7s %-6s%s\n", xent_isa_name(g->isa), "", "ratio", "limit", "ns/logit",
         "operation", "case", "layout", "classes", "type", "beside");
  for (int i = 0; i < g->count; i++) {
    const result *r = &g->results[i];
    of[r->kind].cells++;
    of[r->kind].missed += excess(r) > 1;
    of[r->kind].logarithms += log(r->ratio);
    if (r->ratio > of[r->kind].worst) of[r->kind].worst = r->ratio;
    if (g->all || excess(r) > 1) print_result(g, r);
  }
  printf("\n%s%*s%8s%7s%8s%8s\n", xent_isa_name(g->isa), 77 - (int)strlen(xent_isa_name(g->isa)), "cells", "missed",
         "limit", "mean", "worst");
  for (int k = 1; k < KINDS; k++)
    if (of[k].cells)
      printf("%-71s%6d%8d%7.2f%8.3f%8.3f\n", limits[k].what, of[k].cells, of[k].missed, limits[k].limit,
             exp(of[k].logarithms / of[k].cells), of[k].worst);
  fflush(stdout);
}

static doors load(const char *path) {
  void *loaded = open_copy(path);
  doors d;
  find_function(loaded, "xent_few_at", &d.few);
  find_function(loaded, "xent_many_at", &d.many);
  return d;
}

static int usage(void) {
  fprintf(stderr,
          "usage: grid [--part classes,options,layouts,types] [--tier avx512,avx2] [--cells TEXT] [--rounds N]\n"
          "            [--quick] [--cold] [-v] LIBXENT.so [NEW_LIBXENT.so]\n"
          "  --part    what is beside what: class counts beside shorter rows, options beside the plain call,\n"
          "            layouts beside rows, types beside float32; all unless said\n"
          "  --tier    instruction sets; the best alone unless said\n"
          "  --cells   those whose name has this text in it, such as `softmax: plain, 100 f32` or `columns`\n"
          "  --rounds  turns of each pair, 1 to %d; 7 unless said\n"
          "  --quick   options in float32 and at a few class counts alone, in 3 rounds: a minute for each tier\n"
          "  --cold    the caches are swept before each call\n"
          "  -v        every cell, not only those above their limits\n"
          "Two libraries, with the header that this program was compiled with: the new one beside the old one.\n"
          "limits:\n",
          BENCH_MAX_ROUNDS / AGAIN);
  for (int i = 1; i < KINDS; i++) fprintf(stderr, "  %5.2f  %s\n", limits[i].limit, limits[i].what);
  return 2;
}

/* Parses the arguments before the libraries. Returns their number, or 0 if one is invalid. */
static int parse(int argc, char **argv, grid *g) {
  int i = 1;
  for (; i < argc && argv[i][0] == '-'; i++) {
    const char *name = argv[i];
    if (!strcmp(name, "-v")) {
      g->all = true;
    } else if (!strcmp(name, "--cold")) {
      is_cold = true;
    } else if (!strcmp(name, "--quick")) {
      g->quick = true;
      g->rounds = 3;
    } else {
      const char *value = ++i < argc ? argv[i] : NULL;
      if (!value) return 0;
      if (!strcmp(name, "--tier")) g->tier = value;
      else if (!strcmp(name, "--cells")) g->text = value;
      else if (!strcmp(name, "--rounds")) g->rounds = (int)strtol(value, NULL, 10);
      else if (strcmp(name, "--part")) return 0;
      else {
        g->parts = 0;
        for (int k = 0; k < 4; k++)
          if (strstr(value, part_names[k])) g->parts |= 1u << k;
      }
    }
  }
  return g->parts && g->rounds > 0 && g->rounds <= BENCH_MAX_ROUNDS / AGAIN && (i == argc - 1 || i == argc - 2) ? i : 0;
}

int main(int argc, char **argv) {
  static grid g = {.parts = PARTS, .text = "", .rounds = 7};
  random_source r = {1};
  g.tier = xent_isa_name(xent_best_isa());
  const int first = parse(argc, argv, &g);
  if (!first) return usage();
  g.two = argc - first == 2;
  for (int k = 0; k < PLACEMENTS; k++) { /* the load address of a library changes its speed */
    const int turn = k % 2;
    g.libraries[k][turn] = load(argv[g.two ? first + 1 - turn : first]);
    g.libraries[k][!turn] = load(argv[g.two ? first + turn : first]);
  }
  g.numbers = make_numbers(MOST_NUMBERS, &r);
  g.results = must_allocate(RESULTS * sizeof *g.results);
  for (g.isa = next_tier(XENT_ISA_BEST); g.isa; g.isa = next_tier(g.isa)) {
    if (!strstr(g.tier, xent_isa_name(g.isa))) continue;
    g.count = 0;
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) measure_operation(&g, operations[i]);
    print_results(&g);
  }
  free_numbers(g.numbers);
  free(g.results);
  return 0;
}
