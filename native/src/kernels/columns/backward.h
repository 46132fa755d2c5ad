/* SPDX-License-Identifier: Apache-2.0 */
/* Backward of softmax and log-softmax of columns: sixteen side by side. */
#ifndef XENT_COLUMNS_BACKWARD_H
#define XENT_COLUMNS_BACKWARD_H

#include "kernels/columns/columns.h"
#include "kernels/emit/backward.h"

enum { XENT_BACKWARD_FLOATS = 8192 }; /* of each of y and g: room for a copy */

/* Neighbouring columns of g and y: a and b. */
typedef struct {
  const char *a, *b;
  int64_t a_step, b_step; /* bytes from class to class */
  int32_t a_type, b_type;
} column_terms;

/* From the first of some neighbouring columns on, class 0. */
XENT_INLINE column_terms backward_tensors(const xent_call *call, int64_t row) {
  const xent_layout *g = &call->shape->upstream, *y = &call->shape->output;
  return (column_terms){.a = column_at(call->shape, g, call->upstream, row, 0), .a_step = step_of(g), .a_type = g->type,
                        .b = column_at(call->shape, y, call->forward_output, row, 0), .b_step = step_of(y), .b_type = y->type};
}
XENT_INLINE column_terms columns_on(column_terms in, int64_t class, int64_t column) {
  in.a += class * in.a_step + column * size_of_float(in.a_type);
  in.b += class * in.b_step + column * size_of_float(in.b_type);
  return in;
}

XENT_INLINE lanes load_ahead(const char *at, const int32_t type) {
  __builtin_prefetch((const void *)((uintptr_t)at + (2 * XENT_LANES - 1) * sizeof(float)));
  return load_columns(at, type, XENT_LANES);
}
XENT_INLINE void product_terms(const column_terms *in, int64_t n, const bool log, const bool floats, float *terms) {
  for (int64_t c = 0; c < n; c++) {
    const lanes g = load_ahead(in->a + c * in->a_step, floats ? XENT_F32 : in->a_type);
    lanes_store(terms + c * XENT_LANES, log ? g : lanes_mul(g, load_ahead(in->b + c * in->b_step, floats ? XENT_F32 : in->b_type)));
  }
}
/* Adds a group of n classes, the next of a chunk of `length`: g y, of log-softmax g. */
XENT_SHARED void add_products_of_block(tile_chunk *k, const column_terms *in, int64_t n, int64_t length, bool log) {
  XENT_ALIGNED float terms[XENT_GROUP * XENT_LANES];
  if (in->a_type != XENT_F32 || in->b_type != XENT_F32)
    log ? product_terms(in, n, true, false, terms) : product_terms(in, n, false, false, terms);
  else
    log ? product_terms(in, n, true, true, terms) : product_terms(in, n, false, true, terms);
  add_terms(k, terms, XENT_LANES, n, length);
}

/* float(sum) of every column of a block. No sum is -0. */
XENT_INLINE lanes backward_sum(const column_terms *in, int64_t classes, bool log) {
  dlanes sum = dlanes_zero();
  for (int64_t i = 0; i < classes; i += XENT_CHUNK) {
    const int64_t length = chunk_length(i, classes);
    tile_chunk k;
    begin_chunk(&k, length);
    for (int64_t c = 0; c < length; c += XENT_GROUP) {
      const column_terms group = columns_on(*in, i + c, 0);
      add_products_of_block(&k, &group, group_length(c, length), length, log);
    }
    sum = dlanes_add(sum, dlanes_add(end_chunk(&k, length), dlanes_zero()));
  }
  return dlanes_narrow(sum);
}

/* `count` columns of a block. any: of any type. */
XENT_INLINE void emit_backward_block(column_terms in, char *dx, xent_layout l, int64_t classes, int64_t count, lanes sum, lanes r,
                                     const bool log, const bool past, const bool any) {
  const exp_references of = references_of_backward();
  for (int64_t c = 0; c < classes; c++, in.a += in.a_step, in.b += in.b_step, dx += step_of(&l)) {
    lanes v[1] = {load_columns(in.b, any ? in.b_type : XENT_F32, count)};
    const lanes g = load_columns(in.a, any ? in.a_type : XENT_F32, count);
    if (log) exp_lanes(v, 1, &of, false, &no_heat);
    const lanes value = lanes_quiet(backward_lanes(v[0], g, sum, r, log, true));
    const strand to = {.at = dx, .stride = 1, .type = any ? l.type : XENT_F32};
    if (!any && count == XENT_LANES)
      put((float *)(void *)dx, value, past);
    else
      strand_store(&to, 0, count, value);
  }
}
XENT_SHARED void emit_backward_of(const column_terms *in, char *dx, const xent_layout *l, int64_t classes, int64_t count,
                                  const float *sums, float hi, bool log, bool past) {
  const lanes sum = lanes_load(sums), r = lanes_set(hi);
  const bool any = in->a_type != XENT_F32 || in->b_type != XENT_F32 || l->type != XENT_F32 || count < XENT_LANES;
  if (any)
    log ? emit_backward_block(*in, dx, *l, classes, count, sum, r, true, false, true)
        : emit_backward_block(*in, dx, *l, classes, count, sum, r, false, false, true);
  else if (log)
    emit_backward_block(*in, dx, *l, classes, XENT_LANES, sum, r, true, past, false);
  else if (past)
    emit_backward_block(*in, dx, *l, classes, XENT_LANES, sum, r, false, true, false);
  else
    emit_backward_block(*in, dx, *l, classes, XENT_LANES, sum, r, false, false, false);
}

/* Neighbouring columns from a row on, block by block. */
XENT_INLINE void emit_backward_run(const job *j, const column_terms *in, int64_t row, int64_t count, const float *sums) {
  const xent_call *call = j->call;
  const xent_layout *l = call->output_layout;
  char *dx = (char *)(uintptr_t)column_at(call->shape, l, call->output, row, call->class_begin);
  const bool past = call->stream && stores_past(l, dx, count) == XENT_STORE_PAST;
  for (int64_t i = 0; i < count; i += XENT_LANES) {
    const column_terms block = columns_on(*in, call->class_begin, i);
    emit_backward_of(&block, dx + i * size_of_float(l->type), l, call->class_end - call->class_begin,
                     count - i < XENT_LANES ? count - i : XENT_LANES, sums + i, (float)call->factor, call->log, past);
  }
}

XENT_INLINE void known_backward_sums(const xent_call *call, const strip *s, float *sums) {
  for (int64_t k = 0; k < s->width; k++) sums[k] = (float)known_statistics_at(call, s->row + k)->sum;
}

/* Whole blocks of neighbours, all of whose classes are at hand. */
XENT_INLINE void backward_blocks(const job *j, const strip *s, const column_terms *in) {
  const xent_call *call = j->call;
  column_floats sums;
  if (call->known_statistics) known_backward_sums(call, s, sums);
  for (int64_t at = 0; !call->known_statistics && at < s->width; at += XENT_LANES) {
    const column_terms block = columns_on(*in, 0, at);
    lanes_store(sums + at, backward_sum(&block, call->shape->classes, call->log));
  }
  emit_backward_run(j, in, s->row, s->width, sums);
}

/* Where the classes lie a multiple of a page apart, they meet in the same few places of a cache and would not be found there
 * again. */
XENT_INLINE bool classes_collide(const xent_call *call) {
  const xent_shape *s = call->shape;
  return (step_of(&s->output) % XENT_PAGE == 0 || step_of(&s->upstream) % XENT_PAGE == 0) && s->classes > 2 &&
         s->classes * XENT_LANES <= XENT_BACKWARD_FLOATS;
}

/* backward_pitch has made the strip fit. */
XENT_SHARED void backward_copied(const job *j, strip *s) {
  float g[XENT_BACKWARD_FLOATS], y[XENT_BACKWARD_FLOATS];
  column_floats unused;
  const xent_shape *shape = j->call->shape;
  s->pitch = s->width;
  gather_strip(shape, &shape->upstream, j->call->upstream, s, 0, shape->classes, g, unused);
  gather_strip(shape, &shape->output, j->call->forward_output, s, 0, shape->classes, y, unused);
  const int64_t step = s->pitch * (int64_t)sizeof *g;
  const column_terms in = {.a = (const char *)g, .b = (const char *)y, .a_step = step, .b_step = step, .a_type = XENT_F32,
                           .b_type = XENT_F32};
  backward_blocks(j, s, &in);
}

XENT_INLINE void clear_marked(const column_call *a, int64_t n, float *tile) {
  for (int64_t c = 0; a->marks && c < n; c++)
    lanes_store(tile + c * XENT_LANES, lanes_where_set(a->mask + c * XENT_LANES, lanes_load(tile + c * XENT_LANES), lanes_set(0.0f)));
}
/* n classes of g and y from `begin` on, +0 where they are masked. */
XENT_INLINE void gather_tensors(const column_call *a, const strip *s, int64_t begin, int64_t n, float *g, float *y) {
  const xent_shape *shape = a->call->shape;
  column_floats unused;
  if (a->marks) load_marks(a, s, 0, begin, n);
  gather_strip(shape, &shape->upstream, a->call->upstream, s, begin, n, g, unused);
  if (y) gather_strip(shape, &shape->output, a->call->forward_output, s, begin, n, y, unused);
  clear_marked(a, n, g);
  if (y) clear_marked(a, n, y);
}
/* Through a tile, in which what is masked becomes +0. */
XENT_SHARED void store_masked(const column_call *a, strip *s, const column_terms *in, float *g, float *y, const float *sums) {
  const xent_call *call = a->call;
  const xent_layout tile = {.classes = XENT_LANES, .type = XENT_F32};
  strip_factors as_it_is;
  for (int64_t at = 0; at <= XENT_LANES; at += XENT_LANES) {
    set_as_it_is(&as_it_is, at);
    lanes_store(s->label + at, lanes_set(XENT_UNLABELLED));
  }
  for (int64_t i = call->class_begin; i < call->class_end; i += XENT_GROUP) {
    const int64_t n = group_length(i, call->class_end);
    gather_tensors(a, s, i, n, g, y);
    emit_backward_of(in, (char *)g, &tile, n, XENT_LANES, sums, (float)call->factor, call->log, false);
    clear_marked(a, n, g);
    store_runs(a, s, i, n, &as_it_is, false);
  }
}

/* The rest: gathered a group at a time for the sum, which is the same whether a class is at hand or not. */
XENT_SHARED void backward_gathered(const column_call *of, strip *s) {
  XENT_ALIGNED float y[XENT_GROUP * XENT_LANES], g[XENT_GROUP * XENT_LANES];
  uint8_t mask[XENT_GROUP * XENT_LANES];
  column_floats sums;
  column_call own = *of, *a = &own;
  const job *j = of->j;
  const xent_call *call = of->call;
  a->x = g;
  a->mask = mask;
  const xent_shape *shape = call->shape;
  const int64_t step = XENT_LANES * (int64_t)sizeof *g;
  const column_terms in = {.a = (const char *)g, .b = (const char *)y, .a_step = step, .b_step = step, .a_type = XENT_F32,
                           .b_type = XENT_F32};
  dlanes sum = dlanes_zero();
  for (int64_t i = 0; !call->known_statistics && i < shape->classes; i += XENT_CHUNK) {
    const int64_t n = chunk_length(i, shape->classes), end = i + n;
    tile_chunk chunk;
    begin_chunk(&chunk, n);
    for (int64_t k = i; k < end; k += XENT_GROUP) {
      const int64_t m = group_length(k, end);
      gather_tensors(a, s, k, m, g, call->log ? NULL : y);
      add_products_of_block(&chunk, &in, m, n, call->log);
    }
    sum = dlanes_add(sum, dlanes_add(end_chunk(&chunk, n), dlanes_zero()));
  }
  lanes_store(sums, dlanes_narrow(sum));
  if (call->known_statistics) known_backward_sums(call, s, sums);
  if (a->marks) {
    store_masked(a, s, &in, g, y, sums);
    return;
  }
  XENT_EACH_RUN(shape, s, run) {
    const column_terms tensors = backward_tensors(call, run.row);
    emit_backward_run(j, &tensors, run.row, run.count, sums + run.at);
  }
}

/* Neighbours in whole blocks are read where they are, and once more from the caches; what is left of an inner axis, and short
 * ones, sixteen columns at a time. Every row has the same formula. */
XENT_SHARED xent_status backward_strip(const column_call *a, strip *s) {
  const job *j = a->j;
  next_strip(a, s);
  if (!a->marks && run_at(j->call->shape, s, 0).count == s->width && s->width >= XENT_LANES) {
    s->width &= -XENT_LANES;
    const column_terms tensors = backward_tensors(j->call, s->row);
    if (classes_collide(j->call))
      backward_copied(j, s);
    else
      backward_blocks(j, s, &tensors);
  } else {
    if (s->width > XENT_LANES) s->width = XENT_LANES;
    s->pitch = XENT_LANES;
    backward_gathered(a, s);
  }
  return XENT_OK;
}

XENT_INLINE bool strips_fit_backward(const xent_call *call) {
  const xent_shape *s = call->shape;
  return !call->row_offsets && call->row_end - call->row_begin >= XENT_LEAST_COLUMNS &&
         side_by_side(s, &s->output) && side_by_side(s, &s->upstream) && side_by_side(s, call->output_layout);
}
XENT_KERNEL xent_status strips_softmax_backward(const xent_call *call) {
  const int64_t most = XENT_BACKWARD_FLOATS / call->shape->classes & -XENT_LANES;
  const int64_t pitch = classes_collide(call) || most > XENT_LONG_COLUMNS ? most : XENT_LONG_COLUMNS;
  column_call a;
  memset(&a, 0, sizeof a);
  begin_columns(&a, call);
  a.marks = call->class_mask != NULL;
  a.pitch = pitch < XENT_STRIP_COLUMNS ? pitch : XENT_STRIP_COLUMNS;
  return each_strip(&a, backward_strip, NULL);
}

#endif
