/* SPDX-License-Identifier: Apache-2.0 */
/* The targets, weights and options of a row, in double for both arithmetics. */
#ifndef XENT_TARGETS_H
#define XENT_TARGETS_H

#include <string.h>

#include "kernels/stages/targets/entries.h"

typedef struct {
  uint32_t kind;         /* XENT_KIND_SOFTMAX: no targets; _LABEL; _PROBABILITIES: dense or sparse */
  bool sparse, ignored;
  bool weighted;         /* classes have weights */
  bool others;           /* smoothing is for the classes other than the label */
  int64_t label;         /* of the whole row, not of a shard; XENT_NO_CLASS without a label */
  double row_weight;
  double eps, confidence;      /* confidence = 1 - eps */
} row_targets;

static inline bool has_labels(const xent_call *call) {
  return call->targets && !call->shape->target_count && XENT_TYPE_BIT(call->shape->targets.type) & XENT_LABEL_TYPES;
}
/* Whether targets, except for the entries of sparse rows, differ between classes. */
static inline bool targets_vary(const xent_call *call) {
  if (call->targets && call->class_weights && call->options->label_smoothing > 0) return true;
  return call->targets && !call->shape->target_count && !has_labels(call);
}
/* min(max(L, least), most): -log of a probability that is limited to [d, 1 - d]. */
static inline double clamped_loss(double L, double least, double most) {
  const double raised = L > least ? L : least;
  return raised < most ? raised : most;
}

/* Whether every term of a loss is clamped, which cannot be computed from the sums over targets. */
static inline bool clamps_terms(const xent_call *call) {
  return call->options->probability_clamp > 0 && call->targets && !has_labels(call);
}
/* Whether a label can be the ignore index. */
static inline bool ignores_a_class(const xent_call *call) {
  const xent_options *o = call->options;
  return o->has_ignore_index && !is_beyond_labels(call->shape->targets.type, o->ignore_index);
}
static inline bool is_ignored_class(const xent_call *call, int64_t class) {
  return ignores_a_class(call) && class == call->options->ignore_index;
}

/* The number of classes of the whole row; the arrays of a shard hold some of them. */
static inline int64_t all_classes_of_row(const xent_call *call, row_span span) {
  return call->shape->all_classes ? call->shape->all_classes : span.classes;
}

/* Whether a class is within the whole row, and not masked as far as this shard has its mask. */
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

/* The targets' parameters that all rows of a call share. */
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

/* Reads the row's label and weight. Memory may change during a call that has checked it, so a label is checked before
 * it is used. (Results are stored at the end: a store followed by a load of another width stalls.) */
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

/* The weight of a class of the whole row; 1 for a class of another shard, whose weight is not available. */
static inline double weight_of_class(const xent_call *call, int64_t class) {
  const int64_t here = class - call->shape->first_class;
  return here < 0 || here >= call->shape->classes ? 1.0 : class_weight_at(call, here);
}

static inline int64_t sparse_class_at(const xent_call *call, int64_t row, int64_t j) {
  const xent_layout *l = &call->shape->targets;
  return one_label_at(call->targets, l->type, row_offset(call->shape, l, row) + j * l->classes);
}

/* Checks every class of a sparse row, for rows with logits. */
static inline xent_status check_sparse_row(const xent_call *call, row_span span, const row_targets *t) {
  for (int64_t j = 0; t->sparse && !t->ignored && j < call->shape->target_count; j++) {
    const int64_t class = sparse_class_at(call, span.row, j);
    const bool fits = is_ignored_class(call, class) || is_class_of_row(call, span, class);
    if (!fits) return wrong_class(call, span.row, class);
  }
  return XENT_OK;
}

/* Entry j of a sparse row. False if its class is not in [begin, end), which are classes of the whole row. */
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

/* The entries of a sparse row in lists of neighboring classes, each in the order of the entries. A part of a row reads
 * only the lists that it may need; without lists, it reads all entries. */
enum { XENT_LISTED_ENTRIES = 2048, XENT_ENTRY_LISTS = 256, XENT_CHUNK_SHIFT = 13 };
_Static_assert(1 << XENT_CHUNK_SHIFT == XENT_CHUNK, "a list per chunk");
typedef struct {
  int shift; /* class c of the arrays is in list c >> shift */
  uint16_t first[XENT_ENTRY_LISTS], next[XENT_LISTED_ENTRIES]; /* the index of an entry + 1, or 0 */
} entry_lists;

/* NULL: the row has too many entries, or one list of 2^shift classes. */
XENT_CALLED const entry_lists *list_entries(const xent_call *call, int64_t row, int64_t classes, int shift,
                                            entry_lists *e) {
  const int64_t count = call->shape->target_count;
  if (count > XENT_LISTED_ENTRIES || classes <= INT64_C(1) << shift) return NULL;
  while ((classes - 1) >> shift >= XENT_ENTRY_LISTS) shift++;
  e->shift = shift;
  memset(e->first, 0, sizeof e->first);
  for (int64_t j = count - 1; j >= 0; j--) {
    const int64_t class = sparse_class_at(call, row, j) - call->shape->first_class;
    if (class < 0 || class >= classes) continue;
    e->next[j] = e->first[class >> shift];
    e->first[class >> shift] = (uint16_t)(j + 1);
  }
  return e;
}
/* For each entry j of the lists of classes [begin, end). */
static inline int64_t list_of_class(const entry_lists *e, int64_t class) { return e ? class >> e->shift : 0; }
static inline int64_t first_entry(const entry_lists *e, int64_t list) { return e ? e->first[list] - 1 : 0; }
static inline int64_t entry_after(const entry_lists *e, int64_t count, int64_t j) {
  return e ? e->next[j] - 1 : j + 1 < count ? j + 1 : -1;
}
#define XENT_FOR_ENTRIES(j, e, call, begin, end)                                                          \
  for (int64_t list_ = list_of_class(e, begin); list_ <= list_of_class(e, (end) - 1); list_++)            \
    for (int64_t j = first_entry(e, list_); j >= 0; j = entry_after(e, (call)->shape->target_count, j))

/* The number of classes that share the smoothing mass, in a row with `counted` classes that are not masked. */
static inline double smoothed_classes(const row_targets *t, int64_t counted) {
  const bool others = t->others && t->kind == XENT_KIND_LABEL;
  return (double)(others ? counted - 1 : counted);
}
static inline double smoothing_share(const row_targets *t, int64_t counted) {
  const double H = smoothed_classes(t, counted);
  return t->eps > 0 && H > 0 ? t->eps / H : 0;
}

#endif
