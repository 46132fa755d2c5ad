// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Makes and takes apart .npy files byte by byte, without the code that is under test. */
public final class NpyBytes {
  private static final int V1_PREFIX = 10;

  private NpyBytes() {}

  /** A version 1 file of any dictionary and data. */
  public static byte[] file(String dictionary, byte[] data) {
    return file(1, dictionary, data);
  }

  /** A file of any version; 1 has a two-byte header length, others four bytes. */
  public static byte[] file(int version, String dictionary, byte[] data) {
    byte[] text = (dictionary + "\n").getBytes(StandardCharsets.ISO_8859_1);
    ByteBuffer bytes =
        ByteBuffer.allocate(V1_PREFIX + 2 + text.length + data.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', (byte) version, 0});
    if (version == 1) {
      bytes.putShort((short) text.length);
    } else {
      bytes.putInt(text.length);
    }
    bytes.put(text).put(data);
    return Arrays.copyOf(bytes.array(), bytes.position());
  }

  /** {@code {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}}. */
  public static String dictionary(String descr, boolean fortran, String shape) {
    return "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }"
        .formatted(descr, fortran ? "True" : "False", shape);
  }

  /** A float32 file in C order. */
  public static Path floats(Path path, String shape, float... values) {
    return write(path, file(dictionary("<f4", false, shape), floats(values)));
  }

  /** An int64 file in C order, NumPy's default for whole numbers. */
  public static Path longs(Path path, String shape, long... values) {
    return write(path, file(dictionary("<i8", false, shape), longs(values)));
  }

  /** Little-endian bytes. */
  public static byte[] floats(float... values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES);
    bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values);
    return bytes.array();
  }

  /** Little-endian bytes. */
  public static byte[] longs(long... values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Long.BYTES);
    bytes.order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().put(values);
    return bytes.array();
  }

  /** Writes a file. */
  public static Path write(Path path, byte[] bytes) {
    try {
      return Files.write(path, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The dictionary of a version 1 file. */
  public static String dictionaryOf(Path path) {
    byte[] bytes = read(path);
    return new String(bytes, V1_PREFIX, dataStart(bytes) - V1_PREFIX, StandardCharsets.ISO_8859_1);
  }

  /** The numbers of a version 1 float32 file. */
  public static float[] floatsOf(Path path) {
    byte[] bytes = read(path);
    int start = dataStart(bytes);
    float[] values = new float[(bytes.length - start) / Float.BYTES];
    ByteBuffer.wrap(bytes, start, bytes.length - start)
        .order(ByteOrder.LITTLE_ENDIAN)
        .asFloatBuffer()
        .get(values);
    return values;
  }

  private static int dataStart(byte[] bytes) {
    return V1_PREFIX + (bytes[8] & 0xFF) + (bytes[9] & 0xFF) * 256;
  }

  private static byte[] read(Path path) {
    try {
      return Files.readAllBytes(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
