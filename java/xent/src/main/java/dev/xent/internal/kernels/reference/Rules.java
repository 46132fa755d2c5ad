// SPDX-License-Identifier: Apache-2.0
// Written by tools/functions.py: change what that reads, not this.
package dev.xent.internal.kernels.reference;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Form;
import dev.xent.internal.kernels.Function;

/** What is checked of each array, and in which order. */
final class Rules {
  static final ArrayRule LOGITS = new ArrayRule(Array.LOGITS, Field.LOGITS, Form.PER_CLASS,
      ElementType.NUMBERS, false, 0);
  static final ArrayRule TEACHER = new ArrayRule(Array.TEACHER, Field.TEACHER, Form.PER_CLASS,
      ElementType.NUMBERS, false, 0);
  static final ArrayRule TARGETS = new ArrayRule(Array.TARGETS, Field.TARGETS, Form.OF_TARGETS,
      ElementType.LABELS | ElementType.NUMBERS, false, 0);
  static final ArrayRule TARGET_WEIGHTS = new ArrayRule(Array.TARGET_WEIGHTS, Field.TARGET_WEIGHTS,
      Form.PER_TARGET, ElementType.NUMBERS, false, 0);
  static final ArrayRule ROW_OFFSETS = new ArrayRule(Array.ROW_OFFSETS, Field.ROW_OFFSETS,
      Form.OFFSETS, ElementType.CLASS_NUMBERS, false, 0);
  static final ArrayRule CLASS_MASK = new ArrayRule(Array.CLASS_MASK, Field.CLASS_MASK,
      Form.PER_CLASS, ElementType.FLAGS, false, 0);
  static final ArrayRule CLASS_WEIGHTS = new ArrayRule(Array.CLASS_WEIGHTS, Field.CLASS_WEIGHTS,
      Form.ONE_ROW, ElementType.NUMBERS, false, 0);
  static final ArrayRule ROW_WEIGHTS = new ArrayRule(Array.ROW_WEIGHTS, Field.ROW_WEIGHTS,
      Form.PER_ROW, ElementType.NUMBERS | ElementType.FLAGS, false, 0);
  static final ArrayRule SINK = new ArrayRule(Array.SINK, Field.SINK, Form.PER_ROW,
      ElementType.NUMBERS, false, 0);
  static final ArrayRule KNOWN_OUTPUT = new ArrayRule(Array.OUTPUT, Field.OUTPUT, Form.PER_CLASS,
      ElementType.NUMBERS, false, 0);
  static final ArrayRule UPSTREAM = new ArrayRule(Array.UPSTREAM, Field.UPSTREAM, Form.PER_CLASS,
      ElementType.NUMBERS, false, 0);
  static final ArrayRule UPSTREAM_OF_ROWS = new ArrayRule(Array.UPSTREAM, Field.UPSTREAM,
      Form.PER_ROW, ElementType.NUMBERS, false, 0);
  static final ArrayRule OUTPUT_ARRAY = new ArrayRule(Array.OUTPUT, Field.OUTPUT, Form.PER_CLASS,
      ElementType.NUMBERS, true, 1L << Field.LOGITS);
  static final ArrayRule GRADIENT = new ArrayRule(Array.GRADIENT, Field.GRADIENT, Form.PER_CLASS,
      ElementType.NUMBERS, true, 1L << Field.LOGITS);
  static final ArrayRule SOFTMAX_GRADIENT = new ArrayRule(Array.GRADIENT, Field.GRADIENT,
      Form.PER_CLASS, ElementType.NUMBERS, true, 1L << Field.OUTPUT | 1L << Field.UPSTREAM);
  static final ArrayRule LOSSES = new ArrayRule(Array.LOSSES, Field.LOSSES, Form.PER_ROW,
      ElementType.NUMBERS, true, 0);
  static final ArrayRule LOG_SUM_EXP = new ArrayRule(Array.LOG_SUM_EXP, Field.LOG_SUM_EXP,
      Form.PER_ROW, ElementType.NUMBERS, true, 0);
  static final ArrayRule CORRECT = new ArrayRule(Array.CORRECT, Field.CORRECT, Form.PER_ROW,
      ElementType.FLAGS, true, 0);
  static final ArrayRule LOG_PROBABILITIES = new ArrayRule(Array.LOG_PROBABILITIES,
      Field.LOG_PROBABILITIES, Form.PER_ROW, ElementType.NUMBERS, true, 0);
  static final ArrayRule ARGMAX = new ArrayRule(Array.ARGMAX, Field.ARGMAX, Form.PER_ROW,
      ElementType.CLASS_NUMBERS, true, 0);
  static final ArrayRule RANKS = new ArrayRule(Array.RANKS, Field.RANKS, Form.PER_ROW,
      ElementType.CLASS_NUMBERS, true, 0);
  static final ArrayRule ENTROPIES = new ArrayRule(Array.ENTROPIES, Field.ENTROPIES, Form.PER_ROW,
      ElementType.NUMBERS, true, 0);
  static final ArrayRule TOP_CLASSES = new ArrayRule(Array.TOP_CLASSES, Field.TOP_CLASSES,
      Form.PER_TOP, ElementType.CLASS_NUMBERS, true, 0);
  static final ArrayRule TOP_LOG_PROBABILITIES = new ArrayRule(Array.TOP_LOG_PROBABILITIES,
      Field.TOP_LOG_PROBABILITIES, Form.PER_TOP, ElementType.NUMBERS, true, 0);
  static final ArrayRule TARGET_GRADIENT = new ArrayRule(Array.TARGET_GRADIENT,
      Field.TARGET_GRADIENT, Form.OF_TARGETS, ElementType.NUMBERS, true, 0);
  static final ArrayRule BIAS = new ArrayRule(Array.BIAS, Field.BIAS, Form.PER_CLASS,
      ElementType.NUMBERS, false, 0);
  static final ArrayRule PROMPT_TOKENS = new ArrayRule(Array.PROMPT_TOKENS, Field.PROMPT_TOKENS,
      Form.PER_PROMPT, ElementType.LABELS, false, 0);
  static final ArrayRule OUTPUT_TOKENS = new ArrayRule(Array.OUTPUT_TOKENS, Field.OUTPUT_TOKENS,
      Form.PER_OUTPUT, ElementType.LABELS, false, 0);
  static final ArrayRule TOKENS = new ArrayRule(Array.TOKENS, Field.TOKENS, Form.PER_ROW,
      ElementType.CLASS_NUMBERS, true, 0);
  static final ArrayRule PROCESSED_LOG_PROBABILITIES = new ArrayRule(
      Array.PROCESSED_LOG_PROBABILITIES, Field.PROCESSED_LOG_PROBABILITIES, Form.PER_ROW,
      ElementType.NUMBERS, true, 0);
  static final ArrayRule KEPT = new ArrayRule(Array.KEPT, Field.KEPT, Form.PER_ROW,
      ElementType.CLASS_NUMBERS, true, 0);
  static final ArrayRule KEPT_MASK = new ArrayRule(Array.KEPT_MASK, Field.KEPT_MASK, Form.PER_CLASS,
      ElementType.FLAGS, true, 0);
  static final ArrayRule ELEMENT_TARGETS = new ArrayRule(Array.TARGETS, Field.TARGETS,
      Form.PER_CLASS, ElementType.LABELS | ElementType.NUMBERS, false, 0);
  static final ArrayRule ELEMENT_WEIGHTS = new ArrayRule(Array.ELEMENT_WEIGHTS,
      Field.ELEMENT_WEIGHTS, Form.PER_CLASS, ElementType.NUMBERS | ElementType.FLAGS, false, 0);
  static final ArrayRule POSITIVE_WEIGHTS = new ArrayRule(Array.POSITIVE_WEIGHTS,
      Field.POSITIVE_WEIGHTS, Form.PER_CLASS, ElementType.NUMBERS, false, 0);
  static final ArrayRule ELEMENT_LOSSES = new ArrayRule(Array.LOSSES, Field.LOSSES, Form.PER_CLASS,
      ElementType.NUMBERS, true, 0);
  static final ArrayRule SELECTED_CLASSES = new ArrayRule(Array.TARGETS, Field.TARGETS,
      Form.OF_TARGETS, ElementType.LABELS, false, 0);
  static final ArrayRule SELECTED_UPSTREAM = new ArrayRule(Array.UPSTREAM, Field.UPSTREAM,
      Form.OF_TARGETS, ElementType.NUMBERS, false, 0);
  static final ArrayRule SELECTED_LOG_PROBABILITIES = new ArrayRule(Array.LOG_PROBABILITIES,
      Field.LOG_PROBABILITIES, Form.OF_TARGETS, ElementType.NUMBERS, true, 0);
  static final ArrayRule HIDDEN = new ArrayRule(Array.HIDDEN, Field.HIDDEN, Form.PER_FEATURE,
      ElementType.NUMBERS, false, 0);
  static final ArrayRule WEIGHTS = new ArrayRule(Array.WEIGHTS, Field.WEIGHTS, Form.OF_CLASSES,
      ElementType.NUMBERS, false, 0);
  static final ArrayRule BIAS_OF_CLASSES = new ArrayRule(Array.BIAS, Field.BIAS, Form.ONE_ROW,
      ElementType.NUMBERS, false, 0);
  static final ArrayRule MADE_LOGITS = new ArrayRule(Array.LOGITS, Field.LOGITS, Form.PER_CLASS,
      ElementType.NUMBERS, true, 0);
  static final ArrayRule HIDDEN_GRADIENT = new ArrayRule(Array.HIDDEN_GRADIENT,
      Field.HIDDEN_GRADIENT, Form.PER_FEATURE, ElementType.NUMBERS, true, 0);
  static final ArrayRule WEIGHTS_GRADIENT = new ArrayRule(Array.WEIGHTS_GRADIENT,
      Field.WEIGHTS_GRADIENT, Form.OF_CLASSES, ElementType.NUMBERS, true, 0);
  static final ArrayRule BIAS_GRADIENT = new ArrayRule(Array.BIAS_GRADIENT, Field.BIAS_GRADIENT,
      Form.ONE_ROW, ElementType.NUMBERS, true, 0);

  private static final ArrayRule[][] OF = {
    {LOGITS, OUTPUT_ARRAY, CLASS_MASK, SINK, ROW_OFFSETS},  // SOFTMAX
    {LOGITS, OUTPUT_ARRAY, CLASS_MASK, SINK, ROW_OFFSETS},  // LOG_SOFTMAX
    {LOGITS, LOG_SUM_EXP, CLASS_MASK, SINK, ROW_OFFSETS},  // LOG_SUM_EXP
    {KNOWN_OUTPUT, UPSTREAM, SOFTMAX_GRADIENT, CLASS_MASK, ROW_OFFSETS},  // SOFTMAX_BACKWARD
    {KNOWN_OUTPUT, UPSTREAM, SOFTMAX_GRADIENT, CLASS_MASK, ROW_OFFSETS},  // LOG_SOFTMAX_BACKWARD
    {TARGETS, TARGET_WEIGHTS, CLASS_MASK, CLASS_WEIGHTS, ROW_WEIGHTS,
      ROW_OFFSETS},  // CHECK_TARGETS
    {LOGITS, TARGETS, LOSSES, LOG_SUM_EXP, CORRECT, GRADIENT, TARGET_WEIGHTS, CLASS_MASK,
      CLASS_WEIGHTS, ROW_WEIGHTS, SINK, LOG_PROBABILITIES, ARGMAX, RANKS, ENTROPIES, TOP_CLASSES,
      TOP_LOG_PROBABILITIES, TARGET_GRADIENT, ROW_OFFSETS},  // CROSS_ENTROPY
    {LOGITS, TARGETS, UPSTREAM_OF_ROWS, GRADIENT, TARGET_WEIGHTS, CLASS_MASK, CLASS_WEIGHTS,
      ROW_WEIGHTS, ROW_OFFSETS},  // CROSS_ENTROPY_BACKWARD
    {LOGITS, SELECTED_CLASSES, SELECTED_LOG_PROBABILITIES, GRADIENT, SELECTED_UPSTREAM, CLASS_MASK,
      SINK, ROW_OFFSETS},  // SELECTED_LOG_PROBABILITIES
    {LOGITS, SELECTED_CLASSES, GRADIENT, SELECTED_UPSTREAM, CLASS_MASK,
      ROW_OFFSETS},  // SELECTED_LOG_PROBABILITIES_BACKWARD
    {LOGITS, TEACHER, LOSSES, GRADIENT, CLASS_MASK, ROW_WEIGHTS},  // KL_DIVERGENCE
    {LOGITS, TEACHER, LOSSES, GRADIENT, CLASS_MASK, ROW_WEIGHTS},  // JENSEN_SHANNON_DIVERGENCE
    {LOGITS, TEACHER, LOSSES, GRADIENT, CLASS_MASK, ROW_WEIGHTS},  // TOTAL_VARIATION
    {LOGITS, UPSTREAM, OUTPUT_ARRAY, CLASS_MASK, ROW_WEIGHTS, SINK,
      ROW_OFFSETS},  // CROSS_ENTROPY_HVP
    {LOGITS, TOKENS, CLASS_MASK, BIAS, PROMPT_TOKENS, OUTPUT_TOKENS, PROCESSED_LOG_PROBABILITIES,
      KEPT, KEPT_MASK, LOG_PROBABILITIES, RANKS, ENTROPIES, TOP_CLASSES,
      TOP_LOG_PROBABILITIES},  // SAMPLE
    {LOGITS, ELEMENT_TARGETS, ELEMENT_LOSSES, GRADIENT, ELEMENT_WEIGHTS,
      POSITIVE_WEIGHTS},  // BINARY_CROSS_ENTROPY
    {HIDDEN, WEIGHTS, BIAS_OF_CLASSES, MADE_LOGITS, TARGETS, TARGET_WEIGHTS, CLASS_MASK,
      CLASS_WEIGHTS, ROW_WEIGHTS, SINK, LOSSES, LOG_SUM_EXP, CORRECT, LOG_PROBABILITIES, ARGMAX,
      RANKS, ENTROPIES, TOP_CLASSES, TOP_LOG_PROBABILITIES, TARGET_GRADIENT, HIDDEN_GRADIENT,
      WEIGHTS_GRADIENT, BIAS_GRADIENT},  // LINEAR_CROSS_ENTROPY
    {HIDDEN, WEIGHTS, BIAS_OF_CLASSES, LOGITS, TARGETS, TARGET_WEIGHTS, CLASS_MASK, CLASS_WEIGHTS,
      ROW_WEIGHTS, UPSTREAM_OF_ROWS, HIDDEN_GRADIENT, WEIGHTS_GRADIENT,
      BIAS_GRADIENT},  // LINEAR_CROSS_ENTROPY_BACKWARD
    {HIDDEN, WEIGHTS, BIAS_OF_CLASSES, TARGETS, TARGET_WEIGHTS, CLASS_MASK,
      CLASS_WEIGHTS},  // LINEAR_STATES
    {LOGITS, TARGETS, CLASS_MASK, TARGET_WEIGHTS, CLASS_WEIGHTS},  // FORWARD_STATES
    {KNOWN_OUTPUT, UPSTREAM, CLASS_MASK},  // BACKWARD_STATES
    {TARGETS, LOSSES, LOG_SUM_EXP, CORRECT, CLASS_WEIGHTS, ROW_WEIGHTS, SINK},  // FINISH
  };

  /** Bit i: the call is not without rule i. */
  private static final int[] NEEDED = {
    0x3,  // SOFTMAX
    0x3,  // LOG_SOFTMAX
    0x3,  // LOG_SUM_EXP
    0x7,  // SOFTMAX_BACKWARD
    0x7,  // LOG_SOFTMAX_BACKWARD
    0x1,  // CHECK_TARGETS
    0x1,  // CROSS_ENTROPY
    0xb,  // CROSS_ENTROPY_BACKWARD
    0x3,  // SELECTED_LOG_PROBABILITIES
    0x7,  // SELECTED_LOG_PROBABILITIES_BACKWARD
    0x3,  // KL_DIVERGENCE
    0x3,  // JENSEN_SHANNON_DIVERGENCE
    0x3,  // TOTAL_VARIATION
    0x7,  // CROSS_ENTROPY_HVP
    0x3,  // SAMPLE
    0x3,  // BINARY_CROSS_ENTROPY
    0x3,  // LINEAR_CROSS_ENTROPY
    0x13,  // LINEAR_CROSS_ENTROPY_BACKWARD
    0x3,  // LINEAR_STATES
    0x1,  // FORWARD_STATES
    0x2,  // BACKWARD_STATES
    0x0,  // FINISH
  };

  private Rules() {}

  /** Those of the arrays that a function takes. */
  static ArrayRule[] of(Function function) {
    return OF[function.ordinal()];
  }

  /** Whether the function needs an array. */
  static boolean isNeeded(Function function, int rule) {
    return (NEEDED[function.ordinal()] >> rule & 1) != 0;
  }
}
