// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.benchmarks.Operation.Kind;
import dev.xent.benchmarks.Operation.Option;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The operations in double precision, with {@link Math#exp} and {@link Math#log}: the expected
 * values of results.
 *
 * <p>A float result {@code a} with the true value {@code e} passes if {@code |a - e| <= 1e-4 *
 * size}, a double if it is at most {@code 1e-10 * size}. The size is that of the terms of {@code
 * e}, because an implementation rounds those:
 *
 * <ul>
 *   <li>softmax: {@code e} itself, so every probability has four correct digits;
 *   <li>log-softmax: {@code max(1, |e|)};
 *   <li>loss: {@code max(1, |e|)};
 *   <li>gradient of the binary loss: {@code (sigmoid(x) + t) / elements};
 *   <li>gradient of the loss: {@code w * (p + q) / (sum of w)}, with {@code q} the smoothed label
 *       and {@code w} the weight of its class;
 *   <li>softmax backward: {@code y * (|dy| + sum |dy| * y)};
 *   <li>log-softmax backward: {@code |dy| + exp(y) * sum |dy|};
 *   <li>a token: 0 if it is in the nucleus, otherwise the mass of the nucleus without it.
 * </ul>
 */
final class Rows {
  /** Enough for sums of a hundred thousand terms in float, with a sum per lane: 2.3e-5. */
  static final double TOLERANCE = 1e-4;

  /** For doubles: enough for the same, and for other exponentials than {@link Math#exp}. */
  static final double TOLERANCE_FLOAT64 = 1e-10;

  private final Problem problem;
  private final long classes;
  private final int inner;
  private final double temperature;
  private final double smoothing;
  private final double[] largest;
  private final long[] argmax;

  /** The sum of exponentials, or of the terms of a backward operation. */
  private final double[] sum;

  private final double[] size;

  /** The mean of the logits. */
  private final double[] mean;

  Rows(Problem problem) {
    this.problem = problem;
    classes = problem.shape.classes();
    inner = Math.toIntExact(problem.shape.inner());
    int rows = Math.toIntExact(problem.shape.rows());
    Option option = problem.operation.option;
    temperature = option == Option.TEMPERATURE ? Operation.TEMPERATURE : 1;
    smoothing = option == Option.SMOOTHING ? Operation.SMOOTHING : 0;
    largest = new double[rows];
    argmax = new long[rows];
    sum = new double[rows];
    size = new double[rows];
    mean = new double[rows];
    Arrays.fill(largest, Double.NEGATIVE_INFINITY);
  }

  /** Computes the largest logit and the sum of exponentials of every row. */
  private void addLogits() {
    forEach(
        (i, row, c) -> {
          double x = logit(i);
          mean[row] += x / classes;
          if (x > largest[row]) {
            largest[row] = x;
            argmax[row] = c;
          }
        });
    forEach((i, row, c) -> sum[row] += Math.exp(logit(i) - largest[row]));
  }

  /** Computes the sums of every row that a backward operation needs. */
  private void addUpstream() {
    boolean log = problem.operation.kind == Kind.LOG_SOFTMAX_BACKWARD;
    MemorySegment upstream = problem.upstream();
    forEach(
        (i, row, c) -> {
          double term = problem.at(upstream, i) * (log ? 1 : logit(i));
          sum[row] += term;
          size[row] += Math.abs(term);
        });
  }

  /** Replaces the logits of the problem by their softmax or log-softmax. */
  void normalise(boolean log) {
    addLogits();
    forEach(
        (i, row, c) -> {
          double below = logit(i) - largest[row];
          double value = log ? below - Math.log(sum[row]) : Math.exp(below) / sum[row];
          problem.set(problem.input, i, value);
        });
  }

  /** Prepares the check of results of the problem. */
  static Rows of(Problem problem) {
    Rows rows = new Rows(problem);
    if (problem.operation.isBackward()) {
      rows.addUpstream();
    } else if (!problem.operation.isBinary()) {
      rows.addLogits();
    }
    return rows;
  }

  /**
   * The distance of a result from the true value, as a multiple of the size above; NaN if any value
   * is NaN.
   *
   * @param loss the mean loss, for an operation with a loss
   * @param output for an operation with an output
   */
  double error(double loss, MemorySegment output) {
    double[] worst = {0};
    if (problem.operation.hasLoss()) {
      double truth = problem.operation.isBinary() ? meanBinaryLoss() : meanLoss();
      worst[0] = Math.abs(loss - truth) / Math.max(1, Math.abs(truth));
    }
    if (problem.operation.option == Option.ARGMAX && !argmaxIsRight()) {
      return Double.NaN;
    }
    if (problem.operation.isSampling()) {
      return new Nuclei(problem).error();
    }
    if (problem.operation.hasOutput()) {
      double denominator = problem.operation.hasLabels() ? denominator() : 1;
      forEach(
          (i, row, c) -> {
            double error = error(i, row, c, problem.at(output, i), denominator);
            worst[0] = Math.max(error, worst[0]); // NaN if one of them is
          });
    }
    return worst[0];
  }

  private double meanLoss() {
    double total = 0;
    for (int row = 0; row < sum.length; row++) {
      long first = row / inner * classes * inner + row % inner;
      double logSumExp = Math.log(sum[row]) + largest[row];
      double target = (1 - smoothing) * logit(first + label(row) * inner) + smoothing * mean[row];
      total += weight(row) * (logSumExp - target);
    }
    return total / denominator();
  }

  private double meanBinaryLoss() {
    double[] total = {0};
    forEach((i, row, c) -> total[0] += softplus(logit(i)) - target(i) * logit(i));
    return total[0] / problem.shape.elements();
  }

  private static double softplus(double x) {
    return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  }

  private double target(long i) {
    return problem.targets().getAtIndex(ValueLayout.JAVA_FLOAT, i);
  }

  private double denominator() {
    double total = 0;
    for (int row = 0; row < sum.length; row++) {
      total += weight(row);
    }
    return total;
  }

  private double weight(int row) {
    return problem.weights == null
        ? 1
        : problem.weights.getAtIndex(ValueLayout.JAVA_FLOAT, label(row));
  }

  private long label(int row) {
    return problem.labels().getAtIndex(ValueLayout.JAVA_LONG, row);
  }

  private boolean argmaxIsRight() {
    return Arrays.equals(argmax, problem.argmax().toArray(ValueLayout.JAVA_LONG));
  }

  private double error(long i, int row, long c, double actual, double denominator) {
    double x = logit(i);
    return switch (problem.operation.kind) {
      case SOFTMAX -> {
        double p = Math.exp(x - largest[row]) / sum[row];
        yield Math.abs(actual - p) / p;
      }
      case LOG_SOFTMAX -> {
        double value = x - largest[row] - Math.log(sum[row]);
        yield Math.abs(actual - value) / Math.max(1, Math.abs(value));
      }
      case SOFTMAX_BACKWARD -> {
        double dy = problem.at(problem.upstream(), i);
        yield Math.abs(actual - x * (dy - sum[row])) / (x * (Math.abs(dy) + size[row]));
      }
      case LOG_SOFTMAX_BACKWARD -> {
        double dy = problem.at(problem.upstream(), i);
        double p = Math.exp(x);
        yield Math.abs(actual - (dy - p * sum[row])) / (Math.abs(dy) + p * size[row]);
      }
      case CROSS_ENTROPY_GRAD -> {
        double p = Math.exp(x - largest[row]) / sum[row];
        double q = (label(row) == c ? 1 - smoothing : 0) + smoothing / classes;
        double w = weight(row);
        yield Math.abs(actual * denominator - w * (p - q)) / (w * (p + q));
      }
      case BINARY_CROSS_ENTROPY_GRAD -> {
        double p = 1 / (1 + Math.exp(-x));
        double difference = target(i) == 0 ? p : -1 / (1 + Math.exp(x));
        yield Math.abs(actual * problem.shape.elements() - difference) / (p + target(i));
      }
      case CROSS_ENTROPY, BINARY_CROSS_ENTROPY -> throw new AssertionError("a loss has no output");
      case SAMPLE -> throw new AssertionError("tokens are no output");
    };
  }

  private double logit(long i) {
    return problem.at(problem.input, i) / temperature;
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
