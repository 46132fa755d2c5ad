// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A JVM with {@code -Xcheck:jni} passes copies of Java arrays to native methods. */
@Timeout(120)
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class CheckedJniTest {
  @Test
  void callsWithTwoArgumentsInOneArray() throws Exception {
    Process child =
        new ProcessBuilder(ChildJvm.command(List.of(), List.of("-Xcheck:jni"), Probe.class, ""))
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    String said = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(child.waitFor()).isZero();
    assertThat(said).endsWith("equal\n");
  }

  /** The program of the other JVM. */
  public static final class Probe {
    private Probe() {}

    /** Compares calls in place with the reference. */
    public static void main(String[] arguments) {
      float[] expected = results(Backend.REFERENCE);
      for (int call = 0; call < 5; call++) {
        if (!Arrays.equals(results(Backend.NATIVE), expected)) {
          throw new AssertionError("call " + call);
        }
      }
      System.out.print("equal\n");
    }

    private static float[] results(Backend backend) {
      Execution execution = Execution.sequential().withBackend(backend);
      Tensor all = Tensor.of(new float[] {1, 2, 3, 4, 5, 6, 7, 9}, 4, 2);
      Tensor first = all.slice(0, 0, 2);
      Softmax.builder().execution(execution).build().forward(first, all.slice(0, 2, 4));
      Tensor labels = Tensor.of(new int[] {1, 0});
      CrossEntropy.builder().execution(execution).build().forwardBackward(first, labels, first);
      return all.toFloatArray();
    }
  }
}
