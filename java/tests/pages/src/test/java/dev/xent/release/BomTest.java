// SPDX-License-Identifier: Apache-2.0
package dev.xent.release;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code xent-bom} has every artifact that a release publishes. */
class BomTest {
  private static final Path ROOT =
      Path.of(System.getProperty("basedir", "")).toAbsolutePath().resolve("../../..").normalize();

  private static final Pattern MANAGED =
      Pattern.compile(
          """
                <dependency>
                  <groupId>dev.xent</groupId>
                  <artifactId>([a-z-]+)</artifactId>
                  <version>(.*)</version>
          (?:        <classifier>(.*)</classifier>
          )?      </dependency>
          """);

  private static final Pattern PLATFORM_JAR = Pattern.compile("<jar-for platform=\"(.*)\" />");

  private static final Pattern PARENT_VERSION =
      Pattern.compile("<artifactId>xent-parent</artifactId>\\s*<version>(.*)</version>");

  private static String pom(String module) throws IOException {
    return Files.readString(ROOT.resolve("java").resolve(module).resolve("pom.xml"));
  }

  @Test
  void theBomHasEveryPublishedArtifactInItsVersion() throws IOException {
    String bom = pom("xent-bom");
    String version = PARENT_VERSION.matcher(bom).results().findFirst().orElseThrow().group(1);
    List<String> managed = new ArrayList<>();
    for (MatchResult each : MANAGED.matcher(bom).results().toList()) {
      assertThat(each.group(2)).as("version of %s", each.group(1)).isEqualTo(version);
      managed.add(each.group(1) + (each.group(3) == null ? "" : ":" + each.group(3)));
    }

    List<String> published = new ArrayList<>();
    try (Stream<Path> folders = Files.list(ROOT.resolve("java"))) {
      for (Path folder : folders.toList()) {
        String module = folder.getFileName().toString();
        boolean isModule = Files.exists(folder.resolve("pom.xml"));
        if (isModule
            && !module.equals("xent-bom")
            && !pom(module).contains("<maven.deploy.skip>true<")) {
          published.add(module);
        }
      }
    }
    PLATFORM_JAR
        .matcher(pom("xent"))
        .results()
        .forEach(jar -> published.add("xent:" + jar.group(1)));

    assertThat(published).contains("xent", "xent-cli", "xent-spark", "xent:macos-aarch64");
    assertThat(managed).containsExactlyInAnyOrderElementsOf(published);
  }
}
