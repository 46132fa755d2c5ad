/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loss      sum q' (M - x) + (sum q') D; for a label without smoothing log1p(S_o / e_y) or D + (M - x_y)
 * gradient  c (p sum q' - q'); at a label c (eps - eps / K - S_o / S), S_o being the sum over the others
 */
#ifndef XENT_CROSS_ENTROPY_H
#define XENT_CROSS_ENTROPY_H

#include "kernels/block/blocks.h"
#include "kernels/block/known.h"
#include "kernels/row/emit.h"
#include "kernels/row/forward.h"
#include "kernels/row/single.h"
#include "numerics/tally.h"

static const xent_statistics ignored_statistics = {.kind = XENT_KIND_LABEL | XENT_ROW_IGNORED};

XENT_INLINE float gradient_at_label(const xent_call *call, const row_input *in, const xent_statistics *s,
                                    double c) {
  const double rest = in->smooth.add == 0 ? 0 : call->options->label_smoothing - in->smooth.add;
  const double at_label = ((0 - s->sum / total_of(s)) + rest) * c;
  return at_label != at_label ? XENT_NAN : (float)at_label;
}

/* The gradient of a row's classes [begin, end) with scale c. kept: the buffers hold the row's e. */
XENT_SHARED void gradient_row(const xent_call *call, int64_t row, const row_input *in,
                              const xent_statistics *s, double c, int64_t begin, int64_t end,
                              bool kept, row_buffers buffers) {
  const int64_t stride = call->output_layout->classes;
  float *dx = call->output + row_offset(call->shape, call->output_layout, row);
  if (s->kind & XENT_ROW_SPECIAL) {
    fill_classes(dx, stride, begin, end, s->kind & XENT_ROW_NAN ? XENT_NAN : 0.0f);
    return;
  }
  const bool labels = in->kind == XENT_KIND_LABEL;
  const double S = total_of(s), G = XENT_UNSCALE / S * c;
  const factor k = labels ? factor_of(G, c, in->smooth.add) : factor_of(G * s->mass, c, 0.0);
  const bool finite = isfinite(k.f) && isfinite(k.b);
  for (int64_t i = begin; i < end; i += XENT_CHUNK) {
    const int64_t n = chunk_length(i, end);
    const float *x = chunk_of(in->x, in->stride, i, n, s->shift, buffers.input);
    float *out = chunk_target(dx, stride, i, buffers.input);
    if (!labels) {
      const float *q = chunk_of(in->q, in->q_stride, i, n, 0.0f, buffers.other);
      (k.tiny ? emit_tiny_probabilities : emit_probabilities)(x, q, out, n, s->reference, k, c, in->smooth);
    } else if (kept) {
      emit_kept(x, buffers.kept, buffers.kept_reference, out, n, s->reference, k,
                call->stream && out != buffers.input);
    } else {
      emit_exp(x, out, n, s->reference, k, call->stream && out != buffers.input);
    }
    if (!finite) quiet_values(out, n);
    chunk_written(dx, stride, i, n, buffers.input);
  }
  if (labels && in->label >= begin && in->label < end)
    dx[in->label * stride] = gradient_at_label(call, in, s, c);
}

XENT_INLINE void write_row(const xent_call *call, int64_t row, float loss, float log_sum_exp, uint8_t hit,
                           const xent_statistics *s) {
  const xent_shape *shape = call->shape;
  if (call->losses) call->losses[row_offset(shape, &shape->losses, row)] = loss;
  if (call->log_sum_exp) call->log_sum_exp[row_offset(shape, &shape->log_sum_exp, row)] = log_sum_exp;
  if (call->hits) call->hits[row_offset(shape, &shape->hits, row)] = hit;
  if (call->tally) tally_add_one(call->tally, loss);
  if (call->statistics) call->statistics[row] = *s;
}

XENT_INLINE void write_ignored(const xent_call *call, int64_t row) {
  write_row(call, row, 0.0f, XENT_NAN, 0, &ignored_statistics);
}

/* A loss whose label has at least half of the row needs no D (see loss_of); else it is asked for. */
XENT_INLINE bool needs_distance(const xent_call *call, const xent_statistics *s) {
  if (s->kind & XENT_ROW_SPECIAL) return false;
  return call->log_sum_exp || (s->kind & XENT_KIND_MASK) != XENT_KIND_LABEL ||
         call->options->label_smoothing > 0 || s->sum > s->mass;
}

/* What the statistics and the fold of a row say. */
XENT_INLINE void row_results(const xent_call *call, int64_t row, const row_fold *fold,
                             const xent_statistics *s) {
  const double distance = needs_distance(call, s) ? distance_of(s) : 0;
  const bool targets = (s->kind & XENT_KIND_MASK) != XENT_KIND_SOFTMAX;
  const float loss = targets ? loss_of(fold, s, distance, call->options, call->shape->classes) : 0.0f;
  write_row(call, row, loss, log_sum_exp_of(s, distance), hit_of(fold, s), s);
}
XENT_SHARED void write_results(const xent_call *call, int64_t row, const row_fold *fold,
                               const xent_statistics *s) {
  row_results(call, row, fold, s);
}

/* A row of few classes with a label; false where it is left to the others, and nothing written. */
XENT_INLINE bool cross_entropy_single_row(const xent_call *call, xent_status *status) {
  const int64_t at = call->row_begin;
  row_label label = {XENT_NO_CLASS, false};
  *status = label_of_row(call, at, &label);
  if (*status) return true;
  if (label.ignored) return false;
  const row_input in = targets_input(call, at, label.index);
  const double c = gradient_scale_of(call->options);
  single_row row;
  if (!read_single_row(&in, &row)) return false;
  const xent_statistics *s = &row.statistics;
  const factor k = factor_of(XENT_UNSCALE / total_of(s) * c, c, in.smooth.add);
  if (call->output && (k.tiny || !isfinite(k.f) || !isfinite(k.b))) return false;
  if (call->hits) row.fold.label_first = largest_of(in.x, in.label) < row.fold.label_logit;
  if (in.want_dot) row.fold.dot += sum_in_double(in.x, in.classes);
  call->report->counted++;
  row_results(call, at, &row.fold, s);
  if (call->output) {
    float *dx = call->output + row_offset(call->shape, call->output_layout, at);
    lanes_store_part(dx, in.classes, finish_lanes(row.e, lanes_set(k.f), lanes_set(k.b), false));
    dx[in.label] = gradient_at_label(call, &in, s, c);
  }
  return true;
}

XENT_SHARED xent_status cross_entropy_rows(const xent_call *call, row_buffers buffers) {
  const int64_t classes = call->shape->classes;
  const bool labels = has_labels(call), keep = call->output && labels && classes <= XENT_CHUNK;
  const double c = gradient_scale_of(call->options);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    row_label label = {XENT_NO_CLASS, false};
    const xent_status status = label_of_row(call, row, &label);
    if (status) return status;
    row_input in = targets_input(call, row, label.index);
    in.want_first = call->hits != NULL;
    if (label.ignored) {
      write_ignored(call, row);
      if (call->output) gradient_row(call, row, &in, &ignored_statistics, c, 0, classes, false, buffers);
      continue;
    }
    call->report->counted++;
    row_fold fold;
    xent_statistics s;
    whole_row(&in, call->options, keep, buffers, &fold, &s);
    write_results(call, row, &fold, &s);
    if (call->output) gradient_row(call, row, &in, &s, c, 0, classes, keep, buffers);
  }
  return XENT_OK;
}
XENT_DEFINE_BUFFERED(cross_entropy_rows)

XENT_INLINE bool plain_labels_only(const xent_call *call) {
  return has_labels(call) && call->options->label_smoothing == 0;
}
XENT_KERNEL xent_status cross_entropy_one_by_one(const xent_call *call) { XENT_WITH_BUFFERS(call, cross_entropy_rows); }
XENT_KERNEL xent_status cross_entropy_forward(const xent_call *call) {
  xent_status status;
  if (is_single_row(call) && has_labels(call) && (!call->output || call->output_layout->classes == 1) &&
      cross_entropy_single_row(call, &status))
    return status;
  return plain_labels_only(call) && in_blocks(call) ? labels_in_blocks(call, cross_entropy_one_by_one)
                                                    : cross_entropy_one_by_one(call);
}

XENT_SHARED xent_status cross_entropy_backward_rows(const xent_call *call, row_buffers buffers) {
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    row_label label = {XENT_NO_CLASS, false};
    const xent_status status = label_of_row(call, row, &label);
    if (status) return status;
    const xent_statistics *s = label.ignored ? &ignored_statistics : &call->known_statistics[row];
    double c = gradient_scale_of(call->options);
    if (call->upstream)
      c *= (double)call->upstream[row_offset(call->shape, &call->shape->upstream, row)];
    const row_input in = targets_input(call, row, label.index);
    gradient_row(call, row, &in, s, c, call->class_begin, call->class_end, false, buffers);
  }
  return XENT_OK;
}
XENT_DEFINE_BUFFERED(cross_entropy_backward_rows)
XENT_KERNEL xent_status cross_entropy_backward_one_by_one(const xent_call *call) {
  XENT_WITH_BUFFERS(call, cross_entropy_backward_rows);
}
XENT_KERNEL xent_status cross_entropy_backward(const xent_call *call) {
  const bool whole = call->class_begin == 0 && call->class_end == call->shape->classes;
  if (whole && plain_labels_only(call) && in_blocks(call))
    return known_labels_in_blocks(call, cross_entropy_backward_one_by_one);
  return cross_entropy_backward_one_by_one(call);
}

#endif
