// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.options.Backend;
import java.util.Arrays;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** Calls in place, from a thread with a stack of some size: for {@link SmallHelpersTest}. */
final class SmallHelpersProbe {
  private static final int ROWS = 64;
  private static final int CLASSES = 32000;
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

  private SmallHelpersProbe(@Nullable Executor executor, Backend backend) {
    Execution execution = Execution.defaults().backend(backend).threads(5);
    Execution helped = executor == null ? execution : execution.executor(executor);
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
    SmallHelpersProbe probe = new SmallHelpersProbe(executor, backend);
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
