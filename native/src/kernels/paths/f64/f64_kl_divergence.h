/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Divergences of a student p from its teacher q (numerics.md, section 9), v = log q - log p.
 *   Kullback-Leibler   sum q (v + exp(-v) - 1)
 *   Jensen-Shannon     sum (p + q) / 2 h(v / 2), h(a) = a tanh a - log cosh a
 *   total variation    sum |p - q| / 2
 * No term is negative, and an error in the log-sum-exp of a side has at most a squared or negligible effect.
 * f64_contract_divergence (native/test/contract/f64.c) is the plain form.
 */
#ifndef XENT_F64_KL_DIVERGENCE_H
#define XENT_F64_KL_DIVERGENCE_H

#include "kernels/paths/f64/f64_states.h"

/* One side of a row: the teacher's or the student's. */
typedef struct {
  f64_block block;
  f64_reference reference;
  uint32_t row_kind;
  double distance;
  doubles max, per_sum;
} f64_side;

XENT_SHARED void f64_read_side(const xent_call *call, int64_t row, const void *array, const xent_layout *layout,
                               const f64_buffers *b, f64_side *side) {
  f64_block *k = &side->block;
  f64_sums *g = &k->sums;
  f64_begin_row(k, call, array, layout, b);
  f64_move_logits(k->rows, row);
  f64_sum_tiles(k, 0);
  f64_settle(k);
  side->reference = f64_reference_of(doubles_set(g->reference[0]), k->rows->temperature);
  side->row_kind = g->row_kind[0];
  side->distance = g->distance[0];
  side->max = doubles_set(g->max[0]);
  side->per_sum = doubles_set(1 / g->sum[0]);
}

XENT_INLINE doubles f64_probability(doubles x, const f64_side *side) {
  return doubles_mul(f64_exp(x, &side->reference), side->per_sum);
}

/* f - g and its rounding error. */
XENT_INLINE doubles f64_difference(doubles f, doubles g, doubles *lost) {
  const doubles s = doubles_sub(f, g), k = doubles_sub(s, f);
  *lost = doubles_sub(doubles_sub(f, doubles_sub(s, k)), doubles_add(g, k));
  return s;
}

/* sum z^n / (2 n) and sum z^n / (2 n (2 n - 1)), n from 1 on: log cosh a and h(a) of z = tanh(a)^2 <= 0.1132 */
enum { XENT_SHANNON_TERMS = 16 };
XENT_INLINE doubles f64_shannon_series(doubles z, const bool ends) {
  doubles p = doubles_set(0);
  XENT_UNROLL(16)
  for (int n = XENT_SHANNON_TERMS; n > 0; n--)
    p = doubles_fma(p, z, doubles_set(1.0 / (ends ? 2.0 * n * (2.0 * n - 1) : 2.0 * n)));
  return doubles_mul(p, z);
}

/* h(v / 2); *slope receives log(p / ((p + q) / 2)). */
XENT_INLINE doubles f64_shannon_of(doubles v, doubles *slope) {
  const doubles zero = doubles_set(0), half = doubles_set(0.5), most = doubles_set(40), one = doubles_set(1);
  const doubles size = doubles_magnitude(v), w = doubles_where_at_most(size, most, size, most);
  const doubles m = f64_exp_minus_one(doubles_sub(zero, w)), e = doubles_add(one, m), sum = doubles_add(e, one);
  const doubles t = doubles_div(doubles_sub(zero, m), sum), z = doubles_mul(t, t);
  const doubles rest = doubles_sub(doubles_set(XENT_LN2), f64_log1p(e)); /* log 2 / (1 + e) */
  const doubles near = doubles_set(0.7), above = doubles_where_at_most(v, zero, zero, v);
  const doubles far = doubles_sub(rest, doubles_div(doubles_mul(w, e), sum));
  const doubles close = doubles_sub(zero, doubles_fma(half, v, f64_shannon_series(z, false)));
  *slope = doubles_where_at_most(size, near, close, doubles_sub(rest, above));
  return doubles_where_at_most(size, near, f64_shannon_series(z, true), far);
}

/* Terms of the loss; *slope receives p - q, or p's factor in the gradient, and then *own receives p. */
XENT_INLINE doubles f64_divergence_of(doubles a, doubles x, const f64_side *teacher, const f64_side *student,
                                      const int kind, doubles *slope, doubles *own) {
  const doubles q = f64_probability(a, teacher), p = f64_probability(x, student), zero = doubles_set(0),
      one = doubles_set(1);
  const doubles r = doubles_set(student->block.rows->temperature.high),
      distance = doubles_set(teacher->distance - student->distance);
  doubles max_lost, lost;
  const doubles max = f64_difference(teacher->max, student->max, &max_lost);
  const doubles d = doubles_sub(f64_difference(a, x, &lost), max);
  const doubles exact = doubles_sub(doubles_mul(doubles_add(d, doubles_sub(lost, max_lost)), r), distance);
  const doubles v = doubles_where_at_most(doubles_magnitude(d), doubles_set(DBL_MAX), exact, doubles_mul(d, r));
  const doubles least = doubles_set(-40), near = doubles_set(0.34), size = doubles_magnitude(v);
  const doubles y = doubles_sub(zero, kind == XENT_TOTAL_VARIATION ? size : v);
  *own = p;
  if (kind == XENT_JENSEN_SHANNON) {
    const doubles both = doubles_mul(doubles_set(0.5), doubles_add(q, p)), h = f64_shannon_of(v, slope);
    *slope = doubles_where_at_most(p, zero, zero, *slope);
    return doubles_where_at_most(both, zero, zero, doubles_mul(both, h));
  }
  doubles t;
  f64_exp_terms(&y, &t, 1);
  if (kind == XENT_TOTAL_VARIATION) { /* from the larger side, so that it is the same if the sides are exchanged */
    const doubles share = doubles_fma(doubles_sub(zero, doubles_mul(t, size)), size, size); /* 1 - exp(-size) */
    const doubles close = doubles_mul(doubles_max(q, p), share);
    const doubles w = doubles_where_at_most(size, near, doubles_sign(close, doubles_sub(zero, v)), doubles_sub(p, q));
    const doubles part = doubles_mul(doubles_set(0.5), doubles_magnitude(w));
    *slope = doubles_where_at_most(part, zero, zero, doubles_sign(one, w));
    return part;
  }
  t = doubles_mul(t, v);
  const doubles middle = doubles_add(v, f64_exp_minus_one(doubles_where_at_most(least, y, y, least)));
  const doubles apart = doubles_fma(q, doubles_sub(v, one), p);
  doubles term = doubles_where_at_most(doubles_set(-2), v, doubles_mul(q, middle), apart);
  term = doubles_where_at_most(size, near, doubles_mul(q, doubles_mul(t, v)), term);
  *slope = doubles_where_at_most(size, near, doubles_mul(q, doubles_fma(t, v, y)), doubles_sub(p, q));
  *slope = doubles_where_at_most(q, zero, p, *slope);
  return doubles_where_at_most(q, zero, p, term);
}

/* A row: both sides, and the destination of its gradient, if any. */
typedef struct {
  const f64_side *teacher, *student;
  const strided *dx;
  const f64_buffers *b;
  double scale;  /* of the gradient */
  doubles mean;  /* of slopes under p, which is subtracted from them in the gradient */
  pair loss, lean; /* lean: the sum of p slope */
} f64_divergence;

/* Adds the losses and slopes of n classes from `begin` on to those of the row, or computes only their gradient if the
 * mean is known. */
XENT_INLINE void f64_divergence_piece(f64_divergence *d, int64_t begin, int64_t n, const int kind, bool last) {
  const f64_buffers *b = d->b;
  const doubles scale = doubles_set(d->scale);
  const double *a = f64_logits_at(&d->teacher->block, 0, begin, n, false, b->t);
  const double *x = f64_logits_at(&d->student->block, 0, begin, n, false, b->x);
  for (int64_t k = 0; k < n; k += XENT_DOUBLES) {
    doubles slope, own;
    const doubles as = doubles_load_part(a + k, n - k, -INFINITY), xs = doubles_load_part(x + k, n - k, -INFINITY);
    const doubles term = f64_divergence_of(as, xs, d->teacher, d->student, kind, &slope, &own);
    doubles_store_part(b->out + k, n - k, term);
    if (kind != XENT_KULLBACK_LEIBLER) slope = doubles_mul(own, last ? doubles_sub(slope, d->mean) : slope);
    if (kind == XENT_KULLBACK_LEIBLER || last) slope = doubles_quiet(doubles_mul(slope, scale));
    doubles_store_part(b->slope + k, n - k, slope);
  }
  if (!last || kind == XENT_KULLBACK_LEIBLER) d->loss = pair_add(d->loss, f64_sum_values(b->out, n, false));
  if (!last) d->lean = pair_add(d->lean, f64_sum_values(b->slope, n, false));
  if (!last || !d->dx->at) return;
  double *out = f64_room(d->dx, begin, b->slope);
  if (out != b->slope) memcpy(out, b->slope, (size_t)n * sizeof *out);
  f64_mask(&d->student->block.rows->logits, begin, n, out, 0);
  f64_store(d->dx, begin, n, out);
}
XENT_INLINE void f64_divergence_pieces(f64_divergence *d, const int kind, bool last) {
  const int64_t classes = d->student->block.rows->logits.classes;
  for (int64_t i = 0; i < classes; i += XENT_PIECE)
    f64_divergence_piece(d, i, f64_part(i, classes, XENT_PIECE), kind, last);
}

/* The upper limit on a row's loss, for any rounding of its terms. */
XENT_INLINE double largest_divergence(int kind) {
  return kind == XENT_JENSEN_SHANNON ? XENT_LN2 : kind == XENT_TOTAL_VARIATION ? 1 : INFINITY;
}

/* The loss of a row without its weight, and its gradient if it has an array. */
XENT_SHARED double f64_divergence_row(const f64_side *teacher, const f64_side *student, const strided *dx, double c,
                                      int kind, const f64_buffers *b) {
  const uint32_t row_kind = teacher->row_kind | student->row_kind;
  if (row_kind) {
    const double fixed = f64_fixed(XENT_F64_GRADIENT, row_kind);
    if (dx->at) f64_fill(dx, 0, student->block.rows->logits.classes, fixed);
    return fixed;
  }
  const pair none = pair_of(doubles_set(0));
  const double scale = logit_scale(student->block.call->options, c);
  f64_divergence d = {teacher, student, dx, b, kind ? 0.5 * scale : scale, doubles_set(0), none, none};
  for (bool last = kind == XENT_KULLBACK_LEIBLER;; last = true) { /* which is one pass */
    if (kind == XENT_KULLBACK_LEIBLER)
      f64_divergence_pieces(&d, XENT_KULLBACK_LEIBLER, true);
    else if (kind == XENT_JENSEN_SHANNON)
      f64_divergence_pieces(&d, XENT_JENSEN_SHANNON, last);
    else
      f64_divergence_pieces(&d, XENT_TOTAL_VARIATION, last);
    if (last || !dx->at) break;
    d.mean = pair_value(d.lean);
  }
  const double loss = doubles_first(pair_value(d.loss)), most = largest_divergence(kind);
  return loss > most ? most : loss;
}

static xent_status f64_kl_divergence(const xent_call *call) {
  const xent_layout *l = &call->shape->losses;
  XENT_F64_BUFFERS(b, XENT_CHUNK, XENT_PIECE);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const double weight = row_number(call, call->row_weights, &call->shape->row_weights, row, 1);
    const strided dx = strided_row(call, call->output, call->output_layout, span_of_row(call, row));
    double loss = 0;
    if (weight != 0) {
      f64_side teacher, student;
      f64_read_side(call, row, call->teacher, &call->shape->teacher, &b, &teacher);
      f64_read_side(call, row, call->logits, &call->shape->logits, &b, &student);
      const double c = gradient_scale_of_row(call, row, weight);
      loss = f64_quiet(weight * f64_divergence_row(&teacher, &student, &dx, c, call->divergence, &b));
      call->report->valid_rows++;
    } else if (call->output) {
      f64_fill(&dx, 0, call->shape->classes, 0);
    }
    put_row_number(call, call->losses, l, row, loss);
    if (call->exact_sum) exact_sum_add_double(call->exact_sum, loss);
  }
  return XENT_OK;
}

#endif
