// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.GROUP;

import java.util.Arrays;

/** The sum of a backward pass over one chunk, in the order of the exponentials' sum. */
final class UpstreamSum {
  private final Lanes lanes = new Lanes();
  private final float[] terms = new float[GROUP];

  /** Sum of dy. */
  double of(float[] dy, int count) {
    lanes.clear();
    for (int from = 0; from < count; from += GROUP) {
      int size = Math.min(GROUP, count - from);
      System.arraycopy(dy, from, terms, 0, size);
      addTerms(size);
    }
    return lanes.sumOfGroups(count);
  }

  /** Sum of dy * y, the products in float. */
  double ofProducts(float[] y, float[] dy, int count) {
    lanes.clear();
    for (int from = 0; from < count; from += GROUP) {
      int size = Math.min(GROUP, count - from);
      for (int i = 0; i < size; i++) {
        terms[i] = dy[from + i] * y[from + i];
      }
      addTerms(size);
    }
    return lanes.sumOfGroups(count);
  }

  private void addTerms(int size) {
    Arrays.fill(terms, size, GROUP, 0f);
    lanes.addGroup(terms);
  }
}
