/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backward of softmax and log-softmax; contract_backward (native/test/contract/contract.c) is the plain form.
 *   softmax      dx = y * (g - float(sum g * y))
 *   log-softmax  dx = g - exp(y) * float(sum g)
 * and times 1 / temperature. Masked elements are +0 in y, g and dx. The paths:
 *   short        rows of floats in place: sixteen at once, as in paths/dense.h, or one by one, in registers or, if
 *                these are too few, in two passes; other rows are copied to floats and back, 16 * (128 / n) at a time
 *   contiguous   each row in place: the sum of each chunk, then dx
 *   copies       each row through buffers of 1024 classes: the sum of each chunk, then dx
 */
#ifndef XENT_BACKWARD_ROWS_H
#define XENT_BACKWARD_ROWS_H

#include "kernels/stages/emit/emit_backward.h"
#include "kernels/supported.h"
#include "kernels/stages/rows/take_rows.h"

typedef struct {
  const xent_call *call;
  int32_t type; /* of y, g and dx, if the classes of a row are contiguous in all three */
  bool copied;  /* if they are not, or if 16-bit floats are masked */
  bool log;
  float hi;     /* the factor of the call */
} backward_call;

XENT_INLINE backward_call backward_call_of(const xent_call *call) {
  const xent_layout *y = &call->shape->output, *g = &call->shape->upstream;
  const xent_layout *dx = call->output ? call->output_layout : g;
  const bool contiguous = y->classes == 1 && g->classes == 1 && dx->classes == 1;
  const bool alike = y->type == g->type && g->type == dx->type;
  const bool odd_mask = call->class_mask && (call->shape->class_mask.classes != 1 || g->type != XENT_F32);
  const bool few = call->row_offsets || call->class_end - call->class_begin < 2 * XENT_LANES; /* of 16-bit floats */
  return (backward_call){.call = call, .type = g->type, .hi = (float)call->factor,
                         .copied = !contiguous || !alike || odd_mask || (few && g->type != XENT_F32),
                         .log = call->states ? !call->forward_output : call->log};
}

/* ---- rows of floats ---- */

/* Rows of up to this many classes are processed sixteen at a time and stay in registers. If longer rows
 * do not stay in registers, log-softmax has a higher limit: its exponentials are worth more permutations. */
enum {
  XENT_DENSE_SOFTMAX = 3 * XENT_LANES,
  XENT_DENSE_LOG_SOFTMAX = XENT_BACKWARD_REGISTERS > 0 ? 3 * XENT_LANES : 104,
  XENT_REGISTER_CLASSES = XENT_BACKWARD_REGISTERS > 0 ? XENT_BACKWARD_REGISTERS : 2 * XENT_LANES
};

/* `pitch` is the distance from one row to the next. */
typedef struct {
  const float *y, *g;
  float *dx;
  int64_t y_pitch, g_pitch, dx_pitch, n, count;
  const uint8_t *mask; /* of the rows, contiguous, with room for a vector at the end; or NULL */
} float_rows;

/* Skips the first rows. If none is left, a pitch may be any number. */
XENT_INLINE float_rows rows_from(float_rows r, int64_t first) {
  r.count -= first;
  if (r.count <= 0) return r;
  r.y += first * r.y_pitch;
  r.g += first * r.g_pitch;
  r.dx += first * r.dx_pitch;
  if (r.mask) r.mask += first * r.n;
  return r;
}

/* Vector k of `vectors` of a row. */
XENT_INLINE lanes vector_of_row(const float *row, int64_t n, const int k, const int vectors) {
  const float *x = row + k * XENT_LANES;
  return k + 1 < vectors ? lanes_load(x) : lanes_load_part(x, n - k * XENT_LANES, 0.0f);
}
XENT_INLINE lanes sum_of_vectors(const lanes v[XENT_GROUP_VECTORS], const int vectors) {
  if (vectors == 1) return v[0];
  if (vectors == 2) return lanes_add(v[0], v[1]);
  return vectors <= 4 ? sum_of_four_vectors(v) : lanes_add(sum_of_four_vectors(v), sum_of_four_vectors(v + 4));
}

/* Computes rows of `vectors` vectors. Each vector is read once; with log it is read twice, because its exponentials
 * take the registers. */
XENT_INLINE void rows_in_registers(const float_rows *rows, float hi, const int vectors, const bool log,
                                   const bool masked) {
  if (vectors * XENT_LANES > XENT_REGISTER_CLASSES) return;
  const float_rows r = *rows; /* a copy, which no store can change */
  const exp_references of = references_of_backward();
  for (int64_t row = 0; row < r.count; row++) {
    const float *y = r.y + row * r.y_pitch, *g = r.g + row * r.g_pitch;
    float *dx = r.dx + row * r.dx_pitch;
    const uint8_t *mask = masked ? r.mask + row * r.n : NULL;
    lanes ys[XENT_GROUP_VECTORS], gs[XENT_GROUP_VECTORS], terms[XENT_GROUP_VECTORS];
    XENT_UNROLL(8)
    for (int k = 0; k < XENT_GROUP_VECTORS; k++) {
      terms[k] = lanes_set(0.0f);
      if (k >= vectors) continue;
      gs[k] = terms[k] = vector_of_row(g, r.n, k, vectors);
      if (!log) ys[k] = vector_of_row(y, r.n, k, vectors);
      if (!log) terms[k] = lanes_mul(gs[k], ys[k]);
      if (masked) terms[k] = lanes_where_set(mask + k * XENT_LANES, terms[k], lanes_set(0.0f));
    }
    const lanes group = sum_of_vectors(terms, vectors);
    const float sum = (float)((vectors == 1 ? lanes_tree(group) : dlanes_tree(dlanes_widen(group))) + 0.0);
    const bool odd = !(fabsf(sum) <= XENT_QUIET_SUMS && fabsf(hi) <= FLT_MAX); /* a result may be NaN */
    if (!log && !masked && odd) {
      emit_backward(y, g, dx, r.n, sum, hi, false, false);
      continue;
    }
    XENT_UNROLL(4)
    for (int k = 0; k < vectors; k += 2) {
      const int count = k + 1 < vectors ? 2 : 1;
      lanes v[2];
      XENT_UNROLL(2)
      for (int j = 0; j < count; j++) v[j] = log ? vector_of_row(y, r.n, k + j, vectors) : ys[k + j];
      if (log) exp_lanes(v, count, &of, false, &temperature_1);
      XENT_UNROLL(2)
      for (int j = 0; j < count; j++) {
        const int64_t at = (k + j) * XENT_LANES;
        const lanes w = log ? vector_of_row(g, r.n, k + j, vectors) : gs[k + j];
        v[j] = backward_lanes(v[j], w, lanes_set(sum), lanes_set(hi), log, true);
        if (log || (masked && odd)) v[j] = lanes_quiet(v[j]);
        if (masked) v[j] = lanes_where_set(mask + at, v[j], lanes_set(0.0f));
        k + j + 1 < vectors ? lanes_store(dx + at, v[j]) : lanes_store_part(dx + at, r.n - at, v[j]);
      }
    }
  }
}

/* Sums of sixteen rows without gaps. No sum is -0. */
XENT_INLINE lanes dense_backward_sums(const float *y, const float *g, int64_t n, const bool log) {
  lanes group[XENT_ROWS];
  dlanes wide[XENT_ROWS];
  if (n <= XENT_LANES) {
    XENT_UNROLL(16)
    for (int i = 0; i < XENT_ROWS; i++)
      group[i] = product_lanes(g + i * n, log ? NULL : y + i * n, NULL, 0, n, XENT_NEAR, XENT_F32);
    return dlanes_narrow(dlanes_add(lanes_tree_rows(group), dlanes_zero()));
  }
  for (int i = 0; i < XENT_ROWS; i++)
    wide[i] = dlanes_widen(product_group(g + i * n, log ? NULL : y + i * n, NULL, 0, n, XENT_NEAR, XENT_F32));
  return dlanes_narrow(dlanes_add(dlanes_tree_rows(wide), dlanes_zero()));
}
/* Writes parts [k, k + count) of n. rows: the row of each number. */
XENT_INLINE void dense_backward_write(const float *y, const float *g, float *dx, int64_t n, lanes sums,
                                      const int32_t *rows, const backward_factors *f, int64_t k, const int count,
                                      const bool log) {
  lanes v[2];
  XENT_UNROLL(2)
  for (int j = 0; j < count; j++) v[j] = lanes_load_dense(y, n, k + j);
  if (log) exp_lanes(v, count, &f->of, false, &temperature_1);
  XENT_UNROLL(2)
  for (int j = 0; j < count; j++) {
    const lanes sum = lanes_spread(sums, rows, k + j);
    v[j] = backward_lanes(v[j], lanes_load_dense(g, n, k + j), sum, f->r, log, true);
    lanes_store_dense(dx, n, k + j, lanes_quiet(v[j]));
  }
}
/* Processes whole sixteens of rows without gaps. Returns the number of these rows. */
XENT_INLINE int64_t dense_backward_rows(const float_rows *r, float hi, const bool log) {
  XENT_ALIGNED int32_t rows[XENT_DENSE_ROWS * (log ? XENT_DENSE_LOG_SOFTMAX : XENT_DENSE_SOFTMAX)];
  const int64_t n = r->n;
  map_rows(rows, n);
  const backward_factors f = {references_of_backward(), lanes_set(0), lanes_set(hi)};
  int64_t row = 0;
  for (; row + XENT_ROWS <= r->count; row += XENT_ROWS) {
    const float *y = r->y + row * n, *g = r->g + row * n;
    float *dx = r->dx + row * n;
    const lanes sums = dense_backward_sums(y, g, n, log);
    int64_t k = 0;
    for (; k + 2 <= n; k += 2) dense_backward_write(y, g, dx, n, sums, rows, &f, k, 2, log);
    if (k < n) dense_backward_write(y, g, dx, n, sums, rows, &f, k, 1, log);
  }
  return row;
}

XENT_SHARED int64_t dense_softmax_rows(const float_rows *r, float hi) { return dense_backward_rows(r, hi, false); }
XENT_SHARED int64_t dense_log_softmax_rows(const float_rows *r, float hi) { return dense_backward_rows(r, hi, true); }

XENT_INLINE void backward_float_rows(const float_rows *all, float hi, const bool log, const bool masked) {
  float_rows r = *all;
  const int64_t n = r.n, dense = log ? XENT_DENSE_LOG_SOFTMAX : XENT_DENSE_SOFTMAX;
  if (!masked && n <= dense && r.count >= XENT_ROWS && r.y_pitch == n && r.g_pitch == n && r.dx_pitch == n)
    r = rows_from(r, (log ? dense_log_softmax_rows : dense_softmax_rows)(&r, hi));
  for (; !masked && n > XENT_REGISTER_CLASSES && r.count > 0; r = rows_from(r, 1)) {
    const float sum = (float)products_of(r.g, log ? NULL : r.y, NULL, n, XENT_FARTHER, XENT_F32);
    if (hi == 1 && (log || fabsf(sum) <= XENT_QUIET_SUMS))
      emit_backward_as(r.y, r.g, NULL, r.dx, n, sum, hi, XENT_F32, XENT_PLAIN | (log ? XENT_OF_LOG : 0), false);
    else
      emit_backward(r.y, r.g, r.dx, n, sum, hi, log, false);
  }
  switch (r.count > 0 ? (n + XENT_LANES - 1) / XENT_LANES : 0) {
    case 1: rows_in_registers(&r, hi, 1, log, masked); break;
    case 2: rows_in_registers(&r, hi, 2, log, masked); break;
    case 3: rows_in_registers(&r, hi, 3, log, masked); break;
    case 4: rows_in_registers(&r, hi, 4, log, masked); break;
    case 5: rows_in_registers(&r, hi, 5, log, masked); break;
    case 6: rows_in_registers(&r, hi, 6, log, masked); break;
    case 7: rows_in_registers(&r, hi, 7, log, masked); break;
    case 8: rows_in_registers(&r, hi, 8, log, masked); break;
    default: break;
  }
}
/* Rows with a mask must fit into registers. */
XENT_SHARED void softmax_float_rows(const float_rows *r, float hi) {
  r->mask ? backward_float_rows(r, hi, false, true) : backward_float_rows(r, hi, false, false);
}
XENT_SHARED void log_softmax_float_rows(const float_rows *r, float hi) {
  r->mask ? backward_float_rows(r, hi, true, true) : backward_float_rows(r, hi, true, false);
}

/* The distance between rows, if it is the same between all of them; otherwise 0. For a single row, a stride may be any
 * number. */
XENT_INLINE int64_t pitch_of(const xent_shape *s, const xent_layout *l) {
  if (s->outer <= 1 && s->inner <= 1) return s->classes;
  return s->inner == 1 ? l->outer : l->outer == s->inner * l->inner ? l->inner : 0;
}
XENT_INLINE bool has_pitches(const xent_call *call) {
  const xent_shape *s = call->shape;
  return pitch_of(s, &s->output) && pitch_of(s, &s->upstream) && pitch_of(s, call->output_layout);
}
XENT_INLINE bool are_floats_in_place(const backward_call *b) {
  return !b->copied && !b->call->class_mask && b->type == XENT_F32 && has_pitches(b->call);
}
XENT_INLINE float_rows float_rows_of(const xent_call *call) {
  const xent_shape *s = call->shape;
  const int64_t y = pitch_of(s, &s->output), g = pitch_of(s, &s->upstream), dx = pitch_of(s, call->output_layout);
  const float_rows all = {call->forward_output, call->upstream, call->output, y, g, dx, s->classes, call->row_end,
                          NULL};
  return rows_from(all, call->row_begin);
}

/* ---- rows that are copied ---- */

/* Masked classes are +0. */
typedef struct {
  row_source y, g;
  strided dx;
} copied_row;

XENT_INLINE row_source backward_source(const xent_call *call, row_span span, const void *array, const xent_layout *l) {
  row_source r = row_source_of(call, span, array, l, 0);
  r.out = 0;
  return r;
}
XENT_SHARED void take_copied_row(const xent_call *call, int64_t row, copied_row *r) {
  const row_span span = span_of_row(call, row);
  r->y = backward_source(call, span, call->forward_output, &call->shape->output);
  r->g = backward_source(call, span, call->upstream, &call->shape->upstream);
  r->dx = strided_row(call, call->output, call->output_layout, span);
}

/* Stores n classes of a row from `begin` on in the output, +0 if they are masked. */
XENT_INLINE void put_copied(const copied_row *r, int64_t begin, int64_t n, float *dx, bool stream) {
  for (int64_t i = 0; r->g.mask && i < n; i += XENT_LANES) {
    const uint8_t *mask = r->g.mask + (begin + i) * r->g.mask_stride;
    const lanes v = where_counted(mask, r->g.mask_stride, n - i, lanes_load_part(dx + i, n - i, 0.0f), 0.0f);
    lanes_store_part(dx + i, n - i, v);
  }
  put_floats(&r->dx, begin, n, dx, stream);
}

/* Copies rows, a pitch of bytes apart, to v without gaps; with `put`, copies from v to the rows. Masked classes are
 * +0. */
XENT_INLINE void move_lines(strided x, int64_t pitch, const uint8_t *mask, int64_t n, int64_t count, float *v,
                            const int32_t type, const bool put) {
  x.type = type;
  for (int64_t row = 0; row < count; row++, x.at += pitch, v += n)
    for (int64_t k = 0; k < n; k += XENT_LANES) {
      const int64_t left = n - k;
      lanes w = put                 ? lanes_load(v + k)
                : left < XENT_LANES ? first_lanes(x.at, k, left, type)
                                    : whole_lanes(x.at, k, type);
      if (mask) w = lanes_where_set(mask + row * n + k, w, lanes_set(0.0f));
      put ? strided_store(&x, k, left, w) : lanes_store(v + k, w);
    }
}
/* Rows [first, first + count) of an array. Rows without gaps are moved as one. */
XENT_SHARED void move_rows(const xent_call *call, const void *array, const xent_layout *l, const uint8_t *mask,
                           int64_t first, int64_t count, float *v, bool put) {
  const xent_shape *s = call->shape;
  const int64_t size = size_of_float(l->type), pitch = l->classes == 1 ? pitch_of(s, l) : 0;
  const int64_t step = pitch ? count : 1, line = pitch == s->classes ? count * pitch : s->classes;
  row_source r = {.x = strided_at(array, l, 0), .mask = mask, .mask_stride = 1};
  for (int64_t row = 0; row < count; row += step, v += step * s->classes) {
    const int64_t lines = step * s->classes / line;
    r.x.at = (const char *)array + row_offset(s, l, first + row) * size;
    if ((lines == 1 || !pitch) && !(put && mask))
      put ? put_floats(&r.x, 0, line, v, call->stream) : (void)copy_row(&r, 0, line, 0.0f, v);
    else if (l->type == XENT_F32)
      move_lines(r.x, pitch * size, r.mask, line, lines, v, XENT_F32, put);
    else if (l->type == XENT_BF16)
      move_lines(r.x, pitch * size, r.mask, line, lines, v, XENT_BF16, put);
    else
      move_lines(r.x, pitch * size, r.mask, line, lines, v, XENT_F16, put);
    if (mask) r.mask += step * s->classes;
  }
}
/* The masks of these rows. */
XENT_SHARED void take_masks(const xent_call *call, int64_t first, int64_t count, uint8_t *to) {
  const xent_shape *s = call->shape;
  const xent_layout *l = &s->class_mask;
  const int64_t n = s->classes, piece = l->classes != 1 ? 1 : pitch_of(s, l) == n ? count * n : n;
  for (int64_t i = 0; i < count * n; i += piece) {
    const int64_t at = row_offset(s, l, first + i / n) + i % n * l->classes;
    memcpy(to + i, (const uint8_t *)call->class_mask + at, (size_t)piece);
  }
}

/* Computes short rows, many at a time. Masked rows of floats that stay in registers are processed in place, too. In the
 * buffer, dx starts half a block before g, because sixteen rows may be loaded as two eights: a load that overlaps the
 * store of a part stalls. */
XENT_SHARED void backward_of_short_copies(const backward_call *b) {
  const xent_call *call = b->call;
  const xent_shape *s = call->shape;
  const int64_t n = s->classes, most = XENT_GROUP / n * XENT_ROWS;
  const bool same = s->class_mask.outer == 0 && (s->inner == 1 || s->class_mask.inner == 0); /* the same for all rows */
  const float_rows all = float_rows_of(call);
  const bool direct = call->class_mask && !b->copied && b->type == XENT_F32 && all.y_pitch && all.g_pitch &&
                      all.dx_pitch && n >= XENT_LANES && n <= XENT_REGISTER_CLASSES;
  enum { FLOATS = XENT_ROWS * XENT_GROUP + XENT_LANES, BEHIND = XENT_ROWS / 2 * XENT_GROUP };
  XENT_ALIGNED float y[FLOATS], dx[BEHIND + FLOATS], *g = dx + BEHIND;
  uint8_t masks[FLOATS], *mask = call->class_mask ? masks : NULL;
  for (int64_t first = call->row_begin, count; first < call->row_end; first += count) {
    count = call->row_end - first < most ? call->row_end - first : most;
    if (mask && (!same || first == call->row_begin)) take_masks(call, first, count, mask);
    float_rows r = {y, g, dx, n, n, n, n, count, NULL};
    if (direct) {
      r = rows_from(all, first - call->row_begin);
      r.count = count;
      r.mask = mask;
    } else {
      move_rows(call, call->forward_output, &s->output, mask, first, count, y, false);
      move_rows(call, call->upstream, &s->upstream, mask, first, count, g, false);
    }
    (b->log ? log_softmax_float_rows : softmax_float_rows)(&r, b->hi);
    if (!direct) move_rows(call, call->output, call->output_layout, mask, first, count, dx, true);
  }
}
XENT_KERNEL xent_status backward_of_short(const xent_call *call, xent_kernel fallback) {
  (void)fallback;
  const backward_call b = backward_call_of(call);
  if (!are_floats_in_place(&b)) {
    backward_of_short_copies(&b);
  } else {
    const float_rows rows = float_rows_of(call);
    (b.log ? log_softmax_float_rows : softmax_float_rows)(&rows, b.hi);
  }
  return XENT_OK;
}

typedef struct {
  XENT_ALIGNED float y[XENT_STEP], g[XENT_STEP];
} backward_scratch;

/* The sum over one chunk, which is copied if needed. */
XENT_SHARED double copied_sum(const copied_row *r, bool log, int64_t begin, int64_t n, backward_scratch *s) {
  if (r->g.direct && (log || r->y.direct)) {
    const float *g = row_floats(&r->g, begin, n, 0.0f, NULL), *y = log ? NULL : row_floats(&r->y, begin, n, 0.0f, NULL);
    return products_of(g, y, NULL, n, XENT_FAR, XENT_F32);
  }
  product_sum p = no_products();
  for (int64_t i = 0; i < n; i += XENT_STEP) {
    const int64_t m = step_length(i, n);
    const float *g = row_floats(&r->g, begin + i, m, 0.0f, s->g);
    const float *y = log ? NULL : row_floats(&r->y, begin + i, m, 0.0f, s->y);
    add_products(&p, g, y, NULL, m, XENT_NEAR, XENT_F32);
  }
  return end_products(&p, n);
}
XENT_SHARED xent_status backward_of_copies(const xent_call *call, xent_kernel fallback) {
  (void)fallback;
  const backward_call of = backward_call_of(call), *const b = &of;
  backward_scratch s;
  copied_row r;
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    take_copied_row(call, row, &r);
    const int64_t n = r.g.classes, end = call->class_end < n ? call->class_end : n;
    double sum = call->known_statistics ? known_statistics_at(call, row)->sum : 0;
    for (int64_t i = 0; !call->known_statistics && i < n; i += XENT_CHUNK)
      sum += copied_sum(&r, b->log, i, chunk_length(i, n), &s);
    const bool at_hand = n <= XENT_STEP && !call->known_statistics; /* the sum has loaded it */
    for (int64_t i = call->class_begin; i < end; i += XENT_STEP) {
      const int64_t m = step_length(i, end);
      const float *g = at_hand && !r.g.direct ? s.g : row_floats(&r.g, i, m, 0.0f, s.g);
      const float *y = at_hand && !b->log && !r.y.direct ? s.y : row_floats(&r.y, i, m, 0.0f, s.y);
      emit_backward(y, g, s.g, m, (float)sum, b->hi, b->log, false);
      put_copied(&r, i, m, s.g, call->stream);
    }
  }
  return XENT_OK;
}

/* ---- contiguous rows of one type, one by one ---- */

typedef struct {
  const char *y, *g; /* at class 0 */
  const uint8_t *mask;
  char *dx;
  int64_t n;
  float sum;
} contiguous_row;

XENT_INLINE void take_contiguous_row(const xent_call *call, int64_t row, const int32_t type, const bool log,
                                     const bool masked, contiguous_row *r) {
  const xent_shape *s = call->shape;
  const row_span span = span_of_row(call, row);
  const int64_t size = size_of_float(type);
  const distance_to from = type == XENT_F32 ? XENT_FAR : XENT_NEAR; /* other floats are float_rows */
  r->y = (const char *)call->forward_output + class_offset(call, &s->output, span) * size;
  r->g = (const char *)call->upstream + class_offset(call, &s->upstream, span) * size;
  r->dx = (char *)call->output + class_offset(call, call->output_layout, span) * size;
  r->mask = masked ? (const uint8_t *)call->class_mask + class_offset(call, &s->class_mask, span) : NULL;
  r->n = span.classes;
  double sum = call->known_statistics ? known_statistics_at(call, row)->sum : 0;
  for (int64_t i = 0, m; !call->known_statistics && i < r->n; i += m) {
    const char *g = r->g + i * size, *y = log ? NULL : r->y + i * size;
    m = chunk_length(i, r->n);
    sum += products_of(g, y, masked ? r->mask + i : NULL, m, from, type);
  }
  r->sum = (float)sum;
}
XENT_INLINE void write_contiguous_row(const backward_call *b, const contiguous_row *r, const int32_t type,
                                      const bool log, const bool masked) {
  const xent_call *call = b->call;
  const int64_t begin = call->class_begin, at = begin * size_of_float(type);
  const int64_t n = (call->class_end < r->n ? call->class_end : r->n) - begin;
  const bool finite = !call->known_statistics && fabsf(r->sum) <= XENT_QUIET_SUMS;
  const int how = log ? XENT_OF_LOG : 0;
  const void *y = r->y + at, *g = r->g + at;
  void *dx = r->dx + at;
  if (masked)
    emit_backward_as(y, g, r->mask + begin, dx, n, r->sum, b->hi, type, how, call->stream);
  else if (type == XENT_F32)
    emit_backward(y, g, dx, n, r->sum, b->hi, log, call->stream);
  else if (b->hi == 1 && (log || finite))
    emit_backward_as(y, g, NULL, dx, n, r->sum, b->hi, type, how | XENT_PLAIN, call->stream);
  else
    emit_backward_as(y, g, NULL, dx, n, r->sum, b->hi, type, how, call->stream);
}
/* Short rows of 16-bit floats are summed in pairs, because one sum alone would stall on its latency. */
XENT_INLINE xent_status backward_contiguous(const backward_call *b, const int32_t type, const bool log,
                                            const bool masked) {
  const xent_call *call = b->call;
  const bool pairs = type != XENT_F32 && call->shape->classes <= XENT_STEP / 2;
  for (int64_t row = call->row_begin, count; row < call->row_end; row += count) {
    contiguous_row r[2];
    count = pairs && row + 1 < call->row_end ? 2 : 1;
    for (int64_t k = 0; k < count; k++) take_contiguous_row(call, row + k, type, log, masked, &r[k]);
    for (int64_t k = 0; k < count; k++) write_contiguous_row(b, &r[k], type, log, masked);
  }
  return XENT_OK;
}
/* Masked rows are floats. */
XENT_INLINE xent_status backward_of_type(const backward_call *b, const bool log) {
  if (b->call->class_mask) return backward_contiguous(b, XENT_F32, log, true);
  if (b->type == XENT_BF16) return backward_contiguous(b, XENT_BF16, log, false);
  return b->type == XENT_F16 ? backward_contiguous(b, XENT_F16, log, false)
                             : backward_contiguous(b, XENT_F32, log, false);
}
XENT_SHARED xent_status softmax_contiguous(const backward_call *b) { return backward_of_type(b, false); }
XENT_SHARED xent_status log_softmax_contiguous(const backward_call *b) { return backward_of_type(b, true); }
XENT_KERNEL xent_status backward_of_contiguous(const xent_call *call, xent_kernel fallback) {
  (void)fallback;
  const backward_call b = backward_call_of(call);
  return b.log ? log_softmax_contiguous(&b) : softmax_contiguous(&b);
}

/* ---- the calls ---- */

/* Whether the call writes all classes of each row, from sums that it computes. */
XENT_INLINE bool takes_whole_rows(const xent_call *call) {
  return call->class_end - call->class_begin == call->shape->classes && !call->known_statistics && !call->row_offsets;
}
/* Only long rows use stores that bypass the caches. */
XENT_INLINE bool streams_long_floats(const backward_call *b) {
  const xent_call *call = b->call;
  return !b->copied && !call->class_mask && b->type == XENT_F32 && call->stream &&
         call->shape->classes > XENT_DENSE_SOFTMAX;
}
/* Several rows at once, while the ends of their sums take as long as the sums. */
enum { XENT_FLOATS_MOST = 256, XENT_SHORT_LEAST = 3, XENT_SHORT_LEAST_COPIED = 2 /* rows */ };
/* Whether to copy contiguous rows. The time of copies over that of `contiguous` is 0.7 to 0.9 for many masked rows
 * that end within a vector, 1.3 to 1.6 for whole vectors that do not stay in registers, and 1.2 for two short rows.
 * For 16-bit floats it is 1.1 to 1.4 up to 12 rows, 0.7 to 1.0 from 16 on (AVX2, AMD EPYC, two busy cores, November
 * 2026). Where loads with a mask are cheap, it is 1.1 for six and eight masked rows that are less than a vector. */
XENT_INLINE bool copies_pay(const backward_call *b) {
  const int64_t n = b->call->shape->classes, rows = b->call->row_end - b->call->row_begin;
  if (b->type != XENT_F32) return n <= XENT_DENSE_SOFTMAX && rows >= XENT_ROWS;
  const bool little = XENT_MASKED_LOADS && b->call->class_mask && n < XENT_LANES;
  if (n <= XENT_REGISTER_CLASSES) return !little || rows >= XENT_ROWS;
  return n % XENT_LANES && rows >= 4 * XENT_ROWS;
}
XENT_INLINE bool short_fits(const xent_call *call) {
  const backward_call b = backward_call_of(call);
  const int64_t n = call->shape->classes, rows = call->row_end - call->row_begin;
  if (rows < (b.copied ? XENT_SHORT_LEAST_COPIED : XENT_SHORT_LEAST)) return false;
  if (!takes_whole_rows(call) || streams_long_floats(&b)) return false;
  if (n <= XENT_FLOATS_MOST && are_floats_in_place(&b)) return true;
  return n <= XENT_GROUP && (b.copied || copies_pay(&b));
}
XENT_INLINE bool contiguous_fits(const xent_call *call) { return !backward_call_of(call).copied; }

XENT_KERNEL xent_status backward_states(const xent_call *call) {
  const backward_call b = backward_call_of(call);
  const int64_t chunks = xent_chunks(call->shape->classes);
  backward_scratch s;
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    row_state *states = (row_state *)(void *)call->states + (row - call->row_begin) * chunks;
    copied_row r;
    take_copied_row(call, row, &r);
    for (int64_t i = call->class_begin; i < call->class_end; i += XENT_CHUNK) {
      const double sum = copied_sum(&r, b.log, i, chunk_length(i, call->class_end), &s);
      states[i / XENT_CHUNK] = (row_state){.kind = XENT_KIND_BACKWARD | xent_state_version,
                                           .digest = !call->forward_output, .label = XENT_LABEL_ELSEWHERE,
                                           .sum = quiet_double(sum)};
    }
  }
  return XENT_OK;
}

#endif
