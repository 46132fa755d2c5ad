// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sample;

import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;
import static dev.xent.internal.kernels.reference.math.Constants.LIMIT;

import dev.xent.internal.kernels.reference.math.Float32;

/** The weights of a set of classes: integers in the proportion of their probabilities. */
final class Weights {
  /** The number of fraction bits of e, in a row with few enough classes. */
  private static final int MOST_DIGITS = 12;

  private final Float32 arithmetic = new Float32();
  private final double[] x = new double[CHUNK];
  private long[] weights = new long[0];

  /** The sum of the weights. */
  long sum;

  /** Computes the weights of the classes of a set from their values. */
  void of(Candidates set, double temperature, long classes) {
    double max = set.largest();
    if (weights.length < set.count) {
      weights = new long[set.count];
    }
    arithmetic.begin(temperature);
    boolean shifted = !(Math.abs((float) max * (float) arithmetic.inverseHigh) <= LIMIT);
    double reference = arithmetic.reference(shifted ? 0 : max);
    double scale = 1L << digits(classes);
    sum = 0;
    for (int from = 0; from < set.count; from += CHUNK) {
      int size = Math.min(CHUNK, set.count - from);
      for (int i = 0; i < size; i++) {
        x[i] = shifted ? (float) (set.value(from + i) - max) : set.value(from + i);
      }
      arithmetic.exponentials(x, 0, size, reference, x);
      for (int i = 0; i < size; i++) {
        weights[from + i] = (long) Math.rint(x[i] * scale);
        sum += weights[from + i];
      }
    }
  }

  /** g, chosen so that a sum stays below 2^63. */
  private static int digits(long classes) {
    return Math.min(
        MOST_DIGITS, Integer.SIZE - (Long.SIZE - Long.numberOfLeadingZeros(classes - 1)));
  }

  long get(int i) {
    return weights[i];
  }

  /** The difference between the largest value and another one, divided by the temperature. */
  double distance(Candidates set, int i) {
    return ((double) set.value(0) - set.value(i)) * arithmetic.inverse;
  }
}
