// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

/** Sizes of the records that kernels write and later read; their contents are opaque. */
public final class Records {
  /** Bytes of the statistics of a row. */
  public static final long STATISTICS = 64;

  /** Bytes of the state of a chunk. */
  public static final long STATE = 64;

  /** Bytes of the state of a sampled row that a shard writes. */
  public static final long SAMPLE_STATE = 4192;

  /** The maximum number of classes that such a state lists. */
  public static final int SAMPLE_LISTED = 512;

  /** In the lowest byte of such a state: the row has its token. */
  public static final int SAMPLE_DONE = 4;

  /** The alignment of records in bytes. */
  public static final long ALIGNMENT = 8;

  private Records() {}
}
