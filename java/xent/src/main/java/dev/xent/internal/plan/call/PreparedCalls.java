// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.plan.arrays.View;
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
  @Nullable PreparedCall find(
      long operation, View first, @Nullable View second, @Nullable View third) {
    int i = last;
    do {
      PreparedCall call = calls[i];
      if (call != null && call.fits(operation, first, second, third)) {
        last = i;
        return call.isReady() ? call : null;
      }
      i = (i + 1) % KEPT;
    } while (i != last);
    return null;
  }

  /**
   * Notes a call that just succeeded, and that {@link #find} has looked for.
   *
   * @return the call to prepare, if it was made for the second time; else null
   */
  @Nullable PreparedCall note(
      long operation, View first, @Nullable View second, @Nullable View third) {
    PreparedCall known = calls[last];
    if (known != null && known.fits(operation, first, second, third)) {
      return known;
    }
    int next = (last + 1) % KEPT;
    PreparedCall noted = calls[next];
    if (noted == null) {
      noted = new PreparedCall();
      calls[next] = noted;
    }
    if (noted.note(operation, first, second, third)) {
      last = next;
    }
    return null;
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
