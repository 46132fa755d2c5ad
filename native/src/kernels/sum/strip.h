/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first pass over a strip: sum/chunk.h with the classes going down instead of along. Lane l of a group is the sum over
 * its classes l, l + 16 ... of every column, a vector.
 *   Up to 1024 classes the whole strip lies in the scratch; its e are left there where they are wanted.
 *   Beyond, group after group goes through the scratch, and the references rise column by column.
 */
#ifndef XENT_SUM_STRIP_H
#define XENT_SUM_STRIP_H

#include "kernels/load/strip.h"

/* What is known of every column; in the sums of long columns N is in reference. */
typedef struct {
  column_floats max, reference, logit;
  column_floats before;           /* the largest before the label */
  double sum[XENT_STRIP_COLUMNS]; /* of e, without the label's */
  double dot[XENT_STRIP_COLUMNS]; /* of M - x: smoothing */
} strip_sums;

/* ---- sums of a block ---- */

/* A chunk under way: the lanes of its last group, and what they add up to. */
typedef struct {
  lanes group[XENT_LANES];
  dlanes total[XENT_LANES];
} column_chunk;

XENT_INLINE void begin_columns(column_chunk *c) {
  for (int l = 0; l < XENT_LANES; l++) c->total[l] = dlanes_zero();
}
XENT_INLINE void add_group(column_chunk *c) {
  for (int l = 0; l < XENT_LANES; l++) c->total[l] = dlanes_add(c->total[l], dlanes_widen(c->group[l]));
}
/* What a chunk of n classes adds up to. single: its only group has not been added. */
XENT_INLINE dlanes columns_tree(column_chunk *c, int64_t n) {
  if (n <= XENT_LANES) {
    for (int k = XENT_LANES / 2; k >= 2; k /= 2)
      for (int j = 0; j < k; j++) c->group[j] = lanes_add(c->group[j], c->group[j + k]);
    return dlanes_add(dlanes_widen(c->group[0]), dlanes_widen(c->group[1]));
  }
  dlanes *t = c->total;
  if (n <= XENT_GROUP) {
    dlanes four[4];
    XENT_UNROLL(4)
    for (int j = 0; j < 4; j++)
      four[j] = dlanes_add(dlanes_add(dlanes_widen(c->group[j]), dlanes_widen(c->group[j + 8])),
                           dlanes_add(dlanes_widen(c->group[j + 4]), dlanes_widen(c->group[j + 12])));
    return dlanes_add(dlanes_add(four[0], four[2]), dlanes_add(four[1], four[3]));
  }
  for (int k = XENT_LANES / 2; k >= 1; k /= 2)
    for (int j = 0; j < k; j++) t[j] = dlanes_add(t[j], t[j + k]);
  return t[0];
}

/* The logits that come next, which are asked for while exponentials are computed. An address, as it may lie behind the
 * tensor, which a prefetch may. */
typedef struct {
  uintptr_t x, step; /* bytes from class to class */
} column_ahead;

/* A block's classes in the scratch. keep: they become e. */
typedef struct {
  float *x;
  int64_t pitch;
  exp_references references;
  column_ahead ahead;
  const heat *heat;
  bool keep;
} column_block;

/* e of `count` classes from `class` on, `step` apart. */
XENT_INLINE void column_exp(const column_block *b, int64_t class, int64_t step, const int count, const bool keep,
                            lanes *e) {
  float *x = b->x + class * b->pitch;
  const uintptr_t ahead = b->ahead.x + (uintptr_t)class * b->ahead.step;
  XENT_UNROLL(4)
  for (int h = 0; h < count; h++) {
    __builtin_prefetch((const void *)(ahead + (uintptr_t)(h * step) * b->ahead.step), 0, 2);
    e[h] = lanes_load(x + h * step * b->pitch);
  }
  exp_lanes(e, count, &b->references, false, b->heat);
  XENT_UNROLL(4)
  for (int h = 0; h < count; h++)
    if (keep) lanes_store(x + h * step * b->pitch, e[h]);
}

XENT_INLINE lanes sum_of_four(const lanes *e, const int count) {
  switch (count) {
    case 1: return e[0];
    case 2: return lanes_add(e[0], e[1]);
    case 3: return lanes_add(lanes_add(e[0], e[1]), e[2]);
    default: return lanes_add(lanes_add(e[0], e[1]), lanes_add(e[2], e[3]));
  }
}

/* Lane l of a group that begins at a class, `slots` of its eight classes being there: the missing ones add +0. */
XENT_INLINE lanes lane_of_group(const column_block *b, int64_t class, const int slots, const bool keep) {
  lanes e[4];
  const int first = slots < 4 ? slots : 4;
  column_exp(b, class, XENT_LANES, first, keep, e);
  const lanes half = sum_of_four(e, first);
  if (slots <= 4) return half;
  column_exp(b, class + 4 * XENT_LANES, XENT_LANES, slots - 4, keep, e);
  return lanes_add(half, sum_of_four(e, slots - 4));
}

/* Lanes [from, to) of the group that begins at a class, each with as many classes. */
XENT_INLINE void lanes_of_group(const column_block *of, int64_t class, int from, int to, const int slots, const bool keep, lanes *sums) {
  const heat h = *of->heat;
  column_block own = *of, *b = &own; /* which no store changes, as little as the heat */
  own.heat = &h;
  int l = from;
  if (slots == 1)
    for (; l + 4 <= to; l += 4) column_exp(b, class + l, 1, 4, keep, sums + l);
  for (; l < to; l++) sums[l] = lane_of_group(b, class + l, slots, keep);
}
XENT_INLINE void group_columns(const column_block *b, int64_t class, int from, int to, int slots, const bool keep,
                               lanes *sums) {
  switch (slots) {
    case 0:
      for (int l = from; l < to; l++) sums[l] = lanes_set(0.0f);
      break;
    case 1: lanes_of_group(b, class, from, to, 1, keep, sums); break;
    case 2: lanes_of_group(b, class, from, to, 2, keep, sums); break;
    case 3: lanes_of_group(b, class, from, to, 3, keep, sums); break;
    case 4: lanes_of_group(b, class, from, to, 4, keep, sums); break;
    case 5: lanes_of_group(b, class, from, to, 5, keep, sums); break;
    case 6: lanes_of_group(b, class, from, to, 6, keep, sums); break;
    case 7: lanes_of_group(b, class, from, to, 7, keep, sums); break;
    default: lanes_of_group(b, class, from, to, 8, keep, sums);
  }
}
XENT_SHARED void group_columns_kept(const column_block *b, int64_t class, int from, int to, int slots, lanes *sums) {
  group_columns(b, class, from, to, slots, true, sums);
}
XENT_SHARED void group_columns_summed(const column_block *b, int64_t class, int from, int to, int slots, lanes *sums) {
  group_columns(b, class, from, to, slots, false, sums);
}

/* The sixteen lanes of the group of n classes that begins at a class. */
XENT_INLINE void sum_group_columns(const column_block *b, int64_t class, int64_t n, lanes sums[XENT_LANES]) {
  const int slots = (int)(n / XENT_LANES), more = (int)(n % XENT_LANES);
  void (*const sum)(const column_block *, int64_t, int, int, int, lanes *) =
      b->keep ? group_columns_kept : group_columns_summed;
  if (more) sum(b, class, 0, more, slots + 1, sums);
  sum(b, class, more, XENT_LANES, slots, sums);
}

/* The sums over a chunk of at most 1024 classes, whose references are those of its maxima. */
XENT_SHARED dlanes sum_columns(const column_block *b, int64_t n) {
  column_chunk c;
  if (n > XENT_GROUP) begin_columns(&c);
  for (int64_t i = 0; i < n; i += XENT_GROUP) {
    sum_group_columns(b, i, n - i < XENT_GROUP ? n - i : XENT_GROUP, c.group);
    if (n > XENT_GROUP) add_group(&c);
  }
  return columns_tree(&c, n);
}

/* ---- other sums ---- */

enum { XENT_PRODUCTS, XENT_ALONE, XENT_GAPS, XENT_GAPS_OF_OTHERS }; /* a b; a; m - a; the label's +0 */

/* Columns of one or two tensors, or of the scratch. */
typedef struct {
  const char *a, *b;
  int64_t a_step, b_step; /* bytes from class to class */
  int32_t a_type, b_type;
  lanes m, label;
} column_terms;

XENT_INLINE column_terms terms_at(column_terms t, int64_t class) {
  t.a += class * t.a_step;
  if (t.b) t.b += class * t.b_step;
  return t;
}

XENT_INLINE lanes load_ahead(const char *at, int32_t type) {
  __builtin_prefetch((const void *)((uintptr_t)at + (2 * XENT_LANES - 1) * sizeof(float)));
  return load_columns(at, type, XENT_LANES);
}
XENT_INLINE lanes column_term(const column_terms *t, int64_t class, float number, const int kind, const bool floats) {
  const char *at = t->a + class * t->a_step;
  if (kind == XENT_GAPS || kind == XENT_GAPS_OF_OTHERS) {
    const lanes gap = lanes_sub(t->m, load_columns(at, XENT_F32, XENT_LANES));
    return kind == XENT_GAPS ? gap : lanes_where_equal(t->label, lanes_set(number), lanes_set(0.0f), gap);
  }
  const lanes a = load_ahead(at, floats ? XENT_F32 : t->a_type);
  return kind == XENT_ALONE ? a : lanes_mul(a, load_ahead(t->b + class * t->b_step, floats ? XENT_F32 : t->b_type));
}

/* The lanes of a group of n classes, the first being class `number`. A missing class adds +0, which may give a sum that is 0
 * another sign: that is settled at the end. */
XENT_INLINE void lanes_of_terms(const column_terms *of, int64_t n, int64_t number, const int kind, const bool floats, lanes *lane) {
  const column_terms here = *of, *t = &here; /* which no store changes */
  for (int64_t l = 0; l < XENT_LANES; l++) {
    lanes v[XENT_GROUP_VECTORS];
    XENT_UNROLL(8)
    for (int64_t h = 0; h < XENT_GROUP_VECTORS; h++) {
      const int64_t class = l + h * XENT_LANES;
      v[h] = class < n ? column_term(t, class, (float)(number + class), kind, floats) : lanes_set(0.0f);
    }
    lane[l] = lanes_add(sum_of_four_vectors(v), sum_of_four_vectors(v + 4));
  }
}
XENT_INLINE void group_terms(const column_terms *t, int64_t n, int64_t number, const int kind, const bool floats, lanes *lane) {
  if (floats && n == XENT_GROUP)
    lanes_of_terms(t, XENT_GROUP, number, kind, floats, lane);
  else
    lanes_of_terms(t, n, number, kind, floats, lane);
}
XENT_SHARED void group_terms_of(const column_terms *t, int64_t n, int64_t number, int kind, lanes lane[XENT_LANES]) {
  const bool floats = t->a_type == XENT_F32 && t->b_type == XENT_F32;
  switch (kind) {
    case XENT_GAPS: group_terms(t, n, number, XENT_GAPS, true, lane); break;
    case XENT_GAPS_OF_OTHERS: group_terms(t, n, number, XENT_GAPS_OF_OTHERS, true, lane); break;
    case XENT_ALONE:
      floats ? group_terms(t, n, number, XENT_ALONE, true, lane) : group_terms(t, n, number, XENT_ALONE, false, lane);
      break;
    default:
      floats ? group_terms(t, n, number, XENT_PRODUCTS, true, lane) : group_terms(t, n, number, XENT_PRODUCTS, false, lane);
  }
}

XENT_INLINE int64_t group_length(int64_t begin, int64_t end) { return end - begin < XENT_GROUP ? end - begin : XENT_GROUP; }

/* The sums of a block over the n classes of one chunk, all of them being at hand. No sum is -0. */
XENT_SHARED dlanes sum_terms(const column_terms *t, int64_t n, int kind) {
  column_chunk c;
  if (n > XENT_GROUP) begin_columns(&c);
  for (int64_t i = 0; i < n; i += XENT_GROUP) {
    const column_terms group = terms_at(*t, i);
    group_terms_of(&group, group_length(i, n), i, kind, c.group);
    if (n > XENT_GROUP) add_group(&c);
  }
  return dlanes_add(columns_tree(&c, n), dlanes_zero());
}

XENT_INLINE column_terms gaps_of(const strip *s, const float *scratch, const float *largest, int64_t at) {
  const lanes max = lanes_load(largest + at), zero = lanes_set(0.0f);
  return (column_terms){.a = (const char *)(scratch + at), .a_step = s->pitch * (int64_t)sizeof *scratch, .a_type = XENT_F32,
                        .b_type = XENT_F32, .label = lanes_load(s->label + at),
                        .m = lanes_where_equal(max, lanes_set(-INFINITY), zero, lanes_add(max, zero))};
}

/* ---- strips ---- */

/* What the first pass is asked for. */
typedef struct {
  const job *j;
  bool want_first; /* the largest logit before the label */
  bool keep;       /* e in the scratch; up to 1024 classes */
} strip_wishes;

/* The classes [begin, begin + n) of the labels leave the scratch: e(-inf) is +0. Their logits are kept. Ignored columns
 * become +0: their e are numbers. */
XENT_INLINE void take_labels(const strip *s, int64_t begin, int64_t n, float *scratch, strip_sums *sums) {
  for (int64_t i = 0; i < s->width; i++) {
    const int64_t label = (int64_t)s->label[i] - begin;
    if (label < 0 || label >= n) continue;
    float *at = scratch + label * s->pitch + i;
    sums->logit[i] = *at;
    *at = -INFINITY;
  }
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    const lanes label = lanes_load(s->label + at), none = lanes_set(XENT_IGNORED_COLUMN), zero = lanes_set(0.0f);
    float *x = scratch + at;
    for (int64_t c = 0; s->ignored[at / XENT_LANES] && c < n; c++, x += s->pitch)
      lanes_store(x, lanes_where_equal(label, none, zero, lanes_load(x)));
    if (s->ignored[at / XENT_LANES]) lanes_store(sums->max + at, lanes_where_equal(label, none, zero, lanes_load(sums->max + at)));
  }
}

XENT_INLINE void set_columns(const strip *s, float *to, float value) {
  for (int64_t at = 0; at < s->width; at += XENT_LANES) lanes_store(to + at, lanes_set(value));
}

/* The largest logit before the label, among n classes from `begin` on and those found before. */
XENT_SHARED void find_before(const strip *s, int64_t begin, int64_t n, const float *scratch, strip_sums *sums) {
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    const lanes label = lanes_load(s->label + at), none = lanes_set(-INFINITY);
    lanes before = lanes_load(sums->before + at);
    for (int64_t i = 0; i < n; i++) {
      const lanes x = lanes_load(scratch + i * s->pitch + at);
      before = lanes_max(lanes_where_above(label, lanes_set((float)(begin + i)), x, none), before);
    }
    lanes_store(sums->before + at, before);
  }
}

/* The columns of the next strip that stand where a block's do: the line of the last one, as that of the first is either the
 * same or its neighbour's. */
XENT_INLINE column_ahead ahead_of(const xent_call *call, const strip *s, int64_t at, int64_t class) {
  const xent_layout *in = &call->shape->logits;
  const int64_t next = s->row + s->width < call->row_end ? s->row + s->width : s->row;
  const int64_t offset = row_offset(call->shape, in, next) + at + XENT_LANES - 1 + class * in->classes;
  return (column_ahead){.x = (uintptr_t)call->logits + (uintptr_t)(offset * size_of_float(in->type)), .step = (uintptr_t)step_of(in)};
}

/* Up to 1024 classes. */
XENT_SHARED void sum_short_strip(const strip_wishes *w, const strip *s, float *scratch, strip_sums *sums) {
  const job *j = w->j;
  const xent_call *call = j->call;
  const int64_t classes = call->shape->classes;
  gather_strip(call->shape, &call->shape->logits, call->logits, s, 0, classes, scratch, sums->max);
  if (w->want_first) find_before(s, 0, classes, scratch, sums);
  for (int64_t at = 0; j->smoothed && at < s->width; at += XENT_LANES) {
    const column_terms gaps = gaps_of(s, scratch, sums->max, at);
    dlanes_store(sums->dot + at, sum_terms(&gaps, classes, j->others ? XENT_GAPS_OF_OTHERS : XENT_GAPS));
  }
  if (j->labels) take_labels(s, 0, classes, scratch, sums);
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    const lanes N = references_for(lanes_load(sums->max + at), &j->heat);
    const column_block b = {.x = scratch + at, .pitch = s->pitch, .references = exp_references_of(N, &j->heat),
                            .ahead = ahead_of(call, s, at, 0), .heat = &j->heat, .keep = w->keep};
    lanes_store(sums->reference + at, N);
    dlanes_store(sums->sum + at, sum_columns(&b, classes));
  }
}

/* Of one chunk of a long strip. */
typedef struct {
  column_chunk e[XENT_LONG_BLOCKS], gap[XENT_LONG_BLOCKS];
  double sum[XENT_LONG_COLUMNS], dot[XENT_LONG_COLUMNS];
  float max[XENT_LONG_COLUMNS], reference[XENT_LONG_COLUMNS];
  float largest[XENT_LONG_COLUMNS]; /* of a group */
} strip_chunk;

/* References of columns whose group lies more than sixteen octaves above them rise; the lanes are scaled. */
XENT_INLINE void raise_references(lanes largest, const heat *h, float *reference, dlanes total[XENT_LANES]) {
  const lanes N = lanes_load(reference), raised = references_for(largest, h), hot = lanes_mul(largest, lanes_set(h->hi));
  const lanes limit = lanes_mul(lanes_add(N, lanes_set(16)), lanes_set(XENT_LN2_HI));
  const uint32_t rise = lanes_bits_above(hot, limit) & lanes_bits_above(raised, N);
  if (!rise) return;
  float to[XENT_LANES];
  double scale[XENT_LANES];
  lanes_store(to, raised);
  for (int j = 0; j < XENT_LANES; j++) {
    const bool rises = rise >> j & 1;
    scale[j] = rises ? power_of_two((double)reference[j] - (double)to[j]) : 1;
    if (rises) reference[j] = to[j];
  }
  for (int l = 0; l < XENT_LANES; l++) total[l] = dlanes_mul(total[l], dlanes_load(scale));
}

XENT_SHARED void sum_strip_chunk(const strip_wishes *w, const strip *s, int64_t begin, int64_t end, float *scratch, strip_chunk *c,
                                 strip_sums *sums) {
  const job *j = w->j;
  const xent_call *call = j->call;
  const xent_layout *in = &call->shape->logits;
  const int64_t length = end - begin;
  const bool exact = length <= XENT_EXACT_MAX, first = exact || j->smoothed; /* the maxima are needed first */
  set_columns(s, c->max, -INFINITY);
  set_columns(s, c->reference, XENT_LOWEST_REFERENCE);
  for (int64_t k = 0; k < blocks_of(s->width); k++) {
    begin_columns(&c->e[k]);
    begin_columns(&c->gap[k]);
  }
  for (int64_t i = begin; first && i < end; i += XENT_GROUP) {
    gather_strip(call->shape, in, call->logits, s, i, group_length(i, end), scratch, c->largest);
    for (int64_t at = 0; at < s->width; at += XENT_LANES)
      lanes_store(c->max + at, lanes_max(lanes_load(c->largest + at), lanes_load(c->max + at)));
  }
  for (int64_t at = 0; exact && at < s->width; at += XENT_LANES)
    lanes_store(c->reference + at, references_for(lanes_load(c->max + at), &j->heat));
  for (int64_t i = begin; i < end; i += XENT_GROUP) {
    const int64_t n = group_length(i, end);
    gather_strip(call->shape, in, call->logits, s, i, n, scratch, c->largest);
    for (int64_t at = 0; !exact && at < s->width; at += XENT_LANES) {
      const lanes largest = lanes_load(c->largest + at);
      lanes_store(c->max + at, lanes_max(largest, lanes_load(c->max + at)));
      raise_references(largest, &j->heat, c->reference + at, c->e[at / XENT_LANES].total);
    }
    for (int64_t at = 0; j->smoothed && at < s->width; at += XENT_LANES) {
      const column_terms gaps = gaps_of(s, scratch, c->max, at);
      group_terms_of(&gaps, n, i, j->others ? XENT_GAPS_OF_OTHERS : XENT_GAPS, c->gap[at / XENT_LANES].group);
      add_group(&c->gap[at / XENT_LANES]);
    }
    if (w->want_first) find_before(s, i, n, scratch, sums);
    if (j->labels) take_labels(s, i, n, scratch, sums);
    for (int64_t at = 0; at < s->width; at += XENT_LANES) {
      const column_block b = {.x = scratch + at, .pitch = s->pitch, .ahead = ahead_of(call, s, at, i), .heat = &j->heat,
                              .references = exp_references_of(lanes_load(c->reference + at), &j->heat)};
      sum_group_columns(&b, 0, n, c->e[at / XENT_LANES].group);
      if (length > XENT_GROUP) add_group(&c->e[at / XENT_LANES]);
    }
  }
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    dlanes_store(c->sum + at, columns_tree(&c->e[at / XENT_LANES], length));
    if (j->smoothed) dlanes_store(c->dot + at, columns_tree(&c->gap[at / XENT_LANES], length));
  }
}

/* Any number of classes: the fold of careful/fold.h. The sums come out as those of one chunk, which S * 2^30 is. */
XENT_SHARED void sum_long_strip(const strip_wishes *w, const strip *s, float *scratch, strip_sums *sums) {
  const job *j = w->j;
  const int64_t classes = j->call->shape->classes, columns = blocks_of(s->width) * XENT_LANES;
  strip_chunk c;
  for (int64_t k = 0; k < columns; k++) {
    sums->max[k] = -INFINITY;
    sums->reference[k] = XENT_LOWEST_REFERENCE;
    sums->sum[k] = sums->dot[k] = 0;
  }
  for (int64_t i = 0; i < classes; i += XENT_CHUNK) {
    const int64_t n = chunk_length(i, classes);
    sum_strip_chunk(w, s, i, i + n, scratch, &c, sums);
    for (int64_t k = 0; k < columns; k++) {
      const float N = c.reference[k] > sums->reference[k] ? c.reference[k] : sums->reference[k];
      sums->sum[k] = sums->sum[k] * power_of_two((double)sums->reference[k] - (double)N) +
                     c.sum[k] * XENT_UNSCALE * power_of_two((double)c.reference[k] - (double)N);
      sums->reference[k] = N;
      const double before = (double)sums->max[k], max = c.max[k] > sums->max[k] ? (double)c.max[k] : before;
      sums->max[k] = (float)max;
      if (!j->smoothed) continue;
      const bool other = j->others && s->label[k] < (float)i, here = j->others && !other && s->label[k] < (float)(i + n);
      if (before > -INFINITY) sums->dot[k] += (double)(i - other) * (max - before);
      sums->dot[k] += c.dot[k];
      if (c.max[k] > -INFINITY) sums->dot[k] += (double)(n - here) * (max - (double)c.max[k]);
    }
  }
  for (int64_t k = 0; k < columns; k++) sums->sum[k] *= XENT_RESCALE;
}

XENT_INLINE void sum_strip(const strip_wishes *w, const strip *s, float *scratch, strip_sums *sums) {
  if (w->j->labels) set_columns(s, sums->logit, 0.0f); /* of ignored columns, and behind the last */
  if (w->want_first) set_columns(s, sums->before, -INFINITY);
  if (is_short(w->j->call))
    sum_short_strip(w, s, scratch, sums);
  else
    sum_long_strip(w, s, scratch, sums);
}

#endif
