/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of at most 4096 classes, in blocks of up to sixteen. For each row of a block:
 *   search a row of the next block;  sum the row, and write a row of the block before
 * and then the results of the block. The e of a block are in a scratch that stays in the first-level cache. Rows above
 * 1024 classes are not searched: N rises during the sum, and their e are in the output, if they may be there.
 *
 * Rows that are not plain contiguous floats are copied when their own block begins, so that all element types, masks
 * and layouts have the same form; where loads with a mask are cheap, masked rows are read in place, unless an operation
 * other than exponentials and smoothing reads them. Results that are not contiguous floats f v + b are written at the
 * end of the block that has them.
 */
#ifndef XENT_FLOW_H
#define XENT_FLOW_H

#include "kernels/paths/generic/rows_of_any_length.h"
#include "kernels/supported.h"
#include "kernels/stages/order/order.h"
#include "kernels/stages/rows/beside.h"
#include "kernels/stages/rows/take_rows.h"
#include "kernels/path_names.h"

enum {
  XENT_FLOW_MOST = XENT_CHUNK / 2, /* classes */
  XENT_FLOW_APART = XENT_LANES,    /* between rows: at a power of two, rows would map to the same cache sets */
  XENT_FLOW_ROW = XENT_EXACT_MAX + XENT_FLOW_APART,
  /* of the rows of a block: the e, or copies of the logits and room for a row, or half of them and half of e, or a
   * third of both and of slopes. They stay in the first-level cache, and the stack is not more than xent.h says. */
  XENT_FLOW_FLOATS = 7 * XENT_FLOW_ROW,
  XENT_FLOW_ROOM = 8 * XENT_FLOW_ROW,
  XENT_FLOW_SLOPED = 2 * XENT_EXACT_MAX, /* the most classes of a row with slopes */
  XENT_FLOW_IN_OUTPUT = 2 * XENT_CHUNK   /* the most classes of a block whose e are in the output */
};

typedef struct {
  int32_t label[XENT_ROWS];
  lanes largest[XENT_ROWS];
  float lowest[XENT_ROWS], magic[XENT_ROWS];
  float factor[XENT_ROWS], b[XENT_ROWS], max[XENT_ROWS];
  product_sum sum[XENT_ROWS];
  row_sums sums;
  row_outcome outcome;
  row_statistics statistics[XENT_ROWS]; /* unless all results are lines */
  uint32_t later;                       /* the rows that are written while the next block is summed */
  float *x[XENT_ROWS], *e[XENT_ROWS], *y[XENT_ROWS];
  float *targets[XENT_ROWS];      /* of XENT_LINE_TARGETS */
  const uint8_t *mask[XENT_ROWS]; /* of rows that are read in place with their masks */
} flow_block;

typedef struct {
  const job *j;
  row_reader reader;
  xent_kernel fallback; /* for rows that leave flow */
  row_context *row;     /* the current row */
  int64_t n, pitch;
  int most;            /* most rows of a block */
  bool exact;          /* N is the reference of the maximum, which is searched first */
  bool direct;         /* rows are read in place, not copied */
  bool masked;         /* with masks that are read in place */
  bool kept;           /* e are needed after the sum */
  bool to_floats;      /* results are contiguous floats */
  bool in_output;      /* e are in the output */
  bool over;           /* e are written over the copies of the logits, which no step reads again */
  bool line;           /* results are f v + b, or with targets that are contiguous floats */
  enum line_kind kind; /* of these results */
  const void *targets;
  xent_layout target_layout;
  bool beside;   /* and written while the next block is summed */
  bool far;      /* may_be_far */
  bool sloped;   /* gradients have a factor, the softcap's slopes, which copies store */
  float *slopes; /* the slopes, or NULL */
} flow;

/* ---- load ---- */

/* Sets the context of a row, replacing the previous one. */
XENT_INLINE row_context *flow_row_at_hand(const flow *f, const flow_block *b, int row) {
  const xent_call *call = f->j->call;
  move_row_source(&f->row->x, span_of_row(call, row_of(&b->sums.rows, row)), call->logits, &call->shape->logits);
  f->row->x.slopes = NULL;
  f->row->t.label = f->j->labels ? b->label[row] : XENT_NO_CLASS;
  return f->row;
}

/* A row whose logits are loaded or in place. */
XENT_INLINE row_context *flow_ready_row(const flow *f, const flow_block *b, int row) {
  row_context *r = flow_row_at_hand(f, b, row);
  r->share = f->j->soft && f->j->smoothed ? f->j->eps / b->sums.smoothed_count[row] : 0;
  r->ready = b->x[row];
  return r;
}

/* The addresses of the rows of a block in an array of floats. */
XENT_INLINE void flow_addresses(const flow *f, const row_set *rows, const void *array, const xent_layout *l,
                                float **to) {
  const xent_shape *s = f->j->call->shape;
  float *at = (float *)(uintptr_t)array;
  if (rows->adjacent && s->inner == 1)
    for (int i = 0; i < rows->count; i++) to[i] = at + (int64_t)((uint64_t)(rows->first + i) * (uint64_t)l->outer);
  else
    for (int i = 0; i < rows->count; i++) to[i] = at + row_offset(s, l, row_of(rows, i));
}
/* The places of a block that is read in place, and of its results if they are contiguous floats. */
XENT_INLINE void flow_places(const flow *f, flow_block *b) {
  const xent_call *call = f->j->call;
  const row_set *rows = &b->sums.rows;
  if (f->to_floats) flow_addresses(f, rows, call->output, call->output_layout, b->y);
  for (int i = 0; f->in_output && i < rows->count; i++) b->e[i] = b->y[i];
  if (f->direct) flow_addresses(f, rows, call->logits, &call->shape->logits, b->x);
  if (f->targets) flow_addresses(f, rows, f->targets, &f->target_layout, b->targets);
  const xent_layout *l = &call->shape->class_mask;
  for (int i = 0; f->masked && i < rows->count; i++)
    b->mask[i] = (const uint8_t *)call->class_mask + row_offset(call->shape, l, row_of(rows, i));
}
/* Searches row `row` of a block, or copies it and returns the largest. */
XENT_SHARED void flow_load(const flow *f, flow_block *b, int row) {
  if (f->direct) {
    if (f->exact) b->largest[row] = search_row(b->x[row], b->mask[row], f->n, f->far);
    return;
  }
  row_source *source = &flow_row_at_hand(f, b, row)->x;
  if (f->slopes) source->slopes = f->slopes + row * f->pitch;
  b->largest[row] = copy_row(source, 0, f->n, 0.0f, b->x[row]);
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
  const lanes max = one ? lanes_set(lanes_largest(b->largest[0])) : lanes_largest_rows(b->largest);
  if (f->exact) {
    const lanes N = references_for(max, &j->temperature);
    const exp_references r = exp_references_of(N, &j->temperature);
    lanes_store(b->sums.reference, N);
    lanes_store(b->lowest, r.lowest);
    lanes_store(b->magic, r.magic);
  } else if (one) {
    lanes_store(b->sums.reference, lanes_set(b->sums.reference[0]));
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

/* ---- sum ---- */

/* Sets what differs between rows. */
XENT_INLINE void flow_line(const flow *f, const flow_block *b, int row, row_line *line) {
  const bool log = f->kind == XENT_LINE_LOG;
  line->to = b->y[row];
  line->from = log ? b->x[row] : b->e[row];
  line->b = b->b[row];
  line->f = log ? f->j->temperature.hi : b->factor[row];
  line->less = log ? b->max[row] : 0;
  if (f->kind == XENT_LINE_TARGETS) line->targets = b->targets[row];
  if (f->masked) line->mask = b->mask[row];
  if (!f->j->labels) return;
  line->label = b->label[row];
  line->label_gradient = b->outcome.label_gradient[row];
}
XENT_INLINE row_of_exponentials flow_exponentials(const flow_block *b, int row, const bool masked) {
  return (row_of_exponentials){
      b->x[row], masked ? b->mask[row] : NULL, {lanes_set(b->lowest[row]), lanes_set(b->magic[row])}};
}
/* Sums rows [row, end) of `now`; meanwhile searches rows of `next` and writes rows of `before`. vectors: of a row, if
 * that is constant, or 0. */
XENT_INLINE void flow_sum_as(const flow *f, flow_block *next, flow_block *now, const flow_block *before, int row,
                             int end, const bool writes, const enum line_kind kind, const bool masked,
                             const int vectors) {
  const int batch = sum_batch(writes);
  const int searched = next == now ? 0 : next->sums.rows.count;
  const f32_temperature h = f->j->temperature; /* a copy, which no store can change */
  const row_of_exponentials first = flow_exponentials(now, row, masked);
  exp_half half;
  sum_step(&half, first.x, first.mask, &first.references, 0, f->n, vectors ? (vectors - 1) * XENT_LANES : 0, NULL,
           batch, 0, masked, &h);
  for (; row < end; row++) {
    const row_of_exponentials own = flow_exponentials(now, row, masked),
                              after = flow_exponentials(now, row + 1 < end ? row + 1 : row, masked);
    const float *x = row < searched ? next->x[row] : NULL;
    line_lanes_of to;
    if (writes) {
      row_line line = {.label = XENT_NO_CLASS};
      flow_line(f, before, row, &line);
      to = lanes_of_line(&line);
    }
    lanes largest;
    now->sum[row] =
        sum_row(&half, &own, &after, f->n, f->j->labels ? now->label[row] : XENT_NO_CLASS, f->kept ? now->e[row] : NULL,
                &to, f->far ? x : NULL, x, masked && x ? next->mask[row] : NULL, &largest, f->far, batch, &h, writes,
                kind, masked, vectors);
    if (x) next->largest[row] = largest;
  }
}
/* Rows of 49 to 128 classes may have loops of constant length, which take 0.8 to 0.9 of the time. */
XENT_INLINE void flow_sum_of_length(const flow *f, flow_block *next, flow_block *now, const flow_block *before, int row,
                                    int end, const bool writes, const enum line_kind kind) {
  switch (XENT_CONSTANT_LENGTHS ? (f->n + XENT_LANES - 1) / XENT_LANES : 0) {
    case 4: flow_sum_as(f, next, now, before, row, end, writes, kind, false, 4); break;
    case 5: flow_sum_as(f, next, now, before, row, end, writes, kind, false, 5); break;
    case 6: flow_sum_as(f, next, now, before, row, end, writes, kind, false, 6); break;
    case 7: flow_sum_as(f, next, now, before, row, end, writes, kind, false, 7); break;
    case 8: flow_sum_as(f, next, now, before, row, end, writes, kind, false, 8); break;
    default: flow_sum_as(f, next, now, before, row, end, writes, kind, false, 0);
  }
}
XENT_SHARED void flow_sum(const flow *f, flow_block *next, flow_block *now, const flow_block *before, int row,
                          int end) {
  flow_sum_of_length(f, next, now, before, row, end, false, XENT_LINE);
}
XENT_SHARED void flow_sum_beside_line(const flow *f, flow_block *next, flow_block *now, const flow_block *before,
                                      int row, int end) {
  flow_sum_of_length(f, next, now, before, row, end, true, XENT_LINE);
}
XENT_SHARED void flow_sum_beside_log(const flow *f, flow_block *next, flow_block *now, const flow_block *before,
                                     int row, int end) {
  flow_sum_of_length(f, next, now, before, row, end, true, XENT_LINE_LOG);
}
XENT_SHARED void flow_sum_beside_targets(const flow *f, flow_block *next, flow_block *now, const flow_block *before,
                                         int row, int end) {
  flow_sum_as(f, next, now, before, row, end, true, XENT_LINE_TARGETS, false, 0);
}
XENT_SHARED void flow_sum_masked(const flow *f, flow_block *next, flow_block *now, const flow_block *before, int row,
                                 int end, bool writes) {
  if (!writes)
    flow_sum_as(f, next, now, before, row, end, false, XENT_LINE, true, 0);
  else if (f->kind == XENT_LINE_LOG)
    flow_sum_as(f, next, now, before, row, end, true, XENT_LINE_LOG, true, 0);
  else
    flow_sum_as(f, next, now, before, row, end, true, XENT_LINE, true, 0);
}
XENT_INLINE void flow_sum_rows(const flow *f, flow_block *next, flow_block *now, const flow_block *before, int row,
                               int end, bool writes) {
  if (XENT_MASKED_LOADS && f->masked)
    flow_sum_masked(f, next, now, before, row, end, writes);
  else if (!writes)
    flow_sum(f, next, now, before, row, end);
  else if (f->kind == XENT_LINE_TARGETS)
    flow_sum_beside_targets(f, next, now, before, row, end);
  else if (f->kind == XENT_LINE_LOG)
    flow_sum_beside_log(f, next, now, before, row, end);
  else
    flow_sum_beside_line(f, next, now, before, row, end);
}

/* The sum of a row above 1024 classes. before: with a row to write meanwhile, or NULL. */
XENT_INLINE void flow_sum_long(const flow *f, flow_block *b, int row, const flow_block *before) {
  const chunk_way w = {.kept = f->kept ? b->e[row] : NULL, .temperature = &f->j->temperature};
  const int64_t label = f->j->labels ? b->label[row] : XENT_NO_CLASS;
  chunk_progress c = chunk_begin(XENT_LOWEST_REFERENCE);
  row_line line = {.label = XENT_NO_CLASS};
  if (before) flow_line(f, before, row, &line);
  if (before)
    sum_classes_beside_line(b->x[row], f->n, label, &w, &c, &line);
  else
    sum_classes(b->x[row], f->n, label, &w, &c);
  if (f->kept && c.settled) settle(&c, b->x[row], b->e[row], &f->j->temperature);
  b->sum[row].group = c.group;
  b->sum[row].sum = c.sum;
  b->largest[row] = c.above;
  b->sums.reference[row] = c.reference;
}

/* ---- emit ---- */

/* Stores e f + b, or for log-softmax (x - max) f + b, in any type and layout. */
XENT_INLINE void flow_write_line(const flow *f, const flow_block *b, int row) {
  const job *j = f->j;
  const xent_call *call = j->call;
  if (f->to_floats) {
    row_line line = {.label = XENT_NO_CLASS};
    flow_line(f, b, row, &line);
    line_row(&line, f->n, f->kind);
    return;
  }
  const strided to = strided_at(call->output, call->output_layout,
                                row_offset(call->shape, call->output_layout, row_of(&b->sums.rows, row)));
  if (call->log)
    put_lines(&to, 0, f->n, b->x[row], b->max[row], j->temperature.hi, b->b[row], call->stream);
  else
    put_lines(&to, 0, f->n, b->e[row], 0, b->factor[row], b->b[row], call->stream && !j->labels);
  if (j->labels) strided_set(&to, b->label[row], b->outcome.label_gradient[row]);
}
/* Results of any type, layout, mask, softcap and targets per class. */
XENT_SHARED void flow_write_row(const flow *f, const flow_block *b, int row) {
  XENT_ALIGNED float out[XENT_STEP];
  row_context *r = flow_ready_row(f, b, row);
  r->b.out = out;
  r->kept.e = b->e[row];
  r->kept.reference[0] = b->sums.reference[row];
  r->t.row_weight = b->sums.row_weight[row];
  if (f->slopes) r->x.slopes = f->slopes + row * f->pitch;
  const row_constants c = constants_of_row(f->j, &b->outcome, row);
  write_row(r, &b->statistics[row], 0, f->n, &c);
}

/* Writes the rows of a block, or leaves them to flow_sum of the next one. */
XENT_INLINE void flow_end(flow *f, flow_block *b) {
  const xent_call *call = f->j->call;
  const uint32_t regular = b->outcome.regular;
  for (uint32_t rest = call->output ? regular : 0; rest; rest &= rest - 1) {
    const int row = __builtin_ctz(rest);
    const emission m = {.f = b->factor[row], .b = b->b[row]};
    const bool marks = call->targets && call->class_mask && !f->masked && !masked_are_zero(&m, false);
    if (f->beside && !marks)
      b->later |= 1u << row;
    else if (!f->line || marks)
      flow_write_row(f, b, row);
    else
      flow_write_line(f, b, row);
  }
  const xent_status status = rows_alone(f->j, &b->sums.rows, regular, f->fallback);
  if (status) f->reader.status = status;
}

/* ---- results ---- */

XENT_INLINE dlanes flow_sums(const flow_block *b) {
  dlanes sum[XENT_ROWS];
  XENT_UNROLL(16)
  for (int i = 0; i < XENT_ROWS; i++) sum[i] = b->sum[i < b->sums.rows.count ? i : 0].sum;
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
    dlanes_store(in->sum, dlanes_set(chunk_tree(f->n, b->sum[0].group, b->sum[0].sum)));
  } else {
    dlanes_store(in->sum, flow_sums(b));
    for (int i = 0; f->n <= XENT_LANES && i < in->rows.count; i++) in->sum[i] = lanes_tree(b->sum[i].group);
    fill_sums(in);
  }
  if (clamps_terms(j->call)) flow_clamped(f, b);
  b->outcome.record = f->line && (!j->call->class_mask || f->masked) ? NULL : b->statistics;
  results_of_rows(j, in, &b->outcome);
  lanes_store(b->factor, b->outcome.f);
  lanes_store(b->b, j->call->log                   ? b->outcome.f
                    : f->kind == XENT_LINE_TARGETS ? lanes_load(b->outcome.scale)
                                                   : b->outcome.b);
  lanes_store(b->max, b->outcome.max);
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

XENT_INLINE bool masked_rows_flow(const job *j) {
  const xent_call *call = j->call;
  return XENT_MASKED_LOADS && call->class_mask && call->shape->class_mask.classes == 1 && !j->soft && !j->per_class &&
         XENT_HAS_ONLY(call, IN_MASKED, XENT_OPTIONS_BESIDE_LOGITS) && call->shape->classes <= XENT_EXACT_MAX &&
         (!call->output || (call->output_layout->type == XENT_F32 && call->output_layout->classes == 1));
}

/* Targets per class that are contiguous floats, which are not weighted or smoothed. */
XENT_INLINE void flow_find_targets(flow *f) {
  const job *j = f->j;
  const xent_call *call = j->call;
  const xent_layout l = j->probabilities ? call->shape->targets : call->shape->class_weights;
  if ((j->probabilities && (j->weighted || j->smoothed)) || l.type != XENT_F32 || l.classes != 1) return;
  f->kind = XENT_LINE_TARGETS;
  f->targets = j->probabilities ? call->targets : call->class_weights;
  f->target_layout = l;
  if (!j->probabilities) f->target_layout.outer = f->target_layout.inner = 0;
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
  const bool floats = shape->logits.type == XENT_F32 && shape->logits.classes == 1;
  f->to_floats = call->output && call->output_layout->type == XENT_F32 && call->output_layout->classes == 1;
  f->masked = floats && masked_rows_flow(j);
  f->direct = floats && (f->masked || logits_are_plain(call));
  f->sloped = row->x.cap != 0 && call->output && call->targets;
  f->kind = call->log ? XENT_LINE_LOG : XENT_LINE;
  if (call->output && j->per_class && f->to_floats && f->direct) flow_find_targets(f);
  f->line = (!j->per_class || f->targets) && !j->sparse && !f->sloped;
  f->kept = (call->output && !call->log) || call->entropies;
  f->in_output = f->kept && f->line && f->to_floats && !f->exact && call->output != call->logits;
  f->over = f->kept && !f->direct && f->exact && !f->to_floats && (j->plain || j->probabilities_alone) &&
            !call->class_mask && !call->entropies && !call->top_classes && !call->top_log_probabilities;
  f->far = may_be_far(call);
  const bool copied_twice = (f->kept && !f->in_output && !f->over) || f->sloped;
  const int64_t room = f->in_output && f->direct    ? XENT_FLOW_IN_OUTPUT
                       : f->direct || !copied_twice ? XENT_FLOW_FLOATS
                                                    : XENT_FLOW_ROOM / (f->sloped ? 3 : 2);
  const int64_t fit = f->direct || f->exact ? room / f->pitch : 1; /* the copy of a long row fills the cache */
  f->most = fit < XENT_ROWS && (call->output || f->kept || !f->direct) ? (int)fit : XENT_ROWS;
  f->beside = f->line && (f->exact || !f->targets) && f->to_floats && (f->direct || !call->log) &&
              call->row_end - call->row_begin > f->most;
}

XENT_INLINE void flow_end_sums(const flow *f, flow_block *b) {
  const xent_call *call = f->j->call;
  flow_results(f, b);
  if (call->top_classes || call->top_log_probabilities)
    write_top_rows(f->j, &b->sums.rows, &b->outcome, (const float *const *)b->x);
  if (call->target_gradient) flow_target_gradients(f, b);
}

/* Sums a block, while the next one is searched and the one before is written. */
XENT_SHARED void flow_sum_block(const flow *f, flow_block *next, flow_block *now, const flow_block *before) {
  const int count = now->sums.rows.count, searched = next == now ? 0 : next->sums.rows.count;
  for (int row = 0, end; row < count; row = end) { /* rows that are summed in the same way */
    const bool writes = before->later >> row & 1;
    for (end = row + 1; f->exact && end < count && (before->later >> end & 1) == writes; end++)
      ;
    if (f->exact)
      flow_sum_rows(f, next, now, before, row, end, writes);
    else
      flow_sum_long(f, now, row, writes ? before : NULL);
  }
  for (int row = count; row < searched; row++) flow_load(f, next, row);
  for (uint32_t rest = before->later >> count; rest; rest &= rest - 1)
    flow_write_line(f, before, count + __builtin_ctz(rest));
}

/* With `ahead`, blocks are loaded while the block before is summed; copies, which use the same memory, are not. */
XENT_SHARED void flow_blocks(flow *f, float *x, float *e, float *slopes) {
  const int64_t rows = f->j->call->row_end - f->j->call->row_begin;
  const int ahead = f->direct && f->exact ? 1 : 0, most = rows < f->most ? (int)rows : f->most;
  flow_block block[3];
  f->slopes = f->sloped ? slopes : NULL;
  for (int i = 0; i < most; i++) {
    float *own = f->over ? x + i * f->pitch : f->kept && !f->in_output ? e + i * f->pitch : e;
    for (int k = 0; k < 3; k++) {
      block[k].x[i] = f->direct ? NULL : x + i * f->pitch;
      block[k].e[i] = own;
      block[k].mask[i] = NULL;
    }
  }
  for (int k = 0; k < 3; k++) block[k].sums.rows.count = 0;
  for (int k = 0; k < 3; k++) block[k].later = 0;
  for (int step = 3;; step++) {
    flow_block *next = &block[step % 3], *now = &block[(step - ahead) % 3], *before = &block[(step - ahead - 1) % 3];
    take_rows(&f->reader, &next->sums.rows, next->label, f->most, false);
    const int count = next->sums.rows.count;
    next->later = 0;
    if (count == 0 && now->sums.rows.count == 0 && !before->later) return;
    if (count) flow_places(f, next);
    for (int row = 0; !ahead && row < count; row++) flow_load(f, next, row);
    if (!ahead && f->exact && count) flow_prepare(f, next);
    flow_sum_block(f, next, now, before);
    before->later = 0;
    if (ahead && count) flow_prepare(f, next); /* first, because the results are not needed so soon */
    if (now->sums.rows.count == 0) continue;
    if (!f->exact) flow_prepare(f, now);
    flow_end_sums(f, now);
    flow_end(f, now);
  }
}
/* The stack is touched page by page, which would delay a short row: so each has only what it needs. */
XENT_SHARED void flow_in_place(flow *f) {
  XENT_ALIGNED float e[XENT_FLOW_FLOATS];
  flow_blocks(f, NULL, e, NULL);
}
XENT_SHARED void flow_copies(flow *f) {
  XENT_ALIGNED float room[XENT_FLOW_ROOM];
  float *e = room + f->most * f->pitch;
  flow_blocks(f, room, e, f->sloped ? e + f->most * f->pitch : NULL);
}
XENT_SHARED void flow_one_row(flow *f) {
  XENT_ALIGNED float x[XENT_FLOW_ROW], e[XENT_FLOW_ROW], slopes[XENT_FLOW_ROW];
  f->most = 1;
  flow_blocks(f, x, e, slopes);
}

XENT_SHARED xent_status flow_rows(const xent_call *call, xent_kernel fallback) {
  const job j = job_of(call);
  row_context row;
  flow f;
  flow_begin(&f, &j, fallback, &row);
  if (call->row_end - call->row_begin == 1 && f.exact)
    flow_one_row(&f);
  else if (f.direct)
    flow_in_place(&f);
  else
    flow_copies(&f);
  return f.reader.status;
}

#endif
