/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kullback-Leibler divergence (docs/numerics.md, section 9): sum q (v + exp(-v) - 1), v = log q - log p. No term is
 * negative, and an error in the log-sum-exp of a side counts only squared.
 */
#ifndef XENT_F64_KL_DIVERGENCE_H
#define XENT_F64_KL_DIVERGENCE_H

#include "kernels/f64/states.h"

/* One side of a row: the teacher's or the student's. */
typedef struct {
  f64_row r;
  f64_reference k;
  uint32_t fate;
  double shift, distance;
  doubles max, per_sum;
} f64_side;

XENT_SHARED void f64_read_side(const xent_call *call, int64_t row, const void *array, const xent_layout *layout,
                               const f64_buffers *b, f64_side *side) {
  XENT_ALIGNED f64_sums g;
  memset(&g, 0, sizeof g);
  side->r = f64_rows_of(call);
  side->r.span = span_of_row(call, row);
  side->r.logits = f64_logits_of(call, array, layout, side->r.span);
  f64_whole_row(&side->r, b->row, b, &g, 0);
  f64_settle(&side->r, 1, true, &g);
  side->k = f64_reference_of(doubles_set(g.reference[0]), side->r.temperature);
  side->fate = g.fate[0];
  side->shift = g.shift[0];
  side->distance = g.distance[0];
  side->max = doubles_set(g.max[0]);
  side->per_sum = doubles_set(1 / g.sum[0]);
}

XENT_INLINE doubles f64_probability(doubles x, const f64_side *side) {
  return doubles_mul(f64_exp(x, &side->k), side->per_sum);
}

/* f - g and what its rounding lost. */
XENT_INLINE doubles f64_difference(doubles f, doubles g, doubles *lost) {
  const doubles s = doubles_sub(f, g), k = doubles_sub(s, f);
  *lost = doubles_sub(doubles_sub(f, doubles_sub(s, k)), doubles_add(g, k));
  return s;
}

/* Terms of the loss, and into *slope p - q. */
XENT_INLINE doubles f64_divergence_of(doubles a, doubles x, const f64_side *teacher, const f64_side *student,
                                      doubles *slope) {
  const doubles q = f64_probability(a, teacher), p = f64_probability(x, student), zero = doubles_set(0),
      one = doubles_set(1);
  const doubles r = doubles_set(student->r.temperature.high),
      distance = doubles_set(teacher->distance - student->distance);
  doubles max_lost, lost;
  const doubles max = f64_difference(teacher->max, student->max, &max_lost);
  const doubles d = doubles_sub(f64_difference(a, x, &lost), max);
  const doubles exact = doubles_sub(doubles_mul(doubles_add(d, doubles_sub(lost, max_lost)), r), distance);
  const doubles v = doubles_where_at_most(doubles_magnitude(d), doubles_set(DBL_MAX), exact, doubles_mul(d, r));
  const doubles y = doubles_sub(zero, v), least = doubles_set(-40), near = doubles_set(0.34),
      size = doubles_magnitude(v);
  doubles t;
  f64_exp_terms(&y, &t, 1);
  t = doubles_mul(t, v);
  const doubles middle = doubles_add(v, f64_exp_minus_one(doubles_where_at_most(least, y, y, least)));
  const doubles apart = doubles_fma(q, doubles_sub(v, one), p);
  doubles term = doubles_where_at_most(doubles_set(-2), v, doubles_mul(q, middle), apart);
  term = doubles_where_at_most(size, near, doubles_mul(q, doubles_mul(t, v)), term);
  *slope = doubles_where_at_most(size, near, doubles_mul(q, doubles_fma(t, v, y)), doubles_sub(p, q));
  *slope = doubles_where_at_most(q, zero, p, *slope);
  return doubles_where_at_most(q, zero, p, term);
}

/* The loss of a row without its weight, and its gradient where there is an array for it. */
XENT_SHARED double f64_divergence_row(const f64_side *teacher, const f64_side *student, const f64_array *dx, double c,
                                      const f64_buffers *b) {
  const int64_t classes = student->r.logits.classes;
  const uint32_t fate = teacher->fate | student->fate;
  if (fate) {
    const double fixed = f64_fixed(XENT_F64_GRADIENT, fate);
    if (dx->array) f64_fill(dx, 0, classes, fixed);
    return fixed;
  }
  const doubles scale = doubles_set(logit_scale(student->r.call->options, c));
  pair loss = pair_of(doubles_set(0));
  for (int64_t i = 0; i < classes; i += XENT_PIECE) {
    const int64_t n = f64_part(i, classes, XENT_PIECE);
    const double *a = f64_prepared(&teacher->r.logits, i, n, teacher->shift, b->t, NULL);
    const double *x = f64_prepared(&student->r.logits, i, n, student->shift, b->x, NULL);
    for (int64_t k = 0; k < n; k += XENT_DOUBLES) {
      doubles slope;
      const doubles as = doubles_load_part(a + k, n - k, -INFINITY), xs = doubles_load_part(x + k, n - k, -INFINITY);
      doubles_store_part(b->out + k, n - k, f64_divergence_of(as, xs, teacher, student, &slope));
      doubles_store_part(b->slope + k, n - k, doubles_quiet(doubles_mul(slope, scale)));
    }
    loss = pair_add(loss, f64_sum_values(b->out, n, false));
    if (!dx->array) continue;
    double *out = f64_room(dx, i, b->slope);
    if (out != b->slope) memcpy(out, b->slope, (size_t)n * sizeof *out);
    f64_mask(&student->r.logits, i, n, out, 0);
    f64_store(dx, i, n, out);
  }
  return doubles_first(pair_value(loss));
}

static xent_status f64_kl_divergence(const xent_call *call) {
  const xent_layout *l = &call->shape->losses;
  XENT_F64_BUFFERS(b, XENT_CHUNK, XENT_PIECE);
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const double weight = row_number(call, call->row_weights, &call->shape->row_weights, row, 1);
    const f64_array dx = f64_array_of(call, call->output, call->output_layout, span_of_row(call, row));
    double loss = 0;
    if (weight != 0) {
      f64_side teacher, student;
      f64_read_side(call, row, call->teacher, &call->shape->teacher, &b, &teacher);
      f64_read_side(call, row, call->logits, &call->shape->logits, &b, &student);
      const double c = gradient_scale_of_row(call, row, weight);
      loss = f64_quiet(weight * f64_divergence_row(&teacher, &student, &dx, c, &b));
      call->report->counted++;
    } else if (call->output) {
      f64_fill(&dx, 0, call->shape->classes, 0);
    }
    put_row_number(call, call->losses, l, row, loss);
    if (call->tally) tally_add_double(call->tally, loss);
  }
  return XENT_OK;
}

#endif
