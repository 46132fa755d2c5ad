// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

/** What a kernel returns: the statuses of the C API, whose numbers never change. */
public final class Status {
  /** Done. */
  public static final int OK = 0;

  /** An absent or misaligned array, or a size or range that cannot be; see the report's field. */
  public static final int INVALID_ARGUMENT = 1;

  /**
   * Zero classes, a negative size or stride, or an overflow; see the report's field and integer.
   */
  public static final int INVALID_SHAPE = 2;

  /** An option's value; see the report's field and value. */
  public static final int INVALID_OPTION = 3;

  /** A label that is no class and not the ignore index; see the report's row and label. */
  public static final int INVALID_LABEL = 4;

  /** An output that overlaps another array and is not in place; see the report's field. */
  public static final int OVERLAP = 5;

  /** A type, instruction set or option that is not in this build; see the report's field. */
  public static final int UNSUPPORTED = 6;

  /** The thread has less stack left than a native call takes; nothing was stored. */
  public static final int OUT_OF_STACK = 7;

  /** The size that a struct says it has is none; see the report's field and integer. */
  public static final int INVALID_SIZE = 8;

  private Status() {}
}
