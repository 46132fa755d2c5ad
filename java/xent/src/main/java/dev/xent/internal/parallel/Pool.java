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
import java.util.concurrent.atomic.AtomicIntegerArray;
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
class Pool {
  /** Maximum number of jobs with helpers at once; callers of further jobs work alone. */
  private static final int MOST_JOBS = 64;

  /** Maximum number of helpers of a call. */
  private static final int MOST_WORKERS = Threads.LIMIT - 1;

  /**
   * Maximum number of workers that one thread wakes, be it the caller or a worker. A wake-up costs
   * this thread up to ten microseconds, and the woken one runs some fifty microseconds later.
   */
  private static final int WAKE_UPS = 4;

  /** Two elements of an array of integers that are this far apart are on different cache lines. */
  private static final int LINE = 32;

  /** In {@link #counters}: calls for helpers, so that a worker can detect one that it missed. */
  private static final int CALLS = LINE;

  /** In {@link #counters}: callers whose jobs are open. */
  private static final int CALLERS = 2 * LINE;

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
  private final AtomicReferenceArray<Job> jobs = new AtomicReferenceArray<>(MOST_JOBS);
  private final AtomicReferenceArray<Worker> workers = new AtomicReferenceArray<>(MOST_WORKERS);

  private final AtomicIntegerArray counters = new AtomicIntegerArray(3 * LINE);

  /** The time at which the last job was closed. */
  private volatile long closed = System.nanoTime() - 2 * Spinning.NANOS;

  private volatile boolean busy;

  Pool() {}

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
   * Opens a job to helpers, and wakes sleeping workers. Threads of other open jobs are not
   * available.
   */
  void open(Job job, int helpers) {
    busy = System.nanoTime() - closed < 2 * Spinning.NANOS;
    int others = counters.getAndIncrement(CALLERS);
    int available = Math.min(Math.max(helpers - others, 0), MOST_WORKERS);
    job.open(available);
    if (available > 0 && post(job)) {
      counters.incrementAndGet(CALLS);
      wake(0, available);
    }
  }

  /** Wakes the sleeping ones of some workers, with the help of those that wake first. */
  final void wake(int first, int end) {
    int branch = (end - first + WAKE_UPS - 1) / WAKE_UPS;
    for (int i = first; i < end; i += branch) {
      int branchEnd = Math.min(i + branch, end);
      int asleep = i;
      while (asleep < branchEnd && !worker(asleep).wake(branchEnd)) {
        asleep++;
      }
      if (asleep < branchEnd) {
        run(worker(asleep));
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

  /** Runs a worker that was marked awake. */
  void run(Worker worker) {
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

  /** Withdraws a job, and closes it. */
  void close(Job job) {
    for (int i = 0; i < MOST_JOBS; i++) {
      if (jobs.get(i) == job) {
        jobs.set(i, null);
      }
    }
    job.close();
    counters.decrementAndGet(CALLERS);
    closed = System.nanoTime();
  }

  // ---- for workers -----------------------------------------------------------------------------

  /** The number of calls for helpers until now. */
  final int calls() {
    return counters.get(CALLS);
  }

  /** Whether calls follow each other so closely that a worker spins for the next one. */
  final boolean isBusy() {
    return busy;
  }

  /** Whether a job has work left; only a hint. */
  final boolean hasWork() {
    for (int i = 0; i < MOST_JOBS; i++) {
      Job job = jobs.get(i);
      if (job != null && job.hasWork()) {
        return true;
      }
    }
    return false;
  }

  /** Helps every job that needs helpers. Returns whether it helped any job. */
  final boolean helpAnyone(int worker) {
    boolean helped = false;
    for (int i = 0; i < MOST_JOBS; i++) {
      Job job = jobs.get((worker + i) % MOST_JOBS);
      helped |= job != null && job.help(worker);
    }
    return helped;
  }
}
