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
  double log_probability; /* the same before it is rounded; 0 without a token */
  uint8_t *mask;   /* of the caller: which classes are kept */
} sample_answer;

void contract_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t bits[4]);
void contract_sample(const sample_problem *problem, sample_answer *answer);

/* ---- shards ---- */

enum { SAMPLE_LIST = 1, SAMPLE_ORDER, SAMPLE_CLASS, SAMPLE_DONE, SAMPLE_BINS = 512 };

/* The bytes of xent_sample_state: a question, and what a shard answers. */
typedef struct {
  uint32_t kind, digest;
  int64_t first, classes;
  float M, low;
  int64_t last;
  uint64_t from, to;
  int64_t before, n, S;
  uint32_t listed, bad;
  double processed;
  union {
    struct {
      float x;
      int32_t class;
    } list[SAMPLE_BINS];
    uint64_t bins[SAMPLE_BINS];
  };
} sample_state;

/* From the question that is in q, or from nothing where its kind is 0, to the next one. */
void contract_sample_question(const sample_problem *problem, sample_state *q);
/* The answer of the shard with `classes` classes from `first` on; for a finished row, its result. */
void contract_sample_shard(const sample_problem *problem, const sample_state *q, int64_t first, int64_t classes,
                           sample_state *answer);
#endif
