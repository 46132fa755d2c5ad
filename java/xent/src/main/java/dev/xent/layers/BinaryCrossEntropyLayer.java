// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import dev.xent.BinaryCrossEntropy;

/**
 * {@code loss = t softplus(-x) + (1 - t) softplus(x)} of the logits and targets of every element,
 * and back: {@code dx = c (sigmoid(x) - t)}, both from one read of the logits.
 *
 * <p>Targets have the shape of the inputs, and so have the losses: every element is a row of the
 * {@link LossLayer}. Targets and the rules at the edges: {@link BinaryCrossEntropy}; reductions and
 * ownership: {@link LossLayer}.
 */
public final class BinaryCrossEntropyLayer extends LossLayer {

  /**
   * Creates a layer of the mean over the elements.
   *
   * @param shape of the logits, {@link Layer#ANY} for a size that changes from call to call
   */
  public BinaryCrossEntropyLayer(long... shape) {
    this(BinaryCrossEntropy.mean(), shape);
  }

  private BinaryCrossEntropyLayer(BinaryCrossEntropy operation, long... shape) {
    super(operation, shape);
  }

  /** Returns a layer with the options of an operation. */
  public static BinaryCrossEntropyLayer of(BinaryCrossEntropy operation, long... shape) {
    return new BinaryCrossEntropyLayer(operation, shape);
  }

  @Override
  boolean isOfElements() {
    return true;
  }
}
