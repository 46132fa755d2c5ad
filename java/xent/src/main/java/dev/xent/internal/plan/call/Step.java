// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.PreparedKernel;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.plan.arrays.Layout;
import dev.xent.internal.plan.arrays.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * A kernel over all rows of a short call. The core checks its first run, and the second one once
 * more to prepare all later ones. It takes each array from an argument of the call, or from memory
 * of the library.
 */
public final class Step {
  private static final int MOST = PreparedKernel.ARRAYS;
  private static final int OWN = -1;

  private final PreparedKernel kernel;
  private Function function = Function.SOFTMAX;
  private final Array[] arrays = new Array[MOST];

  /** The argument that an array is, or OWN. */
  private final int[] from = new int[MOST];

  private final @Nullable View[] own = new View[MOST];
  private int count;

  /** The place of the only array of the library if all others are arguments in order; or none. */
  private int ownAt;

  private static final int NONE = MOST;
  private static final int MIXED = MOST + 1;

  private boolean tried;
  private boolean prepared;

  /** Whether these kernels cannot prepare it. */
  private boolean refused;

  /** The sampling parameters, of all rows or one per row; NULL for none. */
  private MemorySegment sampling = MemorySegment.NULL;

  private boolean samplingPerRow;

  Step(Arena arena) {
    kernel = new PreparedKernel(arena);
  }

  // ---- its arrays ------------------------------------------------------------------------------

  /**
   * Takes the arrays of a call that a function has.
   *
   * @param without arrays that it does not get, as bits
   * @return whether they are few enough
   */
  public boolean take(Function by, Checked call, long without) {
    function = by;
    count = 0;
    sampling = MemorySegment.NULL;
    forget();
    boolean few = true;
    for (int i = 0; i < call.count; i++) {
      Layout array = call.present[i];
      if (by.place(array.id) >= 0 && (without >> array.id.ordinal() & 1) == 0) {
        few &= add(array.id, array.argument, array.own);
      }
    }
    return few;
  }

  private void forget() {
    tried = false;
    prepared = false;
    refused = false;
  }

  /** Sets the sampling parameters, of all rows or one per row. */
  public void sampling(MemorySegment structs, boolean perRow) {
    if (structs != sampling) {
      forget();
      sampling = structs;
      samplingPerRow = perRow;
    }
  }

  /** Takes memory of the library that is an argument of the call. */
  public boolean take(Layout records) {
    return add(records.id, records.argument, null);
  }

  /** Takes records in memory of the library. */
  public boolean take(Array records, View memory) {
    return add(records, OWN, memory);
  }

  private boolean add(Array array, int argument, @Nullable View memory) {
    if (count == MOST) {
      return false;
    }
    int at = count++;
    for (; at > 0 && function.place(arrays[at - 1]) > function.place(array); at--) {
      arrays[at] = arrays[at - 1];
      from[at] = from[at - 1];
      own[at] = own[at - 1];
    }
    arrays[at] = array;
    from[at] = memory == null ? argument : OWN;
    own[at] = memory;
    arrange();
    return true;
  }

  private void arrange() {
    if (isSecondOwn()) {
      ownAt = 1;
      return;
    }
    ownAt = NONE;
    int next = 0;
    for (int i = 0; i < count && ownAt != MIXED; i++) {
      if (from[i] == OWN) {
        ownAt = ownAt == NONE ? i : MIXED;
      } else if (from[i] != next++) {
        ownAt = MIXED;
      }
    }
    ownAt = ownAt == 1 ? MIXED : ownAt;
  }

  /** Whether each array is the argument at its place, except that the second is the library's. */
  private boolean isSecondOwn() {
    boolean is = count > 1 && from[1] == OWN;
    for (int i = 0; i < count; i++) {
      is &= i == 1 || from[i] == i;
    }
    return is;
  }

  // ---- running ---------------------------------------------------------------------------------

  /** Runs over all rows of a call that fits. Returns a {@link Status}. */
  int run(
      Kernels kernels,
      Checked call,
      View a,
      @Nullable View b,
      @Nullable View c,
      @Nullable View d,
      @Nullable View e,
      @Nullable View f) {
    if (!prepared && !prepare(kernels, call, a, b, c, d, e, f)) {
      offer(call, a, b, c, d, e, f);
      try {
        return kernels.run(kernel.functionCall());
      } finally {
        kernel.functionCall().clear();
      }
    }
    int status;
    int at = ownAt;
    if (at == NONE) {
      status = kernel.run(a, b, c, d, e, f);
    } else if (at == 1) {
      status = kernel.run(a, null, c, d, e, f);
    } else if (at == 2) {
      status = kernel.run(a, b, null, c, d, e);
    } else {
      int i = from[0];
      View first = i == 0 ? a : i == 1 ? b : i == 2 ? c : i == 3 ? d : i == 4 ? e : f;
      View second = null;
      View third = null;
      View fourth = null;
      View fifth = null;
      View sixth = null;
      int n = count;
      if (n > 1 && (i = from[1]) >= 0) {
        second = i == 1 ? b : i == 2 ? c : i == 3 ? d : i == 4 ? e : f;
      }
      if (n > 2 && (i = from[2]) >= 0) {
        third = i == 1 ? b : i == 2 ? c : i == 3 ? d : i == 4 ? e : f;
      }
      if (n > 3 && (i = from[3]) >= 0) {
        fourth = i == 2 ? c : i == 3 ? d : i == 4 ? e : i == 5 ? f : b;
      }
      if (n > 4 && (i = from[4]) >= 0) {
        fifth = i == 3 ? d : i == 4 ? e : i == 5 ? f : i == 2 ? c : b;
      }
      if (n > 5 && (i = from[5]) >= 0) {
        sixth = i == 4 ? e : i == 5 ? f : i == 3 ? d : i == 2 ? c : b;
      }
      status = kernel.run(first, second, third, fourth, fifth, sixth);
    }
    if (status != Status.UNSUPPORTED) {
      return status;
    }
    prepared = false; // native methods no longer take these arrays, and the linker never did
    refused = true;
    return run(kernels, call, a, b, c, d, e, f);
  }

  /**
   * Draws the token of the only row, if the kernel is prepared. It has two arrays, logits and the
   * library's token.
   *
   * @param array a Java array, or null
   * @param at the offset of the first logit, or its address
   * @param row the logits, for the linker, or null
   * @return as {@link PreparedKernel#draw}
   */
  public long draw(
      Checked call, @Nullable Object array, long at, @Nullable View row, long stream, long step) {
    if (!prepared) {
      return PreparedKernel.USE_LINKER;
    }
    if (stream != call.stream) {
      call.draw(stream, step);
    }
    View token = own[1];
    long drawn = kernel.draw(call.stepAt, token.address, step, array, at);
    if (drawn == PreparedKernel.USE_LINKER && row != null) {
      call.draw(stream, step);
      if (kernel.run(row, null, null, null, null, null) == Status.OK) {
        drawn = token.segment.get(ValueLayout.JAVA_LONG, 0);
      }
    }
    return drawn;
  }

  /** Prepares the second run, if these kernels can. */
  private boolean prepare(
      Kernels kernels, Checked call, View a, View b, View c, View d, View e, View f) {
    if (!kernels.isNative()) {
      kernels.beginCall(); // a library that was missing may be loaded now
      return false;
    }
    if (!tried || refused) {
      tried = true;
      return false;
    }
    offer(call, a, b, c, d, e, f);
    prepared = kernel.prepare(kernels, isHeld(a, b, c, d, e, f));
    refused = !prepared;
    return prepared;
  }

  private void offer(Checked call, View a, View b, View c, View d, View e, View f) {
    FunctionCall made =
        kernel
            .functionCall()
            .begin(function, call.shape, call.options, call.report)
            .rows(0, call.dimensions.rows)
            .classes(0, call.dimensions.classes);
    if (sampling != MemorySegment.NULL) {
      made.sampling(sampling, samplingPerRow);
    }
    for (int i = 0; i < count; i++) {
      View view = own[i] == null ? at(i, a, b, c, d, e, f) : own[i];
      if (arrays[i] == Array.WORKSPACE) {
        made.workspace(view.segment, view.bytes);
      } else {
        made.offer(arrays[i], view.segment, view.array, view.isHeld());
      }
    }
  }

  private boolean isHeld(View a, View b, View c, View d, View e, View f) {
    boolean held = true;
    for (int i = 0; i < count; i++) {
      held &= from[i] == OWN || at(i, a, b, c, d, e, f).isHeld();
    }
    return held;
  }

  private View at(int place, View a, View b, View c, View d, View e, View f) {
    return switch (from[place]) {
      case 0 -> a;
      case 1 -> b;
      case 2 -> c;
      case 3 -> d;
      case 4 -> e;
      default -> f;
    };
  }

  /** The number of runs that the core did not check. */
  long runs() {
    return kernel.runs();
  }
}
