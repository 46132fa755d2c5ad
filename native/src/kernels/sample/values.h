/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a row that are ordered and weighed: logits after mask, softcap, scale, bias and penalties, -inf for
 * absent classes. */
#ifndef XENT_SAMPLE_VALUES_H
#define XENT_SAMPLE_VALUES_H

#include "kernels/load/row.h"
#include "kernels/sample/tokens.h"

/* The penalties on the classes of a row's tokens. */
typedef struct {
  bool any, biased;
  float repetition, frequency, presence; /* repetition 0: no penalty */
  token_table table;
} penalties;

typedef struct {
  row_source source;
  strided bias;
  penalties penalties;
  float scale; /* the factor of capped logits */
  bool direct; /* without penalties, the values are the tensor itself */
} sample_values;

XENT_SHARED penalties penalties_of_row(const xent_call *call, int64_t row, const xent_sampling *s) {
  penalties p = {.repetition = (float)s->repetition_penalty, .frequency = (float)s->frequency_penalty,
                 .presence = (float)s->presence_penalty};
  p.biased = call->bias_tokens;
  p.any = p.biased || (call->prompt_tokens && p.repetition != 0) ||
          (call->output_tokens && (p.repetition != 0 || p.frequency != 0 || p.presence != 0));
  if (p.any)
    p.table = table_of_row(call, row, p.repetition != 0);
  else
    forget_table(call, row);
  return p;
}

/* Whether there are penalties, which raise no value. */
XENT_INLINE bool only_lower(const penalties *p) {
  return p->any && !p->biased && (p->repetition == 0 || p->repetition >= 1) && p->frequency >= 0 && p->presence >= 0;
}

/* A value after the bias and penalties of its entry. The sign of a value cannot be predicted, so that both quotient and
 * product are computed. */
XENT_INLINE float penalised(const penalties *p, const named_class *named, float x) {
  x += named->bias;
  if (p->repetition != 0 && named->count >= 0) {
    const float both[] = {x * p->repetition, x / p->repetition};
    x = both[x > 0];
  }
  const float often = (float)named->count * p->frequency;
  return named->count > 0 ? (x - often) - p->presence : x;
}

XENT_INLINE sample_values sample_values_of(const xent_call *call, int64_t row, const xent_sampling *s) {
  sample_values v = {.source = row_source_of(call, span_of_row(call, row), call->logits, &call->shape->logits,
                                             unscaled_softcap(call, s)),
                     .scale = (float)scale_of_logits(s)};
  v.bias = strided_row(call, call->bias, &call->shape->bias, v.source.span);
  v.direct = v.source.direct && !call->bias && v.scale == 1;
  if (call->prompt_tokens || call->output_tokens || call->bias_tokens) v.penalties = penalties_of_row(call, row, s);
  return v;
}

/* Applies the biases and penalties of entries [i, end) of the table to the n values from class `begin` on. */
XENT_INLINE void penalise(const sample_values *v, int64_t i, int64_t end, int64_t begin, int64_t n, float *to) {
  const row_source *r = &v->source;
  const token_table *t = &v->penalties.table;
  for (; i < end; i++) {
    const int64_t k = t->entries[i].class - begin;
    if (k < 0 || k >= n) break; /* the table has changed meanwhile */
    if (is_counted(r, begin + k)) to[k] = penalised(&v->penalties, &t->entries[i], to[k]);
  }
}

/* The n floats from class `begin` on with penalties; the tensor itself if none of them has any. */
XENT_SHARED const float *penalised_floats(const sample_values *v, int64_t begin, int64_t n, float *room) {
  const token_table *t = &v->penalties.table;
  const float *x = (const float *)(const void *)v->source.x.at + begin;
  const int64_t first = entry_of(t, begin), end = entry_of(t, begin + n);
  if (first >= end) return x;
  for (int64_t k = 0; k < n; k += XENT_LANES)
    lanes_store(room + k, n - k >= XENT_LANES ? lanes_load(x + k) : lanes_load_part(x + k, n - k, -INFINITY));
  penalise(v, first, end, begin, n, room);
  return room;
}

XENT_SHARED void prepare_values(const sample_values *v, int64_t begin, int64_t n, float *to) {
  const row_source *r = &v->source;
  copy_row(r, begin, n, 0, to);
  for (int64_t k = 0; v->scale != 1 && k < n; k += XENT_LANES)
    lanes_store(to + k, lanes_mul(lanes_load(to + k), lanes_set(v->scale)));
  for (int64_t k = 0; v->bias.at && k < n; k += XENT_LANES) {
    lanes x = lanes_add(lanes_load(to + k), strided_load(&v->bias, begin + k, n - k, 0));
    if (r->mask) x = where_counted(r->mask + (begin + k) * r->mask_stride, r->mask_stride, n - k, x, r->out);
    lanes_store(to + k, x);
  }
  const token_table *t = &v->penalties.table;
  if (v->penalties.any) penalise(v, entry_of(t, begin), entry_of(t, begin + n), begin, n, to);
}

/* The values of n classes from `begin` on; `room` has space for all of them, in whole vectors. */
XENT_INLINE const float *values_at(const sample_values *v, int64_t begin, int64_t n, float *room) {
  if (v->direct && !v->penalties.any) return (const float *)(const void *)v->source.x.at + begin;
  if (v->direct) return penalised_floats(v, begin, n, room);
  prepare_values(v, begin, n, room);
  return room;
}

#endif
