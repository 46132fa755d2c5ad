/* SPDX-License-Identifier: Apache-2.0 */
/* The filters: each leaves a piece of the set (docs/spec/numerics.md, section 11). */
#ifndef XENT_SAMPLE_FILTERS_H
#define XENT_SAMPLE_FILTERS_H

#include "kernels/math/f64_logarithm.h"
#include "kernels/sample/cut.h"

XENT_INLINE int64_t at_least_kept(const xent_sampling *s) { return s->min_keep > 1 ? s->min_keep : 1; }

/* Lists what reaches x, which is known to hold the cut; false: that is too much, and the set is as it was. */
XENT_SHARED bool list_reaching(kept_set *s, float x) {
  const float low = s->low;
  const int64_t last = s->last, count = s->count;
  if (!(x > low)) return false;
  s->low = x;
  s->last = INT64_MAX;
  s->count = -1;
  list_members(s);
  if (s->listed) {
    s->sum = -1;
    return true;
  }
  s->low = low;
  s->last = last;
  s->count = count;
  return false;
}

/* Leaves the first k, or with `all` also what equals the last of them. */
XENT_SHARED void keep_first(kept_set *s, int64_t k, bool all) {
  if (s->count >= 0 && k >= s->count) return;
  if (k == 1 && !all) {
    raise_low(s, s->high, 1, INT64_MAX, 1);
    return;
  }
  if (!s->listed && k <= s->blocks && s->high >= s->most)
    list_reaching(s, reached_by(s->maxima, s->blocks, k, k + k / 8 + 4, s->most));
  if (!s->listed && !has_one_value(s) && s->classes <= SAMPLE_LISTED) list_members(s);
  if (k >= count_members(s)) return;
  cut_search q = {.set = s, .rule = &by_value, .least = k, .most = k};
  begin_cut(&q);
  const cut c = find_cut(&q);
  const int64_t kept = all ? c.equal : k - c.before.count;
  raise_low(s, (float)-c.key, kept, c.equal, c.before.count + kept);
}

XENT_INLINE int64_t most_of_top_k(const xent_sampling *o) {
  return o->top_k > at_least_kept(o) ? o->top_k : at_least_kept(o);
}
XENT_INLINE void filter_top_k(kept_set *s, const xent_sampling *o) {
  if (o->top_k > 0) keep_first(s, most_of_top_k(o), keeps_all_ties(o));
}

/* How many of the classes that equal the last one are kept. A weight of 0 is one that has changed since. */
XENT_INLINE int64_t ties_of_weight(const cut *c, int64_t own, int64_t wanted) {
  const int64_t ties = own > 0 ? (wanted - c->before.weight + own - 1) / own : c->equal;
  return ties < c->equal ? ties : c->equal;
}

/* A value that blocks reach whose largest values weigh as much as is wanted, so that the cut is not below it; -inf:
 * all of them do not. */
XENT_SHARED float reached_by_weight(kept_set *s, const weigher *w, int64_t wanted) {
  float *e = s->probes[0], low = s->high - (float)(SAMPLE_REACH / w->temperature.reciprocal), high = s->high;
  const lanes zero = lanes_set(0);
  const double least = (double)wanted / w->scale;
  for (int64_t i = 0; i < s->blocks; i += SAMPLE_PIECE)
    exponentials_of(w, s->maxima + i, s->blocks - i < SAMPLE_PIECE ? s->blocks - i : SAMPLE_PIECE, e + i);
  for (int step = 0; step < 12; step++) {
    const float middle = step ? 0.5f * low + 0.5f * high : low;
    lanes sum = zero;
    for (int64_t i = 0; i < s->blocks; i += XENT_LANES)
      sum = lanes_add(sum, lanes_where_above(lanes_set(middle), lanes_load(s->maxima + i), zero, lanes_load(e + i)));
    const bool reached = lanes_tree(sum) > least * (1 + 0x1p-15);
    if (!reached && step == 0) return -INFINITY;
    low = reached ? middle : low;
    high = reached ? high : middle;
  }
  return low;
}

/* What is kept of the values that were listed goes to the sums of their blocks. */
XENT_SHARED void add_near(kept_set *s, const weigher *w, int64_t ties) {
  const lanes low = lanes_set(s->low);
  const int64_t own = weight_of(w, s->low), n = s->near[s->blocks];
  int64_t at = 0;
  float *e = s->probes[0];
  for (int64_t i = 0; i < n; i += SAMPLE_PIECE)
    exponentials_of(w, s->x + i, n - i < SAMPLE_PIECE ? n - i : SAMPLE_PIECE, e + i);
  for (int64_t i = 0; i < s->blocks; i++) {
    wholes sum = wholes_zero();
    int64_t count = 0, equal = 0;
    for (int64_t k = 0; k < s->near[i]; k += XENT_LANES) {
      const int64_t left = s->near[i] - k < XENT_LANES ? s->near[i] - k : XENT_LANES;
      const lanes x = lanes_load_part(s->x + at + k, left, -INFINITY), v = lanes_load_part(e + at + k, left, 0);
      sum = wholes_add_above(sum, dlanes_whole(v, w->scale), x, low);
      count += __builtin_popcount(lanes_bits_above(x, low));
      equal += __builtin_popcount(lanes_bits_equal(x, low));
    }
    equal = equal < ties ? equal : ties;
    ties -= equal;
    s->sums[i] += sum_of_wholes(sum, count) + equal * own;
    at += s->near[i];
  }
  s->by_block = true;
}

/* Leaves the fewest that weigh q->most or more, which all of them do. */
XENT_SHARED void keep_weight(cut_search *q, const xent_sampling *o, bool begun) {
  kept_set *s = q->set;
  if (!s->listed && !(begun && q->listed >= 0) && s->high >= s->most &&
      list_reaching(s, reached_by_weight(s, q->weigher, q->most)))
    begun = false;
  if (!begun) begin_cut(q);
  const cut c = find_cut(q);
  const float x = (float)-c.key;
  const int64_t own = weight_of(q->weigher, x);
  int64_t kept = ties_of_weight(&c, own, q->most);
  if (q->least < q->most && c.before.weight + (kept - 1) * own >= q->least) {
    weigh_exactly(q);
    kept = ties_of_weight(&c, own, q->most);
  }
  const int64_t count = c.before.count + kept;
  if (count < at_least_kept(o)) {
    if (q->low < s->low) { /* of all, not of the largest alone */
      s->low = q->low;
      s->last = q->last;
      s->count = -1;
      s->listed = false;
    }
    s->sum = -1; /* a pass has changed those of blocks */
    keep_first(s, at_least_kept(o), false);
  } else {
    raise_low(s, x, kept, c.equal, count);
    s->sum = c.before.weight + kept * own;
    s->sum_temperature = q->weigher->temperature.value;
    s->by_block = false;
    if (q->by_block && !q->weighed && !s->listed) add_near(s, q->weigher, kept);
  }
}

/* Whether top-p leaves anything out. */
XENT_INLINE bool has_top_p(const xent_sampling *o) { return o->top_p > 0 && o->top_p < 1; }

XENT_SHARED void filter_top_p(kept_set *s, const xent_sampling *o, const f32_temperature *h, double scale) {
  if (!has_top_p(o) || s->nucleus) return;
  const weigher w = weigher_of(h, s->high, scale);
  cut_search q = {.set = s, .rule = &by_value, .weigher = &w, .share = o->top_p, .low = s->low, .last = s->last};
  if (!s->listed && (s->classes <= SAMPLE_LISTED || s->count >= 0)) list_members(s);
  weights_known(&q, weigh_set(s, &w), 0);
  keep_weight(&q, o, false);
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

/* S and T of section 11. */
XENT_SHARED int64_t weigh_distances(kept_set *s, const weigher *of, double per_value, int64_t *distances) {
  const weigher own = *of, *w = &own; /* which no store here can change */
  const dlanes most = dlanes_set((double)s->high), each = dlanes_set(per_value), whole = dlanes_set(XENT_WHOLE);
  wholes sum = wholes_zero(), products = sum;
  int64_t at = 0, numbers = 0;
  piece p;
  while (next_piece(s, &at, s->low, &p))
    for (int64_t k = 0; k < p.n; k += XENT_LANES, numbers += XENT_LANES) {
      const lanes x = values_of(&p, k);
      lanes e[1] = {x};
      exponentials(w, e, 1);
      const dlanes raised = dlanes_whole(e[0], w->scale);
      const dlanes distance = dlanes_mul(dlanes_sub(most, dlanes_widen(lanes_floor_at(x, lanes_set(-FLT_MAX)))), each);
      sum = wholes_add(sum, raised);
      products = wholes_add(products, dlanes_add(dlanes_mul(dlanes_sub(raised, whole), distance), whole));
    }
  *distances = sum_of_wholes(products, numbers);
  return sum_of_wholes(sum, numbers);
}

/* The largest member that is not above x. */
XENT_SHARED float largest_up_to(kept_set *s, float x) {
  const lanes none = lanes_set(-INFINITY);
  lanes most = none;
  int64_t at = 0;
  piece p;
  while (next_piece(s, &at, s->low, &p))
    for (int64_t k = 0; k < p.n; k += XENT_LANES) {
      const lanes v = values_of(&p, k);
      most = lanes_max(lanes_where_above(v, lanes_set(x), none, v), most);
    }
  return lanes_largest(most);
}

XENT_SHARED void filter_typical_p(kept_set *s, const xent_sampling *o, const f32_temperature *h, double scale) {
  if (o->typical_p == 0 || o->typical_p == 1 || has_one_value(s)) return;
  const weigher w = weigher_of(h, s->high, scale);
  int64_t distances;
  const int64_t sum = weigh_distances(s, &w, h->reciprocal, &distances);
  const key_rule rule = {.typical = true, .most = (double)s->high, .per_value = h->reciprocal,
                         .average = (double)distances / (double)sum};
  cut_search q = {.set = s, .rule = &rule, .weigher = &w, .share = o->typical_p, .up_to.weight = sum};
  q.least = q.most = share_of_sum(o->typical_p, sum);
  begin_cut(&q);
  cut c = find_cut(&q);
  int64_t count = c.before.count + c.equal;
  interval kept = values_up_to(&rule, c.key, q.in, q.out);
  if (count < at_least_kept(o)) {
    cut_search few = {.set = s, .rule = &rule};
    few.least = few.most = at_least_kept(o) < count_members(s) ? at_least_kept(o) : count_members(s);
    begin_cut(&few);
    c = find_cut(&few);
    count = c.before.count + c.equal;
    kept = values_up_to(&rule, c.key, few.in, few.out);
  }
  const bool above = kept.low > s->low;
  keep_range(s, above ? kept.low : s->low, above ? INT64_MAX : s->last,
             kept.high < s->high ? largest_up_to(s, kept.high) : s->high, count);
}

/* Whether top-p is the first filter, of a row that is too long for a list. */
XENT_INLINE bool begins_with_top_p(const kept_set *s, const xent_sampling *o) {
  const bool others =
      (o->rules == XENT_RULES_VLLM && o->min_p != 0) || (o->rules == XENT_RULES_LLAMA_CPP && o->typical_p != 0);
  return o->top_k == 0 && has_top_p(o) && !others && s->classes > SAMPLE_LISTED;
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
