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

/* The n targets from class `begin` on, less the entries of sparse rows; in t, or where they lie. Of labels: which
 * classes smoothing counts, and their weights; of others what a class gets. */
XENT_SHARED const double *f64_class_targets(const f64_row *r, int64_t begin, int64_t n, double *t) {
  const bool labels = r->t.kind == XENT_KIND_LABEL;
  const xent_layout *l = &r->call->shape->class_weights;
  const f64_array w = {.array = (void *)(uintptr_t)r->call->class_weights, .type = l->type, .stride = l->classes};
  const bool own = labels && w.array, mixed = !labels && r->share != 0, weighted = !labels && w.array;
  const double *q = r->q.array ? f64_load(&r->q, begin, n, t) : own ? t : NULL;
  if (own) f64_copy(&w, begin, n, t); /* which the label is cleared in */
  if (q && !own && !mixed && !weighted && !r->logits.mask) return q;
  const doubles keep = doubles_set(r->t.keep), share = doubles_set(r->share);
  double weights[64];
  for (int64_t i = 0; (!own || r->logits.mask) && i < n; i += XENT_DOUBLES) {
    doubles v = q ? doubles_load_part(q + i, n - i, 0) : labels ? doubles_set(1) : share;
    if (q && mixed) v = doubles_fma(keep, v, share);
    if (weighted && i % 64 == 0) f64_copy(&w, begin + i, f64_part(i, n, 64), weights);
    if (weighted) v = doubles_mul(v, doubles_load(weights + i % 64));
    if (r->logits.mask) v = f64_unless_masked(&r->logits, begin + i, n - i, v, 0);
    doubles_store_part(t + i, n - i, v);
  }
  const int64_t label = r->label - begin;
  if (labels && r->t.others && label >= 0 && label < n) t[label] = 0;
  return t;
}

/* The n targets from class `begin` on of a row with targets per class. */
XENT_SHARED const double *f64_targets(const f64_row *r, int64_t begin, int64_t n, double *t) {
  int64_t class;
  double target;
  if (!r->t.sparse) return f64_class_targets(r, begin, n, t);
  XENT_ALIGNED double even[XENT_PIECE];
  for (int64_t i = 0; i < n; i++) t[i] = 0;
  for (int64_t j = 0; j < r->call->shape->target_count; j++)
    if (f64_entry_at(r, j, begin, begin + n, &class, &target)) t[class - begin] += target;
  if (r->share == 0) return t;
  f64_class_targets(r, begin, n, even);
  for (int64_t i = 0; i < n; i++) t[i] += even[i];
  return t;
}

/* Whether smoothing counts all classes alike, but perhaps for the label. */
XENT_INLINE bool f64_smooths_evenly(const f64_row *r) {
  return r->t.kind == XENT_KIND_LABEL && !r->t.weighted && !r->logits.mask;
}
XENT_INLINE bool f64_has_target_sums(const f64_row *r) {
  return r->t.kind == XENT_KIND_PROBABILITIES || (r->t.kind == XENT_KIND_LABEL && r->t.eps > 0);
}

/* The sums over the targets of the n prepared logits from class `begin` on: t (m - x) and t. */
XENT_SHARED void f64_target_sums(const f64_row *r, const double *x, int64_t begin, int64_t n, doubles m, double *room,
                                 doubles *dots, doubles *masses) {
  pair dot = pair_of(doubles_set(0)), mass = dot;
  const bool even = f64_smooths_evenly(r);
  for (int64_t i = 0; i < n && !(r->t.sparse && r->share == 0); i += XENT_PIECE) {
    const int64_t length = f64_part(i, n, XENT_PIECE), label = r->label - begin - i;
    const bool less = even && r->t.others && label >= 0 && label < length;
    const double *t = even ? NULL : f64_class_targets(r, begin + i, length, room), *from = x + i;
    if (less) { /* the label leaves no gap */
      from = memcpy(room, from, (size_t)length * sizeof *room);
      room[label] = doubles_first(m);
    }
    dot = pair_add(dot, f64_sum_gaps(t, from, m, length, false));
    mass = pair_add(mass, even ? pair_of(doubles_set((double)(length - less))) : f64_sum_values(t, length, false));
  }
  if (r->t.sparse) { /* the dense part is two numbers by now */
    int64_t class;
    double target;
    dot = pair_of(pair_value(dot));
    mass = pair_of(pair_value(mass));
    for (int64_t j = 0; j < r->call->shape->target_count; j++) {
      if (!f64_entry_at(r, j, begin, begin + n, &class, &target) || target == 0) continue;
      dot = pair_add(dot, pair_of(doubles_mul(doubles_set(target), doubles_sub(m, doubles_set(x[class - begin])))));
      mass = pair_add(mass, pair_of(doubles_set(target)));
    }
  }
  *dots = doubles_quiet(pair_value(dot));
  *masses = doubles_quiet(pair_value(mass));
}

#endif
