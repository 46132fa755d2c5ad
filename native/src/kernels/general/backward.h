/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax and log-softmax backward of general calls. */
#ifndef XENT_GENERAL_BACKWARD_H
#define XENT_GENERAL_BACKWARD_H

#include "kernels/general/families.h"

/* y and g of a row; what is masked is +0 in both. */
typedef struct {
  general_row y, g;
} general_backward;

XENT_INLINE general_backward general_backward_of(const xent_call *call, int64_t row) {
  const row_span span = span_of_row(call, row);
  general_backward in = {.y = general_row_of(call, span, call->forward_output, &call->shape->output),
                         .g = general_row_of(call, span, call->upstream, &call->shape->upstream)};
  return in;
}

XENT_INLINE const float *unmasked(const general_row *r, int64_t begin, int64_t n, float *buffer) {
  const float *x = strand_floats(&r->x, begin, n, buffer);
  if (!r->mask) return x;
  if (x != buffer) memcpy(buffer, x, (size_t)n * sizeof *buffer);
  mask_values(r, begin, n, buffer, 0.0f);
  return buffer;
}

XENT_INLINE double general_backward_chunk(const general_backward *in, bool log, int64_t begin, int64_t n,
                                          general_buffers b) {
  const float *g = unmasked(&in->g, begin, n, b.input), *y = log ? NULL : unmasked(&in->y, begin, n, b.kept);
  return sum_products(g, y, n);
}

XENT_INLINE void general_backward_step(const general_backward *in, const strand *out, float sum, int64_t begin, int64_t n,
                                       general_buffers b) {
  const xent_call *call = in->g.call;
  const float *g = unmasked(&in->g, begin, n, b.input), *y = unmasked(&in->y, begin, n, b.kept);
  const lanes tau = lanes_set(in->g.temperature);
  emit_backward(y, g, b.out, n, sum, call->log, false);
  if (in->g.temperature != 0)
    for (int64_t i = 0; i < n; i += XENT_LANES) lanes_store(b.out + i, lanes_div(lanes_load(b.out + i), tau));
  mask_values(&in->g, begin, n, b.out, 0.0f);
  strand_put(out, begin, n, b.out, call->stream);
}

XENT_SHARED xent_status general_softmax_backward_rows(const xent_call *call, general_buffers b) {
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const general_backward in = general_backward_of(call, row);
    const int64_t classes = in.g.classes, end = call->class_end < classes ? call->class_end : classes;
    double sum = 0;
    if (call->known_statistics)
      sum = call->known_statistics[row].sum;
    else
      for (int64_t i = 0; i < classes; i += XENT_CHUNK)
        sum += general_backward_chunk(&in, call->log, i, chunk_length(i, classes), b);
    const strand out = output_strand(&in.g);
    for (int64_t i = call->class_begin; i < end; i += XENT_STEP)
      general_backward_step(&in, &out, (float)sum, i, step_length(i, end), b);
  }
  return XENT_OK;
}
XENT_DEFINE_GENERAL(general_softmax_backward)

XENT_SHARED xent_status general_backward_states_rows(const xent_call *call, general_buffers b) {
  const int64_t chunks = xent_chunks(call->shape->classes);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    xent_state *states = call->states + (row - call->row_begin) * chunks;
    const general_backward in = general_backward_of(call, row);
    for (int64_t i = call->class_begin; i < call->class_end; i += XENT_CHUNK) {
      const double sum = general_backward_chunk(&in, !call->forward_output, i, chunk_length(i, call->class_end), b);
      states[i / XENT_CHUNK] = (xent_state){.kind = XENT_KIND_BACKWARD | xent_state_version, .sum = quiet_double(sum)};
    }
  }
  return XENT_OK;
}
XENT_DEFINE_GENERAL(general_backward_states)

#endif
