/* SPDX-License-Identifier: Apache-2.0 */
/* Backward of softmax and log-softmax. */
#ifndef XENT_F64_BACKWARD_H
#define XENT_F64_BACKWARD_H

#include "kernels/f64/rows.h"

/* A row of y, which has no array where only the sum of g is asked for, and of g. */
typedef struct {
  row_span span;
  f64_logits y, g;
} f64_backward;

XENT_SHARED f64_backward f64_backward_of(const xent_call *call, int64_t row) {
  const row_span span = span_of_row(call, row);
  return (f64_backward){span, f64_logits_of(call, call->forward_output, &call->shape->output, span),
                        f64_logits_of(call, call->upstream, &call->shape->upstream, span)};
}

/* n numbers from class `begin` on, +0 at masked classes. */
XENT_INLINE const double *f64_unmasked(const f64_logits *in, int64_t begin, int64_t n, double *buffer) {
  const double *v = f64_load(&in->x, begin, n, buffer);
  for (int64_t i = 0; in->mask && i < n; i++) buffer[i] = f64_takes_part(in, begin + i) ? v[i] : 0;
  return in->mask ? buffer : v;
}

/* The sum over one chunk: of g y for softmax, of g for log-softmax. */
XENT_SHARED pair f64_backward_chunk(const f64_backward *r, bool log, int64_t begin, int64_t end, const f64_buffers *b) {
  pair sum = pair_of(doubles_set(0));
  for (int64_t i = begin; i < end; i += XENT_PIECE) {
    const int64_t n = f64_part(i, end, XENT_PIECE);
    const double *g = f64_unmasked(&r->g, i, n, b->x), *y = log ? NULL : f64_unmasked(&r->y, i, n, b->t);
    sum = pair_add(sum, log ? f64_sum_values(g, n, false) : f64_sum_products(g, y, n, false));
  }
  return sum;
}

/* softmax: dx = y (g - s); log-softmax: dx = g - p s, p = exp(y), which goes through the room; times a factor */
XENT_INLINE void f64_emit_backward_as(const double *v, const double *g, double *dx, int64_t n, doubles s, const bool log,
                                      double factor) {
  const doubles r = doubles_set(factor), unscale = doubles_set(-0x1p-192);
  for (int64_t i = 0; i < n; i += XENT_DOUBLES) {
    const int64_t left = n - i;
    const doubles gs = doubles_load_part(g + i, left, 0), vs = doubles_load_part(v + i, left, 0);
    const doubles out = log ? doubles_fma(doubles_mul(vs, unscale), s, gs) : doubles_mul(vs, doubles_sub(gs, s));
    doubles_store_part(dx + i, left, doubles_quiet(doubles_mul(out, r)));
  }
}
XENT_SHARED void f64_emit_backward(const double *y, const double *g, double *dx, double *room, int64_t n, doubles s, bool log,
                                   double factor) {
  const f64_reference k = f64_reference_of(doubles_set(0), f64_temperature_of(0));
  if (log) f64_exponentials(y, room, n, &k);
  log ? f64_emit_backward_as(room, g, dx, n, s, true, factor) : f64_emit_backward_as(y, g, dx, n, s, false, factor);
}

/* One row. */
XENT_SHARED void f64_backward_row(const xent_call *call, int64_t row, const f64_buffers *b) {
  const f64_backward r = f64_backward_of(call, row);
  const int64_t classes = r.g.classes, end = f64_class_end(call, classes);
  const f64_array dx = f64_array_of(call, call->output, call->output_layout, r.span);
  pair total = pair_of(doubles_set(0));
  for (int64_t i = 0; !call->known_statistics && i < classes; i += XENT_CHUNK)
    total = pair_add(total, f64_backward_chunk(&r, call->log, i, i + f64_part(i, classes, XENT_CHUNK), b));
  const doubles sum = call->known_statistics ? doubles_set(known_statistics_at(call, row)->sum) : pair_value(total);
  for (int64_t i = call->class_begin; i < end; i += XENT_PIECE) {
    const int64_t n = f64_part(i, end, XENT_PIECE);
    const double *g = f64_unmasked(&r.g, i, n, b->x), *y = f64_unmasked(&r.y, i, n, b->t);
    double *out = f64_room(&dx, i, b->out);
    f64_emit_backward(y, g, out, b->t, n, sum, call->log, call->factor);
    f64_mask(&r.g, i, n, out, 0);
    f64_store(&dx, i, n, out);
  }
}

/* `count` rows of few classes side by side. */
XENT_SHARED void f64_backward_aside(const xent_call *call, int64_t row, int64_t count, const f64_buffers *b) {
  const int64_t n = call->shape->classes, length = f64_turned_length(n);
  const double *ys[XENT_DOUBLES], *gs[XENT_DOUBLES];
  double *out[XENT_DOUBLES], *y = b->x, *g = b->t;
  f64_array dx[XENT_DOUBLES];
  f64_backward r[XENT_DOUBLES];
  for (int k = 0; k < XENT_DOUBLES; k++) {
    if (k < count) r[k] = f64_backward_of(call, row + k);
    if (k < count) dx[k] = f64_array_of(call, call->output, call->output_layout, r[k].span);
    ys[k] = k < count ? f64_unmasked(&r[k].y, 0, n, b->row + k * length) : ys[0];
    gs[k] = k < count ? f64_unmasked(&r[k].g, 0, n, b->slope + k * length) : gs[0];
    out[k] = k < count ? f64_room(&dx[k], 0, b->out + k * length) : b->out + k * length;
  }
  f64_turn(ys, y, n);
  f64_turn(gs, g, n);
  const int64_t all = n * XENT_DOUBLES;
  const pair sum = call->log ? f64_sum_values(g, all, true) : f64_sum_products(g, y, all, true);
  f64_emit_backward(y, g, g, y, all, pair_value(sum), call->log, call->factor);
  f64_turn_back(g, out, n, doubles_set(1), doubles_set(-0.0));
  for (int k = 0; k < count && k < XENT_DOUBLES; k++) {
    f64_mask(&r[k].g, 0, n, out[k], 0);
    f64_store(&dx[k], 0, n, out[k]);
  }
}

static xent_status f64_softmax_backward(const xent_call *call) {
  XENT_F64_BUFFERS(b, XENT_PIECE, XENT_PIECE);
  const bool aside = call->shape->classes <= XENT_PIECE / XENT_DOUBLES && !call->row_offsets && !call->known_statistics;
  for (int64_t row = call->row_begin; row < call->row_end; row += aside ? XENT_DOUBLES : 1) {
    if (aside)
      f64_backward_aside(call, row, call->row_end - row, &b);
    else
      f64_backward_row(call, row, &b);
  }
  return XENT_OK;
}

#endif
