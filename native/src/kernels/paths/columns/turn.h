/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns that do not go in strips: some columns a, b, c at a time are transposed to rows of floats, computed as rows,
 * for any outputs, and the results are transposed back.
 *   x: a0 b0 c0 ...              a0 a1 a2 ...                         y: a0 b0 c0 ...
 *      a1 b1 c1 ...   turn_in    b0 b1 b2 ...   kernel    turn_back      a1 b1 c1 ...
 *      a2 b2 c2 ...              c0 c1 c2 ...   of rows                  a2 b2 c2 ...
 */
#ifndef XENT_TURN_H
#define XENT_TURN_H

#include "kernels/paths/columns/columns.h"

enum {
  XENT_TURNED_FEW = 104,    /* classes of columns that may go as sixteen rows, which take the most scratch */
  XENT_TURNED_SHORT = 256,  /* classes of columns that the paths of rows take; longer ones go one by one */
  XENT_TURNED_FEW_FLOATS = XENT_TURNED_FEW * XENT_LANES, /* of all tiles; the called kernel has its own scratch */
  XENT_TURNED_SHORT_FLOATS = 4096,
  XENT_TURNED_LONG_FLOATS = 14848,
  XENT_TURNED_LEAST = 2, /* columns at once */
  XENT_TURNED_MOST = 64
};

XENT_INLINE int64_t turned_pitch(const xent_call *call) { return (call->shape->classes + 3) & -4; }
XENT_INLINE bool turns(const xent_call *call, const void *array, const xent_layout *l) {
  return array && side_by_side(call->shape, l);
}
XENT_INLINE bool turns_targets(const xent_call *call) {
  return !has_labels(call) && !call->shape->target_count && turns(call, call->targets, &call->shape->targets);
}
XENT_INLINE bool turns_target_gradient(const xent_call *call) {
  return !call->shape->target_count && turns(call, call->target_gradient, &call->shape->target_gradient);
}
/* The number of columns that are transposed at once. */
XENT_INLINE int64_t turned_columns(const xent_call *call) {
  const int tiles =
      1 + turns_targets(call) + (call->output && turns_target_gradient(call)) + (call->class_mask != NULL);
  const int64_t n = call->shape->classes, floats = n <= XENT_TURNED_FEW     ? XENT_TURNED_FEW_FLOATS
                                                   : n <= XENT_TURNED_SHORT ? XENT_TURNED_SHORT_FLOATS
                                                                            : XENT_TURNED_LONG_FLOATS;
  const int64_t room = floats / (tiles * turned_pitch(call));
  return room >= XENT_TURNED_MOST ? XENT_TURNED_MOST : room >= XENT_LANES ? room & -XENT_LANES : room;
}
XENT_INLINE bool turned_fits(const xent_call *call) {
  const xent_shape *s = call->shape;
  return !call->row_offsets && !s->all_classes && s->classes > 1 && !has_short_runs(call) &&
         call->row_end - call->row_begin >= XENT_LEAST_COLUMNS && side_by_side(s, &s->logits) &&
         (!call->output || side_by_side(s, call->output_layout)) && turned_columns(call) >= XENT_TURNED_LEAST;
}

/* Transposes up to sixteen adjacent columns, `count` of them, four classes at a time. */
XENT_INLINE void turn_block_in(const char *x, int64_t step, int32_t type, int64_t n, int64_t count, float *to,
                               int64_t pitch) {
  XENT_ALIGNED float four[4 * XENT_LANES];
  for (int64_t c = 0; c < n; c += 4) {
    lanes t[4];
    for (int64_t k = 0; k < 4; k++) t[k] = load_columns(x + (c + k < n ? c + k : c) * step, type, count);
    if (count == XENT_LANES) {
      lanes_turn_out(t, to + c, pitch);
      continue;
    }
    lanes_turn_out(t, four, 4);
    for (int64_t i = 0; i < count; i++) memcpy(to + i * pitch + c, four + 4 * i, 4 * sizeof *to);
  }
}
XENT_INLINE void turn_block_out(const float *from, int64_t pitch, int64_t begin, int64_t end, int64_t count, char *y,
                                int64_t step, int32_t type) {
  XENT_ALIGNED float four[4 * XENT_LANES] = {0};
  for (int64_t c = begin; c < end; c += 4) {
    lanes t[4];
    for (int64_t i = 0; count < XENT_LANES && i < count; i++)
      memcpy(four + 4 * i, from + i * pitch + c, 4 * sizeof *from);
    if (count < XENT_LANES)
      lanes_turn_in(four, 4, t);
    else
      lanes_turn_in(from + c, pitch, t);
    for (int64_t k = 0; k < 4 && c + k < end; k++)
      strided_store(&(strided){.at = y + (c + k) * step, .stride = 1, .type = type}, 0, count, t[k]);
  }
}

/* Transposes columns of a strip to rows of a tile, and classes [begin, end) back. */
XENT_SHARED void turn_in(const xent_shape *shape, const xent_layout *l, const void *array, const strip *s, float *to,
                         int64_t pitch) {
  XENT_EACH_RUN(shape, s, run)
    for (int64_t i = 0; i < run.count; i += XENT_LANES)
      turn_block_in(column_at(shape, l, array, run.row + i, 0), step_of(l), l->type, shape->classes,
                    run.count - i < XENT_LANES ? run.count - i : XENT_LANES, to + (run.at + i) * pitch, pitch);
}
XENT_SHARED void turn_back(const xent_shape *shape, const xent_layout *l, const void *array, const strip *s,
                           const float *from, int64_t pitch, int64_t begin, int64_t end) {
  XENT_EACH_RUN(shape, s, run)
    for (int64_t i = 0; i < run.count; i += XENT_LANES)
      turn_block_out(from + (run.at + i) * pitch, pitch, begin, end,
                     run.count - i < XENT_LANES ? run.count - i : XENT_LANES,
                     (char *)(uintptr_t)column_at(shape, l, array, run.row + i, 0), step_of(l), l->type);
}
XENT_INLINE void turn_masks_in(const xent_call *call, const strip *s, uint8_t *to, int64_t pitch) {
  const xent_layout *l = &call->shape->class_mask;
  for (int64_t i = 0; i < s->width; i++) {
    const uint8_t *mask = (const uint8_t *)call->class_mask + row_offset(call->shape, l, s->row + i);
    for (int64_t c = 0; c < call->shape->classes; c++) to[i * pitch + c] = mask[c * l->classes];
  }
}

XENT_INLINE void lay_rows(const xent_shape *s, xent_layout *l, int64_t pitch, int32_t type) {
  *l = (xent_layout){.outer = s->inner * pitch, .inner = pitch, .classes = 1, .type = type};
}

/* Computes the columns of a strip with the kernel of rows. shape: that of the call, as one inner axis. */
XENT_SHARED xent_status turned_strip(const xent_call *call, const xent_shape *shape, const strip *s, xent_kernel kernel,
                                     float *scratch) {
  const xent_layout *output_layout = call->output_layout == &call->shape->output ? &shape->output : &shape->gradient;
  const int64_t pitch = turned_pitch(call), tile = s->pitch * pitch, row = s->row;
  const int64_t bytes = pitch * (int64_t)sizeof(float);
  xent_shape rows = *shape;
  xent_call seen = *call;
  float *x = scratch, *t = NULL, *dt = NULL;
  scratch += tile;
  seen.shape = &rows;
  seen.row_begin = row;
  seen.row_end = row + s->width;
  seen.stream = false;
  turn_in(shape, &shape->logits, call->logits, s, x, pitch);
  seen.logits = all_rows_of(x, row, bytes);
  lay_rows(shape, &rows.logits, pitch, XENT_F32);
  xent_layout out;
  lay_rows(shape, &out, pitch, XENT_F32);
  if (call->output) {
    seen.output = all_rows_of(x, row, bytes);
    seen.output_layout = &out;
  }
  if (turns_targets(call)) {
    t = scratch;
    scratch += tile;
    turn_in(shape, &shape->targets, call->targets, s, t, pitch);
    seen.targets = all_rows_of(t, row, bytes);
    lay_rows(shape, &rows.targets, pitch, XENT_F32);
  }
  if (turns_target_gradient(call)) {
    dt = call->output ? scratch : x; /* if x is not read afterwards */
    scratch += call->output ? tile : 0;
    seen.target_gradient = all_rows_of(dt, row, bytes);
    lay_rows(shape, &rows.target_gradient, pitch, XENT_F32);
  }
  if (turns(call, call->class_mask, &shape->class_mask)) {
    turn_masks_in(call, s, (uint8_t *)scratch, pitch);
    seen.class_mask = all_rows_of(scratch, row, pitch);
    lay_rows(shape, &rows.class_mask, pitch, shape->class_mask.type);
  }
  const xent_status status = kernel(&seen);
  strip done = *s;
  /* rows before an invalid label are written; none if the status is not about a row */
  if (status) done.width = call->report->row > row ? call->report->row - row : 0;
  if (call->output)
    turn_back(shape, output_layout, call->output, &done, x, pitch, call->class_begin, call->class_end);
  if (dt) turn_back(shape, &shape->target_gradient, call->target_gradient, &done, dt, pitch, 0, shape->classes);
  return status;
}

XENT_SHARED xent_status turned_strips(const xent_call *call, xent_kernel kernel, float *scratch) {
  xent_shape shape = *call->shape;
  strip s = {.row = call->row_begin, .pitch = turned_columns(call)};
  if (shape.inner == 1) lay_inward(&shape); /* a matrix of columns is one inner axis */
  for (; s.row < call->row_end; s.row += s.width) {
    s.width = call->row_end - s.row < s.pitch ? call->row_end - s.row : s.pitch;
    const xent_status status = turned_strip(call, &shape, &s, kernel, scratch);
    if (status) return status;
  }
  return XENT_OK;
}
XENT_SHARED xent_status turned_few(const xent_call *call, xent_kernel kernel) {
  XENT_ALIGNED float scratch[XENT_TURNED_FEW_FLOATS];
  return turned_strips(call, kernel, scratch);
}
XENT_SHARED xent_status turned_short(const xent_call *call, xent_kernel kernel) {
  XENT_ALIGNED float scratch[XENT_TURNED_SHORT_FLOATS];
  return turned_strips(call, kernel, scratch);
}
XENT_SHARED xent_status turned_long(const xent_call *call, xent_kernel kernel) {
  XENT_ALIGNED float scratch[XENT_TURNED_LONG_FLOATS];
  return turned_strips(call, kernel, scratch);
}
/* kernel: takes a path that fits; fallback: takes any row. */
XENT_INLINE xent_status turned_rows(const xent_call *call, xent_kernel kernel, xent_kernel fallback) {
  if (call->shape->classes <= XENT_TURNED_FEW) return turned_few(call, kernel);
  return call->shape->classes <= XENT_TURNED_SHORT ? turned_short(call, kernel) : turned_long(call, fallback);
}

#endif
