// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.plan.arrays.View;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * The losses of a call with few rows, and their exact sum: where no addition rounds, as is usual,
 * there is no need to clear and to read the hundreds of counters of an exact sum.
 */
public final class FewLosses {
  /** With more rows an exact sum costs next to nothing. */
  static final int MOST = 64;

  /** RowRecords for one loss per row. */
  final View floats = View.room(ElementType.F32, MOST);

  /** RowRecords for losses that are computed in double; most threads never need it. */
  private @Nullable View doubles;

  /** Where the losses of logits of a type go, exactly as they are added up. */
  public View view(ElementType logits) {
    if (logits != ElementType.F64) {
      return floats;
    }
    if (doubles == null) {
      doubles = View.room(ElementType.F64, MOST);
    }
    return doubles;
  }

  /** Whether losses go here. */
  boolean has(@Nullable View losses) {
    return losses == floats || (losses != null && losses == doubles);
  }

  /** The sum of the first so many losses, rounded once: what an exact sum of them has. */
  public double sum(ElementType logits, long count, Kernels kernels, Call call) {
    View losses = view(logits);
    MemorySegment segment = losses.segment;
    boolean wide = losses.type == ElementType.F64;
    double sum = 0;
    for (long i = 0; i < count; i++) {
      double loss =
          wide
              ? segment.getAtIndex(ValueLayout.JAVA_DOUBLE, i)
              : segment.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      double next = sum + loss;
      double added = next - sum;
      double error = (sum - (next - added)) + (loss - added);
      // Not a number when the loss or the sum is no finite number.
      if (error != 0) {
        MemorySegment exactSum = call.emptiedExactSum();
        Failures.check(
            kernels.exactSumAdd(exactSum, segment, losses.type.number(), 1, count), call);
        return kernels.exactSumValue(exactSum);
      }
      sum = next;
    }
    return sum;
  }
}
