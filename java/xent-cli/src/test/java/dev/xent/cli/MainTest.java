// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class MainTest {
  @Test
  void helpNamesEveryCommand() {
    Cli help = xent("--help").succeeds();
    assertThat(help.out())
        .contains("softmax", "softmax-backward", "cross-entropy", "nll")
        .contains("verify", "bench", "info", "demo");
  }

  @Test
  void withoutACommandItSaysHowToBegin() {
    assertThat(xent().succeeds().out().lines())
        .hasSizeLessThan(10)
        .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(80))
        .anyMatch(line -> line.contains("xent softmax logits.npy "))
        .anyMatch(line -> line.contains("xent --help"));
  }

  @Test
  void helpHasItsCommandsInGroups() {
    assertThat(xent("--help").out())
        .containsPattern("\\RCompute:\\R  softmax  (?s).*  sample ")
        .containsPattern("\\RInspect:\\R  verify  (?s).*  completion ")
        .containsPattern("\\RMeasure:\\R  bench  .*\\R  demo ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "softmax",
        "softmax-backward",
        "sigmoid",
        "calibrate",
        "cross-entropy",
        "nll",
        "divergence",
        "linear-cross-entropy",
        "perplexity",
        "binary-cross-entropy",
        "selected-log-probabilities",
        "sample",
        "verify",
        "bench",
        "info",
        "demo"
      })
  void everyCommandHasHelpWithExamplesThatFitTheTerminal(String command) {
    Cli help = xent(command, "--help").succeeds();
    assertThat(help.out())
        .contains("Usage: xent " + command, "Examples:", "  xent ")
        .doesNotContain("\u001b");
    assertThat(help.out().lines())
        .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(80));
    assertThat(xent(command, "-h").out()).isEqualTo(help.out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"--version", "-V"})
  void versionNamesTheInterfaceAndTheArithmetic(String option) {
    assertThat(xent(option).succeeds().out().strip())
        .matches("xent \\d+\\.\\d+\\.\\d+(-rc\\d+|-SNAPSHOT)? \\(ABI \\d+, numerics \\d+\\)");
    assertThat(xent("softmax", option).out()).isEqualTo(xent(option).out());
  }

  @Test
  void aTerminalWithoutColoursGetsNone() {
    assertThat(Main.colors(Map.of("TERM", "dumb"), true)).isEqualTo(CommandLine.Help.Ansi.OFF);
    assertThat(Main.colors(Map.of("TERM", "xterm"), true)).isEqualTo(CommandLine.Help.Ansi.AUTO);
    assertThat(Main.colors(Map.of(), true)).isEqualTo(CommandLine.Help.Ansi.AUTO);
    assertThat(Main.colors(Map.of("TERM", "xterm"), false)).isEqualTo(CommandLine.Help.Ansi.OFF);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "sample --help --temperature x",
        "sample --temperature x --help",
        "sample -h --frobnicate",
        "sample a b c d --help",
        "sample --axis --help",
        "sample --help --version"
      })
  void helpIsGivenBesideAnythingElse(String words) {
    assertThat(xent((Object[]) words.split(" ")).succeeds().out())
        .isEqualTo(xent("sample", "--help").out());
  }

  @Test
  void helpIsACommandToo() {
    assertThat(xent("help", "sample").succeeds().out()).isEqualTo(xent("sample", "--help").out());
    assertThat(xent("help").succeeds().out()).isEqualTo(xent("--help").out());
  }

  @Test
  void theVersionIsGivenBesideAnythingElse() {
    assertThat(xent("sample", "--version", "--temperature", "x").succeeds().out())
        .isEqualTo(xent("--version").out());
  }

  @Test
  void doesNotReadArgumentsFromFiles() {
    xent("verify", "@a.npy", "@b.npy").refuses("@a.npy does not exist");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "softmax",
        "softmax-backward",
        "sigmoid",
        "calibrate",
        "cross-entropy",
        "nll",
        "divergence",
        "linear-cross-entropy",
        "perplexity",
        "binary-cross-entropy",
        "selected-log-probabilities",
        "sample",
        "bench",
        "info",
        "demo"
      })
  void takesNoNumberOfThreadsBelowOne(String command) {
    xent(command, "--threads", "0").refuses("--threads is 0; expected 1 or more", command);
  }

  @Test
  void saysSoWhenStandardOutputCannotBeWritten() {
    Writer full =
        new Writer() {
          @Override
          public void write(char[] text, int from, int length) throws IOException {
            throw new IOException("full");
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    StringWriter err = new StringWriter();
    assertThat(Main.run(new PrintWriter(full), new PrintWriter(err), "info")).isEqualTo(2);
    assertThat(err.toString()).startsWith("xent: standard output cannot be written");
  }
}
