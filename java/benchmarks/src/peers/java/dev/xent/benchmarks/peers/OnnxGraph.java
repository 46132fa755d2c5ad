// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Builds an ONNX model of a few nodes; the numbers of fields are those of <a
 * href="https://github.com/onnx/onnx/blob/main/onnx/onnx.proto">onnx.proto</a>.
 */
final class OnnxGraph {
  private static final int IR_VERSION = 8;
  private static final int OPSET = 17;
  private static final int FLOAT = 1;
  private static final int INT64 = 7;
  private static final int DOUBLE = 11;
  private static final int ATTRIBUTE_INT = 2;
  private static final int ATTRIBUTE_INTS = 7;

  private final Protobuf graph = new Protobuf().text(2, "graph");
  private final int type;
  private int nodes;

  /** A graph of doubles or of floats. */
  OnnxGraph(boolean isDouble) {
    type = isDouble ? DOUBLE : FLOAT;
  }

  /** An input of floats or doubles. */
  OnnxGraph input(String name, long... shape) {
    graph.message(11, value(name, type, shape));
    return this;
  }

  /** An input of 64-bit indices. */
  OnnxGraph indices(String name, long... shape) {
    graph.message(11, value(name, INT64, shape));
    return this;
  }

  /** An output of floats or doubles. */
  OnnxGraph output(String name, long... shape) {
    graph.message(12, value(name, type, shape));
    return this;
  }

  /** An output of 64-bit indices. */
  OnnxGraph outputIndices(String name, long... shape) {
    graph.message(12, value(name, INT64, shape));
    return this;
  }

  /** A float or double number. */
  OnnxGraph constant(String name, double number) {
    ByteBuffer raw = ByteBuffer.allocate(Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    if (type == DOUBLE) {
      raw.putDouble(number);
    } else {
      raw.putFloat((float) number).limit(Float.BYTES);
    }
    byte[] bytes = Arrays.copyOf(raw.array(), raw.limit());
    graph.message(5, new Protobuf().integer(2, type).text(8, name).blob(9, bytes));
    return this;
  }

  /** A list of 64-bit numbers. */
  OnnxGraph constant(String name, long... numbers) {
    ByteBuffer raw =
        ByteBuffer.allocate(numbers.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (long number : numbers) {
      raw.putLong(number);
    }
    graph.message(
        5,
        new Protobuf()
            .integer(1, numbers.length)
            .integer(2, INT64)
            .text(8, name)
            .blob(9, raw.array()));
    return this;
  }

  /**
   * A node.
   *
   * @param output its name, or names separated by spaces
   * @param operator of ONNX
   * @param inputs names separated by spaces
   * @param attributes from {@link #attribute}
   */
  OnnxGraph node(String output, String operator, String inputs, Protobuf... attributes) {
    Protobuf node = new Protobuf();
    for (String input : inputs.split(" ")) {
      node.text(1, input);
    }
    for (String name : output.split(" ")) {
      node.text(2, name);
    }
    node.text(3, "node" + nodes++).text(4, operator);
    for (Protobuf attribute : attributes) {
      node.message(5, attribute);
    }
    graph.message(1, node);
    return this;
  }

  /** An attribute that is a number. */
  static Protobuf attribute(String name, long value) {
    return new Protobuf().text(1, name).integer(3, value).integer(20, ATTRIBUTE_INT);
  }

  /** An attribute that is a list of numbers. */
  static Protobuf attributes(String name, long... values) {
    Protobuf attribute = new Protobuf().text(1, name);
    for (long value : values) {
      attribute.integer(8, value);
    }
    return attribute.integer(20, ATTRIBUTE_INTS);
  }

  /** The model. */
  byte[] toBytes() {
    return new Protobuf()
        .integer(1, IR_VERSION)
        .message(7, graph)
        .message(8, new Protobuf().text(1, "").integer(2, OPSET))
        .toBytes();
  }

  private static Protobuf value(String name, int type, long... shape) {
    Protobuf dims = new Protobuf();
    for (long size : shape) {
      dims.message(1, new Protobuf().integer(1, size));
    }
    Protobuf tensor = new Protobuf().integer(1, type).message(2, dims);
    return new Protobuf().text(1, name).message(2, new Protobuf().message(1, tensor));
  }
}
