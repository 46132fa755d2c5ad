/* SPDX-License-Identifier: Apache-2.0 */
/* The filters: each leaves a piece of the set (docs/spec/numerics.md, section 11). */
#ifndef XENT_SAMPLE_FILTERS_H
#define XENT_SAMPLE_FILTERS_H

#include "kernels/math/f64_logarithm.h"
#include "kernels/sample/philox.h"
#include "kernels/sample/nucleus.h"

static const key_rule by_value = {.typical = false};

XENT_INLINE int64_t at_least_kept(const xent_sampling *s) { return s->min_keep > 1 ? s->min_keep : 1; }

/* The smallest value that can be in the set, as a key. */
XENT_INLINE double last_key(const kept_set *s) { return s->low > -INFINITY ? -(double)s->low : (double)FLT_MAX; }

/* A value that k classes of the set reach, and not many more, where it is found: as many blocks have one that does, or
 * a search among all classes says so. */
XENT_SHARED float value_reached_by(kept_set *s, int64_t k) {
  if (k <= s->blocks) return reached_by(s->maxima, s->blocks, k, k + k / 8 + 4, s->most);
  if (k > SAMPLE_LISTED) return -INFINITY;
  int32_t low = ordinal_of(-FLT_MAX), high = ordinal_of(s->high) + 1; /* which fewer than k reach */
  while ((int64_t)high - low > 1) {
    const int32_t middle = (int32_t)(((int64_t)low + high) >> 1);
    const int64_t count = count_reaching(s, of_ordinal(middle));
    if (count < k)
      high = middle;
    else
      low = middle;
    if (count >= k && count <= SAMPLE_LISTED) return of_ordinal(low);
  }
  return -INFINITY;
}

/* Leaves the first k, or with `all` also what equals the last of them. */
XENT_SHARED void keep_first(kept_set *s, int64_t k, bool all) {
  if (s->count >= 0 && k >= s->count) return;
  if (!s->listed && s->classes <= SAMPLE_LISTED && k > s->blocks) list_members(s);
  if (!s->listed) {
    const float least = value_reached_by(s, k);
    if (least > s->low) {
      const float low = s->low;
      const int64_t last = s->last, count = s->count;
      s->low = least;
      s->last = INT64_MAX;
      s->count = -1;
      list_members(s);
      if (!s->listed) { /* too many equals, say */
        s->low = low;
        s->last = last;
        s->count = count;
      }
    }
  }
  if (k >= count_members(s)) return;
  cut c;
  if (s->listed) {
    for (int64_t i = s->count; i % XENT_LANES; i++) s->x[i] = -INFINITY;
    const float low = reached_by(s->x, s->count, k, k, s->high);
    const int64_t least = count_at_least(s->x, s->count, low);
    float x = INFINITY; /* the smallest of them, which may be above `low` */
    int64_t equal = 0;
    for (int64_t i = 0; i < s->count; i++) x = s->x[i] >= low && s->x[i] < x ? s->x[i] : x;
    for (int64_t i = 0; i < s->count; i++) equal += s->x[i] == x;
    c = (cut){.key = -(double)x, .count = least - equal, .equal = equal};
  } else {
    c = find_cut(s, &by_value, NULL, k, -(double)s->high, last_key(s));
  }
  const int64_t kept = all ? c.equal : k - c.count;
  raise_low(s, (float)-c.key, kept, c.equal, c.count + kept);
}

XENT_INLINE int64_t most_of_top_k(const xent_sampling *o) {
  return o->top_k > at_least_kept(o) ? o->top_k : at_least_kept(o);
}
XENT_INLINE void filter_top_k(kept_set *s, const xent_sampling *o) {
  if (o->top_k > 0) keep_first(s, most_of_top_k(o), keeps_all_ties(o));
}

/* How many of the classes that equal the last one are kept, and with them what comes before. A weight of 0 is one that
 * has changed since it was added up. */
XENT_INLINE int64_t ties_of_weight(const weigher *w, const cut *c, int64_t wanted) {
  const int64_t own = weight_of(w, (float)-c->key), ties = own > 0 ? (wanted - c->weight + own - 1) / own : c->equal;
  return ties < c->equal ? ties : c->equal;
}

enum { SAMPLE_ADDED = 256 };

/* Adds up the weights of those of n <= SAMPLE_ADDED listed classes that are kept. Classes rise, so what has been added
 * up when the last one of a block was, less what had been before, is the block's. */
XENT_INLINE int64_t add_listed(const kept_set *s, const weigher *w, int64_t from, int64_t n, int64_t sum,
                               int64_t *sums) {
  XENT_ALIGNED float e[SAMPLE_ADDED + XENT_LANES];
  int64_t weights[SAMPLE_ADDED];
  const float *x = s->x + from, low = s->low;
  const int32_t *class = s->class + from;
  const int64_t last = s->last;
  const int shift = __builtin_ctzll((uint64_t)s->block);
  exponentials_of(w, x, n, e);
  for (int64_t k = 0; k < n; k++) {
    const bool kept = (x[k] > low) | ((x[k] == low) & (class[k] <= last));
    weights[k] = weight_of_exponential(w, e[k]) & -(int64_t)kept; /* a branch would be guessed wrong half of the time */
  }
  for (int64_t k = 0; k < n; k++) {
    sum += weights[k];
    sums[class[k] >> shift] = sum;
  }
  return sum;
}

/* The weights of all of them that are kept go to the sums of their blocks; gives their sum. */
XENT_SHARED int64_t add_to_blocks(kept_set *s, const weigher *w, int64_t listed) {
  int64_t sums[SAMPLE_BLOCKS], sum = 0, before = 0;
  for (int64_t i = 0; i < s->blocks; i++) sums[i] = -1;
  for (int64_t i = 0; i < listed; i += SAMPLE_ADDED)
    sum = add_listed(s, w, i, listed - i < SAMPLE_ADDED ? listed - i : SAMPLE_ADDED, sum, sums);
  for (int64_t i = 0; i < s->blocks; i++) {
    const int64_t up_to = sums[i] < 0 ? before : sums[i];
    s->sums[i] += up_to - before;
    before = up_to;
  }
  return sum;
}

/* Whether the cut is found near where it was thought to be. */
XENT_SHARED bool cut_in_vicinity(kept_set *s, const xent_sampling *o, const weigher *w, vicinity v,
                                 weighed_vicinity found) {
  const int64_t wanted = share_of_sum(o->top_p, found.all), count = s->count;
  if (found.listed > SAMPLE_LISTED || found.above >= wanted) return false;
  int64_t near = found.above;
  for (int64_t i = 0; i < found.listed; i += SAMPLE_PIECE)
    near += sum_of_weights(w, s->x + i, found.listed - i < SAMPLE_PIECE ? found.listed - i : SAMPLE_PIECE);
  if (near < wanted) return false;
  s->listed = true;
  s->count = found.listed;
  cut c =
      find_cut(s, &by_value, w, wanted - found.above, -(double)(v.high < s->high ? v.high : s->high), -(double)v.low);
  s->listed = false;
  s->count = count;
  const int64_t kept = ties_of_weight(w, &c, wanted - found.above), all = found.count + c.count + kept;
  if (all < at_least_kept(o)) {
    keep_first(s, at_least_kept(o), false);
    return true;
  }
  s->low = (float)-c.key;
  s->last = INT64_MAX;
  for (int64_t i = 0, ties = 0; kept < c.equal && ties < kept; i++)
    if (s->x[i] == s->low && ++ties == kept) s->last = s->class[i];
  s->count = all;
  s->sum = found.above + add_to_blocks(s, w, found.listed);
  s->sum_temperature = w->temperature.value;
  if (all <= SAMPLE_PIECE) list_members(s);
  return true;
}

/* Leaves the fewest that weigh as much as is wanted. */
XENT_SHARED void keep_weight(kept_set *s, const xent_sampling *o, const weigher *w, int64_t wanted) {
  const double from = -(double)s->high, last = last_key(s), farthest = from + SAMPLE_REACH / w->temperature.reciprocal;
  const cut c = find_cut(s, &by_value, w, wanted, from, last < farthest ? last : farthest);
  const int64_t kept = ties_of_weight(w, &c, wanted), count = c.count + kept;
  if (count < at_least_kept(o))
    keep_first(s, at_least_kept(o), false);
  else
    raise_low(s, (float)-c.key, kept, c.equal, count);
}

/* Whether top-p leaves anything out. */
XENT_INLINE bool has_top_p(const xent_sampling *o) { return o->top_p > 0 && o->top_p < 1; }

XENT_SHARED void filter_top_p(kept_set *s, const xent_sampling *o, const f32_temperature *h, double scale) {
  if (!has_top_p(o) || s->nucleus) return;
  const weigher w = weigher_of(h, s->high, scale);
  if (!s->listed && (s->classes <= SAMPLE_LISTED || s->count >= 0)) list_members(s);
  if (!s->listed && s->low == -INFINITY && s->high >= s->most) {
    const float largest = reached_by(s->maxima, s->blocks, SAMPLE_TOP_BLOCKS, SAMPLE_TOP_BLOCKS + 16, s->high);
    const double top = largest > -INFINITY ? weight_of_top(s, &w, largest) : 0;
    const vicinity v = guess_vicinity(s, &w, o->top_p, s->high, largest, top);
    if (cut_in_vicinity(s, o, &w, v, weigh_vicinity(s, &w, &v))) return;
  }
  keep_weight(s, o, &w, share_of_sum(o->top_p, weigh_set(s, &w)));
}

/* The smallest value that min-p keeps beside the largest one; -inf: any. */
XENT_SHARED float least_of_min_p(const xent_sampling *o, float most, double temperature) {
  if (o->min_p == 0) return -INFINITY;
  const double p = o->min_p < DBL_MIN ? DBL_MIN : o->min_p;
  const double product = doubles_first(f64_log(doubles_set(p))) * temperature, least = (double)most + product;
  if (!(least > -(double)FLT_MAX)) return -INFINITY;
  const float low = (float)least;
  return (double)low < least ? float_above(low) : low;
}

XENT_SHARED void filter_min_p(kept_set *s, const xent_sampling *o, double temperature) {
  const float low = least_of_min_p(o, s->high, temperature);
  if (!(low > s->low)) return;
  const int64_t reached = count_reaching(s, low);
  if (reached < at_least_kept(o))
    keep_first(s, at_least_kept(o), false);
  else
    raise_low(s, low, 1, 1, reached);
}

/* T of section 11. */
XENT_SHARED int64_t weighted_distances(kept_set *s, const weigher *w, double per_value) {
  XENT_ALIGNED float e[SAMPLE_PIECE + XENT_LANES];
  int64_t at = 0, total = 0;
  piece p;
  while (next_piece(s, &at, s->low, &p)) {
    exponentials_of(w, p.x, p.n, e);
    for (int64_t k = 0; k < p.n; k++) {
      if (!(p.x[k] > -INFINITY)) continue;
      const double product = (double)weight_of_exponential(w, e[k]) * (((double)s->high - (double)p.x[k]) * per_value);
      total += (int64_t)((product + XENT_WHOLE) - XENT_WHOLE);
    }
  }
  return total;
}

/* Leaves the classes whose keys are at most `most`. */
XENT_SHARED void keep_nearest(kept_set *s, const key_rule *rule, double most) {
  float high = -INFINITY, low = INFINITY;
  int64_t at = 0, count = 0;
  piece p;
  while (next_piece(s, &at, s->low, &p))
    for (int64_t k = 0; k < p.n; k++) {
      if (!(key_of(rule, p.x[k]) <= most)) continue;
      high = p.x[k] > high ? p.x[k] : high;
      low = p.x[k] < low ? p.x[k] : low;
      if (s->listed) {
        s->class[count] = p.listed[k];
        s->x[count] = p.x[k];
      }
      count++;
    }
  s->last = low == s->low ? s->last : INT64_MAX;
  s->low = low;
  s->high = high;
  s->count = count;
  s->sum = -1;
  if (!s->listed) list_members(s);
}

XENT_SHARED void filter_typical_p(kept_set *s, const xent_sampling *o, const f32_temperature *h, double scale) {
  if (o->typical_p == 0 || o->typical_p == 1) return;
  const weigher w = weigher_of(h, s->high, scale);
  const int64_t sum = weigh_set(s, &w);
  key_rule rule = {.typical = true, .most = (double)s->high, .per_value = h->reciprocal};
  rule.average = (double)weighted_distances(s, &w, h->reciprocal) / (double)sum;
  const double to = rule.average > SAMPLE_REACH ? rule.average : SAMPLE_REACH;
  double most = find_cut(s, &rule, &w, share_of_sum(o->typical_p, sum), 0, to).key;
  if (at_least_kept(o) > 1) {
    const int64_t count = count_members(s), wanted = at_least_kept(o) < count ? at_least_kept(o) : count;
    const double end = key_of(&rule, s->low > -INFINITY ? s->low : -FLT_MAX);
    const double key = find_cut(s, &rule, NULL, wanted, 0, end > to ? end : to).key;
    most = key > most ? key : most;
  }
  keep_nearest(s, &rule, most);
}

/* Whether top-p is the first filter, of a row that is worth probing. */
XENT_INLINE bool begins_with_top_p(const kept_set *s, const xent_sampling *o) {
  const bool others =
      (o->rules == XENT_RULES_VLLM && o->min_p != 0) || (o->rules == XENT_RULES_LLAMA_CPP && o->typical_p != 0);
  return !o->greedy && o->top_k == 0 && has_top_p(o) && !others && s->classes > SAMPLE_LISTED &&
         s->classes >= SAMPLE_PROBES * XENT_LANES;
}

/* The candidates, and what top-p leaves of them if one pass tells; false if the row has no token. */
XENT_SHARED bool begin_row(kept_set *s, const xent_sampling *o, const f32_temperature *h, double scale) {
  int state = SAMPLE_NOT_SEARCHED;
  vicinity v;
  weighed_vicinity found;
  if (begins_with_top_p(s, o)) state = weigh_close_row(s, h, scale, o->top_p, &v, &found);
  if (state == SAMPLE_NOT_SEARCHED) return all_candidates(s);
  if (state == SAMPLE_WEIGHED) {
    const weigher w = weigher_of(h, s->high, scale);
    s->nucleus = cut_in_vicinity(s, o, &w, v, found);
  }
  return state != SAMPLE_NO_TOKEN;
}

XENT_INLINE void run_filters(kept_set *s, const xent_sampling *o, const f32_temperature *h, double scale) {
  switch (o->rules) {
    case XENT_RULES_VLLM:
      filter_min_p(s, o, h->value);
      filter_top_k(s, o);
      filter_top_p(s, o, h, scale);
      break;
    case XENT_RULES_LLAMA_CPP:
      filter_top_k(s, o);
      filter_typical_p(s, o, &temperature_1, scale);
      filter_top_p(s, o, &temperature_1, scale);
      filter_min_p(s, o, 1);
      break;
    default: /* rules without the last ones were refused with them */
      filter_top_k(s, o);
      filter_top_p(s, o, h, scale);
      filter_min_p(s, o, h->value);
      filter_typical_p(s, o, h, scale);
  }
}

#endif
