// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import java.util.ConcurrentModificationException;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;

/**
 * The state of an object that is used by one method call at a time. A second use, by another thread
 * or within the first one, is an exception, so that no method sees what another has half changed.
 */
public final class Exclusive {
  /** An updater takes less time than a handle in code that is not compiled. */
  private static final AtomicIntegerFieldUpdater<Exclusive> USES =
      AtomicIntegerFieldUpdater.newUpdater(Exclusive.class, "uses");

  private final String message;

  /**
   * The number of uses, 0 or 1. A use that may have failed ends with {@code uses = 0}, which is
   * only a store, because a method call may overflow the stack again.
   */
  public volatile int uses;

  /**
   * Creates the state of an object that is not in use.
   *
   * @param message of the exception for a second use
   */
  public Exclusive(String message) {
    this.message = message;
  }

  /**
   * Begins a use.
   *
   * @throws ConcurrentModificationException if another use has not ended
   */
  public void enter() {
    if (!USES.compareAndSet(this, 0, 1)) {
      throw new ConcurrentModificationException(message);
    }
  }

  /** Ends a use that succeeded; cheaper than a volatile store. */
  void leave() {
    USES.lazySet(this, 0);
  }
}
