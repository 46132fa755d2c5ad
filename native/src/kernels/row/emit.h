/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second pass over one chunk: y = fma(e(x; N), f, b), which is a probability (b = -0: fma(e, f, -0) is
 * e * f bit for bit) or a gradient with smoothed targets (b = -c * q'). e is computed again, or was kept.
 * A factor below the normal floats is carried 2^96 times larger and the result scaled back.
 */
#ifndef XENT_EMIT_H
#define XENT_EMIT_H

#include "kernels/row/chunk.h"

typedef struct {
  float f, b;
  bool tiny; /* f and b carry 2^96 */
} factor;

#define XENT_TINY_SCALE 0x1p96
#define XENT_TINY_UNSCALE 0x1p-96f

/* f for G, and b for -c * share, where share is the target of every class that this factor is for. */
XENT_INLINE factor factor_of(double G, double c, double share) {
  const double size = fabs(G);
  const bool tiny = size > 0 && size < 0x1p-126;
  const double scale = tiny ? XENT_TINY_SCALE : 1.0;
  return (factor){.f = (float)(G * scale), .b = share == 0 ? -0.0f : -(float)(c * share * scale), .tiny = tiny};
}

/* How many floats lie before the first aligned store; at most n. */
XENT_INLINE int64_t stream_head(const float *y, int64_t n) {
  const int64_t head = (int64_t)(-(uintptr_t)y & (XENT_STREAM_ALIGNMENT - 1)) / (int64_t)sizeof *y;
  return head < n ? head : n;
}

/* A store waits until the page that it goes to is looked up, and a streamed one holds up all behind it. So
 * the pages of n floats are looked up a chunk ahead; y may end before that, as a prefetch may. */
XENT_INLINE void prefetch_pages(const float *y, int64_t n) {
  const uintptr_t ahead = (uintptr_t)y + XENT_PAGES_AHEAD * XENT_PAGE;
  for (int64_t i = 0; i < n; i += XENT_PAGE_FLOATS)
    __builtin_prefetch((const void *)(ahead + (uintptr_t)i * sizeof *y), 0, 0);
}

XENT_INLINE void put(float *y, lanes v, const bool stream) {
  if (stream)
    lanes_stream(y, v);
  else
    lanes_store(y, v);
}

XENT_INLINE lanes finish_lanes(lanes e, lanes f, lanes b, const bool tiny) {
  lanes y = lanes_fma(e, f, b);
  return tiny ? lanes_mul(y, lanes_set(XENT_TINY_UNSCALE)) : y;
}

/* e of x recomputed (kept = false) or x itself already e (kept = true). */
XENT_INLINE void emit(const float *x, float *y, int64_t n, exp_reference r, factor k, const bool kept,
                      const bool tiny, const bool stream) {
  const lanes f = lanes_set(k.f), b = lanes_set(k.b);
  int64_t i = stream ? stream_head(y, n) : 0;
  if (i > 0) {
    lanes head[1] = {lanes_load_part(x, i, 0.0f)};
    if (!kept) exp_lanes(head, 1, r);
    lanes_store_part(y, i, finish_lanes(head[0], f, b, tiny));
  }
  for (; i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
    lanes v[2] = {lanes_load(x + i), lanes_load(x + i + XENT_LANES)};
    if (!kept) exp_lanes(v, 2, r);
    XENT_UNROLL(2)
    for (int j = 0; j < 2; j++) put(y + i + j * XENT_LANES, finish_lanes(v[j], f, b, tiny), stream);
  }
  for (; i < n; i += XENT_LANES) {
    /* kept is ours and has room for whole vectors */
    lanes v[1] = {kept ? lanes_load(x + i) : lanes_load_part(x + i, n - i, 0.0f)};
    if (!kept) exp_lanes(v, 1, r);
    lanes_store_part(y + i, n - i, finish_lanes(v[0], f, b, tiny));
  }
}

XENT_SHARED void emit_exp(const float *x, float *y, int64_t n, float N, factor k, bool stream) {
  if (stream) prefetch_pages(y, n);
  const exp_reference r = exp_reference_of(N);
  if (k.tiny)
    emit(x, y, n, r, k, false, true, false);
  else if (stream)
    emit(x, y, n, r, k, false, false, true);
  else
    emit(x, y, n, r, k, false, false, false);
}

/* From the kept e of a row of one chunk. A group whose reference rose later is computed again from x. */
XENT_SHARED void emit_kept(const float *x, const float *kept, const float *kept_reference, float *y, int64_t n,
                           float N, factor k, bool stream) {
  const exp_reference r = exp_reference_of(N);
  stream = stream && n > XENT_EXACT_MAX; /* shorter rows lose more at their ends and labels than they gain */
  if (stream) prefetch_pages(y, n);
  for (int64_t i = 0, end; i < n; i = end) {
    const float reference = kept_reference[i / XENT_GROUP];
    end = i + XENT_GROUP;
    while (end < n && kept_reference[end / XENT_GROUP] == reference) end += XENT_GROUP;
    if (end > n) end = n;
    if (reference != N)
      emit_exp(x + i, y + i, end - i, N, k, false);
    else if (k.tiny)
      emit(kept + i, y + i, end - i, r, k, true, true, false);
    else if (stream)
      emit(kept + i, y + i, end - i, r, k, true, false, true);
    else
      emit(kept + i, y + i, end - i, r, k, true, false, false);
  }
}

XENT_INLINE lanes log_probability(lanes x, lanes max, lanes minus_distance) {
  return lanes_add(lanes_sub(x, max), minus_distance);
}

/* y = (x - max) + minus_distance: log-softmax */
XENT_INLINE void emit_log_lanes(const float *x, float *y, int64_t n, float max, float minus_distance,
                                const bool stream) {
  const lanes m = lanes_set(max), d = lanes_set(minus_distance);
  int64_t i = stream ? stream_head(y, n) : 0;
  if (i > 0) lanes_store_part(y, i, log_probability(lanes_load_part(x, i, 0.0f), m, d));
  for (; i + XENT_LANES <= n; i += XENT_LANES) put(y + i, log_probability(lanes_load(x + i), m, d), stream);
  if (i < n) lanes_store_part(y + i, n - i, log_probability(lanes_load_part(x + i, n - i, 0.0f), m, d));
}

XENT_SHARED void emit_log(const float *x, float *y, int64_t n, float max, float minus_distance, bool stream) {
  if (stream) prefetch_pages(y, n);
  if (stream)
    emit_log_lanes(x, y, n, max, minus_distance, true);
  else
    emit_log_lanes(x, y, n, max, minus_distance, false);
}

/* The gradient of a probability row: b = -c * q' differs from class to class. */
XENT_SHARED void emit_probabilities(const float *x, const float *q, float *y, int64_t n, float N, factor k,
                                    double c, smoothing s) {
  const exp_reference r = exp_reference_of(N);
  const lanes f = lanes_set(k.f);
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    lanes v[1] = {lanes_load_part(x + i, n - i, 0.0f)};
    const dlanes t = smoothed(lanes_load_part(q + i, n - i, 0.0f), s);
    const dlanes product = dlanes_clear_where_zero(dlanes_scale(t, c), t);
    const lanes b = lanes_sub(lanes_set(-0.0f), dlanes_narrow(product));
    exp_lanes(v, 1, r);
    lanes_store_part(y + i, n - i, lanes_quiet(lanes_fma(v[0], f, b)));
  }
}

/* The same where G * sum q' is below the normal floats: carried 2^96 times larger, class by class. Where
 * c * q' is 2^30 or more the exponential's part is too small to count, and the carried form would overflow. */
XENT_SHARED void emit_tiny_probabilities(const float *x, const float *q, float *y, int64_t n, float N, factor k,
                                         double c, smoothing s) {
  const exp_reference r = exp_reference_of(N);
  for (int64_t i = 0; i < n; i++) {
    const double t = s.add == 0 ? (double)q[i] : fma(s.keep, (double)q[i], s.add), product = c * t;
    const float b = t == 0 ? -0.0f : -(float)(product * XENT_TINY_SCALE);
    const float carried = fmaf(exp_one(x[i], r), k.f, b) * XENT_TINY_UNSCALE;
    const float out = fabs(product) >= 0x1p30 ? -(float)product : carried;
    y[i] = out != out ? XENT_NAN : out;
  }
}

XENT_INLINE lanes softmax_gradient_raw(lanes y, lanes g, lanes s) { return lanes_mul(y, lanes_sub(g, s)); }
XENT_INLINE lanes softmax_gradient(lanes y, lanes g, lanes s) {
  return lanes_quiet(softmax_gradient_raw(y, g, s));
}

/* e = e(y; 0) */
XENT_INLINE lanes log_softmax_gradient_raw(lanes e, lanes g, lanes s) {
  return lanes_fma(lanes_mul(e, lanes_set(-(float)XENT_UNSCALE)), s, g);
}
XENT_INLINE lanes log_softmax_gradient(lanes e, lanes g, lanes s) {
  return lanes_quiet(log_softmax_gradient_raw(e, g, s));
}

/* One compare for two vectors: a NaN is rare. */
XENT_INLINE void put_quiet_pair(float *dx, lanes v[2], const bool finite, const bool stream) {
  if (!finite && __builtin_expect(lanes_any_nan(v[0], v[1]), 0)) {
    v[0] = lanes_quiet(v[0]);
    v[1] = lanes_quiet(v[1]);
  }
  put(dx, v[0], stream);
  put(dx + XENT_LANES, v[1], stream);
}

/* The first sixteen of n classes, or all n. */
XENT_INLINE void emit_backward_part(const float *y, const float *g, float *dx, int64_t n, lanes s, const bool log,
                                    exp_reference r) {
  const lanes gs = lanes_load_part(g, n, 0.0f);
  lanes v[1] = {lanes_load_part(y, n, 0.0f)};
  if (log) exp_lanes(v, 1, r);
  lanes_store_part(dx, n, log ? log_softmax_gradient(v[0], gs, s) : softmax_gradient(v[0], gs, s));
}

/* softmax: dx = y * (g - s); log-softmax: dx = g - p * s, p = e(y; 0) * 2^-30. finite: no result is NaN.
 * far: y and g are all that there is to wait for */
XENT_INLINE void emit_backward_lanes(const float *y, const float *g, float *dx, int64_t n, float sum,
                                     const bool log, const bool finite, const bool far, const bool stream) {
  const exp_reference r = exp_reference_of(0.0f);
  const lanes s = lanes_set(sum);
  int64_t i = stream ? stream_head(dx, n) : 0;
  if (i > 0) emit_backward_part(y, g, dx, i, s, log, r);
  for (; i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
    lanes v[2];
    XENT_UNROLL(2)
    for (int k = 0; k < 2; k++) v[k] = load_from(y + i + k * XENT_LANES, far);
    if (log) exp_lanes(v, 2, r);
    XENT_UNROLL(2)
    for (int k = 0; k < 2; k++) {
      const lanes gs = load_from(g + i + k * XENT_LANES, far);
      v[k] = log ? log_softmax_gradient_raw(v[k], gs, s) : softmax_gradient_raw(v[k], gs, s);
    }
    put_quiet_pair(dx + i, v, finite, stream);
  }
  for (; i < n; i += XENT_LANES) emit_backward_part(y + i, g + i, dx + i, n - i, s, log, r);
}

XENT_SHARED void emit_backward(const float *y, const float *g, float *dx, int64_t n, float sum, bool log,
                               bool stream) {
  if (stream) prefetch_pages(dx, n);
  if (stream && log) prefetch_pages(y, n); /* the first pass has read g alone */
  if (log && stream)
    emit_backward_lanes(y, g, dx, n, sum, true, false, false, true);
  else if (log)
    emit_backward_lanes(y, g, dx, n, sum, true, false, false, false);
  else if (stream)
    emit_backward_lanes(y, g, dx, n, sum, false, false, false, true);
  else
    emit_backward_lanes(y, g, dx, n, sum, false, false, false, false);
}

/* Every NaN becomes the canonical one: for the rare row whose scale is not finite. */
XENT_INLINE void quiet_values(float *y, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (y[i] != y[i]) y[i] = XENT_NAN;
}

#endif
