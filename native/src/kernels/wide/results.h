/* SPDX-License-Identifier: Apache-2.0 */
/* What the statistics and sums of a row give, one number per row. */
#ifndef XENT_WIDE_RESULTS_H
#define XENT_WIDE_RESULTS_H

#include "kernels/wide/order.h"
#include "numerics/tally.h"

/* How a label's row weighs its terms. */
typedef struct {
  double class_weight, own; /* of the label: w_y, and (1 - eps) w_y */
  double among, share;      /* how many classes eps is divided among, and what each gets */
} f64_label;

XENT_INLINE double f64_log_sum_exp(const xent_statistics *s, double distance) {
  if (s->kind & XENT_ROW_MASKED) return -INFINITY;
  if (s->kind & XENT_ROW_SPECIAL) return XENT_WIDE_NAN;
  return s->wide_shift + (s->wide_max + distance);
}

XENT_INLINE f64_label f64_label_of(const xent_call *call, int64_t label, int64_t counted) {
  const xent_options *o = call->options;
  const double w = class_weight_at(call, label), eps = o->label_smoothing;
  const double among = (double)(counted - (o->smoothing == XENT_SMOOTHING_OTHERS));
  return (f64_label){w, (1 - eps) * w, among, eps > 0 && among > 0 ? eps / among : 0};
}

/* pull: what the probabilities are multiplied with in the gradient; share: what smoothing gives each class. */
XENT_SHARED void f64_weigh(const xent_call *call, const f64_fold *f, const f64_label *y, double share, double distance,
                            xent_statistics *s) {
  if (s->kind & XENT_ROW_SPECIAL || (s->kind & XENT_KIND_MASK) == XENT_KIND_SOFTMAX) return;
  double pull = pair_value(f->mass);
  if ((s->kind & XENT_KIND_MASK) == XENT_KIND_LABEL) {
    const bool dropped = call->options->label_smoothing > 0 && y->share == 0;
    share = y->share;
    pull = call->class_weights ? y->own + (share > 0 ? share * pull : 0) : dropped ? y->own : 1;
  }
  const double zeta = call->options->z_loss;
  s->pull = zeta > 0 ? pull + 2 * zeta * f64_log_sum_exp(s, distance) : pull;
  s->share = share;
  s->kind |= XENT_ROW_GENERAL;
}

/* - log p of the label */
XENT_INLINE double f64_label_loss(const xent_call *call, const f64_fold *f, const xent_statistics *s, double distance) {
  const double q = s->sum / s->mass;
  const double loss = q <= 1 ? f64_log1p(q) : distance + (s->wide_max - f->label_logit);
  const double d = call->options->probability_clamp;
  if (d == 0) return loss;
  const double least = -f64_log1m(d < DBL_MIN ? DBL_MIN : d), most = -f64_log(d < DBL_MIN ? DBL_MIN : d);
  const double raised = loss > least ? loss : least;
  return raised < most ? raised : most;
}

XENT_SHARED double f64_loss(const xent_call *call, const f64_fold *f, const xent_statistics *s, const f64_label *y,
                             double label_loss, double distance, double row_weight) {
  if (s->kind & XENT_ROW_NAN) return XENT_WIDE_NAN;
  if (s->kind & XENT_ROW_SPECIAL) return 0;
  const double eps = call->options->label_smoothing, zeta = call->options->z_loss;
  const double dot = pair_value(f->dot), mass = pair_value(f->mass);
  double loss;
  if ((s->kind & XENT_KIND_MASK) == XENT_KIND_PROBABILITIES) {
    loss = fma(mass, distance, dot);
  } else if (y->share == 0) {
    loss = y->own == 0 ? 0 : y->own * label_loss;
  } else {
    const double even = call->class_weights ? fma(mass, distance, dot) / y->among : dot / y->among + distance;
    loss = y->own == 0 ? eps * even : fma(y->own, label_loss, eps * even);
  }
  if (zeta > 0) {
    const double lse = f64_log_sum_exp(s, distance);
    loss = loss + zeta * (lse * lse);
  }
  return call->row_weights ? row_weight * loss : loss;
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

XENT_INLINE void f64_store_row(const xent_call *call, void *array, const xent_layout *l, int64_t row, double value) {
  if (array) f64_store_one(array, l->type, row_offset(call->shape, l, row), value);
}

/* What every call with targets can give. */
XENT_SHARED void f64_write_row(const xent_call *call, int64_t row, double loss, double log_sum_exp, bool hit,
                                const xent_statistics *s) {
  const xent_shape *shape = call->shape;
  f64_store_row(call, call->losses, &shape->losses, row, loss);
  f64_store_row(call, call->log_sum_exp, &shape->log_sum_exp, row, log_sum_exp);
  if (call->hits) call->hits[row_offset(shape, &shape->hits, row)] = hit;
  if (call->tally) tally_add_double(call->tally, loss);
  if (call->statistics) call->statistics[row] = *s;
}

XENT_INLINE xent_statistics f64_ignored(const xent_call *call) {
  return (xent_statistics){.kind = f64_kind_of(call) | XENT_STATE_WIDE | XENT_ROW_IGNORED};
}

/* The results that need the row once more. */
XENT_SHARED void f64_write_more(const f64_row *r, const xent_statistics *s, f64_order order, double distance,
                                 double label_loss, f64_buffers *buffers) {
  const xent_call *call = r->call;
  const xent_shape *shape = call->shape;
  const bool special = s->kind & XENT_ROW_SPECIAL;
  const double no_probability = s->kind & XENT_ROW_MASKED ? -INFINITY : XENT_WIDE_NAN;
  f64_store_row(call, call->log_probabilities, &shape->log_probabilities, r->row, special ? no_probability : 0 - label_loss);
  if (call->entropies)
    f64_store_row(call, call->entropies, &shape->entropies, r->row, f64_entropy(r, s, distance, buffers));
  if (call->argmax)
    f64_store_class(call->argmax, shape->argmax.type, row_offset(shape, &shape->argmax, r->row),
                     special ? XENT_NO_CLASS : f64_first_of(&r->logits, order.max, buffers));
  if (call->ranks)
    f64_store_class(call->ranks, shape->ranks.type, row_offset(shape, &shape->ranks, r->row),
                     special ? XENT_NO_CLASS : f64_rank_of(&r->logits, r->label, buffers));
  if (call->top_classes || call->top_log_probabilities) f64_write_top(call, r->row, &r->logits, s, distance, buffers);
}

#endif
