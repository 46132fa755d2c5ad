// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The operations in double precision, with {@link Math#exp} and {@link Math#log}: what results are
 * checked against.
 *
 * <p>A float result {@code a} of true value {@code e} passes when {@code |a - e| <= 1e-4 * size},
 * where the size is that of the terms {@code e} is made of, because those are what an
 * implementation rounds:
 *
 * <ul>
 *   <li>softmax: {@code e} itself, so every probability has four correct digits;
 *   <li>log-softmax: {@code max(1, |e|)};
 *   <li>loss: {@code max(1, |e|)};
 *   <li>gradient of the loss: {@code (p + q) / rows}, with {@code q} 1 at the label and 0
 *       elsewhere;
 *   <li>softmax backward: {@code y * (|dy| + sum |dy| * y)};
 *   <li>log-softmax backward: {@code |dy| + exp(y) * sum |dy|}.
 * </ul>
 */
final class Rows {
  /** Wide enough for sums of a hundred thousand terms in float, with a sum per lane: 2.3e-5. */
  static final double TOLERANCE = 1e-4;

  private final Problem problem;
  private final long classes;
  private final int inner;
  private final double[] largest;
  private final double[] sum;
  private final double[] size;

  Rows(Problem problem) {
    this.problem = problem;
    classes = problem.shape.classes();
    inner = Math.toIntExact(problem.shape.inner());
    int rows = Math.toIntExact(problem.shape.rows());
    largest = new double[rows];
    sum = new double[rows];
    size = new double[rows];
    Arrays.fill(largest, Double.NEGATIVE_INFINITY);
  }

  /** Takes the largest logit and the sum of exponentials of every row. */
  private void addLogits() {
    forEach((i, row, c) -> largest[row] = Math.max(largest[row], at(problem.input, i)));
    forEach((i, row, c) -> sum[row] += Math.exp(at(problem.input, i) - largest[row]));
  }

  /** Takes the sums that a backward operation needs of every row. */
  private void addUpstream() {
    boolean log = problem.operation == Operation.LOG_SOFTMAX_BACKWARD;
    MemorySegment upstream = problem.upstream();
    forEach(
        (i, row, c) -> {
          double term = at(upstream, i) * (log ? 1 : at(problem.input, i));
          sum[row] += term;
          size[row] += Math.abs(term);
        });
  }

  /** Replaces the logits of the problem by their softmax or log-softmax. */
  void normalise(boolean log) {
    addLogits();
    forEach(
        (i, row, c) -> {
          double below = at(problem.input, i) - largest[row];
          double value = log ? below - Math.log(sum[row]) : Math.exp(below) / sum[row];
          problem.input.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) value);
        });
  }

  /** Gets ready to check results of the problem. */
  static Rows of(Problem problem) {
    Rows rows = new Rows(problem);
    if (problem.operation.isBackward()) {
      rows.addUpstream();
    } else {
      rows.addLogits();
    }
    return rows;
  }

  /**
   * How far a result is from the truth, as a multiple of the size above: NaN where something is
   * NaN.
   *
   * @param loss the mean loss, of an operation that has one
   * @param output of an operation that has one
   */
  double error(double loss, MemorySegment output) {
    double[] worst = {0};
    if (problem.operation.hasLoss()) {
      double truth = meanLoss();
      worst[0] = Math.abs(loss - truth) / Math.max(1, Math.abs(truth));
    }
    if (problem.operation.hasOutput()) {
      forEach(
          (i, row, c) -> {
            double error = error(i, row, c, at(output, i));
            // Not Math.max(error, worst): written so that NaN stays.
            worst[0] = error <= worst[0] ? worst[0] : error;
          });
    }
    return worst[0];
  }

  private double meanLoss() {
    double total = 0;
    MemorySegment labels = problem.labels();
    for (int row = 0; row < sum.length; row++) {
      long label = labels.getAtIndex(ValueLayout.JAVA_LONG, row);
      long first = row / inner * classes * inner + row % inner;
      total += Math.log(sum[row]) + largest[row] - at(problem.input, first + label * inner);
    }
    return total / sum.length;
  }

  private double error(long i, int row, long c, double actual) {
    double x = at(problem.input, i);
    return switch (problem.operation) {
      case SOFTMAX -> {
        double p = Math.exp(x - largest[row]) / sum[row];
        yield Math.abs(actual - p) / p;
      }
      case LOG_SOFTMAX -> {
        double value = x - largest[row] - Math.log(sum[row]);
        yield Math.abs(actual - value) / Math.max(1, Math.abs(value));
      }
      case SOFTMAX_BACKWARD -> {
        double dy = at(problem.upstream(), i);
        yield Math.abs(actual - x * (dy - sum[row])) / (x * (Math.abs(dy) + size[row]));
      }
      case LOG_SOFTMAX_BACKWARD -> {
        double dy = at(problem.upstream(), i);
        double p = Math.exp(x);
        yield Math.abs(actual - (dy - p * sum[row])) / (Math.abs(dy) + p * size[row]);
      }
      case CROSS_ENTROPY_GRAD -> {
        double p = Math.exp(x - largest[row]) / sum[row];
        double q = problem.labels().getAtIndex(ValueLayout.JAVA_LONG, row) == c ? 1 : 0;
        yield Math.abs(actual * sum.length - (p - q)) / (p + q);
      }
      case CROSS_ENTROPY -> throw new AssertionError("cross-entropy has no output");
    };
  }

  private static double at(MemorySegment floats, long i) {
    return floats.getAtIndex(ValueLayout.JAVA_FLOAT, i);
  }

  private void forEach(Visitor visitor) {
    long i = 0;
    for (int first = 0; first < sum.length; first += inner) {
      for (long c = 0; c < classes; c++) {
        for (int row = first; row < first + inner; row++) {
          visitor.visit(i++, row, c);
        }
      }
    }
  }

  /** One element: its index, row and class. */
  private interface Visitor {
    void visit(long i, int row, long c);
  }
}
