// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import dev.xent.NllLoss;

/**
 * {@code loss = - sum q l} of log-probabilities and targets, and back: {@code dl = - c q}.
 *
 * <p>Use it after a {@link LogSoftmaxLayer}, or a {@link LogLayer} after a {@link SoftmaxLayer}.
 * Nothing is normalised. Targets, reductions and ownership: {@link LossLayer}; the rules at the
 * edges: {@link NllLoss}.
 */
public final class NllLossLayer extends LossLayer {

  /**
   * Creates a layer of the mean over the rows, with classes along axis 1; along the only one of a
   * shape of one axis. {@link #along} takes any other.
   *
   * @param shape of the inputs, {@link Layer#ANY} for a size that changes from call to call
   */
  public NllLossLayer(long... shape) {
    this(along(defaultAxis(shape)), shape);
  }

  private NllLossLayer(NllLoss operation, long... shape) {
    super(operation, shape);
  }

  /**
   * Returns a layer of the mean over the rows, with classes along another axis; negative ones count
   * from the end.
   */
  public static NllLossLayer along(int axis, long... shape) {
    return of(along(axis), shape);
  }

  private static NllLoss along(int axis) {
    return NllLoss.builder().axis(axis).build();
  }

  /** Returns a layer with the options of an operation. */
  public static NllLossLayer of(NllLoss operation, long... shape) {
    return new NllLossLayer(operation, shape);
  }
}
