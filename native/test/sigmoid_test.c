/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sigmoid, log-sigmoid and their backwards, with every instruction set: floats of the whole range against the contract
 * program, then errors against long double.
 * Usage: sigmoid_test [STEP]   every STEP-th float; 1 is all of them, which takes minutes
 */
#include <float.h>
#include <inttypes.h>

#include "accuracy.h"
#include "calls.h"
#include "contract/sigmoid.h"
#include "rows.h"
#include "tiers.h"

enum { BLOCK = 4096 };

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
  const int64_t step = argc > 1 ? atoll(argv[1]) : 4099;
  check_floats((uint64_t)step);
  check_accuracy();
  printf("%" PRIu64 " results compared, %" PRIu64 " differ\n", compared, different);
  say_tiers();
  return different != 0;
}
