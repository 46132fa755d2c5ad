/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kept classes of a row: a contiguous part of their order, from the value `high` to `low`. Of the classes that
 * equal `low`, the set has those up to the class `last`. Passes over the row skip blocks whose maximum is below `low`.
 * Once few classes are left, they are listed.
 */
#ifndef XENT_SAMPLE_SET_H
#define XENT_SAMPLE_SET_H

#include "kernels/math/largest.h"
#include "kernels/stages/targets/class_bits.h"
#include "kernels/sample/values.h"
#include "kernels/sample/weights.h"

enum { SAMPLE_BLOCKS = 2048, SAMPLE_LISTED = 8192, SAMPLE_PROBES = 4096, SAMPLE_AHEAD = 8192 /* bytes */ };

typedef struct {
  sample_values values;
  int64_t classes, block, blocks; /* block: the number of classes in one, a multiple of XENT_LANES */
  /* The set: high >= x > low, or x = low and the class is at most `last`. */
  float high, low, most; /* most: of the row */
  int64_t last;
  int64_t count; /* of its classes; -1: unknown */
  bool listed;   /* x and class hold them, in ascending order of classes */
  int64_t sum;    /* of its weights at sum_temperature; -1: unknown */
  double sum_temperature;
  bool by_block;  /* `sums` holds the sums of blocks */
  bool nucleus;   /* top-p has been applied */
  XENT_ALIGNED float maxima[SAMPLE_BLOCKS + XENT_LANES]; /* of the blocks, then -inf */
  int64_t sums[SAMPLE_BLOCKS]; /* of the weights in a block, or in a piece of the list */
  uint16_t near[SAMPLE_BLOCKS + 1]; /* the number of values that a pass lists per block, then of all */
  XENT_ALIGNED float x[SAMPLE_LISTED + XENT_LANES];
  union {
    int32_t class[SAMPLE_LISTED + XENT_LANES];
    float probes[2][SAMPLE_PROBES]; /* keys and masses, if no class is listed */
  };
  XENT_ALIGNED float room[SAMPLE_PIECE + XENT_LANES];
} kept_set;

/* Contiguous values, of the classes from `begin` on or of listed ones; -inf for classes that are not in the set. */
typedef struct {
  const float *x;
  const int32_t *listed; /* or NULL */
  int64_t begin, n, block;
} piece;

XENT_INLINE int64_t class_in(const piece *p, int64_t k) { return p->listed ? p->listed[k] : p->begin + k; }

/* Sixteen values of the classes from `first` on, with -inf for those that are not in the set. */
XENT_INLINE lanes values_in_set(const kept_set *s, int64_t first, lanes v) {
  const lanes low = lanes_set(s->low), none = lanes_set(-INFINITY);
  v = lanes_where_above(low, v, none, lanes_where_above(v, lanes_set(s->high), none, v));
  if (s->last >= first + XENT_LANES - 1) return v;
  XENT_ALIGNED float x[XENT_LANES]; /* some classes that equal the smallest are not in the set */
  lanes_store(x, v);
  for (int64_t k = s->last < first ? 0 : s->last - first + 1; k < XENT_LANES; k++)
    x[k] = x[k] == s->low ? -INFINITY : x[k];
  return lanes_load(x);
}

/* The next values of blocks that reach `least`, in the set or not. *at must begin at 0. */
XENT_INLINE bool next_values(kept_set *s, int64_t *at, float least, piece *p) {
  if (s->listed) {
    if (*at >= s->count) return false;
    const int64_t n = s->count - *at < SAMPLE_PIECE ? s->count - *at : SAMPLE_PIECE;
    *p = (piece){.x = s->x + *at, .listed = s->class + *at, .n = n, .block = *at / SAMPLE_PIECE};
    *at += n;
    return true;
  }
  const int64_t from = *at >> __builtin_ctzll((uint64_t)s->block);
  int64_t block = from;
  if (*at > s->last && least <= s->low) least = float_above(s->low); /* later ones equal to `low` are not in the set */
  for (;;) { /* sixteen blocks at a time: most branches then predict that the next block follows */
    if (block >= s->blocks) return false;
    const uint32_t bits = 0xffff & ~lanes_bits_above(lanes_set(least), lanes_load(s->maxima + block));
    if (bits & 1) break;
    block += bits ? __builtin_ctz(bits) : XENT_LANES;
  }
  if (block > from) *at = block * s->block;
  if (*at >= s->classes) return false;
  const int64_t next = (block + 1) * s->block, end = next < s->classes ? next : s->classes;
  const int64_t n = end - *at < SAMPLE_PIECE ? end - *at : SAMPLE_PIECE;
  *p = (piece){.x = values_at(&s->values, *at, n, s->room), .begin = *at, .n = n, .block = block};
  *at += n;
  return true;
}

/* The sixteen values from number k of a piece on, -inf after the last, and the bits of those that are in the set. */
XENT_INLINE lanes values_of(const piece *p, int64_t k) {
  return p->n - k >= XENT_LANES ? lanes_load(p->x + k) : lanes_load_part(p->x + k, p->n - k, -INFINITY);
}
XENT_INLINE uint32_t members(const piece *p, int64_t k) {
  return lanes_bits_above(values_of(p, k), lanes_set(-INFINITY));
}

/* The next piece of the set. */
XENT_INLINE bool next_piece(kept_set *s, int64_t *at, float least, piece *p) {
  if (!next_values(s, at, least, p)) return false;
  if (p->listed || (s->low == -INFINITY && s->high >= s->most)) return true; /* the whole row */
  for (int64_t k = 0; k < p->n; k += XENT_LANES)
    lanes_store(s->room + k, values_in_set(s, p->begin + k, values_of(p, k)));
  p->x = s->room;
  return true;
}

/* Appends the members in a piece to a list of `count`. Returns its length, above SAMPLE_LISTED if they do not fit. */
XENT_INLINE int64_t list_piece(kept_set *s, const piece *p, int64_t count) {
  uint64_t some = 0; /* vectors with possible members; few have one, and a branch per vector would be mispredicted */
  for (int64_t k = 0; k < p->n; k += XENT_LANES)
    some |= (uint64_t)(lanes_bits_above(lanes_set(s->low), values_of(p, k)) != 0xffff) << k / XENT_LANES;
  for (; some && count <= SAMPLE_LISTED; some &= some - 1) {
    const int64_t k = __builtin_ctzll(some) * XENT_LANES;
    const lanes x = values_in_set(s, p->begin + k, values_of(p, k));
    const uint32_t bits = lanes_bits_above(x, lanes_set(-INFINITY));
    lanes_pick(s->x + count, x, bits);
    numbers_pick(s->class + count, (int32_t)(p->begin + k), bits);
    count += __builtin_popcount(bits);
  }
  return count;
}

/* ---- the first pass ---- */

XENT_INLINE float smallest_of(lanes v) { return 0 - lanes_largest(lanes_sub(lanes_set(-0.0f), v)); }

/* The largest of n <= SAMPLE_PIECE values; also finds NaN, and rows that have fewer classes than the shape. */
XENT_INLINE float search(const float *x, int64_t n, bool *nan, lanes *least) {
  lanes even = lanes_set(-INFINITY), odd = even, low = *least;
  bool any = false;
  int64_t k = 0;
  for (; k + 2 * XENT_LANES <= n; k += 2 * XENT_LANES) {
    const lanes v = lanes_load_far(x + k), w = lanes_load_far(x + k + XENT_LANES);
    any |= lanes_any_nan(v, w);
    even = lanes_max(v, even);
    odd = lanes_max(w, odd);
    low = lanes_min(v, lanes_min(w, low));
  }
  for (; k < n; k += XENT_LANES) {
    const int64_t left = n - k;
    const lanes v = left >= XENT_LANES ? lanes_load(x + k) : lanes_load_part(x + k, left, x[n - 1]);
    any |= lanes_any_nan(v, v);
    even = lanes_max(v, even);
    low = lanes_min(v, low);
  }
  *nan |= any;
  *least = low;
  return lanes_largest(lanes_max(even, odd));
}

XENT_INLINE int64_t block_of_classes(int64_t classes) {
  int64_t block = classes <= 1024 ? 16 : classes <= 4096 ? 32 : classes <= 16384 ? 64 : 128;
  while (block * SAMPLE_BLOCKS < classes) block *= 2;
  return block;
}

XENT_INLINE void begin_set(kept_set *s, int64_t classes) {
  s->classes = classes;
  s->block = block_of_classes(classes);
  s->blocks = (classes + s->block - 1) / s->block;
  s->nucleus = false;
}

/* The set of all candidates, if there are any, from the maxima of blocks; `least`: the smallest values. */
XENT_SHARED bool candidates_of_maxima(kept_set *s, lanes least) {
  lanes most = lanes_set(-INFINITY);
  lanes_store(s->maxima + s->blocks, lanes_set(-INFINITY));
  for (int64_t i = 0; i < s->blocks; i += XENT_LANES) most = lanes_max(lanes_load(s->maxima + i), most);
  s->high = s->most = lanes_largest(most);
  s->low = lanes_bits_above(lanes_set(s->high), least) ? -INFINITY : s->high;
  s->last = INT64_MAX;
  s->count = lanes_bits_equal(least, lanes_set(-INFINITY)) ? -1 : s->classes;
  s->sum = -1;
  s->listed = false;
  return s->high > -INFINITY && s->high < INFINITY;
}

/* Prefetches data that a pass over memory reads later: a row ends before the CPU's own prefetch is far enough ahead. */
XENT_INLINE void fetch_ahead(const sample_values *v, int64_t begin, int64_t n) {
  const float *x = (const float *)(const void *)v->source.x.at + begin;
  for (int64_t k = 0; v->direct && k < n; k += XENT_LANES) prefetch_behind(x, k * (int64_t)sizeof *x + SAMPLE_AHEAD);
}

/* Values of a whole piece, which the blocks of a pass share. */
typedef struct {
  const float *x;
  int64_t begin, end;
} shared_piece;

/* The values from class `at` on, the first of a block: of that block, or of SAMPLE_PIECE classes. */
XENT_INLINE const float *values_in_pass(kept_set *s, shared_piece *p, int64_t at) {
  if (at >= p->end) {
    const int64_t n = s->classes - at < SAMPLE_PIECE ? s->classes - at : SAMPLE_PIECE;
    *p = (shared_piece){.x = values_at(&s->values, at, n, s->room), .begin = at, .end = at + n};
  }
  return p->x + (at - p->begin);
}

/* Makes the set of all candidates; false if the row has no token. If it only has to have the `needed` largest, it has
 * those that reach `low`, in a list, unless they are too few or too many. */
XENT_SHARED bool candidates_from(kept_set *s, float low, int64_t needed) {
  bool nan = false;
  int64_t listed = low < INFINITY ? 0 : SAMPLE_LISTED + 1;
  lanes least = lanes_set(INFINITY);
  shared_piece shared = {.end = 0};
  s->low = low;
  s->high = INFINITY;
  s->last = INT64_MAX;
  for (int64_t i = 0; i < s->blocks; i++) {
    const int64_t begin = i * s->block, end = begin + s->block < s->classes ? begin + s->block : s->classes;
    float largest = -INFINITY;
    for (int64_t at = begin; at < end; at += SAMPLE_PIECE) {
      const int64_t n = end - at < SAMPLE_PIECE ? end - at : SAMPLE_PIECE;
      const piece p = {.x = values_in_pass(s, &shared, at), .begin = at, .n = n};
      fetch_ahead(&s->values, at, n);
      const float m = search(p.x, n, &nan, &least);
      largest = m > largest ? m : largest;
      if (listed <= SAMPLE_LISTED) listed = list_piece(s, &p, listed);
    }
    s->maxima[i] = largest;
  }
  const bool any = candidates_of_maxima(s, least);
  if (listed <= SAMPLE_LISTED && listed >= needed) {
    s->low = low;
    s->count = listed;
    s->listed = true;
  }
  return any && !nan;
}
XENT_INLINE bool all_candidates(kept_set *s) { return candidates_from(s, INFINITY, 0); }

/* ---- properties of the set ---- */

/* Whether all classes of the set have one value. If a row changes meanwhile, its set may have no value. */
XENT_INLINE bool has_one_value(const kept_set *s) { return s->low == s->high && s->high > -INFINITY; }

/* A value that most of sixteen neighbours have, and perhaps most classes; NaN: none, or the set is small or listed. */
XENT_SHARED float value_of_many(kept_set *s) {
  enum { LEAST_CLASSES = 256, LEAST_EQUAL = 12 };
  if (s->listed || s->classes < LEAST_CLASSES) return XENT_NAN;
  XENT_ALIGNED float x[XENT_LANES];
  const lanes v = lanes_load(values_at(&s->values, s->classes / 2 & -XENT_LANES, XENT_LANES, s->room));
  lanes_store(x, v);
  for (int i = 0; i <= XENT_LANES - LEAST_EQUAL; i++)
    if (__builtin_popcount(lanes_bits_equal(v, lanes_set(x[i]))) >= LEAST_EQUAL)
      return x[i] >= s->low && x[i] <= s->high ? x[i] : XENT_NAN;
  return XENT_NAN;
}

/* The number of members that reach `least`. */
XENT_SHARED int64_t count_reaching(kept_set *s, float least) {
  int64_t at = 0, count = 0;
  piece p;
  const lanes limit = lanes_set(of_ordinal(ordinal_of(least) - 1));
  while (next_piece(s, &at, least, &p))
    for (int64_t k = 0; k < p.n; k += XENT_LANES)
      count += __builtin_popcount(lanes_bits_above(values_of(&p, k), limit));
  return count;
}
XENT_SHARED int64_t count_members(kept_set *s) {
  if (s->count < 0) s->count = count_reaching(s, s->low > -INFINITY ? s->low : -FLT_MAX);
  return s->count;
}

/* Lists the set, if it is small enough and not listed. */
XENT_SHARED void list_members(kept_set *s) {
  int64_t at = 0, count = 0;
  piece p;
  if (s->count > SAMPLE_LISTED) return;
  while (count <= SAMPLE_LISTED && next_values(s, &at, s->low, &p)) count = list_piece(s, &p, count);
  if (count > SAMPLE_LISTED) return;
  s->count = count;
  s->listed = true;
}

/* The class of number n among the members that equal x; INT64_MAX: there are fewer. */
XENT_SHARED int64_t class_of_equal(kept_set *s, float x, int64_t n) {
  int64_t at = 0;
  piece p;
  if (has_one_value(s) && s->count == (s->last < s->classes ? s->last + 1 : s->classes)) return n - 1; /* no gaps */
  while (n > 0 && next_values(s, &at, x, &p)) /* not only members: the first ones equal to x are */
    for (int64_t k = 0; k < p.n; k += XENT_LANES) {
      uint32_t bits = lanes_bits_equal(values_of(&p, k), lanes_set(x));
      const int count = __builtin_popcount(bits);
      if (count >= n) {
        while (--n > 0) bits &= bits - 1;
        return class_in(&p, k + __builtin_ctz(bits));
      }
      n -= count;
    }
  return INT64_MAX;
}

/* Reduces the set: high >= x > low, or x = low and the class is at most `last`; count: its new size, or -1. */
XENT_SHARED void keep_range(kept_set *s, float low, int64_t last, float high, int64_t count) {
  const bool listed = s->listed;
  if (listed) {
    int64_t n = 0, equals = 0; /* equals: the number of listed classes up to `last` */
    for (int64_t end = s->count; equals < end;) {
      const int64_t middle = (equals + end) / 2;
      s->class[middle] <= last ? (equals = middle + 1) : (end = middle);
    }
    for (int64_t k = 0; k < s->count; k += XENT_LANES) {
      const lanes x = lanes_load(s->x + k);
      const uint32_t equal = lanes_bits_equal(x, lanes_set(low)) & (uint32_t)first_bits(equals - k);
      const uint32_t kept = (lanes_bits_above(x, lanes_set(low)) | equal) & ~lanes_bits_above(x, lanes_set(high)),
                     bits = kept & (uint32_t)first_bits(s->count - k);
      lanes_pick(s->x + n, x, bits);
      numbers_move(s->class + n, s->class + k, bits);
      n += __builtin_popcount(bits);
    }
    count = n;
  }
  s->low = low;
  s->last = last;
  s->high = high;
  s->count = count;
  s->sum = -1;
  if (!listed && count <= SAMPLE_PIECE) list_members(s);
}

/* Keeps the classes that are at least `low`; of the `equal` classes that equal it, only the first `kept` ones. */
XENT_SHARED void raise_low(kept_set *s, float low, int64_t kept, int64_t equal, int64_t count) {
  const int64_t last = kept < equal ? class_of_equal(s, low, kept) : low == s->low ? s->last : INT64_MAX;
  keep_range(s, low, last, s->high, count);
}

/* ---- weights ---- */

/* The sum of the set's weights. `sums` receives the sums of its blocks, or of the pieces of its list, unless all
 * classes have one value. */
XENT_SHARED int64_t weigh_set(kept_set *s, const weigher *w) {
  int64_t at = 0, total = 0;
  piece p;
  if (!s->listed && s->sum >= 0 && s->sum_temperature == w->temperature.value) return s->sum;
  if (has_one_value(s)) return count_members(s) * weight_of(w, s->high);
  memset(s->sums, 0, (size_t)(s->listed ? SAMPLE_LISTED / SAMPLE_PIECE : s->blocks) * sizeof *s->sums);
  while (next_piece(s, &at, s->low, &p)) {
    const int64_t sum = sum_of_weights(w, p.x, p.n);
    s->sums[p.block] += sum;
    total += sum;
  }
  s->sum = total;
  s->sum_temperature = w->temperature.value;
  s->by_block = true;
  return total;
}

#endif
