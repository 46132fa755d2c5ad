/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-entropy of columns with labels: losses, gradients, and the gradient of an earlier forward. */
#ifndef XENT_COLUMNS_CROSS_ENTROPY_H
#define XENT_COLUMNS_CROSS_ENTROPY_H

#include "kernels/columns/columns.h"
#include "kernels/columns/forward.h"
#include "kernels/columns/known.h"
#include "kernels/cross_entropy/cross_entropy.h"

/* The labels of a strip as floats. The strip ends before an invalid label. */
XENT_SHARED xent_status load_labels(const xent_call *call, strip *s, float *labels, enum column_labels *kind) {
  const xent_layout *layout = &call->shape->targets;
  *kind = XENT_LABELS;
  XENT_EACH_RUN(call->shape, s, run) {
    const int64_t first = row_offset(call->shape, layout, run.row);
    for (int64_t i = 0; i < run.count; i++) {
      row_label label;
      const xent_status status = label_at(call, run.row + i, first + i * layout->inner, &label);
      if (status) {
        s->width = run.at + i;
        return status;
      }
      if (label.ignored) *kind = XENT_LABELS_AND_IGNORED;
      labels[run.at + i] = label.ignored ? XENT_IGNORED_COLUMN : (float)label.index;
    }
  }
  for (int64_t i = s->width; i % XENT_LANES; i++) labels[i] = XENT_IGNORED_COLUMN;
  return XENT_OK;
}

/* Factors of the gradient of a block with scales c. */
XENT_INLINE void gradient_factors(const block_statistics *b, dlanes c, int64_t at, column_factors *f,
                                  uint32_t *leave) {
  lanes_store(f->first + at, block_factor(b, c, leave));
  lanes_store(f->second + at, lanes_set(-0.0f));
  lanes_store(f->reference + at, b->reference);
  lanes_store(f->label_gradient + at, block_label_gradient(b, c));
}

/* What is written per row, before it goes where its layout says. */
typedef struct {
  column_floats losses, log_sum_exp;
  uint32_t hits[XENT_STRIP_BLOCKS];
} column_results;

XENT_INLINE uint32_t block_hits(const block_statistics *b, lanes before) {
  const lanes first = lanes_where_above(b->max, before, b->label_logit, lanes_set(INFINITY));
  return lanes_bits_equal(first, b->max);
}

XENT_INLINE void block_column_results(const xent_call *call, const block_statistics *b, lanes labels, lanes before,
                                      uint32_t regular, int64_t at, column_results *r) {
  const lanes none = lanes_set(XENT_IGNORED_COLUMN);
  if (call->losses || call->tally || call->log_sum_exp) {
    const dlanes distance = block_distance(b);
    lanes_store(r->log_sum_exp + at,
                lanes_where_equal(labels, none, lanes_set(XENT_NAN), block_log_sum_exp(b, distance)));
    if (call->losses || call->tally) {
      const lanes losses = lanes_where_equal(labels, none, lanes_set(0.0f), block_loss(b, distance));
      lanes_store(r->losses + at, losses);
      if (call->tally) block_add_losses(call, losses, regular);
    }
  }
  if (call->hits) r->hits[at / XENT_LANES] = block_hits(b, before) & ~lanes_bits_equal(labels, none);
}

XENT_INLINE void block_column_statistics(const xent_call *call, const strip *s, const block_statistics *b,
                                         uint32_t ignored, int64_t at) {
  block_rows rows = {.count = (int)(s->width - at < XENT_LANES ? s->width - at : XENT_LANES)};
  for (int i = 0; i < rows.count; i++) rows.row[i] = s->row + at + i;
  block_write_statistics(call, &rows, b, XENT_KIND_LABEL);
  for (int i = 0; i < rows.count; i++)
    if (ignored >> i & 1) call->statistics[rows.row[i]] = ignored_statistics;
}

XENT_INLINE void write_column_results(const xent_call *call, const strip *s, const column_results *r) {
  const xent_shape *shape = call->shape;
  if (call->losses) write_columns(shape, s, &shape->losses, call->losses, r->losses);
  if (call->log_sum_exp) write_columns(shape, s, &shape->log_sum_exp, call->log_sum_exp, r->log_sum_exp);
  if (!call->hits) return;
  XENT_EACH_RUN(shape, s, run) {
    uint8_t *first = call->hits + row_offset(shape, &shape->hits, run.row);
    for (int64_t i = 0; i < run.count; i++) {
      const int64_t j = run.at + i;
      first[i * shape->hits.inner] = r->hits[j / XENT_LANES] >> j % XENT_LANES & 1;
    }
  }
}

/* The sums of labelled columns to results, statistics and factors. */
XENT_INLINE void finish_labels(const xent_call *call, const strip *s, const column_sums *sums, column_factors *f,
                               column_set *apart) {
  const dlanes c = dlanes_set(gradient_scale_of(call->options));
  column_results r;
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    const block_statistics b = label_block(sums, at);
    const lanes labels = lanes_load(f->label + at);
    const uint32_t here = columns_of_block(s, at), ignored = lanes_bits_equal(labels, lanes_set(XENT_IGNORED_COLUMN));
    uint32_t leave = b.special;
    if (call->output) gradient_factors(&b, c, at, f, &leave);
    leave &= here & ~ignored;
    const uint32_t regular = here & ~leave & ~ignored;
    block_column_results(call, &b, labels, lanes_load(sums->before + at), regular, at, &r);
    if (call->statistics) block_column_statistics(call, s, &b, ignored, at);
    call->report->counted += __builtin_popcount(regular);
    apart->bits[at / XENT_LANES] = leave;
  }
  write_column_results(call, s, &r);
}

XENT_SHARED xent_status cross_entropy_strip(const xent_call *call, strip *s, column_set *apart) {
  float scratch[XENT_STRIP_FLOATS];
  column_sums sums;
  column_factors f;
  enum column_labels kind;
  const xent_status invalid = load_labels(call, s, f.label, &kind);
  const bool keep = call->output && is_short(call);
  const column_wishes wishes = {.labels = f.label, .want_first = call->hits != NULL, .keep = keep};
  sum_strip(call, s, &wishes, scratch, &sums);
  finish_labels(call, s, &sums, &f, apart);
  if (call->output)
    emit_strip(call, s, keep ? scratch : NULL, 0, call->shape->classes, &f,
               keep ? XENT_COLUMN_KEPT : XENT_COLUMN_AGAIN, kind, apart);
  return invalid;
}

/* The gradient scales of a strip's rows. */
XENT_INLINE void load_scales(const xent_call *call, const strip *s, double *scales) {
  const double c = gradient_scale_of(call->options);
  const xent_layout *layout = &call->shape->upstream;
  for (int64_t i = 0; i < blocks_of(s->width) * XENT_LANES; i++) scales[i] = c;
  if (!call->upstream) return;
  XENT_EACH_RUN(call->shape, s, run) {
    const float *first = call->upstream + row_offset(call->shape, layout, run.row);
    for (int64_t i = 0; i < run.count; i++) scales[run.at + i] = c * (double)first[i * layout->inner];
  }
}

/* A gradient needs no pass over the logits: the statistics hold everything else. */
XENT_SHARED xent_status cross_entropy_backward_strip(const xent_call *call, strip *s, column_set *apart) {
  column_sums sums;
  column_factors f;
  double scales[XENT_STRIP_COLUMNS];
  enum column_labels kind;
  const xent_status invalid = load_labels(call, s, f.label, &kind);
  known_sums(call, s, &sums, apart);
  load_scales(call, s, scales);
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    const block_statistics b = known_block(&sums, at);
    const uint32_t ignored = lanes_bits_equal(lanes_load(f.label + at), lanes_set(XENT_IGNORED_COLUMN));
    uint32_t *leave = &apart->bits[at / XENT_LANES];
    gradient_factors(&b, dlanes_load(scales + at), at, &f, leave);
    *leave &= columns_of_block(s, at) & ~ignored;
  }
  emit_strip(call, s, NULL, call->class_begin, call->class_end, &f, XENT_COLUMN_AGAIN, kind, apart);
  return invalid;
}

static xent_status cross_entropy_by_layout(const xent_call *call) {
  if (!columns_fit(call) || call->options->label_smoothing > 0) return cross_entropy_forward(call);
  return each_strip(call, forward_pitch(call), cross_entropy_strip, cross_entropy_forward);
}
static xent_status cross_entropy_backward_by_layout(const xent_call *call) {
  if (!columns_fit(call) || call->options->label_smoothing > 0) return cross_entropy_backward(call);
  return each_strip(call, XENT_STRIP_COLUMNS, cross_entropy_backward_strip, cross_entropy_backward);
}

#endif
