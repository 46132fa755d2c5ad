// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import java.lang.foreign.MemorySegment;

/** The addresses of segments, off the heap or in a heap array. */
public final class Addresses {
  private Addresses() {}

  public static boolean isNull(MemorySegment segment) {
    return segment.isNative() && segment.address() == 0;
  }
}
