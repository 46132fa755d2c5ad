// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static dev.xent.cli.Messages.message;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import picocli.CommandLine.TypeConversionException;

/**
 * The shape of logits.
 *
 * @param sizes of the dimensions, each 1 or more
 * @param axis of the classes
 */
public record Shape(List<Long> sizes, int axis) {
  /** A call with hardly any work, rows of few classes, rows in the caches, and rows beyond them. */
  private static final List<String> ROWS =
      List.of(
          "1x10",
          "1x1000",
          "100000x10",
          "10000x100",
          "1000x256",
          "64x1000",
          "1024x1000",
          "8x32000",
          "64x128256");

  /**
   * Shapes with another class axis than the last: of an image network, and one beyond most caches.
   */
  private static final List<String> COLUMNS = List.of("2x64x56x56@1", "2x19x512x1024@1");

  /** The shapes of {@code --quick}: one of each kind. */
  private static final List<String> FEW =
      List.of("1x10", "10000x10", "1000x256", "64x1000", "64x128256", "2x64x56x56@1");

  private static final Pattern FORM = Pattern.compile("(\\d{1,18})(x\\d{1,18})*(@\\d{1,9})?");

  /** The default shapes. */
  static List<Shape> defaults(boolean quick) {
    List<String> all = new ArrayList<>(ROWS);
    all.addAll(COLUMNS);
    return (quick ? FEW : all).stream().map(Shape::of).toList();
  }

  /** Parses a shape: {@code 64x1000}, or with its class axis {@code 2x64x56x56@1}. */
  public static Shape of(String word) {
    if (!FORM.matcher(word).matches()) {
      throw new TypeConversionException(
          message(
              "'%s' is not a shape; write sizes joined by x, and @AXIS if the class axis is not the last: 64x1000,2x64x56x56@1",
              word));
    }
    String[] parts = word.split("@");
    List<Long> sizes = Arrays.stream(parts[0].split("x")).map(Long::parseLong).toList();
    int axis = parts.length == 1 ? sizes.size() - 1 : Integer.parseInt(parts[1]);
    if (axis >= sizes.size()) {
      throw new TypeConversionException(
          message("'%s' has no axis %d; axes are 0 to %d", word, axis, sizes.size() - 1));
    }
    if (sizes.contains(0L)) {
      throw new TypeConversionException(
          message("'%s' has no elements; sizes must be at least 1", word));
    }
    Shape shape = new Shape(sizes, axis);
    try {
      Math.multiplyExact(shape.elements(), 2L * Problem.MOST_BYTES_PER_ELEMENT);
    } catch (ArithmeticException e) {
      throw new TypeConversionException(message("'%s' is too large; use smaller sizes", word));
    }
    return shape;
  }

  /** The sizes as a new array. */
  public long[] dims() {
    return sizes.stream().mapToLong(Long::longValue).toArray();
  }

  /** The shape of the labels: without the class axis, or [1] if it is the only axis. */
  public long[] rowDims() {
    List<Long> rest = new ArrayList<>(sizes);
    rest.remove(axis);
    return rest.isEmpty() ? new long[] {1} : rest.stream().mapToLong(Long::longValue).toArray();
  }

  /** The sizes with one class: the shape of a reduction along the class axis. */
  public long[] reducedDims() {
    long[] reduced = dims();
    reduced[axis] = 1;
    return reduced;
  }

  /** Whether the class axis is the last. */
  boolean isRows() {
    return axis == sizes.size() - 1;
  }

  /** The number of classes of a row. */
  public long classes() {
    return sizes.get(axis);
  }

  /** The product of the sizes before the class axis. */
  public long outer() {
    return product(sizes.subList(0, axis));
  }

  /** The product of the sizes after the class axis, which is the stride of the classes. */
  public long inner() {
    return product(sizes.subList(axis + 1, sizes.size()));
  }

  /** The number of rows. */
  public long rows() {
    return outer() * inner();
  }

  /** The number of logits. */
  public long elements() {
    return product(sizes);
  }

  private static long product(List<Long> sizes) {
    return sizes.stream().reduce(1L, Math::multiplyExact);
  }

  /** The text on the command line. */
  @Override
  public String toString() {
    String joined = sizes.stream().map(String::valueOf).collect(Collectors.joining("x"));
    return isRows() ? joined : joined + "@" + axis;
  }
}
