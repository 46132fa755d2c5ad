/* SPDX-License-Identifier: Apache-2.0 */
/* Written by tools/functions.py: edit its sources, not this file. */
#ifndef XENT_FIELD_LIST_H
#define XENT_FIELD_LIST_H

/* Each field with its number in xent.h and its name. */
#define XENT_FIELDS(_) \
  _(NONE, none) \
  _(SHAPE, shape) \
  _(OPTIONS, options) \
  _(ROW_RANGE, row_range) \
  _(CLASS_RANGE, class_range) \
  _(LOGITS, logits) \
  _(OUTPUT, output) \
  _(GRADIENT, gradient) \
  _(UPSTREAM, upstream) \
  _(TARGETS, targets) \
  _(LOSSES, losses) \
  _(LOG_SUM_EXP, log_sum_exp) \
  _(CORRECT, correct) \
  _(STATISTICS, statistics) \
  _(STATES, states) \
  _(EXACT_SUM, exact_sum) \
  _(REPORT, report) \
  _(CLASSES, classes) \
  _(TARGET_WEIGHTS, target_weights) \
  _(ROW_OFFSETS, row_offsets) \
  _(CLASS_MASK, class_mask) \
  _(CLASS_WEIGHTS, class_weights) \
  _(ROW_WEIGHTS, row_weights) \
  _(SINK, sink) \
  _(LOG_PROBABILITIES, log_probabilities) \
  _(ARGMAX, argmax) \
  _(RANKS, ranks) \
  _(ENTROPIES, entropies) \
  _(TOP_CLASSES, top_classes) \
  _(TOP_LOG_PROBABILITIES, top_log_probabilities) \
  _(TARGET_GRADIENT, target_gradient) \
  _(TEACHER, teacher) \
  _(ISA, isa) \
  _(FULLY_MASKED, fully_masked) \
  _(IGNORE_INDEX, ignore_index) \
  _(LABEL_SMOOTHING, label_smoothing) \
  _(GRADIENT_SCALE, gradient_scale) \
  _(SMOOTHING, smoothing) \
  _(TEMPERATURE, temperature) \
  _(SOFTCAP, softcap) \
  _(Z_LOSS, z_loss) \
  _(PROBABILITY_CLAMP, probability_clamp) \
  _(TARGET_COUNT, target_count) \
  _(TOP_COUNT, top_count) \
  _(FIRST_CLASS, first_class) \
  _(ALL_CLASSES, all_classes) \
  _(FOCAL_GAMMA, focal_gamma) \
  _(FOCAL_ALPHA, focal_alpha) \
  _(SAMPLING, sampling) \
  _(RULES, rules) \
  _(TIES, ties) \
  _(GREEDY, greedy) \
  _(MIN_KEEP, min_keep) \
  _(TOP_K, top_k) \
  _(TOP_P, top_p) \
  _(MIN_P, min_p) \
  _(TYPICAL_P, typical_p) \
  _(REPETITION_PENALTY, repetition_penalty) \
  _(FREQUENCY_PENALTY, frequency_penalty) \
  _(PRESENCE_PENALTY, presence_penalty) \
  _(PROMPT_COUNT, prompt_count) \
  _(OUTPUT_COUNT, output_count) \
  _(BIAS, bias) \
  _(PROMPT_TOKENS, prompt_tokens) \
  _(OUTPUT_TOKENS, output_tokens) \
  _(TOKENS, tokens) \
  _(PROCESSED_LOG_PROBABILITIES, processed_log_probabilities) \
  _(KEPT, kept) \
  _(KEPT_MASK, kept_mask) \
  _(WORKSPACE, workspace) \
  _(ELEMENT_WEIGHTS, element_weights) \
  _(POSITIVE_WEIGHTS, positive_weights) \
  _(FEATURES, features) \
  _(HIDDEN, hidden) \
  _(WEIGHTS, weights) \
  _(HIDDEN_GRADIENT, hidden_gradient) \
  _(WEIGHTS_GRADIENT, weights_gradient) \
  _(BIAS_GRADIENT, bias_gradient) \
  _(BIAS_TOKENS, bias_tokens) \
  _(BIAS_VALUES, bias_values) \
  _(TOP_N_SIGMA, top_n_sigma) \
  _(XTC_PROBABILITY, xtc_probability) \
  _(XTC_THRESHOLD, xtc_threshold) \
  _(ORDER, order) \
  _(SCALE, scale) \
  _(DYNATEMP_RANGE, dynatemp_range) \
  _(DYNATEMP_EXPONENT, dynatemp_exponent) \
  _(DRAFT_TOKENS, draft_tokens) \
  _(DRAFT_PROBABILITIES, draft_probabilities)

#endif
