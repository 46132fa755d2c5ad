/* SPDX-License-Identifier: Apache-2.0 */
/* From the folded chunks of a row to its statistics, and from those to its loss. */
#ifndef XENT_GENERAL_FINISH_H
#define XENT_GENERAL_FINISH_H

#include "kernels/general/loss.h"
#include "kernels/general/results.h"
#include "kernels/general/states.h"
#include "numerics/tally.h"

/* A row after its first pass, in the round that counts. */
typedef struct {
  general_fold fold;      /* without the sink */
  xent_statistics s;
  bool has_sink;
  float sink;             /* less the shift */
  bool hit;
  int64_t largest;        /* the chunk of the largest logit, -1: all are -inf */
  float largest_logit;    /* before the shift */
  double distance;        /* D; 0 in special rows */
} general_result;

XENT_INLINE bool sink_of_row(const xent_call *call, int64_t row, float *sink) {
  const xent_layout *l = &call->shape->sink;
  if (call->sink) *sink = (float)float_at(call->sink, l->type, row_offset(call->shape, l, row));
  return call->sink != NULL;
}

/* What a round's fold means; true: a second round is asked for, with the shift in the statistics. */
XENT_INLINE bool finish_round(const xent_call *call, int64_t row, uint32_t kind, bool second_round, float shift,
                              general_result *g) {
  row_fold with_sink = g->fold.fold;
  g->has_sink = sink_of_row(call, row, &g->sink);
  if (g->has_sink) {
    if (second_round) g->sink -= shift;
    fold_sink(&with_sink, g->sink);
  }
  if (!second_round) {
    g->hit = kind == XENT_KIND_LABEL && label_is_hit(&g->fold);
    g->largest = g->fold.largest;
    g->largest_logit = g->fold.fold.max;
  }
  return finish_fold(&with_sink, kind, shift, second_round, call->options, &g->s);
}

XENT_INLINE void fold_general_row(general_row *r, float shift, double share, bool keep, bool want_first,
                                  general_buffers b, general_fold *fold) {
  *fold = general_fold_begin();
  for (int64_t i = 0; i < r->classes; i += XENT_CHUNK) {
    xent_state s;
    general_state(r, i, chunk_length(i, r->classes), shift, share, keep, want_first, b, &s);
    general_fold_state(fold, &s);
  }
}

/* Both rounds of a whole row. */
XENT_SHARED void whole_general_row(general_row *r, bool keep, bool want_first, general_buffers b, general_result *g) {
  const double share = r->t.kind == XENT_KIND_PROBABILITIES ? even_share(&r->t, count_classes(r, 0, r->classes)) : 0;
  fold_general_row(r, 0.0f, share, keep, want_first, b, &g->fold);
  if (finish_round(r->call, r->row, r->t.kind, false, 0.0f, g)) {
    const float shift = g->s.shift;
    fold_general_row(r, shift, share, keep, false, b, &g->fold);
    finish_round(r->call, r->row, r->t.kind, true, shift, g);
  }
  g->distance = g->s.kind & XENT_ROW_SPECIAL ? 0 : distance_of(&g->s);
}

XENT_INLINE double log_sum_exp_in_double(const general_result *g) {
  return (double)g->s.shift + ((double)g->s.max + g->distance);
}

/* The loss of a label without weights. */
XENT_INLINE double loss_at_label(const general_result *g, const xent_options *o) {
  const double q = g->s.sum / g->s.mass;
  const double L = q <= 1 ? log1p_small(q) : g->distance + ((double)g->s.max - (double)g->fold.fold.label_logit);
  const double d = o->probability_clamp > 0 && o->probability_clamp < DBL_MIN ? DBL_MIN : o->probability_clamp;
  return d > 0 ? clamped_loss(L, 0 - log_normal(1 - d), 0 - log_normal(d)) : L;
}

/* An ordinary row of cross-entropy: its loss, its label's log-probability, and in the statistics what a gradient needs. */
XENT_INLINE void settle_row(const xent_call *call, const row_targets *t, general_result *g, row_outputs *out) {
  const xent_options *o = call->options;
  const row_fold *f = &g->fold.fold;
  xent_statistics *s = &g->s;
  const double M = (double)s->max, D = g->distance, lse = log_sum_exp_in_double(g), X = f->dot;
  double loss, pull;
  s->share = even_share(t, g->fold.counted);
  if (t->kind == XENT_KIND_LABEL) {
    const double H = even_classes(t, g->fold.counted), W = t->weighted ? f->mass : H;
    const double L = loss_at_label(g, o), own = t->keep * weight_of_class(call, t->label);
    const double even = s->share == 0 ? 0 : t->weighted ? ((W * M - X) + W * D) / H : (H * M - X) / H + D;
    loss = label_loss(t, own, s->share, L, even);
    const bool ones = !t->weighted && !(t->eps > 0 && s->share == 0 && t->others);
    pull = ones ? 1 : own + (s->share > 0 ? s->share * W : 0);
    out->log_probability = 0 - L;
  } else {
    loss = fma(s->mass, M, -X) + s->mass * D;
    pull = s->mass;
  }
  loss = with_z_loss(o, loss, lse);
  s->pull = with_z_pull(o, pull, lse);
  s->kind |= XENT_ROW_GENERAL;
  out->loss = (double)quiet_loss(call->row_weights ? t->row_weight * loss : loss);
}

/* What a row gives that has no loss to speak of. */
XENT_INLINE row_outputs special_results(const xent_statistics *s) {
  const bool masked = s->kind & XENT_ROW_MASKED, ignored = s->kind & XENT_ROW_IGNORED;
  const double nan = (double)XENT_NAN;
  return (row_outputs){.loss = masked || ignored ? 0 : nan,
                       .log_sum_exp = masked ? -INFINITY : nan,
                       .log_probability = masked ? -INFINITY : nan,
                       .entropy = masked ? 0 : nan,
                       .argmax = -1,
                       .rank = -1};
}

XENT_INLINE xent_statistics ignored_row_statistics(const row_targets *t) {
  return (xent_statistics){.kind = t->kind | XENT_ROW_IGNORED};
}

/* Loss, log-sum-exp, log-probability and hit. */
XENT_INLINE row_outputs results_of_row(const xent_call *call, const row_targets *t, general_result *g) {
  if (g->s.kind & XENT_ROW_SPECIAL) return special_results(&g->s);
  row_outputs out = {.hit = g->hit, .log_sum_exp = (double)log_sum_exp_of(&g->s, g->distance)};
  if (t->kind != XENT_KIND_SOFTMAX) settle_row(call, t, g, &out);
  out.log_probability = (double)(float)out.log_probability;
  return out;
}

XENT_INLINE void write_general_row(const xent_call *call, int64_t row, const row_outputs *out, const xent_statistics *s) {
  write_row_outputs(call, row, out);
  if (call->tally) tally_add_one(call->tally, (float)out->loss);
  if (call->statistics) call->statistics[row] = *s;
}

#endif
