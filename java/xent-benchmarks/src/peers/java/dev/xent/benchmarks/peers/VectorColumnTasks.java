// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import dev.xent.benchmarks.Problem;
import dev.xent.benchmarks.Shape;
import dev.xent.benchmarks.Task;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** The operations, a vector of rows after the other. */
final class VectorColumnTasks implements Task {
  private final Problem problem;
  private final Shape shape;
  private final VectorColumns columns;

  private VectorColumnTasks(Problem problem) {
    this.problem = problem;
    shape = problem.shape;
    columns = new VectorColumns(problem.input, problem.output, shape.classes(), shape.inner());
  }

  static Task of(Problem problem) {
    return new VectorColumnTasks(problem);
  }

  @Override
  public double run() {
    double loss = 0;
    long inner = shape.inner();
    for (long outer = 0; outer < shape.outer(); outer++) {
      for (long i = 0; i < inner; i += Lanes.LENGTH) {
        long first = outer * shape.classes() * inner + i;
        VectorMask<Float> rows = Lanes.firsts(inner - i);
        switch (problem.operation) {
          case SOFTMAX -> columns.softmax(first, rows, 1, columns.largest(first, rows));
          case LOG_SOFTMAX -> columns.logSoftmax(first, rows);
          case SOFTMAX_BACKWARD -> columns.softmaxBackward(first, rows, problem.upstream());
          case LOG_SOFTMAX_BACKWARD -> columns.logSoftmaxBackward(first, rows, problem.upstream());
          case CROSS_ENTROPY -> {
            FloatVector largest = columns.largest(first, rows);
            FloatVector sum = columns.sum(first, rows, largest);
            loss += losses(first, outer * inner + i, rows.trueCount(), largest, sum);
          }
          case CROSS_ENTROPY_GRAD -> {
            FloatVector largest = columns.largest(first, rows);
            FloatVector sum = columns.softmax(first, rows, 1f / shape.rows(), largest);
            loss += losses(first, outer * inner + i, rows.trueCount(), largest, sum);
            subtractOnes(first, outer * inner + i, rows.trueCount());
          }
        }
      }
    }
    return loss / shape.rows();
  }

  /** Of the rows from one on, whose first elements are neighbours. */
  private double losses(long first, long row, int count, FloatVector largest, FloatVector sum) {
    double loss = 0;
    for (int lane = 0; lane < count; lane++) {
      float x = problem.input.getAtIndex(ValueLayout.JAVA_FLOAT, at(first, row, lane));
      loss += Math.log(sum.lane(lane)) + largest.lane(lane) - x;
    }
    return loss;
  }

  private void subtractOnes(long first, long row, int count) {
    MemorySegment y = problem.output;
    for (int lane = 0; lane < count; lane++) {
      long at = at(first, row, lane);
      float p = y.getAtIndex(ValueLayout.JAVA_FLOAT, at);
      y.setAtIndex(ValueLayout.JAVA_FLOAT, at, p - 1f / shape.rows());
    }
  }

  private long at(long first, long row, int lane) {
    long label = problem.labels().getAtIndex(ValueLayout.JAVA_LONG, row + lane);
    return first + lane + label * shape.inner();
  }
}
