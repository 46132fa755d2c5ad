/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline for rows of one chunk. A, B, C are blocks of up to sixteen rows:
 *   step 1   search A
 *   step 2   search B   sum A
 *   step 3   search C   sum B   write A
 * In a step (flow_beside_blocks), one loop over the classes works on three rows: it finds the maximum of a row of C,
 * adds the exponentials of a row of B, and writes the results of a row of A. So loads and stores overlap with
 * arithmetic, and no dependency chain stalls. Above 1024 classes rows are not searched: N rises during the sum.
 *
 * The rows of a single block, rows that are not contiguous floats, masked rows, and rows whose results are stored in
 * another way go block by block (flow_blocks). They are copied into the scratch, where all element types, masks and
 * layouts have the same form, and written from there. With AVX-512, masked rows go through the pipeline unless an
 * operation other than exponentials and smoothing reads their logits: it takes 0.75 to 0.9 of the time of copies. With
 * AVX2, whose masks need more instructions, it would take 1.1.
 */
#ifndef XENT_SCHEDULES_FLOW_H
#define XENT_SCHEDULES_FLOW_H

#include "kernels/emit/target.h"
#include "kernels/supported.h"
#include "kernels/order/order.h"
#include "kernels/rows/sixteen.h"
#include "kernels/schedules.h"

enum {
  XENT_FLOW_MOST = XENT_EXACT_MAX,
  XENT_FLOW_LONGEST = XENT_CHUNK / 2, /* classes */
  XENT_FLOW_BESIDE = 64, /* rows: with fewer, it makes nothing faster that blocks overlap */
  XENT_FLOW_APART = XENT_LANES, /* between rows: at a power of two, rows would map to the same cache sets */
  /* the scratch for the rows of one block, which stays in the first-level cache; and for long rows that are copied */
  XENT_FLOW_FLOATS = 7 * (XENT_FLOW_MOST + XENT_FLOW_APART),
  XENT_FLOW_LONG = XENT_FLOW_LONGEST + XENT_FLOW_APART,
  XENT_FLOW_AHEAD = 2 * XENT_CHUNK /* the most classes of a block that keeps its e in the output */
};

typedef struct {
  int32_t label[XENT_ROWS];
  lanes largest[XENT_ROWS];
  float lowest[XENT_ROWS], magic[XENT_ROWS]; /* of rows of up to 1024 classes */
  float factor[XENT_ROWS], b[XENT_ROWS], max[XENT_ROWS];
  lanes group[XENT_ROWS]; /* of rows of one group, instead of sum */
  dlanes sum[XENT_ROWS];
  row_sums sums;
  row_outcome outcome;
  /* addresses of rows; absent rows have the address of another one */
  float *x[XENT_ROWS], *y[XENT_ROWS], *e[XENT_ROWS];
  union {
    float *t[XENT_ROWS];
    const uint8_t *mask[XENT_ROWS]; /* of rows that are read in place */
  };
} flow_block;

/* The place of a row's e until its second pass: none, if they are not read again; over a copy of its logits; in
 * separate memory; in the output. */
enum flow_place { XENT_FLOW_NOT_KEPT, XENT_FLOW_OVER_COPY, XENT_FLOW_IN_SCRATCH, XENT_FLOW_IN_OUTPUT };

typedef struct {
  const job *j;
  row_reader reader;
  xent_kernel fallback;     /* for rows that leave flow */
  row_context *row;       /* the current row */
  int64_t n, pitch;
  int most;               /* most rows of a block */
  int writes;             /* the kind of the second pass; XENT_BESIDE_SILENT: no second pass */
  enum flow_place place;  /* of e */
  bool direct;            /* rows are read in place, not copied */
  const uint8_t *masks;   /* of rows that are read in place, or NULL */
  bool straight;          /* results are stored directly, during the next block */
  bool exact;             /* N is the reference of the maximum, which is searched first */
  bool sloped;            /* gradients have a factor, the softcap's slopes; copies store it in the other half */
  float *slopes;          /* the slopes, or NULL */
  const void *targets;    /* the targets per class as contiguous floats, or NULL */
  xent_layout target_layout;
} flow;

/* ---- load ---- */

/* The begin of row i of some rows in an array; for absent rows, the begin of the first row of the call. */
XENT_INLINE int64_t flow_offset(const flow *f, const row_set *rows, const xent_layout *l, int i) {
  const xent_shape *s = f->j->call->shape;
  if (i >= rows->count) return row_offset(s, l, f->j->call->row_begin);
  if (rows->adjacent && s->inner == 1) return (int64_t)((uint64_t)(rows->first + i) * (uint64_t)l->outer);
  return row_offset(s, l, row_of(rows, i));
}
XENT_INLINE void flow_addresses(const flow *f, const row_set *rows, const void *array, const xent_layout *l,
                                float **to) {
  float *at = (float *)(uintptr_t)array;
  for (int i = 0; i < f->most; i++) to[i] = at + flow_offset(f, rows, l, i);
}
XENT_INLINE void flow_masks(const flow *f, const row_set *rows, const uint8_t **to) {
  const xent_layout *l = &f->j->call->shape->class_mask;
  for (int i = 0; i < f->most; i++) to[i] = f->masks + flow_offset(f, rows, l, i);
}
XENT_INLINE const uint8_t *flow_mask(const flow_block *b, int row) {
  const uint8_t *mask = b->mask[row];
  if (!mask) __builtin_unreachable(); /* never NULL in masked loops */
  return mask;
}

/* The classes of a unit of which n are left; e(-inf) = +0 for absent ones. */
XENT_INLINE lanes flow_load(const float *x, int64_t n) {
  if (n >= XENT_LANES) return lanes_load(x);
  return n > 0 ? lanes_load_part(x, n, -INFINITY) : lanes_set(-INFINITY);
}

/* Sets the context of a row, replacing the previous one. */
XENT_INLINE row_context *flow_row_at_hand(const flow *f, const flow_block *b, int row) {
  const xent_call *call = f->j->call;
  move_row_source(&f->row->x, span_of_row(call, row_of(&b->sums.rows, row)), call->logits, &call->shape->logits);
  f->row->x.slopes = NULL;
  f->row->t.label = b->label[row];
  return f->row;
}

/* A row whose logits are loaded or in place. */
XENT_INLINE row_context *flow_ready_row(const flow *f, const flow_block *b, int row) {
  row_context *r = flow_row_at_hand(f, b, row);
  r->share = f->j->soft && f->j->smoothed ? f->j->eps / b->sums.smoothed_count[row] : 0;
  r->ready = b->x[row];
  return r;
}

/* The rows of a block, in place or copied, and their largest. */
XENT_SHARED void flow_copy(const flow *f, flow_block *b) {
  const row_set *rows = &b->sums.rows;
  if (f->direct) {
    flow_addresses(f, rows, f->j->call->logits, &f->j->call->shape->logits, b->x);
    for (int i = 0; f->exact && i < rows->count; i++) b->largest[i] = largest_lanes(b->x[i], f->n);
    return;
  }
  for (int i = 0; i < rows->count; i++) {
    row_source *source = &flow_row_at_hand(f, b, i)->x;
    if (f->slopes) source->slopes = f->slopes + i * f->pitch;
    b->largest[i] = copy_row(source, 0, f->n, 0.0f, b->x[i]);
  }
}

/* ---- between load and exponentials ---- */

XENT_SHARED void flow_targets(const flow *f, flow_block *b, int row, const float *x, float max) {
  row_context *r = flow_ready_row(f, b, row);
  const float m = max > -INFINITY && max < INFINITY ? max : 0;
  const target_sums t = chunk_targets(r, x, 0, f->n, m);
  b->sums.dot[row] = t.dot;
  b->sums.mass[row] = t.mass;
}

/* A clone with registers known to GCC would slow down the loops of its caller by a tenth. */
XENT_SHARED __attribute__((noclone)) void flow_order(const flow *f, flow_block *b, int row, const float *x, float max) {
  const xent_call *call = f->j->call;
  const row_source *source =
      call->class_mask ? &flow_row_at_hand(f, b, row)->x : &f->row->x; /* used only for its mask */
  find_order(call, source, x, b->label[row], max, row, &b->sums);
}

/* Sets all values of the rows that depend only on their maxima. */
XENT_INLINE void flow_prepare(const flow *f, flow_block *b) {
  const job *j = f->j;
  const xent_call *call = j->call;
  const bool one = b->sums.rows.count == 1; /* sixteen rows of which one counts: each lane is independent */
  for (int i = b->sums.rows.count; !one && i < XENT_ROWS; i++) b->largest[i] = b->largest[0];
  if (one && !f->exact) lanes_store(b->sums.reference, lanes_set(b->sums.reference[0]));
  const lanes max = one ? lanes_set(lanes_largest(b->largest[0])) : lanes_largest_rows(b->largest);
  if (f->exact) {
    const lanes N = references_for(max, &j->temperature);
    const exp_references r = exp_references_of(N, &j->temperature);
    lanes_store(b->sums.reference, N);
    lanes_store(b->lowest, r.lowest);
    lanes_store(b->magic, r.magic);
  }
  lanes_store(b->sums.max, max);
  b->sums.folded = false;
  b->sums.long_row = !f->exact;
  b->sums.correct = 0;
  if (!j->plain && (call->targets || call->sink)) {
    const xent_layout *mask = &call->shape->class_mask;
    const bool same = mask->outer == 0 && mask->inner == 0; /* one mask for all rows */
    int64_t counted[XENT_ROWS];
    for (int i = 0; i < XENT_ROWS; i++) counted[i] = f->n;
    for (int i = 0; call->class_mask && j->smoothed && i < b->sums.rows.count; i++)
      counted[i] = same && i > 0 ? counted[0] : count_classes(&flow_row_at_hand(f, b, i)->x, 0, f->n);
    load_row_numbers(j, &b->sums.rows, b->label, counted, &b->sums);
  }
  if (one) lanes_store(b->sums.logit, lanes_set(j->labels ? b->x[0][b->label[0]] : 0.0f));
  for (int i = 0; !one && j->labels && i < b->sums.rows.count; i++) b->sums.logit[i] = b->x[i][b->label[i]];
  for (int i = 0; (j->smoothed || j->soft) && i < b->sums.rows.count; i++)
    flow_targets(f, b, i, b->x[i], b->sums.max[i] + 0.0f);
  for (int i = 0; (call->argmax || call->ranks || call->correct) && i < b->sums.rows.count; i++)
    flow_order(f, b, i, b->x[i], b->sums.max[i]);
}

/* ---- exponentials, overlapped with loads and stores ---- */

XENT_INLINE lanes flow_search(const row_beside *s, int64_t i, int64_t n, const int64_t sure, const int vectors,
                              lanes largest) {
  lanes odd = largest;
  XENT_UNROLL(4)
  for (int k = 0; k < vectors; k++, i += XENT_LANES) {
    const lanes v = s->searched_mask ? masked_floats(s->searched + i, s->searched_mask + i, n - i)
                    : i + XENT_LANES <= sure || n - i >= XENT_LANES
                        ? lanes_load(s->searched + i)
                        : lanes_load_part(s->searched + i, n - i, -INFINITY);
    if (k & 1)
      odd = lanes_max(v, odd);
    else
      largest = lanes_max(v, largest);
  }
  return vectors > 1 ? lanes_max(odd, largest) : largest;
}
/* Prefetches the classes that are searched and written a few units later, because the CPU's own prefetch ends at each
 * page. The time over that without is 0.7 to 0.95 for 64 to 8192 rows of 1000 classes that are not in the caches, and
 * 0.8 to 1.02 for those that are. Rows above 1024 classes have no such prefetch: in the caches they would take 1.02 to
 * 1.1 (Intel Xeon, November 2026). */
XENT_INLINE void flow_fetch(const row_beside *s, int64_t i, const int vectors, const int mode) {
  XENT_UNROLL(4)
  for (int k = 0; k < vectors; k++) {
    const int64_t at = (i + k * XENT_LANES) * (int64_t)sizeof(float);
    prefetch_behind(s->searched, at + XENT_LOADED_AHEAD);
    if (mode >= XENT_BESIDE_LINE) prefetch_behind(s->to, at + XENT_STORED_AHEAD);
  }
}
XENT_INLINE lanes flow_beside_unit(const row_beside *s, int64_t i, int64_t n, const int64_t sure, const int vectors,
                                   const int mode, lanes largest) {
  if (mode != XENT_BESIDE_ALONE) flow_fetch(s, i, vectors, mode);
  if (mode >= XENT_BESIDE_LINE) write_beside(s, i, n, sure, vectors, mode);
  return mode == XENT_BESIDE_ALONE ? largest : flow_search(s, i, n, sure, vectors, largest);
}

/* The next vectors of a row, and their references. */
typedef struct {
  const float *x;
  const uint8_t *mask; /* or NULL */
  int64_t n;
  exp_references references;
} flow_from;

/* Completes `pending` vectors in e, and begins `count` next vectors from class i on. */
XENT_INLINE void flow_step(exp_half *half, const flow_from *from, int64_t i, const int64_t sure, lanes *e,
                           const int count, const int pending, const f32_temperature *h) {
  lanes v[XENT_BATCH_MAX];
  if (__builtin_expect(i + count * XENT_LANES <= sure || from->n - i >= count * XENT_LANES, 1))
    XENT_UNROLL(4)
    for (int k = 0; k < count; k++) {
      const int64_t at = i + k * XENT_LANES;
      v[k] = from->mask ? masked_floats(from->x + at, from->mask + at, XENT_LANES) : lanes_load(from->x + at);
    }
  else
    XENT_UNROLL(4)
    for (int k = 0; k < count; k++) {
      const int64_t at = i + k * XENT_LANES;
      v[k] = from->mask                ? masked_floats(from->x + at, from->mask + at, from->n - at)
             : at + XENT_LANES <= sure ? lanes_load(from->x + at)
                                       : flow_load(from->x + at, from->n - at);
    }
  exp_stages(half, v, e, count, pending, &from->references, false, h);
}

/* The sum of the unit from class i on, of `vectors` vectors, the first of which have begun; also begins `count` vectors
 * of the following unit. The class `without` is not added. */
XENT_INLINE lanes flow_unit(exp_half *half, const flow_from *row, int64_t i, const flow_from *after, int64_t begin,
                            const int count, const int vectors, const int64_t sure, const int batch, int64_t without,
                            float *kept, const f32_temperature *h) {
  lanes e[4] = {lanes_set(0.0f), lanes_set(0.0f), lanes_set(0.0f), lanes_set(0.0f)};
  XENT_UNROLL(4)
  for (int k = 0; k < vectors; k += batch) {
    const int left = vectors - k - batch, next = left < batch ? left : batch;
    if (left > 0)
      flow_step(half, row, i + (k + batch) * XENT_LANES, sure, e + k, next, batch, h);
    else
      flow_step(half, after, begin, sure, e + k, count, vectors - k, h);
  }
  if (kept)
    XENT_UNROLL(4)
    for (int k = 0; k < vectors; k++) lanes_store(kept + i + k * XENT_LANES, e[k]);
  const int64_t lane = without - i;
  if (lane >= 0 && lane < XENT_UNIT)
    XENT_UNROLL(4)
    for (int k = 0; k < vectors; k++) e[k] = lanes_drop(e[k], lane - k * XENT_LANES);
  return vectors == 1 ? e[0] : vectors == 2 ? lanes_add(e[0], e[1]) : sum_of_four_vectors(e);
}

XENT_INLINE flow_from flow_from_row(const flow_block *b, int row, int64_t n, const bool masked) {
  return (flow_from){.x = b->x[row], .mask = masked ? flow_mask(b, row) : NULL, .n = n,
                     .references = {lanes_set(b->lowest[row]), lanes_set(b->magic[row])}};
}

/* The number of vectors whose exponentials are computed at once: while another row is written, fewer fit into the
 * registers. */
XENT_INLINE int flow_batch(const int mode) { return mode <= XENT_BESIDE_SILENT || XENT_BATCH < 2 ? XENT_BATCH : 2; }

/* A row whose exponentials are computed, and the rows that are searched and written meanwhile. */
typedef struct {
  flow_from own, after;
  exp_half *half;
  const row_beside *beside;
  const f32_temperature *temperature;
  float *kept;
  int64_t label;
} flow_work;

/* The last unit of a row, from class `last` on, of `rest` vectors. */
XENT_INLINE lanes flow_last_unit(const flow_work *w, int64_t last, const int rest, const int batch, const int mode,
                                 lanes *largest) {
  *largest = flow_beside_unit(w->beside, last, w->own.n, 0, rest, mode, *largest);
  return flow_unit(w->half, &w->own, last, &w->after, 0, batch, rest, 0, batch, w->label, w->kept, w->temperature);
}

/* Returns the largest of the row that is searched meanwhile. */
XENT_INLINE lanes flow_row(const flow *f, flow_block *b, int row, exp_half *half, const row_beside *s,
                           const f32_temperature *h, const int mode, const bool masked) {
  const flow_work w = {.own = flow_from_row(b, row, f->n, masked),
                       .after = flow_from_row(b, row + 1 < b->sums.rows.count ? row + 1 : row, f->n, masked),
                       .half = half,
                       .beside = s, .temperature = h, .kept = f->place ? b->e[row] : NULL,
                       .label = f->j->labels ? b->label[row] : XENT_NO_CLASS};
  const int batch = flow_batch(mode);
  const int64_t n = w.own.n, last = (n - 1) / XENT_UNIT * XENT_UNIT;
  lanes even = lanes_set(0.0f), q, largest = lanes_set(-INFINITY);
  dlanes sum = dlanes_zero();
  for (int64_t i = 0; i < last; i += XENT_UNIT) {
    largest = flow_beside_unit(s, i, n, i + XENT_UNIT, XENT_UNIT_VECTORS, mode, largest);
    q = flow_unit(half, &w.own, i, &w.own, i + XENT_UNIT, batch, XENT_UNIT_VECTORS, i + XENT_UNIT, batch, w.label,
                  w.kept, h);
    if (i & XENT_UNIT)
      sum = dlanes_add(sum, dlanes_widen(lanes_add(even, q)));
    else
      even = q;
  }
  switch ((int)((n - last + XENT_LANES - 1) / XENT_LANES)) {
    case 1: q = flow_last_unit(&w, last, 1, batch, mode, &largest); break;
    case 2: q = flow_last_unit(&w, last, 2, batch, mode, &largest); break;
    case 3: q = flow_last_unit(&w, last, 3, batch, mode, &largest); break;
    default: q = flow_last_unit(&w, last, 4, batch, mode, &largest);
  }
  const lanes group = last & XENT_UNIT ? lanes_add(even, q) : q;
  if (n <= XENT_GROUP)
    b->group[row] = group;
  else
    b->sum[row] = dlanes_add(sum, dlanes_widen(group));
  return largest;
}

/* flow_row for rows above 1024 classes. No row is searched meanwhile. */
XENT_INLINE void flow_long_row(const flow *f, flow_block *b, int row, const row_beside *s, const int mode) {
  const chunk_way w = {.kept = f->place ? b->e[row] : NULL, .temperature = &f->j->temperature};
  chunk_progress c = chunk_begin(XENT_LOWEST_REFERENCE);
  sum_classes_beside(b->x[row], f->n, f->j->labels ? b->label[row] : XENT_NO_CLASS, &w, &c, s, mode);
  b->sum[row] = c.sum;
  b->largest[row] = c.above;
  b->sums.reference[row] = c.reference;
  if (f->place && c.settled) settle(&c, b->x[row], b->e[row], &f->j->temperature);
}

/* The largest of a row, without another row at the same time. */
XENT_INLINE lanes flow_largest(const flow *f, const flow_block *b, int row, const bool masked) {
  if (!masked) return largest_lanes(b->x[row], f->n);
  const row_beside s = {.searched = b->x[row], .searched_mask = flow_mask(b, row)};
  lanes largest = lanes_set(-INFINITY);
  for (int64_t i = 0; i < f->n; i += XENT_LANES) largest = flow_search(&s, i, f->n, 0, 1, largest);
  return largest;
}
/* Searches and writes rows without a row to compute. */
XENT_INLINE void flow_row_beside(const row_beside *s, int64_t n, const int mode) {
  for (int64_t i = 0; mode >= XENT_BESIDE_LINE && i < n; i += XENT_LANES) write_beside(s, i, n, 0, 1, mode);
}

/* ---- emit ---- */

/* Stores e f + b, or for log-softmax (x - max) f + b, in any type and layout. False if the row needs another
 * operation. */
XENT_INLINE bool flow_write_line(const flow *f, const flow_block *b, int row) {
  const job *j = f->j;
  const xent_call *call = j->call;
  const bool log = f->writes == XENT_BESIDE_LOG;
  const emission m = {.f = log ? j->temperature.hi : b->factor[row], .b = b->b[row]};
  const bool marks = call->class_mask && !masked_are_zero(&m, false);
  if (f->writes == XENT_BESIDE_TARGETS || j->sparse || (call->targets && (f->row->x.cap != 0 || marks))) return false;
  const strided to = strided_at(call->output, call->output_layout,
                              row_offset(call->shape, call->output_layout, row_of(&b->sums.rows, row)));
  if (log)
    put_logarithms(&to, 0, f->n, b->x[row], b->max[row], m.f, m.b);
  else
    put_lines(&to, 0, f->n, b->e[row], m.f, m.b, false);
  if (j->labels) strided_set(&to, b->label[row], b->outcome.label_gradient[row]);
  return true;
}
/* Results of any type, layout, mask, softcap and targets per class. */
XENT_SHARED void flow_write_row(const flow *f, const flow_block *b, int row) {
  const job *j = f->j;
  const xent_call *call = j->call;
  XENT_ALIGNED float out[XENT_STEP];
  const int64_t n = f->n, at = row_of(&b->sums.rows, row);
  const strided to = strided_at(call->output, call->output_layout, row_offset(call->shape, call->output_layout, at));
  const bool masked = call->targets && f->row->x.mask, cap = call->targets && f->row->x.cap != 0;
  const bool again = !f->place; /* from known statistics */
  const float *from = again ? b->x[row] : b->e[row];
  const int64_t label = j->labels ? b->label[row] : XENT_NO_CLASS;
  emission m = {.references = exp_everywhere(exp_reference_of(b->sums.reference[row], &j->temperature)),
                .temperature = &j->temperature, .f = b->factor[row], .b = b->b[row]};
  if (j->per_class) m.scale = b->outcome.scale[row];
  const bool finish = cap || (masked && (j->sparse || !masked_are_zero(&m, j->per_class)));
  row_context *r = flow_ready_row(f, b, row);
  row_emission sparse = {.m = m, .share = r->share};
  entry_lists entries;
  r->entries = j->sparse ? list_entries(call, at, n, XENT_STEP_SHIFT, &entries) : NULL;
  if (j->sparse) sparse.cc = logit_scale(call->options, scale_of_row(j, at, b->sums.row_weight[row]));
  class_targets t;
  if (j->per_class) {
    t = targets_of_classes(r);
    if (!j->probabilities) t.add = 1;
    m.targets = &t;
  }
  if (f->slopes) r->x.slopes = f->slopes + row * f->pitch;
  for (int64_t i = 0; i < n; i += XENT_STEP) {
    const int64_t step = step_length(i, n);
    float *y = is_direct(&to) && (!cap || f->slopes) ? (float *)(uintptr_t)to.at + i : out;
    m.begin = i;
    (again ? emit_again : emit_given)(&m, from + i, y, step, false);
    if (j->sparse)
      emit_sparse(r, &sparse, b->sums.reference[row], b->x[row] + i, again ? NULL : b->e[row] + i, y, i, step);
    if (label >= i && label - i < step) y[label - i] = b->outcome.label_gradient[row];
    if (finish) finish_classes(r, y, i, step);
    put_floats(&to, i, step, y, false);
  }
  r->entries = NULL;
}

/* Sets results of masked classes that are not already +0. */
XENT_SHARED void flow_end_masked(const flow *f, const flow_block *b, int row) {
  const emission m = {.f = b->factor[row], .b = b->b[row]};
  const uint8_t *mask = flow_mask(b, row);
  float *y = b->y[row];
  if (masked_are_zero(&m, false)) return;
  for (int64_t i = 0; i < f->n; i += XENT_LANES) {
    const int64_t left = f->n - i;
    const lanes v = where_counted(mask + i, 1, left, load_up_to(y + i, left), 0.0f);
    if (left >= XENT_LANES)
      lanes_store(y + i, v);
    else
      lanes_store_part(y + i, left, v);
  }
}

XENT_INLINE void flow_end(flow *f, flow_block *b) {
  const xent_call *call = f->j->call;
  const uint32_t regular = b->outcome.regular;
  for (uint32_t rest = call->output && (f->j->labels || !f->straight) ? regular : 0; rest; rest &= rest - 1) {
    const int row = __builtin_ctz(rest);
    if (f->straight && f->masks) flow_end_masked(f, b, row);
    if (f->straight)
      b->y[row][b->label[row]] = b->outcome.label_gradient[row];
    else if (!flow_write_line(f, b, row))
      flow_write_row(f, b, row);
  }
  const xent_status status = rows_alone(f->j, &b->sums.rows, regular, f->fallback);
  if (status) f->reader.status = status;
}

/* ---- results ---- */

XENT_INLINE dlanes flow_sums(flow_block *b) {
  for (int i = b->sums.rows.count; i < XENT_ROWS; i++) b->sum[i] = b->sum[0];
  return dlanes_tree_rows(b->sum);
}
XENT_INLINE dlanes flow_sums_of_groups(flow_block *b) {
  dlanes sum[XENT_ROWS];
  for (int i = b->sums.rows.count; i < XENT_ROWS; i++) b->group[i] = b->group[0];
  XENT_UNROLL(16)
  for (int i = 0; i < XENT_ROWS; i++) sum[i] = dlanes_widen(b->group[i]);
  return dlanes_tree_rows(sum);
}

XENT_SHARED void flow_entropies(const flow *f, flow_block *b) {
  const job *j = f->j;
  row_sums *in = &b->sums;
  for (int i = 0; i < in->rows.count; i++) {
    const float most = j->call->sink && in->sink[i] > in->max[i] ? in->sink[i] : in->max[i];
    product_sum sum = no_products();
    add_entropy(&sum, b->x[i], b->e[i], f->n, in->reference[i], most + 0.0f, &j->temperature);
    in->entropy[i] = end_products(&sum, f->n);
  }
}

/* Sums of clamped terms, instead of those over targets. */
XENT_SHARED void flow_clamped(const flow *f, flow_block *b) {
  row_sums *in = &b->sums;
  double distance[XENT_ROWS];
  distances_of_rows(f->j, in, distance);
  for (int i = 0; i < in->rows.count; i++)
    in->dot[i] = sum_of_clamped(flow_ready_row(f, b, i), in->max[i] + 0.0f, 0.0f, distance[i]);
}

XENT_SHARED void flow_results(const flow *f, flow_block *b) {
  const job *j = f->j;
  row_sums *in = &b->sums;
  if (j->call->entropies) flow_entropies(f, b);
  if (in->rows.count == 1) {
    dlanes_store(in->sum,
                 dlanes_set(chunk_tree(f->n, b->group[0], f->n <= XENT_GROUP ? dlanes_widen(b->group[0]) : b->sum[0])));
  } else {
    dlanes_store(in->sum, f->n <= XENT_GROUP ? flow_sums_of_groups(b) : flow_sums(b));
    for (int i = 0; f->n <= XENT_LANES && i < in->rows.count; i++) in->sum[i] = lanes_tree(b->group[i]);
    fill_sums(in);
  }
  if (clamps_terms(j->call)) flow_clamped(f, b);
  b->outcome.record = NULL;
  results_of_rows(j, in, &b->outcome);
  lanes_store(b->factor, b->outcome.f);
  lanes_store(b->b, f->writes == XENT_BESIDE_LOG ? b->outcome.f
                    : j->per_class               ? lanes_load(b->outcome.scale)
                                                 : b->outcome.b);
  lanes_store(b->max, b->outcome.max);
  /* rows that leave are written to a place that is not read, so that loops have no conditions */
  for (uint32_t leave = all_rows(&in->rows) & ~b->outcome.regular; leave; leave &= leave - 1)
    b->y[__builtin_ctz(leave)] = b->e[__builtin_ctz(leave)];
}

XENT_SHARED void flow_target_gradients(const flow *f, flow_block *b) {
  float distance[XENT_ROWS];
  lanes_store(distance, b->outcome.distance);
  for (uint32_t rest = b->outcome.regular; rest; rest &= rest - 1) {
    const int row = __builtin_ctz(rest);
    const row_statistics s = {.max = (double)b->max[row]};
    const row_context *r = flow_ready_row(f, b, row);
    write_target_gradient(r, &s, distance[row], scale_of_row(f->j, r->x.row, b->sums.row_weight[row]), NULL);
  }
}

/* ---- the loop ---- */

XENT_INLINE row_beside flow_beside_row(const flow_block *next, const flow_block *before, int row,
                                       const f32_temperature *h, const int mode, const bool masked) {
  row_beside s = {.searched = next->x[row], .searched_mask = masked ? flow_mask(next, row) : NULL};
  if (mode < XENT_BESIDE_LINE) return s;
  if (masked && mode == XENT_BESIDE_LOG) s.from_mask = flow_mask(before, row);
  s.from = mode == XENT_BESIDE_LOG ? before->x[row] : before->e[row];
  s.to = before->y[row];
  if (mode == XENT_BESIDE_TARGETS) s.targets = before->t[row];
  s.less = lanes_set(before->max[row]);
  s.f = lanes_set(mode == XENT_BESIDE_LOG ? h->hi : before->factor[row]);
  s.b = lanes_set(before->b[row]);
  return s;
}

/* Processes the rows of three blocks in turn. */
XENT_INLINE void flow_rows_at_work(const flow *f, flow_block *next, flow_block *now, const flow_block *before,
                                   const int mode, const bool masked) {
  const f32_temperature h = f->j->temperature; /* a copy, which no store can change */
  const int written = mode >= XENT_BESIDE_LINE ? before->sums.rows.count : 0;
  int row = 0;
  if (f->exact && now->sums.rows.count) {
    exp_half half;
    const flow_from first = flow_from_row(now, 0, f->n, masked);
    flow_step(&half, &first, 0, 0, NULL, flow_batch(mode), 0, &h);
    for (; row < now->sums.rows.count; row++) {
      const row_beside s = flow_beside_row(next, before, row, &h, mode, masked);
      next->largest[row] = flow_row(f, now, row, &half, &s, &h, mode, masked);
    }
  }
  for (; !masked && !f->exact && row < now->sums.rows.count; row++) {
    const row_beside s = flow_beside_row(next, before, row, &h, mode, masked);
    flow_long_row(f, now, row, &s, mode);
  }
  for (int rest = row; mode >= XENT_BESIDE_LINE && rest < written; rest++) {
    const row_beside s = flow_beside_row(next, before, rest, &h, mode, masked);
    flow_row_beside(&s, f->n, mode);
  }
  for (; mode != XENT_BESIDE_ALONE && f->exact && row < next->sums.rows.count; row++)
    next->largest[row] = flow_largest(f, next, row, masked);
}

XENT_SHARED void flow_masked_blocks(const flow *f, flow_block *next, flow_block *now, const flow_block *before) {
  switch (before->sums.rows.count ? f->writes : XENT_BESIDE_SILENT) {
    case XENT_BESIDE_SILENT: flow_rows_at_work(f, next, now, before, XENT_BESIDE_SILENT, true); break;
    case XENT_BESIDE_LOG: flow_rows_at_work(f, next, now, before, XENT_BESIDE_LOG, true); break;
    default: flow_rows_at_work(f, next, now, before, XENT_BESIDE_LINE, true);
  }
}
XENT_SHARED void flow_blocks_at_work(const flow *f, flow_block *next, flow_block *now, flow_block *before) {
  switch (before->sums.rows.count ? f->writes : XENT_BESIDE_SILENT) {
    case XENT_BESIDE_SILENT: flow_rows_at_work(f, next, now, before, XENT_BESIDE_SILENT, false); break;
    case XENT_BESIDE_TARGETS: flow_rows_at_work(f, next, now, before, XENT_BESIDE_TARGETS, false); break;
    case XENT_BESIDE_LOG: flow_rows_at_work(f, next, now, before, XENT_BESIDE_LOG, false); break;
    default: flow_rows_at_work(f, next, now, before, XENT_BESIDE_LINE, false);
  }
}
XENT_SHARED void flow_rows_alone(const flow *f, flow_block *b) {
  flow_rows_at_work(f, b, b, b, XENT_BESIDE_ALONE, false);
}

XENT_INLINE bool needs_one_look(const xent_call *call) {
  return XENT_HAS_ONLY(call, IN_ONE_LOOK, XENT_OPTIONS_OF_SCHEDULES) && !clamps_terms(call);
}

XENT_INLINE int flow_writes(const job *j) {
  if (!j->call->output) return XENT_BESIDE_SILENT;
  return j->per_class ? XENT_BESIDE_TARGETS : j->call->log ? XENT_BESIDE_LOG : XENT_BESIDE_LINE;
}
/* Copies are overwritten by their e, if no step reads both. */
XENT_INLINE enum flow_place flow_place_of(const flow *f) {
  const xent_call *call = f->j->call;
  const bool kept = (f->writes != XENT_BESIDE_SILENT && f->writes != XENT_BESIDE_LOG) || call->entropies;
  if (!kept) return XENT_FLOW_NOT_KEPT;
  if (f->direct || call->entropies || !f->exact || !needs_one_look(call)) return XENT_FLOW_IN_SCRATCH;
  return XENT_FLOW_OVER_COPY;
}
/* Whether results are contiguous floats of the form f v + b, where v is from the first pass: then they are stored
 * during other rows. */
XENT_INLINE bool flow_is_straight(const flow *f) {
  const xent_call *call = f->j->call;
  if (!f->direct) return false;
  if (f->writes == XENT_BESIDE_SILENT) return true;
  return call->output_layout->type == XENT_F32 && call->output_layout->classes == 1 && !f->j->sparse &&
         (!f->j->per_class || f->targets);
}

XENT_INLINE bool masked_rows_flow(const job *j) {
  const xent_call *call = j->call;
  if (XENT_IS_OFF(XENT_SCHEDULE_BESIDE) || XENT_IS_OFF(XENT_SCHEDULE_MASKED)) return false;
  return XENT_BATCH >= 4 && call->class_mask && call->shape->class_mask.classes == 1 && !j->soft && !j->per_class &&
         XENT_HAS_ONLY(call, IN_MASKED, XENT_OPTIONS_BESIDE_LOGITS) &&
         call->row_end - call->row_begin >= XENT_FLOW_BESIDE && call->shape->classes <= XENT_EXACT_MAX &&
         (!call->output || (call->output_layout->type == XENT_F32 && call->output_layout->classes == 1));
}

XENT_SHARED void flow_begin(flow *f, const job *j, xent_kernel fallback, row_context *row) {
  const xent_call *call = j->call;
  const xent_shape *shape = call->shape;
  const int64_t n = shape->classes;
  memset(row, 0, sizeof *row);
  row->j = j;
  set_row_source(&row->x, call, span_of_row(call, 0), call->logits, &shape->logits, call->options->softcap);
  row->t = targets_of_call(call);
  memset(f, 0, sizeof *f);
  f->j = j;
  f->reader.j = j;
  f->fallback = fallback;
  f->reader.row = call->row_begin;
  f->row = row;
  f->n = n;
  f->pitch = (n + XENT_UNIT - 1) / XENT_UNIT * XENT_UNIT + XENT_FLOW_APART;
  f->exact = n <= XENT_EXACT_MAX;
  f->writes = flow_writes(j);
  const bool floats = shape->logits.type == XENT_F32 && shape->logits.classes == 1;
  if (floats && masked_rows_flow(j)) f->masks = (const uint8_t *)call->class_mask;
  f->direct = floats && (f->masks || logits_are_plain(call));
  f->target_layout = j->probabilities ? shape->targets : shape->class_weights;
  if (!j->probabilities) f->target_layout.outer = f->target_layout.inner = 0;
  if (j->per_class && !(j->probabilities && (j->weighted || j->smoothed)) && f->target_layout.type == XENT_F32 &&
      f->target_layout.classes == 1)
    f->targets = j->probabilities ? call->targets : call->class_weights;
  f->place = flow_place_of(f);
  f->sloped = row->x.cap != 0 && call->output && call->targets;
  f->straight = flow_is_straight(f);
  const int64_t fit = XENT_FLOW_FLOATS / f->pitch;
  f->most = fit < XENT_ROWS && (f->writes != XENT_BESIDE_SILENT || f->place || !f->direct) ? (int)fit : XENT_ROWS;
}

XENT_INLINE void flow_end_sums(const flow *f, flow_block *b) {
  const xent_call *call = f->j->call;
  if (!f->exact) flow_prepare(f, b);
  flow_results(f, b);
  if (call->top_classes || call->top_log_probabilities)
    write_top_rows(f->j, &b->sums.rows, &b->outcome, (const float *const *)b->x);
  if (call->target_gradient) flow_target_gradients(f, b);
}

/* The destination of a row's e; if e is not kept, all rows share one place. */
XENT_INLINE float *kept_row(const flow *f, float *scratch, int row) {
  return scratch + (f->place ? row * f->pitch : 0);
}

/* Processes each block together with the next and the previous one. */
XENT_SHARED void flow_beside_blocks(flow *f) {
  const xent_call *call = f->j->call;
  XENT_ALIGNED float scratch[XENT_FLOW_FLOATS];
  flow_block block[3];
  if (!f->exact && f->place && call->output && call->output != call->logits) f->place = XENT_FLOW_IN_OUTPUT;
  const bool in_output = f->place == XENT_FLOW_IN_OUTPUT;
  if (in_output) f->most = f->n < XENT_FLOW_AHEAD / XENT_ROWS ? XENT_ROWS : (int)(XENT_FLOW_AHEAD / f->n);
  for (int k = 0; k < 3; k++) {
    block[k].sums.rows.count = 0;
    for (int i = 0; i < f->most && !in_output; i++) block[k].e[i] = kept_row(f, scratch, i);
  }
  for (int step = 0, empty = 0; empty < 3; step++) {
    flow_block *next = &block[step % 3], *now = &block[(step + 2) % 3], *before = &block[(step + 1) % 3];
    take_rows(&f->reader, &next->sums.rows, next->label, f->most, false);
    if (next->sums.rows.count == 0) empty++;
    flow_addresses(f, &next->sums.rows, call->logits, &call->shape->logits, next->x);
    if (call->output) flow_addresses(f, &next->sums.rows, call->output, call->output_layout, next->y);
    if (f->masks)
      flow_masks(f, &next->sums.rows, next->mask);
    else if (call->output && f->j->per_class)
      flow_addresses(f, &next->sums.rows, f->targets, &f->target_layout, next->t);
    if (in_output) memcpy(next->e, next->y, sizeof next->e);
    XENT_BATCH >= 4 && f->masks ? flow_masked_blocks(f, next, now, before) : flow_blocks_at_work(f, next, now, before);
    /* first the next block, because the results are not needed so soon */
    if (next->sums.rows.count && f->exact) flow_prepare(f, next);
    if (now->sums.rows.count) flow_end_sums(f, now);
    if (before->sums.rows.count) flow_end(f, before);
  }
}

/* Processes block after block in the same flow_block: copying one that was just stored, in wider pieces, would
 * stall. */
XENT_SHARED void flow_blocks(flow *f, float *scratch, float *other_half) {
  flow_block b;
  f->slopes = f->sloped && f->place != XENT_FLOW_IN_SCRATCH ? other_half : NULL;
  f->straight = false;
  for (int i = 0; i < f->most; i++) {
    b.y[i] = b.e[i] = kept_row(f, f->place == XENT_FLOW_IN_SCRATCH ? other_half : scratch, i);
    if (!f->direct) b.x[i] = scratch + i * f->pitch;
  }
  for (;;) {
    take_rows(&f->reader, &b.sums.rows, b.label, f->most, false);
    if (b.sums.rows.count == 0) return;
    flow_copy(f, &b);
    if (f->exact) flow_prepare(f, &b);
    flow_rows_alone(f, &b);
    flow_end_sums(f, &b);
    flow_end(f, &b);
  }
}
XENT_SHARED void flow_many_blocks(flow *f) {
  XENT_ALIGNED float scratch[2 * XENT_FLOW_FLOATS];
  flow_blocks(f, scratch, scratch + XENT_FLOW_FLOATS);
}
/* Small scratch: the stack is touched page by page, which would delay a short row. */
XENT_SHARED void flow_one_row(flow *f) {
  XENT_ALIGNED float scratch[2 * (XENT_FLOW_MOST + XENT_FLOW_APART)];
  f->most = 1;
  flow_blocks(f, scratch, scratch + XENT_FLOW_MOST + XENT_FLOW_APART);
}
XENT_SHARED void flow_long_blocks(flow *f) {
  XENT_ALIGNED float scratch[2 * XENT_FLOW_LONG];
  f->most = XENT_FLOW_LONG / (int)f->pitch;
  flow_blocks(f, scratch, scratch + XENT_FLOW_LONG);
}

/* Whether blocks overlap: results are stored directly, and there are enough blocks. */
XENT_INLINE bool flow_is_beside(const flow *f) {
  const int64_t rows = f->j->call->row_end - f->j->call->row_begin;
  return !XENT_IS_OFF(XENT_SCHEDULE_BESIDE) && f->straight && (f->exact ? rows >= XENT_FLOW_BESIDE : rows > 1);
}
XENT_SHARED xent_status flow_rows(const xent_call *call, xent_kernel fallback) {
  const job j = job_of(call);
  row_context row;
  flow f;
  flow_begin(&f, &j, fallback, &row);
  if (flow_is_beside(&f))
    flow_beside_blocks(&f); /* only this one reads masked rows in place */
  else if (!f.exact)
    flow_long_blocks(&f);
  else if (call->row_end - call->row_begin == 1)
    flow_one_row(&f);
  else
    flow_many_blocks(&f);
  return f.reader.status;
}

#endif
