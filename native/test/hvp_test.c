/* SPDX-License-Identifier: Apache-2.0 */
/* Hessian-vector products of cross-entropy: accuracy against long double, and invalid calls. */
#include "calls.h"
#include "rows.h"

static int compared, differing;
static random_source source = {1};

static bool chance(double p) { return random_unit(&source) < p; }
static int64_t below(int64_t n) { return random_below(&source, n); }

/* ---- accuracy ---- */

static double worst[2]; /* relative to the bound, in float32 and float64 */

/* Rows in which one class may have nearly all mass. */
static void measure_row(bool wide, int64_t n) {
  enum { MOST = 600 };
  float x[MOST], v[MOST], y[MOST];
  double X[MOST], V[MOST], Y[MOST];
  long double p[MOST], total = 0, mean = 0, size = 0;
  const float top = chance(0.5) ? 20 * (float)random_unit(&source) : 0;
  xent_options o = xent_default_options();
  o.temperature = chance(0.5) ? 0.1 + 5 * random_unit(&source) : 0;
  o.gradient_scale = 0.3;
  const long double tau = o.temperature != 0 ? (long double)o.temperature : 1;
  for (int64_t k = 0; k < n; k++) {
    X[k] = (double)(x[k] = 3 * random_normal(&source) + (k == n / 2 ? top : 0));
    V[k] = (double)(v[k] = random_normal(&source));
  }
  for (int64_t k = 0; k < n; k++) total += p[k] = expl((long double)X[k] / tau);
  for (int64_t k = 0; k < n; k++) {
    p[k] /= total;
    mean += p[k] * (long double)V[k];
    size += p[k] * fabsl((long double)V[k]);
  }
  const int32_t type = wide ? XENT_F64 : XENT_F32;
  xent_cross_entropy_hvp_call call = {.size = sizeof call, .sizes = xent_rows(1, n),
                                      .options = &o, .logits = {wide ? (void *)X : x, xent_per_class(n, 1, type)},
                                      .upstream = {wide ? (void *)V : v, xent_per_class(n, 1, type)},
                                      .output = {wide ? (void *)Y : y, xent_per_class(n, 1, type)}};
  must(xent_cross_entropy_hvp(&call), "hvp");
  for (int64_t k = 0; k < n; k++) {
    const long double factor = 0.3L / (tau * tau), apart = (long double)V[k] - mean;
    const long double got = wide ? (long double)Y[k] : (long double)y[k];
    const long double terms = factor * p[k] * (fabsl(apart) + size);
    if (!wide && terms < 0x1p-120L) continue;
    const double share = (double)(fabsl(got - factor * p[k] * apart) / (terms * (wide ? 1.6e-15L : 8.7e-7L)));
    if (!(share <= worst[wide])) worst[wide] = share;
  }
}

/* One instruction set is enough, because all return the same bits. */
static void measure(void) {
  for (int i = 0; i < 4000; i++) measure_row(i % 2, 2 + below(598));
  printf("accuracy: %.2f of what is promised in float32, %.2f in float64\n", worst[0], worst[1]);
  if (!(worst[0] <= 1 && worst[1] <= 1)) differing++;
}

/* ---- invalid calls ---- */

static void expect(xent_status got, xent_status wanted, const xent_report *r, int32_t field, const char *what) {
  compared++;
  if (got == wanted && (wanted == XENT_OK || r->field == field)) return;
  differing++;
  fprintf(stderr, "%s: status %d, field %s\n", what, got, xent_field_name(r->field));
}

static void refuse(void) {
  float x[6] = {0}, v[6] = {0}, y[6];
  xent_options o = xent_default_options();
  xent_report r = {.size = sizeof r};
  xent_cross_entropy_hvp_call whole = {.size = sizeof whole, .sizes = xent_rows(2, 3),
                                       .options = &o, .report = &r, .logits = {x, xent_per_class(3, 1, XENT_F32)},
                                       .upstream = {v, xent_per_class(3, 1, XENT_F32)},
                                       .output = {y, xent_per_class(3, 1, XENT_F32)}}, c = whole;
  expect(xent_cross_entropy_hvp(&c), XENT_OK, &r, 0, "a lawful call");
  c.output.address = v;
  expect(xent_cross_entropy_hvp(&c), XENT_OVERLAP, &r, XENT_FIELD_OUTPUT, "the vector in place");
  c = whole, c.output.layout.type = XENT_BF16;
  expect(xent_cross_entropy_hvp(&c), XENT_UNSUPPORTED, &r, XENT_FIELD_OUTPUT, "probabilities of 16 bits");
  c = whole, c.upstream.address = NULL;
  expect(xent_cross_entropy_hvp(&c), XENT_INVALID_ARGUMENT, &r, XENT_FIELD_UPSTREAM, "no vector");
  c = whole, o.softcap = 30;
  expect(xent_cross_entropy_hvp(&c), XENT_UNSUPPORTED, &r, XENT_FIELD_SOFTCAP, "a softcap");
  o.softcap = 0, o.z_loss = 1e-4;
  expect(xent_cross_entropy_hvp(&c), XENT_UNSUPPORTED, &r, XENT_FIELD_Z_LOSS, "a z-loss");
}

int main(void) {
  measure();
  refuse();
  printf("%d calls compared, %d differ\n", compared, differing);
  return differing != 0;
}
