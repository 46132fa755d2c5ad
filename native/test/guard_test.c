/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No byte outside an array is touched: every array ends (then begins) at a page that must not be touched,
 * and what lies beside a written array in its page keeps its value.
 */
#include "guarded.h"
#include "tiers.h"

static guarded logits, output, upstream, labels, losses;

/* outer * inner rows of n classes, the class axis in the middle. */
static void run(int64_t outer, int64_t n, int64_t inner, int32_t isa, bool at_end, random_source *r) {
  const int64_t rows = outer * inner;
  const size_t bytes = (size_t)(rows * n) * sizeof(float);
  xent_shape s = dense_shape(outer, n, inner);
  s.targets.type = XENT_I8;
  xent_options o = xent_default_options();
  o.isa = isa;
  o.label_smoothing = 0.25;
  float *x = place(&logits, bytes, at_end), *y = place(&output, bytes, at_end);
  float *g = place(&upstream, bytes, at_end), *loss = place(&losses, (size_t)rows * sizeof(float), at_end);
  int8_t *label = place(&labels, (size_t)rows, at_end);
  for (int64_t i = 0; i < rows; i++) {
    fill_row(x + i * n, n, i == 1 ? 16 : 0, r);
    fill_row(g + i * n, n, 0, r);
    label[i] = (int8_t)(random_below(r, n) & 127);
    if (label[i] >= n) label[i] = 0;
  }
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &s, &o, 0, rows, 0, n, NULL), ARRAYS(x, y)), "softmax");
  check_rest(&output, "softmax", n);
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, &s, &o, 0, rows, 0, n, NULL), ARRAYS(y, g, g)),
       "softmax backward");
  must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, &s, &o, 0, rows, 0, n, NULL), ARRAYS(x, y)), "log-softmax");
  must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX_BACKWARD, &s, &o, 0, rows, 0, n, NULL), ARRAYS(y, g, y)),
       "log-softmax backward");
  check_rest(&output, "log-softmax backward", n);
  check_rest(&upstream, "softmax backward", n);
  must(cross_entropy_of(&s, &o, 0, rows, &(cross_entropy_arrays){.logits = x, .targets = label, .losses = loss,
                        .gradient = y}, NULL), "loss");
  check_rest(&losses, "loss", n);
  check_rest(&output, "gradient", n);
  o.label_smoothing = 0;
  must(cross_entropy_of(&s, &o, 0, rows, &(cross_entropy_arrays){.logits = x, .targets = label, .losses = loss,
                        .gradient = y}, NULL), "loss");
  check_rest(&losses, "loss without smoothing", n);
  check_rest(&output, "gradient without smoothing", n);
  s.targets = s.logits; /* g as probability rows */
  must(cross_entropy_of(&s, &o, 0, rows, &(cross_entropy_arrays){.logits = x, .targets = g, .losses = loss,
                        .gradient = y}, NULL), "probabilities");
  check_rest(&output, "gradient of probabilities", n);
}

int main(void) {
  logits = guard(), output = guard(), upstream = guard(), labels = guard(), losses = guard();
  random_source r = {7};
  int64_t calls = 0;
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
    for (int at_end = 0; at_end < 2; at_end++) {
      for (int64_t n = 1; n <= 1300; n += n < 300 ? 1 : 97, calls++) run(3, n, 1, isa, at_end, &r);
      for (int64_t inner = 2; inner <= 130; inner += inner < 70 ? 1 : 13)
        for (int64_t n = 2; n * inner * 2 * (int64_t)sizeof(float) <= ROOM; n += n < 4 ? 1 : n + inner, calls++)
          run(2, n, inner, isa, at_end, &r);
      for (int64_t n = 1025; n <= 1300; n += 97, calls++) run(1, n, 7, isa, at_end, &r);
    }
  printf("%lld shapes between guard pages: nothing outside an array was touched\n", (long long)calls);
  return 0;
}
