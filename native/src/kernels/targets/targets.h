/* SPDX-License-Identifier: Apache-2.0 */
/* What a row's targets, weights and options say, in double whatever the arithmetic. */
#ifndef XENT_TARGETS_H
#define XENT_TARGETS_H

#include "kernels/targets/entries.h"

typedef struct {
  uint32_t kind;         /* XENT_KIND_SOFTMAX: there are none; _LABEL; _PROBABILITIES: dense or sparse */
  bool sparse, ignored;
  bool weighted;         /* classes have weights */
  bool others;           /* smoothing is for the classes that are not the label */
  int64_t label;         /* of the whole row, not of a shard; XENT_NO_CLASS where there is none */
  double row_weight;
  double eps, confidence;      /* confidence = 1 - eps */
} row_targets;

static inline bool has_labels(const xent_call *call) {
  return call->targets && !call->shape->target_count && XENT_TYPE_BIT(call->shape->targets.type) & XENT_LABEL_TYPES;
}
/* Whether targets, but for the entries of sparse rows, differ from class to class. */
static inline bool targets_vary(const xent_call *call) {
  if (call->targets && call->class_weights && call->options->label_smoothing > 0) return true;
  return call->targets && !call->shape->target_count && !has_labels(call);
}
/* min(max(L, least), most): -log of a probability that counts as one in [d, 1 - d]. */
static inline double clamped_loss(double L, double least, double most) {
  const double raised = L > least ? L : least;
  return raised < most ? raised : most;
}

/* Whether every term of a loss is clamped, which the sums over targets do not tell. */
static inline bool clamps_terms(const xent_call *call) {
  return call->options->probability_clamp > 0 && call->targets && !has_labels(call);
}
/* Whether a label can be the ignore index at all. */
static inline bool ignores_a_class(const xent_call *call) {
  const xent_options *o = call->options;
  return o->has_ignore_index && !is_beyond_labels(call->shape->targets.type, o->ignore_index);
}
static inline bool is_ignored_class(const xent_call *call, int64_t class) {
  return ignores_a_class(call) && class == call->options->ignore_index;
}

/* Classes of the whole row, of which a shard's arrays hold some. */
static inline int64_t all_classes_of_row(const xent_call *call, row_span span) {
  return call->shape->all_classes ? call->shape->all_classes : span.classes;
}

/* Whether a class of the whole row is one of it, and not masked where this can be seen. */
static inline bool is_class_of_row(const xent_call *call, row_span span, int64_t class) {
  if (class < 0 || class >= all_classes_of_row(call, span)) return false;
  const int64_t here = class - call->shape->first_class;
  return here < 0 || here >= span.classes || takes_part(call, span, here);
}

static inline xent_status wrong_class(const xent_call *call, int64_t row, int64_t class) {
  call->report->field = XENT_FIELD_TARGETS;
  call->report->row = row;
  call->report->label = class;
  return XENT_INVALID_LABEL;
}

/* What is the same for all rows of a call. */
static inline row_targets targets_of_call(const xent_call *call) {
  const xent_options *o = call->options;
  row_targets t = {.kind = XENT_KIND_SOFTMAX, .label = XENT_NO_CLASS, .row_weight = 1};
  if (!call->targets) return t;
  t.kind = has_labels(call) ? XENT_KIND_LABEL : XENT_KIND_PROBABILITIES;
  t.sparse = call->shape->target_count;
  t.weighted = call->class_weights;
  t.others = o->smoothing == XENT_SMOOTHING_OTHERS;
  t.eps = o->label_smoothing;
  t.confidence = 1 - o->label_smoothing;
  return t;
}

/* The row's own label and weight. Memory may change under a call that has checked it: a label is checked before it is
 * used. (What is found is stored at the end: a store that is read again at once, in another width, waits.) */
static inline xent_status targets_of_row(const xent_call *call, row_span span, row_targets *t) {
  const double weight = row_number(call, call->row_weights, &call->shape->row_weights, span.row, 1);
  const xent_layout *l = &call->shape->targets;
  int64_t label = XENT_NO_CLASS;
  bool ignored = weight == 0, wrong = false;
  if (t->kind == XENT_KIND_LABEL && !ignored) {
    label = one_label_at(call->targets, l->type, row_offset(call->shape, l, span.row));
    ignored = is_ignored_class(call, label);
    wrong = !ignored && !is_class_of_row(call, span, label);
  }
  t->row_weight = weight;
  t->label = ignored ? XENT_NO_CLASS : label;
  t->ignored = ignored;
  return wrong ? wrong_class(call, span.row, label) : XENT_OK;
}

/* Of a class of the whole row; 1 for one of another shard, whose weight is not here. */
static inline double weight_of_class(const xent_call *call, int64_t class) {
  const int64_t here = class - call->shape->first_class;
  return here < 0 || here >= call->shape->classes ? 1.0 : class_weight_at(call, here);
}

static inline int64_t sparse_class_at(const xent_call *call, int64_t row, int64_t j) {
  const xent_layout *l = &call->shape->targets;
  return one_label_at(call->targets, l->type, row_offset(call->shape, l, row) + j * l->classes);
}

/* For rows whose logits are there: every class that a sparse row names. */
static inline xent_status check_sparse_row(const xent_call *call, row_span span, const row_targets *t) {
  for (int64_t j = 0; t->sparse && !t->ignored && j < call->shape->target_count; j++) {
    const int64_t class = sparse_class_at(call, span.row, j);
    const bool fits = is_ignored_class(call, class) || is_class_of_row(call, span, class);
    if (!fits) return wrong_class(call, span.row, class);
  }
  return XENT_OK;
}

/* Entry j of a sparse row. False where it stands for no class of [begin, end), which count as the whole row's do. */
static inline bool sparse_entry(const xent_call *call, int64_t row, const row_targets *t, int64_t j, int64_t begin,
                                int64_t end, int64_t *class, double *target) {
  const xent_layout *l = &call->shape->target_weights;
  *class = sparse_class_at(call, row, j);
  if (is_ignored_class(call, *class) || *class < begin || *class >= end) return false;
  const double p = one_float_at(call->target_weights, l->type, row_offset(call->shape, l, row) + j * l->classes);
  *target = t->eps > 0 ? t->confidence * p : p;
  if (t->weighted) *target *= weight_of_class(call, *class);
  return true;
}

/* How many classes share what smoothing gives away, of a row in which so many are counted. */
static inline double smoothed_classes(const row_targets *t, int64_t counted) {
  const bool others = t->others && t->kind == XENT_KIND_LABEL;
  return (double)(others ? counted - 1 : counted);
}
static inline double smoothing_share(const row_targets *t, int64_t counted) {
  const double H = smoothed_classes(t, counted);
  return t->eps > 0 && H > 0 ? t->eps / H : 0;
}

#endif
