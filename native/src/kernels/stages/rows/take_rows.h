/* SPDX-License-Identifier: Apache-2.0 */
/* Selects up to sixteen rows of a call that are processed together, and loads their numbers before their logits are
 * read. */
#ifndef XENT_TAKE_ROWS_H
#define XENT_TAKE_ROWS_H

#include "kernels/stages/results/write.h"
#include "kernels/stages/sum/chunk.h"

enum { XENT_CACHED_FLOATS = 1 << 22 };

/* Computes a row that needs the fallback, which processes one row after the other. */
XENT_SHARED xent_status row_alone(const xent_call *call, int64_t row, xent_kernel fallback) {
  xent_call one = *call;
  one.row_begin = row;
  one.row_end = row + 1;
  return fallback(&one);
}
/* Writes the results of an ignored row, and its gradients, which are +0. */
XENT_SHARED void write_ignored_row(const job *j, int64_t row) {
  const xent_call *call = j->call;
  const xent_layout *l = &call->shape->target_gradient;
  const row_span span = span_of_row(call, row);
  const int64_t end = call->class_end < span.classes ? call->class_end : span.classes;
  const strided y = strided_row(call, call->output, call->output_layout, span);
  write_special(j, row, XENT_ROW_IGNORED);
  if (call->output) strided_fill(&y, call->class_begin, end, 0.0f);
  if (!call->target_gradient) return;
  const strided t = j->sparse ? strided_at(call->target_gradient, l, row_offset(call->shape, l, row))
                             : strided_row(call, call->target_gradient, l, span);
  strided_fill(&t, 0, j->sparse ? call->shape->target_count : span.classes, 0.0f);
}

/* The other rows of a block, by the fallback. */
XENT_INLINE xent_status rows_alone(const job *j, const row_set *b, uint32_t regular, xent_kernel fallback) {
  xent_status status = XENT_OK;
  for (uint32_t rest = b->ignored; rest; rest &= rest - 1) write_ignored_row(j, row_of(b, __builtin_ctz(rest)));
  for (uint32_t rest = all_rows(b) & ~regular & ~b->ignored; rest && !status; rest &= rest - 1)
    status = row_alone(j->call, row_of(b, __builtin_ctz(rest)), fallback);
  return status;
}

/* The rows of a call, sixteen at a time. */
typedef struct {
  const job *j;
  int64_t row;
  xent_status status;
} row_reader;

XENT_INLINE bool plain_labels_of(const xent_call *call, int64_t row, int count, const int32_t type, int32_t *label,
                                 uint32_t *ignored) {
  const bool ignores = ignores_a_class(call);
  const int64_t none = ignores ? call->options->ignore_index : -1;
  const int64_t stride = call->shape->targets.outer, classes = call->shape->classes;
  uint32_t odd = 0, wrong = 0;
  for (int i = 0; i < count; i++) {
    const int64_t v = load_label_at(call->targets, type, (row + i) * stride);
    odd |= (uint64_t)v >= (uint64_t)classes || v == none;
    label[i] = (int32_t)v;
  }
  *ignored = 0;
  if (__builtin_expect(!odd, 1)) return true;
  for (int i = 0; ignores && i < count; i++) {
    const int64_t v = load_label_at(call->targets, type, (row + i) * stride);
    wrong |= v != none && (uint64_t)v >= (uint64_t)classes;
    if (v == none) *ignored |= 1u << i;
    label[i] = v == none ? 0 : (int32_t)v;
  }
  return ignores && !wrong;
}
/* Loads `count` labels from `row` on, 0 for ignored rows; false if one is out of range. */
XENT_INLINE bool plain_labels(const xent_call *call, int64_t row, int count, int32_t *label, uint32_t *ignored) {
  switch (call->shape->targets.type) {
    case XENT_I32: return plain_labels_of(call, row, count, XENT_I32, label, ignored);
    case XENT_I64: return plain_labels_of(call, row, count, XENT_I64, label, ignored);
    default: return plain_labels_of(call, row, count, call->shape->targets.type, label, ignored);
  }
}
/* Loads a number per row, or `otherwise`. */
XENT_INLINE void load_numbers(const job *j, const row_set *b, const void *array, const xent_layout *l, double otherwise,
                              double *to) {
  int64_t at;
  if (array && l->type == XENT_F32 && b->count == XENT_ROWS && rows_are_contiguous(j->call, b, l, &at)) {
    dlanes_store(to, dlanes_widen(lanes_load((const float *)array + at)));
    return;
  }
  for (int i = 0; i < XENT_ROWS; i++) to[i] = otherwise;
  for (int i = 0; array && i < XENT_ROWS; i++)
    to[i] = float_at(array, l->type, row_offset(j->call->shape, l, row_of(b, i < b->count ? i : 0)));
}
/* Whether no row of `count` rows from `row` on has weight 0 or a masked label. */
XENT_SHARED bool none_left_out(const job *j, int64_t row, int count, const int32_t *label) {
  const xent_call *call = j->call;
  bool out = false;
  if (call->row_weights) {
    row_set rows;
    double weights[XENT_ROWS];
    rows.first = row;
    rows.count = count;
    rows.adjacent = true;
    load_numbers(j, &rows, call->row_weights, &call->shape->row_weights, 1, weights);
    out = dlanes_bits_at_most(dlanes_magnitude(dlanes_load(weights)), dlanes_zero());
  }
  for (int i = 0; j->labels && call->class_mask && i < count; i++)
    out |= !takes_part(call, (row_span){.row = row + i, .classes = call->shape->classes}, label[i]);
  return !out;
}
/* Whether `count` rows can be processed without gaps; sets their labels, and the ignored ones. */
XENT_SHARED bool rows_as_they_come(const job *j, int64_t row, int count, int32_t *label, uint32_t *ignored) {
  const xent_call *call = j->call;
  if (j->sparse) return false;
  if (j->labels && (call->shape->inner != 1 || call->row_offsets || !plain_labels(call, row, count, label, ignored)))
    return false;
  return !(call->row_weights || (j->labels && call->class_mask)) || none_left_out(j, row, count, label);
}

/* The next rows with valid labels; a label out of range ends the rows. Ignored rows are finished at once, or kept, so
 * that the others are adjacent. */
XENT_SHARED void take_each_row(row_reader *s, row_set *b, int32_t label[XENT_ROWS], int most, bool keep_ignored) {
  const xent_call *call = s->j->call;
  b->first = s->row;
  b->count = 0;
  b->ignored = 0;
  b->adjacent = true;
  for (int i = 0; i < XENT_ROWS; i++) label[i] = 0;
  for (; s->row < call->row_end && b->count < most; s->row++) {
    row_targets t = targets_of_call(call);
    const row_span span = span_of_row(call, s->row);
    s->status = targets_of_row(call, span, &t);
    if (!s->status) s->status = check_sparse_row(call, span, &t);
    if (s->status) {
      s->row = call->row_end;
      return;
    }
    if (t.ignored && !keep_ignored) {
      write_ignored_row(s->j, s->row);
      continue;
    }
    if (b->count == 0) b->first = s->row;
    if (s->row != b->first + b->count) b->adjacent = false;
    b->row[b->count] = s->row;
    b->ignored |= (uint32_t)t.ignored << b->count;
    label[b->count++] = t.label < 0 ? 0 : (int32_t)t.label;
  }
}

/* The next rows of a call, at most `most`; a count of 0 means the end. */
XENT_INLINE void take_rows(row_reader *s, row_set *b, int32_t label[XENT_ROWS], int most, bool keep_ignored) {
  const xent_call *call = s->j->call;
  const int64_t left = call->row_end - s->row;
  const bool each = s->j->labels || s->j->sparse || call->row_weights;
  uint32_t ignored = 0;
  if (each && !(left >= most && rows_as_they_come(s->j, s->row, most, label, &ignored) && (keep_ignored || !ignored))) {
    take_each_row(s, b, label, most, keep_ignored);
    return;
  }
  for (int i = most; i < XENT_ROWS; i++) label[i] = 0; /* lanes without a row have a class, too */
  b->first = s->row;
  b->count = left < most ? (int)left : most;
  b->ignored = ignored;
  b->adjacent = true;
  s->row += b->count;
}

/* Loads weights, sinks and similar inputs of the rows. counted: the number of classes that are not masked. */
XENT_SHARED void load_row_numbers(const job *j, const row_set *b, const int32_t *label, const int64_t *counted,
                                  row_sums *in) {
  const xent_call *call = j->call;
  const xent_shape *s = call->shape;
  load_numbers(j, b, call->row_weights, &s->row_weights, 1, in->row_weight);
  load_numbers(j, b, call->upstream, &s->upstream, 1, in->upstream);
  for (int i = 0; i < XENT_ROWS; i++) in->weight[i] = 1;
  for (int i = 0; j->labels && j->weighted && i < XENT_ROWS; i++) in->weight[i] = class_weight_at(call, label[i]);
  if (call->sink) {
    double sink[XENT_ROWS];
    load_numbers(j, b, call->sink, &s->sink, 0, sink);
    for (int i = 0; i < XENT_ROWS; i++) in->sink[i] = sink_logit(sink[i], &j->temperature);
  }
  for (int i = 0; i < XENT_ROWS; i++) {
    in->smoothed_count[i] = (double)(counted[i] - (j->labels && j->others));
    in->dot[i] = in->mass[i] = in->entropy[i] = 0;
  }
}

/* The row of each number of a dense block, with n classes per row. */
XENT_INLINE void map_rows(int32_t *rows, int64_t n) {
  const uint32_t reciprocal = (1u << 20) / (uint32_t)n + 1; /* i / n exactly, for i < 2^11 */
  for (uint32_t i = 0; i < XENT_DENSE_ROWS * (uint32_t)n; i++) rows[i] = (int32_t)(i * reciprocal >> 20);
}

/* Whether the logits come from memory; if so, they are prefetched. */
XENT_INLINE bool is_large(const xent_call *call) {
  const xent_shape *s = call->shape;
  return s->outer * s->inner * s->classes >= XENT_CACHED_FLOATS;
}
/* Prefetches n floats XENT_PREFETCH_AHEAD after x; the address may be past the tensor, which a prefetch may access. */
XENT_INLINE void prefetch_floats(const float *x, int64_t n) {
  const uintptr_t from = (uintptr_t)x + XENT_PREFETCH_AHEAD * sizeof *x;
  for (int64_t k = 0; k < n; k += XENT_LANES) __builtin_prefetch((const void *)(from + (uintptr_t)k * sizeof *x));
}

#endif
