/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in parts: the states of class ranges, and what becomes of them when a row is complete. */
#ifndef XENT_STATES_H
#define XENT_STATES_H

#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/softmax_backward/softmax_backward.h"

XENT_SHARED xent_status forward_states_rows(const xent_call *call, row_buffers buffers) {
  const int64_t chunks = xent_chunks(call->shape->classes);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    xent_state *states = call->states + (row - call->row_begin) * chunks;
    const xent_statistics *known = call->known_statistics ? &call->known_statistics[row] : NULL;
    if (known && !(known->kind & XENT_ROW_UNFINISHED)) continue;
    const float shift = known ? known->shift : 0.0f;
    row_label label = {XENT_NO_CLASS, false};
    const xent_status status = label_of_row(call, row, &label);
    if (status) return status;
    row_input in = call->targets ? targets_input(call, row, label.index) : softmax_input(call, row);
    in.want_first = true;
    for (int64_t i = call->class_begin; i < call->class_end; i += XENT_CHUNK) {
      const int64_t n = chunk_length(i, call->class_end);
      xent_state *state = &states[i / XENT_CHUNK];
      if (label.ignored)
        *state = (xent_state){.kind = XENT_KIND_LABEL | xent_state_version};
      else
        chunk_state(&in, i, n, shift, false, buffers, state);
      state->wide_max = state->wide_label_logit = state->sum_low = 0;
      state->counted = n;
    }
  }
  return XENT_OK;
}
XENT_DEFINE_BUFFERED(forward_states_rows)
XENT_KERNEL xent_status forward_states(const xent_call *call) { XENT_WITH_BUFFERS(call, forward_states_rows); }

XENT_SHARED xent_status backward_states_rows(const xent_call *call, row_buffers buffers) {
  const int64_t chunks = xent_chunks(call->shape->classes);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    xent_state *states = call->states + (row - call->row_begin) * chunks;
    const backward_row in = backward_row_of(call, row);
    for (int64_t i = call->class_begin; i < call->class_end; i += XENT_CHUNK) {
      const int64_t n = chunk_length(i, call->class_end);
      const double sum = backward_chunk(&in, !in.y, comes_from_memory(call), i, n, buffers);
      states[i / XENT_CHUNK] = (xent_state){.kind = XENT_KIND_BACKWARD | xent_state_version,
                                           .sum = quiet_double(sum)};
    }
  }
  return XENT_OK;
}
XENT_DEFINE_BUFFERED(backward_states_rows)
XENT_KERNEL xent_status backward_states(const xent_call *call) { XENT_WITH_BUFFERS(call, backward_states_rows); }

XENT_KERNEL xent_status wrong_states(const xent_call *call, int64_t row) {
  call->report->field = XENT_FIELD_STATES;
  call->report->row = row;
  return XENT_INVALID_ARGUMENT;
}

/* The kind that all states of a row share and that fits the targets and the arithmetic, or 0. */
static uint32_t kind_of_row(const xent_call *call, const xent_state *states, int64_t chunks) {
  const uint32_t looked_at = XENT_KIND_MASK | XENT_STATE_WIDE | ~UINT32_C(0) << XENT_STATE_VERSION_SHIFT;
  const uint32_t kind = states[0].kind & XENT_KIND_MASK, wide = call->wide ? XENT_STATE_WIDE : 0;
  for (int64_t i = 0; i < chunks; i++)
    if ((states[i].kind & looked_at) != (kind | wide | xent_state_version)) return 0;
  if (call->targets) return kind == (has_labels(call) ? XENT_KIND_LABEL : XENT_KIND_PROBABILITIES) ? kind : 0;
  return kind == XENT_KIND_SOFTMAX || kind == XENT_KIND_BACKWARD ? kind : 0;
}

/* Whether the states of a forward belong to this round and to this label (XENT_NO_CLASS: no label). */
static bool states_fit(const xent_call *call, const xent_state *states, int64_t chunks, int64_t label) {
  for (int64_t i = 0; i < chunks; i++) {
    const bool shifted = states[i].kind & XENT_STATE_SHIFTED, here = states[i].kind & XENT_STATE_LABEL_HERE;
    const bool expected = label != XENT_NO_CLASS && i == label / XENT_CHUNK;
    if (shifted != call->second_round || here != expected || !isfinite(states[i].reference)) return false;
  }
  return true;
}

/* A softmax backward's sum. */
XENT_KERNEL xent_status finish_backward(const xent_call *call, int64_t row, const xent_state *states, int64_t chunks) {
  if (call->log_sum_exp) {
    call->report->field = XENT_FIELD_LOG_SUM_EXP;
    return XENT_INVALID_ARGUMENT;
  }
  double sum = 0;
  for (int64_t i = 0; i < chunks; i++) sum += states[i].sum;
  call->statistics[row] = (xent_statistics){.kind = XENT_KIND_BACKWARD, .sum = quiet_double(sum)};
  return XENT_OK;
}

XENT_KERNEL xent_status finish(const xent_call *call) {
  const int64_t chunks = xent_chunks(call->shape->classes);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const xent_state *states = call->known_states + (row - call->row_begin) * chunks;
    if (call->second_round && !(call->statistics[row].kind & XENT_ROW_UNFINISHED)) continue;
    const float shift = call->second_round ? call->statistics[row].shift : 0.0f;
    const uint32_t kind = kind_of_row(call, states, chunks);
    if (!kind) return wrong_states(call, row);
    if (kind == XENT_KIND_BACKWARD) {
      const xent_status status = finish_backward(call, row, states, chunks);
      if (status) return status;
      continue;
    }
    row_label label = {XENT_NO_CLASS, false};
    const xent_status status = label_of_row(call, row, &label);
    if (status) return status;
    if (label.ignored) {
      write_ignored(call, row);
      continue;
    }
    if (!states_fit(call, states, chunks, label.index)) return wrong_states(call, row);
    row_fold fold;
    fold_begin(&fold);
    for (int64_t i = 0; i < chunks; i++) fold_state(&fold, &states[i]);
    xent_statistics s;
    if (finish_fold(&fold, kind, shift, call->second_round, call->options, &s)) {
      call->statistics[row] = s;
      call->report->again++;
      continue;
    }
    call->report->counted += call->targets != NULL;
    write_results(call, row, &fold, &s);
  }
  return XENT_OK;
}

#endif
