/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in parts. */
#ifndef XENT_F64_STATES_H
#define XENT_F64_STATES_H

#include "kernels/f64/backward.h"

/* The record of a chunk. It may be smaller than the public struct that it lies in. */
XENT_INLINE row_state *f64_state_at(const xent_call *call, int64_t row, int64_t chunk) {
  const xent_state *states = call->states ? call->states : call->known_states;
  return (row_state *)(uintptr_t)&states[(row - call->row_begin) * xent_chunks(call->shape->classes) + chunk];
}

static xent_status f64_forward_states(const xent_call *call) {
  XENT_F64_BUFFERS(b, XENT_CHUNK, XENT_PIECE);
  f64_row r = f64_rows_of(call);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const row_statistics *known = call->known_statistics ? f64_known(call, row) : NULL;
    if (known && !(known->kind & XENT_ROW_UNFINISHED)) continue;
    const xent_status status = f64_move_to(&r, row);
    if (status) return status;
    for (int64_t i = call->class_begin; i < call->class_end; i += XENT_CHUNK) {
      row_state *s = f64_state_at(call, row, i / XENT_CHUNK);
      const int64_t n = f64_part(i, call->class_end, XENT_CHUNK);
      if (r.t.ignored)
        f64_empty_state(&r, r.t.kind, i, n, s);
      else
        f64_state(&r, i, n, known ? known->shift : 0, NULL, b.row, &b, s);
    }
  }
  return XENT_OK;
}

static xent_status f64_backward_states(const xent_call *call) {
  XENT_F64_BUFFERS(b, XENT_CHUNK, XENT_PIECE);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const f64_backward r = f64_backward_of(call, row);
    for (int64_t i = call->class_begin; i < call->class_end; i += XENT_CHUNK) {
      const pair sum = f64_backward_chunk(&r, !call->forward_output, i, i + f64_part(i, call->class_end, XENT_CHUNK),
                                          &b);
      row_state *s = f64_state_at(call, row, i / XENT_CHUNK);
      *s = (row_state){.kind = XENT_KIND_BACKWARD | XENT_STATE_WIDE | xent_state_version, .label = XENT_LABEL_ELSEWHERE,
                       .sum = f64_quiet(sum.high), .sum_low = f64_quiet(sum.low)};
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
XENT_SHARED bool f64_states_fit(const f64_row *r, uint32_t kind, int64_t label, bool second_round) {
  const uint32_t looked_at = XENT_KIND_MASK | XENT_STATE_WIDE | ~UINT32_C(0) << XENT_STATE_VERSION_SHIFT;
  for (int64_t i = 0; i < xent_chunks(r->call->shape->classes); i++) {
    const row_state *s = f64_state_at(r->call, r->span.row, i);
    const bool here = label != XENT_NO_CLASS && i == label / XENT_CHUNK, shifted = s->kind & XENT_STATE_SHIFTED;
    if ((s->kind & looked_at) != (kind | XENT_STATE_WIDE | xent_state_version) || shifted != second_round) return false;
    if (s->label != (here ? label % XENT_CHUNK : XENT_LABEL_ELSEWHERE)) return false;
    if (!(s->kind & XENT_STATE_LABEL_HERE) == here) return false;
    if (s->digest != (kind == XENT_KIND_BACKWARD ? 0 : r->digest) || !isfinite(s->reference)) return false;
  }
  return true;
}

/* The statistics of a row that has no second pass. */
static xent_status f64_finish_backward(const f64_row *r) {
  const xent_call *call = r->call;
  if (call->log_sum_exp) return f64_refuse(call, -1, XENT_FIELD_LOG_SUM_EXP);
  if (!f64_states_fit(r, XENT_KIND_BACKWARD, XENT_NO_CLASS, false))
    return f64_refuse(call, r->span.row, XENT_FIELD_STATES);
  pair sum = {0, 0};
  for (int64_t i = 0; i < xent_chunks(call->shape->classes); i++) {
    const row_state *s = f64_state_at(call, r->span.row, i);
    sum = pair_add(sum, (pair){s->sum, s->sum_low});
  }
  const row_statistics s = {.kind = XENT_KIND_BACKWARD | XENT_STATE_WIDE, .sum = f64_quiet(pair_value(sum))};
  f64_keep(call, r->span.row, &s);
  return XENT_OK;
}

static void f64_finish_row(const f64_row *r, f64_sums *g, const f64_buffers *b) {
  const xent_call *call = r->call;
  const row_statistics *s = (const row_statistics *)&call->statistics[r->span.row];
  const double shift = call->second_round ? s->shift : 0;
  f64_fold f;
  f64_fold_begin(&f);
  for (int64_t i = 0; i < xent_chunks(call->shape->classes); i++)
    f64_fold_state(&f, f64_state_at(call, r->span.row, i));
  f64_fold_sink(r, shift, &f);
  g->hit[0] = call->second_round ? s->kind & XENT_ROW_HIT : f64_is_hit(&f);
  if (!call->second_round && f64_is_beyond(r, f.max)) {
    row_statistics unfinished = f64_special(r, XENT_ROW_UNFINISHED | (g->hit[0] ? XENT_ROW_HIT : 0));
    unfinished.shift = f.max;
    f64_keep(call, r->span.row, &unfinished);
    call->report->unfinished++;
    return;
  }
  call->report->counted += call->targets != NULL;
  f64_take_fold(&f, shift, g, 0);
  g->row_weight[0] = r->t.row_weight;
  if (r->t.label != XENT_NO_CLASS) g->label_weight[0] = weight_of_class(call, r->t.label);
  f64_settle(r, 1, true, g);
  f64_write_rows(r, 1, g, b);
}

static xent_status f64_finish(const xent_call *call) {
  XENT_F64_BUFFERS(b, XENT_CHUNK, XENT_PIECE);
  f64_sums g;
  f64_row r = f64_rows_of(call);
  memset(&g, 0, sizeof g);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    r.span = span_of_row(call, row);
    if (call->second_round && !(((const row_statistics *)&call->statistics[row])->kind & XENT_ROW_UNFINISHED)) continue;
    const uint32_t kind = f64_state_at(call, row, 0)->kind & XENT_KIND_MASK;
    if (kind == XENT_KIND_BACKWARD && !call->targets) {
      const xent_status refused = f64_finish_backward(&r);
      if (refused) return refused;
      continue;
    }
    if (kind != r.t.kind) return f64_refuse(call, row, XENT_FIELD_STATES);
    const xent_status status = targets_of_row(call, r.span, &r.t);
    if (status) return status;
    if (r.t.ignored) {
      f64_settle(&r, 1, true, &g);
      f64_write_rows(&r, 1, &g, &b);
      continue;
    }
    if (!f64_states_fit(&r, r.t.kind, r.t.label, call->second_round)) return f64_refuse(call, row, XENT_FIELD_STATES);
    f64_finish_row(&r, &g, &b);
  }
  return XENT_OK;
}

#endif
