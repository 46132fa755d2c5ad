/* SPDX-License-Identifier: Apache-2.0 */
/* Converts the sums of rows to results, one number per row, for a block of rows. Each register holds one row per
 * lane. */
#ifndef XENT_F64_RESULTS_H
#define XENT_F64_RESULTS_H

#include "kernels/paths/f64/f64_log_sum_exp.h"
#include "numerics/exact_sum.h"

/* D = log-sum-exp - max from S and E, the exponential of the maximum; never negative. It is log1p of (S - E) / E if
 * that is at most 1, otherwise log of S / E: one series for both, with different arguments. */
XENT_INLINE doubles f64_distance(doubles S, doubles E) {
  const doubles zero = doubles_set(0), one = doubles_set(1), half = doubles_set(0.5), twice = doubles_add(E, E);
  const doubles ratio = doubles_div(doubles_where_at_most(S, twice, doubles_sub(S, E), S), E);
  doubles k;
  const doubles m = doubles_sub(doubles_split(ratio, &k), one), q = doubles_mul(doubles_sub(ratio, one), half);
  const doubles near_k = doubles_where_at_most(ratio, half, zero, one);
  const doubles near = doubles_where_at_most(ratio, half, ratio, q);
  const doubles D = f64_log_part(doubles_where_at_most(S, twice, near_k, k), doubles_where_at_most(S, twice, near, m));
  return doubles_where_at_most(S, E, zero, D);
}

/* - log p of the label; far: the result if the label has less than half of its row */
XENT_INLINE doubles f64_label_loss(doubles others, doubles own, doubles far, double clamp) {
  const doubles q = doubles_div(others, own), one = doubles_set(1);
  const bool any = doubles_bits_above(q, one) != (1u << XENT_DOUBLES) - 1;
  const doubles L = any ? doubles_where_at_most(q, one, f64_log1p(q), far) : far;
  if (clamp == 0) return L;
  const double d = clamp < DBL_MIN ? DBL_MIN : clamp;
  const doubles least = doubles_set(-f64_log1m(d)), most = doubles_sub(doubles_set(-0.0), f64_log(doubles_set(d)));
  const doubles raised = doubles_max(L, least);
  return doubles_where_at_most(most, raised, most, raised);
}

/* Turns a loss L into (1 - p)^gamma L; *scale receives the scale of the gradient. */
XENT_INLINE doubles f64_focal_loss(double gamma, doubles others, doubles own, doubles S, doubles L, doubles loss,
                                   doubles *scale) {
  const doubles zero = doubles_set(0), one = doubles_set(1), least = doubles_set(DBL_MIN);
  const f64_reference k = f64_reference_of(zero, f64_temperature_of(0));
  const doubles m = doubles_div(others, S), p = doubles_mul(doubles_div(own, S), doubles_set(gamma));
  const doubles e = f64_exp(doubles_mul(doubles_set(gamma), f64_log(m)), &k);
  const doubles power = doubles_where_at_most(least, m, doubles_mul(e, doubles_set(0x1p-192)), zero);
  const doubles rise = doubles_fma(p, doubles_clear_where_zero(doubles_div(L, m), p), one);
  *scale = doubles_where_at_most(least, m, doubles_mul(power, rise), zero);
  return doubles_mul(power, loss);
}

/* Losses of rows from j on, and the factors of their probabilities in the gradient. */
XENT_INLINE void f64_settle_losses(const f64_row *r, f64_sums *g, int j, doubles D, doubles far, doubles lse) {
  const row_targets *t = &r->t;
  const doubles zero = doubles_set(0), one = doubles_set(1), eps = doubles_set(t->eps);
  const doubles mass = doubles_load(g->mass + j);
  const doubles dot = doubles_mul(doubles_load(g->dot + j), doubles_set(r->temperature.high));
  doubles loss = doubles_fma(mass, D, dot), pull = mass, share = zero;
  if (t->kind == XENT_KIND_LABEL) {
    const doubles own = doubles_mul(doubles_set(t->confidence), doubles_load(g->label_weight + j));
    const doubles L = f64_label_loss(doubles_load(g->sum + j), doubles_load(g->label_e + j), far,
                                     r->call->options->probability_clamp);
    const doubles plain = doubles_where_equal(own, zero, zero, doubles_mul(own, L));
    if (t->eps > 0) {
      const doubles counted = doubles_load(g->counted + j), among = t->others ? doubles_sub(counted, one) : counted;
      share = doubles_where_at_most(among, zero, zero, doubles_div(eps, among));
      pull = t->weighted ? doubles_add(own, doubles_mul(share, mass)) : one;
      const doubles even = t->weighted ? doubles_div(loss, among) : doubles_add(doubles_div(dot, among), D);
      const doubles part = doubles_mul(eps, even), both = doubles_fma(own, L, part);
      const doubles smooth = doubles_where_equal(own, zero, part, both);
      loss = doubles_where_equal(share, zero, plain, smooth);
      pull = doubles_where_equal(share, zero, own, pull);
    } else {
      loss = plain;
      pull = t->weighted ? own : one;
      const double gamma = r->call->options->focal_gamma;
      if (gamma > 0)
        loss = f64_focal_loss(gamma, doubles_load(g->sum + j), doubles_load(g->label_e + j),
                              doubles_load(g->total + j), L, plain, &share);
    }
    doubles_store(g->log_probability + j, doubles_sub(zero, L));
  } else if (t->eps > 0) {
    const doubles counted = doubles_load(g->counted + j);
    share = doubles_where_at_most(counted, zero, zero, doubles_div(eps, counted));
  }
  const double z = r->call->options->z_loss;
  if (z > 0) {
    loss = doubles_add(loss, doubles_mul(doubles_set(z), doubles_mul(lse, lse)));
    pull = doubles_add(pull, doubles_mul(doubles_set(2 * z), lse));
  }
  doubles_store(g->loss + j, doubles_quiet(doubles_mul(doubles_load(g->row_weight + j), loss)));
  doubles_store(g->pull + j, pull);
  doubles_store(g->share + j, share);
}

/* The kind of row j. */
XENT_INLINE uint32_t f64_row_kind(const f64_row *r, const f64_sums *g, int j) {
  const double M = g->max[j];
  if (r->t.ignored) return XENT_ROW_IGNORED;
  if (M == -INFINITY && g->total[j] == g->total[j])
    return r->call->options->fully_masked == XENT_FULLY_MASKED_ZERO ? XENT_ROW_MASKED : XENT_ROW_NAN;
  const bool bad_mass = r->t.kind == XENT_KIND_PROBABILITIES && !isfinite(g->mass[j]);
  return M == INFINITY || g->total[j] != g->total[j] || bad_mass ? XENT_ROW_NAN : 0;
}
/* The results of row j, which is special. */
XENT_INLINE void f64_settle_special(f64_sums *g, int j) {
  const bool masked = g->row_kind[j] == XENT_ROW_MASKED;
  g->special |= 1u << j;
  g->hit[j] = false;
  g->loss[j] = g->row_kind[j] == XENT_ROW_NAN ? XENT_F64_NAN : 0;
  g->entropy[j] = masked ? 0 : XENT_F64_NAN;
  g->log_sum_exp[j] = g->log_probability[j] = masked ? -INFINITY : XENT_F64_NAN;
}

/* Converts the sums of a block to its results. Probabilities only need to test whether D is 0. */
XENT_SHARED __attribute__((noclone)) void f64_settle(f64_block *k) {
  const f64_row *rows = k->rows;
  f64_sums *g = &k->sums;
  const f64_temperature t = rows->temperature;
  const bool labels = rows->t.kind == XENT_KIND_LABEL;
  const doubles high = doubles_set(t.high), low = doubles_set(t.low);
  const uint32_t every = (1u << XENT_DOUBLES) - 1;
  uint32_t odd = 0;
  for (int j = 0; j < k->count; j += XENT_DOUBLES) {
    const doubles M = doubles_load(g->max + j), own = doubles_load(g->label_logit + j);
    const f64_reference of = f64_reference_of(doubles_load(g->reference + j), t);
    const doubles zero = doubles_set(0);
    doubles S = doubles_load(g->sum + j);
    if (labels) {
      const doubles label_e = f64_exp(own, &of);
      doubles_store(g->label_e + j, label_e);
      S = doubles_add(S, label_e);
    }
    const doubles E = f64_exp(M, &of);
    const doubles D = k->distances ? f64_distance(S, E) : doubles_where_at_most(S, E, zero, doubles_set(1));
    doubles_store(g->total + j, S);
    doubles_store(g->distance + j, D);
    odd |= (doubles_bits_above(doubles_magnitude(M), doubles_set(DBL_MAX)) | (doubles_bits_equal(S, S) ^ every)) << j;
    if (!k->distances) continue;
    const doubles shift = doubles_load(g->shift + j), far = doubles_fma(doubles_sub(M, own), high, D);
    const doubles lse = doubles_fma(shift, high, doubles_fma(M, high, doubles_fma(shift, low, doubles_fma(M, low, D))));
    doubles_store(g->log_sum_exp + j, lse);
    if (rows->t.kind != XENT_KIND_SOFTMAX) f64_settle_losses(rows, g, j, D, far, lse);
  }
  if (rows->t.kind == XENT_KIND_PROBABILITIES) odd = ~0u; /* their mass may be infinite or NaN */
  for (uint32_t asked = (odd | g->ignored) & ((1u << k->count) - 1); asked; asked &= asked - 1) {
    const int j = __builtin_ctz(asked);
    g->row_kind[j] = f64_row_kind(&rows[j], g, j);
    if (g->row_kind[j]) f64_settle_special(g, j);
  }
}

XENT_INLINE row_statistics f64_special(const f64_row *r, uint32_t what) {
  return (row_statistics){.kind = r->t.kind | XENT_STATE_WIDE | what, .digest = r->call->digest};
}
XENT_INLINE row_statistics f64_statistics_of(const f64_row *r, const f64_sums *g, int j) {
  const bool labels = r->t.kind == XENT_KIND_LABEL, settled = r->t.kind != XENT_KIND_SOFTMAX;
  if (g->row_kind[j]) return f64_special(r, g->row_kind[j]);
  return (row_statistics){.kind = r->t.kind | XENT_STATE_WIDE, .digest = r->call->digest,
                          .reference = (float)g->reference[j], .shift = g->shift[j], .max = g->max[j], .sum = g->sum[j],
                          .pull = settled ? f64_quiet(g->pull[j]) : 0,
                          .mass = labels ? g->label_e[j] : settled ? g->mass[j] : 0,
                          .share = settled ? f64_quiet(g->share[j]) : 0};
}
/* Reads statistics back into the sums, if a gradient or probabilities must be written. */
XENT_INLINE void f64_take_statistics(const f64_row *r, const row_statistics *s, f64_sums *g, int j) {
  const bool labels = r->t.kind == XENT_KIND_LABEL;
  g->row_kind[j] = r->t.ignored ? XENT_ROW_IGNORED : s->kind & XENT_ROW_SPECIAL;
  g->special |= (uint32_t)(g->row_kind[j] != 0) << j;
  g->reference[j] = (double)s->reference;
  g->shift[j] = s->shift;
  g->max[j] = s->max;
  g->sum[j] = s->sum;
  g->pull[j] = s->pull;
  g->label_e[j] = s->mass;
  g->share[j] = s->share;
  g->total[j] = labels ? s->sum + s->mass : s->sum;
}

/* Puts the exponentials of labels, which are not in any sum, among the kept ones. */
XENT_INLINE void f64_put_label_exponentials(const f64_block *k) {
  const int width = f64_width(k);
  for (int j = 0; j < k->count; j++) {
    double *kept = k->sums.kept[j - j % width];
    if (k->rows[j].label != XENT_NO_CLASS && kept) kept[k->rows[j].label * width + j % width] = k->sums.label_e[j];
  }
}

/* The sums of e (M - x) of the rows of a tile. */
XENT_SHARED doubles f64_entropy_sums(const f64_block *k, int j) {
  const f64_sums *g = &k->sums;
  const int64_t classes = k->rows[j].logits.classes;
  pair sum = pair_of(doubles_set(0));
  for (int64_t i = 0; i < classes; i += XENT_PIECE) {
    const int64_t n = f64_part(i, classes, XENT_PIECE);
    const double *e = f64_terms_at(k, j, i, n, false, false, k->b->row + j * k->room);
    const double *x = f64_logits_at(k, j, i, n, false, k->b->x);
    sum = pair_add(sum, f64_sum_gaps(e, x, f64_at(k, g->max, j), n * f64_width(k), k->turned));
  }
  return pair_value(sum);
}

/* Entropies of ordinary rows. */
XENT_SHARED void f64_entropies(f64_block *k) {
  f64_sums *g = &k->sums;
  for (int j = 0; j < k->count; j += f64_width(k)) {
    if (!k->turned && g->row_kind[j]) continue;
    const doubles S = f64_at(k, g->total, j), D = f64_at(k, g->distance, j);
    const doubles high = doubles_set(k->rows->temperature.high);
    const doubles mean = doubles_div(doubles_mul(f64_entropy_sums(k, j), high), S);
    doubles H = doubles_add(D, mean);
    if (k->call->sink) {
      const f64_reference of = f64_reference_of(f64_at(k, g->reference, j), k->rows->temperature);
      const doubles E = f64_exp(f64_sinks(k, j), &of);
      H = doubles_fma(D, doubles_div(doubles_sub(S, E), S), mean);
    }
    double entropies[XENT_DOUBLES];
    doubles_store(entropies, H);
    for (int i = 0; i < f64_rows_of_tile(k, j); i++)
      if (!g->row_kind[j + i]) g->entropy[j + i] = entropies[i];
  }
}

/* Outputs that depend on the order of the classes of row j, and its statistics. */
XENT_SHARED void f64_write_further(f64_block *k, int j) {
  const xent_call *call = k->call;
  const f64_row *r = k->rows + j;
  const f64_buffers *b = k->b;
  f64_sums *g = &k->sums;
  const xent_shape *l = call->shape;
  const int64_t row = r->logits.row;
  const bool ordinary = !g->row_kind[j];
  if (call->statistics) *statistics_at(call, row) = f64_statistics_of(r, g, j);
  if (call->correct && call->logits && ordinary)
    g->hit[j] = f64_prepared_one(&r->logits, r->label, 0) == g->class_max[j] &&
                f64_first_equal(&r->logits, g->class_max[j], r->label, b) == XENT_NO_CLASS;
  if (call->argmax) {
    const int64_t first = ordinary ? f64_first_equal(&r->logits, g->class_max[j], r->logits.classes, b) : XENT_NO_CLASS;
    put_class(call->argmax, &l->argmax, row_offset(l, &l->argmax, row), first);
  }
  if (call->ranks) {
    const int64_t rank = ordinary ? f64_rank_of(&r->logits, r->label, b) : XENT_NO_CLASS;
    put_class(call->ranks, &l->ranks, row_offset(l, &l->ranks, row), rank);
  }
  if (call->top_classes || call->top_log_probabilities) f64_write_top(k, j);
}

/* Log-sum-exp of rows without targets: that of a NaN row is +inf, unless a logit is NaN; close to 0 it is exact. */
XENT_INLINE double f64_log_sum_exp_of_nan(const f64_block *k, int j) {
  const xent_call *call = k->call;
  const f64_sums *g = &k->sums;
  if (g->max[j] != INFINITY) return XENT_F64_NAN;
  if (call->known_states) return f64_quiet(g->total[j]);
  const bool bad_sink = call->sink && isnan(row_number(call, call->sink, &call->shape->sink, k->rows[j].logits.row, 0));
  return bad_sink || f64_has_nan(k, j, 0, k->rows[j].logits.classes) ? XENT_F64_NAN : INFINITY;
}
XENT_INLINE void f64_settle_near_zero(f64_block *k, int j) {
  const f64_temperature t = k->rows->temperature;
  f64_sums *g = &k->sums;
  const double M = g->max[j], size = fabs(M * t.high) + g->distance[j];
  if (!(g->shift[j] == 0 && size < (double)XENT_NEAR_ZERO)) return;
  const f64_reference of = f64_reference_of(doubles_set(g->reference[j]), t);
  const doubles others = doubles_set(k->call->known_states ? g->dot[j] : f64_sum_of_others(k, j));
  const double D = doubles_first(f64_log1p(doubles_div(others, f64_exp(doubles_set(M), &of))));
  g->log_sum_exp[j] = fused_double(M, t.high, fused_double(M, t.low, D)) + 0; /* like with a shift of 0: never -0 */
}
XENT_SHARED void f64_settle_alone(f64_block *k) {
  for (int j = 0; j < k->count; j++) {
    if (k->sums.row_kind[j] == XENT_ROW_NAN) k->sums.log_sum_exp[j] = f64_log_sum_exp_of_nan(k, j);
    if (!k->sums.row_kind[j]) f64_settle_near_zero(k, j);
  }
}

/* The outputs with one number per row. */
XENT_SHARED void f64_write_rows(f64_block *k) {
  const xent_call *call = k->call;
  const xent_shape *s = call->shape;
  f64_sums *g = &k->sums;
  if (call->log_sum_exp && !call->targets) f64_settle_alone(k);
  if (call->entropies) f64_entropies(k);
  if (call->statistics || call->correct || call->argmax || call->ranks || call->top_classes ||
      call->top_log_probabilities)
    for (int j = 0; j < k->count; j++) f64_write_further(k, j);
  const struct { void *array; const xent_layout *layout; const double *values; } numbers[] = {
      {call->losses, &s->losses, g->loss}, {call->log_sum_exp, &s->log_sum_exp, g->log_sum_exp},
      {call->log_probabilities, &s->log_probabilities, g->log_probability},
      {call->entropies, &s->entropies, g->entropy}};
  for (int i = 0; i < 4; i++)
    for (int j = 0; numbers[i].array && j < k->count; j++)
      put_row_number(call, numbers[i].array, numbers[i].layout, k->rows[j].logits.row, numbers[i].values[j]);
  for (int j = 0; call->correct && j < k->count; j++) call->correct[row_offset(s, &s->correct,
      k->rows[j].logits.row)] = g->hit[j];
  for (int j = 0; call->exact_sum && j < k->count; j++) exact_sum_add_double(call->exact_sum, g->loss[j]);
}

#endif
