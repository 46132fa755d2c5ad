// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static dev.xent.internal.text.Messages.message;

import dev.xent.DType;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The element types of .npy files: NumPy's type strings, such as {@code <f4}, as {@link DType}s.
 * NumPy has no bfloat16; ml_dtypes saves it as {@code <V2}, two bytes without a defined type. Other
 * names of NumPy's types, such as {@code float32}, do not occur in files and are not read.
 */
final class NpyDescr {
  /** In NumPy an omitted mark, = and | mean native byte order; 1-byte types have no byte order. */
  private static final Pattern ORDER_AND_TYPE = Pattern.compile("[<>=|]?([fiubV][1248])");

  private NpyDescr() {}

  /**
   * The type that {@code descr} names.
   *
   * @throws FileException for an unsupported type; the message names the type and the fix, and has
   *     no subject: the caller puts the file name before it
   */
  static DType parse(String descr) {
    Matcher word = ORDER_AND_TYPE.matcher(descr);
    boolean known = word.matches() && (!descr.startsWith(">") || word.group(1).endsWith("1"));
    return switch (known ? word.group(1) : "") {
      case "f4" -> DType.F32;
      case "f8" -> DType.F64;
      case "f2" -> DType.F16;
      case "V2" -> DType.BF16;
      case "i1" -> DType.I8;
      case "u1", "b1" -> DType.U8;
      case "i2" -> DType.I16;
      case "i4" -> DType.I32;
      case "i8" -> DType.I64;
      case "u2" -> DType.U16;
      case "u4" -> DType.U32;
      case "u8" -> DType.U64;
      default -> throw new FileException(refusal(Shown.word(descr)));
    };
  }

  /** The type string of a type. */
  static String of(DType type) {
    return switch (type) {
      case F32 -> "<f4";
      case F64 -> "<f8";
      case F16 -> "<f2";
      case BF16 -> "<V2";
      case I8 -> "|i1";
      case U8 -> "|u1";
      case I16 -> "<i2";
      case I32 -> "<i4";
      case I64 -> "<i8";
      case U16 -> "<u2";
      case U32 -> "<u4";
      case U64 -> "<u8";
    };
  }

  private static String refusal(String descr) {
    if (descr.startsWith(">")) {
      return message(
          "is big-endian ('%s'), which is not read; save it little-endian: x.astype('<%s')",
          descr, descr.substring(1));
    }
    return switch (descr) {
      case "|O", "O" ->
          "has Python objects ('|O'), not numbers; save x.astype('<f4') or x.astype('<i8')";
      default ->
          message(
              "has dtype '%s', which is not read; save floats (f2 f4 f8) or integers (i1 to i8, u1 to u8)",
              descr);
    };
  }
}
