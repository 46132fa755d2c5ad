// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.ffi.XentH;

/** The element types of xent.h and sets of them. */
public final class ElementType {
  /** Sets hold bit 1 &lt;&lt; type. The float types of calls in float32 arithmetic. */
  public static final int FLOATS =
      1 << XentH.XENT_F32() | 1 << XentH.XENT_F16() | 1 << XentH.XENT_BF16();

  /** The float types of calls in float64 arithmetic. */
  public static final int WIDE_FLOATS = 1 << XentH.XENT_F64() | 1 << XentH.XENT_F32();

  public static final int ALL_FLOATS = FLOATS | WIDE_FLOATS;

  public static final int LABELS =
      1 << XentH.XENT_I8()
          | 1 << XentH.XENT_U8()
          | 1 << XentH.XENT_I16()
          | 1 << XentH.XENT_I32()
          | 1 << XentH.XENT_I64();

  /** The types of class numbers that are written. */
  public static final int CLASSES = 1 << XentH.XENT_I32() | 1 << XentH.XENT_I64();

  public static final int BYTES = 1 << XentH.XENT_U8();

  /** Bytes of an element, by type; 0: no type. */
  private static final int[] SIZES = sizes();

  private static int[] sizes() {
    int[] sizes = new int[XentH.XENT_I64() + 1];
    sizes[XentH.XENT_F32()] = Float.BYTES;
    sizes[XentH.XENT_F64()] = Double.BYTES;
    sizes[XentH.XENT_F16()] = Short.BYTES;
    sizes[XentH.XENT_BF16()] = Short.BYTES;
    sizes[XentH.XENT_I8()] = Byte.BYTES;
    sizes[XentH.XENT_U8()] = Byte.BYTES;
    sizes[XentH.XENT_I16()] = Short.BYTES;
    sizes[XentH.XENT_I32()] = Integer.BYTES;
    sizes[XentH.XENT_I64()] = Long.BYTES;
    return sizes;
  }

  private ElementType() {}

  public static boolean exists(int type) {
    return type >= 0 && type < SIZES.length && SIZES[type] != 0;
  }

  public static boolean isIn(int type, int types) {
    return exists(type) && (1 << type & types) != 0;
  }

  /** Whether the numbers of so many classes do not fit. */
  public static boolean isTooSmall(int type, long classes) {
    return type == XentH.XENT_I32() && classes - 1 > Integer.MAX_VALUE;
  }

  public static int byteSize(int type) {
    return SIZES[type];
  }
}
