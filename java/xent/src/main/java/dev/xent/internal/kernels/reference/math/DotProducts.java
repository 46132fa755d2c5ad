// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

import java.util.Arrays;

/** Blocks of dot products (docs/spec/numerics.md, section 13), many columns side by side. */
public final class DotProducts {
  /** Terms of a block, and columns side by side. */
  public static final int BLOCK = 128;

  private DotProducts() {}

  /**
   * The chains of a block: of each column a sum in float, term by term.
   *
   * @param a its terms, the first at {@code from}, the others {@code step} apart
   * @param b row after row of BLOCK columns, one for each term
   * @param skipZeros whether terms are left out whose number in a is 0, whatever they are times
   * @param chains the sums of so many columns
   */
  public static void multiply(
      float[] a,
      int from,
      int step,
      int terms,
      float[] b,
      boolean skipZeros,
      float[] chains,
      int columns) {
    Arrays.fill(chains, 0, columns, 0);
    for (int k = 0; k < terms; k++) {
      float term = a[from + k * step];
      if (skipZeros && term == 0) {
        continue;
      }
      for (int i = 0; i < columns; i++) { // a loop that becomes vector code
        chains[i] = Fma.fma(term, b[k * BLOCK + i], chains[i]);
      }
    }
  }
}
