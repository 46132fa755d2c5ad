// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.load;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * Reads and writes doubles in states and statistics. Every NaN is stored as the canonical quiet
 * NaN.
 *
 * <p>Accesses are unaligned, because a heap segment may be a view of bytes; the caller has checked
 * the alignment.
 */
public final class RecordNumbers {
  private RecordNumbers() {}

  /** The double at an offset in bytes. */
  public static double getDouble(MemorySegment record, long at) {
    return record.get(JAVA_DOUBLE_UNALIGNED, at);
  }

  /** Stores a double at an offset in bytes. */
  public static void setDouble(MemorySegment record, long at, double v) {
    record.set(JAVA_DOUBLE_UNALIGNED, at, v == v ? v : Double.NaN);
  }
}
