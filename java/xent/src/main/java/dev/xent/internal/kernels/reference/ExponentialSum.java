// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.EXACT_MAX;
import static dev.xent.internal.kernels.reference.Constants.GROUP;
import static dev.xent.internal.kernels.reference.Constants.LN2_HI;
import static dev.xent.internal.kernels.reference.Constants.LOWEST_REFERENCE;

import java.util.Arrays;

/**
 * The exponentials of one chunk: sum of exp(x) = sum * 2^(reference - 30).
 *
 * <p>A pure function of the chunk's values and the place of the class that is left out.
 */
final class ExponentialSum {
  /** The largest value, NaN passed over; -infinity when there is none. Never -0. */
  float max;

  /** N: an integer, about max / ln 2. */
  float reference;

  double sum;

  private final Lanes lanes = new Lanes();
  private final float[] terms = new float[GROUP];
  private final float[] z = new float[GROUP];

  /**
   * Computes the three.
   *
   * @param x the chunk in x[0], ..., x[count - 1]
   * @param without the class that adds +0 to the sum but counts for the maximum; -1 for none
   */
  void compute(float[] x, int count, int without) {
    max = largest(x, 0, count);
    reference = count <= EXACT_MAX ? Exponential.reference(max) : LOWEST_REFERENCE;
    lanes.clear();
    for (int from = 0; from < count; from += GROUP) {
      int size = Math.min(GROUP, count - from);
      if (count > EXACT_MAX) {
        raiseReference(largest(x, from, size));
      }
      Exponential.of(x, from, size, reference, terms, z);
      if (size < GROUP) {
        Arrays.fill(terms, size, GROUP, 0f);
      }
      if (without >= from && without < from + size) {
        terms[without - from] = 0f;
      }
      lanes.addGroup(terms);
    }
    sum = lanes.sumOfGroups(count);
    max += 0f;
  }

  /**
   * A group whose maximum is well above the reference takes the reference up before it is added.
   */
  private void raiseReference(float groupMax) {
    float raised = Exponential.reference(groupMax);
    if (groupMax > (reference + 16) * LN2_HI && raised > reference) {
      lanes.scale(PowerOfTwo.of((double) reference - raised));
      reference = raised;
    }
  }

  /** The largest of so many values, NaN passed over; -infinity when there is none. */
  static float largest(float[] x, int from, int count) {
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = from; i < from + count; i++) {
      largest = x[i] > largest ? x[i] : largest;
    }
    return largest;
  }
}
