// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.EXACT_MAX;
import static dev.xent.internal.kernels.reference.Constants.GROUP;
import static dev.xent.internal.kernels.reference.Constants.LOWEST_REFERENCE;
import static dev.xent.internal.kernels.reference.Constants.WIDE_LN2_HI;

import java.util.Arrays;

/** The exponentials of one chunk in double: as {@link ExponentialSum}, its lanes being pairs. */
final class WideExponentialSum {
  private final PairLanes lanes = new PairLanes();
  private final double[] terms = new double[GROUP];
  private double reference;

  void compute(double[] x, int count, int without, ChunkSum into) {
    double max = largest(x, 0, count);
    reference = count <= EXACT_MAX ? WideExponential.reference(max) : LOWEST_REFERENCE;
    lanes.clear();
    for (int from = 0; from < count; from += GROUP) {
      int size = Math.min(GROUP, count - from);
      if (count > EXACT_MAX) {
        raiseReference(largest(x, from, size));
      }
      for (int i = 0; i < size; i++) {
        terms[i] = from + i == without ? 0 : WideExponential.of(x[from + i], reference);
      }
      Arrays.fill(terms, size, GROUP, 0);
      lanes.addGroup(terms);
    }
    into.max = max + 0.0;
    into.reference = reference;
    into.sum.set(lanes.tree());
  }

  private void raiseReference(double groupMax) {
    double raised = WideExponential.reference(groupMax);
    if (groupMax > (reference + 16) * WIDE_LN2_HI && raised > reference) {
      lanes.scale(PowerOfTwo.of(reference - raised));
      reference = raised;
    }
  }

  /** Sum of a chunk's terms. */
  void sum(double[] values, int count, Pair into) {
    lanes.clear();
    for (int from = 0; from < count; from += GROUP) {
      int size = Math.min(GROUP, count - from);
      System.arraycopy(values, from, terms, 0, size);
      Arrays.fill(terms, size, GROUP, 0);
      lanes.addGroup(terms);
    }
    into.set(lanes.tree());
  }

  private static double largest(double[] x, int from, int count) {
    double largest = Double.NEGATIVE_INFINITY;
    for (int i = from; i < from + count; i++) {
      largest = x[i] > largest ? x[i] : largest;
    }
    return largest;
  }
}
