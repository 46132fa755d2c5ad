/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of the cross-entropy of a linear layer. */
#include "api/calls.h"
#include "kernels/linear/workspace.h"

#define PLACE(name, rule, needed) XENT_PLACE(linear_cross_entropy, name, rule, needed)
static const xent_place places[] = {
    PLACE(hidden, HIDDEN, true), PLACE(weights, WEIGHTS, true), PLACE(bias, BIAS_OF_CLASSES, false),
    PLACE(targets, TARGETS, false), PLACE(target_weights, TARGET_WEIGHTS, false),
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

static xent_status check_workspace(xent_frame *f) {
  const xent_call *c = &f->call;
  const uint64_t needed = xent_linear_workspace(c->row_end - c->row_begin, c->shape->features, c->shape->classes,
                                                linear_contents(c) | XENT_WORKSPACE_LEAST);
  const bool aligned = ((uintptr_t)c->workspace & (XENT_WORKSPACE_ALIGNMENT - 1)) == 0;
  if (c->workspace && aligned && needed && c->workspace_size >= needed) return XENT_OK;
  return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_WORKSPACE, (int64_t)needed);
}

static xent_status check_linear_arrays(xent_frame *f) {
  const xent_call *c = &f->call;
  xent_status status = xent_check_arrays(f, places, XENT_COUNT(places));
  if (!status && (c->top_classes || c->top_log_probabilities) && c->shape->top_count == 0)
    status = xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_TOP_COUNT, 0);
  if (!status) status = check_target_rules(f, true);
  if (!status) status = check_outputs_of_targets(f);
  if (!status && !c->targets && (linear_contents(c) & XENT_WORKSPACE_GRADIENTS))
    status = xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_TARGETS, 0);
  return status ? status : check_workspace(f);
}

static xent_status linear_cross_entropy(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin(f, false);
  f->wide = c->wide = false; /* logits are floats, whatever the shape says of those that are not there */
  f->numbers = XENT_IN_FLOAT;
  if (!status) status = xent_check_rows(f);
  if (!status && c->shape->features < 1)
    status = xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_FEATURES, c->shape->features);
  if (!status)
    status = xent_check_struct(f, c->statistics, _Alignof(xent_statistics), XENT_FIELD_STATISTICS, false);
  if (!status) status = xent_check_tally(f, c->tally);
  if (!status) status = check_linear_arrays(f);
  if (!status) {
    c->digest = xent_digest_of(c);
    f->report->way = XENT_WAY_ROW;
    status = run_kernel(f->kernels->linear_cross_entropy, c);
    set_denominator(f);
  }
  return xent_end(f, status);
}

XENT_ENTRY(linear_cross_entropy, linear_cross_entropy, places, XENT_COUNT(places), NULL,
           (f.own_shape.logits = (xent_layout){.type = XENT_F32}, f.call.statistics = c->statistics,
            f.call.tally = c->tally, f.call.workspace = c->workspace, f.call.workspace_size = c->workspace_size),
           linear_cross_entropy(&f))

xent_status xent_linear_cross_entropy_at(
    const xent_shape *shape, const xent_options *options, int64_t row_begin, int64_t row_end, const void *hidden,
    const void *weights, const void *bias, const void *targets, const void *target_weights, const void *class_mask,
    const void *class_weights, const void *row_weights, const void *sink, void *losses, void *log_sum_exp, void *hits,
    void *log_probabilities, void *argmax, void *ranks, void *entropies, void *top_classes,
    void *top_log_probabilities, void *target_gradient, void *hidden_gradient, void *weights_gradient,
    void *bias_gradient, xent_statistics *statistics, xent_tally *tally, void *workspace, uint64_t workspace_size,
    xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .hidden = hidden, .weights = weights, .bias = bias, .targets = targets,
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
