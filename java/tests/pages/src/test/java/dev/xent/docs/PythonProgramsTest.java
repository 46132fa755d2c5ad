// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.xent.docs.Page.Program;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every Python block of every page prints what the page says, run in the root with the package in
 * python/ and the library of this build, by the first Python that has NumPy. Where there is none it
 * is skipped, but not with {@code XENT_REQUIRE_NUMPY} set.
 */
@EnabledOnOs(OS.LINUX) // where the build has made the C library
class PythonProgramsTest {
  /** The one on the PATH may have no NumPy where the system's has it. */
  private static final List<String> PYTHONS = List.of("python3", "/usr/bin/python3");

  @TempDir private Path folder;

  static Stream<Program> programs() {
    return Page.programs("python");
  }

  @ParameterizedTest
  @MethodSource("programs")
  void prints(Program program) throws Exception {
    Optional<String> python = PYTHONS.stream().filter(PythonProgramsTest::hasNumpy).findFirst();
    assumeTrue(
        python.isPresent() || System.getenv("XENT_REQUIRE_NUMPY") != null, "Python has no NumPy");
    Path source = folder.resolve("example.py");
    Files.writeString(source, program.source().text());
    assertThat(run(python.orElseThrow(), source.toString())).isEqualTo(program.output());
  }

  private static boolean hasNumpy(String python) {
    try {
      return new ProcessBuilder(python, "-c", "import numpy")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start()
              .onExit()
              .join()
              .exitValue()
          == 0;
    } catch (IOException e) {
      return false; // there is no such Python
    }
  }

  private static String run(String... command) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.directory(Page.ROOT.toFile()).redirectErrorStream(true);
    builder.environment().put("PYTHONPATH", Page.ROOT.resolve("python/src").toString());
    builder
        .environment()
        .put("XENT_LIBRARY", Page.ROOT.resolve("java/xent/target/native/libxent.so").toString());
    builder.environment().put("PYTHONDONTWRITEBYTECODE", "1");
    return new String(builder.start().getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }
}
