// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.ArrayRule.*;

/**
 * The arrays of a function: those that it needs, and all in the order in which they are checked.
 */
enum FunctionArrays {
  SOFTMAX(
      new ArrayRule[] {LOGITS, OUTPUT},
      new ArrayRule[] {LOGITS, OUTPUT, CLASS_MASK, SINK, ROW_OFFSETS}),
  LOG_SUM_EXPS(
      new ArrayRule[] {LOGITS, LOG_SUM_EXP},
      new ArrayRule[] {LOGITS, LOG_SUM_EXP, CLASS_MASK, SINK, ROW_OFFSETS}),
  SOFTMAX_BACKWARD(
      new ArrayRule[] {KNOWN_OUTPUT, UPSTREAM, SOFTMAX_GRADIENT},
      new ArrayRule[] {KNOWN_OUTPUT, UPSTREAM, SOFTMAX_GRADIENT, CLASS_MASK, ROW_OFFSETS}),
  CHECK_TARGETS(
      new ArrayRule[] {TARGETS},
      new ArrayRule[] {
        TARGETS, TARGET_WEIGHTS, CLASS_MASK, CLASS_WEIGHTS, ROW_WEIGHTS, ROW_OFFSETS
      }),
  CROSS_ENTROPY(
      new ArrayRule[] {LOGITS},
      new ArrayRule[] {
        LOGITS,
        TARGETS,
        LOSSES,
        LOG_SUM_EXP,
        HITS,
        GRADIENT,
        TARGET_WEIGHTS,
        CLASS_MASK,
        CLASS_WEIGHTS,
        ROW_WEIGHTS,
        SINK,
        LOG_PROBABILITIES,
        ARGMAX,
        RANKS,
        ENTROPIES,
        TOP_CLASSES,
        TOP_LOG_PROBABILITIES,
        TARGET_GRADIENT,
        ROW_OFFSETS
      }),
  CROSS_ENTROPY_BACKWARD(
      new ArrayRule[] {LOGITS, TARGETS, GRADIENT},
      new ArrayRule[] {
        LOGITS,
        TARGETS,
        UPSTREAM_OF_ROWS,
        GRADIENT,
        TARGET_WEIGHTS,
        CLASS_MASK,
        CLASS_WEIGHTS,
        ROW_WEIGHTS,
        ROW_OFFSETS
      }),
  SELECTED(
      new ArrayRule[] {LOGITS, SELECTED_CLASSES},
      new ArrayRule[] {
        LOGITS,
        SELECTED_CLASSES,
        SELECTED_LOG_PROBABILITIES,
        GRADIENT,
        SELECTED_UPSTREAM,
        CLASS_MASK,
        SINK,
        ROW_OFFSETS
      }),
  SELECTED_BACKWARD(
      new ArrayRule[] {LOGITS, SELECTED_CLASSES, GRADIENT},
      new ArrayRule[] {
        LOGITS, SELECTED_CLASSES, GRADIENT, SELECTED_UPSTREAM, CLASS_MASK, ROW_OFFSETS
      }),
  DIVERGENCE(
      new ArrayRule[] {LOGITS, TEACHER},
      new ArrayRule[] {LOGITS, TEACHER, LOSSES, GRADIENT, CLASS_MASK, ROW_WEIGHTS}),
  CROSS_ENTROPY_HVP(
      new ArrayRule[] {LOGITS, UPSTREAM, OUTPUT},
      new ArrayRule[] {LOGITS, UPSTREAM, OUTPUT, CLASS_MASK, ROW_WEIGHTS, SINK, ROW_OFFSETS}),
  BINARY_CROSS_ENTROPY(
      new ArrayRule[] {LOGITS, ELEMENT_TARGETS},
      new ArrayRule[] {
        LOGITS, ELEMENT_TARGETS, ELEMENT_LOSSES, GRADIENT, ELEMENT_WEIGHTS, POSITIVE_WEIGHTS
      }),
  SAMPLE(
      new ArrayRule[] {LOGITS, TOKENS},
      new ArrayRule[] {
        LOGITS,
        TOKENS,
        CLASS_MASK,
        BIAS,
        PROMPT_TOKENS,
        OUTPUT_TOKENS,
        PROCESSED_LOG_PROBABILITIES,
        KEPT,
        KEPT_MASK,
        LOG_PROBABILITIES,
        RANKS,
        ENTROPIES,
        TOP_CLASSES,
        TOP_LOG_PROBABILITIES
      }),
  LINEAR_CROSS_ENTROPY(
      new ArrayRule[] {HIDDEN, WEIGHTS},
      new ArrayRule[] {
        HIDDEN,
        WEIGHTS,
        BIAS_OF_CLASSES,
        KEPT_LOGITS,
        TARGETS,
        TARGET_WEIGHTS,
        CLASS_MASK,
        CLASS_WEIGHTS,
        ROW_WEIGHTS,
        SINK,
        LOSSES,
        LOG_SUM_EXP,
        HITS,
        LOG_PROBABILITIES,
        ARGMAX,
        RANKS,
        ENTROPIES,
        TOP_CLASSES,
        TOP_LOG_PROBABILITIES,
        TARGET_GRADIENT,
        HIDDEN_GRADIENT,
        WEIGHTS_GRADIENT,
        BIAS_GRADIENT
      }),
  LINEAR_CROSS_ENTROPY_BACKWARD(
      new ArrayRule[] {HIDDEN, WEIGHTS, TARGETS},
      new ArrayRule[] {
        HIDDEN,
        WEIGHTS,
        BIAS_OF_CLASSES,
        LOGITS,
        TARGETS,
        TARGET_WEIGHTS,
        CLASS_MASK,
        CLASS_WEIGHTS,
        ROW_WEIGHTS,
        UPSTREAM_OF_ROWS,
        HIDDEN_GRADIENT,
        WEIGHTS_GRADIENT,
        BIAS_GRADIENT
      }),
  LINEAR_STATES(
      new ArrayRule[] {HIDDEN, WEIGHTS},
      new ArrayRule[] {
        HIDDEN, WEIGHTS, BIAS_OF_CLASSES, TARGETS, TARGET_WEIGHTS, CLASS_MASK, CLASS_WEIGHTS
      }),
  FORWARD_STATES(
      new ArrayRule[] {LOGITS},
      new ArrayRule[] {LOGITS, TARGETS, CLASS_MASK, TARGET_WEIGHTS, CLASS_WEIGHTS}),
  BACKWARD_STATES(new ArrayRule[] {UPSTREAM}, new ArrayRule[] {KNOWN_OUTPUT, UPSTREAM, CLASS_MASK}),
  FINISH(
      new ArrayRule[] {},
      new ArrayRule[] {TARGETS, LOSSES, LOG_SUM_EXP, HITS, CLASS_WEIGHTS, ROW_WEIGHTS, SINK});

  private final ArrayRule[] needed;
  private final ArrayRule[] all;

  FunctionArrays(ArrayRule[] needed, ArrayRule[] all) {
    this.needed = needed;
    this.all = all;
  }

  int count() {
    return all.length;
  }

  ArrayRule get(int i) {
    return all[i];
  }

  boolean needs(ArrayRule rule, Call call) {
    for (ArrayRule one : needed) {
      if (one == rule) {
        return true;
      }
    }
    return rule.isNeeded(call);
  }
}
