/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/binary.h"

#include <float.h>
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

void contract_binary(const binary_options *o, float x, float t, float w, float r, float *loss, float *gradient) {
  static const float C[9] = {-0x1.fffffep-2f, 0x1.55540cp-2f, -0x1.ffb95cp-3f, 0x1.969cb2p-3f, -0x1.448ee2p-3f,
                             0x1.d992bcp-4f,  -0x1.11708cp-4f, 0x1.9d455ap-6f, -0x1.24b298p-8f};
  if (o->gamma > 0) {
    double l, g;
    contract_binary_f64(o, (double)x, (double)t, (double)w, (double)r, &l, &g);
    *loss = quiet((float)l);
    *gradient = quiet((float)g);
    return;
  }
  const float alpha = o->alpha != 0 ? (float)o->alpha : 1, beta = o->alpha != 0 ? (float)(1 - o->alpha) : 1;
  const float rest = 1 - t, a = fabsf(x), W = w * fmaf(alpha, t, beta * rest), A = W * r * t, B = W * rest;
  const float E = contract_exp(-a, 0), u = E * 0x1p-30f, s = 1 / (1 + u), v = E * s;
  float p = C[8];
  for (int i = 7; i >= 0; i--) p = fmaf(p, u, C[i]);
  p = fmaf(p, u, 1);
  const float P = x < 0 ? A : B, Q = x < 0 ? B : A;
  const float slope = fmaf(-(Q * v), 0x1p-30f, P * s);
  *loss = fmaf((A + B) * (E * p), 0x1p-30f, P == 0 ? 0 : P * a);
  *gradient = (x < 0 ? -slope : slope) * (float)o->scale;
  *loss = w == 0 ? 0 : quiet(*loss);
  *gradient = w == 0 ? 0 : quiet(*gradient);
}

void contract_binary_f64(const binary_options *o, double x, double t, double w, double r, double *loss,
                         double *gradient) {
  const double alpha = o->alpha != 0 ? o->alpha : 1, beta = o->alpha != 0 ? 1 - o->alpha : 1;
  const double rest = 1 - t, a = fabs(x), W = w * fma(alpha, t, beta * rest), A = W * r * t, B = W * rest;
  const double u = f64_contract_exp(-a, 0) * 0x1p-192, s = 1 / (1 + u), v = u * s, l = f64_contract_log1p(u);
  const double P = x < 0 ? A : B, Q = x < 0 ? B : A;
  double b = fma(A + B, l, P == 0 ? 0 : P * a), g = fma(-Q, v, P * s);
  if (x < 0) g = -g;
  if (o->gamma > 0) {
    const double m = fma(x < 0 ? t : rest, s, (x < 0 ? rest : t) * v), h = s * v / m, j = o->gamma * (rest - t) * h;
    const double k = o->gamma * f64_contract_log(m), power = f64_contract_exp(k > 0 ? 0 : k, 0) * 0x1p-192;
    g = m < DBL_MIN ? 0 : power * fma(j, j == 0 ? 0 : b, g);
    b = m < DBL_MIN ? 0 : power * b;
  }
  *loss = w == 0 ? 0 : quiet_f64(b);
  *gradient = w == 0 ? 0 : quiet_f64(g * o->scale);
}
