/* SPDX-License-Identifier: Apache-2.0 */
/* What the fixed order of sums costs: each vector tier beside its twin that adds in any order, taking turns. */
#define _POSIX_C_SOURCE 200809L
#include "timing.h"

#include "calls.h"
#include "cpu/isa.h"
#include "rows.h"

extern const xent_family xent_plain_avx2_free;
extern const xent_family xent_plain_avx512_free;
int bench_free_order(int rounds);

typedef struct {
  xent_status (*kernel)(const xent_call *call);
  const xent_call *call;
} kernel_call;

static void run_kernel(const void *of) {
  const kernel_call *k = of;
  must(k->kernel(k->call), "kernel");
}

static void compare(const char *name, int32_t isa, const xent_call *call, bool softmax, int rounds) {
  const xent_family *fixed = xent_kernels_of(isa)->plain,
                    *any = isa == XENT_ISA_AVX512 ? &xent_plain_avx512_free : &xent_plain_avx2_free;
  const kernel_call calls[2] = {{softmax ? fixed->softmax_forward : fixed->cross_entropy_forward, call},
                                {softmax ? any->softmax_forward : any->cross_entropy_forward, call}};
  const pair_times t = take_turns((timed){run_kernel, &calls[0]}, (timed){run_kernel, &calls[1]}, rounds);
  printf("%4lld x %-7lld %-18s %-7s median %.3f, minimum %.3f x the time in any order\n",
         (long long)call->row_end, (long long)call->shape->classes, name, xent_isa_name(isa), t.median, t.minima);
}

int bench_free_order(int rounds) {
  static const int64_t shapes[][2] = {{8, 32000}, {64, 128256}};
  const size_t most = (size_t)64 * 128256;
  float *x = must_allocate(most * sizeof(float)), *y = must_allocate(most * sizeof(float)), losses[64];
  int32_t labels[64];
  random_source r = {1};
  fill_row(x, (int64_t)most, 0, &r);
  memset(y, 0, most * sizeof(float));
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    const int64_t rows = shapes[i][0], classes = shapes[i][1];
    for (int64_t k = 0; k < rows; k++) labels[k] = (int32_t)random_below(&r, classes);
    const xent_shape shape = xent_dense_shape(rows, classes, 1, XENT_I32);
    const xent_options options = xent_default_options();
    xent_report report = {.size = sizeof report};
    xent_call call = {.shape = &shape, .options = &options, .row_end = rows, .class_end = classes, .logits = x,
                      .output_layout = &shape.gradient, .output = y, .report = &report,
                      .stream = rows * classes * (int64_t)sizeof(float) >= 16 << 20};
    for (int32_t isa = XENT_ISA_AVX2; isa <= xent_best_isa(); isa++) {
      compare("softmax", isa, &call, true, rounds);
      xent_call with_labels = call;
      with_labels.targets = labels;
      with_labels.losses = losses;
      compare("loss and gradient", isa, &with_labels, false, rounds);
      with_labels.output = NULL;
      compare("cross-entropy", isa, &with_labels, false, rounds);
    }
  }
  free(x);
  free(y);
  return 0;
}
