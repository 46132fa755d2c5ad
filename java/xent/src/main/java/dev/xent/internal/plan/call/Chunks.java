// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

/** Where a row may be cut. */
public final class Chunks {
  /** XENT_CHUNK. */
  public static final long SIZE = 8192;

  private Chunks() {}

  /** How many chunks, and so states, a row has. */
  public static long of(long classes) {
    return classes / SIZE + (classes % SIZE == 0 ? 0 : 1);
  }
}
