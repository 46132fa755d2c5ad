// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import dev.xent.benchmarks.Problem;
import dev.xent.benchmarks.Task;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The operations, row by row. */
final class VectorRowTasks {
  private final MemorySegment x;
  private final MemorySegment y;
  private final long rows;
  private final long classes;

  private VectorRowTasks(Problem problem) {
    x = problem.input;
    y = problem.output;
    rows = problem.shape.rows();
    classes = problem.shape.classes();
  }

  static Task of(Problem problem) {
    VectorRowTasks tasks = new VectorRowTasks(problem);
    return switch (problem.operation.kind) {
      case SOFTMAX -> tasks::softmax;
      case LOG_SOFTMAX -> tasks::logSoftmax;
      case CROSS_ENTROPY -> {
        MemorySegment labels = problem.labels();
        yield () -> tasks.crossEntropy(labels);
      }
      case CROSS_ENTROPY_GRAD -> {
        MemorySegment labels = problem.labels();
        yield () -> tasks.lossAndGradient(labels);
      }
      case SOFTMAX_BACKWARD -> {
        MemorySegment dy = problem.upstream();
        yield () -> tasks.softmaxBackward(dy);
      }
      case LOG_SOFTMAX_BACKWARD -> {
        MemorySegment dy = problem.upstream();
        yield () -> tasks.logSoftmaxBackward(dy);
      }
      case BINARY_CROSS_ENTROPY, BINARY_CROSS_ENTROPY_GRAD, SAMPLE ->
          throw new AssertionError(problem.operation);
    };
  }

  private double softmax() {
    for (long row = 0; row < rows; row++) {
      long begin = row * classes;
      long end = begin + classes;
      float largest = VectorRows.largest(x, begin, end);
      float sum = VectorRows.exponentials(x, y, begin, end, largest);
      VectorRows.scale(y, begin, end, 1 / sum);
    }
    return 0;
  }

  private double logSoftmax() {
    for (long row = 0; row < rows; row++) {
      long begin = row * classes;
      long end = begin + classes;
      float largest = VectorRows.largest(x, begin, end);
      float sum = VectorRows.sum(x, begin, end, largest);
      VectorRows.subtract(x, y, begin, end, largest + (float) Math.log(sum));
    }
    return 0;
  }

  private double crossEntropy(MemorySegment labels) {
    double loss = 0;
    for (long row = 0; row < rows; row++) {
      long begin = row * classes;
      long end = begin + classes;
      float largest = VectorRows.largest(x, begin, end);
      float sum = VectorRows.sum(x, begin, end, largest);
      loss += loss(begin + label(labels, row), largest, sum);
    }
    return loss / rows;
  }

  private double lossAndGradient(MemorySegment labels) {
    double loss = 0;
    for (long row = 0; row < rows; row++) {
      long begin = row * classes;
      long end = begin + classes;
      long at = begin + label(labels, row);
      float largest = VectorRows.largest(x, begin, end);
      float sum = VectorRows.exponentials(x, y, begin, end, largest);
      VectorRows.scale(y, begin, end, 1 / (sum * rows));
      y.setAtIndex(
          ValueLayout.JAVA_FLOAT, at, y.getAtIndex(ValueLayout.JAVA_FLOAT, at) - 1f / rows);
      loss += loss(at, largest, sum);
    }
    return loss / rows;
  }

  private double softmaxBackward(MemorySegment dy) {
    for (long row = 0; row < rows; row++) {
      long begin = row * classes;
      long end = begin + classes;
      VectorRows.softmaxBackward(x, dy, y, begin, end, VectorRows.dot(x, dy, begin, end));
    }
    return 0;
  }

  private double logSoftmaxBackward(MemorySegment dy) {
    for (long row = 0; row < rows; row++) {
      long begin = row * classes;
      long end = begin + classes;
      VectorRows.logSoftmaxBackward(x, dy, y, begin, end, VectorRows.total(dy, begin, end));
    }
    return 0;
  }

  private static long label(MemorySegment labels, long row) {
    return labels.getAtIndex(ValueLayout.JAVA_LONG, row);
  }

  private double loss(long at, float largest, float sum) {
    return Math.log(sum) + largest - x.getAtIndex(ValueLayout.JAVA_FLOAT, at);
  }
}
