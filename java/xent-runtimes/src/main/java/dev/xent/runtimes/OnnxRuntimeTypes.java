// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import static dev.xent.internal.text.Messages.message;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.TensorInfo;
import dev.xent.DType;
import dev.xent.errors.DTypeException;

/** Element types of ONNX Runtime and of Xent. */
final class OnnxRuntimeTypes {
  private OnnxRuntimeTypes() {}

  /** The Xent type of an OnnxTensor. */
  static DType of(TensorInfo info) {
    // The Java type would not do: it is the same for signed and unsigned integers.
    return switch (info.onnxType) {
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT -> DType.F32;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE -> DType.F64;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 -> DType.F16;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16 -> DType.BF16;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8 -> DType.I8;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL -> DType.U8;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16 -> DType.I16;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 -> DType.I32;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 -> DType.I64;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16 -> DType.U16;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32 -> DType.U32;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64 -> DType.U64;
      default ->
          throw new DTypeException(
              message(
                  "the OnnxTensor holds %s, which has no counterpart: add a Cast to the model",
                  name(info)));
    };
  }

  /** The type's name in ONNX. */
  private static String name(TensorInfo info) {
    return info.onnxType.name().replace("ONNX_TENSOR_ELEMENT_DATA_TYPE_", "");
  }

  /** The ONNX Runtime type of a Xent type. */
  static OnnxJavaType of(DType type) {
    return switch (type) {
      case F32 -> OnnxJavaType.FLOAT;
      case F64 -> OnnxJavaType.DOUBLE;
      case F16 -> OnnxJavaType.FLOAT16;
      case BF16 -> OnnxJavaType.BFLOAT16;
      case I8 -> OnnxJavaType.INT8;
      case U8 -> OnnxJavaType.UINT8;
      case I16 -> OnnxJavaType.INT16;
      case I32 -> OnnxJavaType.INT32;
      case I64 -> OnnxJavaType.INT64;
      case U16, U32, U64 ->
          throw new DTypeException(
              message(
                  "%s cannot be made by ONNX Runtime for Java; expected the integers as I64, or U8",
                  type));
    };
  }
}
