// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.events.Recorder;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.Numbers;
import dev.xent.internal.plan.arrays.View;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * The call before, of few tensors, so that the same call once more runs its kernels and does
 * nothing else: views do not change, so all that was checked still holds but whether their memory
 * is open. It knows views by their numbers, so an idle thread keeps no memory of a caller
 * reachable; that of a bound call has the views.
 *
 * <p>Once its kernels are prepared, a repeated call stores nothing but its result, and runs no code
 * of others: no owner, no executor.
 */
public final class Repeat {
  private final Call call;
  private final Numbers numbers = new Numbers();

  /** The operation of the call before; NONE: that call cannot be repeated. */
  private long operation = Numbers.NONE;

  private long first;
  private long second;
  private long third;

  // Of a bound call.
  private @Nullable View a;
  private @Nullable View b;
  private @Nullable View c;

  /** Memory of the library that takes part. */
  private @Nullable View own;

  /** Whether no other thread can free the memory of the views, and no collector moves it. */
  private boolean fixed;

  /** Counts the calls that were remembered. */
  private long version;

  private @Nullable Work kernel;
  private @Nullable Work check;

  Repeat(Call call) {
    this.call = call;
  }

  /** The next call is not this one. */
  void forget() {
    operation = Numbers.NONE;
    if (a != null) {
      a = null;
      b = null;
      c = null;
    }
  }

  /**
   * The call that has just succeeded can be repeated.
   *
   * @param newOwn memory of the library that takes part
   * @param bound whether the views are kept
   */
  void remember(
      long newOperation,
      View newA,
      @Nullable View newB,
      @Nullable View newC,
      @Nullable View newOwn,
      boolean bound) {
    if (hasOwner(newA) || hasOwner(newB) || hasOwner(newC)) {
      return; // who may take it back at any time
    }
    fixed = newA.fixed && (newB == null || newB.fixed) && (newC == null || newC.fixed);
    version++;
    own = newOwn;
    if (bound) {
      a = newA;
      b = newB;
      c = newC;
    } else {
      first = numberOf(newA);
      second = numberOf(newB);
      third = numberOf(newC);
    }
    operation = newOperation;
  }

  private static boolean hasOwner(@Nullable View view) {
    return view != null && view.memoryOwner != null;
  }

  private long numberOf(@Nullable View view) {
    if (view == null) {
      return Numbers.NONE;
    }
    long number = view.number;
    if (number == Numbers.NONE) {
      number = numbers.take();
      view.number = number;
    }
    return number;
  }

  /** Whether this is the call before once more, and all memory is open. */
  boolean is(long ofOperation, View ofA, @Nullable View ofB, @Nullable View ofC) {
    return operation == ofOperation
        && isView(ofA, first)
        && isView(ofB, second)
        && isView(ofC, third)
        && isOpen(ofA, ofB, ofC);
  }

  /** Whether a bound call is what it was before, and all memory is open. */
  boolean isStill(long ofOperation) {
    return operation == ofOperation && isOpen(a, b, c);
  }

  private static boolean isView(@Nullable View view, long number) {
    return view == null ? number == Numbers.NONE : view.number == number && number != Numbers.NONE;
  }

  /** Never while calls are recorded: that takes place where everything else does. */
  private static boolean isOpen(View a, @Nullable View b, @Nullable View c) {
    return !Recorder.isOn()
        && Memory.isAccessible(a)
        && (b == null || Memory.isAccessible(b))
        && (c == null || Memory.isAccessible(c));
  }

  /** Repeats a bound call; whether it did. */
  boolean again(Operation of, @Nullable Outputs outputs) {
    return of.again(call, a, b, c, outputs);
  }

  /**
   * Runs the kernel of the call.
   *
   * @param sampling of tokens, or NULL
   * @return whether it did: not if memory is no longer open
   */
  public boolean run(
      RepeatedKernel with,
      View ofA,
      @Nullable View ofB,
      @Nullable View ofC,
      MemorySegment sampling) {
    Work work = kernel;
    if (work == null) {
      work = new Work();
      kernel = work;
    }
    return run(work, with, ofA, ofB, ofC, sampling);
  }

  /** Runs the kernel that checks the targets of the call, likewise. */
  public boolean check(RepeatedKernel with, View ofA, @Nullable View ofB, @Nullable View ofC) {
    Work work = check;
    if (work == null) {
      work = new Work();
      check = work;
    }
    return run(work, with, ofA, ofB, ofC, MemorySegment.NULL);
  }

  private boolean run(
      Work work,
      RepeatedKernel with,
      View ofA,
      @Nullable View ofB,
      @Nullable View ofC,
      MemorySegment sampling) {
    int status;
    try {
      status =
          work.isPreparedAs(version)
              ? with.runPrepared(work, ofA, ofB, ofC, own)
              : prepare(work, with, ofA, ofB, ofC, sampling);
    } catch (IllegalStateException | WrongThreadException e) {
      return false; // the whole call knows which array it is
    }
    Reference.reachabilityFence(ofA);
    Reference.reachabilityFence(ofB);
    Reference.reachabilityFence(ofC);
    Failures.check(status, call);
    return true;
  }

  private int prepare(
      Work work,
      RepeatedKernel with,
      View ofA,
      @Nullable View ofB,
      @Nullable View ofC,
      MemorySegment sampling) {
    call.begin(work, with.function, 0, call.dimensions.rows);
    if (sampling != MemorySegment.NULL) {
      work.sampling(sampling, false);
    }
    with.offer(work, ofA, ofB, ofC, own);
    work.keep(version, fixed);
    try {
      return with.run(work);
    } finally {
      work.clear();
    }
  }

  /** How many kernels ran prepared. */
  long preparedRuns() {
    return (kernel == null ? 0 : kernel.preparedRuns())
        + (check == null ? 0 : check.preparedRuns());
  }
}
