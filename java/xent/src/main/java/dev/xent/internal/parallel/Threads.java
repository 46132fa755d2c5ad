// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.parallel;

import dev.xent.errors.OptionException;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * The threads that may work on a call.
 *
 * @param most maximum number of threads, including the caller; 0: the default of the process
 * @param executor runs the helpers; null: the shared pool runs them
 */
public record Threads(int most, @Nullable Executor executor) {
  /** The largest effective number of threads; larger values have the same effect. */
  public static final int LIMIT = 256;

  /** The default number of the process, from the shared pool. */
  public static final Threads DEFAULT = new Threads(0, null);

  /**
   * Sets the maximum number of threads, including the caller.
   *
   * @throws OptionException unless 1 or more
   */
  public Threads withMost(int value) {
    if (value < 1) {
      throw new OptionException("threads is " + value + "; expected 1 or more");
    }
    return new Threads(Math.min(value, LIMIT), executor);
  }

  /** Sets the executor that runs the helpers. */
  public Threads withExecutor(Executor value) {
    return new Threads(most, Objects.requireNonNull(value, "executor"));
  }

  /** Returns these threads, with the default of the process if no number is set. */
  public Threads orDefault(int threads) {
    return most == 0 ? withMost(threads) : this;
  }

  /**
   * Requests helpers for an open job. Helpers may come late or not at all.
   *
   * @param helpers number of helpers, at least 1
   * @param wake whether the work justifies waking sleeping threads
   */
  public void call(Job job, int helpers, boolean wake) {
    if (executor == null) {
      Pool.shared().call(job, helpers, wake);
    } else {
      submit(job, helpers);
    }
  }

  /** Whether requesting helpers runs user code on the calling thread. */
  public boolean runsForeignCode() {
    return executor != null;
  }

  /** Withdraws the request. Call this before the job is closed. */
  public void dismiss(Job job) {
    if (executor == null) {
      Pool.shared().dismiss(job);
    }
  }

  private void submit(Job job, int helpers) {
    try {
      for (int i = 0; i < helpers; i++) {
        executor.execute(job.invitation());
      }
    } catch (RejectedExecutionException | OutOfMemoryError e) {
      // The executor is full or shut down, or no thread can be created: the caller does the work.
      return;
    } catch (Throwable e) {
      // Helpers may already write to the outputs. The caller does the rest, and the call completes.
      report(e);
    }
  }

  /** Reports an exception of user code to the thread's uncaught exception handler. */
  public static void report(Throwable thrown) {
    Thread thread = Thread.currentThread();
    try {
      thread.getUncaughtExceptionHandler().uncaughtException(thread, thrown);
    } catch (Throwable e) {
      // The JVM also ignores exceptions of a handler.
      return;
    }
  }
}
