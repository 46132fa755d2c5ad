/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the entry points and the kernels: a checked call, and one table of kernels per tier. */
#ifndef XENT_KERNELS_H
#define XENT_KERNELS_H

#include <stdbool.h>

#include "kernels/records.h"
#include "numerics/float_flags.h"
#include "xent.h"

#define XENT_TYPE_BIT(type) (1u << (type))
enum {
  XENT_LABEL_TYPES = XENT_TYPE_BIT(XENT_I8) | XENT_TYPE_BIT(XENT_U8) | XENT_TYPE_BIT(XENT_I16) |
                     XENT_TYPE_BIT(XENT_I32) | XENT_TYPE_BIT(XENT_I64) | XENT_TYPE_BIT(XENT_U16) |
                     XENT_TYPE_BIT(XENT_U32) | XENT_TYPE_BIT(XENT_U64)
};

enum { XENT_MOST_SELECTED = 256 }; /* classes of a row */

/* The kinds of divergences. */
enum { XENT_KULLBACK_LEIBLER, XENT_JENSEN_SHANNON, XENT_TOTAL_VARIATION };

/* The sizes of a call and the layouts of its arrays; those that the function does not have are 0. */
typedef struct {
  int64_t outer, classes, inner, target_count, top_count, first_class, all_classes, prompt_count, output_count,
      features;
  xent_layout logits, output, gradient, upstream, targets, losses, log_sum_exp, correct, target_weights, row_offsets,
      class_mask, class_weights, row_weights, sink, log_probabilities, argmax, ranks, entropies, top_classes,
      top_log_probabilities, target_gradient, teacher, bias, prompt_tokens, output_tokens, tokens,
      processed_log_probabilities, kept, kept_mask, element_weights, positive_weights, hidden, weights,
      hidden_gradient, weights_gradient, bias_gradient, bias_tokens, bias_values, draft_tokens, draft_probabilities;
} xent_shape;

/* A call whose arguments have been checked. Absent arrays are NULL, and their layouts are undefined. The layout of an
 * array has its element type; `float *` is only the usual one. Arrays come first, so that each has a bit (present.h)
 * and a row in supported.h. */
typedef struct {
  const float *logits; /* arrays up to the exact sum belong to short calls, which test all others at once */
  const void *targets;
  float *output; /* y, or the gradient of a loss or a backward */
  float *losses;
  xent_exact_sum *exact_sum;
  const float *upstream;
  const float *forward_output; /* y of a backward */
  float *log_sum_exp;
  uint8_t *correct;
  const void *target_weights, *row_offsets, *class_mask, *class_weights, *row_weights, *sink, *teacher;
  const void *element_weights, *positive_weights;
  void *log_probabilities, *argmax, *ranks, *entropies, *top_classes, *top_log_probabilities, *target_gradient;
  const void *bias, *prompt_tokens, *output_tokens, *bias_tokens, *bias_values,
      *draft_tokens, *draft_probabilities;
  void *tokens, *processed_log_probabilities, *kept, *kept_mask;
  const void *hidden, *weights;
  void *made_logits; /* written by a linear layer */
  void *hidden_gradient, *weights_gradient, *bias_gradient;
  void *workspace;
  const xent_statistics *known_statistics;
  xent_statistics *statistics;
  xent_state *states;
  const xent_state *known_states;
#ifdef XENT_FRESH_ARRAY
  const void *fresh; /* an array that is new to all code: given_test.c */
#endif
  const xent_shape *shape; /* after the last array */
  const xent_options *options;
  int64_t row_begin, row_end, class_begin, class_end;
  int64_t ragged_end; /* the end of the last ragged row when the call was checked */
  const xent_layout *output_layout;
  const xent_sampling *sampling; /* of all rows, or of row r at index r */
  uint64_t workspace_size;
  xent_report *report;
  int32_t divergence; /* XENT_KULLBACK_LEIBLER, ... */
  uint32_t digest;   /* of the options, as stored in statistics and states; set if the call reads or writes any */
  double factor;     /* of a backward of softmax: the factor of its results, 1 / temperature */
  bool log;          /* log-softmax */
  bool wide;         /* float64 arithmetic */
  bool stream;       /* stores bypass the caches */
  bool second_round; /* of xent_finish */
  bool sampling_per_row;
  bool divided;   /* ragged rows need no division: kernels/ragged.h */
  bool continues; /* the workspace may have the first tokens of the text */
} xent_call;

/* Records of 64 bytes, which are opaque to callers. */
static inline row_statistics *statistics_at(const xent_call *call, int64_t row) {
  return (row_statistics *)(void *)call->statistics + row;
}
static inline const row_statistics *known_statistics_at(const xent_call *call, int64_t row) {
  return (const row_statistics *)(const void *)call->known_statistics + row;
}

static inline const row_state *known_states_at(const xent_call *call) {
  return (const row_state *)(const void *)call->known_states;
}

typedef xent_status (*xent_kernel)(const xent_call *call);

/* The kernels of a type of arithmetic. Those of functions with one kernel for all types are in xent_kernels. */
typedef struct {
  xent_kernel softmax_forward, log_sum_exp, softmax_backward, cross_entropy_forward, cross_entropy_backward,
      forward_states, backward_states, finish;
} xent_family;

typedef struct {
  const xent_family *f32, *f64; /* float32 and float64 arithmetic */
  xent_kernel kl_divergence, sample, sigmoid, binary_cross_entropy, selected, linear_cross_entropy,
      linear_cross_entropy_backward, linear_states;
  /* Chooses the kernel of a forward in float32 arithmetic, once for many calls. */
  xent_kernel (*kept_forward)(const xent_call *call);
  /* e(x; N) of n floats, for the tests */
  void (*exponential)(const float *x, float N, double temperature, float *e, int64_t n);
  /* and the tanh of n floats, a multiple of XENT_LANES */
  void (*tanh)(const float *x, float *t, int64_t n);
  /* Functions of double arithmetic, for n that are a multiple of XENT_LANES. f64_exponential computes exponentials of
   * vectors, and one by one, which must agree. The last three are log(v), log(1 + q) and log(1 - d). */
  void (*f64_exponential)(const double *x, double N, double *e, double *one_by_one, int64_t n);
  void (*f64_tanh)(const double *x, double *t, int64_t n);
  double (*f64_log)(double v);
  double (*f64_log1p)(double q);
  double (*f64_log1m)(double d);
} xent_kernels;

/* The name of a symbol in the tier that is being compiled. */
#define XENT_TIER_JOIN_(name, tier) xent_##name##_##tier
#define XENT_TIER_JOIN(name, tier) XENT_TIER_JOIN_(name, tier)
#define XENT_TIER_NAME(name) XENT_TIER_JOIN(name, XENT_TIER)

extern const xent_kernels xent_kernels_scalar;
extern const xent_kernels xent_kernels_avx2;
extern const xent_kernels xent_kernels_avx512;
extern const xent_kernels xent_kernels_neon;

/* The meaning of `sum` in a state or in statistics, and the kind of the row. */
enum {
  XENT_KIND_SOFTMAX = 1,
  XENT_KIND_LABEL = 2,
  XENT_KIND_PROBABILITIES = 3,
  XENT_KIND_BACKWARD = 4,
  XENT_KIND_MASK = 0xff,
  XENT_STATE_LABEL_HERE = 0x100,
  XENT_STATE_LABEL_FIRST_MAX = 0x200,
  XENT_STATE_SHIFTED = 0x400, /* computed in the second round, on x - shift */
  XENT_STATE_WIDE = 0x800,    /* of float64 arithmetic; of statistics too */
  XENT_STATE_VERSION_SHIFT = 16,
  XENT_ROW_NAN = 0x1000,
  XENT_ROW_MASKED = 0x2000,
  XENT_ROW_IGNORED = 0x4000,
  XENT_ROW_UNFINISHED = 0x8000, /* has a shift and needs its second round */
  XENT_ROW_CORRECT = 0x20000,     /* of an unfinished row: its label is the first of the largest classes */
  XENT_ROW_SPECIAL = XENT_ROW_NAN | XENT_ROW_MASKED | XENT_ROW_IGNORED
};

/* States are sent between machines, so they contain the arithmetic that made them. */
static const uint32_t xent_state_version = (uint32_t)XENT_NUMERICS_VERSION << XENT_STATE_VERSION_SHIFT;

#endif
