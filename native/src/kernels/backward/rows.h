/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backward of softmax and log-softmax.
 *   softmax      dx = y * (g - float(sum g * y))
 *   log-softmax  dx = g - exp(y) * float(sum g)
 * and times 1 / temperature. What is masked is +0 in y, g and dx. Short rows go sixteen at a time, as they lie; of others
 * the sum of one is taken while the one before is written, or each is written while it lies in the first cache. What is
 * not floats side by side is copied, a row or a step of a long one at a time, and the same happens there.
 */
#ifndef XENT_BACKWARD_ROWS_H
#define XENT_BACKWARD_ROWS_H

#include "kernels/emit/backward.h"
#include "kernels/sum/dense.h"

/* Up to so many classes; the exponentials of log-softmax are worth more permutations. */
enum {
  XENT_DENSE_SOFTMAX_BACKWARD = XENT_BACKWARD_REGISTERS == XENT_GROUP ? 40 : 48,
  XENT_DENSE_LOG_SOFTMAX_BACKWARD = XENT_DENSE
};

typedef struct {
  const xent_call *call;
  bool log, straight; /* straight: all three are floats side by side, and nothing is masked */
  bool halves;        /* the same of 16-bit floats */
  float hi;           /* the factor of the call */
} backward_call;

typedef struct {
  const float *y, *g; /* of class 0 */
  float *dx;
} straight_row;

typedef struct {
  int64_t n;
  straight_row straight;
  row_source y, g; /* of rows that are not straight */
  strand to;
} backward_row;

XENT_INLINE backward_call backward_call_of(const xent_call *call) {
  const xent_shape *s = call->shape;
  const bool floats = s->output.type == XENT_F32 && s->upstream.type == XENT_F32 &&
                      (!call->output || call->output_layout->type == XENT_F32);
  const bool lines = s->output.classes == 1 && s->upstream.classes == 1 && (!call->output || call->output_layout->classes == 1);
  const bool whole = lines && !call->class_mask && !call->row_offsets;
  return (backward_call){.call = call, .log = call->states ? !call->forward_output : call->log, .straight = floats && whole,
                         .halves = whole && !floats && call->output && s->output.type == s->upstream.type &&
                                   s->output.type == call->output_layout->type,
                         .hi = (float)call->factor};
}

XENT_INLINE row_source backward_source(const xent_call *call, row_span span, const void *array, const xent_layout *l) {
  row_source r = row_source_of(call, span, array, l, 0);
  r.out = 0;
  return r;
}
XENT_SHARED void take_odd_row(const xent_call *call, int64_t row, backward_row *r) {
  const row_span span = span_of_row(call, row);
  r->n = span.classes;
  r->y = backward_source(call, span, call->forward_output, &call->shape->output);
  r->g = backward_source(call, span, call->upstream, &call->shape->upstream);
  r->to = strand_of_row(call, call->output, call->output_layout, span);
}
XENT_INLINE straight_row straight_row_of(const xent_call *call, int64_t row) {
  const xent_shape *s = call->shape;
  straight_row r = {NULL, direct_row(call, call->upstream, &s->upstream, row), NULL};
  if (call->forward_output) r.y = direct_row(call, call->forward_output, &s->output, row);
  if (call->output) r.dx = (float *)(uintptr_t)direct_row(call, call->output, call->output_layout, row);
  return r;
}
XENT_INLINE void take_row(const backward_call *b, int64_t row, backward_row *r) {
  if (!b->straight) {
    take_odd_row(b->call, row, r);
    return;
  }
  r->n = b->call->shape->classes;
  r->straight = straight_row_of(b->call, row);
}

/* +0 over the masked of n classes from `begin` on. */
XENT_INLINE void clear_masked(const row_source *r, int64_t begin, int64_t n, float *dx) {
  for (int64_t i = 0; r->mask && i < n; i += XENT_LANES) {
    const uint8_t *mask = r->mask + (begin + i) * r->mask_stride;
    lanes_store_part(dx + i, n - i, where_counted(mask, r->mask_stride, n - i, lanes_load_part(dx + i, n - i, 0.0f), 0.0f));
  }
}

/* ---- row by row ---- */

typedef struct {
  XENT_ALIGNED float y[XENT_STEP], g[XENT_STEP];
} backward_scratch;

/* The sum over one chunk of rows that are not straight. */
XENT_SHARED double odd_chunk_sum(const backward_row *r, const bool log, int64_t begin, int64_t n, backward_scratch *s) {
  product_sum p = no_products();
  for (int64_t i = 0; i < n; i += XENT_STEP) {
    const int64_t m = step_length(i, n);
    const float *g = row_floats(&r->g, begin + i, m, 0.0f, s->g), *y = log ? NULL : row_floats(&r->y, begin + i, m, 0.0f, s->y);
    add_products(&p, g, y, m, XENT_NEAR, XENT_F32);
  }
  return end_products(&p, n);
}
XENT_SHARED double far_sum(const float *g, const float *y, int64_t n) { return products_of(g, y, n, XENT_FAR, XENT_F32); }
XENT_SHARED double near_sum(const float *g, const float *y, int64_t n) { return products_of(g, y, n, XENT_NEAR, XENT_F32); }
XENT_INLINE double chunk_sum_of_backward(const backward_call *b, const backward_row *r, int64_t begin, int64_t n, bool far,
                                         backward_scratch *s) {
  if (!b->straight) return odd_chunk_sum(r, b->log, begin, n, s);
  return (far ? far_sum : near_sum)(r->straight.g + begin, b->log ? NULL : r->straight.y + begin, n);
}

XENT_SHARED void write_odd_classes(const backward_call *b, const backward_row *r, int64_t begin, int64_t end, float sum,
                                   backward_scratch *s) {
  const bool direct = is_direct(&r->to) && !r->g.mask;
  for (int64_t i = begin; i < end; i += XENT_STEP) {
    const int64_t n = step_length(i, end);
    const float *y = row_floats(&r->y, i, n, 0.0f, s->y), *g = row_floats(&r->g, i, n, 0.0f, s->g);
    float *dx = direct ? (float *)(uintptr_t)r->to.at + i : s->g;
    emit_backward(y, g, dx, n, sum, b->hi, b->log, b->call->stream && direct);
    clear_masked(&r->g, i, n, dx);
    put_floats(&r->to, i, n, dx, b->call->stream);
  }
}

/* A row is written while it lies in the caches. Parts of rows, too. */
XENT_SHARED xent_status backward_at_once(const backward_call *b) {
  const xent_call *call = b->call;
  const bool far = call->stream || call->shape->classes > XENT_CHUNK;
  backward_scratch s;
  backward_row r;
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    take_row(b, row, &r);
    const int64_t end = call->class_end < r.n ? call->class_end : r.n;
    double sum = 0;
    if (call->known_statistics)
      sum = known_statistics_at(call, row)->sum;
    else
      for (int64_t i = 0; i < r.n; i += XENT_CHUNK) sum += chunk_sum_of_backward(b, &r, i, chunk_length(i, r.n), far, &s);
    if (!b->straight)
      write_odd_classes(b, &r, call->class_begin, end, (float)sum, &s);
    for (int64_t i = call->class_begin; b->straight && i < end; i += XENT_CHUNK)
      emit_backward(r.straight.y + i, r.straight.g + i, r.straight.dx + i, chunk_length(i, end), (float)sum, b->hi, b->log, call->stream);
  }
  return XENT_OK;
}

/* ---- rows of 16-bit floats ---- */

typedef struct {
  const uint16_t *y, *g; /* of class 0 */
  uint16_t *dx;
  float sum;
} half_row;

/* A short row is written after the sum of the next is under way. */
XENT_INLINE xent_status backward_of_halves(const backward_call *b, const int32_t type, const bool log) {
  const xent_call *call = b->call;
  const xent_shape *s = call->shape;
  const int64_t n = s->classes, from = call->class_begin, wanted = call->class_end - from;
  const int64_t behind = n <= XENT_BACKWARD_ONE_BEHIND;
  half_row rows[2];
  for (int64_t row = call->row_begin; row < call->row_end + behind; row++) {
    half_row *now = &rows[row & 1];
    if (row < call->row_end) {
      now->y = (const uint16_t *)(const void *)call->forward_output + row_offset(s, &s->output, row);
      now->g = (const uint16_t *)(const void *)call->upstream + row_offset(s, &s->upstream, row);
      now->dx = (uint16_t *)(void *)call->output + row_offset(s, call->output_layout, row);
      double sum = 0;
      if (call->known_statistics)
        sum = known_statistics_at(call, row)->sum;
      else
        for (int64_t i = 0; i < n; i += XENT_CHUNK)
          sum += products_of(now->g + i, log ? NULL : now->y + i, chunk_length(i, n), XENT_NEAR, type);
      now->sum = (float)sum;
    }
    const half_row *to = &rows[(row - behind) & 1];
    if (row - behind >= call->row_begin)
      emit_backward_halves(to->y + from, to->g + from, to->dx + from, wanted, to->sum, b->hi, log, type, call->stream);
  }
  return XENT_OK;
}
XENT_SHARED xent_status backward_of_f16(const backward_call *b) {
  return b->log ? backward_of_halves(b, XENT_F16, true) : backward_of_halves(b, XENT_F16, false);
}
XENT_SHARED xent_status backward_of_bf16(const backward_call *b) {
  return b->log ? backward_of_halves(b, XENT_BF16, true) : backward_of_halves(b, XENT_BF16, false);
}

/* ---- rows that the first cache holds ---- */

/* Where they lie, or their copies; `to` is where the gradient goes from there. */
typedef struct {
  straight_row at;
  strand to;
  float sum;
  row_source g;
  backward_scratch copy;
} near_row;

XENT_INLINE void take_near_row(const backward_call *b, int64_t row, near_row *r) {
  if (b->straight) {
    r->at = straight_row_of(b->call, row);
    return;
  }
  backward_row odd;
  take_odd_row(b->call, row, &odd);
  r->at = (straight_row){row_floats(&odd.y, 0, odd.n, 0.0f, r->copy.y), row_floats(&odd.g, 0, odd.n, 0.0f, r->copy.g), r->copy.g};
  r->to = odd.to;
  r->g = odd.g;
}

XENT_INLINE void write_near_row(const backward_call *b, const near_row *near, const bool log, const bool far) {
  const int64_t n = b->call->shape->classes;
  const straight_row *r = &near->at;
  if (log || b->hi != 1 || !(fabsf(near->sum) <= XENT_QUIET_SUMS))
    emit_backward(r->y, r->g, r->dx, n, near->sum, b->hi, log, false);
  else
    emit_backward_lanes(r->y, r->g, r->dx, n, near->sum, 1, false, false, true, far, false);
  if (b->straight) return;
  clear_masked(&near->g, 0, n, r->dx);
  put_floats(&near->to, 0, n, r->dx, b->call->stream);
}

/* behind: a row is written after the sum of the next is under way, and nobody waits for the tree. */
XENT_INLINE xent_status backward_near(const backward_call *b, const bool log, const bool behind) {
  const xent_call *call = b->call;
  const int64_t n = call->shape->classes;
  near_row rows[2];
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    near_row *now = &rows[row & 1];
    take_near_row(b, row, now);
    now->sum = (float)products_of(now->at.g, log ? NULL : now->at.y, n, behind ? XENT_NEAR : XENT_FARTHER, XENT_F32);
    if (!behind) write_near_row(b, now, log, true);
    if (behind && row > call->row_begin) write_near_row(b, &rows[~row & 1], log, false);
  }
  if (behind && call->row_begin < call->row_end) write_near_row(b, &rows[~call->row_end & 1], log, false);
  return XENT_OK;
}
XENT_SHARED xent_status softmax_backward_near(const backward_call *b) {
  return b->call->shape->classes > XENT_BACKWARD_ONE_BEHIND ? backward_near(b, false, false) : backward_near(b, false, true);
}
XENT_SHARED xent_status log_softmax_backward_near(const backward_call *b) {
  return b->call->shape->classes > XENT_BACKWARD_ONE_BEHIND ? backward_near(b, true, false) : backward_near(b, true, true);
}

/* ---- sixteen rows at a time ---- */

typedef struct {
  int64_t row;
  int count;
  const float *y, *g;
  float *dx; /* the tensor, or over the copy of g */
  lanes sums;
  XENT_ALIGNED float copy_y[XENT_DENSE_FLOATS], copy_g[XENT_DENSE_FLOATS];
} backward_block;

typedef struct {
  const backward_call *b;
  int64_t n;
  bool lie, stored; /* y and g lie one behind the other; dx does, and takes floats as they come */
  XENT_ALIGNED int32_t rows[XENT_DENSE_ROWS * XENT_DENSE];
} dense_backward;

XENT_SHARED const float *dense_copy(const dense_backward *d, const backward_block *b, const void *array, const xent_layout *l, float *to) {
  const xent_call *call = d->b->call;
  for (int i = 0; i < (d->lie ? 1 : b->count); i++) {
    const row_source source = backward_source(call, span_of_row(call, b->row + i), array, l);
    copy_row(&source, 0, d->lie ? b->count * d->n : d->n, 0.0f, to + i * d->n);
  }
  for (int64_t i = b->count * d->n; i < XENT_ROWS * d->n; i++) to[i] = 0;
  return to;
}

XENT_INLINE void dense_backward_take(const dense_backward *d, int64_t row, backward_block *b) {
  const xent_call *call = d->b->call;
  const xent_shape *s = call->shape;
  b->row = row;
  b->count = call->row_end - row < XENT_ROWS ? (int)(call->row_end - row) : XENT_ROWS;
  const bool whole = d->lie && b->count == XENT_ROWS;
  b->y = whole && s->output.type == XENT_F32 ? call->forward_output + row * d->n
                                             : dense_copy(d, b, call->forward_output, &s->output, b->copy_y);
  b->g = whole && s->upstream.type == XENT_F32 ? call->upstream + row * d->n
                                               : dense_copy(d, b, call->upstream, &s->upstream, b->copy_g);
  b->dx = d->stored && b->count == XENT_ROWS ? call->output + row * d->n : b->copy_g;
}

XENT_INLINE void dense_backward_sums(const dense_backward *d, backward_block *b, const bool log, float *terms) {
  for (int64_t k = 0; !log && k < d->n; k++)
    lanes_store_dense(terms, d->n, k, lanes_mul(lanes_load_dense(b->g, d->n, k), lanes_load_dense(b->y, d->n, k)));
  b->sums = dlanes_narrow(dlanes_add(dense_sums(log ? b->g : terms, d->n), dlanes_zero())); /* no sum is -0 */
}

XENT_INLINE void dense_backward_step(const dense_backward *d, const backward_block *b, int64_t k, const int count, const bool log,
                                     const bool hot, const bool finite) {
  const lanes r = lanes_set(d->b->hi);
  lanes v[2];
  XENT_UNROLL(2)
  for (int j = 0; j < count; j++) v[j] = lanes_load_dense(b->y, d->n, k + j);
  if (log) {
    const exp_references of = references_of_backward();
    exp_lanes(v, count, &of, false, &no_heat);
  }
  XENT_UNROLL(2)
  for (int j = 0; j < count; j++) {
    v[j] = backward_lanes(v[j], lanes_load_dense(b->g, d->n, k + j), lanes_spread(b->sums, d->rows, k + j), r, log, hot);
    lanes_store_dense(b->dx, d->n, k + j, finite ? v[j] : lanes_quiet(v[j]));
  }
}
XENT_INLINE void dense_backward_write(const dense_backward *d, const backward_block *b, const bool log, const bool hot, const bool finite) {
  int64_t k = 0;
  for (; k + 2 <= d->n; k += 2) dense_backward_step(d, b, k, 2, log, hot, finite);
  if (k < d->n) dense_backward_step(d, b, k, 1, log, hot, finite);
}

/* Results that do not lie where the tensor wants them. */
XENT_SHARED void dense_backward_put(const dense_backward *d, backward_block *b) {
  const xent_call *call = d->b->call;
  const bool lie = lies_dense(call->shape, call->output_layout);
  for (int i = 0; call->class_mask && i < b->count; i++) {
    const row_source source = backward_source(call, span_of_row(call, b->row + i), call->upstream, &call->shape->upstream);
    clear_masked(&source, 0, d->n, b->dx + i * d->n);
  }
  for (int i = 0; i < (lie ? 1 : b->count); i++) {
    const strand to = strand_of_row(call, call->output, call->output_layout, span_of_row(call, b->row + i));
    put_floats(&to, 0, lie ? b->count * d->n : d->n, b->dx + i * d->n, call->stream);
  }
}

/* With a temperature, or a NaN or an infinity. */
XENT_SHARED void dense_backward_write_odd(const dense_backward *d, const backward_block *b) {
  if (d->b->hi != 1)
    d->b->log ? dense_backward_write(d, b, true, true, false) : dense_backward_write(d, b, false, true, false);
  else
    dense_backward_write(d, b, false, false, false);
}

XENT_INLINE xent_status dense_backward_blocks(const backward_call *call, const bool log) {
  XENT_ALIGNED float terms[XENT_DENSE_FLOATS];
  const xent_shape *s = call->call->shape;
  dense_backward d; /* not cleared: the map is long */
  backward_block block[2];
  const int64_t first = call->call->row_begin, end = call->call->row_end;
  d.b = call;
  d.n = s->classes;
  d.lie = lies_dense(s, &s->output) && lies_dense(s, &s->upstream) && !call->call->class_mask;
  d.stored = call->straight && lies_dense(s, call->call->output_layout);
  dense_map(d.rows, d.n);
  for (int64_t row = first; row < end + XENT_ROWS; row += XENT_ROWS) {
    backward_block *now = &block[(row - first) / XENT_ROWS % 2], *before = &block[((row - first) / XENT_ROWS + 1) % 2];
    if (row < end) {
      dense_backward_take(&d, row, now);
      dense_backward_sums(&d, now, log, terms);
    }
    if (row == first) continue;
    if (call->hi != 1 || (!log && lanes_bits_beyond(before->sums, XENT_QUIET_SUMS)))
      dense_backward_write_odd(&d, before);
    else
      dense_backward_write(&d, before, log, false, !log);
    if (before->dx == before->copy_g) dense_backward_put(&d, before);
  }
  return XENT_OK;
}
XENT_SHARED xent_status dense_softmax_backward(const backward_call *b) {
  return dense_backward_blocks(b, false);
}
XENT_SHARED xent_status dense_log_softmax_backward(const backward_call *b) {
  return dense_backward_blocks(b, true);
}

/* ---- rows of at most a group, which stay in registers: where there are but sixteen, of half a group ---- */

XENT_INLINE void group_backward_rows(const backward_call *b, const int vectors) {
  const xent_call *call = b->call;
  const xent_shape *shape = call->shape;
  const int64_t n = shape->classes, last = (vectors - 1) * XENT_LANES;
  const lanes hi = lanes_set(b->hi); /* a product with 1 is exact */
  straight_row r = straight_row_of(call, call->row_begin);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    lanes y[XENT_GROUP_VECTORS], g[XENT_GROUP_VECTORS], product[XENT_GROUP_VECTORS];
    XENT_UNROLL(8)
    for (int k = 0; k < XENT_GROUP_VECTORS; k++) {
      product[k] = lanes_set(0.0f);
      if (k >= vectors) continue;
      y[k] = k + 1 < vectors ? lanes_load(r.y + k * XENT_LANES) : lanes_load_part(r.y + last, n - last, 0.0f);
      g[k] = k + 1 < vectors ? lanes_load(r.g + k * XENT_LANES) : lanes_load_part(r.g + last, n - last, 0.0f);
      product[k] = lanes_mul(g[k], y[k]);
    }
    const lanes group = lanes_add(sum_of_four_vectors(product), sum_of_four_vectors(product + 4));
    const float sum = (float)(dlanes_tree(dlanes_widen(group)) + 0.0);
    if (fabsf(sum) <= XENT_QUIET_SUMS) {
      XENT_UNROLL(8)
      for (int k = 0; k < vectors; k++) {
        const lanes dx = backward_lanes(y[k], g[k], lanes_set(sum), hi, false, true);
        k + 1 < vectors ? lanes_store(r.dx + k * XENT_LANES, dx) : lanes_store_part(r.dx + last, n - last, dx);
      }
    } else {
      emit_backward(r.y, r.g, r.dx, n, sum, b->hi, false, false);
    }
    r = (straight_row){r.y + shape->output.outer, r.g + shape->upstream.outer, r.dx + call->output_layout->outer};
  }
}
XENT_SHARED xent_status softmax_backward_of_group(const backward_call *b) {
  const int vectors = (int)((b->call->shape->classes + XENT_LANES - 1) / XENT_LANES);
  if (vectors == 3) group_backward_rows(b, 3);
  if (vectors == 4) group_backward_rows(b, 4);
  if (XENT_BACKWARD_REGISTERS < XENT_GROUP) return XENT_OK;
  if (vectors == 5) group_backward_rows(b, 5);
  if (vectors == 6) group_backward_rows(b, 6);
  if (vectors == 7) group_backward_rows(b, 7);
  if (vectors == 8) group_backward_rows(b, 8);
  return XENT_OK;
}

/* ---- the calls ---- */

XENT_KERNEL xent_status backward_rows(const xent_call *call) {
  const backward_call b = backward_call_of(call);
  const int64_t n = call->shape->classes, wanted = call->class_end - call->class_begin;
  const int64_t dense = b.log ? XENT_DENSE_LOG_SOFTMAX_BACKWARD : XENT_DENSE_SOFTMAX_BACKWARD;
  if (b.halves && n > dense && wanted >= 2 * XENT_LANES)
    return call->shape->output.type == XENT_BF16 ? backward_of_bf16(&b) : backward_of_f16(&b);
  if (call->known_statistics || wanted < n || call->row_offsets) return backward_at_once(&b);
  if (n <= dense && call->row_end - call->row_begin >= XENT_DENSE_LEAST)
    return b.log ? dense_log_softmax_backward(&b) : dense_softmax_backward(&b);
  if (!b.log && b.straight && !call->stream && call->shape->inner == 1 && n > dense && n <= XENT_BACKWARD_REGISTERS)
    return softmax_backward_of_group(&b);
  if (n <= XENT_EXACT_MAX && (!b.straight || !call->stream))
    return b.log ? log_softmax_backward_near(&b) : softmax_backward_near(&b);
  return backward_at_once(&b);
}

XENT_KERNEL xent_status backward_states(const xent_call *call) {
  const backward_call b = backward_call_of(call);
  const int64_t chunks = xent_chunks(call->shape->classes);
  backward_scratch s;
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    row_state *states = (row_state *)(void *)call->states + (row - call->row_begin) * chunks;
    backward_row r;
    take_row(&b, row, &r);
    for (int64_t i = call->class_begin; i < call->class_end; i += XENT_CHUNK) {
      const double sum = chunk_sum_of_backward(&b, &r, i, chunk_length(i, call->class_end), call->shape->classes > XENT_CHUNK, &s);
      states[i / XENT_CHUNK] = (row_state){.kind = XENT_KIND_BACKWARD | xent_state_version, .digest = !call->forward_output,
                                           .label = XENT_LABEL_ELSEWHERE, .sum = quiet_double(sum)};
    }
  }
  return XENT_OK;
}

#endif
