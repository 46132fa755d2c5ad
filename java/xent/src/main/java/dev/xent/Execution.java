// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.xent.errors.OptionException;
import dev.xent.internal.parallel.Threads;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.options.Engine;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.util.Objects;
import java.util.concurrent.Executor;

/**
 * How operations run: the backend, its instruction set, and the threads. It changes the speed but
 * not the results.
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="execution" :
 * Execution alone = Execution.sequential();
 * Execution shared = Execution.defaults().withThreads(4).withExecutor(executor);
 * Softmax softmax = Softmax.builder().execution(shared).build();
 * }
 *
 * <p>Instances are immutable: each method returns another one. Any number of operations and threads
 * may share one.
 */
@CheckReturnValue
public final class Execution {
  private static final Execution DEFAULTS = new Execution(Backend.AUTO, Isa.BEST, Threads.DEFAULT);

  private final Backend backend;
  private final Isa isa;
  private final Threads threads;

  private Execution(Backend backend, Isa isa, Threads threads) {
    this.backend = backend;
    this.isa = isa;
    this.threads = threads;
  }

  /**
   * Returns the default of operations: the native backend if it is available, the best instruction
   * set, and {@link XentRuntime#threads} of Xent's threads.
   */
  public static Execution defaults() {
    return DEFAULTS;
  }

  /** Returns the defaults, but all work is done on the calling thread: {@code withThreads(1)}. */
  public static Execution sequential() {
    return DEFAULTS.withThreads(1);
  }

  /**
   * Sets the maximum number of threads per call, including the calling one. Small work always stays
   * on the calling thread. More than 256 count as 256.
   *
   * @throws OptionException unless 1 or more
   */
  public Execution withThreads(int most) {
    return new Execution(backend, isa, threads.withMost(most));
  }

  /**
   * Sets an executor whose threads help the calling thread, instead of Xent's own. Each gets a
   * task. The calling thread does all work that is left, so the call completes with the same bits
   * even if the executor runs a task at once, late, twice or never, rejects it with a {@link
   * java.util.concurrent.RejectedExecutionException}, or has no thread left (an {@link
   * OutOfMemoryError}). Anything else that {@code execute} throws, errors included, goes to the
   * {@linkplain Thread#getUncaughtExceptionHandler() handler} of the calling thread, and the call
   * completes all the same. Only an {@code execute} that blocks holds the call up. A call with
   * memory of a confined arena asks no executor: the calling thread does all work.
   */
  public Execution withExecutor(Executor executor) {
    return new Execution(backend, isa, threads.withExecutor(executor));
  }

  /** Sets the backend. {@link Backend#AUTO} takes the native one if it is available. */
  public Execution withBackend(Backend value) {
    return new Execution(Objects.requireNonNull(value, "backend"), isa, threads);
  }

  /** Sets the instruction set. {@link Isa#BEST} takes the best one of this processor. */
  public Execution withIsa(Isa value) {
    return new Execution(backend, Objects.requireNonNull(value, "isa"), threads);
  }

  /** The engine for these settings in this process. */
  Engine engine() {
    return Engine.of(backend, isa, threads);
  }

  /** Returns the options that are not the defaults: {@code Execution[threads=1]}. */
  @Override
  public String toString() {
    Executor executor = threads.executor();
    return new Described("Execution")
        .option("backend", backend, Backend.AUTO)
        .option("isa", isa, Isa.BEST)
        .option("threads", threads.most(), 0)
        .option("executor", executor == null ? null : executor.getClass().getName(), null)
        .toString();
  }
}
