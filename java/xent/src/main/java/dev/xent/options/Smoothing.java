// SPDX-License-Identifier: Apache-2.0
package dev.xent.options;

/** The classes among which label smoothing divides what it takes from a label. */
public enum Smoothing {
  /** All classes that are not masked, the label's too: {@code (1 - eps) q + eps / K}. */
  UNIFORM,
  /**
   * All classes that are not masked but the label's: {@code 1 - eps} at the label, {@code eps / (K
   * - 1)} at each of the others. Class indices only. With a single class the label has {@code 1 -
   * eps}.
   */
  OTHERS
}
