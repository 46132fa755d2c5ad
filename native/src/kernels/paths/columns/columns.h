/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls whose class axis is not last: a lane is a row.
 *   for each strip of adjacent rows [r, r + width):
 *     for each class c: scratch[c] = x[c][r .. r + width)               load.h, tiles.h
 *     for each block of sixteen rows: max, e and sums over the classes  sum.h
 *     for each block: results, and the factors f and b                  results/
 *     for each class c: y[c][r .. r + width) = scratch[c] f + b         store.h
 * If the classes do not all fit into the scratch, one group of 128 is in it at a time, for the sums and again for the
 * results. The references then rise row by row.
 */
#ifndef XENT_COLUMNS_H
#define XENT_COLUMNS_H

#include "kernels/paths/columns/store.h"
#include "kernels/supported.h"
#include "kernels/stages/order/order.h"
#include "kernels/stages/results/fold.h"
#include "kernels/stages/rows/known.h"

enum {
  XENT_LEAST_COLUMNS = 4, /* fewer are gathered one by one */
  /* The class limit for runs of four columns with fewer than sixteen runs. The time of strips over that of flow is 1.1
   * for two runs of 24 classes, 1.3 for 64, 1.4 for 1000; in a backward 1.8 and 3. For runs of six columns and more it
   * is 0.4 to 1.0 (AVX2, AMD EPYC, two busy cores, November 2026). */
  XENT_SHORT_RUN_CLASSES = 40,
  XENT_FAR_FLOATS = XENT_STRIP_FLOATS / 2 /* of the scratch, in addition to the partial sums */
};

/* ---- which calls ---- */

/* Whether vectors along the columns would have few adjacent elements. */
XENT_INLINE bool has_short_runs(const xent_call *call) {
  const xent_shape *s = call->shape;
  return (s->inner > 1 ? s->inner : s->outer) <= XENT_LEAST_COLUMNS && call->row_end - call->row_begin < XENT_LANES &&
         s->classes <= XENT_EXACT_MAX;
}
XENT_INLINE bool has_enough_columns(const xent_call *call) {
  return call->row_end - call->row_begin >= XENT_LEAST_COLUMNS &&
         (call->shape->classes <= XENT_SHORT_RUN_CLASSES || !has_short_runs(call));
}
/* Whether targets are neither sparse nor clamped: those need whole rows, again or entry by entry. */
XENT_INLINE bool needs_no_whole_rows(const xent_call *call) {
  return !call->shape->target_count && !clamps_terms(call);
}
XENT_INLINE bool has_slopes(const xent_call *call) {
  return call->options->softcap != 0 && call->output && call->targets;
}
/* The most floats of one tile of a strip: the tiles of the call share the scratch. */
XENT_INLINE int64_t tile_floats(const xent_call *call, int64_t floats) {
  return floats / (1 + has_slopes(call) + targets_vary(call) + (call->class_mask != NULL)) & -XENT_LANES;
}
/* Tiles of fewer than sixteen classes are padded to sixteen. */
XENT_INLINE int64_t tile_classes(int64_t classes) { return classes < XENT_LANES ? XENT_LANES : classes; }
XENT_INLINE bool fits_scratch(const xent_call *call) {
  return call->shape->classes * XENT_LANES <= tile_floats(call, XENT_STRIP_FLOATS);
}

XENT_INLINE bool strips_fit(const xent_call *call) {
  const xent_shape *s = call->shape;
  if (!XENT_HAS_ONLY(call, IN_STRIPS, XENT_OPTIONS_OF_PATHS)) return false;
  if (s->all_classes || !needs_no_whole_rows(call)) return false;
  if (s->classes == 1 && call->output && !call->targets && !call->log) return false; /* 1, independent of rounding */
  /* outputs that cannot be computed one group at a time */
  const bool whole_only =
      call->entropies || (call->class_mask && call->options->label_smoothing > 0 && !call->known_statistics);
  return has_enough_columns(call) && s->classes <= XENT_MOST_COLUMN_CLASSES &&
         side_by_side(s, &s->logits) && (!call->output || side_by_side(s, call->output_layout)) &&
         (!whole_only || fits_scratch(call));
}

/* ---- strips ---- */

/* The number of rows of a strip. For columns, the widest strip that stays in the first-level cache, else a strip of few
 * columns that stays in the second-level cache. If strips should share few lines of the output with their neighbours,
 * they are as wide as the scratch allows. */
XENT_INLINE int64_t strip_pitch(const xent_call *call) {
  const int64_t classes = call->shape->classes,
                room = tile_floats(call, fits_scratch(call) ? XENT_STRIP_FLOATS : XENT_FAR_FLOATS);
  int64_t most = room / tile_classes(classes) & -XENT_LANES;
  const int64_t near = XENT_STRIP_NEAR / tile_classes(classes) & -XENT_LANES;
  if (!fits_scratch(call)) { /* a strip that is read twice stays in the second-level cache, if possible */
    const int64_t fits = XENT_STRIP_FAR / classes & -XENT_LANES, group = room / XENT_GROUP & -XENT_LANES;
    most = group < XENT_LONG_COLUMNS ? group : XENT_LONG_COLUMNS;
    return call->output && fits > 0 && fits < most ? fits : most;
  }
  const bool wide = call->stream && !lines_agree(call->output_layout);
  const int64_t pitch = wide ? most : near < XENT_LONG_COLUMNS ? XENT_LONG_COLUMNS : near;
  if (pitch > most) return most;
  return pitch < XENT_STRIP_COLUMNS ? pitch : XENT_STRIP_COLUMNS;
}

/* The next strip from a row on. Long inner axes are cut at their ends, and at the begin of a line of the output; short
 * inner axes are combined. */
XENT_INLINE void strip_from(const xent_call *call, int64_t row, int64_t pitch, strip *s) {
  const xent_layout *layout = call->output ? call->output_layout : &call->shape->logits;
  const int64_t inner = call->shape->inner, left = call->row_end - row;
  int64_t width = pitch;
  if (inner >= 4 * XENT_LANES) {
    const strided first =
        strided_at(call->output ? call->output : call->logits, layout, row_offset(call->shape, layout, row));
    const int64_t ends = inner - row % inner;
    const uintptr_t at = (uintptr_t)first.at / (uintptr_t)size_of_float(layout->type);
    if (width > XENT_LANES) width -= (int64_t)(at % XENT_LANES);
    if (width > ends) width = ends;
  }
  s->row = row;
  s->width = width < left ? width : left;
  s->pitch = pitch;
  memset(s->ignored, 0, sizeof s->ignored);
  memset(s->irregular, 0, sizeof s->irregular);
}

/* Treats the columns of a matrix as the inner axis. */
XENT_INLINE void begin_columns(column_call *a, column_view *v, const xent_call *call) {
  v->shape = *call->shape;
  v->call = *call;
  if (v->shape.inner == 1) lay_inward(&v->shape);
  v->call.shape = &v->shape;
  if (call->output)
    v->call.output_layout = call->output_layout == &call->shape->output ? &v->shape.output : &v->shape.gradient;
  v->job = job_of(&v->call);
  a->own = call;
  a->call = &v->call;
  a->j = &v->job;
}

/* Finds the next strip; false if there are no more. */
XENT_INLINE bool next_strip(const column_call *a, strip *s) {
  const int64_t next = s->row + s->width;
  if (next >= a->own->row_end) return false;
  strip_from(a->call, next, a->pitch, s);
  return true;
}

/* Runs on strips until one has rows that need the generic kernel, or an invalid label. */
typedef xent_status (*strip_kernel)(const column_call *a, strip *s);

/* Processes the strips of all rows. Then, after freeing the scratch, processes the rows of the last strip that need the
 * generic kernel, one by one. */
XENT_INLINE xent_status each_strip(const column_call *a, strip_kernel kernel, xent_kernel fallback) {
  strip s;
  s.row = a->own->row_begin;
  s.width = 0;
  while (s.row + s.width < a->own->row_end) {
    const xent_status invalid = kernel(a, &s);
    for (int64_t k = next_of_set(s.irregular, 0, s.width); k < s.width; k = next_of_set(s.irregular, k + 1, s.width)) {
      const xent_status status = row_alone(a->own, s.row + k, fallback);
      if (status) return status;
    }
    if (invalid) return invalid;
  }
  return XENT_OK;
}

/* ---- from sums to factors ---- */

/* Sets the values per row of a block that do not depend on its sums. */
XENT_INLINE void begin_block(const column_call *a, const strip *s, int64_t at, const strip_sums *sums, row_sums *in) {
  const job *j = a->j;
  in->rows.first = s->row + at; /* field by field: a struct store followed by a load of another width would stall */
  in->rows.count = rows_of_block(s, at);
  in->rows.adjacent = true;
  in->rows.ignored = 0; /* sums of ignored rows are NaN */
  in->folded = in->long_row = false;
  in->correct = 0;
  if (j->plain || !(a->call->targets || a->call->sink)) return;
  int32_t label[XENT_ROWS];
  int64_t counted[XENT_ROWS];
  for (int i = 0; i < XENT_ROWS; i++) {
    label[i] = j->labels && s->label[at + i] >= 0 ? (int32_t)s->label[at + i] : 0;
    counted[i] = j->smoothed ? (int64_t)sums->counted[at + i] : a->call->shape->classes;
  }
  load_row_numbers(j, &in->rows, label, counted, in);
}

/* Marks the rows for the generic kernel; ignored rows have already been written. */
XENT_INLINE void end_block(const column_call *a, strip *s, int64_t at, const row_outcome *out, strip_factors *f) {
  const int64_t block = at / XENT_LANES;
  const uint32_t ignored = s->ignored[block];
  s->irregular[block] = ((1u << rows_of_block(s, at)) - 1) & ~out->regular & ~ignored;
  if (!a->call->output) return;
  const lanes zero = lanes_set(0.0f);
  lanes_store(f->m + at, a->log ? out->max : zero);
  lanes_store(f->r + at, a->log ? lanes_set(a->j->temperature.hi) : out->f);
  lanes_store(f->b + at, a->log ? out->f : out->b);
  lanes_store(f->reference + at, out->reference);
  if (a->per_class) memcpy(f->scale + at, out->scale, sizeof out->scale);
  if (a->j->labels) memcpy(f->label_gradient + at, out->label_gradient, sizeof out->label_gradient);
  if (!ignored) return;
  const lanes label = lanes_load(s->label + at), none = lanes_set(XENT_IGNORED_COLUMN);
  lanes_store(f->r + at, lanes_where_equal(label, none, zero, lanes_load(f->r + at)));
  lanes_store(f->b + at, lanes_where_equal(label, none, zero, lanes_load(f->b + at)));
  lanes_store(f->reference + at, lanes_where_equal(label, none, zero, out->reference));
}

/* A block may begin at any row of the last block: sets the factors after the last row to numbers, too. */
XENT_INLINE void end_factors(const strip *s, strip_factors *f) {
  const int64_t end = blocks_of(s->width) * XENT_LANES;
  const lanes zero = lanes_set(0.0f);
  lanes_store(f->m + end, zero);
  lanes_store(f->r + end, zero);
  lanes_store(f->b + end, zero);
  lanes_store(f->reference + end, zero);
  lanes_store(f->label_gradient + end, zero);
}

/* Converts the sums of a block's rows to results, statistics and factors. */
XENT_SHARED void finish_block(const column_call *a, strip *s, int64_t at, const strip_sums *sums, strip_factors *f) {
  const job *j = a->j;
  const xent_call *call = a->call;
  row_sums in;
  row_outcome out;
  out.record = NULL;
  const uint32_t ignored = s->ignored[at / XENT_LANES];
  begin_block(a, s, at, sums, &in);
  in.long_row = call->shape->classes > XENT_EXACT_MAX;
  memcpy(in.max, sums->max + at, sizeof in.max);
  memcpy(in.reference, sums->reference + at, sizeof in.reference);
  memcpy(in.logit, sums->logit + at, sizeof in.logit);
  memcpy(in.sum, sums->sum + at, sizeof in.sum);
  if (j->smoothed || j->probabilities) memcpy(in.dot, sums->dot + at, sizeof in.dot);
  if (a->per_class) memcpy(in.mass, sums->mass + at, sizeof in.mass);
  if (call->entropies) memcpy(in.entropy, sums->entropy + at, sizeof in.entropy);
  /* irregular, too: ignored rows, and rows that must find out which of equal classes are masked */
  const uint32_t lowest =
      call->ranks && call->class_mask ? lanes_bits_equal(lanes_load(in.logit), lanes_set(-INFINITY)) : 0;
  for (uint32_t rest = ignored | lowest; rest; rest &= rest - 1) in.sum[__builtin_ctz(rest)] = XENT_F64_NAN;
  for (int i = 0; a->order && i < XENT_ROWS; i++) {
    in.argmax[i] = (int64_t)sums->first[at + i];
    in.rank[i] = (int64_t)sums->rank[at + i];
  }
  if (call->correct) in.correct = lanes_bits_equal(lanes_load(sums->first + at), lanes_load(s->label + at));
  results_of_rows(j, &in, &out);
  for (uint32_t rest = ignored; rest; rest &= rest - 1)
    write_special(j, row_of(&in.rows, __builtin_ctz(rest)), XENT_ROW_IGNORED);
  end_block(a, s, at, &out, f);
}

/* ---- the first pass ---- */

XENT_INLINE void set_rows(const strip *s, float *to, float value) {
  XENT_EACH_BLOCK(s, at) lanes_store(to + at, lanes_set(value));
}

/* The logits of the next strip at the position of a block's: the cache line of the last row, because that of the first
 * is the same line or an adjacent one. */
XENT_INLINE column_ahead ahead_of(const column_call *a, const strip *s, int64_t at, int64_t class) {
  const xent_call *call = a->call;
  const xent_layout *in = &call->shape->logits;
  const int64_t next = s->row + s->width < call->row_end ? s->row + s->width : s->row;
  const int64_t offset = row_offset(call->shape, in, next) + at + XENT_LANES - 1 + class * in->classes;
  return (column_ahead){.x = (uintptr_t)call->logits + (uintptr_t)(offset * size_of_float(in->type)),
                        .step = (uintptr_t)step_of(in)};
}

/* Initializes the values that the steps need before the logits: counted classes, shares of targets. */
XENT_SHARED void begin_sums(const column_call *a, const strip *s, strip_sums *sums) {
  const job *j = a->j;
  if (j->labels || a->call->targets) set_rows(s, sums->logit, 0.0f); /* for ignored rows, and after the last */
  if (a->order) {
    set_rows(s, sums->best, -INFINITY);
    set_rows(s, sums->first, 0.0f);
    set_rows(s, sums->rank, 0.0f);
  }
  if (!j->smoothed) return;
  count_strip(a, s, sums);
  for (int64_t i = 0; j->probabilities && i < blocks_of(s->width) * XENT_LANES; i++)
    sums->share[i] = (float)(j->eps / (double)sums->counted[i]);
}

/* The sums of a block with all classes in the scratch. */
XENT_SHARED void sum_whole_block(const column_call *a, const strip *s, int64_t at, strip_sums *sums) {
  const job *j = a->j;
  const int64_t classes = a->call->shape->classes;
  tile_chunk entropy;
  block_chunk k;
  k.entropy = &entropy;
  const lanes max = lanes_load(sums->max + at), N = references_for(max, &j->temperature);
  const float *x = a->x + at;
  lanes_store(sums->reference + at, N);
  for (int i = 0; (a->call->ranks || a->call->entropies) && j->labels && i < rows_of_block(s, at); i++)
    if (s->label[at + i] >= 0) sums->logit[at + i] = x[(int64_t)s->label[at + i] * s->pitch + i];
  if (a->call->entropies) {
    lanes most = lanes_add(max, lanes_set(0.0f));
    if (a->call->sink) {
      const row_set rows = block_rows(s, at);
      double sink[XENT_ROWS];
      float own[XENT_ROWS];
      load_numbers(j, &rows, a->call->sink, &a->call->shape->sink, 0, sink);
      for (int i = 0; i < XENT_ROWS; i++) own[i] = sink_logit(sink[i], &j->temperature);
      most = lanes_max(lanes_load(own), most);
    }
    lanes_store(sums->most + at, most);
  }
  begin_block_chunk(a, &k, classes);
  for (int64_t i = 0; i < classes; i += XENT_GROUP)
    sum_group(a, s, at, i * s->pitch, i, group_length(i, classes), classes, max, N, ahead_of(a, s, at, i), sums, &k);
  dlanes_store(sums->sum + at, end_chunk(&k.e, classes));
  if (j->smoothed || j->probabilities) dlanes_store(sums->dot + at, end_chunk(&k.dot, classes));
  if (a->per_class) dlanes_store(sums->mass + at, end_chunk(&k.mass, classes));
  if (a->call->entropies) dlanes_store(sums->entropy + at, dlanes_add(end_chunk(&entropy, classes), dlanes_zero()));
}

/* The sums of one chunk of a long strip. */
typedef struct {
  block_chunk block[XENT_LONG_COLUMNS / XENT_LANES];
  double sum[XENT_LONG_COLUMNS], dot[XENT_LONG_COLUMNS], mass[XENT_LONG_COLUMNS];
  float max[XENT_LONG_COLUMNS], reference[XENT_LONG_COLUMNS];
  float largest[XENT_LONG_COLUMNS]; /* of a group */
} strip_chunk;

/* raise_reference of stages/sum/chunk.h for sixteen rows, those with a group more than sixteen octaves above N. */
XENT_INLINE void raise_references(lanes largest, const f32_temperature *h, float *reference, dlanes total[XENT_LANES]) {
  const lanes N = lanes_load(reference), raised = references_for(largest, h),
              hot = lanes_mul(largest, lanes_set(h->hi));
  const lanes limit = lanes_mul(lanes_add(N, lanes_set(16)), lanes_set(XENT_LN2_HI));
  const uint32_t rise = lanes_bits_above(hot, limit) & lanes_bits_above(raised, N);
  if (!rise) return;
  float to[XENT_LANES];
  double scale[XENT_LANES];
  lanes_store(to, raised);
  for (int i = 0; i < XENT_LANES; i++) {
    const bool rises = rise >> i & 1;
    scale[i] = rises ? power_of_two((double)reference[i] - (double)to[i]) : 1;
    if (rises) reference[i] = to[i];
  }
  for (int l = 0; l < XENT_LANES; l++) total[l] = dlanes_mul(total[l], dlanes_load(scale));
}

XENT_SHARED void sum_strip_chunk(const column_call *a, const strip *s, int64_t begin, int64_t end, strip_chunk *c,
                                 strip_sums *sums) {
  const job *j = a->j;
  const int64_t length = end - begin;
  const bool exact = length <= XENT_EXACT_MAX,
             first = exact || j->smoothed || j->probabilities; /* the maxima are needed first */
  set_rows(s, c->max, -INFINITY);
  set_rows(s, c->reference, XENT_LOWEST_REFERENCE);
  XENT_EACH_BLOCK(s, at) begin_block_chunk(a, &c->block[at / XENT_LANES], length);
  for (int64_t i = begin; first && i < end; i += XENT_GROUP) {
    load_columns_of_strip(a, s, i, group_length(i, end), sums, c->largest);
    XENT_EACH_BLOCK(s, at) lanes_store(c->max + at, lanes_max(lanes_load(c->largest + at), lanes_load(c->max + at)));
  }
  XENT_EACH_BLOCK(s, at)
    if (exact) lanes_store(c->reference + at, references_for(lanes_load(c->max + at), &j->temperature));
  for (int64_t i = begin; i < end; i += XENT_GROUP) {
    const int64_t n = group_length(i, end);
    load_columns_of_strip(a, s, i, n, sums, c->largest);
    XENT_EACH_BLOCK(s, at) {
      block_chunk *k = &c->block[at / XENT_LANES];
      const lanes largest = lanes_load(c->largest + at), max = lanes_max(largest, lanes_load(c->max + at));
      lanes_store(c->max + at, max);
      if (!exact) raise_references(largest, &j->temperature, c->reference + at, k->e.total);
      sum_group(a, s, at, 0, i, n, length, max, lanes_load(c->reference + at), ahead_of(a, s, at, i), sums, k);
    }
  }
  XENT_EACH_BLOCK(s, at) {
    dlanes_store(c->sum + at, end_chunk(&c->block[at / XENT_LANES].e, length));
    if (j->smoothed || j->probabilities) dlanes_store(c->dot + at, end_chunk(&c->block[at / XENT_LANES].dot, length));
    if (a->per_class) dlanes_store(c->mass + at, end_chunk(&c->block[at / XENT_LANES].mass, length));
  }
}

/* The sums of any number of classes, chunk by chunk, in the form of a single chunk: 2^30 S. contract_fold is the plain
 * form of the fold. */
XENT_SHARED void sum_long_strip(const column_call *a, const strip *s, strip_chunk *c, strip_sums *sums) {
  const job *j = a->j;
  const bool sums_targets = j->smoothed || j->probabilities;
  const int64_t classes = a->call->shape->classes, rows = blocks_of(s->width) * XENT_LANES;
  set_rows(s, sums->max, -INFINITY);
  set_rows(s, sums->reference, XENT_LOWEST_REFERENCE);
  for (int64_t k = 0; k < rows; k++) sums->sum[k] = sums->dot[k] = sums->mass[k] = 0;
  for (int64_t k = 0; a->call->ranks && j->labels && k < s->width; k++) {
    const row_source source = logits_of_row(a->call, s->row + k);
    if (s->label[k] >= 0) sums->logit[k] = row_one(&source, (int64_t)s->label[k], 0.0f);
  }
  for (int64_t i = 0; i < classes; i += XENT_CHUNK) {
    const int64_t n = chunk_length(i, classes);
    sum_strip_chunk(a, s, i, i + n, c, sums);
    for (int64_t k = 0; k < rows; k++) {
      row_fold f = {.max = sums->max[k], .reference = sums->reference[k], .sum = sums->sum[k], .dot = sums->dot[k],
                    .mass = sums->mass[k]};
      /* weight of the sums over targets: for labels without weights, the number of classes that smoothing counts */
      const bool here = j->others && s->label[k] >= (float)i && s->label[k] < (float)(i + n);
      const double mass = !sums_targets ? 0 : a->per_class ? c->mass[k] : (double)(n - here);
      fold_chunk(&f, c->max[k], c->reference[k], c->sum[k], sums_targets ? c->dot[k] : 0, mass);
      sums->max[k] = f.max;
      sums->reference[k] = f.reference;
      sums->sum[k] = f.sum;
      sums->dot[k] = f.dot;
      sums->mass[k] = f.mass;
    }
  }
  for (int64_t k = 0; k < rows; k++) sums->sum[k] *= XENT_RESCALE;
}

/* ---- the second pass ---- */

XENT_INLINE void exp_again(const column_call *a, const strip *s, int64_t at, int64_t n, const strip_factors *f) {
  float *x = a->x + at;
  if (!a->log) exp_block(x, s->pitch, x, s->pitch, n, lanes_load(f->reference + at), &a->j->temperature);
}
/* Computes e again for classes [begin, end): all of them or a group at a time. */
XENT_INLINE void store_again(const column_call *a, const strip *s, int64_t begin, int64_t end, const strip_sums *sums,
                             const strip_factors *f) {
  const int64_t step = a->fits_scratch ? end - begin : XENT_GROUP;
  column_floats largest;
  for (int64_t i = begin; i < end; i += step) {
    const int64_t n = end - i < step ? end - i : step;
    load_columns_of_strip(a, s, i, n, sums, largest);
    XENT_EACH_BLOCK(s, at) exp_again(a, s, at, n, f);
    store_columns(a, s, i, n, f);
  }
}

XENT_INLINE void clear_ignored(const column_call *a, const strip *s) {
  const xent_call *call = a->call;
  const xent_layout *l = call->output_layout;
  XENT_EACH_RUN(call->shape, s, run)
    for (int64_t c = call->class_begin; c < call->class_end; c++)
      memset((char *)(uintptr_t)column_at(call->shape, l, call->output, run.row, c), 0,
             (size_t)(run.count * size_of_float(l->type)));
}

/* ---- a strip ---- */

/* Assigns a part of the scratch to every tile of the call. */
XENT_INLINE void share_scratch(column_call *a, float *scratch) {
  const int64_t tile = tile_floats(a->call, a->fits_scratch ? XENT_STRIP_FLOATS : XENT_FAR_FLOATS);
  a->x = scratch;
  scratch += tile;
  if (has_slopes(a->call)) {
    a->slopes = scratch;
    scratch += tile;
  }
  if (a->per_class) {
    a->t = scratch;
    scratch += tile;
  }
  a->mask = (uint8_t *)scratch;
}

XENT_SHARED void forward_columns(const column_call *a, strip *s, strip_chunk *c, strip_sums *sums, strip_factors *f) {
  const int64_t classes = a->call->shape->classes;
  if (a->fits_scratch) {
    load_columns_of_strip(a, s, 0, classes, sums, sums->max);
    XENT_EACH_BLOCK(s, at) sum_whole_block(a, s, at, sums);
  } else {
    sum_long_strip(a, s, c, sums);
  }
  XENT_EACH_BLOCK(s, at) finish_block(a, s, at, sums, f);
  end_factors(s, f);
  if (a->call->output && a->fits_scratch)
    store_columns(a, s, 0, classes, f);
  else if (a->call->output)
    store_again(a, s, 0, classes, sums, f);
}

/* Softmax, log-softmax, log-sum-exp and cross-entropy. Strips with only ignored rows are not read. */
XENT_INLINE xent_status forward_strip(const column_call *a, strip *s, strip_chunk *c, strip_sums *sums,
                                      strip_factors *f) {
  const xent_status invalid = load_labels(a->j, s);
  if (!s->any_valid) {
    for (int64_t k = 0; k < s->width; k++) write_special(a->j, s->row + k, XENT_ROW_IGNORED);
    if (a->call->output) clear_ignored(a, s);
    return invalid;
  }
  begin_sums(a, s, sums);
  forward_columns(a, s, c, sums, f);
  return invalid;
}

/* A gradient from the statistics of an earlier call, which hold the values of the first pass. */
XENT_INLINE xent_status known_strip(const column_call *a, strip *s, strip_sums *sums, strip_factors *f) {
  const xent_call *call = a->call;
  const xent_status invalid = load_labels(a->j, s);
  if (!s->any_valid) {
    clear_ignored(a, s);
    return invalid;
  }
  XENT_EACH_BLOCK(s, at) {
    row_sums in;
    row_outcome out;
    int32_t label[XENT_ROWS];
    in.rows = block_rows(s, at);
    for (int i = 0; i < XENT_ROWS; i++) label[i] = s->label[at + i] > 0 ? (int32_t)s->label[at + i] : 0;
    if (call->targets)
      known_outcome(a->j, label, &in, &out);
    else
      known_probabilities(a->j, &in, &out);
    for (int i = 0; a->per_class && i < XENT_ROWS; i++) sums->share[at + i] = (float)(a->j->eps / in.smoothed_count[i]);
    end_block(a, s, at, &out, f);
  }
  end_factors(s, f);
  store_again(a, s, call->class_begin, call->class_end, sums, f);
  return invalid;
}

XENT_SHARED xent_status strips_until_irregular(const column_call *of, strip *s) {
  XENT_ALIGNED float spare[XENT_GROUP * XENT_LANES];
  XENT_ALIGNED union {
    float whole[XENT_STRIP_FLOATS + XENT_LANES]; /* a vector may begin at any of the last row's columns */
    struct {
      float tiles[XENT_FAR_FLOATS];
      strip_chunk chunk;
    } far;
  } scratch;
  _Static_assert(sizeof scratch.far <= sizeof scratch.whole,
                 "sums that are under way take no more than the other half");
  column_call a = *of;
  strip_sums sums;
  strip_factors f;
  a.spare = spare;
  share_scratch(&a, scratch.whole);
  while (next_strip(&a, s)) {
    const xent_status invalid =
        a.call->known_statistics ? known_strip(&a, s, &sums, &f) : forward_strip(&a, s, &scratch.far.chunk, &sums, &f);
    if (invalid || next_of_set(s->irregular, 0, s->width) < s->width) return invalid;
  }
  return XENT_OK;
}

/* The path of forwards, and of gradients from known statistics. */
XENT_KERNEL xent_status strip_rows(const xent_call *call, xent_kernel fallback) {
  column_view view;
  column_call a;
  memset(&a, 0, sizeof a);
  begin_columns(&a, &view, call);
  a.source = logits_of_row(a.call, call->row_begin);
  a.fits_scratch = fits_scratch(call);
  a.log = call->log && call->output && !call->targets;
  a.per_class = targets_vary(call); /* not from the job, so that the compiler sees that there are targets */
  a.order = call->argmax || call->ranks || call->correct;
  a.marks = call->class_mask != NULL;
  a.adjusts = !logits_are_plain(call);
  a.pitch = strip_pitch(a.call);
  return each_strip(&a, strips_until_irregular, fallback);
}

#endif
