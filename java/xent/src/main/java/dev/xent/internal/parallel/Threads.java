// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.parallel;

import dev.xent.errors.OptionException;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Who may work on a call.
 *
 * @param most threads, the caller included; 0: as many as the process says
 * @param executor runs the helpers; null: the shared pool does
 */
public record Threads(int most, @Nullable Executor executor) {
  /** More than so many count as so many. */
  public static final int LIMIT = 256;

  /** What the process says, from the shared pool. */
  public static final Threads DEFAULT = new Threads(0, null);

  /**
   * At most so many threads, the caller included.
   *
   * @throws OptionException unless 1 or more
   */
  public Threads withMost(int value) {
    if (value < 1) {
      throw new OptionException("threads is " + value + "; expected 1 or more");
    }
    return new Threads(Math.min(value, LIMIT), executor);
  }

  /** Helpers run on this executor. */
  public Threads withExecutor(Executor value) {
    return new Threads(most, Objects.requireNonNull(value, "executor"));
  }

  /** The same, with the number of the process in place of none. */
  public Threads orDefault(int threads) {
    return most == 0 ? withMost(threads) : this;
  }

  /**
   * Calls helpers to an open job. Whether and when they come is nobody's promise.
   *
   * @param helpers how many, at least 1
   * @param wake whether the work is worth waking threads that sleep
   */
  public void call(Job job, int helpers, boolean wake) {
    if (executor == null) {
      Pool.shared().call(job, helpers, wake);
    } else {
      submit(helpers, job::invitation);
    }
  }

  /** Whether a call for helpers runs code that is not ours on the calling thread. */
  public boolean runsForeignCode() {
    return executor != null;
  }

  /**
   * Calls helpers to a job that is opened right after.
   *
   * @param helpers how many, at least 1
   */
  public void callEarly(Job job, int helpers) {
    submit(helpers, job::earlyInvitation);
  }

  /** To be called before the job is closed. */
  public void dismiss(Job job) {
    if (executor == null) {
      Pool.shared().dismiss(job);
    }
  }

  private void submit(int helpers, Supplier<Runnable> invitations) {
    try {
      for (int i = 0; i < helpers; i++) {
        executor.execute(invitations.get());
      }
    } catch (RejectedExecutionException | OutOfMemoryError e) {
      // Full, shut down, or out of threads: the caller does the work.
      return;
    } catch (Throwable e) {
      // Helpers may be at work on the outputs: the caller does the rest, and the call completes.
      report(e);
    }
  }

  /** Tells of what others' code has thrown as of a task that nobody waits for. */
  public static void report(Throwable thrown) {
    Thread thread = Thread.currentThread();
    try {
      thread.getUncaughtExceptionHandler().uncaughtException(thread, thrown);
    } catch (Throwable e) {
      // The JVM too ignores what a handler throws.
      return;
    }
  }
}
