/* SPDX-License-Identifier: Apache-2.0 */
/* Written by tools/functions.py: edit its sources, not this file. */
/* The arrays that each function takes, as present.h writes sets. */
#ifndef XENT_TAKEN_H
#define XENT_TAKEN_H

#define XENT_TAKEN_BY_SOFTMAX \
  (XENT_HAS(logits) | XENT_HAS(output) | XENT_HAS(class_mask) | XENT_HAS(sink) | XENT_HAS(row_offsets) | \
   XENT_HAS(known_statistics))
#define XENT_TAKEN_BY_LOG_SOFTMAX \
  (XENT_HAS(logits) | XENT_HAS(output) | XENT_HAS(class_mask) | XENT_HAS(sink) | XENT_HAS(row_offsets) | \
   XENT_HAS(known_statistics))
#define XENT_TAKEN_BY_LOG_SUM_EXP \
  (XENT_HAS(logits) | XENT_HAS(log_sum_exp) | XENT_HAS(class_mask) | XENT_HAS(sink) | XENT_HAS(row_offsets))
#define XENT_TAKEN_BY_SOFTMAX_BACKWARD \
  (XENT_HAS(forward_output) | XENT_HAS(upstream) | XENT_HAS(output) | XENT_HAS(class_mask) | \
   XENT_HAS(row_offsets) | XENT_HAS(known_statistics))
#define XENT_TAKEN_BY_LOG_SOFTMAX_BACKWARD \
  (XENT_HAS(forward_output) | XENT_HAS(upstream) | XENT_HAS(output) | XENT_HAS(class_mask) | \
   XENT_HAS(row_offsets) | XENT_HAS(known_statistics))
#define XENT_TAKEN_BY_CHECK_TARGETS \
  (XENT_HAS(targets) | XENT_HAS(target_weights) | XENT_HAS(class_mask) | XENT_HAS(class_weights) | \
   XENT_HAS(row_weights) | XENT_HAS(row_offsets) | XENT_HAS(exact_sum))
#define XENT_TAKEN_BY_CROSS_ENTROPY \
  (XENT_HAS(logits) | XENT_HAS(targets) | XENT_HAS(losses) | XENT_HAS(log_sum_exp) | XENT_HAS(correct) | \
   XENT_HAS(output) | XENT_HAS(target_weights) | XENT_HAS(class_mask) | XENT_HAS(class_weights) | \
   XENT_HAS(row_weights) | XENT_HAS(sink) | XENT_HAS(log_probabilities) | XENT_HAS(argmax) | \
   XENT_HAS(ranks) | XENT_HAS(entropies) | XENT_HAS(top_classes) | XENT_HAS(top_log_probabilities) | \
   XENT_HAS(target_gradient) | XENT_HAS(row_offsets) | XENT_HAS(statistics) | XENT_HAS(exact_sum))
#define XENT_TAKEN_BY_CROSS_ENTROPY_BACKWARD \
  (XENT_HAS(logits) | XENT_HAS(targets) | XENT_HAS(upstream) | XENT_HAS(output) | XENT_HAS(target_weights) | \
   XENT_HAS(class_mask) | XENT_HAS(class_weights) | XENT_HAS(row_weights) | XENT_HAS(row_offsets) | \
   XENT_HAS(known_statistics))
#define XENT_TAKEN_BY_SELECTED_LOG_PROBABILITIES \
  (XENT_HAS(logits) | XENT_HAS(targets) | XENT_HAS(log_probabilities) | XENT_HAS(output) | \
   XENT_HAS(upstream) | XENT_HAS(class_mask) | XENT_HAS(sink) | XENT_HAS(row_offsets) | XENT_HAS(statistics))
#define XENT_TAKEN_BY_SELECTED_LOG_PROBABILITIES_BACKWARD \
  (XENT_HAS(logits) | XENT_HAS(targets) | XENT_HAS(output) | XENT_HAS(upstream) | XENT_HAS(class_mask) | \
   XENT_HAS(row_offsets) | XENT_HAS(known_statistics))
#define XENT_TAKEN_BY_KL_DIVERGENCE \
  (XENT_HAS(logits) | XENT_HAS(teacher) | XENT_HAS(losses) | XENT_HAS(output) | XENT_HAS(class_mask) | \
   XENT_HAS(row_weights) | XENT_HAS(exact_sum))
#define XENT_TAKEN_BY_JENSEN_SHANNON_DIVERGENCE \
  (XENT_HAS(logits) | XENT_HAS(teacher) | XENT_HAS(losses) | XENT_HAS(output) | XENT_HAS(class_mask) | \
   XENT_HAS(row_weights) | XENT_HAS(exact_sum))
#define XENT_TAKEN_BY_TOTAL_VARIATION \
  (XENT_HAS(logits) | XENT_HAS(teacher) | XENT_HAS(losses) | XENT_HAS(output) | XENT_HAS(class_mask) | \
   XENT_HAS(row_weights) | XENT_HAS(exact_sum))
#define XENT_TAKEN_BY_CROSS_ENTROPY_HVP \
  (XENT_HAS(logits) | XENT_HAS(upstream) | XENT_HAS(output) | XENT_HAS(class_mask) | XENT_HAS(row_weights) | \
   XENT_HAS(sink) | XENT_HAS(row_offsets))
#define XENT_TAKEN_BY_SAMPLE \
  (XENT_HAS(logits) | XENT_HAS(tokens) | XENT_HAS(class_mask) | XENT_HAS(bias) | XENT_HAS(prompt_tokens) | \
   XENT_HAS(output_tokens) | XENT_HAS(processed_log_probabilities) | XENT_HAS(kept) | XENT_HAS(kept_mask) | \
   XENT_HAS(log_probabilities) | XENT_HAS(ranks) | XENT_HAS(entropies) | XENT_HAS(top_classes) | \
   XENT_HAS(top_log_probabilities) | XENT_HAS(workspace) | XENT_HAS(bias_tokens) | XENT_HAS(bias_values) | \
   XENT_HAS(draft_tokens) | XENT_HAS(draft_probabilities))
#define XENT_TAKEN_BY_BINARY_CROSS_ENTROPY \
  (XENT_HAS(logits) | XENT_HAS(targets) | XENT_HAS(losses) | XENT_HAS(output) | XENT_HAS(element_weights) | \
   XENT_HAS(positive_weights) | XENT_HAS(exact_sum))
#define XENT_TAKEN_BY_LINEAR_CROSS_ENTROPY \
  (XENT_HAS(hidden) | XENT_HAS(weights) | XENT_HAS(bias) | XENT_HAS(made_logits) | XENT_HAS(targets) | \
   XENT_HAS(target_weights) | XENT_HAS(class_mask) | XENT_HAS(class_weights) | XENT_HAS(row_weights) | \
   XENT_HAS(sink) | XENT_HAS(losses) | XENT_HAS(log_sum_exp) | XENT_HAS(correct) | \
   XENT_HAS(log_probabilities) | XENT_HAS(argmax) | XENT_HAS(ranks) | XENT_HAS(entropies) | \
   XENT_HAS(top_classes) | XENT_HAS(top_log_probabilities) | XENT_HAS(target_gradient) | \
   XENT_HAS(hidden_gradient) | XENT_HAS(weights_gradient) | XENT_HAS(bias_gradient) | XENT_HAS(statistics) | \
   XENT_HAS(exact_sum) | XENT_HAS(workspace))
#define XENT_TAKEN_BY_LINEAR_CROSS_ENTROPY_BACKWARD \
  (XENT_HAS(hidden) | XENT_HAS(weights) | XENT_HAS(bias) | XENT_HAS(logits) | XENT_HAS(targets) | \
   XENT_HAS(target_weights) | XENT_HAS(class_mask) | XENT_HAS(class_weights) | XENT_HAS(row_weights) | \
   XENT_HAS(upstream) | XENT_HAS(hidden_gradient) | XENT_HAS(weights_gradient) | XENT_HAS(bias_gradient) | \
   XENT_HAS(known_statistics) | XENT_HAS(workspace))
#define XENT_TAKEN_BY_LINEAR_STATES \
  (XENT_HAS(hidden) | XENT_HAS(weights) | XENT_HAS(bias) | XENT_HAS(targets) | XENT_HAS(target_weights) | \
   XENT_HAS(class_mask) | XENT_HAS(class_weights) | XENT_HAS(known_statistics) | XENT_HAS(states) | \
   XENT_HAS(workspace))
#define XENT_TAKEN_BY_FORWARD_STATES \
  (XENT_HAS(logits) | XENT_HAS(targets) | XENT_HAS(class_mask) | XENT_HAS(target_weights) | \
   XENT_HAS(class_weights) | XENT_HAS(known_statistics) | XENT_HAS(states))
#define XENT_TAKEN_BY_BACKWARD_STATES \
  (XENT_HAS(forward_output) | XENT_HAS(upstream) | XENT_HAS(class_mask) | XENT_HAS(states))
#define XENT_TAKEN_BY_FINISH \
  (XENT_HAS(targets) | XENT_HAS(losses) | XENT_HAS(log_sum_exp) | XENT_HAS(correct) | \
   XENT_HAS(class_weights) | XENT_HAS(row_weights) | XENT_HAS(sink) | XENT_HAS(known_states) | \
   XENT_HAS(statistics) | XENT_HAS(exact_sum))
#define XENT_TAKEN_BY_SIGMOID \
  (XENT_HAS(logits) | XENT_HAS(output))
#define XENT_TAKEN_BY_LOG_SIGMOID \
  (XENT_HAS(logits) | XENT_HAS(output))
#define XENT_TAKEN_BY_SIGMOID_BACKWARD \
  (XENT_HAS(logits) | XENT_HAS(upstream) | XENT_HAS(output))
#define XENT_TAKEN_BY_LOG_SIGMOID_BACKWARD \
  (XENT_HAS(logits) | XENT_HAS(upstream) | XENT_HAS(output))

#endif
