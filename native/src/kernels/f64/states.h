/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in parts. */
#ifndef XENT_F64_STATES_H
#define XENT_F64_STATES_H

#include "kernels/careful/parts.h"
#include "kernels/f64/backward.h"

/* The record of a chunk. It may be smaller than the public struct that it lies in. */
XENT_INLINE row_state *f64_state_at(const xent_call *call, int64_t row, int64_t chunk) {
  const xent_state *states = call->states ? call->states : call->known_states;
  return (row_state *)(uintptr_t)&states[(row - call->row_begin) * xent_chunks(call->shape->classes) + chunk];
}

/* No class of the chunk that takes part comes before class y, all being -inf or NaN. */
XENT_INLINE bool f64_none_before(const f64_logits *in, const double *x, int64_t begin, int64_t y) {
  for (int64_t i = 0; i < y; i++)
    if (x[i] == -INFINITY && f64_takes_part(in, begin + i)) return false;
  return true;
}

/* The state of the n classes from `begin` on. */
XENT_SHARED void f64_state(const f64_block *k, int64_t begin, int64_t n, row_state *s) {
  const f64_row *r = k->rows;
  *s = (row_state){.kind = r->t.kind | XENT_STATE_WIDE | xent_state_version, .digest = r->call->digest,
                   .label = XENT_LABEL_ELSEWHERE, .counted = (uint16_t)f64_count(&r->logits, begin, n)};
  if (r->t.ignored) return;
  const int64_t y = r->label - begin;
  f64_chunk c;
  f64_next_chunk(k, 0, begin, &c);
  f64_sum_chunk(k, 0, NULL, &c);
  const double *x = c.x;
  s->reference = (float)doubles_first(c.fold.reference);
  s->max = doubles_first(c.fold.max);
  s->sum = doubles_first(doubles_quiet(c.fold.sum.high));
  s->sum_low = doubles_first(doubles_quiet(c.fold.sum.low));
  s->dot = doubles_first(c.fold.dot.high);
  s->mass = doubles_first(c.fold.mass.high);
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
  if (call->row_begin >= call->row_end) return XENT_OK; /* whose first has no offset */
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
  if (call->row_begin >= call->row_end) return XENT_OK; /* whose first has no offset */
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

XENT_SHARED xent_status f64_refuse(const xent_call *call, int64_t row, int32_t field) {
  call->report->field = field;
  if (row >= 0) call->report->row = row;
  return XENT_INVALID_ARGUMENT;
}

/* Whether all states of a row are of this kind and arithmetic, this round, these options and this label. */
XENT_SHARED bool f64_states_fit(const f64_row *r, uint32_t kind, int64_t label) {
  const row_state *states = f64_state_at(r->call, r->span.row, 0);
  const int64_t chunks = xent_chunks(r->call->shape->classes);
  const uint32_t digest = kind == XENT_KIND_BACKWARD ? digest_of_backward(states) : r->call->digest;
  return kind_of_row(r->call, states, chunks) == kind && states_fit(r->call, states, chunks, digest, label);
}

/* The statistics of a row that has no second pass. */
static xent_status f64_finish_backward(const f64_row *r) {
  const xent_call *call = r->call;
  if (call->log_sum_exp) return f64_refuse(call, -1, XENT_FIELD_LOG_SUM_EXP);
  if (!f64_states_fit(r, XENT_KIND_BACKWARD, XENT_NO_CLASS))
    return f64_refuse(call, r->span.row, XENT_FIELD_STATES);
  pair sum = pair_of(doubles_set(0));
  for (int64_t i = 0; i < xent_chunks(call->shape->classes); i++) {
    const row_state *s = f64_state_at(call, r->span.row, i);
    sum = pair_add(sum, (pair){doubles_set(s->sum), doubles_set(s->sum_low)});
  }
  *statistics_at(call, r->span.row) = (row_statistics){.kind = XENT_KIND_BACKWARD | XENT_STATE_WIDE,
                                                       .digest = f64_state_at(call, r->span.row, 0)->digest,
                                                       .sum = f64_quiet(doubles_first(pair_value(sum)))};
  return XENT_OK;
}

XENT_INLINE f64_fold f64_fold_of_state(const row_state *c) {
  const doubles max = doubles_set(c->max), N = doubles_set((double)c->reference);
  const double own = c->kind & XENT_STATE_LABEL_HERE ? c->label_logit : -INFINITY;
  return (f64_fold){max, max, doubles_set(own), N, N, {doubles_set(c->sum), doubles_set(c->sum_low)},
                    pair_of(doubles_set(c->dot)), pair_of(doubles_set(c->mass))};
}

static void f64_finish_row(f64_block *k) {
  const xent_call *call = k->call;
  const f64_row *r = k->rows;
  f64_sums *g = &k->sums;
  row_statistics *s = statistics_at(call, r->span.row);
  double label_logit = 0, before = -INFINITY;
  int64_t counted = 0, counted_before = 0;
  bool first = false;
  f64_fold f = f64_fold_of_state(f64_state_at(call, r->span.row, 0));
  for (int64_t i = 0; i < xent_chunks(call->shape->classes); i++) {
    const row_state *c = f64_state_at(call, r->span.row, i);
    if (c->kind & XENT_STATE_LABEL_HERE) {
      label_logit = c->label_logit;
      first = c->kind & XENT_STATE_LABEL_FIRST_MAX;
      before = i ? doubles_first(f.max) : -INFINITY;
      counted_before = counted;
    }
    if (i > 0) {
      const f64_fold chunk = f64_fold_of_state(c);
      f64_fold_chunk(&f, &chunk);
    }
    counted += c->counted;
  }
  const double max = doubles_first(f.max);
  g->hit[0] = first && label_logit == max && (before < max || counted_before == 0);
  if (call->second_round) g->hit[0] = s->kind & XENT_ROW_HIT; /* a shift may make equal what is not */
  g->shift[0] = call->second_round ? s->shift : 0;
  f64_fold_sinks(k, 0, &f);
  if (!call->second_round && f64_beyond(f.max, r->temperature) & 1) {
    *s = f64_special(r, XENT_ROW_UNFINISHED | (g->hit[0] ? XENT_ROW_HIT : 0));
    s->shift = doubles_first(f.max);
    call->report->unfinished++;
    return;
  }
  call->report->counted += call->targets != NULL;
  f64_take_fold(&f, f.class_max, g, 0);
  g->counted[0] = (double)counted;
  g->row_weight[0] = r->t.row_weight;
  if (r->t.label != XENT_NO_CLASS) g->label_weight[0] = weight_of_class(call, r->t.label);
  f64_settle(k);
  f64_write_rows(k);
}

static xent_status f64_finish(const xent_call *call) {
  const f64_buffers b = {NULL}; /* there are no logits to read */
  f64_block k;
  f64_row *r = k.rows;
  f64_begin_row(&k, call, call->logits, &call->shape->logits, &b);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    r->span = span_of_row(call, row);
    if (call->second_round && !(statistics_at(call, row)->kind & XENT_ROW_UNFINISHED)) continue;
    const uint32_t kind = f64_state_at(call, row, 0)->kind & XENT_KIND_MASK;
    if (kind == XENT_KIND_BACKWARD && !call->targets) {
      const xent_status refused = f64_finish_backward(r);
      if (refused) return refused;
      continue;
    }
    if (kind != r->t.kind) return f64_refuse(call, row, XENT_FIELD_STATES);
    const xent_status status = targets_of_row(call, r->span, &r->t);
    if (status) return status;
    k.sums.ignored = r->t.ignored;
    k.sums.special = k.sums.fate[0] = 0;
    if (r->t.ignored) {
      f64_settle(&k);
      f64_write_rows(&k);
    } else if (f64_states_fit(r, kind, r->t.label)) {
      f64_finish_row(&k);
    } else {
      return f64_refuse(call, row, XENT_FIELD_STATES);
    }
  }
  return XENT_OK;
}

#endif
