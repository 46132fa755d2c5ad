/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a token costs: a row after the other from memory, on one thread, beside memcpy of the row, or beside its
 * softmax. Both take turns in one process: the ratio counts.
 * Usage: bench_sample [ROUNDS [CLASSES ...]]
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>

#include "timing.h"

#include "calls.h"
#include "rows.h"

enum { BYTES = 96 << 20 };

/* What a row's logits are like. */
enum { LANGUAGE, FLAT, KINDS };
static const char *const kind_names[KINDS] = {"like a language model's", "normal, sigma 1"};

typedef struct {
  const char *name;
  int kind;
  double limit; /* of the time over that of memcpy, or of softmax; 0: it is shown */
  bool beside_softmax, raw;
  xent_sampling sampling;
} bench_case;

#define SAMPLING .sampling.size = sizeof(xent_sampling), .sampling
#define USUAL SAMPLING.top_k = 50, .sampling.top_p = 0.9, .sampling.min_p = 0.05
static const bench_case cases[] = {
    {"greedy", LANGUAGE, 1.3, SAMPLING.greedy = 1},
    {"top-k 50, top-p 0.9, min-p 0.05", LANGUAGE, 1.3, USUAL},
    {"the same, temperature 0.8", LANGUAGE, 1.3, USUAL, .sampling.temperature = 0.8},
    {"the same with raw log-probability", LANGUAGE, 2.6, .raw = true, USUAL},
    {"min-p 0.05", LANGUAGE, 0, SAMPLING.min_p = 0.05},
    {"top-p 0.9", LANGUAGE, 0, SAMPLING.top_p = 0.9},
    {"no filter", LANGUAGE, 0, SAMPLING.seed = 0},
    {"top-k 50, top-p 0.9, min-p 0.05", FLAT, 1.3, USUAL},
    {"top-k 5000", FLAT, 0, SAMPLING.top_k = 5000},
    {"min-p 0.05", FLAT, 0, SAMPLING.min_p = 0.05},
    {"no filter", FLAT, 0, SAMPLING.seed = 0},
    {"top-p 0.9", FLAT, 1.5, .beside_softmax = true, SAMPLING.top_p = 0.9},
    {"top-p 0.5", FLAT, 1.5, .beside_softmax = true, SAMPLING.top_p = 0.5},
    {"typical-p 0.9", FLAT, 0, .beside_softmax = true, SAMPLING.typical_p = 0.9},
};

typedef struct {
  const bench_case *of;
  const float *x;
  float *y;
  int64_t rows, classes, row;
} problem;

static void run_sample(const void *of) {
  problem *p = (problem *)(uintptr_t)of;
  int64_t token;
  float log_probability;
  const xent_sample_call call = {
      .size = sizeof call, .sizes = xent_rows(1, p->classes), .sampling = &p->of->sampling,
      .logits = {p->x + p->row * p->classes, xent_per_class(p->classes, 1, XENT_F32)},
      .log_probabilities = {p->of->raw ? &log_probability : NULL, xent_per_row(1, XENT_F32)},
      .tokens = {&token, xent_per_row(1, XENT_I64)}};
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
      .size = sizeof call, .sizes = xent_rows(1, p->classes),
      .logits = {p->x + p->row * p->classes, xent_per_class(p->classes, 1, XENT_F32)},
      .output = {p->y, xent_per_class(p->classes, 1, XENT_F32)}};
  must(xent_softmax(&call), "softmax");
  p->row = (p->row + 1) % p->rows;
}

static void fill_logits(float *x, int64_t rows, int64_t classes, int kind) {
  random_source source = {5};
  for (int64_t i = 0; i < rows * classes; i++)
    x[i] = random_normal(&source) * (kind == FLAT ? 1.0f : 2.0f);
  /* a few classes far above the others, as a model is that knows what comes next */
  for (int64_t row = 0; kind == LANGUAGE && row < rows; row++)
    for (int i = 0; i < 100; i++)
      x[row * classes + random_below(&source, classes)] = 16 - 0.1f * (float)i + random_normal(&source);
}

int main(int argc, char **argv) {
  const int rounds = argc > 1 ? atoi(argv[1]) : 101;
  static const int64_t usual[] = {128256, 32000};
  const int sizes = argc > 2 ? argc - 2 : 2;
  int over = 0;
  if (rounds < 1 || rounds > BENCH_MAX_ROUNDS) {
    fprintf(stderr, "1 to %d rounds\n", BENCH_MAX_ROUNDS);
    return 2;
  }
  for (int i = 0; i < sizes; i++) {
    const int64_t classes = argc > 2 ? atoll(argv[i + 2]) : usual[i], rows = BYTES / 4 / classes;
    if (classes < 1 || rows < 1) {
      fprintf(stderr, "classes: 1 to %d\n", BYTES / 4);
      return 2;
    }
    float *x = must_allocate((size_t)(rows * classes) * sizeof *x), *y = must_allocate((size_t)classes * sizeof *y);
    for (int kind = 0; kind < KINDS; kind++) {
      fill_logits(x, rows, classes, kind);
      for (unsigned k = 0; k < sizeof cases / sizeof *cases; k++) {
        const bench_case *c = &cases[k];
        if (c->kind != kind) continue;
        problem a = {c, x, y, rows, classes, 0}, b = a;
        b.row = rows / 2;
        const timed other = {c->beside_softmax ? run_softmax : run_copy, &b};
        const pair_times t = take_turns((timed){run_sample, &a}, other, rounds);
        const bool slow = c->limit > 0 && t.median > c->limit;
        over += slow;
        printf("%6lld classes, %-23s  %-36s %8.1f us, %s %6.1f us: %5.2f", (long long)classes, kind_names[kind],
               c->name, t.first * 1e6, c->beside_softmax ? "softmax" : "memcpy ", t.second * 1e6, t.median);
        if (c->limit > 0) printf(" (at most %.1f%s)", c->limit, slow ? ": it is not" : "");
        printf("\n");
      }
    }
    free(x);
    free(y);
  }
  return over != 0;
}
