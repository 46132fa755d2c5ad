// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A checkout that was built, then copied or renamed, is built again; and what is said of a failure.
 */
@EnabledOnOs(OS.LINUX)
class CheckoutTest {
  private static final Path ROOT =
      Path.of(System.getProperty("basedir", "")).toAbsolutePath().resolve("../..").normalize();

  private static final String MARK = "target/cmake/mark-of-the-first-build";

  @TempDir private Path folder;
  private Path checkout;

  private record Ended(int code, String text) {}

  @BeforeEach
  void configureOnce() throws IOException {
    checkout = Files.createDirectories(folder.resolve("checkout"));
    Files.createDirectories(checkout.resolve("native"));
    Files.writeString(
        checkout.resolve("native/CMakeLists.txt"),
        "cmake_minimum_required(VERSION 3.18)\nproject(nothing NONE)\n");
    assertThat(configure(checkout).code()).isZero();
    Files.createFile(checkout.resolve(MARK));
  }

  @Test
  void aBuildFolderStaysWhereNothingMoved() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("link"), checkout);
    assertThat(configure(checkout).code()).isZero();
    assertThat(configure(link).code()).isZero();
    assertThat(checkout.resolve(MARK)).exists();
  }

  @ParameterizedTest
  @ValueSource(strings = {"cp -r", "cp -a", "mv"})
  void aMovedCheckoutIsConfiguredAnew(String move) {
    Path moved = folder.resolve("moved");
    run(List.of("sh", "-c", move + " checkout moved"), Map.of());
    assertThat(Files.exists(checkout)).isEqualTo(!move.equals("mv"));
    Ended ended = configure(moved);
    assertThat(ended.code()).as(ended.text()).isZero();
    assertThat(moved.resolve(MARK)).doesNotExist();
    assertThat(moved.resolve("target/cmake/CMakeCache.txt"))
        .content()
        .contains(
            "CMAKE_CACHEFILE_DIR:INTERNAL=" + moved.resolve("target/cmake"),
            "CMAKE_HOME_DIRECTORY:INTERNAL=" + moved.resolve("native"));
    assertThat(checkout.resolve(MARK).toFile().exists()).isEqualTo(!move.equals("mv"));
  }

  private Ended configure(Path root) {
    return run(
        List.of(
            "sh",
            ROOT.resolve("tools/configure").toString(),
            root.resolve("native").toString(),
            root.resolve("target/cmake").toString()),
        Map.of());
  }

  @Test
  void theLauncherSaysWhyABuildFailed() throws IOException {
    Files.copy(ROOT.resolve("xent"), checkout.resolve("xent"));
    Files.createDirectory(checkout.resolve("tools"));
    Files.copy(ROOT.resolve("tools/find-jdk"), checkout.resolve("tools/find-jdk"));
    Path maven = Files.createDirectory(folder.resolve("bin")).resolve("mvn");
    Files.writeString(
        maven,
        """
        #!/bin/sh
        echo '[INFO] Scanning for projects...'
        echo '[ERROR] Failed to execute goal: The C core was not configured:'
        echo '[ERROR] CMake Error: no such compiler'
        echo '[ERROR] -> [Help 1]'
        echo '[ERROR] '
        echo '[ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch.'
        echo '[ERROR] Re-run Maven using the -X switch to enable full debug logging.'
        echo '[ERROR] [Help 1] http://cwiki.apache.org/confluence/display/MAVEN/MojoExecutionException'
        exit 1
        """);
    assertThat(maven.toFile().setExecutable(true)).isTrue();
    Ended ended =
        run(
            List.of("sh", checkout.resolve("xent").toString(), "--version"),
            Map.of(
                "PATH",
                maven.getParent() + File.pathSeparator + System.getenv("PATH"),
                "JAVA_HOME",
                System.getProperty("java.home")));
    assertThat(ended.code()).isEqualTo(2);
    assertThat(ended.text())
        .contains(
            "[ERROR] Failed to execute goal: The C core was not configured:\n"
                + "[ERROR] CMake Error: no such compiler\n")
        .contains("xent: the build failed; the whole log is ")
        .doesNotContain("[INFO]", "e-run Maven", "cwiki");
  }

  private Ended run(List<String> command, Map<String, String> environment) {
    ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
    builder.environment().putAll(environment);
    try {
      Process process = builder.redirectErrorStream(true).start();
      String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Ended(process.waitFor(), text);
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
