// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

/** Timed work. */
@FunctionalInterface
interface Work {
  /**
   * Does the work a number of times. The loop is inside, so that the timed code is called as in a
   * program.
   *
   * @return the result of the last time, so that no compiler removes the work; 0 without a result
   */
  double repeat(int times);
}
