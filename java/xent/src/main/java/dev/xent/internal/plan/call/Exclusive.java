// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ConcurrentModificationException;

/**
 * The state of an object that is used by one method call at a time. A second use, by another thread
 * or within the first one, is an exception, so that no method sees what another has half changed.
 */
public final class Exclusive {
  private static final VarHandle IN_USE;

  static {
    try {
      IN_USE = MethodHandles.lookup().findVarHandle(Exclusive.class, "inUse", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    }
  }

  private final String message;

  /**
   * Whether the object is in use. A use that may have failed ends with {@code inUse = false}, which
   * is only a store, because a method call may overflow the stack again.
   */
  public volatile boolean inUse;

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
    if (!IN_USE.compareAndSet(this, false, true)) {
      throw new ConcurrentModificationException(message);
    }
  }

  /** Ends a use that succeeded; cheaper than a volatile store. */
  void leave() {
    IN_USE.setRelease(this, false);
  }
}
