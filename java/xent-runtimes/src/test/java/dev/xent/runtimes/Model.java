// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import dev.xent.DType;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * The bytes of an ONNX model of one node with one input, x, and one output, y. The numbers are
 * those of the fields of onnx.proto.
 */
final class Model {
  private static final int IR_VERSION = 10;
  private static final int OPSET = 21;

  private Model() {}

  /** The number of a type in ONNX, which is not the one that ONNX Runtime has for it. */
  static int number(DType type) {
    return switch (type) {
      case F32 -> 1;
      case U8 -> 2;
      case I8 -> 3;
      case U16 -> 4;
      case I16 -> 5;
      case I32 -> 6;
      case I64 -> 7;
      case F16 -> 10;
      case F64 -> 11;
      case U32 -> 12;
      case U64 -> 13;
      case BF16 -> 16;
    };
  }

  /** An operator without attributes that leaves type and shape as they are. */
  static byte[] of(String operator, DType type, long... shape) {
    return model(node(operator), number(type), number(type), shape);
  }

  /** To another type. */
  static byte[] cast(DType from, DType to, long... shape) {
    byte[] attribute = join(text(1, "to"), number(3, number(to)), number(20, 2));
    return model(join(node("Cast"), bytes(5, attribute)), number(from), number(to), shape);
  }

  private static byte[] node(String operator) {
    return join(text(1, "x"), text(2, "y"), text(4, operator));
  }

  private static byte[] model(byte[] node, int in, int out, long... shape) {
    byte[] graph =
        join(
            bytes(1, node),
            text(2, "graph"),
            bytes(11, value("x", in, shape)),
            bytes(12, value("y", out, shape)));
    byte[] operators = join(text(1, ""), number(2, OPSET));
    return join(number(1, IR_VERSION), bytes(7, graph), bytes(8, operators));
  }

  private static byte[] value(String name, int type, long... shape) {
    byte[] dimensions = {};
    for (long size : shape) {
      dimensions = join(dimensions, bytes(1, number(1, size)));
    }
    byte[] tensor = join(number(1, type), bytes(2, dimensions));
    return join(text(1, name), bytes(2, bytes(1, tensor)));
  }

  private static byte[] text(int field, String value) {
    return bytes(field, value.getBytes(StandardCharsets.UTF_8));
  }

  private static byte[] bytes(int field, byte[] value) {
    return join(varint(field << 3 | 2), varint(value.length), value);
  }

  private static byte[] number(int field, long value) {
    return join(varint(field << 3), varint(value));
  }

  private static byte[] varint(long value) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    long rest = value;
    for (; rest > 0x7F; rest >>>= 7) {
      out.write((int) (rest & 0x7F | 0x80));
    }
    out.write((int) rest);
    return out.toByteArray();
  }

  private static byte[] join(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }
}
