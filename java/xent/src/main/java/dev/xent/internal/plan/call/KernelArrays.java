// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.PreparedKernel;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/** A kernel of prepared calls, and the arrays that the views of a call are. */
public final class KernelArrays {
  final Function function;

  /** The view that belongs to the operation and is the same in all its calls, or null. */
  private final @Nullable View fixed;

  private final @Nullable Array ofFixed;

  /** Inputs in the library's memory, whose addresses do not change, and a workspace for them. */
  private final InputViews inputs;

  private final @Nullable View workspace;
  private final @Nullable Array first;
  private final @Nullable Array second;
  private final @Nullable Array third;
  private final @Nullable Array own;

  /** Whether the library's memory comes before the third view. */
  private final boolean ownBeforeThird;

  /**
   * Creates a kernel.
   *
   * @param first the array of the first view of a call, and so on, in the order of the function
   * @param own the array in the library's memory, before the third view or after all views
   */
  public KernelArrays(
      Function function,
      @Nullable Array first,
      @Nullable Array second,
      @Nullable Array third,
      @Nullable Array own) {
    this(function, first, second, third, own, null, null, InputViews.NONE, null);
  }

  private KernelArrays(
      Function function,
      @Nullable Array first,
      @Nullable Array second,
      @Nullable Array third,
      @Nullable Array own,
      @Nullable Array ofFixed,
      @Nullable View fixed,
      InputViews inputs,
      @Nullable View workspace) {
    this.function = function;
    this.inputs = inputs;
    this.workspace = workspace;
    this.ofFixed = ofFixed;
    this.fixed = fixed;
    this.first = first;
    this.second = second;
    this.third = third;
    this.own = own;
    ownBeforeThird = own != null && third != null && place(own) < place(third);
    requireOrder(first, second);
    requireOrder(first, third);
    requireOrder(second, third);
    requireOrder(second, own);
    requireOrder(first, own);
    requireOrder(second, ofFixed);
    requireOrder(third, ofFixed);
    requireOrder(own, ofFixed);
  }

  /**
   * The same kernel with a view of the operation, after all other arrays of the function.
   *
   * @param view null for none
   */
  public KernelArrays with(Array array, @Nullable View view) {
    if (first != null && !ownBeforeThird) {
      throw new IllegalArgumentException(
          function + " has no memory of the library before " + third);
    }
    return view == null
        ? this
        : new KernelArrays(function, first, second, third, own, array, view, InputViews.NONE, null);
  }

  /**
   * The same kernel with inputs in the library's memory, whose addresses are those of the call that
   * is prepared. The caller keeps them and the workspace reachable.
   */
  public KernelArrays with(InputViews views, View room) {
    return new KernelArrays(function, first, second, third, own, ofFixed, fixed, views, room);
  }

  public Function function() {
    return function;
  }

  /** Whether no other thread can close the memory of the view of the operation. */
  boolean isHeld() {
    return fixed == null || fixed.isHeld();
  }

  private int place(Array array) {
    return function.place(array);
  }

  private void requireOrder(@Nullable Array a, @Nullable Array b) {
    if (a != null && b != null && place(a) >= place(b)) {
      throw new IllegalArgumentException(function + " has " + b + " before " + a);
    }
  }

  /** Passes the arrays to a call that is being prepared. */
  void offer(Work work, View a, @Nullable View b, @Nullable View c, @Nullable View ofLibrary) {
    offer(work, first, a);
    offer(work, second, b);
    offer(work, third, c);
    offer(work, own, ofLibrary);
    offer(work, ofFixed, fixed);
    for (long left = inputs.given(); left != 0; left &= left - 1) {
      Array array = ArrayViews.first(left);
      offer(work, array, inputs.get(array));
    }
    if (workspace != null) {
      work.workspace(workspace.segment, workspace.bytes);
    }
  }

  private static void offer(Work work, @Nullable Array array, @Nullable View view) {
    if (array != null && view != null) {
      work.offer(array, view.segment, view.array, view.isHeld());
    }
  }

  /**
   * Runs the kernel with the views of a call, in the order of the function. Null keeps the address
   * of the library's memory, or stands after the last array.
   */
  int run(PreparedKernel kernel, View a, @Nullable View b, @Nullable View c) {
    if (fixed != null) {
      return runWithFixed(kernel, a, b, c);
    }
    if (ownBeforeThird) {
      return kernel.run(a, b, null, c, null, null);
    }
    return first == null
        ? kernel.run(b, null, null, null, null, null)
        : kernel.run(a, b, third == null ? null : c, null, null, null);
  }

  private int runWithFixed(PreparedKernel kernel, View a, @Nullable View b, @Nullable View c) {
    try {
      if (first == null) {
        return kernel.run(b, fixed, null, null, null, null);
      }
      return c == null
          ? kernel.run(a, b, null, fixed, null, null)
          : kernel.run(a, b, null, c, fixed, null);
    } finally {
      Reference.reachabilityFence(fixed);
    }
  }
}
