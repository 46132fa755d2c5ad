/* SPDX-License-Identifier: Apache-2.0 */
/* Calls whose rows are columns: which go strip by strip, and what is done with one. */
#ifndef XENT_STRIPS_H
#define XENT_STRIPS_H

#include "kernels/careful/row.h"
#include "kernels/emit/backward.h"
#include "kernels/emit/strip.h"
#include "kernels/sum/strip.h"

/* Decided once per call. */
XENT_INLINE bool strips_fit(const xent_call *call) {
  const xent_shape *s = call->shape;
  const bool rare = call->row_offsets || call->class_mask || s->all_classes || call->options->softcap != 0 || call->argmax || call->ranks ||
                    call->entropies || call->top_classes || call->top_log_probabilities || call->target_gradient ||
                    (call->targets ? !has_labels(call) : call->statistics || call->row_weights);
  if (s->classes == 1 && call->output && !call->targets && !call->log) return false; /* 1, whatever the rounding */
  return !rare && call->row_end - call->row_begin >= XENT_LEAST_COLUMNS && s->classes <= XENT_MOST_COLUMN_CLASSES &&
         side_by_side(s, &s->logits) && (!call->output || side_by_side(s, call->output_layout)) &&
         !(call->class_weights && call->options->label_smoothing > 0);
}
XENT_INLINE bool strips_fit_backward(const xent_call *call) {
  const xent_shape *s = call->shape;
  return !call->row_offsets && !call->class_mask && call->row_end - call->row_begin >= XENT_LEAST_COLUMNS &&
         side_by_side(s, &s->output) && side_by_side(s, &s->upstream) && side_by_side(s, call->output_layout);
}

/* A strip that is read twice is to be in the second cache still, if it can. */
XENT_INLINE int64_t forward_pitch(const xent_call *call) {
  if (is_short(call)) return strip_pitch(call->shape->classes, call->stream && !lines_agree(call->output_layout));
  const int64_t fits = XENT_STRIP_FAR / call->shape->classes & -XENT_LANES;
  return call->output && fits > 0 && fits < XENT_LONG_COLUMNS ? fits : XENT_LONG_COLUMNS;
}

typedef xent_status (*strip_kernel)(const job *j, strip *s);

/* Strips of all rows; then, the strip's scratch being given back, its rows that need more, one by one. */
XENT_SHARED xent_status each_strip(const xent_call *call, int64_t pitch, strip_kernel kernel, row_kernel row) {
  xent_shape shape = *call->shape;
  xent_call seen = *call;
  strip s;
  if (shape.inner == 1) lay_inward(&shape);
  seen.shape = &shape;
  if (call->output) seen.output_layout = call->output_layout == &call->shape->output ? &shape.output : &shape.gradient;
  const job j = job_of(&seen);
  for (size_t i = 0; i < sizeof s.label / sizeof *s.label; i++) s.label[i] = XENT_UNLABELLED;
  for (int64_t next = call->row_begin; next < call->row_end; next += s.width) {
    strip_from(&seen, next, pitch, &s);
    const xent_status invalid = kernel(&j, &s);
    for (int64_t k = next_of_set(s.apart, 0, s.width); k < s.width; k = next_of_set(s.apart, k + 1, s.width)) {
      const xent_status status = row_alone(call, next + k, row);
      if (status) return status;
    }
    if (invalid) return invalid;
  }
  return XENT_OK;
}

/* ---- from sums to factors ---- */

/* What is known per row of the block that begins at a column. */
XENT_INLINE void begin_block(const job *j, const strip *s, int64_t at, row_sums *in) {
  const int64_t left = s->width - at;
  in->rows = (row_set){.first = s->row + at, .count = (int)(left < XENT_ROWS ? left : XENT_ROWS), .adjacent = true};
  in->folded = in->long_row = false;
  in->hits = 0;
  if (j->plain || !(j->labels || j->call->sink)) return;
  int32_t label[XENT_ROWS];
  int64_t counted[XENT_ROWS];
  for (int i = 0; i < XENT_ROWS; i++) {
    label[i] = j->labels && s->label[at + i] >= 0 ? (int32_t)s->label[at + i] : 0;
    counted[i] = j->call->shape->classes;
  }
  load_row_numbers(j, &in->rows, label, counted, in);
}

/* Rows that leave are computed alone; those that are ignored have been written. */
XENT_INLINE void end_strip_block(const job *j, strip *s, int64_t at, const row_outcome *out, strip_factors *f) {
  const int64_t block = at / XENT_LANES;
  const lanes zero = lanes_set(0.0f), label = lanes_load(s->label + at), none = lanes_set(XENT_IGNORED_COLUMN);
  s->apart[block] = columns_of_block(s, at) & ~out->stay & ~s->ignored[block];
  if (!j->call->output) return;
  lanes_store(f->first + at, j->call->log ? out->max : out->f);
  lanes_store(f->second + at, j->call->log ? out->f : out->b);
  lanes_store(f->reference + at, out->reference);
  if (j->labels) memcpy(f->label_gradient + at, out->label_gradient, sizeof out->label_gradient);
  if (!s->ignored[block]) return;
  lanes_store(f->first + at, lanes_where_equal(label, none, zero, out->f));
  lanes_store(f->second + at, lanes_where_equal(label, none, zero, out->b));
  lanes_store(f->reference + at, lanes_where_equal(label, none, zero, out->reference));
}

/* A block may begin at any column of the last one: what lies behind are numbers too. */
XENT_INLINE void end_factors(const strip *s, strip_factors *f) {
  const int64_t end = blocks_of(s->width) * XENT_LANES;
  const lanes zero = lanes_set(0.0f);
  lanes_store(f->first + end, zero);
  lanes_store(f->second + end, zero);
  lanes_store(f->reference + end, zero);
  lanes_store(f->label_gradient + end, zero);
}

/* The sums of columns to results, statistics and factors. */
XENT_SHARED void finish_strip(const job *j, strip *s, const strip_sums *sums, strip_factors *f) {
  const xent_call *call = j->call;
  row_sums in;
  row_outcome out;
  out.record = NULL;
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    const uint32_t ignored = s->ignored[at / XENT_LANES];
    begin_block(j, s, at, &in);
    in.long_row = !is_short(call);
    memcpy(in.max, sums->max + at, sizeof in.max);
    memcpy(in.reference, sums->reference + at, sizeof in.reference);
    memcpy(in.logit, sums->logit + at, sizeof in.logit);
    memcpy(in.sum, sums->sum + at, sizeof in.sum);
    if (j->smoothed) memcpy(in.dot, sums->dot + at, sizeof in.dot);
    for (uint32_t rest = ignored; rest; rest &= rest - 1) in.sum[__builtin_ctz(rest)] = XENT_F64_NAN; /* these do not stay */
    if (call->hits) {
      const lanes logit = lanes_load(in.logit);
      in.hits = lanes_bits_equal(logit, lanes_load(in.max)) & lanes_bits_above(logit, lanes_load(sums->before + at));
    }
    if (j->labels)
      sixteen_results(j, &in, &out);
    else
      sixteen_probabilities(j, &in, &out);
    for (uint32_t rest = ignored; rest; rest &= rest - 1)
      write_special(j, row_of(&in.rows, __builtin_ctz(rest)), XENT_ROW_IGNORED);
    end_strip_block(j, s, at, &out, f);
  }
  end_factors(s, f);
}

/* ---- forward ---- */

XENT_INLINE void clear_columns(const xent_call *call, const strip *s) {
  const xent_layout *l = call->output_layout;
  XENT_EACH_RUN(call->shape, s, run)
    for (int64_t c = call->class_begin; c < call->class_end; c++)
      memset((char *)(uintptr_t)column_at(call->shape, l, call->output, run.row, c), 0, (size_t)(run.count * size_of_float(l->type)));
}

/* Softmax, log-softmax, log-sum-exp and cross-entropy. Nothing is read where every column is ignored. */
XENT_SHARED xent_status forward_strip(const job *j, strip *s) {
  XENT_ALIGNED float scratch[XENT_STRIP_FLOATS];
  strip_sums sums;
  strip_factors f;
  const xent_call *call = j->call;
  const xent_status invalid = j->labels ? load_labels(call, s) : XENT_OK;
  if (!s->counted) {
    for (int64_t k = 0; k < s->width; k++) write_special(j, s->row + k, XENT_ROW_IGNORED);
    if (call->output) clear_columns(call, s);
    return invalid;
  }
  const bool close = is_short(call), log = call->log && !j->labels;
  const strip_wishes wishes = {.j = j, .want_first = call->hits != NULL, .keep = close && call->output && !log};
  sum_strip(&wishes, s, scratch, &sums);
  finish_strip(j, s, &sums, &f);
  if (call->output)
    emit_strip(j, s, close ? scratch : NULL, 0, call->shape->classes, &f, log ? XENT_LOG : close ? XENT_KEPT : XENT_AGAIN);
  return invalid;
}

/* Rows that are special or have a shift leave. */
XENT_INLINE uint32_t known_block(const job *j, const strip *s, int64_t at, row_sums *in, double *pull, double *share) {
  static const row_statistics none = {.sum = 1, .mass = 1, .pull = 1};
  uint32_t stay = 0;
  begin_block(j, s, at, in);
  in->folded = true;
  for (int i = 0; i < XENT_ROWS; i++) {
    const row_statistics *known = i < in->rows.count ? known_statistics_at(j->call, s->row + at + i) : &none;
    in->max[i] = (float)known->max;
    in->reference[i] = known->reference;
    in->sum[i] = known->sum;
    in->mass[i] = known->mass;
    in->shift[i] = in->logit[i] = 0;
    pull[i] = known->pull;
    share[i] = known->share;
    stay |= (uint32_t)(!(known->kind & XENT_ROW_SPECIAL) && known->shift == 0) << i;
  }
  return stay;
}

/* A second pass alone: the statistics of an earlier call hold everything else. */
XENT_SHARED xent_status known_strip(const job *j, strip *s) {
  const xent_call *call = j->call;
  strip_factors f;
  const xent_status invalid = j->labels ? load_labels(call, s) : XENT_OK;
  if (!s->counted) {
    clear_columns(call, s);
    return invalid;
  }
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    double pull[XENT_ROWS], share[XENT_ROWS];
    row_sums in;
    row_outcome out;
    out.record = NULL;
    const uint32_t stay = known_block(j, s, at, &in, pull, share);
    if (j->labels) {
      const dlanes sum = dlanes_load(in.sum), label_e = dlanes_load(in.mass);
      const dlanes weight = j->plain ? dlanes_set(1) : dlanes_load(in.weight);
      const target_results t = {.pull = dlanes_load(pull), .share = dlanes_load(share), .own = dlanes_scale(weight, j->keep)};
      out.stay = stay;
      out.max = lanes_load(in.max);
      out.reference = lanes_load(in.reference);
      gradient_outcome(j, sum, label_e, dlanes_add(sum, label_e), &t, weight, scale_of_rows(j, &in, &t), &out);
    } else {
      sixteen_probabilities(j, &in, &out);
      out.stay &= stay;
    }
    end_strip_block(j, s, at, &out, &f);
  }
  end_factors(s, &f);
  emit_strip(j, s, NULL, call->class_begin, call->class_end, &f, call->log && !j->labels ? XENT_LOG : XENT_AGAIN);
  return invalid;
}

XENT_KERNEL xent_status strips_forward(const job *j, row_kernel row) {
  const xent_call *call = j->call;
  if (call->known_statistics) return each_strip(call, XENT_STRIP_COLUMNS, known_strip, row);
  return each_strip(call, forward_pitch(call), forward_strip, row);
}

/* ---- backward of softmax and log-softmax ---- */

enum { XENT_BACKWARD_FLOATS = 8192 }; /* of each of y and g: room for a copy */

/* g and y (a and b of the terms) from the first of some neighbouring columns on, class 0. */
XENT_INLINE column_terms backward_tensors(const xent_call *call, int64_t row) {
  const xent_layout *g = &call->shape->upstream, *y = &call->shape->output;
  return (column_terms){.a = column_at(call->shape, g, call->upstream, row, 0), .a_step = step_of(g), .a_type = g->type,
                        .b = column_at(call->shape, y, call->forward_output, row, 0), .b_step = step_of(y), .b_type = y->type};
}
XENT_INLINE column_terms columns_on(column_terms in, int64_t class, int64_t column) {
  in.a += class * in.a_step + column * size_of_float(in.a_type);
  in.b += class * in.b_step + column * size_of_float(in.b_type);
  return in;
}

/* float(sum) of every column of a block. */
XENT_INLINE lanes backward_sum(const column_terms *in, int64_t classes, bool log) {
  dlanes sum = dlanes_zero();
  for (int64_t i = 0; i < classes; i += XENT_CHUNK) {
    const column_terms chunk = terms_at(*in, i);
    sum = dlanes_add(sum, sum_terms(&chunk, chunk_length(i, classes), log ? XENT_ALONE : XENT_PRODUCTS));
  }
  return dlanes_narrow(sum);
}

/* `count` columns of a block. any: of any type. */
XENT_INLINE void emit_backward_block(column_terms in, char *dx, xent_layout l, int64_t classes, int64_t count, lanes sum, lanes r,
                                     const bool log, const bool past, const bool any) {
  const exp_references of = references_of_backward();
  for (int64_t c = 0; c < classes; c++, in.a += in.a_step, in.b += in.b_step, dx += step_of(&l)) {
    lanes v[1] = {load_columns(in.b, any ? in.b_type : XENT_F32, count)};
    const lanes g = load_columns(in.a, any ? in.a_type : XENT_F32, count);
    if (log) exp_lanes(v, 1, &of, false, &no_heat);
    const lanes value = lanes_quiet(backward_lanes(v[0], g, sum, r, log, true));
    const strand to = {.at = dx, .stride = 1, .type = any ? l.type : XENT_F32};
    if (!any && count == XENT_LANES)
      put((float *)(void *)dx, value, past);
    else
      strand_store(&to, 0, count, value);
  }
}
XENT_SHARED void emit_backward_of(const column_terms *in, char *dx, const xent_layout *l, int64_t classes, int64_t count,
                                  const float *sums, float hi, bool log, bool past) {
  const lanes sum = lanes_load(sums), r = lanes_set(hi);
  const bool any = in->a_type != XENT_F32 || in->b_type != XENT_F32 || l->type != XENT_F32 || count < XENT_LANES;
  if (any)
    log ? emit_backward_block(*in, dx, *l, classes, count, sum, r, true, false, true)
        : emit_backward_block(*in, dx, *l, classes, count, sum, r, false, false, true);
  else if (log)
    emit_backward_block(*in, dx, *l, classes, XENT_LANES, sum, r, true, past, false);
  else if (past)
    emit_backward_block(*in, dx, *l, classes, XENT_LANES, sum, r, false, true, false);
  else
    emit_backward_block(*in, dx, *l, classes, XENT_LANES, sum, r, false, false, false);
}

/* Neighbouring columns from a row on, block by block. */
XENT_INLINE void emit_backward_run(const job *j, const column_terms *in, int64_t row, int64_t count, const float *sums) {
  const xent_call *call = j->call;
  const xent_layout *l = call->output_layout;
  char *dx = (char *)(uintptr_t)column_at(call->shape, l, call->output, row, call->class_begin);
  const bool past = call->stream && stores_past(l, dx, count) == XENT_STORE_PAST;
  for (int64_t i = 0; i < count; i += XENT_LANES) {
    const column_terms block = columns_on(*in, call->class_begin, i);
    emit_backward_of(&block, dx + i * size_of_float(l->type), l, call->class_end - call->class_begin,
                     count - i < XENT_LANES ? count - i : XENT_LANES, sums + i, (float)call->factor, call->log, past);
  }
}

XENT_INLINE void known_backward_sums(const xent_call *call, const strip *s, float *sums) {
  for (int64_t k = 0; k < s->width; k++) sums[k] = (float)known_statistics_at(call, s->row + k)->sum;
}

/* Whole blocks of neighbours, all of whose classes are at hand. */
XENT_INLINE void backward_blocks(const job *j, const strip *s, const column_terms *in) {
  const xent_call *call = j->call;
  column_floats sums;
  if (call->known_statistics) known_backward_sums(call, s, sums);
  for (int64_t at = 0; !call->known_statistics && at < s->width; at += XENT_LANES) {
    const column_terms block = columns_on(*in, 0, at);
    lanes_store(sums + at, backward_sum(&block, call->shape->classes, call->log));
  }
  emit_backward_run(j, in, s->row, s->width, sums);
}

/* Where the classes lie a multiple of a page apart, they meet in the same few places of a cache and would not be found there
 * again. */
XENT_INLINE bool classes_collide(const xent_call *call) {
  const xent_shape *s = call->shape;
  return (step_of(&s->output) % XENT_PAGE == 0 || step_of(&s->upstream) % XENT_PAGE == 0) && s->classes > 2 &&
         s->classes * XENT_LANES <= XENT_BACKWARD_FLOATS;
}

/* backward_pitch has made the strip fit. */
XENT_SHARED void backward_copied(const job *j, strip *s) {
  float g[XENT_BACKWARD_FLOATS], y[XENT_BACKWARD_FLOATS];
  column_floats unused;
  const xent_shape *shape = j->call->shape;
  s->pitch = s->width;
  gather_strip(shape, &shape->upstream, j->call->upstream, s, 0, shape->classes, g, unused);
  gather_strip(shape, &shape->output, j->call->forward_output, s, 0, shape->classes, y, unused);
  const int64_t step = s->pitch * (int64_t)sizeof *g;
  const column_terms in = {.a = (const char *)g, .b = (const char *)y, .a_step = step, .b_step = step, .a_type = XENT_F32,
                           .b_type = XENT_F32};
  backward_blocks(j, s, &in);
}

/* The rest: gathered a group at a time for the sum, which is the same whether a class is at hand or not. */
XENT_SHARED void backward_gathered(const job *j, const strip *s) {
  float y[XENT_GROUP * XENT_LANES], g[XENT_GROUP * XENT_LANES];
  column_floats sums, unused;
  const xent_call *call = j->call;
  const xent_shape *shape = call->shape;
  const int64_t step = XENT_LANES * (int64_t)sizeof *g;
  const column_terms in = {.a = (const char *)g, .b = (const char *)y, .a_step = step, .b_step = step, .a_type = XENT_F32,
                           .b_type = XENT_F32};
  dlanes sum = dlanes_zero();
  for (int64_t i = 0; !call->known_statistics && i < shape->classes; i += XENT_CHUNK) {
    const int64_t n = chunk_length(i, shape->classes), end = i + n;
    column_chunk c;
    begin_columns(&c);
    for (int64_t k = i; k < end; k += XENT_GROUP) {
      const int64_t m = group_length(k, end);
      gather_strip(shape, &shape->upstream, call->upstream, s, k, m, g, unused);
      if (!call->log) gather_strip(shape, &shape->output, call->forward_output, s, k, m, y, unused);
      group_terms_of(&in, m, 0, call->log ? XENT_ALONE : XENT_PRODUCTS, c.group);
      add_group(&c);
    }
    sum = dlanes_add(sum, dlanes_add(columns_tree(&c, n), dlanes_zero()));
  }
  lanes_store(sums, dlanes_narrow(sum));
  if (call->known_statistics) known_backward_sums(call, s, sums);
  XENT_EACH_RUN(shape, s, run) {
    const column_terms tensors = backward_tensors(call, run.row);
    emit_backward_run(j, &tensors, run.row, run.count, sums + run.at);
  }
}

/* Neighbours in whole blocks are read where they are, and once more from the caches; what is left of an inner axis, and short
 * ones, sixteen columns at a time. Every row has the same formula. */
XENT_SHARED xent_status backward_strip(const job *j, strip *s) {
  if (run_at(j->call->shape, s, 0).count == s->width && s->width >= XENT_LANES) {
    s->width &= -XENT_LANES;
    const column_terms tensors = backward_tensors(j->call, s->row);
    if (classes_collide(j->call))
      backward_copied(j, s);
    else
      backward_blocks(j, s, &tensors);
  } else {
    if (s->width > XENT_LANES) s->width = XENT_LANES;
    s->pitch = XENT_LANES;
    backward_gathered(j, s);
  }
  return XENT_OK;
}

XENT_KERNEL xent_status strips_softmax_backward(const xent_call *call) {
  const int64_t most = XENT_BACKWARD_FLOATS / call->shape->classes & -XENT_LANES;
  const int64_t pitch = classes_collide(call) || most > XENT_LONG_COLUMNS ? most : XENT_LONG_COLUMNS;
  return each_strip(call, pitch < XENT_STRIP_COLUMNS ? pitch : XENT_STRIP_COLUMNS, backward_strip, NULL);
}

#endif
