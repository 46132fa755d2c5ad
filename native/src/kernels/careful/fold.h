/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a row's chunks folded in class order, and what the row is then (docs/spec/numerics.md, "Row"). */
#ifndef XENT_CAREFUL_FOLD_H
#define XENT_CAREFUL_FOLD_H

#include "kernels/results/sixteen.h"

typedef struct {
  float max, reference;
  double sum, dot, mass; /* dot: moved to the maximum so far */
  float logit;           /* the label's */
  float max_before;      /* of the chunks before the label's */
  bool label_first;      /* the label is the first of its chunk's largest */
  int64_t chunks, counted, counted_before; /* counted: classes that are not masked */
  int64_t largest;       /* the first chunk that has the largest logit, -1: all are -inf */
} row_fold;

XENT_INLINE row_fold fold_begin(void) {
  return (row_fold){.max = -INFINITY, .reference = XENT_LOWEST_REFERENCE, .max_before = -INFINITY, .largest = -1};
}

XENT_INLINE void raise_max(row_fold *f, float max) {
  if (!(max > f->max)) return;
  if (f->max > -INFINITY && max < INFINITY) f->dot += f->mass * ((double)max - (double)f->max);
  f->max = max;
}

XENT_INLINE void fold_sum(row_fold *f, float reference, double sum) {
  const float N = reference > f->reference ? reference : f->reference;
  f->sum = f->sum * power_of_two((double)f->reference - (double)N) +
           sum * XENT_UNSCALE * power_of_two((double)reference - (double)N);
  f->reference = N;
}

/* mass: of the state's targets; of labels without weights their number. */
XENT_INLINE void fold_state(row_fold *f, const row_state *c, double mass) {
  const float max = (float)c->max;
  if (c->label != XENT_LABEL_ELSEWHERE) {
    f->logit = (float)c->label_logit;
    f->label_first = c->kind & XENT_STATE_LABEL_FIRST_MAX;
    f->max_before = f->max;
    f->counted_before = f->counted;
  }
  if (max > f->max) f->largest = f->chunks;
  fold_sum(f, c->reference, c->sum);
  raise_max(f, max);
  f->dot += c->dot;
  if (max > -INFINITY && max < INFINITY && f->max != max) f->dot += mass * ((double)f->max - (double)max);
  f->mass += mass;
  f->counted += c->counted;
  f->chunks++;
}

/* One more logit that is no class, NaN and infinite too. */
XENT_INLINE void fold_sink(row_fold *f, float sink, const f32_temperature *h) {
  const float N = reference_for(sink == sink ? sink : -INFINITY, h);
  fold_sum(f, N, sink != sink ? XENT_F64_NAN : (double)exp_one(sink, N, h));
  raise_max(f, sink + 0.0f);
}

/* Whether the label is the first of the largest classes. */
XENT_INLINE bool label_is_hit(const row_fold *f, float max) {
  return f->label_first && f->logit == max && (f->max_before < f->logit || f->counted_before == 0);
}

/* Beyond this its logits are taken less the maximum, in a second round. */
XENT_INLINE bool is_beyond(float max, const f32_temperature *h) {
  return max > -INFINITY && max < INFINITY && !(fabsf(max * h->hi) <= XENT_LIMIT);
}

/* What there is to say of a row that is NaN or fully masked; 0 of another. */
XENT_INLINE uint32_t special_kind(const job *j, const row_fold *f) {
  double total = f->sum;
  if (j->labels) total += (double)exp_one(f->logit, f->reference, &j->temperature) * XENT_UNSCALE;
  if (f->max == INFINITY || total != total) return XENT_ROW_NAN;
  if (f->max == -INFINITY)
    return j->call->options->fully_masked == XENT_FULLY_MASKED_ZERO ? XENT_ROW_MASKED : XENT_ROW_NAN;
  return j->soft && !isfinite(f->mass) ? XENT_ROW_NAN : 0;
}

#endif
