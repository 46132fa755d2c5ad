// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.packaging.Processes.Ended;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The script {@code xent}, with the jar of this build and nothing to be built. */
class LauncherTest {
  @TempDir private Path root;

  @BeforeEach
  void copy() throws IOException {
    Path target = Files.createDirectories(root.resolve("java/xent-cli/target"));
    Files.createDirectory(root.resolve("tools"));
    Files.copy(Package.ROOT.resolve("xent"), root.resolve("xent"));
    Files.copy(Package.ROOT.resolve("tools/find-jdk"), root.resolve("tools/find-jdk"));
    OwnerFaults.copy(target);
    Files.createFile(target.resolve("built"));
  }

  @ParameterizedTest
  @CsvSource({
    "-Xnosuch, 'Unrecognized option: -Xnosuch'",
    "garbage, 'Error: Could not find or load main class garbage'",
    "-Xmx1, 'Too small maximum heap'",
    "-Xmx64m -XX:Nosuch, 'Unrecognized VM option'"
  })
  void optionsThatStartNoJvmAreAnError(String options, String words) {
    Ended ended = run(options, "--version");
    assertThat(ended.exit()).isEqualTo(2);
    assertThat(ended.out()).isEmpty();
    assertThat(ended.err().lines())
        .singleElement()
        .asString()
        .startsWith("xent: the JVM does not start with XENT_JAVA_OPTIONS=" + options + ": " + words)
        .endsWith("; correct or unset it");
  }

  @ParameterizedTest
  @ValueSource(strings = {"--dry-run", "-version", "-Xmx64m --help", "-XshowSettings -fullversion"})
  void optionsThatEndTheJvmBeforeTheCommandAreAnError(String options) {
    Ended ended = run(options, "verify", "none.npy", "none.npy");
    assertThat(ended.exit()).isEqualTo(2);
    assertThat(ended.out()).isEmpty();
    assertThat(ended.err().lines())
        .containsExactly(
            "xent: with XENT_JAVA_OPTIONS="
                + options
                + " the JVM ends before the command; remove -version, -help, --dry-run and similar"
                + " options");
  }

  @Test
  void optionsThatPrintAreNoError() {
    Ended ended = run("-XshowSettings:vm -cp none", "--version");
    assertThat(ended.exit()).isZero();
    assertThat(ended.out()).last().asString().startsWith("xent " + Package.VERSION);
  }

  /** With an archive of classes a command starts sooner; without one that fits, all works. */
  @ParameterizedTest
  @ValueSource(strings = {"none", "no archive", "damaged", "a folder"})
  void nothingIsSaidOfTheArchiveOfClasses(String archive) throws IOException {
    Path file = root.resolve("java/xent-cli/target/xent.jsa");
    switch (archive) {
      case "no archive" -> Files.writeString(file, "no archive");
      case "damaged" -> writeDamaged(file);
      case "a folder" -> Files.createDirectory(file);
      default -> assertThat(file).doesNotExist();
    }
    Ended ended = run("-Xmx64m", "--version");
    assertThat(ended.err()).isEmpty();
    assertThat(ended.out()).singleElement().asString().startsWith("xent " + Package.VERSION);
    assertThat(ended.exit()).isZero();
    assertThat(Files.isRegularFile(file)).isEqualTo(!archive.matches("none|a folder"));
  }

  /** An archive of this JVM and this jar, whose second half has changed. */
  private void writeDamaged(Path file) throws IOException {
    Processes.run(
        root,
        List.of(
            Package.JDK.resolve("bin/java").toString(),
            "-Xlog:disable",
            "-XX:ArchiveClassesAtExit=" + file,
            "-jar",
            root.resolve("java/xent-cli/target/xent-cli.jar").toString(),
            "--version"));
    byte[] bytes = Files.readAllBytes(file);
    byte[] noise = new byte[bytes.length / 2];
    new Random(1).nextBytes(noise);
    System.arraycopy(noise, 0, bytes, noise.length, noise.length);
    Files.write(file, bytes);
  }

  @Test
  void optionsAreWordsAndNoPatternsOfFiles() throws IOException {
    Files.createFile(root.resolve("-Dx=1"));
    Files.createFile(root.resolve("-Dx=2 3"));
    Ended ended = run("-Dx=* -Ddev.xent.native=off", "info");
    assertThat(ended.err()).isEmpty();
    assertThat(ended.exit()).isZero();
    assertThat(ended.out()).anyMatch(line -> line.matches("backend +reference"));
  }

  @Test
  void withoutOptionsItStartsTheCommand() {
    Ended ended = run("", "--version");
    assertThat(ended.err()).isEmpty();
    assertThat(ended.out()).singleElement().asString().startsWith("xent " + Package.VERSION);
  }

  /** Exit code 1 would mean that {@code verify} found a difference. */
  @Test
  void aClassThatCannotBeLoadedIsAnError() throws IOException {
    try (Stream<Path> libraries = Files.list(root.resolve("java/xent-cli/target/lib"))) {
      Path json =
          libraries.filter(jar -> jar.toString().contains("jackson")).findFirst().orElseThrow();
      Files.delete(json);
    }
    Ended ended = run("", "info", "--json");
    assertThat(ended.exit()).isEqualTo(2);
    assertThat(ended.err().lines())
        .singleElement()
        .asString()
        .startsWith("xent: internal error: java.lang.NoClassDefFoundError: ");
  }

  @Test
  void aJarWithoutItsLibrariesSaysSo() throws IOException {
    Path jar = Files.copy(Package.COMMAND, root.resolve("xent-cli.jar"));
    Ended ended =
        Processes.run(
            root, List.of(Package.JDK.resolve("bin/java").toString(), "-jar", jar.toString()));
    assertThat(ended.exit()).isEqualTo(2);
    assertThat(ended.err().strip())
        .isEqualTo("xent: xent-cli.jar needs the folder lib next to it; copy both");
  }

  private Ended run(String options, String... arguments) {
    return Processes.run(
        root,
        Map.of("XENT_JAVA_OPTIONS", options, "JAVA_HOME", Package.JDK.toString()),
        Stream.concat(Stream.of("sh", "xent"), Stream.of(arguments)).toList());
  }
}
