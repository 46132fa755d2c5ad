// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The shells themselves complete words. They read the script as the help says: the bash 3.2 of
 * macOS reads nothing from {@code source <(xent completion bash)}.
 */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "shells of POSIX")
class CompletionCommandTest {
  private static final String WORDS =
      "%s; COMP_WORDS=(xent %s); COMP_CWORD=%d; _complete_xent; printf '%%s\\n' \"${COMPREPLY[@]}\"";

  @TempDir private Path folder;

  private List<String> run(String shell, String... words) throws Exception {
    Path script = folder.resolve("script");
    Files.writeString(script, xent("completion", shell).succeeds().out());
    String command =
        shell.equals("fish")
            ? "source script; complete -C 'xent " + String.join(" ", words) + "'"
            : String.format(WORDS, "eval \"$(cat script)\"", String.join(" ", words), words.length);
    return output(shell, command);
  }

  private List<String> output(String shell, String command) throws Exception {
    Process process;
    try {
      process = new ProcessBuilder(shell, "-c", command).directory(folder.toFile()).start();
    } catch (IOException e) {
      assumeTrue(false, "no " + shell);
      throw e;
    }
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isZero();
    return text.lines().map(line -> line.replaceFirst("\t.*", "").strip()).toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"bash", "fish"})
  void completesCommands(String shell) throws Exception {
    assertThat(run(shell, "soft")).containsExactlyInAnyOrder("softmax", "softmax-backward");
  }

  @ParameterizedTest
  @ValueSource(strings = {"bash", "fish"})
  void completesOptionsOfACommand(String shell) throws Exception {
    assertThat(run(shell, "softmax", "--temp")).containsExactly("--temperature");
    assertThat(run(shell, "perplexity", "--no")).containsExactly("--no-shift");
  }

  @Test
  void zshReadsItsScript() throws Exception {
    Files.writeString(folder.resolve("script"), xent("completion", "zsh").succeeds().out());
    String command = "eval \"$(cat script)\"; which _complete_xent";
    assertThat(output("zsh", "autoload -U compinit; compinit -u -D; " + command))
        .hasSizeGreaterThan(3);
  }

  @Test
  void aShellWithoutAScriptIsRefused() {
    xent("completion", "tcsh").refuses("'tcsh' is not one of bash, zsh, fish");
  }
}
