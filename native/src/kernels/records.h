/* SPDX-License-Identifier: Apache-2.0 */
/* The contents of xent_statistics and xent_state: opaque to callers (conformance/numerics.md, 4). */
#ifndef XENT_RECORDS_H
#define XENT_RECORDS_H

#include <stdint.h>

/* Records share memory with the opaque structs of callers. */
#define XENT_BEHIND_OPAQUE __attribute__((may_alias))

/* A complete row. In special rows all fields except kind and digest are 0. */
typedef struct {
  uint32_t kind;
  uint32_t digest;   /* of the function and the options that affect the numbers */
  float reference;   /* N: the sum of exp((x - shift) / temperature) is sum * 2^N */
  uint32_t zero;
  double shift, max; /* max is the shifted row's */
  double sum;        /* of all classes; with labels, without the label's */
  double mass;       /* the label's term, or the sum of a row's targets */
  double pull;       /* the factor of the probabilities in the gradient */
  double share; /* smoothing adds this to each class that shares it; of a focal loss the scale of its gradient */
} XENT_BEHIND_OPAQUE row_statistics;

/* The contribution of one chunk of a row. */
typedef struct {
  uint32_t kind; /* upper half: the numerics version */
  float reference;
  uint16_t counted; /* classes that are not masked */
  uint16_t label;   /* the label's offset in the chunk, or XENT_LABEL_ELSEWHERE */
  uint32_t digest;
  double max, label_logit;
  double sum, sum_low; /* sum_low: of float64 */
  double dot, mass;    /* sums over targets: of t (m - x), and of t. Without targets see fold.h */
} XENT_BEHIND_OPAQUE row_state;

enum { XENT_LABEL_ELSEWHERE = 0xffff };

_Static_assert(sizeof(row_statistics) == 64 && sizeof(row_state) == 64, "records are 64 bytes");

/* The digest of the states of a backward: 1 for log-softmax. */
static inline uint32_t digest_of_backward(const row_state *first) { return first->digest & 1; }

#endif
