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
    f64_reading reading;
    const xent_status status = f64_read_targets(call, row, &reading);
    if (status) return status;
    const f64_row r = f64_row_of(call, row, reading.label);
    for (int64_t i = call->class_begin; i < call->class_end; i += XENT_CHUNK) {
      const int64_t n = chunk_length(i, call->class_end);
      if (reading.ignored)
        states[i / XENT_CHUNK] = (xent_state){.kind = r.kind | xent_state_version | XENT_STATE_WIDE, .counted = n};
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

static void f64_finish_row(const xent_call *call, int64_t row, const xent_state *states, int64_t chunks, uint32_t kind,
                            const f64_reading *reading) {
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
  if (f64_finish_fold(&f, kind, shift, second, call->options, &s)) {
    if (hit) s.kind |= XENT_ROW_HIT;
    call->statistics[row] = s;
    call->report->again++;
    return;
  }
  call->report->counted += call->targets != NULL;
  const bool special = s.kind & XENT_ROW_SPECIAL, labels = kind == XENT_KIND_LABEL && !special;
  const double distance = special ? 0 : f64_distance(&s), eps = call->options->label_smoothing;
  const f64_label y = labels ? f64_label_of(call, reading->label, f.counted) : (f64_label){0, 0, 0, 0};
  const double share = kind == XENT_KIND_PROBABILITIES && eps > 0 && f.counted ? eps / (double)f.counted : 0;
  f64_weigh(call, &f, &y, share, distance, &s);
  const double label_loss = labels ? f64_label_loss(call, &f, &s, distance) : 0;
  const double loss = call->targets ? f64_loss(call, &f, &s, &y, label_loss, distance, reading->weight) : 0;
  f64_write_row(call, row, loss, f64_log_sum_exp(&s, distance), hit && !special, &s);
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
    f64_reading reading;
    const xent_status status = f64_read_targets(call, row, &reading);
    if (status) return status;
    if (reading.ignored) {
      const xent_statistics s = f64_ignored(call);
      f64_write_row(call, row, 0, XENT_WIDE_NAN, false, &s);
      continue;
    }
    if (!states_fit(call, states, chunks, reading.label)) return wrong_states(call, row);
    f64_finish_row(call, row, states, chunks, kind, &reading);
  }
  return XENT_OK;
}

#endif
