/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cross-entropy of a linear layer on one thread, against fused multiply-adds that stay in registers: GFLOP/s of both,
 * and the ratio to that peak. It also measures gradients with and without kept logits, few rows against a read of the
 * weights, and the speedup with two threads. If a BLAS library is passed, it also measures the loss against a bare
 * sgemm into logits.
 * Usage: bench_linear [ROUNDS [BLAS.so|- [ROWS FEATURES CLASSES [KINDS]]]]   KINDS: letters of kinds[]
 */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#include "timing.h"

#include "calls.h"
#include "fma_peak.h"
#include "numerics/halves.h"
#include "rows.h"

float bench_fma_sum;

typedef struct {
  int64_t rows, features, classes;
} size;

typedef struct {
  char letter;
  const char *name;
  int32_t type; /* of the weights */
  bool gradients, keep;
  int products; /* the number of matrix products of the size of the problem */
} kind;
static const kind kinds[] = {{'f', "f32", XENT_F32, false, false, 1},      {'b', "bf16", XENT_BF16, false, false, 1},
                             {'h', "f16", XENT_F16, false, false, 1},      {'g', "gradients", XENT_F32, true, false, 4},
                             {'k', "kept logits", XENT_F32, true, true, 3}};

typedef struct {
  size of;
  int32_t isa;
  kind kind;
  const float *hidden;
  const void *weights;
  const int32_t *labels;
  float *losses, *hidden_gradient, *weights_gradient, *logits;
  void *workspace;
  uint64_t workspace_size;
  void (*sgemm32)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
  void (*sgemm64)(int, int, int, int64_t, int64_t, int64_t, float, const float *, int64_t, const float *, int64_t,
                  float, float *, int64_t);
} problem;

static void run_rows(const problem *p, xent_range rows, void *workspace, uint64_t workspace_size) {
  const size *s = &p->of;
  xent_options options = xent_default_options();
  options.isa = p->isa;
  const xent_layout hidden = xent_per_class(s->features, 1, XENT_F32),
                    weights = xent_per_class(s->features, 1, p->kind.type);
  const xent_linear_cross_entropy_call call = {
      .size = sizeof call, .sizes = {.outer = s->rows, .classes = s->classes, .inner = 1}, .features = s->features,
      .rows = &rows, .options = &options, .hidden = {p->hidden, hidden}, .weights = {p->weights, weights},
      .targets = {p->labels, xent_per_row(XENT_I32)}, .losses = {p->losses, xent_per_row(XENT_F32)},
      .hidden_gradient = {p->kind.gradients ? p->hidden_gradient : NULL, hidden},
      .weights_gradient = {p->kind.gradients ? p->weights_gradient : NULL, hidden},
      .workspace = workspace, .workspace_size = workspace_size};
  must(xent_linear_cross_entropy(&call), "linear cross-entropy");
}
static void run_linear(const void *of) {
  const problem *p = of;
  const xent_range all = {0, p->of.rows};
  run_rows(p, all, p->workspace, p->workspace_size);
}

/* Half of the rows, in the second half of the workspace. */
static void *run_half(void *of) {
  const problem *p = of;
  const uint64_t half = p->workspace_size / 128 * 64;
  const xent_range rows = {p->of.rows / 2, p->of.rows};
  run_rows(p, rows, (char *)p->workspace + half, half);
  return NULL;
}
static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
/* The time of one thread over that of two. */
static double by_two_threads(problem *p, int rounds) {
  double ratios[BENCH_MAX_ROUNDS];
  for (int i = 0; i < rounds; i++) {
    pthread_t other;
    const double begin = seconds();
    run_linear(p);
    const double middle = seconds();
    const xent_range rows = {0, p->of.rows / 2};
    if (pthread_create(&other, NULL, run_half, p)) exit(1);
    run_rows(p, rows, p->workspace, p->workspace_size / 128 * 64);
    pthread_join(other, NULL);
    ratios[i] = (middle - begin) / (seconds() - middle);
  }
  return median_of(ratios, rounds);
}

/* Reads the bytes of the weights as fast as memory allows. */
uint64_t bench_read_sum;
static void run_read(const void *of) {
  const problem *p = of;
  const uint64_t *at = p->weights;
  uint64_t sums[8] = {0};
  const int64_t n = p->of.features * p->of.classes * (p->kind.type == XENT_F32 ? 4 : 2) / 64;
  for (int64_t i = 0; i < n; i++)
    for (int k = 0; k < 8; k++) sums[k] += at[i * 8 + k];
  for (int k = 0; k < 8; k++) bench_read_sum += sums[k];
}

enum { PEAK_ROUNDS = 1 << 20, ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112 };

static double peak_of(int32_t isa, int64_t rounds) {
  return isa == XENT_ISA_AVX512 ? bench_fma_peak_avx512(rounds) : bench_fma_peak_avx2(rounds);
}
static void run_peak(const void *of) {
  const problem *p = of;
  peak_of(p->isa, PEAK_ROUNDS);
}

static void run_sgemm(const void *of) {
  const problem *p = of;
  const int64_t m = p->of.rows, n = p->of.classes, k = p->of.features;
  if (p->sgemm64)
    p->sgemm64(ROW_MAJOR, NO_TRANSPOSE, TRANSPOSE, m, n, k, 1, p->hidden, k, p->weights, k, 0, p->logits, n);
  else
    p->sgemm32(ROW_MAJOR, NO_TRANSPOSE, TRANSPOSE, (int)m, (int)n, (int)k, 1, p->hidden, (int)k, p->weights, (int)k, 0,
               p->logits, (int)n);
}

static void find_sgemm(problem *p, const char *library) {
  void *blas = dlopen(library, RTLD_NOW), *found;
  if (!blas) {
    fprintf(stderr, "%s\n", dlerror());
    exit(2);
  }
  if ((found = dlsym(blas, "scipy_cblas_sgemm64_")) || (found = dlsym(blas, "cblas_sgemm64_")))
    memcpy(&p->sgemm64, &found, sizeof found);
  else if ((found = dlsym(blas, "cblas_sgemm")))
    memcpy(&p->sgemm32, &found, sizeof found);
  if (found) return;
  fprintf(stderr, "%s has no cblas_sgemm\n", library);
  exit(2);
}

static void fill(float *x, int64_t n) {
  random_source source = {5};
  for (int64_t i = 0; i < n; i++) x[i] = (float)(random_unit(&source) - 0.5);
}

/* Prints the requested figures of one problem in one tier. */
static void report(problem *p, int rounds) {
  const size *s = &p->of;
  const double flops = 2.0 * (double)s->rows * (double)s->features * (double)s->classes * p->kind.products;
  const pair_times t = take_turns((timed){run_linear, p}, (timed){run_peak, p}, rounds);
  const double peak = peak_of(p->isa, 1) * PEAK_ROUNDS;
  printf("%5lld x %4lld x %6lld, %-6s %-11s %9.2f ms, %6.1f of %6.1f GFLOP/s: %.3f of the peak", (long long)s->rows,
         (long long)s->features, (long long)s->classes, xent_isa_name(p->isa), p->kind.name, t.first * 1e3,
         flops / t.first * 1e-9, peak / t.second * 1e-9, flops / peak / t.median);
  if (s->rows <= 8 && !p->kind.gradients)
    printf(", a read of the weights %.3f of it",
           1 / take_turns((timed){run_linear, p}, (timed){run_read, p}, rounds).median);
  if (p->kind.letter == 'f' && p->logits)
    printf(", sgemm takes %.3f times as long",
           1 / take_turns((timed){run_linear, p}, (timed){run_sgemm, p}, rounds).median);
  if (p->kind.letter == 'f' && s->rows > 8) printf(", one thread %.2f times two", by_two_threads(p, rounds));
  printf("\n");
  fflush(stdout);
}

static void measure(problem p, int rounds, const char *letters) {
  const size *s = &p.of;
  const size_t rows = (size_t)s->rows, features = (size_t)s->features, classes = (size_t)s->classes;
  float *hidden = must_allocate(rows * features * sizeof *hidden),
        *weights = must_allocate(classes * features * sizeof *weights);
  int32_t *labels = must_allocate(rows * sizeof *labels);
  uint16_t *halves = must_allocate(classes * features * sizeof *halves);
  fill(hidden, s->rows * s->features);
  fill(weights, s->classes * s->features);
  for (size_t i = 0; i < rows; i++) labels[i] = (int32_t)(i % classes);
  p.hidden = hidden;
  p.labels = labels;
  p.losses = must_allocate(rows * sizeof(float));
  p.hidden_gradient = must_allocate(rows * features * sizeof(float));
  p.weights_gradient = must_allocate(classes * features * sizeof(float));
  p.logits = p.sgemm32 || p.sgemm64 ? must_allocate(rows * classes * sizeof(float)) : NULL;
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    p.kind = kinds[k];
    if (letters ? !strchr(letters, p.kind.letter) : s->rows <= 8 && p.kind.gradients) continue;
    for (size_t i = 0; p.kind.type != XENT_F32 && i < classes * features; i++) {
      uint32_t u;
      memcpy(&u, weights + i, sizeof u);
      halves[i] = p.kind.type == XENT_BF16 ? (uint16_t)(u >> 16) : narrow_f16(weights[i]);
    }
    p.weights = p.kind.type == XENT_F32 ? (const void *)weights : halves;
    int32_t contents = p.kind.keep ? XENT_WORKSPACE_LOGITS : 0;
    if (p.kind.gradients) contents |= XENT_WORKSPACE_HIDDEN_GRADIENT | XENT_WORKSPACE_WEIGHTS_GRADIENT;
    p.workspace_size = xent_linear_workspace(s->rows, s->features, s->classes, contents);
    if (!p.kind.gradients) p.workspace_size *= 2; /* one for each of two threads */
    p.workspace = must_allocate(p.workspace_size);
    for (p.isa = XENT_ISA_AVX512; p.isa >= XENT_ISA_AVX2; p.isa--)
      if (xent_has_isa(p.isa)) report(&p, rounds);
    free(p.workspace);
  }
  free(hidden), free(weights), free(labels), free(halves), free(p.losses), free(p.hidden_gradient),
      free(p.weights_gradient), free(p.logits);
}

int main(int argc, char **argv) {
  static const size sizes[] = {{512, 2048, 32768}, {1024, 768, 50257}, {256, 256, 32000},
                               {4096, 64, 100000}, {8, 2048, 128256}, {1, 2048, 128256}};
  const int rounds = argc > 1 ? atoi(argv[1]) : 5;
  problem p = {.isa = 0};
  if (rounds < 1 || rounds > BENCH_MAX_ROUNDS || (argc > 3 && argc < 6) || argc > 7) {
    fprintf(stderr, "bench_linear [ROUNDS [BLAS.so|- [ROWS FEATURES CLASSES [KINDS]]]]\n");
    return 2;
  }
  if (argc > 2 && strcmp(argv[2], "-") != 0) find_sgemm(&p, argv[2]);
  if (argc > 5) {
    p.of = (size){atoll(argv[3]), atoll(argv[4]), atoll(argv[5])};
    measure(p, rounds, argc > 6 ? argv[6] : NULL);
    return 0;
  }
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    p.of = sizes[i];
    measure(p, rounds, NULL);
  }
  return 0;
}
