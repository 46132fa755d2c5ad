// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import static dev.xent.benchmarks.peers.Lanes.all;
import static dev.xent.benchmarks.peers.Lanes.exp;
import static dev.xent.benchmarks.peers.Lanes.firsts;
import static dev.xent.benchmarks.peers.Lanes.load;
import static dev.xent.benchmarks.peers.Lanes.store;

import dev.xent.benchmarks.Problem;
import dev.xent.benchmarks.Task;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** The operations on rows that fit into one vector: read once, written once. */
final class VectorShortRows {
  private final MemorySegment x;
  private final MemorySegment y;
  private final long rows;
  private final long classes;

  private VectorShortRows(Problem problem) {
    x = problem.input;
    y = problem.output;
    rows = problem.shape.rows();
    classes = problem.shape.classes();
  }

  static Task of(Problem problem) {
    VectorShortRows tasks = new VectorShortRows(problem);
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
    VectorMask<Float> row = firsts(classes);
    for (long i = 0; i < rows * classes; i += classes) {
      FloatVector logits = load(x, i, row);
      FloatVector e = exp(logits.sub(logits.reduceLanes(VectorOperators.MAX, row)));
      store(e.mul(1 / e.reduceLanes(VectorOperators.ADD, row)), y, i, row);
    }
    return 0;
  }

  private double logSoftmax() {
    VectorMask<Float> row = firsts(classes);
    for (long i = 0; i < rows * classes; i += classes) {
      FloatVector logits = load(x, i, row);
      FloatVector below = logits.sub(logits.reduceLanes(VectorOperators.MAX, row));
      float sum = exp(below).reduceLanes(VectorOperators.ADD, row);
      store(below.sub((float) Math.log(sum)), y, i, row);
    }
    return 0;
  }

  private double crossEntropy(MemorySegment labels) {
    VectorMask<Float> row = firsts(classes);
    double loss = 0;
    for (long r = 0; r < rows; r++) {
      FloatVector logits = load(x, r * classes, row);
      float largest = logits.reduceLanes(VectorOperators.MAX, row);
      float sum = exp(logits.sub(largest)).reduceLanes(VectorOperators.ADD, row);
      loss += Math.log(sum) + largest - x.getAtIndex(ValueLayout.JAVA_FLOAT, at(labels, r));
    }
    return loss / rows;
  }

  private double lossAndGradient(MemorySegment labels) {
    VectorMask<Float> row = firsts(classes);
    double loss = 0;
    for (long r = 0; r < rows; r++) {
      FloatVector logits = load(x, r * classes, row);
      float largest = logits.reduceLanes(VectorOperators.MAX, row);
      FloatVector e = exp(logits.sub(largest));
      float sum = e.reduceLanes(VectorOperators.ADD, row);
      store(e.mul(1 / (sum * rows)), y, r * classes, row);
      long at = at(labels, r);
      float p = y.getAtIndex(ValueLayout.JAVA_FLOAT, at);
      y.setAtIndex(ValueLayout.JAVA_FLOAT, at, p - 1f / rows);
      loss += Math.log(sum) + largest - x.getAtIndex(ValueLayout.JAVA_FLOAT, at);
    }
    return loss / rows;
  }

  private long at(MemorySegment labels, long row) {
    return row * classes + labels.getAtIndex(ValueLayout.JAVA_LONG, row);
  }

  private double softmaxBackward(MemorySegment dy) {
    VectorMask<Float> row = firsts(classes);
    for (long i = 0; i < rows * classes; i += classes) {
      FloatVector p = load(x, i, row);
      FloatVector upstream = load(dy, i, row);
      float dot = p.mul(upstream).reduceLanes(VectorOperators.ADD, row);
      store(upstream.sub(dot).mul(p), y, i, row);
    }
    return 0;
  }

  private double logSoftmaxBackward(MemorySegment dy) {
    VectorMask<Float> row = firsts(classes);
    for (long i = 0; i < rows * classes; i += classes) {
      FloatVector upstream = load(dy, i, row);
      float total = upstream.reduceLanes(VectorOperators.ADD, row);
      store(exp(load(x, i, row)).fma(all(-total), upstream), y, i, row);
    }
    return 0;
  }
}
