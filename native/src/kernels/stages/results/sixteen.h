/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converts sums to results, sixteen rows at a time (numerics.md, "Results of a row"): lane i of every vector is row i.
 * All passes over logits use these functions for their sums; a single row is a block of sixteen in which one counts.
 * stages/results/write.h combines the functions: sixteen_results. Rows that need more than this arithmetic are marked,
 * and generic/ computes them. contract_softmax, contract_log_softmax and contract_cross_entropy
 * (native/test/contract/contract.c) are the plain form without options, contract_general_row (general_row.c) with all.
 */
#ifndef XENT_SIXTEEN_H
#define XENT_SIXTEEN_H

#include "kernels/job.h"
#include "kernels/math/f64_exponential.h"
#include "kernels/math/logarithm.h"
#include "kernels/records.h"

enum { XENT_ROWS = XENT_LANES };

/* The rows of the tensor in a block of sixteen. */
typedef struct {
  int64_t first;
  int count;     /* later lanes have no row of the tensor */
  bool adjacent; /* row i is first + i, else row[i] */
  uint32_t ignored; /* the rows among them that do not count */
  int64_t row[XENT_ROWS]; /* used if they are not adjacent */
} row_set;

XENT_INLINE int64_t row_of(const row_set *b, int i) { return b->adjacent ? b->first + i : b->row[i]; }
XENT_INLINE uint32_t all_rows(const row_set *b) { return (1u << b->count) - 1; }

/* The sums of the first pass over the rows. Lanes after the last row are copies of another row (fill_sums), or in
 * strips ignored columns of zeros. */
typedef struct {
  row_set rows;
  bool folded;              /* sums are S of the row with its sink, N is in reference; otherwise 2^30 S of one chunk */
  bool long_row;            /* several chunks, with sums in the form of one; N is in reference */
  XENT_ALIGNED float max[XENT_ROWS]; /* unmodified */
  float reference[XENT_ROWS], logit[XENT_ROWS], sink[XENT_ROWS]; /* logit: the label's */
  float shift[XENT_ROWS];   /* of folded rows */
  double sum[XENT_ROWS];    /* of e, without the label's */
  double dot[XENT_ROWS],
      mass[XENT_ROWS];      /* of t (M - x), of t; if terms are clamped, dot is their sum */
  double smoothed_count[XENT_ROWS]; /* the number of classes that share the smoothing mass */
  double weight[XENT_ROWS]; /* of the label's class */
  double row_weight[XENT_ROWS], upstream[XENT_ROWS];
  double entropy[XENT_ROWS]; /* sum of e (M - x) */
  int64_t argmax[XENT_ROWS], rank[XENT_ROWS];
  uint32_t correct;
} row_sums;

/* The constants of the rows for the second pass. */
typedef struct {
  lanes max, f, b;   /* y = fma(e, f, b); for log-softmax y = fma(x - max, r, f) */
  lanes reference, distance;
  float scale[XENT_ROWS];          /* c of targets that differ between classes */
  float label_gradient[XENT_ROWS]; /* stored at the label's class */
  uint32_t regular;                   /* rows that are finished here; generic/ computes the others */
  uint32_t tiny;                      /* rows whose f and scale are multiplied by 2^96 */
  row_statistics *record;          /* of each row, or NULL */
} row_outcome;

/* The numbers of sixteen rows in registers. */
typedef struct {
  lanes max, reference, logit;
  dlanes max_over_temperature;           /* M r */
  dlanes sum, label_e, total; /* S_o or S; e of the label; S */
  dlanes largest_e;         /* e of M */
  uint32_t special;         /* NaN, +inf, only -inf, |M r| beyond the limit, a sink that raises N or is beyond */
} row_numbers;

XENT_INLINE dlanes over_temperature(const job *j, dlanes v) { return dlanes_scale(v, j->temperature.reciprocal); }

/* The sink in the units of the logits. A finite sink stays finite. */
XENT_INLINE float sink_logit(double sink, const f32_temperature *h) {
  if (h->value == 1 || !isfinite(sink)) return (float)sink;
  const double x = sink * h->value;
  return x > (double)FLT_MAX ? FLT_MAX : x < -(double)FLT_MAX ? -FLT_MAX : (float)x;
}

/* The powers 2^k of integers k <= 0; exponents below -1000 count as -1000. */
XENT_INLINE dlanes powers_of_two(dlanes n) {
  const doubles least = doubles_set(-1000), round = doubles_set(XENT_F64_ROUND);
  XENT_EACH_DOUBLES(k) n.v[k] = doubles_power(doubles_add(doubles_max(n.v[k], least), round));
  return n;
}

/* Adds the sinks to chunks of one row each, as further chunks. */
XENT_INLINE void take_sinks(const job *j, const row_sums *in, row_numbers *r, double *dot, const double *mass) {
  const lanes sink = lanes_load(in->sink), own = references_for(sink, &j->temperature);
  const lanes sink_over_temperature = lanes_mul(sink, lanes_set(j->temperature.hi));
  const exp_references references = exp_references_of(own, &j->temperature);
  const dlanes above = dlanes_widen(sink), max = dlanes_widen(r->max), old = dlanes_load(dot);
  lanes e[1] = {sink};
  r->special |= lanes_bits_above(own, r->reference) | lanes_bits_above(sink_over_temperature, lanes_set(XENT_LIMIT)) |
                lanes_bits_nan(sink);
  exp_lanes(e, 1, &references, false, &j->temperature);
  const dlanes power = powers_of_two(dlanes_sub(dlanes_widen(own), dlanes_widen(r->reference)));
  r->sum = dlanes_add(r->sum, dlanes_mul(dlanes_scale(dlanes_widen(e[0]), XENT_UNSCALE), power));
  dlanes_store(dot, dlanes_where_at_most(above, max, old,
                                         dlanes_add(old, dlanes_mul(dlanes_load(mass), dlanes_sub(above, max)))));
  r->max = lanes_max(sink, r->max);
}

/* Loads the numbers of sixteen rows. probabilities: only softmax, which needs no exponential. */
XENT_INLINE void row_numbers_of(const job *j, const row_sums *in, double *dot, const double *mass,
                                const bool probabilities, row_numbers *r) {
  r->max = lanes_add(lanes_load(in->max), lanes_set(0.0f));
  r->logit = lanes_load(in->logit);
  const lanes max_over_temperature = lanes_mul(r->max, lanes_set(j->temperature.hi));
  r->special = lanes_bits_beyond(max_over_temperature, XENT_LIMIT);
  r->reference = in->folded || in->long_row ? lanes_load(in->reference) : references_for(r->max, &j->temperature);
  r->sum = in->folded ? dlanes_load(in->sum) : dlanes_scale(dlanes_load(in->sum), XENT_UNSCALE);
  if (j->call->sink && !in->folded) take_sinks(j, in, r, dot, mass);
  r->max_over_temperature = over_temperature(j, dlanes_widen(r->max));
  r->total = r->sum;
  r->label_e = r->largest_e = dlanes_zero();
  if (probabilities) {
    r->special |= dlanes_bits_nan(r->total);
    return;
  }
  const exp_references e = exp_references_of(r->reference, &j->temperature);
  lanes v[2] = {r->max, r->logit};
  exp_lanes(v, 2, &e, false, &j->temperature);
  r->largest_e = dlanes_scale(dlanes_widen(v[0]), XENT_UNSCALE);
  if (j->labels) {
    r->label_e = dlanes_scale(dlanes_widen(v[1]), XENT_UNSCALE);
    r->total = dlanes_add(r->sum, r->label_e);
  }
  r->special |= dlanes_bits_nan(r->total);
}

/* log1p(p / q) if a <= b; otherwise, if the exponent is that of S, fma(N, ln2, log S) - M r. Both are one series with
 * different arguments, so sixteen rows of either kind need two divisions. */
XENT_INLINE dlanes row_logarithm(const row_numbers *s, dlanes a, dlanes b, dlanes p, dlanes q) {
  const dlanes ln2 = dlanes_set(XENT_LN2), one = dlanes_set(1), ratio = dlanes_div(p, q);
  dlanes k;
  const dlanes m = dlanes_split(s->total, &k);
  const dlanes above = dlanes_where_at_most(a, b, ratio, dlanes_sub(m, one));
  const dlanes below = dlanes_where_at_most(a, b, dlanes_add(dlanes_set(2), ratio), dlanes_add(m, one));
  const dlanes log = log_series_rows(dlanes_div(above, below));
  const dlanes far =
      dlanes_sub(dlanes_fma(dlanes_widen(s->reference), ln2, dlanes_fma(k, ln2, log)), s->max_over_temperature);
  return dlanes_where_at_most(a, b, log, far);
}

/* The distance D = log-sum-exp - M r, which is never negative; contract_distance is its plain form. */
XENT_INLINE dlanes row_distance(const row_numbers *s) {
  const dlanes S = s->total, E = s->largest_e, twice = dlanes_add(E, E);
  return dlanes_where_at_most(S, E, dlanes_zero(), row_logarithm(s, S, twice, dlanes_sub(S, E), E));
}

XENT_INLINE dlanes label_gap(const job *j, const row_numbers *s) {
  return over_temperature(j, dlanes_sub(dlanes_widen(s->max), dlanes_widen(s->logit)));
}

/* The loss L of labels. */
XENT_INLINE dlanes label_loss(const job *j, const row_numbers *s, dlanes distance) {
  const dlanes q = dlanes_div(s->sum, s->label_e), one = dlanes_set(1);
  const dlanes far = dlanes_add(distance, label_gap(j, s));
  if (!dlanes_bits_at_most(q, one)) return far;
  return dlanes_where_at_most(q, one, log1p_small_rows(q), far);
}

/* label_loss without D. A label that has half of its row does not use D, so every row needs only one logarithm. S_o <=
 * e_y is equivalent to q <= 1: close to 1, no quotient of two doubles above 1 rounds down to it. */
XENT_INLINE dlanes label_loss_alone(const job *j, const row_numbers *s) {
  const dlanes S = s->total, E = s->largest_e, none = dlanes_zero(), all = dlanes_set(INFINITY);
  const dlanes twice = dlanes_add(E, E);
  /* the comparison of row_logarithm: true for labels with half of their row, otherwise S <= 2 E */
  const dlanes a = dlanes_where_at_most(s->sum, s->label_e, none, S);
  const dlanes b = dlanes_where_at_most(s->sum, s->label_e, all, twice);
  const dlanes p = dlanes_where_at_most(s->sum, s->label_e, s->sum, dlanes_sub(S, E));
  const dlanes q = dlanes_where_at_most(s->sum, s->label_e, s->label_e, E);
  const dlanes log = row_logarithm(s, a, b, p, q);
  const dlanes distance = dlanes_where_at_most(S, E, none, log);
  return dlanes_where_at_most(s->sum, s->label_e, log, dlanes_add(distance, label_gap(j, s)));
}

/* Results of the targets: losses before the row weight, and the parts of the gradient. pull: the sum of the targets,
 * including that of z-loss, which multiplies the probabilities. own: the target of the label, 1 - eps times its weight.
 * share: in statistics; for a focal loss the scale of its gradient. */
typedef struct {
  dlanes loss, log_probability, pull, share, own;
} target_results;

XENT_INLINE dlanes where_zero(dlanes a, dlanes yes, dlanes no) {
  return dlanes_where_at_most(dlanes_magnitude(a), dlanes_zero(), yes, no);
}

/* Class weights, clamp and label smoothing of L, which is in t->loss: own L + eps (T r + W D) / H; H classes share
 * eps, W is their weight (`mass`), T = sum of w (m - x) (`dot`; w is 1 without weights), r = 1 / temperature. In
 * double: f64_settle_losses. */
XENT_INLINE void label_results(const job *j, const row_sums *in, dlanes distance, const double *dot, const double *mass,
                               target_results *t) {
  const dlanes none = dlanes_zero(), D = distance, eps = dlanes_set(j->eps), weight = dlanes_load(in->weight);
  const dlanes H = dlanes_load(in->smoothed_count), T = dlanes_load(dot), W = j->weighted ? dlanes_load(mass) : H;
  dlanes L = t->loss;
  t->own = dlanes_scale(weight, j->confidence);
  t->share = none;
  if (j->most > 0) {
    const dlanes least = dlanes_set(j->least), most = dlanes_set(j->most);
    L = dlanes_where_at_most(L, least, least, L);
    L = dlanes_where_at_most(most, L, most, L);
  }
  t->log_probability = dlanes_sub(none, L);
  dlanes mine = where_zero(t->own, none, dlanes_mul(t->own, L));
  t->loss = mine;
  t->pull = j->weighted ? t->own : dlanes_set(1);
  if (!j->smoothed) return;
  t->share = dlanes_where_at_most(H, none, none, dlanes_div(eps, H));
  const dlanes even = j->weighted ? dlanes_div(dlanes_add(over_temperature(j, T), dlanes_mul(W, D)), H)
                                  : dlanes_add(over_temperature(j, dlanes_div(T, H)), D);
  const dlanes all = dlanes_mul(eps, even);
  const dlanes both = where_zero(t->own, all, dlanes_fma(t->own, L, all));
  t->loss = where_zero(t->share, mine, both);
  if (j->weighted) t->pull = where_zero(t->share, t->own, dlanes_add(t->own, dlanes_mul(t->share, W)));
  if (!j->weighted && j->others) t->pull = where_zero(t->share, t->own, t->pull);
}

/* The powers m^gamma of sixteen m of at least 2^-1022. */
XENT_INLINE dlanes focal_power(double gamma, dlanes m) {
  const f64_reference zero = f64_reference_of(doubles_set(0), f64_temperature_of(0));
  const dlanes one = dlanes_set(1);
  dlanes k;
  const dlanes v = dlanes_split(m, &k), log = log_series_rows(dlanes_div(dlanes_sub(v, one), dlanes_add(v, one)));
  double power[XENT_ROWS];
  dlanes_store(power, dlanes_scale(dlanes_fma(k, dlanes_set(XENT_LN2), log), gamma));
  f64_exponentials(power, power, XENT_ROWS, &zero);
  return dlanes_scale(dlanes_load(power), 0x1p-192);
}

/* Turns a loss L into (1 - p)^gamma L, and scales the gradient by (1 - p)^gamma (1 + gamma p L / (1 - p)). */
XENT_SHARED void focal_results(const job *j, const row_numbers *s, target_results *t) {
  const dlanes none = dlanes_zero(), least = dlanes_set(DBL_MIN), m = dlanes_div(s->sum, s->total);
  const dlanes p = dlanes_scale(dlanes_div(s->label_e, s->total), j->gamma), L = dlanes_sub(none, t->log_probability);
  const dlanes power = dlanes_where_at_most(least, m, focal_power(j->gamma, m), none);
  const dlanes rise = dlanes_fma(p, where_zero(p, none, dlanes_div(L, m)), dlanes_set(1));
  t->loss = dlanes_mul(power, t->loss);
  t->share = dlanes_where_at_most(least, m, dlanes_mul(power, rise), none);
}

XENT_INLINE void results_of_targets(const job *j, const row_sums *in, const row_numbers *s, dlanes distance,
                                    const double *dot, const double *mass, target_results *t) {
  if (j->labels) {
    label_results(j, in, distance, dot, mass, t);
    if (j->scaled) { /* copies, so that all of them stay in registers without a focal loss */
      const row_numbers numbers = *s;
      target_results focal = *t;
      focal_results(j, &numbers, &focal);
      *t = focal;
    }
    return;
  }
  const dlanes Q = dlanes_load(mass), H = dlanes_load(in->smoothed_count);
  t->loss = j->most > 0 ? dlanes_load(dot) : dlanes_add(over_temperature(j, dlanes_load(dot)), dlanes_mul(Q, distance));
  t->pull = Q;
  t->own = t->share = t->log_probability = dlanes_zero();
  if (j->smoothed) t->share = dlanes_where_at_most(H, dlanes_zero(), dlanes_zero(), dlanes_div(dlanes_set(j->eps), H));
}

/* The gradient at the labels, without the scale. */
XENT_INLINE dlanes label_gradient(const job *j, dlanes sum, dlanes label_e, dlanes total, const target_results *t,
                                  dlanes weight) {
  const dlanes others = dlanes_sub(dlanes_zero(), dlanes_div(sum, total));
  if (!j->smoothed && !j->weighted && j->call->options->z_loss == 0) return others;
  const dlanes own = dlanes_div(label_e, total);
  const dlanes even = j->others || !j->smoothed ? dlanes_zero() : dlanes_mul(t->share, weight);
  const dlanes general =
      dlanes_sub(dlanes_add(dlanes_mul(others, t->own), dlanes_mul(own, dlanes_sub(t->pull, t->own))), even);
  if (j->weighted || j->call->options->z_loss > 0) return general;
  dlanes plain;
  if (j->eps <= 0.5) {
    const dlanes rest = where_zero(t->share, dlanes_zero(), dlanes_sub(dlanes_set(j->eps), even));
    plain = dlanes_add(others, rest);
  } else {
    plain = dlanes_sub(own, dlanes_add(dlanes_set(j->confidence), even));
  }
  return j->others ? where_zero(t->share, general, plain) : plain;
}

/* Sets f, b and the gradient at the labels. Rows with factors that are not normal floats are left to generic/, where
 * those below are scaled. */
XENT_INLINE void gradient_outcome(const job *j, dlanes sum, dlanes label_e, dlanes total, const target_results *t,
                                  dlanes weight, dlanes cc, row_outcome *out) {
  const dlanes G = dlanes_mul(dlanes_div(dlanes_set(XENT_UNSCALE), total), cc);
  const dlanes factor = j->plain ? G : dlanes_mul(G, t->pull), size = dlanes_magnitude(factor);
  const dlanes most = dlanes_set(FLT_MAX);
  const uint32_t normal = dlanes_bits_at_most(dlanes_set(0x1p-126), size) & dlanes_bits_at_most(size, most);
  uint32_t regular = normal | dlanes_bits_at_most(size, dlanes_zero());
  const dlanes below_normal = dlanes_set(0x1.fffffffffffffp-127), below_cc = dlanes_set(0x1.fffffffffffffp30);
  const uint32_t small = dlanes_bits_at_most(size, below_normal) & ~dlanes_bits_at_most(size, dlanes_zero());
  out->tiny = small ? small & dlanes_bits_at_most(dlanes_magnitude(cc), below_cc) : 0;
  out->f = dlanes_narrow(factor);
  out->b = lanes_set(-0.0f);
  if (!j->plain) {
    regular &= dlanes_bits_at_most(dlanes_magnitude(cc), most);
    lanes_store(out->scale, dlanes_narrow(j->probabilities ? cc : dlanes_mul(cc, t->share)));
    if (!j->probabilities && j->smoothed)
      out->b = lanes_where_equal(dlanes_narrow(t->share), lanes_set(0.0f), out->b,
                                 lanes_sub(lanes_set(-0.0f), dlanes_narrow(dlanes_mul(cc, t->share))));
  }
  out->regular &= regular;
  if (__builtin_expect(out->tiny != 0, 0)) {
    const dlanes one = dlanes_set(1), far_up = dlanes_set(XENT_TINY_SCALE);
    const dlanes above_zero = dlanes_where_at_most(size, dlanes_zero(), one, far_up);
    const dlanes below = dlanes_where_at_most(size, below_normal, above_zero, one);
    const dlanes up = dlanes_where_at_most(dlanes_magnitude(cc), below_cc, below, one);
    out->f = dlanes_narrow(dlanes_mul(factor, up));
    const dlanes scale = j->probabilities ? cc : dlanes_mul(cc, t->share);
    lanes_store(out->scale, dlanes_narrow(dlanes_mul(scale, up)));
  }
  if (j->labels)
    lanes_store(out->label_gradient,
                lanes_quiet(dlanes_narrow(dlanes_mul(label_gradient(j, sum, label_e, total, t, weight), cc))));
}

#endif
