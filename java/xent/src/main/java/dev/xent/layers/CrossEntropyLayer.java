// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import dev.xent.CrossEntropy;

/**
 * {@code loss = - sum q log softmax(x)} of logits and targets, and back: {@code dx = c *
 * (softmax(x) * sum q - q)}, both from one read of the logits.
 *
 * <p>Targets, reductions and ownership: {@link LossLayer}; the rules at the edges: {@link
 * CrossEntropy}.
 *
 * <p><b>Clipped probabilities.</b> Some systems clip predictions to [1e-9, 1 - 1e-9] before the
 * logarithm, so that no class costs more than {@code -ln 1e-9 = 20.723}. The layer of an operation
 * with {@link CrossEntropy.Builder#probabilityClamp probabilityClamp(1e-9)} reports losses that can
 * be compared with theirs, of class indices and of probability rows.
 */
public final class CrossEntropyLayer extends LossLayer {

  /**
   * Creates a layer of the mean over the rows, with classes along axis 1; along the only one of a
   * shape of one axis. {@link #along} takes any other.
   *
   * @param shape of the logits, {@link Layer#ANY} for a size that changes from call to call
   */
  public CrossEntropyLayer(long... shape) {
    this(along(defaultAxis(shape)), shape);
  }

  private CrossEntropyLayer(CrossEntropy operation, long... shape) {
    super(operation, shape);
  }

  /**
   * Returns a layer of the mean over the rows, with classes along another axis; negative ones count
   * from the end.
   */
  public static CrossEntropyLayer along(int axis, long... shape) {
    return of(along(axis), shape);
  }

  private static CrossEntropy along(int axis) {
    return CrossEntropy.builder().axis(axis).build();
  }

  /** Returns a layer with the options of an operation. */
  public static CrossEntropyLayer of(CrossEntropy operation, long... shape) {
    return new CrossEntropyLayer(operation, shape);
  }

  /** Returns 0.001, which a layer without parameters does not use. */
  @Override
  public double defaultRate() {
    return 0.001;
  }
}
