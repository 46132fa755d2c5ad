/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of general calls: row by row. */
#ifndef XENT_GENERAL_FAMILIES_H
#define XENT_GENERAL_FAMILIES_H

#include "kernels/general/outputs.h"

/* The kernel `name`, which is name_rows with buffers for the rows of the call. */
#define XENT_DEFINE_GENERAL(name)                                                                                   \
  static __attribute__((noinline)) xent_status name##_short(const xent_call *call) {                                \
    XENT_ALIGNED float input[XENT_STEP], kept[XENT_STEP], targets[XENT_STEP], weights[XENT_STEP], counted[XENT_STEP],\
        slope[XENT_STEP], out[XENT_STEP];                                                                           \
    float reference[XENT_STEP / XENT_GROUP];                                                                        \
    return name##_rows(call, (general_buffers){input, kept, reference, targets, weights, counted, slope, out});     \
  }                                                                                                                 \
  static __attribute__((noinline)) xent_status name##_long(const xent_call *call) {                                 \
    XENT_ALIGNED float input[XENT_CHUNK], kept[XENT_CHUNK], targets[XENT_STEP], weights[XENT_STEP],                 \
        counted[XENT_STEP], slope[XENT_STEP], out[XENT_STEP];                                                       \
    float reference[XENT_CHUNK / XENT_GROUP];                                                                       \
    return name##_rows(call, (general_buffers){input, kept, reference, targets, weights, counted, slope, out});     \
  }                                                                                                                 \
  static xent_status name(const xent_call *call) {                                                                  \
    return call->shape->classes <= XENT_STEP ? name##_short(call) : name##_long(call);                              \
  }

XENT_INLINE general_row logits_row(const xent_call *call, int64_t row) {
  return general_row_of(call, span_of_row(call, row), call->logits, &call->shape->logits);
}

XENT_SHARED xent_status general_softmax_rows(const xent_call *call, general_buffers b) {
  const bool keep = !call->log && call->shape->classes <= XENT_CHUNK;
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    general_row r = logits_row(call, row);
    if (call->known_statistics) {
      const int64_t end = call->class_end < r.classes ? call->class_end : r.classes;
      general_probabilities(&r, &call->known_statistics[row], call->class_begin, end, false, b);
      continue;
    }
    general_result g;
    whole_general_row(&r, keep, false, b, &g);
    general_probabilities(&r, &g.s, 0, r.classes, keep, b);
  }
  return XENT_OK;
}
XENT_DEFINE_GENERAL(general_softmax)

XENT_SHARED xent_status general_log_sum_exp_rows(const xent_call *call, general_buffers b) {
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    general_row r = logits_row(call, row);
    general_result g;
    whole_general_row(&r, false, false, b, &g);
    const xent_layout *l = &call->shape->log_sum_exp;
    put_float(call->log_sum_exp, l, row_offset(call->shape, l, row), (double)log_sum_exp_of(&g.s, g.distance));
  }
  return XENT_OK;
}
XENT_DEFINE_GENERAL(general_log_sum_exp)

/* An ordinary row's outputs beside those of its loss. */
XENT_INLINE void other_outputs(const general_row *r, const general_result *g, row_outputs *out, general_buffers b) {
  const xent_call *call = r->call;
  if (call->argmax) out->argmax = argmax_of_row(r, g, b);
  if (call->ranks) out->rank = rank_of_label(r, b);
  if (call->entropies && !r->late) out->entropy = entropy_of_row(r, g, b);
}

/* A row whose sums waited: its gradient, and what they are for. */
XENT_SHARED void late_gradient(const general_row *r, general_result *g, double c, row_outputs *out, general_buffers b) {
  late_sums sums;
  const bool written = summed_gradient(r, &g->s, c, b, &sums);
  if (!written) {
    sums = (late_sums){.entropy = entropy_sum_of_row(r, g, b)};
    for (int64_t i = 0; i < r->classes && r->t.eps > 0; i += XENT_CHUNK) {
      const int64_t n = chunk_length(i, r->classes);
      sums.logits += sum_in_double(prepared(r, i, n, g->s.shift, b.input), n);
    }
    general_gradient(r, &g->s, c, 0, r->classes, false, b);
  }
  g->fold.fold.dot = quiet_double(sums.logits);
  settle_row(r->call, &r->t, g, out);
  out->log_probability = (double)(float)out->log_probability;
  out->entropy = entropy_from(g, sums.entropy);
}

XENT_SHARED xent_status general_cross_entropy_rows(const xent_call *call, general_buffers b) {
  const bool keep = call->output && call->shape->classes <= XENT_CHUNK;
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    general_row r = logits_row(call, row);
    const xent_status status = targets_of_row(call, r.span, &r.t);
    if (status) return status;
    general_result g = {.s = ignored_row_statistics(&r.t)};
    if (!r.t.ignored) {
      call->report->counted += call->targets != NULL;
      r.late = sums_can_wait(&r);
      whole_general_row(&r, keep, call->hits != NULL, b, &g);
    }
    const double c = gradient_scale_of_row(call, row, r.t.row_weight);
    row_outputs out = results_of_row(call, &r.t, &g);
    if (!(g.s.kind & XENT_ROW_SPECIAL)) other_outputs(&r, &g, &out, b);
    if (call->top_classes || call->top_log_probabilities) write_top_classes(&r, &g, b);
    if (call->target_gradient) write_target_gradient(&r, &g, c, b);
    const bool late = r.late && !(g.s.kind & XENT_ROW_SPECIAL);
    if (late) late_gradient(&r, &g, c, &out, b);
    write_general_row(call, row, &out, &g.s);
    if (call->output && !late) general_gradient(&r, &g.s, c, 0, r.classes, keep, b);
  }
  return XENT_OK;
}
XENT_DEFINE_GENERAL(general_cross_entropy)

XENT_SHARED xent_status general_cross_entropy_backward_rows(const xent_call *call, general_buffers b) {
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    general_row r = logits_row(call, row);
    const xent_status status = targets_of_row(call, r.span, &r.t);
    if (status) return status;
    const xent_statistics ignored = ignored_row_statistics(&r.t);
    const int64_t end = call->class_end < r.classes ? call->class_end : r.classes;
    general_gradient(&r, r.t.ignored ? &ignored : &call->known_statistics[row],
                     gradient_scale_of_row(call, row, r.t.row_weight), call->class_begin, end, false, b);
  }
  return XENT_OK;
}
XENT_DEFINE_GENERAL(general_cross_entropy_backward)

XENT_SHARED xent_status general_forward_states_rows(const xent_call *call, general_buffers b) {
  const int64_t chunks = xent_chunks(call->shape->classes);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    xent_state *states = call->states + (row - call->row_begin) * chunks;
    const xent_statistics *known = call->known_statistics ? &call->known_statistics[row] : NULL;
    if (known && !(known->kind & XENT_ROW_UNFINISHED)) continue;
    general_row r = logits_row(call, row);
    const xent_status status = targets_of_row(call, r.span, &r.t);
    if (status) return status;
    const int64_t counted = call->shape->all_classes ? r.all : count_classes(&r, 0, r.classes);
    const double share = r.t.kind == XENT_KIND_PROBABILITIES ? even_share(&r.t, counted) : 0;
    for (int64_t i = call->class_begin; i < call->class_end; i += XENT_CHUNK) {
      const int64_t n = chunk_length(i, call->class_end);
      xent_state *state = &states[i / XENT_CHUNK];
      r.ready = NULL;
      if (r.t.ignored)
        *state = ignored_state(n);
      else
        general_state(&r, i, n, known ? known->shift : 0.0f, share, false, true, b, state);
    }
  }
  return XENT_OK;
}
XENT_DEFINE_GENERAL(general_forward_states)

#endif
