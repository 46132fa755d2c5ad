/* SPDX-License-Identifier: Apache-2.0 */
/* Rows whose classes are divided among shards: each shard answers a request about its classes, and all answers together
 * yield the token, or the next request (conformance/numerics.md, section 11). contract_sample_shard and
 * contract_sample_question (native/test/contract/sample.c) are the plain forms. */
#ifndef XENT_SAMPLE_SHARDS_H
#define XENT_SAMPLE_SHARDS_H

#include "kernels/sample/rows.h"
#include "numerics/digest.h"

enum { SAMPLE_TOLD_BITS = 9, HIGHEST_ORDINAL = 0x7f800000 }; /* of +inf */
_Static_assert(SAMPLE_TOLD == 1 << SAMPLE_TOLD_BITS, "a bit for each halving");

/* The inputs and buffers for sampling a row. */
typedef struct {
  const xent_call *call;
  int64_t row, classes; /* classes: of the whole row */
  const xent_sampling *options;
  f32_temperature temperature, filters;   /* of the draw, and of the filters */
  double scale;
  kept_set *set;
} shard_row;

XENT_INLINE weigher weigher_of_question(const shard_row *r, const row_sample_state *q) {
  return weigher_of(q->kind == XENT_ASK_CLASS ? &r->temperature : &r->filters, q->most, r->scale);
}

/* ---- keys ---- */

/* Ascends along the order of the row. */
XENT_INLINE uint64_t order_key(float x, int64_t class, int64_t classes) {
  return (uint64_t)((int64_t)HIGHEST_ORDINAL - ordinal_of(x)) * (uint64_t)classes + (uint64_t)class;
}
XENT_INLINE float value_of_key(uint64_t key, int64_t classes) {
  return of_ordinal((int32_t)((int64_t)HIGHEST_ORDINAL - (int64_t)(key / (uint64_t)classes)));
}

/* The logarithm to base 2 of the number of keys per bin. */
XENT_INLINE int bits_of_bin(const row_sample_state *q) {
  const uint64_t range = q->to - q->from;
  const int bits = range ? 64 - __builtin_clzll(range) : 0;
  return bits > SAMPLE_TOLD_BITS ? bits - SAMPLE_TOLD_BITS : 0;
}

/* ---- the answer of a shard ---- */

XENT_SHARED void weigh_bins(kept_set *s, const weigher *w, const shard_row *r, row_sample_state *a) {
  XENT_ALIGNED float e[SAMPLE_PIECE + XENT_LANES];
  const bool by_class = a->kind == XENT_ASK_CLASS;
  const int shift = bits_of_bin(a);
  int64_t at = 0;
  piece p;
  while (next_piece(s, &at, s->low, &p)) {
    exponentials_of(w, p.x, p.n, e);
    for (int64_t k = 0; k < p.n; k += XENT_LANES)
      for (uint32_t bits = members(&p, k); bits; bits &= bits - 1) {
        const int64_t i = k + __builtin_ctz(bits), class = a->first_class + class_in(&p, i);
        const uint64_t key = by_class ? (uint64_t)class : order_key(p.x[i], class, r->classes);
        if (key < a->from || key > a->to) continue;
        a->bins[(key - a->from) >> shift] += (uint64_t)weight_of_exponential(w, e[i]);
      }
  }
}

/* Lists the first classes of the set, in ascending order of classes. */
XENT_SHARED void list_first(kept_set *s, row_sample_state *a) {
  keep_first(s, SAMPLE_TOLD, false);
  if (!s->listed) list_members(s);
  a->listed = (uint32_t)(s->count < SAMPLE_TOLD ? s->count : SAMPLE_TOLD); /* there are more if the row has changed */
  for (uint32_t i = 0; i < a->listed; i++)
    a->list[i] = (told_class){s->x[i] + 0.0f, (int32_t)(a->first_class + s->class[i])};
}

/* Answers the request in `a`. False if a class exceeds the largest value of all shards, because the row has changed. */
XENT_SHARED bool answer_question(const shard_row *r, row_sample_state *a) {
  kept_set *s = r->set;
  begin_set(s, r->call->shape->classes);
  s->values = sample_values_of(r->call, r->row, r->options);
  const bool any = all_candidates(s);
  a->bad = s->bad;
  if (!any) return true;
  if (a->most > -INFINITY && s->high > a->most) return false;
  if (a->low > -INFINITY) {
    s->low = a->low;
    s->last = a->last - a->first_class < s->classes - 1 ? a->last - a->first_class : INT64_MAX;
    s->count = -1;
  }
  a->count = count_members(s);
  const weigher w = weigher_of_question(r, a);
  if (a->most > -INFINITY) a->sum = weigh_set(s, &w);
  if (a->kind == XENT_ASK_LIST)
    list_first(s, a);
  else
    weigh_bins(s, &w, r, a);
  return true;
}

/* ---- the answers of all shards ---- */

/* Reduces the set of the row to the first of all listed classes, in ascending order of classes. */
XENT_SHARED void keep_first_told(kept_set *s) {
  s->low = -INFINITY;
  s->last = -1;
  keep_first(s, SAMPLE_TOLD, false);
}

XENT_INLINE bool is_candidate(float x) { return x > -INFINITY && x < INFINITY; }

XENT_SHARED bool add_list(kept_set *s, const row_sample_state *a) {
  int64_t before = a->first_class - 1;
  if (s->count > SAMPLE_LISTED - SAMPLE_TOLD) keep_first_told(s);
  const uint32_t listed = a->listed < SAMPLE_TOLD ? a->listed : SAMPLE_TOLD; /* it may change after its check */
  for (uint32_t i = 0; i < listed; i++) {
    const float x = a->list[i].x;
    const int32_t class = a->list[i].class;
    if (!is_candidate(x) || class <= before || class >= a->first_class + a->classes) return false;
    before = class;
    s->x[s->count] = x;
    s->class[s->count++] = class;
    s->high = x > s->high ? x : s->high;
  }
  return true;
}

/* Whether two states have the same bytes from one offset to another. It avoids memcmp, because the library has no C
 * library. */
XENT_INLINE bool alike(const row_sample_state *a, const row_sample_state *b, size_t from, size_t to) {
  uint64_t different = 0, x, y;
  for (size_t i = from; i < to; i += sizeof x) {
    memcpy(&x, (const char *)a + i, sizeof x);
    memcpy(&y, (const char *)b + i, sizeof y);
    different |= x ^ y;
  }
  return !different;
}

/* Whether a request is valid. */
XENT_INLINE bool is_asked(const shard_row *r, const row_sample_state *q, uint32_t kind) {
  if (kind < XENT_ASK_LIST || kind > XENT_ASK_NOTHING || q->from > q->to || q->last < -1 || q->last >= r->classes)
    return false;
  if (kind == XENT_ASK_CLASS) return q->to < (uint64_t)r->classes && is_candidate(q->most);
  return kind != XENT_ASK_ORDER ||
         (q->to <= order_key(-FLT_MAX, r->classes - 1, r->classes) && is_candidate(q->most));
}

XENT_INLINE void row_is_done(row_sample_state *q, drawn d) {
  memset(q, 0, sizeof *q);
  q->kind = XENT_ASK_NOTHING;
  q->last = d.token;
  q->count = d.kept;
  q->log_probability = d.log_probability;
}

/* Whether a state can be the result of a row. */
XENT_INLINE bool is_result(const shard_row *r, const row_sample_state *a) {
  const bool none = a->last < 0;
  const double p = a->log_probability;
  row_sample_state done;
  row_is_done(&done, (drawn){.token = a->last, .kept = a->count, .log_probability = p});
  return (none ? a->count == 0 && p == 0 : a->count >= 1 && a->count <= r->classes && p <= 0 && p >= -DBL_MAX) &&
         alike(a, &done, offsetof(row_sample_state, most), sizeof *a);
}

/* Whether the sums of bins do not exceed the weight of the set. */
XENT_INLINE bool bins_add_up(const row_sample_state *a) {
  uint64_t left = (uint64_t)a->sum;
  for (int i = 0; i < SAMPLE_TOLD; i++) {
    if (a->bins[i] > left) return false;
    left -= a->bins[i];
  }
  return true;
}

/* Whether a state answers the same request for the same row as another one, and is a valid answer of a shard. */
XENT_INLINE bool answers_too(const shard_row *r, const row_sample_state *a, const row_sample_state *other,
                             uint32_t kind) {
  const size_t question = offsetof(row_sample_state, most), answer = offsetof(row_sample_state, count);
  if (a->kind != (xent_state_version | kind) || a->digest != other->digest) return false;
  if (a->classes < 1 || a->classes > r->classes - a->first_class) return false;
  if (kind == XENT_ASK_NOTHING) return is_result(r, a) && alike(a, other, question, sizeof *a);
  const int64_t listed = kind != XENT_ASK_LIST ? 0 : a->count < SAMPLE_TOLD ? a->count : SAMPLE_TOLD;
  return a->count >= 0 && a->count <= a->classes && a->sum >= 0 && (a->count > 0 || a->sum == 0) &&
         a->listed == listed && (kind == XENT_ASK_LIST || bins_add_up(a)) && alike(a, other, question, answer);
}

/* Combines all answers; lists become the set of the row. False if the answers do not belong together. */
XENT_SHARED bool gather_answers(const shard_row *r, uint32_t digest, row_sample_state *all) {
  const xent_call *call = r->call;
  const int64_t rows = call->shape->outer * call->shape->inner;
  const row_sample_state *gathered = (const row_sample_state *)(const void *)call->gathered + r->row;
  const uint32_t kind = gathered->kind & XENT_KIND_MASK;
  kept_set *s = r->set;
  int64_t at = 0, next = 0;
  if (gathered->digest != digest || !is_asked(r, gathered, kind)) return false;
  *all = *gathered;
  all->kind = kind;
  if (kind != XENT_ASK_NOTHING) {
    all->count = all->sum = 0;
    all->bad = all->listed = 0;
    all->log_probability = 0;
    memset(all->bins, 0, sizeof all->bins);
  }
  s->classes = r->classes;
  s->listed = true;
  s->nucleus = false;
  s->count = 0;
  s->high = -INFINITY;
  for (int64_t shard = 0; shard < call->shards; shard++) {
    for (int64_t i = 0; gathered[next * rows].first_class != at && i < call->shards; i++)
      next = next + 1 < call->shards ? next + 1 : 0;
    const row_sample_state *a = &gathered[next * rows];
    if (a->first_class != at || !answers_too(r, a, gathered, kind)) return false;
    at += a->classes;
    next = next + 1 < call->shards ? next + 1 : 0;
    if (kind == XENT_ASK_NOTHING) continue;
    all->count = (int64_t)((uint64_t)all->count + (uint64_t)a->count);
    all->sum = (int64_t)((uint64_t)all->sum + (uint64_t)a->sum);
    all->bad |= a->bad;
    if (all->sum < 0 || (kind == XENT_ASK_LIST && !add_list(s, a))) return false;
    for (int i = 0; kind != XENT_ASK_LIST && i < SAMPLE_TOLD; i++) all->bins[i] += a->bins[i];
  }
  return at == r->classes;
}

/* ---- the next request ---- */

XENT_INLINE void ask_class(const shard_row *r, row_sample_state *q, float low, int64_t last) {
  q->kind = XENT_ASK_CLASS;
  q->low = low;
  q->last = last;
  q->from = 0;
  q->to = (uint64_t)r->classes - 1;
  q->before = 0;
}

/* Draws from the classes that the filters keep, if all of them are listed. */
XENT_SHARED void draw_listed(const shard_row *r, row_sample_state *q, const xent_sampling *o) {
  f32_temperature h = r->temperature;
  drawn d = draw_of_set(r->set, o, stream_of_row(r->call, r->row, o), &h, r->scale, NULL);
  d.kept = count_members(r->set);
  row_is_done(q, d);
}

/* The next request after lists, whose first classes are the set. */
XENT_SHARED bool after_list(const shard_row *r, row_sample_state *q) {
  kept_set *s = r->set;
  const xent_sampling *o = r->options;
  if (q->bad || q->count == 0) {
    row_is_done(q, no_token);
    return true;
  }
  if (s->count == 0 || (q->most > -INFINITY && q->most != s->high)) return false;
  s->sum = -1;
  s->most = s->high;
  keep_first_told(s);
  float end = INFINITY, low = -INFINITY;
  int64_t last = 0, above = 0;
  for (int64_t i = 0; i < s->count; i++) {
    if (s->x[i] <= end) last = s->class[i];
    end = s->x[i] < end ? s->x[i] : end;
  }
  for (int64_t i = 0; i < s->count; i++) above += s->x[i] > end;
  const bool all_ties = keeps_all_ties(o), limited = o->top_k > 0 && most_of_top_k(o) < q->count;
  const bool min_first = o->rules == XENT_RULES_VLLM;
  const float least = least_of_min_p(o, s->high, r->filters.value);
  if (limited) low = most_of_top_k(o) <= above ? INFINITY : end;
  if ((min_first || !has_filter(o, XENT_FILTER_TOP_P)) && least > low) low = least;
  if (o->greedy || s->count == q->count || (o->top_k > 0 && !all_ties) || end < low) {
    draw_listed(r, q, o);
  } else if (!has_filter(o, XENT_FILTER_TOP_P)) {
    q->most = s->high + 0.0f;
    ask_class(r, q, low + 0.0f, r->classes - 1);
  } else if (!(q->most > -INFINITY)) {
    q->most = s->high + 0.0f;
    q->low = low + 0.0f;
    q->last = r->classes - 1;
  } else {
    const weigher w = weigher_of_question(r, q);
    if (q->sum <= 0) return false;
    const int64_t wanted = share_of_sum(o->top_p, q->sum), weight = weigh_set(s, &w);
    if (weight >= wanted || end < least) {
      xent_sampling rest = *o;
      rest.top_k = 0;
      rest.top_p = 0;
      cut_search nucleus = {.set = s, .rule = &by_value, .weigher = &w, .least = wanted, .most = wanted,
                        .up_to.weight = weight, .low = s->low, .last = s->last};
      if (weight >= wanted) keep_weight(&nucleus, o, false);
      draw_listed(r, q, &rest);
    } else {
      q->kind = XENT_ASK_ORDER;
      q->from = order_key(end, last, r->classes) + 1;
      q->to = order_key(q->low > -INFINITY ? q->low : -FLT_MAX, r->classes - 1, r->classes);
      q->before = weight;
      return q->from <= q->to;
    }
  }
  return true;
}

/* The next request after sums of bins: finds the bin at which the target weight is reached. */
XENT_SHARED bool after_bins(const shard_row *r, row_sample_state *q) {
  const xent_sampling *o = r->options;
  const bool by_class = q->kind == XENT_ASK_CLASS;
  if (q->sum <= 0) return false;
  const int64_t pointed = below_sum(philox(o->seed, stream_of_row(r->call, r->row, o), o->step, o->draw), q->sum);
  const int64_t wanted = by_class ? pointed + 1 : share_of_sum(o->top_p, q->sum);
  const int shift = bits_of_bin(q);
  const uint64_t last = (q->to - q->from) >> shift;
  uint64_t b = 0, before = (uint64_t)q->before;
  for (; b < last && (int64_t)(before + q->bins[b]) < wanted; b++) before += q->bins[b];
  const int64_t weight = (int64_t)q->bins[b];
  if (weight <= 0 || (int64_t)(before + q->bins[b]) < wanted) return false;
  const uint64_t key = q->from + (b << shift), end = key + ((UINT64_C(1) << shift) - 1);
  if (shift > 0) {
    q->from = key;
    q->to = end < q->to ? end : q->to;
    q->before = (int64_t)before;
  } else if (by_class) {
    const double log_probability = log_of_share(weight, q->sum);
    row_is_done(q, (drawn){.token = (int64_t)key, .kept = q->count, .log_probability = log_probability});
  } else {
    const float low = value_of_key(key, r->classes), least = least_of_min_p(o, q->most, r->filters.value);
    if (o->rules != XENT_RULES_VLLM && least > low)
      ask_class(r, q, least + 0.0f, r->classes - 1);
    else
      ask_class(r, q, low, (int64_t)(key % (uint64_t)r->classes));
  }
  return true;
}

XENT_SHARED bool next_question(const shard_row *r, uint32_t digest, row_sample_state *q) {
  if (!gather_answers(r, digest, q)) return false;
  return q->kind == XENT_ASK_NOTHING || (q->kind == XENT_ASK_LIST ? after_list(r, q) : after_bins(r, q));
}

/* ---- rows ---- */

/* A digest of all inputs of a row's results, except logits and previous tokens. */
XENT_SHARED uint32_t digest_of_sampling(const shard_row *r) {
  const xent_sampling *o = r->options;
  const uint64_t integers[] = {(uint64_t)r->classes, (uint64_t)o->rules, (uint64_t)keeps_all_ties(o),
                               (uint64_t)o->greedy, (uint64_t)o->min_keep, (uint64_t)o->top_k, o->seed,
                               stream_of_row(r->call, r->row, o), o->step, o->draw};
  const double numbers[] = {o->top_p, o->min_p, o->typical_p, r->temperature.value, o->repetition_penalty,
                            o->frequency_penalty, o->presence_penalty, r->call->options->softcap};
  uint32_t digest = xent_no_digest;
  for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) digest = add_to_digest(digest, integers[i]);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    digest = add_to_digest(digest, bits_of_number(numbers[i]));
  const double factor = scale_of_logits(o);
  return factor == 1 ? digest : add_to_digest(digest, bits_of_number(factor));
}

XENT_SHARED xent_status sample_shards(const xent_call *call) {
  const xent_shape *shape = call->shape;
  kept_set s;
  row_sample_state next;
  shard_row r = {.call = call, .classes = shape->all_classes, .set = &s};
  r.scale = scale_of_classes(r.classes);
  for (r.row = call->row_begin; r.row < call->row_end; r.row++) {
    r.options = sampling_of_row(call, r.row);
    r.temperature = f32_temperature_of(r.options->temperature);
    r.filters = r.options->rules == XENT_RULES_LLAMA_CPP ? temperature_1 : r.temperature;
    const uint32_t digest = digest_of_sampling(&r);
    memset(&next, 0, sizeof next);
    next.kind = XENT_ASK_LIST;
    next.most = next.low = -INFINITY;
    bool fits = !call->gathered || next_question(&r, digest, &next);
    next.digest = digest;
    next.first_class = shape->first_class;
    next.classes = shape->classes;
    const bool done = next.kind == XENT_ASK_NOTHING;
    if (fits && !done) {
      next.count = next.sum = 0;
      next.listed = next.bad = 0;
      memset(next.bins, 0, sizeof next.bins);
      fits = answer_question(&r, &next);
    }
    if (!fits) {
      call->report->row = r.row;
      call->report->field = XENT_FIELD_STATES;
      return XENT_INVALID_ARGUMENT;
    }
    if (done)
      write_drawn(call, r.row, (drawn){next.last, next.count, next.log_probability});
    else
      call->report->unfinished++;
    next.kind |= xent_state_version;
    ((row_sample_state *)(void *)call->sample_states)[r.row] = next;
  }
  return XENT_OK;
}

#endif
