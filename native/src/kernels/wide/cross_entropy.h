/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-entropy in float64 arithmetic: every kind of targets, every option, every output. */
#ifndef XENT_WIDE_CROSS_ENTROPY_H
#define XENT_WIDE_CROSS_ENTROPY_H

#include "kernels/wide/emit.h"

XENT_SHARED double f64_gradient_at_label(const f64_row *r, const xent_statistics *s, double scale) {
  return f64_quiet(label_gradient(&r->t, r->call->options, s->sum, s->mass, f64_total(s), weight_of_class(r->call, r->t.label),
                                  s->pull, s->share, scale));
}

/* The gradient of a row's classes [begin, end). */
XENT_SHARED void f64_gradient_row(const f64_row *r, const xent_statistics *s, double c, int64_t begin, int64_t end,
                                   f64_buffers *buffers) {
  const xent_call *call = r->call;
  const f64_array dx = f64_array_of(call, call->output, call->output_layout, r->span);
  if (s->kind & XENT_ROW_SPECIAL) {
    f64_fill(&dx, begin, end, s->kind & XENT_ROW_NAN ? XENT_WIDE_NAN : 0);
    return;
  }
  const double scale = logit_scale(call->options, c);
  const f64_factor f = f64_factor_of(f64_total(s), scale, s->pull);
  const bool labels = r->t.kind == XENT_KIND_LABEL;
  for (int64_t i = begin; i < end; i += XENT_PIECE) {
    const int64_t n = piece_length(i, end), y = labels ? r->label - i : XENT_NO_CLASS;
    const double *x = f64_prepared(&r->logits, i, n, s->wide_shift, buffers->x, buffers->slope), *t = buffers->other;
    if (r->t.sparse)
      f64_sparse(r, i, n, buffers->other);
    else if (!labels)
      f64_dense(r, i, n, buffers->other);
    else if (s->share > 0)
      f64_even(r, i, n, s->share, buffers->other);
    else
      t = NULL;
    double *out = f64_room(&dx, i, buffers->out);
    f64_emit_gradient(x, t, out, n, (double)s->reference, &f);
    if (y >= 0 && y < n) out[y] = f64_gradient_at_label(r, s, scale);
    f64_bend(&r->logits, out, buffers->slope, n);
    f64_mask(&r->logits, i, n, out, 0);
    f64_store(&dx, i, n, out);
  }
}

/* c (1 - eps) w (log-sum-exp - x) */
XENT_INLINE double f64_target_gradient(const f64_row *r, const xent_statistics *s, double c, int64_t class, double x,
                                        double distance) {
  const double weight = c * (r->t.keep * class_weight_at(r->call, class));
  return weight == 0 ? 0 : f64_quiet(weight * ((s->wide_max - x) + distance));
}
XENT_SHARED void f64_target_gradients(const f64_row *r, const xent_statistics *s, double c, double distance,
                                       f64_buffers *buffers) {
  const xent_call *call = r->call;
  const xent_layout *l = &call->shape->target_gradient;
  const bool special = s->kind & XENT_ROW_SPECIAL;
  const double fixed = s->kind & XENT_ROW_NAN ? XENT_WIDE_NAN : 0;
  if (r->t.sparse) {
    const int64_t at = row_offset(call->shape, l, r->row);
    for (int64_t j = 0; j < call->shape->target_count; j++) {
      const f64_entry e = f64_entry_at(r, j, 0, r->logits.classes);
      double out = fixed;
      if (!special && e.here)
        out = f64_target_gradient(r, s, c, e.class, f64_prepared_one(&r->logits, e.class, s->wide_shift), distance);
      put_number(call->target_gradient, l->type, at + j * l->classes, out);
    }
    return;
  }
  const f64_array dq = f64_array_of(call, call->target_gradient, l, r->span);
  if (special) {
    f64_fill(&dq, 0, r->logits.classes, fixed);
    return;
  }
  for (int64_t i = 0; i < r->logits.classes; i += XENT_PIECE) {
    const int64_t n = piece_length(i, r->logits.classes);
    const double *x = f64_prepared(&r->logits, i, n, s->wide_shift, buffers->x, NULL);
    double *out = f64_room(&dq, i, buffers->out);
    for (int64_t k = 0; k < n; k++) out[k] = f64_target_gradient(r, s, c, i + k, x[k], distance);
    f64_mask(&r->logits, i, n, out, 0);
    f64_store(&dq, i, n, out);
  }
}

static xent_status f64_cross_entropy(const xent_call *call) {
  f64_buffers buffers;
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const row_span span = span_of_row(call, row);
    row_targets t;
    const xent_status status = targets_of_row(call, span, &t);
    if (status) return status;
    const f64_row r = f64_row_of(call, span, &t);
    f64_fold fold = f64_fold_begin();
    f64_order order = {0, false};
    xent_statistics s = f64_ignored(&t);
    if (!t.ignored) {
      order = f64_whole_row(&r, &buffers, &fold, &s);
      call->report->counted += call->targets != NULL;
    }
    const f64_terms terms = f64_terms_of(call, &t, &fold, &s);
    f64_weigh(call, &t, &fold, &terms, &s);
    f64_write_row(&r, &s, &order, f64_loss(call, &t, &fold, &terms, &s), &terms, &buffers);
    const double c = gradient_scale_of_row(call, row, t.row_weight);
    if (call->target_gradient) f64_target_gradients(&r, &s, c, terms.distance, &buffers);
    if (call->output) f64_gradient_row(&r, &s, c, 0, r.logits.classes, &buffers);
  }
  return XENT_OK;
}

static xent_status f64_cross_entropy_backward(const xent_call *call) {
  f64_buffers buffers;
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const row_span span = span_of_row(call, row);
    row_targets t;
    const xent_status status = targets_of_row(call, span, &t);
    if (status) return status;
    f64_row r = f64_row_of(call, span, &t);
    const xent_statistics ignored = f64_ignored(&t), *s = t.ignored ? &ignored : &call->known_statistics[row];
    r.share = s->share;
    const int64_t end = call->class_end < r.logits.classes ? call->class_end : r.logits.classes;
    f64_gradient_row(&r, s, gradient_scale_of_row(call, row, t.row_weight), call->class_begin, end, &buffers);
  }
  return XENT_OK;
}

#endif
