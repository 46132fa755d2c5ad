/* SPDX-License-Identifier: Apache-2.0 */
/* What the sums of rows give, one number per row: of as many rows at once as a register holds. */
#ifndef XENT_F64_RESULTS_H
#define XENT_F64_RESULTS_H

#include "kernels/f64/order.h"
#include "kernels/math/f64_logarithm.h"
#include "numerics/tally.h"

/* D = log-sum-exp - max of S and E, the exponential of the maximum; never negative */
XENT_INLINE doubles f64_distance(doubles S, doubles E) {
  const doubles zero = doubles_set(0), near = doubles_add(E, E);
  const doubles ratio = doubles_div(doubles_where_at_most(S, near, doubles_sub(S, E), S), E);
  const doubles D = doubles_where_at_most(S, near, f64_log1p(ratio), f64_log(ratio));
  return doubles_where_at_most(S, E, zero, D);
}

/* - log p of the label */
XENT_INLINE doubles f64_label_loss(doubles others, doubles own, doubles far, double clamp) {
  const doubles q = doubles_div(others, own), L = doubles_where_at_most(q, doubles_set(1), f64_log1p(q), far);
  if (clamp == 0) return L;
  const double d = clamp < DBL_MIN ? DBL_MIN : clamp;
  const doubles least = doubles_set(-f64_log1m(d)), most = doubles_sub(doubles_set(-0.0), f64_log(doubles_set(d)));
  const doubles raised = doubles_max(L, least);
  return doubles_where_at_most(most, raised, most, raised);
}

/* Losses, and what the gradient multiplies the probabilities with. */
XENT_INLINE void f64_settle_losses(const f64_row *r, f64_sums *g, doubles D, doubles far, doubles lse) {
  const row_targets *t = &r->t;
  const doubles zero = doubles_set(0), one = doubles_set(1), eps = doubles_set(t->eps), mass = doubles_load(g->mass);
  const doubles dot = doubles_mul(doubles_load(g->dot), doubles_set(r->temperature.high)),
      counted = doubles_load(g->counted);
  const doubles among = t->others && t->kind == XENT_KIND_LABEL ? doubles_sub(counted, one) : counted;
  const doubles share = t->eps > 0 ? doubles_where_at_most(among, zero, zero, doubles_div(eps, among)) : zero;
  doubles loss = doubles_fma(mass, D, dot), pull = mass;
  if (t->kind == XENT_KIND_LABEL) {
    const doubles own = doubles_mul(doubles_set(t->keep), doubles_load(g->label_weight));
    const doubles L = f64_label_loss(doubles_load(g->sum), doubles_load(g->label_e), far,
                                     r->call->options->probability_clamp);
    const doubles plain = doubles_where_equal(own, zero, zero, doubles_mul(own, L));
    pull = t->weighted ? doubles_where_equal(share, zero, own, doubles_add(own, doubles_mul(share, mass))) : one;
    if (t->eps > 0) {
      const doubles even = t->weighted ? doubles_div(loss, among) : doubles_add(doubles_div(dot, among), D);
      const doubles part = doubles_mul(eps, even), both = doubles_fma(own, L, part);
      const doubles smooth = doubles_where_equal(own, zero, part, both);
      loss = doubles_where_equal(share, zero, plain, smooth);
      pull = doubles_where_equal(share, zero, own, pull);
    } else {
      loss = plain;
    }
    doubles_store(g->log_probability, doubles_sub(zero, L));
  }
  const double z = r->call->options->z_loss;
  if (z > 0) {
    loss = doubles_add(loss, doubles_mul(doubles_set(z), doubles_mul(lse, lse)));
    pull = doubles_add(pull, doubles_mul(doubles_set(2 * z), lse));
  }
  doubles_store(g->loss, doubles_quiet(doubles_mul(doubles_load(g->row_weight), loss)));
  doubles_store(g->pull, pull);
  doubles_store(g->share, share);
}

/* What became of row j. */
XENT_INLINE uint32_t f64_fate_of(const f64_row *r, const f64_sums *g, int j) {
  const double M = g->max[j];
  if (r->t.ignored) return XENT_ROW_IGNORED;
  if (M == -INFINITY && g->total[j] == g->total[j])
    return r->call->options->fully_masked == XENT_FULLY_MASKED_ZERO ? XENT_ROW_MASKED : XENT_ROW_NAN;
  const bool bad_mass = r->t.kind == XENT_KIND_PROBABILITIES && !isfinite(g->mass[j]);
  return M == INFINITY || g->total[j] != g->total[j] || bad_mass ? XENT_ROW_NAN : 0;
}

/* Special rows among `count`: what became of them, and their results. */
XENT_INLINE void f64_settle_fates(const f64_row *rows, int count, f64_sums *g) {
  const doubles M = doubles_magnitude(doubles_load(g->max)), S = doubles_load(g->total);
  uint32_t odd = doubles_bits_above(M, doubles_set(DBL_MAX)) | (doubles_bits_equal(S, S) ^ ((1u << XENT_DOUBLES) - 1));
  for (int j = 0; j < count; j++)
    odd |= (uint32_t)(rows[j].t.ignored || rows[j].t.kind == XENT_KIND_PROBABILITIES) << j;
  g->any_fate = odd;
  for (int j = 0; j < count; j++) {
    g->fate[j] = odd >> j & 1 ? f64_fate_of(&rows[j], g, j) : 0;
    if (!g->fate[j]) continue;
    const bool masked = g->fate[j] == XENT_ROW_MASKED;
    g->hit[j] = false;
    g->loss[j] = g->fate[j] == XENT_ROW_NAN ? XENT_F64_NAN : 0;
    g->entropy[j] = masked ? 0 : XENT_F64_NAN;
    g->log_sum_exp[j] = g->log_probability[j] = masked ? -INFINITY : XENT_F64_NAN;
  }
}

/* From the sums of `count` rows to their results. distances: probabilities need no more of D than whether it is 0. */
XENT_SHARED void f64_settle(const f64_row *rows, int count, bool distances, f64_sums *g) {
  const f64_temperature t = rows->temperature;
  const doubles M = doubles_load(g->max), own = doubles_load(g->label_logit), high = doubles_set(t.high),
      low = doubles_set(t.low);
  const f64_reference k = f64_reference_of(doubles_load(g->reference), t);
  const doubles E = f64_exp(M, &k), zero = doubles_set(0);
  doubles S = doubles_load(g->sum);
  if (rows->t.kind == XENT_KIND_LABEL) {
    const doubles label_e = f64_exp(own, &k);
    doubles_store(g->label_e, label_e);
    S = doubles_add(S, label_e);
  }
  const doubles D = distances ? f64_distance(S, E) : doubles_where_at_most(S, E, zero, doubles_set(1));
  doubles_store(g->total, S);
  doubles_store(g->distance, D);
  if (distances) {
    const doubles shift = doubles_load(g->shift), far = doubles_fma(doubles_sub(M, own), high, D);
    const doubles lse = doubles_fma(shift, high, doubles_fma(M, high, doubles_fma(shift, low, doubles_fma(M, low, D))));
    doubles_store(g->log_sum_exp, lse);
    if (rows->t.kind != XENT_KIND_SOFTMAX) f64_settle_losses(rows, g, D, far, lse);
  }
  f64_settle_fates(rows, count, g);
}

XENT_INLINE row_statistics f64_special(const f64_row *r, uint32_t what) {
  return (row_statistics){.kind = r->t.kind | XENT_STATE_WIDE | what, .digest = r->digest};
}
XENT_INLINE row_statistics f64_statistics_of(const f64_row *r, const f64_sums *g, int j) {
  const bool labels = r->t.kind == XENT_KIND_LABEL, settled = r->t.kind != XENT_KIND_SOFTMAX;
  if (g->fate[j]) return f64_special(r, g->fate[j]);
  return (row_statistics){.kind = r->t.kind | XENT_STATE_WIDE, .digest = r->digest, .reference = (float)g->reference[j],
                          .shift = g->shift[j], .max = g->max[j], .sum = g->sum[j], .pull = settled ? g->pull[j] : 0,
                          .mass = labels ? g->label_e[j] : settled ? g->mass[j] : 0,
                          .share = settled ? g->share[j] : 0};
}

/* S of a row */
XENT_INLINE double f64_total(const row_statistics *s) {
  return (s->kind & XENT_KIND_MASK) == XENT_KIND_LABEL ? s->sum + s->mass : s->sum;
}

XENT_SHARED double f64_entropy(const f64_row *r, const row_statistics *s, const double *kept, double distance,
                               const f64_buffers *b) {
  pair sum = {0, 0};
  for (int64_t i = 0; i < r->logits.classes; i += XENT_PIECE) {
    const int64_t n = f64_part(i, r->logits.classes, XENT_PIECE);
    const double *e = f64_row_exponentials(r, s, kept, i, n, b->other, NULL);
    const double *x = f64_prepared(&r->logits, i, n, s->shift, b->piece, NULL);
    f64_target_terms(x, e, b->terms, n, s->max);
    sum = pair_add(sum, f64_sum(b->terms, NULL, NULL, n));
  }
  const double S = f64_total(s), mean = pair_value(sum) * r->temperature.high / S;
  if (!r->call->sink) return distance + mean;
  const f64_reference k = f64_reference_of(doubles_set((double)s->reference), r->temperature);
  return fused_double(distance, (S - doubles_first(f64_exp(doubles_set(f64_sink_of(r, s->shift)), &k))) / S, mean);
}

/* The record may be smaller than the public struct that it lies in. */
XENT_INLINE void f64_keep(const xent_call *call, int64_t row, const row_statistics *s) {
  call->statistics[row] = (xent_statistics){0};
  memcpy(&call->statistics[row], s, sizeof *s);
}

/* What asks for more than the sums, of settled row j. */
XENT_SHARED void f64_write_further(const f64_row *r, f64_sums *g, int j, const f64_buffers *b) {
  const xent_call *call = r->call;
  const xent_shape *l = call->shape;
  const int64_t row = r->span.row;
  const bool ordinary = !g->fate[j];
  const row_statistics s = f64_statistics_of(r, g, j);
  if (call->statistics) f64_keep(call, row, &s);
  if (call->entropies && ordinary) g->entropy[j] = f64_entropy(r, &s, g->kept[j], g->distance[j], b);
  if (call->argmax) {
    const int64_t first = ordinary ? f64_argmax(&r->logits, b) : XENT_NO_CLASS;
    put_class(call->argmax, &l->argmax, row_offset(l, &l->argmax, row), first);
  }
  if (call->ranks) {
    const int64_t rank = ordinary ? f64_rank_of(&r->logits, r->label, b) : XENT_NO_CLASS;
    put_class(call->ranks, &l->ranks, row_offset(l, &l->ranks, row), rank);
  }
  if (call->top_classes || call->top_log_probabilities) f64_write_top(r, &s, g->distance[j], b);
}

/* What there is one of per row. */
XENT_SHARED void f64_write_rows(const f64_row *rows, int count, f64_sums *g, const f64_buffers *b) {
  const xent_call *call = rows->call;
  const xent_shape *s = call->shape;
  if (call->statistics || call->entropies || call->argmax || call->ranks || call->top_classes ||
      call->top_log_probabilities)
    for (int j = 0; j < count; j++) f64_write_further(&rows[j], g, j, b);
  const struct { void *array; const xent_layout *layout; const double *values; } numbers[] = {
      {call->losses, &s->losses, g->loss}, {call->log_sum_exp, &s->log_sum_exp, g->log_sum_exp},
      {call->log_probabilities, &s->log_probabilities, g->log_probability},
      {call->entropies, &s->entropies, g->entropy}};
  for (int i = 0; i < 4; i++)
    for (int j = 0; numbers[i].array && j < count; j++)
      put_row_number(call, numbers[i].array, numbers[i].layout, rows[j].span.row, numbers[i].values[j]);
  for (int j = 0; call->hits && j < count; j++) call->hits[row_offset(s, &s->hits, rows[j].span.row)] = g->hit[j];
  for (int j = 0; call->tally && j < count; j++) tally_add_double(call->tally, g->loss[j]);
}

#endif
