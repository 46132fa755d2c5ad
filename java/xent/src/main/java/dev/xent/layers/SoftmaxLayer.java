// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import dev.xent.Softmax;
import dev.xent.Tensor;
import java.util.Objects;

/**
 * {@code y = exp(x) / sum exp(x)} along one axis, and back: {@code dx = y * (dy - sum dy * y)}.
 *
 * <p>Any type of floats in, F32 out, in the shape of the inputs. The rules at the edges (NaN,
 * infinities, rows that are all -inf) are the same as in {@link Softmax}. Ownership, order of calls
 * and threads: {@link Layer}.
 */
public final class SoftmaxLayer extends LogitLayer {

  /**
   * Creates a layer along axis 1; along the only one of a shape of one axis. {@link #along} takes
   * any other.
   *
   * @param shape of the inputs, {@link Layer#ANY} for a size that changes from call to call
   */
  public SoftmaxLayer(long... shape) {
    this(Softmax.along(defaultAxis(shape)), shape);
  }

  private SoftmaxLayer(Softmax softmax, long... shape) {
    super(Objects.requireNonNull(softmax, "operation"), shape);
  }

  /** Returns a layer along another axis; negative ones count from the end. */
  public static SoftmaxLayer along(int axis, long... shape) {
    return of(Softmax.along(axis), shape);
  }

  /** Returns a layer with the options of an operation. */
  public static SoftmaxLayer of(Softmax operation, long... shape) {
    return new SoftmaxLayer(operation, shape);
  }

  /**
   * Returns the softmax of the inputs without a layer. The result is a new tensor of the type of
   * the inputs, whose memory is freed when nothing refers to it any more.
   */
  public static Tensor stableSoftmax(Tensor inputs, int axis) {
    given(inputs, "inputs");
    return Softmax.along(axis).forward(inputs);
  }
}
