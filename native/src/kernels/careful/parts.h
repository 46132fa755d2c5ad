/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in parts: the states of class ranges, and what becomes of them when a row is complete. */
#ifndef XENT_CAREFUL_PARTS_H
#define XENT_CAREFUL_PARTS_H

#include "kernels/careful/row.h"

XENT_SHARED xent_status careful_forward_states_rows(const xent_call *call, row_buffers b) {
  const int64_t chunks = xent_chunks(call->shape->classes);
  const job j = job_of(call);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    row_state *states = (row_state *)(void *)call->states + (row - call->row_begin) * chunks;
    const row_statistics *known = call->known_statistics ? known_statistics_at(call, row) : NULL;
    if (known && !(known->kind & XENT_ROW_UNFINISHED)) continue;
    row_context r = row_context_of(&j, row, b);
    xent_status status = targets_of_row(call, r.x.span, &r.t);
    if (!status) status = check_sparse_row(call, r.x.span, &r.t);
    if (status) return status;
    const int64_t counted = call->shape->all_classes ? r.x.all : count_classes(&r.x, 0, r.x.classes);
    if (j.soft) r.share = even_share(&r.t, counted);
    for (int64_t i = call->class_begin; i < call->class_end; i += XENT_CHUNK) {
      const int64_t n = chunk_length(i, call->class_end);
      row_state *state = &states[i / XENT_CHUNK];
      r.ready = NULL;
      if (r.t.ignored)
        *state = (row_state){.kind = r.t.kind | xent_state_version, .digest = call->digest,
                             .label = XENT_LABEL_ELSEWHERE,
                             .counted = (uint16_t)count_classes(&r.x, i, n)};
      else
        chunk_state(&r, i, n, known ? (float)known->shift : 0.0f, true, state);
    }
  }
  return XENT_OK;
}
XENT_DEFINE_ROWS(careful_forward_states)

static xent_status wrong_states(const xent_call *call, int64_t row) {
  call->report->field = XENT_FIELD_STATES;
  call->report->row = row;
  return XENT_INVALID_ARGUMENT;
}

/* The kind that all states of a row share and that fits the targets and the arithmetic, or 0. */
static uint32_t kind_of_row(const xent_call *call, const row_state *states, int64_t chunks) {
  const uint32_t looked_at = XENT_KIND_MASK | XENT_STATE_WIDE | ~UINT32_C(0) << XENT_STATE_VERSION_SHIFT;
  const uint32_t kind = states[0].kind & XENT_KIND_MASK, wide = call->wide ? XENT_STATE_WIDE : 0;
  for (int64_t i = 0; i < chunks; i++)
    if ((states[i].kind & looked_at) != (kind | wide | xent_state_version)) return 0;
  if (call->targets) return kind == (has_labels(call) ? XENT_KIND_LABEL : XENT_KIND_PROBABILITIES) ? kind : 0;
  return kind == XENT_KIND_SOFTMAX || kind == XENT_KIND_BACKWARD ? kind : 0;
}

/* Whether the states of a row belong to this round, to these options and to this label (-1: none). */
static bool states_fit(const xent_call *call, const row_state *states, int64_t chunks, uint32_t digest, int64_t label) {
  for (int64_t i = 0; i < chunks; i++) {
    const bool shifted = states[i].kind & XENT_STATE_SHIFTED, here = states[i].kind & XENT_STATE_LABEL_HERE;
    const uint16_t expected =
        (uint16_t)(label >= 0 && i == label / XENT_CHUNK ? label % XENT_CHUNK : XENT_LABEL_ELSEWHERE);
    if (shifted != call->second_round || states[i].label != expected || here != (expected != XENT_LABEL_ELSEWHERE) ||
        states[i].digest != digest || !isfinite(states[i].reference))
      return false;
  }
  return true;
}

/* A softmax backward's sum. */
static xent_status finish_backward(const xent_call *call, int64_t row, const row_state *states, int64_t chunks) {
  if (call->log_sum_exp) {
    call->report->field = XENT_FIELD_LOG_SUM_EXP;
    return XENT_INVALID_ARGUMENT;
  }
  const uint32_t digest = digest_of_backward(states);
  if (!states_fit(call, states, chunks, digest, -1)) return wrong_states(call, row);
  double sum = 0;
  for (int64_t i = 0; i < chunks; i++) sum += states[i].sum;
  *statistics_at(call, row) = (row_statistics){.kind = XENT_KIND_BACKWARD, .digest = digest, .sum = quiet_double(sum)};
  return XENT_OK;
}

XENT_KERNEL xent_status careful_finish(const xent_call *call) {
  const int64_t chunks = xent_chunks(call->shape->classes);
  const job j = job_of(call);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const row_state *states = (const row_state *)(const void *)call->known_states + (row - call->row_begin) * chunks;
    row_statistics *s = statistics_at(call, row);
    const bool hit = call->second_round && s->kind & XENT_ROW_HIT;
    if (call->second_round && !(s->kind & XENT_ROW_UNFINISHED)) continue;
    const uint32_t kind = kind_of_row(call, states, chunks);
    if (!kind) return wrong_states(call, row);
    if (kind == XENT_KIND_BACKWARD) {
      const xent_status status = finish_backward(call, row, states, chunks);
      if (status) return status;
      continue;
    }
    row_context r = {.j = &j, .x = {.row = row}, .t = targets_of_call(call)};
    const xent_status status = targets_of_row(call, span_of_row(call, row), &r.t);
    if (status) return status;
    if (r.t.ignored) {
      write_special(&j, row, XENT_ROW_IGNORED);
      continue;
    }
    if (!states_fit(call, states, chunks, call->digest, r.t.label)) return wrong_states(call, row);
    row_result g = {.fold = fold_begin(), .shift = call->second_round ? (float)s->shift : 0};
    for (int64_t i = 0; i < chunks; i++) fold_state(&g.fold, &states[i], mass_of_state(&j, &states[i]));
    if (end_round(&j, row, call->second_round, &g)) {
      *s = (row_statistics){.kind = kind | XENT_ROW_UNFINISHED | (g.hit ? XENT_ROW_HIT : 0), .digest = call->digest,
                            .shift = (double)g.shift};
      call->report->unfinished++;
      continue;
    }
    if (call->second_round) g.hit = hit;
    if (g.special) {
      call->report->counted += call->targets != NULL;
      write_special(&j, row, g.special);
      continue;
    }
    row_outcome out = {.record = s};
    row_sums in;
    no_rows(&in);
    add_row(&r, &g, 1, &in);
    fill_sums(&in);
    results_of_rows(&j, &in, &out);
  }
  return XENT_OK;
}

#endif
