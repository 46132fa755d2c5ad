/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as they are summed and written, in tiles; here with four doubles per vector:
 *              one row             interleaved rows a, b, c, d (`turned`)
 *   vector 0   a0 a1 a2 a3         a0 b0 c0 d0
 *   vector 1   a4 a5 a6 a7         a1 b1 c1 d1
 * A stage works on a tile. Only the position of a class differs, and a sum of one row ends across its vectors
 * (kernels/math/f64_sum.h).
 */
#ifndef XENT_F64_TILE_H
#define XENT_F64_TILE_H

#include <stddef.h>

#include "kernels/paths/f64/f64_load.h"
#include "kernels/math/f64_sum.h"

enum {
  XENT_F64_ROWS = 16, /* of a block */
  XENT_F64_LANES = XENT_F64_ROWS + XENT_DOUBLES,
  XENT_F64_FEW = 64, XENT_F64_MIDDLE = 256, /* the most classes of interleaved rows, for sixteen rows and for eight */
  XENT_F64_PART = 128 /* of sixteen longer interleaved rows: the number of classes at once */
};

/* A row: its logits and its targets. Made once per call and moved from row to row. */
typedef struct {
  const xent_call *call;
  const void *array;         /* of the logits */
  const xent_layout *layout;
  row_source logits;
  row_targets t;
  f64_temperature temperature;
  int64_t label;        /* relative to the first class of the arrays */
  strided q;            /* of a dense row */
  strided output;       /* of results per class */
  double share;         /* of a dense or sparse row: smoothing adds this to each class */
  const entry_lists *entries; /* of a sparse row, or NULL */
} f64_row;

/* Sets the values that all rows of a call share. */
XENT_INLINE void f64_set_row(f64_row *r, const xent_call *call, const void *logits, const xent_layout *layout) {
  r->call = call;
  r->array = logits;
  r->layout = layout;
  set_row_source(&r->logits, call, (row_span){0, 0, call->shape->classes}, logits, layout, call->options->softcap);
  r->t = targets_of_call(call);
  r->temperature = f64_temperature_of(call->options->temperature);
  r->label = XENT_NO_CLASS;
  r->q = (strided){0};
  r->output = call->output ? strided_at(call->output, call->output_layout, 0) : r->q;
  r->share = 0;
  r->entries = NULL;
}
XENT_INLINE void f64_move_logits(f64_row *r, int64_t row) {
  const xent_call *call = r->call;
  move_row_source(&r->logits, span_of_row(call, row), r->array, r->layout);
  if (call->output) r->output.at = strided_row(call, call->output, call->output_layout, r->logits.span).at;
}

/* One number per row of a block, contiguous. Vectors may extend past the last row, over numbers of another row. */
typedef struct {
  double counted[XENT_F64_LANES], label_weight[XENT_F64_LANES], row_weight[XENT_F64_LANES]; /* the requested ones */
  double shift[XENT_F64_LANES];
  uint32_t row_kind[XENT_F64_ROWS]; /* 0, or one of XENT_ROW_SPECIAL */
  uint32_t ignored, special;    /* rows of a special kind */
  double max[XENT_F64_LANES], class_max[XENT_F64_LANES], reference[XENT_F64_LANES], sum[XENT_F64_LANES];
  double dot[XENT_F64_LANES], mass[XENT_F64_LANES], label_logit[XENT_F64_LANES];
  /* set by f64_settle */
  double label_e[XENT_F64_LANES], total[XENT_F64_LANES], distance[XENT_F64_LANES], log_sum_exp[XENT_F64_LANES];
  double loss[XENT_F64_LANES], log_probability[XENT_F64_LANES], entropy[XENT_F64_LANES];
  double pull[XENT_F64_LANES], share[XENT_F64_LANES], scale[XENT_F64_LANES], label_gradient[XENT_F64_LANES];
  double *kept[XENT_F64_ROWS];  /* for a tile's first row, the input of the second pass: exponentials, or log-softmax's
                                   logits; or NULL */
  bool hit[XENT_F64_ROWS];      /* before the shift is subtracted */
} f64_sums;

/* The buffers of one row: a chunk of prepared logits, later of exponentials, and pieces. Those of interleaved rows:
 * exponentials (for log-softmax logits), logits, targets, results, and derivatives of the softcap. */
typedef struct {
  double *row, *x, *t, *out, *slope;
  int64_t room; /* of a chunk of a row, or of a block */
} f64_buffers;

#define XENT_F64_BUFFERS(b, chunk, part)                                                                          \
  XENT_ALIGNED double room_of_##b[(chunk) + 4 * (part)], *end_of_##b = room_of_##b + (chunk);                     \
  const f64_buffers b = {room_of_##b, end_of_##b, end_of_##b + (part), end_of_##b + 2 * (part),                   \
                         end_of_##b + 3 * (part), chunk}

/* A call and its current block of rows. */
typedef struct {
  const xent_call *call;
  const f64_buffers *b;
  int what, most, count; /* most: rows of a block */
  bool turned;           /* rows are interleaved */
  bool outputs, distances;
  bool keep;             /* exponentials are used again */
  bool slopes, slopes_kept; /* the derivatives of the softcap are needed; the buffer keeps those of all classes */
  int64_t room;          /* doubles for the exponentials of a row; for interleaved rows the number of classes at once */
  f64_row rows[XENT_F64_ROWS];
  XENT_ALIGNED f64_sums sums;
} f64_block;

/* Begins a block for the rows of an array that are processed one by one. */
XENT_INLINE void f64_begin_row(f64_block *k, const xent_call *call, const void *logits, const xent_layout *layout,
                               const f64_buffers *b) {
  memset(k, 0, offsetof(f64_block, rows));
  memset(&k->sums, 0, offsetof(f64_sums, max));
  k->call = call;
  k->b = b;
  k->count = k->most = 1;
  k->distances = true;
  f64_set_row(k->rows, call, logits, layout);
}

XENT_INLINE int f64_width(const f64_block *k) { return k->turned ? XENT_DOUBLES : 1; }
/* The number of rows of the tile that begins with row j. */
XENT_INLINE int f64_rows_of_tile(const f64_block *k, int j) {
  return k->count - j < f64_width(k) ? k->count - j : f64_width(k);
}
/* The numbers of the rows of the tile that begins with row j. */
XENT_INLINE doubles f64_at(const f64_block *k, const double *numbers, int j) {
  return k->turned ? doubles_load(numbers + j) : doubles_set(numbers[j]);
}

/* ---- interleaved rows ---- */

/* A matrix whose columns fill less than half a tile does not get a separate tile. */
XENT_INLINE bool f64_is_narrow(const xent_shape *shape) { return shape->inner > 1 && shape->inner * 2 < XENT_DOUBLES; }
/* The number of rows from `row` on, up to `most`, that share a block; no two matrices of columns share a tile. */
XENT_INLINE int f64_rows_together(const xent_call *call, int64_t row, int64_t most) {
  const int64_t inner = call->shape->inner, n = f64_part(row, call->row_end, most);
  return (int)(inner == 1 || f64_is_narrow(call->shape) ? n : f64_part(row % inner, inner, n));
}

XENT_INLINE int64_t f64_turned_length(int64_t n) { return (n + XENT_DOUBLES - 1) / XENT_DOUBLES * XENT_DOUBLES; }

/* Interleaves n numbers of XENT_DOUBLES rows in t. */
XENT_SHARED void f64_turn(const double *const *rows, double *t, int64_t n) {
  for (int64_t k = 0; k < n; k += XENT_DOUBLES) {
    doubles v[XENT_DOUBLES];
    const bool whole = n - k >= XENT_DOUBLES;
    XENT_UNROLL(8)
    for (int j = 0; j < XENT_DOUBLES; j++)
      v[j] = whole ? doubles_load(rows[j] + k) : doubles_load_part(rows[j] + k, n - k, 0);
    doubles_transpose(v);
    XENT_UNROLL(8)
    for (int j = 0; j < XENT_DOUBLES; j++) doubles_store(t + (k + j) * XENT_DOUBLES, v[j]);
  }
}
/* Stores t factor + addend in the rows. */
XENT_SHARED void f64_turn_back(const double *t, double *const *rows, int64_t n, doubles factor, doubles addend) {
  for (int64_t k = 0; k < n; k += XENT_DOUBLES) {
    doubles v[XENT_DOUBLES];
    XENT_UNROLL(8)
    for (int j = 0; j < XENT_DOUBLES; j++) v[j] = f64_line(doubles_load(t + (k + j) * XENT_DOUBLES), factor, addend);
    doubles_transpose(v);
    const bool whole = n - k >= XENT_DOUBLES;
    XENT_UNROLL(8)
    for (int j = 0; j < XENT_DOUBLES; j++)
      whole ? doubles_store(rows[j] + k, v[j]) : doubles_store_part(rows[j] + k, n - k, v[j]);
  }
}

/* Adjacent columns of doubles are already interleaved. */
XENT_INLINE bool f64_are_columns(const xent_call *call, const xent_layout *l) {
  return l->type == XENT_F64 && side_by_side(call->shape, l) && !f64_is_narrow(call->shape);
}
/* Loads n classes of `count` columns into t, and stores t factor + addend back. Most tiles are whole. */
XENT_INLINE void f64_take_columns_as(const double *columns, int64_t stride, const int count, double *t, int64_t n) {
  for (int64_t i = 0; i < n; i++, columns += stride) {
    doubles_store(t + i * XENT_DOUBLES, doubles_load_part(columns, count, 0));
    prefetch_behind(columns, XENT_F64_ROWS * (int64_t)sizeof *columns); /* of the next block */
  }
}
XENT_SHARED void f64_take_columns(const double *columns, int64_t stride, int count, double *t, int64_t n) {
  if (count == XENT_DOUBLES)
    f64_take_columns_as(columns, stride, XENT_DOUBLES, t, n);
  else
    f64_take_columns_as(columns, stride, count, t, n);
}
XENT_INLINE void f64_put_columns_as(const double *t, double *columns, int64_t stride, const int count, int64_t n,
                                    doubles factor, doubles addend) {
  for (int64_t i = 0; i < n; i++, columns += stride)
    doubles_store_part(columns, count, f64_line(doubles_load(t + i * XENT_DOUBLES), factor, addend));
}
XENT_SHARED void f64_put_columns(const double *t, double *columns, int64_t stride, int count, int64_t n, doubles factor,
                                 doubles addend) {
  if (count == XENT_DOUBLES)
    f64_put_columns_as(t, columns, stride, XENT_DOUBLES, n, factor, addend);
  else
    f64_put_columns_as(t, columns, stride, count, n, factor, addend);
}

/* Sets the masked ones of n classes from `begin` on, of `count` rows from `row` on, to `value`. */
XENT_SHARED void f64_mask_columns(const xent_call *call, int64_t row, int count, int64_t begin, int64_t n, double *t,
                                  double value) {
  const xent_layout *l = &call->shape->class_mask;
  const int64_t apart = call->shape->inner > 1 ? l->inner : l->outer;
  const uint8_t *mask = (const uint8_t *)call->class_mask + row_offset(call->shape, l, row) + begin * l->classes;
  const bool direct = apart == 1 && count == XENT_DOUBLES;
  for (int64_t i = 0; i < n; i++, t += XENT_DOUBLES, mask += l->classes) {
    uint8_t set[XENT_DOUBLES] = {0};
    for (int j = 0; !direct && apart != 0 && j < count; j++) set[j] = mask[j * apart];
    if (apart == 0) memset(set, *mask, sizeof set);
    doubles_store(t, doubles_where_set(direct ? mask : set, doubles_load(t), doubles_set(value)));
  }
}

/* Loads n prepared logits of the rows of a tile from class `begin` on into x. */
XENT_SHARED void f64_turn_logits(const f64_block *k, int j, int64_t begin, int64_t n, bool slopes, double *x) {
  const f64_row *rows = k->rows + j;
  const row_source *in = &rows->logits;
  const double *from[XENT_DOUBLES], *shift = k->sums.shift + j;
  const int count = f64_rows_of_tile(k, j);
  const bool shifted = doubles_bits_equal(doubles_load(shift), doubles_set(0)) != (1u << XENT_DOUBLES) - 1;
  const bool direct = are_plain_doubles(&in->x) && !in->mask && f64_softcap(in) == 0 && !shifted;
  if (!slopes && f64_are_columns(k->call, rows->layout)) {
    f64_take_columns((const double *)(const void *)in->x.at + begin * in->x.stride, in->x.stride, count, x, n);
    if (f64_softcap(in) != 0) f64_cap_piece(x, n * XENT_DOUBLES, f64_softcap(in), x, NULL);
    for (int64_t i = 0; shifted && i < n * XENT_DOUBLES; i += XENT_DOUBLES)
      doubles_store(x + i, doubles_sub(doubles_load(x + i), doubles_load(shift)));
    if (in->mask) f64_mask_columns(k->call, rows->logits.row, count, begin, n, x, -INFINITY);
    return;
  }
  for (int i = 0; i < XENT_DOUBLES; i++) {
    const int row = i < count ? i : 0;
    const row_source *own = &rows[row].logits;
    from[i] = direct ? (const double *)(const void *)own->x.at + begin
                     : f64_prepared(own, begin, n, shift[row], k->b->out + row * k->room,
                                    slopes ? k->b->slope + (j + row) * k->room : NULL);
  }
  f64_turn(from, x, n);
}

/* ---- tiles ---- */

/* n prepared logits of a tile from class `begin` on, in x or in place, minus the rows' shifts. slopes: compute the
 * softcap's derivatives. */
XENT_INLINE const double *f64_logits_at(const f64_block *k, int j, int64_t begin, int64_t n, bool slopes, double *x) {
  if (!k->turned)
    return f64_prepared(&k->rows[j].logits, begin, n, k->sums.shift[j], x, slopes ? k->b->slope : NULL);
  f64_turn_logits(k, j, begin, n, slopes, x);
  return x;
}

/* Exponentials of a tile, or log-softmax's logits, in the buffer or in place. */
XENT_INLINE const double *f64_terms_at(const f64_block *k, int j, int64_t begin, int64_t n, bool log, bool slopes,
                                       double *room) {
  const f64_sums *g = &k->sums;
  if (g->kept[j] && !slopes) return g->kept[j] + begin;
  const double *x = f64_logits_at(k, j, begin, n, slopes, room);
  if (g->kept[j]) return g->kept[j] + begin;
  if (log) return x;
  const f64_reference of = f64_reference_of(f64_at(k, g->reference, j), k->rows[j].temperature);
  f64_exponentials(x, room, n * f64_width(k), &of);
  return room;
}

#endif
