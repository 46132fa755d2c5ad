/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/sigmoid.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "contract/contract.h"
#include "contract/f64.h"
#include "contract/fma.h"

static float quiet(float v) {
  const uint32_t u = 0x7fc00000u;
  if (v != v) memcpy(&v, &u, sizeof v);
  return v;
}
static double quiet_f64(double v) {
  const uint64_t u = 0x7ff8000000000000u;
  if (v != v) memcpy(&v, &u, sizeof v);
  return v;
}

/* E = 2^30 exp(-|x| / temperature), s = 1 / (1 + u) and v = E s, with u = E 2^-30. */
typedef struct {
  float E, u, s, v, r;
} parts;
static parts parts_of(float x, double temperature) {
  const contract_temperature t = contract_temperature_of(temperature);
  parts p = {.E = contract_exp_at(-fabsf(x), 0, &t), .r = t.hi};
  p.u = p.E * 0x1p-30f;
  p.s = 1 / (1 + p.u);
  p.v = p.E * p.s;
  return p;
}
typedef struct {
  double u, s, v, r;
} f64_parts;
static f64_parts f64_parts_of(double x, double temperature) {
  f64_parts p = {.u = f64_contract_exp_at(-fabs(x), 0, temperature) * 0x1p-192,
                 .r = temperature != 0 ? 1 / temperature : 1};
  p.s = 1 / (1 + p.u);
  p.v = p.u * p.s;
  return p;
}

float contract_sigmoid(float x, double temperature, bool log) {
  static const float C[9] = {-0x1.fffffep-2f, 0x1.55540cp-2f, -0x1.ffb95cp-3f, 0x1.969cb2p-3f, -0x1.448ee2p-3f,
                             0x1.d992bcp-4f,  -0x1.11708cp-4f, 0x1.9d455ap-6f, -0x1.24b298p-8f};
  const parts p = parts_of(x, temperature);
  if (!log) return quiet(x < 0 ? p.v * 0x1p-30f : p.s);
  float q = C[8];
  for (int i = 7; i >= 0; i--) q = fmaf(q, p.u, C[i]);
  return quiet(fmaf(-(p.E * fmaf(q, p.u, 1)), 0x1p-30f, x < 0 ? x * p.r : 0));
}

double contract_sigmoid_f64(double x, double temperature, bool log) {
  const f64_parts p = f64_parts_of(x, temperature);
  if (!log) return quiet_f64(x < 0 ? p.v : p.s);
  return quiet_f64((x < 0 ? x * p.r : 0) - f64_contract_log1p(p.u));
}

float contract_sigmoid_backward(float x, float dy, double temperature, bool log) {
  const parts p = parts_of(x, temperature);
  return quiet(dy * (!log ? p.v * p.s * 0x1p-30f : x < 0 ? p.s : p.v * 0x1p-30f) * p.r);
}

double contract_sigmoid_backward_f64(double x, double dy, double temperature, bool log) {
  const f64_parts p = f64_parts_of(x, temperature);
  return quiet_f64(dy * (!log ? p.v * p.s : x < 0 ? p.s : p.v) * p.r);
}
