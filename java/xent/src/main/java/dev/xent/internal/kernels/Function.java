// SPDX-License-Identifier: Apache-2.0
// Written by tools/functions.py: change what that reads, not this.
package dev.xent.internal.kernels;

/** The functions of the core, and the arrays of each in the order of the doors. */
public enum Function {
  SOFTMAX(1, Array.LOGITS, Array.OUTPUT, Array.CLASS_MASK, Array.SINK, Array.ROW_OFFSETS,
      Array.STATISTICS),
  LOG_SOFTMAX(2, Array.LOGITS, Array.OUTPUT, Array.CLASS_MASK, Array.SINK, Array.ROW_OFFSETS,
      Array.STATISTICS),
  LOG_SUM_EXP(3, Array.LOGITS, Array.LOG_SUM_EXP, Array.CLASS_MASK, Array.SINK, Array.ROW_OFFSETS),
  SOFTMAX_BACKWARD(4, Array.OUTPUT, Array.UPSTREAM, Array.GRADIENT, Array.CLASS_MASK,
      Array.ROW_OFFSETS, Array.STATISTICS),
  LOG_SOFTMAX_BACKWARD(5, Array.OUTPUT, Array.UPSTREAM, Array.GRADIENT, Array.CLASS_MASK,
      Array.ROW_OFFSETS, Array.STATISTICS),
  CHECK_TARGETS(6, Array.TARGETS, Array.TARGET_WEIGHTS, Array.CLASS_MASK, Array.CLASS_WEIGHTS,
      Array.ROW_WEIGHTS, Array.ROW_OFFSETS, Array.TALLY),
  CROSS_ENTROPY(7, Array.LOGITS, Array.TARGETS, Array.LOSSES, Array.LOG_SUM_EXP, Array.HITS,
      Array.GRADIENT, Array.TARGET_WEIGHTS, Array.CLASS_MASK, Array.CLASS_WEIGHTS,
      Array.ROW_WEIGHTS, Array.SINK, Array.LOG_PROBABILITIES, Array.ARGMAX, Array.RANKS,
      Array.ENTROPIES, Array.TOP_CLASSES, Array.TOP_LOG_PROBABILITIES, Array.TARGET_GRADIENT,
      Array.ROW_OFFSETS, Array.STATISTICS, Array.TALLY),
  CROSS_ENTROPY_BACKWARD(8, Array.LOGITS, Array.TARGETS, Array.UPSTREAM, Array.GRADIENT,
      Array.TARGET_WEIGHTS, Array.CLASS_MASK, Array.CLASS_WEIGHTS, Array.ROW_WEIGHTS,
      Array.ROW_OFFSETS, Array.STATISTICS),
  SELECTED_LOG_PROBABILITIES(9, Array.LOGITS, Array.TARGETS, Array.LOG_PROBABILITIES,
      Array.GRADIENT, Array.UPSTREAM, Array.CLASS_MASK, Array.SINK, Array.ROW_OFFSETS,
      Array.STATISTICS),
  SELECTED_LOG_PROBABILITIES_BACKWARD(10, Array.LOGITS, Array.TARGETS, Array.GRADIENT,
      Array.UPSTREAM, Array.CLASS_MASK, Array.ROW_OFFSETS, Array.STATISTICS),
  KL_DIVERGENCE(11, Array.LOGITS, Array.TEACHER, Array.LOSSES, Array.GRADIENT, Array.CLASS_MASK,
      Array.ROW_WEIGHTS, Array.TALLY),
  JENSEN_SHANNON_DIVERGENCE(12, Array.LOGITS, Array.TEACHER, Array.LOSSES, Array.GRADIENT,
      Array.CLASS_MASK, Array.ROW_WEIGHTS, Array.TALLY),
  TOTAL_VARIATION(13, Array.LOGITS, Array.TEACHER, Array.LOSSES, Array.GRADIENT, Array.CLASS_MASK,
      Array.ROW_WEIGHTS, Array.TALLY),
  CROSS_ENTROPY_HVP(14, Array.LOGITS, Array.UPSTREAM, Array.OUTPUT, Array.CLASS_MASK,
      Array.ROW_WEIGHTS, Array.SINK, Array.ROW_OFFSETS),
  SAMPLE(15, Array.LOGITS, Array.TOKENS, Array.CLASS_MASK, Array.BIAS, Array.PROMPT_TOKENS,
      Array.OUTPUT_TOKENS, Array.PROCESSED_LOG_PROBABILITIES, Array.KEPT, Array.KEPT_MASK,
      Array.LOG_PROBABILITIES, Array.RANKS, Array.ENTROPIES, Array.TOP_CLASSES,
      Array.TOP_LOG_PROBABILITIES, Array.WORKSPACE, Array.GATHERED, Array.STATES),
  BINARY_CROSS_ENTROPY(16, Array.LOGITS, Array.TARGETS, Array.LOSSES, Array.GRADIENT,
      Array.ELEMENT_WEIGHTS, Array.POSITIVE_WEIGHTS, Array.TALLY),
  LINEAR_CROSS_ENTROPY(17, Array.HIDDEN, Array.WEIGHTS, Array.BIAS, Array.LOGITS, Array.TARGETS,
      Array.TARGET_WEIGHTS, Array.CLASS_MASK, Array.CLASS_WEIGHTS, Array.ROW_WEIGHTS, Array.SINK,
      Array.LOSSES, Array.LOG_SUM_EXP, Array.HITS, Array.LOG_PROBABILITIES, Array.ARGMAX,
      Array.RANKS, Array.ENTROPIES, Array.TOP_CLASSES, Array.TOP_LOG_PROBABILITIES,
      Array.TARGET_GRADIENT, Array.HIDDEN_GRADIENT, Array.WEIGHTS_GRADIENT, Array.BIAS_GRADIENT,
      Array.STATISTICS, Array.TALLY, Array.WORKSPACE),
  LINEAR_CROSS_ENTROPY_BACKWARD(18, Array.HIDDEN, Array.WEIGHTS, Array.BIAS, Array.LOGITS,
      Array.TARGETS, Array.TARGET_WEIGHTS, Array.CLASS_MASK, Array.CLASS_WEIGHTS, Array.ROW_WEIGHTS,
      Array.UPSTREAM, Array.HIDDEN_GRADIENT, Array.WEIGHTS_GRADIENT, Array.BIAS_GRADIENT,
      Array.STATISTICS, Array.WORKSPACE),
  LINEAR_STATES(19, Array.HIDDEN, Array.WEIGHTS, Array.BIAS, Array.TARGETS, Array.TARGET_WEIGHTS,
      Array.CLASS_MASK, Array.CLASS_WEIGHTS, Array.STATISTICS, Array.STATES, Array.WORKSPACE),
  FORWARD_STATES(20, Array.LOGITS, Array.TARGETS, Array.CLASS_MASK, Array.TARGET_WEIGHTS,
      Array.CLASS_WEIGHTS, Array.STATISTICS, Array.STATES),
  BACKWARD_STATES(21, Array.OUTPUT, Array.UPSTREAM, Array.CLASS_MASK, Array.STATES),
  FINISH(22, Array.TARGETS, Array.LOSSES, Array.LOG_SUM_EXP, Array.HITS, Array.CLASS_WEIGHTS,
      Array.ROW_WEIGHTS, Array.SINK, Array.STATES, Array.STATISTICS, Array.TALLY);

  /** How many there are. */
  public static final int COUNT = 22;

  /** As many arrays as the wider door takes. */
  static final int MOST_ARRAYS = 26;

  final int number;
  private final Array[] arrays;
  private final byte[] places = new byte[Array.COUNT];

  Function(int number, Array... arrays) {
    this.number = number;
    this.arrays = arrays;
    java.util.Arrays.fill(places, (byte) -1);
    for (int i = 0; i < arrays.length; i++) {
      places[arrays[i].ordinal()] = (byte) i;
    }
  }

  /** How many arrays it takes. */
  public int count() {
    return arrays.length;
  }

  /** One of them. */
  public Array array(int place) {
    return arrays[place];
  }

  /** Where an array is among them; -1: it takes none such. */
  public int place(Array array) {
    return places[array.ordinal()];
  }
}
