// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** The threads of the pool, each case in its own JVM. */
@Tag("slow")
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class PoolTest {
  private static String threads(int rows, String... options) throws Exception {
    return threads(List.of(), rows, options);
  }

  private static String threads(List<String> prefix, int rows, String... options) throws Exception {
    List<String> command =
        ChildJvm.command(prefix, List.of(options), Probe.class, Integer.toString(rows));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ends by itself").isTrue();
    assertThat(process.exitValue()).isZero();
    return out.strip();
  }

  @Test
  void thereIsNoThreadWithoutWorkForIt() throws Exception {
    assertThat(threads(10, "-Ddev.xent.threads=5")).isEqualTo("5:");
  }

  @Test
  void thereIsOneForEvery524288Elements() throws Exception {
    String elements = "-Ddev.xent.threads.elements=524288"; // the default
    assertThat(threads(1048, "-Ddev.xent.threads=5", elements)).isEqualTo("5:");
    assertThat(threads(1049, "-Ddev.xent.threads=5", elements)).isEqualTo("5:xent-1");
    assertThat(threads(1573, "-Ddev.xent.threads=5", elements)).isEqualTo("5:xent-1 xent-2");
  }

  @Test
  void thereAreAsManyAsThePropertySaysWithTheCaller() throws Exception {
    assertThat(threads(1000, "-Ddev.xent.threads=3")).isEqualTo("3:xent-1 xent-2");
    assertThat(threads(1000, "-Ddev.xent.threads=1")).isEqualTo("1:");
  }

  @Test
  void thereAreAsManyAsProcessorsByDefault() throws Exception {
    assertThat(threads(1000, "-XX:ActiveProcessorCount=2")).isEqualTo("2:xent-1");
    assertThat(threads(1000, "-XX:ActiveProcessorCount=1")).isEqualTo("1:");
  }

  /** As in a container that has one processor, which the JVM finds out by itself. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void onOneProcessorTheCallerIsAlone() throws Exception {
    String first =
        Files.readAllLines(Path.of("/proc/self/status")).stream()
            .filter(line -> line.startsWith("Cpus_allowed_list:"))
            .map(line -> line.replaceAll("\\D*(\\d+).*", "$1"))
            .findFirst()
            .orElseThrow();
    assertThat(threads(List.of("taskset", "--cpu-list", first), 1000)).isEqualTo("1:");
  }

  /** A program for {@link PoolTest}: computes and prints the names of Xent's threads. */
  public static final class Probe {
    private Probe() {}

    /**
     * Prints one line.
     *
     * @param arguments the number of rows of a thousand classes
     */
    public static void main(String[] arguments) throws InterruptedException {
      int rows = Integer.parseInt(arguments[0]);
      Tensor x = Tensor.of(new float[rows * 1000], rows, 1000);
      for (int i = 0; i < 10; i++) {
        Softmax.along(-1).forward(x, x);
      }
      Thread.sleep(500); // before JDK 24, other threads start them
      System.out.println(
          Thread.getAllStackTraces().keySet().stream()
              .map(Thread::getName)
              .filter(name -> name.startsWith("xent-"))
              .sorted()
              .collect(Collectors.joining(" ", XentRuntime.get().threads() + ":", "")));
    }
  }
}
