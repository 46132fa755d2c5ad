/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Top-p as the first filter of a long row: the first pass over the logits computes their exponentials, too, and adds
 * them up as floats. That is enough if both bounds of the sum have the same cut; otherwise the exact sum is computed.
 * If no class has a large part of the mass, the same pass measures and lists the values near the cut, or counts the
 * classes of one value if they are too many for a list. The pass uses the largest of the first values as reference.
 * Another reference scales weights by a power of two, if none is rounded and no exponential is out of range.
 */
#ifndef XENT_SAMPLE_NUCLEUS_H
#define XENT_SAMPLE_NUCLEUS_H

#include "kernels/sample/filters.h"

enum { SAMPLE_EVEN = 200 };

typedef struct {
  lanes most;
  dlanes all; /* relative error at most 2^-23 */
  look_sums near;
} first_sums;

/* Whether a byte per class is all that separates the values from the tensor, so that a pass need not copy them. */
XENT_INLINE bool are_masked_floats(const sample_values *v) {
  const row_source *r = &v->source;
  return r->mask && r->mask_stride == 1 && is_direct(&r->x) && r->cap == 0 && v->scale == 1 && !v->bias.at &&
         !v->penalties.any;
}

/* Four vectors, or one. mask: NULL, or a byte for each float. */
XENT_INLINE void first_vectors(first_sums *t, const weigher *w, const float *x, const uint8_t *mask, int64_t left,
                               const int count, const bool lists) {
  enum { BATCH = XENT_BATCH };
  lanes v[4], e[4];
  XENT_UNROLL(8)
  for (int j = 0; j < count; j++) {
    v[j] = count > 1            ? lanes_load_far(x + j * XENT_LANES)
           : mask               ? masked_floats(x, mask, left)
           : left >= XENT_LANES ? lanes_load(x)
                                : lanes_load_part(x, left, -INFINITY);
    if (mask && count > 1) v[j] = lanes_where_set(mask + j * XENT_LANES, v[j], lanes_set(-INFINITY));
    e[j] = v[j];
    t->most = lanes_max(v[j], t->most);
  }
  XENT_UNROLL(8)
  for (int j = 0; j < count; j += BATCH)
    exp_lanes(e + j, count < BATCH ? count : BATCH, &w->references, false, &w->temperature);
  const lanes sum = count > 1 ? lanes_add(lanes_add(e[0], e[1]), lanes_add(e[2], e[3])) : e[0];
  t->all = dlanes_add(t->all, dlanes_widen(sum));
  XENT_UNROLL(8)
  for (int j = 0; lists && j < count; j++) look_at_weighed(&t->near, w, v[j], e[j], false, true);
}

XENT_INLINE double first_pass_as(kept_set *s, const weigher *of, look_sums *near, const bool lists, const bool masked) {
  const weigher own = *of, *w = &own; /* a copy, which no store here can change */
  first_sums t = {.all = dlanes_zero(), .near = *near};
  shared_piece shared = {.end = 0};
  for (int64_t i = 0; i < s->blocks; i++) {
    const int64_t begin = i * s->block, end = begin + s->block < s->classes ? begin + s->block : s->classes;
    const int64_t before = t.near.count, found = t.near.found;
    t.most = lanes_set(-INFINITY);
    if (lists) t.near.sum = wholes_zero();
    for (int64_t at = begin; at < end; at += SAMPLE_PIECE) {
      const int64_t n = end - at < SAMPLE_PIECE ? end - at : SAMPLE_PIECE;
      const row_source *r = &s->values.source;
      const float *x = masked ? (const float *)(const void *)r->x.at + at : values_in_pass(s, &shared, at);
      const uint8_t *mask = masked ? r->mask + at : NULL;
      int64_t k = 0;
      fetch_ahead(&s->values, at, n);
      for (; k + 4 * XENT_LANES <= n; k += 4 * XENT_LANES)
        first_vectors(&t, w, x + k, masked ? mask + k : NULL, n - k, 4, lists);
      for (; k < n; k += XENT_LANES) first_vectors(&t, w, x + k, masked ? mask + k : NULL, n - k, 1, lists);
    }
    s->maxima[i] = lanes_largest(t.most);
    if (lists) s->sums[i] = sum_of_wholes(t.near.sum, t.near.count - before);
    if (lists) s->near[i] = (uint16_t)(t.near.found - found);
  }
  if (lists) s->near[s->blocks] = (uint16_t)t.near.found;
  *near = t.near;
  return dlanes_tree(t.all);
}
XENT_SHARED double first_pass_of_floats(kept_set *s, const weigher *w, look_sums *near) {
  return first_pass_as(s, w, near, false, false);
}
XENT_SHARED double first_pass_masked(kept_set *s, const weigher *w, look_sums *near) {
  return first_pass_as(s, w, near, false, true);
}
XENT_SHARED double first_pass_near(kept_set *s, const weigher *w, look_sums *near) {
  return first_pass_as(s, w, near, true, false);
}
XENT_SHARED double first_pass_near_masked(kept_set *s, const weigher *w, look_sums *near) {
  return first_pass_as(s, w, near, true, true);
}
XENT_INLINE double first_pass(kept_set *s, const weigher *w, look_sums *near, bool lists) {
  if (are_masked_floats(&s->values)) return lists ? first_pass_near_masked(s, w, near) : first_pass_masked(s, w, near);
  return lists ? first_pass_near(s, w, near) : first_pass_of_floats(s, w, near);
}

/* Finds the candidates of top-k as the first filter: a list of those that reach a value that, by the probes, a few more
 * than k classes reach; or all, as for a small k, for which the maxima of blocks have a better value. */
XENT_SHARED bool begin_with_top_k(kept_set *s, int64_t k) {
  const int64_t n = SAMPLE_PROBES, share = k < s->classes ? k * n / s->classes : n;
  const int64_t most = share + 4 * (int64_t)__builtin_sqrt((double)share) + 4;
  const bool few = k <= s->blocks / 8 * 7 && k * s->block <= 16 * n; /* blocks to read again, before probes */
  if (few || s->classes <= 4 * n || most * s->classes > SAMPLE_LISTED * 7 / 8 * n)
    return all_candidates(s);
  probe_values(s, n);
  const float low = reached_by(s->probes[0], n, most, most + most / 32, largest_of(s->probes[0], n));
  const bool equal = count_at_least(s->probes[0], n, low) > most + most / 32; /* too many equal it */
  return candidates_from(s, equal ? INFINITY : low, k);
}

/* Whether none of n exponentials, of whole vectors, has a large part of their sum. */
XENT_INLINE bool are_even(const float *e, int64_t n) {
  const lanes unit = lanes_set(XENT_UNSCALE);
  lanes sum = lanes_set(0), most = sum;
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    const lanes v = lanes_mul(unit, lanes_load(e + i));
    sum = lanes_add(sum, v);
    most = lanes_max(v, most);
  }
  return (double)lanes_largest(most) * (double)n < SAMPLE_EVEN * lanes_tree(sum);
}

/* Estimates the cut of a row without a peak from its probes alone. */
XENT_SHARED bool guess_of_row(cut_search *q, double *a, double *b) {
  kept_set *s = q->set;
  const int64_t n = s->classes > 16 * SAMPLE_PROBES ? SAMPLE_PROBES : SAMPLE_PROBES / 2;
  s->low = -INFINITY;
  s->high = INFINITY;
  s->last = -1;
  q->from = -INFINITY;
  q->to = (double)FLT_MAX;
  q->before = (mass){0, 0};
  q->up_to.weight = INT64_C(1) << 40;
  q->least = q->most = share_of_sum(q->share, q->up_to.weight);
  q->in = (interval){INFINITY, INFINITY};
  q->out = (interval){-FLT_MAX, INFINITY};
  exponentials_of(q->weigher, values_at(&s->values, 0, SAMPLE_PIECE, s->room), SAMPLE_PIECE, s->probes[1]);
  if (!are_even(s->probes[1], SAMPLE_PIECE)) return false;
  const probes p = take_probes(q, n);
  float low;
  if (!are_even(s->probes[1], n)) return false;
  if (!guess_keys(q, &p, a, b, &low)) {
    *b = key_above(q, &p, low);
    *a = just_under(*b);
  }
  return *b < q->to;
}

/* Whether sums of weights of values that reach `least` are exact, and those of another reference are these /
 * 2^octaves. */
XENT_INLINE bool are_exact(const weigher *w, float least, double octaves) {
  XENT_ALIGNED float e[XENT_LANES];
  lanes v[1] = {lanes_set(least)};
  exponentials(w, v, 1);
  lanes_store(e, v[0]);
  return octaves <= 8 && (double)e[0] * w->scale >= 0x1p24 * (double)(INT64_C(1) << (int)octaves);
}

/* Finds all candidates, and keeps those that top-p keeps; false if the row has no token. */
XENT_SHARED bool begin_with_top_p(kept_set *s, const xent_sampling *o, const f32_temperature *h, double scale) {
  bool nan = false;
  lanes least = lanes_set(INFINITY);
  const float top = search(values_at(&s->values, 0, SAMPLE_PIECE, s->room), SAMPLE_PIECE, &nan, &least);
  const weigher guessed = weigher_of(h, top > -INFINITY && top < INFINITY ? top : 0, scale);
  if (guessed.shift != 0 || smallest_of(least) == top) return all_candidates(s);
  cut_search q = {.set = s, .rule = &by_value, .weigher = &guessed, .share = o->top_p, .room = SAMPLE_LISTED,
                  .near = s->x, .low = -INFINITY, .last = -1};
  double a = 0, b = 0;
  const bool near = guess_of_row(&q, &a, &b);
  const interval none = {INFINITY, INFINITY};
  const interval in = near && a > -INFINITY ? values_up_to(&by_value, a, none, none) : none;
  const interval out = near ? values_up_to(&by_value, b, none, none) : none;
  look_sums t = sums_of_look(&q, in, out);
  const double sum = first_pass(s, &guessed, &t, near);
  if (!candidates_of_maxima(s, lanes_set(-INFINITY))) return false;
  const weigher right = weigher_of(h, s->high, scale);
  const double octaves = (double)right.reference - (double)guessed.reference;
  if (right.shift != 0 || !(octaves >= -60 && octaves <= 60)) return all_candidates(s);
  if (sum != sum) return false; /* one is NaN */
  const double power = (double)(INT64_C(1) << (int)fabs(octaves));
  const double all = sum * scale * (octaves < 0 ? power : 1 / power);
  if (!(all < 0x1.8p62)) return true;
  q.weigher = &right;
  if (!weights_known(&q, (int64_t)all, (int64_t)(all * 0x1p-22) + s->classes + 1)) return true;
  begin_cut(&q);
  if (near && octaves >= 0 && are_exact(&guessed, in.low < INFINITY ? in.low : s->high, octaves)) {
    mass m = {t.count, 0};
    for (int64_t i = 0; i < s->blocks; i++) m.weight += s->sums[i] >>= (int)octaves;
    if (a > q.from) narrow(&q, a, in, m);
    if (a < q.from) a = q.from;
    if (b > q.to) b = q.to;
    if (q.from == a && b > a) take_list(&q, t.found, b, out, in.low == float_above(out.low));
  }
  q.by_block = q.listed >= 0;
  keep_weight(&q, o, true);
  s->nucleus = true;
  return true;
}

#endif
