/* SPDX-License-Identifier: Apache-2.0 */
/* Backward of softmax and log-softmax in float64 arithmetic. */
#ifndef XENT_WIDE_SOFTMAX_BACKWARD_H
#define XENT_WIDE_SOFTMAX_BACKWARD_H

#include "kernels/wide/emit.h"

/* y is without an array where only the sum of g is asked for. */
typedef struct {
  row_span span;
  f64_logits y, g;
} f64_backward;

XENT_INLINE f64_backward f64_backward_of(const xent_call *call, int64_t row) {
  const row_span span = span_of_row(call, row);
  f64_backward b = {.span = span,
                    .y = f64_logits_of(call, call->forward_output, &call->shape->output, span),
                    .g = f64_logits_of(call, call->upstream, &call->shape->upstream, span)};
  return b;
}

/* n numbers from class `begin` on, +0 at masked classes. */
XENT_INLINE const double *f64_unmasked(const f64_logits *in, int64_t begin, int64_t n, double *buffer) {
  const double *v = f64_load(&in->x, begin, n, buffer);
  if (!in->mask) return v;
  for (int64_t i = 0; i < n; i++) buffer[i] = f64_takes_part(in, begin + i) ? v[i] : 0;
  return buffer;
}

/* The sum over one chunk: of g y for softmax, of g for log-softmax. */
XENT_SHARED pair f64_backward_chunk(const f64_backward *b, bool log, int64_t begin, int64_t end, f64_buffers *buffers) {
  pair_lanes sum = pair_lanes_zero();
  for (int64_t i = begin; i < end; i += XENT_PIECE) {
    const int64_t n = piece_length(i, end);
    const f64_products w = {.a = f64_unmasked(&b->g, i, n, buffers->x),
                             .b = log ? NULL : f64_unmasked(&b->y, i, n, buffers->other)};
    f64_sum_products(&w, n, &sum);
  }
  return pair_lanes_tree(&sum);
}

static xent_status f64_softmax_backward(const xent_call *call) {
  f64_buffers buffers;
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const f64_backward b = f64_backward_of(call, row);
    const int64_t classes = b.g.classes, end = call->class_end < classes ? call->class_end : classes;
    pair total = {0, 0};
    if (!call->known_statistics)
      for (int64_t i = 0; i < classes; i += XENT_CHUNK)
        total = pair_add(total, f64_backward_chunk(&b, call->log, i, i + chunk_length(i, classes), &buffers));
    const double sum = call->known_statistics ? call->known_statistics[row].sum : pair_value(total);
    const f64_array dx = f64_array_of(call, call->output, call->output_layout, b.span);
    for (int64_t i = call->class_begin; i < end; i += XENT_PIECE) {
      const int64_t n = piece_length(i, end);
      const double *g = f64_unmasked(&b.g, i, n, buffers.x), *y = f64_unmasked(&b.y, i, n, buffers.other);
      double *out = f64_room(&dx, i, buffers.out);
      f64_emit_backward(y, g, out, n, sum, call->log, call->options->temperature);
      f64_mask(&b.g, i, n, out, 0);
      f64_store(&dx, i, n, out);
    }
  }
  return XENT_OK;
}

#endif
