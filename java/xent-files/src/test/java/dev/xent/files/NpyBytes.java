// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Makes and takes apart .npy files byte by byte, without the code that is under test. */
final class NpyBytes {
  private static final int V1_PREFIX = 10;

  private NpyBytes() {}

  /** A version 1 file of any dictionary and data. */
  static byte[] file(String dictionary, byte[] data) {
    return file(1, dictionary, data);
  }

  /** A file of any version, with the numbers at a multiple of 64 bytes, as NumPy leaves them. */
  static byte[] file(int version, String dictionary, byte[] data) {
    int end = prefix(version) + dictionary.length() + 1;
    return unpadded(version, dictionary + " ".repeat((64 - end % 64) % 64), data);
  }

  /** A file whose numbers begin where the dictionary and a line feed end. */
  static byte[] unpadded(int version, String dictionary, byte[] data) {
    byte[] text = (dictionary + "\n").getBytes(StandardCharsets.ISO_8859_1);
    ByteBuffer bytes =
        ByteBuffer.allocate(prefix(version) + text.length + data.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', (byte) version, 0});
    if (version == 1) {
      bytes.putShort((short) text.length);
    } else {
      bytes.putInt(text.length);
    }
    return bytes.put(text).put(data).array();
  }

  /** A version 1 file has a two-byte header length, others four bytes. */
  private static int prefix(int version) {
    return version == 1 ? V1_PREFIX : V1_PREFIX + 2;
  }

  /** {@code {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}}. */
  static String dictionary(String descr, boolean fortran, String shape) {
    return "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }"
        .formatted(descr, fortran ? "True" : "False", shape);
  }

  /** A float32 file in C order. */
  static Path floats(Path path, String shape, float... values) {
    return write(path, file(dictionary("<f4", false, shape), floats(values)));
  }

  /** Little-endian bytes. */
  static byte[] floats(float... values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES);
    bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values);
    return bytes.array();
  }

  /** Writes a file. */
  static Path write(Path path, byte[] bytes) {
    try {
      return Files.write(path, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The dictionary of a version 1 file. */
  static String dictionaryOf(Path path) {
    byte[] bytes = read(path);
    return new String(bytes, V1_PREFIX, dataStart(bytes) - V1_PREFIX, StandardCharsets.ISO_8859_1);
  }

  /** What follows the header of a version 1 file. */
  static byte[] dataOf(Path path) {
    byte[] bytes = read(path);
    return Arrays.copyOfRange(bytes, dataStart(bytes), bytes.length);
  }

  /** The numbers of a version 1 float32 file. */
  static float[] floatsOf(Path path) {
    ByteBuffer data = data(path);
    float[] values = new float[data.remaining() / Float.BYTES];
    data.asFloatBuffer().get(values);
    return values;
  }

  private static ByteBuffer data(Path path) {
    return ByteBuffer.wrap(dataOf(path)).order(ByteOrder.LITTLE_ENDIAN);
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
