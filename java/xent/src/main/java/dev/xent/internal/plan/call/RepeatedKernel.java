// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.plan.arrays.View;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The kernel of calls that can be repeated, and which of its arrays are which views. */
public final class RepeatedKernel {
  /** Arrays that are arguments of a prepared kernel. */
  private static final int ARGUMENTS = 6;

  private static final int SLOT_BITS = 3;
  private static final int SLOT = (1 << SLOT_BITS) - 1;

  private static final int FIRST = 1;
  private static final int SECOND = 2;
  private static final int THIRD = 3;
  private static final int OWN = 4;

  private final Kernels kernels;
  final Function function;

  /** For each argument, which view it is; 0: none. */
  private final int slots;

  /**
   * The kernel.
   *
   * @param first the array that the first view of a call is
   * @param own the array in memory of the library
   */
  public RepeatedKernel(
      Kernels kernels,
      Function function,
      @Nullable Array first,
      @Nullable Array second,
      @Nullable Array third,
      @Nullable Array own) {
    this.kernels = kernels;
    this.function = function;
    slots =
        slot(function, first, FIRST)
            | slot(function, second, SECOND)
            | slot(function, third, THIRD)
            | slot(function, own, OWN);
  }

  private static int slot(Function function, @Nullable Array array, int view) {
    if (array == null) {
      return 0;
    }
    int place = function.place(array);
    if (place < 0 || place >= ARGUMENTS) {
      throw new IllegalArgumentException(function + " has no argument for " + array);
    }
    return view << place * SLOT_BITS;
  }

  /** Gives the arrays to a call that is to be prepared. */
  void offer(Work work, View a, @Nullable View b, @Nullable View c, @Nullable View own) {
    for (int place = 0; place < ARGUMENTS; place++) {
      MemorySegment segment = segment(place, a, b, c, own);
      if (segment != MemorySegment.NULL) {
        work.offer(function.array(place), segment);
      }
    }
  }

  /** Checks the call and runs it. */
  int run(Work work) {
    return kernels.run(work);
  }

  /** Runs a call that is prepared. */
  int runPrepared(Work work, View a, @Nullable View b, @Nullable View c, @Nullable View own) {
    return work.needsNoArrays()
        ? kernels.runPrepared(work)
        : kernels.runPrepared(
            work,
            segment(0, a, b, c, own),
            segment(1, a, b, c, own),
            segment(2, a, b, c, own),
            segment(3, a, b, c, own),
            segment(4, a, b, c, own),
            segment(5, a, b, c, own));
  }

  private MemorySegment segment(
      int place, View a, @Nullable View b, @Nullable View c, @Nullable View own) {
    View view =
        switch (slots >> place * SLOT_BITS & SLOT) {
          case FIRST -> a;
          case SECOND -> b;
          case THIRD -> c;
          case OWN -> own;
          default -> null;
        };
    return view == null ? MemorySegment.NULL : view.segment;
  }
}
