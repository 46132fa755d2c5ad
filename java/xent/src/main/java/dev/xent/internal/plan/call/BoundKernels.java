// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ArrayMemory;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.PreparedKernel;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.plan.arrays.CallArray;
import dev.xent.internal.plan.arrays.Memory;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The kernels of a bound call from its third run on. A call that has only the views of a {@link
 * PreparedCall} uses them in that run alone. The core checks each kernel once, and again after a
 * change of its structs or arrays.
 */
final class BoundKernels {
  /** A kernel, with its arrays in the order of the function. */
  private static final class Kernel {
    private static final long NONE = -1;

    final PreparedKernel preparedKernel = new PreparedKernel();
    final @Nullable ArrayMemory[] arrays = new ArrayMemory[PreparedKernel.ARRAYS];

    /**
     * The state that the kernel was checked for: arrays, structs, and whether it writes gradients.
     */
    long key = NONE;

    /** Whether the check succeeded. */
    boolean ready;
  }

  private final Call call;

  /** The operation whose arrays the call keeps; NO_NUMBER if it keeps no arrays. */
  private long operation = Plan.NO_NUMBER;

  /** The value of {@link Outputs#requests} when the arrays were taken. */
  private int requests;

  /** Whether one kernel computes all rows. */
  private boolean isOneKernel;

  /** Whether this run repeats the previous one. */
  private boolean repeats;

  /** The kernels by function; each is created on first use. */
  private final @Nullable Kernel[] kernels = new Kernel[Function.COUNT];

  private long runs;

  BoundKernels(Call call) {
    this.call = call;
  }

  /** Drops the arrays, because those of the next run differ or belong to another call. */
  void forget() {
    operation = Plan.NO_NUMBER;
    repeats = false;
  }

  /** Records that the call keeps the arrays that it took for an operation. */
  void keep(long of) {
    requests = requests();
    isOneKernel = call.partition.isOneKernel();
    operation = of;
  }

  private int requests() {
    Outputs outputs = call.arguments.outputs;
    return outputs == null ? 0 : outputs.requests();
  }

  /**
   * Whether the call is the same as before. Everything that was taken is then still valid, because
   * views are immutable and the requested outputs are the same.
   */
  boolean keepsArrays(long of) {
    // Owners are queried first, because one may request another output.
    boolean same = operation == of && isUsable() && requests() == requests;
    repeats = same && isOneKernel;
    return same;
  }

  /**
   * Whether all memory may be used now. Owners are queried first, because one may close the memory
   * of another array.
   */
  private boolean isUsable() {
    for (int i = 0; i < call.presentCount; i++) {
      if (!Memory.isAvailable(call.present[i].view)) {
        return false;
      }
    }
    for (int i = 0; i < call.presentCount; i++) {
      if (!Memory.isAccessible(call.present[i].view)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Runs a kernel over all rows, with all arrays of the call that its function takes. A loss
   * computes its gradients only if the call writes them. Of the records, only the exact sum is
   * supported.
   *
   * @return whether the kernel ran; if not, nothing was computed
   */
  boolean run(Kernels by, Function function) {
    if (!repeats || call.records.saved.byteSize() != 0) {
      return false;
    }
    Kernel kernel = kernels[function.ordinal()];
    if (kernel == null) {
      kernel = new Kernel();
      kernels[function.ordinal()] = kernel;
    }
    long key = call.structs.version() << 1 | (call.writesGradient ? 1 : 0);
    boolean checked = kernel.key == key;
    if (!checked) {
      kernel.key = by.isNative() ? key : Kernel.NONE; // a missing library may be loaded later
      kernel.ready = prepare(kernel, by, function);
    }
    if (!kernel.ready) {
      return false;
    }
    if (checked) {
      runs++;
    }
    @Nullable ArrayMemory[] a = kernel.arrays;
    int status = kernel.preparedKernel.run(a[0], a[1], a[2], a[3], a[4], a[5]);
    if (status == Status.UNSUPPORTED) {
      kernel.ready = false;
      return false;
    }
    Failures.check(status, call);
    return true;
  }

  private boolean prepare(Kernel kernel, Kernels by, Function function) {
    FunctionCall functionCall =
        call.begin(kernel.preparedKernel.functionCall(), function, 0, call.dimensions.rows);
    boolean held = true;
    int places = 0;
    for (int i = 0; i < call.presentCount; i++) {
      CallArray array = call.present[i];
      if (takes(function, array.id)) {
        array.offer(functionCall);
        places |= 1 << function.place(array.id);
        held &= array.view.isHeld();
      }
    }
    boolean sums = takes(function, Array.EXACT_SUM) && call.exactSum() != MemorySegment.NULL;
    if (sums) {
      functionCall.offer(Array.EXACT_SUM, call.exactSum(), null, true);
      places |= 1 << function.place(Array.EXACT_SUM);
    }
    if (Integer.bitCount(places) > PreparedKernel.ARRAYS) {
      return false;
    }
    Arrays.fill(kernel.arrays, null);
    for (int i = 0; i < call.presentCount; i++) {
      CallArray array = call.present[i];
      if (takes(function, array.id)) {
        kernel.arrays[rank(places, function, array.id)] = array.view;
      }
    }
    if (sums) {
      kernel.arrays[rank(places, function, Array.EXACT_SUM)] = call.exactSumMemory;
    }
    return kernel.preparedKernel.prepare(by, held);
  }

  private boolean takes(Function function, @Nullable Array array) {
    if (array == null || function.place(array) < 0) {
      return false;
    }
    boolean isOfLoss = array == Array.GRADIENT || array == Array.TARGET_GRADIENT;
    return !isOfLoss || call.writesGradient || function.place(Array.LOSSES) < 0;
  }

  /** The number of arrays of a kernel that come before an array. */
  private static int rank(int places, Function function, Array array) {
    return Integer.bitCount(places & (1 << function.place(array)) - 1);
  }

  /** The number of kernels that ran without a check by the core. */
  long runs() {
    return runs;
  }
}
