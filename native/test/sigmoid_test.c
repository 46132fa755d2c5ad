/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sigmoid, log-sigmoid and their backwards, with every instruction set, against the contract program: floats of the
 * whole range, then random mixtures of types, strides, temperatures, row ranges and results in place, in memory that
 * ends at a page without access. Then errors against long double.
 * Usage: sigmoid_test [STEP [N]]   every STEP-th float, 1 is all of them (minutes); N mixtures
 */
#include "pages.h"

#include <float.h>
#include <inttypes.h>

#include "accuracy.h"
#include "calls.h"
#include "contract/sigmoid.h"
#include "numerics/halves.h"
#include "rows.h"
#include "tiers.h"

enum { LOGITS, UPSTREAM, RESULT, ARRAYS_OF_CALL, FILL = 0x5a, BLOCK = 4096 };

static uint64_t compared, different;
static random_source source = {14};

static int64_t below(int64_t n) { return random_below(&source, n); }
static bool one_in(int64_t n) { return below(n) == 0; }
static void differs(const char *what, const char *where) {
  if (++different <= 20) fprintf(stderr, "%s: %s differs\n", where, what);
}

/* ---- a call ---- */

typedef struct {
  bool log, backward;
  double promised[2]; /* relative errors in float32 and float64: conformance/bounds.md */
} kind;
static const kind kinds[4] = {{false, false, {3e-7, 6e-16}}, {true, false, {3.4e-7, 6e-16}},
                              {false, true, {5.4e-7, 1e-15}}, {true, true, {3.6e-7, 7e-16}}};
static const char *name_of(kind k) {
  return k.backward ? (k.log ? "log-sigmoid backward" : "sigmoid backward") : k.log ? "log-sigmoid" : "sigmoid";
}

static xent_status call_of(kind k, xent_sizes sizes, const xent_options *o, const xent_range *rows,
                           xent_report *report, xent_input logits, xent_input upstream, xent_output result) {
  if (k.backward) {
    const xent_sigmoid_backward_call c = {.size = sizeof c, .sizes = sizes, .rows = rows, .options = o,
                                          .report = report, .logits = logits, .upstream = upstream,
                                          .gradient = result};
    return k.log ? xent_log_sigmoid_backward(&c) : xent_sigmoid_backward(&c);
  }
  const xent_sigmoid_call c = {.size = sizeof c, .sizes = sizes, .rows = rows, .options = o, .report = report,
                               .logits = logits, .output = result};
  return k.log ? xent_log_sigmoid(&c) : xent_sigmoid(&c);
}

/* The result of an element in the arithmetic of a call, as a double. */
static double expected(kind k, bool wide, double x, double dy, double temperature) {
  if (wide)
    return k.backward ? contract_sigmoid_backward_f64(x, dy, temperature, k.log)
                      : contract_sigmoid_f64(x, temperature, k.log);
  return (double)(k.backward ? contract_sigmoid_backward((float)x, (float)dy, temperature, k.log)
                             : contract_sigmoid((float)x, temperature, k.log));
}

/* ---- all floats ---- */

static void check_floats(uint64_t step) {
  static float x[BLOCK], dy[BLOCK], y[BLOCK];
  const xent_layout floats = xent_per_class(BLOCK, 1, XENT_F32);
  static const double temperatures[] = {0, 0x1p-32, 0.7, 1.5, 0x1p32};
  for (unsigned h = 0; h < sizeof temperatures / sizeof *temperatures; h++)
    for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += step * BLOCK * (h ? 64 : 1)) {
      for (uint64_t i = 0; i < BLOCK; i++) {
        x[i] = float_of((uint32_t)(bits + i * step * (h ? 64 : 1)));
        dy[i] = random_normal(&source);
      }
      xent_options o = xent_default_options();
      o.temperature = temperatures[h];
      for (o.isa = next_tier(XENT_ISA_BEST); o.isa; o.isa = next_tier(o.isa))
        for (int k = 0; k < 4; k++) {
          must(call_of(kinds[k], xent_rows(1, BLOCK), &o, NULL, NULL, (xent_input){x, floats},
                       (xent_input){dy, floats}, (xent_output){y, floats}),
               name_of(kinds[k]));
          for (int i = 0; i < BLOCK; i++) {
            const float want = (float)expected(kinds[k], false, (double)x[i], (double)dy[i], o.temperature);
            if (memcmp(&y[i], &want, sizeof want)) differs(name_of(kinds[k]), xent_isa_name(o.isa));
          }
          compared += BLOCK;
        }
    }
}

/* ---- mixtures ---- */

static int64_t size_of(int32_t type) { return type == XENT_F64 ? 8 : type == XENT_F32 ? 4 : 2; }
static double get(const void *array, int32_t type, int64_t at) {
  switch (type) {
    case XENT_F16: return (double)widen_f16(((const uint16_t *)array)[at]);
    case XENT_BF16: return (double)widen_bf16(((const uint16_t *)array)[at]);
    case XENT_F32: return (double)((const float *)array)[at];
    default: return ((const double *)array)[at];
  }
}
static void set(void *array, int32_t type, int64_t at, double v) {
  const float f = (float)v;
  switch (type) {
    case XENT_F16: ((uint16_t *)array)[at] = narrow_f16(f); break;
    case XENT_BF16: ((uint16_t *)array)[at] = narrow_bf16(f); break;
    case XENT_F32: ((float *)array)[at] = f; break;
    default: ((double *)array)[at] = v;
  }
}

static double any_logit(void) {
  static const double odd[] = {0, -0.0, 1e-45, -1e-30, 87.3, -88, 103.9, -104, 745, -746, 1e30, -1e30,
                               (double)INFINITY, -(double)INFINITY, (double)NAN};
  const int64_t which = below(8);
  if (which == 0) return odd[below((int64_t)(sizeof odd / sizeof *odd))];
  return (which < 3 ? 60 : which < 4 ? 1e-5 : 4) * (double)random_normal(&source);
}

typedef struct {
  xent_layout layout;
  unsigned char *mapped, *memory;
  size_t room, bytes;
} memory_of_array;

static memory_of_array array_of(xent_sizes s, int32_t type, bool input) {
  static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  const int64_t extent[3] = {s.outer, s.classes, s.inner};
  const int *order = orders[one_in(2) ? 0 : below(6)];
  int64_t stride[3], next = one_in(4) ? 2 : 1;
  for (int k = 2; k >= 0; k--) {
    stride[order[k]] = next;
    next = next * extent[order[k]] + (one_in(4) ? below(5) : 0);
    if (input && one_in(9)) stride[order[k]] = 0;
  }
  const int64_t last = (s.outer - 1) * stride[0] + (s.classes - 1) * stride[1] + (s.inner - 1) * stride[2];
  const size_t page = page_size(), bytes = (size_t)((last + 1) * size_of(type));
  memory_of_array a = {.layout = layout_of(stride[0], stride[1], stride[2], type), .bytes = bytes,
                       .room = (bytes + page - 1) / page * page};
  a.mapped = closed_pages(a.room + page);
  open_pages(a.mapped, a.room);
  a.memory = a.mapped + a.room - bytes;
  memset(a.memory, FILL, bytes);
  return a;
}
static int64_t place(const xent_layout *l, int64_t outer, int64_t class, int64_t inner) {
  return outer * l->outer + class * l->classes + inner * l->inner;
}

static void run_mixture(void) {
  static const int32_t types[4] = {XENT_F32, XENT_F16, XENT_BF16, XENT_F64};
  const kind k = kinds[below(4)];
  const bool wide = one_in(3);
  const xent_sizes s = {1 + below(6), 1 + below(one_in(4) ? 1500 : 20), one_in(2) ? 1 : 1 + below(5)};
  const int64_t rows = s.outer * s.inner, begin = one_in(2) ? 0 : below(rows + 1);
  const xent_range range = {begin, one_in(2) ? rows : begin + below(rows - begin + 1)};
  const int32_t other = wide ? (one_in(2) ? XENT_F64 : XENT_F32) : types[below(3)];
  memory_of_array a[ARRAYS_OF_CALL] = {array_of(s, wide ? XENT_F64 : types[below(3)], true), array_of(s, other, true),
                                       array_of(s, other, false)};
  xent_options o = xent_default_options();
  o.temperature = one_in(2) ? 0 : ldexp(1 + random_unit(&source), one_in(8) ? (int)below(64) - 32 : (int)below(5) - 2);
  for (int n = LOGITS; n <= UPSTREAM; n++)
    for (int64_t i = 0; i < (int64_t)a[n].bytes / size_of(a[n].layout.type); i++)
      set(a[n].memory, a[n].layout.type, i, any_logit());
  unsigned char *want = malloc(a[RESULT].bytes);
  memset(want, FILL, a[RESULT].bytes);
  for (int64_t row = range.begin; row < range.end; row++)
    for (int64_t class = 0; class < s.classes; class++) {
      double v[2];
      for (int n = LOGITS; n <= UPSTREAM; n++)
        v[n] = get(a[n].memory, a[n].layout.type, place(&a[n].layout, row / s.inner, class, row % s.inner));
      set(want, a[RESULT].layout.type, place(&a[RESULT].layout, row / s.inner, class, row % s.inner),
          expected(k, wide, v[LOGITS], v[UPSTREAM], o.temperature));
    }
  for (o.isa = next_tier(XENT_ISA_BEST); o.isa; o.isa = next_tier(o.isa)) {
    xent_report report = {.size = sizeof report};
    memset(a[RESULT].memory, FILL, a[RESULT].bytes);
    must(call_of(k, s, &o, &range, &report, (xent_input){a[LOGITS].memory, a[LOGITS].layout},
                 (xent_input){a[UPSTREAM].memory, a[UPSTREAM].layout},
                 (xent_output){a[RESULT].memory, a[RESULT].layout}),
         name_of(k));
    if (memcmp(a[RESULT].memory, want, a[RESULT].bytes)) differs(name_of(k), xent_isa_name(o.isa));
    compared += (uint64_t)((range.end - range.begin) * s.classes);
  }
  free(want);
  for (int n = 0; n < ARRAYS_OF_CALL; n++) release_pages(a[n].mapped, a[n].room + page_size());
}

/* The result over the logits, and over the gradient of the result. */
static void check_in_place(void) {
  enum { N = 700 };
  static float x[N], dy[N], y[N], over[N];
  const xent_layout floats = xent_per_class(N, 1, XENT_F32);
  for (int i = 0; i < N; i++) x[i] = (float)any_logit(), dy[i] = random_normal(&source);
  for (int k = 0; k < 4; k++)
    for (int which = 0; which < 1 + kinds[k].backward; which++) {
      const xent_input logits = {which ? x : over, floats}, upstream = {which ? over : dy, floats};
      memcpy(over, which ? dy : x, sizeof over);
      must(call_of(kinds[k], xent_rows(1, N), NULL, NULL, NULL, (xent_input){x, floats}, (xent_input){dy, floats},
                   (xent_output){y, floats}),
           "apart");
      must(call_of(kinds[k], xent_rows(1, N), NULL, NULL, NULL, logits, upstream, (xent_output){over, floats}),
           "in place");
      if (memcmp(over, y, sizeof y)) differs("in place", name_of(kinds[k]));
    }
}

/* ---- accuracy: the promises of conformance/bounds.md ---- */

typedef long double real;
static real true_value(kind k, real x, real dy) {
  const real u = expl(-fabsl(x)), large = 1 / (1 + u), small = u / (1 + u);
  if (!k.backward) return !k.log ? (x < 0 ? small : large) : (x < 0 ? x : 0) - log1pl(u);
  return dy * (!k.log ? small * large : x < 0 ? large : small);
}

static void check_accuracy(void) {
  enum { N = 1 << 16 };
  static float x[N], dy[N], y[N];
  static double wx[N], wdy[N], wy[N];
  for (int i = 0; i < N; i++) {
    wx[i] = (one_in(3) ? 100 : one_in(2) ? 1e-3 : 6) * (double)random_normal(&source);
    x[i] = (float)wx[i], wdy[i] = dy[i] = random_normal(&source);
  }
  for (int k = 0; k < 4; k++)
    for (int wide = 0; wide < 2; wide++) {
      const xent_layout l = xent_per_class(N, 1, wide ? XENT_F64 : XENT_F32);
      must(call_of(kinds[k], xent_rows(1, N), NULL, NULL, NULL, (xent_input){wide ? (void *)wx : x, l},
                   (xent_input){wide ? (void *)wdy : dy, l}, (xent_output){wide ? (void *)wy : y, l}),
           "accuracy");
      const double promised = kinds[k].promised[wide];
      double worst = 0;
      for (int i = 0; i < N; i++) {
        const real want = true_value(kinds[k], wide ? (real)wx[i] : (real)x[i], wide ? (real)wdy[i] : (real)dy[i]);
        if (fabsl(want) < (wide ? (real)DBL_MIN : (real)FLT_MIN)) continue;
        raise_to(&worst, fabsl((wide ? (real)wy[i] : (real)y[i]) - want) / fabsl(want));
      }
      printf("%s, %s: largest relative error %.3g, promised %.3g\n", name_of(kinds[k]), wide ? "f64" : "f32", worst,
             promised);
      if (!(worst <= promised)) differs("the accuracy", name_of(kinds[k]));
    }
}

int main(int argc, char **argv) {
  const int64_t step = argc > 1 ? atoll(argv[1]) : 4099, mixtures = argc > 2 ? atoll(argv[2]) : 3000;
  check_floats((uint64_t)step);
  for (int64_t i = 0; i < mixtures; i++) run_mixture();
  check_in_place();
  check_accuracy();
  printf("%" PRIu64 " results compared, %" PRIu64 " differ\n", compared, different);
  say_tiers();
  return different != 0;
}
