// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ArrayMemory;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.PreparedKernel;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.plan.arrays.CallArray;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.Numbers;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The kernels of a bound call that takes more than the views of a {@link PreparedCall}: the core
 * checks each of them once, as long as structs and arrays are the same.
 */
final class BoundKernels {
  /** One of them, with its arrays in the order of the function. */
  private static final class Kernel {
    private static final long NONE = -1;

    final PreparedKernel prepared = new PreparedKernel();
    final @Nullable ArrayMemory[] arrays = new ArrayMemory[PreparedKernel.ARRAYS];

    /** What it was checked for: arrays, structs, and whether it writes gradients. */
    long key = NONE;

    /** Whether it can be run. */
    boolean ready;
  }

  private final Call call;

  /** The operation whose arrays the call keeps; NONE: it keeps none. */
  private long operation = Numbers.NONE;

  /** What the outputs of the call asked for. */
  private int requests;

  /** Whether one kernel has all rows. */
  private boolean isOneKernel;

  /** Whether the call is being run once more. */
  private boolean repeats;

  /** By the function; each made when it is needed. */
  private final @Nullable Kernel[] kernels = new Kernel[Function.COUNT];

  private long runs;

  BoundKernels(Call call) {
    this.call = call;
  }

  /** The arrays of the next run are others, or those of another call. */
  void forget() {
    operation = Numbers.NONE;
    repeats = false;
  }

  /** The call keeps the arrays that were taken for an operation. */
  void keep(Operation of) {
    requests = requests();
    isOneKernel = call.partition.isOneKernel();
    operation = of.number;
  }

  private int requests() {
    Outputs outputs = call.given.outputs;
    return outputs == null ? 0 : outputs.requests();
  }

  /**
   * Whether the call is what it was before. All that {@link Operation#take} found then still holds,
   * since views do not change, if nobody asked its outputs for something else.
   */
  boolean repeat(Operation of) {
    boolean same = operation == of.number && requests() == requests && isUsable();
    repeats = same && isOneKernel;
    return same;
  }

  /** Whether all memory may be used now. Owners first: one may close what another speaks of. */
  private boolean isUsable() {
    for (int i = 0; i < call.parts; i++) {
      if (!Memory.isAvailable(call.present[i].view)) {
        return false;
      }
    }
    for (int i = 0; i < call.parts; i++) {
      if (!Memory.isAccessible(call.present[i].view)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Runs a kernel over all rows, with all arrays of the call that its function takes; a loss has
   * its gradients only if the call writes them. It takes no records but the exact sum.
   *
   * @return whether it did; if not, nothing was computed
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
      kernel.key = key;
      kernel.ready = prepare(kernel, by, function);
    }
    if (!kernel.ready) {
      return false;
    }
    if (checked) {
      runs++;
    }
    @Nullable ArrayMemory[] a = kernel.arrays;
    Failures.check(kernel.prepared.run(a[0], a[1], a[2], a[3], a[4], a[5]), call);
    return true;
  }

  private boolean prepare(Kernel kernel, Kernels by, Function function) {
    Work work = call.begin(kernel.prepared.work(), function, 0, call.dimensions.rows);
    boolean held = true;
    int places = 0;
    for (int i = 0; i < call.parts; i++) {
      CallArray part = call.present[i];
      if (takes(function, part.array)) {
        part.offer(work);
        places |= 1 << function.place(part.array);
        held &= part.view.isHeld();
      }
    }
    boolean sums = takes(function, Array.EXACT_SUM) && call.exactSum() != MemorySegment.NULL;
    if (sums) {
      work.offer(Array.EXACT_SUM, call.exactSum(), null, true);
      places |= 1 << function.place(Array.EXACT_SUM);
    }
    if (Integer.bitCount(places) > PreparedKernel.ARRAYS) {
      return false;
    }
    Arrays.fill(kernel.arrays, null);
    for (int i = 0; i < call.parts; i++) {
      CallArray part = call.present[i];
      if (takes(function, part.array)) {
        kernel.arrays[rank(places, function, part.array)] = part.view;
      }
    }
    if (sums) {
      kernel.arrays[rank(places, function, Array.EXACT_SUM)] = call.exactSumMemory;
    }
    return kernel.prepared.prepare(by, held);
  }

  private boolean takes(Function function, @Nullable Array array) {
    if (array == null || function.place(array) < 0) {
      return false;
    }
    boolean isOfLoss = array == Array.GRADIENT || array == Array.TARGET_GRADIENT;
    return !isOfLoss || call.writesGradient || function.place(Array.LOSSES) < 0;
  }

  /** How many arrays of a kernel come before one. */
  private static int rank(int places, Function function, Array array) {
    return Integer.bitCount(places & (1 << function.place(array)) - 1);
  }

  /** How many kernels ran without a check by the core. */
  long runs() {
    return runs;
  }
}
