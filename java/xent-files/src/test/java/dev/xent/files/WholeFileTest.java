// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.xent.errors.XentException;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class WholeFileTest {
  private static final String PREFIX = ".xent-" + Integer.toHexString("y.npy".hashCode()) + "-";

  /** Of a process that no system has. */
  private static final String LEFT = PREFIX + "2147483647-27cc9b296a2c.tmp";

  @TempDir private Path folder;

  @Test
  void sweepsWhatAKilledWriterLeft() throws IOException {
    Files.writeString(folder.resolve(LEFT), "half");
    WholeFile.sweep(folder.resolve("y.npy"));
    assertThat(files()).isEmpty();
  }

  static List<String> others() {
    return List.of(
        LEFT + ".bak",
        PREFIX + "-27cc9b296a2c.tmp",
        PREFIX + "2147483647-.tmp",
        PREFIX + "2147483647.tmp",
        PREFIX + "\u06f1\u06f2-27cc9b296a2c.tmp",
        ".xent.tmp",
        ".xent-12-2147483647-27cc9b296a2c.tmp",
        LEFT.substring(1),
        "y.npy");
  }

  @ParameterizedTest
  @MethodSource("others")
  void sweepsNothingElse(String name) throws IOException {
    Files.writeString(folder.resolve(name), "mine");
    WholeFile.sweep(folder.resolve("y.npy"));
    assertThat(files()).containsExactly(name);
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "not every user may make links")
  void sweepsNoLinkAndNoDirectory() throws IOException {
    Path mine = Files.writeString(folder.resolve("mine"), "mine");
    Files.createSymbolicLink(folder.resolve(LEFT), mine);
    Files.createDirectory(folder.resolve(PREFIX + "2147483647-1.tmp"));
    WholeFile.sweep(folder.resolve("y.npy"));
    assertThat(files()).containsExactlyInAnyOrder("mine", LEFT, PREFIX + "2147483647-1.tmp");
    assertThat(mine).hasContent("mine");
  }

  @Test
  void sweepsNothingThatThisProcessWrites() throws IOException {
    Path path = folder.resolve("y.npy");
    try (WholeFile one = WholeFile.create(path, ".npy")) {
      WholeFile.sweep(path);
      one.write("one");
      try (WholeFile other = WholeFile.create(path, ".npy")) {
        other.write("other");
        WholeFile.sweep(path);
        assertThat(files()).hasSize(2);
        other.commit();
      }
      assertThat(path).hasContent("other");
      one.commit();
    }
    assertThat(path).hasContent("one");
    assertThat(files()).containsExactly("y.npy");
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "not every user may make links")
  void sweepsWhereALinkLeads() throws IOException {
    Path real = Files.createDirectory(folder.resolve("real"));
    Files.writeString(real.resolve("y.npy"), "old");
    Files.writeString(real.resolve(LEFT), "half");
    Path link = Files.createSymbolicLink(folder.resolve("link.npy"), real.resolve("y.npy"));
    WholeFile.sweep(link);
    assertThat(real.resolve(LEFT)).doesNotExist();
    assertThat(real.resolve("y.npy")).hasContent("old");
  }

  @Test
  void hasNothingToSweepWhereThereIsNoDirectory() {
    WholeFile.sweep(folder.resolve("none/y.npy"));
    WholeFile.sweep(Path.of("/"));
    assertThat(folder).isEmptyDirectory();
  }

  /** A process identifier comes again, above all 1 in containers. */
  @Test
  void sweepsWhatAnEarlierProcessOfTheSameNumberLeft() throws IOException {
    Path left = folder.resolve(PREFIX + ProcessHandle.current().pid() + "-1.tmp");
    Files.writeString(left, "half");
    WholeFile.sweep(folder.resolve("y.npy"));
    assertThat(left).exists();
    Files.setLastModifiedTime(left, FileTime.from(Instant.EPOCH));
    WholeFile.sweep(folder.resolve("y.npy"));
    assertThat(files()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"fa,IR,''", "ar,EG,u-nu-arab", "bn,BD,u-nu-beng", "tr,TR,''"})
  void sweepsWhatAKilledProcessLeftInAnyLocale(String language, String country, String extensions)
      throws Exception {
    run(
        Halt.class,
        "-Duser.language=" + language,
        "-Duser.country=" + country,
        "-Duser.extensions=" + extensions);
    assertThat(files())
        .singleElement()
        .asString()
        .matches("\\.xent-[0-9a-f]+-[0-9]+-[0-9a-f]+\\.tmp");
    WholeFile.sweep(folder.resolve("y.npy"));
    assertThat(files()).isEmpty();
  }

  /** Ends with 7 as if it were killed while it writes. */
  static final class Halt {
    private Halt() {}

    public static void main(String[] args) {
      WholeFile.create(Path.of(args[0], "y.npy"), ".npy").write("half");
      Runtime.getRuntime().halt(7);
    }
  }

  /** No file of another process is deleted, and no descriptor and no file stays. */
  @Test
  @DisabledOnOs(
      value = OS.WINDOWS,
      disabledReason = "a file that another thread replaces cannot be replaced")
  void threadsWriteAndSweepOneName() throws Exception {
    Path path = folder.resolve("y.npy");
    int threads = 4;
    try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
      List<Future<?>> writers =
          Stream.generate(() -> executor.submit(() -> writeAndSweep(path, 300)))
              .limit(threads)
              .<Future<?>>map(writer -> writer)
              .toList();
      for (Future<?> writer : writers) {
        writer.get();
      }
    }
    assertThat(path).hasContent("whole");
    assertThat(files()).containsExactly("y.npy");
    if (OS.LINUX.isCurrentOs()) {
      assertThat(openHiddenFiles()).isZero();
    }
  }

  private static void writeAndSweep(Path path, int times) {
    for (int i = 0; i < times; i++) {
      WholeFile.sweep(path);
      try (WholeFile file = WholeFile.create(path, ".npy")) {
        file.write("whole");
        file.commit();
      }
    }
  }

  private static long openHiddenFiles() throws IOException {
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
      return descriptors.filter(WholeFileTest::isHidden).count();
    }
  }

  private static boolean isHidden(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().contains("/.xent-");
    } catch (IOException e) {
      return false; // It has just been closed.
    }
  }

  /** What is open when the JVM ends goes with it; what was committed or closed leaves nothing. */
  @Test
  void aProcessThatExitsLeavesNothing() throws Exception {
    run(Exit.class);
    assertThat(files()).containsExactly("committed");
  }

  /** Runs a program, which ends with 7, on the folder. */
  private void run(Class<?> program, String... options) throws Exception {
    run(List.of(), program, options);
  }

  private void run(List<String> before, Class<?> program, String... options) throws Exception {
    List<String> words = new ArrayList<>(before);
    words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    words.addAll(List.of(options));
    Path target = Path.of(System.getProperty("basedir"), "target");
    URI xent = XentException.class.getProtectionDomain().getCodeSource().getLocation().toURI();
    words.addAll(
        List.of(
            "-cp",
            target.resolve("classes")
                + File.pathSeparator
                + target.resolve("test-classes")
                + File.pathSeparator
                + Path.of(xent)));
    words.addAll(List.of(program.getName(), folder.toString()));
    Process process = new ProcessBuilder(words).inheritIO().start();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(7);
  }

  /** A rename onto a mount point fails, after all the work. */
  @ParameterizedTest
  @ValueSource(strings = {"y.npy", "a\\ b\t\n\u00e9.npy"})
  @EnabledOnOs(OS.LINUX)
  void refusesAFileThatIsMountedByItself(String name) throws Exception {
    Path file = Files.writeString(folder.resolve(name), "old");
    List<String> mounted =
        List.of(
            "unshare",
            "-rm",
            "sh",
            "-c",
            "mount --bind \"$0\" \"$0\" && exec \"$@\"",
            file.toString());
    List<String> nothing = new ArrayList<>(mounted);
    nothing.add("true");
    assumeTrue(new ProcessBuilder(nothing).start().waitFor() == 0, "nothing can be mounted here");
    run(mounted, Mounted.class, "-Dsun.jnu.encoding=UTF-8");
    assertThat(file).hasContent("old");
    assertThat(files()).containsExactly(name);
  }

  /** Ends with 7 if each file of the folder is refused. */
  static final class Mounted {
    private Mounted() {}

    public static void main(String[] args) throws IOException {
      try (Stream<Path> files = Files.list(Path.of(args[0]))) {
        for (Path file : files.toList()) {
          WholeFile.create(file, ".npy").close();
        }
        System.exit(1);
      } catch (FileException e) {
        System.exit(
            e.getMessage()
                    .endsWith(
                        " is mounted by itself and cannot be replaced; mount its directory or name another file")
                ? 7
                : 2);
      }
    }
  }

  /** Exits with 7 while it writes. */
  static final class Exit {
    private Exit() {}

    public static void main(String[] args) {
      Path folder = Path.of(args[0]);
      WholeFile committed = WholeFile.create(folder.resolve("committed"), ".npy");
      committed.write("whole");
      committed.commit();
      WholeFile open = WholeFile.create(folder.resolve("open"), ".npy");
      open.write("half");
      System.exit(7);
    }
  }

  private List<String> files() throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      return list.map(path -> path.getFileName().toString()).toList();
    }
  }
}
