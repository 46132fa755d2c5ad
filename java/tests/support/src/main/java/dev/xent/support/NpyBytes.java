// SPDX-License-Identifier: Apache-2.0
package dev.xent.support;

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

  /** A file of any version, with the numbers at a multiple of 64 bytes, as NumPy leaves them. */
  public static byte[] file(int version, String dictionary, byte[] data) {
    int end = prefix(version) + dictionary.length() + 1;
    return unpadded(version, dictionary + " ".repeat((64 - end % 64) % 64), data);
  }

  /** A file whose numbers begin where the dictionary and a line feed end. */
  public static byte[] unpadded(int version, String dictionary, byte[] data) {
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
  public static String dictionary(String descr, boolean fortran, String shape) {
    String order = fortran ? "True" : "False";
    return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  }

  /** A float32 file in C order. */
  public static Path floats(Path path, String shape, float... values) {
    return write(path, file(dictionary("<f4", false, shape), floats(values)));
  }

  /** An int64 file in C order, NumPy's default for whole numbers. */
  public static Path longs(Path path, String shape, long... values) {
    return write(path, file(dictionary("<i8", false, shape), longs(values)));
  }

  /** A file of NumPy's booleans in C order. */
  public static Path flags(Path path, String shape, int... values) {
    byte[] data = new byte[values.length];
    for (int i = 0; i < data.length; i++) {
      data[i] = (byte) values[i];
    }
    return write(path, file(dictionary("|b1", false, shape), data));
  }

  /** A file of 16-bit floats in C order. */
  public static Path halves(Path path, String descr, String shape, short... values) {
    return write(path, file(dictionary(descr, false, shape), halves(values)));
  }

  /** A float64 file in C order. */
  public static Path doubles(Path path, String shape, double... values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Double.BYTES);
    bytes.order(ByteOrder.LITTLE_ENDIAN).asDoubleBuffer().put(values);
    return write(path, file(dictionary("<f8", false, shape), bytes.array()));
  }

  /** Little-endian bytes. */
  public static byte[] halves(short... values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Short.BYTES);
    bytes.order(ByteOrder.LITTLE_ENDIAN).asShortBuffer().put(values);
    return bytes.array();
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

  /** What follows the header of a version 1 file. */
  public static byte[] dataOf(Path path) {
    byte[] bytes = read(path);
    return Arrays.copyOfRange(bytes, dataStart(bytes), bytes.length);
  }

  /** The numbers of a version 1 float32 file. */
  public static float[] floatsOf(Path path) {
    ByteBuffer data = data(path);
    float[] values = new float[data.remaining() / Float.BYTES];
    data.asFloatBuffer().get(values);
    return values;
  }

  /** The numbers of a version 1 float64 file. */
  public static double[] doublesOf(Path path) {
    ByteBuffer data = data(path);
    double[] values = new double[data.remaining() / Double.BYTES];
    data.asDoubleBuffer().get(values);
    return values;
  }

  /** The numbers of a version 1 int64 file. */
  public static long[] longsOf(Path path) {
    ByteBuffer data = data(path);
    long[] values = new long[data.remaining() / Long.BYTES];
    data.asLongBuffer().get(values);
    return values;
  }

  /** The bits of a version 1 file of 16-bit floats. */
  public static short[] halvesOf(Path path) {
    ByteBuffer data = data(path);
    short[] values = new short[data.remaining() / Short.BYTES];
    data.asShortBuffer().get(values);
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
