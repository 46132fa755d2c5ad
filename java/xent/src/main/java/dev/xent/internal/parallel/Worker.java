// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.parallel;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;

/** Helps on a thread of the pool, from a call for helpers until there is nothing to do. */
final class Worker implements Runnable {
  private final Pool pool;
  private final int index;
  private final AtomicBoolean awake = new AtomicBoolean();
  private final BooleanSupplier called = this::isCalled;

  /** Calls for helpers that this worker has looked into. */
  private int seen;

  /** When it came back from its last job. */
  private long lastJob = System.nanoTime() - 2 * Spinning.NANOS;

  /** Whether jobs follow each other so closely that it pays to look out for the next one. */
  private boolean busy;

  Worker(Pool pool, int index) {
    this.pool = pool;
    this.index = index;
  }

  /** Returns whether it slept; it must be run then. */
  boolean wake() {
    return !awake.get() && awake.compareAndSet(false, true);
  }

  /** The next call for helpers wakes it. */
  void sleep() {
    awake.set(false);
  }

  @Override
  public void run() {
    try {
      int lookedInto;
      do {
        work();
        lookedInto = seen;
        sleep();
        // A call that came before it could be seen asleep wakes nobody.
      } while (pool.calls.get() != lookedInto && wake());
    } catch (RuntimeException | Error e) {
      sleep();
      throw e;
    }
  }

  private void work() {
    boolean goesOn = true;
    while (goesOn) {
      seen = pool.calls.get();
      long found = System.nanoTime();
      boolean helped = pool.helpAnyone(index);
      if (helped) {
        busy = found - lastJob < 2 * Spinning.NANOS;
        lastJob = System.nanoTime();
      }
      goesOn = helped || looksOut();
    }
  }

  private boolean isCalled() {
    return pool.calls.get() != seen;
  }

  /** Returns whether there was a call for helpers soon after the last job. */
  private boolean looksOut() {
    long deadline = lastJob + Spinning.NANOS;
    if (!busy || System.nanoTime() - deadline >= 0) {
      return isCalled();
    }
    try {
      return pool.lookouts.incrementAndGet() <= Spinning.most() && Spinning.until(called, deadline);
    } finally {
      pool.lookouts.decrementAndGet();
    }
  }
}
