/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Top-p of rows that are not listed. A few thousand of their classes, the probes, say about where the cut is; the pass
 * that adds up all weights then lists the classes near it, and adds up those above. If the cut is among those listed,
 * which what was added up says exactly, it is found there; else by further passes. Where the probes are close to each
 * other, that pass is the first one over the row, and weighs by a reference that is too small by an octave or two: as
 * no weight has been rounded then, the sums are only to be shifted.
 */
#ifndef XENT_SAMPLE_NUCLEUS_H
#define XENT_SAMPLE_NUCLEUS_H

#include "kernels/sample/select.h"

enum {
  SAMPLE_PROBES = 256, /* vectors; half of them where what half of them leave open can be listed, too */
  SAMPLE_TOP_BLOCKS = 64,
  SAMPLE_GUESS_BINS = 512,
  SAMPLE_GUESS_PER_NAT = 32,
  SAMPLE_CLOSE = 10 /* nats between probes */
};

/* Values from low to high, among which the cut should be. */
typedef struct {
  float low, high;
} vicinity;

/* What the classes with the largest values weigh, which reach `least`. */
XENT_INLINE double weight_of_top(kept_set *s, const weigher *w, float least) {
  const float low = s->low;
  int64_t at = 0, weight = 0;
  piece p;
  s->low = least;
  s->last = INT64_MAX;
  while (next_piece(s, &at, least, &p)) weight += sum_of_weights(w, p.x, p.n);
  s->low = low;
  s->last = -1;
  return (double)weight;
}

XENT_INLINE int64_t probes_of(const kept_set *s) { return s->classes > 65536 ? SAMPLE_PROBES : SAMPLE_PROBES / 2; }
XENT_INLINE int64_t class_of_probe(const kept_set *s, int64_t i) {
  return s->classes / XENT_LANES * i / probes_of(s) * XENT_LANES;
}
XENT_INLINE const float *probe(kept_set *s, int64_t i) {
  return values_at(&s->values, class_of_probe(s, i), XENT_LANES, s->room);
}

/* Where the cut at the share p of all weights may be. Classes that reach `largest` weigh `top`; no other is above
 * `base`. */
XENT_SHARED vicinity guess_vicinity(kept_set *s, const weigher *w, double p, float base, float largest, double top) {
  enum { LAST = SAMPLE_GUESS_BINS - 1 };
  double weight[LAST + XENT_LANES + 1] = {0}, squares[LAST + XENT_LANES + 1] = {0};
  double sums[2][8] = {{0}}, all = 0, all_squares = 0;
  const float per_value = w->temperature.hi * SAMPLE_GUESS_PER_NAT;
  const double each = w->scale * (double)s->classes / (double)(probes_of(s) * XENT_LANES);
  for (int64_t i = 0; i < probes_of(s); i++) {
    XENT_ALIGNED float e[XENT_LANES];
    const float *x = probe(s, i);
    lanes powers[1] = {lanes_load(x)};
    exponentials(w, powers, 1);
    lanes_store(e, powers[0]);
    int32_t bins[XENT_LANES];
    float mass[XENT_LANES];
    for (int k = 0; k < XENT_LANES; k++) {
      const float at = (base - x[k]) * per_value;
      /* the last bin, in which most can be, is there sixteen times; what is above the first one has changed */
      bins[k] = at >= LAST ? LAST + k : at > 0 ? (int32_t)at : 0;
      mass[k] = x[k] < largest ? e[k] : 0; /* those that reach it are all weighed */
    }
    for (int k = 0; k < XENT_LANES; k++) {
      const double v = (double)mass[k] * each;
      weight[bins[k]] += v;
      squares[bins[k]] += v * v;
    }
  }
  for (int b = 0; b < LAST + XENT_LANES; b += 8)
    for (int k = 0; k < 8; k++) {
      sums[0][k] += weight[b + k];
      sums[1][k] += squares[b + k];
    }
  for (int k = 0; k < 8; k++) {
    all += sums[0][k];
    all_squares += sums[1][k];
  }
  const double wanted = p * (top + all);
  double sum = top, sum_squares = 0;
  vicinity v = {.low = base - (float)(SAMPLE_REACH / w->temperature.reciprocal), .high = INFINITY};
  bool begun = false;
  for (int b = 0; b < LAST; b++) {
    const double q = 1 - p, variance = 2.5 * 2.5 * (q * q * sum_squares + p * p * (all_squares - sum_squares));
    const double over = sum - wanted, under = -over - weight[b];
    const bool surely = over > 0 && over * over > variance;
    if (b == 0 && surely) return (vicinity){.low = largest, .high = INFINITY};
    if (surely) {
      v.low = base - (float)b / per_value;
      break;
    }
    if (!begun && (under < 0 || under * under < variance)) {
      begun = true;
      if (sum > top) v.high = base - (float)b / per_value;
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
  lanes most, least; /* most: of the piece; where it is the first pass */
  bool nan;
} vicinity_sums;

/* Of `count` vectors, of which `left` values are there. */
XENT_INLINE void weigh_vectors(kept_set *s, const weigher *w, const float *x, int64_t begin, int64_t left,
                               const int count, const bool first, vicinity_sums *sums) {
  lanes e[XENT_BATCH], values[XENT_BATCH];
  XENT_UNROLL(8)
  for (int j = 0; j < count; j++) {
    const int64_t rest = left - j * XENT_LANES;
    values[j] =
        rest >= XENT_LANES ? lanes_load(x + j * XENT_LANES) : lanes_load_part(x + j * XENT_LANES, rest, -INFINITY);
    e[j] = values[j];
  }
  XENT_UNROLL(8)
  for (int j = 0; first && j < count; j++) {
    sums->nan |= lanes_any_nan(values[j], values[j]);
    sums->most = lanes_max(values[j], sums->most);
    const int64_t rest = left - j * XENT_LANES;
    sums->least =
        lanes_min(rest >= XENT_LANES ? values[j] : lanes_load_part(x + j * XENT_LANES, rest, INFINITY), sums->least);
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

/* All weights; where it is the first pass, the maxima of blocks too. */
XENT_INLINE weighed_vicinity weigh_row(kept_set *s, const weigher *of, const vicinity *v, const bool first, bool *nan,
                                       lanes *least) {
  const weigher own = *of, *w = &own; /* which no store here can change */
  vicinity_sums sums = {.low = lanes_set(v->low), .high = lanes_set(v->high), .all = wholes_zero(),
                        .least = lanes_set(INFINITY)};
  weighed_vicinity out = {0};
  int64_t vectors = 0;
  uint64_t above = 0;
  for (int64_t block = 0; block < s->blocks; block++) {
    const int64_t begin = block * s->block, end = begin + s->block < s->classes ? begin + s->block : s->classes;
    const int64_t before = sums.count;
    sums.above = wholes_zero();
    sums.most = lanes_set(-INFINITY);
    for (int64_t at = begin; at < end; at += SAMPLE_PIECE) {
      const int64_t n = end - at < SAMPLE_PIECE ? end - at : SAMPLE_PIECE;
      const float *x = values_at(&s->values, at, n, s->room);
      if (first && x != s->room) fetch_ahead(x, n);
      int64_t k = 0;
      for (; k + XENT_BATCH * XENT_LANES <= n; k += XENT_BATCH * XENT_LANES)
        weigh_vectors(s, w, x + k, at + k, XENT_BATCH * XENT_LANES, XENT_BATCH, first, &sums);
      for (; k < n; k += XENT_LANES) weigh_vectors(s, w, x + k, at + k, n - k, 1, first, &sums);
      vectors += (n + XENT_LANES - 1) / XENT_LANES;
    }
    s->sums[block] = sum_of_wholes(sums.above, sums.count - before);
    above += (uint64_t)s->sums[block]; /* of no meaning where an exponential is out of range */
    if (first) s->maxima[block] = lanes_largest(sums.most);
  }
  out.above = (int64_t)above;
  out.all = sum_of_wholes(sums.all, vectors * XENT_LANES);
  out.count = sums.count;
  out.listed = sums.listed;
  if (first) {
    *nan = sums.nan;
    *least = sums.least;
  }
  return out;
}

XENT_SHARED weighed_vicinity weigh_vicinity(kept_set *s, const weigher *w, const vicinity *v) {
  return weigh_row(s, w, v, false, NULL, NULL);
}
XENT_SHARED weighed_vicinity weigh_at_first(kept_set *s, const weigher *w, const vicinity *v, bool *nan, lanes *least) {
  return weigh_row(s, w, v, true, nan, least);
}

/* What becomes of the first pass over the row. */
enum {
  SAMPLE_NOT_SEARCHED, /* there was none */
  SAMPLE_NO_TOKEN,
  SAMPLE_SEARCHED, /* the candidates are known */
  SAMPLE_WEIGHED   /* so is what is near the cut */
};

/* Whether sums by one reference, divided by 2^octaves, are those by the right one: no weight was, or is then, rounded,
 * and no sum is too large. */
XENT_INLINE bool is_exact(const kept_set *s, const weigher *w, float least, double octaves) {
  XENT_ALIGNED float e[XENT_LANES];
  lanes v[1] = {lanes_set(least)};
  if (!(least > -INFINITY && octaves >= 0 && octaves <= 8)) return false;
  exponentials(w, v, 1);
  lanes_store(e, v[0]);
  const double factor = (double)(1 << (int)octaves);
  return (double)e[0] * w->scale >= 0x1p24 * factor && (double)s->classes * w->scale * factor <= 0x1p32;
}

XENT_INLINE float smallest_of(lanes v) { return 0 - lanes_largest(lanes_sub(lanes_set(-0.0f), v)); }

XENT_SHARED int weigh_close_row(kept_set *s, const f32_temperature *h, double scale, double p, vicinity *v,
                                weighed_vicinity *found) {
  lanes most = lanes_set(-INFINITY), least = lanes_set(INFINITY);
  bool nan = false;
  for (int64_t i = 0; s->values.direct && i < probes_of(s); i++)
    prefetch_behind(s->values.source.x.at, class_of_probe(s, i) * (int64_t)sizeof(float));
  for (int64_t i = 0; i < probes_of(s); i++) {
    const lanes x = lanes_load(probe(s, i));
    nan |= lanes_any_nan(x, x);
    most = lanes_max(x, most);
    least = lanes_min(x, least);
  }
  const float base = lanes_largest(most);
  if (nan || !((base - smallest_of(least)) * h->hi <= SAMPLE_CLOSE)) return SAMPLE_NOT_SEARCHED;
  const weigher guessed = weigher_of(h, base, scale);
  *v = guess_vicinity(s, &guessed, p, base, INFINITY, 0);
  *found = weigh_at_first(s, &guessed, v, &nan, &least);
  if (nan || !candidates_of_maxima(s, least)) return SAMPLE_NO_TOKEN;
  const weigher right = weigher_of(h, s->high, scale);
  const double octaves = (double)right.reference - (double)guessed.reference;
  const bool shifted = guessed.shift != 0 || right.shift != 0;
  if (shifted || !is_exact(s, &guessed, smallest_of(least), octaves)) return SAMPLE_SEARCHED;
  const int by = (int)octaves;
  found->all >>= by;
  found->above >>= by;
  for (int64_t i = 0; i < s->blocks; i++) s->sums[i] >>= by;
  return SAMPLE_WEIGHED;
}

#endif
