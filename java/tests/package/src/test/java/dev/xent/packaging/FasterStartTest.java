// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.xent.packaging.Processes.Ended;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The commands of docs/installing.md for a faster start, on the program of the page. */
@EnabledOnOs(OS.LINUX)
class FasterStartTest {
  @TempDir private Path folder;

  @BeforeEach
  void packageTheProgram() throws Exception {
    assumeTrue(Runtime.version().feature() >= 25, "the commands are for JDK 25");
    Files.copy(Package.JAR, folder.resolve("xent.jar"));
    Path source = folder.resolve("Example.java");
    Path classes = folder.resolve("classes");
    Files.writeString(source, ConsumerTest.onPage("java", "XentRuntime.get()"));
    run("javac", "-proc:none", "-cp", Package.JAR, "-d", classes, source);
    run("jar", "--create", "--file", folder.resolve("app.jar"), "-C", classes, ".");
  }

  private static void run(String tool, Object... words) {
    ToolProvider found = ToolProvider.findFirst(tool).orElse(null);
    assumeTrue(found != null, "this is a JRE, without " + tool);
    String[] arguments = List.of(words).stream().map(Object::toString).toArray(String[]::new);
    assertThat(found.run(System.out, System.err, arguments)).as(tool).isZero();
  }

  @Test
  void theCommandsOfThePageMakeAndUseACache() throws Exception {
    List<String> commands = commands();
    assertThat(commands).hasSize(2);
    assertThat(inShell(commands.getFirst())).contains("perplexity");
    assertThat(folder.resolve("app.aot")).isNotEmptyFile();
    // Without the option, a JVM that cannot use a cache goes on without it.
    assertThat(inShell(commands.getLast().replace("java ", "java -XX:AOTMode=on ")))
        .contains("perplexity");
  }

  /** It might have instructions that the processor of the second run lacks. */
  @Test
  void theCacheHasNoMachineCode() throws Exception {
    inShell(commands().getFirst());
    String log = " -XX:AOTMode=on -Xlog:aot+codecache*=debug ";
    assertThat(inShell(commands().getLast().replace("java ", "java" + log)))
        .contains("perplexity")
        .containsPattern("(?i)AOT Code Cache is empty");
  }

  private static List<String> commands() throws Exception {
    return ConsumerTest.onPage("sh", "AOTCacheOutput").replace("\\\n", " ").lines().toList();
  }

  @Test
  void theOptionsOfThePageForJdk21MakeAndUseAnArchive() throws Exception {
    String archive = "-XX:+AutoCreateSharedArchive -XX:SharedArchiveFile=app.jsa";
    assertThat(Files.readString(Package.ROOT.resolve("docs/installing.md")).replace('\n', ' '))
        .contains("`" + archive + "`");
    String command = commands().getLast().replace("-XX:AOTCache=app.aot", archive);
    assertThat(inShell(command)).contains("perplexity");
    assertThat(folder.resolve("app.jsa")).isNotEmptyFile();
    assertThat(inShell(command.replace("java ", "java -Xlog:class+load ")))
        .containsPattern("dev.xent.CrossEntropy source: shared objects file \\(top\\)");
  }

  private String inShell(String command) {
    String path = Package.JDK.resolve("bin") + ":" + System.getenv("PATH");
    Ended ended = Processes.run(folder, Map.of("PATH", path), List.of("sh", "-c", command));
    assertThat(ended.exit()).as(ended.err()).isZero();
    return String.join("\n", ended.out());
  }
}
