/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of rows in parts. */
#include "api/arrays.h"

/* What smoothing gives each class depends on how many there are, which a shard with a mask cannot know; labels take
 * it in later. */
static xent_status check_share_is_known(xent_frame *f, const void *targets, const void *class_mask) {
  const bool asked = targets && !targets_are_labels(f) && f->options->label_smoothing > 0;
  if (!asked || !class_mask || !f->shape->all_classes) return XENT_OK;
  return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_CLASS_MASK, 0);
}

xent_status xent_forward_states(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                int64_t row_end, int64_t class_begin, int64_t class_end, const void *logits,
                                const void *targets, const void *target_weights, const void *class_mask,
                                const void *class_weights, const xent_statistics *statistics,
                                xent_state *states, xent_report *report) {
  xent_frame f;
  xent_status status = xent_frame_begin(&f, shape, options, report, false);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, class_begin, class_end);
  if (!status)
    status = xent_check_struct(&f, statistics, _Alignof(xent_statistics), XENT_FIELD_STATISTICS, true);
  if (!status) status = xent_check_struct(&f, states, _Alignof(xent_state), XENT_FIELD_STATES, false);
  if (!status) status = check_target_weights(&f, target_weights);
  if (!status) {
    const xent_array arrays[] = {logits_array(&f, logits), class_mask_array(&f, class_mask),
                                 targets_array(&f, targets, true), target_weights_array(&f, target_weights),
                                 class_weights_array(&f, class_weights)};
    status = xent_check_arrays(&f, arrays, targets ? 5 : 2);
    f.general |= target_weights || class_mask || class_weights;
  }
  if (!status) status = check_target_rules(&f, targets, NULL);
  if (!status) status = check_share_is_known(&f, targets, class_mask);
  if (!status) {
    f.call.logits = logits;
    f.call.targets = targets;
    f.call.target_weights = target_weights;
    f.call.class_mask = class_mask;
    f.call.class_weights = class_weights;
    f.call.known_statistics = statistics;
    f.call.states = states;
    status = run_kernel(family_of(&f)->forward_states, &f.call);
  }
  return xent_frame_end(&f, report, status);
}

xent_status xent_backward_states(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                 int64_t row_end, int64_t class_begin, int64_t class_end,
                                 const void *output, const void *upstream, const void *class_mask,
                                 xent_state *states, xent_report *report) {
  xent_frame f;
  xent_status status = xent_frame_begin(&f, shape, options, report, true);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, class_begin, class_end);
  if (!status) status = xent_check_struct(&f, states, _Alignof(xent_state), XENT_FIELD_STATES, false);
  if (!status) {
    const xent_array arrays[] = {
        {.address = output, .layout = &f.shape->output, .field = XENT_FIELD_OUTPUT, .optional = true,
         .types = f.floats},
        {.address = upstream, .layout = &f.shape->upstream, .field = XENT_FIELD_UPSTREAM, .types = f.floats},
        class_mask_array(&f, class_mask)};
    status = xent_check_arrays(&f, arrays, 3);
    f.general |= class_mask != NULL;
  }
  if (!status) {
    f.call.forward_output = output;
    f.call.upstream = upstream;
    f.call.class_mask = class_mask;
    f.call.states = states;
    status = run_kernel(family_of(&f)->backward_states, &f.call);
  }
  return xent_frame_end(&f, report, status);
}

/* What only a call with targets can give. */
static xent_status check_outputs_of_targets(xent_frame *f, const void *targets, const void *losses,
                                            const void *hits, const xent_tally *tally) {
  if (targets || (!losses && !hits && !tally)) return XENT_OK;
  const int32_t field = losses ? XENT_FIELD_LOSSES : hits ? XENT_FIELD_HITS : XENT_FIELD_TALLY;
  return xent_refuse(f, XENT_INVALID_ARGUMENT, field, 0);
}

/* Rows of which some classes are masked: smoothing counts the others. */
static bool have_masked_classes(const xent_frame *f, const xent_state *states, const xent_statistics *known) {
  const int64_t classes = f->shape->classes, chunks = xent_chunks(classes);
  for (int64_t row = f->call.row_begin; row < f->call.row_end; row++, states += chunks) {
    if (known && !(known[row].kind & XENT_ROW_UNFINISHED)) continue; /* its states may hold anything */
    for (int64_t i = 0; i < chunks; i++) {
      const int64_t rest = classes - i * XENT_CHUNK, n = rest < XENT_CHUNK ? rest : XENT_CHUNK;
      if ((states[i].kind & XENT_KIND_MASK) != XENT_KIND_BACKWARD && states[i].counted != n) return true;
    }
  }
  return false;
}

/* Those of a softmax backward have no logits that would say in which arithmetic. */
static bool are_of_backward(const xent_frame *f, const xent_state *states) {
  return f->call.row_begin < f->call.row_end && (states->kind & XENT_KIND_MASK) == XENT_KIND_BACKWARD;
}

xent_status xent_finish(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                        int64_t row_end, const xent_state *states, const void *targets,
                        const void *class_weights, const void *row_weights, const void *sink,
                        int32_t second_round, xent_statistics *statistics, void *losses, void *log_sum_exp,
                        void *hits, xent_tally *tally, xent_report *report) {
  xent_frame f;
  xent_status status = xent_frame_begin(&f, shape, options, report, false);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, 0, f.shape->classes);
  if (!status) status = xent_check_whole(&f);
  if (!status) status = xent_check_struct(&f, report, _Alignof(xent_report), XENT_FIELD_REPORT, false);
  if (!status) status = xent_check_struct(&f, states, _Alignof(xent_state), XENT_FIELD_STATES, false);
  if (!status)
    status = xent_check_struct(&f, statistics, _Alignof(xent_statistics), XENT_FIELD_STATISTICS, false);
  if (!status) status = check_tally(&f, tally);
  if (!status) {
    const xent_array arrays[] = {
        targets_array(&f, targets, true),
        row_output(losses, &f.shape->losses, XENT_FIELD_LOSSES, f.floats),
        row_output(log_sum_exp, &f.shape->log_sum_exp, XENT_FIELD_LOG_SUM_EXP, f.floats),
        row_output(hits, &f.shape->hits, XENT_FIELD_HITS, XENT_TYPE_BIT(XENT_U8)),
        class_weights_array(&f, class_weights),
        row_weights_array(&f, row_weights),
        sink_array(&f, sink)};
    status = xent_check_arrays(&f, arrays, 7);
  }
  if (!status) status = check_target_rules(&f, targets, hits);
  if (!status) status = check_outputs_of_targets(&f, targets, losses, hits, tally);
  if (!status) {
    f.general |= class_weights || row_weights || sink || have_masked_classes(&f, states, second_round ? statistics : NULL);
    if (!second_round && are_of_backward(&f, states)) f.wide = f.call.wide = states->kind & XENT_STATE_WIDE;
    f.call.known_states = states;
    f.call.targets = targets;
    f.call.class_weights = class_weights;
    f.call.row_weights = row_weights;
    f.call.sink = sink;
    f.call.second_round = second_round != 0;
    f.call.statistics = statistics;
    f.call.losses = losses;
    f.call.log_sum_exp = log_sum_exp;
    f.call.hits = hits;
    f.call.tally = tally;
    status = run_kernel(family_of(&f)->finish, &f.call);
    set_denominator(&f);
  }
  return xent_frame_end(&f, report, status);
}
