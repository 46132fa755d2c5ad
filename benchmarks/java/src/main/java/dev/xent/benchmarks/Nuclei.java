// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.benchmarks.Operation.Option;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** Which tokens of a problem can be drawn, in double precision. */
final class Nuclei {
  private final Problem problem;
  private final int classes;

  Nuclei(Problem problem) {
    this.problem = problem;
    classes = Math.toIntExact(problem.shape.classes());
  }

  /** By how much a token misses its nucleus: the worst row; NaN where one is no class at all. */
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

  /** The mass of what is larger, as far as it is above that of a nucleus. */
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
