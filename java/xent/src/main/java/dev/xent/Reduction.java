// SPDX-License-Identifier: Apache-2.0
package dev.xent;

/** What a loss over many rows becomes. */
public enum Reduction {
  /**
   * Nothing: the losses of the rows are the result; the number a call returns is their exact sum.
   */
  NONE,
  /** The exact sum of the losses, divided by the denominator: the counted rows unless given. */
  MEAN,
  /** The exact sum of the losses. */
  SUM
}
