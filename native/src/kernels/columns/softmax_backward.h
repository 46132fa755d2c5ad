/* SPDX-License-Identifier: Apache-2.0 */
/* softmax and log-softmax backward of columns: the formulas of softmax_backward/softmax_backward.h. */
#ifndef XENT_COLUMNS_SOFTMAX_BACKWARD_H
#define XENT_COLUMNS_SOFTMAX_BACKWARD_H

#include "kernels/columns/columns.h"
#include "kernels/columns/sum.h"
#include "kernels/softmax_backward/softmax_backward.h"

enum { XENT_BACKWARD_FLOATS = 8192 }; /* of each of y and g: room for a copy */

/* Where y and g of a strip are read: in their tensors, or gathered. y NULL: only the sum of g is asked for. */
typedef struct {
  const float *g, *y;
  int64_t g_stride, y_stride; /* between classes */
} backward_source;

XENT_INLINE backward_source backward_at(backward_source in, int64_t class, int64_t column) {
  in.g += class * in.g_stride + column;
  if (in.y) in.y += class * in.y_stride + column;
  return in;
}

/* A term of the sum: g * y, or g. The terms beside it are asked for. */
XENT_INLINE lanes backward_term(backward_source in, int64_t class, const bool product) {
  const float *g = in.g + class * in.g_stride;
  __builtin_prefetch((const void *)((uintptr_t)g + (2 * XENT_LANES - 1) * sizeof *g));
  if (!product) return lanes_load(g);
  const float *y = in.y + class * in.y_stride;
  __builtin_prefetch((const void *)((uintptr_t)y + (2 * XENT_LANES - 1) * sizeof *y));
  return lanes_mul(lanes_load(g), lanes_load(y));
}

/* One lane of a group of n classes. A missing class adds +0, which may give a sum that is 0 another sign: that is
 * settled at the end. */
XENT_INLINE lanes products_of_lane(backward_source in, int64_t n, int64_t l, const bool product) {
  lanes v[XENT_GROUP_VECTORS];
  XENT_UNROLL(8)
  for (int64_t h = 0; h < XENT_GROUP_VECTORS; h++)
    v[h] = l + h * XENT_LANES < n ? backward_term(in, l + h * XENT_LANES, product) : lanes_set(0.0f);
  return lanes_add(lanes_add(lanes_add(v[0], v[1]), lanes_add(v[2], v[3])),
                   lanes_add(lanes_add(v[4], v[5]), lanes_add(v[6], v[7])));
}

/* The lanes of a group of n classes of a block. */
XENT_INLINE void group_products(backward_source in, int64_t n, const bool product, lanes lane[XENT_LANES]) {
  if (n == XENT_GROUP)
    for (int64_t l = 0; l < XENT_LANES; l++) lane[l] = products_of_lane(in, XENT_GROUP, l, product);
  else
    for (int64_t l = 0; l < XENT_LANES; l++) lane[l] = products_of_lane(in, n, l, product);
}

XENT_SHARED void group_products_of(const backward_source *in, int64_t n, lanes lane[XENT_LANES]) {
  if (in->y)
    group_products(*in, n, true, lane);
  else
    group_products(*in, n, false, lane);
}

/* The sums of a block over classes [begin, end) of one chunk, all of them being at hand. */
XENT_SHARED dlanes sum_backward_block(const backward_source *in, int64_t begin, int64_t end) {
  lanes lane[XENT_LANES];
  dlanes total[XENT_LANES];
  if (end - begin <= XENT_GROUP) {
    const backward_source group = backward_at(*in, begin, 0);
    group_products_of(&group, end - begin, lane);
    return dlanes_widen(tree_columns(lane));
  }
  for (int l = 0; l < XENT_LANES; l++) total[l] = dlanes_zero();
  for (int64_t i = begin; i < end; i += XENT_GROUP) {
    const backward_source group = backward_at(*in, i, 0);
    group_products_of(&group, end - i < XENT_GROUP ? end - i : XENT_GROUP, lane);
    add_group(total, lane);
  }
  return dtree_columns(total);
}

/* float(sum) of every column of a block. No sum is -0. */
XENT_INLINE lanes backward_sum(const backward_source *in, int64_t classes) {
  dlanes sum = dlanes_zero();
  for (int64_t i = 0; i < classes; i += XENT_CHUNK)
    sum = dlanes_add(sum, dlanes_add(sum_backward_block(in, i, i + chunk_length(i, classes)), dlanes_zero()));
  return dlanes_narrow(sum);
}

XENT_INLINE lanes backward_value(lanes y, lanes g, lanes sum, const bool log) {
  if (!log) return softmax_gradient(y, g, sum);
  lanes e[1] = {y};
  exp_lanes(e, 1, exp_reference_of(0.0f));
  return log_softmax_gradient(e[0], g, sum);
}

/* `count` columns of a block from `class` on. */
XENT_INLINE void emit_backward_block(backward_source in, float *dx, int64_t dx_stride, int64_t classes, int64_t count,
                                     lanes sum, const bool log, const bool past) {
  for (int64_t c = 0; c < classes; c++) {
    const float *y = in.y + c * in.y_stride, *g = in.g + c * in.g_stride;
    float *to = dx + c * dx_stride;
    if (count == XENT_LANES)
      put(to, backward_value(lanes_load(y), lanes_load(g), sum, log), past);
    else
      lanes_store_part(to, count, backward_value(lanes_load_part(y, count, 0.0f),
                                                 lanes_load_part(g, count, 0.0f), sum, log));
  }
}

XENT_SHARED void emit_backward_of(const backward_source *in, float *dx, int64_t dx_stride, int64_t classes,
                                  int64_t count, const float *sums, bool log, bool past) {
  const lanes sum = lanes_load(sums);
  if (log)
    emit_backward_block(*in, dx, dx_stride, classes, count, sum, true, past);
  else if (past)
    emit_backward_block(*in, dx, dx_stride, classes, count, sum, false, true);
  else
    emit_backward_block(*in, dx, dx_stride, classes, count, sum, false, false);
}

/* Neighbouring columns, block by block. */
XENT_INLINE void emit_backward_run(const xent_call *call, const backward_source *in, float *dx, int64_t count,
                                   const float *sums) {
  const int64_t stride = call->output_layout->classes, classes = call->class_end - call->class_begin;
  const bool past = call->stream && stores_past(dx, stride, count) == XENT_STORE_PAST;
  for (int64_t i = 0; i < count; i += XENT_LANES) {
    const backward_source block = backward_at(*in, call->class_begin, i);
    emit_backward_of(&block, dx + call->class_begin * stride + i, stride, classes,
                     count - i < XENT_LANES ? count - i : XENT_LANES, sums + i, call->log, past);
  }
}

/* The tensors from the first of some neighbouring columns on. */
XENT_INLINE backward_source backward_tensors(const xent_call *call, int64_t row) {
  const xent_shape *shape = call->shape;
  return (backward_source){.g = call->upstream + row_offset(shape, &shape->upstream, row),
                           .y = call->forward_output + row_offset(shape, &shape->output, row),
                           .g_stride = shape->upstream.classes,
                           .y_stride = shape->output.classes};
}

XENT_INLINE float *backward_output(const xent_call *call, int64_t row) {
  return call->output + row_offset(call->shape, call->output_layout, row);
}

XENT_INLINE void known_backward_sums(const xent_call *call, const strip *s, float *sums) {
  for (int64_t j = 0; j < s->width; j++) sums[j] = (float)call->known_statistics[s->row + j].sum;
}

/* Whole blocks of neighbours, all of whose classes are at hand. */
XENT_INLINE void backward_blocks(const xent_call *call, const strip *s, backward_source in) {
  column_floats sums;
  if (call->known_statistics) known_backward_sums(call, s, sums);
  for (int64_t at = 0; !call->known_statistics && at < s->width; at += XENT_LANES) {
    backward_source block = backward_at(in, 0, at);
    if (call->log) block.y = NULL;
    lanes_store(sums + at, backward_sum(&block, call->shape->classes));
  }
  emit_backward_run(call, &in, backward_output(call, s->row), s->width, sums);
}

/* Where the classes lie a multiple of a page apart, they meet in the same few places of a cache and would not be
 * found there again. */
XENT_INLINE bool classes_collide(const xent_call *call) {
  const xent_shape *shape = call->shape;
  const int64_t page = 4096 / sizeof(float);
  return (shape->output.classes % page == 0 || shape->upstream.classes % page == 0) && shape->classes > 2 &&
         shape->classes * XENT_LANES <= XENT_BACKWARD_FLOATS;
}

/* backward_pitch has made the strip fit. */
XENT_SHARED void backward_copied(const xent_call *call, strip *s) {
  float g[XENT_BACKWARD_FLOATS], y[XENT_BACKWARD_FLOATS];
  column_floats unused;
  const xent_shape *shape = call->shape;
  s->pitch = s->width;
  gather_strip(shape, &shape->upstream, call->upstream, s, 0, shape->classes, g, unused);
  gather_strip(shape, &shape->output, call->forward_output, s, 0, shape->classes, y, unused);
  backward_blocks(call, s, (backward_source){.g = g, .y = y, .g_stride = s->pitch, .y_stride = s->pitch});
}

/* The rest: gathered a group at a time for the sum, which is the same whether a class is at hand or not. */
XENT_SHARED void backward_gathered(const xent_call *call, const strip *s) {
  float y[XENT_GROUP * XENT_LANES], g[XENT_GROUP * XENT_LANES];
  column_floats sums, unused;
  const xent_shape *shape = call->shape;
  const backward_source in = {.g = g, .y = call->log ? NULL : y, .g_stride = XENT_LANES, .y_stride = XENT_LANES};
  dlanes sum = dlanes_zero();
  for (int64_t i = 0; !call->known_statistics && i < shape->classes; i += XENT_CHUNK) {
    const int64_t end = i + chunk_length(i, shape->classes);
    dlanes total[XENT_LANES];
    lanes lane[XENT_LANES];
    for (int l = 0; l < XENT_LANES; l++) total[l] = dlanes_zero();
    for (int64_t k = i; k < end; k += XENT_GROUP) {
      const int64_t n = end - k < XENT_GROUP ? end - k : XENT_GROUP;
      gather_strip(shape, &shape->upstream, call->upstream, s, k, n, g, unused);
      if (in.y) gather_strip(shape, &shape->output, call->forward_output, s, k, n, y, unused);
      group_products_of(&in, n, lane);
      add_group(total, lane);
    }
    const dlanes chunk = end - i <= XENT_GROUP ? dlanes_widen(tree_columns(lane)) : dtree_columns(total);
    sum = dlanes_add(sum, dlanes_add(chunk, dlanes_zero()));
  }
  lanes_store(sums, dlanes_narrow(sum));
  if (call->known_statistics) known_backward_sums(call, s, sums);
  XENT_EACH_RUN(shape, s, run) {
    const backward_source tensors = backward_tensors(call, run.row);
    emit_backward_run(call, &tensors, backward_output(call, run.row), run.count, sums + run.at);
  }
}

/* Neighbours in whole blocks are read where they are, and once more from the caches; what is left of an inner axis,
 * and short ones, sixteen columns at a time. */
XENT_SHARED xent_status softmax_backward_strip(const xent_call *call, strip *s, column_set *apart) {
  (void)apart; /* every row has the same formula */
  if (run_at(call->shape, s, 0).count == s->width && s->width >= XENT_LANES) {
    s->width &= -XENT_LANES;
    if (classes_collide(call))
      backward_copied(call, s);
    else
      backward_blocks(call, s, backward_tensors(call, s->row));
  } else {
    if (s->width > XENT_LANES) s->width = XENT_LANES;
    s->pitch = XENT_LANES;
    backward_gathered(call, s);
  }
  return XENT_OK;
}

XENT_INLINE int64_t backward_pitch(const xent_call *call) {
  const int64_t most = XENT_BACKWARD_FLOATS / call->shape->classes & -XENT_LANES;
  const int64_t pitch = classes_collide(call) || most > XENT_LONG_COLUMNS ? most : XENT_LONG_COLUMNS;
  return pitch < XENT_STRIP_COLUMNS ? pitch : XENT_STRIP_COLUMNS;
}

static xent_status softmax_backward_by_layout(const xent_call *call) {
  const xent_shape *shape = call->shape;
  if (shape->output.classes == 1 || shape->upstream.classes == 1 || !side_by_side(shape, &shape->output) ||
      !side_by_side(shape, &shape->upstream) || !side_by_side(shape, call->output_layout) ||
      call->row_end - call->row_begin < XENT_LEAST_COLUMNS)
    return softmax_backward(call);
  return each_strip(call, backward_pitch(call), softmax_backward_strip, softmax_backward);
}

#endif
