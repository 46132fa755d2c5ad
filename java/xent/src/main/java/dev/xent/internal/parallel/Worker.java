// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.parallel;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** A thread of the pool. */
final class Worker implements Runnable {
  /** A worker that had nothing to do for so long ends. */
  private static final long PATIENCE = TimeUnit.SECONDS.toNanos(30);

  private static final int AWAKE = 0;
  private static final int ASLEEP = 1;
  private static final int ENDED = 2;

  private final Pool pool;
  private final int index;
  private final Thread thread;
  private final AtomicInteger condition = new AtomicInteger(AWAKE);
  private final BooleanSupplier called = this::isCalled;

  /** Calls for helpers that this worker has looked into. */
  private int seen;

  /** When it came back from its last job. */
  private long lastJob;

  /** Whether jobs follow each other so closely that it pays to look out for the next one. */
  private boolean busy;

  Worker(Pool pool, int index) {
    this.pool = pool;
    this.index = index;
    this.thread =
        Thread.ofPlatform()
            .name("xent-" + (index + 1))
            .daemon()
            .inheritInheritableThreadLocals(false)
            .unstarted(this);
    // Its caller's would be kept from being unloaded.
    thread.setContextClassLoader(null);
  }

  void start() {
    thread.start();
  }

  /** Returns whether it slept and will now look for a job. */
  boolean wake() {
    if (condition.get() != ASLEEP || !condition.compareAndSet(ASLEEP, AWAKE)) {
      return false;
    }
    LockSupport.unpark(thread);
    return true;
  }

  @Override
  public void run() {
    try {
      lastJob = System.nanoTime() - PATIENCE;
      while (condition.get() != ENDED) {
        seen = pool.calls.get();
        long found = System.nanoTime();
        if (pool.helpAnyone(index)) {
          busy = found - lastJob < 2 * Spinning.NANOS;
          lastJob = System.nanoTime();
        } else if (!looksOut()) {
          sleep();
        }
      }
    } finally {
      pool.forget(index);
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

  private void sleep() {
    condition.set(ASLEEP);
    long deadline = System.nanoTime() + PATIENCE;
    while (condition.get() == ASLEEP) {
      // A call that came before it could be seen asleep wakes nobody.
      if (isCalled()) {
        condition.compareAndSet(ASLEEP, AWAKE);
        return;
      }
      long left = deadline - System.nanoTime();
      if (left <= 0) {
        condition.compareAndSet(ASLEEP, ENDED);
        return;
      }
      LockSupport.parkNanos(pool, left);
      // Whoever interrupts a worker does not end it, and must not keep it awake.
      Thread.interrupted();
    }
  }
}
