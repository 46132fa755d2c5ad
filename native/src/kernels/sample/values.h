/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a row that are ordered and weighed: logits after mask, softcap, scale, bias and penalties, -inf for
 * absent classes. */
#ifndef XENT_SAMPLE_VALUES_H
#define XENT_SAMPLE_VALUES_H

#include "kernels/stages/load/row_source.h"
#include "kernels/sample/tokens.h"

/* The penalties on the classes of a row's tokens, and biases of classes. */
typedef struct {
  bool any, biased;
  float repetition, frequency, presence; /* repetition 0: no penalty */
  token_table named, biases;
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
  const bool named = (call->prompt_tokens && p.repetition != 0) ||
                     (call->output_tokens && (p.repetition != 0 || p.frequency != 0 || p.presence != 0));
  p.named = p.biases = table_at(call->shape->classes, (table_head *)call->workspace + 1);
  p.biased = call->bias_tokens;
  p.any = named || p.biased;
  if (named)
    p.named = table_of_row(call, row, p.repetition != 0);
  else
    forget_table(call, row);
  if (p.biased) p.biases = table_of_biases(call, row, p.named.entries + p.named.count);
  return p;
}

/* Whether there are penalties, which raise no value. */
XENT_INLINE bool only_lower(const penalties *p) {
  return p->any && !p->biased && (p->repetition == 0 || p->repetition >= 1) && p->frequency >= 0 && p->presence >= 0;
}

/* A value after the penalties of a class with a number of output tokens. The sign of a value cannot be predicted, so
 * that both quotient and product are computed. */
XENT_INLINE float penalised(float repetition, float frequency, float presence, int32_t count, float x) {
  if (repetition != 0) {
    const float both[] = {x * repetition, x / repetition};
    x = both[x > 0];
  }
  const float often = (float)count * frequency;
  return count > 0 ? (x - often) - presence : x;
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

/* Entries of the tables for n classes from `begin` on. */
typedef struct {
  const named_class *named, *named_end, *bias, *biases_end;
} named_classes;
XENT_INLINE named_classes named_in(const penalties *p, int64_t begin, int64_t n) {
  const named_class *biases = p->biases.entries, *named = p->named.entries;
  named_classes c = {named + entry_of(&p->named, begin), named + entry_of(&p->named, begin + n), biases, biases};
  if (p->biased) c.bias += entry_of(&p->biases, begin), c.biases_end += entry_of(&p->biases, begin + n);
  return c;
}

/* Applies biases, then penalties, to the n values from class `begin` on that are not masked. */
XENT_INLINE void penalise(const sample_values *v, named_classes c, int64_t begin, int64_t n, float *to) {
  const penalties *p = &v->penalties;
  const row_source *r = &v->source;
  const float repetition = p->repetition, frequency = p->frequency, presence = p->presence; /* no store changes these */
  for (; c.bias < c.biases_end; c.bias++) {
    const int64_t k = c.bias->class - begin;
    if (k < 0 || k >= n) break; /* the table has changed meanwhile */
    if (is_counted(r, begin + k)) to[k] += c.bias->bias;
  }
  for (; c.named < c.named_end; c.named++) {
    const int64_t k = c.named->class - begin;
    if (k < 0 || k >= n) break;
    if (is_counted(r, begin + k)) to[k] = penalised(repetition, frequency, presence, c.named->count, to[k]);
  }
}

/* The n floats from class `begin` on with penalties; the tensor itself if none of them has any. */
XENT_SHARED const float *penalised_floats(const sample_values *v, int64_t begin, int64_t n, float *room) {
  const float *x = (const float *)(const void *)v->source.x.at + begin;
  const named_classes c = named_in(&v->penalties, begin, n);
  if (c.named >= c.named_end && c.bias >= c.biases_end) return x;
  for (int64_t k = 0; k < n; k += XENT_LANES)
    lanes_store(room + k, n - k >= XENT_LANES ? lanes_load(x + k) : lanes_load_part(x + k, n - k, -INFINITY));
  penalise(v, c, begin, n, room);
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
  if (v->penalties.any) penalise(v, named_in(&v->penalties, begin, n), begin, n, to);
}

/* The values of n classes from `begin` on; `room` has space for all of them, in whole vectors. */
XENT_INLINE const float *values_at(const sample_values *v, int64_t begin, int64_t n, float *room) {
  if (v->direct && !v->penalties.any) return (const float *)(const void *)v->source.x.at + begin;
  if (v->direct) return penalised_floats(v, begin, n, room);
  prepare_values(v, begin, n, room);
  return room;
}

#endif
