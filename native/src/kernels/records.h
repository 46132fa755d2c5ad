/* SPDX-License-Identifier: Apache-2.0 */
/* What xent_statistics and xent_state hold: opaque to callers, 64 bytes each. docs/numerics.md, section 4. */
#ifndef XENT_RECORDS_H
#define XENT_RECORDS_H

#include <stdint.h>

/* A row that is complete. In special rows everything but kind and digest is 0. */
typedef struct {
  uint32_t kind;
  uint32_t digest;   /* of the options that the numbers depend on */
  float reference;   /* N: the sum of exp((x - shift) / temperature) is sum * 2^N */
  uint32_t zero;
  double shift, max; /* max is the shifted row's */
  double sum;        /* of all classes; with labels of all but the label's */
  double mass;       /* the label's own term, or the sum of a row's targets */
  double pull;       /* what multiplies the probabilities in the gradient */
  double share;      /* what smoothing gives each class of the even set; of a focal loss what its gradient is scaled by */
} row_statistics;

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
} row_state;

enum { XENT_LABEL_ELSEWHERE = 0xffff };

_Static_assert(sizeof(row_statistics) == 64 && sizeof(row_state) == 64, "records are 64 bytes");

#endif
