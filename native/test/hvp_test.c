/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hessian-vector products of cross-entropy, with every instruction set: random mixtures of types, layouts, options,
 * weights and rows of every kind against contract/hvp.c, bit by bit, in both arithmetics; accuracy against long double;
 * invalid calls.
 * Usage: hvp_test [PROBLEMS] [SEED]
 */
#include "arrays.h"
#include "contract/hvp.h"
#include "tiers.h"

enum { MOST_ROWS = 70 };

static uint64_t compared, differing;
static char what_problem[200];
static random_source source;

static bool chance(double p) { return random_unit(&source) < p; }
static int64_t below(int64_t n) { return random_below(&source, n); }

typedef struct {
  xent_shape s;
  xent_options o;
  int64_t rows, n;
  bool wide, in_place;
  int64_t offsets[MOST_ROWS + 1];
  array logits, vector, mask, weights, sink, row_offsets, product;
} problem;

static int64_t row_at(const problem *p, const array *a, int64_t row) {
  return row / p->s.inner * a->layout.outer + row % p->s.inner * a->layout.inner;
}
static int64_t class_at(const problem *p, const array *a, int64_t row, int64_t k) {
  return (p->row_offsets.data ? p->offsets[row] * a->layout.classes : row_at(p, a, row)) + k * a->layout.classes;
}
static int64_t classes_of(const problem *p, int64_t row) {
  return p->row_offsets.data ? p->offsets[row + 1] - p->offsets[row] : p->n;
}

/* (outer, entries, inner) with the entries last, in the middle, or apart. */
static array array_of(const problem *p, int64_t entries, int32_t type) {
  const int64_t outer = p->s.outer, inner = p->s.inner, step = 1 + (chance(0.2) ? 1 : 0);
  xent_layout l = {.type = type};
  if (chance(0.5))
    l.classes = step, l.inner = entries * step, l.outer = l.inner * inner;
  else
    l.inner = step, l.classes = inner * step, l.outer = l.classes * entries;
  return new_array(l.outer * outer + 1, l);
}
static array class_array(const problem *p, int32_t type) {
  if (!p->row_offsets.data) return array_of(p, p->n, type);
  const int64_t step = 1 + (chance(0.2) ? 1 : 0);
  return new_array(p->offsets[p->rows] * step + 1, (xent_layout){.classes = step, .type = type});
}
static int32_t any_float(const problem *p) {
  static const int32_t narrow[] = {XENT_F32, XENT_F32, XENT_BF16, XENT_F16}, wide[] = {XENT_F64, XENT_F32};
  return p->wide ? wide[below(2)] : narrow[below(4)];
}

static void choose(problem *p) {
  static const int64_t counts[] = {1, 2, 17, 128, 300, 1024, 1025, 8192, 8193, 40000};
  static const double scales[] = {1, 0.25, -1.0 / 3, 1e-30, 1e-38, 3e-45, 1e-307, 1e30, -0.0};
  p->wide = chance(0.35);
  p->n = chance(0.75) ? 1 + below(90) : counts[below(10)];
  const int64_t most = p->n > 2000 ? 3 : chance(0.2) ? MOST_ROWS : 6;
  const bool ragged = chance(0.15);
  p->s = (xent_shape){.outer = 1 + below(most), .classes = p->n, .inner = 1};
  if (!ragged && chance(0.4)) p->s.inner = 1 + below(p->n > 2000 ? 3 : 40);
  if (p->s.inner > 1) p->s.outer = 1 + below(most / p->s.inner + 1);
  if (p->s.outer * p->s.inner > MOST_ROWS) p->s.outer = 1;
  p->rows = p->s.outer * p->s.inner;
  if (ragged) {
    p->offsets[0] = below(3);
    for (int64_t row = 0; row < p->rows; row++) p->offsets[row + 1] = p->offsets[row] + below(p->n + 1);
    p->row_offsets = new_array(p->rows + 1, (xent_layout){.type = chance(0.5) ? XENT_I32 : XENT_I64});
    for (int64_t row = 0; row <= p->rows; row++) set_number(&p->row_offsets, row, (double)p->offsets[row]);
  }
  p->o = xent_default_options();
  if (chance(0.3)) p->o.fully_masked = XENT_FULLY_MASKED_ZERO;
  if (chance(0.5)) p->o.gradient_scale = scales[below(9)];
  if (chance(0.4)) p->o.temperature = chance(0.3) ? 2 : pow(10, 3 * random_unit(&source) - 1);
}

static double any_weight(void) {
  static const double weights[] = {0, 1, 1, 1, 0.5, 3};
  return weights[below(6)];
}

static void fill_inputs(problem *p) {
  float *x = must_allocate(((size_t)p->n + 1) * sizeof *x);
  p->logits = class_array(p, p->wide ? XENT_F64 : any_float(p));
  p->vector = class_array(p, any_float(p));
  if (!p->row_offsets.data && chance(0.1)) p->vector.layout.classes = 0; /* a number per row */
  if (chance(0.3)) p->mask = class_array(p, XENT_U8);
  if (chance(0.4)) p->weights = array_of(p, 1, chance(0.4) ? XENT_U8 : any_float(p));
  if (chance(0.3)) p->sink = array_of(p, 1, any_float(p));
  for (int64_t row = 0; row < p->rows; row++) {
    const int64_t n = classes_of(p, row);
    if (n > 0) fill_row(x, n, chance(0.6) ? 0 : (int)below(ROW_KINDS), &source);
    for (int64_t k = 0; k < n; k++) {
      set_number(&p->logits, class_at(p, &p->logits, row, k),
                 (double)x[k] * (p->wide ? 1 + 1e-9 * random_unit(&source) : 1));
      set_number(&p->vector, class_at(p, &p->vector, row, k),
                 chance(0.001) ? (double)INFINITY : (double)random_normal(&source));
      if (p->mask.data) set_number(&p->mask, class_at(p, &p->mask, row, k), chance(0.7) ? 1 : 0);
    }
    const bool odd = p->weights.layout.type != XENT_U8 && chance(0.05);
    if (p->weights.data) set_number(&p->weights, row_at(p, &p->weights, row), odd ? (double)NAN : any_weight());
    if (p->sink.data)
      set_number(&p->sink, row_at(p, &p->sink, row),
                 chance(0.2) ? -(double)INFINITY : (double)random_normal(&source) * 4);
  }
  free(x);
  const int32_t type = p->wide ? XENT_F64 : XENT_F32;
  p->in_place = p->logits.layout.type == type && chance(0.5);
  const int64_t elements = (int64_t)(p->logits.bytes / size_of_type(p->logits.layout.type));
  p->product = p->in_place ? new_array(elements, p->logits.layout) : class_array(p, type);
  xent_shape *s = &p->s;
  s->logits = p->logits.layout, s->upstream = p->vector.layout, s->output = p->product.layout;
  s->class_mask = p->mask.layout, s->row_weights = p->weights.layout, s->sink = p->sink.layout;
  s->row_offsets = p->row_offsets.layout;
}

static double *expect_row(const problem *p, int64_t row) {
  const int64_t n = classes_of(p, row);
  const size_t room = (size_t)n + 1;
  double *x = must_allocate(room * 8 * 7), *product = must_allocate(room * 8);
  uint8_t *mask = must_allocate(room);
  for (int64_t k = 0; k < n; k++) {
    x[k] = get_number(&p->logits, class_at(p, &p->logits, row, k));
    x[room + (size_t)k] = get_number(&p->vector, class_at(p, &p->vector, row, k));
    mask[k] = !p->mask.data || get_number(&p->mask, class_at(p, &p->mask, row, k)) != 0;
  }
  const double sink = p->sink.data ? get_number(&p->sink, row_at(p, &p->sink, row)) : 0;
  const double weight = p->weights.data ? get_number(&p->weights, row_at(p, &p->weights, row)) : 1;
  const bool zero = p->o.fully_masked == XENT_FULLY_MASKED_ZERO, weighted = p->weights.data;
  if (p->wide) {
    const f64_problem in = {.classes = n, .x = x, .mask = p->mask.data ? mask : NULL, .has_sink = p->sink.data,
                            .sink = sink, .masked_zero = zero, .temperature = p->o.temperature,
                            .scale = scale_of(&p->o), .has_row_weight = weighted, .row_weight = weight};
    f64_answer out = {.softmax = x + 2 * room, .log_softmax = x + 3 * room, .gradient = x + 4 * room,
                      .target_gradient = x + 5 * room, .top_values = x + 6 * room};
    f64_contract_hvp(&in, x + room, &out, product);
  } else {
    float *f = must_allocate(room * 4 * 9);
    int64_t *top = must_allocate(room * 8);
    for (int64_t k = 0; k < n; k++) f[k] = (float)x[k], f[room + (size_t)k] = (float)x[room + (size_t)k];
    const general_input in = {.n = n, .logits = f, .mask = p->mask.data ? mask : NULL, .has_sink = p->sink.data,
                              .sink = (float)sink, .masked_is_zero = zero, .temperature = p->o.temperature,
                              .scale = scale_of(&p->o), .has_row_weight = weighted, .row_weight = weight};
    general_output out = {.softmax = f + 2 * room, .log_softmax = f + 3 * room, .gradient = f + 4 * room,
                          .target_gradient = f + 5 * room, .top_values = f + 6 * room, .scratch = f + 7 * room,
                          .top = top};
    contract_hvp(&in, f + room, &out, f + 8 * room);
    for (int64_t k = 0; k < n; k++) product[k] = (double)f[8 * room + (size_t)k];
    free(f), free(top);
  }
  free(x), free(mask);
  return product;
}

static void run(problem *p, double *const *expected) {
  memset(p->product.data, 0xa5, p->product.bytes);
  if (p->in_place) memcpy(p->product.data, p->logits.data, p->logits.bytes);
  const void *logits = p->in_place ? p->product.data : p->logits.data;
  const int64_t middle = below(p->rows + 1); /* callers may divide rows anywhere */
  for (int part = 0; part < 2; part++)
    must(
        run_at(on_rows(XENT_FUNCTION_CROSS_ENTROPY_HVP, &p->s, &p->o, part ? middle : 0, part ? p->rows : middle, NULL),
               ARRAYS(logits, p->vector.data, p->product.data, p->mask.data, p->weights.data, p->sink.data,
                      p->row_offsets.data)),
        "hvp");
  for (int64_t row = 0; row < p->rows; row++) {
    for (int64_t k = 0; k < classes_of(p, row); k++) {
      compared++;
      if (has_bits_of(&p->product, class_at(p, &p->product, row, k), expected[row][k])) continue;
      if (differing++ < 12)
        fprintf(stderr, "%s: row %lld, %lld: %a is not %a\n", what_problem, (long long)row, (long long)k,
                get_number(&p->product, class_at(p, &p->product, row, k)), expected[row][k]);
    }
  }
}

static void run_problem(uint64_t seed) {
  source.state = seed * 0x9E3779B97F4A7C15ull;
  problem p = {.rows = 0};
  double *expected[MOST_ROWS];
  choose(&p);
  fill_inputs(&p);
  for (int64_t row = 0; row < p.rows; row++) expected[row] = expect_row(&p, row);
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
    p.o.isa = isa;
    snprintf(what_problem, sizeof what_problem, "problem %llu, %s, %s, %lld rows of %lld classes",
             (unsigned long long)seed, xent_isa_name(isa), p.wide ? "float64" : "float32", (long long)p.rows,
             (long long)p.n);
    run(&p, expected);
  }
  for (int64_t row = 0; row < p.rows; row++) free(expected[row]);
  array *const all[] = {&p.logits, &p.vector, &p.mask, &p.weights, &p.sink, &p.row_offsets, &p.product};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free_array(all[i]);
}

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

int main(int argc, char **argv) {
  const long problems = argc > 1 ? strtol(argv[1], NULL, 10) : 1500;
  const uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  for (uint64_t seed = first; seed < first + (uint64_t)problems; seed++) run_problem(seed);
  measure();
  refuse();
  printf("%ld mixtures of options, %llu values compared, %llu differ\n", problems, (unsigned long long)compared,
         (unsigned long long)differing);
  return differing != 0;
}
