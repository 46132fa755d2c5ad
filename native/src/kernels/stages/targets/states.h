/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a row's chunks, in either arithmetic: checks that they belong together, to the call and to the row's
 * label, and combines the order of the label in its chunk with the other chunks. */
#ifndef XENT_STATES_H
#define XENT_STATES_H

#include <math.h>

#include "kernels/stages/targets/targets.h"

static inline const row_state *states_of_row(const xent_call *call, int64_t row) {
  return known_states_at(call) + (row - call->row_begin) * xent_chunks(call->shape->classes);
}

static xent_status wrong_states(const xent_call *call, int64_t row) {
  call->report->field = XENT_FIELD_STATES;
  call->report->row = row;
  return XENT_INVALID_ARGUMENT;
}

/* The kind that all states of a row share and that fits the targets and the arithmetic, or 0. */
static uint32_t kind_of_row(const xent_call *call, const row_state *states) {
  const uint32_t looked_at = XENT_KIND_MASK | XENT_STATE_WIDE | ~UINT32_C(0) << XENT_STATE_VERSION_SHIFT;
  const uint32_t kind = states[0].kind & XENT_KIND_MASK, wide = call->wide ? XENT_STATE_WIDE : 0;
  for (int64_t i = 0; i < xent_chunks(call->shape->classes); i++)
    if ((states[i].kind & looked_at) != (kind | wide | xent_state_version)) return 0;
  if (call->targets) return kind == (has_labels(call) ? XENT_KIND_LABEL : XENT_KIND_PROBABILITIES) ? kind : 0;
  return kind == XENT_KIND_SOFTMAX || kind == XENT_KIND_BACKWARD ? kind : 0;
}

/* Whether the states of a row belong to this round, to these options and to this label (-1: no label). */
static bool states_fit(const xent_call *call, const row_state *states, uint32_t digest, int64_t label) {
  for (int64_t i = 0; i < xent_chunks(call->shape->classes); i++) {
    const bool shifted = states[i].kind & XENT_STATE_SHIFTED, here = states[i].kind & XENT_STATE_LABEL_HERE;
    const uint16_t expected =
        (uint16_t)(label >= 0 && i == label / XENT_CHUNK ? label % XENT_CHUNK : XENT_LABEL_ELSEWHERE);
    if (shifted != call->second_round || states[i].label != expected || here != (expected != XENT_LABEL_ELSEWHERE) ||
        states[i].digest != digest || !isfinite(states[i].reference))
      return false;
  }
  return true;
}

/* ---- the label among the chunks ---- */

typedef struct {
  double logit, max_before; /* max_before: of the chunks before the label's */
  bool first;               /* the label is the first of its chunk's largest classes */
  int64_t counted, counted_before; /* classes that are not masked */
} label_fold;

static inline label_fold label_fold_begin(void) { return (label_fold){.max_before = -INFINITY}; }
/* Folds the label of a chunk. max: of the previous chunks, without this one. */
static inline void fold_label(label_fold *l, const row_state *s, double max) {
  if (s->label != XENT_LABEL_ELSEWHERE) {
    l->logit = s->label_logit;
    l->first = s->kind & XENT_STATE_LABEL_FIRST_MAX;
    l->max_before = max;
    l->counted_before = l->counted;
  }
  l->counted += s->counted;
}
/* Whether the label is the first of the row's largest classes. */
static inline bool label_is_hit(const label_fold *l, double max) {
  return l->first && l->logit == max && (l->max_before < l->logit || l->counted_before == 0);
}

/* ---- complete rows ---- */

/* The functions of an arithmetic for the states of a row that belong together. */
typedef struct {
  double (*sum)(const row_state *states, int64_t chunks); /* of a softmax backward */
  void (*ignored)(void *of, int64_t row);
  void (*fold)(void *of, int64_t row, const row_targets *t);
} states_kernel;

/* Requests a second round, on the logits minus the shift; hit: in the first round the label was correct. */
static inline void need_second_round(const xent_call *call, int64_t row, uint32_t kind, bool hit, double shift) {
  *statistics_at(call, row) =
      (row_statistics){.kind = kind | XENT_ROW_UNFINISHED | (hit ? XENT_ROW_CORRECT : 0), .digest = call->digest,
                       .shift = shift};
  call->report->unfinished++;
}

static xent_status finish_backward(const xent_call *call, int64_t row, const states_kernel *k) {
  const row_state *states = states_of_row(call, row);
  const uint32_t digest = digest_of_backward(states), wide = call->wide ? XENT_STATE_WIDE : 0;
  if (call->log_sum_exp) {
    call->report->field = XENT_FIELD_LOG_SUM_EXP;
    return XENT_INVALID_ARGUMENT;
  }
  if (!states_fit(call, states, digest, XENT_NO_CLASS)) return wrong_states(call, row);
  *statistics_at(call, row) = (row_statistics){.kind = XENT_KIND_BACKWARD | wide, .digest = digest,
                                               .sum = k->sum(states, xent_chunks(call->shape->classes))};
  return XENT_OK;
}

static xent_status finish_states(const xent_call *call, const states_kernel *k, void *of) {
  row_targets t = targets_of_call(call);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    if (call->second_round && !(statistics_at(call, row)->kind & XENT_ROW_UNFINISHED)) continue;
    const row_state *states = states_of_row(call, row);
    const uint32_t kind = kind_of_row(call, states);
    if (!kind) return wrong_states(call, row);
    const xent_status status = kind == XENT_KIND_BACKWARD ? finish_backward(call, row, k)
                                                          : targets_of_row(call, span_of_row(call, row), &t);
    if (status) return status;
    if (kind == XENT_KIND_BACKWARD) continue;
    if (t.ignored) {
      k->ignored(of, row);
      continue;
    }
    if (!states_fit(call, states, call->digest, t.label)) return wrong_states(call, row);
    k->fold(of, row, &t);
  }
  return XENT_OK;
}

#endif
