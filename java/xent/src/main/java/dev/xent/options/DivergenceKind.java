// SPDX-License-Identifier: Apache-2.0
package dev.xent.options;

/** Which divergence, with {@code c} the gradient scale and {@code u} the weight of the row. */
public enum DivergenceKind {
  /** {@code u sum q (log q - log p)}; gradient {@code c u (p - q) / temperature}. */
  KULLBACK_LEIBLER,

  /**
   * {@code u sum (q log(q / m) + p log(p / m)) / 2} with {@code m = (p + q) / 2}, from 0 to log 2;
   * gradient {@code c u p (log(p / m) - sum p log(p / m)) / (2 temperature)}.
   */
  JENSEN_SHANNON,

  /**
   * {@code u sum |p - q| / 2}, from 0 to 1; gradient {@code c u p (s - sum p s) / (2 temperature)},
   * {@code s} being the sign of {@code p - q}, 0 if they are equal.
   */
  TOTAL_VARIATION
}
