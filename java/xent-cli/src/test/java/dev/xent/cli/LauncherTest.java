// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** How the script {@code xent} builds, with a Maven, a JDK and tools of the test. */
@EnabledOnOs(OS.LINUX)
class LauncherTest {
  private static final Path ROOT =
      Path.of(System.getProperty("basedir", "")).toAbsolutePath().resolve("../..").normalize();

  /** Counts its runs, writes the jar in two parts, and says which Java it would run on. */
  private static final String MAVEN =
      """
      #!/bin/sh
      for word; do case $word in -Dxent.command.directory=*) out=${word#*=} ;; esac; done
      [ -x "$JAVA_HOME/bin/java" ] || { echo "JAVA_HOME is wrong: $JAVA_HOME"; exit 1; }
      echo run >>builds
      mkdir -p "$out/lib"
      echo library >"$out/lib/library.jar"
      printf half >"$out/xent-cli.jar"
      sleep 1
      echo ' and half' >>"$out/xent-cli.jar"
      touch "$out/built"
      """;

  /** Prints the jar, and makes the archive of classes. */
  private static final String JAVA =
      """
      #!/bin/sh
      sleep 0.2
      for word; do
        case $word in
          -XX:ArchiveClassesAtExit=*) echo run >>"${word#*=}" ;;
          *xent-cli.jar) cat "$word" ;;
        esac
      done
      """;

  @TempDir private Path folder;
  private Path checkout;
  private Path jdk;
  private Path tools;

  private record Ended(int code, String text) {}

  @BeforeEach
  void makeCheckout() throws IOException {
    checkout = Files.createDirectory(folder.resolve("checkout"));
    Files.copy(ROOT.resolve("xent"), checkout.resolve("xent"));
    Files.writeString(checkout.resolve("pom.xml"), "<project/>");
    jdk = folder.resolve("jdk");
    script(jdk.resolve("bin/java"), JAVA);
    script(checkout.resolve("tools/find-jdk"), "#!/bin/sh\necho '" + jdk + "'\n");
    tools = Files.createDirectory(folder.resolve("tools"));
    script(tools.resolve("mvn"), MAVEN);
    for (String tool : List.of("cmake", "cc", "make", "strip")) {
      script(tools.resolve(tool), "#!/bin/sh\n");
    }
  }

  private static void script(Path path, String text) throws IOException {
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
    assertThat(path.toFile().setExecutable(true)).isTrue();
  }

  @Test
  void severalAtOnceBuildOnce() throws Exception {
    for (int build = 1; build <= 2; build++) {
      assertThat(runAtOnce(4)).allSatisfy(this::assertWhole);
      assertThat(checkout.resolve("builds")).content().hasLineCount(build);
      Files.writeString(checkout.resolve("pom.xml"), "<project>" + build + "</project>");
    }
  }

  /** Only a build writes the archive: a command may run where it cannot write. */
  @Test
  void aBuildMakesTheArchiveOfClassesAnew() throws IOException {
    Path archive = checkout.resolve("java/xent-cli/target/xent.jsa");
    for (int build = 1; build <= 2; build++) {
      assertWhole(run(Map.of()));
      assertWhole(run(Map.of()));
      assertThat(archive).content().hasLineCount(1);
      Files.writeString(checkout.resolve("pom.xml"), "<project>" + build + "</project>");
    }
  }

  @Test
  void aBuildThatWasKilledLeavesNoLock() throws Exception {
    Process killed =
        process(Map.of())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("log").toFile())
            .start();
    while (!Files.exists(checkout.resolve("builds"))) {
      Thread.sleep(10);
    }
    List<ProcessHandle> children = killed.descendants().toList();
    killed.destroyForcibly().waitFor();
    children.forEach(ProcessHandle::destroyForcibly);
    assertWhole(run(Map.of()));
  }

  @Test
  void aJavaHomeThatIsGoneIsReplaced() {
    assertWhole(run(Map.of("JAVA_HOME", "/nonexistent")));
  }

  @Test
  void aBuildThatMavenDoesNotStartIsExplained() throws IOException {
    script(tools.resolve("mvn"), "#!/bin/sh\necho 'no Java 17'\nexit 1\n");
    Ended ended = run(Map.of());
    assertThat(ended.code()).isEqualTo(2);
    assertThat(ended.text()).contains("\nno Java 17\nxent: the build failed; the whole log is ");
  }

  @Test
  void aLogThatCannotBeWrittenIsNoReasonToShowIt() throws IOException {
    Path log = checkout.resolve("java/xent-cli/target/launcher-build.log");
    Files.createDirectories(log);
    Ended ended = run(Map.of());
    assertThat(ended.code()).isEqualTo(2);
    assertThat(ended.text())
        .isEqualTo("xent: cannot write " + log + "; run as the owner of this checkout\n");
  }

  @Test
  void allMissingToolsAreNamedAtOnce() throws IOException {
    Path few = Files.createDirectory(folder.resolve("few"));
    for (String tool :
        List.of("cat", "dirname", "find", "head", "mkdir", "readlink", "sh", "sleep", "uname")) {
      script(few.resolve(tool), "#!/bin/sh\nexec " + which(tool) + " \"$@\"\n");
    }
    script(few.resolve("apt-get"), "#!/bin/sh\n");
    script(few.resolve("flock"), "#!/bin/sh\n");
    Ended ended = run(Map.of("PATH", few.toString()));
    assertThat(ended.code()).isEqualTo(2);
    assertThat(ended.text())
        .isEqualTo(
            "xent: the build needs mvn, cmake, a C compiler, make, strip; run: apt-get install maven cmake gcc"
                + " libc6-dev make binutils\n");
  }

  private static Path which(String tool) {
    return List.of("/usr/bin", "/bin").stream()
        .map(place -> Path.of(place, tool))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow();
  }

  private void assertWhole(Ended ended) {
    assertThat(ended.code()).as(ended.text()).isZero();
    assertThat(ended.text()).endsWith("half and half\n");
  }

  private List<Ended> runAtOnce(int times) throws InterruptedException, ExecutionException {
    List<Ended> all = new ArrayList<>();
    try (ExecutorService executor = Executors.newFixedThreadPool(times)) {
      List<Future<Ended>> running = new ArrayList<>();
      for (int i = 0; i < times; i++) {
        running.add(executor.submit(() -> run(Map.of())));
      }
      for (Future<Ended> each : running) {
        all.add(each.get());
      }
    }
    return all;
  }

  private ProcessBuilder process(Map<String, String> environment) {
    ProcessBuilder builder =
        new ProcessBuilder(which("sh").toString(), "xent").directory(checkout.toFile());
    builder.environment().remove("XENT_JAVA_OPTIONS");
    builder.environment().remove("CC");
    builder.environment().put("JAVA_HOME", jdk.toString());
    builder.environment().put("PATH", tools + ":/usr/bin:/bin");
    builder.environment().putAll(environment);
    return builder;
  }

  private Ended run(Map<String, String> environment) {
    try {
      Process process = process(environment).redirectErrorStream(true).start();
      String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Ended(process.waitFor(), text);
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
