// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.plan.arrays.View;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The losses of a call with few rows, and their exact sum. If no addition rounds, as is usual, the
 * hundreds of counters of an exact sum need not be cleared and read.
 */
public final class FewLosses {
  /** With more rows the relative cost of an exact sum is negligible. */
  static final int MOST = 64;

  /** Memory for one loss per row. */
  final View floats = View.room(ElementType.F32, MOST);

  /** The same as a buffer, which takes less time than a segment in code that is not compiled. */
  private final FloatBuffer floatValues =
      floats.segment.asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer();

  /** Memory for losses that are computed in double; most threads never need it. */
  private @Nullable View doubles;

  private @Nullable DoubleBuffer doubleValues;

  /** The memory for the losses of logits of a type, in the precision in which they are summed. */
  public View view(ElementType logits) {
    if (logits != ElementType.F64) {
      return floats;
    }
    if (doubles == null) {
      doubles = View.room(ElementType.F64, MOST);
      doubleValues = doubles.segment.asByteBuffer().order(ByteOrder.nativeOrder()).asDoubleBuffer();
    }
    return doubles;
  }

  /**
   * The sum of the first {@code count} losses, rounded once, equal to their exact sum.
   *
   * @param exactSum memory for an exact sum, which is overwritten
   */
  double sum(ElementType logits, long count, Kernels kernels, MemorySegment exactSum) {
    boolean wide = logits == ElementType.F64;
    double sum = 0;
    for (int i = 0; i < count; i++) {
      double loss = wide ? doubleValues.get(i) : floatValues.get(i);
      double next = sum + loss;
      double added = next - sum;
      double error = (sum - (next - added)) + (loss - added);
      // NaN if the loss or the sum is not finite.
      if (error != 0) {
        Sums.clear(exactSum);
        View losses = view(logits);
        Sums.check(kernels.exactSumAdd(exactSum, losses.segment, losses.type, 1, count));
        return kernels.exactSumValue(exactSum);
      }
      sum = next;
    }
    return sum;
  }
}
