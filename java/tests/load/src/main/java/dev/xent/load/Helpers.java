// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import dev.xent.Execution;
import dev.xent.options.Backend;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** The executions: an operation is built once for each of them and shared by all threads. */
final class Helpers implements AutoCloseable {
  /** The ways in which the load computes. */
  enum Kind {
    ALONE,
    POOL,
    FOUR_OF_THE_POOL,
    VIRTUAL_THREADS,
    PLATFORM_THREADS
  }

  /** Computes the expected results, to the bit. */
  static final Execution REFERENCE = Execution.sequential().withBackend(Backend.REFERENCE);

  private final ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor();
  private final ExecutorService platform =
      Executors.newFixedThreadPool(2, Thread.ofPlatform().name("helper-", 0).factory());

  /** The execution of this kind. */
  Execution execution(Kind kind) {
    Execution library =
        Execution.defaults()
            .withBackend(Backend.NATIVE); // the expected results come from the reference
    return switch (kind) {
      case ALONE -> library.withThreads(1);
      case POOL -> library;
      case FOUR_OF_THE_POOL -> library.withThreads(4);
      case VIRTUAL_THREADS -> library.withThreads(3).withExecutor(virtual);
      case PLATFORM_THREADS -> library.withThreads(3).withExecutor(platform);
    };
  }

  @Override
  public void close() {
    virtual.close();
    platform.close();
  }
}
