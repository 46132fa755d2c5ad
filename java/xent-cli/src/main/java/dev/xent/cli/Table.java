// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The first numbers of a result as text: a line for each row along the last axis, then type and
 * shape. Numbers have the shortest digits that identify them.
 */
final class Table {
  private static final int MOST_ROWS = 10;
  private static final int WIDTH = 80;
  private static final String GAP = "  ";
  private static final String MORE = "...";

  private final Tensor tensor;
  private final String option;
  private final long[] shape;
  private final boolean isMatrix;

  private Table(Tensor tensor, String option) {
    this.tensor = tensor;
    this.option = option;
    this.shape = tensor.shape();
    this.isMatrix = shape.length > 1;
  }

  /**
   * The table of a tensor.
   *
   * @param option the option that writes the whole tensor, named if the table is not complete
   */
  static String of(Tensor tensor, String option) {
    return new Table(tensor, option).text();
  }

  /** The numbers for JSON, in the order of the rows. */
  static List<Object> json(Tensor tensor) {
    List<Object> numbers = new ArrayList<>();
    long[] index = new long[tensor.rank()];
    for (long i = 0; i < tensor.elements(); i++) {
      numbers.add(
          tensor.type().isInteger()
              ? (Object) tensor.getLong(index)
              : tensor.type() == DType.F64
                  ? Json.number(tensor.getDouble(index))
                  : Json.number(tensor.getFloat(index)));
      step(index, tensor.shape());
    }
    return numbers;
  }

  private static void step(long[] index, long[] shape) {
    for (int axis = shape.length - 1; axis >= 0 && ++index[axis] == shape[axis]; axis--) {
      index[axis] = 0;
    }
  }

  private String text() {
    long all = tensor.elements();
    long columns = isMatrix ? shape[shape.length - 1] : 1;
    long rows = all == 0 ? 0 : all / columns;
    int shownRows = (int) Math.min(rows, MOST_ROWS);
    List<List<String>> table = new ArrayList<>(); // columns; the first has the labels of rows
    table.add(labels(shownRows));
    int width = widest(table.getFirst());
    int shown = 0;
    while (shown < columns && shownRows > 0) {
      List<String> column = column(shown, shownRows);
      width += GAP.length() + widest(column);
      int needed = shown + 1 < columns ? width + GAP.length() + MORE.length() : width;
      if (needed > WIDTH && shown > 0) {
        break;
      }
      table.add(column);
      shown++;
    }
    if (shown < columns && shownRows > 0) {
      table.add(new ArrayList<>(Collections.nCopies(table.getFirst().size(), MORE)));
    }
    String cut = cut(shownRows, rows, shown, columns);
    return (shown == 0 ? "" : lines(table))
        + message("%s %s%s", Converters.name(tensor.type()), Arrays.toString(shape), cut);
  }

  private String cut(int shownRows, long rows, int shown, long columns) {
    boolean allRows = shownRows == rows;
    boolean allColumns = rows == 0 || shown == columns;
    if (allRows && allColumns) {
      return "";
    }
    String part =
        allColumns
            ? message("the first %d rows", shownRows)
            : allRows
                ? message("the first %d columns", shown)
                : message("the first %d rows and %d columns", shownRows, shown);
    return message("; shown: %s, %s writes all", part, option);
  }

  private List<String> labels(int rows) {
    List<String> labels = new ArrayList<>();
    if (isMatrix) {
      labels.add("");
    }
    long[] index = new long[Math.max(0, shape.length - (isMatrix ? 1 : 0))];
    long[] sizes = Arrays.copyOf(shape, index.length);
    for (int row = 0; row < rows; row++) {
      labels.add(index.length == 1 ? Long.toString(index[0]) : Arrays.toString(index));
      step(index, sizes);
    }
    return labels;
  }

  private List<String> column(int number, int rows) {
    List<String> column = new ArrayList<>();
    if (isMatrix) {
      column.add(Integer.toString(number));
    }
    long[] index = new long[shape.length];
    long[] sizes = shape.clone();
    if (isMatrix) {
      index[shape.length - 1] = number;
      sizes = Arrays.copyOf(shape, shape.length - 1);
    }
    for (int row = 0; row < rows; row++) {
      column.add(number(index));
      step(index, sizes);
    }
    return column;
  }

  private String number(long[] index) {
    if (tensor.type().isInteger()) {
      return Long.toString(tensor.getLong(index));
    }
    return tensor.type() == DType.F64
        ? Numbers.text(tensor.getDouble(index))
        : Numbers.text(tensor.getFloat(index));
  }

  private static int widest(List<String> column) {
    return column.stream().mapToInt(String::length).max().orElse(0);
  }

  private static String lines(List<List<String>> table) {
    StringBuilder lines = new StringBuilder();
    for (int row = 0; row < table.getFirst().size(); row++) {
      int at = row;
      lines
          .append(
              table.stream()
                  .map(
                      column ->
                          " ".repeat(widest(column) - column.get(at).length()) + column.get(at))
                  .collect(Collectors.joining(GAP)))
          .append(System.lineSeparator());
    }
    return lines.toString();
  }
}
