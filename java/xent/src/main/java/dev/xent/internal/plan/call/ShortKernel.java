// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static dev.xent.internal.plan.call.Checked.argument;

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
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A kernel over all rows of a short call. The core checks its first run, and the second one once
 * more to prepare all later ones. It takes each array from an argument of the call, or from memory
 * of the library.
 */
public final class ShortKernel {
  private static final int MOST = PreparedKernel.ARRAYS;
  private static final int OWN = -1;

  private final PreparedKernel kernel;
  private Function function = Function.SOFTMAX;
  private final Array[] arrays = new Array[MOST];
  private final int[] places = new int[MOST];

  /** The argument that an array is, or OWN. */
  private final int[] from = new int[MOST];

  private final @Nullable View[] own = new View[MOST];
  private int count;

  /** Whether the arrays are all arguments of the call, in their order. */
  private boolean inOrder;

  private boolean tried;
  private boolean prepared;

  /** Whether these kernels cannot prepare it. */
  private boolean refused;

  /** The sampling parameters, of all rows or one per row; NULL for none. */
  private MemorySegment sampling = MemorySegment.NULL;

  private boolean samplingPerRow;

  ShortKernel(Arena arena) {
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
    inOrder = true;
    Arrays.fill(from, OWN);
    sampling = MemorySegment.NULL;
    forget();
    boolean few = true;
    for (int i = 0; i < call.count; i++) {
      Layout array = call.present[i];
      int place = by.place(array.id);
      if (place >= 0 && (without >> array.id.ordinal() & 1) == 0) {
        few &= add(place, array.id, array.argument, array.own);
      }
    }
    inOrder &= count == call.argumentCount(); // the linker would also take those that are left
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
    return add(function.place(records.id), records.id, records.argument, null);
  }

  /** Takes records in memory of the library. */
  public boolean take(Array records, View memory) {
    return add(function.place(records), records, OWN, memory);
  }

  private boolean add(int place, Array array, int argument, @Nullable View memory) {
    if (count == MOST) {
      return false;
    }
    int at = count++;
    for (; at > 0 && places[at - 1] > place; at--) {
      places[at] = places[at - 1];
      arrays[at] = arrays[at - 1];
      from[at] = from[at - 1];
      own[at] = own[at - 1];
    }
    places[at] = place;
    arrays[at] = array;
    from[at] = memory == null ? argument : OWN;
    own[at] = memory;
    inOrder &= from[at] == at && at == count - 1;
    return true;
  }

  // ---- running ---------------------------------------------------------------------------------

  /** Runs over all rows of a call that fits. */
  public void run(
      Kernels kernels,
      Checked call,
      View a,
      @Nullable View b,
      @Nullable View c,
      @Nullable View d,
      @Nullable View e,
      @Nullable View f) {
    int status = Status.UNSUPPORTED;
    if (prepared || prepare(kernels, call, a, b, c, d, e, f)) {
      status = inOrder ? kernel.run(a, b, c, d, e, f) : runMixed(a, b, c, d, e, f);
    }
    if (status == Status.UNSUPPORTED) {
      refused |= prepared; // native methods take these arrays no longer, the linker never did
      prepared = false;
      FunctionCall made = offer(call, a, b, c, d, e, f);
      try {
        status = kernels.run(made);
      } finally {
        made.clear();
      }
    }
    if (status != Status.OK) {
      throw Failures.failure(status, call);
    }
  }

  private int runMixed(View a, View b, View c, View d, View e, View f) {
    int[] i = from;
    int n = count;
    return kernel.run(
        own[0] != null ? own[0] : argument(i[0], a, b, c, d, e, f),
        n < 2 ? null : own[1] != null ? own[1] : argument(i[1], a, b, c, d, e, f),
        n < 3 ? null : own[2] != null ? own[2] : argument(i[2], a, b, c, d, e, f),
        n < 4 ? null : own[3] != null ? own[3] : argument(i[3], a, b, c, d, e, f),
        n < 5 ? null : own[4] != null ? own[4] : argument(i[4], a, b, c, d, e, f),
        n < 6 ? null : own[5] != null ? own[5] : argument(i[5], a, b, c, d, e, f));
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
      if (kernel.runFirst(row) == Status.OK) {
        drawn = token.segment.get(ValueLayout.JAVA_LONG, 0);
      }
    }
    return drawn;
  }

  /** Sets the counts of a text's tokens for the next run. */
  void text(long promptCount, long outputCount, boolean continues) {
    kernel.text(promptCount, outputCount, continues);
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
    prepared = kernel.prepare(kernels);
    refused = !prepared;
    return prepared;
  }

  private FunctionCall offer(Checked call, View a, View b, View c, View d, View e, View f) {
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
      View view = own[i] == null ? argument(from[i], a, b, c, d, e, f) : own[i];
      if (arrays[i] == Array.WORKSPACE) {
        made.workspace(view.segment, view.bytes);
      } else {
        made.offer(arrays[i], view.segment, view.array, view.isHeld());
      }
    }
    return made;
  }

  /** The number of runs that the core did not check. */
  long runs() {
    return kernel.runs();
  }
}
