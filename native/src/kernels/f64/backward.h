/* SPDX-License-Identifier: Apache-2.0 */
/* Backward of softmax and log-softmax. */
#ifndef XENT_F64_BACKWARD_H
#define XENT_F64_BACKWARD_H

#include "kernels/f64/rows.h"

/* Tiles of y, which has no array where only the sum of g is asked for, and of g, whose rows also know dx; and the pieces
 * of them that were read last. */
typedef struct {
  f64_block y, g;
  const double *ys, *gs;
} f64_backward;

XENT_SHARED void f64_backward_begin(f64_backward *r, const xent_call *call, const f64_buffers *b, bool turned) {
  f64_begin_row(&r->y, call, call->forward_output, &call->shape->output, b);
  f64_begin_row(&r->g, call, call->upstream, &call->shape->upstream, b);
  r->y.turned = r->g.turned = turned;
  r->y.room = r->g.room = f64_turned_length(call->shape->classes);
  r->y.rows->logits.out = r->g.rows->logits.out = 0;
  r->y.rows->logits.softcap = r->g.rows->logits.softcap = 0;
  for (int i = 1; i < f64_width(&r->g); i++) {
    r->y.rows[i] = r->y.rows[0];
    r->g.rows[i] = r->g.rows[0];
  }
}
XENT_INLINE void f64_backward_move(f64_backward *r, int64_t row) {
  const xent_call *call = r->g.call;
  r->y.count = r->g.count = r->g.turned ? (int)f64_part(row, call->row_end, XENT_DOUBLES) : 1;
  for (int i = 0; i < r->g.count; i++) {
    if (call->forward_output) f64_move_logits(&r->y.rows[i], row + i);
    f64_move_logits(&r->g.rows[i], row + i);
  }
}

/* The sum over one chunk: of g y for softmax, of g for log-softmax. */
XENT_INLINE pair f64_backward_chunk(f64_backward *r, bool log, int64_t begin, int64_t end) {
  const bool turned = r->g.turned;
  pair sum = pair_of(doubles_set(0));
  for (int64_t i = begin; i < end; i += XENT_PIECE) {
    const int64_t n = f64_part(i, end, XENT_PIECE), terms = n * f64_width(&r->g);
    r->gs = f64_logits_at(&r->g, 0, i, n, false, r->g.b->x);
    if (!log) r->ys = f64_logits_at(&r->y, 0, i, n, false, r->g.b->t);
    sum = pair_add(sum, log ? f64_sum_values(r->gs, terms, turned) : f64_sum_products(r->gs, r->ys, terms, turned));
  }
  return sum;
}

/* softmax: dx = y (g - s); log-softmax: dx = g - p s, p = exp(y), which goes through the room; times a factor */
XENT_INLINE doubles f64_backward_one(doubles v, doubles g, doubles s, const bool log, doubles r) {
  const doubles unscale = doubles_set(-0x1p-192);
  const doubles out = log ? doubles_fma(doubles_mul(v, unscale), s, g) : doubles_mul(v, doubles_sub(g, s));
  return doubles_quiet(doubles_mul(out, r));
}
XENT_INLINE void f64_emit_backward_as(const double *v, const double *g, double *dx, int64_t n, doubles s,
                                      const bool log, double factor) {
  const doubles r = doubles_set(factor);
  int64_t i = 0;
  for (; i + XENT_DOUBLES <= n; i += XENT_DOUBLES)
    doubles_store(dx + i, f64_backward_one(doubles_load(v + i), doubles_load(g + i), s, log, r));
  if (i == n) return;
  const doubles gs = doubles_load_part(g + i, n - i, 0), vs = doubles_load_part(v + i, n - i, 0);
  doubles_store_part(dx + i, n - i, f64_backward_one(vs, gs, s, log, r));
}
XENT_SHARED void f64_emit_backward(const double *y, const double *g, double *dx, double *room, int64_t n, doubles s,
                                   bool log, double factor) {
  const f64_reference k = f64_reference_of(doubles_set(0), f64_temperature_of(0));
  if (log) f64_exponentials(y, room, n, &k);
  log ? f64_emit_backward_as(room, g, dx, n, s, true, factor) : f64_emit_backward_as(y, g, dx, n, s, false, factor);
}

/* The rows that it is at. */
XENT_SHARED void f64_backward_tile(f64_backward *r) {
  const f64_block *k = &r->g;
  const xent_call *call = k->call;
  const f64_buffers *b = k->b;
  const int64_t classes = k->rows->logits.classes, end = f64_class_end(call, classes);
  const bool plain = is_plain_array(&k->rows->output), turned = k->turned;
  const bool known = call->known_statistics, read = !known && classes <= XENT_PIECE;
  pair total = pair_of(doubles_set(0));
  for (int64_t i = 0; !known && i < classes; i += XENT_CHUNK)
    total = pair_add(total, f64_backward_chunk(r, call->log, i, i + f64_part(i, classes, XENT_CHUNK)));
  const doubles sum = known ? doubles_set(known_statistics_at(call, k->rows->span.row)->sum) : pair_value(total);
  for (int64_t c = call->class_begin; c < end; c += XENT_PIECE) {
    const int64_t n = f64_part(c, end, XENT_PIECE);
    if (!read) r->gs = f64_logits_at(k, 0, c, n, false, b->x);
    if (!read || call->log) r->ys = f64_logits_at(&r->y, 0, c, n, false, b->t);
    double *out[XENT_DOUBLES];
    for (int i = 0; i < f64_width(k); i++)
      out[i] = plain && i < k->count ? f64_room(&k->rows[i].output, c, NULL) : b->out + i * k->room;
    f64_emit_backward(r->ys, r->gs, turned ? b->x : out[0], b->t, n * f64_width(k), sum, call->log, call->factor);
    if (turned) f64_turn_back(b->x, out, n, doubles_set(1), doubles_set(-0.0));
    for (int i = 0; (!plain || call->class_mask) && i < k->count; i++) {
      f64_mask(&k->rows[i].logits, c, n, out[i], 0);
      f64_store(&k->rows[i].output, c, n, out[i]);
    }
  }
}

static xent_status f64_softmax_backward(const xent_call *call) {
  if (call->row_begin >= call->row_end) return XENT_OK; /* whose first has no offset */
  XENT_F64_BUFFERS(b, XENT_PIECE, XENT_PIECE);
  f64_backward r; /* not cleared: it is long */
  const bool few = call->shape->classes <= XENT_PIECE / XENT_DOUBLES;
  f64_backward_begin(&r, call, &b, few && !call->row_offsets && !call->known_statistics);
  for (int64_t row = call->row_begin; row < call->row_end; row += r.g.count) {
    f64_backward_move(&r, row);
    f64_backward_tile(&r);
  }
  return XENT_OK;
}

#endif
