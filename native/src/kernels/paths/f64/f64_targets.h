/* SPDX-License-Identifier: Apache-2.0 */
/* The targets of rows, class by class, and their sums over a chunk. */
#ifndef XENT_F64_TARGETS_H
#define XENT_F64_TARGETS_H

#include "kernels/paths/f64/f64_tile.h"

/* Reads the kind and the parameters of the row's targets. */
XENT_SHARED xent_status f64_read_targets(f64_row *r) {
  const xent_call *call = r->call;
  xent_status status = targets_of_row(call, r->logits.span, &r->t);
  r->label = r->t.label == XENT_NO_CLASS ? XENT_NO_CLASS : r->t.label - r->logits.first;
  if (r->t.kind != XENT_KIND_PROBABILITIES) return status;
  if (!status) status = check_sparse_row(call, r->logits.span, &r->t);
  if (!r->t.sparse) r->q = strided_row(call, call->targets, &call->shape->targets, r->logits.span);
  if (r->t.eps > 0)
    r->share = smoothing_share(&r->t, call->class_mask ? count_classes(&r->logits, 0, r->logits.classes)
                                                       : r->logits.all);
  return status;
}
XENT_INLINE xent_status f64_move_to(f64_row *r, int64_t row) {
  f64_move_logits(r, row);
  return r->t.kind == XENT_KIND_SOFTMAX && !r->call->row_weights ? XENT_OK : f64_read_targets(r);
}

/* Entry j of a sparse row, with its class relative to the arrays; false if the class is not in [begin, end). */
XENT_INLINE bool f64_entry_at(const f64_row *r, int64_t j, int64_t begin, int64_t end, int64_t *class, double *target) {
  const bool here = sparse_entry(r->call, r->logits.row, &r->t, j, r->logits.first + begin,
                                 r->logits.first + end, class, target);
  *class -= r->logits.first;
  return here;
}

/* The n targets from class `begin` on, without the entries of sparse rows; in t, or in place. For labels: the classes
 * that smoothing counts, and their weights; for other targets the value of each class. */
XENT_SHARED const double *f64_class_targets(const f64_row *r, int64_t begin, int64_t n, double *t) {
  const bool labels = r->t.kind == XENT_KIND_LABEL;
  const strided w = strided_at(r->call->class_weights, &r->call->shape->class_weights, 0);
  const bool own = labels && w.at, mixed = !labels && r->share != 0, weighted = !labels && w.at;
  const double *q = r->q.at ? f64_load(&r->q, begin, n, t) : own ? t : NULL;
  if (own) f64_copy(&w, begin, n, t); /* a copy, in which the label is cleared */
  if (q && !own && !mixed && !weighted && !r->logits.mask) return q;
  const doubles keep = doubles_set(r->t.confidence), share = doubles_set(r->share);
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
  XENT_FOR_ENTRIES(j, r->entries, r->call, begin, begin + n)
    if (f64_entry_at(r, j, begin, begin + n, &class, &target)) t[class - begin] += target;
  if (r->share == 0) return t;
  f64_class_targets(r, begin, n, even);
  for (int64_t i = 0; i < n; i++) t[i] += even[i];
  return t;
}

/* Whether smoothing counts all classes equally, except perhaps the label. */
XENT_INLINE bool f64_smooths_all_alike(const f64_row *r) {
  return r->t.kind == XENT_KIND_LABEL && !r->t.weighted && !r->logits.mask;
}
XENT_INLINE bool f64_has_target_sums(const f64_row *r) {
  return r->t.kind == XENT_KIND_PROBABILITIES || (r->t.kind == XENT_KIND_LABEL && r->t.eps > 0);
}

/* The n targets from class `begin` on of a tile, without the entries of sparse rows, in the order of its logits: in the
 * buffer, interleaved if the rows are, or in place. */
XENT_INLINE double *f64_target_room(const f64_block *k, int j) { return k->b->t + (k->turned ? j * k->room : 0); }
XENT_SHARED const double *f64_targets_at(const f64_block *k, int j, int64_t begin, int64_t n) {
  const f64_row *rows = k->rows + j;
  double *t = f64_target_room(k, j);
  const double *from[XENT_DOUBLES];
  if (!k->turned) return f64_class_targets(rows, begin, n, t);
  for (int i = 0; i < XENT_DOUBLES; i++)
    from[i] = i < f64_rows_of_tile(k, j) ? f64_class_targets(rows + i, begin, n, k->b->out + i * k->room) : k->b->out;
  f64_turn(from, t, n);
  return t;
}

/* f64_targets_at with the entries of sparse rows, for the second pass. */
XENT_INLINE const double *f64_all_targets_at(const f64_block *k, int j, int64_t begin, int64_t n) {
  if (!k->turned) return f64_targets(k->rows + j, begin, n, k->b->t);
  return k->call->known_statistics ? f64_targets_at(k, j, begin, n) : f64_target_room(k, j);
}

/* The logits of the labels of a tile among the n from class `begin` on. */
XENT_INLINE void f64_label_logits(const f64_block *k, int j, const double *x, int64_t begin, int64_t n, double *own) {
  const f64_row *rows = k->rows + j;
  const int count = rows->t.kind == XENT_KIND_LABEL ? f64_rows_of_tile(k, j) : 0, width = f64_width(k);
  for (int i = 0; i < count; i++)
    if (rows[i].label >= begin && rows[i].label < begin + n) own[i] = x[(rows[i].label - begin) * width + i];
}

/* Stores values at the labels of interleaved rows. */
XENT_INLINE void f64_put_labels(const f64_block *k, int j, doubles values, const double *x, int64_t begin, int64_t n) {
  const f64_row *rows = k->rows + j;
  const int count = rows->t.kind == XENT_KIND_LABEL ? f64_rows_of_tile(k, j) : 0;
  double own[XENT_DOUBLES], *to = (double *)(uintptr_t)x;
  if (count) doubles_store(own, values);
  for (int i = 0; i < count; i++)
    if (rows[i].label >= begin && rows[i].label < begin + n) to[(rows[i].label - begin) * XENT_DOUBLES + i] = own[i];
}

/* The sums over the targets of the n prepared logits x of a tile from class `begin` on: of t (m - x) and of t. `own`
 * are the logits of the labels. */
XENT_SHARED void f64_target_sums(const f64_block *k, int j, const double *x, int64_t begin, int64_t n, doubles own,
                                 doubles m, pair *dots, pair *masses) {
  const f64_row *r = k->rows + j;
  const bool even = f64_smooths_all_alike(r), less = even && r->t.others; /* if set, the label has no term */
  pair dot = pair_of(doubles_set(0)), mass = dot;
  if (k->turned) f64_put_labels(k, j, less ? m : own, x, begin, n);
  for (int64_t i = 0; i < n && !(r->t.sparse && r->share == 0); i += XENT_PIECE) {
    const int64_t length = f64_part(i, n, XENT_PIECE), label = r->label - begin - i;
    const double *t = even ? NULL : f64_targets_at(k, j, begin + i, length), *from = x + i;
    const bool without = less && (k->turned || (label >= 0 && label < length));
    if (without && !k->turned) {
      from = memcpy(k->b->t, from, (size_t)length * sizeof *x);
      k->b->t[label] = doubles_first(m);
    }
    const int64_t terms = length * f64_width(k);
    dot = pair_add(dot, f64_sum_gaps(t, from, m, terms, k->turned));
    const pair count = pair_of(doubles_set((double)(length - without)));
    mass = pair_add(mass, even ? count : f64_sum_values(t, terms, k->turned));
  }
  if (r->t.sparse) { /* the dense part is already two numbers */
    int64_t class;
    double target;
    dot = pair_of(pair_value(dot));
    mass = pair_of(pair_value(mass));
    XENT_FOR_ENTRIES(e, r->entries, r->call, begin, begin + n) {
      if (!f64_entry_at(r, e, begin, begin + n, &class, &target) || target == 0) continue;
      dot = pair_add(dot, pair_of(doubles_mul(doubles_set(target), doubles_sub(m, doubles_set(x[class - begin])))));
      mass = pair_add(mass, pair_of(doubles_set(target)));
    }
  }
  *dots = pair_of(doubles_quiet(pair_value(dot)));
  *masses = pair_of(doubles_quiet(pair_value(mass)));
}

#endif
