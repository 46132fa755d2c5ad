/* SPDX-License-Identifier: Apache-2.0 */
/* Selected classes in float64 arithmetic. */
#ifndef XENT_F64_SELECTED_H
#define XENT_F64_SELECTED_H

#include "kernels/paths/f64/f64_emit.h"
#include "kernels/selected/selected_block.h"

/* A logit after the softcap, and the derivative of the softcap. */
XENT_SHARED double f64_selected_logit(const xent_call *call, double raw, double *slope) {
  double x;
  f64_cap_piece(&raw, 1, call->options->softcap, &x, slope);
  return x;
}

XENT_INLINE f64_reference f64_reference_of_row(const selected_block *b, const row_statistics *s) {
  return f64_reference_of(doubles_set((double)s->reference), b->wide_temperature);
}

/* D of each row; of special rows it is undefined. */
XENT_SHARED void f64_distances(const selected_block *b, double *D) {
  for (int i = 0; b->count > 1 && i < b->rows; i++) {
    const row_statistics *s = &b->known[i];
    const f64_reference k = f64_reference_of_row(b, s);
    D[i] = doubles_first(f64_distance(doubles_set(s->sum + s->mass), f64_exp(doubles_set(s->max), &k)));
  }
}

XENT_INLINE double f64_log_probability(const selected_block *b, const row_statistics *s, double x, double D) {
  return 0 - fused_double(s->max - (x - s->shift), b->wide_temperature.high, D);
}

/* The factors of the probabilities of a row. */
typedef struct {
  double factor;
  bool tiny;
} f64_selected_factors;

XENT_INLINE f64_selected_factors f64_factors_of(double S, double cc) {
  const double G = cc / S;
  const bool tiny = cc != 0 && fabs(G) < 0x1p-1022;
  return (f64_selected_factors){.factor = tiny ? XENT_F64_TINY_SCALE / S * cc : G, .tiny = tiny};
}

/* The gradient of a class that is not the label: own is its target times the scale. */
XENT_INLINE double f64_named_gradient(const selected_block *b, const row_statistics *s, const f64_selected_factors *k,
                                      double x, double own) {
  const f64_reference of = f64_reference_of_row(b, s);
  const double e = doubles_first(f64_exp(doubles_set(x - s->shift), &of));
  if (!k->tiny) return fused_double(e, k->factor, -own);
  if (fabs(own) >= XENT_F64_TINY_LIMIT) return -own;
  return fused_double(e, k->factor, -own * XENT_F64_TINY_SCALE) * XENT_F64_TINY_UNSCALE;
}

#endif
