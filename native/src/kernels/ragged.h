/* SPDX-License-Identifier: Apache-2.0 */
/* Ragged rows as calls that take any path: rows of one length that follow each other are one call without offsets, and
 * others of up to a vector are one call with them. */
#ifndef XENT_RAGGED_H
#define XENT_RAGGED_H

#include "kernels/stages/targets/targets.h"
#include "kernels/vector/vector.h"

enum { XENT_RAGGED_RUN = 16 }; /* short rows of one length that are a call */

/* Whether a call has ragged rows to divide. A row may have fewer classes than a call wants largest ones. */
XENT_INLINE bool is_ragged(const xent_call *call) {
  return call->row_offsets && !call->divided && !call->top_classes && !call->top_log_probabilities;
}

/* An array with a number per class, and its place in a call on rows of one length. */
typedef struct {
  const char *from;
  const void **array;
  xent_layout *layout;
  int64_t size;
} ragged_array;

XENT_INLINE int ragged_arrays(xent_call *own, xent_shape *s, xent_layout *output, ragged_array *arrays) {
  const ragged_array all[] = {
      {.array = (void *)&own->logits, .layout = &s->logits},
      {.array = (void *)&own->output, .layout = output},
      {.array = (void *)&own->forward_output, .layout = &s->output},
      {.array = own->forward_output ? (void *)&own->upstream : NULL, .layout = &s->upstream},
      {.array = has_labels(own) || s->target_count ? NULL : &own->targets, .layout = &s->targets},
      {.array = s->target_count ? NULL : (void *)&own->target_gradient, .layout = &s->target_gradient},
      {.array = &own->class_mask, .layout = &s->class_mask},
  };
  int count = 0;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    if (!all[i].array || !*all[i].array) continue;
    arrays[count] = all[i];
    arrays[count].from = *all[i].array;
    arrays[count++].size = all[i].layout->type == XENT_U8 ? 1 : size_of_float(all[i].layout->type);
  }
  return count;
}

/* Moves the arrays to where rows of n classes would begin if the row at `span` had its place among them. */
XENT_INLINE void move_ragged(const ragged_array *arrays, int count, row_span span) {
  const uint64_t begin = (uint64_t)span.begin - (uint64_t)span.row * (uint64_t)span.classes;
  for (int i = 0; i < count; i++) {
    const uint64_t stride = (uint64_t)arrays[i].layout->classes;
    arrays[i].layout->outer = (int64_t)((uint64_t)span.classes * stride);
    *arrays[i].array = (const void *)((uintptr_t)arrays[i].from + begin * stride * (uint64_t)arrays[i].size);
  }
}
XENT_INLINE void limit_classes(const xent_call *call, int64_t n, xent_call *own, xent_shape *shape) {
  shape->classes = n;
  own->class_begin = call->class_begin < n ? call->class_begin : n;
  own->class_end = call->class_end < n ? call->class_end : n;
}

XENT_KERNEL xent_status ragged_rows(const xent_call *call, xent_kernel kernel) {
  xent_shape shape = *call->shape, short_shape = shape;
  xent_call own = *call, few = own; /* rows of one length, and short rows */
  ragged_array arrays[7];
  xent_layout *output = call->output_layout == &call->shape->output ? &shape.output : &shape.gradient;
  const int count = ragged_arrays(&own, &shape, output, arrays);
  const int64_t end = call->row_end;
  own.shape = &shape;
  own.output_layout = output;
  own.row_offsets = NULL;
  few.shape = &short_shape;
  few.divided = true;
  limit_classes(call, XENT_LANES, &few, &short_shape);
  xent_status status = XENT_OK;
  int64_t first = call->row_begin; /* of the short rows that were not computed yet */
  row_span span = span_of_row(call, first), next = span;
  for (int64_t row = first; !status && row < end; span = next) {
    while (++row < end) {
      next = span_of_row(call, row);
      if (next.classes != span.classes || next.begin != span.begin + (row - span.row) * span.classes) break;
    }
    const bool is_short = !span.classes || (span.classes <= XENT_LANES && row - span.row < XENT_RAGGED_RUN);
    few.row_begin = first;
    few.row_end = is_short ? row : span.row;
    if (few.row_begin < few.row_end && (!is_short || row == end)) status = kernel(&few);
    if (is_short || status) continue;
    own.row_begin = span.row;
    own.row_end = first = row;
    move_ragged(arrays, count, span);
    limit_classes(call, span.classes, &own, &shape);
    status = kernel(&own);
  }
  return status;
}

#endif
