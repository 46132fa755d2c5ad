/* SPDX-License-Identifier: Apache-2.0 */
/* Divergences: rejected options, the bounds of Jensen-Shannon and total variation, and accuracy against long double. */
#include "accuracy.h"
#include "contract/f64.h"
#include "small.h"
#include "tiers.h"

/* Options that a divergence does not use are rejected, not ignored. */
static void test_options_of_a_divergence(void) {
  static const struct {
    size_t at;
    int32_t field;
  } foreign[] = {{offsetof(xent_options, label_smoothing), XENT_FIELD_LABEL_SMOOTHING},
                 {offsetof(xent_options, softcap), XENT_FIELD_SOFTCAP},
                 {offsetof(xent_options, z_loss), XENT_FIELD_Z_LOSS},
                 {offsetof(xent_options, probability_clamp), XENT_FIELD_PROBABILITY_CLAMP},
                 {offsetof(xent_options, focal_gamma), XENT_FIELD_FOCAL_GAMMA},
                 {offsetof(xent_options, focal_alpha), XENT_FIELD_FOCAL_ALPHA}};
  for (size_t i = 0; i <= sizeof foreign / sizeof *foreign + 1; i++) {
    reset();
    shape.teacher = shape.logits;
    const double half = 0.5;
    const bool number = i < sizeof foreign / sizeof *foreign, others = !number && i % 2;
    if (number) memcpy((char *)&options + foreign[i].at, &half, sizeof half);
    if (others) options.smoothing = XENT_SMOOTHING_OTHERS;
    if (!number && !others) options.has_ignore_index = 1, options.ignore_index = -100;
    const double value = number ? half : others ? XENT_SMOOTHING_OTHERS : -100;
    CHECK(run_at(on_rows(XENT_FUNCTION_KL_DIVERGENCE, &shape, &options, 0, ROWS, &report), ARRAYS(x, x, NULL, y)) ==
          XENT_UNSUPPORTED);
    CHECK(report.value == value && untouched());
    CHECK(report.field == (number ? foreign[i].field : others ? XENT_FIELD_SMOOTHING : XENT_FIELD_IGNORE_INDEX));
  }
  reset();
  shape.teacher = shape.logits;
  options.temperature = 2;
  CHECK(!run_at(on_rows(XENT_FUNCTION_KL_DIVERGENCE, &shape, &options, 0, ROWS, &report), ARRAYS(x, x, NULL, y)));
}

static random_source source = {4};
static const int32_t functions[] = {[F64_KULLBACK_LEIBLER] = XENT_FUNCTION_KL_DIVERGENCE,
                                    [F64_JENSEN_SHANNON] = XENT_FUNCTION_JENSEN_SHANNON_DIVERGENCE,
                                    [F64_TOTAL_VARIATION] = XENT_FUNCTION_TOTAL_VARIATION};

static int64_t below(int64_t n) { return random_below(&source, n); }

/* Jensen-Shannon and total variation stay within their bounds, and are the same with the sides exchanged: to the last
 * bit, on sides that have no class in common, that are far apart, and that are all but the same. */
static void test_bounds(int32_t isa, int64_t i) {
  const int64_t n = 2 + below(i % 7 ? 60 : 3000), cut = 1 + below(n - 1), kind_of_row = i % 4;
  const double far = exp(6 * random_unit(&source)), most[] = {[F64_JENSEN_SHANNON] = 0x1.62e42fefa39efp-1,
                                                            [F64_TOTAL_VARIATION] = 1};
  double *logits = must_allocate((size_t)n * sizeof(double)), *teacher = must_allocate((size_t)n * sizeof(double));
  for (int64_t k = 0; k < n; k++) {
    logits[k] = (double)random_normal(&source), teacher[k] = (double)random_normal(&source);
    if (kind_of_row == 0) *(k < cut ? &logits[k] : &teacher[k]) = -INFINITY;
    if (kind_of_row == 1) logits[k] *= far, teacher[k] *= far;
    if (kind_of_row == 2) teacher[k] = logits[k] + ldexp(teacher[k], -(int)below(40));
  }
  xent_shape s = dense_shape_of(1, n, 1, XENT_I64);
  s.logits.type = s.losses.type = s.gradient.type = XENT_F64;
  s.teacher = s.logits;
  s.row_weights = s.losses;
  xent_options o = xent_default_options();
  o.isa = isa;
  o.temperature = i % 3 ? 0 : 0.5 + random_unit(&source);
  for (int kind = F64_JENSEN_SHANNON; kind <= F64_TOTAL_VARIATION; kind++) {
    double loss, exchanged, weighted;
    const double weight = random_unit(&source);
    must(run_at(on_rows(functions[kind], &s, &o, 0, 1, NULL), ARRAYS(logits, teacher, &loss)), "divergence");
    must(run_at(on_rows(functions[kind], &s, &o, 0, 1, NULL), ARRAYS(teacher, logits, &exchanged)),
         "divergence exchanged");
    must(run_at(on_rows(functions[kind], &s, &o, 0, 1, NULL), ARRAYS(logits, teacher, &weighted, NULL, NULL, &weight)),
         "divergence weighted");
    checks++;
    const bool within = loss >= 0 && loss <= most[kind] && weighted == weight * loss;
    if (within && !memcmp(&loss, &exchanged, sizeof loss)) continue;
    failures++;
    fprintf(stderr, "divergence %d of %s: %a, exchanged %a, at most %a\n", kind, xent_isa_name(isa), loss, exchanged,
            most[kind]);
  }
  free(logits), free(teacher);
}

static double worst_divergence, worst_shannon, worst_variation;

static void measure(int64_t n, double spread, double offset) {
  double *logits = must_allocate((size_t)n * sizeof(double)), *teacher = must_allocate((size_t)n * sizeof(double));
  for (int64_t k = 0; k < n; k++) {
    logits[k] = offset + spread * (double)random_normal(&source) * (1 + random_unit(&source) * 1e-9);
    teacher[k] = logits[k] + ldexp((double)random_normal(&source), -(int)below(20));
  }
  int64_t at;
  double max, top;
  const long double D = distance_of(logits, n, &max, &at);
  xent_shape s = dense_shape_of(1, n, 1, XENT_I64);
  s.logits.type = s.losses.type = XENT_F64;
  s.teacher = s.logits;
  const xent_options o = xent_default_options();
  double found[3];
  for (int kind = 0; kind < 3; kind++)
    must(run_at(on_rows(functions[kind], &s, &o, 0, 1, NULL), ARRAYS(logits, teacher, &found[kind])), "divergence");
  const long double of_teacher = distance_of(teacher, n, &top, &at) + (long double)top;
  const long double of_student = D + (long double)max;
  long double exact = 0, shannon = 0, variation = 0;
  for (int64_t k = 0; k < n; k++) {
    const long double v = ((long double)teacher[k] - (long double)logits[k]) - (of_teacher - of_student);
    const long double q = expl((long double)teacher[k] - of_teacher);
    long double term = v + expm1l(-v);
    if (fabsl(v) < 1e-3L) term = v * v * (0.5L - v / 6 + v * v / 24 - v * v * v / 120 + v * v * v * v / 720);
    exact += q * term;
    const long double half = v / 2, p = q + q * expm1l(-v);
    long double h = half * tanhl(half) - logl(coshl(half));
    const long double z = half * half;
    if (fabsl(half) < 1e-2L) h = z * (0.5L - z * (0.25L - z * (1 / 9.0L - z * 17 / 360)));
    if (fabsl(half) > 30) h = logl(2) - fabsl(v) * expl(-fabsl(v));
    shannon += (q + p) / 2 * h;
    variation += fabsl(q * expm1l(-v)) / 2;
  }
  const double divergence = found[F64_KULLBACK_LEIBLER];
  raise_to(&worst_shannon, fabsl((long double)found[F64_JENSEN_SHANNON] - shannon) / (shannon + 1e-16L));
  raise_to(&worst_variation, fabsl((long double)found[F64_TOTAL_VARIATION] - variation) / (variation + 0.1L));
  raise_to(&worst_divergence, fabsl((long double)divergence - exact) / (exact + 1e-16L));
  free(logits), free(teacher);
}

int main(void) {
  test_options_of_a_divergence();
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
    for (int64_t i = isa == XENT_ISA_SCALAR ? 1700 : 0 /* slow */; i < 2000; i++) test_bounds(isa, i);
  for (int64_t i = 0; i < 500; i++)
    measure(i % 50 == 49 ? 1 + below(30000) : 2 + below(i % 3 ? 300 : 8), exp(3 * (double)random_normal(&source)),
            i % 4 ? 0 : 1000 * random_unit(&source));
  printf("divergence: %.2e of (itself + 1e-16)\nJensen-Shannon: %.2e of the same\n"
         "total variation: %.2e of (itself + 0.1)\n", worst_divergence, worst_shannon, worst_variation);
  CHECK(worst_divergence <= 1e-14 && worst_shannon <= 1e-14 && worst_variation <= 1e-14);
  return all_checks();
}
