/* SPDX-License-Identifier: Apache-2.0 */
/* What the options mean: losses and gradients with labels of every type, smoothing, probability rows, ignored
 * rows and upstream gradients, and both backward passes, against the formulas in long double. */
#include "calls.h"
#include "rows.h"
#include "tiers.h"

enum { ROWS = 5, MAX_CLASSES = 300 };

static const double eps_values[] = {0, 0.1, 1};
static int64_t compared, wrong;

static void expect(const char *what, int64_t n, double got, long double want, long double scale) {
  compared++;
  const long double error = fabsl((long double)got - want);
  if (!(error <= 2e-6L * scale) && wrong++ < 20)
    fprintf(stderr, "%s, %lld classes: %.9g instead of %.9Lg\n", what, (long long)n, got, want);
}

/* p = softmax(x); returns log-sum-exp */
static long double softmax_of(const float *x, int64_t n, long double *p) {
  long double max = -INFINITY, sum = 0;
  for (int64_t i = 0; i < n; i++)
    if (x[i] > max) max = x[i];
  for (int64_t i = 0; i < n; i++) sum += p[i] = expl(x[i] - max);
  for (int64_t i = 0; i < n; i++) p[i] /= sum;
  return max + logl(sum);
}

/* A row's loss and gradient with target distribution q. */
static void expect_row(const char *what, const float *x, const double *q, int64_t n, long double c, double loss,
                       const float *gradient) {
  long double p[MAX_CLASSES], want = 0, mass = 0, size = 1;
  const long double lse = softmax_of(x, n, p);
  for (int64_t i = 0; i < n; i++) {
    mass += q[i];
    size += fabs(q[i]);
    if (q[i] != 0) want += q[i] * (lse - x[i]);
  }
  expect(what, n, loss, want, size + fabsl(want));
  for (int64_t i = 0; i < n; i++)
    expect(what, n, gradient[i], c * (p[i] * mass - q[i]), fabsl(c) * (p[i] * size + fabs(q[i])));
}

static double worst_focal_loss, worst_focal_gradient; /* of what is promised */

/* Of the promise, for a power of m = 1 - p, which errs as p does. */
static void expect_focal(const char *what, int64_t n, double got, long double want, double gamma, long double p,
                         long double base, double *worst) {
  const long double promised = (base + (4.5e-7L * p + 3e-16L) * (long double)gamma) * fabsl(want) + 0x1p-149L;
  const double share = (double)(fabsl((long double)got - want) / promised);
  compared++;
  if (share > *worst) *worst = share;
  if (!(share <= 1) && wrong++ < 20)
    fprintf(stderr, "%s, %lld classes, gamma %g: %.9g instead of %.9Lg\n", what, (long long)n, gamma, got, want);
}

/* Focal losses and gradients of labels keep their relative accuracy, wherever p is. */
static void test_focal(int64_t n, int32_t isa, double gamma, random_source *r) {
  enum { LABELS = ROWS };
  static float in[LABELS * MAX_CLASSES], out[LABELS * MAX_CLASSES];
  float losses[LABELS], weights[MAX_CLASSES];
  int32_t labels[LABELS];
  xent_shape shape = dense_shape_of(LABELS, n, 1, XENT_I32);
  xent_options options = xent_default_options();
  options.isa = isa;
  options.focal_gamma = gamma;
  options.gradient_scale = 0.75;
  shape.class_weights = layout_of(0, 1, 0, XENT_F32);
  for (int64_t i = 0; i < n; i++) weights[i] = 0.5f + (float)random_unit(r);
  for (int64_t i = 0; i < LABELS; i++) {
    labels[i] = (int32_t)random_below(r, n);
    for (int64_t k = 0; k < n; k++) in[i * n + k] = 3 * random_normal(r);
    in[i * n + labels[i]] += i == 0 ? 0 : i == 1 ? 25 : i == 2 ? -25 : i == 3 ? 8 : 50 / (1 + (float)gamma);
    if (gamma > 10) in[i * n + labels[i]] = (float)log((double)n * 80 * random_unit(r) / gamma); /* no power is 0 */
  }
  const bool weighted = random_below(r, 2);
  must(cross_entropy_of(&shape, &options, 0, LABELS, &(cross_entropy_arrays){.logits = in, .targets = labels,
                        .class_weights = weighted ? weights : NULL, .losses = losses, .gradient = out}, NULL), "focal");
  for (int64_t i = 0; i < LABELS; i++) {
    const float *row = in + i * n;
    long double others = 0, max = -INFINITY;
    for (int64_t k = 0; k < n; k++) max = row[k] > max ? row[k] : max;
    for (int64_t k = 0; k < n; k++) others += k == labels[i] ? 0 : expl(row[k] - max);
    const long double own = expl(row[labels[i]] - max), sum = others + own, m = others / sum, p = own / sum;
    const long double power = expl(-(long double)gamma * log1pl(own / others)); /* m^gamma */
    const long double L = log1pl(others / own), w = weighted ? weights[labels[i]] : 1;
    const long double slope = m == 0 ? 0 : power * (1 + gamma * p * L / m) * w * 0.75L;
    expect_focal("focal loss", n, losses[i], power * L * w, gamma, p, 5e-7L, &worst_focal_loss);
    for (int64_t k = 0; k < n; k++)
      expect_focal("focal gradient", n, out[i * n + k],
                   slope * (k == labels[i] ? -m : expl(row[k] - max) / sum), gamma, p, 2e-6L, &worst_focal_gradient);
  }
}

static void put_label(void *labels, int32_t type, int64_t row, int64_t label) {
  switch (type) {
    case XENT_I8: ((int8_t *)labels)[row] = (int8_t)label; break;
    case XENT_U8: ((uint8_t *)labels)[row] = (uint8_t)label; break;
    case XENT_I16: ((int16_t *)labels)[row] = (int16_t)label; break;
    case XENT_I32: ((int32_t *)labels)[row] = (int32_t)label; break;
    default: ((int64_t *)labels)[row] = label;
  }
}

static float x[ROWS * MAX_CLASSES], g[ROWS * MAX_CLASSES], y[ROWS * MAX_CLASSES], dx[ROWS * MAX_CLASSES];

static void test_labels(int64_t n, int32_t isa, int32_t type, double eps, random_source *r) {
  int64_t storage[ROWS], label[ROWS];
  float losses[ROWS], upstream[ROWS], again[ROWS * MAX_CLASSES];
  xent_statistics statistics[ROWS];
  xent_shape shape = dense_shape_of(ROWS, n, 1, type);
  xent_options options = xent_default_options();
  options.isa = isa;
  options.label_smoothing = eps;
  options.gradient_scale = -1.5;
  options.has_ignore_index = 1;
  options.ignore_index = type == XENT_U8 ? 255 : -1; /* the same byte: signs must be read */
  for (int64_t i = 0; i < ROWS; i++) {
    label[i] = i == 2 ? options.ignore_index : random_below(r, n < 127 ? n : 127);
    put_label(storage, type, i, label[i]);
    upstream[i] = random_normal(r);
  }
  const cross_entropy_arrays arrays = {.logits = x, .targets = storage, .losses = losses, .gradient = dx,
                                            .statistics = statistics};
  must(cross_entropy_of(&shape, &options, 0, ROWS, &arrays, NULL), "labels");
  shape.upstream = shape.losses;
  must(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &shape, &options, 0, ROWS, 0, n, NULL),
              ARRAYS(x, storage, upstream, again, NULL, NULL, NULL, NULL, NULL, statistics)),
       "backward");
  for (int64_t i = 0; i < ROWS; i++) {
    double q[MAX_CLASSES] = {0};
    for (int64_t k = 0; k < n && i != 2; k++) q[k] = (k == label[i]) * (1 - eps) + eps / (double)n;
    if (i != 2) expect_row("labels", x + i * n, q, n, -1.5L, losses[i], dx + i * n);
    if (i != 2) expect_row("upstream", x + i * n, q, n, -1.5L * upstream[i], losses[i], again + i * n);
    for (int64_t k = 0; k < n && i == 2; k++) expect("ignored", n, fabs(dx[i * n + k]) + losses[i], 0, 0);
  }
}

static void test_probabilities(int64_t n, int32_t isa, double eps, random_source *r) {
  static float q[ROWS * MAX_CLASSES];
  float losses[ROWS];
  const xent_shape shape = dense_shape_of(ROWS, n, 1, XENT_F32);
  xent_options options = xent_default_options();
  options.isa = isa;
  options.label_smoothing = eps;
  for (int64_t i = 0; i < ROWS * n; i++) q[i] = i % 3 ? random_normal(r) : 0;
  const float kept = x[0];
  if (eps == 0) x[0] = -INFINITY; /* where q is 0: adds nothing */
  const cross_entropy_arrays arrays = {.logits = x, .targets = q, .losses = losses, .gradient = dx};
  must(cross_entropy_of(&shape, &options, 0, ROWS, &arrays, NULL), "probabilities");
  for (int64_t i = 0; i < ROWS; i++) {
    double smoothed[MAX_CLASSES];
    for (int64_t k = 0; k < n; k++) smoothed[k] = (1 - eps) * (double)q[i * n + k] + eps / (double)n;
    if (n > 1 || eps != 0 || i > 0)
      expect_row("probabilities", x + i * n, smoothed, n, 1, losses[i], dx + i * n);
  }
  x[0] = kept;
}

static void test_backward(int64_t n, int32_t isa) {
  const xent_shape shape = dense_shape_of(ROWS, n, 1, XENT_I32);
  xent_options options = xent_default_options();
  options.isa = isa;
  for (int log = 0; log < 2; log++) {
    if (log) {
      must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, &shape, &options, 0, ROWS, 0, n, NULL), ARRAYS(x, y)),
           "log-softmax");
      must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX_BACKWARD, &shape, &options, 0, ROWS, 0, n, NULL),
                  ARRAYS(y, g, dx)),
           "backward");
    } else {
      must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, n, NULL), ARRAYS(x, y)), "softmax");
      must(run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, &shape, &options, 0, ROWS, 0, n, NULL), ARRAYS(y, g, dx)),
           "backward");
    }
    for (int64_t i = 0; i < ROWS; i++) {
      long double p[MAX_CLASSES], sum = 0, size = 0;
      softmax_of(x + i * n, n, p);
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

int main(void) {
  static const int64_t class_counts[] = {1, 2, 7, 16, 17, 100, 128, 129, 300};
  random_source r = {99};
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
    for (size_t c = 0; c < sizeof class_counts / sizeof *class_counts; c++) {
      const int64_t n = class_counts[c];
      fill_row(x, ROWS * n, 0, &r);
      fill_row(g, ROWS * n, 0, &r);
      test_backward(n, isa);
      for (int times = 0; times < 20; times++) test_focal(n, isa, times < 7 ? 0.5 : times < 14 ? 2 : 5, &r);
      for (int times = 0; times < 20; times++) test_focal(n, isa, ldexp(1, 4 + times * 28 / 19), &r);
      for (size_t e = 0; e < sizeof eps_values / sizeof *eps_values; e++) {
        for (int32_t type = XENT_I8; type <= XENT_I64; type++) test_labels(n, isa, type, eps_values[e], &r);
        test_probabilities(n, isa, eps_values[e], &r);
      }
    }
  printf("focal loss and gradient: %.2f and %.2f of what is promised\n", worst_focal_loss, worst_focal_gradient);
  printf("%lld values compared, %lld wrong\n", (long long)compared, (long long)wrong);
  return wrong != 0;
}
