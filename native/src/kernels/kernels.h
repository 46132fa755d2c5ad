/* SPDX-License-Identifier: Apache-2.0 */
/* What the entry points and the kernels share: a checked call, and one table of kernels per tier. */
#ifndef XENT_KERNELS_H
#define XENT_KERNELS_H

#include <stdbool.h>

#include "xent.h"

/* A call whose arguments have been checked. Absent arrays are NULL. */
typedef struct {
  const xent_shape *shape;
  const xent_options *options;
  int64_t row_begin, row_end, class_begin, class_end;
  const float *logits;
  const void *targets;
  const float *upstream;
  const float *forward_output;               /* y of a backward */
  float *output;                             /* y of a forward, dx of a backward */
  const xent_layout *output_layout;
  float *losses, *log_sum_exp;
  uint8_t *hits;
  const xent_statistics *known_statistics;
  xent_statistics *statistics;
  xent_state *states;
  const xent_state *known_states;
  xent_tally *tally;
  xent_report *report;
  bool log;          /* log-softmax */
  bool stream;       /* stores go past the caches */
  bool second_round; /* of xent_finish */
} xent_call;

typedef struct {
  xent_status (*softmax_forward)(const xent_call *call);
  xent_status (*log_sum_exp)(const xent_call *call);
  xent_status (*softmax_backward)(const xent_call *call);
  xent_status (*cross_entropy_forward)(const xent_call *call);
  xent_status (*cross_entropy_backward)(const xent_call *call);
  xent_status (*forward_states)(const xent_call *call);
  xent_status (*backward_states)(const xent_call *call);
  xent_status (*finish)(const xent_call *call);
  /* e(x; N) of n floats, for the tests */
  void (*exponential)(const float *x, float N, float *e, int64_t n);
} xent_kernels;

extern const xent_kernels xent_kernels_scalar;
extern const xent_kernels xent_kernels_avx2;
extern const xent_kernels xent_kernels_avx512;

/* What `sum` of a state or of statistics is, and what became of the row. */
enum {
  XENT_KIND_SOFTMAX = 1,
  XENT_KIND_LABEL = 2,
  XENT_KIND_PROBABILITIES = 3,
  XENT_KIND_BACKWARD = 4,
  XENT_KIND_MASK = 0xff,
  XENT_STATE_LABEL_HERE = 0x100,
  XENT_STATE_LABEL_FIRST_MAX = 0x200,
  XENT_STATE_SHIFTED = 0x400, /* computed in the second round, on x - shift */
  XENT_STATE_VERSION_SHIFT = 16,
  XENT_ROW_NAN = 0x1000,
  XENT_ROW_MASKED = 0x2000,
  XENT_ROW_IGNORED = 0x4000,
  XENT_ROW_UNFINISHED = 0x8000, /* has a shift and waits for its second round */
  XENT_ROW_SPECIAL = XENT_ROW_NAN | XENT_ROW_MASKED | XENT_ROW_IGNORED
};

/* States travel, so they say which arithmetic made them. */
static const uint32_t xent_state_version = (uint32_t)XENT_NUMERICS_VERSION << XENT_STATE_VERSION_SHIFT;

#endif
