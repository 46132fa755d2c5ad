// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static dev.xent.internal.text.Messages.message;

import dev.xent.DType;
import dev.xent.errors.ShapeException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * The header of a .npy file.
 *
 * @param type of an element
 * @param fortranOrder whether the elements along the first axis, not the last, are contiguous
 * @param shape sizes of the axes; empty for a single number
 */
record NpyHeader(DType type, boolean fortranOrder, long[] shape) {
  /** The largest number of axes in NumPy. */
  static final int MAX_RANK = 64;

  static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

  /**
   * The offset of the numbers is a multiple of this, so that the numbers of a mapped file are
   * aligned.
   */
  private static final int ALIGNMENT = 64;

  /** The number of elements; throws if the size in bytes does not fit in a long. */
  long elements() {
    if (!isCountable()) {
      throw new FileException(
          "has the shape " + describe(shape) + ", more than any file can hold; save it again");
    }
    return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
  }

  /** Whether the size in bytes, and the strides of an empty shape, fit in a long. */
  private boolean isCountable() {
    long most = Long.MAX_VALUE / type.byteSize();
    for (long size : shape) {
      most /= Math.max(size, 1);
    }
    return most > 0;
  }

  /** Rejects shapes that cannot be written. */
  void requireShape() {
    if (Arrays.stream(shape).anyMatch(size -> size < 0)) {
      throw new ShapeException(
          message("shape %s has a negative size: sizes are 0 or more", describe(shape)));
    }
    if (shape.length > MAX_RANK) {
      throw new ShapeException(
          message(
              "the shape has %d dimensions, and a .npy file at most %d: reshape the tensor",
              shape.length, MAX_RANK));
    }
    if (!isCountable()) {
      throw new ShapeException(
          message(
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

  /** The header of a version 1 file, padded to the start of the numbers. */
  byte[] encode() {
    String dictionary =
        message(
            "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }",
            NpyDescr.of(type), fortranOrder ? "True" : "False", python(shape));
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

  /** The shape as messages show it: {@code [3, 4]}. */
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
