/* SPDX-License-Identifier: Apache-2.0 */
/* The second pass of a backward: dx = y (g - s), or dx = g - p s with p = e(y; 0) * 2^-30; times r of a temperature. */
#ifndef XENT_EMIT_BACKWARD_H
#define XENT_EMIT_BACKWARD_H

#include "kernels/emit/row.h"

/* A sum below this comes from finite y and g, and no g - s reaches infinity: no result is NaN. */
#define XENT_QUIET_SUMS 0x1p100f

/* v: y, or with log e(y; 0). */
XENT_INLINE lanes backward_lanes(lanes v, lanes g, lanes s, lanes r, const bool log, const bool hot) {
  const lanes dx = log ? lanes_fma(lanes_mul(v, lanes_set(-(float)XENT_UNSCALE)), s, g) : lanes_mul(v, lanes_sub(g, s));
  return hot ? lanes_mul(dx, r) : dx;
}

XENT_INLINE void put_quiet_pair(float *dx, lanes v[2], const bool finite, const bool stream) {
  if (!finite) quiet_pair(v);
  put(dx, v[0], stream);
  put(dx + XENT_LANES, v[1], stream);
}

/* Of exponentials of log-probabilities. */
XENT_INLINE exp_references references_of_backward(void) { return exp_everywhere(exp_reference_of(0.0f, &no_heat)); }

/* The first sixteen of n classes, or all n. */
XENT_INLINE void emit_backward_part(const float *y, const float *g, float *dx, int64_t n, lanes s, lanes r,
                                    const exp_references *of, const bool log, const bool hot) {
  lanes v[1] = {lanes_load_part(y, n, 0.0f)};
  if (log) exp_lanes(v, 1, of, false, &no_heat);
  lanes_store_part(dx, n, lanes_quiet(backward_lanes(v[0], lanes_load_part(g, n, 0.0f), s, r, log, hot)));
}

/* finite: no result is NaN. far: y and g are all that there is to wait for. */
XENT_INLINE void emit_backward_lanes(const float *y, const float *g, float *dx, int64_t n, float sum, float hi, const bool log,
                                     const bool hot, const bool finite, const bool far, const bool stream) {
  const exp_references of = references_of_backward();
  const lanes s = lanes_set(sum), r = lanes_set(hi);
  int64_t i = stream ? stream_head(dx, n) : 0;
  if (i > 0) emit_backward_part(y, g, dx, i, s, r, &of, log, hot);
  for (; i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
    lanes v[2];
    XENT_UNROLL(2)
    for (int k = 0; k < 2; k++) v[k] = load_from(y + i + k * XENT_LANES, far);
    if (log) exp_lanes(v, 2, &of, false, &no_heat);
    XENT_UNROLL(2)
    for (int k = 0; k < 2; k++) v[k] = backward_lanes(v[k], load_from(g + i + k * XENT_LANES, far), s, r, log, hot);
    put_quiet_pair(dx + i, v, finite, stream);
  }
  for (; i < n; i += XENT_LANES) emit_backward_part(y + i, g + i, dx + i, n - i, s, r, &of, log, hot);
}

/* Of 16-bit floats side by side, at least two vectors of them; the last two are computed first: dx may be y or g. A product
 * with 1 is exact. */
XENT_INLINE void backward_half_pair(const uint16_t *y, const uint16_t *g, int64_t i, lanes s, lanes r, const exp_references *of,
                                    const bool log, const int32_t type, lanes v[2]) {
  lanes w[2];
  take_pair(y, false, i, type, v);
  take_pair(g, false, i, type, w);
  if (log) exp_lanes(v, 2, of, false, &no_heat);
  XENT_UNROLL(2)
  for (int k = 0; k < 2; k++) v[k] = backward_lanes(v[k], w[k], s, r, log, true);
}
XENT_INLINE void put_quiet_half_pair(uint16_t *dx, lanes v[2], const int32_t type, const bool stream) {
  quiet_pair(v);
  put_pair(dx, 0, v, type, false, stream);
}
XENT_INLINE void emit_backward_halves(const uint16_t *y, const uint16_t *g, uint16_t *dx, int64_t n, float sum, float hi, const bool log,
                                      const int32_t type, bool stream) {
  const exp_references of = references_of_backward();
  const lanes s = lanes_set(sum), r = lanes_set(hi);
  const bool past = stream && (uintptr_t)dx % XENT_STREAM_ALIGNMENT == 0;
  lanes last[2], v[2];
  backward_half_pair(y, g, n - 2 * XENT_LANES, s, r, &of, log, type, last);
  for (int64_t i = 0; i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
    backward_half_pair(y, g, i, s, r, &of, log, type, v);
    put_quiet_half_pair(dx + i, v, type, past);
  }
  put_quiet_half_pair(dx + n - 2 * XENT_LANES, last, type, false);
}

XENT_SHARED void emit_backward(const float *y, const float *g, float *dx, int64_t n, float sum, float hi, bool log, bool stream) {
  if (stream) prefetch_pages(dx, n);
  if (stream && log) prefetch_pages(y, n); /* the first pass has read g alone */
  if (stream) /* memory is waited for: the product costs nothing */
    log ? emit_backward_lanes(y, g, dx, n, sum, hi, true, true, false, false, true)
        : emit_backward_lanes(y, g, dx, n, sum, hi, false, true, false, false, true);
  else if (hi != 1)
    log ? emit_backward_lanes(y, g, dx, n, sum, hi, true, true, false, false, false)
        : emit_backward_lanes(y, g, dx, n, sum, hi, false, true, false, false, false);
  else
    log ? emit_backward_lanes(y, g, dx, n, sum, hi, true, false, false, false, false)
        : emit_backward_lanes(y, g, dx, n, sum, hi, false, false, false, false, false);
}

#endif
