/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Top-p of rows that are not listed. A few thousand of their classes say about where the cut is; the pass that adds up
 * all weights then lists the classes near it, and adds up those above. If the cut is among those listed, which what was
 * added up says exactly, it is found there; else by further passes.
 */
#ifndef XENT_SAMPLE_NUCLEUS_H
#define XENT_SAMPLE_NUCLEUS_H

#include "kernels/sample/select.h"

enum { SAMPLE_PROBES = 256, SAMPLE_TOP_BLOCKS = 64, SAMPLE_GUESS_BINS = 1024, SAMPLE_GUESS_PER_NAT = 64 };

/* Values from low to high, among which the cut should be. */
typedef struct {
  float low, high;
} vicinity;

/* What the classes with the largest values weigh, which reach `least` and are in the blocks that reach it. */
XENT_INLINE double weight_of_top(kept_set *s, const weigher *w, float least) {
  int64_t at = 0, weight = 0;
  piece p;
  const float below = of_ordinal(ordinal_of(least) - 1);
  while (next_piece(s, &at, least, &p)) weight += sum_of_weights(w, p.x, p.n, below, s->high, true);
  return (double)weight;
}

XENT_SHARED vicinity guess_vicinity(kept_set *s, const weigher *w, double p) {
  XENT_ALIGNED float e[XENT_LANES];
  double weight[SAMPLE_GUESS_BINS] = {0}, squares[SAMPLE_GUESS_BINS] = {0}, all = 0, all_squares = 0;
  const float largest = reached_by(s->maxima, s->blocks, SAMPLE_TOP_BLOCKS, SAMPLE_TOP_BLOCKS + 16, s->high);
  const double top = largest > -INFINITY ? weight_of_top(s, w, largest) : 0;
  const double per_value = w->heat.whole * SAMPLE_GUESS_PER_NAT, each = (double)s->classes / (SAMPLE_PROBES * XENT_LANES);
  for (int64_t i = 0; i < SAMPLE_PROBES; i++) {
    const int64_t class = s->classes / XENT_LANES * i / SAMPLE_PROBES * XENT_LANES;
    const float *x = values_at(&s->values, class, XENT_LANES, s->room);
    exponentials_of(w, x, XENT_LANES, e);
    for (int k = 0; k < XENT_LANES; k++) {
      if (!(x[k] < largest && x[k] > -INFINITY)) continue;
      const double at = ((double)s->high - (double)x[k]) * per_value, v = (double)e[k] * w->scale * each;
      const int b = at < SAMPLE_GUESS_BINS - 1 ? (int)at : SAMPLE_GUESS_BINS - 1;
      weight[b] += v;
      squares[b] += v * v;
      all += v;
      all_squares += v * v;
    }
  }
  const double wanted = p * (top + all);
  double sum = top, sum_squares = 0;
  vicinity v = {.low = s->high - (float)(SAMPLE_REACH / w->heat.whole), .high = INFINITY};
  bool begun = false;
  for (int b = 0; b < SAMPLE_GUESS_BINS; b++) {
    const double q = 1 - p, error = 2.5 * sqrt(q * q * sum_squares + p * p * (all_squares - sum_squares));
    if (b == 0 && top > wanted + error) return (vicinity){.low = largest, .high = INFINITY};
    if (sum > wanted + error) {
      v.low = (float)((double)s->high - b / per_value);
      break;
    }
    if (!begun && sum + weight[b] > wanted - error) {
      begun = true;
      if (sum > top) v.high = (float)((double)s->high - b / per_value);
    }
    sum += weight[b];
    sum_squares += squares[b];
  }
  return v;
}

/* What is above the vicinity, and what all weigh; the classes in it are listed, and `sums` have those above it. */
typedef struct {
  int64_t above, all, count; /* count: of the classes above */
  int64_t listed;            /* or more than can be */
} weighed_vicinity;

XENT_INLINE dlanes add_where(const weigher *w, dlanes sum, const lanes e) { return dlanes_add(sum, whole_weights(w, e)); }

/* Of `count` vectors, of which `left` values are there. */
XENT_INLINE void weigh_vectors(kept_set *s, const weigher *w, const float *x, int64_t begin, int64_t left, const int count,
                               const vicinity *v, dlanes sums[2], weighed_vicinity *out) {
  const lanes low = lanes_set(v->low), high = lanes_set(v->high), zero = lanes_set(0);
  lanes e[XENT_BATCH], values[XENT_BATCH];
  XENT_UNROLL(8)
  for (int j = 0; j < count; j++)
    values[j] = e[j] = left >= (j + 1) * XENT_LANES ? lanes_load(x + j * XENT_LANES) : lanes_load_part(x + j * XENT_LANES, left - j * XENT_LANES, -INFINITY);
  exponentials(w, e, count);
  XENT_UNROLL(8)
  for (int j = 0; j < count; j++) {
    const uint32_t above = lanes_bits_above(values[j], high);
    sums[0] = dlanes_add(sums[0], whole_weights(w, lanes_where_above(values[j], high, e[j], zero)));
    sums[1] = dlanes_add(sums[1], whole_weights(w, lanes_where_above(values[j], high, zero, e[j])));
    out->count += __builtin_popcount(above);
    uint32_t near = 0xffff & ~above & ~lanes_bits_above(low, values[j]);
    if (out->listed + XENT_LANES > SAMPLE_LISTED) {
      out->listed += __builtin_popcount(near); /* of which no more is wanted than that they are too many */
      near = 0;
    }
    for (; near; near &= near - 1) {
      const int i = __builtin_ctz(near);
      s->x[out->listed] = x[j * XENT_LANES + i];
      s->class[out->listed++] = (int32_t)(begin + j * XENT_LANES + i);
    }
  }
}

XENT_SHARED weighed_vicinity weigh_vicinity(kept_set *s, const weigher *w, const vicinity *v) {
  weighed_vicinity out = {0};
  int64_t at = 0;
  piece p;
  memset(s->sums, 0, (size_t)s->blocks * sizeof *s->sums);
  while (next_piece(s, &at, -INFINITY, &p)) {
    dlanes sums[2] = {dlanes_zero(), dlanes_zero()};
    int64_t k = 0;
    for (; k + XENT_BATCH * XENT_LANES <= p.n; k += XENT_BATCH * XENT_LANES)
      weigh_vectors(s, w, p.x + k, p.begin + k, XENT_BATCH * XENT_LANES, XENT_BATCH, v, sums, &out);
    for (; k < p.n; k += XENT_LANES) weigh_vectors(s, w, p.x + k, p.begin + k, p.n - k, 1, v, sums, &out);
    const int64_t above = (int64_t)dlanes_tree(sums[0]);
    s->sums[p.block] += above;
    out.above += above;
    out.all += above + (int64_t)dlanes_tree(sums[1]);
  }
  return out;
}

#endif
