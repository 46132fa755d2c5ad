// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

/** Estimates the cost of kernels before a call, in elements of a long row. */
public final class Cost {
  /**
   * The cost of a row in addition to its elements. A row costs ten nanoseconds if it is computed
   * together with others and a hundred if not; this is a value between them. An element costs a
   * third of a nanosecond.
   */
  private static final long PER_ROW = 32;

  /** More than any limit, and small enough to be multiplied. */
  private static final long MUCH = 1L << 30;

  private Cost() {}

  /** The cost of rows. */
  public static long of(long rows, long classes) {
    return Math.min(rows, MUCH) * (Math.min(classes, MUCH) + PER_ROW);
  }

  /** The largest number of rows whose cost is at most {@code effort}, but at least 1. */
  public static long rows(long effort, long classes) {
    return Math.max(1, effort / (classes + PER_ROW));
  }
}
