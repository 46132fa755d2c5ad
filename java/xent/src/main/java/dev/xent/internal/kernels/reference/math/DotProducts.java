// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

import java.util.Arrays;

/** Blocks of dot products (conformance/numerics.md, section 13), with many columns in parallel. */
public final class DotProducts {
  /** The number of terms in a block, and of columns in parallel. */
  public static final int BLOCK = 128;

  private DotProducts() {}

  /**
   * Computes the chains of a block: for each column a sum in float, term by term.
   *
   * @param a its factors, from index {@code from} on, {@code step} apart
   * @param b rows of BLOCK columns, one row for each term
   * @param skipZeros whether to skip terms whose factor in a is 0, even if the other factor is not
   *     finite
   * @param chains the sums of {@code columns} columns
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
      for (int i = 0; i < columns; i++) { // the JIT compiler vectorizes it
        chains[i] = Fma.fma(term, b[k * BLOCK + i], chains[i]);
      }
    }
  }
}
