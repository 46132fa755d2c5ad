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
record Shape(List<Long> sizes, int axis) {
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
  static Shape of(String word) {
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
  long[] dims() {
    return sizes.stream().mapToLong(Long::longValue).toArray();
  }

  /** The shape of the labels: without the class axis, or [1] if it is the only axis. */
  long[] rowDims() {
    List<Long> rest = new ArrayList<>(sizes);
    rest.remove(axis);
    return rest.isEmpty() ? new long[] {1} : rest.stream().mapToLong(Long::longValue).toArray();
  }

  /** Whether the class axis is the last. */
  boolean isRows() {
    return axis == sizes.size() - 1;
  }

  /** The number of classes of a row. */
  long classes() {
    return sizes.get(axis);
  }

  /** The number of logits. */
  long elements() {
    return sizes.stream().reduce(1L, Math::multiplyExact);
  }

  /** The text on the command line. */
  @Override
  public String toString() {
    String joined = sizes.stream().map(String::valueOf).collect(Collectors.joining("x"));
    return isRows() ? joined : joined + "@" + axis;
  }
}
