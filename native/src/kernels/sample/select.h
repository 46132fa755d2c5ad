/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a set is cut: its classes in rising order of a key, up to the one with which their weights, or their number,
 * reach what is wanted. Keys are counted into bins, and of the bin that reaches it the keys into bins again, until they
 * are few or all the same. Nothing is sorted but those few.
 */
#ifndef XENT_SAMPLE_SELECT_H
#define XENT_SAMPLE_SELECT_H

#include "kernels/sample/set.h"

enum { SAMPLE_BINS = 512, SAMPLE_FEW = 64 };

/* Falling values, or for typical-p the distance of what a class says from what all say on average. */
typedef struct {
  bool typical;
  double most, per_value, average;
} key_rule;

XENT_INLINE double key_of(const key_rule *r, float x) {
  return r->typical ? fabs((r->most - (double)x) * r->per_value - r->average) : -(double)x;
}

/* The key of the last class that is wanted; what the classes with smaller keys count and weigh; how many have it. */
typedef struct {
  double key;
  int64_t count, weight, equal;
} cut;

typedef struct {
  int64_t count, weight;
} bin;

typedef struct {
  kept_set *set;
  const key_rule *rule;
  const weigher *weigher; /* or NULL: every class counts 1 */
  int64_t wanted;
  double from, to, per_key; /* the keys that are looked at, and how many bins there are to one */
} search_of_cut;

/* The bins of a piece's classes, -1 where a class is not in the set or its key is not looked at. */
XENT_SHARED void bins_of(const search_of_cut *s, const piece *p, int32_t *bins) {
  const double last = SAMPLE_BINS - 1,
               per_key = s->per_key < 0x1p1000 ? s->per_key : 0x1p1000; /* of keys that are apart */
  const double from = s->from, to = s->to;
  const key_rule rule = *s->rule;
  const float *x = p->x;
  const int64_t n = p->n;
#define XENT_BIN(key_)                                                      \
  for (int64_t k = 0; k < n; k++) {                                         \
    const double key = (key_), at = (key - from) * per_key;                 \
    const int32_t in_range = (int32_t)(at < last ? at : last);              \
    bins[k] = ((key >= from) & (key <= to)) ? in_range : -1;                \
  }
  if (rule.typical) {
    XENT_BIN(fabs((rule.most - (double)x[k]) * rule.per_value - rule.average))
  } else {
    XENT_BIN(-(double)x[k])
  }
#undef XENT_BIN
}

XENT_INLINE bool next_searched(const search_of_cut *s, int64_t *at, piece *p) {
  return next_piece(s->set, at, s->rule->typical ? s->set->low : (float)-s->to, p);
}

XENT_SHARED void count_keys(const search_of_cut *s, bin *counts) {
  XENT_ALIGNED float e[SAMPLE_PIECE + XENT_LANES];
  int32_t bins[SAMPLE_PIECE];
  int64_t at = 0;
  piece p;
  while (next_searched(s, &at, &p)) {
    bins_of(s, &p, bins);
    if (s->weigher) exponentials_of(s->weigher, p.x, p.n, e);
    for (int64_t k = 0; k < p.n; k++) {
      if (bins[k] < 0) continue;
      counts[bins[k]].count++;
      if (s->weigher) counts[bins[k]].weight += weight_of_exponential(s->weigher, e[k]);
    }
  }
}

typedef struct {
  double keys[SAMPLE_FEW];
  int64_t weights[SAMPLE_FEW];
} few_classes;

/* Takes a few in their order, in which a class comes after as many as have smaller keys. */
XENT_SHARED cut cut_of_few(const few_classes *few, int64_t n, int64_t wanted, bool by_weight, cut before) {
  cut at[SAMPLE_FEW + 1] = {{0}}; /* behind the last one there is none */
  for (int64_t i = 0; i < n; i++) {
    int64_t smaller = 0;
    for (int64_t j = 0; j < n; j++) smaller += few->keys[j] < few->keys[i];
    at[smaller].key = few->keys[i];
    at[smaller].weight += few->weights[i];
    at[smaller].equal++;
  }
  for (int64_t i = 0; i < n; i += before.equal) {
    before.key = at[i].key;
    before.equal = at[i].equal;
    const int64_t reached = by_weight ? before.weight + at[i].weight : before.count + before.equal;
    if (reached >= wanted || at[i + before.equal].equal == 0) break;
    before.count += before.equal;
    before.weight += at[i].weight;
  }
  return before;
}

/* The keys of one bin: how many there are, the smallest and the largest, and the first few of them. */
XENT_SHARED int64_t collect_keys(const search_of_cut *s, int only, few_classes *few, double *least, double *most) {
  XENT_ALIGNED float e[SAMPLE_FEW + XENT_LANES];
  int32_t bins[SAMPLE_PIECE];
  int64_t at = 0, found = 0;
  piece p;
  *least = INFINITY;
  *most = -INFINITY;
  while (next_searched(s, &at, &p)) {
    bins_of(s, &p, bins);
    const bool together = s->weigher && p.n <= SAMPLE_FEW;
    if (together) exponentials_of(s->weigher, p.x, p.n, e);
    for (int64_t k = 0; k < p.n; k++) {
      if (bins[k] != only) continue;
      const double key = key_of(s->rule, p.x[k]);
      const int64_t weight = together     ? weight_of_exponential(s->weigher, e[k])
                             : s->weigher ? weight_of(s->weigher, p.x[k])
                                          : 0;
      if (found < SAMPLE_FEW) {
        few->keys[found] = key;
        few->weights[found] = weight;
      }
      *least = key < *least ? key : *least;
      *most = key > *most ? key : *most;
      found++;
    }
  }
  return found;
}

/* The cut at `wanted`, which the classes with keys of up to `to` reach and those below `from` do not. */
XENT_SHARED cut find_cut(kept_set *set, const key_rule *rule, const weigher *w, int64_t wanted, double from,
                         double to) {
  search_of_cut s = {.set = set, .rule = rule, .weigher = w, .wanted = wanted, .from = from, .to = to};
  cut c = {0};
  few_classes few;
  double least, most;
  if (set->listed && set->count <= SAMPLE_FEW) { /* all in one bin */
    const int64_t n = collect_keys(&s, 0, &few, &least, &most);
    return cut_of_few(&few, n, wanted, w, c);
  }
  for (;;) {
    bin bins[SAMPLE_BINS] = {{0}};
    int b = 0;
    s.per_key = SAMPLE_BINS / (s.to - s.from);
    count_keys(&s, bins);
    for (; b < SAMPLE_BINS - 1; b++) {
      if ((w ? c.weight + bins[b].weight : c.count + bins[b].count) >= wanted) break;
      c.count += bins[b].count;
      c.weight += bins[b].weight;
    }
    const int64_t n = collect_keys(&s, b, &few, &least, &most);
    if (n <= SAMPLE_FEW) return cut_of_few(&few, n, wanted, w, c);
    if (least == most) {
      c.key = least;
      c.equal = n;
      return c;
    }
    s.from = least;
    s.to = most;
  }
}

/* ---- by counting: for the k largest of a few vectors ---- */

XENT_INLINE int64_t count_at_least(const float *x, int64_t n, float least) {
  const lanes low = lanes_set(least);
  int64_t below = 0;
  for (int64_t k = 0; k < n; k += XENT_LANES) below += __builtin_popcount(lanes_bits_above(low, lanes_load(x + k)));
  return (n + XENT_LANES - 1) / XENT_LANES * XENT_LANES - below;
}

/* A number that at least k and, where `most` is not less than k, if it can be at most `most` of n floats reach; whole
 * vectors of x can be read, and what is behind n is -inf. */
XENT_SHARED float reached_by(const float *x, int64_t n, int64_t k, int64_t most, float largest) {
  int32_t low = ordinal_of(-INFINITY), high = ordinal_of(largest) + 1; /* low is reached by k, high is not */
  while ((int64_t)high - low > 1) {
    const int32_t middle = (int32_t)(((int64_t)low + high) >> 1);
    const int64_t count = count_at_least(x, n, of_ordinal(middle));
    if (count < k) {
      high = middle;
    } else {
      low = middle;
      if (count <= most) break;
    }
  }
  return of_ordinal(low);
}

#endif
