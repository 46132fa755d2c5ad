/* SPDX-License-Identifier: Apache-2.0 */
/* What xent_statistics, xent_state and xent_sample_state hold: opaque to callers (docs/spec/numerics.md, 4 and 11). */
#ifndef XENT_RECORDS_H
#define XENT_RECORDS_H

#include <stdint.h>

/* They are read and written where callers have the opaque structs. */
#define XENT_BEHIND_OPAQUE __attribute__((may_alias))

/* A row that is complete. In special rows everything but kind and digest is 0. */
typedef struct {
  uint32_t kind;
  uint32_t digest;   /* of the function and the options that the numbers depend on */
  float reference;   /* N: the sum of exp((x - shift) / temperature) is sum * 2^N */
  uint32_t zero;
  double shift, max; /* max is the shifted row's */
  double sum;        /* of all classes; with labels of all but the label's */
  double mass;       /* the label's own term, or the sum of a row's targets */
  double pull;       /* what multiplies the probabilities in the gradient */
  double share; /* what smoothing gives each class that shares it; of a focal loss what its gradient is scaled by */
} XENT_BEHIND_OPAQUE row_statistics;

/* What one chunk of a row contributes. */
typedef struct {
  uint32_t kind; /* upper half: the numerics version */
  float reference;
  uint16_t counted; /* classes that are not masked */
  uint16_t label;   /* the label's offset in the chunk, or XENT_LABEL_ELSEWHERE */
  uint32_t digest;
  double max, label_logit;
  double sum, sum_low; /* sum_low: of float64 */
  double dot, mass;    /* sums over targets: of t (m - x), and of t */
} XENT_BEHIND_OPAQUE row_state;

enum { XENT_LABEL_ELSEWHERE = 0xffff };

_Static_assert(sizeof(row_statistics) == 64 && sizeof(row_state) == 64, "records are 64 bytes");

/* What the states of a backward have for a digest: 1 where they are log-softmax's. */
static inline uint32_t digest_of_backward(const row_state *first) { return first->digest & 1; }

enum { SAMPLE_TOLD = 512 }; /* classes that a shard lists, and bins that it adds up weights in */

typedef struct {
  float x;
  int32_t class;
} told_class;

/* What a shard says of its classes of a row, in answer to a question that all shards of the row have. */
typedef struct {
  uint32_t kind;   /* XENT_ASK_...; upper half: the numerics version */
  uint32_t digest; /* of the row's options */
  int64_t first_class, classes;
  float most, low; /* most: the row's largest value, -inf while nobody knows it */
  int64_t last;    /* the set: x > low, or x = low and the class is at most `last`; of a row that is done the token */
  uint64_t from, to; /* the keys of the bins */
  int64_t before;    /* what the set weighs before `from` */
  int64_t count, sum; /* of the set; of a row that is done how many classes are kept */
  uint32_t listed, bad; /* bad: there is a NaN or +inf */
  double log_probability; /* of a row that is done */
  union {
    told_class list[SAMPLE_TOLD];
    uint64_t bins[SAMPLE_TOLD];
  };
} XENT_BEHIND_OPAQUE row_sample_state;

_Static_assert(sizeof(row_sample_state) == 96 + 8 * SAMPLE_TOLD, "what xent.h says");

#endif
