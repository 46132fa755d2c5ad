/* SPDX-License-Identifier: Apache-2.0 */
/* Which calls go column by column, and how their rows are cut into strips. */
#ifndef XENT_COLUMNS_H
#define XENT_COLUMNS_H

#include "kernels/block/input.h"
#include "kernels/columns/results.h"

/* Decided once per call, from its shape. */
XENT_INLINE bool columns_fit(const xent_call *call) {
  const xent_shape *shape = call->shape;
  if (call->row_end - call->row_begin < XENT_LEAST_COLUMNS || shape->classes > XENT_MOST_COLUMN_CLASSES) return false;
  if (shape->logits.classes == 1 || !side_by_side(shape, &shape->logits)) return false;
  if (call->output && !side_by_side(shape, call->output_layout)) return false;
  return !call->targets || has_labels(call);
}

/* Whether an output goes past the caches whose lines begin at another column in each class. */
XENT_INLINE bool wants_wide(const xent_call *call) { return call->stream && !lines_agree(call->output_layout->classes); }

/* A strip that is read twice is to be in the second cache still, if it can. */
XENT_INLINE int64_t long_pitch(const xent_call *call) {
  const int64_t fits = XENT_STRIP_FAR / call->shape->classes & -XENT_LANES;
  return call->output && fits > 0 && fits < XENT_LONG_COLUMNS ? fits : XENT_LONG_COLUMNS;
}

XENT_INLINE int64_t forward_pitch(const xent_call *call) {
  if (!is_short(call)) return long_pitch(call);
  return strip_pitch(call->shape->classes, XENT_STRIP_FLOATS, wants_wide(call));
}

typedef xent_status (*strip_kernel)(const xent_call *call, strip *s, column_set *apart);

XENT_SHARED xent_status each_apart(const xent_call *call, const strip *s, const column_set *apart, row_kernel row) {
  for (int64_t j = next_of_set(apart, 0, s->width); j < s->width; j = next_of_set(apart, j + 1, s->width)) {
    const xent_status status = row_alone(call, s->row + j, row);
    if (status) return status;
  }
  return XENT_OK;
}

/* Strips of all rows; then, the strip's scratch being given back, its rows that need more, one by one. */
XENT_SHARED xent_status each_strip(const xent_call *call, int64_t pitch, strip_kernel kernel, row_kernel row) {
  xent_shape shape = *call->shape;
  xent_call seen = *call;
  if (shape.inner == 1) lay_inward(&shape);
  seen.shape = &shape;
  if (call->output) seen.output_layout = call->output_layout == &call->shape->output ? &shape.output : &shape.gradient;
  for (int64_t next = call->row_begin; next < call->row_end;) {
    strip s = strip_from(&seen, next, pitch);
    column_set apart = {{0}};
    const xent_status invalid = kernel(&seen, &s, &apart);
    const xent_status status = each_apart(call, &s, &apart, row);
    if (status) return status;
    if (invalid) return invalid;
    next += s.width;
  }
  return XENT_OK;
}

#endif
