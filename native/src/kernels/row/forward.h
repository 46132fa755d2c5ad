/* SPDX-License-Identifier: Apache-2.0 */
/* The first pass of a forward: a row's chunks to states, and the states of a whole row to statistics. */
#ifndef XENT_FORWARD_H
#define XENT_FORWARD_H

#include "kernels/row/finish.h"

/* What a row is read with. */
typedef struct {
  const float *x;
  int64_t stride, classes;
  uint32_t kind;
  int64_t label;     /* XENT_KIND_LABEL */
  const float *q;    /* XENT_KIND_PROBABILITIES */
  int64_t q_stride;
  smoothing smooth;
  bool want_dot;     /* labels with smoothing */
  bool want_first;   /* is the label its chunk's first maximum */
} row_input;

XENT_INLINE smoothing smoothing_of(const xent_options *options, int64_t classes) {
  const double eps = options->label_smoothing;
  return (smoothing){.keep = 1 - eps, .add = eps / (double)classes};
}

XENT_INLINE row_input softmax_input(const xent_call *call, int64_t row) {
  return (row_input){.x = call->logits + row_offset(call->shape, &call->shape->logits, row),
                     .stride = call->shape->logits.classes,
                     .classes = call->shape->classes,
                     .kind = XENT_KIND_SOFTMAX,
                     .label = XENT_NO_CLASS};
}

/* A row of cross-entropy; its label is in range, or the row is ignored and this is not read. */
XENT_INLINE row_input targets_input(const xent_call *call, int64_t row, int64_t label) {
  row_input in = softmax_input(call, row);
  in.smooth = smoothing_of(call->options, in.classes);
  if (has_labels(call)) {
    in.kind = XENT_KIND_LABEL;
    in.label = label;
    in.want_dot = call->options->label_smoothing > 0;
  } else {
    in.kind = XENT_KIND_PROBABILITIES;
    in.q = (const float *)call->targets + row_offset(call->shape, &call->shape->targets, row);
    in.q_stride = call->shape->targets.classes;
  }
  return in;
}

XENT_INLINE double quiet_double(double v) {
  const uint64_t quiet = 0x7ff8000000000000ull;
  double nan;
  memcpy(&nan, &quiet, sizeof nan);
  return v != v ? nan : v;
}

/* The state of the n classes from `begin` on. keep: their e are kept in the buffers. Written field by field:
 * a struct that is put together and copied right away waits for its stores. */
XENT_SHARED void chunk_state(const row_input *in, int64_t begin, int64_t n, float shift, bool keep,
                             row_buffers buffers, xent_state *s) {
  const float *x = chunk_of(in->x, in->stride, begin, n, shift, buffers.input);
  const bool here = in->label >= begin && in->label < begin + n;
  const int64_t y = here ? in->label - begin : XENT_NO_CLASS;
  const chunk_sum c = keep ? sum_chunk_kept(x, n, y, buffers.kept, buffers.kept_reference)
                      : in->classes > XENT_CHUNK ? sum_chunk_ahead(x, n, y)
                                                 : sum_chunk_plain(x, n, y);
  uint32_t kind = in->kind | xent_state_version | (shift != 0 ? XENT_STATE_SHIFTED : 0);
  double dot = 0, mass = 0;
  if (here) kind |= XENT_STATE_LABEL_HERE;
  if (here && in->want_first && x[y] == c.max && largest_of(x, y) < x[y]) kind |= XENT_STATE_LABEL_FIRST_MAX;
  if (in->want_dot) dot = sum_in_double(x, n);
  if (in->kind == XENT_KIND_PROBABILITIES) {
    const float *q = chunk_of(in->q, in->q_stride, begin, n, 0.0f, buffers.other);
    sum_targets(x, q, n, in->smooth, &dot, &mass);
  }
  s->max = c.max;
  s->reference = c.reference;
  s->sum = quiet_double(c.sum);
  s->dot = quiet_double(dot);
  s->mass = quiet_double(mass);
  s->label_logit = !here ? 0.0f : x[y] != x[y] ? XENT_NAN : x[y];
  s->kind = kind;
}

XENT_INLINE void fold_row(const row_input *in, float shift, bool keep, row_buffers buffers, row_fold *fold) {
  fold_begin(fold);
  for (int64_t i = 0; i < in->classes; i += XENT_CHUNK) {
    xent_state s;
    chunk_state(in, i, chunk_length(i, in->classes), shift, keep, buffers, &s);
    fold_state(fold, &s);
  }
}

/* Both rounds. keep: a row of one chunk leaves its e in the buffers. */
XENT_SHARED void whole_row(const row_input *in, const xent_options *options, bool keep, row_buffers buffers,
                           row_fold *fold, xent_statistics *s) {
  fold_row(in, 0.0f, keep, buffers, fold);
  if (!finish_fold(fold, in->kind, 0.0f, false, options, s)) return;
  const float shift = s->shift;
  fold_row(in, shift, keep, buffers, fold);
  finish_fold(fold, in->kind, shift, true, options, s);
}

#endif
