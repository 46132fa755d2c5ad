/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what this compiler makes of xent.h, for a test that compares it with the Java bindings:
 *   struct NAME SIZE
 *   field STRUCT NAME OFFSET SIZE
 *   constant NAME VALUE
 */
#include <stddef.h>
#include <stdio.h>

#include "xent.h"

#define STRUCT(s) printf("struct %s %zu\n", #s, sizeof(s))
#define FIELD(s, f) printf("field %s %s %zu %zu\n", #s, #f, offsetof(s, f), sizeof(((s *)0)->f))
#define CONSTANT(c) printf("constant %s %lld\n", #c, (long long)(c))

static void structs(void) {
  STRUCT(xent_layout);
  FIELD(xent_layout, outer);
  FIELD(xent_layout, classes);
  FIELD(xent_layout, inner);
  FIELD(xent_layout, type);
  FIELD(xent_layout, reserved);

  STRUCT(xent_input);
  FIELD(xent_input, address);
  FIELD(xent_input, layout);

  STRUCT(xent_output);
  FIELD(xent_output, address);
  FIELD(xent_output, layout);

  STRUCT(xent_sizes);
  FIELD(xent_sizes, outer);
  FIELD(xent_sizes, classes);
  FIELD(xent_sizes, inner);
  FIELD(xent_sizes, target_count);
  FIELD(xent_sizes, top_count);
  FIELD(xent_sizes, first_class);
  FIELD(xent_sizes, all_classes);
  FIELD(xent_sizes, prompt_count);
  FIELD(xent_sizes, output_count);

  STRUCT(xent_range);
  FIELD(xent_range, begin);
  FIELD(xent_range, end);

  STRUCT(xent_options);
  FIELD(xent_options, size);
  FIELD(xent_options, isa);
  FIELD(xent_options, fully_masked);
  FIELD(xent_options, has_ignore_index);
  FIELD(xent_options, has_gradient_scale);
  FIELD(xent_options, ignore_index);
  FIELD(xent_options, label_smoothing);
  FIELD(xent_options, gradient_scale);
  FIELD(xent_options, smoothing);
  FIELD(xent_options, reserved);
  FIELD(xent_options, temperature);
  FIELD(xent_options, softcap);
  FIELD(xent_options, z_loss);
  FIELD(xent_options, probability_clamp);

  STRUCT(xent_statistics);
  FIELD(xent_statistics, opaque);

  STRUCT(xent_state);
  FIELD(xent_state, opaque);

  STRUCT(xent_tally);
  FIELD(xent_tally, size);
  FIELD(xent_tally, nan);
  FIELD(xent_tally, positive_infinity);
  FIELD(xent_tally, negative_infinity);
  FIELD(xent_tally, bins);
  FIELD(xent_tally, doubles);
  FIELD(xent_tally, digits);

  STRUCT(xent_report);
  FIELD(xent_report, size);
  FIELD(xent_report, field);
  FIELD(xent_report, way);
  FIELD(xent_report, row);
  FIELD(xent_report, label);
  FIELD(xent_report, integer);
  FIELD(xent_report, value);
  FIELD(xent_report, counted);
  FIELD(xent_report, denominator);
  FIELD(xent_report, unfinished);

  STRUCT(xent_softmax_call);
  FIELD(xent_softmax_call, size);
  FIELD(xent_softmax_call, sizes);
  FIELD(xent_softmax_call, rows);
  FIELD(xent_softmax_call, classes);
  FIELD(xent_softmax_call, options);
  FIELD(xent_softmax_call, report);
  FIELD(xent_softmax_call, logits);
  FIELD(xent_softmax_call, row_offsets);
  FIELD(xent_softmax_call, class_mask);
  FIELD(xent_softmax_call, sink);
  FIELD(xent_softmax_call, statistics);
  FIELD(xent_softmax_call, output);

  STRUCT(xent_log_sum_exp_call);
  FIELD(xent_log_sum_exp_call, size);
  FIELD(xent_log_sum_exp_call, sizes);
  FIELD(xent_log_sum_exp_call, rows);
  FIELD(xent_log_sum_exp_call, options);
  FIELD(xent_log_sum_exp_call, report);
  FIELD(xent_log_sum_exp_call, logits);
  FIELD(xent_log_sum_exp_call, row_offsets);
  FIELD(xent_log_sum_exp_call, class_mask);
  FIELD(xent_log_sum_exp_call, sink);
  FIELD(xent_log_sum_exp_call, log_sum_exp);

  STRUCT(xent_softmax_backward_call);
  FIELD(xent_softmax_backward_call, size);
  FIELD(xent_softmax_backward_call, sizes);
  FIELD(xent_softmax_backward_call, rows);
  FIELD(xent_softmax_backward_call, classes);
  FIELD(xent_softmax_backward_call, options);
  FIELD(xent_softmax_backward_call, report);
  FIELD(xent_softmax_backward_call, output);
  FIELD(xent_softmax_backward_call, upstream);
  FIELD(xent_softmax_backward_call, row_offsets);
  FIELD(xent_softmax_backward_call, class_mask);
  FIELD(xent_softmax_backward_call, statistics);
  FIELD(xent_softmax_backward_call, gradient);

  STRUCT(xent_check_targets_call);
  FIELD(xent_check_targets_call, size);
  FIELD(xent_check_targets_call, sizes);
  FIELD(xent_check_targets_call, rows);
  FIELD(xent_check_targets_call, options);
  FIELD(xent_check_targets_call, report);
  FIELD(xent_check_targets_call, logits_type);
  FIELD(xent_check_targets_call, reserved);
  FIELD(xent_check_targets_call, targets);
  FIELD(xent_check_targets_call, target_weights);
  FIELD(xent_check_targets_call, row_offsets);
  FIELD(xent_check_targets_call, class_mask);
  FIELD(xent_check_targets_call, class_weights);
  FIELD(xent_check_targets_call, row_weights);
  FIELD(xent_check_targets_call, weights);

  STRUCT(xent_cross_entropy_call);
  FIELD(xent_cross_entropy_call, size);
  FIELD(xent_cross_entropy_call, sizes);
  FIELD(xent_cross_entropy_call, rows);
  FIELD(xent_cross_entropy_call, options);
  FIELD(xent_cross_entropy_call, report);
  FIELD(xent_cross_entropy_call, logits);
  FIELD(xent_cross_entropy_call, targets);
  FIELD(xent_cross_entropy_call, target_weights);
  FIELD(xent_cross_entropy_call, row_offsets);
  FIELD(xent_cross_entropy_call, class_mask);
  FIELD(xent_cross_entropy_call, class_weights);
  FIELD(xent_cross_entropy_call, row_weights);
  FIELD(xent_cross_entropy_call, sink);
  FIELD(xent_cross_entropy_call, losses);
  FIELD(xent_cross_entropy_call, log_sum_exp);
  FIELD(xent_cross_entropy_call, hits);
  FIELD(xent_cross_entropy_call, log_probabilities);
  FIELD(xent_cross_entropy_call, argmax);
  FIELD(xent_cross_entropy_call, ranks);
  FIELD(xent_cross_entropy_call, entropies);
  FIELD(xent_cross_entropy_call, top_classes);
  FIELD(xent_cross_entropy_call, top_log_probabilities);
  FIELD(xent_cross_entropy_call, gradient);
  FIELD(xent_cross_entropy_call, target_gradient);
  FIELD(xent_cross_entropy_call, statistics);
  FIELD(xent_cross_entropy_call, tally);

  STRUCT(xent_cross_entropy_backward_call);
  FIELD(xent_cross_entropy_backward_call, size);
  FIELD(xent_cross_entropy_backward_call, sizes);
  FIELD(xent_cross_entropy_backward_call, rows);
  FIELD(xent_cross_entropy_backward_call, classes);
  FIELD(xent_cross_entropy_backward_call, options);
  FIELD(xent_cross_entropy_backward_call, report);
  FIELD(xent_cross_entropy_backward_call, logits);
  FIELD(xent_cross_entropy_backward_call, targets);
  FIELD(xent_cross_entropy_backward_call, target_weights);
  FIELD(xent_cross_entropy_backward_call, row_offsets);
  FIELD(xent_cross_entropy_backward_call, class_mask);
  FIELD(xent_cross_entropy_backward_call, class_weights);
  FIELD(xent_cross_entropy_backward_call, row_weights);
  FIELD(xent_cross_entropy_backward_call, statistics);
  FIELD(xent_cross_entropy_backward_call, upstream);
  FIELD(xent_cross_entropy_backward_call, gradient);

  STRUCT(xent_kl_divergence_call);
  FIELD(xent_kl_divergence_call, size);
  FIELD(xent_kl_divergence_call, sizes);
  FIELD(xent_kl_divergence_call, rows);
  FIELD(xent_kl_divergence_call, options);
  FIELD(xent_kl_divergence_call, report);
  FIELD(xent_kl_divergence_call, logits);
  FIELD(xent_kl_divergence_call, teacher);
  FIELD(xent_kl_divergence_call, class_mask);
  FIELD(xent_kl_divergence_call, row_weights);
  FIELD(xent_kl_divergence_call, losses);
  FIELD(xent_kl_divergence_call, gradient);
  FIELD(xent_kl_divergence_call, tally);

  STRUCT(xent_sampling);
  FIELD(xent_sampling, size);
  FIELD(xent_sampling, rules);
  FIELD(xent_sampling, ties);
  FIELD(xent_sampling, greedy);
  FIELD(xent_sampling, reserved);
  FIELD(xent_sampling, min_keep);
  FIELD(xent_sampling, top_k);
  FIELD(xent_sampling, top_p);
  FIELD(xent_sampling, min_p);
  FIELD(xent_sampling, typical_p);
  FIELD(xent_sampling, temperature);
  FIELD(xent_sampling, repetition_penalty);
  FIELD(xent_sampling, frequency_penalty);
  FIELD(xent_sampling, presence_penalty);
  FIELD(xent_sampling, seed);
  FIELD(xent_sampling, stream);
  FIELD(xent_sampling, step);
  FIELD(xent_sampling, draw);

  STRUCT(xent_sample_call);
  FIELD(xent_sample_call, size);
  FIELD(xent_sample_call, sizes);
  FIELD(xent_sample_call, rows);
  FIELD(xent_sample_call, options);
  FIELD(xent_sample_call, sampling);
  FIELD(xent_sample_call, per_row);
  FIELD(xent_sample_call, reserved);
  FIELD(xent_sample_call, report);
  FIELD(xent_sample_call, logits);
  FIELD(xent_sample_call, class_mask);
  FIELD(xent_sample_call, bias);
  FIELD(xent_sample_call, prompt_tokens);
  FIELD(xent_sample_call, output_tokens);
  FIELD(xent_sample_call, tokens);
  FIELD(xent_sample_call, processed_log_probabilities);
  FIELD(xent_sample_call, kept);
  FIELD(xent_sample_call, kept_mask);
  FIELD(xent_sample_call, log_probabilities);
  FIELD(xent_sample_call, ranks);
  FIELD(xent_sample_call, entropies);
  FIELD(xent_sample_call, top_classes);
  FIELD(xent_sample_call, top_log_probabilities);
  FIELD(xent_sample_call, workspace);
  FIELD(xent_sample_call, workspace_size);

  STRUCT(xent_forward_states_call);
  FIELD(xent_forward_states_call, size);
  FIELD(xent_forward_states_call, sizes);
  FIELD(xent_forward_states_call, rows);
  FIELD(xent_forward_states_call, classes);
  FIELD(xent_forward_states_call, options);
  FIELD(xent_forward_states_call, report);
  FIELD(xent_forward_states_call, logits);
  FIELD(xent_forward_states_call, targets);
  FIELD(xent_forward_states_call, target_weights);
  FIELD(xent_forward_states_call, class_mask);
  FIELD(xent_forward_states_call, class_weights);
  FIELD(xent_forward_states_call, statistics);
  FIELD(xent_forward_states_call, states);

  STRUCT(xent_backward_states_call);
  FIELD(xent_backward_states_call, size);
  FIELD(xent_backward_states_call, sizes);
  FIELD(xent_backward_states_call, rows);
  FIELD(xent_backward_states_call, classes);
  FIELD(xent_backward_states_call, options);
  FIELD(xent_backward_states_call, report);
  FIELD(xent_backward_states_call, output);
  FIELD(xent_backward_states_call, upstream);
  FIELD(xent_backward_states_call, class_mask);
  FIELD(xent_backward_states_call, states);

  STRUCT(xent_finish_call);
  FIELD(xent_finish_call, size);
  FIELD(xent_finish_call, sizes);
  FIELD(xent_finish_call, rows);
  FIELD(xent_finish_call, options);
  FIELD(xent_finish_call, report);
  FIELD(xent_finish_call, logits_type);
  FIELD(xent_finish_call, second_round);
  FIELD(xent_finish_call, states);
  FIELD(xent_finish_call, targets);
  FIELD(xent_finish_call, class_weights);
  FIELD(xent_finish_call, row_weights);
  FIELD(xent_finish_call, sink);
  FIELD(xent_finish_call, statistics);
  FIELD(xent_finish_call, losses);
  FIELD(xent_finish_call, log_sum_exp);
  FIELD(xent_finish_call, hits);
  FIELD(xent_finish_call, tally);

  STRUCT(xent_shape);
  FIELD(xent_shape, size);
  FIELD(xent_shape, outer);
  FIELD(xent_shape, classes);
  FIELD(xent_shape, inner);
  FIELD(xent_shape, target_count);
  FIELD(xent_shape, top_count);
  FIELD(xent_shape, first_class);
  FIELD(xent_shape, all_classes);
  FIELD(xent_shape, prompt_count);
  FIELD(xent_shape, output_count);
  FIELD(xent_shape, logits);
  FIELD(xent_shape, output);
  FIELD(xent_shape, gradient);
  FIELD(xent_shape, upstream);
  FIELD(xent_shape, targets);
  FIELD(xent_shape, losses);
  FIELD(xent_shape, log_sum_exp);
  FIELD(xent_shape, hits);
  FIELD(xent_shape, target_weights);
  FIELD(xent_shape, row_offsets);
  FIELD(xent_shape, class_mask);
  FIELD(xent_shape, class_weights);
  FIELD(xent_shape, row_weights);
  FIELD(xent_shape, sink);
  FIELD(xent_shape, log_probabilities);
  FIELD(xent_shape, argmax);
  FIELD(xent_shape, ranks);
  FIELD(xent_shape, entropies);
  FIELD(xent_shape, top_classes);
  FIELD(xent_shape, top_log_probabilities);
  FIELD(xent_shape, target_gradient);
  FIELD(xent_shape, teacher);
  FIELD(xent_shape, bias);
  FIELD(xent_shape, prompt_tokens);
  FIELD(xent_shape, output_tokens);
  FIELD(xent_shape, tokens);
  FIELD(xent_shape, processed_log_probabilities);
  FIELD(xent_shape, kept);
  FIELD(xent_shape, kept_mask);
}

static void constants(void) {
  CONSTANT(XENT_ABI_VERSION);
  CONSTANT(XENT_NUMERICS_VERSION);
  CONSTANT(XENT_CHUNK);
  CONSTANT(XENT_OK);
  CONSTANT(XENT_INVALID_ARGUMENT);
  CONSTANT(XENT_INVALID_SHAPE);
  CONSTANT(XENT_INVALID_OPTION);
  CONSTANT(XENT_INVALID_LABEL);
  CONSTANT(XENT_OVERLAP);
  CONSTANT(XENT_UNSUPPORTED);
  CONSTANT(XENT_OUT_OF_STACK);
  CONSTANT(XENT_FIELD_NONE);
  CONSTANT(XENT_FIELD_SHAPE);
  CONSTANT(XENT_FIELD_OPTIONS);
  CONSTANT(XENT_FIELD_ROW_RANGE);
  CONSTANT(XENT_FIELD_CLASS_RANGE);
  CONSTANT(XENT_FIELD_LOGITS);
  CONSTANT(XENT_FIELD_OUTPUT);
  CONSTANT(XENT_FIELD_GRADIENT);
  CONSTANT(XENT_FIELD_UPSTREAM);
  CONSTANT(XENT_FIELD_TARGETS);
  CONSTANT(XENT_FIELD_LOSSES);
  CONSTANT(XENT_FIELD_LOG_SUM_EXP);
  CONSTANT(XENT_FIELD_HITS);
  CONSTANT(XENT_FIELD_STATISTICS);
  CONSTANT(XENT_FIELD_STATES);
  CONSTANT(XENT_FIELD_TALLY);
  CONSTANT(XENT_FIELD_REPORT);
  CONSTANT(XENT_FIELD_CLASSES);
  CONSTANT(XENT_FIELD_TARGET_WEIGHTS);
  CONSTANT(XENT_FIELD_ROW_OFFSETS);
  CONSTANT(XENT_FIELD_CLASS_MASK);
  CONSTANT(XENT_FIELD_CLASS_WEIGHTS);
  CONSTANT(XENT_FIELD_ROW_WEIGHTS);
  CONSTANT(XENT_FIELD_SINK);
  CONSTANT(XENT_FIELD_LOG_PROBABILITIES);
  CONSTANT(XENT_FIELD_ARGMAX);
  CONSTANT(XENT_FIELD_RANKS);
  CONSTANT(XENT_FIELD_ENTROPIES);
  CONSTANT(XENT_FIELD_TOP_CLASSES);
  CONSTANT(XENT_FIELD_TOP_LOG_PROBABILITIES);
  CONSTANT(XENT_FIELD_TARGET_GRADIENT);
  CONSTANT(XENT_FIELD_TEACHER);
  CONSTANT(XENT_FIELD_ISA);
  CONSTANT(XENT_FIELD_FULLY_MASKED);
  CONSTANT(XENT_FIELD_IGNORE_INDEX);
  CONSTANT(XENT_FIELD_LABEL_SMOOTHING);
  CONSTANT(XENT_FIELD_GRADIENT_SCALE);
  CONSTANT(XENT_FIELD_SMOOTHING);
  CONSTANT(XENT_FIELD_TEMPERATURE);
  CONSTANT(XENT_FIELD_SOFTCAP);
  CONSTANT(XENT_FIELD_Z_LOSS);
  CONSTANT(XENT_FIELD_PROBABILITY_CLAMP);
  CONSTANT(XENT_FIELD_TARGET_COUNT);
  CONSTANT(XENT_FIELD_TOP_COUNT);
  CONSTANT(XENT_FIELD_FIRST_CLASS);
  CONSTANT(XENT_FIELD_ALL_CLASSES);
  CONSTANT(XENT_FIELD_SAMPLING);
  CONSTANT(XENT_FIELD_RULES);
  CONSTANT(XENT_FIELD_TIES);
  CONSTANT(XENT_FIELD_GREEDY);
  CONSTANT(XENT_FIELD_MIN_KEEP);
  CONSTANT(XENT_FIELD_TOP_K);
  CONSTANT(XENT_FIELD_TOP_P);
  CONSTANT(XENT_FIELD_MIN_P);
  CONSTANT(XENT_FIELD_TYPICAL_P);
  CONSTANT(XENT_FIELD_REPETITION_PENALTY);
  CONSTANT(XENT_FIELD_FREQUENCY_PENALTY);
  CONSTANT(XENT_FIELD_PRESENCE_PENALTY);
  CONSTANT(XENT_FIELD_PROMPT_COUNT);
  CONSTANT(XENT_FIELD_OUTPUT_COUNT);
  CONSTANT(XENT_FIELD_BIAS);
  CONSTANT(XENT_FIELD_PROMPT_TOKENS);
  CONSTANT(XENT_FIELD_OUTPUT_TOKENS);
  CONSTANT(XENT_FIELD_TOKENS);
  CONSTANT(XENT_FIELD_PROCESSED_LOG_PROBABILITIES);
  CONSTANT(XENT_FIELD_KEPT);
  CONSTANT(XENT_FIELD_KEPT_MASK);
  CONSTANT(XENT_FIELD_WORKSPACE);
  CONSTANT(XENT_NO_TYPE);
  CONSTANT(XENT_F32);
  CONSTANT(XENT_F64);
  CONSTANT(XENT_F16);
  CONSTANT(XENT_BF16);
  CONSTANT(XENT_I8);
  CONSTANT(XENT_U8);
  CONSTANT(XENT_I16);
  CONSTANT(XENT_I32);
  CONSTANT(XENT_I64);
  CONSTANT(XENT_ISA_BEST);
  CONSTANT(XENT_ISA_SCALAR);
  CONSTANT(XENT_ISA_AVX2);
  CONSTANT(XENT_ISA_AVX512);
  CONSTANT(XENT_ISA_NEON);
  CONSTANT(XENT_FULLY_MASKED_NAN);
  CONSTANT(XENT_FULLY_MASKED_ZERO);
  CONSTANT(XENT_SMOOTHING_UNIFORM);
  CONSTANT(XENT_SMOOTHING_OTHERS);
  CONSTANT(XENT_RULES_XENT);
  CONSTANT(XENT_RULES_TRANSFORMERS);
  CONSTANT(XENT_RULES_VLLM);
  CONSTANT(XENT_RULES_LLAMA_CPP);
  CONSTANT(XENT_RULES_ONNXRUNTIME_GENAI);
  CONSTANT(XENT_TIES_OF_RULES);
  CONSTANT(XENT_TIES_FIRST);
  CONSTANT(XENT_TIES_ALL);
}

int main(void) {
  structs();
  constants();
  return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
