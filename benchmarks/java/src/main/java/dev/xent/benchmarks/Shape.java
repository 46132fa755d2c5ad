// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Dimensions and the axis of the classes, written {@code 64x1000} (classes last) or {@code
 * 2x64x56x56@1}.
 *
 * @param dims the sizes
 * @param axis of the classes, 0 or more
 */
public record Shape(long[] dims, int axis) {
  /** Parses a shape. */
  static Shape of(String text) {
    String[] parts = text.split("@", 2);
    try {
      long[] dims = Arrays.stream(parts[0].split("x")).mapToLong(Long::parseLong).toArray();
      int axis = parts.length == 2 ? Integer.parseInt(parts[1]) : dims.length - 1;
      if (dims.length >= 2
          && axis >= 0
          && axis < dims.length
          && Arrays.stream(dims).allMatch(d -> d > 0)) {
        return new Shape(dims, axis);
      }
    } catch (NumberFormatException e) {
      throw unreadable(text, e);
    }
    throw unreadable(text, null);
  }

  private static IllegalArgumentException unreadable(
      String text, @org.jspecify.annotations.Nullable Throwable cause) {
    return new IllegalArgumentException(
        String.format(
            Locale.ROOT,
            "'%s' is no shape: write 64x1000, or 2x64x56x56@1 for classes along axis 1",
            text),
        cause);
  }

  /** The number of logits. */
  public long elements() {
    return Arrays.stream(dims).reduce(1, Math::multiplyExact);
  }

  /** The number of classes of a row. */
  public long classes() {
    return dims[axis];
  }

  /** The product of the sizes before the class axis. */
  public long outer() {
    return Arrays.stream(dims, 0, axis).reduce(1, Math::multiplyExact);
  }

  /** The product of the sizes after the class axis, which is the stride of the classes. */
  public long inner() {
    return Arrays.stream(dims, axis + 1, dims.length).reduce(1, Math::multiplyExact);
  }

  /** The number of rows. */
  public long rows() {
    return outer() * inner();
  }

  /** The sizes without the class axis: the shape of the labels. */
  public long[] rowDims() {
    long[] sizes = new long[dims.length - 1];
    System.arraycopy(dims, 0, sizes, 0, axis);
    System.arraycopy(dims, axis + 1, sizes, axis, dims.length - axis - 1);
    return sizes;
  }

  /** The sizes with one class: the shape of a reduction along the class axis. */
  public long[] reducedDims() {
    long[] sizes = dims.clone();
    sizes[axis] = 1;
    return sizes;
  }

  /** The text on the command line. */
  @Override
  public String toString() {
    String sizes = Arrays.stream(dims).mapToObj(Long::toString).collect(Collectors.joining("x"));
    return axis == dims.length - 1 ? sizes : sizes + "@" + axis;
  }
}
