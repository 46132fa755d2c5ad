// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.cli.Main;
import dev.xent.docs.Page.Block;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every {@code console} block of every page is a dialogue that takes place: each line that begins
 * with {@code $ ./xent} is run, and prints the lines that follow it. A line that ends in a
 * backslash goes on in the next one. Commands of {@code sh} blocks on files of the repository
 * succeed.
 */
class CommandsTest {
  private static final String PROMPT = "$ ./xent ";
  private static final String EXAMPLES = "docs/example/";

  @TempDir private Path folder;

  static Stream<Page> pages() {
    return Page.all().stream().filter(page -> !dialogues(page).isEmpty());
  }

  private static List<Block> dialogues(Page page) {
    return page.blocks().stream().filter(block -> block.language().equals("console")).toList();
  }

  @ParameterizedTest
  @MethodSource("pages")
  void print(Page page) {
    for (Block block : dialogues(page)) {
      StringBuilder printed = new StringBuilder();
      String text = block.text().replaceAll(" \\\\\n *", " ");
      for (String line : text.lines().toList()) {
        if (line.startsWith(PROMPT)) {
          printed.append(line).append('\n').append(run(line.substring(PROMPT.length())));
        }
      }
      assertThat(printed.toString()).as(block.toString()).isEqualTo(Here.expected(text));
    }
  }

  static Stream<Block> onExamples() {
    return Page.all().stream()
        .flatMap(page -> page.blocks().stream())
        .filter(block -> block.language().equals("sh"))
        .filter(block -> block.text().contains("./xent ") && block.text().contains(EXAMPLES));
  }

  @ParameterizedTest
  @MethodSource("onExamples")
  void succeed(Block block) {
    for (String line : block.text().lines().toList()) {
      assertThat(line).startsWith("./xent ");
      Done done = xent(line.substring("./xent ".length()));
      assertThat(done.err()).as(line).isEmpty();
      assertThat(done.code()).as(line).isZero();
    }
  }

  /** What a command left: its exit code, and what it wrote. */
  private record Done(int code, String out, String err) {}

  private Done xent(String arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    String[] words = Arrays.stream(arguments.split(" +")).map(this::file).toArray(String[]::new);
    int code = Main.run(new PrintWriter(out), new PrintWriter(err), words);
    return new Done(code, out.toString(), err.toString());
  }

  private String run(String arguments) {
    Done done = xent(arguments);
    return (done.out() + done.err())
        .replace(Page.ROOT + "/", "")
        .replace(folder + "/", "")
        .replace(System.lineSeparator(), "\n");
  }

  /** Files of the repository are read where they are; others lie in a folder of the test. */
  private String file(String word) {
    if (!word.endsWith(".npy")) {
      return word;
    }
    Path ours = Page.ROOT.resolve(word);
    return (Files.exists(ours) ? ours : folder.resolve(word)).toString();
  }
}
