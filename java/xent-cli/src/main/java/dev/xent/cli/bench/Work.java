// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

/** Something that is timed. */
@FunctionalInterface
interface Work {
  /**
   * Does it a number of times. The loop is inside, so that what is timed is called as a program
   * would call it.
   *
   * @return what the last time gave, so that no compiler leaves it out; 0 where it gives nothing
   */
  double repeat(int times);
}
