// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.cli.Main;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Sentences keep the rules of {@code docs/styles/Xent}, if Vale is installed. */
@EnabledOnOs(OS.LINUX) // which has the shell of the script
class ProseTest {
  private static final Pattern COMMAND = Pattern.compile("(?m)^  ([a-z][a-z-]+)  ");

  @TempDir private Path folder;

  @Test
  void pagesCommentsAndMessages() throws Exception {
    assertNoAlerts();
  }

  @Test
  void helpOfEveryCommand() throws Exception {
    String all = help();
    StringBuilder text = new StringBuilder(all);
    List<String> commands = COMMAND.matcher(all).results().map(found -> found.group(1)).toList();
    assertThat(commands).contains("softmax", "sample", "bench", "demo");
    for (String command : commands) {
      text.append(help(command));
    }
    Path file = Files.writeString(folder.resolve("help.txt"), text);
    assertNoAlerts(file.toString());
  }

  private static String help(String... command) {
    List<String> words = new ArrayList<>(List.of(command));
    words.add("--help");
    StringWriter out = new StringWriter();
    PrintWriter err = new PrintWriter(new StringWriter());
    assertThat(Main.run(new PrintWriter(out), err, words.toArray(String[]::new)))
        .as("%s", words)
        .isZero();
    return out.toString();
  }

  private static void assertNoAlerts(String... files) throws Exception {
    List<String> command = new ArrayList<>(List.of("tools/prose"));
    command.addAll(List.of(files));
    Process process =
        new ProcessBuilder(command).directory(Page.ROOT.toFile()).redirectErrorStream(true).start();
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(printed).isZero();
  }
}
