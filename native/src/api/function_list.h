/* SPDX-License-Identifier: Apache-2.0 */
/* Written by tools/functions.py: edit its sources, not this file. */
#ifndef XENT_FUNCTION_LIST_H
#define XENT_FUNCTION_LIST_H

/* Each function with its number in xent.h and its name. */
#define XENT_FUNCTIONS(_) \
  _(SOFTMAX, softmax) \
  _(LOG_SOFTMAX, log_softmax) \
  _(LOG_SUM_EXP, log_sum_exp) \
  _(SOFTMAX_BACKWARD, softmax_backward) \
  _(LOG_SOFTMAX_BACKWARD, log_softmax_backward) \
  _(CHECK_TARGETS, check_targets) \
  _(CROSS_ENTROPY, cross_entropy) \
  _(CROSS_ENTROPY_BACKWARD, cross_entropy_backward) \
  _(SELECTED_LOG_PROBABILITIES, selected_log_probabilities) \
  _(SELECTED_LOG_PROBABILITIES_BACKWARD, selected_log_probabilities_backward) \
  _(KL_DIVERGENCE, kl_divergence) \
  _(JENSEN_SHANNON_DIVERGENCE, jensen_shannon_divergence) \
  _(TOTAL_VARIATION, total_variation) \
  _(CROSS_ENTROPY_HVP, cross_entropy_hvp) \
  _(SAMPLE, sample) \
  _(BINARY_CROSS_ENTROPY, binary_cross_entropy) \
  _(LINEAR_CROSS_ENTROPY, linear_cross_entropy) \
  _(LINEAR_CROSS_ENTROPY_BACKWARD, linear_cross_entropy_backward) \
  _(LINEAR_STATES, linear_states) \
  _(FORWARD_STATES, forward_states) \
  _(BACKWARD_STATES, backward_states) \
  _(FINISH, finish) \
  _(SIGMOID, sigmoid) \
  _(LOG_SIGMOID, log_sigmoid) \
  _(SIGMOID_BACKWARD, sigmoid_backward) \
  _(LOG_SIGMOID_BACKWARD, log_sigmoid_backward)

#endif
