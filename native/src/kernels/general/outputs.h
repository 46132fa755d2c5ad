/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What else a row may be asked for once its first pass is done: the largest class, the label's rank, the k largest
 * classes, the entropy, the gradient of soft targets. Each reads the row again, which is still in the caches then.
 * Classes are compared before the shift.
 */
#ifndef XENT_GENERAL_OUTPUTS_H
#define XENT_GENERAL_OUTPUTS_H

#include "kernels/general/emit.h"

XENT_INLINE int64_t step_length(int64_t begin, int64_t end) { return end - begin < XENT_STEP ? end - begin : XENT_STEP; }

/* The lowest counted class whose logit is `value`, from class `begin` on; -1 where there is none. */
XENT_SHARED int64_t first_equal(const general_row *r, int64_t begin, float value, general_buffers b) {
  for (int64_t i = begin; i < r->classes; i += XENT_STEP) {
    const int64_t n = step_length(i, r->classes);
    const float *x = prepared(r, i, n, 0.0f, b.out);
    for (int64_t k = 0; k < n; k += XENT_LANES) {
      const lanes v = lanes_load_part(x + k, n - k, XENT_NAN);
      uint32_t equal = lanes_bits_equal(v, lanes_set(value));
      for (; equal; equal &= equal - 1) {
        const int64_t class = i + k + __builtin_ctz(equal);
        if (is_counted(r, class)) return class;
      }
    }
  }
  return -1;
}

XENT_INLINE int64_t argmax_of_row(const general_row *r, const general_result *g, general_buffers b) {
  return first_equal(r, g->largest > 0 ? g->largest * XENT_CHUNK : 0, g->largest_logit, b);
}

/* How many counted classes come before the label in falling order, the lower first among equals. */
XENT_SHARED int64_t rank_of_label(const general_row *r, general_buffers b) {
  const float own = prepared_one(r, r->t.label, 0.0f);
  int64_t rank = 0;
  for (int64_t i = 0; i < r->classes; i += XENT_STEP) {
    const int64_t n = step_length(i, r->classes);
    const float *x = prepared(r, i, n, 0.0f, b.out);
    int32_t above = 0, equal = 0;
    const int64_t before = r->t.label <= i ? 0 : r->t.label - i < n ? r->t.label - i : n;
    for (int64_t k = 0; k < n; k++) above += x[k] > own;
    for (int64_t k = 0; k < before; k++) equal += x[k] == own;
    if (own == -INFINITY && r->mask) /* what is masked looks like this */
      for (int64_t k = 0; k < before; k++) equal -= x[k] == own && !is_counted(r, i + k);
    rank += above + equal;
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

/* A heap whose first entry comes last. */
typedef struct {
  int64_t count, room;
  top_entry entries[XENT_TOP_AT_ONCE];
} top_heap;

static void top_sink(top_heap *h, int64_t at) {
  for (int64_t child; (child = 2 * at + 1) < h->count; at = child) {
    if (child + 1 < h->count && comes_before(h->entries[child], h->entries[child + 1])) child++;
    if (!comes_before(h->entries[at], h->entries[child])) return;
    const top_entry swap = h->entries[at];
    h->entries[at] = h->entries[child];
    h->entries[child] = swap;
  }
}

static void top_add(top_heap *h, top_entry e) {
  if (h->count == h->room) {
    if (!comes_before(e, h->entries[0])) return;
    h->entries[0] = e;
    top_sink(h, 0);
    return;
  }
  int64_t at = h->count++;
  h->entries[at] = e;
  for (int64_t parent; at > 0 && comes_before(h->entries[parent = (at - 1) / 2], h->entries[at]); at = parent) {
    const top_entry swap = h->entries[at];
    h->entries[at] = h->entries[parent];
    h->entries[parent] = swap;
  }
}

/* Falling order: the heap's first, which comes last, goes to the end. */
static void top_sort(top_heap *h) {
  const int64_t count = h->count;
  while (h->count > 1) {
    const top_entry last = h->entries[0];
    h->entries[0] = h->entries[--h->count];
    top_sink(h, 0);
    h->entries[h->count] = last;
  }
  h->count = count;
}

/* The largest classes that come after `last`. */
XENT_SHARED void top_after(const general_row *r, top_entry last, top_heap *h, general_buffers b) {
  for (int64_t i = 0; i < r->classes; i += XENT_STEP) {
    const int64_t n = step_length(i, r->classes);
    const float *x = prepared(r, i, n, 0.0f, b.out);
    for (int64_t k = 0; k < n; k += XENT_LANES) {
      const int64_t m = n - k < XENT_LANES ? n - k : XENT_LANES;
      const lanes v = lanes_load_part(x + k, m, -INFINITY);
      /* classes come in rising order, so what equals the last of a full heap comes after it */
      if (h->count == h->room && !lanes_any_above(v, h->entries[0].x)) continue;
      for (int64_t j = k; j < k + m; j++) {
        const top_entry e = {x[j], i + j};
        if (comes_before(last, e) && (x[j] > -INFINITY || is_counted(r, e.class))) top_add(h, e);
      }
    }
  }
}

XENT_SHARED void write_top_classes(const general_row *r, const general_result *g, general_buffers b) {
  const xent_call *call = r->call;
  const xent_statistics *s = &g->s;
  const int64_t wanted = call->shape->top_count;
  const float minus_distance = (float)(0 - g->distance);
  const bool special = s->kind & XENT_ROW_SPECIAL;
  top_entry last = {INFINITY, -1};
  int64_t done = 0;
  while (!special && done < wanted) {
    top_heap h;
    h.count = 0;
    h.room = wanted - done < XENT_TOP_AT_ONCE ? wanted - done : XENT_TOP_AT_ONCE;
    top_after(r, last, &h, b);
    if (h.count == 0) break;
    top_sort(&h);
    for (int64_t k = 0; k < h.count; k++) {
      const float x = s->shift != 0 ? h.entries[k].x - s->shift : h.entries[k].x;
      write_top(call, r->row, done++, h.entries[k].class, (double)((x - s->max) + minus_distance));
    }
    last = h.entries[h.count - 1];
    if (h.count < h.room) break;
  }
  const double missing = special && !(s->kind & XENT_ROW_MASKED) ? (double)XENT_NAN : -INFINITY;
  for (; done < wanted; done++) write_top(call, r->row, done, -1, missing);
}

/* ---- entropy ---- */

/* Sum over a chunk of e(x; N) (M - x), +0 where e is +0, which the lower clamp of the exponential makes of any x below it:
 * in the order of a softmax backward. */
XENT_SHARED double entropy_of_chunk(const float *x, int64_t n, float N, float max) {
  const exp_references r = exp_everywhere(exp_reference_of(N));
  const lanes M = lanes_set(max);
  lanes group = lanes_set(0.0f);
  dlanes sum = dlanes_zero();
  for (int64_t i = 0; i < n; i += XENT_GROUP) {
    lanes half[2];
    XENT_UNROLL(2)
    for (int h = 0; h < 2; h++) {
      lanes e[4], v[4];
      XENT_UNROLL(4)
      for (int k = 0; k < 4; k++) {
        const int64_t at = i + (4 * h + k) * XENT_LANES;
        v[k] = n - at >= XENT_LANES ? lanes_load(x + at) : lanes_load_part(x + (at < n ? at : 0), n - at, -INFINITY);
        e[k] = v[k];
      }
      exp_lanes_at(e, 4, r);
      XENT_UNROLL(4)
      for (int k = 0; k < 4; k++) v[k] = lanes_mul(e[k], lanes_sub(M, lanes_floor_at(v[k], r.lowest)));
      half[h] = lanes_add(lanes_add(v[0], v[1]), lanes_add(v[2], v[3]));
    }
    group = lanes_add(half[0], half[1]);
    sum = dlanes_add(sum, dlanes_widen(group));
  }
  return (n <= XENT_GROUP ? (double)lanes_tree(group) : dlanes_tree(sum)) + 0.0;
}

/* From T, the sum over the row. */
XENT_INLINE double entropy_from(const general_result *g, double T) {
  const xent_statistics *s = &g->s;
  const double S = total_of(s), rest = T * XENT_UNSCALE / S;
  if (!g->has_sink) return (double)(float)(g->distance + rest);
  const double E = (double)exp_one(g->sink, exp_reference_of(s->reference)) * XENT_UNSCALE;
  return (double)(float)fma(g->distance, (S - E) / S, rest);
}

XENT_SHARED double entropy_sum_of_row(const general_row *r, const general_result *g, general_buffers b) {
  double T = 0;
  for (int64_t i = 0; i < r->classes; i += XENT_CHUNK) {
    const int64_t n = chunk_length(i, r->classes);
    T += entropy_of_chunk(prepared(r, i, n, g->s.shift, b.input), n, g->s.reference, g->s.max);
  }
  return T;
}
XENT_INLINE double entropy_of_row(const general_row *r, const general_result *g, general_buffers b) {
  return entropy_from(g, entropy_sum_of_row(r, g, b));
}

/* ---- the gradient of soft targets ---- */

/* c (1 - eps) w (lse - x) */
XENT_INLINE float target_gradient(const general_row *r, const general_result *g, double c, int64_t class, float x) {
  const double own = r->t.weighted ? r->t.keep * weight_of_class(r->call, class) : r->t.keep, f = c * own;
  if (f == 0) return 0.0f;
  const double value = f * (((double)g->s.max - (double)x) + g->distance);
  return value != value ? XENT_NAN : (float)value;
}

XENT_SHARED void write_target_gradient(const general_row *r, const general_result *g, double c, general_buffers b) {
  const xent_call *call = r->call;
  const xent_shape *shape = call->shape;
  const xent_layout *l = &shape->target_gradient;
  const bool special = g->s.kind & XENT_ROW_SPECIAL;
  const float same = g->s.kind & XENT_ROW_NAN ? XENT_NAN : 0.0f;
  if (r->t.sparse) {
    for (int64_t j = 0; j < shape->target_count; j++) {
      const int64_t class = sparse_class_at(call, r->row, j);
      float value = same;
      if (!special && class >= 0 && class < r->classes && !is_ignored_class(call, class))
        value = target_gradient(r, g, c, class, prepared_one(r, class, g->s.shift));
      put_float(call->target_gradient, l, row_offset(shape, l, r->row) + j * l->classes, (double)value);
    }
    return;
  }
  const strand out = strand_of_row(call, call->target_gradient, l, r->span);
  if (special) {
    strand_fill(&out, 0, r->classes, same);
    return;
  }
  for (int64_t i = 0; i < r->classes; i += XENT_STEP) {
    const int64_t n = step_length(i, r->classes);
    const float *x = prepared(r, i, n, g->s.shift, b.input);
    for (int64_t k = 0; k < n; k++) b.out[k] = target_gradient(r, g, c, i + k, x[k]);
    mask_values(r, i, n, b.out, 0.0f);
    strand_put(&out, i, n, b.out, false);
  }
}

#endif
