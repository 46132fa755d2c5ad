/* SPDX-License-Identifier: Apache-2.0 */
/*
 * softmax      dx = y * (g - float(sum g * y))
 * log-softmax  dx = g - exp(y) * float(sum g)
 */
#ifndef XENT_SOFTMAX_BACKWARD_H
#define XENT_SOFTMAX_BACKWARD_H

#include "kernels/block/backward.h"
#include "kernels/row/emit.h"
#include "kernels/row/rows.h"

typedef struct {
  const float *y, *g; /* y NULL: only the sum of g is asked for */
  int64_t y_stride, g_stride;
} backward_row;

XENT_INLINE backward_row backward_row_of(const xent_call *call, int64_t row) {
  const xent_shape *shape = call->shape;
  const float *y = call->forward_output;
  return (backward_row){.y = y ? y + row_offset(shape, &shape->output, row) : NULL,
                        .g = call->upstream + row_offset(shape, &shape->upstream, row),
                        .y_stride = shape->output.classes,
                        .g_stride = shape->upstream.classes};
}

/* Whether the rows of a call hardly lie in the caches when it begins. */
XENT_INLINE bool comes_from_memory(const xent_call *call) {
  return call->stream || call->shape->classes > XENT_CHUNK;
}

/* The sum over one chunk: of g * y for softmax, of g for log-softmax. */
XENT_INLINE double backward_chunk(const backward_row *in, bool log, bool far, int64_t begin, int64_t n,
                                  row_buffers buffers) {
  const float *g = chunk_of(in->g, in->g_stride, begin, n, 0.0f, buffers.input);
  const float *y = log ? NULL : chunk_of(in->y, in->y_stride, begin, n, 0.0f, buffers.other);
  return (far ? sum_products_far : sum_products)(g, y, n);
}

XENT_SHARED xent_status softmax_backward_rows(const xent_call *call, row_buffers buffers) {
  const int64_t classes = call->shape->classes, stride = call->output_layout->classes;
  const bool log = call->log, far = comes_from_memory(call);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const backward_row in = backward_row_of(call, row);
    double sum = 0;
    if (call->known_statistics)
      sum = call->known_statistics[row].sum;
    else
      for (int64_t i = 0; i < classes; i += XENT_CHUNK)
        sum += backward_chunk(&in, log, far, i, chunk_length(i, classes), buffers);
    float *dx = call->output + row_offset(call->shape, call->output_layout, row);
    for (int64_t i = call->class_begin; i < call->class_end; i += XENT_CHUNK) {
      const int64_t n = chunk_length(i, call->class_end);
      const float *g = chunk_of(in.g, in.g_stride, i, n, 0.0f, buffers.input);
      const float *y = chunk_of(in.y, in.y_stride, i, n, 0.0f, buffers.other);
      float *out = chunk_target(dx, stride, i, buffers.kept);
      emit_backward(y, g, out, n, (float)sum, log, call->stream && out != buffers.kept);
      chunk_written(dx, stride, i, n, buffers.kept);
    }
  }
  return XENT_OK;
}
XENT_DEFINE_BUFFERED(softmax_backward_rows)
XENT_KERNEL xent_status softmax_backward_one_by_one(const xent_call *call) {
  XENT_WITH_BUFFERS(call, softmax_backward_rows);
}
XENT_KERNEL xent_status softmax_backward(const xent_call *call) {
  if (!backward_in_blocks(call)) return softmax_backward_one_by_one(call);
  return call->log ? log_softmax_backward_blocks(call, softmax_backward_one_by_one)
                   : softmax_backward_blocks(call, softmax_backward_one_by_one);
}

#endif
