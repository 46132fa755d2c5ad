// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * A call of one function that the core has checked, to be run with other memory: same types,
 * layouts, options and ranges. One thread at a time may run it.
 */
public final class PreparedKernel {
  /** {@link #draw} did nothing. */
  public static final long USE_LINKER = Jni.NOTHING_DRAWN;

  private static final MemorySegment NULL = MemorySegment.NULL;

  /** Has the structs, which stay as they are, and keeps them reachable. */
  private final Work work;

  private final long prepared;
  private final boolean critical;

  /** Whether addresses are enough, as nobody can close the memory of its arrays or move it. */
  private final boolean fixed;

  /** Whether the linker takes such memory. */
  private final boolean linked;

  private boolean usesJni;
  private final CallRate rate = new CallRate();
  private long runs;

  PreparedKernel(Work work, boolean critical, boolean fixed, boolean linked, boolean usesJni) {
    this.work = work;
    this.prepared = work.preparedAddress();
    this.critical = critical;
    this.fixed = fixed;
    this.linked = linked;
    this.usesJni = usesJni;
  }

  /**
   * Runs it with these as its first arrays, in the order of the function.
   *
   * @param a memory that is open and reachable until this returns; null: that of the call before
   * @return one of {@link Status}; nothing was written unless it is OK
   */
  public int run(
      @Nullable ArrayMemory a,
      @Nullable ArrayMemory b,
      @Nullable ArrayMemory c,
      @Nullable ArrayMemory d) {
    runs++;
    int status = Jni.NOT_HELD;
    if (usesJni && !(linked && rate.isHigh())) {
      status =
          Jni.run(
              prepared,
              a == null ? null : a.array,
              a == null ? 0 : a.address,
              b == null ? null : b.array,
              b == null ? 0 : b.address,
              c == null ? null : c.array,
              c == null ? 0 : c.address,
              d == null ? null : d.array,
              d == null ? 0 : d.address,
              null,
              0,
              null,
              0);
      usesJni = status != Jni.NOT_HELD;
    }
    if (status == Jni.NOT_HELD) {
      status = runByLinker(a, b, c, d);
    }
    Reference.reachabilityFence(work);
    return status;
  }

  private int runByLinker(
      @Nullable ArrayMemory a,
      @Nullable ArrayMemory b,
      @Nullable ArrayMemory c,
      @Nullable ArrayMemory d) {
    if (!linked) {
      return Status.UNSUPPORTED;
    }
    if (fixed) {
      return NativeKernels.runPrepared(
          critical,
          prepared,
          a == null ? 0 : a.address,
          b == null ? 0 : b.address,
          c == null ? 0 : c.address,
          d == null ? 0 : d.address);
    }
    return NativeKernels.runPrepared(
        critical,
        prepared,
        a == null ? NULL : a.segment,
        b == null ? NULL : b.segment,
        c == null ? NULL : c.segment,
        d == null ? NULL : d.segment);
  }

  /**
   * Draws a token of one row by a native method, at a step.
   *
   * @param stepAt the address of the step of xent_sampling
   * @param tokenAt the address of the token, an int64_t
   * @param array a Java array, or null
   * @param at the offset of the first logit, or its address
   * @return the token; -1 if there is none; {@link #USE_LINKER}; or a smaller number, if it failed
   */
  public long draw(long stepAt, long tokenAt, long step, @Nullable Object array, long at) {
    if (!usesJni || linked && rate.isHigh()) {
      return USE_LINKER;
    }
    long token = Jni.draw(prepared, stepAt, tokenAt, (int) step, array, at);
    Reference.reachabilityFence(work);
    if (token == USE_LINKER) {
      usesJni = false;
    } else {
      runs++;
    }
    return token;
  }

  /** How often it ran. */
  public long runs() {
    return runs;
  }
}
