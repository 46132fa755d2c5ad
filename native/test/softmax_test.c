/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax and log-softmax: rows without finite numbers, tensors without rows, and both with log-sum-exp and
 * backward against the formulas in long double. */
#include "formulas.h"
#include "small.h"
#include "tiers.h"

static void test_edges(void) {
  reset();
  for (int i = 0; i < CLASSES; i++) x[i] = -INFINITY;
  CHECK(softmax() == XENT_OK && isnan(y[0]));
  options.fully_masked = XENT_FULLY_MASKED_ZERO;
  CHECK(softmax() == XENT_OK && y[0] == 0 && y[CLASSES] > 0);
  CHECK(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, NULL), ARRAYS(x, y)) ==
        XENT_OK);
  CHECK(y[0] == -INFINITY);
  x[2] = NAN; /* a NaN wins over the policy */
  CHECK(softmax() == XENT_OK && isnan(y[0]));
  reset();
  shape.outer = 0;
  CHECK(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, 0, 0, CLASSES, &report), ARRAYS(x, y)) ==
            XENT_OK &&
        untouched());
  /* no rows, with sizes whose product exceeds 64 bits: every product is checked */
  shape.classes = shape.inner = shape.logits.classes = shape.output.classes = INT64_C(1) << 40;
  shape.logits.inner = shape.output.inner = 1;
  REFUSES(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, 0, 0, shape.classes, &report), ARRAYS(x, y)),
          XENT_INVALID_SHAPE, XENT_FIELD_LOGITS);
}

/* ---- values against the formulas ---- */

static float in[VALUE_ROWS * MAX_CLASSES], g[VALUE_ROWS * MAX_CLASSES],
    out[VALUE_ROWS * MAX_CLASSES], dx[VALUE_ROWS * MAX_CLASSES];

static void test_values_of_backward(int64_t n, int32_t isa) {
  const xent_shape s = dense_shape_of(VALUE_ROWS, n, 1, XENT_I32);
  xent_options o = xent_default_options();
  o.isa = isa;
  for (int log = 0; log < 2; log++) {
    if (log) {
      must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, &s, &o, 0, VALUE_ROWS, 0, n, NULL), ARRAYS(in, out)),
           "log-softmax");
      must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX_BACKWARD, &s, &o, 0, VALUE_ROWS, 0, n, NULL),
                  ARRAYS(out, g, dx)),
           "backward");
    } else {
      must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &s, &o, 0, VALUE_ROWS, 0, n, NULL), ARRAYS(in, out)), "softmax");
      must(run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, &s, &o, 0, VALUE_ROWS, 0, n, NULL), ARRAYS(out, g, dx)),
           "backward");
    }
    for (int64_t i = 0; i < VALUE_ROWS; i++) {
      long double p[MAX_CLASSES], sum = 0, size = 0;
      softmax_of(in + i * n, n, p);
      for (int64_t k = 0; k < n; k++) {
        const long double term = log ? (long double)g[i * n + k] : g[i * n + k] * p[k];
        sum += term;
        size += fabsl(term);
      }
      for (int64_t k = 0; k < n; k++) {
        const long double dy = g[i * n + k];
        const long double want = log ? dy - p[k] * sum : p[k] * (dy - sum);
        const long double scale = log ? fabsl(dy) + p[k] * size : p[k] * (fabsl(dy) + size);
        expect(log ? "log-softmax backward" : "softmax backward", n, dx[i * n + k], want, 4 * scale + 1e-30L);
      }
    }
  }
}

static void test_values_of_forward(int64_t n, int32_t isa) {
  const xent_shape s = dense_shape_of(VALUE_ROWS, n, 1, XENT_I32);
  xent_options o = xent_default_options();
  o.isa = isa;
  float sums[VALUE_ROWS];
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &s, &o, 0, VALUE_ROWS, 0, n, NULL), ARRAYS(in, out)), "softmax");
  must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, &s, &o, 0, VALUE_ROWS, 0, n, NULL), ARRAYS(in, dx)), "log-softmax");
  must(run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, &s, &o, 0, VALUE_ROWS, NULL), ARRAYS(in, sums)), "log-sum-exp");
  for (int64_t i = 0; i < VALUE_ROWS; i++) {
    long double p[MAX_CLASSES];
    const long double sum = softmax_of(in + i * n, n, p);
    expect("log-sum-exp", n, sums[i], sum, 1 + fabsl(sum));
    for (int64_t k = 0; k < n; k++) {
      expect("softmax", n, out[i * n + k], p[k], p[k]);
      expect("log-softmax", n, dx[i * n + k], in[i * n + k] - sum, 1 + fabsl(sum) + fabsl((long double)in[i * n + k]));
    }
  }
}

/* The call of one line has the bits of the struct, also in place. */
static void test_matrix_of_floats(void) {
  reset();
  float probabilities[SIZE];
  CHECK(!softmax());
  CHECK(!xent_softmax_f32(x, ROWS, CLASSES, probabilities));
  CHECK(!memcmp(probabilities, y, sizeof probabilities));
  CHECK(!xent_softmax_f32(x, ROWS, CLASSES, x));
  CHECK(!memcmp(probabilities, x, sizeof probabilities));
  CHECK(xent_softmax_f32(x, ROWS, CLASSES, x + 1) == XENT_OVERLAP);
  CHECK(xent_softmax_f32(x, ROWS, CLASSES, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(xent_softmax_f32(x, ROWS, 0, x) == XENT_INVALID_SHAPE);
  CHECK(!xent_softmax_f32(x, 0, CLASSES, x));
}

int main(void) {
  random_source r = {99};
  test_edges();
  test_matrix_of_floats();
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
    for (size_t c = 0; c < sizeof class_counts / sizeof *class_counts; c++) {
      fill_row(in, VALUE_ROWS * class_counts[c], 0, &r);
      fill_row(g, VALUE_ROWS * class_counts[c], 0, &r);
      test_values_of_forward(class_counts[c], isa);
      test_values_of_backward(class_counts[c], isa);
    }
  const int wrong_values = all_values();
  return all_checks() || wrong_values;
}
