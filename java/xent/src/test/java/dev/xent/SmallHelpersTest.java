// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Threads that help have less stack than the calling one, or more. What a helper has no stack for
 * the caller does; and a caller without stack throws before any helper has written a row.
 */
@Timeout(300)
class SmallHelpersTest {
  private static final int CALLS = 40;

  /** Sizes that a thread is made with; what the JVM makes of them is its own affair. */
  @ParameterizedTest(name = "helpers of {0} KiB")
  @ValueSource(ints = {1, 100, 140, 160, 180, 200, 220, 240, 260, 280, 300})
  void helpersOfAnExecutor(int helper) throws InterruptedException {
    for (Backend backend : List.of(Backend.NATIVE, Backend.REFERENCE)) {
      int calls = calls(backend);
      assertThat(SmallHelpersProbe.run(executor(helper), backend, 8 << 10, calls))
          .isEqualTo(calls + " returned, 0 threw, 0 rows changed by these");
    }
  }

  @ParameterizedTest(name = "a caller of {0} KiB")
  @ValueSource(ints = {1, 100, 140, 160, 180, 200, 220, 240, 260, 280, 300})
  void aSmallCaller(int caller) throws InterruptedException {
    for (Backend backend : List.of(Backend.NATIVE, Backend.REFERENCE)) {
      assertThat(SmallHelpersProbe.run(executor(8 << 10), backend, caller, calls(backend)))
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
            SmallHelpersProbe.class,
            Integer.toString(CALLS));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).as("ends by itself").isTrue();
    assertThat(out.lines()).containsExactly(CALLS + " returned, 0 threw, 0 rows changed by these");
  }
}
