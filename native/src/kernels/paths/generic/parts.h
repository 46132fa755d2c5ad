/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in parts: the states of class ranges, and the results of a complete row. */
#ifndef XENT_PARTS_H
#define XENT_PARTS_H

#include "kernels/paths/generic/rows_of_any_length.h"

XENT_SHARED xent_status generic_forward_states_rows(const xent_call *call, row_buffers b) {
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
    if (j.soft) r.share = smoothing_share(&r.t, counted);
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
XENT_DEFINE_ROWS(generic_forward_states)

static double backward_sum(const row_state *states, int64_t chunks) {
  double sum = 0;
  for (int64_t i = 0; i < chunks; i++) sum += states[i].sum;
  return quiet_double(sum);
}
static void finish_ignored(void *of, int64_t row) { write_special(of, row, XENT_ROW_IGNORED); }
static void finish_row(void *of, int64_t row, const row_targets *t) {
  const job *j = of;
  const xent_call *call = j->call;
  const row_state *states = states_of_row(call, row);
  row_statistics *s = statistics_at(call, row);
  const row_context r = {.j = j, .x = {.row = row}, .t = *t};
  row_result g = {.fold = fold_begin(), .shift = call->second_round ? (float)s->shift : 0};
  for (int64_t i = 0; i < xent_chunks(call->shape->classes); i++)
    fold_state(&g.fold, &states[i], mass_of_state(j, &states[i]));
  if (end_round(j, row, call->second_round, &g)) {
    need_second_round(call, row, t->kind, g.hit, (double)g.shift);
    return;
  }
  if (call->second_round) g.hit = s->kind & XENT_ROW_CORRECT; /* a shift may round different logits to the same value */
  if (g.special) {
    write_special_row(j, row, &g);
    return;
  }
  row_outcome out = {.record = s};
  row_sums in;
  no_rows(&in);
  add_row(&r, &g, 1, &in);
  fill_sums(&in);
  results_of_rows(j, &in, &out);
}

XENT_KERNEL xent_status generic_finish(const xent_call *call) {
  static const states_kernel kernel = {.sum = backward_sum, .ignored = finish_ignored, .fold = finish_row};
  job j = job_of(call);
  return finish_states(call, &kernel, &j);
}

#endif
