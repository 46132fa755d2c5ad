// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.load;

import dev.xent.internal.ffi.XentH;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Class labels of any integer type. */
public final class Labels {
  /** No class of any row. */
  public static final long NONE = -1;

  private Labels() {}

  public static long get(MemorySegment labels, int type, long index) {
    if (type == XentH.XENT_I64()) {
      return labels.get(ValueLayout.JAVA_LONG_UNALIGNED, index * Long.BYTES);
    }
    if (type == XentH.XENT_I32()) {
      return labels.get(ValueLayout.JAVA_INT_UNALIGNED, index * Integer.BYTES);
    }
    if (type == XentH.XENT_I16()) {
      return labels.get(ValueLayout.JAVA_SHORT_UNALIGNED, index * Short.BYTES);
    }
    byte label = labels.get(ValueLayout.JAVA_BYTE, index);
    return type == XentH.XENT_U8() ? Byte.toUnsignedLong(label) : label;
  }
}
