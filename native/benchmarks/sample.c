/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures the cost of a token: one row after the other from memory, on one thread, over memcpy of the row and over its
 * softmax. The two calls of a pair alternate in one process, so the ratios are the result. A ratio above its goal is
 * marked with a star, and the program then exits with 1.
 * Usage: bench_sample [ISA [ROUNDS [CLASSES ...]]]   ISA: best, avx512, avx2, neon, scalar
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>

#include "timing.h"

#include "calls.h"
#include "rows.h"

enum { BYTES = 96 << 20 };

/* The distributions of a row's logits. */
enum { LANGUAGE, SIGMA_1, SIGMA_3, UNIFORM, EQUAL, NEARLY_EQUAL, KINDS };
static const char *const kind_names[KINDS] = {
    "language model", "normal, sigma 1", "normal, sigma 3", "uniform, 0 to 10", "all equal", "98 % equal"};

typedef struct {
  const char *name;
  xent_sampling sampling;
} bench_case;

#define CASE(name_, ...) {name_, {.size = sizeof(xent_sampling), __VA_ARGS__}}
static const bench_case cases[] = {
    CASE("greedy", .greedy = 1),
    CASE("temperature 0.8", .temperature = 0.8),
    CASE("top-k 50", .top_k = 50),
    CASE("top-k 5000", .top_k = 5000),
    CASE("top-p 0.9", .top_p = 0.9),
    CASE("top-p 0.95", .top_p = 0.95),
    CASE("min-p 0.05", .min_p = 0.05),
    CASE("typical-p 0.9", .typical_p = 0.9),
    CASE("top-k 50, top-p 0.9, min-p 0.05, typical-p 0.9, temperature 0.8", .top_k = 50, .top_p = 0.9, .min_p = 0.05,
         .typical_p = 0.9, .temperature = 0.8),
};

typedef struct {
  const xent_sampling *sampling;
  const xent_options *options;
  bool raw; /* with the log-probability of the token */
  const float *x;
  float *y;
  int64_t rows, classes, row;
} problem;

static void run_sample(const void *of) {
  problem *p = (problem *)(uintptr_t)of;
  int64_t token;
  float log_probability;
  const xent_sample_call call = {
      .size = sizeof call, .sizes = xent_rows(1, p->classes), .sampling = p->sampling, .options = p->options,
      .logits = {p->x + p->row * p->classes, xent_per_class(p->classes, 1, XENT_F32)},
      .log_probabilities = {p->raw ? &log_probability : NULL, xent_per_row(XENT_F32)},
      .tokens = {&token, xent_per_row(XENT_I64)}};
  must(xent_sample(&call), "sample");
  p->row = (p->row + 1) % p->rows;
}

static void run_copy(const void *of) {
  problem *p = (problem *)(uintptr_t)of;
  memcpy(p->y, p->x + p->row * p->classes, (size_t)p->classes * sizeof *p->y);
  __asm__ volatile("" : : "r"(p->y) : "memory");
  p->row = (p->row + 1) % p->rows;
}

static void run_softmax(const void *of) {
  problem *p = (problem *)(uintptr_t)of;
  const xent_softmax_call call = {
      .size = sizeof call, .sizes = xent_rows(1, p->classes), .options = p->options,
      .logits = {p->x + p->row * p->classes, xent_per_class(p->classes, 1, XENT_F32)},
      .output = {p->y, xent_per_class(p->classes, 1, XENT_F32)}};
  must(xent_softmax(&call), "softmax");
  p->row = (p->row + 1) % p->rows;
}

static float nearly_equal(double share) { return share < 0.01 ? 3.5f : share < 0.02 ? 1.5f : 2.5f; }

static void fill_logits(float *x, int64_t rows, int64_t classes, int kind) {
  random_source source = {5};
  for (int64_t i = 0; i < rows * classes; i++)
    x[i] = kind == EQUAL          ? 2.5f
           : kind == NEARLY_EQUAL ? nearly_equal(random_unit(&source))
           : kind == UNIFORM      ? 10 * (float)random_unit(&source)
                                  : random_normal(&source) * (kind == LANGUAGE ? 2.0f : kind == SIGMA_3 ? 3.0f : 1.0f);
  /* a few classes far above the others, as in a confident language model */
  for (int64_t row = 0; kind == LANGUAGE && row < rows; row++)
    for (int i = 0; i < 100; i++)
      x[row * classes + random_below(&source, classes)] = 16 - 0.1f * (float)i + random_normal(&source);
}

/* The limit on the time over that of memcpy, or 0, and on the time over that of the softmax. */
static double most_copies(const xent_sampling *s, int kind, int64_t classes, bool wide) {
  if (kind != LANGUAGE || s->top_k != 0 || s->top_p != 0.9) return 0;
  return classes > 65536 ? (wide ? 1.4 : 2.0) : (wide ? 1.9 : 3.0);
}
static double most_softmaxes(const xent_sampling *s, int kind) {
  const bool typical = s->typical_p != 0 && s->top_k == 0;
  return kind == EQUAL ? 1.5 : typical ? 8 : 3;
}

/* Prints both ratios and returns the number of ratios above their goals. */
static int measure(problem *a, const char *name, int kind, int rounds) {
  const bool wide = a->options->isa == 0 || strcmp(xent_isa_name(a->options->isa), "avx512") == 0;
  problem b = *a;
  b.row = a->rows / 2;
  const pair_times copy = take_turns((timed){run_sample, a}, (timed){run_copy, &b}, rounds);
  const pair_times softmax = take_turns((timed){run_sample, a}, (timed){run_softmax, &b}, rounds);
  const double copies = a->raw ? 0 : most_copies(a->sampling, kind, a->classes, wide);
  const bool slow = copies > 0 && copy.median > copies;
  const bool slower = !a->raw && softmax.median > most_softmaxes(a->sampling, kind);
  printf("%6lld  %-16s  %-40.40s %-4s %8.4f ns/logit %7.2f%s memcpy %7.2f%s softmax\n", (long long)a->classes,
         kind_names[kind], name, a->raw ? "+log" : "", copy.first * 1e9 / (double)a->classes, copy.median,
         slow ? "*" : " ", softmax.median, slower ? "*" : " ");
  fflush(stdout);
  return slow + slower;
}

static int32_t isa_named(const char *name) {
  for (int32_t isa = 1; isa < 8; isa++)
    if (strcmp(xent_isa_name(isa), name) == 0) return isa;
  if (strcmp(name, "best") == 0) return 0;
  fprintf(stderr, "%s is not an instruction set\n", name);
  exit(2);
}

int main(int argc, char **argv) {
  static const int64_t usual[] = {128256, 32000};
  const int rounds = argc > 2 ? atoi(argv[2]) : 41, sizes = argc > 3 ? argc - 3 : 2;
  xent_options options = xent_default_options();
  int over = 0;
  if (argc > 1) options.isa = isa_named(argv[1]);
  if (rounds < 1 || rounds > BENCH_MAX_ROUNDS) {
    fprintf(stderr, "1 to %d rounds\n", BENCH_MAX_ROUNDS);
    return 2;
  }
  for (int i = 0; i < sizes; i++) {
    const int64_t classes = argc > 3 ? atoll(argv[i + 3]) : usual[i], rows = classes > 0 ? BYTES / 4 / classes : 0;
    if (rows < 1) {
      fprintf(stderr, "classes: 1 to %d\n", BYTES / 4);
      return 2;
    }
    float *x = must_allocate((size_t)(rows * classes) * sizeof *x), *y = must_allocate((size_t)classes * sizeof *y);
    for (int kind = 0; kind < KINDS; kind++) {
      fill_logits(x, rows, classes, kind);
      for (unsigned k = 0; k < sizeof cases / sizeof *cases; k++)
        for (int raw = 0; raw < 2; raw++) {
          problem a = {&cases[k].sampling, &options, raw, x, y, rows, classes, 0};
          over += measure(&a, cases[k].name, kind, rounds);
        }
    }
    free(x);
    free(y);
  }
  return over != 0;
}
