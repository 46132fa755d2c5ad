// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

/**
 * The memory layout of an array. All zeros: row-major, without gaps, off the heap.
 *
 * @param order which order the dimensions have in memory, as the number of a permutation
 * @param step unused elements between two neighbours of the innermost dimension
 * @param gap unused elements between two slices of every other dimension
 * @param offset unused elements before the first one
 * @param heap whether in a Java array
 */
record Layout(int order, int step, int gap, int offset, boolean heap) {
  static final Layout PLAIN = new Layout(0, 0, 0, 0, false);

  /** The strides of an array of such sizes, in elements. */
  long[] strides(long[] sizes) {
    int[] dimensions = permutation(sizes.length);
    long[] strides = new long[sizes.length];
    long stride = step + 1L;
    for (int i = sizes.length - 1; i >= 0; i--) {
      int d = dimensions[i];
      strides[d] = stride;
      stride = stride * Math.max(sizes[d], 1) + gap;
    }
    return strides;
  }

  /** The dimensions from the outermost to the innermost. */
  private int[] permutation(int rank) {
    int[] result = new int[rank];
    for (int i = 0; i < rank; i++) {
      result[i] = i;
    }
    int number = order;
    for (int i = rank - 1; i > 0; i--) {
      int j = number % (i + 1);
      number /= i + 1;
      int swap = result[i];
      result[i] = result[i - j];
      result[i - j] = swap;
    }
    return result;
  }
}
