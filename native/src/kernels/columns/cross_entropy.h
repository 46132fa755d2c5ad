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
  xent_status status = XENT_OK;
  bool ignored = false, counted = false;
  XENT_EACH_RUN(call->shape, s, run) {
    const int64_t first = row_offset(call->shape, layout, run.row);
    for (int64_t i = 0; i < run.count; i++) {
      row_label label;
      status = label_at(call, run.row + i, first + i * layout->inner, &label);
      if (status) {
        s->width = run.at + i;
        break;
      }
      ignored |= label.ignored;
      counted |= !label.ignored;
      labels[run.at + i] = label.ignored ? XENT_IGNORED_COLUMN : (float)label.index;
    }
  }
  /* Up to the end of a block that begins at any column of the last one. */
  const int64_t end = (blocks_of(s->width) + 1) * XENT_LANES;
  for (int64_t i = s->width; i < end; i++) labels[i] = XENT_IGNORED_COLUMN;
  *kind = !counted ? XENT_ALL_IGNORED : ignored ? XENT_LABELS_AND_IGNORED : XENT_LABELS;
  return status;
}

/* Factors of the gradient of a block with scales c: e * G - c * a, and at the label ((0 - S_o / S) + (eps - a)) * c. */
XENT_INLINE void gradient_factors(const xent_call *call, const block_statistics *b, dlanes c, int64_t at,
                                  column_factors *f, uint32_t *leave) {
  const double a = smoothing_of(call->options, call->shape->classes).add;
  const double rest = a == 0 ? 0 : call->options->label_smoothing - a;
  const dlanes share = dlanes_sub(dlanes_zero(), dlanes_div(b->sum, b->total));
  lanes_store(f->first + at, block_factor(b, c, leave));
  lanes_store(f->second + at, a == 0 ? lanes_set(-0.0f) : lanes_sub(lanes_set(-0.0f), dlanes_narrow(dlanes_scale(c, a))));
  lanes_store(f->reference + at, b->reference);
  lanes_store(f->label_gradient + at, dlanes_narrow(dlanes_mul(dlanes_add(share, dlanes_set(rest)), c)));
}

/* Of a block whose logits add up to X: fma(1 - eps, L, eps * (A + D)), A = (K M - X) / K. */
XENT_INLINE lanes column_loss(const xent_call *call, const block_statistics *b, dlanes distance, const double *dot) {
  const double eps = call->options->label_smoothing;
  if (eps == 0) return block_loss(b, distance);
  const dlanes K = dlanes_set((double)call->shape->classes);
  const dlanes gap = dlanes_sub(dlanes_mul(K, dlanes_widen(b->max)), dlanes_load(dot));
  const dlanes even = dlanes_add(dlanes_div(gap, K), distance);
  return lanes_quiet(dlanes_narrow(eps == 1 ? even
                                            : dlanes_fma(dlanes_set(1 - eps), block_label_loss(b, distance),
                                                         dlanes_scale(even, eps))));
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

XENT_INLINE void block_column_results(const xent_call *call, const block_statistics *b, lanes labels,
                                      const column_sums *sums, uint32_t regular, int64_t at, column_results *r) {
  const lanes none = lanes_set(XENT_IGNORED_COLUMN);
  if (call->losses || call->tally || call->log_sum_exp) {
    const dlanes distance = block_distance(b);
    lanes_store(r->log_sum_exp + at,
                lanes_where_equal(labels, none, lanes_set(XENT_NAN), block_log_sum_exp(b, distance)));
    if (call->losses || call->tally) {
      const lanes losses = lanes_where_equal(labels, none, lanes_set(0.0f),
                                             column_loss(call, b, distance, sums->dot + at));
      lanes_store(r->losses + at, losses);
      if (call->tally) block_add_losses(call, losses, regular);
    }
  }
  if (call->hits) r->hits[at / XENT_LANES] = block_hits(b, lanes_load(sums->before + at)) & ~lanes_bits_equal(labels, none);
}

XENT_INLINE void block_column_statistics(const xent_call *call, const strip *s, const block_statistics *b,
                                         uint32_t ignored, int64_t at) {
  const int64_t left = s->width - at;
  const block_rows rows = {.first = s->row + at, .count = (int)(left < XENT_LANES ? left : XENT_LANES), .adjacent = true};
  block_write_statistics(call, &rows, b, XENT_KIND_LABEL);
  for (int i = 0; i < rows.count; i++)
    if (ignored >> i & 1) call->statistics[block_row(&rows, i)] = ignored_statistics;
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
    if (call->output) gradient_factors(call, &b, c, at, f, &leave);
    leave &= here & ~ignored;
    const uint32_t regular = here & ~leave & ~ignored;
    block_column_results(call, &b, labels, sums, regular, at, &r);
    if (call->statistics) block_column_statistics(call, s, &b, ignored, at);
    call->report->counted += __builtin_popcount(regular);
    apart->bits[at / XENT_LANES] = leave;
  }
  end_references(f, s->width);
  write_column_results(call, s, &r);
}

XENT_INLINE void clear_columns(const xent_call *call, const strip *s) {
  const int64_t stride = call->output_layout->classes;
  XENT_EACH_RUN(call->shape, s, run) {
    float *dx = call->output + row_offset(call->shape, call->output_layout, run.row);
    for (int64_t c = call->class_begin; c < call->class_end; c++)
      memset(dx + c * stride, 0, (size_t)run.count * sizeof *dx);
  }
}

/* Nothing is read where every column is ignored. */
XENT_SHARED void write_ignored_strip(const xent_call *call, const strip *s) {
  column_results r;
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    lanes_store(r.losses + at, lanes_set(0.0f));
    lanes_store(r.log_sum_exp + at, lanes_set(XENT_NAN));
    r.hits[at / XENT_LANES] = 0;
  }
  write_column_results(call, s, &r);
  for (int64_t j = 0; call->statistics && j < s->width; j++) call->statistics[s->row + j] = ignored_statistics;
  if (call->output) clear_columns(call, s);
}

XENT_SHARED xent_status cross_entropy_strip(const xent_call *call, strip *s, column_set *apart) {
  float scratch[XENT_STRIP_FLOATS];
  column_sums sums;
  column_factors f;
  enum column_labels kind;
  const xent_status invalid = load_labels(call, s, f.label, &kind);
  if (kind == XENT_ALL_IGNORED) {
    write_ignored_strip(call, s);
    return invalid;
  }
  const bool keep = call->output && is_short(call);
  const column_wishes wishes = {.labels = f.label,
                                .want_first = call->hits != NULL,
                                .want_dot = call->options->label_smoothing > 0,
                                .keep = keep};
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
  if (kind == XENT_ALL_IGNORED) {
    clear_columns(call, s);
    return invalid;
  }
  known_sums(call, s, &sums, apart);
  load_scales(call, s, scales);
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    const block_statistics b = known_block(&sums, at);
    const uint32_t ignored = lanes_bits_equal(lanes_load(f.label + at), lanes_set(XENT_IGNORED_COLUMN));
    uint32_t *leave = &apart->bits[at / XENT_LANES];
    gradient_factors(call, &b, dlanes_load(scales + at), at, &f, leave);
    *leave &= columns_of_block(s, at) & ~ignored;
  }
  end_references(&f, s->width);
  emit_strip(call, s, NULL, call->class_begin, call->class_end, &f, XENT_COLUMN_AGAIN, kind, apart);
  return invalid;
}

static xent_status cross_entropy_by_layout(const xent_call *call) {
  /* one row at a time where the sum of the logits would need lanes of its own beside a long strip's */
  if (!columns_fit(call) || (call->options->label_smoothing > 0 && !is_short(call))) return cross_entropy_forward(call);
  return each_strip(call, forward_pitch(call), cross_entropy_strip, cross_entropy_forward);
}
static xent_status cross_entropy_backward_by_layout(const xent_call *call) {
  if (!columns_fit(call)) return cross_entropy_backward(call);
  return each_strip(call, XENT_STRIP_COLUMNS, cross_entropy_backward_strip, cross_entropy_backward);
}

#endif
