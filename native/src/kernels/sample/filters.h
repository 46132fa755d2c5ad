/* SPDX-License-Identifier: Apache-2.0 */
/* The filters: each keeps a part of the set (conformance/numerics.md, section 11). Functions of the same names in
 * native/test/contract/sample.c are the plain forms: top_k for filter_top_k, and so on. */
#ifndef XENT_SAMPLE_FILTERS_H
#define XENT_SAMPLE_FILTERS_H

#include "kernels/math/f64_exponential.h"
#include "kernels/math/f64_logarithm.h"
#include "kernels/sample/cut.h"

#define SAMPLE_UNIT 0x1p31 /* the integer that represents 1 in the sums of a deviation */
#define SAMPLE_XTC_SEED UINT64_C(0x9e3779b97f4a7c15) /* XTC's random number has another key than the draw */

XENT_INLINE int64_t at_least_kept(const xent_sampling *s) { return s->min_keep > 1 ? s->min_keep : 1; }

/* Lists the values that reach x, if the cut is among them; false: there are too many, and the set is unchanged. */
XENT_SHARED bool list_reaching(kept_set *s, float x) {
  const float low = s->low;
  const int64_t last = s->last, count = s->count;
  if (!(x > low) || x <= value_of_many(s)) return false;
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

/* Keeps the first k, or with `all` also those that equal the last of them. */
XENT_SHARED void keep_first(kept_set *s, int64_t k, bool all) {
  if (s->count >= 0 && k >= s->count) return;
  if (k == 1 && !all) {
    raise_low(s, s->high, 1, INT64_MAX, 1);
    return;
  }
  if (!s->listed && k <= s->blocks && s->high >= s->most)
    list_reaching(s, reached_by(s->maxima, s->blocks, k, k + k / 8 + 4, s->most));
  if (!s->listed && !has_one_value(s) && s->classes <= SAMPLE_LISTED && isnan(value_of_many(s))) list_members(s);
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
  keep_first(s, most_of_top_k(o), keeps_all_ties(o));
}

/* The number of kept classes among those that equal the last one. A weight of 0 means that memory has changed
 * meanwhile. */
XENT_INLINE int64_t ties_of_weight(const cut *c, int64_t own, int64_t wanted) {
  const int64_t ties = own > 0 ? (wanted - c->before.weight + own - 1) / own : c->equal;
  return ties < c->equal ? ties : c->equal;
}

/* A value that the largest values of enough blocks reach to weigh `wanted`, so that the cut is not below it; -inf if
 * all blocks together do not weigh enough. */
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

/* Adds the kept ones of the listed values to the sums of their blocks. */
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

/* The same if all of them equal `low`, whose weight is `own`. */
XENT_SHARED void add_ties(kept_set *s, int64_t own, int64_t ties) {
  for (int64_t i = 0; i < s->blocks; i++) {
    const int64_t equal = s->near[i] < ties ? s->near[i] : ties;
    s->sums[i] += equal * own;
    ties -= equal;
  }
  s->by_block = true;
}

/* Keeps the fewest classes that weigh at least q->most, which all classes reach. */
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
    if (q->low < s->low) { /* of all, not only of the largest */
      s->low = q->low;
      s->last = q->last;
      s->count = -1;
      s->listed = false;
    }
    s->sum = -1; /* a pass has changed the sums of blocks */
    keep_first(s, at_least_kept(o), false);
  } else {
    raise_low(s, x, kept, c.equal, count);
    s->sum = c.before.weight + kept * own;
    s->sum_temperature = q->weigher->temperature.value;
    s->by_block = false;
    if (q->by_block && !q->weighed && !s->listed) q->one ? add_ties(s, own, kept) : add_near(s, q->weigher, kept);
  }
}

XENT_SHARED void filter_top_p(kept_set *s, const xent_sampling *o, const f32_temperature *h, double scale) {
  if (s->nucleus) return;
  const weigher w = weigher_of(h, s->high, scale);
  cut_search q = {.set = s, .rule = &by_value, .weigher = &w, .share = o->top_p, .low = s->low, .last = s->last};
  const bool few = s->count >= 0 && s->count <= s->classes / 16; /* even if most of them are equal */
  if (!s->listed && (few || ((s->classes <= SAMPLE_LISTED || s->count >= 0) && isnan(value_of_many(s)))))
    list_members(s);
  weights_known(&q, weigh_set(s, &w), 0);
  keep_weight(&q, o, false);
}

/* A threshold for filters that compare logits: the smallest float that is not below it, -inf if all floats are
 * above. */
XENT_INLINE float least_float(double least) {
  if (!(least > -(double)FLT_MAX)) return -INFINITY;
  const float low = (float)least;
  return (double)low < least ? float_above(low) : low;
}

/* The smallest value that min-p keeps with this largest one; -inf: any. */
XENT_SHARED float least_of_min_p(const xent_sampling *o, float most, double temperature) {
  if (o->min_p == 0) return -INFINITY;
  const double p = o->min_p < DBL_MIN ? DBL_MIN : o->min_p;
  const double product = doubles_first(f64_log(doubles_set(p))) * temperature;
  return least_float((double)most + product);
}

/* Keeps the values that are at least `low`, or the fewest that a filter has to keep. */
XENT_SHARED void keep_from(kept_set *s, const xent_sampling *o, float low) {
  if (!(low > s->low)) return;
  const int64_t reached = count_reaching(s, low);
  if (reached < at_least_kept(o))
    keep_first(s, at_least_kept(o), false);
  else
    raise_low(s, low, 1, 1, reached);
}

XENT_INLINE void filter_min_p(kept_set *s, const xent_sampling *o, double temperature) {
  keep_from(s, o, least_of_min_p(o, s->high, temperature));
}

/* The smallest member, and the number of members. */
XENT_SHARED float smallest_member(kept_set *s, int64_t *members_of) {
  const lanes none = lanes_set(-INFINITY), above = lanes_set(INFINITY);
  lanes least = above;
  int64_t at = 0, count = 0;
  piece p;
  while (next_piece(s, &at, s->low, &p))
    for (int64_t k = 0; k < p.n; k += XENT_LANES) {
      const lanes v = values_of(&p, k);
      least = lanes_min(lanes_where_above(v, none, v, above), least);
      count += __builtin_popcount(members(&p, k));
    }
  *members_of = count;
  return smallest_of(least);
}

/* The standard deviation of the set, from sums of integers: of u = (M - x) / (M - smallest x), and of u u. */
XENT_SHARED double deviation_of(kept_set *s) {
  int64_t count, at = 0, numbers = 0;
  const double range = (double)s->high - (double)smallest_member(s, &count);
  if (!(range > 0)) return 0;
  const dlanes most = dlanes_set((double)s->high), per_range = dlanes_set(1 / range), whole = dlanes_set(XENT_WHOLE);
  const lanes none = lanes_set(-INFINITY), largest = lanes_set(s->high);
  wholes sum = wholes_zero(), squares = sum;
  piece p;
  while (next_piece(s, &at, s->low, &p))
    for (int64_t k = 0; k < p.n; k += XENT_LANES, numbers += XENT_LANES) {
      const lanes v = values_of(&p, k);
      const dlanes x = dlanes_widen(lanes_where_above(v, none, v, largest));
      const dlanes u = dlanes_mul(dlanes_sub(most, x), per_range);
      sum = wholes_add(sum, dlanes_add(dlanes_scale(u, SAMPLE_UNIT), whole));
      squares = wholes_add(squares, dlanes_add(dlanes_scale(dlanes_mul(u, u), SAMPLE_UNIT), whole));
    }
  const double unit = (double)count * SAMPLE_UNIT;
  const double mean = (double)sum_of_wholes(sum, numbers) / unit, square = mean * mean;
  const double variance = (double)sum_of_wholes(squares, numbers) / unit - square;
  return variance > 0 ? range * __builtin_sqrt(variance) : 0;
}

XENT_SHARED void filter_top_n_sigma(kept_set *s, const xent_sampling *o) {
  if (has_one_value(s)) return;
  const double below = o->top_n_sigma * deviation_of(s);
  keep_from(s, o, least_float((double)s->high - below));
}

/* S and T of section 11. */
XENT_SHARED int64_t weigh_distances(kept_set *s, const weigher *of, double per_value, int64_t *distances) {
  const weigher own = *of, *w = &own; /* a copy, which no store here can change */
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

/* The largest member that is at most x. */
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
  if (has_one_value(s)) return;
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

/* Whether XTC removes classes from this token's set. */
XENT_INLINE bool is_xtc_chosen(const xent_sampling *o, uint64_t stream) {
  const random_number r = philox(o->seed ^ SAMPLE_XTC_SEED, stream, o->step, o->draw);
  return (double)(r.high >> 11) < o->xtc_probability * 0x1p53;
}

/* The smallest value with a weight of at least `wanted`; +inf: no value has it. */
XENT_SHARED float least_with_weight(kept_set *s, const weigher *of, int64_t wanted) {
  const weigher own = *of, *w = &own; /* a copy, which no store here can change */
  XENT_ALIGNED float x[XENT_LANES], e[XENT_LANES];
  const lanes near = lanes_set((float)(((double)wanted - 0.5) / w->scale * (1 - 0x1p-20))); /* those below weigh less */
  float least = INFINITY;
  int64_t at = 0;
  piece p;
  while (next_piece(s, &at, s->low, &p))
    for (int64_t k = 0; k < p.n; k += XENT_LANES) {
      const lanes v = values_of(&p, k);
      lanes exponential[1] = {v};
      exponentials(w, exponential, 1);
      uint32_t bits = lanes_bits_above(exponential[0], near) & lanes_bits_above(lanes_set(least), v);
      if (!bits) continue;
      lanes_store(x, v);
      lanes_store(e, exponential[0]);
      for (; bits; bits &= bits - 1) {
        const int i = __builtin_ctz(bits);
        if (weight_of_exponential(w, e[i]) >= wanted && x[i] < least) least = x[i];
      }
    }
  return least;
}

XENT_SHARED void filter_xtc(kept_set *s, const xent_sampling *o, const f32_temperature *h, double scale,
                            uint64_t stream) {
  if (has_one_value(s) || !is_xtc_chosen(o, stream)) return;
  const weigher w = weigher_of(h, s->high, scale);
  const double share = o->xtc_threshold == 0 ? 0.1 : o->xtc_threshold;
  const int64_t sum = weigh_set(s, &w);
  const float least = least_with_weight(s, &w, share < 1 ? share_of_sum(share, sum) : sum);
  if (!(least < s->high)) return;
  const int64_t above = count_reaching(s, float_above(least)), kept = count_members(s) - above;
  if (kept >= at_least_kept(o)) keep_range(s, s->low, s->last, least, kept);
}

/* ---- dynamic temperature ---- */

/* The entropy of the softmax of the set, as a share of that of equal chances, log(count). */
XENT_SHARED double share_of_entropy(kept_set *s, int64_t count, double scale) {
  const weigher w = weigher_of(&temperature_1, s->high, scale);
  int64_t distances;
  const int64_t sum = weigh_distances(s, &w, 1, &distances);
  const double average = (double)distances / (double)sum, most = (double)sum / (double)weight_of(&w, s->high);
  const double entropy = average + doubles_first(f64_log(doubles_set(most)));
  return entropy / doubles_first(f64_log(doubles_set((double)count)));
}

/* share^exponent; shares above 1 count as 1. */
XENT_SHARED double power_of_share(double share, double exponent) {
  const f64_reference zero = f64_reference_of(doubles_set(0), f64_temperature_of(0));
  const double k = exponent * doubles_first(f64_log(doubles_set(share > DBL_MIN ? share : DBL_MIN)));
  return doubles_first(f64_exp(doubles_set(k < 0 ? k : 0), &zero)) * 0x1p-192;
}

/* Changes the temperature at its position in the order, by the classes that are left. */
XENT_SHARED void adapt_temperature(kept_set *s, const xent_sampling *o, f32_temperature *h, double scale) {
  const int64_t count = o->dynatemp_range > 0 ? count_members(s) : 1;
  if (count < 2) return;
  const double least = h->value > o->dynatemp_range ? h->value - o->dynatemp_range : 0;
  const double power = power_of_share(share_of_entropy(s, count, scale),
                                      o->dynatemp_exponent == 0 ? 1 : o->dynatemp_exponent);
  const double added = (h->value + o->dynatemp_range - least) * power, value = least + added;
  *h = f32_temperature_of(!(value > 0x1p-32) ? 0x1p-32 : value < 0x1p32 ? value : 0x1p32); /* NaN if a row changes */
}

/* The first filter, for a row that is too long for a list, 0 if the temperature depends on all classes; *at_1: with the
 * weights of temperature 1. */
XENT_INLINE int first_of_long(const kept_set *s, const xent_sampling *o, bool *at_1) {
  const int filter = first_filter(o, at_1);
  return s->classes > SAMPLE_LISTED && (*at_1 || o->dynatemp_range == 0) ? filter : 0;
}

/* Runs the filters that are set, in their order. The weights are those of temperature 1 until the temperature is
 * applied. *h becomes the temperature of the draw. */
XENT_INLINE void run_filters(kept_set *s, const xent_sampling *o, f32_temperature *h, double scale, uint64_t stream) {
  uint64_t left = order_of(o);
  const f32_temperature *now = has_temperature(left) ? &temperature_1 : h;
  if (now == h) adapt_temperature(s, o, h, scale);
  for (; left; left >>= 8) {
    const int filter = (int)(left & 255);
    if (filter == XENT_FILTER_TEMPERATURE) {
      adapt_temperature(s, o, h, scale);
      now = h;
    }
    if (!has_filter(o, filter)) continue;
    switch (filter) {
      case XENT_FILTER_TOP_K: filter_top_k(s, o); break;
      case XENT_FILTER_TOP_P: filter_top_p(s, o, now, scale); break;
      case XENT_FILTER_MIN_P: filter_min_p(s, o, now->value); break;
      case XENT_FILTER_TYPICAL_P: filter_typical_p(s, o, now, scale); break;
      case XENT_FILTER_TOP_N_SIGMA: filter_top_n_sigma(s, o); break;
      default: filter_xtc(s, o, now, scale, stream);
    }
  }
}

#endif
