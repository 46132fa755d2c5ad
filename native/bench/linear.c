/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cross-entropy of a linear layer on one thread, beside fused multiply-adds that stay in the registers: GFLOP/s of
 * both, and the share of that peak. With gradients too. With the library of a BLAS, the loss beside its bare sgemm
 * into logits. Usage: bench_linear [ROUNDS [BLAS.so|- [ROWS FEATURES CLASSES]]]
 */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <stdio.h>

#include "timing.h"

#include "calls.h"
#include "fma_peak.h"
#include "rows.h"

float bench_fma_sum;

typedef struct {
  int64_t rows, features, classes;
} size;

typedef struct {
  size of;
  int32_t isa;
  bool gradients;
  int32_t type; /* of the weights */
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

static void run_linear(const void *of) {
  const problem *p = of;
  const size *s = &p->of;
  xent_options options = xent_default_options();
  options.isa = p->isa;
  const xent_layout hidden = xent_per_class(s->features, 1, XENT_F32),
                    weights = xent_per_class(s->features, 1, p->type);
  const xent_linear_cross_entropy_call call = {
      .size = sizeof call, .sizes = {.outer = s->rows, .classes = s->classes, .inner = 1, .features = s->features},
      .options = &options, .hidden = {p->hidden, hidden}, .weights = {p->weights, weights},
      .targets = {p->labels, xent_per_row(1, XENT_I32)}, .losses = {p->losses, xent_per_row(1, XENT_F32)},
      .hidden_gradient = {p->gradients ? p->hidden_gradient : NULL, hidden},
      .weights_gradient = {p->gradients ? p->weights_gradient : NULL, hidden},
      .workspace = p->workspace, .workspace_size = p->workspace_size};
  must(xent_linear_cross_entropy(&call), "linear cross-entropy");
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

static void measure(problem p, int rounds) {
  const size *s = &p.of;
  const size_t rows = (size_t)s->rows, features = (size_t)s->features, classes = (size_t)s->classes;
  float *hidden = must_allocate(rows * features * sizeof *hidden),
        *weights = must_allocate(classes * features * sizeof *weights);
  int32_t *labels = must_allocate(rows * sizeof *labels);
  uint16_t *halves = must_allocate(classes * features * sizeof *halves);
  fill(hidden, s->rows * s->features);
  fill(weights, s->classes * s->features);
  for (size_t i = 0; i < rows; i++) labels[i] = (int32_t)(i % classes);
  for (size_t i = 0; i < classes * features; i++) {
    uint32_t u;
    memcpy(&u, weights + i, sizeof u);
    halves[i] = (uint16_t)(u >> 16);
  }
  p.hidden = hidden;
  p.labels = labels;
  p.losses = must_allocate(rows * sizeof(float));
  p.hidden_gradient = must_allocate(rows * features * sizeof(float));
  p.weights_gradient = must_allocate(classes * features * sizeof(float));
  p.logits = p.sgemm32 || p.sgemm64 ? must_allocate(rows * classes * sizeof(float)) : NULL;
  p.workspace_size = xent_linear_workspace(s->rows, s->features, s->classes, XENT_WORKSPACE_HIDDEN_GRADIENT | XENT_WORKSPACE_WEIGHTS_GRADIENT);
  p.workspace = must_allocate(p.workspace_size);
  const double flops = 2.0 * (double)s->rows * (double)s->features * (double)s->classes;
  for (p.isa = XENT_ISA_AVX2; p.isa <= XENT_ISA_AVX512; p.isa++)
    for (int kind = 0; xent_has_isa(p.isa) && kind < 3; kind++) {
      p.gradients = kind == 2;
      p.type = kind == 1 ? XENT_BF16 : XENT_F32;
      p.weights = kind == 1 ? (const void *)halves : weights;
      const pair_times t = take_turns((timed){run_linear, &p}, (timed){run_peak, &p}, rounds);
      const double work = flops * (p.gradients ? 4 : 1), peak = peak_of(p.isa, 1) * PEAK_ROUNDS;
      printf("%5lld x %4lld x %6lld, %-6s %-9s %9.2f ms, %6.1f of %6.1f GFLOP/s: %.3f of the peak",
             (long long)s->rows, (long long)s->features, (long long)s->classes, xent_isa_name(p.isa),
             kind == 0   ? "f32"
             : kind == 1 ? "bf16"
                         : "gradients",
             t.first * 1e3, work / t.first * 1e-9, peak / t.second * 1e-9, work / peak / t.median);
      if (kind < 2) /* the bytes of the weights */
        printf(", reads %5.1f GB/s", (double)(classes * features) * (kind ? 2 : 4) / t.first * 1e-9);
      if (kind == 0 && p.logits)
        printf(", sgemm takes %.3f times as long",
               1 / take_turns((timed){run_linear, &p}, (timed){run_sgemm, &p}, rounds).median);
      printf("\n");
      fflush(stdout);
    }
  free(hidden), free(weights), free(labels), free(halves), free(p.losses), free(p.hidden_gradient),
      free(p.weights_gradient);
  free(p.logits), free(p.workspace);
}

int main(int argc, char **argv) {
  static const size sizes[] = {{512, 2048, 8192}, {1024, 768, 16384}, {256, 256, 32000},
                               {4096, 64, 32768}, {8, 2048, 32768},   {1, 2048, 32768}};
  const int rounds = argc > 1 ? atoi(argv[1]) : 5;
  problem p = {.isa = 0};
  if (rounds < 1 || rounds > BENCH_MAX_ROUNDS || (argc > 3 && argc < 6)) {
    fprintf(stderr, "bench_linear [ROUNDS [BLAS.so|- [ROWS FEATURES CLASSES]]]\n");
    return 2;
  }
  if (argc > 2 && strcmp(argv[2], "-") != 0) find_sgemm(&p, argv[2]);
  if (argc > 5) {
    p.of = (size){atoll(argv[3]), atoll(argv[4]), atoll(argv[5])};
    measure(p, rounds);
    return 0;
  }
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    p.of = sizes[i];
    measure(p, rounds);
  }
  return 0;
}
