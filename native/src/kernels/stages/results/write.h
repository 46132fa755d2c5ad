/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs per row, computed for sixteen rows, and stored in the layouts of their arrays. */
#ifndef XENT_WRITE_H
#define XENT_WRITE_H

#include "kernels/present.h"
#include "kernels/stages/load/row_source.h"
#include "kernels/stages/load/strided.h"
#include "kernels/stages/results/sixteen.h"
#include "kernels/stages/targets/put.h"
#include "numerics/exact_sum.h"

/* Whether the numbers of the rows are contiguous, from *at on. */
XENT_INLINE bool rows_are_contiguous(const xent_call *call, const row_set *b, const xent_layout *l, int64_t *at) {
  if (!b->adjacent || (call->shape->inner == 1 ? l->outer : l->inner) != 1) return false;
  *at = row_offset(call->shape, l, b->first);
  return call->shape->inner == 1 || row_offset(call->shape, l, b->first + b->count - 1) - *at == b->count - 1;
}

/* Writes a float per row, also of rows that are left to generic/, which overwrites them. */
XENT_INLINE void write_floats(const xent_call *call, const row_set *b, const xent_layout *l, void *to, lanes values) {
  int64_t at;
  if (rows_are_contiguous(call, b, l, &at)) {
    const strided s = strided_at(to, l, at);
    const strided side_by_side = {.at = s.at, .stride = 1, .type = s.type};
    strided_store(&side_by_side, 0, b->count, values);
    return;
  }
  float v[XENT_ROWS];
  lanes_store(v, values);
  for (int i = 0; i < b->count; i++) {
    const strided s = strided_at(to, l, row_offset(call->shape, l, row_of(b, i)));
    strided_set(&s, 0, v[i]);
  }
}
XENT_INLINE void write_rounded(const xent_call *call, const row_set *b, const xent_layout *l, void *to, dlanes values) {
  write_floats(call, b, l, to, lanes_quiet(dlanes_narrow(values)));
}

XENT_INLINE void write_classes(const xent_call *call, const row_set *b, const xent_layout *l, void *to,
                               const int64_t *v) {
  for (int i = 0; i < b->count; i++) put_class(to, l, row_offset(call->shape, l, row_of(b, i)), v[i]);
}

XENT_INLINE void write_statistics(const job *j, const row_sums *in, const row_numbers *s, const target_results *t,
                                  row_statistics *record) {
  float reference[XENT_ROWS], max[XENT_ROWS];
  double sum[XENT_ROWS], label_e[XENT_ROWS], pull[XENT_ROWS], share[XENT_ROWS];
  const xent_call *call = j->call;
  const uint32_t kind = !call->targets ? XENT_KIND_SOFTMAX : j->labels ? XENT_KIND_LABEL : XENT_KIND_PROBABILITIES;
  lanes_store(reference, s->reference);
  lanes_store(max, s->max);
  dlanes_store(sum, s->sum);
  dlanes_store(label_e, s->label_e);
  dlanes_store(pull, t->pull);
  dlanes_store(share, t->share);
  for (int i = 0; i < in->rows.count; i++) {
    const row_statistics r = {
        .kind = kind, .digest = call->digest, .reference = reference[i], .shift = in->folded ? (double)in->shift[i] : 0,
        .max = (double)max[i], .sum = sum[i], .mass = j->labels ? label_e[i] : call->targets ? in->mass[i] : 0,
        .pull = call->targets ? quiet_double(pull[i]) : 0, .share = quiet_double(share[i])};
    if (call->statistics) *statistics_at(call, row_of(&in->rows, i)) = r;
    if (record) record[i] = r;
  }
}

XENT_INLINE void write_order(const xent_call *call, const row_sums *in) {
  const xent_shape *s = call->shape;
  if (call->argmax) write_classes(call, &in->rows, &s->argmax, call->argmax, in->argmax);
  if (call->ranks) write_classes(call, &in->rows, &s->ranks, call->ranks, in->rank);
  if (!call->correct) return;
  int64_t at;
  const bool straight = rows_are_contiguous(call, &in->rows, &s->correct, &at);
  for (int i = 0; i < in->rows.count; i++)
    call->correct[straight ? at + i : row_offset(s, &s->correct, row_of(&in->rows, i))] = in->correct >> i & 1;
}

XENT_INLINE void add_losses(const xent_call *call, lanes losses, uint32_t rows) {
  float v[XENT_ROWS];
  lanes_store(v, losses);
  for (; rows; rows &= rows - 1) exact_sum_add_one(call->exact_sum, v[__builtin_ctz(rows)]);
}

XENT_INLINE dlanes scale_of_rows(const job *j, const row_sums *in, const target_results *t) {
  const dlanes scale = dlanes_set(j->scale);
  if (j->plain) return scale;
  dlanes c = j->call->row_weights ? dlanes_mul(scale, dlanes_load(in->row_weight)) : scale;
  if (j->call->upstream) c = dlanes_mul(c, dlanes_load(in->upstream));
  if (j->temperature.value != 1) c = dlanes_div(c, dlanes_set(j->temperature.value));
  return j->scaled ? dlanes_mul(c, t->share) : c;
}

/* lse = shift r + (M r + D) */
XENT_INLINE dlanes log_sum_exp_of(const job *j, const row_sums *in, const row_numbers *s, dlanes distance) {
  const dlanes above = dlanes_add(s->max_over_temperature, distance);
  return in->folded ? dlanes_add(over_temperature(j, dlanes_widen(lanes_load(in->shift))), above) : above;
}

/* T is the sum of e (M - x): D + T r / S; a sink does not count in the entropy, but it does in the probabilities. */
XENT_INLINE dlanes entropy_of(const job *j, const row_sums *in, const row_numbers *s, dlanes distance) {
  const dlanes rest = dlanes_div(over_temperature(j, dlanes_scale(dlanes_load(in->entropy), XENT_UNSCALE)), s->total);
  if (!j->call->sink) return dlanes_add(distance, rest);
  lanes e[1] = {lanes_load(in->sink)};
  const exp_references r = exp_references_of(s->reference, &j->temperature);
  exp_lanes(e, 1, &r, false, &j->temperature);
  const dlanes E = dlanes_scale(dlanes_widen(e[0]), XENT_UNSCALE);
  return dlanes_fma(distance, dlanes_div(dlanes_sub(s->total, E), s->total), rest);
}

/* Writes all outputs of cross-entropy per row, except log-sum-exp without targets, and sets the constants of its
 * gradient. */
XENT_SHARED void sixteen_results(const job *j, const row_sums *in, row_outcome *out) {
  const xent_call *call = j->call;
  const xent_shape *shape = call->shape;
  const row_set *rows = &in->rows;
  const double *mass = j->labels && !j->weighted ? in->smoothed_count : in->mass;
  double dot[XENT_ROWS] = {0};
  if (!j->plain && call->targets) memcpy(dot, in->dot, sizeof dot);
  row_numbers s;
  row_numbers_of(j, in, dot, mass, false, &s);
  out->regular = all_rows(rows) & ~rows->ignored & (in->folded ? ~0u : ~s.special);
  if (j->soft && !in->folded)
    out->regular &= dlanes_bits_at_most(dlanes_magnitude(dlanes_load(mass)), dlanes_set(DBL_MAX));
  out->max = s.max;
  out->reference = s.reference;
  target_results t = {dlanes_zero(), dlanes_zero(), dlanes_set(1), dlanes_zero(), dlanes_set(1)};
  const bool losses = call->losses || call->exact_sum;
  if (!j->plain || j->distances) {
    const dlanes D = j->distances ? row_distance(&s) : dlanes_zero();
    out->distance = dlanes_narrow(D);
    if (j->labels) t.loss = j->distances ? label_loss(j, &s, D) : label_loss_alone(j, &s);
    if (!j->plain && call->targets) results_of_targets(j, in, &s, D, dot, mass, &t);
    const dlanes lse = log_sum_exp_of(j, in, &s, D);
    if (call->options->z_loss > 0) {
      const dlanes z = dlanes_set(call->options->z_loss), twice = dlanes_set(2 * call->options->z_loss);
      t.loss = dlanes_add(t.loss, dlanes_mul(z, dlanes_mul(lse, lse)));
      t.pull = dlanes_add(t.pull, dlanes_mul(twice, lse));
    }
    if (call->row_weights) t.loss = dlanes_mul(dlanes_load(in->row_weight), t.loss);
    if (call->log_sum_exp && call->targets) write_rounded(call, rows, &shape->log_sum_exp, call->log_sum_exp, lse);
    if (call->entropies) write_rounded(call, rows, &shape->entropies, call->entropies, entropy_of(j, in, &s, D));
    if (call->log_probabilities)
      write_rounded(call, rows, &shape->log_probabilities, call->log_probabilities, t.log_probability);
  } else if (losses) {
    t.loss = label_loss_alone(j, &s);
  }
  if (call->output) {
    const uint32_t all = out->regular;
    gradient_outcome(j, s.sum, s.label_e, s.total, &t, dlanes_load(in->weight), scale_of_rows(j, in, &t), out);
    if (in->folded) out->regular = all; /* their factors come from their statistics */
  }
  if (losses) {
    const lanes rounded = j->plain ? dlanes_narrow(t.loss) : lanes_quiet(dlanes_narrow(t.loss));
    if (call->losses) write_floats(call, rows, &shape->losses, call->losses, rounded);
    if (call->exact_sum) add_losses(call, rounded, out->regular);
  }
  write_order(call, in);
  if (call->statistics || out->record) write_statistics(j, in, &s, &t, out->record);
  if (call->targets) call->report->valid_rows += __builtin_popcount(out->regular);
}

/* The factors of softmax and log-softmax. */
XENT_INLINE void probabilities(const job *j, const row_sums *in, row_outcome *out, const bool alone) {
  double none[XENT_ROWS] = {0};
  row_numbers s;
  row_numbers_of(j, in, none, none, alone, &s);
  const target_results t = {dlanes_zero(), dlanes_zero(), dlanes_zero(), dlanes_zero(), dlanes_zero()};
  out->regular = all_rows(&in->rows) & ~s.special;
  out->max = s.max;
  out->reference = s.reference;
  out->b = lanes_set(-0.0f);
  if (alone)
    out->f = dlanes_narrow(dlanes_div(dlanes_set(XENT_UNSCALE), s.total));
  else
    out->f = dlanes_narrow(dlanes_sub(dlanes_zero(), row_distance(&s)));
  if (out->record) write_statistics(j, in, &s, &t, out->record);
}
/* The sum of one vector of classes without the largest one. */
XENT_INLINE double sum_of_short_row(const job *j, int64_t row, float max, float reference) {
  const row_source x = logits_of_row(j->call, row);
  lanes e[1] = {row_lanes(&x, 0, x.classes, 0.0f)};
  const exp_references r = exp_references_of(lanes_set(reference), &j->temperature);
  const uint32_t largest = lanes_bits_equal(e[0], lanes_set(max));
  exp_lanes(e, 1, &r, false, &j->temperature);
  return lanes_tree(lanes_drop(e[0], __builtin_ctz(largest | 1u << (XENT_LANES - 1)))) * XENT_UNSCALE;
}
XENT_SHARED void sums_of_short_rows(const job *j, const row_set *rows, uint32_t which, lanes max, lanes reference,
                                    double *others) {
  float m[XENT_ROWS], N[XENT_ROWS];
  lanes_store(m, max);
  lanes_store(N, reference);
  for (; which; which &= which - 1) {
    const int i = __builtin_ctz(which);
    others[i] = sum_of_short_row(j, row_of(rows, i), m[i], N[i]);
  }
}

/* log-sum-exp of rows without targets. Close to 0, D is log1p(S_o / E), where S_o is the sum without the first largest
 * term: folded rows have it in dot, short rows compute it here, and other rows are left to generic/. */
XENT_SHARED void sixteen_log_sum_exps(const job *j, const row_sums *in, row_outcome *out) {
  const xent_call *call = j->call;
  double none[XENT_ROWS] = {0};
  row_numbers s;
  row_numbers_of(j, in, none, none, false, &s);
  const target_results t = {dlanes_zero(), dlanes_zero(), dlanes_zero(), dlanes_zero(), dlanes_zero()};
  const dlanes limit = dlanes_set((double)XENT_NEAR_ZERO);
  dlanes D = row_distance(&s), size = dlanes_add(dlanes_magnitude(s.max_over_temperature), D);
  if (in->folded) size = dlanes_add(dlanes_magnitude(over_temperature(j, dlanes_widen(lanes_load(in->shift)))), size);
  const uint32_t ordinary = all_rows(&in->rows) & ~in->rows.ignored & ~s.special;
  const uint32_t near = ordinary & ~dlanes_bits_at_most(limit, size);
  const bool is_short = !in->folded && call->shape->classes <= XENT_LANES && !call->sink;
  out->regular = ordinary & ~(in->folded || is_short ? 0 : near);
  out->max = s.max;
  out->reference = s.reference;
  out->f = out->b = lanes_set(-0.0f);
  if (near && is_short) sums_of_short_rows(j, &in->rows, near, s.max, s.reference, none);
  if (near && (in->folded || is_short)) {
    const dlanes others = dlanes_load(in->folded ? in->dot : none);
    const dlanes exact = log1p_small_rows(dlanes_div(others, s.largest_e));
    D = dlanes_where_at_most(limit, size, D, exact);
  }
  write_rounded(call, &in->rows, &call->shape->log_sum_exp, call->log_sum_exp, log_sum_exp_of(j, in, &s, D));
  if (out->record) write_statistics(j, in, &s, &t, out->record);
}
XENT_SHARED void sixteen_probabilities(const job *j, const row_sums *in, row_outcome *out) {
  if (j->call->log)
    probabilities(j, in, out, false);
  else
    probabilities(j, in, out, true);
}

XENT_INLINE void results_of_rows(const job *j, const row_sums *in, row_outcome *out) {
  const bool sums = j->call->log_sum_exp && !j->call->targets;
  if (!j->probabilities_alone)
    sixteen_results(j, in, out);
  else if (!sums)
    sixteen_probabilities(j, in, out);
  if (sums) sixteen_log_sum_exps(j, in, out);
}

/* Fills the lanes after the last row with copies of the first, so that they hold ordinary numbers. */
XENT_INLINE void fill_sums(row_sums *in) {
  for (int i = in->rows.count; i < XENT_ROWS; i++) {
    in->max[i] = in->max[0];
    in->reference[i] = in->reference[0];
    in->logit[i] = in->logit[0];
    in->shift[i] = in->shift[0];
    in->sum[i] = in->sum[0];
  }
}

/* Fills the remaining entries of a list of largest classes that has too few classes. */
XENT_INLINE void write_top_rest(const xent_call *call, int64_t row, int64_t from, float log_probability) {
  for (int64_t k = from; k < call->shape->top_count; k++) write_top(call, row, k, -1, (double)log_probability);
}

/* Log-sum-exp minus the maximum. */
XENT_SHARED void distances_of_rows(const job *j, const row_sums *in, double distance[XENT_ROWS]) {
  double none[XENT_ROWS] = {0};
  row_numbers numbers;
  row_numbers_of(j, in, none, none, false, &numbers);
  dlanes_store(distance, row_distance(&numbers));
}
/* Writes the results of a special row, which has no ordinary loss. */
XENT_SHARED void write_special(const job *j, int64_t row, uint32_t special) {
  const xent_call *call = j->call;
  const xent_shape *s = call->shape;
  const bool masked = special & XENT_ROW_MASKED, ignored = special & XENT_ROW_IGNORED;
  const row_set one = {.first = row, .count = 1, .adjacent = true};
  const float nan = XENT_NAN, loss = masked || ignored ? 0 : nan, logarithm = masked ? -INFINITY : nan;
  const row_sums none = {.rows = one, .argmax = {-1}, .rank = {-1}};
  const uint32_t kind = !call->targets ? XENT_KIND_SOFTMAX : j->labels ? XENT_KIND_LABEL : XENT_KIND_PROBABILITIES;
  if (call->losses) write_floats(call, &one, &s->losses, call->losses, lanes_set(loss));
  if (call->log_sum_exp) write_floats(call, &one, &s->log_sum_exp, call->log_sum_exp, lanes_set(logarithm));
  if (call->log_probabilities)
    write_floats(call, &one, &s->log_probabilities, call->log_probabilities, lanes_set(logarithm));
  if (call->entropies) write_floats(call, &one, &s->entropies, call->entropies, lanes_set(masked ? 0 : nan));
  if (call->top_classes || call->top_log_probabilities) write_top_rest(call, row, 0, logarithm);
  if (call->exact_sum) exact_sum_add_one(call->exact_sum, loss);
  if (call->statistics) *statistics_at(call, row) = (row_statistics){.kind = kind | special, .digest = call->digest};
  write_order(call, &none);
}

#endif
