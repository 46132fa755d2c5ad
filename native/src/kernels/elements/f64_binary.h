/* SPDX-License-Identifier: Apache-2.0 */
/* Binary cross-entropy of logits in double, and its focal form (conformance/numerics.md, section 12);
 * contract_binary_f64 (native/test/contract/binary.c) is the plain form. */
#ifndef XENT_ELEMENTS_F64_BINARY_H
#define XENT_ELEMENTS_F64_BINARY_H

#include "kernels/math/f64_exponential.h"
#include "kernels/math/f64_logarithm.h"
#include "kernels/present.h"
#include "xent.h"

/* The constants of a call. */
typedef struct {
  f64_reference reference;
  doubles alpha, beta, gamma, scale; /* beta: for elements whose target is 0 */
  bool focal;
} f64_binary;

XENT_INLINE f64_binary f64_binary_of(const xent_options *o) {
  const bool alpha = o->focal_alpha != 0;
  return (f64_binary){.reference = f64_reference_of(doubles_set(0), f64_temperature_of(0)),
                      .alpha = doubles_set(alpha ? o->focal_alpha : 1),
                      .beta = doubles_set(alpha ? 1 - o->focal_alpha : 1),
                      .gamma = doubles_set(o->focal_gamma),
                      .scale = doubles_set(gradient_scale_of(o)),
                      .focal = o->focal_gamma > 0};
}

XENT_INLINE doubles f64_minus(doubles v) { return doubles_sub(doubles_set(-0.0), v); }

/* The power m^gamma for 2^-1022 <= m; an m above 1 counts as 1. */
XENT_INLINE doubles f64_focal_power(const f64_binary *o, doubles m) {
  const doubles zero = doubles_set(0), k = doubles_mul(o->gamma, f64_log(m));
  return doubles_mul(f64_exp(doubles_where_at_most(k, zero, k, zero), &o->reference), doubles_set(0x1p-192));
}

/* Losses and gradients of elements with logits x, targets t, weights w and positive weights r. */
XENT_INLINE void f64_binary_step(const f64_binary *o, doubles x, doubles t, doubles w, doubles r, doubles *loss,
                                 doubles *gradient) {
  const doubles zero = doubles_set(0), one = doubles_set(1), rest = doubles_sub(one, t), a = doubles_magnitude(x);
  const doubles W = doubles_mul(w, doubles_fma(o->alpha, t, doubles_mul(o->beta, rest)));
  const doubles A = doubles_mul(doubles_mul(W, r), t), B = doubles_mul(W, rest);
  const doubles u = doubles_mul(f64_exp(f64_minus(a), &o->reference), doubles_set(0x1p-192));
  const doubles l = f64_log1p(u), s = doubles_div(one, doubles_add(one, u)), v = doubles_mul(u, s);
  const doubles P = doubles_where_at_most(zero, x, B, A), Q = doubles_where_at_most(zero, x, A, B);
  const doubles k = doubles_clear_where_zero(doubles_mul(P, a), P);
  doubles b = doubles_fma(doubles_add(A, B), l, k), g = doubles_fma(f64_minus(Q), v, doubles_mul(P, s));
  g = doubles_where_at_most(zero, x, g, f64_minus(g));
  if (o->focal) {
    const doubles p = doubles_where_at_most(zero, x, rest, t), q = doubles_where_at_most(zero, x, t, rest);
    const doubles m = doubles_fma(p, s, doubles_mul(q, v)), h = doubles_div(doubles_mul(s, v), m);
    const doubles j = doubles_mul(doubles_mul(o->gamma, doubles_sub(rest, t)), h), power = f64_focal_power(o, m);
    const doubles least = doubles_set(DBL_MIN);
    g = doubles_mul(power, doubles_fma(j, doubles_clear_where_zero(b, j), g));
    b = doubles_mul(power, b);
    /* smaller values count as 0; NaN stays */
    g = doubles_where_at_most(least, m, g, doubles_where_at_most(m, least, zero, g));
    b = doubles_where_at_most(least, m, b, doubles_where_at_most(m, least, zero, b));
  }
  *loss = doubles_quiet(doubles_clear_where_zero(b, w));
  *gradient = doubles_quiet(doubles_clear_where_zero(doubles_mul(g, o->scale), w));
}

#endif
