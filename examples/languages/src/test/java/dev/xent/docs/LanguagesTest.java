// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The programs of docs/installing.md in other languages compile and print what the page says. */
class LanguagesTest {
  private static final String CLASS_PATH =
      System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));

  @TempDir private Path folder;

  @Test
  void kotlin() throws IOException {
    Path source = write("kotlin", "Main.kt");
    String compiler = "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler";
    run(
        CLASS_PATH,
        compiler,
        "-no-stdlib",
        "-no-reflect",
        "-jvm-target",
        "21",
        "-cp",
        CLASS_PATH,
        "-d",
        folder.toString(),
        source.toString());
    assertThat(run(folder + ":" + CLASS_PATH, "MainKt")).isEqualTo(block("text", "row 1"));
  }

  @Test
  void scala() throws IOException {
    Path source = write("scala", "Main.scala");
    run(
        CLASS_PATH,
        "dotty.tools.dotc.Main",
        "-release",
        "21",
        "-classpath",
        CLASS_PATH,
        "-d",
        folder.toString(),
        source.toString());
    assertThat(run(folder + ":" + CLASS_PATH, "main")).isEqualTo(block("text", "row 1"));
  }

  @Test
  void clojure() throws IOException {
    Path source = write("clojure", "main.clj");
    assertThat(run(CLASS_PATH, "clojure.main", source.toString()))
        .isEqualTo(block("text", "row 1"));
  }

  private static String block(String language, String content) {
    return Page.of("docs/installing.md").blocks().stream()
        .filter(block -> block.language().equals(language) && block.text().contains(content))
        .findFirst()
        .orElseThrow()
        .text();
  }

  private Path write(String language, String name) throws IOException {
    return Files.writeString(folder.resolve(name), block(language, "Argmax"));
  }

  /** What a class prints, in a JVM of its own. */
  private String run(String classPath, String... arguments) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                classPath));
    command.addAll(List.of(arguments));
    Path errors = folder.resolve("errors");
    Process process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.onExit().join().exitValue()).as(() -> output + read(errors)).isZero();
    return output;
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
