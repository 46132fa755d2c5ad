// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * One row of the table.
 *
 * @param operation what is computed
 * @param shape of the logits
 */
record Case(Operation operation, Shape shape) {
  /** Few classes and many, little data and more than any cache holds. */
  private static final List<String> ROWS =
      List.of(
          "1x10",
          "1x1000",
          "64x1000",
          "1024x1000",
          "64x128256",
          "100000x10",
          "10000x100",
          "1000x256");

  /** Class axes that are not the last: an image network, a detector, a segmentation. */
  private static final Map<Operation, List<String>> COLUMNS =
      Map.of(
          Operation.SOFTMAX, List.of("32x81x8732@1", "8x19x512x1024@1"),
          Operation.LOG_SOFTMAX, List.of("2x64x56x56@1"),
          Operation.CROSS_ENTROPY, List.of("32x81x8732@1"),
          Operation.CROSS_ENTROPY_GRAD, List.of("32x81x8732@1"));

  /**
   * For options and types: from ten classes to those of a language model, and a class axis inside.
   */
  private static final List<String> OPTIONS =
      List.of("10000x10", "1000x100", "300x300", "64x1000", "16x32000", "8x128256", "2x64x56x56@1");

  /** For elements that are by themselves: a thousand, a million, more than any cache holds. */
  private static final List<String> ELEMENTS = List.of("1x1000", "1000x1000", "64x128256");

  /** For tokens: of one sequence and of a batch, as many classes as language models have. */
  private static final List<String> VOCABULARIES =
      List.of("1x32000", "1x128256", "64x32000", "64x128256");

  /** A first look leaves these out: the like of them is there, or they take long. */
  private static final List<String> NOT_QUICK =
      List.of("1024x1000", "1000x256", "32x81x8732@1", "8x19x512x1024@1", "300x300", "16x32000");

  /** The operations that are named, or all; on the shapes that are named, or the table's. */
  static List<Case> chosen(List<String> operations, List<String> shapes, boolean quick) {
    List<Operation> wanted =
        operations.isEmpty()
            ? List.of(Operation.values())
            : operations.stream().map(Operation::of).toList();
    List<Case> cases = new ArrayList<>();
    for (Operation operation : wanted) {
      List<String> own = new ArrayList<>(of(operation));
      own.addAll(COLUMNS.getOrDefault(operation, List.of()));
      if (quick) {
        own.removeAll(NOT_QUICK);
      }
      for (String shape : shapes.isEmpty() ? own : shapes) {
        cases.add(new Case(operation, Shape.of(shape)));
      }
    }
    return cases;
  }

  private static List<String> of(Operation operation) {
    if (operation.isSampling()) {
      return VOCABULARIES;
    }
    return operation.isBinary() ? ELEMENTS : operation.isPlain() ? ROWS : OPTIONS;
  }
}
