// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

/** How long kernels take, before they are called: in elements of a long row. */
public final class Cost {
  /**
   * What a row takes beside its elements, between the ten nanoseconds of one that is computed side
   * by side with others and the hundred of one that is not; an element takes a third of one.
   */
  private static final long PER_ROW = 32;

  /** More than any limit, and small enough to be multiplied. */
  private static final long MUCH = 1L << 30;

  private Cost() {}

  /** The effort of so many rows. */
  public static long of(long rows, long classes) {
    return Math.min(rows, MUCH) * (Math.min(classes, MUCH) + PER_ROW);
  }

  /** How many rows make at most such an effort; at least one. */
  public static long rows(long effort, long classes) {
    return Math.max(1, effort / (classes + PER_ROW));
  }
}
