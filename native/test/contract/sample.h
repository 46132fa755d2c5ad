/* SPDX-License-Identifier: Apache-2.0 */
/* Sampling as a plain program (numerics.md, section 11): one row, every option, nothing shared with kernels. */
#ifndef CONTRACT_SAMPLE_H
#define CONTRACT_SAMPLE_H
#include <stdint.h>

#include "xent.h"

typedef struct {
  int64_t classes;
  const float *logits;
  const uint8_t *mask;             /* or NULL */
  const float *bias;               /* or NULL */
  double softcap;                  /* 0: none */
  const int64_t *prompt, *output;  /* tokens; -1: none */
  int64_t prompt_count, output_count;
  const int64_t *bias_tokens;      /* -1: none */
  const float *bias_values;
  int64_t bias_count;
  int64_t draft;                   /* -1: none */
  const float *draft_probabilities; /* or NULL: no draft */
  const xent_sampling *sampling;
  uint64_t stream;                 /* of the row */
} sample_problem;

typedef struct {
  int64_t token, kept;
  float processed; /* log-probability */
  uint8_t *mask;   /* of the caller: which classes are kept */
} sample_answer;

void contract_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t bits[4]);
void contract_sample(const sample_problem *problem, sample_answer *answer);

#endif
