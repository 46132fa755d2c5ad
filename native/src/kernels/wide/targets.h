/* SPDX-License-Identifier: Apache-2.0 */
/* A row of cross-entropy in float64 arithmetic: its logits, what its targets are, and their values class by class. */
#ifndef XENT_WIDE_TARGETS_H
#define XENT_WIDE_TARGETS_H

#include "kernels/wide/chunk.h"

typedef struct {
  const xent_call *call;
  int64_t row;
  f64_logits logits;
  uint32_t kind;
  bool sparse, others;
  int64_t label;  /* as the arrays count, so outside of [0, classes) where another shard has it */
  f64_array q;   /* of a dense row */
  double eps, share; /* share: of dense and sparse rows */
} f64_row;

/* The class that the arrays begin with, and the classes of the whole row. */
XENT_INLINE int64_t first_class_of(const xent_call *call) { return call->shape->all_classes ? call->shape->first_class : 0; }
XENT_INLINE int64_t all_classes_of(const xent_call *call, int64_t row) {
  return call->shape->all_classes ? call->shape->all_classes : span_of_row(call, row).classes;
}

XENT_INLINE uint32_t f64_kind_of(const xent_call *call) {
  if (!call->targets) return XENT_KIND_SOFTMAX;
  return has_labels(call) ? XENT_KIND_LABEL : XENT_KIND_PROBABILITIES;
}

XENT_SHARED f64_row f64_row_of(const xent_call *call, int64_t row, int64_t label) {
  const xent_shape *shape = call->shape;
  f64_row r = {.call = call,
                .row = row,
                .logits = f64_logits_of(call, call->logits, &shape->logits, row),
                .kind = f64_kind_of(call),
                .sparse = call->targets && shape->target_count > 0,
                .others = call->options->smoothing == XENT_SMOOTHING_OTHERS,
                .label = label,
                .eps = call->targets ? call->options->label_smoothing : 0};
  if (r.kind != XENT_KIND_PROBABILITIES) return r;
  if (!r.sparse) r.q = f64_array_of(call, call->targets, &shape->targets, row);
  if (r.eps > 0) {
    const int64_t counted = call->class_mask ? f64_count(&r.logits, 0, r.logits.classes) : all_classes_of(call, row);
    r.share = counted ? r.eps / (double)counted : 0;
  }
  return r;
}

/* What became of reading a row's targets. */
typedef struct {
  int64_t label; /* as the arrays count; XENT_NO_CLASS where there is none */
  bool ignored;
  double weight; /* of the row */
} f64_reading;

static inline xent_status f64_refuse_class(const xent_call *call, int64_t row, int64_t class) {
  call->report->field = XENT_FIELD_TARGETS;
  call->report->row = row;
  call->report->label = class;
  return XENT_INVALID_LABEL;
}
/* Whether a class, counted from the first of the whole row, may be a target. */
static inline bool f64_is_lawful(const xent_call *call, int64_t row, int64_t class) {
  const int64_t here = class - first_class_of(call), classes = span_of_row(call, row).classes;
  if (class < 0 || class >= all_classes_of(call, row)) return false;
  return here < 0 || here >= classes || takes_part(call, row, here);
}

/* Row weight and label, each read once; the classes of a sparse row are looked at. */
XENT_SHARED xent_status f64_read_targets(const xent_call *call, int64_t row, f64_reading *reading) {
  *reading = (f64_reading){XENT_NO_CLASS, false, row_weight_at(call, row)};
  if (reading->weight == 0) {
    reading->ignored = true;
  } else if (has_labels(call)) {
    const int64_t class = load_label(call, row_offset(call->shape, &call->shape->targets, row));
    reading->label = class - first_class_of(call);
    reading->ignored = is_ignored_class(call, class);
    if (!reading->ignored && !f64_is_lawful(call, row, class)) return f64_refuse_class(call, row, class);
  } else if (call->targets) {
    for (int64_t j = 0; j < call->shape->target_count; j++) {
      const int64_t class = sparse_class_at(call, row, j);
      if (!is_ignored_class(call, class) && !f64_is_lawful(call, row, class)) return f64_refuse_class(call, row, class);
    }
  }
  return XENT_OK;
}

/* Entry j of a sparse row, its class as the arrays count. Memory may change under a call: a class is used only where
 * it was just seen to lie inside. */
typedef struct {
  int64_t class;
  double target;
  bool here; /* within [begin, end) */
} f64_entry;

XENT_INLINE f64_entry f64_entry_at(const f64_row *r, int64_t j, int64_t begin, int64_t end) {
  const int64_t class = sparse_class_at(r->call, r->row, j), at = class - first_class_of(r->call);
  f64_entry e = {.class = at, .here = !is_ignored_class(r->call, class) && at >= begin && at < end};
  if (!e.here) return e;
  e.target = sparse_weight_at(r->call, r->row, j);
  if (r->eps > 0) e.target = (1 - r->eps) * e.target;
  if (r->call->class_weights) e.target *= class_weight_at(r->call, at);
  return e;
}

/* What smoothing gives the n classes from `begin` on: `share` times the class weight. */
XENT_SHARED void f64_even(const f64_row *r, int64_t begin, int64_t n, double share, double *t) {
  for (int64_t i = 0; i < n; i++) t[i] = share;
  if (r->call->class_weights)
    for (int64_t i = 0; i < n; i++) t[i] = share * class_weight_at(r->call, begin + i);
  f64_mask(&r->logits, begin, n, t, 0);
  const int64_t y = r->label - begin;
  if (r->kind == XENT_KIND_LABEL && r->others && y >= 0 && y < n) t[y] = 0;
}

/* The targets of a dense row. */
XENT_SHARED void f64_dense(const f64_row *r, int64_t begin, int64_t n, double *t) {
  const double *q = f64_load(&r->q, begin, n, t);
  for (int64_t i = 0; i < n; i++) t[i] = r->share == 0 ? q[i] : fma(1 - r->eps, q[i], r->share);
  if (r->call->class_weights)
    for (int64_t i = 0; i < n; i++) t[i] *= class_weight_at(r->call, begin + i);
  f64_mask(&r->logits, begin, n, t, 0);
}

/* The targets of a sparse row. */
XENT_SHARED void f64_sparse(const f64_row *r, int64_t begin, int64_t n, double *t) {
  XENT_ALIGNED double even[XENT_PIECE];
  for (int64_t i = 0; i < n; i++) t[i] = 0;
  for (int64_t j = 0; j < r->call->shape->target_count; j++) {
    const f64_entry e = f64_entry_at(r, j, begin, begin + n);
    if (e.here) t[e.class - begin] += e.target;
  }
  if (r->share == 0) return;
  f64_even(r, begin, n, r->share, even);
  for (int64_t i = 0; i < n; i++) t[i] += even[i];
}

/* The sums over the targets of a chunk: t (m - x) and t. */
XENT_SHARED void f64_chunk_targets(const f64_row *r, int64_t begin, int64_t n, double shift, double m,
                                    f64_buffers *buffers, xent_state *s) {
  const bool dense = r->kind == XENT_KIND_PROBABILITIES && !r->sparse;
  pair dot = {0, 0}, mass = {0, 0};
  if (dense || r->eps > 0) {
    pair_lanes dots = pair_lanes_zero(), masses = pair_lanes_zero();
    for (int64_t i = 0; i < n; i += XENT_PIECE) {
      const int64_t length = piece_length(i, n);
      const double *x = f64_prepared(&r->logits, begin + i, length, shift, buffers->x, NULL);
      if (dense)
        f64_dense(r, begin + i, length, buffers->other);
      else
        f64_even(r, begin + i, length, r->sparse ? r->share : 1, buffers->other);
      f64_sum_targets(x, buffers->other, length, m, &dots, &masses);
    }
    dot = pair_lanes_tree(&dots);
    mass = pair_lanes_tree(&masses);
    if (r->sparse) { /* the dense part is two numbers by now */
      dot = (pair){pair_value(dot), 0};
      mass = (pair){pair_value(mass), 0};
    }
  }
  for (int64_t j = 0; r->sparse && j < r->call->shape->target_count; j++) {
    const f64_entry e = f64_entry_at(r, j, begin, begin + n);
    if (!e.here || e.target == 0) continue;
    dot = pair_add_one(dot, e.target * (m - f64_prepared_one(&r->logits, e.class, shift)));
    mass = pair_add_one(mass, e.target);
  }
  s->dot = quiet_double(pair_value(dot));
  s->mass = quiet_double(pair_value(mass));
}

#endif
