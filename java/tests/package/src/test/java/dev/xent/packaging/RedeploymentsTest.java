// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.packaging.Processes.Ended;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * No thread that lives on keeps the class loader of an application that used Xent, nor its classes,
 * nor the library that it loaded.
 */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64")
class RedeploymentsTest {
  private static final int COUNT = 30;

  @TempDir private Path folder;

  private void redeploy(String place, int libraries, String... options) throws IOException {
    Files.createDirectory(folder.resolve("tmp"));
    Launch launch =
        new Launch(folder)
            .with(
                "--enable-native-access=ALL-UNNAMED",
                "-Dredeployments.xent=" + Package.JAR,
                "-Dredeployments.program=" + Package.PROGRAM,
                "-cp",
                Package.PROGRAM.toString(),
                Redeployments.class.getName())
            .argument(Integer.toString(COUNT), place);
    for (String option : options) {
      launch.option(option);
    }
    Ended ended = launch.run();
    assertThat(ended.exit()).as(ended.err()).isZero();
    assertThat(ended.out())
        .last()
        .isEqualTo("%d deployed, 0 loaders left, %d libraries mapped".formatted(COUNT, libraries));
    assertThat(folder.resolve("tmp")).isEmptyDirectory();
  }

  @Test
  void nativeInTheApplication() throws IOException {
    redeploy("application", 0, "-Ddev.xent.native=require");
  }

  @Test
  void referenceInTheApplication() throws IOException {
    redeploy("application", 0, "-Ddev.xent.native=off");
  }

  /** The flight recorder has the class of the event in every loader. */
  @Test
  void whileCallsAreRecorded() throws IOException {
    redeploy(
        "application",
        0,
        "-XX:StartFlightRecording:dev.xent.Call#threshold=0ms,filename="
            + folder.resolve("recording.jfr"),
        "-Xlog:jfr*=off");
  }

  /** Applications that share one Xent are not kept by it either. */
  @Test
  void inTheServer() throws IOException {
    redeploy("server", 1, "-Ddev.xent.native=require");
  }
}
