// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.internal.events.Recorder;
import dev.xent.internal.kernels.Work;
import org.jspecify.annotations.Nullable;

/**
 * Recognises a call of the same operation and the same views as the call before. All that was
 * checked and found then still holds, since views do not change; only whether their memory may be
 * used is asked again. It keeps numbers, not views: nothing of the caller's stays reachable.
 */
final class Again {
  private final Numbers numbers = new Numbers();
  private long operation = Numbers.NONE;
  private long first;
  private long second;
  private long third;

  /** The kernel's call; made by the first call that is made again. */
  private @Nullable Work work;

  /** Whether the kernel's call is prepared. */
  boolean prepared;

  /** Whether no other thread can free the memory of the views, and no collector moves it. */
  boolean fixed;

  /**
   * Whether this is the call before once more; {@code c} may be absent in both. Never while calls
   * are recorded, which takes place where everything else does.
   */
  boolean is(long newOperation, View a, View b, @Nullable View c) {
    return operation == newOperation
        && !Recorder.isOn()
        && a != null
        && a.number == first
        && b != null
        && b.number == second
        && (c == null ? third == Numbers.NONE : c.number == third && third != Numbers.NONE)
        && Memory.isLent(a)
        && Memory.isLent(b)
        && (c == null || Memory.isLent(c))
        // Last, as a lender may close memory that another one speaks of.
        && Memory.isAccessible(a)
        && Memory.isAccessible(b)
        && (c == null || Memory.isAccessible(c));
  }

  /** The call that has just succeeded. */
  void remember(long newOperation, View a, View b, @Nullable View c) {
    operation = newOperation;
    prepared = false;
    fixed = a.fixed && b.fixed && (c == null || c.fixed);
    first = numberOf(a);
    second = numberOf(b);
    third = c == null ? Numbers.NONE : numberOf(c);
  }

  /** The kernel's call. */
  Work work() {
    if (work == null) {
      work = new Work();
    }
    return work;
  }

  private long numberOf(View view) {
    if (view.number == Numbers.NONE) {
      view.number = numbers.take();
    }
    return view.number;
  }

  /** The next call is not like the one before. */
  void forget() {
    operation = Numbers.NONE;
  }
}
