/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tiles of a strip: of the logits, which become e; of targets, if they differ between classes; of the softcap's
 * derivatives; of masks.
 *             row 0 .. 15       row 16 .. 31
 *   class 0   ................  ................  ...     the block `at` is the sixteen rows from row `at` on;
 *   class 1   ................  ................  ...     class c of it begins at number c * pitch + at
 * Each option is one step on a tile, for any layout and type. Targets that are the same for all classes have no tile:
 * labels with smoothing use the result of gap_terms on the logits alone. For rows that are not in strips,
 * stages/load/row_source.h and sum/ have the same steps.
 */
#ifndef XENT_TILES_H
#define XENT_TILES_H

#include "kernels/paths/columns/gather.h"
#include "kernels/paths/columns/tile_sums.h"
#include "kernels/stages/sum/target_sums.h"

/* The values per row of a strip. For successive chunks, N is in `reference`. */
typedef struct {
  column_floats max, reference, logit;
  column_floats best, first, rank;  /* largest logit and its class so far; number of classes before the label */
  column_floats counted, share, most; /* classes that are not masked; share of smoothing; the maximum with the sink */
  double sum[XENT_STRIP_COLUMNS];  /* of e, without the label's */
  double dot[XENT_STRIP_COLUMNS], mass[XENT_STRIP_COLUMNS]; /* of t (M - x), of t */
  double entropy[XENT_STRIP_COLUMNS];
} strip_sums;

/* A call as seen from its columns, and its job. */
typedef struct {
  xent_call call;
  xent_shape shape;
  job job;
} column_view;

/* A call that is processed strip by strip. */
typedef struct {
  const xent_call *own, *call; /* the original, and as seen here */
  const job *j;
  row_source source; /* of any row: its softcap, its mask */
  bool fits_scratch; /* all classes of a strip are in the scratch at once */
  bool log;          /* the second pass needs x */
  bool per_class;    /* targets differ between classes */
  bool marks;        /* classes are masked */
  bool order;        /* argmax, ranks, correct */
  bool direct;       /* whole blocks are read in place: backward */
  bool adjusts;      /* logits are adjusted after they are gathered */
  int64_t pitch;     /* in rows of a strip */
  float *x, *t, *slopes; /* slopes may be NULL */
  float *spare;          /* for one group of one block */
  uint8_t *mask;
} column_call;

/* The offset of a class of a block's rows in an array with one number per class, in elements. */
typedef struct {
  const void *array;
  int32_t type;
  int64_t first, classes; /* of the first row; between classes */
  bool together, same;    /* the rows are adjacent; all share one number */
  int64_t offset[XENT_ROWS];
} block_numbers;

XENT_INLINE block_numbers numbers_of_block(const xent_shape *shape, const xent_layout *l, const void *array,
                                           const strip *s, int64_t at) {
  const int count = rows_of_block(s, at);
  block_numbers b = {
      .array = array, .type = l->type, .first = row_offset(shape, l, s->row + at), .classes = l->classes};
  b.same = (l->outer == 0 || shape->outer == 1) && (l->inner == 0 || shape->inner == 1);
  b.together = count == XENT_ROWS && side_by_side(shape, l) && run_at(shape, s, at).count >= XENT_ROWS;
  for (int i = 0; i < XENT_ROWS && !b.together && !b.same; i++)
    b.offset[i] = row_offset(shape, l, s->row + at + (i < count ? i : 0));
  return b;
}
XENT_INLINE lanes floats_of_class(const block_numbers *b, int64_t class) {
  if (b->together)
    return load_columns((const char *)b->array + (b->first + class * b->classes) * size_of_float(b->type), b->type,
                        XENT_LANES);
  if (b->same) return lanes_set((float)float_at(b->array, b->type, b->first + class * b->classes));
  XENT_ALIGNED float v[XENT_ROWS];
  for (int i = 0; i < XENT_ROWS; i++) v[i] = (float)float_at(b->array, b->type, b->offset[i] + class * b->classes);
  return lanes_load(v);
}

/* ---- masks ---- */

/* The masks of n classes from `begin` on, sixteen bytes a class. */
XENT_SHARED void load_marks(const column_call *a, const strip *s, int64_t at, int64_t begin, int64_t n) {
  const xent_shape *shape = a->call->shape;
  const block_numbers b = numbers_of_block(shape, &shape->class_mask, a->call->class_mask, s, at);
  const uint8_t *mask = (const uint8_t *)a->call->class_mask;
  uint8_t *to = a->mask + at;
  for (int64_t c = 0; c < n; c++, to += s->pitch) {
    const int64_t class = (begin + c) * b.classes;
    if (b.together)
      memcpy(to, mask + b.first + class, XENT_LANES);
    else if (b.same)
      memset(to, mask[b.first + class], XENT_LANES);
    else
      for (int i = 0; i < XENT_LANES; i++) to[i] = mask[b.offset[i] + class];
  }
}

/* Counts the classes of each row that are not masked, for strips with all classes in the scratch. */
XENT_SHARED void count_strip(const column_call *a, const strip *s, strip_sums *sums) {
  const xent_call *call = a->call;
  const xent_shape *shape = call->shape;
  XENT_EACH_BLOCK(s, at) {
    lanes counted = lanes_set((float)shape->classes);
    if (call->class_mask) {
      counted = lanes_set(0.0f);
      load_marks(a, s, at, 0, shape->classes);
      for (int64_t c = 0; c < shape->classes; c++)
        counted = lanes_add(counted, lanes_where_set(a->mask + at + c * s->pitch, lanes_set(1.0f), lanes_set(0.0f)));
    }
    lanes_store(sums->counted + at, counted);
  }
}

/* ---- logits ---- */

/* Applies softcap and mask. Ignored rows, whose logits may be anything, become +0. */
XENT_SHARED void adjust_block(const column_call *a, const strip *s, int64_t at, int64_t n, float *largest) {
  const lanes label = lanes_load(s->label + at), ignored = lanes_set(XENT_IGNORED_COLUMN), none = lanes_set(0.0f);
  const bool cap = a->source.cap != 0, mask = a->source.mask != NULL;
  float *x = a->x + at, *slopes = a->slopes ? a->slopes + at : NULL;
  const uint8_t *marks = a->mask + at;
  lanes most = lanes_set(-INFINITY);
  for (int64_t c = 0; c < n; c += XENT_IN_FLIGHT) {
    const int count = n - c < XENT_IN_FLIGHT ? (int)(n - c) : XENT_IN_FLIGHT;
    lanes v[XENT_IN_FLIGHT], slope[XENT_IN_FLIGHT];
    XENT_UNROLL(4)
    for (int k = 0; k < XENT_IN_FLIGHT; k++) v[k] = lanes_load(x + (k < count ? c + k : c) * s->pitch);
    if (cap) cap_vectors(&a->source, v, slope, XENT_IN_FLIGHT);
    for (int k = 0; k < count; k++) {
      const int64_t to = (c + k) * s->pitch;
      if (cap && slopes) lanes_store(slopes + to, slope[k]);
      if (mask) v[k] = lanes_where_set(marks + to, v[k], lanes_set(-INFINITY));
      v[k] = lanes_where_equal(label, ignored, none, v[k]);
      lanes_store(x + to, v[k]);
      most = lanes_max(v[k], most);
    }
  }
  lanes_store(largest, most);
}

/* ---- targets ---- */

/* The targets of n classes from `begin` on; the counterpart of stages/sum/target_sums.h for columns. */
XENT_SHARED void load_targets(const column_call *a, const strip *s, int64_t at, int64_t begin, int64_t n,
                              const strip_sums *sums) {
  const job *j = a->j;
  const xent_call *call = a->call;
  const xent_shape *shape = call->shape;
  const lanes share = j->labels ? lanes_set(1) : lanes_load(sums->share + at), label = lanes_load(s->label + at),
              none = lanes_set(0.0f);
  float *t = a->t + at;
  const bool probabilities = j->probabilities, smoothed = j->smoothed, marks = a->marks,
             others = j->labels && j->others;
  const float confidence = j->confidence32;
  const strided w = j->weighted ? strided_at(call->class_weights, &shape->class_weights, 0) : (strided){0};
  block_numbers q = {0};
  if (probabilities) q = numbers_of_block(shape, &shape->targets, call->targets, s, at);
  for (int64_t c = 0; c < n; c++, t += s->pitch) {
    lanes v = share;
    if (probabilities) v = class_share(floats_of_class(&q, begin + c), confidence, share, smoothed);
    if (w.at) v = class_target(lanes_set(strided_one(&w, begin + c)), v);
    if (marks) v = lanes_where_set(a->mask + at + c * s->pitch, v, none);
    if (others) v = lanes_where_equal(label, lanes_set((float)(begin + c)), none, v);
    lanes_store(t, v);
  }
}

/* The steps on a block of n classes from `begin` on after its logits are loaded. */
XENT_INLINE void prepare_block(const column_call *a, const strip *s, int64_t at, int64_t begin, int64_t n,
                               const strip_sums *sums, float *largest) {
  if (a->marks) load_marks(a, s, at, begin, n);
  if (a->adjusts || s->ignored[at / XENT_LANES]) adjust_block(a, s, at, n, largest + at);
  if (a->per_class) load_targets(a, s, at, begin, n, sums);
}
/* Fills every tile of n classes of a strip from `begin` on, and computes the largest logit of each row, ignoring
 * NaN. */
XENT_SHARED void load_columns_of_strip(const column_call *a, const strip *s, int64_t begin, int64_t n,
                                       const strip_sums *sums, float *largest) {
  const xent_shape *shape = a->call->shape;
  gather_strip(shape, &shape->logits, a->call->logits, s, begin, n, a->x, largest);
  XENT_EACH_BLOCK(s, at) prepare_block(a, s, at, begin, n, sums, largest);
}

/* ---- steps of the first pass ---- */

/* Updates the largest logit, its class, and the number of classes that rank before the label. */
XENT_SHARED void order_classes(const column_call *a, const strip *s, int64_t at, const float *x, int64_t begin,
                               int64_t n, strip_sums *sums) {
  const lanes label = lanes_load(s->label + at), own = lanes_load(sums->logit + at), one = lanes_set(1.0f),
              none = lanes_set(0.0f);
  lanes best = lanes_load(sums->best + at), first = lanes_load(sums->first + at), rank = lanes_load(sums->rank + at);
  for (int64_t c = 0; c < n; c++) {
    const lanes v = lanes_load(x + c * s->pitch), class = lanes_set((float)(begin + c));
    first = lanes_where_above(v, best, class, first);
    best = lanes_max(v, best);
    if (!a->call->ranks) continue;
    const lanes equal = lanes_where_above(label, class, lanes_where_equal(v, own, one, none), none);
    rank = lanes_add(rank, lanes_where_above(v, own, one, equal));
  }
  lanes_store(sums->best + at, best);
  lanes_store(sums->first + at, first);
  lanes_store(sums->rank + at, rank);
}

/* The terms of label smoothing and soft targets: t (m - x) of n classes from `begin` on, +0 if t is 0. Without a tile
 * of targets, every t is 1. */
XENT_SHARED void gap_terms(const column_call *a, const strip *s, int64_t at, int64_t offset, int64_t begin, int64_t n,
                           lanes max, float *terms) {
  const job *j = a->j;
  const lanes none = lanes_set(0.0f), label = lanes_load(s->label + at), finite = lanes_add(max, none);
  const lanes m = lanes_where_equal(lanes_magnitude(finite), lanes_set(INFINITY), none, finite);
  const float *x = a->x + at + offset, *t = a->per_class ? a->t + at + offset : NULL;
  for (int64_t c = 0; c < n; c++) {
    const lanes own = lanes_load(x + c * s->pitch);
    lanes term = t ? class_gap(lanes_load(t + c * s->pitch), m, own) : lanes_sub(m, own);
    if (!t) {
      if (a->marks) term = lanes_where_set(a->mask + at + offset + c * s->pitch, term, none);
      if (j->others) term = lanes_where_equal(label, lanes_set((float)(begin + c)), none, term);
    }
    lanes_store(terms + c * XENT_LANES, term);
  }
}

/* The sums of one chunk of a block. */
typedef struct {
  tile_chunk e, dot, mass;
  tile_chunk *entropy; /* not NULL if the call needs it: for strips with all classes in the scratch */
} block_chunk;

XENT_INLINE void begin_block_chunk(const column_call *a, block_chunk *k, int64_t length) {
  begin_chunk(&k->e, length);
  if (a->j->smoothed || a->j->probabilities) {
    begin_chunk(&k->dot, length);
    begin_chunk(&k->mass, length);
  }
  if (a->call->entropies) begin_chunk(k->entropy, length);
}

/* The sum of e (M - x). The e overwrite the logits. */
XENT_SHARED void entropy_group(const column_call *a, const strip *s, int64_t at, float *x, int64_t n, int64_t length,
                               lanes references, float *e, const strip_sums *sums, block_chunk *k) {
  const lanes most = lanes_load(sums->most + at), lowest = exp_references_of(references, &a->j->temperature).lowest;
  exp_block(x, s->pitch, e, XENT_LANES, n, references, &a->j->temperature);
  for (int64_t c = 0; c < n; c++) {
    const lanes v = lanes_load(e + c * XENT_LANES);
    lanes_store(e + c * XENT_LANES, class_entropy(lanes_load(x + c * s->pitch), v, most, lowest)); /* in place */
    lanes_store(x + c * s->pitch, v);
  }
  add_terms(k->entropy, e, XENT_LANES, n, length);
}

/* Adds n classes from `begin` on, a group of a chunk of `length` classes, `offset` floats into the tiles. Their e
 * overwrite the logits if they are stored from there; those of the labels are +0. */
XENT_INLINE void sum_group(const column_call *a, const strip *s, int64_t at, int64_t offset, int64_t begin, int64_t n,
                           int64_t length, lanes max, lanes references, column_ahead ahead, strip_sums *sums,
                           block_chunk *k) {
  const job *j = a->j;
  const xent_call *call = a->call;
  const int rows = rows_of_block(s, at);
  float *x = a->x + at + offset, *spare = a->spare;
  if (a->order) order_classes(a, s, at, x, begin, n, sums);
  if (j->smoothed || j->probabilities) { /* first, because the label's logit becomes -inf below */
    gap_terms(a, s, at, offset, begin, n, max, spare);
    add_terms(&k->dot, spare, XENT_LANES, n, length);
    if (a->per_class) add_terms(&k->mass, a->t + at + offset, s->pitch, n, length);
  }
  if (call->entropies) entropy_group(a, s, at, x, n, length, references, spare, sums, k);
  for (int i = 0; j->labels && i < rows; i++) {
    const int64_t label = (int64_t)s->label[at + i] - begin;
    if (label < 0 || label >= n) continue;
    float *own = x + label * s->pitch + i;
    if (!call->entropies) sums->logit[at + i] = *own;
    *own = call->entropies ? 0 : -INFINITY;
  }
  if (call->entropies) {
    add_terms(&k->e, x, s->pitch, n, length);
  } else if (length <= XENT_LANES) {
    float *e = a->log ? spare : x;
    const int64_t pitch = a->log ? XENT_LANES : s->pitch;
    exp_block(x, s->pitch, e, pitch, n, references, &j->temperature);
    k->e.total[0] = sum_of_few(e, pitch, n);
  } else {
    const block_classes b = {.x = x, .pitch = s->pitch, .references = exp_references_of(references, &j->temperature),
                             .temperature = j->temperature,
                             .ahead = ahead};
    add_group(&k->e, &b, n, length, a->fits_scratch && call->output && !a->log ? XENT_OF_KEPT_E : XENT_OF_E);
  }
}

#endif
