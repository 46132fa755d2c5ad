// SPDX-License-Identifier: Apache-2.0
package dev.xent.options;

/** What a row of logits that are all -inf gives: every class is masked, so nothing is left. */
public enum FullyMasked {
  /** NaN in every output of the row. */
  NAN,
  /**
   * +0 for probabilities, loss and gradient, -inf for log-probabilities and log-sum-exp: the row
   * takes no part.
   */
  ZERO
}
