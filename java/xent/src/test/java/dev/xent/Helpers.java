// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;

/** Who comes to help: threads of the pool, and executors of every temper. */
enum Helpers {
  POOL {
    @Override
    Executor executor() {
      return null;
    }
  },
  /** On the calling thread. */
  DIRECT {
    @Override
    Executor executor() {
      return Runnable::run;
    }
  },
  /** A helper finds all of the work, and the caller none. */
  BEFORE_THE_CALLER {
    @Override
    Executor executor() {
      return task -> {
        Thread thread = Thread.ofPlatform().start(task);
        try {
          thread.join();
        } catch (InterruptedException e) {
          throw new AssertionError(e);
        }
      };
    }
  },
  SINGLE_THREAD {
    @Override
    Executor executor() {
      return Services.SINGLE_THREAD;
    }
  },
  VIRTUAL_THREAD_PER_TASK {
    @Override
    Executor executor() {
      return Services.VIRTUAL;
    }
  },
  REJECTING {
    @Override
    Executor executor() {
      return task -> {
        throw new RejectedExecutionException("full");
      };
    }
  },
  NEVER {
    @Override
    Executor executor() {
      return task -> {};
    }
  };

  /** Null for the pool. */
  abstract Executor executor();

  /** Sets these helpers and the largest number of threads. */
  Execution help(Execution execution, int threads) {
    Execution most = execution.withThreads(threads);
    return this == POOL ? most : most.withExecutor(executor());
  }

  /** Daemons, which need no end. */
  private static final class Services {
    static final ExecutorService SINGLE_THREAD =
        Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().factory());
    static final ExecutorService VIRTUAL = Executors.newVirtualThreadPerTaskExecutor();
  }
}
