/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first pass over a strip: maxima, references and sums of its columns.
 *   Up to 1024 classes the whole strip lies in the scratch; its e are left there where they are wanted.
 *   Beyond, group after group goes through the scratch, and the references rise column by column.
 */
#ifndef XENT_COLUMNS_FORWARD_H
#define XENT_COLUMNS_FORWARD_H

#include "kernels/columns/results.h"
#include "kernels/columns/sum.h"
#include "kernels/row/rows.h"

/* What the first pass is asked for. */
typedef struct {
  const float *labels; /* of the columns, or NULL; -1 in ignored ones */
  bool want_first;     /* the largest logit before the label */
  bool want_dot;       /* the sum of the logits; up to 1024 classes */
  bool keep;           /* e in the scratch; up to 1024 classes */
} column_wishes;

/* The classes [begin, begin + n) of the labels leave the scratch: e(-inf) is +0. Their logits are kept. */
XENT_INLINE void take_labels(const strip *s, const float *labels, int64_t begin, int64_t n, float *scratch,
                             column_sums *sums) {
  for (int64_t i = 0; i < s->width; i++) {
    const int64_t label = (int64_t)labels[i] - begin;
    if (label < 0 || label >= n) continue;
    float *at = scratch + label * s->pitch + i;
    sums->label_logit[i] = *at;
    *at = -INFINITY;
  }
}

/* Ignored columns, and those of a block that lie beyond the strip, have no label. */
XENT_INLINE void forget_labels(const strip *s, column_sums *sums) {
  for (int64_t at = 0; at < s->width; at += XENT_LANES) lanes_store(sums->label_logit + at, lanes_set(0.0f));
}

XENT_INLINE void forget_before(const strip *s, column_sums *sums) {
  for (int64_t at = 0; at < s->width; at += XENT_LANES) lanes_store(sums->before + at, lanes_set(-INFINITY));
}

/* The largest logit before the label, among n classes from `begin` on and those found before. */
XENT_SHARED void find_before(const strip *s, const float *labels, int64_t begin, int64_t n, const float *scratch,
                             column_sums *sums) {
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    const lanes label = lanes_load(labels + at), none = lanes_set(-INFINITY);
    lanes before = lanes_load(sums->before + at);
    for (int64_t i = 0; i < n; i++) {
      const lanes x = lanes_load(scratch + i * s->pitch + at);
      before = lanes_max(lanes_where_above(label, lanes_set((float)(begin + i)), x, none), before);
    }
    lanes_store(sums->before + at, before);
  }
}

/* The columns of the next strip that stand where a block's do: the line of the last one, as that of the first is
 * either the same or its neighbour's. */
XENT_INLINE column_ahead ahead_of(const xent_call *call, const strip *s, int64_t at) {
  const xent_layout *in = &call->shape->logits;
  const int64_t next = s->row + s->width < call->row_end ? s->row + s->width : s->row;
  const uintptr_t offset = (uintptr_t)row_offset(call->shape, in, next) + (uintptr_t)at + XENT_LANES - 1;
  return (column_ahead){.x = (uintptr_t)call->logits + offset * sizeof(float),
                        .step = (uintptr_t)in->classes * sizeof(float)};
}

/* Up to 1024 classes. */
XENT_SHARED void sum_short_strip(const xent_call *call, const strip *s, const column_wishes *w, float *scratch,
                                 column_sums *sums) {
  const int64_t classes = call->shape->classes;
  gather_strip(call->shape, &call->shape->logits, call->logits, s, 0, classes, scratch, sums->max);
  if (w->want_first) forget_before(s, sums);
  if (w->want_first) find_before(s, w->labels, 0, classes, scratch, sums);
  for (int64_t at = 0; w->want_dot && at < s->width; at += XENT_LANES)
    dlanes_store(sums->dot + at, sum_in_double_columns(scratch + at, s->pitch, classes));
  if (w->labels) take_labels(s, w->labels, 0, classes, scratch, sums);
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    const lanes N = references_for(lanes_load(sums->max + at));
    const column_block b = {.x = scratch + at,
                            .pitch = s->pitch,
                            .references = exp_references_of(N),
                            .ahead = ahead_of(call, s, at),
                            .keep = w->keep};
    lanes_store(sums->reference + at, N);
    dlanes_store(sums->sum + at, sum_columns(&b, classes));
  }
}

/* Of one chunk of a long strip. */
typedef struct {
  dlanes total[XENT_LONG_BLOCKS][XENT_LANES];
  double sum[XENT_LONG_COLUMNS];
  float max[XENT_LONG_COLUMNS], reference[XENT_LONG_COLUMNS];
  float largest[XENT_LONG_COLUMNS]; /* of a group */
} chunk_columns;

/* References of columns whose group lies more than sixteen octaves above them rise; the lanes are scaled. */
XENT_INLINE void raise_references(lanes largest, float *reference, dlanes total[XENT_LANES]) {
  const lanes N = lanes_load(reference), raised = references_for(largest);
  const lanes above = lanes_sub(largest, lanes_mul(lanes_add(N, lanes_set(16)), lanes_set(XENT_LN2_HI)));
  if (!lanes_any_above(above, 0)) return;
  float far[XENT_LANES], to[XENT_LANES];
  double scale[XENT_LANES];
  lanes_store(far, above);
  lanes_store(to, raised);
  for (int j = 0; j < XENT_LANES; j++) {
    const bool rises = far[j] > 0 && to[j] > reference[j];
    scale[j] = rises ? power_of_two((double)reference[j] - (double)to[j]) : 1;
    if (rises) reference[j] = to[j];
  }
  for (int l = 0; l < XENT_LANES; l++) total[l] = dlanes_mul(total[l], dlanes_load(scale));
}

XENT_INLINE int64_t group_length(int64_t begin, int64_t end) {
  return end - begin < XENT_GROUP ? end - begin : XENT_GROUP;
}

/* The references of a chunk of at most 1024 classes are those of its maxima. */
XENT_SHARED void exact_references(const xent_call *call, const strip *s, int64_t begin, int64_t end, float *scratch,
                                  chunk_columns *c) {
  for (int64_t i = begin; i < end; i += XENT_GROUP) {
    const int64_t n = group_length(i, end);
    gather_strip(call->shape, &call->shape->logits, call->logits, s, i, n, scratch, c->largest);
    for (int64_t at = 0; at < s->width; at += XENT_LANES)
      lanes_store(c->max + at, lanes_max(lanes_load(c->largest + at), lanes_load(c->max + at)));
  }
  for (int64_t at = 0; at < s->width; at += XENT_LANES)
    lanes_store(c->reference + at, references_for(lanes_load(c->max + at)));
}

XENT_SHARED void sum_chunk_columns(const xent_call *call, const strip *s, const column_wishes *w, int64_t begin,
                                   int64_t end, float *scratch, chunk_columns *c, column_sums *sums) {
  const bool exact = end - begin <= XENT_EXACT_MAX, single = end - begin <= XENT_GROUP;
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    lanes_store(c->max + at, lanes_set(-INFINITY));
    lanes_store(c->reference + at, lanes_set(XENT_LOWEST_REFERENCE));
    for (int l = 0; l < XENT_LANES; l++) c->total[at / XENT_LANES][l] = dlanes_zero();
  }
  if (exact) exact_references(call, s, begin, end, scratch, c);
  for (int64_t i = begin; i < end; i += XENT_GROUP) {
    const int64_t n = group_length(i, end);
    gather_strip(call->shape, &call->shape->logits, call->logits, s, i, n, scratch, c->largest);
    for (int64_t at = 0; !exact && at < s->width; at += XENT_LANES) {
      const lanes largest = lanes_load(c->largest + at);
      lanes_store(c->max + at, lanes_max(largest, lanes_load(c->max + at)));
      raise_references(largest, c->reference + at, c->total[at / XENT_LANES]);
    }
    if (w->want_first) find_before(s, w->labels, i, n, scratch, sums);
    if (w->labels) take_labels(s, w->labels, i, n, scratch, sums);
    for (int64_t at = 0; at < s->width; at += XENT_LANES) {
      const column_block b = {.x = scratch + at,
                              .pitch = s->pitch,
                              .references = exp_references_of(lanes_load(c->reference + at)),
                              .ahead = classes_on(ahead_of(call, s, at), i)};
      lanes lane[XENT_LANES];
      sum_group_columns(&b, 0, n, lane);
      if (single)
        dlanes_store(c->sum + at, dlanes_widen(tree_columns(lane)));
      else
        add_group(c->total[at / XENT_LANES], lane);
    }
  }
  for (int64_t at = 0; !single && at < s->width; at += XENT_LANES)
    dlanes_store(c->sum + at, dtree_columns(c->total[at / XENT_LANES]));
}

/* Any number of classes. The sums come out as those of one chunk, which S * 2^30 is. */
XENT_SHARED void sum_long_strip(const xent_call *call, const strip *s, const column_wishes *w, float *scratch,
                                column_sums *sums) {
  const int64_t classes = call->shape->classes;
  chunk_columns c;
  forget_before(s, sums);
  const int64_t columns = blocks_of(s->width) * XENT_LANES;
  for (int64_t j = 0; j < columns; j++) {
    sums->max[j] = -INFINITY;
    sums->reference[j] = XENT_LOWEST_REFERENCE;
    sums->sum[j] = 0;
  }
  for (int64_t i = 0; i < classes; i += XENT_CHUNK) {
    sum_chunk_columns(call, s, w, i, i + chunk_length(i, classes), scratch, &c, sums);
    for (int64_t j = 0; j < columns; j++) {
      const float N = c.reference[j] > sums->reference[j] ? c.reference[j] : sums->reference[j];
      sums->sum[j] = sums->sum[j] * power_of_two((double)sums->reference[j] - (double)N) +
                     c.sum[j] * XENT_UNSCALE * power_of_two((double)c.reference[j] - (double)N);
      sums->reference[j] = N;
      sums->max[j] = c.max[j] > sums->max[j] ? c.max[j] : sums->max[j];
    }
  }
  for (int64_t j = 0; j < columns; j++) sums->sum[j] *= XENT_RESCALE;
}

XENT_INLINE void sum_strip(const xent_call *call, const strip *s, const column_wishes *w, float *scratch,
                           column_sums *sums) {
  if (w->labels) forget_labels(s, sums);
  if (is_short(call))
    sum_short_strip(call, s, w, scratch, sums);
  else
    sum_long_strip(call, s, w, scratch, sums);
}

#endif
