/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each path supports: one row per array of a call; options.h has the traits of options. A path checks that a call
 * has nothing but what it supports, so a call with a new array takes the last path until the row names others. The
 * build fails if the row of an array lacks a path that its functions reach (XENT_KNOWS_ALL).
 */
#ifndef XENT_SUPPORTED_H
#define XENT_SUPPORTED_H

#include "kernels/present.h"

/* Paths, parts of paths, and sets that decide what a call computes. */
enum {
  IN_ROWS = 1 << 0,            /* the last paths: paths/generic, f64 */
  IN_FLOW = 1 << 1,            /* forward */
  IN_DENSE = 1 << 2,           /* forward; the gradient of the targets goes row by row */
  IN_STRIPS = 1 << 3,          /* forward, gradient from statistics: rows of one length, no lists of classes */
  IN_EACH = 1 << 4,            /* forward */
  IN_MASKED = 1 << 5,          /* flow of masked rows in place: only exponentials and smoothing read their logits */
  IN_GRADIENT = 1 << 6,        /* flow and dense of the gradient from statistics */
  IN_BACKWARD = 1 << 7,        /* softmax and log-softmax backward */
  IN_STATES = 1 << 8,          /* states of a forward */
  IN_FINISH = 1 << 9,          /* results of states */
  IN_SELECTED = 1 << 10,       /* selected log-probabilities: read or written there, or by calls of cross-entropy */
  IN_DIVERGENCE = 1 << 11,
  IN_HVP = 1 << 12,            /* read there, or by the softmax and its backward */
  IN_ELEMENTS = 1 << 13,       /* sigmoids and binary cross-entropy */
  IN_CHECK = 1 << 14,          /* the check of targets */
  IN_LINEAR = 1 << 15,         /* a linear layer: read or written there, or by the kernels of its logits */
  IN_LINEAR_PARTS = 1 << 16,   /* rows whose classes are processed in parts */
  IN_LINEAR_LAYER = 1 << 17,   /* what the kernels of logits do not use */
  IN_SAMPLE = 1 << 18,         /* read or written by sampling itself */
  IN_SAMPLE_RESULTS = 1 << 19, /* computed by a cross-entropy for the sampler */
  IN_PLAIN = 1 << 20,          /* does not change the losses and gradients of labels */
  IN_NO_LOG_SUM_EXP = 1 << 21, /* in a loss of labels that does not need the log-sum-exp of a row */
  IN_PROBABILITIES = 1 << 22,  /* in softmax, log-softmax and log-sum-exp: part of the sums, or without effect later */
  IN_KEPT = 1 << 23,           /* checks do not read its contents, so a call can be prepared */
  IN_BACKWARD_STRIPS = 1 << 24, /* of columns, with rows of one length */
  IN_FORWARD = IN_ROWS | IN_FLOW | IN_DENSE | IN_STRIPS
};

/*
 *   _(c, array, on_logits, digested, sets)
 *
 *   on_logits   whether it changes logits before their exponential
 *   digested    whether records depend on its presence
 */
#define XENT_ARRAYS_SUPPORTED(_, c) \
  _(c, logits, 0, 0, IN_FORWARD | IN_EACH | IN_MASKED | IN_GRADIENT | IN_STATES | IN_SELECTED | \
     IN_DIVERGENCE | IN_HVP | IN_ELEMENTS | IN_LINEAR | IN_LINEAR_PARTS | IN_SAMPLE | IN_PLAIN | \
     IN_NO_LOG_SUM_EXP | IN_PROBABILITIES | IN_KEPT) \
  _(c, targets, 0, 1, IN_FORWARD | IN_EACH | IN_MASKED | IN_GRADIENT | IN_STATES | IN_FINISH | \
     IN_SELECTED | IN_ELEMENTS | IN_CHECK | IN_LINEAR | IN_LINEAR_PARTS | IN_PLAIN | IN_NO_LOG_SUM_EXP | IN_KEPT) \
  _(c, output, 0, 0, IN_FORWARD | IN_EACH | IN_MASKED | IN_GRADIENT | IN_BACKWARD | \
     IN_BACKWARD_STRIPS | IN_SELECTED | IN_DIVERGENCE | IN_HVP | IN_ELEMENTS | IN_PLAIN | IN_NO_LOG_SUM_EXP | \
     IN_PROBABILITIES | IN_KEPT) \
  _(c, losses, 0, 0, IN_FORWARD | IN_EACH | IN_MASKED | IN_FINISH | IN_DIVERGENCE | IN_ELEMENTS | \
     IN_LINEAR | IN_LINEAR_PARTS | IN_PLAIN | IN_NO_LOG_SUM_EXP | IN_KEPT) \
  _(c, exact_sum, 0, 0, IN_FORWARD | IN_EACH | IN_MASKED | IN_FINISH | IN_DIVERGENCE | \
     IN_ELEMENTS | IN_CHECK | IN_LINEAR | IN_LINEAR_PARTS | IN_PLAIN | IN_NO_LOG_SUM_EXP | IN_KEPT) \
  _(c, upstream, 0, 0, IN_ROWS | IN_STRIPS | IN_GRADIENT | IN_BACKWARD | IN_BACKWARD_STRIPS | IN_SELECTED | \
     IN_HVP | IN_ELEMENTS | IN_LINEAR | IN_LINEAR_PARTS | IN_NO_LOG_SUM_EXP | IN_KEPT) \
  _(c, forward_output, 0, 0, IN_BACKWARD | IN_BACKWARD_STRIPS | IN_KEPT) \
  _(c, log_sum_exp, 0, 0, IN_FORWARD | IN_MASKED | IN_FINISH | IN_LINEAR | IN_LINEAR_PARTS | \
     IN_PLAIN | IN_PROBABILITIES | IN_KEPT) \
  _(c, correct, 0, 0, IN_FORWARD | IN_FINISH | IN_LINEAR | IN_LINEAR_PARTS | IN_PLAIN | \
     IN_NO_LOG_SUM_EXP | IN_KEPT) \
  _(c, target_weights, 0, 0, IN_FORWARD | IN_GRADIENT | IN_STATES | IN_CHECK | IN_LINEAR | \
     IN_LINEAR_PARTS | IN_NO_LOG_SUM_EXP | IN_PROBABILITIES | IN_KEPT) \
  _(c, row_offsets, 0, 0, IN_ROWS | IN_EACH | IN_BACKWARD | IN_SELECTED | IN_HVP | IN_CHECK | IN_PLAIN | \
     IN_NO_LOG_SUM_EXP | IN_PROBABILITIES) \
  _(c, class_mask, 1, 0, IN_FORWARD | IN_MASKED | IN_GRADIENT | IN_BACKWARD | IN_BACKWARD_STRIPS | \
     IN_STATES | IN_SELECTED | IN_DIVERGENCE | IN_HVP | IN_CHECK | IN_LINEAR | IN_LINEAR_PARTS | IN_SAMPLE | \
     IN_PLAIN | IN_NO_LOG_SUM_EXP | IN_PROBABILITIES | IN_KEPT) \
  _(c, class_weights, 0, 1, IN_FORWARD | IN_EACH | IN_MASKED | IN_GRADIENT | IN_STATES | \
     IN_FINISH | IN_CHECK | IN_LINEAR | IN_LINEAR_PARTS | IN_NO_LOG_SUM_EXP | IN_PROBABILITIES | IN_KEPT) \
  _(c, row_weights, 0, 0, IN_FORWARD | IN_MASKED | IN_GRADIENT | IN_FINISH | IN_DIVERGENCE | \
     IN_HVP | IN_CHECK | IN_LINEAR | IN_LINEAR_PARTS | IN_NO_LOG_SUM_EXP | IN_PROBABILITIES | IN_KEPT) \
  _(c, sink, 0, 0, IN_FORWARD | IN_MASKED | IN_GRADIENT | IN_FINISH | IN_SELECTED | IN_HVP | \
     IN_LINEAR | IN_LINEAR_PARTS | IN_NO_LOG_SUM_EXP | IN_PROBABILITIES | IN_KEPT) \
  _(c, teacher, 0, 0, IN_DIVERGENCE | IN_KEPT) \
  _(c, element_weights, 0, 0, IN_ELEMENTS | IN_KEPT) \
  _(c, positive_weights, 0, 0, IN_ELEMENTS | IN_KEPT) \
  _(c, log_probabilities, 0, 0, IN_FORWARD | IN_MASKED | IN_SELECTED | IN_LINEAR | \
     IN_LINEAR_PARTS | IN_SAMPLE_RESULTS | IN_NO_LOG_SUM_EXP | IN_KEPT) \
  _(c, argmax, 0, 0, IN_FORWARD | IN_LINEAR | IN_PLAIN | IN_NO_LOG_SUM_EXP | IN_KEPT) \
  _(c, ranks, 0, 0, IN_FORWARD | IN_LINEAR | IN_SAMPLE_RESULTS | IN_PLAIN | IN_NO_LOG_SUM_EXP | \
     IN_KEPT) \
  _(c, entropies, 0, 0, IN_FORWARD | IN_LINEAR | IN_SAMPLE_RESULTS | IN_PLAIN | IN_KEPT) \
  _(c, top_classes, 0, 0, IN_ROWS | IN_FLOW | IN_DENSE | IN_LINEAR | IN_SAMPLE_RESULTS | IN_PLAIN | \
     IN_NO_LOG_SUM_EXP | IN_KEPT) \
  _(c, top_log_probabilities, 0, 0, IN_ROWS | IN_FLOW | IN_DENSE | IN_LINEAR | IN_SAMPLE_RESULTS | IN_PLAIN | \
     IN_KEPT) \
  _(c, target_gradient, 0, 0, IN_ROWS | IN_FLOW | IN_LINEAR | IN_KEPT) \
  _(c, bias, 0, 0, IN_LINEAR | IN_LINEAR_PARTS | IN_LINEAR_LAYER | IN_SAMPLE | IN_KEPT) \
  _(c, prompt_tokens, 0, 0, IN_SAMPLE) \
  _(c, output_tokens, 0, 0, IN_SAMPLE) \
  _(c, bias_tokens, 0, 0, IN_SAMPLE) \
  _(c, bias_values, 0, 0, IN_SAMPLE) \
  _(c, draft_tokens, 0, 0, IN_SAMPLE) \
  _(c, draft_probabilities, 0, 0, IN_SAMPLE) \
  _(c, tokens, 0, 0, IN_SAMPLE | IN_KEPT) \
  _(c, processed_log_probabilities, 0, 0, IN_SAMPLE | IN_KEPT) \
  _(c, kept, 0, 0, IN_SAMPLE | IN_KEPT) \
  _(c, kept_mask, 0, 0, IN_SAMPLE | IN_KEPT) \
  _(c, hidden, 0, 0, IN_LINEAR | IN_LINEAR_PARTS | IN_LINEAR_LAYER) \
  _(c, weights, 0, 0, IN_LINEAR | IN_LINEAR_PARTS | IN_LINEAR_LAYER) \
  _(c, made_logits, 0, 0, IN_LINEAR | IN_LINEAR_PARTS | IN_LINEAR_LAYER) \
  _(c, hidden_gradient, 0, 0, IN_LINEAR | IN_LINEAR_PARTS | IN_LINEAR_LAYER) \
  _(c, weights_gradient, 0, 0, IN_LINEAR | IN_LINEAR_PARTS | IN_LINEAR_LAYER) \
  _(c, bias_gradient, 0, 0, IN_LINEAR | IN_LINEAR_PARTS | IN_LINEAR_LAYER) \
  _(c, workspace, 0, 0, IN_LINEAR | IN_LINEAR_PARTS | IN_LINEAR_LAYER | IN_SAMPLE) \
  _(c, known_statistics, 0, 0, IN_ROWS | IN_STRIPS | IN_GRADIENT | IN_BACKWARD | IN_BACKWARD_STRIPS | \
     IN_STATES | IN_SELECTED | IN_LINEAR | IN_LINEAR_PARTS | IN_PLAIN | IN_NO_LOG_SUM_EXP | IN_PROBABILITIES) \
  _(c, statistics, 0, 0, IN_FORWARD | IN_MASKED | IN_FINISH | IN_SELECTED | IN_LINEAR | \
     IN_LINEAR_PARTS | IN_PLAIN | IN_NO_LOG_SUM_EXP | IN_PROBABILITIES | IN_KEPT) \
  _(c, states, 0, 0, IN_STATES | IN_LINEAR | IN_LINEAR_PARTS | IN_PLAIN | IN_NO_LOG_SUM_EXP | IN_PROBABILITIES | \
     IN_KEPT) \
  _(c, known_states, 0, 0, IN_FINISH | IN_PLAIN | IN_NO_LOG_SUM_EXP | IN_PROBABILITIES)

#define XENT_IF_IN(sets, array, on_logits, digested, in) | ((in) & (sets) ? XENT_HAS(array) : 0)
#define XENT_IF_ON_LOGITS(c, array, on_logits, digested, in) | ((on_logits) ? XENT_HAS(array) : 0)
#define XENT_IF_DIGESTED(c, array, on_logits, digested, in) | ((digested) ? XENT_HAS(array) : 0)
/* The arrays in any of these sets. */
#define XENT_ARRAYS_IN(sets) (UINT64_C(0) XENT_ARRAYS_SUPPORTED(XENT_IF_IN, sets))
#define XENT_ARRAYS_ON_LOGITS (UINT64_C(0) XENT_ARRAYS_SUPPORTED(XENT_IF_ON_LOGITS, ))
#define XENT_ARRAYS_DIGESTED (UINT64_C(0) XENT_ARRAYS_SUPPORTED(XENT_IF_DIGESTED, ))

#define XENT_OPTIONS_OF_PATHS (XENT_ALL_OPTIONS & ~(XENT_OPTIONS_WITH(XENT_BY_ROWS)))
#define XENT_OPTIONS_ON_LOGITS XENT_OPTIONS_WITH(XENT_ON_LOGITS)
#define XENT_OPTIONS_BESIDE_LOGITS (XENT_OPTIONS_OF_PATHS & ~XENT_OPTIONS_ON_LOGITS)
#define XENT_OPTIONS_ON_LOSSES XENT_OPTIONS_WITH(XENT_ON_LOSSES)

/* For each array with its own softcap: stages/load/row_source.h, paths/f64/f64_load.h and paths/f64/f64_tile.h check
 * these two by name. */
_Static_assert(XENT_OPTIONS_WITH(XENT_ON_BACKWARD) == XENT_SETS(temperature),
               "the factor of a backward of softmax is 1 / temperature");
_Static_assert(XENT_ARRAYS_ON_LOGITS == XENT_HAS(class_mask) && XENT_OPTIONS_ON_LOGITS == XENT_SETS(softcap),
               "what changes logits is asked for in stages/load and paths/f64, too");
static inline bool logits_are_plain(const xent_call *call) {
  return !has_any(call, XENT_ARRAYS_ON_LOGITS) && !sets_any(call->options, XENT_OPTIONS_ON_LOGITS);
}

/* Whether a call has an array that is in none of these sets. */
#define XENT_HAS_BESIDE(call, sets) has_any(call, XENT_ALL_ARRAYS & ~XENT_ARRAYS_IN(sets))
/* Whether a call has only arrays in these sets, and these options. */
#define XENT_HAS_ONLY(call, sets, known) \
  (!XENT_HAS_BESIDE(call, sets) && !sets_any((call)->options, XENT_ALL_OPTIONS & ~(known)))

/* Fails to compile if the last path of a function lacks an array that the function takes: the row of an array names a
 * path after the path supports it. */
#define XENT_KNOWS_ALL(sets, taken) _Static_assert(((taken) & ~XENT_ARRAYS_IN(sets)) == 0, #sets " lacks an array")
XENT_KNOWS_ALL(IN_ROWS, XENT_TAKEN_BY_SOFTMAX | XENT_TAKEN_BY_LOG_SOFTMAX | XENT_TAKEN_BY_LOG_SUM_EXP);
XENT_KNOWS_ALL(IN_ROWS, XENT_TAKEN_BY_CROSS_ENTROPY | XENT_TAKEN_BY_CROSS_ENTROPY_BACKWARD);
XENT_KNOWS_ALL(IN_ROWS, XENT_ARRAYS_IN(IN_FLOW | IN_DENSE | IN_STRIPS | IN_EACH | IN_GRADIENT));
XENT_KNOWS_ALL(IN_BACKWARD, XENT_TAKEN_BY_SOFTMAX_BACKWARD | XENT_TAKEN_BY_LOG_SOFTMAX_BACKWARD);
XENT_KNOWS_ALL(IN_BACKWARD, XENT_TAKEN_BY_BACKWARD_STATES & ~XENT_HAS(states));
XENT_KNOWS_ALL(IN_BACKWARD_STRIPS, XENT_TAKEN_BY_SOFTMAX_BACKWARD & ~XENT_HAS(row_offsets));
XENT_KNOWS_ALL(IN_BACKWARD_STRIPS, XENT_TAKEN_BY_LOG_SOFTMAX_BACKWARD & ~XENT_HAS(row_offsets));
XENT_KNOWS_ALL(IN_STATES, XENT_TAKEN_BY_FORWARD_STATES);
XENT_KNOWS_ALL(IN_FINISH, XENT_TAKEN_BY_FINISH);
XENT_KNOWS_ALL(IN_SELECTED, XENT_TAKEN_BY_SELECTED_LOG_PROBABILITIES);
XENT_KNOWS_ALL(IN_SELECTED, XENT_TAKEN_BY_SELECTED_LOG_PROBABILITIES_BACKWARD);
XENT_KNOWS_ALL(IN_DIVERGENCE, XENT_TAKEN_BY_KL_DIVERGENCE | XENT_TAKEN_BY_JENSEN_SHANNON_DIVERGENCE);
XENT_KNOWS_ALL(IN_DIVERGENCE, XENT_TAKEN_BY_TOTAL_VARIATION);
XENT_KNOWS_ALL(IN_HVP, XENT_TAKEN_BY_CROSS_ENTROPY_HVP);
XENT_KNOWS_ALL(IN_ELEMENTS, XENT_TAKEN_BY_SIGMOID | XENT_TAKEN_BY_LOG_SIGMOID);
XENT_KNOWS_ALL(IN_ELEMENTS, XENT_TAKEN_BY_SIGMOID_BACKWARD | XENT_TAKEN_BY_LOG_SIGMOID_BACKWARD);
XENT_KNOWS_ALL(IN_ELEMENTS, XENT_TAKEN_BY_BINARY_CROSS_ENTROPY);
XENT_KNOWS_ALL(IN_CHECK, XENT_TAKEN_BY_CHECK_TARGETS);
XENT_KNOWS_ALL(IN_LINEAR, XENT_TAKEN_BY_LINEAR_CROSS_ENTROPY | XENT_TAKEN_BY_LINEAR_CROSS_ENTROPY_BACKWARD);
XENT_KNOWS_ALL(IN_LINEAR, XENT_TAKEN_BY_LINEAR_STATES);
XENT_KNOWS_ALL(IN_SAMPLE | IN_SAMPLE_RESULTS, XENT_TAKEN_BY_SAMPLE);

#endif
