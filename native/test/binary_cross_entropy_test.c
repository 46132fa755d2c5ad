/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binary cross-entropy and its focal form: accuracy and gradients against long double, and bad input.
 * Usage: binary_cross_entropy_test [N [SEED]]   N times the default number of elements
 */
#include <float.h>
#include <inttypes.h>

#include "calls.h"
#include "contract/binary.h"
#include "rows.h"
#include "tiers.h"

enum { FILL = 0x5a };

static uint64_t different;
static random_source source = {12};

static int64_t below(int64_t n) { return random_below(&source, n); }
static bool one_in(int64_t n) { return below(n) == 0; }

static void differs(const char *what, const char *where) {
  if (++different <= 20) fprintf(stderr, "%s: %s differs\n", where, what);
}

/* ---- accuracy ----------------------------------------------------------------------------------- */

typedef long double real;
static real softplus(real x) { return (x > 0 ? x : 0) + log1pl(expl(-fabsl(x))); }
static real sigmoid(real x) { return x >= 0 ? 1 / (1 + expl(-x)) : expl(x) / (1 + expl(x)); }

/* log m, m = (1 - t) sigmoid(x) + t sigmoid(-x), from the smaller side where that is 1 - m. */
static real true_log(real x, real t) {
  const real small = 1 / (1 + expl(fabsl(x))), rest = x >= 0 ? t : 1 - t, lack = rest + (1 - 2 * rest) * small;
  return lack < 0.5L ? log1pl(-lack) : logl((1 - rest) * (1 - small) + rest * small);
}

static real true_loss(const binary_options *o, real x, real t, real w, real r) {
  const real alpha = o->alpha != 0 ? (real)o->alpha * t + (1 - (real)o->alpha) * (1 - t) : 1;
  const real power = o->gamma == 0 ? 1 : expl((real)o->gamma * true_log(x, t));
  return w * alpha * (r * t * softplus(-x) + (1 - t) * softplus(x)) * power;
}
/* And the sum of the sizes of its terms. */
static real true_gradient(const binary_options *o, real x, real t, real w, real r, real *terms) {
  const real alpha = o->alpha != 0 ? (real)o->alpha * t + (1 - (real)o->alpha) * (1 - t) : 1;
  const real p = sigmoid(x), n = sigmoid(-x), m = (1 - t) * p + t * n;
  const real power = (o->gamma == 0 ? 1 : expl((real)o->gamma * true_log(x, t))) * w * alpha;
  const real b = r * t * softplus(-x) + (1 - t) * softplus(x), j = (real)o->gamma * (1 - 2 * t) * (p * n / m) * b;
  const real steep = (real)o->gamma * (p * n / m) * b; /* 1 - 2 t is right to the last digit of 1 */
  *terms = fabsl(power) * ((1 - t) * p + r * t * n + fabsl(steep)) * fabsl((real)o->scale);
  return power * ((1 - t) * p - r * t * n + j) * (real)o->scale;
}

typedef struct {
  real loss, gradient; /* relative; of the terms */
} worst;

static void raise_to(real *most, real value) {
  if (!(value <= *most)) *most = value;
}

/* The promises of conformance/bounds.md: for gamma > 0 with a term for the power, as the base of a power errs. */
typedef struct {
  const char *name;
  binary_options o;
  bool wide, soft, weights;
  double loss, gradient;
  double steep; /* what m errs by */
} promise;
static real of_promise(const promise *p, double base, real x, real t) {
  const real log_of_m = fabsl(true_log(x, t));
  return p->o.gamma == 0 ? (real)base : (real)base + (real)p->o.gamma * ((real)p->steep + 3.4e-16L * log_of_m);
}

/* Logits and targets whose powers of m are not 0: for large gamma m is almost 1. */
static void any_steep_element(double gamma, bool soft, double *x, double *t) {
  const double u = 700 * random_unit(&source) * random_unit(&source) * random_unit(&source) / gamma;
  const bool negative = one_in(2);
  const double size = u < 1 ? -log(u) : 4 * (double)random_normal(&source);
  *x = negative ? -size : size;
  *t = negative;
  if (!soft || one_in(4)) return;
  const double wrong = u < 1 ? u * random_unit(&source) : random_unit(&source);
  *t = negative ? 1 - wrong : wrong;
}

/* Elements of one kind in calls with the best instruction set; returns the worst errors relative to their bounds. */
static worst accuracy(const promise *kind_of, int64_t n) {
  const binary_options *o = &kind_of->o;
  const bool wide = kind_of->wide, soft = kind_of->soft, weights = kind_of->weights;
  enum { MOST = 1 << 16 };
  static double x[MOST], t[MOST], w[MOST], r[MOST], l[MOST], g[MOST];
  static float fx[MOST], ft[MOST], fw[MOST], fr[MOST], fl[MOST], fg[MOST];
  const int32_t type = wide ? XENT_F64 : XENT_F32;
  const xent_layout flat = layout_of(1, 1, 1, type);
  const xent_shape s = {.outer = n, .classes = 1, .inner = 1, .logits = flat, .targets = flat,
                        .element_weights = flat, .positive_weights = flat, .losses = flat, .gradient = flat};
  xent_options options = xent_default_options();
  options.focal_alpha = o->alpha;
  options.focal_gamma = o->gamma;
  options.gradient_scale = o->scale;
  for (int64_t i = 0; i < n; i++) {
    const int kind = (int)below(6);
    const double u = random_unit(&source);
    x[i] = kind == 0   ? 200 * u - 100
           : kind == 1 ? 2 * u - 1
           : kind == 2 ? 1e-5 * (u - 0.5)
                       : 8 * (double)random_normal(&source);
    if (wide && kind == 0) x[i] *= 7;
    t[i] = soft ? kind < 3 ? u : random_unit(&source) : one_in(2);
    if (o->gamma > 0 && one_in(2)) any_steep_element(o->gamma, soft, &x[i], &t[i]);
    w[i] = weights ? 0.01 + 5 * random_unit(&source) : 1;
    r[i] = weights ? 0.01 + 5 * random_unit(&source) : 1;
    fx[i] = (float)x[i], ft[i] = (float)t[i], fw[i] = (float)w[i], fr[i] = (float)r[i];
    if (!wide) x[i] = (double)fx[i], t[i] = (double)ft[i], w[i] = (double)fw[i], r[i] = (double)fr[i];
  }
  must(wide ? run_at(on_rows(XENT_FUNCTION_BINARY_CROSS_ENTROPY, &s, &options, 0, n, NULL), ARRAYS(x, t, l, g, w, r))
            : run_at(on_rows(XENT_FUNCTION_BINARY_CROSS_ENTROPY, &s, &options, 0, n, NULL),
                     ARRAYS(fx, ft, fl, fg, fw, fr)),
       "accuracy");
  worst found = {0, 0};
  const real least = wide ? (real)DBL_MIN : (real)FLT_MIN;
  for (int64_t i = 0; i < n; i++) {
    real terms;
    const real loss = true_loss(o, (real)x[i], (real)t[i], (real)w[i], (real)r[i]);
    const real gradient = true_gradient(o, (real)x[i], (real)t[i], (real)w[i], (real)r[i], &terms);
    if (o->gamma > 0 && (real)o->gamma * true_log((real)x[i], (real)t[i]) < -708) continue; /* no normal power */
    const real of_loss = of_promise(kind_of, kind_of->loss, (real)x[i], (real)t[i]);
    const real of_gradient = of_promise(kind_of, kind_of->gradient, (real)x[i], (real)t[i]);
    if (loss >= least) raise_to(&found.loss, fabsl((wide ? (real)l[i] : (real)fl[i]) - loss) / loss / of_loss);
    if (terms >= least)
      raise_to(&found.gradient, fabsl((wide ? (real)g[i] : (real)fg[i]) - gradient) / terms / of_gradient);
  }
  return found;
}

/* The share of the promise by which an element errs: of its loss, or of its gradient, whichever is more. */
static real share_of_element(const promise *p, double x, double t) {
  const xent_layout one = xent_per_class(1, 1, p->wide ? XENT_F64 : XENT_F32);
  xent_options options = xent_default_options();
  options.focal_gamma = p->o.gamma;
  float fx = (float)x, ft = (float)t, fl, fg;
  double l, g;
  if (!p->wide) x = (double)fx, t = (double)ft;
  const xent_binary_cross_entropy_call c = {.size = sizeof c, .sizes = xent_rows(1, 1), .options = &options,
                                            .logits = {p->wide ? (void *)&x : &fx, one},
                                            .targets = {p->wide ? (void *)&t : &ft, one},
                                            .losses = {p->wide ? (void *)&l : &fl, one},
                                            .gradient = {p->wide ? (void *)&g : &fg, one}};
  must(xent_binary_cross_entropy(&c), "a steep element");
  if (!p->wide) l = (double)fl, g = (double)fg;
  real terms, share = 0;
  const real loss = true_loss(&p->o, (real)x, (real)t, 1, 1);
  const real gradient = true_gradient(&p->o, (real)x, (real)t, 1, 1, &terms);
  const real least = p->wide ? (real)DBL_MIN : (real)FLT_MIN;
  if ((real)p->o.gamma * true_log((real)x, (real)t) < -708) return 0;
  if (loss >= least) raise_to(&share, fabsl((real)l - loss) / loss / of_promise(p, p->loss, (real)x, (real)t));
  if (terms >= least)
    raise_to(&share, fabsl((real)g - gradient) / terms / of_promise(p, p->gradient, (real)x, (real)t));
  return share;
}

/* Climbs to elements that err most, gamma by gamma up to the largest; and those that a promise without a term for the
 * rounding of m did not keep. */
static void check_steep_powers(int64_t times) {
  static const double known[][3] = {{10, 9.3, 0}, {30, 9.3, 0}, {100, 10.65, 0}, {1000, 10.654431997780785, 0},
                                    {1000, 0.8659180056628997, 0.3}, {1e6, 15.1, 0}, {0x1p32, 17, 0}, {0x1p32, 18, 0},
                                    {5, 10.654431997780785, 0}, {2, 1.1, 0}};
  static const double gammas[] = {0.25, 1, 2, 5, 10, 100, 1e3, 1e4, 1e6, 0x1p24, 0x1p32};
  for (int kind = 0; kind < 4; kind++) {
    const bool wide = kind & 1, soft = kind & 2;
    promise p = {.name = "steep", .wide = wide, .soft = soft, .loss = !wide ? 6.1e-8 : soft ? 1.7e-15 : 1e-15,
                 .gradient = !wide ? 6.1e-8 : soft ? 4.2e-15 : 2.6e-15, .steep = wide && !soft ? 5.2e-16 : 8.5e-16};
    real most = 0;
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
      if (!soft && known[i][2] != 0) continue;
      p.o = (binary_options){0, known[i][0], 1};
      raise_to(&most, share_of_element(&p, known[i][1], known[i][2]));
    }
    for (unsigned i = 0; i < sizeof gammas / sizeof *gammas; i++) {
      p.o = (binary_options){0, gammas[i], 1};
      for (int64_t start = 0; start < 10 * times; start++) {
        double x, t;
        any_steep_element(gammas[i], soft, &x, &t);
        real best = share_of_element(&p, x, t);
        for (int step = 0; step < 400; step++) {
          const double near_x = x * (1 + ldexp(2 * random_unit(&source) - 1, -2 - (int)below(50)));
          const double near = t * (1 + ldexp(2 * random_unit(&source) - 1, -2 - (int)below(50)));
          const double near_t = soft && one_in(2) ? near : t;
          if (near_t < 0 || near_t > 1) continue;
          const real share = share_of_element(&p, near_x, near_t);
          if (share > best) best = share, x = near_x, t = near_t;
        }
        raise_to(&most, best);
      }
    }
    printf("%s, %s, gamma to 2^32: %.2Lf of what is promised\n", wide ? "float64" : "float32",
           soft ? "soft targets" : "labels", most);
    if (!(most <= 1)) differs("an accuracy that was promised", wide ? "float64, any gamma" : "float32, any gamma");
  }
}

/* That the formula of the gradient is the derivative of the loss. */
static void check_derivative(void) {
  for (int i = 0; i < 20000; i++) {
    const binary_options o = {one_in(2) ? 0.25 : 0, one_in(3) ? 0 : 5 * random_unit(&source), 1};
    const real x = 12 * (real)random_unit(&source) - 6, t = one_in(3) ? (real)random_unit(&source) : one_in(2);
    const real h = 0x1p-16L, r = 0.5L + (real)random_unit(&source);
    real terms;
    const real exact = true_gradient(&o, x, t, 2, r, &terms);
    const real slope = (8 * (true_loss(&o, x + h, t, 2, r) - true_loss(&o, x - h, t, 2, r)) -
                        (true_loss(&o, x + 2 * h, t, 2, r) - true_loss(&o, x - 2 * h, t, 2, r))) / (12 * h);
    if (fabsl(slope - exact) > 1e-12L * terms + 1e-13L) differs("the derivative of the loss", "long double");
  }
}

/* ---- bad input ---------------------------------------------------------------------------------- */

#define CHECK(condition)                                               \
  do {                                                                 \
    if (!(condition)) differs(#condition, "bad input");                \
  } while (0)

static void check_refusals(void) {
  static float x[12], t[12], w[12], y[12];
  static uint8_t labels[12];
  const xent_layout full = xent_per_class(3, 1, XENT_F32);
  xent_shape s = {.outer = 4, .classes = 3, .inner = 1, .logits = full, .targets = full,
                  .element_weights = full, .positive_weights = full, .losses = full, .gradient = full};
  xent_options o = xent_default_options();
  xent_report r = {.size = sizeof r};
#define CALL(losses) run_at(on_rows(XENT_FUNCTION_BINARY_CROSS_ENTROPY, &s, &o, 0, 4, &r), ARRAYS(x, t, losses, y, w))
  CHECK(!CALL(NULL));
  const struct { double *option; double value; int32_t field; } foreign[] = {
      {&o.label_smoothing, 0.1, XENT_FIELD_LABEL_SMOOTHING}, {&o.temperature, 2, XENT_FIELD_TEMPERATURE},
      {&o.softcap, 30, XENT_FIELD_SOFTCAP}, {&o.z_loss, 1, XENT_FIELD_Z_LOSS},
      {&o.probability_clamp, 0.1, XENT_FIELD_PROBABILITY_CLAMP}};
  for (unsigned i = 0; i < sizeof foreign / sizeof *foreign; i++) {
    *foreign[i].option = foreign[i].value;
    CHECK(CALL(NULL) == XENT_UNSUPPORTED && r.field == foreign[i].field && r.value == foreign[i].value);
    *foreign[i].option = 0;
  }
  o.fully_masked = XENT_FULLY_MASKED_ZERO;
  CHECK(CALL(NULL) == XENT_UNSUPPORTED && r.field == XENT_FIELD_FULLY_MASKED);
  o = xent_default_options();
  const double gammas[] = {-1, NAN, INFINITY, 0x1.1p32}, alphas[] = {-0.5, 1.5, NAN};
  for (int i = 0; i < 4; i++) {
    o.focal_gamma = gammas[i];
    CHECK(CALL(NULL) == XENT_INVALID_OPTION && r.field == XENT_FIELD_FOCAL_GAMMA);
  }
  o.focal_gamma = 0;
  for (int i = 0; i < 3; i++) {
    o.focal_alpha = alphas[i];
    CHECK(CALL(NULL) == XENT_INVALID_OPTION && r.field == XENT_FIELD_FOCAL_ALPHA);
  }
  o.focal_alpha = 0;
  o.has_ignore_index = 1;
  CHECK(CALL(NULL) == XENT_INVALID_OPTION && r.field == XENT_FIELD_IGNORE_INDEX);
  o.has_ignore_index = 0;
  CHECK(CALL(t) == XENT_OVERLAP && r.field == XENT_FIELD_LOSSES);
  CHECK(CALL(w) == XENT_OVERLAP && r.field == XENT_FIELD_LOSSES);
  CHECK(CALL(y) == XENT_OVERLAP);
  s.element_weights.type = XENT_I32;
  CHECK(CALL(NULL) == XENT_UNSUPPORTED && r.field == XENT_FIELD_ELEMENT_WEIGHTS && r.integer == XENT_I32);
  s.element_weights = full;
  CHECK(run_at(on_rows(XENT_FUNCTION_BINARY_CROSS_ENTROPY, &s, &o, 0, 4, &r), ARRAYS(x, NULL, NULL, y, w)) ==
            XENT_INVALID_ARGUMENT &&
        r.field == XENT_FIELD_TARGETS);
  /* labels, before the first store */
  s.targets.type = XENT_U8;
  labels[4] = labels[7] = 2;
  memset(y, FILL, sizeof y);
  for (o.isa = next_tier(XENT_ISA_BEST); o.isa; o.isa = next_tier(o.isa)) {
    const xent_status status =
        run_at(on_rows(XENT_FUNCTION_BINARY_CROSS_ENTROPY, &s, &o, 0, 4, &r), ARRAYS(x, labels, NULL, y));
    CHECK(status == XENT_INVALID_LABEL && r.field == XENT_FIELD_TARGETS);
    CHECK(r.row == 1 && r.label == 2 && r.integer == 1);
    CHECK(((unsigned char *)y)[0] == FILL);
    CHECK(!run_at(on_rows(XENT_FUNCTION_BINARY_CROSS_ENTROPY, &s, &o, 0, 1, &r), ARRAYS(x, labels)) &&
          r.valid_rows == 3);
  }
  o.isa = XENT_ISA_BEST;
  o.has_ignore_index = 1;
  o.ignore_index = 2;
  CHECK(!run_at(on_rows(XENT_FUNCTION_BINARY_CROSS_ENTROPY, &s, &o, 0, 4, &r), ARRAYS(x, labels)) &&
        r.valid_rows == 10);
#undef CALL
}

int main(int count, char **arguments) {
  const int64_t times = count > 1 ? strtoll(arguments[1], NULL, 10) : 1;
  if (count > 2) source.state = strtoull(arguments[2], NULL, 10);
  check_refusals();
  check_derivative();
  static const promise promises[] = {
      {"float32, labels", {0, 0, 1}, false, false, false, 4e-7, 4.5e-7, 0},
      {"float32, weights and soft targets", {0, 0, 0.3}, false, true, true, 6e-7, 7.5e-7, 0},
      {"float32, alpha", {0.25, 0, 0.3}, false, true, true, 8.5e-7, 1e-6, 0},
      {"float32, focal", {0.25, 2, 1}, false, false, true, 6.1e-8, 6.1e-8, 8.5e-16},
      {"float64, labels", {0, 0, 1}, true, false, false, 1e-15, 1e-15, 0},
      {"float64, weights and soft targets", {0, 0, 0.3}, true, true, true, 1.5e-15, 1.5e-15, 0},
      {"float64, focal, soft targets", {0.25, 2, 1}, true, true, true, 1.7e-15, 4.2e-15, 8.5e-16},
      {"float64, focal, labels", {0, 2, 1}, true, false, false, 1e-15, 2.6e-15, 5.2e-16}};
  const int64_t blocks = LDBL_MANT_DIG > 64 ? 1 : 8; /* no processor has instructions for that many bits */
  for (unsigned i = 0; i < sizeof promises / sizeof *promises; i++) {
    worst found = {0, 0};
    for (int64_t k = 0; k < blocks * times; k++) {
      const worst w = accuracy(&promises[i], 1 << 16);
      raise_to(&found.loss, w.loss);
      raise_to(&found.gradient, w.gradient);
    }
    printf("%-35s loss %.2Le of %.1e, gradient %.2Le of %.1e\n", promises[i].name, found.loss * (real)promises[i].loss,
           promises[i].loss, found.gradient * (real)promises[i].gradient, promises[i].gradient);
    if (!(found.loss <= 1 && found.gradient <= 1)) differs("an accuracy that was promised", promises[i].name);
  }
  check_steep_powers(times);
  return different != 0;
}
