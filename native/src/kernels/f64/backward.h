/* SPDX-License-Identifier: Apache-2.0 */
/* Backward of softmax and log-softmax. */
#ifndef XENT_F64_BACKWARD_H
#define XENT_F64_BACKWARD_H

#include "kernels/f64/rows.h"

enum { XENT_F64_TURNED = XENT_PIECE / XENT_DOUBLES }; /* classes of rows side by side that fill a buffer */

/* An array of gradients or outputs, and the piece of the rows that was loaded last. */
typedef struct {
  const void *array;
  const xent_layout *layout;
  double *room;
  const double *piece;
  int64_t begin; /* of the piece; -1: there is none */
} f64_gradients;

/* y, which is not there where only the sum of g is asked for, and g; and the rows that a call is at: one, or some side
 * by side. */
typedef struct {
  const xent_call *call;
  const f64_buffers *b;
  f64_gradients y, g;
  bool turned;
  int count;
  row_span span; /* of the first */
} f64_backward;

XENT_INLINE f64_backward f64_backward_of(const xent_call *call, const f64_buffers *b, bool turned) {
  return (f64_backward){.call = call, .b = b, .turned = turned,
                        .y = {.array = call->forward_output, .layout = &call->shape->output, .room = b->t},
                        .g = {.array = call->upstream, .layout = &call->shape->upstream, .room = b->x}};
}
XENT_INLINE void f64_backward_move(f64_backward *r, int64_t row) {
  r->count = r->turned ? f64_rows_together(r->call, row, XENT_DOUBLES) : 1;
  r->span = span_of_row(r->call, row);
  r->y.begin = r->g.begin = -1;
}
XENT_INLINE row_span f64_backward_span(const f64_backward *r, int i) {
  return (row_span){r->span.row + i, r->span.begin, r->span.classes};
}

/* Rows of doubles without gaps, each as far behind the one before. */
XENT_INLINE bool f64_rows_lie_evenly(const xent_call *call, const xent_layout *l) {
  return l->type == XENT_F64 && l->classes == 1 && call->shape->inner == 1;
}

/* n numbers of a row from class `begin` on, +0 at masked classes. */
XENT_SHARED const double *f64_unmasked(const xent_call *call, const f64_gradients *of, row_span span, int64_t begin,
                                       int64_t n, double *buffer) {
  const f64_logits in = f64_logits_of(call, of->array, of->layout, span);
  const double *v = f64_load(&in.x, begin, n, buffer);
  for (int64_t i = 0; in.mask && i < n; i++) buffer[i] = f64_takes_part(&in, begin + i) ? v[i] : 0;
  return in.mask ? buffer : v;
}
/* Of the rows; side by side in their room. */
XENT_SHARED const double *f64_gradients_at(const f64_backward *r, f64_gradients *of, int64_t begin, int64_t n) {
  const xent_call *call = r->call;
  const bool direct = f64_rows_lie_evenly(call, of->layout) && !call->class_mask;
  if (of->begin == begin) return of->piece;
  const int64_t at = class_offset(call, of->layout, r->span) + begin * of->layout->classes;
  const double *first = (const double *)of->array + at;
  const double *from[XENT_DOUBLES] = {first};
  of->begin = begin;
  if (r->turned && f64_are_columns(call, of->layout) && !call->class_mask) {
    f64_take_columns(first, of->layout->classes, r->count, of->room, n);
    return of->piece = of->room;
  }
  for (int i = 0; i < r->count; i++) {
    double *room = r->turned ? r->b->out + i * XENT_F64_TURNED : of->room;
    from[i] = direct ? first + i * of->layout->outer : f64_unmasked(call, of, f64_backward_span(r, i), begin, n, room);
  }
  if (!r->turned) return of->piece = from[0];
  for (int i = r->count; i < XENT_DOUBLES; i++) from[i] = from[0];
  f64_turn(from, of->room, n);
  return of->piece = of->room;
}

/* The sum over n classes from `begin` on: of g y for softmax, of g for log-softmax. */
XENT_INLINE pair f64_backward_part(f64_backward *r, bool log, int64_t begin, int64_t n) {
  const int64_t terms = r->turned ? n * XENT_DOUBLES : n;
  const double *g = f64_gradients_at(r, &r->g, begin, n), *y = log ? NULL : f64_gradients_at(r, &r->y, begin, n);
  return log ? f64_sum_values(g, terms, r->turned) : f64_sum_products(g, y, terms, r->turned);
}
/* Of rows side by side whose classes go in parts: over their terms, which are exact together. */
XENT_SHARED pair f64_backward_parts(f64_backward *r, bool log, int64_t begin, int64_t n) {
  double *term = r->b->row;
  for (int64_t i = 0; i < n; i += XENT_F64_TURNED) {
    const int64_t part = f64_part(i, n, XENT_F64_TURNED);
    const double *g = f64_gradients_at(r, &r->g, begin + i, part);
    const double *y = log ? NULL : f64_gradients_at(r, &r->y, begin + i, part);
    for (const double *end = g + part * XENT_DOUBLES; g < end; g += XENT_DOUBLES, term += XENT_DOUBLES) {
      doubles_store(term, log ? doubles_load(g) : doubles_mul(doubles_load(g), doubles_load(y)));
      if (!log) y += XENT_DOUBLES;
    }
  }
  return f64_sum_values(r->b->row, n * XENT_DOUBLES, true);
}
/* The sum over one chunk. */
XENT_INLINE pair f64_backward_chunk(f64_backward *r, bool log, int64_t begin, int64_t end) {
  pair sum = pair_of(doubles_set(0));
  for (int64_t i = begin; i < end; i += XENT_PIECE) {
    const int64_t n = f64_part(i, end, XENT_PIECE);
    const bool parts = r->turned && n > XENT_F64_TURNED;
    sum = pair_add(sum, parts ? f64_backward_parts(r, log, i, n) : f64_backward_part(r, log, i, n));
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
  const xent_call *call = r->call;
  const f64_buffers *b = r->b;
  const int64_t classes = r->span.classes, end = f64_class_end(call, classes), row = r->span.row;
  pair total = pair_of(doubles_set(0));
  for (int64_t i = 0; !call->known_statistics && i < classes; i += XENT_CHUNK)
    total = pair_add(total, f64_backward_chunk(r, call->log, i, i + f64_part(i, classes, XENT_CHUNK)));
  const doubles sum = call->known_statistics ? doubles_set(known_statistics_at(call, row)->sum) : pair_value(total);
  const xent_layout *l = call->output_layout;
  const bool plain = l->type == XENT_F64 && l->classes == 1, evenly = f64_rows_lie_evenly(call, l);
  const bool columns = r->turned && f64_are_columns(call, l) && !call->class_mask;
  const int64_t step = r->turned ? XENT_F64_TURNED : XENT_PIECE;
  double *first = (double *)call->output + class_offset(call, l, r->span);
  for (int64_t c = call->class_begin; c < end; c += step) {
    const int64_t n = f64_part(c, end, step);
    const double *g = f64_gradients_at(r, &r->g, c, n), *y = f64_gradients_at(r, &r->y, c, n);
    double *out[XENT_DOUBLES];
    for (int i = 0; i < XENT_DOUBLES; i++) out[i] = b->row;
    for (int i = 0; i < r->count; i++) {
      if (evenly) {
        out[i] = first + c + i * l->outer;
      } else {
        const f64_array dx = f64_array_of(call, call->output, l, f64_backward_span(r, i));
        out[i] = f64_room(&dx, c, b->out + i * XENT_F64_TURNED);
      }
    }
    const int64_t terms = r->turned ? n * XENT_DOUBLES : n;
    f64_emit_backward(y, g, r->turned ? b->x : out[0], b->t, terms, sum, call->log, call->factor);
    if (columns) {
      f64_put_columns(b->x, first + c * l->classes, l->classes, r->count, n, doubles_set(1), doubles_set(-0.0));
      continue;
    }
    if (r->turned) f64_turn_back(b->x, out, n, doubles_set(1), doubles_set(-0.0));
    for (int i = 0; (!plain || call->class_mask) && i < r->count; i++) {
      const f64_logits dx = f64_logits_of(call, call->output, l, f64_backward_span(r, i));
      f64_mask(&dx, c, n, out[i], 0);
      f64_store(&dx.x, c, n, out[i]);
    }
  }
}

static xent_status f64_softmax_backward(const xent_call *call) {
  if (call->row_begin >= call->row_end) return XENT_OK; /* whose first has no offset */
  XENT_F64_BUFFERS(b, XENT_PIECE * XENT_DOUBLES, XENT_PIECE);
  const bool sided = call->shape->classes <= XENT_F64_TURNED || side_by_side(call->shape, call->output_layout);
  f64_backward r = f64_backward_of(call, &b, sided && !call->row_offsets && !call->known_statistics);
  for (int64_t row = call->row_begin; row < call->row_end; row += r.count) {
    f64_backward_move(&r, row);
    f64_backward_tile(&r);
  }
  return XENT_OK;
}

#endif
