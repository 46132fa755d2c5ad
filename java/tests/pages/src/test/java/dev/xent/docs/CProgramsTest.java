// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.docs.Page.Program;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every C block of every page is a program that compiles and prints what the page says. */
@EnabledOnOs(OS.LINUX) // where the build has made the C library
class CProgramsTest {
  private static final Path LIBRARY = Page.ROOT.resolve("java/xent/target/native");

  @TempDir private Path folder;

  static Stream<Program> programs() {
    return Page.programs("c");
  }

  @ParameterizedTest
  @MethodSource("programs")
  void prints(Program program) throws Exception {
    Path source = folder.resolve("example.c");
    Path executable = folder.resolve("example");
    Files.writeString(source, program.source().text());
    String compiler = Objects.requireNonNullElse(System.getenv("CC"), "cc");
    String messages =
        run(
            compiler,
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-I" + Page.ROOT.resolve("include"),
            "-o",
            executable.toString(),
            source.toString(),
            "-L" + LIBRARY,
            "-lxent",
            "-Wl,-rpath," + LIBRARY);
    assertThat(messages).isEmpty();
    assertThat(run(executable.toString())).isEqualTo(program.output());
  }

  private static String run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }
}
