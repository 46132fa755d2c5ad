/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in parts, in float64 arithmetic. */
#ifndef XENT_WIDE_STATES_H
#define XENT_WIDE_STATES_H

#include "kernels/states/states.h"
#include "kernels/wide/cross_entropy.h"
#include "kernels/wide/softmax_backward.h"

static xent_status f64_forward_states(const xent_call *call) {
  f64_buffers buffers;
  const int64_t chunks = xent_chunks(call->shape->classes);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    xent_state *states = call->states + (row - call->row_begin) * chunks;
    const xent_statistics *known = call->known_statistics ? &call->known_statistics[row] : NULL;
    if (known && !(known->kind & XENT_ROW_UNFINISHED)) continue;
    row_targets t;
    const row_span span = span_of_row(call, row);
    const xent_status status = targets_of_row(call, span, &t);
    if (status) return status;
    const f64_row r = f64_row_of(call, span, &t);
    for (int64_t i = call->class_begin; i < call->class_end; i += XENT_CHUNK) {
      const int64_t n = chunk_length(i, call->class_end);
      if (t.ignored)
        states[i / XENT_CHUNK] = (xent_state){.kind = t.kind | xent_state_version | XENT_STATE_WIDE, .counted = n};
      else
        f64_state(&r, i, n, known ? known->wide_shift : 0, &buffers, &states[i / XENT_CHUNK]);
    }
  }
  return XENT_OK;
}

static xent_status f64_backward_states(const xent_call *call) {
  f64_buffers buffers;
  const int64_t chunks = xent_chunks(call->shape->classes);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    xent_state *states = call->states + (row - call->row_begin) * chunks;
    const f64_backward b = f64_backward_of(call, row);
    for (int64_t i = call->class_begin; i < call->class_end; i += XENT_CHUNK) {
      const pair sum = f64_backward_chunk(&b, !call->forward_output, i, i + chunk_length(i, call->class_end), &buffers);
      states[i / XENT_CHUNK] = (xent_state){.kind = XENT_KIND_BACKWARD | xent_state_version | XENT_STATE_WIDE,
                                            .sum = quiet_double(sum.high), .sum_low = quiet_double(sum.low)};
    }
  }
  return XENT_OK;
}

/* The statistics of a row that has no second pass. */
static void f64_finish_backward(const xent_call *call, int64_t row, const xent_state *states, int64_t chunks) {
  pair sum = {0, 0};
  for (int64_t i = 0; i < chunks; i++) sum = pair_add(sum, (pair){states[i].sum, states[i].sum_low});
  call->statistics[row] = (xent_statistics){.kind = XENT_KIND_BACKWARD | XENT_STATE_WIDE, .sum = quiet_double(pair_value(sum))};
}

static void f64_finish_row(const xent_call *call, int64_t row, const xent_state *states, int64_t chunks, const row_targets *t) {
  f64_fold f = f64_fold_begin();
  for (int64_t i = 0; i < chunks; i++) f64_fold_state(&f, &states[i]);
  const bool second = call->second_round;
  const double shift = second ? call->statistics[row].wide_shift : 0;
  if (call->sink) {
    const double sink = f64_sink_of(call, row);
    f64_fold_sink(&f, shift != 0 ? sink - shift : sink);
  }
  const bool hit = second ? call->statistics[row].kind & XENT_ROW_HIT : f64_is_hit(&f);
  xent_statistics s;
  if (f64_finish_fold(&f, t->kind, shift, second, call->options, &s)) {
    if (hit) s.kind |= XENT_ROW_HIT;
    call->statistics[row] = s;
    call->report->again++;
    return;
  }
  call->report->counted += call->targets != NULL;
  const f64_terms terms = f64_terms_of(call, t, &f, &s);
  f64_weigh(call, t, &f, &terms, &s);
  const row_outputs o = {.loss = f64_loss(call, t, &f, &terms, &s), .log_sum_exp = f64_log_sum_exp(&s, terms.distance),
                         .hit = hit && !(s.kind & XENT_ROW_SPECIAL)};
  write_row_outputs(call, row, &o);
  f64_keep_row(call, row, o.loss, &s);
}

static xent_status f64_finish(const xent_call *call) {
  const int64_t chunks = xent_chunks(call->shape->classes);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const xent_state *states = call->known_states + (row - call->row_begin) * chunks;
    if (call->second_round && !(call->statistics[row].kind & XENT_ROW_UNFINISHED)) continue;
    const uint32_t kind = kind_of_row(call, states, chunks);
    if (!kind) return wrong_states(call, row);
    if (kind == XENT_KIND_BACKWARD) {
      if (call->log_sum_exp) {
        call->report->field = XENT_FIELD_LOG_SUM_EXP;
        return XENT_INVALID_ARGUMENT;
      }
      f64_finish_backward(call, row, states, chunks);
      continue;
    }
    row_targets t;
    const xent_status status = targets_of_row(call, span_of_row(call, row), &t);
    if (status) return status;
    if (t.ignored) {
      const xent_statistics s = f64_ignored(&t);
      const row_outputs o = {.log_sum_exp = XENT_WIDE_NAN};
      write_row_outputs(call, row, &o);
      f64_keep_row(call, row, 0, &s);
      continue;
    }
    if (!states_fit(call, states, chunks, t.label)) return wrong_states(call, row);
    f64_finish_row(call, row, states, chunks, &t);
  }
  return XENT_OK;
}

#endif
