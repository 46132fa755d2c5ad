// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.OptionException;
import dev.xent.internal.parallel.Threads;
import dev.xent.internal.plan.Engine;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.util.Objects;
import java.util.concurrent.Executor;

/**
 * The options that all operations have in common: who computes. They change the speed and no bit.
 * Not safe for use by several threads at once; the operation that it builds is.
 *
 * @param <B> the builder itself, which every option returns
 */
public abstract sealed class OperationBuilder<B extends OperationBuilder<B>>
    permits Argmax.Builder, LogitBuilder, ReducedBuilder, Sampler.Builder {
  private Isa isa = Isa.BEST;
  private Backend backend = Backend.AUTO;
  private Threads threads = Threads.DEFAULT;

  OperationBuilder() {}

  /** The instruction set, which changes the speed and no bit. Default: the best one here. */
  public B isa(Isa value) {
    isa = Objects.requireNonNull(value, "isa");
    return self();
  }

  /** Who computes, which changes the speed and no bit. Default: native where it is available. */
  public B backend(Backend value) {
    backend = Objects.requireNonNull(value, "backend");
    return self();
  }

  /**
   * At most so many threads work on a call, the calling one among them; it changes the speed and no
   * bit. Small work stays on the calling thread whatever this says. More than 256 count as 256.
   * Default: {@link XentRuntime#threads}.
   *
   * @throws OptionException unless 1 or more
   */
  public B threads(int most) {
    threads = threads.withMost(most);
    return self();
  }

  /** All work is done on the calling thread: the same as {@code threads(1)}. */
  public B sequential() {
    return threads(1);
  }

  /**
   * Where the threads come from that help the calling one, in place of Xent's own: each gets a
   * task. The calling thread does the work that nobody else does, so the call completes, with the
   * same bits, whatever the executor does: it may run a task at once, late, twice or never, refuse
   * it with a {@link java.util.concurrent.RejectedExecutionException}, or have no thread left (an
   * {@link OutOfMemoryError}). Anything else that {@code execute} throws, errors included, goes to
   * the {@linkplain Thread#getUncaughtExceptionHandler() handler} of the calling thread, and the
   * call completes all the same. Only an {@code execute} that blocks holds the call up.
   */
  public B executor(Executor value) {
    threads = threads.withExecutor(value);
    return self();
  }

  /** Who computes, as these options say. */
  Engine engine() {
    return Engine.of(backend, isa, threads);
  }

  /** This builder. */
  abstract B self();
}
