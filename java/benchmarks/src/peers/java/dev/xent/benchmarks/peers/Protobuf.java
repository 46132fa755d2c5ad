// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** The part of the protocol buffers wire format that a small ONNX model needs. */
final class Protobuf {
  private static final int VARINT = 0;
  private static final int LENGTH = 2;

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  /** A field with an integer; negative integers take 64 bits. */
  Protobuf integer(int field, long value) {
    varint((long) field << 3 | VARINT);
    varint(value);
    return this;
  }

  /** A field with a text. */
  Protobuf text(int field, String value) {
    return blob(field, value.getBytes(StandardCharsets.UTF_8));
  }

  /** A field with a message. */
  Protobuf message(int field, Protobuf value) {
    return blob(field, value.toBytes());
  }

  /** A field with bytes. */
  Protobuf blob(int field, byte[] value) {
    varint((long) field << 3 | LENGTH);
    varint(value.length);
    bytes.writeBytes(value);
    return this;
  }

  /** The encoded message. */
  byte[] toBytes() {
    return bytes.toByteArray();
  }

  private void varint(long value) {
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      bytes.write((int) (rest & 0x7F | 0x80));
      rest >>>= 7;
    }
    bytes.write((int) rest);
  }
}
