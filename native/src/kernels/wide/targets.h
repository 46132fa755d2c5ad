/* SPDX-License-Identifier: Apache-2.0 */
/* A row of cross-entropy in float64 arithmetic: its logits, what its targets are, and their values class by class. */
#ifndef XENT_WIDE_TARGETS_H
#define XENT_WIDE_TARGETS_H

#include "kernels/general/loss.h"
#include "kernels/general/results.h"
#include "kernels/row/forward.h"
#include "kernels/wide/chunk.h"

typedef struct {
  const xent_call *call;
  row_span span;
  int64_t row; /* the span's */
  f64_logits logits;
  row_targets t;
  int64_t first, label; /* the class that the arrays begin with; the label as they count */
  f64_array q;          /* of a dense row */
  double share;         /* of a dense or sparse row: what smoothing gives each class */
} f64_row;

XENT_SHARED f64_row f64_row_of(const xent_call *call, row_span span, const row_targets *t) {
  const xent_shape *shape = call->shape;
  f64_row r = {.call = call, .span = span, .row = span.row,
               .logits = f64_logits_of(call, call->logits, &shape->logits, span), .t = *t,
               .first = shape->first_class, .label = t->label == XENT_NO_CLASS ? XENT_NO_CLASS : t->label - shape->first_class};
  if (t->kind != XENT_KIND_PROBABILITIES) return r;
  if (!t->sparse) r.q = f64_array_of(call, call->targets, &shape->targets, span);
  if (t->eps > 0) r.share = even_share(t, call->class_mask ? f64_count(&r.logits, 0, r.logits.classes) : all_classes_of_row(call, span));
  return r;
}

/* A row without targets. */
XENT_INLINE f64_row f64_row_of_logits(const xent_call *call, int64_t row) {
  const row_targets none = {.kind = XENT_KIND_SOFTMAX, .label = XENT_NO_CLASS};
  return f64_row_of(call, span_of_row(call, row), &none);
}

/* Entry j of a sparse row, its class as the arrays count. */
typedef struct {
  int64_t class;
  double target;
  bool here; /* within [begin, end) */
} f64_entry;

XENT_INLINE f64_entry f64_entry_at(const f64_row *r, int64_t j, int64_t begin, int64_t end) {
  f64_entry e = {0, 0, false};
  e.here = sparse_entry(r->call, r->row, &r->t, j, r->first + begin, r->first + end, &e.class, &e.target);
  e.class -= r->first;
  return e;
}

/* t times the weights of the n classes from `begin` on. */
XENT_SHARED void f64_weighted(const xent_call *call, int64_t begin, int64_t n, double *t) {
  XENT_ALIGNED double room[XENT_PIECE];
  const xent_layout *l = &call->shape->class_weights;
  const f64_array weights = {(void *)(uintptr_t)call->class_weights, l->type, 0, l->classes};
  const double *w = f64_load(&weights, begin, n, room);
  for (int64_t i = 0; i < n; i++) t[i] *= w[i];
}

/* What smoothing gives the n classes from `begin` on: `share` times the class weight. */
XENT_SHARED void f64_even(const f64_row *r, int64_t begin, int64_t n, double share, double *t) {
  for (int64_t i = 0; i < n; i++) t[i] = share;
  if (r->t.weighted) f64_weighted(r->call, begin, n, t);
  f64_mask(&r->logits, begin, n, t, 0);
  const int64_t y = r->label - begin;
  if (r->t.kind == XENT_KIND_LABEL && r->t.others && y >= 0 && y < n) t[y] = 0;
}

/* The targets of a dense row. */
XENT_SHARED void f64_dense(const f64_row *r, int64_t begin, int64_t n, double *t) {
  const double *q = f64_load(&r->q, begin, n, t);
  for (int64_t i = 0; i < n; i++) t[i] = r->share == 0 ? q[i] : fma(r->t.keep, q[i], r->share);
  if (r->t.weighted) f64_weighted(r->call, begin, n, t);
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
  const bool dense = r->t.kind == XENT_KIND_PROBABILITIES && !r->t.sparse;
  pair dot = {0, 0}, mass = {0, 0};
  if (dense || r->t.eps > 0) {
    pair_lanes dots = pair_lanes_zero(), masses = pair_lanes_zero();
    for (int64_t i = 0; i < n; i += XENT_PIECE) {
      const int64_t length = piece_length(i, n);
      const double *x = f64_prepared(&r->logits, begin + i, length, shift, buffers->x, NULL);
      if (dense)
        f64_dense(r, begin + i, length, buffers->other);
      else
        f64_even(r, begin + i, length, r->t.sparse ? r->share : 1, buffers->other);
      f64_sum_targets(x, buffers->other, length, m, &dots, &masses);
    }
    dot = pair_lanes_tree(&dots);
    mass = pair_lanes_tree(&masses);
    if (r->t.sparse) { /* the dense part is two numbers by now */
      dot = (pair){pair_value(dot), 0};
      mass = (pair){pair_value(mass), 0};
    }
  }
  for (int64_t j = 0; r->t.sparse && j < r->call->shape->target_count; j++) {
    const f64_entry e = f64_entry_at(r, j, begin, begin + n);
    if (!e.here || e.target == 0) continue;
    dot = pair_add_one(dot, e.target * (m - f64_prepared_one(&r->logits, e.class, shift)));
    mass = pair_add_one(mass, e.target);
  }
  s->dot = quiet_double(pair_value(dot));
  s->mass = quiet_double(pair_value(mass));
}

#endif
