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
 * @param elements the number of elements that is worth a thread; 0: the default of the process
 */
public record Threads(int most, @Nullable Executor executor, long elements) {
  /** The largest effective number of threads; larger values have the same effect. */
  public static final int LIMIT = 256;

  /** The defaults of the process, and the shared pool. */
  public static final Threads DEFAULT = new Threads(0, null, 0);

  /**
   * Sets the maximum number of threads, including the caller.
   *
   * @throws OptionException unless 1 or more
   */
  public Threads withMost(int value) {
    if (value < 1) {
      throw new OptionException("threads", Integer.toString(value), "1 or more");
    }
    return new Threads(Math.min(value, LIMIT), executor, elements);
  }

  /** Sets the executor that runs the helpers. */
  public Threads withExecutor(Executor value) {
    return new Threads(most, Objects.requireNonNull(value, "executor"), elements);
  }

  /** Returns these threads, with the defaults of the process for what is not set. */
  public Threads orDefaults(int threads, long elementsPerThread) {
    int number = most == 0 ? Math.min(threads, LIMIT) : most;
    return new Threads(number, executor, elements == 0 ? elementsPerThread : elements);
  }

  /** The number of threads, including the caller, that work of some cost in elements is worth. */
  public int number(long cost) {
    return Math.clamp(cost / elements, 1, most);
  }

  /**
   * Opens a job and requests helpers. They may come late or not at all.
   *
   * @param helpers maximum number of helpers
   */
  public void open(Job job, int helpers) {
    if (executor == null) {
      Pool.shared().open(job, helpers);
    } else {
      job.open(helpers);
      submit(job, helpers);
    }
  }

  /** Whether requesting helpers runs user code on the calling thread. */
  public boolean runsForeignCode() {
    return executor != null;
  }

  /** Withdraws the request, and closes the job. */
  public void close(Job job) {
    if (executor == null) {
      Pool.shared().close(job);
    } else {
      job.close();
    }
  }

  private void submit(Job job, int helpers) {
    try {
      for (int i = 0; i < helpers; i++) {
        executor.execute(job.invitation(i));
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
