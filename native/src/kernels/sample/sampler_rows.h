/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sampling, row by row; contract_sample (native/test/contract/sample.c) is the plain form.
 *   for each row:
 *     set = the classes whose values (after mask, softcap, scale, bias and penalties) are above -inf
 *     for each filter: set = a part of the set                                          filters.h
 *     w = the weights of its classes, as integers;  t = a random integer below sum w    weights.h, philox.h
 *     token = the class at which the sum of w, in the order of the classes, exceeds t
 * Cross-entropy computes its outputs for the tokens a few rows later, while their logits are in the caches.
 */
#ifndef XENT_SAMPLER_ROWS_H
#define XENT_SAMPLER_ROWS_H

#include "kernels/supported.h"
#include "kernels/sample/drafts.h"
#include "kernels/sample/greedy.h"
#include "kernels/sample/nucleus.h"
#include "kernels/stages/targets/put.h"

typedef struct {
  int64_t token, kept;
  double log_probability; /* among the kept classes */
} drawn;

/* The class of the set at which the sum of weights, in ascending order of classes, exceeds t, and its weight; draw in
 * native/test/contract/sample.c. */
XENT_SHARED int64_t class_of_weight(kept_set *s, const weigher *w, int64_t t, int64_t *weight) {
  XENT_ALIGNED float e[SAMPLE_PIECE + XENT_LANES];
  int64_t at = 0, token = -1;
  piece p;
  if (has_one_value(s)) {
    *weight = weight_of(w, s->high);
    token = class_of_equal(s, s->high, t / *weight + 1);
    return token >= 0 && token < s->classes ? token : -1; /* -1: the row has changed meanwhile */
  }
  const bool summed = s->listed || s->by_block;
  const int64_t part = s->listed ? SAMPLE_PIECE : s->block, end = s->listed ? s->count : s->classes;
  for (int64_t i = 0; summed && at + part < end && t >= s->sums[i]; i++, at += part) t -= s->sums[i];
  while (next_piece(s, &at, -FLT_MAX, &p)) { /* with known sums, the first piece has it */
    const int64_t sum = summed ? INT64_MAX : sum_of_weights(w, p.x, p.n);
    if (t >= sum) {
      t -= sum;
      continue;
    }
    exponentials_of(w, p.x, p.n, e);
    for (int64_t k = 0; k < p.n; k += XENT_LANES)
      for (uint32_t bits = members(&p, k); bits; bits &= bits - 1) {
        const int64_t i = k + __builtin_ctz(bits);
        *weight = weight_of_exponential(w, e[i]);
        token = class_in(&p, i);
        if (*weight > t) return token;
        t -= *weight;
      }
  }
  return token;
}

XENT_INLINE double log_of_share(int64_t w, int64_t sum) {
  const int64_t rest = sum - w;
  const doubles L =
      rest <= w ? f64_log1p(doubles_set((double)rest / (double)w)) : f64_log(doubles_set((double)sum / (double)w));
  return 0 - doubles_first(L);
}

static const drawn no_token = {.token = -1};

XENT_INLINE uint64_t stream_of_row(const xent_call *call, int64_t row, const xent_sampling *o) {
  return o->stream + (call->sampling_per_row ? 0 : (uint64_t)row);
}

/* Draws from the classes of the set that the filters keep; *h becomes the temperature of the draw. d: NULL or a draft,
 * which is accepted, or replaced by another class. */
XENT_SHARED drawn draw_of_set(kept_set *s, const xent_sampling *o, uint64_t stream, f32_temperature *h, double scale,
                              const draft *d) {
  if (o->greedy)
    keep_first(s, 1, false);
  else
    run_filters(s, o, h, scale, stream);
  const weigher w = weigher_of(h, s->high, scale);
  const int64_t sum = weigh_set(s, &w);
  int64_t weight = sum, token = -1;
  if (d) token = token_of_draft(s, &w, sum, d, o, stream, &weight);
  if (token < 0) token = class_of_weight(s, &w, below_sum(philox(o->seed, stream, o->step, o->draw), sum), &weight);
  return (drawn){.token = token, .log_probability = log_of_share(weight, sum)};
}

XENT_SHARED drawn draw_row(const xent_call *call, kept_set *s, int64_t row, const xent_sampling *o, double scale) {
  begin_set(s, call->shape->classes);
  s->values = sample_values_of(call, row, o);
  f32_temperature h = f32_temperature_of(o->temperature);
  bool at_1;
  const int filter = first_of_long(s, o, &at_1);
  if (!(filter == XENT_FILTER_TOP_P   ? begin_with_top_p(s, o, at_1 ? &temperature_1 : &h, scale)
        : filter == XENT_FILTER_TOP_K ? begin_with_top_k(s, most_of_top_k(o))
                                      : all_candidates(s))) {
    s->count = 0;
    s->listed = true;
    return no_token;
  }
  const draft d = draft_of_row(call, row, s->values.source.span);
  return draw_of_set(s, o, stream_of_row(call, row, o), &h, scale, d.token < 0 ? NULL : &d);
}

/* The row of bytes for kept classes, set to 0. */
XENT_INLINE uint8_t *cleared_kept_mask(const xent_call *call, int64_t row) {
  const xent_layout *l = &call->shape->kept_mask;
  const int64_t classes = call->shape->classes;
  uint8_t *to = (uint8_t *)call->kept_mask + row_offset(call->shape, l, row);
  if (l->classes == 1)
    memset(to, 0, (size_t)classes);
  else
    for (int64_t i = 0; i < classes; i++) to[i * l->classes] = 0;
  return to;
}
/* Sets the bytes of the classes of the set to 1. */
XENT_SHARED void write_kept_mask(const xent_call *call, kept_set *s, int64_t row) {
  const int64_t stride = call->shape->kept_mask.classes;
  uint8_t *to = cleared_kept_mask(call, row);
  int64_t at = 0;
  piece p;
  while (next_piece(s, &at, s->low, &p))
    for (int64_t k = 0; k < p.n; k += XENT_LANES)
      for (uint32_t bits = members(&p, k); bits; bits &= bits - 1)
        to[class_in(&p, k + __builtin_ctz(bits)) * stride] = 1;
}

XENT_SHARED void write_drawn(const xent_call *call, int64_t row, drawn d) {
  const xent_shape *shape = call->shape;
  call->report->valid_rows += d.token >= 0;
  put_class(call->tokens, &shape->tokens, row_offset(shape, &shape->tokens, row), d.token);
  if (call->processed_log_probabilities) {
    const strided to = strided_at(call->processed_log_probabilities, &shape->processed_log_probabilities,
                                row_offset(shape, &shape->processed_log_probabilities, row));
    strided_set(&to, 0, d.token < 0 ? XENT_NAN : (float)d.log_probability);
  }
  if (call->kept) put_class(call->kept, &shape->kept, row_offset(shape, &shape->kept, row), d.kept);
}

/* Draws for rows from `row` on up to the first greedy one. Returns this row. */
XENT_SHARED int64_t draw_rows(const xent_call *call, int64_t row, int64_t end) {
  kept_set s;
  const double scale = scale_of_classes(call->shape->classes);
  do {
    drawn d = draw_row(call, &s, row, sampling_of_row(call, row), scale);
    if (call->kept) d.kept = count_members(&s);
    write_drawn(call, row, d);
    if (call->kept_mask) write_kept_mask(call, &s, row);
  } while (++row < end && !sampling_of_row(call, row)->greedy);
  return row;
}
/* Writes the tokens of greedy rows from `row` on, up to the first one that is not greedy. Returns this row. */
XENT_SHARED int64_t take_first_of_rows(const xent_call *call, int64_t row, int64_t end) {
  do {
    const int64_t token = first_candidate(call, row, sampling_of_row(call, row));
    write_drawn(call, row, (drawn){.token = token, .kept = token >= 0});
    if (call->kept_mask) {
      uint8_t *to = cleared_kept_mask(call, row);
      if (token >= 0) to[token * call->shape->kept_mask.classes] = 1;
    }
  } while (++row < end && sampling_of_row(call, row)->greedy);
  return row;
}

XENT_INLINE void sample_rows(const xent_call *call, int64_t row, int64_t end) {
  while (row < end)
    row = sampling_of_row(call, row)->greedy ? take_first_of_rows(call, row, end) : draw_rows(call, row, end);
}

/* The most bytes of rows whose logits stay in the second-level cache until cross-entropy reads them. */
enum { SAMPLE_ROWS_BYTES = 1 << 18 };

/* The call of cross-entropy for the tokens, which are its labels; a row without a token is ignored. */
typedef struct {
  xent_call call;
  xent_shape shape;
  xent_options options;
  xent_report report;
} token_call;

XENT_INLINE bool is_sampling_alone(const xent_call *call) { return !XENT_HAS_BESIDE(call, IN_SAMPLE); }

XENT_SHARED void begin_token_call(const xent_call *call, token_call *t) {
  t->call = *call;
  drop_other_arrays(&t->call, ~XENT_ARRAYS_IN(IN_SAMPLE) | XENT_HAS(logits) | XENT_HAS(class_mask));
  t->shape = *call->shape;
  t->options = *call->options;
  t->call.shape = &t->shape;
  t->call.options = &t->options;
  t->call.report = &t->report;
  t->call.targets = call->tokens;
  t->shape.targets = t->shape.tokens;
  t->shape.target_count = 0;
  t->options.has_ignore_index = 1;
  t->options.ignore_index = -1;
}

/* The first row after `row` with another scale, at most `end`. */
XENT_INLINE int64_t end_of_scale(const xent_call *call, int64_t row, int64_t end) {
  const double scale = scale_of_logits(sampling_of_row(call, row));
  if (!call->sampling_per_row) return end;
  while (++row < end && scale_of_logits(sampling_of_row(call, row)) == scale) continue;
  return row;
}
/* Computes the outputs of rows [begin, end) that are those of cross-entropy. A scale becomes a softcap and a
 * temperature. */
XENT_INLINE xent_status run_token_call(const xent_call *call, token_call *t, int64_t begin, int64_t end,
                                       xent_kernel cross_entropy) {
  xent_status status = XENT_OK;
  for (int64_t row = begin; row < end && !status; row = t->call.row_end) {
    const xent_sampling *s = sampling_of_row(call, row);
    t->report = (xent_report){.size = sizeof t->report};
    t->options.softcap = unscaled_softcap(call, s);
    t->options.temperature = scale_of_logits(s) == 1 ? call->options->temperature : 1 / scale_of_logits(s);
    t->call.row_begin = row;
    t->call.row_end = end_of_scale(call, row, end);
    status = cross_entropy(&t->call);
  }
  return status;
}

XENT_INLINE xent_status sample_call(const xent_call *call, xent_kernel cross_entropy) {
  const bool raw = !is_sampling_alone(call);
  const int64_t rows = call->row_end - call->row_begin, together = SAMPLE_ROWS_BYTES / (4 * call->shape->classes);
  const int64_t step = !raw ? rows : together < 1 ? 1 : together;
  xent_status status = XENT_OK;
  token_call t;
  if (raw) begin_token_call(call, &t);
  for (int64_t row = call->row_begin, end; row < call->row_end && !status; row = end) {
    end = call->row_end - row < step ? call->row_end : row + step;
    sample_rows(call, row, end);
    if (raw) status = run_token_call(call, &t, row, end, cross_entropy);
  }
  return status;
}

#endif
