/* SPDX-License-Identifier: Apache-2.0 */
/* What a row's targets are, class by class, and their sums over a chunk. */
#ifndef XENT_F64_TARGETS_H
#define XENT_F64_TARGETS_H

#include "kernels/f64/sum.h"

/* Entry j of a sparse row, its class as the arrays count; false where it is not one of [begin, end). */
XENT_INLINE bool f64_entry_at(const f64_row *r, int64_t j, int64_t begin, int64_t end, int64_t *class, double *target) {
  const bool here = sparse_entry(r->call, r->span.row, &r->t, j, r->first + begin, r->first + end, class, target);
  *class -= r->first;
  return here;
}

/* t times the weights of the n classes from `begin` on. */
XENT_SHARED void f64_weight(const f64_row *r, int64_t begin, int64_t n, double *t) {
  const xent_layout *l = &r->call->shape->class_weights;
  for (int64_t i = 0; r->t.weighted && i < n; i++) t[i] *= float_at(r->call->class_weights, l->type,
                                                                    (begin + i) * l->classes);
}

/* What smoothing gives the n classes from `begin` on: `share` times the class weight. */
XENT_SHARED void f64_even(const f64_row *r, int64_t begin, int64_t n, double share, double *t) {
  for (int64_t i = 0; i < n; i++) t[i] = share;
  f64_weight(r, begin, n, t);
  f64_mask(&r->logits, begin, n, t, 0);
  const int64_t y = r->label - begin;
  if (r->t.kind == XENT_KIND_LABEL && r->t.others && y >= 0 && y < n) t[y] = 0;
}

/* The targets of a probability row. */
XENT_SHARED void f64_dense(const f64_row *r, int64_t begin, int64_t n, double *t) {
  const double *q = f64_load(&r->q, begin, n, t);
  for (int64_t i = 0; i < n; i++) t[i] = r->share == 0 ? q[i] : fused_double(r->t.keep, q[i], r->share);
  f64_weight(r, begin, n, t);
  f64_mask(&r->logits, begin, n, t, 0);
}

/* The targets of a sparse row: in order what the entries give, then what smoothing does. */
XENT_SHARED void f64_sparse(const f64_row *r, int64_t begin, int64_t n, double *t) {
  XENT_ALIGNED double even[XENT_PIECE];
  int64_t class;
  double target;
  for (int64_t i = 0; i < n; i++) t[i] = 0;
  for (int64_t j = 0; j < r->call->shape->target_count; j++)
    if (f64_entry_at(r, j, begin, begin + n, &class, &target)) t[class - begin] += target;
  if (r->share == 0) return;
  f64_even(r, begin, n, r->share, even);
  for (int64_t i = 0; i < n; i++) t[i] += even[i];
}

/* The targets of n classes, of labels what smoothing gives them; NULL: all are 0. */
XENT_SHARED const double *f64_targets(const f64_row *r, int64_t begin, int64_t n, double share, double *t) {
  if (r->t.sparse)
    f64_sparse(r, begin, n, t);
  else if (r->t.kind == XENT_KIND_PROBABILITIES)
    f64_dense(r, begin, n, t);
  else if (share > 0)
    f64_even(r, begin, n, share, t);
  else
    return NULL;
  return t;
}

/* terms = t (m - x), +0 where t is 0 */
XENT_SHARED void f64_target_terms(const double *x, const double *t, double *terms, int64_t n, double m) {
  for (int64_t i = 0; i < n; i += XENT_DOUBLES) {
    const doubles ts = doubles_load_part(t + i, n - i, 0), d = doubles_sub(doubles_set(m), doubles_load_part(x + i,
        n - i, 0));
    doubles_store_part(terms + i, n - i, doubles_clear_where_zero(doubles_mul(ts, d), ts));
  }
}

/* The sums over the targets of the n prepared logits from class `begin` on: t (m - x) and t. */
XENT_SHARED void f64_chunk_targets(const f64_row *r, const double *x, int64_t begin, int64_t n, double m,
                                   const f64_buffers *b,
                                   row_state *s) {
  const bool dense = r->t.kind == XENT_KIND_PROBABILITIES && !r->t.sparse;
  pair dot = {0, 0}, mass = {0, 0};
  for (int64_t i = 0; (dense || r->t.eps > 0) && i < n; i += XENT_PIECE) {
    const int64_t length = f64_part(i, n, XENT_PIECE);
    if (dense)
      f64_dense(r, begin + i, length, b->other);
    else
      f64_even(r, begin + i, length, r->t.sparse ? r->share : 1, b->other);
    f64_target_terms(x + i, b->other, b->terms, length, m);
    dot = pair_add(dot, f64_sum(b->terms, NULL, NULL, length));
    mass = pair_add(mass, f64_sum(b->other, NULL, NULL, length));
  }
  if (r->t.sparse) { /* the dense part is two numbers by now */
    int64_t class;
    double target;
    dot = (pair){pair_value(dot), 0};
    mass = (pair){pair_value(mass), 0};
    for (int64_t j = 0; j < r->call->shape->target_count; j++) {
      if (!f64_entry_at(r, j, begin, begin + n, &class, &target) || target == 0) continue;
      dot = pair_add_one(dot, target * (m - x[class - begin]));
      mass = pair_add_one(mass, target);
    }
  }
  s->dot = f64_quiet(pair_value(dot));
  s->mass = f64_quiet(pair_value(mass));
}

#endif
