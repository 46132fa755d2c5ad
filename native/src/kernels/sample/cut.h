/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cut of a set: its classes in ascending order of a key, up to the first one at which their mass, the sum of their
 * weights or their number, reaches a target. Two keys bracket the cut: the classes up to `from` do not reach the
 * target, those up to `to` do. The classes with keys up to k have the values of an interval.
 *   smallest key ......... from ...... a ... cut ... b ...... to ......... largest key
 *
 *   up to 4 times: a, b = estimates of a few thousand classes, the probes;   look_at_probes
 *                  a pass over the row: the mass up to a, and a list of the values from a to b;
 *                  the bracket shrinks to a and b if the cut is between them, else to one side
 *   divide the bracket until it has few keys, in the list if there is one    cut_by_halves
 */
#ifndef XENT_SAMPLE_CUT_H
#define XENT_SAMPLE_CUT_H

#include "kernels/sample/philox.h"
#include "kernels/sample/set.h"

enum { SAMPLE_FEW = 32, SAMPLE_TOP_BLOCKS = 64, SAMPLE_ROUNDS = 4 };

/* Descending values, or for typical-p the distance of a class's information from the average. */
typedef struct {
  bool typical;
  double most, per_value, average;
} key_rule;

static const key_rule by_value = {.typical = false};

XENT_INLINE double key_of(const key_rule *r, float x) {
  return r->typical ? fabs((r->most - (double)x) * r->per_value - r->average) : -(double)x;
}

/* low <= x <= high */
typedef struct {
  float low, high;
} interval;

/* The values whose keys are at most k; in, out: the values of a smaller key and of a larger one. The distance without
 * fabs decreases with x. */
XENT_SHARED interval values_up_to(const key_rule *r, double k, interval in, interval out) {
  int64_t ends[2];
  if (!r->typical) {
    const float x = (float)-k;
    return (interval){(double)x < -k ? float_above(x) : x, INFINITY};
  }
  for (int end = 0; end < 2; end++) { /* the first value that is not too far below, or is too far above */
    int64_t from = ordinal_of(end ? in.high : out.low), to = (int64_t)ordinal_of(end ? out.high : in.low) + end;
    while (from < to) {
      const int64_t middle = (from + to) >> 1;
      const double distance = (r->most - (double)of_ordinal((int32_t)middle)) * r->per_value - r->average;
      if (end ? distance >= -k : distance > k)
        from = middle + 1;
      else
        to = middle;
    }
    ends[end] = from;
  }
  return (interval){of_ordinal((int32_t)ends[0]), of_ordinal((int32_t)ends[1] - 1)};
}

XENT_INLINE bool same_interval(interval a, interval b) { return a.low == b.low && a.high == b.high; }

typedef struct {
  int64_t count, weight;
} mass;

typedef struct {
  kept_set *set;
  const key_rule *rule;
  const weigher *weigher; /* or NULL: classes are counted */
  double share;
  float low; /* of the set that the share refers to, and its `last` */
  int64_t last;
  int64_t least, most; /* the target: a number from least to most, because the total is rounded */
  double from, to;     /* the cut is above `from` and not above `to` */
  interval in, out;    /* the values with keys up to `from`, and up to `to` */
  mass before, up_to;  /* of these intervals */
  bool counted;        /* up_to.count is their exact number */
  float *near, *few;   /* near: the list of a pass; few: the values of a list that are listed again */
  const float *list;   /* once listed: the values with keys in the bracket, and possibly some around it */
  int64_t room, listed, found; /* length of the list, or -1; values that a pass found for its list */
  bool weighed;        /* the exact sum was needed */
  bool by_block, one;  /* `outside` comes from sums of blocks; the list is in their order, or counted per block */
  mass outside;        /* the mass before all listed values */
  bool ends;           /* a pass stops as soon as its list is full */
} cut_search;

/* The key of the last class within the target, the number of classes with this key, and the mass before it. */
typedef struct {
  double key;
  mass before;
  int64_t equal;
} cut;

XENT_INLINE int64_t number_of(const cut_search *q, mass m) { return q->weigher ? m.weight : m.count; }

/* ---- a pass ---- */

typedef struct {
  lanes in_low, in_high, out_low, out_high; /* low < x <= high */
  wholes sum;
  int64_t count, found, room;
  float *near;
} look_sums;

/* Adds a vector and its exponentials to the sums. */
XENT_INLINE void look_at_weighed(look_sums *t, const weigher *w, lanes v, lanes e, const bool two, const bool weighs) {
  const lanes none = lanes_set(-INFINITY);
  const lanes in = two ? lanes_where_above(v, t->in_high, none, v) : v;
  const lanes out = two ? lanes_where_above(v, t->out_high, none, v) : v;
  const uint32_t inside = lanes_bits_above(in, t->in_low), near = lanes_bits_above(out, t->out_low) & ~inside;
  if (weighs) t->sum = wholes_add_above(t->sum, dlanes_whole(e, w->scale), in, t->in_low);
  t->count += __builtin_popcount(inside);
  lanes_pick(t->near + (t->found < t->room ? t->found : t->room), v, near); /* if full, it is overwritten */
  t->found += __builtin_popcount(near);
}
XENT_INLINE void look_at(look_sums *t, const weigher *w, const float *x, int64_t left, const int count, const bool two,
                         const bool weighs) {
  lanes v[XENT_BATCH], e[XENT_BATCH];
  XENT_UNROLL(8)
  for (int j = 0; j < count; j++) {
    const bool whole = count > 1 || left >= XENT_LANES;
    e[j] = v[j] = whole ? lanes_load(x + j * XENT_LANES) : lanes_load_part(x, left, -INFINITY);
  }
  if (weighs) exponentials(w, e, count);
  XENT_UNROLL(8)
  for (int j = 0; j < count; j++) look_at_weighed(t, w, v[j], e[j], two, weighs);
}

XENT_INLINE bool next_searched(cut_search *q, int64_t *at, float least, piece *p) {
  if (q->listed < 0) return next_piece(q->set, at, least, p);
  const int64_t left = q->listed - *at;
  *p = (piece){.x = q->list + *at, .n = left < SAMPLE_PIECE ? left : SAMPLE_PIECE};
  *at += p->n;
  return left > 0;
}

XENT_INLINE lanes just_below(float x) { return lanes_set(of_ordinal(ordinal_of(x) - 1)); }

XENT_INLINE look_sums sums_of_look(const cut_search *q, interval in, interval out) {
  return (look_sums){.in_low = just_below(in.low), .in_high = lanes_set(in.high), .out_low = just_below(out.low),
                     .out_high = lanes_set(out.high), .sum = wholes_zero(),
                     .found = same_interval(in, out) ? q->room : 0, .room = q->room, .near = q->near};
}

/* A pass over the values. For all values of the row, it also stores the sums of weights and the numbers of listed
 * values per block. */
XENT_INLINE mass look_as(cut_search *q, interval in, interval out, const bool two, const bool weighs) {
  weigher own = {.shift = 0};
  const weigher *w = &own; /* a copy, which no store here can change */
  if (weighs) own = *q->weigher;
  const bool by_block = weighs && !two && !q->set->listed && q->listed < 0;
  look_sums t = sums_of_look(q, in, out);
  int64_t at = 0, weight = 0;
  piece p;
  if (by_block) memset(q->set->sums, 0, (size_t)q->set->blocks * sizeof *q->set->sums);
  if (by_block) memset(q->set->near, 0, (size_t)q->set->blocks * sizeof *q->set->near);
  while ((!q->ends || t.found <= t.room) && next_searched(q, &at, out.low, &p)) {
    int64_t k = 0;
    const int64_t counted = t.count, found = t.found;
    for (; k + XENT_BATCH * XENT_LANES <= p.n; k += XENT_BATCH * XENT_LANES)
      look_at(&t, w, p.x + k, p.n - k, XENT_BATCH, two, weighs);
    for (; k < p.n; k += XENT_LANES) look_at(&t, w, p.x + k, p.n - k, 1, two, weighs);
    if (weighs && !two) {
      const int64_t sum = sum_of_wholes(t.sum, t.count - counted);
      t.sum = wholes_zero();
      weight += sum;
      if (by_block) {
        q->set->sums[p.block] += sum;
        q->set->near[p.block] += (uint16_t)(t.found - found);
      }
    }
  }
  if (weighs && two) weight = sum_of_wholes(t.sum, t.count);
  q->found = same_interval(in, out) ? 0 : t.found;
  if (by_block) q->set->near[q->set->blocks] = (uint16_t)q->found;
  return (mass){t.count, weight};
}
#define XENT_LOOK(name, two, weighs) \
  XENT_SHARED mass name(cut_search *q, interval in, interval out) { return look_as(q, in, out, two, weighs); }
XENT_LOOK(count_above, false, false)
XENT_LOOK(weigh_above, false, true)
XENT_LOOK(count_between, true, false)
XENT_LOOK(weigh_between, true, true)
#undef XENT_LOOK

/* The mass in one interval. Lists the values in the other interval that are not in the first. */
XENT_INLINE mass look(cut_search *q, interval in, interval out, bool weighs) {
  if (q->rule->typical) return weighs ? weigh_between(q, in, out) : count_between(q, in, out);
  return weighs ? weigh_above(q, in, out) : count_above(q, in, out);
}

/* The mass of the values in an interval of keys up to one. */
XENT_INLINE mass mass_in(cut_search *q, interval in) {
  mass m = look(q, in, in, q->weigher != NULL);
  if (q->listed >= 0) m = (mass){m.count + q->outside.count, m.weight + q->outside.weight};
  return m;
}
XENT_INLINE interval interval_up_to(const cut_search *q, double k) {
  return k <= q->from ? q->in : k >= q->to ? q->out : values_up_to(q->rule, k, q->in, q->out);
}

/* ---- the bracket ---- */

/* The exact sum of the whole set, before its largest values were listed. */
XENT_SHARED void weigh_exactly(cut_search *q) {
  kept_set *s = q->set;
  const float low = s->low;
  const int64_t last = s->last;
  const bool listed = s->listed;
  s->low = q->low;
  s->last = q->last;
  s->listed = false;
  s->sum = -1;
  q->weighed = true;
  q->least = q->most = share_of_sum(q->share, weigh_set(s, q->weigher));
  s->low = low;
  s->last = last;
  s->listed = listed;
  s->sum = -1;
}

/* Sets the weight of the whole set, within a slack; false: the exact sum is needed. */
XENT_INLINE bool weights_known(cut_search *q, int64_t all, int64_t slack) {
  q->up_to.weight = all > slack ? all - slack : 0;
  q->least = share_of_sum(q->share, q->up_to.weight);
  q->most = share_of_sum(q->share, all + slack);
  return q->up_to.weight >= q->most;
}

/* Shrinks the bracket to one side of k; the interval has the values up to k, and m is their mass. */
XENT_INLINE void narrow(cut_search *q, double k, interval values, mass m) {
  if (number_of(q, m) >= q->least && number_of(q, m) < q->most) weigh_exactly(q);
  if (number_of(q, m) >= q->most) {
    q->to = k;
    q->out = values;
    q->up_to = m;
    q->counted = true;
  } else {
    q->from = k;
    q->in = values;
    q->before = m;
  }
}

XENT_INLINE double just_under(double k) {
  return k > 0 ? bits_double(double_bits(k) - 1) : k < 0 ? bits_double(double_bits(k) + 1) : -0x1p-1074;
}

/* Measures the list, n values with keys above `from` up to b. one: they have the same key. */
XENT_SHARED void take_list(cut_search *q, int64_t n, double b, interval out, bool one) {
  const interval all = {-FLT_MAX, INFINITY};
  mass more = {n, 0};
  if (n > q->room && !one) return;
  q->listed = n;
  q->list = q->near;
  q->outside = q->before;
  if (one && n > 0 && q->weigher)
    more.weight = n * weight_of(q->weigher, q->near[0]);
  else if (q->weigher)
    more = look(q, all, all, true);
  narrow(q, b, out, (mass){q->before.count + more.count, q->before.weight + more.weight});
  if (q->to != b || n > q->room) q->listed = -1;
}

/* Measures the values with keys up to a, and lists those up to b. */
XENT_SHARED void look_between(cut_search *q, double a, double b, bool one) {
  if (a < q->from) a = q->from;
  if (b > q->to) b = q->to;
  const interval in = interval_up_to(q, a), out = interval_up_to(q, b);
  const bool weighs = q->weigher && a > q->from;
  q->ends = a == q->from && !one;
  const mass m = look(q, in, out, weighs);
  q->ends = false;
  const int64_t n = q->found;
  if (a > q->from) narrow(q, a, in, m);
  if (q->from == a) take_list(q, n, b, out, one);
  q->one = one && q->from == a && q->to == b && q->set->block <= UINT16_MAX;
  q->by_block = weighs && !q->rule->typical && (q->listed >= 0 || q->one);
}

/* ---- probes ---- */

typedef struct {
  int64_t n;
  double each; /* the number of classes of the set per probe */
  float least, most;
} probes;

XENT_INLINE int64_t class_of_probe(const kept_set *s, int64_t n, int64_t i) {
  return s->classes / XENT_LANES * (i / XENT_LANES) / (n / XENT_LANES) * XENT_LANES + i % XENT_LANES;
}

/* The values of n probes, if possible without penalties, which few classes have. */
XENT_SHARED void probe_values(kept_set *s, int64_t n) {
  const float *raw = (const float *)(const void *)s->values.source.x.at;
  const bool direct = s->values.direct;
  for (int64_t i = 0; direct && i < n; i += XENT_LANES)
    prefetch_behind(raw, class_of_probe(s, n, i) * (int64_t)sizeof *raw);
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    const int64_t class = class_of_probe(s, n, i);
    lanes_store(s->probes[0] + i, lanes_load(direct ? raw + class : values_at(&s->values, class, XENT_LANES, s->room)));
  }
}

/* Takes probes from the whole row; those outside the bracket have no mass. */
XENT_SHARED probes take_probes(cut_search *q, int64_t n) {
  kept_set *s = q->set;
  float *keys = s->probes[0], *masses = s->probes[1];
  probes p = {.n = n, .each = (double)s->classes / (double)n};
  probe_values(s, n);
  for (int64_t i = 0; i < n; i += XENT_LANES)
    lanes_store(keys + i, values_in_set(s, class_of_probe(s, n, i), lanes_load(keys + i)));
  for (int64_t i = 0; i < p.n; i += SAMPLE_PIECE) {
    if (q->weigher)
      exponentials_of(q->weigher, keys + i, SAMPLE_PIECE, masses + i);
    else
      for (int64_t k = i; k < i + SAMPLE_PIECE; k++) masses[k] = 1;
  }
  look_sums t = sums_of_look(q, q->in, q->out);
  const lanes none = lanes_set(INFINITY), zero = lanes_set(0);
  lanes least = none, most = lanes_set(-INFINITY);
  for (int64_t i = 0; i < p.n; i += XENT_LANES) {
    const lanes v = lanes_load(keys + i), m = lanes_load(masses + i);
    const lanes in = lanes_where_above(v, t.in_high, zero, lanes_where_above(v, t.in_low, m, zero));
    const lanes out = lanes_where_above(v, t.out_high, zero, lanes_where_above(v, t.out_low, m, zero));
    lanes_store(masses + i, lanes_sub(out, in));
    if (q->rule->typical)
      for (int k = 0; k < XENT_LANES; k++) keys[i + k] = (float)key_of(q->rule, keys[i + k]);
    else
      lanes_store(keys + i, lanes_sub(zero, v));
    const lanes key = lanes_where_above(lanes_sub(out, in), zero, lanes_load(keys + i), none);
    lanes_store(keys + i, key);
    least = lanes_min(key, least);
    most = lanes_max(lanes_where_above(none, key, key, most), most);
  }
  p.least = smallest_of(least);
  p.most = lanes_largest(most);
  return p;
}

/* Sums over the probes with keys up to each of two keys: of masses, and of their squares. */
typedef struct {
  double mass[2], squares[2];
} probe_sums;

XENT_INLINE probe_sums probes_up_to(const kept_set *s, const probes *p, const float *keys) {
  const lanes zero = lanes_set(0), unit = lanes_set(XENT_UNSCALE), limits[2] = {lanes_set(keys[0]), lanes_set(keys[1])};
  lanes sum[2] = {zero, zero}, squares[2] = {zero, zero};
  for (int64_t i = 0; i < p->n; i += XENT_LANES) {
    const lanes key = lanes_load(s->probes[0] + i), e = lanes_mul(unit, lanes_load(s->probes[1] + i));
    for (int k = 0; k < 2; k++) {
      const lanes m = lanes_where_above(key, limits[k], zero, e);
      sum[k] = lanes_add(sum[k], m);
      squares[k] = lanes_fma(m, m, squares[k]);
    }
  }
  return (probe_sums){{lanes_tree(sum[0]), lanes_tree(sum[1])}, {lanes_tree(squares[0]), lanes_tree(squares[1])}};
}
XENT_INLINE int64_t count_probes(const kept_set *s, const probes *p, float key) {
  return p->n - count_at_least(s->probes[0], p->n, float_above(key));
}

/* Two keys with the cut between them, unless the estimate is off by more than `times` its standard deviation. f is the
 * target as a share of the bracket's mass. With y = 1 for the probes up to a key and y = 0 for the others, the cut is
 * where D = sum of (y - f) mass is 0. Probes are a random sample, so the variance of D is about the sum of squares:
 * (1 - f)^2 mass^2 up to the key, f^2 mass^2 after it. Returns true if a smaller `times` changes neither key. */
XENT_SHARED bool guess_cut(const cut_search *q, const probes *p, double times, float *low, float *high) {
  const float before = of_ordinal(ordinal_of(p->least) - 1), ends[2] = {p->most, p->most};
  const probe_sums all = probes_up_to(q->set, p, ends);
  const double wanted = (double)(q->most - number_of(q, q->before));
  const double f = wanted / (double)(number_of(q, q->up_to) - number_of(q, q->before)), g = 1 - f;
  float a[2] = {before, before}, b[2] = {p->most, p->most}; /* of both searches */
  for (int step = 0; step < 12; step++) {
    const float middle[2] = {0.5f * a[0] + 0.5f * b[0], 0.5f * a[1] + 0.5f * b[1]};
    const probe_sums s = probes_up_to(q->set, p, middle);
    for (int end = 0; end < 2; end++) {
      const double over = s.mass[end] - f * all.mass[0];
      const double variance = g * g * s.squares[end] + f * f * (all.squares[0] - s.squares[end]);
      const bool sure = over * over >= times * times * variance;
      const bool behind = end ? over >= 0 && sure : over >= 0 || !sure;
      if (behind)
        b[end] = middle[end];
      else
        a[end] = middle[end];
    }
  }
  *low = a[0];
  *high = b[1];
  return a[0] == a[1] && b[0] == b[1];
}

/* Keys that bracket the cut according to the probes, with few enough values between them for a list. False: too many
 * classes have one key, the first above *low. */
XENT_SHARED bool guess_keys(const cut_search *q, const probes *p, double *a, double *b, float *low) {
  const kept_set *s = q->set;
  const double most = 0.8 * (double)q->room; /* there may be more values than the probes suggest */
  bool same = !(p->least < p->most);
  float high;
  *low = of_ordinal(ordinal_of(p->least) - 1);
  for (double times = 2.5; times > 0.5 && !same; times /= 2) {
    same = guess_cut(q, p, times, low, &high);
    const double upper = (double)count_probes(s, p, high) * p->each, lower = (double)count_probes(s, p, *low) * p->each;
    if (upper - lower > most) continue;
    *a = *low < p->least || upper <= most ? q->from : (double)*low;
    *b = high < p->most ? (double)high : q->to;
    return true;
  }
  if (!same) guess_cut(q, p, 0, low, &high);
  return false;
}

/* The key of the first probe above `low`. */
XENT_SHARED double key_above(const cut_search *q, const probes *p, float low) {
  kept_set *s = q->set;
  int64_t at = -1;
  for (int64_t i = 0; i < p->n; i++)
    if (s->probes[0][i] > low && (at < 0 || s->probes[0][i] < s->probes[0][at])) at = i;
  const int64_t class = class_of_probe(s, p->n, at < 0 ? 0 : at);
  return key_of(q->rule, values_at(&s->values, class, 1, s->room)[0]);
}

/* Passes at the estimate of the probes. */
XENT_SHARED void look_at_probes(cut_search *q) {
  const probes p = take_probes(q, q->set->classes > 16 * SAMPLE_PROBES ? SAMPLE_PROBES : SAMPLE_PROBES / 2);
  double a, b;
  float low;
  if (!(p.least <= p.most)) return;
  if (guess_keys(q, &p, &a, &b, &low)) {
    look_between(q, a, b, false);
    return;
  }
  const double key = key_above(q, &p, low); /* a key of many classes */
  if (key > q->from && key <= q->to) look_between(q, just_under(key), key, true);
}

/* ---- the cut ---- */

/* The cut in a short list: the rank of a value is the number of smaller keys. */
XENT_SHARED cut cut_of_few(cut_search *q) {
  XENT_ALIGNED float e[SAMPLE_FEW + XENT_LANES];
  double keys[SAMPLE_FEW];
  cut at[SAMPLE_FEW + 1] = {{0}}, c = {.before = q->before}; /* the cut after the last one stays empty */
  const int64_t n = q->listed;
  if (q->weigher) exponentials_of(q->weigher, q->list, n, e);
  for (int64_t i = 0; i < n; i++) keys[i] = key_of(q->rule, q->list[i]);
  for (int64_t i = 0; i < n; i++) {
    int64_t smaller = 0;
    for (int64_t j = 0; j < n; j++) smaller += keys[j] < keys[i];
    at[smaller].key = keys[i];
    at[smaller].before.weight += q->weigher ? weight_of_exponential(q->weigher, e[i]) : 0;
    at[smaller].equal++;
  }
  for (int64_t i = 0; i < n; i += c.equal) {
    c.key = at[i].key;
    c.equal = at[i].equal;
    const mass with = {c.before.count + c.equal, c.before.weight + at[i].before.weight};
    if (number_of(q, with) >= q->least && number_of(q, with) < q->most) weigh_exactly(q);
    if (number_of(q, with) >= q->most || i + c.equal >= n) break;
    c.before = with;
  }
  return c;
}

/* A key between two, if there is one; sometimes the middle of their floats, which converges faster if the keys are far
 * apart. */
XENT_INLINE double key_between(double from, double to, bool of_floats) {
  const double middle = 0.5 * from + 0.5 * to;
  const double other = (double)of_ordinal((int32_t)(((int64_t)ordinal_of((float)from) + ordinal_of((float)to)) >> 1));
  return of_floats && other > from && other < to ? other : middle;
}

/* Whether the bracket holds only one key. */
XENT_INLINE bool holds_one_key(const cut_search *q) {
  const double key = key_between(q->from, q->to, false);
  return (!q->rule->typical && q->in.low == float_above(q->out.low)) || !(key > q->from && key < q->to);
}

/* The cut in the bracket, which is divided in the middle or at a listed value until it holds few keys, or one. */
XENT_SHARED cut cut_by_halves(cut_search *q) {
  const kept_set *s = q->set;
  for (int step = 1;; step++) {
    const int64_t left = q->up_to.count - q->before.count;
    if (holds_one_key(q)) {
      const int64_t count = q->counted ? q->up_to.count : mass_in(q, q->out).count;
      return (cut){q->rule->typical ? q->to : -(double)q->out.low, q->before, count - q->before.count};
    }
    if (q->listed < 0 ? left <= q->room : left <= SAMPLE_PIECE && left <= q->listed / 2) {
      if (q->listed >= 0) {
        q->near = q->few;
        q->room = SAMPLE_PIECE;
      }
      look(q, q->in, q->out, false);
      q->list = q->near;
      q->listed = q->found < q->room ? q->found : q->room;
      q->outside = q->before;
      q->up_to.count = q->before.count + q->listed;
      q->counted = true;
    }
    if (q->listed >= 0 && q->listed <= SAMPLE_FEW) return cut_of_few(q);
    const float *list = q->listed > 0 ? q->list : s->x;
    const int64_t n = q->listed > 0 ? q->listed : s->listed ? s->count : 0;
    double key = key_between(q->from, q->to, step % 4 == 0);
    const double own = n && step % 4 == 2 ? key_of(q->rule, list[step * 1021 % n]) : key; /* many may have it */
    if (own > q->from && own <= q->to) key = own < q->to ? own : just_under(own);
    const interval middle = values_up_to(q->rule, key, q->in, q->out);
    if (same_interval(middle, q->in))
      q->from = key;
    else if (same_interval(middle, q->out))
      q->to = key;
    else
      narrow(q, key, middle, mass_in(q, middle));
  }
}

/* Starts a search: all classes reach q->most, and q->up_to.weight is their weight or slightly less. */
XENT_SHARED void begin_cut(cut_search *q) {
  kept_set *s = q->set;
  const float low = s->low > -INFINITY ? s->low : -FLT_MAX;
  const double first = key_of(q->rule, s->high), last = key_of(q->rule, low);
  q->room = s->listed ? SAMPLE_PIECE : SAMPLE_LISTED;
  q->listed = -1;
  q->ends = q->by_block = q->one = false;
  q->from = just_under(q->rule->typical ? 0 : first);
  q->to = first > last ? first : last;
  q->in = (interval){float_above(s->high), q->rule->typical ? of_ordinal(ordinal_of(low) - 1) : INFINITY};
  q->out = (interval){low, q->rule->typical ? s->high : INFINITY};
  q->before = (mass){0, 0};
  q->counted = s->count >= 0;
  q->up_to.count = q->counted ? s->count : s->classes;
}

XENT_SHARED cut find_cut(cut_search *q) {
  kept_set *s = q->set;
  XENT_ALIGNED float few[SAMPLE_PIECE + XENT_LANES];
  q->few = few;
  q->near = s->listed ? few : s->x;
  const double many = key_of(q->rule, value_of_many(s));
  if (q->listed < 0 && many > q->from && many <= q->to && !holds_one_key(q))
    look_between(q, just_under(many), many, true);
  if (!s->listed && q->listed < 0 && s->high >= s->most && q->weigher && !q->rule->typical) { /* probes miss these */
    const float x = reached_by(s->maxima, s->blocks, SAMPLE_TOP_BLOCKS, SAMPLE_TOP_BLOCKS + 16, s->high);
    if (-(double)x > q->from && -(double)x < q->to) look_between(q, q->from, -(double)x, false);
  }
  for (int round = 0; round < SAMPLE_ROUNDS && !s->listed && q->listed < 0; round++) {
    if (q->up_to.count - q->before.count <= q->room || holds_one_key(q)) break;
    look_at_probes(q);
  }
  return cut_by_halves(q);
}

#endif
