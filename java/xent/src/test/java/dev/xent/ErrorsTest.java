// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * An error at any depth of a call leaves nothing behind: the calls after it, of the same thread and
 * with all the stack there is, are right.
 */
@Tag("slow")
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
final class ErrorsTest {
  @ParameterizedTest
  @ValueSource(strings = {"-Xint", "-XX:TieredStopAtLevel=1", "-XX:+TieredCompilation"})
  void callsAfterAnOverflowAreRight(String compiler) throws IOException, InterruptedException {
    List<String> command = ChildJvm.command(List.of(), List.of(compiler), Probe.class, "1");
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String printed =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assertThat(process.waitFor()).as(printed).isZero();
    assertThat(printed).endsWith("wrong 0, thrown 0").doesNotContain("right 0,");
  }

  /**
   * Makes calls at the end of a stack, until one ends with a StackOverflowError, and then the same
   * and others with all the stack there is. Prints how many of those were right, wrong and thrown.
   */
  static final class Probe {
    private static final int ROUNDS = 8;
    private static final int STACK = 400 << 10;

    private int right;
    private int wrong;
    private int thrown;
    private final Random random;

    private Probe(long seed) {
      random = new Random(seed);
    }

    public static void main(String[] arguments) throws InterruptedException {
      Probe probe = new Probe(Long.parseLong(arguments[0]));
      for (int round = 0; round < ROUNDS; round++) {
        for (Backend backend : List.of(Backend.NATIVE, Backend.REFERENCE)) {
          Thread thread = new Thread(null, () -> probe.round(backend), "small", STACK);
          thread.start();
          thread.join();
        }
      }
      System.out.printf("right %d, wrong %d, thrown %d%n", probe.right, probe.wrong, probe.thrown);
    }

    private interface Step {
      void run();
    }

    private void round(Backend backend) {
      Execution alone = Execution.sequential().withBackend(backend);
      Softmax softmax = Softmax.builder().execution(alone).build();
      LogSoftmax logSoftmax = LogSoftmax.builder().execution(alone).build();
      CrossEntropy loss = CrossEntropy.builder().execution(alone).build();
      Sampler sampler = Sampler.builder().execution(alone).seed(3).build();
      Tensor a = floats(2, 10);
      Tensor b = floats(4, 10);
      Tensor y = floats(2, 10);
      Tensor yb = floats(4, 10);
      Tensor labels = Tensor.of(new int[] {1, 2});
      Tensor labelsOfB = Tensor.of(new int[] {1, 2, 3, 4});
      BoundCall call = softmax.on(a, y);
      LossCall lossCall = loss.on(b, labelsOfB, yb);
      List<Step> steps =
          List.of(
              () -> softmax.forward(a, y),
              () -> logSoftmax.forward(a, y),
              () -> softmax.forward(b, yb),
              () -> logSoftmax.forward(b, yb),
              () -> loss.forwardBackward(a, labels, y),
              () -> loss.forwardBackward(b, labelsOfB, yb),
              () -> sampler.sample(b, 1),
              call::run,
              lossCall::run);
      float[][] expected = new float[steps.size()][];
      for (int i = 0; i < expected.length; i++) {
        expected[i] = result(steps.get(i), y, yb);
      }
      for (int trial = 0; trial < 4; trial++) {
        Step before = steps.get(random.nextInt(steps.size()));
        Step victim = steps.get(random.nextInt(steps.size()));
        before.run();
        deeper(victim, random.nextInt(40));
        for (int i = 0; i < expected.length; i++) {
          int step = (i + trial) % expected.length;
          try {
            if (Arrays.equals(result(steps.get(step), y, yb), expected[step])) {
              right++;
            } else {
              wrong++;
            }
          } catch (RuntimeException | Error e) {
            thrown++;
            e.printStackTrace();
          }
        }
      }
    }

    private static float[] result(Step step, Tensor y, Tensor yb) {
      fill(y);
      fill(yb);
      step.run();
      float[] both = Arrays.copyOf(y.toFloatArray(), 60);
      System.arraycopy(yb.toFloatArray(), 0, both, 20, 40);
      return both;
    }

    private static void fill(Tensor tensor) {
      for (long i = 0; i < tensor.elements(); i++) {
        tensor.setFloat(42, i / 10, i % 10);
      }
    }

    /**
     * Calls itself until the stack overflows, then runs the step in each frame, the deepest first,
     * until it succeeds.
     */
    private static boolean deeper(Step step, int frames) {
      try {
        if (deeper(step, frames)) {
          return true;
        }
      } catch (StackOverflowError e) {
        // Little stack is left in this frame: the step may overflow it, too.
      }
      try {
        step.run();
        return true;
      } catch (StackOverflowError e) {
        return false;
      }
    }

    private static Tensor floats(long rows, long classes) {
      Tensor tensor = Tensor.allocate(Arena.ofAuto(), DType.F32, rows, classes);
      for (long row = 0; row < rows; row++) {
        for (long k = 0; k < classes; k++) {
          tensor.setFloat((row * 7 + k * 3) % 5, row, k);
        }
      }
      return tensor;
    }
  }
}
