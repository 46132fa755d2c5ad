// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import dev.xent.LogSoftmax;
import dev.xent.Tensor;
import java.util.Objects;

/**
 * {@code y = x - log sum exp(x)} along one axis, and back: {@code dx = dy - exp(y) * sum dy}.
 *
 * <p>Any type of floats in, F32 out, in the shape of the inputs. The rules at the edges (NaN,
 * infinities, rows that are all -inf) are the same as in {@link LogSoftmax}. Ownership, order of
 * calls and threads: {@link Layer}.
 */
public final class LogSoftmaxLayer extends LogitLayer {

  /**
   * Creates a layer along axis 1; along the only one of a shape of one axis. {@link #along} takes
   * any other.
   *
   * @param shape of the inputs, {@link Layer#ANY} for a size that changes from call to call
   */
  public LogSoftmaxLayer(long... shape) {
    this(LogSoftmax.along(defaultAxis(shape)), shape);
  }

  private LogSoftmaxLayer(LogSoftmax logSoftmax, long... shape) {
    super(Objects.requireNonNull(logSoftmax, "operation"), shape);
  }

  /** Returns a layer along another axis; negative ones count from the end. */
  public static LogSoftmaxLayer along(int axis, long... shape) {
    return of(LogSoftmax.along(axis), shape);
  }

  /** Returns a layer with the options of an operation. */
  public static LogSoftmaxLayer of(LogSoftmax operation, long... shape) {
    return new LogSoftmaxLayer(operation, shape);
  }

  /**
   * Returns the log-softmax of the inputs without a layer. The result is a new tensor of the type
   * of the inputs, whose memory is freed when nothing refers to it any more.
   */
  public static Tensor stableLogSoftmax(Tensor inputs, int axis) {
    given(inputs, "inputs");
    return LogSoftmax.along(axis).forward(inputs);
  }
}
