// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.packaging.Processes.Ended;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The {@code xent} command in its own process, put together word by word. */
final class Command {
  private static final String ERROR_FILE = "hs_err.log";

  private final Path folder;
  private final List<String> before = new ArrayList<>();
  private final List<String> options = new ArrayList<>();
  private final Map<String, String> environment = new TreeMap<>();
  private Path jar = Package.COMMAND;

  /**
   * The command as users have it, but for what makes its JVM start faster.
   *
   * @param folder of the situation, where it runs
   */
  Command(Path folder) {
    this.folder = folder;
    jvm("-XX:-UsePerfData", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");
    jvm("-XX:ErrorFile=" + folder.resolve(ERROR_FILE));
  }

  /** Options of the JVM. */
  Command jvm(String... words) {
    options.addAll(List.of(words));
    return this;
  }

  /** A program that runs it: the words before its own. */
  Command by(String... words) {
    before.addAll(List.of(words));
    return this;
  }

  /** A shell that prepares something and then runs the command, which is {@code "$@"} there. */
  Command shell(String script) {
    return by("sh", "-c", script, "sh");
  }

  /** A variable of its environment. */
  Command with(String variable, String value) {
    environment.put(variable, value);
    return this;
  }

  /** A copy of the jar. */
  Command of(Path copy) {
    jar = copy;
    return this;
  }

  private List<String> words(Object... arguments) {
    List<String> all = new ArrayList<>(before);
    all.add(Package.JDK.resolve("bin/java").toString());
    all.addAll(options);
    all.addAll(List.of("-jar", jar.toString()));
    Arrays.stream(arguments).map(Object::toString).forEach(all::add);
    return all;
  }

  /** Runs it to its end, which is not a crash of the JVM. */
  Ended run(Object... arguments) {
    Ended ended = Processes.run(folder, environment, words(arguments));
    assertThat(folder.resolve(ERROR_FILE)).doesNotExist();
    return ended;
  }

  /** The same, and all is well. */
  Ended succeeds(Object... arguments) {
    Ended ended = run(arguments);
    assertThat(ended.exit()).as(ended.err()).isZero();
    return ended;
  }

  /** The same, and it ends with code 2, one line that has these words, and no other output. */
  String refuses(List<String> words, Object... arguments) {
    Ended ended = run(arguments);
    assertThat(ended.err().lines()).as(ended.err()).hasSize(1);
    assertThat(ended.err()).startsWith("xent: ").contains(words).doesNotContain("internal error");
    assertThat(ended.out()).isEmpty();
    assertThat(ended.exit()).isEqualTo(2);
    return "exit 2, `%s`".formatted(shown(ended.err()));
  }

  /** The start of a line, without the names of this machine. */
  String shown(String line) {
    String text = line.strip().replace(folder + "/", "").replace(folder.toString(), "…");
    return text.length() <= 130 ? text : text.substring(0, 129) + "…";
  }

  /** Starts it. */
  Process start(Object... arguments) {
    try {
      ProcessBuilder builder =
          new ProcessBuilder(words(arguments))
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .redirectOutput(folder.resolve("printed.txt").toFile());
      builder.environment().putAll(environment);
      return builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The hidden files in a folder, which are outputs in the making or left of those. */
  static List<Path> hidden(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.getFileName().toString().startsWith(".")).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
