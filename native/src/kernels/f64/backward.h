/* SPDX-License-Identifier: Apache-2.0 */
/* Backward of softmax and log-softmax. */
#ifndef XENT_F64_BACKWARD_H
#define XENT_F64_BACKWARD_H

#include "kernels/f64/rows.h"

/* Numbers per class of a row, +0 at masked classes, and those of the piece that was loaded last. */
typedef struct {
  f64_logits in[XENT_DOUBLES]; /* of rows side by side */
  double *room;
  const double *piece;
  int64_t begin; /* of the piece; -1: there is none */
} f64_gradients;

/* Rows of y, which has no array where only the sum of g is asked for, of g, and of dx, if it is asked for. Made once per
 * call and moved from tile to tile. */
typedef struct {
  const xent_call *call;
  const f64_buffers *b;
  bool turned;
  int64_t length; /* of rows side by side */
  int count;
  f64_gradients y, g;
  f64_array dx[XENT_DOUBLES];
} f64_backward;

XENT_SHARED void f64_backward_begin(f64_backward *r, const xent_call *call, const f64_buffers *b, bool turned) {
  r->call = call;
  r->b = b;
  r->turned = turned;
  r->length = f64_turned_length(call->shape->classes);
  r->y.room = b->t;
  r->g.room = b->x;
}
XENT_SHARED void f64_backward_move(f64_backward *r, int64_t row) {
  const xent_call *call = r->call;
  r->count = r->turned ? (int)f64_part(row, call->row_end, XENT_DOUBLES) : 1;
  r->y.begin = r->g.begin = -1;
  for (int i = 0; i < r->count; i++) {
    const row_span span = span_of_row(call, row + i);
    r->y.in[i] = f64_logits_of(call, call->forward_output, &call->shape->output, span);
    r->g.in[i] = f64_logits_of(call, call->upstream, &call->shape->upstream, span);
    r->dx[i] = call->output ? f64_array_of(call, call->output, call->output_layout, span) : (f64_array){NULL};
  }
}

XENT_INLINE const double *f64_unmasked(const f64_logits *in, int64_t begin, int64_t n, double *buffer) {
  const double *v = f64_load(&in->x, begin, n, buffer);
  for (int64_t i = 0; in->mask && i < n; i++) buffer[i] = f64_takes_part(in, begin + i) ? v[i] : 0;
  return in->mask ? buffer : v;
}
/* n numbers from class `begin` on; of rows side by side all, in their room. */
XENT_SHARED const double *f64_gradients_at(const f64_backward *r, f64_gradients *of, int64_t begin, int64_t n) {
  const double *from[XENT_DOUBLES];
  if (of->begin == begin) return of->piece;
  of->begin = begin;
  if (!r->turned) return of->piece = f64_unmasked(of->in, begin, n, of->room);
  for (int i = 0; i < XENT_DOUBLES; i++)
    from[i] = i < r->count ? f64_unmasked(&of->in[i], begin, n, r->b->row + i * r->length) : from[0];
  f64_turn(from, of->room, n);
  return of->piece = of->room;
}

/* The sum over one chunk: of g y for softmax, of g for log-softmax. */
XENT_SHARED pair f64_backward_chunk(f64_backward *r, bool log, int64_t begin, int64_t end) {
  pair sum = pair_of(doubles_set(0));
  for (int64_t i = begin; i < end; i += XENT_PIECE) {
    const int64_t n = f64_part(i, end, XENT_PIECE), terms = r->turned ? n * XENT_DOUBLES : n;
    const double *g = f64_gradients_at(r, &r->g, i, n), *y = log ? NULL : f64_gradients_at(r, &r->y, i, n);
    sum = pair_add(sum, log ? f64_sum_values(g, terms, r->turned) : f64_sum_products(g, y, terms, r->turned));
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

/* The rows of a tile. */
XENT_SHARED void f64_backward_tile(f64_backward *r, int64_t row) {
  const xent_call *call = r->call;
  f64_backward_move(r, row);
  const f64_buffers *b = r->b;
  const int64_t classes = r->g.in->classes, end = f64_class_end(call, classes);
  pair total = pair_of(doubles_set(0));
  for (int64_t i = 0; !call->known_statistics && i < classes; i += XENT_CHUNK)
    total = pair_add(total, f64_backward_chunk(r, call->log, i, i + f64_part(i, classes, XENT_CHUNK)));
  const doubles sum = call->known_statistics ? doubles_set(known_statistics_at(call, row)->sum) : pair_value(total);
  const bool plain = is_plain_array(r->dx);
  for (int64_t c = call->class_begin; c < end; c += XENT_PIECE) {
    const int64_t n = f64_part(c, end, XENT_PIECE);
    const double *g = f64_gradients_at(r, &r->g, c, n), *y = f64_gradients_at(r, &r->y, c, n);
    double *out[XENT_DOUBLES];
    for (int i = 0; i < (r->turned ? XENT_DOUBLES : 1); i++)
      out[i] = i < r->count && plain ? f64_room(&r->dx[i], c, NULL) : b->out + i * r->length;
    if (r->turned) {
      f64_emit_backward(y, g, b->x, b->t, n * XENT_DOUBLES, sum, call->log, call->factor);
      f64_turn_back(b->x, out, n, doubles_set(1), doubles_set(-0.0));
    } else {
      f64_emit_backward(y, g, out[0], b->t, n, sum, call->log, call->factor);
    }
    for (int i = 0; (!plain || call->class_mask) && i < r->count; i++) {
      f64_mask(&r->g.in[i], c, n, out[i], 0);
      f64_store(&r->dx[i], c, n, out[i]);
    }
  }
}

static xent_status f64_softmax_backward(const xent_call *call) {
  if (call->row_begin >= call->row_end) return XENT_OK; /* whose first has no offset */
  XENT_F64_BUFFERS(b, XENT_PIECE, XENT_PIECE);
  f64_backward r; /* not cleared: it is long */
  f64_backward_begin(&r, call, &b,
                     call->shape->classes <= XENT_PIECE / XENT_DOUBLES && !call->row_offsets && !call->known_statistics);
  for (int64_t row = call->row_begin; row < call->row_end; row += r.turned ? XENT_DOUBLES : 1) f64_backward_tile(&r, row);
  return XENT_OK;
}

#endif
