// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.util.Arrays;
import java.util.Locale;

/** The measured operations: plain, or with one option. */
public enum Operation {
  /** {@code y = softmax(x)}. */
  SOFTMAX(Kind.SOFTMAX, Option.NONE),
  /** {@code y = log softmax(x)}. */
  LOG_SOFTMAX(Kind.LOG_SOFTMAX, Option.NONE),
  /** {@code dx} of softmax from {@code y} and {@code dy}. */
  SOFTMAX_BACKWARD(Kind.SOFTMAX_BACKWARD, Option.NONE),
  /** {@code dx} of log-softmax from {@code y} and {@code dy}. */
  LOG_SOFTMAX_BACKWARD(Kind.LOG_SOFTMAX_BACKWARD, Option.NONE),
  /** The mean loss of labels. */
  CROSS_ENTROPY(Kind.CROSS_ENTROPY, Option.NONE),
  /** The mean loss of labels and its gradient. */
  CROSS_ENTROPY_GRAD(Kind.CROSS_ENTROPY_GRAD, Option.NONE),
  /** The mean binary loss of logits, with one target per logit. */
  BINARY_CROSS_ENTROPY(Kind.BINARY_CROSS_ENTROPY, Option.NONE),
  /** The mean binary loss and its gradient. */
  BINARY_CROSS_ENTROPY_GRAD(Kind.BINARY_CROSS_ENTROPY_GRAD, Option.NONE),
  /** A token per row from the nucleus of the {@link #TOP_K} largest classes, with a temperature. */
  SAMPLE(Kind.SAMPLE, Option.NONE),
  /** A token per row from the nucleus of all classes. */
  SAMPLE_TOP_P(Kind.SAMPLE, Option.ALL_CLASSES),
  /** {@code y = softmax(x / temperature)}. */
  SOFTMAX_TEMPERATURE(Kind.SOFTMAX, Option.TEMPERATURE),
  /** Softmax of doubles. */
  SOFTMAX_FLOAT64(Kind.SOFTMAX, Option.FLOAT64),
  /** The mean loss of smoothed labels. */
  CROSS_ENTROPY_SMOOTHING(Kind.CROSS_ENTROPY, Option.SMOOTHING),
  /** The mean loss of labels, weighted by class. */
  CROSS_ENTROPY_WEIGHTS(Kind.CROSS_ENTROPY, Option.WEIGHTS),
  /** The mean loss of labels, and the largest class of every row. */
  CROSS_ENTROPY_ARGMAX(Kind.CROSS_ENTROPY, Option.ARGMAX),
  /** The mean loss of smoothed labels and its gradient. */
  CROSS_ENTROPY_GRAD_SMOOTHING(Kind.CROSS_ENTROPY_GRAD, Option.SMOOTHING),
  /** The mean loss of labels, weighted by class, and its gradient. */
  CROSS_ENTROPY_GRAD_WEIGHTS(Kind.CROSS_ENTROPY_GRAD, Option.WEIGHTS),
  /** The mean loss of labels and its gradient, of doubles. */
  CROSS_ENTROPY_GRAD_FLOAT64(Kind.CROSS_ENTROPY_GRAD, Option.FLOAT64);

  /** The divisor of logits, for operations with a temperature. */
  public static final double TEMPERATURE = 0.7;

  /** The number of largest classes for sampling. */
  public static final int TOP_K = 50;

  /** The mass of a nucleus. */
  public static final double TOP_P = 0.9;

  /** The label smoothing, for operations with it. */
  public static final double SMOOTHING = 0.1;

  /** The operation without its option. */
  public final Kind kind;

  /** The difference from the plain operation. */
  public final Option option;

  Operation(Kind kind, Option option) {
    this.kind = kind;
    this.option = option;
  }

  /** Whether it is the plain operation. */
  public boolean isPlain() {
    return option == Option.NONE;
  }

  /** Whether the elements are doubles, not floats. */
  public boolean isDouble() {
    return option == Option.FLOAT64;
  }

  /** Bytes of an element. */
  public int elementBytes() {
    return isDouble() ? Double.BYTES : Float.BYTES;
  }

  /** The least traffic: bytes read and written per logit. */
  public int bytes() {
    return kind.tensors * elementBytes();
  }

  /** Whether the inputs are {@code y} and {@code dy} instead of logits. */
  public boolean isBackward() {
    return kind == Kind.SOFTMAX_BACKWARD || kind == Kind.LOG_SOFTMAX_BACKWARD;
  }

  /** Whether a result is a loss. */
  public boolean hasLoss() {
    return hasLabels() || isBinary();
  }

  /** Whether labels are an input, one per row. */
  public boolean hasLabels() {
    return kind == Kind.CROSS_ENTROPY || kind == Kind.CROSS_ENTROPY_GRAD;
  }

  /** Whether every element has its own target, and rows have no meaning. */
  public boolean isBinary() {
    return kind == Kind.BINARY_CROSS_ENTROPY || kind == Kind.BINARY_CROSS_ENTROPY_GRAD;
  }

  /** Whether the result is a random class of every row. */
  public boolean isSampling() {
    return kind == Kind.SAMPLE;
  }

  /** Whether a tensor in the shape of the logits is written. */
  public boolean hasOutput() {
    return !isSampling() && kind != Kind.CROSS_ENTROPY && kind != Kind.BINARY_CROSS_ENTROPY;
  }

  /** The name on the command line and in tables. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The operation with this name. */
  static Operation of(String name) {
    return Arrays.stream(values())
        .filter(operation -> operation.toString().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    String.format(
                        Locale.ROOT,
                        "no operation '%s': there are %s",
                        name,
                        Arrays.toString(values()))));
  }

  /** The plain operations. */
  public enum Kind {
    /** Probabilities. */
    SOFTMAX(2),
    /** Log-probabilities. */
    LOG_SOFTMAX(2),
    /** The gradient of softmax. */
    SOFTMAX_BACKWARD(3),
    /** The gradient of log-softmax. */
    LOG_SOFTMAX_BACKWARD(3),
    /** The loss. */
    CROSS_ENTROPY(1),
    /** The loss and its gradient. */
    CROSS_ENTROPY_GRAD(2),
    /** The loss of elements. */
    BINARY_CROSS_ENTROPY(2),
    /** The loss of elements and its gradient. */
    BINARY_CROSS_ENTROPY_GRAD(3),
    /** A class of every row. */
    SAMPLE(1);

    private final int tensors;

    Kind(int tensors) {
      this.tensors = tensors;
    }
  }

  /** The option that an operation has in addition to the plain one. */
  public enum Option {
    /** Nothing. */
    NONE,
    /** {@link Operation#TEMPERATURE}. */
    TEMPERATURE,
    /** {@link Operation#SMOOTHING} of labels, over all classes. */
    SMOOTHING,
    /** A weight per class. */
    WEIGHTS,
    /** The largest class of every row as an additional output. */
    ARGMAX,
    /** Sampling without top-k. */
    ALL_CLASSES,
    /** Doubles instead of floats. */
    FLOAT64
  }
}
