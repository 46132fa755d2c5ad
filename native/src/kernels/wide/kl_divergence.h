/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kullback-Leibler divergence (docs/numerics.md, section 9): sum q (v + exp(-v) - 1), v = log q - log p. No term is
 * negative, and an error in the log-sum-exp of a side counts only squared.
 */
#ifndef XENT_WIDE_KL_DIVERGENCE_H
#define XENT_WIDE_KL_DIVERGENCE_H

#include "kernels/wide/emit.h"

/* One side of a row: the teacher's or the student's. */
typedef struct {
  f64_row row;
  xent_statistics s;
  double distance;
} f64_side;

/* What is the same for all classes of a row. */
typedef struct {
  f64_reference q, p;
  double q_total, p_total;
  double max, max_low; /* M_a - M_x */
  double distance;     /* D_a - D_x */
  double gradient;     /* its scale */
} f64_pairing;

/* f - g and what its rounding lost. */
XENT_INLINE dlanes f64_difference(dlanes f, dlanes g, dlanes *lost) {
  const dlanes s = dlanes_sub(f, g), k = dlanes_sub(s, f);
  *lost = dlanes_sub(dlanes_sub(f, dlanes_sub(s, k)), dlanes_add(g, k));
  return s;
}

/* Terms of the loss, and into *slope p - q. */
XENT_INLINE dlanes f64_divergence_lanes(dlanes a, dlanes x, const f64_pairing *w, dlanes *slope) {
  dlanes e[2] = {a, x}, lost;
  f64_exp_lanes(e, 1, w->q);
  f64_exp_lanes(e + 1, 1, w->p);
  const dlanes q = dlanes_div(e[0], dlanes_set(w->q_total)), p = dlanes_div(e[1], dlanes_set(w->p_total));
  const dlanes zero = dlanes_zero(), d = dlanes_sub(f64_difference(a, x, &lost), dlanes_set(w->max));
  const dlanes exact = dlanes_sub(dlanes_add(d, dlanes_sub(lost, dlanes_set(w->max_low))), dlanes_set(w->distance));
  const dlanes v = dlanes_where_at_most(dlanes_magnitude(d), dlanes_set(DBL_MAX), exact, d), y = dlanes_sub(zero, v);
  const dlanes t = dlanes_mul(f64_exp_terms_lanes(y), v), small = dlanes_mul(q, dlanes_mul(t, v));
  const dlanes least = dlanes_set(-40), e1 = f64_exp_minus_one(dlanes_where_at_most(least, y, y, least));
  const dlanes apart = dlanes_fma(q, dlanes_sub(v, dlanes_set(1)), p), middle = dlanes_mul(q, dlanes_add(v, e1));
  const dlanes near = dlanes_set(0.34), size = dlanes_magnitude(v), difference = dlanes_sub(p, q);
  dlanes term = dlanes_where_at_most(dlanes_set(-2), v, middle, apart);
  term = dlanes_where_at_most(size, near, small, term);
  *slope = dlanes_where_at_most(size, near, dlanes_mul(q, dlanes_fma(t, v, y)), difference);
  *slope = dlanes_where_at_most(q, zero, p, *slope);
  return dlanes_where_at_most(q, zero, p, term);
}

XENT_SHARED void f64_divergence_piece(const double *a, const double *x, double *dx, int64_t n, const f64_pairing *w,
                                       pair_lanes *sum) {
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    dlanes slope;
    const dlanes term = f64_divergence_lanes(dlanes_load_part(a + i, n - i, -INFINITY),
                                              dlanes_load_part(x + i, n - i, -INFINITY), w, &slope);
    pair_lanes_add(sum, term);
    if (dx) dlanes_store_part(dx + i, n - i, dlanes_quiet(dlanes_scale(slope, w->gradient)));
  }
}

XENT_SHARED void f64_read_side(const xent_call *call, int64_t row, const void *array, const xent_layout *layout,
                                f64_buffers *buffers, f64_side *side) {
  side->row = f64_row_of_logits(call, row);
  side->row.logits.x = f64_array_of(call, array, layout, side->row.span);
  f64_fold fold;
  f64_whole_row(&side->row, buffers, &fold, &side->s);
  side->distance = side->s.kind & XENT_ROW_SPECIAL ? 0 : f64_distance(&side->s);
}

/* The loss of a row, and its gradient where there is room for it. */
XENT_SHARED double f64_divergence_row(const xent_call *call, const f64_side *teacher, const f64_side *student, double c,
                                       f64_buffers *buffers) {
  const f64_array dx = f64_array_of(call, call->output, call->output_layout, student->row.span);
  const int64_t classes = student->row.logits.classes;
  const uint32_t kind = teacher->s.kind | student->s.kind;
  if (kind & XENT_ROW_SPECIAL) {
    const double fixed = kind & XENT_ROW_NAN ? XENT_WIDE_NAN : 0;
    if (call->output) f64_fill(&dx, 0, classes, fixed);
    return fixed;
  }
  const double max = teacher->s.wide_max - student->s.wide_max, k = max - teacher->s.wide_max;
  const f64_pairing w = {.q = f64_reference_of((double)teacher->s.reference),
                          .p = f64_reference_of((double)student->s.reference),
                          .q_total = teacher->s.sum * XENT_RESCALE,
                          .p_total = student->s.sum * XENT_RESCALE,
                          .max = max,
                          .max_low = (teacher->s.wide_max - (max - k)) - (student->s.wide_max + k),
                          .distance = teacher->distance - student->distance,
                          .gradient = logit_scale(call->options, c)};
  pair loss = {0, 0};
  for (int64_t i = 0; i < classes; i += XENT_CHUNK) {
    pair_lanes sum = pair_lanes_zero();
    const int64_t end = i + chunk_length(i, classes);
    for (int64_t at = i; at < end; at += XENT_PIECE) {
      const int64_t n = piece_length(at, end);
      const double *a = f64_prepared(&teacher->row.logits, at, n, teacher->s.wide_shift, buffers->other, NULL);
      const double *x = f64_prepared(&student->row.logits, at, n, student->s.wide_shift, buffers->x, NULL);
      double *out = call->output ? f64_room(&dx, at, buffers->out) : NULL;
      f64_divergence_piece(a, x, out, n, &w, &sum);
      if (!out) continue;
      f64_mask(&student->row.logits, at, n, out, 0);
      f64_store(&dx, at, n, out);
    }
    loss = pair_add(loss, pair_lanes_tree(&sum));
  }
  return pair_value(loss);
}

static xent_status f64_kl_divergence(const xent_call *call) {
  const xent_layout *l = &call->shape->losses;
  f64_buffers buffers;
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const double weight = row_weight_at(call, row);
    double loss = 0;
    if (weight == 0) {
      const f64_array dx = f64_array_of(call, call->output, call->output_layout, span_of_row(call, row));
      if (call->output) f64_fill(&dx, 0, call->shape->classes, 0);
    } else {
      f64_side teacher, student;
      f64_read_side(call, row, call->teacher, &call->shape->teacher, &buffers, &teacher);
      f64_read_side(call, row, call->logits, &call->shape->logits, &buffers, &student);
      const double c = gradient_scale_of(call->options) * weight;
      loss = f64_quiet(weight * f64_divergence_row(call, &teacher, &student, c, &buffers));
      call->report->counted++;
    }
    if (call->losses) put_number(call->losses, l->type, row_offset(call->shape, l, row), loss);
    if (call->tally) tally_add_double(call->tally, loss);
  }
  return XENT_OK;
}

#endif
