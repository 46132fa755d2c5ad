// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.util.Arrays;
import java.util.Locale;

/** What is computed. */
public enum Operation {
  /** {@code y = softmax(x)}. */
  SOFTMAX(8),
  /** {@code y = log softmax(x)}. */
  LOG_SOFTMAX(8),
  /** {@code dx} of softmax from {@code y} and {@code dy}. */
  SOFTMAX_BACKWARD(12),
  /** {@code dx} of log-softmax from {@code y} and {@code dy}. */
  LOG_SOFTMAX_BACKWARD(12),
  /** The mean loss of labels. */
  CROSS_ENTROPY(4),
  /** The mean loss of labels and its gradient. */
  CROSS_ENTROPY_GRAD(8);

  /** The least traffic: bytes read and written per logit. */
  public final int bytes;

  Operation(int bytes) {
    this.bytes = bytes;
  }

  /** Whether {@code y} and {@code dy} are the inputs, rather than logits. */
  public boolean isBackward() {
    return this == SOFTMAX_BACKWARD || this == LOG_SOFTMAX_BACKWARD;
  }

  /** Whether labels are an input and a loss comes out. */
  public boolean hasLoss() {
    return this == CROSS_ENTROPY || this == CROSS_ENTROPY_GRAD;
  }

  /** Whether a tensor in the shape of the logits is written. */
  public boolean hasOutput() {
    return this != CROSS_ENTROPY;
  }

  /** The name on the command line and in tables. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The operation of that name. */
  static Operation of(String name) {
    return Arrays.stream(values())
        .filter(operation -> operation.toString().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "no operation '%s': there are %s".formatted(name, Arrays.toString(values()))));
  }
}
