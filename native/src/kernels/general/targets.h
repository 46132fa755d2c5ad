/* SPDX-License-Identifier: Apache-2.0 */
/* What a row's targets and weights say, in double whatever the arithmetic. */
#ifndef XENT_GENERAL_TARGETS_H
#define XENT_GENERAL_TARGETS_H

#include "kernels/row/entries.h"

typedef struct {
  uint32_t kind;         /* XENT_KIND_SOFTMAX: there are none; _LABEL; _PROBABILITIES: dense or sparse */
  bool sparse, ignored;
  bool weighted;         /* classes have weights */
  bool others;           /* smoothing is for the classes that are not the label */
  int64_t label;         /* of the whole row, not of a shard; -1 where there is none */
  double row_weight;
  double eps, keep;      /* keep = 1 - eps */
} row_targets;

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

/* Memory may change under a call that has checked it: every class is checked before it is used. */
static inline xent_status targets_of_row(const xent_call *call, row_span span, row_targets *t) {
  const xent_options *o = call->options;
  const int64_t row = span.row;
  *t = (row_targets){.kind = XENT_KIND_SOFTMAX, .label = -1, .row_weight = row_weight_at(call, row),
                     .eps = o->label_smoothing, .keep = 1 - o->label_smoothing, .weighted = call->class_weights,
                     .others = o->smoothing == XENT_SMOOTHING_OTHERS};
  if (call->targets) t->kind = has_labels(call) ? XENT_KIND_LABEL : XENT_KIND_PROBABILITIES;
  t->sparse = call->targets && call->shape->target_count;
  if (t->row_weight == 0) {
    t->ignored = true;
    return XENT_OK;
  }
  if (t->kind == XENT_KIND_LABEL) {
    t->label = load_label(call, row_offset(call->shape, &call->shape->targets, row));
    t->ignored = is_ignored_class(call, t->label);
    if (!t->ignored && !is_class_of_row(call, span, t->label)) return wrong_class(call, row, t->label);
    if (t->ignored) t->label = -1;
  }
  for (int64_t j = 0; t->sparse && j < call->shape->target_count; j++) {
    const int64_t class = sparse_class_at(call, row, j);
    if (!is_ignored_class(call, class) && !is_class_of_row(call, span, class)) return wrong_class(call, row, class);
  }
  return XENT_OK;
}

/* Of a class of the whole row; 1 for one of another shard, whose weight is not here. */
static inline double weight_of_class(const xent_call *call, int64_t class) {
  const int64_t here = class - call->shape->first_class;
  return here < 0 || here >= call->shape->classes ? 1.0 : class_weight_at(call, here);
}

/* Entry j of a sparse row. False where it stands for no class of [begin, end). */
static inline bool sparse_entry(const xent_call *call, int64_t row, const row_targets *t, int64_t j, int64_t begin,
                                int64_t end, int64_t *class, double *target) {
  *class = sparse_class_at(call, row, j);
  if (is_ignored_class(call, *class) || *class < begin || *class >= end) return false;
  const double p = sparse_weight_at(call, row, j);
  *target = t->eps > 0 ? t->keep * p : p;
  if (t->weighted) *target *= weight_of_class(call, *class);
  return true;
}

/* The target of a class that entries of a sparse row name, or false where entry j is not the first that names it. */
static inline bool sparse_class(const xent_call *call, int64_t row, const row_targets *t, int64_t j, int64_t begin,
                                int64_t end, double share, int64_t *class, double *target) {
  double sum, part;
  int64_t other;
  if (!sparse_entry(call, row, t, j, begin, end, class, &sum)) return false;
  for (int64_t i = 0; i < j; i++)
    if (sparse_class_at(call, row, i) == *class) return false;
  for (int64_t i = j + 1; i < call->shape->target_count; i++)
    if (sparse_entry(call, row, t, i, *class, *class + 1, &other, &part)) sum += part;
  *target = share > 0 ? sum + (t->weighted ? share * weight_of_class(call, *class) : share) : sum;
  return true;
}

/* How many classes share what smoothing gives away, of a row in which so many are counted. */
static inline double even_classes(const row_targets *t, int64_t counted) {
  const bool others = t->others && t->kind == XENT_KIND_LABEL;
  return (double)(others ? counted - 1 : counted);
}
static inline double even_share(const row_targets *t, int64_t counted) {
  const double H = even_classes(t, counted);
  return t->eps > 0 && H > 0 ? t->eps / H : 0;
}

#endif
