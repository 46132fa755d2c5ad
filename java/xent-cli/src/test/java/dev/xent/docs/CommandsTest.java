// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.cli.Cli;
import dev.xent.docs.Page.Block;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every {@code console} block of every page is a dialogue that takes place: each line that begins
 * with {@code $ ./xent} is run, and prints the lines that follow it. A line that ends in a
 * backslash goes on in the next one.
 */
class CommandsTest {
  private static final String PROMPT = "$ ./xent ";

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

  private String run(String arguments) {
    List<Object> words = new ArrayList<>();
    Arrays.stream(arguments.split(" +")).map(this::file).forEach(words::add);
    Cli done = Cli.xent(words.toArray());
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
