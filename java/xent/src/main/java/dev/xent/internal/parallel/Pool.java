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
 * The shared threads of this process, which help callers that set no executor. They are daemon
 * threads named xent-1, xent-2 and so on. They start when a job needs them, and end after a time
 * without work.
 *
 * <p>An idle thread waits in code of the JDK and holds no reference to this library; otherwise it
 * would keep the library's class loader reachable.
 */
final class Pool {
  /** Maximum number of jobs with helpers at once; callers of further jobs work alone. */
  private static final int MOST_JOBS = 64;

  /** Maximum number of helpers of a call. */
  private static final int MOST_WORKERS = Threads.LIMIT - 1;

  /** Seconds after which an idle thread ends. */
  private static final long PATIENCE = 30;

  /**
   * Up to JDK 23 a thread keeps reachable, through its AccessControlContext, the class loaders of
   * all code on the stack of the thread that started it.
   */
  private static final boolean KEEP_THEIR_STARTER = Runtime.version().feature() < 24;

  /** Starts threads from virtual threads, which have no AccessControlContext. */
  private static final Executor STARTERS =
      Executors.newThreadPerTaskExecutor(
          Thread.ofVirtual().inheritInheritableThreadLocals(false).factory());

  private final ThreadPoolExecutor threads = threads();
  final AtomicReferenceArray<Job> jobs = new AtomicReferenceArray<>(MOST_JOBS);
  private final AtomicReferenceArray<Worker> workers = new AtomicReferenceArray<>(MOST_WORKERS);

  /** Counts the calls for helpers, so that a worker that goes to sleep can detect a missed call. */
  final AtomicInteger calls = new AtomicInteger();

  /** Number of workers that spin for a job. */
  final AtomicInteger lookouts = new AtomicInteger();

  /** The time at which a caller last finished its part of a job. */
  private volatile long lastJob = System.nanoTime() - Spinning.NANOS;

  private Pool() {}

  /** A thread per worker; no thread keeps a reference to the caller that started it. */
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

  /** Initialized at first use. */
  private static final class Holder {
    static final Pool SHARED = new Pool();
  }

  static Pool shared() {
    return Holder.SHARED;
  }

  // ---- for callers -----------------------------------------------------------------------------

  /**
   * Posts an open job for the workers. If too few workers are spinning, wakes or starts the missing
   * ones, provided that the job is worth it or follows the previous job so closely that they will
   * not sleep before the next.
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
      // No further threads can be created: the caller does the work.
      worker.sleep();
    }
  }

  /**
   * Starts the worker's thread from a virtual thread, with only JDK code on the stack. The worker
   * is the second stage of a chain whose first stage does nothing.
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

  /** Posts a job. Returns whether there was a free slot. */
  private boolean post(Job job) {
    for (int i = 0; i < MOST_JOBS; i++) {
      if (jobs.get(i) == null && jobs.compareAndSet(i, null, job)) {
        return true;
      }
    }
    return false;
  }

  /** Removes a job, if it was posted. */
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

  /** Helps every job that needs helpers. Returns whether it helped any job. */
  boolean helpAnyone(int first) {
    boolean helped = false;
    for (int i = 0; i < MOST_JOBS; i++) {
      Job job = jobs.get((first + i) % MOST_JOBS);
      helped |= job != null && job.help();
    }
    return helped;
  }
}
