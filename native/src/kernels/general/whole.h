/* SPDX-License-Identifier: Apache-2.0 */
/* xent_finish of general calls: from the states of whole rows to their results. */
#ifndef XENT_GENERAL_WHOLE_H
#define XENT_GENERAL_WHOLE_H

#include "kernels/general/families.h"
#include "kernels/states/states.h"

/* Targets of a row whose entries are not looked at: the states have their sums. */
XENT_INLINE xent_status label_of_states(const xent_call *call, int64_t row, row_targets *t) {
  xent_call without_entries = *call;
  xent_shape shape = *call->shape;
  shape.target_count = 0;
  without_entries.shape = &shape;
  if (!has_labels(call)) {
    *t = (row_targets){.kind = call->targets ? XENT_KIND_PROBABILITIES : XENT_KIND_SOFTMAX, .label = XENT_NO_CLASS,
                       .row_weight = row_weight_at(call, row), .eps = call->options->label_smoothing,
                       .keep = 1 - call->options->label_smoothing, .weighted = call->class_weights != NULL};
    t->ignored = t->row_weight == 0;
    return XENT_OK;
  }
  return targets_of_row(&without_entries, span_of_row(call, row), t);
}

static xent_status general_finish(const xent_call *call) {
  const int64_t chunks = xent_chunks(call->shape->classes);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const xent_state *states = call->known_states + (row - call->row_begin) * chunks;
    const xent_statistics before = call->second_round ? call->statistics[row] : (xent_statistics){0};
    if (call->second_round && !(before.kind & XENT_ROW_UNFINISHED)) continue;
    const uint32_t kind = kind_of_row(call, states, chunks);
    if (!kind) return wrong_states(call, row);
    if (kind == XENT_KIND_BACKWARD) {
      const xent_status status = finish_backward(call, row, states, chunks);
      if (status) return status;
      continue;
    }
    row_targets t;
    const xent_status status = label_of_states(call, row, &t);
    if (status) return status;
    general_result g = {.s = ignored_row_statistics(&t)};
    if (!t.ignored) {
      if (!states_fit(call, states, chunks, t.label)) return wrong_states(call, row);
      g.fold = general_fold_begin();
      for (int64_t i = 0; i < chunks; i++) general_fold_state(&g.fold, &states[i]);
      const bool again = finish_round(call, row, kind, call->second_round, before.shift, &g);
      if (call->second_round) g.hit = before.kind & XENT_ROW_HIT;
      if (again) {
        if (g.hit) g.s.kind |= XENT_ROW_HIT;
        call->statistics[row] = g.s;
        call->report->again++;
        continue;
      }
      call->report->counted += call->targets != NULL;
      g.distance = g.s.kind & XENT_ROW_SPECIAL ? 0 : distance_of(&g.s);
    }
    const row_outputs out = results_of_row(call, &t, &g);
    write_general_row(call, row, &out, &g.s);
  }
  return XENT_OK;
}

#endif
