/* SPDX-License-Identifier: Apache-2.0 */
/* The second pass of a backward: dx = y (g - s), or dx = g - p s with p = e(y; 0) * 2^-30; times r of a temperature. */
#ifndef XENT_EMIT_BACKWARD_H
#define XENT_EMIT_BACKWARD_H

#include "kernels/stages/emit/emit.h"

/* If a sum is below this, y and g are finite, and no g - s overflows: no result is NaN. */
#define XENT_QUIET_SUMS 0x1p100f

/* v: y, or with log e(y; 0). hot: r may differ from 1; a product with 1 is exact. */
XENT_INLINE lanes backward_lanes(lanes v, lanes g, lanes s, lanes r, const bool log, const bool hot) {
  const lanes dx = log ? lanes_fma(lanes_mul(v, lanes_set(-(float)XENT_UNSCALE)), s, g) : lanes_mul(v, lanes_sub(g, s));
  return hot ? lanes_mul(dx, r) : dx;
}

/* The references for exponentials of log-probabilities. */
XENT_INLINE exp_references references_of_backward(void) {
  return exp_everywhere(exp_reference_of(0.0f, &temperature_1));
}

/* The constants of a row. */
typedef struct {
  exp_references of;
  lanes s, r;
} backward_factors;

/* Kinds of a backward: log-softmax; the bare formula, where r is 1 and no result of a softmax is NaN. */
enum { XENT_OF_LOG = 1, XENT_PLAIN = 2 };

XENT_INLINE void backward_pair(const backward_factors *f, const void *y, const void *g, const uint8_t *mask, int64_t i,
                               const int32_t type, const int how, lanes v[2]) {
  const bool log = how & XENT_OF_LOG, hot = !(how & XENT_PLAIN);
  lanes w[2];
  take_pair(y, mask, i, type, v);
  take_pair(g, mask, i, type, w);
  if (log) exp_lanes(v, 2, &f->of, false, &temperature_1);
  XENT_UNROLL(2)
  for (int k = 0; k < 2; k++) v[k] = backward_lanes(v[k], w[k], f->s, f->r, log, hot);
  if (log || hot) quiet_pair(v);
  XENT_UNROLL(2)
  for (int k = 0; mask && k < 2; k++) v[k] = lanes_where_set(mask + i + k * XENT_LANES, v[k], lanes_set(0.0f));
}

/* The few floats [i, n). */
XENT_INLINE void emit_backward_few(const backward_factors *f, const float *y, const float *g, const uint8_t *mask,
                                   float *dx, int64_t i, int64_t n, const bool log) {
  for (; i < n; i += XENT_LANES) {
    lanes v[1] = {lanes_load_part(y + i, n - i, 0.0f)};
    if (log) exp_lanes(v, 1, &f->of, false, &temperature_1);
    v[0] = lanes_quiet(backward_lanes(v[0], lanes_load_part(g + i, n - i, 0.0f), f->s, f->r, log, true));
    lanes_store_part(dx + i, n - i, mask ? where_counted(mask + i, 1, n - i, v[0], 0.0f) : v[0]);
  }
}

/* Writes n numbers of a type. Of 16-bit floats there are at least two vectors, and the last two are computed first,
 * because dx may be y or g. Masked numbers are +0. */
XENT_INLINE void emit_backward_as(const void *y, const void *g, const uint8_t *mask, void *dx, int64_t n, float sum,
                                  float hi, const int32_t type, const int how, const bool stream) {
  const backward_factors f = {references_of_backward(), lanes_set(sum), lanes_set(hi)};
  const bool floats = type == XENT_F32, log = how & XENT_OF_LOG;
  const bool past = stream && (floats || (uintptr_t)dx % XENT_STREAM_ALIGNMENT == 0);
  const int64_t pair = 2 * XENT_LANES;
  lanes last[2], v[2];
  int64_t i = floats && stream ? stream_head(dx, n) : 0;
  if (i > 0) emit_backward_few(&f, y, g, mask, dx, 0, i, log);
  if (!floats) backward_pair(&f, y, g, mask, n - pair, type, how, last);
  for (; i + pair <= n; i += pair) {
    backward_pair(&f, y, g, mask, i, type, how, v);
    put_pair(dx, i, v, type, mask, past);
  }
  if (floats)
    emit_backward_few(&f, y, g, mask, dx, i, n, log);
  else
    put_pair(dx, n - pair, last, type, mask, false);
}

/* The second pass of floats. It prefetches pages a chunk ahead. */
XENT_SHARED void emit_backward(const float *y, const float *g, float *dx, int64_t n, float sum, float hi, bool log,
                               bool stream) {
  for (int64_t i = 0, m; i < n; i += m, y += m, g += m, dx += m) {
    m = chunk_length(i, n);
    if (stream) prefetch_pages(dx, m);
    if (stream && log) prefetch_pages(y, m); /* the first pass has read only g */
    if (log && stream)
      emit_backward_as(y, g, NULL, dx, m, sum, hi, XENT_F32, XENT_OF_LOG, true);
    else if (stream)
      emit_backward_as(y, g, NULL, dx, m, sum, hi, XENT_F32, 0, true);
    else if (log && hi == 1)
      emit_backward_as(y, g, NULL, dx, m, sum, hi, XENT_F32, XENT_OF_LOG | XENT_PLAIN, false);
    else if (log)
      emit_backward_as(y, g, NULL, dx, m, sum, hi, XENT_F32, XENT_OF_LOG, false);
    else
      emit_backward_as(y, g, NULL, dx, m, sum, hi, XENT_F32, 0, false);
  }
}
#endif
