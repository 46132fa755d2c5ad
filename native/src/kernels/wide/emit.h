/* SPDX-License-Identifier: Apache-2.0 */
/* The second pass over a row in float64 arithmetic, which writes a number per class. */
#ifndef XENT_WIDE_EMIT_H
#define XENT_WIDE_EMIT_H

#include "kernels/wide/results.h"

#define XENT_WIDE_TINY_SCALE 0x1p900
#define XENT_WIDE_TINY_UNSCALE 0x1p-900
#define XENT_WIDE_TINY_LIMIT 0x1p100 /* beyond, the target's part is carried alone */

/* y = e(x; N) / total */
XENT_SHARED void f64_emit_softmax(const double *x, double *y, int64_t n, double N, double total) {
  const f64_reference k = f64_reference_of(N);
  int64_t i = 0;
  for (; i + XENT_WIDE_BATCH * XENT_LANES <= n; i += XENT_WIDE_BATCH * XENT_LANES) {
    dlanes v[XENT_WIDE_BATCH];
    XENT_UNROLL(2)
    for (int j = 0; j < XENT_WIDE_BATCH; j++) v[j] = dlanes_load(x + i + j * XENT_LANES);
    f64_exp_lanes(v, XENT_WIDE_BATCH, k);
    XENT_UNROLL(2)
    for (int j = 0; j < XENT_WIDE_BATCH; j++) dlanes_store(y + i + j * XENT_LANES, dlanes_div(v[j], dlanes_set(total)));
  }
  for (; i < n; i += XENT_LANES) {
    dlanes v[1] = {dlanes_load_part(x + i, n - i, 0)};
    f64_exp_lanes(v, 1, k);
    dlanes_store_part(y + i, n - i, dlanes_div(v[0], dlanes_set(total)));
  }
}

/* y = (x - max) + minus_distance */
XENT_SHARED void f64_emit_log(const double *x, double *y, int64_t n, double max, double minus_distance) {
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    const dlanes v = dlanes_sub(dlanes_load_part(x + i, n - i, 0), dlanes_set(max));
    dlanes_store_part(y + i, n - i, dlanes_add(v, dlanes_set(minus_distance)));
  }
}

/* What a gradient multiplies e(x; N) with, 2^900 times as much where it is tiny. */
typedef struct {
  double factor, scale;
  bool tiny;
} f64_factor;

XENT_INLINE f64_factor f64_factor_of(double S, double scale, double pull) {
  const double h = scale * pull, G = XENT_UNSCALE / S * h;
  const bool tiny = h != 0 && fabs(G) < 0x1p-1022;
  return (f64_factor){tiny ? XENT_UNSCALE / S * XENT_WIDE_TINY_SCALE * h : G, scale, tiny};
}

/* y = e(x; N) * factor - scale * t; t NULL: no class has a target */
XENT_INLINE void f64_emit_lanes(const double *x, const double *t, double *y, int64_t n, double N, const f64_factor *f,
                                 const bool tiny) {
  const f64_reference k = f64_reference_of(N);
  const dlanes multiplier = dlanes_set(f->factor), minus_zero = dlanes_set(-0.0);
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    dlanes v[1] = {dlanes_load_part(x + i, n - i, 0)}, b = minus_zero;
    if (t) {
      const dlanes ts = dlanes_load_part(t + i, n - i, 0);
      b = dlanes_sub(minus_zero, dlanes_clear_where_zero(dlanes_scale(ts, f->scale), ts));
    }
    f64_exp_lanes(v, 1, k);
    dlanes out = dlanes_fma(v[0], multiplier, tiny ? dlanes_scale(b, XENT_WIDE_TINY_SCALE) : b);
    if (tiny)
      out = dlanes_where_at_most(dlanes_set(XENT_WIDE_TINY_LIMIT), dlanes_magnitude(b), b,
                                 dlanes_scale(out, XENT_WIDE_TINY_UNSCALE));
    dlanes_store_part(y + i, n - i, dlanes_quiet(out));
  }
}
XENT_SHARED void f64_emit_gradient(const double *x, const double *t, double *y, int64_t n, double N, const f64_factor *f) {
  if (f->tiny)
    f64_emit_lanes(x, t, y, n, N, f, true);
  else
    f64_emit_lanes(x, t, y, n, N, f, false);
}

/* softmax: dx = y (g - s); log-softmax: dx = g - p s, p = e(y; 0) 2^-30; divided by the temperature where there is one */
XENT_SHARED void f64_emit_backward(const double *y, const double *g, double *dx, int64_t n, double sum, bool log,
                                    double temperature) {
  const f64_reference k = f64_reference_of(0);
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    const dlanes gs = dlanes_load_part(g + i, n - i, 0);
    dlanes v[1] = {dlanes_load_part(y + i, n - i, 0)};
    if (log) f64_exp_lanes(v, 1, k);
    dlanes out = log ? dlanes_fma(dlanes_scale(v[0], -XENT_UNSCALE), dlanes_set(sum), gs)
                     : dlanes_mul(v[0], dlanes_sub(gs, dlanes_set(sum)));
    if (temperature != 0) out = dlanes_div(out, dlanes_set(temperature));
    dlanes_store_part(dx + i, n - i, dlanes_quiet(out));
  }
}

XENT_INLINE double f64_quiet(double v) { return v != v ? XENT_WIDE_NAN : v; }

/* dx = dx * slope, where there is a softcap */
XENT_INLINE void f64_bend(const f64_logits *in, double *dx, const double *slope, int64_t n) {
  if (in->softcap == 0) return;
  for (int64_t i = 0; i < n; i++) dx[i] = f64_quiet(dx[i] * slope[i]);
}

#endif
