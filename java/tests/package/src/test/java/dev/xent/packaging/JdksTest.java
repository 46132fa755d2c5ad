// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.packaging.Processes.Ended;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The jar on every JDK of this machine that is new enough, the one of these tests among them. */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64")
class JdksTest {
  private static SortedSet<Path> jdks;

  @TempDir private Path folder;

  @BeforeAll
  static void find(@TempDir Path folder) {
    jdks = new TreeSet<>();
    jdks.add(real(Package.JDK));
    List<String> search = List.of("sh", Package.ROOT.resolve("tools/find-jdk").toString(), "--all");
    Processes.runWell(folder, search).out().forEach(home -> jdks.add(real(Path.of(home))));
  }

  private static Path real(Path home) {
    try {
      return home.toRealPath();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static SortedSet<Path> jdks() {
    return jdks;
  }

  @ParameterizedTest
  @MethodSource("jdks")
  void computesNatively(Path home) {
    assertThat(folder.resolve("tmp").toFile().mkdir()).isTrue();
    Ended ended = new Launch(folder).by(home.resolve("bin/java")).run();
    Expectation.computesNatively().check(ended);
    System.out.println(home.getFileName() + ": " + String.join(" ", ended.out()));
  }
}
