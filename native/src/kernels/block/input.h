/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows make a block, and their labels. */
#ifndef XENT_BLOCK_INPUT_H
#define XENT_BLOCK_INPUT_H

#include "kernels/block/results.h"
#include "kernels/row/chunk.h"

enum { XENT_CACHED_FLOATS = 1 << 22 };

/* Rows that are not taken in a block, by the kernel that takes one row after the other. */
typedef xent_status (*row_kernel)(const xent_call *call);

XENT_SHARED xent_status row_alone(const xent_call *call, int64_t row, row_kernel kernel) {
  xent_call one = *call;
  one.row_begin = row;
  one.row_end = row + 1;
  return kernel(&one);
}
XENT_INLINE xent_status rows_alone(const xent_call *call, const block_rows *b, uint32_t rows, row_kernel kernel) {
  xent_status status = XENT_OK;
  for (; rows && !status; rows &= rows - 1) status = row_alone(call, block_row(b, __builtin_ctz(rows)), kernel);
  return status;
}

/* The rows of a call, block by block. */
typedef struct {
  const xent_call *call;
  row_kernel kernel;
  int64_t row;
  xent_status status;
} block_source;

XENT_INLINE int32_t plain_label(const void *targets, const int32_t type, int64_t at, int64_t classes, int64_t ignored,
                                uint32_t *odd) {
  const int64_t v = load_label_at(targets, type, at);
  *odd |= (uint64_t)v >= (uint64_t)classes || v == ignored;
  return (int32_t)v;
}
XENT_INLINE bool plain_labels_of(const xent_call *call, int64_t row, int count, const int32_t type, int32_t *label) {
  const int64_t ignored = call->options->has_ignore_index ? call->options->ignore_index : -1;
  const int64_t stride = call->shape->targets.outer, classes = call->shape->classes;
  uint32_t odd = 0;
  for (int i = 0; i < count; i++)
    label[i] = plain_label(call->targets, type, (row + i) * stride, classes, ignored, &odd);
  return !odd;
}
/* `count` labels from `row` on; false where one of them is ignored or out of range. */
XENT_INLINE bool plain_labels(const xent_call *call, int64_t row, int count, int32_t *label) {
  if (call->shape->inner != 1) return false;
  switch (call->shape->targets.type) {
    case XENT_I32: return plain_labels_of(call, row, count, XENT_I32, label);
    case XENT_I64: return plain_labels_of(call, row, count, XENT_I64, label);
    default: return false;
  }
}

/* The next rows whose labels are neither ignored nor out of range. Ignored rows in between are finished at once;
 * a label out of range is the end of the rows. */
XENT_SHARED void block_take_labels(block_source *s, block_rows *b, int32_t label[XENT_BLOCK_ROWS], int most) {
  b->first = s->row;
  b->count = 0;
  b->adjacent = true;
  for (int i = 0; i < XENT_BLOCK_ROWS; i++) label[i] = 0;
  for (; s->row < s->call->row_end && b->count < most; s->row++) {
    row_label l = {0, false};
    s->status = label_of_row(s->call, s->row, &l);
    if (s->status) {
      s->row = s->call->row_end;
      return;
    }
    if (l.ignored) {
      s->status = row_alone(s->call, s->row, s->kernel);
      if (s->status) s->row = s->call->row_end - 1;
      continue;
    }
    if (b->count == 0) b->first = s->row;
    if (s->row != b->first + b->count) b->adjacent = false;
    b->row[b->count] = s->row;
    label[b->count++] = (int32_t)l.index;
  }
}

/* The next rows of a call, at most `most`; a count of 0 is the end. */
XENT_INLINE void block_take(block_source *s, block_rows *b, int32_t label[XENT_BLOCK_ROWS], const bool labels,
                            int most) {
  const int64_t left = s->call->row_end - s->row;
  if (labels && !(left >= most && plain_labels(s->call, s->row, most, label))) {
    block_take_labels(s, b, label, most);
    return;
  }
  b->first = s->row;
  b->count = left < most ? (int)left : most;
  b->adjacent = true;
  s->row += b->count;
}

/* Which of the rows whose label is at x[i][label[i]] have it as the first of their largest logits. */
XENT_INLINE bool label_is_first(const float *x, int32_t label) { return largest_of(x, label) < x[label]; }

/* Whether the logits come from memory: then they are fetched ahead. */
XENT_INLINE bool is_large(const xent_call *call) {
  const xent_shape *s = call->shape;
  return s->outer * s->inner * s->classes >= XENT_CACHED_FLOATS;
}
/* n floats that lie XENT_PREFETCH_AHEAD behind x; the address may lie behind the tensor, which a prefetch may. */
XENT_INLINE void prefetch_floats(const float *x, int64_t n) {
  const uintptr_t from = (uintptr_t)x + XENT_PREFETCH_AHEAD * sizeof *x;
  for (int64_t k = 0; k < n; k += XENT_LANES) __builtin_prefetch((const void *)(from + (uintptr_t)k * sizeof *x));
}

/* Whether the rows are sixteen and lie one behind the other in an array. */
XENT_INLINE bool block_is_dense(const xent_call *call, const block_rows *b, const xent_layout *layout) {
  return b->adjacent && b->count == XENT_BLOCK_ROWS && call->shape->inner == 1 &&
         layout->outer == call->shape->classes;
}

#endif
