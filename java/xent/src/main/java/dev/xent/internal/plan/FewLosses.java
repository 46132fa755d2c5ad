// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.DType;
import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.Kernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The losses of a call with few rows, and their exact sum: where no addition rounds, as is usual,
 * there is no need to clear and to read the hundreds of counters of a tally.
 */
final class FewLosses {
  /** With more rows a tally costs next to nothing. */
  static final int MOST = 64;

  /** Room for one loss per row. */
  final View view = view(Memory.allocate(Arena.ofAuto(), DType.F32, MOST));

  private static View view(MemorySegment memory) {
    return View.of(memory, DType.F32, new long[] {MOST}, new long[] {1}, null);
  }

  /** The sum of the first so many losses, rounded once: what a tally of them has. */
  double sum(long count, Kernels kernels, Call call) {
    double sum = 0;
    for (long i = 0; i < count; i++) {
      double loss = view.segment.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      double next = sum + loss;
      double added = next - sum;
      double error = (sum - (next - added)) + (loss - added);
      // Not a number when the loss or the sum is no finite number.
      if (error != 0) {
        MemorySegment tally = call.emptyTally();
        Failures.check(kernels.tallyAdd(tally, view.segment, XentH.XENT_F32(), 1, count), call);
        return kernels.tallySum(tally);
      }
      sum = next;
    }
    return sum;
  }
}
