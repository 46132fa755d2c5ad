// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static dev.xent.packaging.Expectation.computesNatively;
import static dev.xent.packaging.Expectation.fails;
import static dev.xent.packaging.Expectation.fallsBack;
import static dev.xent.packaging.Expectation.fallsBackSilently;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.packaging.Processes.Ended;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every situation in which the jar must load, or must say why it cannot: each in its own JVM,
 * against the jar that users get. Prints the table that the documentation has.
 */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64")
class LoadingTest {
  /** Up to JDK 23, access for one module denies it to the others. */
  private static final String DENIED =
      Runtime.version().feature() >= 24
          ? "--illegal-native-access=deny"
          : "--enable-native-access=java.logging";

  private static final Table TABLE = new Table();

  @TempDir private Path directory;

  /** What is done in a situation. */
  private interface Situation {
    Ended in(Path folder) throws Exception;
  }

  @AfterAll
  static void print() {
    System.out.println(TABLE);
  }

  @TestFactory
  Stream<DynamicTest> situations() {
    return Stream.of(
        row("class path", computesNatively(), folder -> new Launch(folder).run()),
        row("module path", computesNatively(), LoadingTest::onModulePath),
        row("fat jar (maven-shade-plugin)", computesNatively(), LoadingTest::inFatJar),
        row(
            "executable jar with `Enable-Native-Access` in its manifest",
            computesNatively(),
            LoadingTest::inExecutableJar),
        row("jlink image with `dev.xent` in it", computesNatively(), LoadingTest::inImage),
        row(
            "two class loaders at once",
            computesNatively(),
            folder -> new Launch(folder).argument("loaders", "2").run()),
        row("two JVMs at once", computesNatively(), LoadingTest::inTwoJvms),
        row("temporary directory is a symbolic link", computesNatively(), LoadingTest::byLink),
        row(
            "copy left by a JVM that was killed while it wrote it",
            computesNatively(),
            LoadingTest::besideLeftCopy),
        row("JVM killed after loading", computesNatively(), LoadingTest::killed),
        row(
            "`noexec` temporary directory",
            fallsBack(") to a directory on a file system that allows execution"),
            folder -> mounted(folder, "noexec", new Launch(folder))),
        row(
            "`noexec` temporary directory, `dev.xent.tempdir` elsewhere",
            computesNatively(),
            LoadingTest::withDirectoryElsewhere),
        row(
            "read-only file system",
            fallsBack("cannot write the native library to "),
            folder -> mounted(folder, "ro", new Launch(folder))),
        row(
            "read-only file system, `dev.xent.library.path`",
            computesNatively(),
            LoadingTest::readOnlyWithPath),
        row(
            "`dev.xent.tempdir` that is missing",
            fallsBack("cannot write the native library to /nowhere "),
            folder -> new Launch(folder).option("-Ddev.xent.tempdir=/nowhere").run()),
        row(
            "tampered library",
            fallsBack("is not the library that was built: CRC-32 "),
            folder -> new Launch(folder).onClassPath(JarCopy.tampered(folder)).run()),
        row(
            "tampered library, `require`",
            fails("is not the library that was built: CRC-32 "),
            folder -> required(folder, JarCopy.tampered(folder))),
        row(
            "library without its checksum",
            fallsBack("has no checksum libxent.so.crc32 beside it"),
            folder -> new Launch(folder).onClassPath(JarCopy.withoutChecksum(folder)).run()),
        row(
            "library of another ABI in the jar",
            fallsBack("has the ABI version 99, this code needs "),
            folder ->
                new Launch(folder)
                    .onClassPath(JarCopy.with(StrangeLibraries.ofAnotherAbi(folder), folder))
                    .run()),
        row(
            "library of another ABI, `dev.xent.library.path`",
            fails("has the ABI version 99, this code needs "),
            folder -> withPath(folder, StrangeLibraries.ofAnotherAbi(folder))),
        row(
            "truncated library in the jar",
            fallsBack("is not the library that was built: CRC-32 "),
            folder -> new Launch(folder).onClassPath(JarCopy.truncated(folder)).run()),
        row(
            "truncated library, `dev.xent.library.path`",
            fails("is not complete: it has "),
            folder -> withPath(folder, StrangeLibraries.truncated(folder))),
        row(
            "library for another processor, `dev.xent.library.path`",
            fails("is not a library for linux-x86_64; use one that was built for it"),
            folder -> withPath(folder, StrangeLibraries.ofAnotherProcessor(folder))),
        row(
            "library for a C library that is not here",
            fallsBack("libc.another.so: cannot open shared object file"),
            folder ->
                new Launch(folder)
                    .onClassPath(JarCopy.with(StrangeLibraries.ofAnotherLibc(folder), folder))
                    .run()),
        row(
            "another platform (`os.arch` says riscv64)",
            fallsBack("this build of Xent has no native library for linux-riscv64"),
            folder -> new Launch(folder).option("-Dos.arch=riscv64").run()),
        row(
            "no library in the jar",
            fallsBack("this build of Xent has no native library for linux-x86_64"),
            folder -> new Launch(folder).onClassPath(JarCopy.withoutLibrary(folder)).run()),
        row(
            "no library in the jar, `require`",
            fails("this build of Xent has no native library for linux-x86_64"),
            folder -> required(folder, JarCopy.withoutLibrary(folder))),
        row(
            "`dev.xent.native=off`",
            fallsBackSilently("dev.xent.native=off"),
            folder -> new Launch(folder).option("-Ddev.xent.native=off").run()),
        row(
            "native access denied, class path",
            fallsBack("native access is denied; run java with --enable-native-access=ALL-UNNAMED"),
            LoadingTest::denied),
        row(
            "native access denied, module path",
            fallsBack("native access is denied; run java with --enable-native-access=dev.xent"),
            LoadingTest::deniedOnModulePath),
        row(
            "`dev.xent.library.path` to a file that is missing",
            fails("dev.xent.library.path=/nowhere/libxent.so is not a file"),
            folder -> withPath(folder, Path.of("/nowhere/libxent.so"))),
        row(
            "garbage in `dev.xent.isa`",
            fails("dev.xent.isa=sse9; expected one of best, scalar, avx2, avx512, neon"),
            folder -> new Launch(folder).option("-Ddev.xent.isa=sse9").run()));
  }

  private DynamicTest row(String name, Expectation expected, Situation situation) {
    return DynamicTest.dynamicTest(
        name,
        () -> {
          Path folder = Files.createTempDirectory(directory, "situation-");
          Files.createDirectory(folder.resolve("tmp"));
          try {
            Ended ended = situation.in(folder);
            TABLE.add(name, expected, Table.shortened(ended, folder));
            expected.check(ended);
          } catch (CannotRun e) {
            TABLE.add(name, expected, "not run: " + e.getMessage());
            assertThat(Package.ALL_REQUIRED).as("%s: %s", name, e.getMessage()).isFalse();
            Assumptions.abort(e.getMessage());
          }
        });
  }

  private static String[] modulePath(String... more) {
    return Stream.concat(
            Stream.of(more),
            Stream.of(
                "--module-path",
                Package.JAR.toString(),
                "--add-modules",
                "dev.xent",
                "-cp",
                Package.PROGRAM.toString(),
                "dev.xent.packaging.Probe"))
        .toArray(String[]::new);
  }

  private static Ended onModulePath(Path folder) {
    return new Launch(folder).with(modulePath("--enable-native-access=dev.xent")).run();
  }

  private static Ended inFatJar(Path folder) {
    return new Launch(folder)
        .with(
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            Package.FAT_JAR.toString(),
            "dev.xent.packaging.Probe")
        .run();
  }

  private static Ended inExecutableJar(Path folder) throws CannotRun {
    if (Runtime.version().feature() < 22) {
      throw new CannotRun("JDK 21 reads no Enable-Native-Access");
    }
    return new Launch(folder).with("-jar", Package.FAT_JAR.toString()).run();
  }

  private static Ended inImage(Path folder) throws CannotRun {
    Path image = folder.resolve("image");
    Path jlink = Package.JDK.resolve("bin/jlink");
    if (!Files.exists(jlink)) {
      throw new CannotRun("this is a JRE, without jlink");
    }
    Processes.runWell(
        folder,
        List.of(
            jlink.toString(),
            "--module-path",
            Package.JAR.toString(),
            "--add-modules",
            "dev.xent",
            "--output",
            image.toString()));
    return new Launch(folder)
        .by(image.resolve("bin/java"))
        .with(
            "--enable-native-access=dev.xent",
            "-cp",
            Package.PROGRAM.toString(),
            "dev.xent.packaging.Probe")
        .run();
  }

  private static Ended inTwoJvms(Path folder) throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      Callable<Ended> run = () -> new Launch(folder).run();
      List<String> lines = new ArrayList<>();
      StringBuilder err = new StringBuilder();
      for (Future<Ended> each : threads.invokeAll(List.of(run, run))) {
        assertThat(each.get().exit()).isZero();
        lines.addAll(each.get().out());
        err.append(each.get().err());
      }
      assertThat(lines).hasSize(2);
      assertThat(folder.resolve("tmp")).isEmptyDirectory();
      return new Ended(0, lines, err.toString());
    }
  }

  private static Ended byLink(Path folder) throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("link"), folder.resolve("tmp"));
    Ended ended = new Launch(folder).option("-Ddev.xent.tempdir=" + link).run();
    assertThat(folder.resolve("tmp")).isEmptyDirectory();
    return ended;
  }

  private static Ended besideLeftCopy(Path folder) throws IOException {
    Path left = Files.createDirectory(folder.resolve("tmp/xent-12345"));
    Path half = Files.writeString(left.resolve("libxent.so"), "half");
    Ended ended = new Launch(folder).run();
    assertThat(folder.resolve("tmp")).isDirectoryContaining(left::equals);
    assertThat(half).hasContent("half");
    return ended;
  }

  /** No copy is left: it has no name from the moment on when it is loaded. */
  private static Ended killed(Path folder) throws Exception {
    Process process = new ProcessBuilder(new Launch(folder).argument("wait").command()).start();
    String line = process.inputReader().readLine();
    assertThat(process.isAlive()).isTrue();
    assertThat(folder.resolve("tmp")).isEmptyDirectory();
    process.destroyForcibly();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isNotZero();
    assertThat(folder.resolve("tmp")).isEmptyDirectory();
    return new Ended(0, List.of(String.valueOf(line)), "");
  }

  private static Ended mounted(Path folder, String option, Launch launch) throws CannotRun {
    Optional<List<String>> namespace = Mount.namespace(folder);
    if (namespace.isEmpty()) {
      throw new CannotRun("neither root nor a user namespace may mount here");
    }
    return Processes.run(
        folder, Mount.in(namespace.get(), folder.resolve("tmp"), option, launch.command()));
  }

  private static Ended withDirectoryElsewhere(Path folder) throws Exception {
    Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
    return mounted(folder, "noexec", new Launch(folder).option("-Ddev.xent.tempdir=" + elsewhere));
  }

  private static Ended readOnlyWithPath(Path folder) throws Exception {
    Path library = JarCopy.library(folder.resolve("tmp"));
    return mounted(folder, "ro", new Launch(folder).option("-Ddev.xent.library.path=" + library));
  }

  private static Ended required(Path folder, Path jar) {
    return new Launch(folder).onClassPath(jar).option("-Ddev.xent.native=require").run();
  }

  private static Ended withPath(Path folder, Path library) {
    return new Launch(folder).option("-Ddev.xent.library.path=" + library).run();
  }

  private static Ended denied(Path folder) {
    return new Launch(folder)
        .with(
            DENIED,
            "-cp",
            Package.JAR + File.pathSeparator + Package.PROGRAM,
            "dev.xent.packaging.Probe")
        .run();
  }

  private static Ended deniedOnModulePath(Path folder) {
    return new Launch(folder).with(modulePath(DENIED)).run();
  }
}
