// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A call is not interrupted: one whose task is cancelled, or whose executor is shut down, returns
 * when it is done, with the whole result and the interrupt flag of its thread as it was.
 */
@Timeout(value = 300, unit = TimeUnit.SECONDS, threadMode = ThreadMode.SEPARATE_THREAD)
class CancellationTest {
  private static final int ROWS = 2100;
  private static final int CLASSES = 130;
  private static final Tensor X = Tensor.of(Samples.logits(ROWS * CLASSES, 3, 31), ROWS, CLASSES);
  private static final Tensor LABELS = Tensor.of(Samples.labels(ROWS, CLASSES, 32));

  private static final float[] EXPECTED = new float[ROWS * CLASSES];
  private static final double EXPECTED_LOSS = loss(CrossEntropy.mean(), EXPECTED);

  private static double loss(CrossEntropy operation, float[] gradient) {
    return operation.forwardBackward(X, LABELS, Tensor.of(gradient, ROWS, CLASSES));
  }

  private static ThreadFactory threads(boolean virtual) {
    return virtual ? Thread.ofVirtual().factory() : Thread.ofPlatform().daemon().factory();
  }

  /** What a task found out that computes until it is cancelled, and once more after that. */
  private static final class Computing implements Runnable {
    final CrossEntropy operation;
    final CountDownLatch begun = new CountDownLatch(1);
    final CountDownLatch ended = new CountDownLatch(1);
    int calls;
    int wrong;
    boolean stillInterrupted;

    Computing(CrossEntropy operation) {
      this.operation = operation;
    }

    @Override
    public void run() {
      boolean last = false;
      while (true) {
        float[] gradient = new float[ROWS * CLASSES];
        double loss = loss(operation, gradient);
        calls++;
        if (loss != EXPECTED_LOSS || !Arrays.equals(gradient, EXPECTED)) {
          wrong++;
        }
        begun.countDown();
        if (last) {
          break;
        }
        last = Thread.currentThread().isInterrupted();
        // Virtual threads that only yield to each other let none in that is new.
        LockSupport.parkNanos(10_000);
      }
      stillInterrupted = Thread.currentThread().isInterrupted();
      ended.countDown();
    }

    void assertWhole() throws InterruptedException {
      ended.await();
      assertThat(wrong).isZero();
      assertThat(calls).isGreaterThan(1);
      assertThat(stillInterrupted).isTrue();
    }
  }

  private static List<CrossEntropy> operations(ExecutorService helpers) {
    return List.of(
        CrossEntropy.mean(),
        CrossEntropy.builder().execution(Execution.sequential()).build(),
        CrossEntropy.builder().execution(Execution.defaults().withThreads(3)).build(),
        CrossEntropy.builder()
            .execution(Execution.defaults().withThreads(3).withExecutor(helpers))
            .build(),
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(Backend.REFERENCE).withThreads(3))
            .build());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aCancelledTaskFinishesItsCall(boolean virtual) throws Exception {
    try (ExecutorService callers = Executors.newThreadPerTaskExecutor(threads(virtual));
        ExecutorService helpers = Executors.newCachedThreadPool()) {
      for (CrossEntropy operation : operations(helpers)) {
        for (int round = 0; round < 10; round++) {
          Computing computing = new Computing(operation);
          Future<?> task = callers.submit(computing);
          computing.begun.await();
          assertThat(task.cancel(true)).isTrue();
          computing.assertWhole();
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void callsOutliveTheShutdownOfTheirExecutors(boolean virtual) throws Exception {
    for (int round = 0; round < 10; round++) {
      ExecutorService callers = Executors.newThreadPerTaskExecutor(threads(virtual));
      ExecutorService helpers = Executors.newFixedThreadPool(2, threads(virtual));
      List<Computing> all = operations(helpers).stream().map(Computing::new).toList();
      all.forEach(callers::submit);
      for (Computing each : all) {
        each.begun.await();
      }
      helpers.shutdownNow();
      callers.shutdownNow();
      for (Computing each : all) {
        each.assertWhole();
      }
      assertThat(callers.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
      assertThat(helpers.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
    }
  }
}
