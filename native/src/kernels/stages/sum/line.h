/* SPDX-License-Identifier: Apache-2.0 */
/* The second pass over a row of contiguous floats, in halves of a group, so that the sum of another row can go on
 * meanwhile. Rows of other kinds: stages/emit/emit.h. */
#ifndef XENT_LINE_H
#define XENT_LINE_H

#include "kernels/stages/load/row_source.h"

enum {
  XENT_PAGE = 4096,
  XENT_PAGE_FLOATS = XENT_PAGE / sizeof(float),
  XENT_PAGES_AHEAD = 8, /* a chunk of 8192 floats */
  XENT_UNIT_VECTORS = 4,
  XENT_UNIT = XENT_UNIT_VECTORS * XENT_LANES /* half a group */
};

/* The number of floats before the first aligned store; at most n. */
XENT_INLINE int64_t stream_head(const float *y, int64_t n) {
  const int64_t head = (int64_t)(-(uintptr_t)y & (XENT_STREAM_ALIGNMENT - 1)) / (int64_t)sizeof *y;
  return head < n ? head : n;
}

/* A store waits for the address translation of its page, and a streaming store stalls all later ones. So the pages of n
 * floats are prefetched a chunk ahead; y may end before that, because a prefetch may access any address. */
XENT_INLINE void prefetch_pages(const float *y, int64_t n) {
  const uintptr_t ahead = (uintptr_t)y + XENT_PAGES_AHEAD * XENT_PAGE;
  for (int64_t i = 0; i < n; i += XENT_PAGE_FLOATS)
    __builtin_prefetch((const void *)(ahead + (uintptr_t)i * sizeof *y), 0, 0);
}

XENT_INLINE void put(float *y, lanes v, const bool stream) {
  if (__builtin_expect(stream, 0))
    lanes_stream(y, v);
  else
    lanes_store(y, v);
}

/* The kind of a row of results, as a constant of the loops: e f + b;  (x - less) f + b;  e f - target b. The second is
 * the first where less is 0, and where the time of a subtraction does not count. */
enum line_kind { XENT_LINE, XENT_LINE_LOG, XENT_LINE_TARGETS };

/* A row of results, from its e or its logits. Masked classes are +0, or for logarithms -inf. */
typedef struct {
  const float *from;
  float *to;            /* NULL without a row */
  const float *targets; /* of XENT_LINE_TARGETS */
  const uint8_t *mask;  /* or NULL */
  int64_t label;       /* or XENT_NO_CLASS */
  float label_gradient, less, f, b;
} row_line;

/* A row of results in registers. */
typedef struct {
  const float *from;
  float *to;
  const float *targets;
  const uint8_t *mask;
  int64_t label;
  float label_gradient;
  lanes less, f, b;
} line_lanes_of;

/* Numbers are stored one by one: a load of several that were just stored stalls. */
XENT_INLINE void set_line(row_line *b, const float *from, float *to, float less, float f, float c) {
  b->from = from;
  b->to = to;
  b->targets = NULL;
  b->mask = NULL;
  b->label = XENT_NO_CLASS;
  b->label_gradient = 0;
  b->less = less;
  b->f = f;
  b->b = c;
}
XENT_INLINE line_lanes_of lanes_of_line(const row_line *b) {
  return (line_lanes_of){.from = b->from, .to = b->to, .targets = b->targets, .mask = b->mask, .label = b->label,
                         .label_gradient = b->label_gradient, .less = lanes_set(b->less), .f = lanes_set(b->f),
                         .b = lanes_set(b->b)};
}

/* The results of classes i to i + 15, of which n - i exist. */
XENT_INLINE lanes line_lanes(const line_lanes_of *b, int64_t i, int64_t n, lanes v, const enum line_kind kind,
                             const bool masked) {
  if (kind == XENT_LINE_TARGETS) {
    const float *t = b->targets + i;
    const lanes target = n - i >= XENT_LANES ? lanes_load(t) : lanes_load_part(t, n - i, 0.0f);
    return lanes_quiet(class_line(v, b->f, class_pull(target, b->b)));
  }
  const bool log = kind == XENT_LINE_LOG;
  v = log ? log_probability(v, b->less, b->f, b->b) : class_line(v, b->f, b->b);
  return masked ? where_counted(b->mask + i, 1, n - i, v, log ? -INFINITY : 0.0f) : v;
}
/* Writes `vectors` vectors from class i on, of n; without `whole`, the last one may be a part. */
XENT_INLINE void line_vectors(const line_lanes_of *b, int64_t i, int64_t n, const int vectors, const bool whole,
                              const enum line_kind kind, const bool masked) {
  XENT_UNROLL(4)
  for (int k = 0; k < vectors; k++, i += XENT_LANES) {
    const bool sure = whole || k + 1 < vectors;
    const lanes x = sure || n - i >= XENT_LANES ? lanes_load(b->from + i) : lanes_load_part(b->from + i, n - i, 0.0f);
    const lanes v = line_lanes(b, i, sure ? i + XENT_LANES : n, x, kind, masked);
    if (sure || n - i >= XENT_LANES)
      lanes_store(b->to + i, v);
    else
      lanes_store_part(b->to + i, n - i, v);
  }
}
/* Writes the gradient of the label if the row has one. */
XENT_INLINE void line_label(const line_lanes_of *b) {
  if (b->label != XENT_NO_CLASS) b->to[b->label] = b->label_gradient;
}
XENT_INLINE void line_row_as(const row_line *line, int64_t n, const enum line_kind kind, const bool masked) {
  const line_lanes_of b = lanes_of_line(line);
  int64_t i = 0;
  for (; i + XENT_UNIT <= n; i += XENT_UNIT) line_vectors(&b, i, n, XENT_UNIT_VECTORS, true, kind, masked);
  for (; i < n; i += XENT_LANES) line_vectors(&b, i, n, 1, false, kind, masked);
  line_label(&b);
}
XENT_SHARED void line_row(const row_line *b, int64_t n, enum line_kind kind) {
  const bool log = kind == XENT_LINE_LOG;
  if (kind == XENT_LINE_TARGETS)
    line_row_as(b, n, XENT_LINE_TARGETS, false);
  else if (XENT_MASKED_LOADS && b->mask)
    log ? line_row_as(b, n, XENT_LINE_LOG, true) : line_row_as(b, n, XENT_LINE, true);
  else
    line_row_as(b, n, XENT_LINE_LOG, false);
}

#endif
