// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.benchmarks.Operation.Option;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** The tokens of a problem that can be drawn, computed in double precision. */
final class Nuclei {
  private final Problem problem;
  private final int classes;

  Nuclei(Problem problem) {
    this.problem = problem;
    classes = Math.toIntExact(problem.shape.classes());
  }

  /**
   * The distance of tokens from their nucleus: the worst row; NaN for a token outside the classes.
   */
  double error() {
    double worst = 0;
    for (long row = 0; row < problem.shape.rows(); row++) {
      long token = problem.tokens().getAtIndex(ValueLayout.JAVA_LONG, row);
      if (token < 0 || token >= classes) {
        return Double.NaN;
      }
      worst = Math.max(worst, error(row * classes, token));
    }
    return worst;
  }

  /** The mass of the larger classes, minus the mass of a nucleus, at least 0. */
  private double error(long first, long token) {
    double[] x = new double[classes];
    for (int i = 0; i < classes; i++) {
      x[i] = problem.at(problem.input, first + i) / Operation.TEMPERATURE;
    }
    double drawn = x[(int) token];
    Arrays.sort(x);
    int last = problem.operation.option == Option.ALL_CLASSES ? 0 : classes - Operation.TOP_K;
    double sum = 0;
    double above = 0;
    for (int i = classes - 1; i >= last; i--) {
      double weight = Math.exp(x[i] - x[classes - 1]);
      sum += weight;
      above += x[i] > drawn ? weight : 0;
    }
    return drawn < x[last] ? 1 : Math.max(0, above / sum - Operation.TOP_P);
  }
}
