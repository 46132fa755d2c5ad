/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a row that are ordered and weighed: logits after mask, softcap, scale, bias and penalties, -inf for
 * absent classes. */
#ifndef XENT_SAMPLE_VALUES_H
#define XENT_SAMPLE_VALUES_H

#include "kernels/load/row.h"
#include "kernels/sample/options.h"

/* The penalties on the classes of a row's tokens. */
typedef struct {
  bool any;
  float repetition, frequency, presence; /* repetition 0: no penalty */
  uint64_t *words;                       /* a bit per class in the table */
  named_class *table;
  int64_t slots;
} penalties;

typedef struct {
  row_source source;
  strided bias;
  penalties penalties;
  float scale; /* the factor of capped logits */
  bool direct; /* without penalties, the values are the tensor itself */
} sample_values;

XENT_INLINE named_class *place_of_class(const penalties *p, int64_t class) {
  int64_t at = (int64_t)((uint32_t)class * 0x9e3779b1u) & (p->slots - 1);
  while (p->table[at].class != class && p->table[at].class >= 0) at = (at + 1) & (p->slots - 1);
  return &p->table[at];
}

/* The slot of entry i of a row's tokens, NULL if it is not a class. Tokens were checked, but memory may change, so they
 * are checked again when they are read. A bias of -0 changes nothing. */
XENT_INLINE named_class *place_of_token(penalties *p, const xent_call *call, const void *tokens, const xent_layout *l,
                                        int64_t i, int64_t row) {
  const int64_t token = load_label_at(tokens, l->type, row_offset(call->shape, l, row) + i * l->classes);
  const int64_t class = token < 0 ? token : token - call->shape->first_class; /* it may belong to another shard */
  if (class < 0 || class >= call->shape->classes) return NULL;
  named_class *place = place_of_class(p, class);
  if (place->class < 0) *place = (named_class){(int32_t)class, -0.0f, -1};
  p->words[class / 64] |= UINT64_C(1) << class % 64;
  return place;
}
XENT_SHARED void add_tokens(penalties *p, const xent_call *call, const void *tokens, const xent_layout *l,
                            int64_t count, int64_t row, bool output) {
  for (int64_t i = 0; tokens && i < count; i++) {
    named_class *place = place_of_token(p, call, tokens, l, i, row);
    if (place) place->count = (place->count < 0 ? 0 : place->count) + output;
  }
}
XENT_SHARED void add_biases(penalties *p, const xent_call *call, int64_t row) {
  const xent_shape *shape = call->shape;
  const xent_layout *values = &shape->bias_values;
  for (int64_t i = 0; call->bias_tokens && i < shape->target_count; i++) {
    named_class *place = place_of_token(p, call, call->bias_tokens, &shape->bias_tokens, i, row);
    const int64_t at = row_offset(shape, values, row) + i * values->classes;
    if (place) place->bias = (float)one_float_at(call->bias_values, values->type, at);
  }
}

XENT_SHARED penalties penalties_of_row(const xent_call *call, int64_t row, const xent_sampling *s) {
  const xent_shape *shape = call->shape;
  penalties p = {.repetition = (float)s->repetition_penalty, .frequency = (float)s->frequency_penalty,
                 .presence = (float)s->presence_penalty};
  p.any = call->bias_tokens || (call->prompt_tokens && p.repetition != 0) ||
          (call->output_tokens && (p.repetition != 0 || p.frequency != 0 || p.presence != 0));
  if (!p.any) return p;
  const int64_t words = table_words(shape->classes);
  p.slots = table_slots(shape->classes, tokens_of_row(call));
  p.words = call->workspace;
  p.table = (named_class *)(void *)(p.words + words);
  memset(p.words, 0, (size_t)words * sizeof *p.words);
  memset(p.table, 0xff, (size_t)p.slots * sizeof *p.table);
  add_biases(&p, call, row);
  if (p.repetition != 0)
    add_tokens(&p, call, call->prompt_tokens, &shape->prompt_tokens, shape->prompt_count, row, false);
  add_tokens(&p, call, call->output_tokens, &shape->output_tokens, shape->output_count, row, true);
  return p;
}

XENT_INLINE float penalise(const penalties *p, int64_t class, float x) {
  const named_class *place = place_of_class(p, class);
  const float count = (float)place->count, often = count * p->frequency;
  x += place->bias;
  if (p->repetition != 0 && place->count >= 0) x = x > 0 ? x / p->repetition : x * p->repetition;
  return place->count > 0 ? (x - often) - p->presence : x;
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

/* The bits of word `at` for classes of [begin, begin + n). */
XENT_INLINE uint64_t penalised_in(const penalties *p, int64_t at, int64_t begin, int64_t n) {
  uint64_t bits = p->words[at];
  if (begin > at * 64) bits &= ~UINT64_C(0) << (begin - at * 64);
  if (begin + n < at * 64 + 64) bits &= (UINT64_C(1) << (begin + n - at * 64)) - 1;
  return bits;
}
XENT_INLINE bool any_penalised(const penalties *p, int64_t begin, int64_t n) {
  uint64_t any = 0;
  for (int64_t at = begin / 64; p->any && at * 64 < begin + n; at++) any |= penalised_in(p, at, begin, n);
  return any;
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
  for (int64_t at = begin / 64; v->penalties.any && at * 64 < begin + n; at++)
    for (uint64_t bits = penalised_in(&v->penalties, at, begin, n); bits; bits &= bits - 1) {
      const int64_t class = at * 64 + __builtin_ctzll(bits);
      if (is_counted(r, class)) to[class - begin] = penalise(&v->penalties, class, to[class - begin]);
    }
}

/* The values of n classes from `begin` on; `room` has space for all of them, in whole vectors. */
XENT_INLINE const float *values_at(const sample_values *v, int64_t begin, int64_t n, float *room) {
  if (v->direct && !any_penalised(&v->penalties, begin, n)) return (const float *)(const void *)v->source.x.at + begin;
  prepare_values(v, begin, n, room);
  return room;
}

#endif
