/* SPDX-License-Identifier: Apache-2.0 */
/* Backward of softmax and log-softmax. */
#ifndef XENT_F64_BACKWARD_H
#define XENT_F64_BACKWARD_H

#include "kernels/f64/rows.h"

/* A row of y, which has no array where only the sum of g is asked for, of g, and of dx, if it is asked for. Made once
 * per call and moved from row to row. */
typedef struct {
  const xent_call *call;
  f64_logits y, g;
  f64_array dx;
} f64_backward;

XENT_SHARED f64_backward f64_backward_of(const xent_call *call) {
  const row_span none = {0, 0, call->shape->classes};
  f64_backward r = {call, f64_logits_of(call, call->forward_output, &call->shape->output, none),
                    f64_logits_of(call, call->upstream, &call->shape->upstream, none), {NULL}};
  if (call->output) r.dx = f64_array_of(call, call->output, call->output_layout, none);
  return r;
}
XENT_INLINE void f64_backward_move(f64_backward *r, int64_t row) {
  const xent_call *call = r->call;
  const row_span span = span_of_row(call, row);
  r->g.classes = span.classes;
  if (call->forward_output) r->y.x.at = class_offset(call, &call->shape->output, span);
  r->g.x.at = class_offset(call, &call->shape->upstream, span);
  if (call->output) r->dx.at = class_offset(call, call->output_layout, span);
  if (call->class_mask)
    r->y.mask = r->g.mask = (const uint8_t *)call->class_mask + class_offset(call, &call->shape->class_mask, span);
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
XENT_INLINE doubles f64_backward_one(doubles v, doubles g, doubles s, const bool log, doubles r) {
  const doubles unscale = doubles_set(-0x1p-192);
  const doubles out = log ? doubles_fma(doubles_mul(v, unscale), s, g) : doubles_mul(v, doubles_sub(g, s));
  return doubles_quiet(doubles_mul(out, r));
}
XENT_INLINE void f64_emit_backward_as(const double *v, const double *g, double *dx, int64_t n, doubles s, const bool log,
                                      double factor) {
  const doubles r = doubles_set(factor);
  int64_t i = 0;
  for (; i + XENT_DOUBLES <= n; i += XENT_DOUBLES)
    doubles_store(dx + i, f64_backward_one(doubles_load(v + i), doubles_load(g + i), s, log, r));
  if (i == n) return;
  const doubles gs = doubles_load_part(g + i, n - i, 0), vs = doubles_load_part(v + i, n - i, 0);
  doubles_store_part(dx + i, n - i, f64_backward_one(vs, gs, s, log, r));
}
XENT_SHARED void f64_emit_backward(const double *y, const double *g, double *dx, double *room, int64_t n, doubles s, bool log,
                                   double factor) {
  const f64_reference k = f64_reference_of(doubles_set(0), f64_temperature_of(0));
  if (log) f64_exponentials(y, room, n, &k);
  log ? f64_emit_backward_as(room, g, dx, n, s, true, factor) : f64_emit_backward_as(y, g, dx, n, s, false, factor);
}

/* One row. */
XENT_SHARED void f64_backward_row(f64_backward *r, int64_t row, const f64_buffers *b) {
  const xent_call *call = r->call;
  f64_backward_move(r, row);
  const int64_t classes = r->g.classes, end = f64_class_end(call, classes);
  pair total = pair_of(doubles_set(0));
  for (int64_t i = 0; !call->known_statistics && i < classes; i += XENT_CHUNK)
    total = pair_add(total, f64_backward_chunk(r, call->log, i, i + f64_part(i, classes, XENT_CHUNK), b));
  const doubles sum = call->known_statistics ? doubles_set(known_statistics_at(call, row)->sum) : pair_value(total);
  for (int64_t i = call->class_begin; i < end; i += XENT_PIECE) {
    const int64_t n = f64_part(i, end, XENT_PIECE);
    const double *g = f64_unmasked(&r->g, i, n, b->x), *y = f64_unmasked(&r->y, i, n, b->t);
    double *out = f64_room(&r->dx, i, b->out);
    f64_emit_backward(y, g, out, b->t, n, sum, call->log, call->factor);
    f64_mask(&r->g, i, n, out, 0);
    f64_store(&r->dx, i, n, out);
  }
}

/* `count` rows of few classes side by side. */
XENT_SHARED void f64_backward_aside(f64_backward *r, int64_t row, int64_t count, const f64_buffers *b) {
  const xent_call *call = r->call;
  const int64_t n = call->shape->classes, length = f64_turned_length(n);
  const double *ys[XENT_DOUBLES], *gs[XENT_DOUBLES];
  double *out[XENT_DOUBLES], *y = b->x, *g = b->t;
  for (int k = 0; k < XENT_DOUBLES; k++) {
    if (k < count) f64_backward_move(r, row + k);
    ys[k] = k < count ? f64_unmasked(&r->y, 0, n, b->row + k * length) : ys[0];
    gs[k] = k < count ? f64_unmasked(&r->g, 0, n, b->slope + k * length) : gs[0];
    out[k] = k < count ? f64_room(&r->dx, 0, b->out + k * length) : b->out + k * length;
  }
  f64_turn(ys, y, n);
  f64_turn(gs, g, n);
  const int64_t all = n * XENT_DOUBLES;
  const pair sum = call->log ? f64_sum_values(g, all, true) : f64_sum_products(g, y, all, true);
  f64_emit_backward(y, g, g, y, all, pair_value(sum), call->log, call->factor);
  f64_turn_back(g, out, n, doubles_set(1), doubles_set(-0.0));
  if (is_plain_array(&r->dx) && !r->g.mask) return;
  for (int k = 0; k < count && k < XENT_DOUBLES; k++) {
    f64_backward_move(r, row + k);
    f64_mask(&r->g, 0, n, out[k], 0);
    f64_store(&r->dx, 0, n, out[k]);
  }
}

static xent_status f64_softmax_backward(const xent_call *call) {
  if (call->row_begin >= call->row_end) return XENT_OK; /* whose first has no offset */
  XENT_F64_BUFFERS(b, XENT_PIECE, XENT_PIECE);
  const bool aside = call->shape->classes <= XENT_PIECE / XENT_DOUBLES && !call->row_offsets && !call->known_statistics;
  f64_backward r = f64_backward_of(call);
  for (int64_t row = call->row_begin; row < call->row_end; row += aside ? XENT_DOUBLES : 1) {
    if (aside)
      f64_backward_aside(&r, row, call->row_end - row, &b);
    else
      f64_backward_row(&r, row, &b);
  }
  return XENT_OK;
}

#endif
