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
  while (next_piece(s, &at, least, &p)) weight += sum_of_weights_above(w, p.x, p.n, below);
  return (double)weight;
}

XENT_SHARED vicinity guess_vicinity(kept_set *s, const weigher *w, double p) {
  XENT_ALIGNED float e[XENT_LANES];
  double weight[SAMPLE_GUESS_BINS] = {0}, squares[SAMPLE_GUESS_BINS] = {0}, all = 0, all_squares = 0;
  const float largest = reached_by(s->maxima, s->blocks, SAMPLE_TOP_BLOCKS, SAMPLE_TOP_BLOCKS + 16, s->high);
  const double top = largest > -INFINITY ? weight_of_top(s, w, largest) : 0;
  const float per_value = w->heat.hi * SAMPLE_GUESS_PER_NAT;
  const double each = w->scale * (double)s->classes / (SAMPLE_PROBES * XENT_LANES);
  for (int64_t i = 0; i < SAMPLE_PROBES; i++) {
    const int64_t class = s->classes / XENT_LANES * i / SAMPLE_PROBES * XENT_LANES;
    const float *x = values_at(&s->values, class, XENT_LANES, s->room);
    exponentials_of(w, x, XENT_LANES, e);
    int32_t bins[XENT_LANES];
    float mass[XENT_LANES];
    for (int k = 0; k < XENT_LANES; k++) {
      const float at = (s->high - x[k]) * per_value;
      bins[k] = at < SAMPLE_GUESS_BINS - 1 ? (int32_t)at : SAMPLE_GUESS_BINS - 1;
      mass[k] = x[k] < largest ? e[k] : 0; /* those that reach it are all weighed */
    }
    for (int k = 0; k < XENT_LANES; k++) {
      const double v = (double)mass[k] * each;
      weight[bins[k]] += v;
      squares[bins[k]] += v * v;
    }
  }
  for (int b = 0; b < SAMPLE_GUESS_BINS; b++) {
    all += weight[b];
    all_squares += squares[b];
  }
  const double wanted = p * (top + all);
  double sum = top, sum_squares = 0;
  vicinity v = {.low = s->high - (float)(SAMPLE_REACH / w->heat.whole), .high = INFINITY};
  bool begun = false;
  for (int b = 0; b < SAMPLE_GUESS_BINS; b++) {
    const double q = 1 - p, error = 2.5 * sqrt(q * q * sum_squares + p * p * (all_squares - sum_squares));
    if (b == 0 && top > wanted + error) return (vicinity){.low = largest, .high = INFINITY};
    if (sum > wanted + error) {
      v.low = s->high - (float)b / per_value;
      break;
    }
    if (!begun && sum + weight[b] > wanted - error) {
      begun = true;
      if (sum > top) v.high = s->high - (float)b / per_value;
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

typedef struct {
  lanes low, high;
  wholes all, above; /* above: of the piece */
  int64_t count, listed;
} vicinity_sums;

/* Of `count` vectors, of which `left` values are there. */
XENT_INLINE void weigh_vectors(kept_set *s, const weigher *w, const float *x, int64_t begin, int64_t left, const int count,
                               vicinity_sums *sums) {
  lanes e[XENT_BATCH], values[XENT_BATCH];
  XENT_UNROLL(8)
  for (int j = 0; j < count; j++) {
    const int64_t rest = left - j * XENT_LANES;
    values[j] = rest >= XENT_LANES ? lanes_load(x + j * XENT_LANES) : lanes_load_part(x + j * XENT_LANES, rest, -INFINITY);
    e[j] = values[j];
  }
  exponentials(w, e, count);
  XENT_UNROLL(8)
  for (int j = 0; j < count; j++) {
    const uint32_t above = lanes_bits_above(values[j], sums->high);
    const uint32_t near = 0xffff & ~above & ~lanes_bits_above(sums->low, values[j]);
    const dlanes weights = dlanes_whole(e[j], w->scale);
    sums->all = wholes_add(sums->all, weights);
    sums->above = wholes_add_above(sums->above, weights, values[j], sums->high);
    sums->count += __builtin_popcount(above);
    const int64_t to = sums->listed < SAMPLE_LISTED ? sums->listed : SAMPLE_LISTED; /* there, what is written is lost */
    lanes_pick(s->x + to, values[j], near);
    numbers_pick(s->class + to, (int32_t)(begin + j * XENT_LANES), near);
    sums->listed += __builtin_popcount(near);
  }
}

XENT_SHARED weighed_vicinity weigh_vicinity(kept_set *s, const weigher *of, const vicinity *v) {
  const weigher own = *of, *w = &own; /* which no store here can change */
  vicinity_sums sums = {.low = lanes_set(v->low), .high = lanes_set(v->high), .all = wholes_zero()};
  weighed_vicinity out = {0};
  int64_t at = 0, vectors = 0;
  piece p;
  memset(s->sums, 0, (size_t)s->blocks * sizeof *s->sums);
  while (next_piece(s, &at, -INFINITY, &p)) {
    const int64_t before = sums.count;
    int64_t k = 0;
    sums.above = wholes_zero();
    for (; k + XENT_BATCH * XENT_LANES <= p.n; k += XENT_BATCH * XENT_LANES)
      weigh_vectors(s, w, p.x + k, p.begin + k, XENT_BATCH * XENT_LANES, XENT_BATCH, &sums);
    for (; k < p.n; k += XENT_LANES) weigh_vectors(s, w, p.x + k, p.begin + k, p.n - k, 1, &sums);
    const int64_t above = sum_of_wholes(sums.above, sums.count - before);
    s->sums[p.block] += above;
    out.above += above;
    vectors += (p.n + XENT_LANES - 1) / XENT_LANES;
  }
  out.all = sum_of_wholes(sums.all, vectors * XENT_LANES);
  out.count = sums.count;
  out.listed = sums.listed;
  return out;
}

#endif
