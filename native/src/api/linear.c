/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of the cross-entropy of a linear layer. */
#include "api/calls.h"
#include "kernels/linear/workspace.h"
#include "kernels/stages/targets/targets.h"

#define PLACES(_, c)                                                                                                  \
  _(c, hidden, HIDDEN, NEEDED) _(c, weights, WEIGHTS, NEEDED) _(c, bias, BIAS_OF_CLASSES, OPTIONAL)                   \
  _(c, logits, MADE_LOGITS, OPTIONAL) _(c, targets, TARGETS, OPTIONAL) _(c, target_weights, TARGET_WEIGHTS, OPTIONAL) \
  _(c, class_mask, CLASS_MASK, OPTIONAL) _(c, class_weights, CLASS_WEIGHTS, OPTIONAL)                                 \
  _(c, row_weights, ROW_WEIGHTS, OPTIONAL) _(c, sink, SINK, OPTIONAL) _(c, losses, LOSSES, OPTIONAL)                  \
  _(c, log_sum_exp, LOG_SUM_EXP, OPTIONAL) _(c, correct, CORRECT, OPTIONAL)                                            \
  XENT_ROW_OUTPUTS(_, c)                                                                                              \
  _(c, hidden_gradient, HIDDEN_GRADIENT, OPTIONAL) _(c, weights_gradient, WEIGHTS_GRADIENT, OPTIONAL)                 \
  _(c, bias_gradient, BIAS_GRADIENT, OPTIONAL) _(c, statistics, STATISTICS, OPTIONAL)                                 \
  _(c, exact_sum, EXACT_SUM, OPTIONAL)                                                                                 \
  _(c, workspace, WORKSPACE, OPTIONAL) _(c, workspace_size, WORKSPACE_SIZE, OPTIONAL) \
  _(c, features, FEATURES, OPTIONAL) _(c, target_count, TARGET_COUNT, OPTIONAL) _(c, top_count, TOP_COUNT, OPTIONAL)
XENT_PLACES(places, xent_linear_cross_entropy_call, PLACES);

static xent_status linear_cross_entropy(xent_frame *f);
static uint64_t workspace_of(const xent_call *c);
const xent_entry xent_of_linear_cross_entropy = {
    XENT_ARGUMENTS(xent_linear_cross_entropy_call, 1032, places, linear_cross_entropy), .workspace = workspace_of,
    .all_layouts = true};

enum {
  ALL_CONTENTS = XENT_WORKSPACE_WEIGHTS_GRADIENT | XENT_WORKSPACE_WHOLE_ROWS | XENT_WORKSPACE_LEAST |
                 XENT_WORKSPACE_HIDDEN_GRADIENT | XENT_WORKSPACE_LOGITS
};

uint64_t xent_linear_workspace(int64_t rows, int64_t features, int64_t classes, int32_t contents) {
  linear_workspace w;
  if (rows < 0 || features < 1 || classes < 1 || contents & ~ALL_CONTENTS) return 0;
  const linear_cut *cut = &linear_cuts[contents & XENT_WORKSPACE_LEAST ? XENT_LINEAR_CUTS - 1 : 0];
  return linear_workspace_of(rows, features, classes, contents, *cut, &w) ? w.size : 0;
}

/* The fastest, within the workspace_size of the call if that is set, but at least the least. */
static uint64_t workspace_of(const xent_call *c) {
  const int64_t rows = c->row_end - c->row_begin, classes = c->class_end - c->class_begin;
  const int32_t contents = linear_contents(c);
  linear_workspace w;
  if (!c->workspace_size) return xent_linear_workspace(rows, c->shape->features, classes, contents);
  const uint64_t least = xent_linear_workspace(rows, c->shape->features, classes, contents | XENT_WORKSPACE_LEAST);
  if (!least || !linear_workspace_within(c, c->workspace_size, &w)) return least;
  return w.size + (uint64_t)w.kept_rows * (uint64_t)w.kept_pitch * sizeof(float);
}

/* An empty range of classes needs no workspace. */
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

/* The layout of absent logits is ignored: logits are floats. */
static xent_status begin(xent_frame *f) {
  const xent_status status = xent_begin(f, false);
  f->wide = f->call.wide = false;
  f->numbers = XENT_IN_FLOAT;
  return status ? status : xent_check_foreign(f, XENT_OPTIONS_OF_ROWS);
}

static xent_status check_features(xent_frame *f) {
  const int64_t features = f->call.shape->features;
  return features > 0 ? XENT_OK : xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_FEATURES, features);
}

/* Rounded logits would change the gradients. */
static xent_status check_kept_logits(xent_frame *f) {
  const int32_t type = f->call.shape->logits.type;
  const bool there = f->call.logits || f->call.made_logits;
  return !there || type == XENT_F32 ? XENT_OK : xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_LOGITS, type);
}

/* The checks that remain for an empty range of classes. Rows that need no second round are not read. */
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
  const bool none = f->call.class_begin == f->call.class_end && !f->keep;
  const xent_status status = none ? check_labels(&f->call) : run_kernel(f, kernel);
  if (!none && !f->keep) report_path(f, XENT_PATH_ROW); /* not the path of the last part */
  return status;
}

/* ---- forward, with gradients ---- */

static xent_status check_linear_arrays(xent_frame *f) {
  const xent_call *c = &f->call;
  xent_status status = xent_check_arrays(f, &xent_of_linear_cross_entropy);
  if (!status) status = check_top_count(f);
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
  if (!status) status = xent_check_records(f, &xent_of_linear_cross_entropy);
  if (!status) status = xent_check_exact_sum(f);
  if (!status) status = check_linear_arrays(f);
  if (!status) {
    c->digest = xent_digest_of(c);
    status = run_linear(f, f->kernels->linear_cross_entropy);
  }
  return xent_end(f, status);
}

xent_status xent_linear_cross_entropy(const xent_linear_cross_entropy_call *c) {
  return xent_make_call(c, &xent_of_linear_cross_entropy);
}

/* ---- backward ---- */

#define BACKWARD_PLACES(_, c)                                                                                  \
  _(c, hidden, HIDDEN, NEEDED) _(c, weights, WEIGHTS, NEEDED) _(c, bias, BIAS_OF_CLASSES, OPTIONAL)            \
  _(c, logits, LOGITS, OPTIONAL) _(c, targets, TARGETS, NEEDED) _(c, target_weights, TARGET_WEIGHTS, OPTIONAL) \
  _(c, class_mask, CLASS_MASK, OPTIONAL) _(c, class_weights, CLASS_WEIGHTS, OPTIONAL)                          \
  _(c, row_weights, ROW_WEIGHTS, OPTIONAL) _(c, upstream, UPSTREAM_OF_ROWS, OPTIONAL)                          \
  _(c, hidden_gradient, HIDDEN_GRADIENT, OPTIONAL) _(c, weights_gradient, WEIGHTS_GRADIENT, OPTIONAL)          \
  _(c, bias_gradient, BIAS_GRADIENT, OPTIONAL) _(c, statistics, KNOWN_STATISTICS, NEEDED)                      \
  _(c, workspace, WORKSPACE, OPTIONAL) _(c, workspace_size, WORKSPACE_SIZE, OPTIONAL) \
  _(c, features, FEATURES, OPTIONAL) _(c, target_count, TARGET_COUNT, OPTIONAL) XENT_SHARD_SIZES(_, c)
XENT_PLACES(backward_places, xent_linear_cross_entropy_backward_call, BACKWARD_PLACES);

static xent_status backward(xent_frame *f);
const xent_entry xent_of_linear_cross_entropy_backward = {
    XENT_ARGUMENTS(xent_linear_cross_entropy_backward_call, 640, backward_places, backward), .workspace = workspace_of,
    .all_layouts = true};

/* Any range of classes is allowed, but the sum of a hidden gradient must go through all classes in order. */
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
  c->class_begin = c->class_end = 0; /* checks only the rows */
  if (!status) status = xent_check_ranges(f);
  c->class_begin = class_begin, c->class_end = class_end;
  if (!status) status = check_classes_of_gradient(f);
  if (!status) status = check_features(f);
  if (!status) status = xent_check_records(f, &xent_of_linear_cross_entropy_backward);
  if (!status) status = xent_check_arrays(f, &xent_of_linear_cross_entropy_backward);
  if (!status) status = check_kept_logits(f);
  if (!status) status = check_target_rules(f, true);
  if (!status) status = xent_check_statistics(f, kind_of_targets(f), xent_digest_of(&f->call));
  if (!status) status = check_workspace(f);
  if (!status) status = run_linear(f, f->kernels->linear_cross_entropy_backward);
  return xent_end(f, status);
}

xent_status xent_linear_cross_entropy_backward(const xent_linear_cross_entropy_backward_call *c) {
  return xent_make_call(c, &xent_of_linear_cross_entropy_backward);
}

/* ---- states ---- */

#define STATE_PLACES(_, c)                                                                                       \
  _(c, hidden, HIDDEN, NEEDED) _(c, weights, WEIGHTS, NEEDED) _(c, bias, BIAS_OF_CLASSES, OPTIONAL)              \
  _(c, targets, TARGETS, OPTIONAL) _(c, target_weights, TARGET_WEIGHTS, OPTIONAL)                                \
  _(c, class_mask, CLASS_MASK, OPTIONAL) _(c, class_weights, CLASS_WEIGHTS, OPTIONAL)                            \
  _(c, statistics, KNOWN_STATISTICS, OPTIONAL) _(c, states, STATES, NEEDED) _(c, workspace, WORKSPACE, OPTIONAL) \
  _(c, workspace_size, WORKSPACE_SIZE, OPTIONAL) \
  _(c, features, FEATURES, OPTIONAL) _(c, target_count, TARGET_COUNT, OPTIONAL) XENT_SHARD_SIZES(_, c)
XENT_PLACES(state_places, xent_linear_states_call, STATE_PLACES);

static xent_status states(xent_frame *f);
const xent_entry xent_of_linear_states = {
    XENT_ARGUMENTS(xent_linear_states_call, 408, state_places, states), .workspace = workspace_of, .all_layouts = true};

static xent_status states(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = begin(f);
  if (!status) status = xent_check_ranges(f);
  if (!status) status = check_features(f);
  if (!status) status = xent_check_records(f, &xent_of_linear_states);
  if (!status) status = xent_check_arrays(f, &xent_of_linear_states);
  if (!status) status = check_target_rules(f, false);
  if (!status) status = check_share_is_known(f);
  if (!status) status = check_workspace(f);
  if (!status) {
    c->digest = xent_digest_of(c);
    status = run_linear(f, f->kernels->linear_states);
  }
  return xent_end(f, status);
}

xent_status xent_linear_states(const xent_linear_states_call *c) { return xent_make_call(c, &xent_of_linear_states); }
