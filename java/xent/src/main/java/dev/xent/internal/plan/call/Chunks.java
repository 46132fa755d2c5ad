// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

/** The chunks of a row. */
public final class Chunks {
  /** XENT_CHUNK: the number of classes of a chunk. */
  public static final long SIZE = 8192;

  private Chunks() {}

  /** The number of chunks of a row, which is also its number of states. */
  public static long of(long classes) {
    return classes / SIZE + (classes % SIZE == 0 ? 0 : 1);
  }
}
