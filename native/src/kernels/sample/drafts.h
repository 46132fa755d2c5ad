/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drafts of another model: a draft of probability q is accepted with the probability min(1, p / q); else the token is
 * drawn from max(p - q, 0), so that its distribution is p. All numbers are integers: the weights w of the draw, their
 * sum S, and Q = rint(q S). The plain form is draft in native/test/contract/sample.c.
 */
#ifndef XENT_SAMPLE_DRAFTS_H
#define XENT_SAMPLE_DRAFTS_H

#include "kernels/sample/philox.h"
#include "kernels/sample/set.h"

/* Change the seed for the random bits that decide whether a draft is accepted, and for those that replace it: a draft
 * that was drawn with this seed is independent of both. */
#define SAMPLE_ACCEPT UINT64_C(0xbf58476d1ce4e5b9)
#define SAMPLE_REPLACE UINT64_C(0x94d049bb133111eb)

typedef struct {
  int64_t token; /* -1: none */
  strided probabilities;
} draft;

/* Tokens were checked, but memory may change, so they are checked again when they are read. */
XENT_INLINE draft draft_of_row(const xent_call *call, int64_t row, row_span span) {
  const xent_shape *shape = call->shape;
  draft d = {.token = -1};
  if (!call->draft_tokens) return d;
  const xent_layout *l = &shape->draft_tokens;
  const int64_t token = load_label_at(call->draft_tokens, l->type, row_offset(shape, l, row));
  d.token = token >= 0 && token < shape->classes ? token : -1;
  d.probabilities = strided_row(call, call->draft_probabilities, &shape->draft_probabilities, span);
  return d;
}

/* Q of a probability. */
XENT_INLINE int64_t weight_of_draft(float q, int64_t sum) {
  if (!(q > 0)) return 0;
  if (q >= 1) return sum;
  const double product = (double)q * (double)sum;
  return product < 0x1p51 ? (int64_t)(double_bits(product + XENT_WHOLE) - XENT_WHOLE_BITS) : (int64_t)product;
}

/* The weight of a class, 0 if it is not in the set. */
XENT_SHARED int64_t weight_in_set(kept_set *s, const weigher *w, int64_t class) {
  const float x = *values_at(&s->values, class, 1, s->room);
  const bool is_member = x <= s->high && (x > s->low || (x == s->low && class <= s->last)) && x > -INFINITY;
  return is_member ? weight_of(w, x) : 0;
}

/* The exponentials of a piece, and the draft probabilities of its classes. */
typedef struct {
  XENT_ALIGNED float e[SAMPLE_PIECE + XENT_LANES];
  XENT_ALIGNED float q[SAMPLE_PIECE + XENT_LANES];
} drafted_piece;

XENT_SHARED void load_drafted(drafted_piece *to, const piece *p, const weigher *w, const draft *d) {
  exponentials_of(w, p->x, p->n, to->e);
  for (int64_t k = 0; !p->listed && k < p->n; k += XENT_LANES)
    lanes_store(to->q + k, strided_load(&d->probabilities, p->begin + k, p->n - k, 0));
  for (int64_t k = 0; p->listed && k < p->n; k++) to->q[k] = strided_one(&d->probabilities, p->listed[k]);
}
XENT_INLINE int64_t weight_beyond_draft(const drafted_piece *p, int64_t k, const weigher *w, int64_t sum) {
  const int64_t more = weight_of_exponential(w, p->e[k]) - weight_of_draft(p->q[k], sum);
  return more > 0 ? more : 0;
}

/* The class at which the sum of max(w - Q, 0), in ascending order of classes, exceeds the random part of their sum; -1:
 * all are 0. */
XENT_SHARED int64_t class_beyond_draft(kept_set *s, const weigher *w, int64_t sum, const draft *d, random_number r,
                                       int64_t *weight) {
  drafted_piece of;
  int64_t all = 0, at = 0;
  piece p;
  while (next_piece(s, &at, s->low, &p)) {
    load_drafted(&of, &p, w, d);
    for (int64_t k = 0; k < p.n; k++) all += weight_beyond_draft(&of, k, w, sum);
  }
  int64_t t = below_sum(r, all);
  for (at = 0; all > 0 && next_piece(s, &at, s->low, &p);) {
    load_drafted(&of, &p, w, d);
    for (int64_t k = 0; k < p.n; k++) {
      t -= weight_beyond_draft(&of, k, w, sum);
      if (t >= 0) continue;
      *weight = weight_of_exponential(w, of.e[k]);
      return class_in(&p, k);
    }
  }
  return -1;
}

/* The draft or the class that replaces it, and its weight; -1: a class is to be drawn as without a draft. */
XENT_SHARED int64_t token_of_draft(kept_set *s, const weigher *w, int64_t sum, const draft *d, const xent_sampling *o,
                                   uint64_t stream, int64_t *weight) {
  const int64_t own = weight_in_set(s, w, d->token);
  const int64_t drafted = weight_of_draft(strided_one(&d->probabilities, d->token), sum);
  const random_number coin = philox(o->seed ^ SAMPLE_ACCEPT, stream, o->step, o->draw);
  if (below_sum(coin, drafted > 0 ? drafted : 1) >= own) {
    const random_number r = philox(o->seed ^ SAMPLE_REPLACE, stream, o->step, o->draw);
    const int64_t other = class_beyond_draft(s, w, sum, d, r, weight);
    if (other >= 0 || own == 0) return other;
  }
  *weight = own;
  return d->token;
}

#endif
