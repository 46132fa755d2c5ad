/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backward of softmax and log-softmax of columns, as in paths/backward/backward_rows.h.
 *   for each strip of adjacent rows:
 *     load g and y into tiles;  s = float(sum of g y) of each row, in log-softmax of g
 *     dx = y (g - s), in log-softmax g - exp(y) s: overwrites g;  store dx
 * If all classes fit, they are read once. Otherwise each group is read for the sums and again for dx. Neighbours in
 * whole blocks are read and written in place. Masked elements are +0 in y, g and dx.
 */
#ifndef XENT_BACKWARD_COLUMNS_H
#define XENT_BACKWARD_COLUMNS_H

#include "kernels/paths/columns/columns.h"
#include "kernels/stages/emit/emit_backward.h"

XENT_INLINE void clear_masked_classes(const column_call *a, const strip *s, int64_t n, float *tile) {
  XENT_EACH_BLOCK(s, at)
    for (int64_t c = 0; c < n; c++) {
      const int64_t to = c * s->pitch + at;
      lanes_store(tile + to, lanes_where_set(a->mask + to, lanes_load(tile + to), lanes_set(0.0f)));
    }
}
/* Loads n classes from `begin` on of g, and of y if it is needed. */
XENT_SHARED void load_tensors(const column_call *a, const strip *s, int64_t begin, int64_t n, bool wants_y) {
  const xent_call *call = a->call;
  const xent_shape *shape = call->shape;
  column_floats unused;
  gather_strip(shape, &shape->upstream, call->upstream, s, begin, n, a->x, unused);
  if (wants_y) gather_strip(shape, &shape->output, call->forward_output, s, begin, n, a->t, unused);
  if (!a->marks) return;
  XENT_EACH_BLOCK(s, at) load_marks(a, s, at, begin, n);
  clear_masked_classes(a, s, n, a->x);
  if (wants_y) clear_masked_classes(a, s, n, a->t);
}

/* g and y of a block: in the tiles, or in place. */
typedef struct {
  const char *g, *y;
  int64_t g_step, y_step; /* bytes from class to class */
  int32_t g_type, y_type;
} block_tensors;

XENT_INLINE block_tensors tensors_of_block(const column_call *a, const strip *s, int64_t at, int64_t class,
                                           int64_t offset, bool in_memory) {
  const xent_shape *shape = a->call->shape;
  const xent_layout *g = &shape->upstream, *y = &shape->output;
  if (in_memory)
    return (block_tensors){column_at(shape, g, a->call->upstream, s->row + at, class),
                           column_at(shape, y, a->call->forward_output, s->row + at, class),
                           step_of(g), step_of(y), g->type, y->type};
  const int64_t step = s->pitch * (int64_t)sizeof(float);
  return (block_tensors){
      (const char *)(a->x + at + offset), (const char *)(a->t + at + offset), step, step, XENT_F32, XENT_F32};
}

/* Adds g y (for log-softmax g) of n classes: a group of a chunk of `length` classes. */
XENT_SHARED void add_products_of_block(const column_call *a, const block_tensors *of, int64_t n, int64_t length,
                                       tile_chunk *k) {
  const block_tensors b = *of;
  for (int64_t c = 0; c < n; c++) {
    const lanes v = load_columns(b.g + c * b.g_step, b.g_type, XENT_LANES);
    lanes_store(a->spare + c * XENT_LANES,
                a->log ? v : lanes_mul(v, load_columns(b.y + c * b.y_step, b.y_type, XENT_LANES)));
  }
  add_terms(k, a->spare, XENT_LANES, n, length);
}

/* Computes s = float(sum) of columns [from, to), at most four blocks; no sum is -0. The tiles hold all classes, or are
 * filled with them. */
XENT_SHARED void sum_products(const column_call *a, const strip *s, int64_t from, int64_t to, bool in_memory,
                              bool fits_scratch, float *sums) {
  const int64_t classes = a->call->shape->classes;
  dlanes total[XENT_LONG_COLUMNS / XENT_LANES];
  tile_chunk k[XENT_LONG_COLUMNS / XENT_LANES];
  for (int64_t at = from; at < to; at += XENT_LANES) total[(at - from) / XENT_LANES] = dlanes_zero();
  for (int64_t i = 0; i < classes; i += XENT_CHUNK) {
    const int64_t length = chunk_length(i, classes);
    for (int64_t at = from; at < to; at += XENT_LANES) begin_chunk(&k[(at - from) / XENT_LANES], length);
    for (int64_t c = 0; c < length; c += XENT_GROUP) {
      const int64_t n = group_length(c, length), offset = fits_scratch ? c * s->pitch : 0;
      if (!fits_scratch && !in_memory) load_tensors(a, s, i + c, n, !a->log);
      for (int64_t at = from; at < to; at += XENT_LANES) {
        const block_tensors b = tensors_of_block(a, s, at, i + c, offset, in_memory);
        add_products_of_block(a, &b, n, length, &k[(at - from) / XENT_LANES]);
      }
    }
    for (int64_t at = from; at < to; at += XENT_LANES) {
      const int64_t block = (at - from) / XENT_LANES;
      total[block] = dlanes_add(total[block], dlanes_add(end_chunk(&k[block], length), dlanes_zero()));
    }
  }
  for (int64_t at = from; at < to; at += XENT_LANES)
    lanes_store(sums + at, dlanes_narrow(total[(at - from) / XENT_LANES]));
}

/* Computes dx of n classes of a block, as floats. past: store past the caches. */
XENT_INLINE void emit_products_as(const column_call *a, const block_tensors *of, char *dx, int64_t step, int64_t n,
                                  lanes sum, const bool log, const bool past) {
  const exp_references references = references_of_backward();
  const lanes r = lanes_set((float)a->call->factor);
  const block_tensors b = *of;
  for (int64_t c = 0; c < n; c++) {
    lanes v[1] = {load_columns(b.y + c * b.y_step, b.y_type, XENT_LANES)};
    if (log) exp_lanes(v, 1, &references, false, &temperature_1);
    const lanes g = load_columns(b.g + c * b.g_step, b.g_type, XENT_LANES);
    put((float *)(void *)(dx + c * step), lanes_quiet(backward_lanes(v[0], g, sum, r, log, true)), past);
  }
}
XENT_SHARED void emit_products(const column_call *a, const block_tensors *b, char *dx, int64_t step, int64_t n,
                               const float *sums, bool past) {
  const lanes sum = lanes_load(sums);
  if (a->log)
    emit_products_as(a, b, dx, step, n, sum, true, past);
  else if (past)
    emit_products_as(a, b, dx, step, n, sum, false, true);
  else
    emit_products_as(a, b, dx, step, n, sum, false, false);
}

/* Neighbours in whole blocks, in place. */
XENT_INLINE void emit_in_memory(const column_call *a, const strip *s, const float *sums) {
  const xent_call *call = a->call;
  const xent_layout *l = call->output_layout;
  char *dx = (char *)(uintptr_t)column_at(call->shape, l, call->output, s->row, call->class_begin);
  const bool past = call->stream && stores_past(l, dx, s->width) == XENT_STORE_PAST;
  XENT_EACH_BLOCK(s, at) {
    const block_tensors b = tensors_of_block(a, s, at, call->class_begin, 0, true);
    emit_products(a, &b, dx + at * (int64_t)sizeof(float), step_of(l), call->class_end - call->class_begin, sums + at,
                  past);
  }
}
/* Writes n classes from `begin` on, which are in the tiles: dx overwrites g. */
XENT_INLINE void emit_from_tiles(const column_call *a, const strip *s, int64_t begin, int64_t n, const float *sums) {
  XENT_EACH_BLOCK(s, at) {
    const block_tensors b = tensors_of_block(a, s, at, begin, 0, false);
    emit_products(a, &b, (char *)(a->x + at), s->pitch * (int64_t)sizeof(float), n, sums + at, false);
  }
  if (a->marks) clear_masked_classes(a, s, n, a->x);
  store_runs(a, s, begin, n, NULL, false);
}

/* If the distance between classes is a multiple of a page, they map to the same few cache sets and evict each other. */
XENT_INLINE bool classes_collide(const xent_call *call) {
  const xent_shape *s = call->shape;
  return (step_of(&s->output) % XENT_PAGE == 0 || step_of(&s->upstream) % XENT_PAGE == 0) && s->classes > 2;
}

XENT_SHARED xent_status backward_strips(const column_call *of, strip *s) {
  XENT_ALIGNED float scratch[XENT_STRIP_FLOATS], spare[XENT_GROUP * XENT_LANES];
  uint8_t mask[XENT_STRIP_FLOATS / 2];
  column_call own = *of, *a = &own;
  column_floats sums;
  const xent_call *call = a->call;
  a->x = scratch;
  a->t = scratch + XENT_STRIP_FLOATS / 2;
  a->mask = mask;
  a->spare = spare;
  while (next_strip(a, s)) {
    const bool in_memory = a->direct && s->width >= XENT_LANES && run_at(call->shape, s, 0).count == s->width,
               fits_scratch = a->fits_scratch && !in_memory;
    const int64_t step = fits_scratch ? call->shape->classes : XENT_GROUP;
    if (in_memory) s->width &= -XENT_LANES;
    if (fits_scratch) load_tensors(a, s, 0, step, true);
    for (int64_t at = 0; !call->known_statistics && at < s->width; at += XENT_LONG_COLUMNS) {
      const int64_t to = s->width - at < XENT_LONG_COLUMNS ? s->width : at + XENT_LONG_COLUMNS;
      sum_products(a, s, at, to, in_memory, fits_scratch, sums);
    }
    for (int64_t k = 0; call->known_statistics && k < s->width; k++)
      sums[k] = (float)known_statistics_at(call, s->row + k)->sum;
    if (in_memory) emit_in_memory(a, s, sums);
    for (int64_t i = call->class_begin; !in_memory && i < call->class_end; i += step) {
      const int64_t n = call->class_end - i < step ? call->class_end - i : step;
      if (!fits_scratch) load_tensors(a, s, i, n, true);
      emit_from_tiles(a, s, i, n, sums);
    }
  }
  return XENT_OK;
}

XENT_INLINE bool strips_fit_backward(const xent_call *call) {
  const xent_shape *s = call->shape;
  return !call->row_offsets && has_enough_columns(call) && side_by_side(s, &s->output) &&
         side_by_side(s, &s->upstream) && side_by_side(s, call->output_layout);
}
XENT_KERNEL xent_status strips_softmax_backward(const xent_call *call, xent_kernel fallback) {
  const int64_t classes = call->shape->classes, room = XENT_STRIP_FLOATS / 2;
  column_view view;
  column_call a;
  memset(&a, 0, sizeof a);
  begin_columns(&a, &view, call);
  a.marks = call->class_mask != NULL;
  a.log = call->log;
  a.fits_scratch = tile_classes(classes) * XENT_LANES <= room && call->class_end - call->class_begin == classes;
  const int64_t most = room / (a.fits_scratch ? tile_classes(classes) : XENT_GROUP) & -XENT_LANES;
  const int64_t near = XENT_STRIP_NEAR / 2 / tile_classes(classes) & -XENT_LANES,
                pitch = near < XENT_LONG_COLUMNS ? XENT_LONG_COLUMNS : near;
  a.direct = !a.marks && call->output_layout->type == XENT_F32 && !(a.fits_scratch && classes_collide(call));
  const bool wide = a.direct && view.shape.inner >= 4 * XENT_LANES;
  a.pitch = pitch < most && !wide ? pitch : most; /* the tiles share the first-level cache */
  if (a.pitch > XENT_STRIP_COLUMNS) a.pitch = XENT_STRIP_COLUMNS;
  return each_strip(&a, backward_strips, fallback);
}

#endif
