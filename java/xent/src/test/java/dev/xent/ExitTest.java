// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A JVM ends while calls run, and virtual threads do not wait for each other for ever. */
@Tag("slow")
class ExitTest {
  @TempDir private Path directory;

  private void assertEnds(ExitProbe.Scene scene, String... options) throws Exception {
    List<String> command =
        ChildJvm.command(List.of(), List.of(options), ExitProbe.class, scene.name());
    Path output = Files.createTempFile(directory, "probe", ".txt");
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      assertThat(process.waitFor(120, TimeUnit.SECONDS)).as("%s ends by itself", scene).isTrue();
    } finally {
      process.destroyForcibly();
    }
    assertThat(Files.readString(output).strip()).isEqualTo("computed");
    assertThat(process.exitValue()).isEqualTo(scene.status);
  }

  @ParameterizedTest
  @EnumSource(
      value = ExitProbe.Scene.class,
      names = {"RETURN", "EXIT", "HALT", "HOOK"})
  void theJvmEndsWhileCallsRun(ExitProbe.Scene scene) throws Exception {
    assertEnds(scene, "-Ddev.xent.threads=3");
  }

  /** Pool and executor, with only one carrier thread for virtual threads. */
  @Test
  void virtualThreadsShareOneCarrier() throws Exception {
    assertEnds(
        ExitProbe.Scene.VIRTUAL,
        "-Ddev.xent.threads=3",
        "-Djdk.virtualThreadScheduler.parallelism=1",
        "-Djdk.virtualThreadScheduler.maxPoolSize=1");
  }

  /** The same with callers that cannot leave their carrier, as C code has called them. */
  @Test
  void pinnedVirtualThreadsShareOneCarrier() throws Exception {
    assertEnds(
        ExitProbe.Scene.PINNED,
        "-Ddev.xent.threads=3",
        "-Djdk.virtualThreadScheduler.parallelism=1",
        "-Djdk.virtualThreadScheduler.maxPoolSize=1");
  }
}
