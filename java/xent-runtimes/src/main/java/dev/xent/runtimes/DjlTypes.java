// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import static dev.xent.internal.text.Messages.message;

import ai.djl.ndarray.types.DataType;
import dev.xent.DType;
import dev.xent.errors.DTypeException;

/** Element types of DJL and of Xent. */
final class DjlTypes {
  private DjlTypes() {}

  /** The Xent type of a DJL type. */
  static DType of(DataType type) {
    return switch (type) {
      case FLOAT32 -> DType.F32;
      case FLOAT64 -> DType.F64;
      case FLOAT16 -> DType.F16;
      case BFLOAT16 -> DType.BF16;
      case INT8 -> DType.I8;
      case UINT8, BOOLEAN -> DType.U8;
      case INT16 -> DType.I16;
      case INT32 -> DType.I32;
      case INT64 -> DType.I64;
      case UINT16 -> DType.U16;
      case UINT32 -> DType.U32;
      case UINT64 -> DType.U64;
      default ->
          throw new DTypeException(
              message(
                  "the NDArray holds %s, which has no counterpart: convert it with toType",
                  type.name()));
    };
  }

  /**
   * The DJL type of a Xent type. DJL has names for the other types, but its native code for PyTorch
   * crashes the process for them.
   */
  static DataType of(DType type) {
    return switch (type) {
      case F32 -> DataType.FLOAT32;
      case F64 -> DataType.FLOAT64;
      case F16 -> DataType.FLOAT16;
      case I8 -> DataType.INT8;
      case U8 -> DataType.UINT8;
      case I32 -> DataType.INT32;
      case I64 -> DataType.INT64;
      case BF16, I16, U16, U32, U64 ->
          throw new DTypeException(
              message(
                  "%s has no counterpart in DJL's PyTorch engine; expected F32, F64, F16, I8, U8, I32 or I64",
                  type));
    };
  }
}
