/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in parts, in float64 arithmetic: the states of class ranges, and the results of a complete row. */
#ifndef XENT_F64_STATES_H
#define XENT_F64_STATES_H

#include "kernels/paths/f64/f64_backward.h"
#include "kernels/stages/targets/states.h"

/* The record of a chunk. It may be smaller than the public struct that contains it. */
XENT_INLINE row_state *f64_state_at(const xent_call *call, int64_t row, int64_t chunk) {
  const xent_state *states = call->states ? call->states : call->known_states;
  return (row_state *)(uintptr_t)&states[(row - call->row_begin) * xent_chunks(call->shape->classes) + chunk];
}

/* Whether no counted class of the chunk ranks before class y, if all are -inf or NaN. */
XENT_INLINE bool f64_none_before(const row_source *in, const double *x, int64_t begin, int64_t y) {
  for (int64_t i = 0; i < y; i++)
    if (x[i] == -INFINITY && is_counted(in, begin + i)) return false;
  return true;
}

/* The part of log-sum-exp for a chunk. If exponentials overflow double, the sum only shows whether there is a NaN.
 * Close to 0, the pair holds the sum without the first of the largest classes. */
XENT_SHARED void f64_state_for_log_sum_exp(const f64_block *k, int64_t begin, int64_t n, const f64_chunk *c,
                                           row_state *s) {
  const f64_temperature t = k->rows->temperature;
  if (s->max * t.high > (double)XENT_LIMIT) {
    s->sum = f64_has_nan(k, 0, begin, n) ? XENT_F64_NAN : s->max == INFINITY ? INFINITY : 0;
    return;
  }
  if (k->sums.shift[0] != 0 || !(fabs(s->max * t.high) < (double)XENT_NEAR_ZERO)) return;
  const f64_reference of = f64_reference_of(c->fold.reference, t);
  if (!(doubles_first(pair_value(c->fold.sum)) <= 2 * doubles_first(f64_exp(c->fold.max, &of)))) return;
  int64_t first = 0;
  while (c->x[first] != s->max) first++;
  const pair others = f64_chunk_without(k, 0, begin, n, begin + first).sum;
  s->dot = doubles_first(others.high);
  s->mass = doubles_first(others.low);
}

/* The state of the n classes from `begin` on. */
XENT_SHARED void f64_state(const f64_block *k, int64_t begin, int64_t n, row_state *s) {
  const f64_row *r = k->rows;
  *s = (row_state){.kind = r->t.kind | XENT_STATE_WIDE | xent_state_version, .digest = r->call->digest,
                   .label = XENT_LABEL_ELSEWHERE, .counted = (uint16_t)count_classes(&r->logits, begin, n)};
  if (r->t.ignored) return;
  const int64_t y = r->label - begin;
  f64_chunk c;
  f64_next_chunk(k, 0, begin, &c);
  f64_sum_next(k, 0, NULL, &c);
  const double *x = c.x;
  s->reference = (float)doubles_first(c.fold.reference);
  s->max = doubles_first(c.fold.max);
  s->sum = doubles_first(doubles_quiet(c.fold.sum.high));
  s->sum_low = doubles_first(doubles_quiet(c.fold.sum.low));
  s->dot = doubles_first(c.fold.dot.high);
  s->mass = doubles_first(c.fold.mass.high);
  if (r->t.kind == XENT_KIND_SOFTMAX) f64_state_for_log_sum_exp(k, begin, n, &c, s);
  if (k->sums.shift[0] != 0) s->kind |= XENT_STATE_SHIFTED;
  if (r->label < begin || y >= n) return;
  s->kind |= XENT_STATE_LABEL_HERE;
  s->label = (uint16_t)y;
  s->label_logit = f64_quiet(x[y]);
  const bool largest = x[y] == s->max, first = largest && doubles_first(f64_largest(x, y, y, false)) < x[y];
  if (first || (largest && x[y] == -INFINITY && f64_none_before(&r->logits, x, begin, y)))
    s->kind |= XENT_STATE_LABEL_FIRST_MAX;
}

static xent_status f64_forward_states(const xent_call *call) {
  if (call->row_begin >= call->row_end) return XENT_OK; /* the first row has no offset */
  XENT_F64_BUFFERS(b, XENT_CHUNK, XENT_PIECE);
  f64_block k;
  f64_begin_row(&k, call, call->logits, &call->shape->logits, &b);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const row_statistics *known = call->known_statistics ? known_statistics_at(call, row) : NULL;
    if (known && !(known->kind & XENT_ROW_UNFINISHED)) continue;
    const xent_status status = f64_move_to(k.rows, row);
    if (status) return status;
    k.sums.shift[0] = known ? known->shift : 0;
    for (int64_t i = call->class_begin; i < call->class_end; i += XENT_CHUNK)
      f64_state(&k, i, f64_part(i, call->class_end, XENT_CHUNK), f64_state_at(call, row, i / XENT_CHUNK));
  }
  return XENT_OK;
}

static xent_status f64_backward_states(const xent_call *call) {
  if (call->row_begin >= call->row_end) return XENT_OK; /* the first row has no offset */
  XENT_F64_BUFFERS(b, XENT_PIECE, XENT_PIECE);
  f64_backward r = f64_backward_of(call, &b, false);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    for (int64_t i = call->class_begin; i < call->class_end; i += XENT_CHUNK) {
      pair sum;
      f64_backward_chunk(&r, &row, 1, !call->forward_output, i, i + f64_part(i, call->class_end, XENT_CHUNK), &sum);
      *f64_state_at(call, row, i / XENT_CHUNK) =
          (row_state){.kind = XENT_KIND_BACKWARD | XENT_STATE_WIDE | xent_state_version,
                      .digest = !call->forward_output, .label = XENT_LABEL_ELSEWHERE,
                      .sum = f64_quiet(doubles_first(sum.high)), .sum_low = f64_quiet(doubles_first(sum.low))};
    }
  }
  return XENT_OK;
}

static double f64_backward_sum(const row_state *states, int64_t chunks) {
  pair sum = pair_of(doubles_set(0));
  for (int64_t i = 0; i < chunks; i++)
    sum = pair_add(sum, (pair){doubles_set(states[i].sum), doubles_set(states[i].sum_low)});
  return f64_quiet(doubles_first(pair_value(sum)));
}

XENT_INLINE f64_fold f64_fold_of_state(const row_state *c) {
  const doubles max = doubles_set(c->max), N = doubles_set((double)c->reference);
  const double own = c->kind & XENT_STATE_LABEL_HERE ? c->label_logit : -INFINITY;
  return (f64_fold){max, max, doubles_set(own), N, N, {doubles_set(c->sum), doubles_set(c->sum_low)},
                    pair_of(doubles_set(c->dot)), pair_of(doubles_set(c->mass))};
}

/* The sum without the first of the largest terms, whose logit is max. */
XENT_SHARED double f64_others_of_states(const f64_block *k, const row_state *states, double max) {
  f64_fold f = f64_fold_of_state(&states[0]);
  bool all = true;
  for (int64_t i = 0; i < xent_chunks(k->call->shape->classes); i++) {
    f64_fold c = f64_fold_of_state(&states[i]);
    if (all && states[i].max == max) {
      c.sum = (pair){doubles_set(states[i].dot), doubles_set(states[i].mass)};
      all = false;
    }
    c.dot = c.mass = pair_of(doubles_set(0));
    if (i == 0)
      f = c;
    else
      f64_fold_chunk(&f, &c);
  }
  f64_fold_sinks(k, 0, !all, &f);
  return doubles_first(pair_value(f.sum));
}

/* Finishes an ignored row in a block of one row. */
static void f64_finish_ignored(void *of, int64_t row) {
  f64_block *k = of;
  k->rows->logits.row = row;
  k->rows->t.ignored = true;
  k->sums.ignored = 1;
  k->sums.special = k->sums.row_kind[0] = 0;
  f64_settle(k);
  f64_write_rows(k);
}
static void f64_finish_row(void *of, int64_t row, const row_targets *t) {
  f64_block *k = of;
  const xent_call *call = k->call;
  const row_state *states = states_of_row(call, row);
  f64_row *r = k->rows;
  f64_sums *g = &k->sums;
  const row_statistics *s = statistics_at(call, row);
  r->logits.row = row;
  r->t = *t;
  g->ignored = g->special = g->row_kind[0] = 0;
  label_fold label = label_fold_begin();
  fold_label(&label, states, -INFINITY);
  f64_fold f = f64_fold_of_state(states);
  for (int64_t i = 1; i < xent_chunks(call->shape->classes); i++) {
    const f64_fold chunk = f64_fold_of_state(&states[i]);
    fold_label(&label, &states[i], doubles_first(f.max));
    f64_fold_chunk(&f, &chunk);
  }
  g->hit[0] = label_is_hit(&label, doubles_first(f.max));
  if (call->second_round) g->hit[0] = s->kind & XENT_ROW_CORRECT; /* a shift may make different logits equal */
  g->shift[0] = call->second_round ? s->shift : 0;
  f64_fold_sinks(k, 0, true, &f);
  if (!call->second_round && f64_beyond(f.max, r->temperature) & 1) {
    need_second_round(call, row, t->kind | XENT_STATE_WIDE, g->hit[0], doubles_first(f.max));
    return;
  }
  call->report->valid_rows += call->targets != NULL;
  f64_take_fold(&f, f.class_max, g, 0);
  if (!call->targets) g->dot[0] = f64_others_of_states(k, states, g->max[0]);
  g->counted[0] = (double)label.counted;
  g->row_weight[0] = t->row_weight;
  if (t->label != XENT_NO_CLASS) g->label_weight[0] = weight_of_class(call, t->label);
  f64_settle(k);
  f64_write_rows(k);
}

static xent_status f64_finish(const xent_call *call) {
  static const states_kernel kernel = {.sum = f64_backward_sum, .ignored = f64_finish_ignored, .fold = f64_finish_row};
  const f64_buffers b = {NULL}; /* no logits are read */
  f64_block k;
  f64_begin_row(&k, call, call->logits, &call->shape->logits, &b);
  return finish_states(call, &kernel, &k);
}

#endif
