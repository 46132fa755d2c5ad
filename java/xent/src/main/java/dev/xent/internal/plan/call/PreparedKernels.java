// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.Numbers;
import org.jspecify.annotations.Nullable;

/**
 * The kernels of a bound call, which the core checks once and runs prepared after that, as long as
 * structs and arrays are the same.
 */
final class PreparedKernels {
  private final Call call;

  /** The operation whose arrays the call keeps; NONE: it keeps none. */
  private long operation = Numbers.NONE;

  /** What the outputs of the call asked for. */
  private int requests;

  /** Whether no other thread can free the memory of the views, and no collector moves it. */
  private boolean fixed;

  /** Whether the call is being run once more. */
  private boolean repeats;

  /** By the function; each made when it is needed. */
  private final @Nullable Work[] works = new Work[Function.COUNT];

  PreparedKernels(Call call) {
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
    fixed = true;
    for (int i = 0; i < call.parts; i++) {
      fixed &= call.present[i].view.fixed;
    }
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
    // Several pieces are told of themselves one by one.
    repeats = same && call.pieces.count == 1 && call.dimensions.rows > 0;
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

  /** Whether a kernel on these rows can be prepared. */
  boolean takes(long row, long rowEnd) {
    return repeats && row == 0 && rowEnd == call.dimensions.rows;
  }

  /** The kernel's call, to be filled and then to be {@link #kept}. */
  Work work(Function function) {
    int i = function.ordinal();
    Work own = works[i];
    if (own == null) {
      own = new Work();
      works[i] = own;
    }
    return own;
  }

  /** The kernel's call has all its arrays. */
  Work kept(Work own) {
    return own.keep(key(), fixed);
  }

  /** What a kernel was checked for: arrays, structs, and whether it writes gradients. */
  private long key() {
    return call.structs.version() << 1 | (call.writesGradient ? 1 : 0);
  }

  /**
   * Runs a kernel over all rows if it ran for the same call before, so that nothing about it has to
   * be found out. Its arrays must be those of the call, and no records but an exact sum.
   *
   * @return whether it did
   */
  boolean run(Kernels kernels, Function function) {
    if (!repeats) {
      return false;
    }
    Work own = works[function.ordinal()];
    if (own == null || !own.isPreparedAs(key())) {
      return false;
    }
    if (!own.hasArrays()) {
      call.offerArrays(own);
      if (!call.writesGradient && function == Function.CROSS_ENTROPY) { // which has them if asked
        Losses.withoutGradients(own);
      }
      own.offer(Array.EXACT_SUM, call.exactSum());
    }
    if (!own.hasPreparedArrays()) {
      return false;
    }
    Failures.check(kernels.runPrepared(own), call);
    return true;
  }

  /** How many kernels ran prepared. */
  long runs() {
    long runs = 0;
    for (Work own : works) {
      runs += own == null ? 0 : own.preparedRuns();
    }
    return runs;
  }
}
