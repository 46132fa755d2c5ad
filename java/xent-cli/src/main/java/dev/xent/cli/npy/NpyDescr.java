// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.npy;

import dev.xent.DType;

/**
 * The element types of .npy files: NumPy's type strings, such as {@code <f4}, as {@link DType}s.
 */
final class NpyDescr {
  private NpyDescr() {}

  /**
   * The type that {@code descr} names.
   *
   * @throws NpyException for a type that this version does not read, by name and with the fix; the
   *     message continues "FILE: "
   */
  static DType parse(String descr) {
    return switch (descr) {
      case "<f4" -> DType.F32;
      case "|i1", "<i1" -> DType.I8;
      case "|u1", "<u1" -> DType.U8;
      case "<i2" -> DType.I16;
      case "<i4" -> DType.I32;
      case "<i8" -> DType.I64;
      default -> throw new NpyException(refusal(HeaderParser.shown(descr)));
    };
  }

  /** The type string of a type that this version writes. */
  static String of(DType type) {
    return switch (type) {
      case F32 -> "<f4";
      case I8 -> "|i1";
      case U8 -> "|u1";
      case I16 -> "<i2";
      case I32 -> "<i4";
      case I64 -> "<i8";
      case F64, F16, BF16 ->
          throw new IllegalArgumentException(type + " files are not written in this version");
    };
  }

  private static String refusal(String descr) {
    if (descr.startsWith(">")) {
      return "is big-endian ('%s'), which is not read; save it little-endian: x.astype('<%s')"
          .formatted(descr, descr.substring(1));
    }
    return switch (descr) {
      case "<f8" -> notYet("float64", descr);
      case "<f2" -> notYet("float16", descr);
      case "<V2" -> notYet("bfloat16", descr);
      case "<u2", "<u4", "<u8" ->
          "has unsigned integers ('%s'), which are not read but for u1; save x.astype('<i8')"
              .formatted(descr);
      case "|b1" -> "has booleans ('|b1'), which are not read; save x.astype('u1')";
      case "|O" ->
          "has Python objects ('|O'), not numbers; save x.astype('<f4') or x.astype('<i8')";
      default ->
          "has dtype '%s', which is not read; save float32 ('<f4') or integers (i1 u1 i2 i4 i8)"
              .formatted(descr);
    };
  }

  private static String notYet(String name, String descr) {
    return "is %s ('%s'), which is not in this version; save it as float32: x.astype('<f4')"
        .formatted(name, descr);
  }
}
