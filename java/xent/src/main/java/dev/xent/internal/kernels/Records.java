// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

/** How large what the kernels leave behind is: opaque to all but the kernels. */
public final class Records {
  /** Bytes of the statistics of a row. */
  public static final long STATISTICS = 64;

  /** Bytes of the state of a chunk. */
  public static final long STATE = 64;

  /** Bytes of what a shard says of a row that is sampled. */
  public static final long SAMPLE_STATE = 4192;

  /** How many classes a shard lists in such a state, at most. */
  public static final int SAMPLE_LISTED = 512;

  /** The kind of such a state whose row has its token, in its lowest byte. */
  public static final int SAMPLE_DONE = 4;

  /** Where records may begin. */
  public static final long ALIGNMENT = 8;

  private Records() {}
}
