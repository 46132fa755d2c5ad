// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import dev.xent.benchmarks.Problem;
import dev.xent.benchmarks.Task;
import dev.xent.cli.bench.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The operations in strips of some hundred adjacent rows, class by class. The memory is read in
 * runs, and a strip stays in the second-level cache from its first pass to its last.
 */
final class VectorColumnTasks implements Task {
  /** The most floats of a strip, half a megabyte with its output. */
  private static final long STRIP_ELEMENTS = 64 * 1024;

  private static final long MOST_ROWS = 1024;

  private final Problem problem;
  private final Shape shape;
  private final MemorySegment x;
  private final MemorySegment y;
  private final long stripRows;

  /** One number per row of the strip. */
  private final MemorySegment largest;

  private final MemorySegment sum;

  private VectorColumnTasks(Problem problem) {
    this.problem = problem;
    shape = problem.shape;
    x = problem.input;
    y = problem.output;
    long vectors = Math.min(MOST_ROWS, STRIP_ELEMENTS / shape.classes()) / Lanes.LENGTH;
    stripRows = Math.max(1, vectors) * Lanes.LENGTH;
    largest = Problem.floats(stripRows);
    sum = Problem.floats(stripRows);
  }

  static Task of(Problem problem) {
    return new VectorColumnTasks(problem);
  }

  @Override
  public double run() {
    double loss = 0;
    long inner = shape.inner();
    for (long outer = 0; outer < shape.outer(); outer++) {
      for (long i = 0; i < inner; i += stripRows) {
        long first = outer * shape.classes() * inner + i;
        loss += strip(first, outer * inner + i, Math.min(stripRows, inner - i));
      }
    }
    return loss / shape.rows();
  }

  /** Computes the strip with this first element and row; returns the sum of its losses. */
  private double strip(long first, long row, long count) {
    sum.fill((byte) 0);
    switch (problem.operation.kind) {
      case SOFTMAX -> {
        exponentials(first, count);
        scale(first, count, 1);
      }
      case LOG_SOFTMAX -> {
        sums(first, count);
        for (long j = 0; j < count; j++) {
          set(largest, j, at(largest, j) + (float) Math.log(at(sum, j)));
        }
        forEachClass(first, i -> VectorColumns.subtract(x, y, i, largest, count));
      }
      case SOFTMAX_BACKWARD -> {
        MemorySegment dy = problem.upstream();
        forEachClass(first, i -> VectorColumns.dot(x, dy, i, sum, count));
        forEachClass(first, i -> VectorColumns.softmaxBackward(x, dy, y, i, sum, count));
      }
      case LOG_SOFTMAX_BACKWARD -> {
        MemorySegment dy = problem.upstream();
        forEachClass(first, i -> VectorColumns.total(dy, i, sum, count));
        forEachClass(first, i -> VectorColumns.logSoftmaxBackward(x, dy, y, i, sum, count));
      }
      case CROSS_ENTROPY -> {
        sums(first, count);
        return losses(first, row, count);
      }
      case CROSS_ENTROPY_GRAD -> {
        exponentials(first, count);
        double loss = losses(first, row, count);
        scale(first, count, 1f / shape.rows());
        for (long j = 0; j < count; j++) {
          long at = label(first, row, j);
          set(y, at, at(y, at) - 1f / shape.rows());
        }
        return loss;
      }
      case BINARY_CROSS_ENTROPY, BINARY_CROSS_ENTROPY_GRAD, SAMPLE ->
          throw new AssertionError(problem.operation);
    }
    return 0;
  }

  private void largest(long first, long count) {
    MemorySegment.copy(x, first * Float.BYTES, largest, 0, count * Float.BYTES);
    forEachClass(first, i -> VectorColumns.largest(x, i, largest, count));
  }

  private void sums(long first, long count) {
    largest(first, count);
    forEachClass(first, i -> VectorColumns.sum(x, i, largest, sum, count));
  }

  private void exponentials(long first, long count) {
    largest(first, count);
    forEachClass(first, i -> VectorColumns.exponentials(x, y, i, largest, sum, count));
  }

  private void scale(long first, long count, float factor) {
    for (long j = 0; j < count; j++) {
      set(sum, j, factor / at(sum, j));
    }
    forEachClass(first, i -> VectorColumns.scale(y, i, sum, count));
  }

  private double losses(long first, long row, long count) {
    double loss = 0;
    for (long j = 0; j < count; j++) {
      loss += Math.log(at(sum, j)) + at(largest, j) - at(x, label(first, row, j));
    }
    return loss;
  }

  /** The index of the label's element of a row of the strip. */
  private long label(long first, long row, long j) {
    return first + j + problem.labels().getAtIndex(ValueLayout.JAVA_LONG, row + j) * shape.inner();
  }

  private void forEachClass(long first, ClassStep step) {
    long i = first;
    for (long c = 0; c < shape.classes(); c++, i += shape.inner()) {
      step.at(i);
    }
  }

  private static float at(MemorySegment floats, long i) {
    return floats.getAtIndex(ValueLayout.JAVA_FLOAT, i);
  }

  private static void set(MemorySegment floats, long i, float value) {
    floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
  }

  /** Work on one class, whose first element of the strip is {@code i}. */
  private interface ClassStep {
    void at(long i);
  }
}
