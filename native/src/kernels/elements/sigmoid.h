/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sigmoid, log-sigmoid and their gradients (numerics.md, section 14), in float32 arithmetic, or in double if the logits
 * are double:
 *   for each box, for each piece of 512 elements: the result of x, and of a gradient dy, vector by vector
 * contract_sigmoid (native/test/contract/sigmoid.c) is the plain form.
 */
#ifndef XENT_ELEMENTS_SIGMOID_H
#define XENT_ELEMENTS_SIGMOID_H

#include "kernels/elements/walk.h"
#include "kernels/math/exponential.h"
#include "kernels/math/f64_exponential.h"
#include "kernels/math/f64_logarithm.h"

/* The vectors that go through each stage together, because one chain is longer than the scheduling window of a CPU. */
enum { XENT_SIGMOID_VECTORS = XENT_IN_FLIGHT / 2, XENT_LOG1P_COUNT = sizeof XENT_LOG1P / sizeof *XENT_LOG1P };

/* What sigmoids and softplus have in common, of the exponential u = exp(-|x|): e = 2^30 u; s = 1 / (1 + u), the larger
 * of sigmoid(x) and sigmoid(-x), while the other is u s; l = 2^30 log1p(u), which is the softplus without max(x, 0). So
 * nothing cancels. */
XENT_INLINE void sigmoid_parts(const lanes *x, lanes *e, lanes *s, lanes *l, const int count, const exp_references *r,
                               const f32_temperature *h) {
  const lanes minus = lanes_set(-0.0f), one = lanes_set(1), unscale = lanes_set((float)XENT_UNSCALE);
  lanes u[XENT_BATCH_MAX], p[XENT_BATCH_MAX];
  XENT_STAGE(e[j] = lanes_sub(minus, lanes_magnitude(x[j])));
  exp_lanes(e, count, r, false, h);
  XENT_STAGE(u[j] = lanes_mul(e[j], unscale));
  XENT_STAGE(s[j] = lanes_div(one, lanes_add(one, u[j])));
  XENT_STAGE(p[j] = lanes_set(XENT_LOG1P[XENT_LOG1P_COUNT - 1])); /* log1p(u) / u */
  XENT_UNROLL(16)
  for (int i = XENT_LOG1P_COUNT - 2; i >= 0; i--) XENT_STAGE(p[j] = lanes_fma(p[j], u[j], lanes_set(XENT_LOG1P[i])));
  XENT_STAGE(l[j] = lanes_mul(e[j], lanes_fma(p[j], u[j], one)));
}

/* The constants of a call in float, and in double. */
typedef struct {
  f32_temperature temperature;
  exp_references references;
  lanes reciprocal;
} sigmoid;
typedef struct {
  f64_reference reference;
  doubles reciprocal;
} f64_sigmoid;

XENT_INLINE sigmoid sigmoid_of(const xent_options *o) {
  const f32_temperature h = f32_temperature_of(o->temperature);
  return (sigmoid){h, exp_everywhere(exp_reference_of(0, &h)), lanes_set(h.hi)};
}
XENT_INLINE f64_sigmoid f64_sigmoid_of(const xent_options *o) {
  const f64_temperature h = f64_temperature_of(o->temperature);
  return (f64_sigmoid){f64_reference_of(doubles_set(0), h), doubles_set(h.high)};
}

/* Results of `count` vectors of logits x, and of gradients dy if backward. */
XENT_INLINE void sigmoid_step(const sigmoid *o, const lanes *x, const lanes *dy, lanes *y, const bool log,
                              const bool backward, const int count) {
  const lanes zero = lanes_set(0), minus = lanes_set(-0.0f), unscale = lanes_set((float)XENT_UNSCALE);
  lanes e[XENT_BATCH_MAX], s[XENT_BATCH_MAX], l[XENT_BATCH_MAX];
  sigmoid_parts(x, e, s, l, count, &o->references, &o->temperature);
  if (log && !backward) {
    XENT_STAGE({
      const lanes least = lanes_where_above(zero, x[j], lanes_mul(x[j], o->reciprocal), zero);
      y[j] = lanes_quiet(lanes_fma(lanes_sub(minus, l[j]), unscale, least));
    });
    return;
  }
  XENT_STAGE({
    const lanes v = lanes_mul(e[j], s[j]), small = lanes_mul(v, unscale);
    lanes r = !backward ? lanes_where_above(zero, x[j], small, s[j])
              : log     ? lanes_where_above(zero, x[j], s[j], small)
                        : lanes_mul(lanes_mul(v, s[j]), unscale);
    if (backward) r = lanes_mul(lanes_mul(dy[j], r), o->reciprocal);
    y[j] = lanes_quiet(r);
  });
}

XENT_INLINE doubles f64_sigmoid_step(const f64_sigmoid *o, doubles x, doubles dy, const bool log, const bool backward) {
  const doubles zero = doubles_set(0), one = doubles_set(1), minus = doubles_set(-0.0);
  const doubles a = doubles_sub(minus, doubles_magnitude(x));
  const doubles u = doubles_mul(f64_exp(a, &o->reference), doubles_set(0x1p-192));
  const doubles s = doubles_div(one, doubles_add(one, u)), small = doubles_mul(u, s);
  doubles r;
  if (log && !backward)
    r = doubles_sub(doubles_where_at_most(zero, x, zero, doubles_mul(x, o->reciprocal)), f64_log1p(u));
  else
    r = !backward ? doubles_where_at_most(zero, x, s, small)
        : log     ? doubles_where_at_most(zero, x, small, s)
                  : doubles_mul(small, s);
  if (backward) r = doubles_mul(doubles_mul(dy, r), o->reciprocal);
  return doubles_quiet(r);
}

/* ---- a piece ---- */

/* Elements [i, n), at most `count` vectors of them; whole: there are `count` whole vectors. */
XENT_INLINE void sigmoid_part(const sigmoid *o, const float *x, const float *dy, float *y, int64_t i, int64_t n,
                              const bool log, const bool backward, const bool whole, const int count) {
  lanes v[XENT_BATCH_MAX], d[XENT_BATCH_MAX], r[XENT_BATCH_MAX];
  XENT_STAGE(v[j] = whole ? lanes_load(x + i + j * XENT_LANES) : lanes_load_part(x + i, n - i, 0));
  if (backward) XENT_STAGE(d[j] = whole ? lanes_load(dy + i + j * XENT_LANES) : lanes_load_part(dy + i, n - i, 0));
  sigmoid_step(o, v, d, r, log, backward, count);
  XENT_STAGE(whole ? lanes_store(y + i + j * XENT_LANES, r[j]) : lanes_store_part(y + i, n - i, r[j]));
}
XENT_INLINE void sigmoid_piece_as(const sigmoid *o, const float *x, const float *dy, float *y, int64_t n,
                                  const bool log, const bool backward) {
  enum { AT_ONCE = XENT_SIGMOID_VECTORS * XENT_LANES };
  int64_t i = 0;
  for (; n - i >= AT_ONCE; i += AT_ONCE) sigmoid_part(o, x, dy, y, i, n, log, backward, true, XENT_SIGMOID_VECTORS);
  for (; i < n; i += XENT_LANES) sigmoid_part(o, x, dy, y, i, n, log, backward, false, 1);
}
XENT_SHARED void sigmoid_piece(const sigmoid *o, const float *x, const float *dy, float *y, int64_t n, bool log) {
  if (!dy && !log) sigmoid_piece_as(o, x, dy, y, n, false, false);
  else if (!dy) sigmoid_piece_as(o, x, dy, y, n, true, false);
  else if (!log) sigmoid_piece_as(o, x, dy, y, n, false, true);
  else sigmoid_piece_as(o, x, dy, y, n, true, true);
}
XENT_INLINE void f64_sigmoid_piece_as(const f64_sigmoid *o, const double *x, const double *dy, double *y, int64_t n,
                                      const bool log, const bool backward) {
  for (int64_t i = 0; i < n; i += XENT_DOUBLES) {
    const doubles d = backward ? doubles_load_part(dy + i, n - i, 0) : doubles_set(0);
    doubles_store_part(y + i, n - i, f64_sigmoid_step(o, doubles_load_part(x + i, n - i, 0), d, log, backward));
  }
}
XENT_SHARED void f64_sigmoid_piece(const f64_sigmoid *o, const double *x, const double *dy, double *y, int64_t n,
                                   bool log) {
  if (!dy && !log) f64_sigmoid_piece_as(o, x, dy, y, n, false, false);
  else if (!dy) f64_sigmoid_piece_as(o, x, dy, y, n, true, false);
  else if (!log) f64_sigmoid_piece_as(o, x, dy, y, n, false, true);
  else f64_sigmoid_piece_as(o, x, dy, y, n, true, true);
}

/* The logits, gradients and results of a box, piece by piece; a call with gradients dy is a backward. */
XENT_INLINE void sigmoid_rows(const xent_call *call, const bool wide) {
  const xent_shape *shape = call->shape;
  const sigmoid o = sigmoid_of(call->options);
  const f64_sigmoid exact = f64_sigmoid_of(call->options);
  element_buffer logits, upstream, results;
  element_box boxes[3];
  const int count = boxes_of_rows(call, boxes);
  for (int i = 0; i < count; i++) {
    const element_box *b = &boxes[i];
    const element_array x = element_array_of(b, call->logits, &shape->logits);
    const element_array y = element_array_of(b, call->output, call->output_layout);
    const element_array d = element_array_of(b, call->upstream, &shape->upstream);
    const int64_t elements = elements_of(b);
    for (int64_t k = 0; k < elements; k += XENT_ELEMENTS) {
      const int64_t n = f64_part(k, elements, XENT_ELEMENTS);
      const void *from = load_elements(b, &x, k, n, &logits, wide), *dy = NULL;
      if (call->upstream) dy = load_elements(b, &d, k, n, &upstream, wide);
      void *to = room_for_elements(&y, k, &results, wide);
      if (wide) f64_sigmoid_piece(&exact, from, dy, to, n, call->log);
      else sigmoid_piece(&o, from, dy, to, n, call->log);
      store_elements(b, &y, k, n, &results, wide);
    }
  }
}
XENT_SHARED void f32_sigmoid_rows(const xent_call *call) { sigmoid_rows(call, false); }
XENT_SHARED void f64_sigmoid_rows(const xent_call *call) { sigmoid_rows(call, true); }

XENT_KERNEL xent_status sigmoid_elements(const xent_call *call) {
  if (call->wide)
    f64_sigmoid_rows(call);
  else
    f32_sigmoid_rows(call);
  return XENT_OK;
}

#endif
