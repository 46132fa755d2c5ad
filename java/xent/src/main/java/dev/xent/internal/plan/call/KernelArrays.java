// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.PreparedKernel;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * A kernel of prepared calls, and the arrays that the views of a call are. For example, a
 * cross-entropy has the views logits, targets and gradient. Its kernel takes them as the first,
 * second and third array, the loss in memory of the library between targets and gradient, and the
 * class weights of the operation last.
 */
public final class KernelArrays {
  final Function function;

  /** The view that belongs to the operation and is the same in all its calls, or null. */
  private final @Nullable View fixed;

  private final @Nullable Array ofFixed;

  /** Inputs in the library's memory, whose addresses do not change, and a workspace for them. */
  private final InputViews inputs;

  private final @Nullable View workspace;
  private final @Nullable Array ofFirst;
  private final @Nullable Array ofSecond;
  private final @Nullable Array ofThird;
  private final @Nullable Array ofOwn;

  /** Whether the library's memory comes before the third view. */
  private final boolean ownBeforeThird;

  /**
   * Creates a kernel.
   *
   * @param ofFirst the array of the first view of a call, and so on, in the order of the function
   * @param ofOwn the array in the library's memory, before the third view or after all views
   */
  public KernelArrays(
      Function function,
      @Nullable Array ofFirst,
      @Nullable Array ofSecond,
      @Nullable Array ofThird,
      @Nullable Array ofOwn) {
    this(function, ofFirst, ofSecond, ofThird, ofOwn, null, null, InputViews.NONE, null);
  }

  private KernelArrays(
      Function function,
      @Nullable Array ofFirst,
      @Nullable Array ofSecond,
      @Nullable Array ofThird,
      @Nullable Array ofOwn,
      @Nullable Array ofFixed,
      @Nullable View fixed,
      InputViews inputs,
      @Nullable View workspace) {
    this.function = function;
    this.inputs = inputs;
    this.workspace = workspace;
    this.ofFixed = ofFixed;
    this.fixed = fixed;
    this.ofFirst = ofFirst;
    this.ofSecond = ofSecond;
    this.ofThird = ofThird;
    this.ofOwn = ofOwn;
    ownBeforeThird = ofOwn != null && ofThird != null && place(ofOwn) < place(ofThird);
    requireOrder(ofFirst, ofSecond);
    requireOrder(ofFirst, ofThird);
    requireOrder(ofSecond, ofThird);
    requireOrder(ofSecond, ofOwn);
    requireOrder(ofFirst, ofOwn);
    requireOrder(ofSecond, ofFixed);
    requireOrder(ofThird, ofFixed);
    requireOrder(ofOwn, ofFixed);
  }

  /**
   * The same kernel with a view of the operation, after all other arrays of the function.
   *
   * @param view null for none
   */
  public KernelArrays with(Array array, @Nullable View view) {
    if (ofFirst != null && !ownBeforeThird) {
      throw new IllegalArgumentException(
          function + " has no memory of the library before " + ofThird);
    }
    return view == null
        ? this
        : new KernelArrays(
            function, ofFirst, ofSecond, ofThird, ofOwn, array, view, InputViews.NONE, null);
  }

  /**
   * The same kernel with inputs in the library's memory, whose addresses are those of the call that
   * is prepared. The caller keeps them and the workspace reachable.
   */
  public KernelArrays with(InputViews views, View room) {
    return new KernelArrays(
        function, ofFirst, ofSecond, ofThird, ofOwn, ofFixed, fixed, views, room);
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

  private void requireOrder(@Nullable Array first, @Nullable Array second) {
    if (first != null && second != null && place(first) >= place(second)) {
      throw new IllegalArgumentException(function + " has " + second + " before " + first);
    }
  }

  /** Passes the arrays to a call that is being prepared. */
  void offer(
      FunctionCall kernel,
      View first,
      @Nullable View second,
      @Nullable View third,
      @Nullable View ofLibrary) {
    offer(kernel, ofFirst, first);
    offer(kernel, ofSecond, second);
    offer(kernel, ofThird, third);
    offer(kernel, ofOwn, ofLibrary);
    offer(kernel, ofFixed, fixed);
    for (long left = inputs.bits(); left != 0; left &= left - 1) {
      Array array = ArrayViews.first(left);
      offer(kernel, array, inputs.get(array));
    }
    if (workspace != null) {
      kernel.workspace(workspace.segment, workspace.bytes);
    }
  }

  private static void offer(FunctionCall kernel, @Nullable Array array, @Nullable View view) {
    if (array != null && view != null) {
      kernel.offer(array, view.segment, view.array, view.isHeld());
    }
  }

  /**
   * Runs the kernel with the views of a call, in the order of the function. Null at the place of
   * memory of the library keeps the address that the kernel was prepared with.
   */
  int run(PreparedKernel kernel, View first, @Nullable View second, @Nullable View third) {
    if (fixed != null) {
      return runWithFixed(kernel, first, second, third);
    }
    if (ownBeforeThird) {
      return kernel.run(first, second, null, third, null, null);
    }
    return ofFirst == null
        ? kernel.run(second, null, null, null, null, null)
        : kernel.run(first, second, ofThird == null ? null : third, null, null, null);
  }

  private int runWithFixed(
      PreparedKernel kernel, View first, @Nullable View second, @Nullable View third) {
    try {
      if (ofFirst == null) {
        return kernel.run(second, fixed, null, null, null, null);
      }
      return third == null
          ? kernel.run(first, second, null, fixed, null, null)
          : kernel.run(first, second, null, third, fixed, null);
    } finally {
      Reference.reachabilityFence(fixed);
    }
  }
}
