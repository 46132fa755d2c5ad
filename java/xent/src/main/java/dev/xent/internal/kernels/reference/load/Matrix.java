// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.load;

import static dev.xent.internal.kernels.reference.math.DotProducts.BLOCK;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.reference.call.Layout;
import java.lang.foreign.MemorySegment;

/** Loads parts of the hidden states and of the weights of a linear layer as floats. */
public final class Matrix {
  private final double[] numbers = new double[BLOCK];
  private final float[] floats = new float[ElementType.SCRATCH];

  /**
   * Loads features of a row or of a class.
   *
   * @param at offset of its first feature
   * @param begin the first of {@code count} features; the count is at most BLOCK
   * @param to destination of the features, from index {@code from} on, {@code step} apart
   */
  public void load(
      MemorySegment array,
      Layout layout,
      long at,
      long begin,
      int count,
      float[] to,
      int from,
      int step) {
    ElementType.of(layout.type)
        .load(array, at + begin * layout.classes, layout.classes, numbers, count, floats);
    for (int k = 0; k < count; k++) {
      to[from + k * step] = (float) numbers[k];
    }
  }
}
