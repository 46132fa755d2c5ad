/* SPDX-License-Identifier: Apache-2.0 */
/* Selected classes in float32 arithmetic. */
#ifndef XENT_F32_SELECTED_H
#define XENT_F32_SELECTED_H

#include "kernels/stages/emit/emit.h"
#include "kernels/stages/results/write.h"
#include "kernels/selected/selected_block.h"

/* A logit after the softcap, and the derivative of the softcap. */
XENT_SHARED double f32_selected_logit(const xent_call *call, double raw, double *slope) {
  const double c = call->options->softcap;
  const row_source cap = {.cap = (float)c, .uncap = (float)(1 / c)};
  XENT_ALIGNED float x[XENT_LANES], slopes[XENT_LANES];
  lanes d;
  lanes_store(x, capped(&cap, lanes_set((float)raw), &d));
  lanes_store(slopes, d);
  *slope = (double)slopes[0];
  return (double)x[0];
}

/* D of each row; of special rows it is undefined. */
XENT_SHARED void f32_distances(const selected_block *b, double *D) {
  xent_call unlabelled = *b->call;
  unlabelled.targets = NULL;
  const job j = job_of(&unlabelled);
  for (int i = 0; b->count > 1 && i < b->rows; i += XENT_ROWS) {
    row_sums in = {.rows = {.count = XENT_ROWS}, .folded = true};
    double none[XENT_ROWS] = {0};
    row_numbers numbers;
    for (int k = 0; k < XENT_ROWS; k++) {
      const row_statistics *s = &b->known[i + k < b->rows ? i + k : i];
      const bool special = s->kind & XENT_ROW_SPECIAL;
      in.max[k] = special ? 0 : (float)s->max;
      in.reference[k] = special ? 0 : s->reference;
      in.sum[k] = special ? 1 : s->sum + s->mass;
    }
    row_numbers_of(&j, &in, none, none, false, &numbers);
    dlanes_store(D + i, row_distance(&numbers));
  }
}

XENT_INLINE float f32_less_shift(const row_statistics *s, double x) { return (float)x - (float)s->shift; }

XENT_INLINE double f32_log_probability(const selected_block *b, const row_statistics *s, double x, double D) {
  const double gap = s->max - (double)f32_less_shift(s, x);
  return (double)(float)(0 - (D + gap * b->temperature.reciprocal));
}

/* The factors of the probabilities of a row. */
typedef struct {
  float f;
  bool tiny;
} f32_selected_factors;

XENT_INLINE f32_selected_factors f32_factors_of(double S, double cc) {
  const double H = XENT_UNSCALE / S * cc;
  const bool tiny = H != 0 && fabs(H) < 0x1p-126 && fabs(cc) < 0x1p31;
  return (f32_selected_factors){.f = (float)(tiny ? H * XENT_TINY_SCALE : H), .tiny = tiny};
}

/* The gradient of a class that is not the label: own is its target times the scale. */
XENT_INLINE double f32_named_gradient(const selected_block *b, const row_statistics *s, const f32_selected_factors *k,
                                      double x, double own) {
  const float e = exp_one(f32_less_shift(s, x), s->reference, &b->temperature);
  const float y = fused(e, k->f, -(float)(k->tiny ? own * XENT_TINY_SCALE : own));
  return (double)(!k->tiny ? y : fabs(own) >= 0x1p30 ? -(float)own : y * XENT_TINY_UNSCALE);
}

#endif
