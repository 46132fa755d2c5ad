// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.XentH;

/** The element types of xent.h and sets of them. */
final class ElementType {
  /** Sets hold bit 1 &lt;&lt; type. The float types of calls in float32 arithmetic. */
  static final int FLOATS = 1 << XentH.XENT_F32() | 1 << XentH.XENT_F16() | 1 << XentH.XENT_BF16();

  /** The float types of calls in float64 arithmetic. */
  static final int WIDE_FLOATS = 1 << XentH.XENT_F64() | 1 << XentH.XENT_F32();

  static final int ALL_FLOATS = FLOATS | WIDE_FLOATS;

  static final int LABELS =
      1 << XentH.XENT_I8()
          | 1 << XentH.XENT_U8()
          | 1 << XentH.XENT_I16()
          | 1 << XentH.XENT_I32()
          | 1 << XentH.XENT_I64();

  /** The types of class numbers that are written. */
  static final int CLASSES = 1 << XentH.XENT_I32() | 1 << XentH.XENT_I64();

  static final int BYTES = 1 << XentH.XENT_U8();

  private ElementType() {}

  static boolean exists(int type) {
    return type >= XentH.XENT_F32() && type <= XentH.XENT_I64();
  }

  static boolean isIn(int type, int types) {
    return exists(type) && (1 << type & types) != 0;
  }

  /** A type of floats that plain calls do not have. */
  static boolean isNarrowOrWide(int type) {
    return isIn(type, ALL_FLOATS) && type != XentH.XENT_F32();
  }

  static int byteSize(int type) {
    if (type == XentH.XENT_I8() || type == XentH.XENT_U8()) {
      return Byte.BYTES;
    }
    if (type == XentH.XENT_F16() || type == XentH.XENT_BF16() || type == XentH.XENT_I16()) {
      return Short.BYTES;
    }
    return type == XentH.XENT_F32() || type == XentH.XENT_I32() ? Integer.BYTES : Long.BYTES;
  }
}
