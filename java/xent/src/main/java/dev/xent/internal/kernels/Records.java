// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

/** Sizes of the records that kernels write and later read; their contents are opaque. */
public final class Records {
  /** Bytes of the statistics of a row. */
  public static final long STATISTICS = 64;

  /** Bytes of the state of a chunk. */
  public static final long STATE = 64;

  /** The alignment of records in bytes. */
  public static final long ALIGNMENT = 8;

  private Records() {}
}
