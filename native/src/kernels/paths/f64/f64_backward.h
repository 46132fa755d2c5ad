/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backward of softmax and log-softmax in float64 arithmetic; f64_contract_backward (native/test/contract/f64.c) is the
 * plain form. The paths:
 *   f64-rows    XENT_DOUBLES contiguous rows at a time, in place: the sums of all of them, then dx of each
 *   f64-tiles   each tile of interleaved rows (tile.h): the sum of each chunk, then dx
 *   f64         each row, in the same way
 */
#ifndef XENT_F64_BACKWARD_H
#define XENT_F64_BACKWARD_H

#include "kernels/paths/f64/f64_rows.h"
#include "kernels/path_names.h"

enum {
  XENT_F64_TURNED = XENT_PIECE / XENT_DOUBLES, /* classes of adjacent columns that fill a buffer */
  XENT_F64_BRIEF = XENT_PIECE / 4, /* doubles of buffers that are on few pages: each page of a stack takes time */
  XENT_F64_LYING = XENT_PIECE / 4, /* the most classes of rows in place, which stay in the first-level cache */
  XENT_F64_TOGETHER = 8 /* tiles of longer rows that go together, so that their lines are read once */
};

/* An array of gradients or outputs, and the last loaded piece of the rows. */
typedef struct {
  const void *array;
  const xent_layout *layout;
  double *room;
  const double *piece;
  int64_t begin;  /* of the piece; -1: no piece is loaded */
  bool columns;
  int64_t stride; /* of columns that are read in place; otherwise 0 */
} f64_gradients;

/* y, which is absent if only the sum of g is needed, and g; and the current rows of a call: one, or some next to each
 * other. */
typedef struct {
  const xent_call *call;
  const f64_buffers *b;
  f64_gradients y, g;
  bool turned, columns; /* columns: the results are columns */
  int count;
  row_span span; /* of the first row */
} f64_backward;

XENT_INLINE f64_gradients f64_gradients_of(const xent_call *call, const void *array, const xent_layout *l, double *room,
                                           bool turned) {
  const bool columns = turned && f64_are_columns(call, l);
  return (f64_gradients){.array = array, .layout = l, .room = room, .columns = columns,
                         .stride = columns && !call->class_mask ? l->classes : 0};
}
XENT_INLINE f64_backward f64_backward_of(const xent_call *call, const f64_buffers *b, bool turned) {
  const xent_shape *s = call->shape;
  return (f64_backward){.call = call, .b = b, .turned = turned, .span = {.row = -1},
                        .columns = turned && f64_are_columns(call, call->output_layout),
                        .y = f64_gradients_of(call, call->forward_output, &s->output, b->t, turned),
                        .g = f64_gradients_of(call, call->upstream, &s->upstream, b->x, turned)};
}
XENT_INLINE void f64_backward_move(f64_backward *r, int64_t row) {
  if (r->span.row == row) return;
  r->count = r->turned ? f64_rows_together(r->call, row, XENT_DOUBLES) : 1;
  r->span = span_of_row(r->call, row);
  r->y.begin = r->g.begin = -1;
}
XENT_INLINE row_span f64_backward_span(const f64_backward *r, int i) {
  return (row_span){r->span.row + i, r->span.begin, r->span.classes};
}

/* Whether rows are doubles without gaps, at a constant distance. */
XENT_INLINE bool f64_rows_are_contiguous(const xent_call *call, const xent_layout *l) {
  return l->type == XENT_F64 && l->classes == 1 && call->shape->inner == 1;
}

/* n numbers of a row from class `begin` on; masked classes are +0. */
XENT_SHARED const double *f64_unmasked(const xent_call *call, const f64_gradients *of, row_span span, int64_t begin,
                                       int64_t n, double *buffer) {
  const row_source in = row_source_of(call, span, of->array, of->layout, 0);
  const double *v = f64_load(&in.x, begin, n, buffer);
  for (int64_t i = 0; in.mask && i < n; i++) buffer[i] = is_counted(&in, begin + i) ? v[i] : 0;
  return in.mask ? buffer : v;
}
/* The numbers of the rows; interleaved in the buffer, or in place if they are interleaved in memory. */
XENT_SHARED const double *f64_gradients_at(const f64_backward *r, f64_gradients *of, int64_t begin, int64_t n) {
  const xent_call *call = r->call;
  const bool direct = f64_rows_are_contiguous(call, of->layout) && !call->class_mask;
  if (of->begin == begin) return of->piece;
  const double *first = (const double *)of->array + class_offset(call, of->layout, r->span);
  const double *from[XENT_DOUBLES] = {first + begin};
  of->begin = begin;
  if (of->stride) return of->piece = first + begin * of->stride;
  if (of->columns) {
    f64_take_columns(first + begin * of->layout->classes, of->layout->classes, r->count, of->room, n);
    if (call->class_mask) f64_mask_columns(call, r->span.row, r->count, begin, n, of->room, 0);
    return of->piece = of->room;
  }
  for (int i = 0; i < r->count; i++) {
    double *room = r->turned ? r->b->out + i * n : of->room;
    from[i] = direct ? first + begin + i * of->layout->outer
                     : f64_unmasked(call, of, f64_backward_span(r, i), begin, n, room);
  }
  if (!r->turned) return of->piece = from[0];
  for (int i = r->count; i < XENT_DOUBLES; i++) from[i] = from[0];
  f64_turn(from, of->room, n);
  return of->piece = of->room;
}
/* Class i of a piece of interleaved rows. */
XENT_INLINE doubles f64_class_of(const double *piece, int64_t stride, int count, int64_t i) {
  return stride ? doubles_load_part(piece + i * stride, count, 0) : doubles_load(piece + i * XENT_DOUBLES);
}

/* The terms of the sum: n classes of interleaved rows, in which g or y are columns. */
XENT_INLINE void f64_backward_terms_as(const f64_backward *r, const double *g, const double *y, int64_t n,
                                       double *terms, const int count, const bool log) {
  for (int64_t i = 0; i < n; i++) {
    const doubles v = f64_class_of(g, r->g.stride, count, i);
    doubles_store(terms + i * XENT_DOUBLES, log ? v : doubles_mul(v, f64_class_of(y, r->y.stride, count, i)));
  }
}
XENT_SHARED void f64_backward_terms(const f64_backward *r, const double *g, const double *y, int64_t n, double *terms) {
  if (r->count < XENT_DOUBLES)
    f64_backward_terms_as(r, g, y, n, terms, r->count, r->call->log);
  else if (r->call->log)
    f64_backward_terms_as(r, g, y, n, terms, XENT_DOUBLES, true);
  else
    f64_backward_terms_as(r, g, y, n, terms, XENT_DOUBLES, false);
}

/* The sum over a piece: of g y for softmax, of g for log-softmax. */
XENT_INLINE pair f64_backward_piece(f64_backward *r, bool log, int64_t begin, int64_t n) {
  const int64_t all = r->turned ? n * XENT_DOUBLES : n, step = r->turned ? XENT_F64_TURNED : n;
  double *terms = r->b->row;
  for (int64_t i = 0; i < n; i += step) {
    const int64_t part = f64_part(i, n, step);
    const double *g = f64_gradients_at(r, &r->g, begin + i, part);
    const double *y = log ? NULL : f64_gradients_at(r, &r->y, begin + i, part);
    if (n <= step && !r->g.stride && (log || !r->y.stride))
      return log ? f64_sum_values(g, all, r->turned) : f64_sum_products(g, y, all, r->turned);
    f64_backward_terms(r, g, y, part, terms);
    terms += part * XENT_DOUBLES;
  }
  return f64_sum_values(r->b->row, all, true);
}
/* The sums over a chunk of tiles that begin with these rows. It goes piece by piece, because adjacent columns share
 * lines. */
XENT_INLINE void f64_backward_chunk(f64_backward *r, const int64_t *rows, int tiles, bool log, int64_t begin,
                                    int64_t end, pair *sums) {
  for (int t = 0; t < tiles; t++) sums[t] = pair_of(doubles_set(0));
  for (int64_t i = begin; i < end; i += XENT_PIECE)
    for (int t = 0; t < tiles; t++) {
      f64_backward_move(r, rows[t]);
      sums[t] = pair_add(sums[t], f64_backward_piece(r, log, i, f64_part(i, end, XENT_PIECE)));
    }
}

/* softmax: dx = y (g - s); log-softmax: dx = g - p s, p = exp(y), which goes through the buffer; times a factor */
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
/* Writes n classes of interleaved rows in which v, g or dx are columns. */
XENT_INLINE void f64_emit_columns_as(const f64_backward *r, const double *v, int64_t v_stride, double *dx,
                                     int64_t stride, int64_t n, doubles s, const int count, const bool log) {
  const doubles factor = doubles_set(r->call->factor);
  const double *g = r->g.piece;
  const int64_t g_stride = r->g.stride;
  for (int64_t i = 0; i < n; i++, dx += stride) {
    const doubles y = f64_class_of(v, v_stride, count, i), up = f64_class_of(g, g_stride, count, i);
    doubles_store_part(dx, count, f64_backward_one(y, up, s, log, factor));
  }
}
XENT_SHARED void f64_emit_columns(const f64_backward *r, const double *v, int64_t v_stride, double *dx, int64_t stride,
                                  int64_t n, doubles s) {
  if (r->count < XENT_DOUBLES)
    f64_emit_columns_as(r, v, v_stride, dx, stride, n, s, r->count, r->call->log);
  else if (r->call->log)
    f64_emit_columns_as(r, v, v_stride, dx, stride, n, s, XENT_DOUBLES, true);
  else
    f64_emit_columns_as(r, v, v_stride, dx, stride, n, s, XENT_DOUBLES, false);
}

/* Writes n classes from c on of the current rows, whose sums are s. */
XENT_INLINE void f64_write_backward(f64_backward *r, int64_t c, int64_t n, doubles s) {
  const xent_call *call = r->call;
  const f64_buffers *b = r->b;
  const xent_layout *l = call->output_layout;
  const bool plain = l->type == XENT_F64 && l->classes == 1, evenly = f64_rows_are_contiguous(call, l);
  const int64_t terms = r->turned ? n * XENT_DOUBLES : n;
  double *first = (double *)call->output + class_offset(call, l, r->span), *out[XENT_DOUBLES];
  const double *g = f64_gradients_at(r, &r->g, c, n), *v = f64_gradients_at(r, &r->y, c, n);
  if (call->log) {
    const f64_reference k = f64_reference_of(doubles_set(0), f64_temperature_of(0));
    if (r->y.stride) f64_take_columns(v, r->y.stride, r->count, b->t, n);
    f64_exponentials(r->y.stride ? b->t : v, b->t, terms, &k);
    v = b->t;
  }
  const int64_t v_stride = call->log ? 0 : r->y.stride;
  if (r->columns && !call->class_mask) {
    f64_emit_columns(r, v, v_stride, first + c * l->classes, l->classes, n, s);
    return;
  }
  for (int i = 0; i < XENT_DOUBLES; i++) out[i] = b->row;
  for (int i = 0; i < r->count; i++) {
    if (evenly) {
      out[i] = first + c + i * l->outer;
    } else {
      const strided dx = strided_row(call, call->output, l, f64_backward_span(r, i));
      out[i] = f64_room(&dx, c, b->out + i * n);
    }
  }
  double *dx = r->turned ? b->x : out[0];
  if (v_stride || r->g.stride)
    f64_emit_columns(r, v, v_stride, dx, XENT_DOUBLES, n, s);
  else
    call->log ? f64_emit_backward_as(v, g, dx, terms, s, true, call->factor)
              : f64_emit_backward_as(v, g, dx, terms, s, false, call->factor);
  if (r->columns) {
    f64_mask_columns(call, r->span.row, r->count, c, n, dx, 0);
    f64_put_columns(dx, first + c * l->classes, l->classes, r->count, n, doubles_set(1), doubles_set(-0.0));
    return;
  }
  if (r->turned) f64_turn_back(dx, out, n, doubles_set(1), doubles_set(-0.0));
  for (int i = 0; (!plain || call->class_mask) && i < r->count; i++) {
    const row_source to = row_source_of(call, f64_backward_span(r, i), call->output, l, 0);
    f64_mask(&to, c, n, out[i], 0);
    f64_store(&to.x, c, n, out[i]);
  }
}

/* Rows from `row` on, up to `most` tiles. Returns the end of these rows. */
XENT_INLINE int64_t f64_backward_tiles(f64_backward *r, int64_t row, int most) {
  const xent_call *call = r->call;
  int64_t rows[XENT_F64_TOGETHER];
  pair sums[XENT_F64_TOGETHER], total[XENT_F64_TOGETHER];
  int tiles = 0;
  do {
    f64_backward_move(r, row);
    total[tiles] = pair_of(doubles_set(0));
    rows[tiles++] = row;
    row += r->count;
  } while (tiles < most && row < call->row_end);
  const int64_t classes = r->span.classes, end = f64_class_end(call, classes);
  for (int64_t i = 0; !call->known_statistics && i < classes; i += XENT_CHUNK) {
    f64_backward_chunk(r, rows, tiles, call->log, i, i + f64_part(i, classes, XENT_CHUNK), sums);
    for (int t = 0; t < tiles; t++) total[t] = pair_add(total[t], sums[t]);
  }
  const doubles known = doubles_set(call->known_statistics ? known_statistics_at(call, rows[0])->sum : 0);
  const int64_t step = r->turned ? XENT_F64_TURNED : XENT_PIECE;
  for (int64_t c = call->class_begin; c < end; c += step)
    for (int t = 0; t < tiles; t++) {
      f64_backward_move(r, rows[t]);
      f64_write_backward(r, c, f64_part(c, end, step), call->known_statistics ? known : pair_value(total[t]));
    }
  return row;
}

/* ---- rows of doubles in place, several at a time: only the values per row are transposed --------------- */

/* Lane i is the largest lane of vector i, or the sum of its lanes. */
XENT_INLINE doubles f64_largest_of_rows(doubles v[XENT_DOUBLES]) {
  doubles_transpose(v);
  for (int i = 1; i < XENT_DOUBLES; i++) v[0] = doubles_max(v[i], v[0]);
  return v[0];
}
XENT_INLINE doubles f64_sum_of_rows(doubles v[XENT_DOUBLES]) {
  doubles_transpose(v);
  for (int i = 1; i < XENT_DOUBLES; i++) v[0] = doubles_add(v[i], v[0]);
  return v[0];
}

/* Whether rows can be processed in place, and there are enough of them. */
XENT_INLINE bool f64_backward_lies(const xent_call *call) {
  const xent_shape *s = call->shape;
  return call->row_end - call->row_begin >= XENT_DOUBLES && s->classes <= XENT_F64_LYING && !call->class_mask &&
         !call->row_offsets && !call->known_statistics &&
         call->class_begin == 0 && call->class_end >= s->classes && f64_rows_are_contiguous(call, &s->output) &&
         f64_rows_are_contiguous(call, &s->upstream) && f64_rows_are_contiguous(call, call->output_layout);
}

/* Computes XENT_DOUBLES rows from `row` on. Returns false without a store if a sum has no grid. */
XENT_INLINE bool f64_backward_lying_as(const xent_call *call, int64_t row, double *room, const bool log) {
  const xent_shape *s = call->shape;
  const int64_t n = s->classes, y_pitch = s->output.outer, g_pitch = s->upstream.outer;
  const int64_t pitch = call->output_layout->outer;
  const double *y = (const double *)(const void *)call->forward_output + row * y_pitch;
  const double *g = (const double *)call->upstream + row * g_pitch;
  double *dx = (double *)(void *)call->output + row * pitch;
  const int kind = log ? XENT_F64_VALUES : XENT_F64_PRODUCTS;
  const doubles none = doubles_set(0);
  doubles high[XENT_DOUBLES], low[XENT_DOUBLES];
  double coarse[XENT_DOUBLES], fine[XENT_DOUBLES], sum[XENT_DOUBLES];
  for (int i = 0; i < XENT_DOUBLES; i++) high[i] = f64_largest_term(g + i * g_pitch, y + i * y_pitch, none, n, kind);
  const doubles most = f64_largest_of_rows(high);
  if (doubles_bits_above(doubles_where_at_most(most, doubles_set(XENT_F64_MOST_EXACT), none, doubles_set(1)), none))
    return false;
  const f64_grids grids = f64_grids_of_largest(most);
  doubles_store(coarse, grids.coarse);
  doubles_store(fine, grids.fine);
  for (int i = 0; i < XENT_DOUBLES; i++) {
    const f64_grids own = {doubles_set(coarse[i]), doubles_set(fine[i])};
    const pair p = f64_sum_terms(g + i * g_pitch, y + i * y_pitch, none, n, own, kind);
    high[i] = p.high;
    low[i] = p.low;
  }
  const pair chunk = pair_add(pair_of(none), (pair){f64_sum_of_rows(high), f64_sum_of_rows(low)});
  doubles_store(sum, pair_value(pair_add(pair_of(none), chunk)));
  const f64_reference k = f64_reference_of(none, f64_temperature_of(0));
  const bool together = log && y_pitch == n && n <= XENT_F64_TURNED; /* as one row */
  if (together) f64_exponentials(y, room, XENT_DOUBLES * n, &k);
  for (int i = 0; i < XENT_DOUBLES; i++) {
    const double *v = y + i * y_pitch;
    if (log && !together) f64_exponentials(v, room, n, &k);
    if (log) v = together ? room + i * n : room;
    f64_emit_backward_as(v, g + i * g_pitch, dx + i * pitch, n, doubles_set(sum[i]), log, call->factor);
  }
  return true;
}
XENT_SHARED bool f64_backward_lying(const xent_call *call, int64_t row, double *room) {
  return call->log ? f64_backward_lying_as(call, row, room, true) : f64_backward_lying_as(call, row, room, false);
}

/* Whether a vector can hold a class of several rows, with few unused lanes. The time over that of row after row is 1.0
 * for two rows of 10 classes, 2.0 for two rows of 256 (AVX2, AMD EPYC, two busy cores, November 2026). */
XENT_INLINE bool f64_backward_turns_rows(const xent_call *call, int64_t rows) {
  const int64_t n = call->shape->classes;
  if (call->row_offsets || call->known_statistics) return false;
  return side_by_side(call->shape, call->output_layout) ||
         (rows > 1 && n <= XENT_F64_TURNED && lanes_are_filled(rows, XENT_DOUBLES, n, 24));
}
XENT_INLINE bool f64_backward_turns(const xent_call *call) {
  return f64_backward_turns_rows(call, call->row_end - call->row_begin);
}
XENT_SHARED xent_status f64_backward_within(const xent_call *call, bool lying, bool turned, const f64_buffers *b) {
  f64_backward r = f64_backward_of(call, b, turned);
  const bool together = r.turned && call->shape->classes > XENT_F64_TURNED;
  for (int64_t row = call->row_begin; row < call->row_end;)
    if (lying && call->row_end - row >= XENT_DOUBLES && f64_backward_lying(call, row, b->t))
      row += XENT_DOUBLES;
    else
      row = f64_backward_tiles(&r, row, together ? XENT_F64_TOGETHER : 1);
  return XENT_OK;
}
XENT_SHARED xent_status f64_backward_brief(const xent_call *call, bool lying, bool turned) {
  XENT_F64_BUFFERS(b, XENT_F64_BRIEF, XENT_F64_BRIEF);
  return f64_backward_within(call, lying, turned, &b);
}
XENT_SHARED xent_status f64_backward_any(const xent_call *call, bool lying, bool turned) {
  XENT_F64_BUFFERS(b, XENT_PIECE * XENT_DOUBLES, XENT_PIECE);
  return f64_backward_within(call, lying, turned, &b);
}
XENT_INLINE xent_status f64_backward_rows(const xent_call *call, bool lying, bool turned) {
  const int64_t n = call->shape->classes;
  const bool brief = n <= XENT_F64_BRIEF / (lying || turned ? XENT_DOUBLES : 1);
  return (brief ? f64_backward_brief : f64_backward_any)(call, lying, turned);
}
/* Rows after the last vector of rows, and sums without a grid, are computed without this path. */
static xent_status f64_backward_of_lying(const xent_call *call, xent_kernel fallback) {
  (void)fallback;
  const int64_t rest = (call->row_end - call->row_begin) % XENT_DOUBLES;
  return f64_backward_rows(call, true, !XENT_IS_OFF(XENT_PATH_F64_TILES) && f64_backward_turns_rows(call, rest));
}
static xent_status f64_backward_of_tiles(const xent_call *call, xent_kernel fallback) {
  (void)fallback;
  return f64_backward_rows(call, false, true);
}
static xent_status f64_backward_of_rows(const xent_call *call, xent_kernel fallback) {
  (void)fallback;
  return f64_backward_rows(call, false, false);
}

#endif
