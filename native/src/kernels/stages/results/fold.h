/* SPDX-License-Identifier: Apache-2.0 */
/* Folds the states of a row's chunks in class order, and finds the kind of the row (conformance/numerics.md, "Row").
 * contract_fold (native/test/contract/contract.c) is the plain form of the fold. */
#ifndef XENT_FOLD_H
#define XENT_FOLD_H

#include "kernels/stages/results/sixteen.h"
#include "kernels/stages/targets/states.h"

typedef struct {
  float max, reference;
  double sum, dot, mass; /* dot: relative to the current maximum */
  double others;         /* the sum without its first largest term, if the chunk of that term has it */
  label_fold label;
  int64_t chunks, largest; /* largest: the first chunk that has the largest logit, -1: all are -inf */
} row_fold;

XENT_INLINE row_fold fold_begin(void) {
  return (row_fold){.max = -INFINITY, .reference = XENT_LOWEST_REFERENCE, .label = label_fold_begin(), .largest = -1};
}

XENT_INLINE void raise_max(row_fold *f, float max) {
  if (!(max > f->max)) return;
  if (f->max > -INFINITY && max < INFINITY) f->dot += f->mass * ((double)max - (double)f->max);
  f->max = max;
}

/* Adds a sum of exponentials with its maximum; `others` is the sum without its first largest term. */
XENT_INLINE void fold_sum(row_fold *f, float max, float reference, double sum, double others) {
  const float N = reference > f->reference ? reference : f->reference;
  const double old = power_of_two((double)f->reference - (double)N);
  const double scale = power_of_two((double)reference - (double)N);
  const bool raised = max > f->max;
  f->others = (raised ? f->sum : f->others) * old + (raised ? others : sum) * XENT_UNSCALE * scale;
  f->sum = f->sum * old + sum * XENT_UNSCALE * scale;
  f->reference = N;
}

/* Adds a chunk. mass: the sum of its targets; for labels without weights, the number of classes. dot: without targets,
 * the sum without the first largest class. */
XENT_INLINE void fold_chunk(row_fold *f, float max, float reference, double sum, double dot, double mass) {
  fold_sum(f, max, reference, sum, dot);
  raise_max(f, max);
  f->dot += dot;
  if (max > -INFINITY && max < INFINITY && f->max != max) f->dot += mass * ((double)f->max - (double)max);
  f->mass += mass;
}
XENT_INLINE void fold_state(row_fold *f, const row_state *c, double mass) {
  const float max = (float)c->max;
  fold_label(&f->label, c, (double)f->max);
  if (max > f->max) f->largest = f->chunks;
  fold_chunk(f, max, c->reference, c->sum, c->dot, mass);
  f->chunks++;
}

/* Adds a logit that does not belong to a class; it may be NaN or infinite. */
XENT_INLINE void fold_sink(row_fold *f, float sink, const f32_temperature *h) {
  const float N = reference_for(sink == sink ? sink : -INFINITY, h);
  const bool beyond = sink * h->hi > XENT_LIMIT; /* there is a second round, or the row has +inf */
  const double reached = sink == INFINITY ? INFINITY : 0;
  const double e = sink != sink ? XENT_F64_NAN : beyond ? reached : (double)exp_one(sink, N, h);
  fold_sum(f, sink, N, e, 0);
  raise_max(f, sink + 0.0f);
}

/* Above this, a second round subtracts the maximum from the logits. */
XENT_INLINE bool is_beyond(float max, const f32_temperature *h) {
  return max > -INFINITY && max < INFINITY && !(fabsf(max * h->hi) <= XENT_LIMIT);
}

/* The kind of a row that is NaN or fully masked; otherwise 0. */
XENT_INLINE uint32_t special_kind(const job *j, const row_fold *f) {
  double total = f->sum;
  if (j->labels) total += (double)exp_one((float)f->label.logit, f->reference, &j->temperature) * XENT_UNSCALE;
  if (f->max == INFINITY || total != total) return XENT_ROW_NAN;
  if (f->max == -INFINITY)
    return j->call->options->fully_masked == XENT_FULLY_MASKED_ZERO ? XENT_ROW_MASKED : XENT_ROW_NAN;
  return j->soft && !isfinite(f->mass) ? XENT_ROW_NAN : 0;
}

#endif
