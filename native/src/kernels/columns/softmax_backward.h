/* SPDX-License-Identifier: Apache-2.0 */
/* softmax and log-softmax backward of columns: the formulas of softmax_backward/softmax_backward.h. */
#ifndef XENT_COLUMNS_SOFTMAX_BACKWARD_H
#define XENT_COLUMNS_SOFTMAX_BACKWARD_H

#include "kernels/columns/columns.h"
#include "kernels/columns/sum.h"
#include "kernels/softmax_backward/softmax_backward.h"

enum { XENT_BACKWARD_FLOATS = XENT_STRIP_FLOATS / 2 }; /* for each of y and g */
_Static_assert(XENT_GROUP * XENT_LONG_COLUMNS <= XENT_BACKWARD_FLOATS, "a group of both must fit");

/* A term of the sum: g * y, or g where y is NULL. */
XENT_INLINE lanes backward_term(const float *g, const float *y, int64_t at) {
  return y ? lanes_mul(lanes_load(g + at), lanes_load(y + at)) : lanes_load(g + at);
}

/* One lane of a group of n classes. A missing class is left out: the sign of a sum that is 0 is settled at the end. */
XENT_INLINE lanes products_of_lane(const float *g, const float *y, int64_t pitch, int64_t n, int64_t l) {
  lanes v[XENT_GROUP_VECTORS];
  XENT_UNROLL(8)
  for (int64_t h = 0; h < XENT_GROUP_VECTORS; h++)
    v[h] = l + h * XENT_LANES < n ? backward_term(g, y, (l + h * XENT_LANES) * pitch) : lanes_set(0.0f);
  return lanes_add(lanes_add(lanes_add(v[0], v[1]), lanes_add(v[2], v[3])),
                   lanes_add(lanes_add(v[4], v[5]), lanes_add(v[6], v[7])));
}

/* The lanes of a group of n classes of a block. */
XENT_INLINE void group_products(const float *g, const float *y, int64_t pitch, int64_t n, lanes lane[XENT_LANES]) {
  if (n == XENT_GROUP)
    for (int64_t l = 0; l < XENT_LANES; l++) lane[l] = products_of_lane(g, y, pitch, XENT_GROUP, l);
  else
    for (int64_t l = 0; l < XENT_LANES; l++) lane[l] = products_of_lane(g, y, pitch, n, l);
}

XENT_SHARED void group_products_of(const float *g, const float *y, int64_t pitch, int64_t n,
                                   lanes lane[XENT_LANES]) {
  if (y)
    group_products(g, y, pitch, n, lane);
  else
    group_products(g, NULL, pitch, n, lane);
}

/* The scratches hold all classes (whole), or are filled group by group. y NULL: only the sum of g is asked for. */
typedef struct {
  const strip *s;
  float *g, *y;
  bool whole;
} backward_strip;

XENT_INLINE void gather_backward(const xent_call *call, const backward_strip *b, int64_t begin, int64_t n, bool both) {
  column_floats largest; /* of no use here, and free where the copy waits for memory */
  gather_strip(call->shape, &call->shape->upstream, call->upstream, b->s, begin, n, b->g, largest);
  if (both) gather_strip(call->shape, &call->shape->output, call->forward_output, b->s, begin, n, b->y, largest);
}

/* The sum over one chunk, for every block. */
XENT_SHARED void sum_backward_chunk(const xent_call *call, const backward_strip *b, int64_t begin, int64_t end,
                                    double *sums) {
  const int64_t pitch = b->s->pitch, width = b->s->width;
  dlanes total[XENT_STRIP_BLOCKS][XENT_LANES];
  for (int64_t k = 0; k < blocks_of(width); k++)
    for (int l = 0; l < XENT_LANES; l++) total[k][l] = dlanes_zero();
  for (int64_t i = begin; i < end; i += XENT_GROUP) {
    const int64_t n = end - i < XENT_GROUP ? end - i : XENT_GROUP, from = b->whole ? i * pitch : 0;
    if (!b->whole) gather_backward(call, b, i, n, !call->log);
    for (int64_t at = 0; at < width; at += XENT_LANES) {
      lanes lane[XENT_LANES];
      group_products_of(b->g + from + at, call->log ? NULL : b->y + from + at, pitch, n, lane);
      if (end - begin <= XENT_GROUP)
        dlanes_store(sums + at, dlanes_widen(tree_columns(lane)));
      else
        add_group(total[at / XENT_LANES], lane);
    }
  }
  for (int64_t at = 0; end - begin > XENT_GROUP && at < width; at += XENT_LANES)
    dlanes_store(sums + at, dtree_columns(total[at / XENT_LANES]));
}

XENT_INLINE lanes backward_value(lanes y, lanes g, lanes sum, const bool log) {
  if (!log) return softmax_gradient(y, g, sum);
  lanes e[1] = {y};
  exp_lanes(e, 1, exp_reference_of(0.0f));
  return log_softmax_gradient(e[0], g, sum);
}

/* One class of neighbouring columns. */
XENT_INLINE void emit_backward_class(const float *y, const float *g, float *dx, const float *sums, int64_t n,
                                     const bool log, const bool stream) {
  int64_t i = stream ? stream_head(dx, n) : 0;
  if (i > 0)
    lanes_store_part(dx, i, backward_value(lanes_load_part(y, i, 0.0f), lanes_load_part(g, i, 0.0f),
                                           lanes_load(sums), log));
  for (; i + XENT_LANES <= n; i += XENT_LANES)
    put(dx + i, backward_value(lanes_load(y + i), lanes_load(g + i), lanes_load(sums + i), log), stream);
  if (i < n)
    lanes_store_part(dx + i, n - i, backward_value(lanes_load_part(y + i, n - i, 0.0f),
                                                   lanes_load_part(g + i, n - i, 0.0f), lanes_load(sums + i), log));
}

XENT_SHARED void emit_backward_columns(const float *y, const float *g, float *dx, const float *sums, int64_t n,
                                       bool log, bool stream) {
  if (log && stream)
    emit_backward_class(y, g, dx, sums, n, true, true);
  else if (log)
    emit_backward_class(y, g, dx, sums, n, true, false);
  else if (stream)
    emit_backward_class(y, g, dx, sums, n, false, true);
  else
    emit_backward_class(y, g, dx, sums, n, false, false);
}

XENT_INLINE void emit_backward_strip(const xent_call *call, const backward_strip *b, const float *sums) {
  const xent_shape *shape = call->shape;
  XENT_EACH_RUN(shape, b->s, run) {
    const float *y = call->forward_output + row_offset(shape, &shape->output, run.row);
    const float *g = call->upstream + row_offset(shape, &shape->upstream, run.row);
    float *dx = call->output + row_offset(shape, call->output_layout, run.row);
    for (int64_t c = call->class_begin; c < call->class_end; c++) {
      const int64_t at = c * b->s->pitch + run.at;
      emit_backward_columns(b->whole ? b->y + at : y + c * shape->output.classes,
                            b->whole ? b->g + at : g + c * shape->upstream.classes,
                            dx + c * call->output_layout->classes, sums + run.at, run.count, call->log, call->stream);
    }
  }
}

XENT_INLINE bool is_short_backward(const xent_call *call) {
  return call->shape->classes * XENT_LANES <= XENT_BACKWARD_FLOATS && !call->known_statistics;
}

XENT_SHARED xent_status softmax_backward_strip(const xent_call *call, strip *s, column_set *apart) {
  float y[XENT_BACKWARD_FLOATS], g[XENT_BACKWARD_FLOATS];
  double total[XENT_STRIP_COLUMNS], chunk[XENT_STRIP_COLUMNS];
  column_floats sums;
  (void)apart; /* every row has the same formula */
  const int64_t classes = call->shape->classes, columns = blocks_of(s->width) * XENT_LANES;
  const backward_strip b = {.s = s, .g = g, .y = y, .whole = is_short_backward(call)};
  if (b.whole) gather_backward(call, &b, 0, classes, true);
  for (int64_t j = 0; j < columns; j++)
    total[j] = call->known_statistics && j < s->width ? call->known_statistics[s->row + j].sum : 0;
  for (int64_t i = 0; !call->known_statistics && i < classes; i += XENT_CHUNK) {
    sum_backward_chunk(call, &b, i, i + chunk_length(i, classes), chunk);
    for (int64_t j = 0; j < columns; j++) total[j] += chunk[j] + 0.0; /* no sum is -0 */
  }
  for (int64_t j = 0; j < columns; j++) sums[j] = (float)total[j];
  emit_backward_strip(call, &b, sums);
  return XENT_OK;
}

static xent_status softmax_backward_by_layout(const xent_call *call) {
  const xent_shape *shape = call->shape;
  if (shape->output.classes == 1 || shape->upstream.classes == 1 || !side_by_side(shape, &shape->output) ||
      !side_by_side(shape, &shape->upstream) || !side_by_side(shape, call->output_layout) ||
      call->row_end - call->row_begin < XENT_LEAST_COLUMNS)
    return softmax_backward(call);
  return each_strip(call, is_short_backward(call) ? strip_pitch(shape->classes, XENT_BACKWARD_FLOATS, wants_wide(call)) : XENT_LONG_COLUMNS,
                    softmax_backward_strip, softmax_backward);
}

#endif
