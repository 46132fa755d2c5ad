/* SPDX-License-Identifier: Apache-2.0 */
/* From the states of a row's chunks to its statistics and results (docs/numerics.md, "Row", "Results of a row"). */
#ifndef XENT_FINISH_H
#define XENT_FINISH_H

#include "kernels/row/chunk.h"
#include "kernels/row/rows.h"

/* Chunks folded so far, in class order. */
typedef struct {
  float max, reference;
  double sum, dot, mass;
  float label_logit;
  float max_before; /* of the chunks before the label's */
  bool label_first; /* the label is the first of its chunk's largest */
} row_fold;

XENT_INLINE void fold_begin(row_fold *f) {
  f->max = f->max_before = -INFINITY;
  f->reference = XENT_LOWEST_REFERENCE;
  f->sum = f->dot = f->mass = 0;
  f->label_logit = 0;
  f->label_first = false;
}

XENT_INLINE void fold_state(row_fold *f, const xent_state *c) {
  const float N = c->reference > f->reference ? c->reference : f->reference;
  f->sum = f->sum * power_of_two((double)f->reference - (double)N) +
           c->sum * XENT_UNSCALE * power_of_two((double)c->reference - (double)N);
  f->reference = N;
  if (c->kind & XENT_STATE_LABEL_HERE) {
    f->label_logit = c->label_logit;
    f->label_first = c->kind & XENT_STATE_LABEL_FIRST_MAX;
    f->max_before = f->max;
  }
  f->max = c->max > f->max ? c->max : f->max;
  f->dot += c->dot;
  f->mass += c->mass;
}

/* S of a row */
XENT_INLINE double total_of(const xent_statistics *s) {
  return (s->kind & XENT_KIND_MASK) == XENT_KIND_LABEL ? s->sum + s->mass : s->sum;
}

/* What the fold means: the statistics of the row, or in the first round a shift (true: again). */
XENT_INLINE bool finish_fold(const row_fold *f, uint32_t kind, float shift, bool second_round,
                             const xent_options *options, xent_statistics *s) {
  double label_e = 0, total = f->sum;
  if (kind == XENT_KIND_LABEL) {
    label_e = (double)exp_one(f->label_logit, exp_reference_of(f->reference)) * XENT_UNSCALE;
    total += label_e;
  }
  *s = (xent_statistics){.kind = kind};
  const bool beyond = fabsf(f->max) > XENT_LIMIT && f->max != INFINITY && f->max != -INFINITY;
  if (beyond && !second_round) {
    s->kind |= XENT_ROW_UNFINISHED;
    s->shift = f->max;
    return true;
  }
  if (f->max == INFINITY || total != total) {
    s->kind |= XENT_ROW_NAN;
  } else if (f->max == -INFINITY) {
    s->kind |= options->fully_masked == XENT_FULLY_MASKED_ZERO ? XENT_ROW_MASKED : XENT_ROW_NAN;
  } else {
    s->shift = shift;
    s->max = f->max;
    s->reference = f->reference;
    s->sum = f->sum;
    s->mass = kind == XENT_KIND_LABEL ? label_e : f->mass;
  }
  if (kind == XENT_KIND_PROBABILITIES && !(s->kind & XENT_ROW_SPECIAL) && !isfinite(f->mass))
    *s = (xent_statistics){.kind = kind | XENT_ROW_NAN};
  return false;
}

/* D = log-sum-exp - max, never negative */
XENT_INLINE double distance_of(const xent_statistics *s) {
  const double S = total_of(s);
  const double E = (double)exp_one(s->max, exp_reference_of(s->reference)) * XENT_UNSCALE;
  if (S <= 2 * E) return S <= E ? 0 : log1p_small((S - E) / E);
  return fma((double)s->reference, XENT_LN2, log_normal(S)) - (double)s->max;
}

XENT_INLINE float log_sum_exp_of(const xent_statistics *s, double distance) {
  if (s->kind & XENT_ROW_MASKED) return -INFINITY;
  if (s->kind & XENT_ROW_SPECIAL) return XENT_NAN;
  return (float)((double)s->shift + ((double)s->max + distance));
}

XENT_INLINE float quiet_loss(double loss) { return loss != loss ? XENT_NAN : (float)loss; }

XENT_INLINE float loss_of(const row_fold *f, const xent_statistics *s, double distance,
                          const xent_options *options, int64_t classes) {
  if (s->kind & XENT_ROW_NAN) return XENT_NAN;
  if (s->kind & XENT_ROW_SPECIAL) return 0.0f;
  const double max = (double)s->max;
  if ((s->kind & XENT_KIND_MASK) == XENT_KIND_PROBABILITIES)
    return quiet_loss(fma(s->mass, max, -f->dot) + s->mass * distance);
  const double q = s->sum / s->mass, eps = options->label_smoothing;
  const double loss = q <= 1 ? log1p_small(q) : distance + (max - (double)f->label_logit);
  if (eps == 0) return quiet_loss(loss);
  const double K = (double)classes;
  const double even = (K * max - f->dot) / K + distance;
  return quiet_loss(eps == 1 ? even : fma(1 - eps, loss, eps * even));
}

XENT_INLINE uint8_t hit_of(const row_fold *f, const xent_statistics *s) {
  return !(s->kind & XENT_ROW_SPECIAL) && f->label_first && f->label_logit == s->max && f->max_before < s->max;
}

#endif
