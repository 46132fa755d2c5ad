// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import dev.xent.internal.ffi.XentH;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * A call of one function that the core has checked. It can be run with other memory of the same
 * types, layouts, options and ranges. One thread at a time may run it.
 */
public final class PreparedKernel {
  /** The result of {@link #draw} if it did nothing and the linker must be used. */
  public static final long USE_LINKER = Jni.NOTHING_DRAWN;

  /** The maximum number of arrays. */
  public static final int ARRAYS = FunctionCall.FEW_ARRAYS;

  private static final MemorySegment NULL = MemorySegment.NULL;

  /**
   * Holds the structs, and keeps them reachable. Only counts of tokens, their step and stream, and
   * the gradient scale change.
   */
  private final FunctionCall functionCall;

  /** The core's data of the prepared call. */
  final MemorySegment prepared;

  private boolean critical;

  /**
   * Whether passing addresses is safe, because no other thread can close or move the arrays'
   * memory.
   */
  private boolean fixed;

  /** Whether the linker accepts the memory. */
  private boolean linked;

  private boolean usesJni;

  /** The places of the arrays of a run. */
  private long mask;

  private long runs;

  /** A kernel without a prepared call. */
  public PreparedKernel() {
    this(Arena.ofAuto());
  }

  /** A kernel without a prepared call, in memory that lives as long as the arena's. */
  public PreparedKernel(Arena arena) {
    functionCall = new FunctionCall(arena);
    prepared = arena.allocate(XentH.XENT_PREPARED_BYTES(), Long.BYTES);
    prepared.set(ValueLayout.JAVA_LONG, 0, XentH.XENT_PREPARED_BYTES());
  }

  /** The call to prepare. The caller sets its arrays, at most {@link #ARRAYS}. */
  public FunctionCall functionCall() {
    return functionCall;
  }

  /**
   * Lets the core check the call, without computing anything.
   *
   * @return whether it can be run; false if these kernels cannot prepare the call
   */
  public boolean prepare(Kernels kernels) {
    boolean done = kernels.prepare(this);
    functionCall.clear();
    return done;
  }

  /** Sets how the call is passed to the core. */
  void prepared(
      boolean isCritical, boolean isFixed, boolean isLinked, boolean mayUseJni, long passed) {
    mask = passed;
    critical = isCritical;
    fixed = isFixed;
    linked = isLinked;
    usesJni = mayUseJni;
  }

  /**
   * Runs the call with these as its arrays, in the order of the function.
   *
   * @param a memory that is open and reachable until this returns; null after the last one
   * @return one of {@link Status}; nothing was written unless it is OK
   */
  public int run(
      @Nullable ArrayMemory a,
      @Nullable ArrayMemory b,
      @Nullable ArrayMemory c,
      @Nullable ArrayMemory d,
      @Nullable ArrayMemory e,
      @Nullable ArrayMemory f) {
    runs++;
    int status = Jni.NOT_PINNED;
    if (usesJni && !(linked && functionCall.rate.isHigh())) {
      status =
          Jni.run(
              prepared.address(),
              mask,
              a == null ? null : a.array,
              a == null ? 0 : a.address,
              b == null ? null : b.array,
              b == null ? 0 : b.address,
              c == null ? null : c.array,
              c == null ? 0 : c.address,
              d == null ? null : d.array,
              d == null ? 0 : d.address,
              e == null ? null : e.array,
              e == null ? 0 : e.address,
              f == null ? null : f.array,
              f == null ? 0 : f.address);
      usesJni = status != Jni.NOT_PINNED;
    }
    if (status == Jni.NOT_PINNED) {
      status = runByLinker(a, b, c, d, e, f);
    }
    Reference.reachabilityFence(this); // its structs and its prepared call
    return status;
  }

  /** Runs the call with another first array, and the other ones of the previous run. */
  public int runFirst(ArrayMemory first) {
    long all = mask;
    mask = 1;
    try {
      return run(first, null, null, null, null, null);
    } finally {
      mask = all;
    }
  }

  /** Sets the counts of a text's tokens for the next run. */
  public void text(long promptCount, long outputCount, boolean continues) {
    functionCall.text(promptCount, outputCount, continues);
  }

  private int runByLinker(
      @Nullable ArrayMemory a,
      @Nullable ArrayMemory b,
      @Nullable ArrayMemory c,
      @Nullable ArrayMemory d,
      @Nullable ArrayMemory e,
      @Nullable ArrayMemory f) {
    if (!linked) {
      return Status.UNSUPPORTED;
    }
    if (fixed) {
      return NativeKernels.runPrepared(
          critical,
          prepared.address(),
          mask,
          a == null ? 0 : a.address,
          b == null ? 0 : b.address,
          c == null ? 0 : c.address,
          d == null ? 0 : d.address,
          e == null ? 0 : e.address,
          f == null ? 0 : f.address);
    }
    return NativeKernels.runPrepared(
        critical,
        prepared.address(),
        mask,
        a == null ? NULL : a.segment,
        b == null ? NULL : b.segment,
        c == null ? NULL : c.segment,
        d == null ? NULL : d.segment,
        e == null ? NULL : e.segment,
        f == null ? NULL : f.segment);
  }

  /**
   * Draws a token of one row at a step, by a native method.
   *
   * @param stepAt the address of the step in xent_sampling
   * @param tokenAt the address of the token, an int64_t
   * @param array a Java array, or null
   * @param at the offset of the first logit, or its address
   * @return the token; -1 for no token; {@link #USE_LINKER}; or a smaller number if it failed
   */
  public long draw(long stepAt, long tokenAt, long step, @Nullable Object array, long at) {
    if (!usesJni || linked && functionCall.rate.isHigh()) {
      return USE_LINKER;
    }
    long token = Jni.draw(prepared.address(), stepAt, tokenAt, (int) step, array, at);
    Reference.reachabilityFence(this); // its structs and its prepared call
    if (token == USE_LINKER) {
      usesJni = false;
    } else {
      runs++;
    }
    return token;
  }

  /** The number of runs. */
  public long runs() {
    return runs;
  }
}
