/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a row's classes: by falling logits, the lower class first among equals, masked ones left out. Logits are
 * compared before the shift. Each function takes n floats, which are the row's classes from `begin` on. */
#ifndef XENT_ORDER_H
#define XENT_ORDER_H

#include "kernels/load/row.h"
#include "kernels/results/write.h"

/* The lowest counted class whose logit is `value`; -1 where there is none. */
XENT_INLINE int64_t first_equal(const row_source *r, const float *x, int64_t begin, int64_t n, float value) {
  for (int64_t k = 0; k < n; k += XENT_LANES) {
    const lanes v = n - k >= XENT_LANES ? lanes_load(x + k) : lanes_load_part(x + k, n - k, XENT_NAN);
    for (uint32_t equal = lanes_bits_equal(v, lanes_set(value)); equal; equal &= equal - 1) {
      const int64_t class = begin + k + __builtin_ctz(equal);
      if (value > -INFINITY || is_counted(r, class)) return class;
    }
  }
  return -1;
}

/* How many counted classes come before the label, whose logit is `own`. */
XENT_INLINE int64_t count_before(const row_source *r, const float *x, int64_t begin, int64_t n, int64_t label, float own) {
  const lanes owns = lanes_set(own);
  int64_t rank = 0;
  for (int64_t k = 0; k < n; k += XENT_LANES) {
    const lanes v = n - k >= XENT_LANES ? lanes_load(x + k) : lanes_load_part(x + k, n - k, XENT_NAN);
    const int64_t before = label - begin - k;
    uint32_t first = lanes_bits_above(v, owns);
    if (before > 0) {
      uint32_t equal = lanes_bits_equal(v, owns);
      if (before < XENT_LANES) equal &= (1u << before) - 1;
      for (uint32_t rest = own == -INFINITY && r->mask ? equal : 0; rest; rest &= rest - 1)
        if (!is_counted(r, begin + k + __builtin_ctz(rest))) equal &= ~(1u << __builtin_ctz(rest));
      first |= equal;
    }
    rank += __builtin_popcount(first);
  }
  return rank;
}

/* ---- the k largest ---- */

enum { XENT_TOP_AT_ONCE = 256 };

typedef struct {
  float x;
  int64_t class;
} top_entry;

/* Whether a comes before b. */
XENT_INLINE bool comes_before(top_entry a, top_entry b) { return a.x > b.x || (a.x == b.x && a.class < b.class); }

/* Entries in falling order up to XENT_TOP_SORTED of them, else a heap whose first entry comes last. */
enum { XENT_TOP_SORTED = 16 };
typedef struct {
  int64_t count, room;
  top_entry entries[XENT_TOP_AT_ONCE];
} top_list;

static void top_sink(top_list *h, int64_t at) {
  for (int64_t child; (child = 2 * at + 1) < h->count; at = child) {
    if (child + 1 < h->count && comes_before(h->entries[child], h->entries[child + 1])) child++;
    if (!comes_before(h->entries[at], h->entries[child])) return;
    const top_entry swap = h->entries[at];
    h->entries[at] = h->entries[child];
    h->entries[child] = swap;
  }
}

/* The one that has to go first: what comes after it is not taken by a full list. */
XENT_INLINE top_entry top_last(const top_list *h) { return h->entries[h->room <= XENT_TOP_SORTED ? h->count - 1 : 0]; }

XENT_INLINE void top_add(top_list *h, top_entry e) {
  const bool full = h->count == h->room;
  if (full && !comes_before(e, top_last(h))) return;
  if (h->room <= XENT_TOP_SORTED) {
    int64_t at = full ? h->count - 1 : h->count++;
    for (; at > 0 && comes_before(e, h->entries[at - 1]); at--) h->entries[at] = h->entries[at - 1];
    h->entries[at] = e;
  } else if (full) {
    h->entries[0] = e;
    top_sink(h, 0);
  } else {
    int64_t at = h->count++;
    h->entries[at] = e;
    for (int64_t parent; at > 0 && comes_before(h->entries[parent = (at - 1) / 2], h->entries[at]); at = parent) {
      const top_entry swap = h->entries[at];
      h->entries[at] = h->entries[parent];
      h->entries[parent] = swap;
    }
  }
}

/* Falling order: a heap's first, which comes last, goes to the end. */
static void top_sort(top_list *h) {
  const int64_t count = h->count;
  while (h->room > XENT_TOP_SORTED && h->count > 1) {
    const top_entry last = h->entries[0];
    h->entries[0] = h->entries[--h->count];
    top_sink(h, 0);
    h->entries[h->count] = last;
  }
  h->count = count;
}

/* A number that `room` of n floats are not below: of the largest in each lane the one of that rank. So a list is not
 * filled with what has to go again. */
XENT_SHARED float top_floor(const float *x, int64_t n, int64_t room) {
  lanes most = lanes_set(-INFINITY);
  for (int64_t k = 0; k < n; k += XENT_LANES)
    most = lanes_max(n - k < XENT_LANES ? lanes_load_part(x + k, n - k, -INFINITY) : lanes_load(x + k), most);
  XENT_ALIGNED float v[XENT_LANES];
  lanes_store(v, most);
  float least = INFINITY;
  for (int i = 0; i < XENT_LANES; i++) {
    const bool is_among = __builtin_popcount(lanes_bits_above(most, lanes_set(v[i]))) < room;
    least = is_among && v[i] < least ? v[i] : least;
  }
  return least;
}

/* Takes the classes that come after `last`. */
XENT_INLINE void top_take(const row_source *r, const float *x, int64_t begin, int64_t n, top_entry last, top_list *h) {
  const bool bounded = h->count == 0 && h->room <= XENT_LANES && n > 2 * XENT_LANES && last.x == INFINITY;
  const lanes least = lanes_set(bounded ? top_floor(x, n, h->room) : -INFINITY);
  for (int64_t k = 0; k < n; k += XENT_LANES) {
    const int64_t m = n - k < XENT_LANES ? n - k : XENT_LANES;
    const lanes v = m == XENT_LANES ? lanes_load(x + k) : lanes_load_part(x + k, m, -INFINITY);
    uint32_t wanted = ((1u << m) - 1) & ~lanes_bits_above(least, v);
    /* classes come in rising order, so what equals the last of a full list comes after it */
    if (h->count == h->room) wanted &= lanes_bits_above(v, lanes_set(top_last(h).x));
    for (; wanted; wanted &= wanted - 1) {
      const int i = __builtin_ctz(wanted);
      const top_entry e = {x[k + i], begin + k + i};
      if (comes_before(last, e) && (e.x > -INFINITY || is_counted(r, e.class))) top_add(h, e);
    }
  }
}

XENT_INLINE void write_top_rest(const xent_call *call, int64_t row, int64_t from, float log_probability) {
  for (int64_t k = from; k < call->shape->top_count; k++) write_top(call, row, k, -1, (double)log_probability);
}
XENT_INLINE void write_top_list(const job *j, const top_list *h, int64_t row, int64_t from, float shift, float max, float minus_distance) {
  for (int64_t k = 0; k < h->count; k++) {
    const float x = shift != 0 ? h->entries[k].x - shift : h->entries[k].x;
    write_top(j->call, row, from + k, h->entries[k].class, (double)fused(x - max, j->heat.hi, minus_distance));
  }
}
/* All of a row of one chunk, whose logits are x. */
XENT_SHARED void write_top_row(const job *j, int64_t row, const float *x, float max, float minus_distance) {
  const row_source source = logits_of_row(j->call, row);
  top_list h;
  h.count = 0;
  h.room = j->call->shape->top_count;
  top_take(&source, x, 0, source.classes, (top_entry){INFINITY, -1}, &h);
  top_sort(&h);
  write_top_list(j, &h, row, 0, 0.0f, max, minus_distance);
  write_top_rest(j->call, row, h.count, -INFINITY);
}

#endif
