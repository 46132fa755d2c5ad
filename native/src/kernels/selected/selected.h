/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log-probabilities of a few classes of each row, and their gradient (numerics.md, section 3); contract_selected
 * (native/test/contract/selected.c) is the plain form.
 *   for each block of up to sixteen rows:
 *     the label of a row is its selected class with the largest logit
 *     loss, statistics = cross-entropy of all rows of the block
 *     log p = -loss for the label, -(D + max - x) for the other selected classes
 *     dx = the gradient of cross-entropy for the label; then dx of the selected classes is written again
 * Only the label can have more than half of the row's mass.
 */
#ifndef XENT_SELECTED_H
#define XENT_SELECTED_H

#include "kernels/selected/f32_selected.h"
#include "kernels/selected/f64_selected.h"
#include "kernels/supported.h"

XENT_INLINE double selected_logit(const xent_call *call, double raw, double *slope) {
  *slope = 1;
  if (call->options->softcap == 0) return raw;
  return call->wide ? f64_selected_logit(call, raw, slope) : f32_selected_logit(call, raw, slope);
}

/* Reads the selected classes of the next row and chooses its label; stops at a wrong class. */
XENT_SHARED xent_status select_row(selected_block *b, int i) {
  const xent_call *call = b->call;
  const row_span span = span_of_row(call, b->first + i);
  selected_class *selected = b->classes + i * b->count;
  const xent_layout *l = &call->shape->logits;
  double largest = 0, slope;
  bool any = false;
  b->begin[i] = span.begin;
  b->label[i] = XENT_NO_CLASS;
  b->pull[i] = 0;
  for (int64_t k = 0; k < b->count; k++) {
    const int64_t class = sparse_class_at(call, span.row, k);
    selected[k].class = XENT_NO_CLASS;
    if (is_ignored_class(call, class)) continue;
    if (!is_class_of_row(call, span, class)) return wrong_class(call, span.row, class);
    selected[k].class = class;
    selected[k].raw = one_float_at(call->logits, l->type, class_offset(call, l, span) + class * l->classes);
    const double x = selected_logit(call, selected[k].raw, &slope), target = selected_target(call, span.row, k);
    b->pull[i] = any ? b->pull[i] + target : target;
    if (!any || x > largest) b->label[i] = class, largest = x;
    any = true;
  }
  return XENT_OK;
}
XENT_INLINE xent_status select_rows(selected_block *b, int64_t row) {
  const int64_t left = b->call->row_end - row;
  const int rows = left < b->most ? (int)left : b->most;
  xent_status status = XENT_OK;
  b->first = row;
  for (b->rows = 0; b->rows < rows && !status; b->rows += !status) status = select_row(b, b->rows);
  return status;
}

/* The call of cross-entropy on the rows of the block. */
XENT_INLINE xent_call labelled_call(selected_block *b) {
  xent_call own = *b->call;
  drop_other_arrays(&own,
                    ~(XENT_HAS(upstream) | XENT_HAS(output) | XENT_HAS(log_probabilities) | XENT_HAS(statistics)));
  own.shape = &b->shape;
  own.options = &b->options;
  own.row_begin = b->first;
  own.row_end = b->first + b->rows;
  own.targets = all_rows_of(b->label, b->first, sizeof *b->label);
  return own;
}

XENT_SHARED xent_status forward_selected(selected_block *b, const xent_family *family) {
  xent_call own = labelled_call(b);
  own.stream = false;
  own.statistics = b->call->statistics;
  if (!own.statistics) own.statistics = all_rows_of(b->statistics, b->first, sizeof *b->statistics);
  b->known = (const row_statistics *)(const void *)own.statistics + b->first;
  if (b->call->log_probabilities)
    own.losses = b->call->wide ? all_rows_of(b->losses, b->first, sizeof *b->losses)
                               : all_rows_of(b->float_losses, b->first, sizeof *b->float_losses);
  return family->cross_entropy_forward(&own);
}

/* The result of a row that is NaN, fully masked or ignored; an ignored entry yields 0. */
XENT_INLINE double special_log_probability(uint32_t kind) { return kind & XENT_ROW_NAN ? XENT_F64_NAN : -INFINITY; }

XENT_SHARED void write_selected(const selected_block *b) {
  const xent_call *call = b->call;
  const xent_layout *l = &call->shape->log_probabilities;
  double D[XENT_SELECTED_ROWS], slope;
  if (call->wide)
    f64_distances(b, D);
  else
    f32_distances(b, D);
  for (int i = 0; i < b->rows; i++) {
    const row_statistics *s = &b->known[i];
    const selected_class *selected = b->classes + i * b->count;
    const double loss = call->wide ? b->losses[i] : (double)b->float_losses[i];
    for (int64_t k = 0; k < b->count; k++) {
      double v = 0;
      if (selected[k].class == XENT_NO_CLASS)
        v = 0;
      else if (s->kind & XENT_ROW_SPECIAL)
        v = special_log_probability(s->kind);
      else if (selected[k].class == b->label[i])
        v = 0 - loss;
      else if (call->wide)
        v = f64_log_probability(b, s, selected_logit(call, selected[k].raw, &slope), D[i]);
      else
        v = f32_log_probability(b, s, selected_logit(call, selected[k].raw, &slope), D[i]);
      put_number(call->log_probabilities, l->type, row_offset(call->shape, l, b->first + i) + k * l->classes, v);
    }
  }
}

/* The sum of the targets of the class of entry k; false if an earlier entry has the same class. */
XENT_INLINE bool target_of_class(const selected_block *b, int i, int64_t k, double *target) {
  const selected_class *selected = b->classes + i * b->count;
  const int64_t row = b->first + i;
  const int64_t class = selected[k].class;
  for (int64_t j = 0; j < k; j++)
    if (selected[j].class == class) return false;
  *target = selected_target(b->call, row, k);
  for (int64_t j = k + 1; j < b->count; j++) {
    XENT_IN_ORDER(); /* gcc 12 vectorizes a conditional sum with +0 for skipped terms, which would lose -0 */
    if (selected[j].class == class) *target += selected_target(b->call, row, j);
  }
  return class != XENT_NO_CLASS;
}

/* The sum of the targets of all classes except the label; false if the row has only the label. */
XENT_INLINE bool target_of_others(const selected_block *b, int i, double *target) {
  const selected_class *selected = b->classes + i * b->count;
  bool any = false;
  *target = 0;
  for (int64_t k = 0; k < b->count; k++) {
    XENT_IN_ORDER();
    if (selected[k].class == b->label[i] || selected[k].class == XENT_NO_CLASS) continue;
    const double own = selected_target(b->call, b->first + i, k);
    *target = any ? *target + own : own;
    any = true;
  }
  return any;
}

/* Adds the selected classes of row i to the gradient that the row has for its label. */
XENT_SHARED void write_selected_gradient(const selected_block *b, int i) {
  const xent_call *call = b->call;
  const xent_layout *l = call->output_layout;
  const selected_class *selected = b->classes + i * b->count;
  const row_statistics *s = &b->known[i];
  double target, rest, slope;
  if (s->kind & XENT_ROW_SPECIAL || b->label[i] == XENT_NO_CLASS) return;
  if (!target_of_others(b, i, &rest)) return;
  const double cc = selected_scale(b, b->pull[i]), S = s->sum + s->mass, cc_rest = selected_scale(b, rest);
  const f32_selected_factors narrow = f32_factors_of(S, cc);
  const f64_selected_factors wide = f64_factors_of(S, cc);
  const int64_t at = class_offset(call, l, (row_span){.row = b->first + i, .begin = b->begin[i]});
  for (int64_t k = 0; k < b->count; k++) {
    if (!target_of_class(b, i, k, &target)) continue;
    const double own = selected_scale(b, target), x = selected_logit(call, selected[k].raw, &slope);
    double v = (0 - s->sum / S) * own + (s->mass / S) * cc_rest;
    if (selected[k].class != b->label[i])
      v = call->wide ? f64_named_gradient(b, s, &wide, x, own) : f32_named_gradient(b, s, &narrow, x, own);
    if (call->options->softcap != 0) v = call->wide ? v * slope : (double)((float)v * (float)slope);
    put_number(call->output, l->type, at + selected[k].class * l->classes, call->wide ? v : (double)(float)v);
  }
}

XENT_SHARED xent_status gradient_of_selected(selected_block *b, const xent_family *family) {
  xent_call own = labelled_call(b);
  own.output = b->call->output;
  own.known_statistics = all_rows_of(b->known, b->first, sizeof *b->known);
  own.upstream = all_rows_of(b->pull, b->first, sizeof *b->pull);
  const xent_status status = family->cross_entropy_backward(&own);
  for (int i = 0; !status && i < b->rows; i++) write_selected_gradient(b, i);
  return status;
}

/* All rows of a call, in blocks for which the scratch has room. */
XENT_SHARED xent_status selected_rows(const xent_call *call, const xent_family *family) {
  const xent_shape *shape = call->shape;
  selected_block b; /* not initialized, because it is large */
  b.call = call;
  b.count = shape->target_count ? shape->target_count : 1;
  b.most = b.count * XENT_SELECTED_ROWS <= XENT_MOST_SELECTED ? XENT_SELECTED_ROWS : XENT_MOST_SELECTED / (int)b.count;
  b.temperature = f32_temperature_of(call->options->temperature);
  b.wide_temperature = f64_temperature_of(call->options->temperature);
  b.shape = *shape;
  b.shape.target_count = 0;
  b.shape.targets = xent_per_inner(shape->inner, XENT_I64);
  b.shape.losses = xent_per_inner(shape->inner, call->wide ? XENT_F64 : XENT_F32);
  b.shape.upstream = xent_per_inner(shape->inner, XENT_F64);
  b.options = *call->options;
  b.options.has_ignore_index = 1;
  b.options.ignore_index = XENT_NO_CLASS;
  xent_status status = XENT_OK;
  for (int64_t row = call->row_begin; !status && row < call->row_end; row += b.most) {
    const xent_status wrong = select_rows(&b, row);
    if (b.rows && call->known_statistics)
      b.known = known_statistics_at(call, row);
    else if (b.rows)
      status = forward_selected(&b, family);
    if (!status && call->log_probabilities) write_selected(&b);
    if (!status && b.rows && call->output) status = gradient_of_selected(&b, family);
    if (!status) status = wrong;
  }
  return status;
}

#endif
