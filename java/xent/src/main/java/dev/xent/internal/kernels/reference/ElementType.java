// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.XentH;

/** The element types of xent.h and sets of them. */
final class ElementType {
  /** Sets hold bit 1 &lt;&lt; type. */
  static final int FLOATS = 1 << XentH.XENT_F32();

  static final int LABELS =
      1 << XentH.XENT_I8()
          | 1 << XentH.XENT_U8()
          | 1 << XentH.XENT_I16()
          | 1 << XentH.XENT_I32()
          | 1 << XentH.XENT_I64();

  static final int BYTES = 1 << XentH.XENT_U8();

  private ElementType() {}

  static boolean exists(int type) {
    return type >= XentH.XENT_F32() && type <= XentH.XENT_I64();
  }

  static boolean isIn(int type, int types) {
    return (1 << type & types) != 0;
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
