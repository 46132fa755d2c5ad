/* SPDX-License-Identifier: Apache-2.0 */
/* What the statistics and sums of a row give, one number per row. */
#ifndef XENT_WIDE_RESULTS_H
#define XENT_WIDE_RESULTS_H

#include "kernels/wide/order.h"
#include "numerics/tally.h"

/* What the sums over a row's targets become. */
typedef struct {
  double own, label_weight;       /* of the label: (1 - eps) w_y, and w_y */
  double among, share;            /* how many classes eps is divided among, and what each gets */
  double label_loss, distance;    /* - log p of the label, clamped; D */
} f64_terms;

XENT_INLINE double f64_log_sum_exp(const xent_statistics *s, double distance) {
  if (s->kind & XENT_ROW_MASKED) return -INFINITY;
  if (s->kind & XENT_ROW_SPECIAL) return XENT_WIDE_NAN;
  return s->wide_shift + (s->wide_max + distance);
}

/* - log p of the label */
XENT_INLINE double f64_label_loss(const xent_call *call, const f64_fold *f, const xent_statistics *s, double distance) {
  const double q = s->sum / s->mass;
  const double loss = q <= 1 ? f64_log1p(q) : distance + (s->wide_max - f->label_logit);
  const double clamp = call->options->probability_clamp, d = clamp < DBL_MIN ? DBL_MIN : clamp;
  return clamp == 0 ? loss : clamped_loss(loss, -f64_log1m(d), -f64_log(d));
}

XENT_SHARED f64_terms f64_terms_of(const xent_call *call, const row_targets *t, const f64_fold *f, const xent_statistics *s) {
  f64_terms terms = {.label_weight = 1};
  if (s->kind & XENT_ROW_SPECIAL) return terms;
  terms.distance = f64_distance(s);
  if (t->kind == XENT_KIND_SOFTMAX) return terms;
  terms.among = even_classes(t, f->counted);
  terms.share = even_share(t, f->counted);
  if (t->kind != XENT_KIND_LABEL) return terms;
  terms.label_weight = weight_of_class(call, t->label);
  terms.own = t->keep * terms.label_weight;
  terms.label_loss = f64_label_loss(call, f, s, terms.distance);
  return terms;
}

/* Into the statistics: what the probabilities are multiplied with in the gradient, and what smoothing gives each class. */
XENT_SHARED void f64_weigh(const xent_call *call, const row_targets *t, const f64_fold *f, const f64_terms *terms,
                           xent_statistics *s) {
  if (s->kind & XENT_ROW_SPECIAL || t->kind == XENT_KIND_SOFTMAX) return;
  const double mass = pair_value(f->mass), share = terms->share;
  double pull = mass;
  if (t->kind == XENT_KIND_LABEL)
    pull = t->weighted ? terms->own + (share > 0 ? share * mass : 0) : t->eps > 0 && share == 0 ? terms->own : 1;
  s->pull = with_z_pull(call->options, pull, f64_log_sum_exp(s, terms->distance));
  s->share = share;
  s->kind |= XENT_ROW_GENERAL;
}

XENT_SHARED double f64_loss(const xent_call *call, const row_targets *t, const f64_fold *f, const f64_terms *terms,
                            const xent_statistics *s) {
  if (s->kind & XENT_ROW_NAN) return XENT_WIDE_NAN;
  if (s->kind & XENT_ROW_SPECIAL || t->kind == XENT_KIND_SOFTMAX) return 0;
  const double dot = pair_value(f->dot), mass = pair_value(f->mass), D = terms->distance;
  double loss;
  if (t->kind == XENT_KIND_PROBABILITIES) {
    loss = fma(mass, D, dot);
  } else {
    const double even = t->weighted ? fma(mass, D, dot) / terms->among : dot / terms->among + D;
    loss = label_loss(t, terms->own, terms->share, terms->label_loss, even);
  }
  return t->row_weight * with_z_loss(call->options, loss, f64_log_sum_exp(s, D));
}

XENT_SHARED double f64_entropy(const f64_row *r, const xent_statistics *s, double distance, f64_buffers *buffers) {
  if (s->kind & XENT_ROW_MASKED) return 0;
  if (s->kind & XENT_ROW_SPECIAL) return XENT_WIDE_NAN;
  const int64_t classes = r->logits.classes;
  f64_products w = {.entropy = true, .max = s->wide_max, .k = f64_reference_of((double)s->reference)};
  pair sum = {0, 0};
  for (int64_t i = 0; i < classes; i += XENT_CHUNK) {
    pair_lanes lanes_sum = pair_lanes_zero();
    const int64_t end = i + chunk_length(i, classes);
    for (int64_t k = i; k < end; k += XENT_PIECE) {
      const int64_t n = piece_length(k, end);
      w.a = f64_prepared(&r->logits, k, n, s->wide_shift, buffers->x, NULL);
      f64_sum_products(&w, n, &lanes_sum);
    }
    sum = pair_add(sum, pair_lanes_tree(&lanes_sum));
  }
  const double S = f64_total(s), mean = pair_value(sum) * XENT_UNSCALE / S;
  if (!r->call->sink) return distance + mean;
  const double sink = f64_sink_of(r->call, r->row);
  const double E = f64_exp_one(s->wide_shift != 0 ? sink - s->wide_shift : sink, w.k) * XENT_UNSCALE;
  return fma(distance, (S - E) / S, mean);
}

XENT_INLINE xent_statistics f64_ignored(const row_targets *t) {
  return (xent_statistics){.kind = t->kind | XENT_STATE_WIDE | XENT_ROW_IGNORED};
}

XENT_INLINE void f64_keep_row(const xent_call *call, int64_t row, double loss, const xent_statistics *s) {
  if (call->tally) tally_add_double(call->tally, loss);
  if (call->statistics) call->statistics[row] = *s;
}

/* One number per row each. */
XENT_SHARED void f64_write_row(const f64_row *r, const xent_statistics *s, const f64_order *order, double loss,
                               const f64_terms *terms, f64_buffers *buffers) {
  const xent_call *call = r->call;
  const bool special = s->kind & XENT_ROW_SPECIAL;
  row_outputs o = {.loss = loss,
                   .log_sum_exp = f64_log_sum_exp(s, terms->distance),
                   .log_probability = s->kind & XENT_ROW_MASKED ? -INFINITY : special ? XENT_WIDE_NAN : 0 - terms->label_loss,
                   .argmax = XENT_NO_CLASS,
                   .rank = XENT_NO_CLASS,
                   .hit = order->hit && !special};
  if (call->entropies) o.entropy = f64_entropy(r, s, terms->distance, buffers);
  if (call->argmax && !special) o.argmax = f64_first_of(&r->logits, order->max, buffers);
  if (call->ranks && !special) o.rank = f64_rank_of(&r->logits, r->label, buffers);
  write_row_outputs(call, r->row, &o);
  if (call->top_classes || call->top_log_probabilities) f64_write_top(call, r->row, &r->logits, s, terms->distance, buffers);
  f64_keep_row(call, r->row, loss, s);
}

#endif
