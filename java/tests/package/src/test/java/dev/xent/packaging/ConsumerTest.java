// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.packaging.Processes.Ended;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A project with the coordinates and the program of docs/installing.md builds in a Maven of its
 * own, from what {@code mvn install} installs, and prints what the page shows.
 */
class ConsumerTest {
  private static final String PAGE = "docs/installing.md";
  private static final Path CONSUMER = Package.MODULE.resolve("consumer");
  private static final Path PROGRAM = Path.of("src/main/java/Example.java");
  private static final Pattern RUNTIME = Pattern.compile("xent \\S+, \\w+.*, numerics");

  @TempDir private Path directory;

  /** A block of the page. */
  static String onPage(String fence, String content) throws IOException {
    Matcher block =
        Pattern.compile("```" + fence + "\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(Package.ROOT.resolve(PAGE)));
    while (block.find()) {
      if (block.group(1).contains(content)) {
        return block.group(1);
      }
    }
    throw new AssertionError(PAGE + " has no " + fence + " with " + content);
  }

  private static String withoutSpace(String text) {
    return text.replaceAll("\\s+", "");
  }

  @Test
  void theConsumerHasTheCoordinatesOfThePage() throws IOException {
    assertThat(withoutSpace(Files.readString(CONSUMER.resolve("pom.xml"))))
        .contains(withoutSpace(onPage("xml", "<dependency>")));
    assertThat(onPage("kotlin", "implementation")).contains("dev.xent:xent:" + Package.VERSION);
    assertThat(onPage("xml", "<dependency>")).contains("<version>" + Package.VERSION);
  }

  @Test
  void theBuildFileOfGradleIsOnThePage() throws IOException {
    String file = Files.readString(CONSUMER.resolve("build.gradle.kts"));
    assertThat(file.lines().dropWhile(line -> line.startsWith("//")).toList())
        .isEqualTo(onPage("kotlin", "implementation").lines().toList());
  }

  @Test
  void thePageOnInstallingLinksToTheWholeFiles() throws IOException {
    String page = Files.readString(Package.ROOT.resolve(PAGE));
    for (String file : List.of("pom.xml", "build.gradle.kts")) {
      assertThat(page).contains("(../" + Package.ROOT.relativize(CONSUMER.resolve(file)) + ")");
    }
  }

  @Test
  void theConsumerHasTheProgramOfThePage() throws IOException {
    assertThat(Files.readString(CONSUMER.resolve(PROGRAM)))
        .isEqualTo(
            "// SPDX-License-Identifier: Apache-2.0\n" + onPage("java", "XentRuntime.get()"));
  }

  @Test
  void theConsumerBuildsAndPrintsWhatThePageShows() throws IOException {
    Path project = directory.resolve("consumer");
    Files.createDirectories(project.resolve(PROGRAM).getParent());
    Files.copy(CONSUMER.resolve("pom.xml"), project.resolve("pom.xml"));
    Files.copy(CONSUMER.resolve(PROGRAM), project.resolve(PROGRAM));

    Ended ended =
        Processes.run(project, Map.of("JAVA_HOME", Package.JDK.toString()), maven(settings()));

    String log = String.join("\n", ended.out()) + ended.err();
    assertThat(ended.exit()).as(log).isZero();
    List<String> printed = new ArrayList<>();
    for (String line : onPage("text", "perplexity").lines().toList()) {
      ended.out().stream()
          .filter(each -> sameBut(each, line))
          .findFirst()
          .ifPresentOrElse(printed::add, () -> assertThat(log).contains(line));
    }
    assertThat(printed).hasSize(13);
    System.out.println("mvn install, then a project with the coordinates of the page prints:");
    printed.forEach(line -> System.out.println("  " + line));
  }

  /** The same line, whatever the instruction set of this machine is. */
  private static boolean sameBut(String line, String other) {
    return RUNTIME.matcher(line).replaceAll("").equals(RUNTIME.matcher(other).replaceAll(""));
  }

  private static List<String> maven(Path settings) {
    return List.of(
        Path.of(System.getProperty("xent.maven.home"), "bin", "mvn").toString(),
        "--batch-mode",
        "--global-settings",
        settings.toString(),
        "-Dmaven.repo.local=" + System.getProperty("xent.consumer.repository"),
        "compile",
        "exec:exec");
  }

  /**
   * Plugins come from the repository of the build that runs this test, which has them all, else
   * from Maven Central; Xent does not.
   */
  private Path settings() throws IOException {
    String repository =
        """
        <id>%s</id><url>%s</url>
        <releases><enabled>true</enabled><checksumPolicy>ignore</checksumPolicy></releases>
        <snapshots><enabled>false</enabled></snapshots>
        """
            .formatted(
                "plugins-of-this-build",
                Path.of(System.getProperty("xent.maven.repository")).toUri());
    return Files.writeString(
        directory.resolve("settings.xml"),
        """
        <settings>
          <profiles><profile>
            <id>here</id>
            <repositories><repository>%1$s</repository></repositories>
            <pluginRepositories><pluginRepository>%1$s</pluginRepository></pluginRepositories>
          </profile></profiles>
          <activeProfiles><activeProfile>here</activeProfile></activeProfiles>
        </settings>
        """
            .formatted(repository));
  }
}
