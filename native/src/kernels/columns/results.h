/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of every column of a strip, block by block, and where it goes. */
#ifndef XENT_COLUMNS_RESULTS_H
#define XENT_COLUMNS_RESULTS_H

#include "kernels/block/results.h"
#include "kernels/columns/emit.h"

/* The first pass. */
typedef struct {
  column_floats max, reference, label_logit;
  column_floats before; /* the largest before the label */
  double sum[XENT_STRIP_COLUMNS];   /* of the terms, without the label's */
  double dot[XENT_STRIP_COLUMNS];     /* the sum of the logits: smoothing */
  double label_e[XENT_STRIP_COLUMNS]; /* known from an earlier call */
} column_sums;

/* Columns that are computed one by one, as bits of every block. */
typedef struct {
  uint32_t bits[XENT_STRIP_BLOCKS];
} column_set;

/* Of the block that begins at a column. */
XENT_INLINE uint32_t columns_of_block(const strip *s, int64_t at) {
  const int64_t left = s->width - at;
  return left >= XENT_LANES ? 0xffff : (1u << left) - 1;
}

/* The first column of the set from `at` on, or `end`. */
XENT_INLINE int64_t next_of_set(const column_set *set, int64_t at, int64_t end) {
  while (at < end) {
    const uint32_t bits = set->bits[at / XENT_LANES] >> at % XENT_LANES;
    if (bits) {
      at += __builtin_ctz(bits);
      return at < end ? at : end;
    }
    at = (at / XENT_LANES + 1) * XENT_LANES;
  }
  return end;
}

XENT_INLINE block_statistics softmax_block(const column_sums *sums, int64_t at) {
  return block_softmax_statistics(lanes_load(sums->max + at), lanes_load(sums->reference + at),
                                  dlanes_load(sums->sum + at));
}
XENT_INLINE block_statistics label_block(const column_sums *sums, int64_t at) {
  return block_label_statistics(lanes_load(sums->max + at), lanes_load(sums->reference + at),
                                dlanes_load(sums->sum + at), lanes_load(sums->label_logit + at));
}

/* One float per row. Columns of which more is to come are written too: what computes them writes them again. */
XENT_INLINE void write_columns(const xent_shape *shape, const strip *s, const xent_layout *layout, float *to,
                               const float *values) {
  XENT_EACH_RUN(shape, s, run) {
    float *first = to + row_offset(shape, layout, run.row);
    for (int64_t i = 0; i < run.count; i++) first[i * layout->inner] = values[run.at + i];
  }
}

XENT_INLINE bool lines_agree(int64_t stride) { return (uint64_t)stride * sizeof(float) % XENT_STREAM_ALIGNMENT == 0; }

/* How neighbouring columns of an output are stored that is larger than the caches. */
XENT_INLINE enum column_stores stores_past(const float *y, int64_t stride, int64_t count) {
  if (lines_agree(stride) && (uintptr_t)y % XENT_STREAM_ALIGNMENT == 0) return XENT_STORE_PAST;
  return count < XENT_WORTH_LINES ? XENT_STORE_THROUGH : XENT_STORE_LINES;
}

/* Where the second pass reads from: the scratch, or (NULL) the logits again. */
XENT_INLINE void emit_strip(const xent_call *call, const strip *s, const float *scratch, int64_t begin, int64_t end,
                            const column_factors *f, enum column_formula formula, enum column_labels labels,
                            const column_set *apart) {
  const xent_layout *in = &call->shape->logits, *out = call->output_layout;
  XENT_EACH_RUN(call->shape, s, run) {
    const float *x = call->logits + row_offset(call->shape, in, run.row) + begin * in->classes;
    float *y = call->output + row_offset(call->shape, out, run.row) + begin * out->classes;
    const int64_t last = run.at + run.count;
    for (int64_t at = run.at; at < last;) {
      const int64_t stop = next_of_set(apart, at, last);
      const column_output o = {.x = scratch ? scratch + at : x + (at - run.at),
                               .y = y + (at - run.at),
                               .x_stride = scratch ? s->pitch : in->classes,
                               .y_stride = out->classes,
                               .at = at,
                               .count = stop - at,
                               .begin = begin,
                               .end = end,
                               .stores = call->stream ? stores_past(y + (at - run.at), out->classes, stop - at)
                                                      : XENT_STORE_THROUGH};
      if (stop > at) emit_columns(&o, f, formula, labels);
      at = stop + 1;
    }
  }
}

#endif
