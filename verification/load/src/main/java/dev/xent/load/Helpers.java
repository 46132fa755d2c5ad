// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import dev.xent.OperationBuilder;
import dev.xent.options.Backend;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Who computes: an operation is built once for each of them and shared by all threads. */
final class Helpers implements AutoCloseable {
  /** The ways in which the load computes. */
  enum Kind {
    ALONE,
    POOL,
    FOUR_OF_THE_POOL,
    VIRTUAL_THREADS,
    PLATFORM_THREADS
  }

  private final ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor();
  private final ExecutorService platform =
      Executors.newFixedThreadPool(2, Thread.ofPlatform().name("helper-", 0).factory());

  /** A builder that was told who computes. */
  <B extends OperationBuilder<B>> B tell(B builder, Kind kind) {
    builder.backend(Backend.NATIVE); // not the reference, which the results are compared with
    return switch (kind) {
      case ALONE -> builder.sequential();
      case POOL -> builder;
      case FOUR_OF_THE_POOL -> builder.threads(4);
      case VIRTUAL_THREADS -> on(builder, virtual);
      case PLATFORM_THREADS -> on(builder, platform);
    };
  }

  /** What the results are to be, to the bit. */
  static <B extends OperationBuilder<B>> B reference(B builder) {
    return builder.backend(Backend.REFERENCE).sequential();
  }

  private static <B extends OperationBuilder<B>> B on(B builder, Executor executor) {
    return builder.threads(3).executor(executor);
  }

  @Override
  public void close() {
    virtual.close();
    platform.close();
  }
}
