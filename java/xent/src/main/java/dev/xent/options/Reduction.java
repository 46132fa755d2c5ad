// SPDX-License-Identifier: Apache-2.0
package dev.xent.options;

/**
 * How the losses of many rows become one number. The losses themselves, PyTorch's reduction {@code
 * none}, go into the tensor of {@link dev.xent.LossOutputs#losses} with either; the gradient of
 * rows that are not reduced is the gradient of their sum.
 */
public enum Reduction {
  /**
   * The exact sum of the losses, divided by the denominator: the valid rows, unless another is set.
   */
  MEAN,
  /** The exact sum of the losses. */
  SUM
}
