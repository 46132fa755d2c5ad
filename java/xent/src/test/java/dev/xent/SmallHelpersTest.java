// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Threads that help have less stack than the calling one, or more. What a helper has no stack for
 * the caller does; and a caller without stack throws before any helper has written a row.
 */
@Timeout(300)
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class SmallHelpersTest {
  private static final int CALLS = 40;

  /** Sizes that a thread is made with; what the JVM makes of them is its own affair. */
  @ParameterizedTest(name = "helpers of {0} KiB")
  @ValueSource(ints = {1, 100, 140, 160, 180, 200, 220, 240, 260, 280, 300})
  void helpersOfAnExecutor(int helper) throws InterruptedException {
    for (Backend backend : List.of(Backend.NATIVE, Backend.REFERENCE)) {
      int calls = calls(backend);
      assertThat(Probe.run(executor(helper), backend, 8 << 10, calls))
          .isEqualTo(calls + " returned, 0 threw, 0 rows changed by these");
    }
  }

  @ParameterizedTest(name = "a caller of {0} KiB")
  @ValueSource(ints = {1, 100, 140, 160, 180, 200, 220, 240, 260, 280, 300})
  void aSmallCaller(int caller) throws InterruptedException {
    for (Backend backend : List.of(Backend.NATIVE, Backend.REFERENCE)) {
      assertThat(Probe.run(executor(8 << 10), backend, caller, calls(backend)))
          .endsWith(" threw, 0 rows changed by these");
    }
  }

  /** Plain Java takes fifty times as long. */
  private static int calls(Backend backend) {
    return backend == Backend.NATIVE ? CALLS : 4;
  }

  /** Daemons, which end with the JVM. */
  private static ExecutorService executor(int kibibytes) {
    return Executors.newFixedThreadPool(
        4,
        task -> {
          Thread thread = new Thread(null, task, "helper", (long) kibibytes << 10);
          thread.setDaemon(true);
          return thread;
        });
  }

  @ParameterizedTest(name = "a pool of {0} KiB")
  @ValueSource(ints = {140, 180, 220, 260, 300})
  @Tag("slow")
  void helpersOfThePool(int stack) throws Exception {
    List<String> command =
        ChildJvm.command(
            List.of(),
            List.of("-XX:ThreadStackSize=" + stack, "-Ddev.xent.threads=5"),
            Probe.class,
            Integer.toString(CALLS));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).as("ends by itself").isTrue();
    assertThat(out.lines()).containsExactly(CALLS + " returned, 0 threw, 0 rows changed by these");
  }

  /** Calls in place, from a thread with a stack of some size: for {@link SmallHelpersTest}. */
  static final class Probe {
    private static final int ROWS = 64;
    private static final int CLASSES = 8000;
    private static final float[] X = new float[ROWS * CLASSES];
    private static final int[] LABELS = new int[ROWS];

    static {
      for (int i = 0; i < X.length; i++) {
        X[i] = i % 97;
      }
    }

    private final Softmax softmax;
    private final CrossEntropy loss;
    private final float[] y = new float[X.length];
    private final Tensor logits = Tensor.of(y, ROWS, CLASSES);
    private final Tensor labels = Tensor.of(LABELS);
    private int returned;
    private int thrown;
    private int changed;

    private Probe(@Nullable Executor executor, Backend backend) {
      Execution execution = Execution.defaults().withBackend(backend).withThreads(5);
      Execution helped = executor == null ? execution : execution.withExecutor(executor);
      softmax = Softmax.builder().execution(helped).build();
      loss = CrossEntropy.builder().execution(helped).build();
    }

    /** Prints what came of some calls that the pool helps with. */
    public static void main(String[] arguments) throws InterruptedException {
      System.out.println(run(null, Backend.NATIVE, 8 << 10, Integer.parseInt(arguments[0])));
    }

    /**
     * Says what came of some calls.
     *
     * @param executor runs the helpers; null: the pool does
     * @param caller the stack of the calling thread, in KiB
     */
    static String run(@Nullable Executor executor, Backend backend, int caller, int calls)
        throws InterruptedException {
      Probe probe = new Probe(executor, backend);
      Thread thread = new Thread(null, () -> probe.run(calls), "caller", (long) caller << 10);
      thread.start();
      thread.join();
      return "%d returned, %d threw, %d rows changed by these"
          .formatted(probe.returned, probe.thrown, probe.changed);
    }

    private void run(int calls) {
      for (int i = 0; i < calls; i++) {
        System.arraycopy(X, 0, y, 0, y.length);
        try {
          if (i % 2 == 0) {
            softmax.forward(logits, logits);
          } else {
            loss.forwardBackward(logits, labels, logits);
          }
          requireRight(i % 2 == 0);
          returned++;
        } catch (StackOverflowError e) {
          thrown++;
          changed += changedRows();
        }
      }
    }

    /** Rows of softmaxes add up to 1, those of gradients to 0. */
    private void requireRight(boolean softmaxes) {
      for (int row = 0; row < ROWS; row++) {
        double sum = 0;
        for (int k = 0; k < CLASSES; k++) {
          sum += y[row * CLASSES + k];
        }
        if (Math.abs(sum - (softmaxes ? 1 : 0)) > 1e-3) {
          throw new AssertionError("row " + row + " adds up to " + sum);
        }
      }
    }

    private int changedRows() {
      int rows = 0;
      for (int row = 0; row < ROWS; row++) {
        int from = row * CLASSES;
        rows += Arrays.equals(X, from, from + CLASSES, y, from, from + CLASSES) ? 0 : 1;
      }
      return rows;
    }
  }
}
