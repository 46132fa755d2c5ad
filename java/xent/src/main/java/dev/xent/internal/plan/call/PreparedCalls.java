// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.plan.arrays.View;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The last calls of a thread, or of a bound call, that can be repeated. A call is prepared when it
 * is made for the second time.
 */
final class PreparedCalls {
  /**
   * The number of kept calls. A model has few losses and shapes; further calls replace the kept
   * ones in turn.
   */
  private static final int KEPT = 4;

  private final @Nullable PreparedCall[] calls = new PreparedCall[KEPT];

  /** The index of the call that was used last. */
  private int last;

  /** The prepared call that matches these views, or null. */
  @Nullable PreparedCall find(long operation, View a, @Nullable View b, @Nullable View c) {
    int i = last;
    do {
      PreparedCall call = calls[i];
      if (call != null && call.fits(operation, a, b, c)) {
        last = i;
        return call.isReady() ? call : null;
      }
      i = (i + 1) % KEPT;
    } while (i != last);
    return null;
  }

  /** Remembers that the call that just succeeded can be repeated by these kernels. */
  void remember(
      Call call,
      Operation operation,
      @Nullable KernelArrays checks,
      KernelArrays computes,
      View a,
      @Nullable View b,
      @Nullable View c,
      @Nullable View own,
      MemorySegment sampling) {
    Kernels kernels = operation.kernels;
    PreparedCall known = calls[last];
    if (known != null && known.fits(operation.number, a, b, c)) {
      known.prepare(call, kernels, checks, computes, a, b, c, own, sampling);
      return;
    }
    int next = (last + 1) % KEPT;
    PreparedCall noted = calls[next];
    if (noted == null) {
      noted = new PreparedCall();
      calls[next] = noted;
    }
    if (noted.is(operation.number, a, b, c)) {
      last = next;
    }
  }

  /** The number of kernels that ran prepared. */
  long runs() {
    long runs = 0;
    for (PreparedCall call : calls) {
      runs += call == null ? 0 : call.runs();
    }
    return runs;
  }
}
