/* SPDX-License-Identifier: Apache-2.0 */
/* The first pass: chunks of prepared logits and of targets to states, and the states of a row folded. */
#ifndef XENT_GENERAL_STATES_H
#define XENT_GENERAL_STATES_H

#include "kernels/general/prepare.h"
#include "kernels/row/forward.h"

/* Sums over a chunk of t and of t x in sixteen lanes each, t being the target of a class. */
typedef struct {
  dlanes dot, mass;
} target_sums;

/* t = w q', or w * add where there is no q; +0 where a class is not counted. */
XENT_SHARED void add_targets(target_sums *sums, const float *x, const float *q, const float *w, const float *counted,
                             int64_t n, smoothing s) {
  dlanes dot = sums->dot, mass = sums->mass;
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    dlanes t = q ? smoothed(lanes_load_part(q + i, n - i, 0.0f), s) : dlanes_set(s.add);
    if (w) t = dlanes_mul(dlanes_widen(lanes_load_part(w + i, n - i, 0.0f)), t);
    if (counted) t = dlanes_clear_where_zero(t, dlanes_widen(lanes_load_part(counted + i, n - i, 0.0f)));
    if (n - i < XENT_LANES) t = dlanes_keep_first(t, n - i);
    const dlanes wide = dlanes_widen(lanes_load_part(x + i, n - i, 0.0f));
    dot = dlanes_fma(t, dlanes_clear_where_zero(wide, t), dot);
    mass = dlanes_add(mass, t);
  }
  sums->dot = dot;
  sums->mass = mass;
}

/* What smoothing makes of targets: of a probability row q' = keep q + add, of no q add alone. */
XENT_INLINE smoothing smoothing_with(const row_targets *t, double share) {
  return (smoothing){.keep = share == 0 ? 1 : t->keep, .add = share};
}

XENT_INLINE strand target_strand(const general_row *r) {
  return strand_of_row(r->call, r->call->targets, &r->call->shape->targets, r->span);
}
XENT_INLINE strand weight_strand(const general_row *r) {
  const xent_layout *l = &r->call->shape->class_weights;
  return (strand){.at = r->call->class_weights, .stride = l->classes, .type = l->type};
}

/* 1 where a class is counted and is not `without`, else 0. */
XENT_INLINE void counted_classes(const general_row *r, int64_t begin, int64_t n, int64_t without, float *counted) {
  for (int64_t i = 0; i < n; i++) counted[i] = 1;
  mask_values(r, begin, n, counted, 0.0f);
  if (without >= begin && without < begin + n) counted[without - begin] = 0;
}

/* The dense part of a chunk's sums, class by class: of labels t = w, of others w q' or w * share. */
XENT_SHARED void dense_targets(const general_row *r, const float *x, int64_t begin, int64_t n, double share,
                               general_buffers b, double *dot, double *mass) {
  const row_targets *t = &r->t;
  const bool labels = t->kind == XENT_KIND_LABEL, q = !labels && !t->sparse;
  const strand targets = q ? target_strand(r) : (strand){0}, weights = weight_strand(r);
  const int64_t without = labels && t->others ? t->label - r->first : XENT_NO_CLASS;
  const smoothing s = labels ? (smoothing){.keep = 0, .add = 1} : smoothing_with(t, share);
  target_sums sums = {dlanes_zero(), dlanes_zero()};
  for (int64_t i = 0; i < n; i += XENT_STEP) {
    const int64_t m = n - i < XENT_STEP ? n - i : XENT_STEP;
    const bool odd = r->mask || (without >= begin + i && without < begin + i + m);
    if (odd) counted_classes(r, begin + i, m, without, b.counted);
    add_targets(&sums, x + i, q ? strand_floats(&targets, begin + i, m, b.targets) : NULL,
                t->weighted ? strand_floats(&weights, begin + i, m, b.weights) : NULL, odd ? b.counted : NULL, m, s);
  }
  *dot = dlanes_tree(sums.dot);
  *mass = labels && !t->weighted ? 0 : dlanes_tree(sums.mass);
}

/* The sums that a chunk's targets ask for. share: of probability and sparse rows. */
XENT_INLINE void chunk_targets(const general_row *r, const float *x, int64_t begin, int64_t n, double share,
                               general_buffers b, double *dot, double *mass) {
  const row_targets *t = &r->t;
  *dot = *mass = 0;
  if (t->kind == XENT_KIND_SOFTMAX || (t->kind == XENT_KIND_LABEL && t->eps == 0)) return;
  if (t->kind == XENT_KIND_LABEL && !t->weighted && !r->mask && !t->others) {
    if (!r->late) *dot = sum_in_double(x, n);
    return;
  }
  if (!t->sparse || share > 0) dense_targets(r, x, begin, n, share, b, dot, mass);
  for (int64_t j = 0; t->sparse && j < r->call->shape->target_count; j++) {
    int64_t class;
    double target;
    if (!sparse_entry(r->call, r->row, t, j, r->first + begin, r->first + begin + n, &class, &target)) continue;
    if (target != 0) *dot = fma(target, (double)x[class - r->first - begin], *dot);
    *mass += target;
  }
}

/* No class of a chunk that is counted comes before its class y. */
XENT_INLINE bool is_first_counted(const general_row *r, int64_t begin, int64_t y) {
  for (int64_t i = 0; i < y; i++)
    if (is_counted(r, begin + i)) return false;
  return true;
}

/* Whether a chunk of 16-bit numbers is summed as it lies there, without a copy in floats. */
XENT_INLINE bool is_summed_in_halves(const general_row *r, int64_t n, float shift, bool label_here) {
  const row_targets *t = &r->t;
  const bool no_targets = t->kind == XENT_KIND_SOFTMAX || (t->kind == XENT_KIND_LABEL && (t->eps == 0 || r->late));
  return has_plain_halves(r) && shift == 0 && n > XENT_EXACT_MAX && r->classes > XENT_CHUNK && no_targets && !label_here;
}

XENT_SHARED void general_state(general_row *r, int64_t begin, int64_t n, float shift, double share, bool keep,
                               bool want_first, general_buffers b, xent_state *s) {
  const int64_t y = r->t.label - r->first - begin;
  const bool here = r->t.label != XENT_NO_CLASS && y >= 0 && y < n;
  if (is_summed_in_halves(r, n, shift, here)) {
    const uint16_t *halves = (const uint16_t *)(const void *)r->x.at + begin;
    const chunk_sum c = r->x.type == XENT_BF16 ? sum_chunk_bf16(halves, n, XENT_NO_CLASS)
                                               : sum_chunk_f16(halves, n, XENT_NO_CLASS);
    *s = (xent_state){.max = c.max, .reference = c.reference, .sum = quiet_double(c.sum),
                      .kind = r->t.kind | xent_state_version, .counted = n};
    return;
  }
  const float *x = prepared(r, begin, n, shift, b.input);
  if (r->classes <= XENT_CHUNK) {
    r->ready = x;
    r->ready_shift = shift;
  }
  const int64_t without = here ? y : XENT_NO_CLASS;
  const chunk_sum c = keep                                            ? sum_chunk_kept(x, n, without, b.kept, b.kept_reference)
                      : r->classes > XENT_CHUNK && x != b.input ? sum_chunk_ahead(x, n, without)
                                                                      : sum_chunk_plain(x, n, without);
  double dot, mass;
  chunk_targets(r, x, begin, n, share, b, &dot, &mass);
  uint32_t kind = r->t.kind | xent_state_version | (shift != 0 ? XENT_STATE_SHIFTED : 0);
  if (here) kind |= XENT_STATE_LABEL_HERE;
  if (here && want_first && x[y] == c.max &&
      (c.max == -INFINITY ? is_first_counted(r, begin, y) : largest_of(x, y) < x[y]))
    kind |= XENT_STATE_LABEL_FIRST_MAX;
  *s = (xent_state){.max = c.max,
                    .reference = c.reference,
                    .sum = quiet_double(c.sum),
                    .dot = quiet_double(dot),
                    .mass = quiet_double(mass),
                    .label_logit = !here ? 0.0f : x[y] != x[y] ? XENT_NAN : x[y],
                    .kind = kind,
                    .counted = count_classes(r, begin, n)};
}

XENT_INLINE xent_state ignored_state(int64_t n) {
  return (xent_state){.kind = XENT_KIND_LABEL | xent_state_version, .counted = n};
}

/* Chunks folded so far, in class order. */
typedef struct {
  row_fold fold;
  int64_t chunks, counted;
  int64_t counted_before; /* of the chunks before the label's */
  int64_t largest;        /* the first chunk that has the largest logit, -1: all are -inf */
} general_fold;

XENT_INLINE general_fold general_fold_begin(void) {
  general_fold f = {.largest = -1};
  fold_begin(&f.fold);
  return f;
}

XENT_INLINE void general_fold_state(general_fold *f, const xent_state *s) {
  if (s->kind & XENT_STATE_LABEL_HERE) f->counted_before = f->counted;
  if (s->max > f->fold.max) f->largest = f->chunks;
  fold_state(&f->fold, s);
  f->counted += s->counted;
  f->chunks++;
}

/* Whether the label is the first of the largest classes. */
XENT_INLINE bool label_is_hit(const general_fold *f) {
  const row_fold *r = &f->fold;
  return r->label_first && r->label_logit == r->max && (r->max_before < r->label_logit || f->counted_before == 0);
}

/* One more logit that is no class, NaN and infinite too. */
XENT_INLINE void fold_sink(row_fold *f, float sink) {
  const float N = reference_for(sink);
  const xent_state s = {.max = sink + 0.0f,
                        .reference = N == N ? N : XENT_LOWEST_REFERENCE,
                        .sum = sink != sink ? (double)XENT_NAN : (double)exp_one(sink, exp_reference_of(N))};
  fold_state(f, &s);
}

#endif
