/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a row's classes: descending logits, the lower class first if logits are equal, without masked classes.
 * Logits are compared before the shift is subtracted. Each function takes n floats, which are the row's classes from
 * `begin` on. */
#ifndef XENT_ORDER_H
#define XENT_ORDER_H

#include "kernels/stages/load/row_source.h"
#include "kernels/math/largest.h"
#include "kernels/stages/results/write.h"
#include "kernels/stages/targets/class_bits.h"

/* The number of classes whose bits are scanned at once, because the branch at the end of a scan is hard to predict. */
enum { XENT_BITS_STEP = 4 * XENT_LANES };

/* The bits of n classes from `begin` on with logit v, without masked ones. */
XENT_INLINE uint64_t equal_bits(const row_source *r, uint64_t equal, int64_t begin, float v) {
  return v == -INFINITY ? unmasked_bits(mask_at(r, begin), r->mask_stride, equal) : equal;
}

/* The lowest counted class whose logit is `value`; -1 if there is no such class. */
XENT_INLINE int64_t first_equal(const row_source *r, const float *x, int64_t begin, int64_t n, float value) {
  const lanes wanted = lanes_set(value);
  uint64_t equal = 0;
  int64_t i = 0;
  for (; i + XENT_BITS_STEP <= n; i += XENT_BITS_STEP) {
    XENT_UNROLL(4)
    for (int k = 0; k < XENT_BITS_STEP; k += XENT_LANES)
      equal |= (uint64_t)(lanes_bits_equal(lanes_load(x + i + k), wanted) & 0xffff) << k;
    equal = equal_bits(r, equal, begin + i, value);
    if (equal) return begin + i + __builtin_ctzll(equal);
  }
  for (; i < n; i += XENT_LANES) {
    const lanes v = n - i >= XENT_LANES ? lanes_load(x + i) : lanes_load_part(x + i, n - i, XENT_NAN);
    equal = equal_bits(r, lanes_bits_equal(v, wanted), begin + i, value);
    if (equal) return begin + i + __builtin_ctzll(equal);
  }
  return -1;
}

/* The number of counted classes that rank before the label, whose logit is `own`. */
XENT_INLINE int64_t count_before(const row_source *r, const float *x, int64_t begin, int64_t n, int64_t label,
                                 float own) {
  const lanes owns = lanes_set(own);
  const bool lowest = own == -INFINITY;
  int64_t rank = 0;
  for (int64_t k = 0; k < n; k += XENT_LANES) {
    const lanes v = n - k >= XENT_LANES ? lanes_load(x + k) : lanes_load_part(x + k, n - k, XENT_NAN);
    const uint64_t equal = begin + k < label ? lanes_bits_equal(v, owns) : 0;
    rank += __builtin_popcountll(bits_before(mask_at(r, begin + k), r->mask_stride, lanes_bits_above(v, owns), equal,
                                             begin + k, label, lowest));
  }
  return rank;
}

/* Outputs that depend on the order of row `row` of a block, for rows of one chunk with maximum `max`. */
XENT_INLINE void find_order(const xent_call *call, const row_source *r, const float *x, int64_t label, float max,
                            int row, row_sums *sums) {
  const int64_t n = call->shape->classes;
  const bool hit = call->correct && x[label] == max;
  const int64_t first = call->argmax || hit ? first_equal(r, x, 0, n, max) : -1;
  if (call->argmax) sums->argmax[row] = first;
  if (call->ranks) sums->rank[row] = count_before(r, x, 0, n, label, x[label]);
  sums->correct |= (uint32_t)(hit && first == label) << row;
}

/* ---- the k largest ---- */

/* The number of classes that are found in one pass over a row of one chunk or of several chunks, and the number of
 * candidates for them. */
enum { XENT_TOP_AT_ONCE = 128, XENT_TOP_OF_LONG = 1024 };

typedef struct {
  float x;
  int64_t class;
} top_entry;

typedef int64_t top_class __attribute__((may_alias)); /* in a buffer of floats */

/* Candidates for the `wanted` largest classes, in ascending order of classes. There is room for another vector of x and
 * for another class. */
typedef struct {
  int64_t wanted, room, count;
  float least; /* smaller logits are not candidates */
  float *x;
  top_class *class;
} top_list;
/* A list of up to `most` in floats. */
enum { XENT_TOP_FLOATS = 6 * XENT_TOP_OF_LONG + XENT_LANES + 2 };
XENT_INLINE top_list top_list_in(float *floats, int64_t most) {
  return (top_list){.x = floats, .class = (top_class *)(void *)(floats + 2 * most + XENT_LANES)};
}
#define XENT_TOP_LIST(t, most)                                        \
  XENT_ALIGNED float x_of_##t[2 * (most) + XENT_LANES];               \
  int64_t class_of_##t[2 * (most) + 1];                               \
  top_list t = {.x = x_of_##t, .class = class_of_##t}

XENT_INLINE void top_begin(top_list *t, int64_t wanted) {
  t->wanted = wanted;
  t->room = 2 * (wanted < XENT_TOP_AT_ONCE ? XENT_TOP_AT_ONCE : wanted);
  t->least = -INFINITY;
  t->count = 0;
}

/* Moves the `wanted` largest to a list, which may be the same, in their order; if `most` is larger, up to `most` of
 * them. If logits are equal, the lower class is the larger one. The others stay, or are dropped. */
XENT_SHARED void top_move(top_list *t, int64_t wanted, int64_t most, top_list *to) {
  const int64_t all = t->count;
  lanes_store(t->x + all, lanes_set(-INFINITY));
  const float least = reached_by(t->x, all, wanted, most, largest_of(t->x, all));
  const int64_t reached = count_at_least(t->x, all, least);
  int64_t equal = reached <= most ? all : wanted - count_at_least(t->x, all, float_above(least)), n = 0, left = 0;
  for (int64_t i = 0; i < all; i++) {
    const float x = t->x[i];
    const int64_t class = t->class[i];
    const bool moves = x > least || (x == least && equal > 0);
    equal -= x == least;
    to->x[n] = x;
    to->class[n] = class;
    n += moves;
    if (t == to) continue;
    t->x[left] = x;
    t->class[left] = class;
    left += !moves;
  }
  t->count = left;
  to->count = n;
  to->least = reached <= most ? least : float_above(least); /* a later class that equals the last one ranks after it */
}

/* Makes room for more. */
XENT_INLINE void top_make_room(top_list *t) {
  if (t->count + XENT_BITS_STEP > t->room) top_move(t, t->wanted, t->wanted + t->wanted / 2, t);
}

/* The number of the n floats that rank before float i. */
XENT_INLINE int64_t top_place(const float *x, int64_t n, int64_t i) {
  const lanes own = lanes_set(x[i]);
  const int64_t here = i / XENT_LANES * XENT_LANES;
  int64_t place = 0;
  for (int64_t k = 0; k < n; k += XENT_LANES) {
    const lanes v = n - k < XENT_LANES ? lanes_load_part(x + k, n - k, XENT_NAN) : lanes_load(x + k);
    uint32_t before = lanes_bits_above(v, own);
    if (k <= here) before |= lanes_bits_equal(v, own) & (uint32_t)first_bits(i - k);
    place += __builtin_popcount(before);
  }
  return place;
}

/* A value that at least `room` of n floats reach: the largest value of each lane, ranked. It keeps the list from
 * filling with classes that are dropped later. */
XENT_SHARED float top_floor(const float *x, int64_t n, int64_t room) {
  const lanes most = largest_lanes(x, n);
  XENT_ALIGNED float v[XENT_LANES];
  lanes_store(v, most);
  float least = INFINITY;
  for (int i = 0; i < XENT_LANES; i++) {
    const bool is_among = __builtin_popcount(lanes_bits_above(most, lanes_set(v[i]))) < room;
    least = is_among && v[i] < least ? v[i] : least;
  }
  return least;
}

/* The bits of sixteen classes that rank after `last`. */
XENT_INLINE uint32_t top_after(top_entry last, lanes v, int64_t begin) {
  const uint32_t later = ~(uint32_t)first_bits(last.class + 1 - begin);
  return lanes_bits_above(lanes_set(last.x), v) | (lanes_bits_equal(v, lanes_set(last.x)) & later);
}

/* The bits of up to sixteen classes from class `begin` + k on that may be among the largest. */
XENT_INLINE uint64_t top_bits(const row_source *r, const float *x, int64_t begin, int64_t k, int64_t n, top_entry last,
                              lanes least) {
  const int64_t m = n - k < XENT_LANES ? n - k : XENT_LANES;
  const lanes v = m == XENT_LANES ? lanes_load(x + k) : lanes_load_part(x + k, m, -INFINITY);
  uint32_t bits = ((1u << m) - 1) & ~lanes_bits_above(least, v);
  if (last.x < INFINITY) bits &= top_after(last, v, begin + k);
  if (!r->mask) return bits;
  const uint32_t lowest = bits & lanes_bits_equal(v, lanes_set(-INFINITY));
  return (bits ^ lowest) | unmasked_bits(mask_at(r, begin + k), r->mask_stride, lowest);
}

/* Adds the classes that rank after `last`. */
XENT_INLINE void top_take(const row_source *r, const float *x, int64_t begin, int64_t n, top_entry last, top_list *t) {
  const bool plain = !r->mask && last.x == INFINITY;
  if (t->count == 0 && t->wanted <= XENT_LANES && n > 2 * XENT_LANES && last.x == INFINITY)
    t->least = top_floor(x, n, t->wanted);
  for (int64_t step = 0; step < n; step += XENT_BITS_STEP) {
    const lanes least = lanes_set(t->least);
    uint64_t wanted = 0;
    if (plain && n - step >= XENT_BITS_STEP)
      XENT_UNROLL(4)
      for (int k = 0; k < XENT_BITS_STEP; k += XENT_LANES)
        wanted |= (uint64_t)(~lanes_bits_above(least, lanes_load(x + step + k)) & 0xffff) << k;
    else
      for (int64_t k = step; k < n && k < step + XENT_BITS_STEP; k += XENT_LANES)
        wanted |= top_bits(r, x, begin, k, n, last, least) << (k - step);
    if (!wanted) continue;
    top_make_room(t);
    int64_t count = t->count;
    for (; wanted; wanted &= wanted - 1, count++) {
      const int64_t k = step + __builtin_ctzll(wanted);
      t->x[count] = x[k];
      t->class[count] = begin + k;
    }
    t->count = count;
  }
}

/* The n largest from rank `from` on; x has room for a vector. */
XENT_INLINE void write_top_list(const job *j, const float *x, const int64_t *class, int64_t n, int64_t row,
                                int64_t from, float shift, float max, float minus_distance) {
  const xent_call *call = j->call;
  const xent_shape *s = call->shape;
  const xent_layout *c = &s->top_classes, *p = &s->top_log_probabilities;
  if (call->top_classes) put_classes(call->top_classes, c, row_offset(s, c, row) + from * c->classes, class, n);
  if (!call->top_log_probabilities) return;
  const strided to = strided_at(call->top_log_probabilities, p, row_offset(s, p, row));
  for (int64_t k = 0; k < n; k += XENT_LANES) {
    const lanes v = lanes_load(x + k), shifted = shift != 0 ? lanes_sub(v, lanes_set(shift)) : v;
    strided_store(&to, from + k, n - k,
                 log_probability(shifted, lanes_set(max), lanes_set(j->temperature.hi), lanes_set(minus_distance)));
  }
}
/* Moves the largest of a list to the output, from rank `from` on: all that it wanted, up to XENT_TOP_AT_ONCE. Returns
 * the last one. */
XENT_SHARED top_entry write_top_part(const job *j, top_list *t, int64_t row, int64_t from, float shift, float max,
                                     float minus_distance) {
  XENT_TOP_LIST(part, XENT_TOP_AT_ONCE / 2);
  XENT_ALIGNED float x[XENT_TOP_AT_ONCE + XENT_LANES];
  int64_t class[XENT_TOP_AT_ONCE];
  const int64_t most = t->count < t->wanted ? t->count : t->wanted;
  const int64_t n = most < XENT_TOP_AT_ONCE ? most : XENT_TOP_AT_ONCE;
  top_move(t, n, n, &part);
  for (int64_t i = 0; i < n; i++) {
    const int64_t place = top_place(part.x, n, i);
    x[place] = part.x[i];
    class[place] = part.class[i];
  }
  t->wanted -= n;
  write_top_list(j, x, class, n, row, from, shift, max, minus_distance);
  return (top_entry){x[n - 1], class[n - 1]};
}

/* The whole list of a row of one chunk, whose logits are x. */
XENT_SHARED void write_top_row(const job *j, int64_t row, const float *x, float max, float minus_distance) {
  const row_source source = logits_of_row(j->call, row);
  XENT_TOP_LIST(t, XENT_TOP_AT_ONCE);
  int64_t done = 0;
  top_begin(&t, j->call->shape->top_count);
  top_take(&source, x, 0, source.classes, (top_entry){INFINITY, -1}, &t);
  for (; t.wanted && t.count; done = j->call->shape->top_count - t.wanted)
    write_top_part(j, &t, row, done, 0.0f, max, minus_distance);
  write_top_rest(j->call, row, done, -INFINITY);
}

/* The most entries, and the most classes, for lists that are found with one row per lane. */
enum { XENT_TOP_FEW = 8, XENT_TOP_FEW_CLASSES = 112 };
typedef struct {
  float x[XENT_ROWS + 1][XENT_TOP_FEW]; /* with room for a vector */
  int64_t class[XENT_ROWS][XENT_TOP_FEW];
} top_rows;

/* The largest of each of sixteen rows in descending order; class -1 if a row has no more classes above -inf. */
XENT_SHARED void top_of_sixteen(const float *const x[XENT_ROWS], int64_t n, top_rows *top) {
  lanes v[XENT_TOP_FEW], c[XENT_TOP_FEW];
  for (int k = 0; k < XENT_TOP_FEW; k++) {
    v[k] = lanes_set(-INFINITY);
    c[k] = lanes_set(-1);
  }
  for (int64_t i = 0; i < n; i++) {
    XENT_ALIGNED float column[XENT_ROWS];
    for (int row = 0; row < XENT_ROWS; row++) column[row] = x[row][i];
    const lanes own = lanes_load(column), class = lanes_set((float)i);
    XENT_UNROLL(8)
    for (int k = XENT_TOP_FEW - 1; k >= 0; k--) {
      const lanes u = k > 0 ? lanes_where_above(own, v[k - 1], v[k - 1], own) : own;
      const lanes w = k > 0 ? lanes_where_above(own, v[k - 1], c[k - 1], class) : class;
      c[k] = lanes_where_above(own, v[k], w, c[k]);
      v[k] = lanes_where_above(own, v[k], u, v[k]);
    }
  }
  for (int k = 0; k < XENT_TOP_FEW; k++) {
    XENT_ALIGNED float numbers[XENT_ROWS], classes[XENT_ROWS];
    lanes_store(numbers, v[k]);
    lanes_store(classes, c[k]);
    for (int row = 0; row < XENT_ROWS; row++) {
      top->x[row][k] = numbers[row];
      top->class[row][k] = (int64_t)classes[row];
    }
  }
}

/* Writes the largest classes of the rows of a block in `regular`, whose logits are x. */
XENT_SHARED void write_top_rows(const job *j, const row_set *rows, const row_outcome *o, const float *const *x) {
  const int64_t n = j->call->shape->classes, wanted = j->call->shape->top_count;
  const bool few = wanted <= XENT_TOP_FEW && wanted <= n && n <= XENT_TOP_FEW_CLASSES && rows->count > XENT_ROWS / 2;
  const float *from[XENT_ROWS];
  float max[XENT_ROWS], distance[XENT_ROWS];
  top_rows top;
  for (int i = 0; i < XENT_ROWS; i++) from[i] = x[i < rows->count ? i : 0];
  if (few) top_of_sixteen(from, n, &top);
  lanes_store(max, o->max);
  lanes_store(distance, o->distance);
  for (uint32_t rest = o->regular; rest; rest &= rest - 1) {
    const int i = __builtin_ctz(rest);
    if (few && top.class[i][wanted - 1] >= 0)
      write_top_list(j, top.x[i], top.class[i], wanted, row_of(rows, i), 0, 0.0f, max[i], 0 - distance[i]);
    else
      write_top_row(j, row_of(rows, i), x[i], max[i], 0 - distance[i]);
  }
}

#endif
