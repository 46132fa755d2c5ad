// SPDX-License-Identifier: Apache-2.0
package dev.xent.options;

/** The result of a row whose logits are all -inf, as if every class were masked. */
public enum FullyMasked {
  /** NaN in every output of the row. */
  NAN,
  /**
   * +0 for probabilities, entropy, loss and gradient, -inf for log-probabilities and log-sum-exp:
   * the row takes no part.
   */
  ZERO
}
