// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.parallel;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;

/** Helps on a thread of the pool, from a call for helpers until no work is left. */
final class Worker implements Runnable {
  private final Pool pool;
  private final int index;
  private final AtomicBoolean awake = new AtomicBoolean();
  private final BooleanSupplier called = this::isCalled;

  /** It wakes the workers from the next one up to this number, which is excluded. */
  private int wakesUntil;

  /** The number of calls for helpers at this worker's last look for jobs. */
  private int seen;

  Worker(Pool pool, int index) {
    this.pool = pool;
    this.index = index;
  }

  /**
   * Marks the worker awake. Returns whether it was asleep; the caller must then run it.
   *
   * @param end it wakes the workers from the next one up to this number, which is excluded
   */
  boolean wake(int end) {
    if (awake.get() || !awake.compareAndSet(false, true)) {
      return false;
    }
    wakesUntil = end;
    return true;
  }

  /** Marks the worker asleep; the next call for helpers wakes it. */
  void sleep() {
    awake.set(false);
  }

  @Override
  public void run() {
    try {
      if (pool.hasWork()) {
        pool.wake(index + 1, wakesUntil);
      }
      int lookedInto;
      do {
        work();
        lookedInto = seen;
        sleep();
        // A call that came before the worker was marked asleep did not wake it.
      } while (pool.calls() != lookedInto && wake(index));
    } catch (RuntimeException | Error e) {
      sleep();
      throw e;
    }
  }

  private void work() {
    boolean goesOn = true;
    while (goesOn) {
      seen = pool.calls();
      goesOn = pool.helpAnyone(index) || looksOut();
    }
  }

  private boolean isCalled() {
    return pool.calls() != seen;
  }

  /** Returns whether there was another call for helpers; spins for it if it is expected soon. */
  private boolean looksOut() {
    return isCalled() || pool.isBusy() && index < Spinning.most() && Spinning.until(called);
  }
}
