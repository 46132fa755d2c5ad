// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.cli.bench.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * One row of the table.
 *
 * @param operation the operation
 * @param shape of the logits
 */
record Case(Operation operation, Shape shape) {
  /** Few classes and many, little data and more than any cache can hold. */
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

  /** Class axes other than the last: an image network, a detector, a segmentation. */
  private static final Map<Operation, List<String>> COLUMNS =
      Map.of(
          Operation.SOFTMAX, List.of("32x81x8732@1", "8x19x512x1024@1"),
          Operation.LOG_SOFTMAX, List.of("2x64x56x56@1"),
          Operation.CROSS_ENTROPY, List.of("32x81x8732@1"),
          Operation.CROSS_ENTROPY_GRAD, List.of("32x81x8732@1"));

  /**
   * For options and types: from ten classes to those of a language model, and a class axis that is
   * not the last.
   */
  private static final List<String> OPTIONS =
      List.of("10000x10", "1000x100", "300x300", "64x1000", "16x32000", "8x128256", "2x64x56x56@1");

  /** For operations on single elements: a thousand, a million, more than any cache can hold. */
  private static final List<String> ELEMENTS = List.of("1x1000", "1000x1000", "64x128256");

  /** For sampling: one sequence and a batch, with the vocabulary sizes of language models. */
  private static final List<String> VOCABULARIES =
      List.of("1x32000", "1x128256", "64x32000", "64x128256");

  /** Shapes that a quick run omits: they resemble others, or take long. */
  private static final List<String> NOT_QUICK =
      List.of("1024x1000", "1000x256", "32x81x8732@1", "8x19x512x1024@1", "300x300", "16x32000");

  /** The named operations, or all, on the named shapes, or those of the table. */
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
