// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import dev.xent.DType;
import dev.xent.errors.ShapeException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * What stands before the numbers of a .npy file.
 *
 * @param type of an element
 * @param fortranOrder whether the first axis is the one whose elements lie side by side
 * @param shape sizes of the axes; empty for a single number
 */
record NpyHeader(DType type, boolean fortranOrder, long[] shape) {
  /** As many axes as NumPy has. */
  static final int MAX_RANK = 64;

  static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

  /** The numbers begin at a multiple of this, so that a mapped file is aligned. */
  private static final int ALIGNMENT = 64;

  /** The number of elements; a shape whose bytes a long cannot count is refused. */
  long elements() {
    if (!isCountable()) {
      throw new FileException(
          "has the shape " + describe(shape) + ", more than any file can hold; save it again");
    }
    return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
  }

  /** Whether a long can count the bytes of the elements, and those of each axis. */
  private boolean isCountable() {
    long most = Long.MAX_VALUE / type.byteSize();
    for (long size : shape) {
      most /= Math.max(size, 1);
    }
    return most > 0;
  }

  /** Refuses what cannot be written. */
  void requireShape() {
    if (Arrays.stream(shape).anyMatch(size -> size < 0)) {
      throw new ShapeException(
          String.format(
              Locale.ROOT, "shape %s has a negative size: sizes are 0 or more", describe(shape)));
    }
    if (shape.length > MAX_RANK) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "the shape has %d dimensions, and a .npy file at most %d: reshape the tensor",
              shape.length,
              MAX_RANK));
    }
    if (!isCountable()) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "shape %s is larger than memory can be: sizes and strides must stay below 2^63 bytes",
              describe(shape)));
    }
  }

  /** Strides in elements. */
  long[] strides() {
    long[] strides = new long[shape.length];
    long stride = 1;
    for (int i = 0; i < shape.length; i++) {
      int axis = fortranOrder ? i : shape.length - 1 - i;
      strides[axis] = stride;
      stride *= Math.max(shape[axis], 1);
    }
    return strides;
  }

  /** The first bytes of a version 1 file, up to where the numbers begin. */
  byte[] encode() {
    String dictionary =
        String.format(
            Locale.ROOT,
            "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }",
            NpyDescr.of(type),
            fortranOrder ? "True" : "False",
            python(shape));
    int prefix = MAGIC.length + 4;
    int end = prefix + dictionary.length() + 1;
    int total = (end + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    String padded = dictionary + " ".repeat(total - end) + "\n";
    return ByteBuffer.allocate(total)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(MAGIC)
        .put((byte) 1)
        .put((byte) 0)
        .putShort((short) padded.length())
        .put(padded.getBytes(StandardCharsets.ISO_8859_1))
        .array();
  }

  /** {@code [3, 4]}: a shape as messages show it. */
  static String describe(long[] shape) {
    return Arrays.stream(shape)
        .mapToObj(Long::toString)
        .collect(Collectors.joining(", ", "[", "]"));
  }

  private static String python(long[] shape) {
    return Arrays.stream(shape)
        .mapToObj(Long::toString)
        .collect(Collectors.joining(", ", "(", shape.length == 1 ? ",)" : ")"));
  }
}
