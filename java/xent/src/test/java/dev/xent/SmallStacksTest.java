// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Native code that overflows the stack ends the JVM without a message. So a call throws a {@link
 * StackOverflowError}, as in Java, if its thread has too little stack for it. It stores nothing,
 * and the next call computes as usual.
 */
final class SmallStacksTest {
  private static final float UNTOUCHED = 7;

  @ParameterizedTest(name = "a stack of {0} bytes, [{1}, {2}]")
  @CsvSource({
    "1, 4, 300",
    "262144, 4, 300",
    "262144, 40, 10",
    "524288, 4, 9000",
    "1048576, 40, 300",
    "1048576, 4, 9000"
  })
  void callsAtTheEndOfAStackAreRefused(long stack, long rows, long classes)
      throws InterruptedException {
    try (Arena arena = Arena.ofShared()) {
      Tensor logits = Tensor.allocate(arena, DType.F32, rows, classes);
      Tensor gradient = Tensor.allocate(arena, DType.F32, rows, classes);
      Tensor labels = Tensor.allocate(arena, DType.I64, rows);
      CrossEntropy loss = CrossEntropy.builder().axis(-1).execution(Execution.sequential()).build();
      double expected = loss.forwardBackward(logits, labels, gradient);
      List<Throwable> thrown = new ArrayList<>();
      Thread thread =
          new Thread(
              null,
              () -> {
                try {
                  callDeeper(loss, logits, labels, gradient, expected);
                } catch (StackOverflowError e) {
                  thrown.add(e);
                }
              },
              "small",
              stack);
      thread.start();
      thread.join();
      assertThat(thrown).singleElement().isInstanceOf(StackOverflowError.class);
      assertThat(loss.forwardBackward(logits, labels, gradient)).isEqualTo(expected);
    }
  }

  /** Makes calls at increasing depth until one throws. */
  private static void callDeeper(
      CrossEntropy loss, Tensor logits, Tensor labels, Tensor gradient, double expected) {
    gradient.setFloat(UNTOUCHED, 0, 0);
    try {
      assertThat(loss.forwardBackward(logits, labels, gradient)).isEqualTo(expected);
    } catch (StackOverflowError e) {
      if (e.getMessage() != null) {
        assertThat(e).hasMessageContaining("-Xss");
        assertThat(gradient.getFloat(0, 0)).isEqualTo(UNTOUCHED);
      }
      throw e;
    }
    callDeeper(loss, logits, labels, gradient, expected);
  }

  @Test
  void aBoundCallThatHadNoStackCanBeMadeAgain() throws InterruptedException {
    Tensor logits = Tensor.of(new float[] {1, 5, 2, 3, 8, 1}, 2, 3);
    Tensor labels = Tensor.of(new int[] {1, 2});
    CrossEntropy loss =
        CrossEntropy.builder()
            .execution(Execution.sequential())
            .classWeights(Tensor.of(new float[] {1, 2, 3}))
            .build();
    LossCall plain = CrossEntropy.mean().on(logits, labels);
    LossCall weighted = loss.on(logits, labels);
    List<Supplier<DoubleSupplier>> calls =
        List.of(() -> plain::run, () -> weighted::run, () -> withOutputs(logits, labels));
    List<Throwable> thrown = new ArrayList<>();
    Runnable atTheEnd =
        () -> calls.forEach(made -> assertThat(overflowsOf(made)).as("overflows").isPositive());
    Thread thread = new Thread(null, atTheEnd, "small", 256 << 10);
    thread.setUncaughtExceptionHandler((own, e) -> thrown.add(e));
    thread.start();
    thread.join();
    assertThat(thrown).isEmpty();
  }

  /** A call that has not taken its outputs yet, and returns the sum of its results. */
  private static DoubleSupplier withOutputs(Tensor logits, Tensor labels) {
    float[] losses = new float[2];
    float[] logSumExp = new float[2];
    LossOutputs outputs =
        LossOutputs.create()
            .losses(Tensor.of(losses))
            .logSumExp(Tensor.of(logSumExp))
            .countCorrect(true)
            .saveStatistics();
    LossCall call = CrossEntropy.mean().on(logits, labels).outputs(outputs);
    return () -> call.run() + losses[0] + logSumExp[0] + outputs.correctRows();
  }

  /**
   * Runs a call at each of the last depths, and each time once more with enough stack. The frames
   * of {@link #at} become smaller when it is compiled, so the last depth is the one at which the
   * call is not reached.
   */
  private static int overflowsOf(Supplier<DoubleSupplier> made) {
    double expected = made.get().getAsDouble();
    int overflows = 0;
    boolean[] reached = {true};
    for (int depth = deepest() - 400; reached[0]; depth++) {
      reached[0] = false;
      DoubleSupplier call = made.get();
      try {
        at(
            depth,
            () -> {
              reached[0] = true;
              call.getAsDouble();
            });
      } catch (StackOverflowError e) {
        overflows += reached[0] ? 1 : 0;
      }
      assertThat(call.getAsDouble()).isEqualTo(expected);
    }
    return overflows;
  }

  /** How often {@link #at} can call itself; other code takes more stack. */
  private static int deepest() {
    int depth = 400;
    while (true) {
      try {
        at(depth, () -> {});
      } catch (StackOverflowError e) {
        return depth;
      }
      depth += 10;
    }
  }

  private static void at(int depth, Runnable run) {
    if (depth == 0) {
      run.run();
    } else {
      at(depth - 1, run);
    }
  }
}
