// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every example prints what outputs.txt records, and is named on the page. */
class ExamplesTest {
  private static final Path EXAMPLES = Page.ROOT.resolve("examples");

  static List<String> programs() throws IOException {
    try (Stream<Path> files = Files.list(EXAMPLES.resolve("src/main/java/dev/xent/examples"))) {
      return files.filter(ExamplesTest::isProgram).map(file -> name(file.getFileName())).toList();
    }
  }

  @ParameterizedTest
  @MethodSource("programs")
  void prints(String program) throws Exception {
    assertThat(anywhere(run(program))).isEqualTo(anywhere(recorded(program)));
  }

  /** What follows the line with the name, up to the next one. */
  private static String recorded(String program) throws IOException {
    String all = Files.readString(EXAMPLES.resolve("src/test/resources/outputs.txt"));
    return Stream.of(all.split("(?m)^==> "))
        .filter(output -> output.startsWith(program + "\n"))
        .map(output -> output.substring(program.length() + 1))
        .findFirst()
        .orElseThrow();
  }

  /** How much memory is resident depends on the machine, and so do the bits of ONNX Runtime. */
  private static String anywhere(String text) {
    return text.replaceAll("(resident memory +)\\d+", "$1…")
        .replaceAll("(verify onnxruntime.npy .*\n.*\n)worst .*", "$1worst …");
  }

  private static String run(String name) throws Exception {
    Class<?> program = Class.forName("dev.xent.examples." + name);
    PrintStream before = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      program.getMethod("main", String[].class).invoke(null, (Object) new String[0]);
    } finally {
      System.setOut(before);
    }
    return printed.toString(StandardCharsets.UTF_8);
  }

  @Test
  void everyExampleIsOnThePage() throws IOException {
    assertThat(programs())
        .hasSizeGreaterThan(10)
        .allSatisfy(
            program ->
                assertThat(Page.of("examples/README.md").text()).contains("| `" + program + "` |"));
  }

  private static boolean isProgram(Path file) {
    try {
      return Files.readString(file).contains("void main(");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String name(Path file) {
    return file.toString().replace(".java", "");
  }
}
