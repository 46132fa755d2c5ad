// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

/** The result of a kernel: the statuses of the C API, whose numbers never change. */
public final class Status {
  /** Done. */
  public static final int OK = 0;

  /** An absent or misaligned array, or an invalid size or range; see the report's field. */
  public static final int INVALID_ARGUMENT = 1;

  /**
   * Zero classes, a negative size or stride, or an overflow; see the report's field and integer.
   */
  public static final int INVALID_SHAPE = 2;

  /** An invalid option value; see the report's field and value. */
  public static final int INVALID_OPTION = 3;

  /** A label that is neither a class nor the ignore index; see the report's row and label. */
  public static final int INVALID_LABEL = 4;

  /** An output that overlaps another array and is not in place; see the report's field. */
  public static final int OVERLAP = 5;

  /** A type, instruction set or option that this build lacks; see the report's field. */
  public static final int UNSUPPORTED = 6;

  /** The thread has too little stack left for a native call; nothing was stored. */
  public static final int OUT_OF_STACK = 7;

  /** An invalid size in a struct's size field; see the report's field and integer. */
  public static final int INVALID_SIZE = 8;

  private Status() {}
}
