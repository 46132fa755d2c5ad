/* SPDX-License-Identifier: Apache-2.0 */
/* The contents of xent_statistics, xent_state and xent_sample_state: opaque to callers (conformance/numerics.md, 4 and
 * 11). */
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

enum { SAMPLE_TOLD = 512 }; /* classes that a shard lists, and bins of its sums of weights */

typedef struct {
  float x;
  int32_t class;
} told_class;

/* The answer of a shard for its classes of a row, to the request that all shards of the row have. */
typedef struct {
  uint32_t kind;   /* XENT_ASK_...; upper half: the numerics version */
  uint32_t digest; /* of the row's options */
  int64_t first_class, classes;
  float most, low; /* most: the row's largest value, -inf until it is computed */
  int64_t last;    /* the set: x > low, or x = low and the class is at most `last`; for a complete row, the token */
  uint64_t from, to; /* the keys of the bins */
  int64_t before;    /* the weight of the set before `from` */
  int64_t count, sum; /* of the set; for a complete row, `count` is the number of kept classes */
  uint32_t listed, bad; /* bad: a value is NaN or +inf */
  double log_probability; /* of a complete row */
  union {
    told_class list[SAMPLE_TOLD];
    uint64_t bins[SAMPLE_TOLD];
  };
} XENT_BEHIND_OPAQUE row_sample_state;

_Static_assert(sizeof(row_sample_state) == 96 + 8 * SAMPLE_TOLD, "what xent.h says");

#endif
