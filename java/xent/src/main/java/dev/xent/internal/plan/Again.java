// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.internal.events.Recorder;
import org.jspecify.annotations.Nullable;

/**
 * Recognises a call of the same operation and the same views as the call before. All that was
 * checked and found then still holds, since views do not change; only whether their memory may be
 * used is asked again. It keeps numbers, not views: nothing of the caller's stays reachable.
 */
final class Again {
  private @Nullable RowWork work;
  private long first;
  private long second;
  private long third;

  /**
   * Whether this is the call before once more; {@code c} may be absent in both. Never while calls
   * are recorded, which takes place where everything else does.
   */
  boolean is(RowWork newWork, View a, View b, @Nullable View c) {
    return work == newWork
        && !Recorder.isOn()
        && a != null
        && a.number == first
        && b != null
        && b.number == second
        && (c == null ? View.NO_NUMBER : c.number) == third
        && Memory.isAccessible(a)
        && Memory.isAccessible(b)
        && (c == null || Memory.isAccessible(c));
  }

  /** The call that has just succeeded. */
  void remember(RowWork newWork, View a, View b, @Nullable View c) {
    work = newWork;
    first = a.number;
    second = b.number;
    third = c == null ? View.NO_NUMBER : c.number;
  }

  /** The next call is not like the one before. */
  void forget() {
    work = null;
  }
}
