/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GENERAL_ROW_H
#define GENERAL_ROW_H
#include <stdbool.h>
#include <stdint.h>

#include "kernels/records.h"

enum { NO_TARGETS, LABEL, DENSE, SPARSE };

/* One row with every option, all of its numbers widened to double or float. */
typedef struct {
  int64_t n;
  const float *logits;
  const uint8_t *mask;          /* or NULL */
  double softcap, temperature;  /* 0: none */
  bool has_sink, masked_is_zero, others, has_ignore;
  float sink;
  int targets;
  int64_t label, ignore;
  const float *q;               /* n of them */
  int64_t count;                /* of a sparse row */
  const int64_t *classes;
  const double *probabilities;
  const double *weights;        /* of classes, or NULL */
  double row_weight;
  bool has_row_weight;
  double gamma;                 /* of a focal loss of a label; 0: no focal loss */
  double eps, z_loss, clamp, scale; /* scale: of the gradient, upstream and row weight in it */
  double target_scale;          /* the same without upstream */
} general_input;

/* Every result; arrays have n numbers, target_gradient n or count. */
typedef struct {
  float *softmax, *log_softmax, *gradient, *target_gradient, *top_values, *scratch;
  int64_t *top;
  float lse, softmax_lse, loss, log_probability, entropy;
  int64_t argmax, rank;
  bool ignored, hit;
  row_statistics statistics, softmax_statistics; /* with the targets, and of the row alone */
  row_state *states, *softmax_states;            /* per chunk, both rounds one after the other; or NULL */
  bool again, softmax_again;                     /* there was a second round */
} general_output;

/* conformance/numerics.md and the rules of general calls, one row at a time; top is the whole row in falling order. */
void contract_general_row(const general_input *in, general_output *out);
float contract_tanh(float x);
#endif
