/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of the cross-entropy of a linear layer. */
#include "api/calls.h"
#include "kernels/linear/workspace.h"
#include "kernels/targets/targets.h"

#define PLACE(name, rule, needed) XENT_PLACE(linear_cross_entropy, name, rule, needed)
static const xent_place places[] = {
    PLACE(hidden, HIDDEN, true), PLACE(weights, WEIGHTS, true), PLACE(bias, BIAS_OF_CLASSES, false),
    PLACE(logits, MADE_LOGITS, false), PLACE(targets, TARGETS, false), PLACE(target_weights, TARGET_WEIGHTS, false),
    PLACE(class_mask, CLASS_MASK, false), PLACE(class_weights, CLASS_WEIGHTS, false),
    PLACE(row_weights, ROW_WEIGHTS, false), PLACE(sink, SINK, false), PLACE(losses, LOSSES, false),
    PLACE(log_sum_exp, LOG_SUM_EXP, false), PLACE(hits, HITS, false),
    PLACE(log_probabilities, LOG_PROBABILITIES, false), PLACE(argmax, ARGMAX, false), PLACE(ranks, RANKS, false),
    PLACE(entropies, ENTROPIES, false), PLACE(top_classes, TOP_CLASSES, false),
    PLACE(top_log_probabilities, TOP_LOG_PROBABILITIES, false), PLACE(target_gradient, TARGET_GRADIENT, false),
    PLACE(hidden_gradient, HIDDEN_GRADIENT, false), PLACE(weights_gradient, WEIGHTS_GRADIENT, false),
    PLACE(bias_gradient, BIAS_GRADIENT, false)};
#undef PLACE

uint64_t xent_linear_workspace(int64_t rows, int64_t features, int64_t classes, int32_t contents) {
  linear_workspace w;
  if (rows < 0 || features < 1 || classes < 1) return 0;
  const linear_cut *cut = &linear_cuts[contents & XENT_WORKSPACE_LEAST ? XENT_LINEAR_CUTS - 1 : 0];
  return linear_workspace_of(rows, features, classes, contents, *cut, &w) ? w.size : 0;
}

/* A range of no classes needs none. */
static xent_status check_workspace(xent_frame *f) {
  const xent_call *c = &f->call;
  if (c->class_begin == c->class_end) return XENT_OK;
  const int64_t rows = c->row_end - c->row_begin, classes = c->class_end - c->class_begin;
  const uint64_t needed =
      xent_linear_workspace(rows, c->shape->features, classes, linear_contents(c) | XENT_WORKSPACE_LEAST);
  const bool aligned = ((uintptr_t)c->workspace & (XENT_WORKSPACE_ALIGNMENT - 1)) == 0;
  if (c->workspace && aligned && needed && c->workspace_size >= needed) return XENT_OK;
  return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_WORKSPACE, (int64_t)needed);
}

/* Logits are floats, whatever the shape says of those that are not there. */
static xent_status begin(xent_frame *f) {
  const xent_status status = xent_begin(f, false);
  f->wide = f->call.wide = false;
  f->numbers = XENT_IN_FLOAT;
  f->report->way = XENT_WAY_ROW;
  return status;
}

static xent_status check_features(xent_frame *f) {
  const int64_t features = f->call.shape->features;
  return features > 0 ? XENT_OK : xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_FEATURES, features);
}

/* Rounded logits would have other gradients. */
static xent_status check_kept_logits(xent_frame *f) {
  const int32_t type = f->call.shape->logits.type;
  const bool there = f->call.logits || f->call.made_logits;
  return !there || type == XENT_F32 ? XENT_OK : xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_LOGITS, type);
}

/* All that a range of no classes leaves to do. Rows that need no second round are not looked at. */
static xent_status check_labels(const xent_call *c) {
  for (int64_t row = c->row_begin; row < c->row_end; row++) {
    if (c->states && c->known_statistics && !(known_statistics_at(c, row)->kind & XENT_ROW_UNFINISHED)) continue;
    row_targets t = targets_of_call(c);
    const row_span span = span_of_row(c, row);
    xent_status status = targets_of_row(c, span, &t);
    if (!status) status = check_sparse_row(c, span, &t);
    if (status) return status;
  }
  return XENT_OK;
}

static xent_status run_linear(xent_frame *f, xent_kernel kernel) {
  const bool none = f->call.class_begin == f->call.class_end;
  const xent_status status = none ? check_labels(&f->call) : run_kernel(kernel, &f->call);
  f->report->way = XENT_WAY_ROW; /* not that of the last part */
  return status;
}

/* ---- forward, with gradients ---- */

static xent_status check_linear_arrays(xent_frame *f) {
  const xent_call *c = &f->call;
  xent_status status = xent_check_arrays(f, places, XENT_COUNT(places));
  if (!status && (c->top_classes || c->top_log_probabilities) && c->shape->top_count == 0)
    status = xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_TOP_COUNT, 0);
  if (!status) status = check_kept_logits(f);
  if (!status) status = check_target_rules(f, true);
  if (!status) status = check_outputs_of_targets(f);
  if (!status && !c->targets && (linear_contents(c) & XENT_GRADIENT_CONTENTS))
    status = xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_TARGETS, 0);
  return status ? status : check_workspace(f);
}

static xent_status linear_cross_entropy(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = begin(f);
  if (!status) status = xent_check_rows(f);
  if (!status) status = check_features(f);
  if (!status)
    status = xent_check_statistics_of(f, c->statistics, false);
  if (!status) status = xent_check_tally(f, c->tally);
  if (!status) status = check_linear_arrays(f);
  if (!status) {
    c->digest = xent_digest_of(c);
    status = run_linear(f, f->kernels->linear_cross_entropy);
    set_denominator(f);
  }
  return xent_end(f, status);
}

XENT_ENTRY(linear_cross_entropy, linear_cross_entropy, places, XENT_COUNT(places), NULL,
           (f.call.statistics = c->statistics, f.call.tally = c->tally, f.call.workspace = c->workspace,
            f.call.workspace_size = c->workspace_size),
           linear_cross_entropy(&f))

xent_status xent_linear_cross_entropy_at(
    const xent_shape *shape, const xent_options *options, int64_t row_begin, int64_t row_end, const void *hidden,
    const void *weights, const void *bias, void *logits, const void *targets, const void *target_weights,
    const void *class_mask, const void *class_weights, const void *row_weights, const void *sink, void *losses,
    void *log_sum_exp, void *hits, void *log_probabilities, void *argmax, void *ranks, void *entropies,
    void *top_classes, void *top_log_probabilities, void *target_gradient, void *hidden_gradient,
    void *weights_gradient, void *bias_gradient, xent_statistics *statistics, xent_tally *tally, void *workspace,
    uint64_t workspace_size, xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .hidden = hidden, .weights = weights, .bias = bias, .made_logits = logits, .targets = targets,
                       .target_weights = target_weights, .class_mask = class_mask, .class_weights = class_weights,
                       .row_weights = row_weights, .sink = sink, .losses = losses, .log_sum_exp = log_sum_exp,
                       .hits = hits, .log_probabilities = log_probabilities, .argmax = argmax, .ranks = ranks,
                       .entropies = entropies, .top_classes = top_classes,
                       .top_log_probabilities = top_log_probabilities, .target_gradient = target_gradient,
                       .hidden_gradient = hidden_gradient, .weights_gradient = weights_gradient,
                       .bias_gradient = bias_gradient, .statistics = statistics, .tally = tally,
                       .workspace = workspace, .workspace_size = workspace_size, .report = report};
  f.rare = true;
  return linear_cross_entropy(&f);
}

/* ---- backward ---- */

#define PLACE(name, rule, needed) XENT_PLACE(linear_cross_entropy_backward, name, rule, needed)
static const xent_place backward_places[] = {
    PLACE(hidden, HIDDEN, true), PLACE(weights, WEIGHTS, true), PLACE(bias, BIAS_OF_CLASSES, false),
    PLACE(logits, LOGITS, false), PLACE(targets, TARGETS, true), PLACE(target_weights, TARGET_WEIGHTS, false),
    PLACE(class_mask, CLASS_MASK, false), PLACE(class_weights, CLASS_WEIGHTS, false),
    PLACE(row_weights, ROW_WEIGHTS, false), PLACE(upstream, UPSTREAM_OF_ROWS, false),
    PLACE(hidden_gradient, HIDDEN_GRADIENT, false), PLACE(weights_gradient, WEIGHTS_GRADIENT, false),
    PLACE(bias_gradient, BIAS_GRADIENT, false)};
#undef PLACE

/* Any range of classes; the sum of a hidden gradient goes through all of them in order. */
static xent_status check_classes_of_gradient(xent_frame *f) {
  const xent_call *c = &f->call;
  const xent_shape *s = c->shape;
  if (c->class_begin < 0 || c->class_begin > c->class_end || c->class_end > s->classes)
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_CLASS_RANGE, c->class_begin);
  const int64_t classes = c->class_end - c->class_begin;
  if (!c->hidden_gradient || (classes == s->classes && (!s->all_classes || classes == s->all_classes))) return XENT_OK;
  return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_HIDDEN_GRADIENT, classes);
}

static xent_status backward(xent_frame *f) {
  xent_call *c = &f->call;
  const int64_t class_begin = c->class_begin, class_end = c->class_end;
  xent_status status = begin(f);
  c->class_begin = c->class_end = 0; /* so that the rows alone are looked at */
  if (!status) status = xent_check_ranges(f);
  c->class_begin = class_begin, c->class_end = class_end;
  if (!status) status = check_classes_of_gradient(f);
  if (!status) status = check_features(f);
  if (!status)
    status = xent_check_statistics_of(f, c->known_statistics, true);
  if (!status) status = xent_check_arrays(f, backward_places, XENT_COUNT(backward_places));
  if (!status) status = check_kept_logits(f);
  if (!status) status = check_target_rules(f, true);
  if (!status) status = xent_check_statistics(f, kind_of_targets(f), xent_digest_of(&f->call));
  if (!status) status = check_workspace(f);
  if (!status) status = run_linear(f, f->kernels->linear_cross_entropy_backward);
  return xent_end(f, status);
}

XENT_ENTRY(linear_cross_entropy_backward, linear_cross_entropy_backward, backward_places, XENT_COUNT(backward_places),
           c->classes,
           (f.call.known_statistics = c->statistics, f.call.workspace = c->workspace,
            f.call.workspace_size = c->workspace_size),
           backward(&f))

xent_status xent_linear_cross_entropy_backward_at(
    const xent_shape *shape, const xent_options *options, int64_t row_begin, int64_t row_end, int64_t class_begin,
    int64_t class_end, const void *hidden, const void *weights, const void *bias, const void *logits,
    const void *targets, const void *target_weights, const void *class_mask, const void *class_weights,
    const void *row_weights, const xent_statistics *statistics, const void *upstream, void *hidden_gradient,
    void *weights_gradient, void *bias_gradient, void *workspace, uint64_t workspace_size, xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .class_begin = class_begin, .class_end = class_end, .hidden = hidden, .weights = weights,
                       .bias = bias, .logits = logits, .targets = targets, .target_weights = target_weights,
                       .class_mask = class_mask, .class_weights = class_weights, .row_weights = row_weights,
                       .known_statistics = statistics, .upstream = upstream, .hidden_gradient = hidden_gradient,
                       .weights_gradient = weights_gradient, .bias_gradient = bias_gradient, .workspace = workspace,
                       .workspace_size = workspace_size, .report = report};
  f.rare = true;
  return backward(&f);
}

/* ---- states ---- */

#define PLACE(name, rule, needed) XENT_PLACE(linear_states, name, rule, needed)
static const xent_place state_places[] = {
    PLACE(hidden, HIDDEN, true), PLACE(weights, WEIGHTS, true), PLACE(bias, BIAS_OF_CLASSES, false),
    PLACE(targets, TARGETS, false), PLACE(target_weights, TARGET_WEIGHTS, false),
    PLACE(class_mask, CLASS_MASK, false), PLACE(class_weights, CLASS_WEIGHTS, false)};
#undef PLACE

static xent_status states(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = begin(f);
  if (!status) status = xent_check_ranges(f);
  if (!status) status = check_features(f);
  if (!status)
    status = xent_check_statistics_of(f, c->known_statistics, false);
  if (!status) status = xent_check_states_of(f, c->states);
  if (!status) status = xent_check_arrays(f, state_places, XENT_COUNT(state_places));
  if (!status) status = check_target_rules(f, false);
  if (!status) status = check_share_is_known(f);
  if (!status) status = check_workspace(f);
  if (!status) {
    c->digest = xent_digest_of(c);
    status = run_linear(f, f->kernels->linear_states);
  }
  return xent_end(f, status);
}

XENT_ENTRY(linear_states, linear_states, state_places, XENT_COUNT(state_places), c->classes,
           (f.call.known_statistics = c->statistics, f.call.states = c->states, f.call.workspace = c->workspace,
            f.call.workspace_size = c->workspace_size),
           states(&f))

xent_status xent_linear_states_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                  int64_t row_end, int64_t class_begin, int64_t class_end, const void *hidden,
                                  const void *weights, const void *bias, const void *targets,
                                  const void *target_weights, const void *class_mask, const void *class_weights,
                                  const xent_statistics *statistics, xent_state *states_of_rows, void *workspace,
                                  uint64_t workspace_size, xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .class_begin = class_begin, .class_end = class_end, .hidden = hidden, .weights = weights,
                       .bias = bias, .targets = targets, .target_weights = target_weights, .class_mask = class_mask,
                       .class_weights = class_weights, .known_statistics = statistics, .states = states_of_rows,
                       .workspace = workspace, .workspace_size = workspace_size, .report = report};
  f.rare = true;
  return states(&f);
}
