// SPDX-License-Identifier: Apache-2.0
// Written by tools/functions.py: edit its sources, not this file.
package dev.xent.internal.kernels;

import org.jspecify.annotations.Nullable;

/** The functions of the core, and the arrays of each in the order of the entry points. */
public enum Function {
  SOFTMAX(1, true, new int[] {288, 0, 56, 0, 0, 0, 0, 0, 0, 64, 72, 0, 0, 0, 80, 120, 160, 200, 240,
      280}, Rule.LOGITS, Rule.OUTPUT_ARRAY, Rule.CLASS_MASK, Rule.SINK, Rule.ROW_OFFSETS,
      Rule.KNOWN_STATISTICS),
  LOG_SOFTMAX(2, true, new int[] {288, 0, 56, 0, 0, 0, 0, 0, 0, 64, 72, 0, 0, 0, 80, 120, 160, 200,
      240, 280}, Rule.LOGITS, Rule.OUTPUT_ARRAY, Rule.CLASS_MASK, Rule.SINK, Rule.ROW_OFFSETS,
      Rule.KNOWN_STATISTICS),
  LOG_SUM_EXP(3, false, new int[] {256, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96, 136, 176,
      216}, Rule.LOGITS, Rule.LOG_SUM_EXP, Rule.CLASS_MASK, Rule.SINK, Rule.ROW_OFFSETS),
  SOFTMAX_BACKWARD(4, true, new int[] {288, 0, 56, 0, 0, 0, 0, 0, 0, 64, 72, 0, 0, 0, 80, 120, 160,
      200, 240, 280}, Rule.KNOWN_OUTPUT, Rule.UPSTREAM, Rule.SOFTMAX_GRADIENT, Rule.CLASS_MASK,
      Rule.ROW_OFFSETS, Rule.KNOWN_STATISTICS),
  LOG_SOFTMAX_BACKWARD(5, true, new int[] {288, 0, 56, 0, 0, 0, 0, 0, 0, 64, 72, 0, 0, 0, 80, 120,
      160, 200, 240, 280}, Rule.KNOWN_OUTPUT, Rule.UPSTREAM, Rule.SOFTMAX_GRADIENT, Rule.CLASS_MASK,
      Rule.ROW_OFFSETS, Rule.KNOWN_STATISTICS),
  CHECK_TARGETS(6, false, new int[] {320, 0, 48, 0, 0, 64, 0, 56, 0, 0, 0, 0, 0, 0, 72, 112, 152,
      192, 232, 272, 312}, Rule.TARGETS, Rule.TARGET_WEIGHTS, Rule.CLASS_MASK, Rule.CLASS_WEIGHTS,
      Rule.ROW_WEIGHTS, Rule.ROW_OFFSETS, Rule.EXACT_SUM),
  CROSS_ENTROPY(7, false, new int[] {848, 0, 48, 0, 0, 0, 0, 56, 64, 0, 0, 0, 0, 0, 72, 112, 152,
      192, 232, 272, 312, 352, 392, 432, 472, 512, 552, 592, 632, 672, 712, 752, 792, 832, 840},
      Rule.LOGITS, Rule.TARGETS, Rule.LOSSES, Rule.LOG_SUM_EXP, Rule.CORRECT, Rule.GRADIENT,
      Rule.TARGET_WEIGHTS, Rule.CLASS_MASK, Rule.CLASS_WEIGHTS, Rule.ROW_WEIGHTS, Rule.SINK,
      Rule.LOG_PROBABILITIES, Rule.ARGMAX, Rule.RANKS, Rule.ENTROPIES, Rule.TOP_CLASSES,
      Rule.TOP_LOG_PROBABILITIES, Rule.TARGET_GRADIENT, Rule.ROW_OFFSETS, Rule.STATISTICS,
      Rule.EXACT_SUM),
  CROSS_ENTROPY_BACKWARD(8, true, new int[] {456, 0, 56, 0, 0, 0, 0, 64, 0, 72, 80, 0, 0, 0, 88,
      128, 168, 208, 248, 288, 328, 368, 408, 448}, Rule.LOGITS, Rule.TARGETS,
      Rule.UPSTREAM_OF_ROWS, Rule.GRADIENT, Rule.TARGET_WEIGHTS, Rule.CLASS_MASK,
      Rule.CLASS_WEIGHTS, Rule.ROW_WEIGHTS, Rule.ROW_OFFSETS, Rule.KNOWN_STATISTICS),
  SELECTED_LOG_PROBABILITIES(9, false, new int[] {392, 0, 48, 0, 0, 0, 0, 56, 0, 0, 0, 0, 0, 0, 64,
      104, 144, 184, 224, 264, 304, 344, 384}, Rule.LOGITS, Rule.SELECTED_CLASSES,
      Rule.SELECTED_LOG_PROBABILITIES, Rule.GRADIENT, Rule.SELECTED_UPSTREAM, Rule.CLASS_MASK,
      Rule.SINK, Rule.ROW_OFFSETS, Rule.STATISTICS),
  SELECTED_LOG_PROBABILITIES_BACKWARD(10, false, new int[] {312, 0, 48, 0, 0, 0, 0, 56, 0, 0, 0, 0,
      0, 0, 64, 104, 144, 184, 224, 264, 304}, Rule.LOGITS, Rule.SELECTED_CLASSES, Rule.GRADIENT,
      Rule.SELECTED_UPSTREAM, Rule.CLASS_MASK, Rule.ROW_OFFSETS, Rule.KNOWN_STATISTICS),
  KL_DIVERGENCE(11, false, new int[] {304, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96, 136, 176,
      216, 256, 296}, Rule.LOGITS, Rule.TEACHER, Rule.LOSSES, Rule.GRADIENT, Rule.CLASS_MASK,
      Rule.ROW_WEIGHTS, Rule.EXACT_SUM),
  JENSEN_SHANNON_DIVERGENCE(12, false, new int[] {304, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56,
      96, 136, 176, 216, 256, 296}, Rule.LOGITS, Rule.TEACHER, Rule.LOSSES, Rule.GRADIENT,
      Rule.CLASS_MASK, Rule.ROW_WEIGHTS, Rule.EXACT_SUM),
  TOTAL_VARIATION(13, false, new int[] {304, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96, 136,
      176, 216, 256, 296}, Rule.LOGITS, Rule.TEACHER, Rule.LOSSES, Rule.GRADIENT, Rule.CLASS_MASK,
      Rule.ROW_WEIGHTS, Rule.EXACT_SUM),
  CROSS_ENTROPY_HVP(14, false, new int[] {336, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96, 136,
      176, 216, 256, 296}, Rule.LOGITS, Rule.UPSTREAM, Rule.OUTPUT_ARRAY, Rule.CLASS_MASK,
      Rule.ROW_WEIGHTS, Rule.SINK, Rule.ROW_OFFSETS),
  SAMPLE(15, false, new int[] {840, 56, 64, 48, 672, 0, 60, 96, 72, 0, 0, 80, 88, 0, 104, 144, 184,
      224, 264, 304, 344, 384, 424, 464, 504, 544, 584, 624, 664, 680, 720, 760, 800}, Rule.LOGITS,
      Rule.TOKENS, Rule.MASK_OF_TOKENS, Rule.BIAS, Rule.PROMPT_TOKENS, Rule.OUTPUT_TOKENS,
      Rule.PROCESSED_LOG_PROBABILITIES, Rule.KEPT, Rule.KEPT_MASK, Rule.LOG_PROBABILITIES,
      Rule.RANKS, Rule.ENTROPIES, Rule.TOP_CLASSES, Rule.TOP_LOG_PROBABILITIES, Rule.WORKSPACE,
      Rule.BIAS_TOKENS, Rule.BIAS_VALUES, Rule.DRAFT_TOKENS, Rule.DRAFT_PROBABILITIES),
  BINARY_CROSS_ENTROPY(16, false, new int[] {304, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96,
      136, 176, 216, 256, 296}, Rule.LOGITS, Rule.ELEMENT_TARGETS, Rule.ELEMENT_LOSSES,
      Rule.GRADIENT, Rule.ELEMENT_WEIGHTS, Rule.POSITIVE_WEIGHTS, Rule.EXACT_SUM),
  LINEAR_CROSS_ENTROPY(17, false, new int[] {1032, 0, 48, 0, 1024, 0, 0, 64, 72, 0, 0, 0, 0, 56, 80,
      120, 160, 200, 240, 280, 320, 360, 400, 440, 480, 520, 560, 600, 640, 680, 720, 760, 800, 840,
      880, 920, 960, 1000, 1008, 1016}, Rule.HIDDEN, Rule.WEIGHTS, Rule.BIAS_OF_CLASSES,
      Rule.MADE_LOGITS, Rule.TARGETS, Rule.TARGET_WEIGHTS, Rule.CLASS_MASK, Rule.CLASS_WEIGHTS,
      Rule.ROW_WEIGHTS, Rule.SINK, Rule.LOSSES, Rule.LOG_SUM_EXP, Rule.CORRECT,
      Rule.LOG_PROBABILITIES, Rule.ARGMAX, Rule.RANKS, Rule.ENTROPIES, Rule.TOP_CLASSES,
      Rule.TOP_LOG_PROBABILITIES, Rule.TARGET_GRADIENT, Rule.HIDDEN_GRADIENT, Rule.WEIGHTS_GRADIENT,
      Rule.BIAS_GRADIENT, Rule.STATISTICS, Rule.EXACT_SUM, Rule.WORKSPACE),
  LINEAR_CROSS_ENTROPY_BACKWARD(18, true, new int[] {640, 0, 56, 0, 632, 0, 0, 72, 0, 80, 88, 0, 0,
      64, 96, 136, 176, 216, 256, 296, 336, 376, 416, 456, 496, 536, 576, 616, 624}, Rule.HIDDEN,
      Rule.WEIGHTS, Rule.BIAS_OF_CLASSES, Rule.LOGITS, Rule.TARGETS, Rule.TARGET_WEIGHTS,
      Rule.CLASS_MASK, Rule.CLASS_WEIGHTS, Rule.ROW_WEIGHTS, Rule.UPSTREAM_OF_ROWS,
      Rule.HIDDEN_GRADIENT, Rule.WEIGHTS_GRADIENT, Rule.BIAS_GRADIENT, Rule.KNOWN_STATISTICS,
      Rule.WORKSPACE),
  LINEAR_STATES(19, true, new int[] {408, 0, 56, 0, 400, 0, 0, 72, 0, 80, 88, 0, 0, 64, 96, 136,
      176, 216, 256, 296, 336, 376, 384, 392}, Rule.HIDDEN, Rule.WEIGHTS, Rule.BIAS_OF_CLASSES,
      Rule.TARGETS, Rule.TARGET_WEIGHTS, Rule.CLASS_MASK, Rule.CLASS_WEIGHTS, Rule.KNOWN_STATISTICS,
      Rule.STATES, Rule.WORKSPACE),
  FORWARD_STATES(20, true, new int[] {304, 0, 56, 0, 0, 0, 0, 64, 0, 72, 80, 0, 0, 0, 88, 128, 168,
      208, 248, 288, 296}, Rule.LOGITS, Rule.TARGETS, Rule.CLASS_MASK, Rule.TARGET_WEIGHTS,
      Rule.CLASS_WEIGHTS, Rule.KNOWN_STATISTICS, Rule.STATES),
  BACKWARD_STATES(21, true, new int[] {208, 0, 56, 0, 0, 0, 0, 0, 0, 64, 72, 0, 0, 0, 80, 120, 160,
      200}, Rule.KNOWN_OUTPUT, Rule.UPSTREAM, Rule.CLASS_MASK, Rule.STATES),
  FINISH(22, false, new int[] {376, 68, 48, 0, 0, 64, 0, 56, 0, 0, 0, 0, 0, 0, 72, 112, 152, 192,
      232, 272, 312, 352, 360, 368}, Rule.TARGETS, Rule.LOSSES, Rule.LOG_SUM_EXP, Rule.CORRECT,
      Rule.CLASS_WEIGHTS, Rule.ROW_WEIGHTS, Rule.SINK, Rule.KNOWN_STATES, Rule.STATISTICS,
      Rule.EXACT_SUM),
  SIGMOID(23, false, new int[] {136, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96}, Rule.LOGITS,
      Rule.OUTPUT_ARRAY),
  LOG_SIGMOID(24, false, new int[] {136, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96},
      Rule.LOGITS, Rule.OUTPUT_ARRAY),
  SIGMOID_BACKWARD(25, false, new int[] {176, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96, 136},
      Rule.LOGITS, Rule.UPSTREAM, Rule.ELEMENT_GRADIENT),
  LOG_SIGMOID_BACKWARD(26, false, new int[] {176, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96,
      136}, Rule.LOGITS, Rule.UPSTREAM, Rule.ELEMENT_GRADIENT);

  /** The number of functions. */
  public static final int COUNT = 26;

  /** The number of arrays of the entry point for many arrays. */
  static final int MOST_ARRAYS = 32;

  public final int number;

  /** Whether it has a range of classes in addition to that of rows. */
  public final boolean hasClasses;

  /** The size of its struct, and offsets in it, or 0: {@link FunctionCall#struct()}. */
  final int[] struct;

  /** The rules of its arrays, in the order of the entry points. */
  public final Rule[] rules;

  private final byte[] places = new byte[Array.COUNT];

  Function(int number, boolean hasClasses, int[] struct, Rule... rules) {
    this.number = number;
    this.hasClasses = hasClasses;
    this.struct = struct;
    this.rules = rules;
    java.util.Arrays.fill(places, (byte) -1);
    for (int i = 0; i < rules.length; i++) {
      places[rules[i].array.ordinal()] = (byte) i;
    }
  }

  /** The number of its arrays. */
  public int count() {
    return rules.length;
  }

  /** The array at a place. */
  public Array array(int place) {
    return rules[place].array;
  }

  /** The rule of an array; null if the function does not have it. */
  public @Nullable Rule rule(Array array) {
    int place = place(array);
    return place < 0 ? null : rules[place];
  }

  /** The place of an array; -1 if the function does not have it. */
  public int place(Array array) {
    return places[array.ordinal()];
  }
}
