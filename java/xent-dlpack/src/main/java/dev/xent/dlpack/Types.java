// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import static dev.xent.internal.text.Messages.message;

import dev.xent.DType;
import dev.xent.errors.DTypeException;

/** Element types by DLPack's numbers: a type code, the bits, and the number of lanes. */
final class Types {
  private static final int INT = 0;
  private static final int UINT = 1;
  private static final int FLOAT = 2;
  private static final int BFLOAT = 4;
  private static final int BOOL = 6;

  private Types() {}

  /** The type of an element; booleans are read as bytes. */
  static DType of(int code, int bits, int lanes) {
    if (lanes != 1) {
      throw refusal(code, bits, lanes);
    }
    return switch (code) {
      case INT ->
          switch (bits) {
            case 8 -> DType.I8;
            case 16 -> DType.I16;
            case 32 -> DType.I32;
            case 64 -> DType.I64;
            default -> throw refusal(code, bits, lanes);
          };
      case FLOAT ->
          switch (bits) {
            case 16 -> DType.F16;
            case 32 -> DType.F32;
            case 64 -> DType.F64;
            default -> throw refusal(code, bits, lanes);
          };
      case UINT ->
          switch (bits) {
            case 8 -> DType.U8;
            case 16 -> DType.U16;
            case 32 -> DType.U32;
            case 64 -> DType.U64;
            default -> throw refusal(code, bits, lanes);
          };
      case BOOL -> only(8, DType.U8, code, bits);
      case BFLOAT -> only(16, DType.BF16, code, bits);
      default -> throw refusal(code, bits, lanes);
    };
  }

  private static DType only(int wanted, DType type, int code, int bits) {
    if (bits != wanted) {
      throw refusal(code, bits, 1);
    }
    return type;
  }

  /** The type code of a type. */
  static int code(DType type) {
    return switch (type) {
      case F16, F32, F64 -> FLOAT;
      case BF16 -> BFLOAT;
      case U8, U16, U32, U64 -> UINT;
      case I8, I16, I32, I64 -> INT;
    };
  }

  private static DTypeException refusal(int code, int bits, int lanes) {
    return new DTypeException(
        message(
            "the tensor has elements of %d x %s of %d bits; expected 1 x float (16, 32, 64), bfloat (16), int or uint (8, 16, 32, 64) or bool (8)",
            lanes, name(code), bits));
  }

  private static String name(int code) {
    return switch (code) {
      case INT -> "int";
      case UINT -> "uint";
      case FLOAT -> "float";
      case 3 -> "opaque handle";
      case BFLOAT -> "bfloat";
      case 5 -> "complex";
      case BOOL -> "bool";
      case 7 -> "float8_e3m4";
      case 8 -> "float8_e4m3";
      case 9 -> "float8_e4m3b11fnuz";
      case 10 -> "float8_e4m3fn";
      case 11 -> "float8_e4m3fnuz";
      case 12 -> "float8_e5m2";
      case 13 -> "float8_e5m2fnuz";
      case 14 -> "float8_e8m0fnu";
      case 15 -> "float6_e2m3fn";
      case 16 -> "float6_e3m2fn";
      case 17 -> "float4_e2m1fn";
      default -> "unknown (" + code + ")";
    };
  }
}
