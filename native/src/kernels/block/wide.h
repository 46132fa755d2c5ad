/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of up to 1024 classes: every row lies along the lanes, and each step is taken for all rows of the block
 * before the next, so that several rows are in flight and none waits for the end of another's chain.
 */
#ifndef XENT_BLOCK_WIDE_H
#define XENT_BLOCK_WIDE_H

#include "kernels/block/input.h"
#include "kernels/row/emit.h"

enum { XENT_WIDE_ROOM = 8192 }; /* floats: a block's latency is spread over its rows */

/* Where the e of a row lie: whole groups; with labels, and in rows of one group, +0 behind the last class. */
typedef struct {
  int64_t n, pitch;
  int rows; /* at most, of one block */
} wide_layout;

typedef struct {
  block_rows rows;
  const float *x[XENT_BLOCK_ROWS];
  float *y[XENT_BLOCK_ROWS];
  int32_t label[XENT_BLOCK_ROWS];
  float lowest[XENT_BLOCK_ROWS], magic[XENT_BLOCK_ROWS]; /* references of the rows */
  float factor[XENT_BLOCK_ROWS], max[XENT_BLOCK_ROWS];
  lanes largest[XENT_BLOCK_ROWS];
  union { /* of rows of one group, and of longer ones */
    lanes group[XENT_BLOCK_ROWS];
    dlanes sum[XENT_BLOCK_ROWS];
  };
  block_outcome outcome;
  float *e; /* from the first pass to the second */
} wide_block;

XENT_INLINE wide_layout wide_layout_of(int64_t n) {
  const int64_t pitch = (n + XENT_GROUP - 1) / XENT_GROUP * XENT_GROUP, rows = XENT_WIDE_ROOM / pitch;
  return (wide_layout){.n = n, .pitch = pitch, .rows = rows < XENT_BLOCK_ROWS ? (int)rows : XENT_BLOCK_ROWS};
}

/* Once per call: what lies behind the last class is not written again. */
XENT_INLINE void wide_begin(float *e, wide_layout w) {
  for (int row = 0; row < w.rows; row++)
    for (int64_t i = w.n; i < w.pitch; i++) e[row * w.pitch + i] = 0.0f;
}

XENT_INLINE void wide_addresses(const xent_call *call, wide_block *b) {
  for (int i = 0; i < b->rows.count; i++)
    b->x[i] = call->logits + row_offset(call->shape, &call->shape->logits, block_row(&b->rows, i));
  for (int i = 0; call->output && i < b->rows.count; i++)
    b->y[i] = call->output + row_offset(call->shape, call->output_layout, block_row(&b->rows, i));
}

/* The next `count` vectors of a row; the last has `left` classes. */
XENT_INLINE void wide_exp_step(const float *x, int64_t left, const int count, float *e, exp_references r) {
  lanes v[XENT_IN_FLIGHT];
  XENT_UNROLL(8)
  for (int k = 0; k < count - 1; k++) v[k] = lanes_load(x + k * XENT_LANES);
  v[count - 1] = lanes_load_part(x + (count - 1) * XENT_LANES, left, 0.0f);
  exp_lanes_at(v, count, r);
  v[count - 1] = lanes_keep_first(v[count - 1], left);
  XENT_UNROLL(8)
  for (int k = 0; k < count; k++) lanes_store(e + k * XENT_LANES, v[k]);
}

/* e of n <= 128 classes, in whole vectors with +0 behind the last class. */
XENT_INLINE void wide_exp(const float *x, int64_t n, float *e, exp_references r) {
  int64_t i = 0;
  for (; i + XENT_IN_FLIGHT * XENT_LANES <= n; i += XENT_IN_FLIGHT * XENT_LANES) {
    lanes v[XENT_IN_FLIGHT];
    XENT_UNROLL(8)
    for (int k = 0; k < XENT_IN_FLIGHT; k++) v[k] = lanes_load(x + i + k * XENT_LANES);
    exp_lanes_at(v, XENT_IN_FLIGHT, r);
    XENT_UNROLL(8)
    for (int k = 0; k < XENT_IN_FLIGHT; k++) lanes_store(e + i + k * XENT_LANES, v[k]);
  }
  const int64_t left = n - i;
  x += i;
  e += i;
  if (left > 3 * XENT_LANES)
    wide_exp_step(x, left - 3 * XENT_LANES, XENT_IN_FLIGHT, e, r);
  else if (left > 2 * XENT_LANES)
    wide_exp_step(x, left - 2 * XENT_LANES, XENT_IN_FLIGHT - 1, e, r);
  else if (left > XENT_LANES)
    wide_exp_step(x, left - XENT_LANES, 2, e, r);
  else if (left > 0)
    wide_exp_step(x, left, 1, e, r);
}

/* ((e0+e1)+(e2+e3))+((e4+e5)+(e6+e7)) */
XENT_INLINE lanes wide_group_sum(const float *e) {
  lanes twos[4];
  XENT_UNROLL(8)
  for (int k = 0; k < 4; k++)
    twos[k] = lanes_add(lanes_load(e + 2 * k * XENT_LANES), lanes_load(e + (2 * k + 1) * XENT_LANES));
  return lanes_add(lanes_add(twos[0], twos[1]), lanes_add(twos[2], twos[3]));
}

/* One whole group: its e, kept where asked for, and their sum. */
XENT_INLINE lanes wide_group(const float *x, float *kept, exp_references r) {
  group_tree tree;
  lanes v[XENT_BATCH_MAX], e[XENT_BATCH_MAX];
  if (XENT_BATCH >= 4) { /* enough in flight, and half a batch more would not fit into the registers */
    XENT_UNROLL(8)
    for (int at = 0; at < XENT_GROUP_VECTORS; at += XENT_BATCH) {
      load_batch(x + at * XENT_LANES, v);
      exp_lanes_at(v, XENT_BATCH, r);
      take_batch(&tree, at, v, kept);
    }
    return tree.group;
  }
  exp_half half;
  load_batch(x, v);
  exp_begin(&half, v, XENT_BATCH, r);
  XENT_UNROLL(8)
  for (int at = XENT_BATCH; at < XENT_GROUP_VECTORS; at += XENT_BATCH) {
    load_batch(x + at * XENT_LANES, v);
    exp_step(&half, v, e, XENT_BATCH, r);
    take_batch(&tree, at - XENT_BATCH, e, kept);
  }
  exp_end(&half, e, XENT_BATCH);
  take_batch(&tree, XENT_GROUP_VECTORS - XENT_BATCH, e, kept);
  return tree.group;
}

/* The chunk maxima of a block's rows are known: their references. */
XENT_INLINE lanes wide_references(wide_block *b) {
  for (int i = b->rows.count; i < XENT_BLOCK_ROWS; i++) b->largest[i] = b->largest[0];
  const lanes max = lanes_largest_rows(b->largest);
  const exp_references r = exp_references_of(references_for(max));
  lanes_store(b->lowest, r.lowest);
  lanes_store(b->magic, r.magic);
  return max;
}

/* y = e * f, or for log-softmax y = (x - max) + f */
XENT_INLINE lanes wide_result(lanes v, const bool log, lanes max, lanes f) {
  return log ? log_probability(v, max, f) : lanes_mul(v, f);
}
XENT_INLINE void wide_emit(const float *from, float *y, int64_t n, const bool log, lanes max, lanes f) {
  int64_t i = 0;
  for (; i + XENT_LANES <= n; i += XENT_LANES) lanes_store(y + i, wide_result(lanes_load(from + i), log, max, f));
  if (i < n) lanes_store_part(y + i, n - i, wide_result(lanes_load_part(from + i, n - i, 0.0f), log, max, f));
}

/* What is done together: row i of one block is at its exponentials, that of the block before is written, and that
 * of the next one is searched for its maximum. One is bound by arithmetic, the others by loads and stores. */
typedef struct {
  wide_block *next, *now, *before;
  bool keep, log, write;
} wide_step;

XENT_INLINE bool wide_writes(wide_step s, int row) {
  return s.write && row < s.before->rows.count && s.before->outcome.stay >> row & 1;
}

/* m classes of a row, from class i on. */
XENT_INLINE void wide_write(wide_step s, wide_layout w, int row, int64_t i, int64_t m) {
  const wide_block *b = s.before;
  const lanes f = lanes_set(b->factor[row]), max = lanes_set(b->max[row]);
  if (s.log)
    wide_emit(b->x[row] + i, b->y[row] + i, m, true, max, f);
  else
    wide_emit(b->e + row * w.pitch + i, b->y[row] + i, m, false, max, f);
}

/* Rows of one group. */
XENT_INLINE void wide_short_row(wide_step s, wide_layout w, int row, const bool labels) {
  const int64_t n = w.n;
  if (row < s.next->rows.count) s.next->largest[row] = largest_lanes(s.next->x[row], n);
  if (row < s.now->rows.count) {
    float *e = s.now->e + row * w.pitch;
    wide_exp(s.now->x[row], n, e,
             (exp_references){.lowest = lanes_set(s.now->lowest[row]), .magic = lanes_set(s.now->magic[row])});
    if (labels)
      e[s.now->label[row]] = 0.0f;
    else
      s.now->group[row] = wide_group_sum(e);
  }
  if (wide_writes(s, row)) wide_write(s, w, row, 0, n);
}

/* Longer rows, group by group. */
XENT_INLINE void wide_long_row(wide_step s, wide_layout w, int row) {
  const bool search = row < s.next->rows.count, add = row < s.now->rows.count, write = wide_writes(s, row);
  const exp_reference one = {.lowest = add ? s.now->lowest[row] : 0, .magic = add ? s.now->magic[row] : 0};
  const exp_references r = {.lowest = lanes_set(one.lowest), .magic = lanes_set(one.magic)};
  lanes largest = lanes_set(-INFINITY);
  dlanes sum = dlanes_zero();
  for (int64_t i = 0; i < w.n; i += XENT_GROUP) {
    const int64_t m = w.n - i < XENT_GROUP ? w.n - i : XENT_GROUP;
    if (search) largest = group_largest(s.next->x[row] + i, m, largest);
    if (add) {
      const float *x = s.now->x[row] + i;
      float *e = s.now->e + row * w.pitch + i;
      lanes group;
      if (m < XENT_GROUP)
        group = group_sum(x, m, XENT_NO_CLASS, false, one, s.keep ? e : NULL);
      else if (s.keep)
        group = wide_group(x, e, r);
      else
        group = wide_group(x, NULL, r);
      sum = dlanes_add(sum, dlanes_widen(group));
    }
    if (write) wide_write(s, w, row, i, m);
  }
  if (search) s.next->largest[row] = largest;
  if (add) s.now->sum[row] = sum;
}

/* Longer rows with labels: exponentials overlap from batch to batch, across groups and rows; a row is added while the
 * next one is at its exponentials, when +0 stands in the place of its label. */
typedef struct {
  exp_half half; /* of the next batch */
  exp_references references;
} wide_progress;

enum { XENT_BATCH_CLASSES = XENT_BATCH * XENT_LANES };

XENT_INLINE float *wide_place(wide_step s, wide_layout w, int row) {
  return s.now->e + (s.keep ? row : row % 2) * w.pitch;
}
XENT_INLINE exp_references wide_references_at(const wide_block *b, int row) {
  return (exp_references){.lowest = lanes_set(b->lowest[row]), .magic = lanes_set(b->magic[row])};
}
/* The first batch of a block. */
XENT_INLINE void wide_overlap(wide_progress *p, const wide_block *b) {
  lanes v[XENT_BATCH_MAX];
  p->references = wide_references_at(b, 0);
  load_batch(b->x[0], v);
  exp_begin(&p->half, v, XENT_BATCH, p->references);
}

XENT_INLINE void wide_put_batch(float *e, const lanes v[XENT_BATCH_MAX]) {
  XENT_UNROLL(4)
  for (int k = 0; k < XENT_BATCH; k++) lanes_store(e + k * XENT_LANES, v[k]);
}
/* Ends the batch before class i of a row and begins the one there, with e(-inf) = +0 in place of classes that are not
 * there; where nothing is left, the next row's first. Behind the last row it begins that row again, for nothing. */
XENT_INLINE void wide_next_batch(wide_progress *p, const wide_block *b, int row, int64_t i, int64_t left, float *e) {
  lanes v[XENT_BATCH_MAX], done[XENT_BATCH_MAX];
  if (left >= XENT_BATCH_CLASSES) {
    load_batch(b->x[row] + i, v);
  } else if (left > 0) {
    XENT_UNROLL(4)
    for (int k = 0; k < XENT_BATCH; k++)
      v[k] = lanes_load_part(b->x[row] + i + k * XENT_LANES, left - k * XENT_LANES, -INFINITY);
  } else {
    const int next = row + 1 < b->rows.count ? row + 1 : row;
    p->references = wide_references_at(b, next);
    load_batch(b->x[next], v);
  }
  exp_step(&p->half, v, done, XENT_BATCH, p->references);
  wide_put_batch(e + i - XENT_BATCH_CLASSES, done);
}
/* e of the group from class i on, `left` being all classes that are left. */
XENT_INLINE void wide_label_group(wide_progress *p, const wide_block *b, int row, int64_t i, int64_t left, float *e) {
  if (left < XENT_GROUP) {
    for (int64_t at = XENT_BATCH_CLASSES; at < left + XENT_BATCH_CLASSES; at += XENT_BATCH_CLASSES)
      wide_next_batch(p, b, row, i + at, left - at, e);
    return;
  }
  XENT_UNROLL(8)
  for (int64_t at = XENT_BATCH_CLASSES; at < XENT_GROUP; at += XENT_BATCH_CLASSES) {
    lanes v[XENT_BATCH_MAX], done[XENT_BATCH_MAX];
    load_batch(b->x[row] + i + at, v);
    exp_step(&p->half, v, done, XENT_BATCH, p->references);
    wide_put_batch(e + i + at - XENT_BATCH_CLASSES, done);
  }
  wide_next_batch(p, b, row, i + XENT_GROUP, left - XENT_GROUP, e);
}

/* row may be one behind the last, when nothing but the last is added. */
XENT_INLINE void wide_label_row(wide_step s, wide_layout w, int row, wide_progress *p) {
  const bool search = row < s.next->rows.count, now = row < s.now->rows.count, write = wide_writes(s, row);
  const bool add = row > 0 && row <= s.now->rows.count;
  float *e = wide_place(s, w, row);
  const float *added = wide_place(s, w, add ? row - 1 : row);
  lanes largest = lanes_set(-INFINITY);
  dlanes sum = dlanes_zero();
  for (int64_t i = 0; i < w.n; i += XENT_GROUP) {
    const int64_t left = w.n - i, m = left < XENT_GROUP ? left : XENT_GROUP;
    if (search) largest = group_largest(s.next->x[row] + i, m, largest);
    if (now) wide_label_group(p, s.now, row, i, left, e);
    if (add) sum = dlanes_add(sum, dlanes_widen(wide_group_sum(added + i)));
    if (write) wide_write(s, w, row, i, m);
  }
  if (search) s.next->largest[row] = largest;
  if (add) s.now->sum[row - 1] = sum;
  if (now) e[s.now->label[row]] = 0.0f;
}

XENT_INLINE lanes wide_label_logits(const wide_block *b) {
  float logit[XENT_BLOCK_ROWS];
  for (int i = 0; i < XENT_BLOCK_ROWS; i++) logit[i] = i < b->rows.count ? b->x[i][b->label[i]] : 0.0f;
  return lanes_load(logit);
}
XENT_INLINE uint32_t wide_first_labels(const wide_block *b, lanes logit, lanes max) {
  uint32_t first = 0;
  for (uint32_t rest = lanes_bits_equal(logit, max) & block_all_rows(&b->rows); rest; rest &= rest - 1) {
    const int i = __builtin_ctz(rest);
    first |= (uint32_t)label_is_first(b->x[i], b->label[i]) << i;
  }
  return first;
}

XENT_INLINE void wide_finish(const xent_call *call, wide_block *b, wide_layout w, lanes max, const bool labels) {
  const bool floats = w.n <= XENT_GROUP;
  for (int i = 0; floats && labels && i < b->rows.count; i++) b->group[i] = wide_group_sum(b->e + i * w.pitch);
  for (int i = b->rows.count; i < XENT_BLOCK_ROWS; i++) {
    if (floats)
      b->group[i] = b->group[0];
    else
      b->sum[i] = b->sum[0];
  }
  if (labels) {
    const lanes logit = wide_label_logits(b);
    const uint32_t first = call->hits ? wide_first_labels(b, logit, max) : 0;
    const dlanes sum = floats ? dlanes_widen(lanes_tree_rows(b->group)) : dlanes_tree_rows(b->sum);
    label_outcome(call, &b->rows, max, sum, logit, first, &b->outcome);
  } else {
    if (floats)
      softmax_outcome_of_floats(call, &b->rows, max, lanes_tree_rows(b->group), &b->outcome);
    else
      softmax_outcome(call, &b->rows, max, dlanes_tree_rows(b->sum), &b->outcome);
  }
  lanes_store(b->factor, b->outcome.f);
  lanes_store(b->max, b->outcome.max);
}

XENT_INLINE xent_status wide_blocks(const xent_call *call, row_kernel kernel, const bool labels) {
  XENT_ALIGNED float e[2][XENT_WIDE_ROOM];
  wide_block block[3];
  const wide_layout w = wide_layout_of(call->shape->classes);
  block_source source = {.call = call, .kernel = kernel, .row = call->row_begin};
  for (int k = 0; k < 2; k++) wide_begin(e[k], w);
  for (int k = 0; k < 3; k++) block[k].rows.count = 0;
  for (int step = 0, empty = 0; empty < 3; step++) {
    const wide_step s = {.next = &block[step % 3], .now = &block[(step + 2) % 3], .before = &block[(step + 1) % 3],
                         .keep = call->output && !call->log, .log = call->log, .write = call->output != NULL};
    block_take(&source, &s.next->rows, s.next->label, labels, w.rows);
    if (s.next->rows.count)
      wide_addresses(call, s.next);
    else
      empty++;
    lanes max = lanes_set(0.0f);
    s.now->e = e[step % 2];
    if (s.now->rows.count) max = wide_references(s.now);
    if (labels && w.n > XENT_GROUP) {
      wide_progress p = {0};
      if (s.now->rows.count) wide_overlap(&p, s.now);
      for (int row = 0; row <= w.rows; row++) wide_label_row(s, w, row, &p);
    } else {
      for (int row = 0; row < w.rows; row++) {
        if (w.n <= XENT_GROUP)
          wide_short_row(s, w, row, labels);
        else
          wide_long_row(s, w, row);
      }
    }
    if (s.now->rows.count) wide_finish(call, s.now, w, max, labels);
    if (s.before->rows.count) {
      const uint32_t stay = s.before->outcome.stay;
      for (int row = 0; labels && row < s.before->rows.count; row++)
        if (wide_writes(s, row)) s.before->y[row][s.before->label[row]] = s.before->outcome.label_gradient[row];
      const xent_status status = rows_alone(call, &s.before->rows, block_all_rows(&s.before->rows) & ~stay, kernel);
      if (status) source.status = status;
    }
  }
  return source.status;
}

#endif
