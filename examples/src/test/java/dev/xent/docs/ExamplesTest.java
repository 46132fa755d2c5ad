// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.docs.Page.Block;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every block of a page that begins with {@code $ examples/run NAME} is what that example prints,
 * and every example is on a page.
 */
class ExamplesTest {
  private static final String PROMPT = "$ examples/run ";

  static List<Block> dialogues() {
    return Page.all().stream()
        .flatMap(page -> page.blocks().stream())
        .filter(block -> block.text().startsWith(PROMPT))
        .toList();
  }

  private static String[] command(Block block) {
    return block.text().lines().findFirst().orElseThrow().substring(PROMPT.length()).split(" ");
  }

  @ParameterizedTest
  @MethodSource("dialogues")
  void prints(Block block) throws Exception {
    String[] command = command(block);
    String[] arguments = Arrays.copyOfRange(command, 1, command.length);
    String shown = block.text().substring(block.text().indexOf('\n') + 1);
    assertThat(anywhere(run(command[0], arguments))).isEqualTo(anywhere(shown));
  }

  /** How much memory is resident depends on the machine, and so do the bits of ONNX Runtime. */
  private static String anywhere(String text) {
    return text.replaceAll("(resident memory +)\\d+", "$1…")
        .replaceAll("(verify onnxruntime.npy .*\n.*\n)worst .*", "$1worst …");
  }

  private static String run(String name, String... arguments) throws Exception {
    Class<?> program = Class.forName("dev.xent.examples." + name);
    PrintStream before = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      program.getMethod("main", String[].class).invoke(null, (Object) arguments);
    } finally {
      System.setOut(before);
    }
    return printed.toString(StandardCharsets.UTF_8);
  }

  @Test
  void everyExampleIsShown() throws IOException {
    Path folder = Page.ROOT.resolve("examples/src/main/java/dev/xent/examples");
    try (Stream<Path> files = Files.list(folder)) {
      List<String> programs =
          files.filter(ExamplesTest::isProgram).map(file -> name(file.getFileName())).toList();
      assertThat(dialogues())
          .extracting(block -> command(block)[0])
          .containsExactlyInAnyOrderElementsOf(programs);
    }
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
