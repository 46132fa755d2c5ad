/* SPDX-License-Identifier: Apache-2.0 */
/*
 * softmax      y = e(x; N) * float(2^-30 / S)
 * log-softmax  y = (x - M) + float(0 - D)
 */
#ifndef XENT_SOFTMAX_H
#define XENT_SOFTMAX_H

#include "kernels/block/blocks.h"
#include "kernels/row/emit.h"
#include "kernels/row/forward.h"
#include "kernels/row/single.h"

/* The second pass over a row's classes [begin, end). kept: the buffers hold the row's e. */
XENT_SHARED void softmax_row(const xent_call *call, int64_t row, const xent_statistics *s, int64_t begin,
                             int64_t end, bool kept, row_buffers buffers) {
  const int64_t stride = call->shape->logits.classes, y_stride = call->output_layout->classes;
  const float *x = call->logits + row_offset(call->shape, &call->shape->logits, row);
  float *y = call->output + row_offset(call->shape, call->output_layout, row);
  if (s->kind & XENT_ROW_SPECIAL) {
    const float masked = call->log ? -INFINITY : 0.0f;
    fill_classes(y, y_stride, begin, end, s->kind & XENT_ROW_MASKED ? masked : XENT_NAN);
    return;
  }
  if (call->shape->classes == 1 && !call->log) {
    fill_classes(y, y_stride, begin, end, 1.0f);
    return;
  }
  const factor k = factor_of(XENT_UNSCALE / total_of(s), 1.0, 0.0);
  const float minus_distance = call->log ? (float)(0 - distance_of(s)) : 0.0f;
  for (int64_t i = begin; i < end; i += XENT_CHUNK) {
    const int64_t n = chunk_length(i, end);
    const float *chunk = chunk_of(x, stride, i, n, s->shift, buffers.input);
    float *out = chunk_target(y, y_stride, i, buffers.other);
    const bool stream = call->stream && out != buffers.other;
    if (call->log)
      emit_log(chunk, out, n, s->max, minus_distance, stream);
    else if (kept)
      emit_kept(chunk, buffers.kept, buffers.kept_reference, out, n, s->reference, k, stream);
    else
      emit_exp(chunk, out, n, s->reference, k, stream);
    chunk_written(y, y_stride, i, n, buffers.other);
  }
}

XENT_SHARED xent_status softmax_rows(const xent_call *call, row_buffers buffers) {
  const bool keep = !call->log && call->shape->classes <= XENT_CHUNK;
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    if (call->known_statistics) {
      softmax_row(call, row, &call->known_statistics[row], call->class_begin, call->class_end, false, buffers);
      continue;
    }
    const row_input in = softmax_input(call, row);
    row_fold fold;
    xent_statistics s;
    whole_row(&in, call->options, keep, buffers, &fold, &s);
    softmax_row(call, row, &s, 0, in.classes, keep, buffers);
  }
  return XENT_OK;
}
XENT_DEFINE_BUFFERED(softmax_rows)
XENT_KERNEL xent_status softmax_one_by_one(const xent_call *call) { XENT_WITH_BUFFERS(call, softmax_rows); }

/* False where the row is left to the others. */
XENT_INLINE bool softmax_single_row(const xent_call *call, const bool log) {
  const row_input in = softmax_input(call, call->row_begin);
  single_row row;
  if ((in.classes == 1 && !log) || !read_single_row(&in, &row)) return false;
  float *y = call->output + row_offset(call->shape, call->output_layout, call->row_begin);
  const xent_statistics *s = &row.statistics;
  if (log) {
    lanes_store_part(y, in.classes,
                     log_probability(row.x, lanes_set(s->max), lanes_set((float)(0 - distance_of(s)))));
  } else {
    const factor k = {.f = (float)(XENT_UNSCALE / s->sum), .b = -0.0f};
    lanes_store_part(y, in.classes, finish_lanes(row.e, lanes_set(k.f), lanes_set(k.b), false));
  }
  return true;
}

XENT_KERNEL xent_status softmax_forward(const xent_call *call) {
  if (is_single_row(call) && !call->known_statistics && call->output_layout->classes == 1 &&
      (call->log ? softmax_single_row(call, true) : softmax_single_row(call, false)))
    return XENT_OK;
  if (!call->known_statistics && in_blocks(call)) return softmax_in_blocks(call, softmax_one_by_one);
  return softmax_one_by_one(call);
}

XENT_SHARED xent_status log_sum_exp_rows(const xent_call *call, row_buffers buffers) {
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const row_input in = softmax_input(call, row);
    row_fold fold;
    xent_statistics s;
    whole_row(&in, call->options, false, buffers, &fold, &s);
    const double distance = s.kind & XENT_ROW_SPECIAL ? 0 : distance_of(&s);
    call->log_sum_exp[row_offset(call->shape, &call->shape->log_sum_exp, row)] = log_sum_exp_of(&s, distance);
  }
  return XENT_OK;
}
XENT_DEFINE_BUFFERED(log_sum_exp_rows)
XENT_KERNEL xent_status log_sum_exp_one_by_one(const xent_call *call) { XENT_WITH_BUFFERS(call, log_sum_exp_rows); }

XENT_INLINE bool log_sum_exp_single_row(const xent_call *call) {
  const row_input in = softmax_input(call, call->row_begin);
  single_row row;
  if (!read_single_row(&in, &row)) return false;
  const xent_statistics *s = &row.statistics;
  call->log_sum_exp[row_offset(call->shape, &call->shape->log_sum_exp, call->row_begin)] =
      log_sum_exp_of(s, distance_of(s));
  return true;
}

XENT_KERNEL xent_status log_sum_exp(const xent_call *call) {
  if (is_single_row(call) && log_sum_exp_single_row(call)) return XENT_OK;
  return in_blocks(call) ? softmax_in_blocks(call, log_sum_exp_one_by_one) : log_sum_exp_one_by_one(call);
}

#endif
