// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.parallel;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The threads of this process that help callers who name no executor. They are daemons named
 * xent-1, xent-2 and so on, start when a job calls for them, and end when there was none for a
 * while.
 *
 * <p>A thread that waits does so in the JDK's code and knows nothing of this library, whose class
 * loader it would keep otherwise.
 */
final class Pool {
  /** Jobs that can call for helpers at once; the callers of more work alone. */
  private static final int MOST_JOBS = 64;

  /** No call has more helpers. */
  private static final int MOST_WORKERS = Threads.LIMIT - 1;

  /** A thread that had nothing to do for so many seconds ends. */
  private static final long PATIENCE = 30;

  /**
   * Up to JDK 23 a thread keeps the class loaders of all code that was being run where it was
   * started: its AccessControlContext.
   */
  private static final boolean KEEP_THEIR_STARTER = Runtime.version().feature() < 24;

  /** Virtual threads have none. */
  private static final Executor STARTERS =
      Executors.newThreadPerTaskExecutor(
          Thread.ofVirtual().inheritInheritableThreadLocals(false).factory());

  private final ThreadPoolExecutor threads = threads();
  final AtomicReferenceArray<Job> jobs = new AtomicReferenceArray<>(MOST_JOBS);
  private final AtomicReferenceArray<Worker> workers = new AtomicReferenceArray<>(MOST_WORKERS);

  /** Counts the calls for helpers, so that a worker that goes to sleep can tell it missed one. */
  final AtomicInteger calls = new AtomicInteger();

  /** Workers that look for a job without pause. */
  final AtomicInteger lookouts = new AtomicInteger();

  /** When a caller had done its part of a job. */
  private volatile long lastJob = System.nanoTime() - Spinning.NANOS;

  private Pool() {}

  /** As many threads as there are workers, of which none keeps anything of its first caller's. */
  private static ThreadPoolExecutor threads() {
    ThreadFactory factory =
        Thread.ofPlatform()
            .name("xent-", 1)
            .daemon()
            .inheritInheritableThreadLocals(false)
            .factory();
    ThreadPoolExecutor threads =
        new ThreadPoolExecutor(
            0, MOST_WORKERS, PATIENCE, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), factory);
    threads.allowCoreThreadTimeOut(true);
    return threads;
  }

  /** Made when it is needed first. */
  private static final class Holder {
    static final Pool SHARED = new Pool();
  }

  static Pool shared() {
    return Holder.SHARED;
  }

  // ---- for callers -----------------------------------------------------------------------------

  /**
   * Shows an open job to the workers. Wakes or starts as many as do not look by themselves, if the
   * job is worth it or follows the one before so closely that they will not sleep until the next.
   */
  void call(Job job, int helpers, boolean wake) {
    if (!post(job)) {
      return;
    }
    calls.incrementAndGet();
    int missing = helpers - lookouts.get();
    if (missing <= 0 || !(wake || System.nanoTime() - lastJob < Spinning.NANOS)) {
      return;
    }
    int reach = Math.min(helpers, MOST_WORKERS);
    for (int i = 0; i < reach && missing > 0; i++) {
      Worker worker = worker(i);
      if (worker.wake()) {
        missing--;
        run(worker);
      }
    }
  }

  private Worker worker(int index) {
    Worker worker = workers.get(index);
    return worker == null ? makeWorker(index) : worker;
  }

  private synchronized Worker makeWorker(int index) {
    Worker worker = workers.get(index);
    if (worker == null) {
      worker = new Worker(this, index);
      workers.set(index, worker);
      threads.setCorePoolSize(Math.max(threads.getCorePoolSize(), index + 1));
    }
    return worker;
  }

  private void run(Worker worker) {
    try {
      if (KEEP_THEIR_STARTER && threads.getPoolSize() < threads.getCorePoolSize()) {
        runByAnother(worker);
      } else {
        threads.execute(worker);
      }
    } catch (OutOfMemoryError e) {
      // No more threads to be had: the caller does the work.
      worker.sleep();
    }
  }

  /**
   * Has a virtual thread start the worker's thread, by code of the JDK alone. It is the second
   * stage of a chain: the first does nothing.
   */
  private void runByAnother(Worker worker) {
    CompletableFuture<@Nullable Void> chain = new CompletableFuture<>();
    FutureTask<@Nullable Void> nothing = new FutureTask<>(() -> null);
    nothing.cancel(false);
    chain
        .thenRunAsync(nothing, STARTERS)
        .thenRunAsync(worker, threads)
        .whenComplete(
            (done, thrown) -> {
              if (thrown != null) {
                worker.sleep();
              }
            });
    chain.complete(null);
  }

  /** Whether there was room for it. */
  private boolean post(Job job) {
    for (int i = 0; i < MOST_JOBS; i++) {
      if (jobs.get(i) == null && jobs.compareAndSet(i, null, job)) {
        return true;
      }
    }
    return false;
  }

  /** Takes a job away that may have been posted. */
  void dismiss(Job job) {
    lastJob = System.nanoTime();
    for (int i = 0; i < MOST_JOBS; i++) {
      if (jobs.get(i) == job) {
        jobs.set(i, null);
        return;
      }
    }
  }

  // ---- for workers -----------------------------------------------------------------------------

  /** Helps where help is wanted. Returns whether it was anywhere. */
  boolean helpAnyone(int first) {
    boolean helped = false;
    for (int i = 0; i < MOST_JOBS; i++) {
      Job job = jobs.get((first + i) % MOST_JOBS);
      helped |= job != null && job.help();
    }
    return helped;
  }
}
