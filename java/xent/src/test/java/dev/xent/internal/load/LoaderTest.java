// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.XentRuntime;
import dev.xent.options.Isa;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Linker;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * How the native library is loaded or not. Each case runs in its own JVM, because a process chooses
 * only once.
 */
@Execution(ExecutionMode.CONCURRENT)
@EnabledOnOs(OS.LINUX)
class LoaderTest {
  /** Up to JDK 23 an option that enables access for one module denies it to the others. */
  private static final String DENIED =
      Runtime.version().feature() >= 24
          ? "--illegal-native-access=deny"
          : "--enable-native-access=java.logging";

  private static final Path MODULE = Path.of(System.getProperty("basedir"));
  private static final Path CLASSES = MODULE.resolve("target/classes");
  private static final Path NATIVE = Path.of("META-INF", "native");
  private static final Path STRANGERS = MODULE.resolve("target/cmake/strangers");
  private static final String WARNING = "Xent computes with its Java reference";

  /** All but the library, for all tests: a copy of it alone is one that a test may spoil. */
  @TempDir private static Path shared;

  /** Everything in one file, whose classes need no descriptors. */
  private static Path jar;

  @TempDir private Path directory;
  private Path classes;
  private Path temporary;

  private record Result(List<String> out, String err) {}

  @BeforeAll
  static void copyClasses() throws IOException {
    copy(shared.resolve("classes"), file -> !file.startsWith(NATIVE));
    jar = shared.resolve("xent.jar");
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
      for (Path root : List.of(CLASSES, MODULE.resolve("target/test-classes/"))) {
        for (Path file : filesOf(root)) {
          out.putNextEntry(new ZipEntry(root.relativize(file).toString()));
          Files.copy(file, out);
        }
      }
    }
  }

  @BeforeEach
  void copyLibrary() throws IOException {
    classes = directory.resolve("classes");
    temporary = Files.createDirectory(directory.resolve("tmp"));
    copy(classes, file -> NATIVE.startsWith(file) || file.startsWith(NATIVE));
  }

  private static void copy(Path to, Predicate<Path> taken) throws IOException {
    Files.createDirectory(to);
    try (Stream<Path> files = Files.walk(CLASSES).skip(1)) {
      for (Path file : files.map(CLASSES::relativize).filter(taken).toList()) {
        Files.copy(CLASSES.resolve(file), to.resolve(file));
      }
    }
  }

  /** Loads Xent in class loaders, each with a setting or none. */
  private Result run(List<String> settings, String... options) throws Exception {
    List<String> all = new ArrayList<>(List.of(options));
    all.add("-XX:TieredStopAtLevel=1"); // which starts faster
    return run(LoaderProbes.InLoaders.class, settings, all.toArray(String[]::new));
  }

  private Result run(Class<?> probe, List<String> arguments, String... options) throws Exception {
    List<String> command = command(classPath(), options);
    command.add(probe.getName());
    command.addAll(arguments);
    return start(command);
  }

  private String classPath() {
    return String.join(
        File.pathSeparator,
        classes.toString(),
        shared.resolve("classes").toString(),
        MODULE.resolve("target/test-classes").toString());
  }

  private List<String> command(String path, String... options) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Djava.io.tmpdir=" + temporary);
    command.addAll(List.of(options));
    command.add("-cp");
    command.add(path);
    return command;
  }

  private Result start(List<String> command) throws Exception {
    Path out = directory.resolve("out");
    Path err = directory.resolve("err");
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    assertThat(process.waitFor(5, TimeUnit.MINUTES)).as("ends by itself").isTrue();
    assertThat(process.exitValue()).as(Files.readString(err)).isZero();
    return new Result(Files.readAllLines(out), Files.readString(err));
  }

  private Result runAllowed(String... options) throws Exception {
    List<String> all = new ArrayList<>(List.of(options));
    all.add("--enable-native-access=ALL-UNNAMED");
    return run(List.of(""), all.toArray(String[]::new));
  }

  private List<Path> librariesInClasses(String suffix) throws IOException {
    try (Stream<Path> files =
        Files.walk(classes.resolve(NATIVE).resolve(Platform.current().toString()))) {
      return files.filter(file -> file.toString().endsWith(suffix)).toList();
    }
  }

  private void deleteLibrary() throws IOException {
    for (Path file : librariesInClasses("")) {
      if (Files.isRegularFile(file)) {
        Files.delete(file);
      }
    }
  }

  private static void assertFallback(Result result, String reason) {
    assertThat(result.out()).hasSize(2).allMatch(line -> line.contains(", reference ("));
    assertThat(result.out()).allMatch(line -> line.contains(reason));
    assertThat(result.err()).containsOnlyOnce(WARNING).contains(reason);
  }

  private static void assertRefused(Result result, String exception, String reason) {
    assertThat(result.out())
        .hasSize(2)
        .allMatch(line -> line.startsWith(exception + ": "))
        .allMatch(line -> line.contains(reason));
    assertThat(result.err()).doesNotContain(WARNING);
  }

  @Test
  void theLibraryInTheJarIsLoadedAndItsCopyRemoved() throws Exception {
    Result result = runAllowed();
    assertThat(result.out()).hasSize(2).allMatch(line -> line.contains(", native "));
    assertThat(result.err()).isEmpty();
    assertThat(temporary).isEmptyDirectory();
  }

  /** Each of them costs the first call of a JVM milliseconds. */
  @Test
  void theFirstCallLoadsNoClassesThatItCanDoWithout() throws Exception {
    Path log = directory.resolve("log");
    Result result =
        run(
            LoaderProbes.FirstCall.class,
            List.of(),
            "--enable-native-access=ALL-UNNAMED",
            "-Xlog:class+load:file=" + log);
    assertThat(result.out()).containsExactly("0.5");
    List<String> loaded = Files.readAllLines(log);
    assertThat(loaded).anyMatch(line -> line.contains(" dev.xent.Softmax "));
    assertThat(loaded)
        .noneMatch(
            line ->
                line.contains(" dev.xent.internal.kernels.reference.") // computes without it
                    || line.contains(" java.util.regex.Pattern")
                    || line.contains(" java.lang.invoke.IndirectVarHandle")); // of structs
  }

  @Test
  void withoutALibraryTheReferenceComputesAndOneLineSaysWhy() throws Exception {
    deleteLibrary();
    assertFallback(runAllowed(), "this build of Xent has no native library for linux-");
  }

  @Test
  void aLogHandlerMayMakeCallsAndThrow() throws Exception {
    deleteLibrary();
    Result result = run(LoaderProbes.LogHandler.class, List.of());
    assertThat(result.out())
        .containsExactly("in the handler 0.5", "in the program 0.5", "1 messages");
    assertThat(result.err())
        .contains("IllegalStateException: cannot log: " + WARNING)
        .contains("IllegalStateException: thrown by the handler");
  }

  @Test
  void withoutALibraryThatIsRequiredThereIsAnError() throws Exception {
    deleteLibrary();
    assertRefused(
        runAllowed("-Ddev.xent.native=require"),
        "NativeLibraryException",
        "this build of Xent has no native library for linux-");
  }

  @Test
  void offIsNoReasonToWarn() throws Exception {
    Result result = runAllowed("-Ddev.xent.native=off");
    assertThat(result.out())
        .hasSize(2)
        .allMatch(line -> line.contains(", reference (dev.xent.native=off)"));
    assertThat(result.err()).isEmpty();
  }

  @Test
  void aTamperedLibraryIsRefused() throws Exception {
    Path library = librariesInClasses(".so").getFirst();
    byte[] bytes = Files.readAllBytes(library);
    bytes[bytes.length / 2] ^= 1;
    Files.write(library, bytes);
    assertFallback(runAllowed(), "is not the library that was built: CRC-32 ");
    assertThat(temporary).isEmptyDirectory();
  }

  @Test
  void aLibraryWithoutChecksumIsRefused() throws Exception {
    Files.delete(librariesInClasses(".crc32").getFirst());
    assertFallback(runAllowed(), "has no checksum libxent.so.crc32 beside it");
  }

  @Test
  void anExplicitPathIsLoaded() throws Exception {
    Path library = Files.copy(librariesInClasses(".so").getFirst(), directory.resolve("mine.so"));
    deleteLibrary();
    Result result = runAllowed("-Ddev.xent.library.path=" + library);
    assertThat(result.out()).hasSize(2).allMatch(line -> line.contains(", native "));
    assertThat(result.err()).isEmpty();
  }

  @Test
  void anExplicitPathThatIsMissingIsAnError() throws Exception {
    assertRefused(
        runAllowed("-Ddev.xent.library.path=/nowhere/libxent.so"),
        "NativeLibraryException",
        "dev.xent.library.path=/nowhere/libxent.so is not a file");
  }

  /** Libraries that a path names, each with what its exception says. */
  private final Map<Path, String> refused = new LinkedHashMap<>();

  private void damage(String reason, UnaryOperator<byte[]> damage) throws IOException {
    byte[] bytes = Files.readAllBytes(librariesInClasses(".so").getFirst());
    Path library = directory.resolve("damaged" + refused.size() + ".so");
    refused.put(Files.write(library, damage.apply(bytes)), reason);
  }

  /** Each in a class loader of one JVM. */
  private void assertPathsRefused() throws Exception {
    Result result =
        run(
            refused.keySet().stream().map(path -> "dev.xent.library.path=" + path).toList(),
            "--enable-native-access=ALL-UNNAMED");
    List<String> expected =
        refused.entrySet().stream().map(each -> each.getKey() + " " + each.getValue()).toList();
    assertThat(result.out()).hasSize(2 * expected.size());
    for (int i = 0; i < result.out().size(); i++) {
      assertThat(result.out().get(i))
          .startsWith("NativeLibraryException: ")
          .contains("the native library is required and cannot be used: " + expected.get(i / 2));
    }
    assertThat(result.err()).doesNotContain(WARNING);
  }

  /** The system's loader would die of a SIGBUS, and the JVM with it. */
  @Test
  void aTruncatedLibraryIsRefused() throws Exception {
    for (double part : new double[] {0, 0.00001, 0.002, 0.25, 0.5, 0.9, 0.999, 0.99999}) {
      damage(
          "is not complete: it has ", bytes -> Arrays.copyOf(bytes, (int) (bytes.length * part)));
    }
    // What the headers promise need not be a number that a file can have.
    for (int at : new int[] {32, 40, 96}) {
      damage(
          "is not complete: it has ",
          bytes -> {
            Arrays.fill(bytes, at, at + 8, (byte) 0x7f);
            return bytes;
          });
    }
    assertPathsRefused();
  }

  /** As after a crash of the machine: as long as it was, but not all of it on the disk. */
  @Test
  void aDamagedLibraryIsRefused() throws Exception {
    for (double part : new double[] {0.5, 0.999}) {
      damage(
          "is damaged: its section headers are no such; copy it again",
          bytes -> {
            Arrays.fill(bytes, (int) (bytes.length * part), bytes.length, (byte) 0);
            return bytes;
          });
    }
    damage(
        "is damaged: CRC-32 ",
        bytes -> {
          bytes[bytes.length / 2] ^= 1;
          return bytes;
        });
    assertPathsRefused();
  }

  @Test
  void aForeignLibraryIsRefused() throws Exception {
    String reason =
        "is not a library for " + Platform.current() + "; use one that was built for it";
    // 32 bits, big-endian, an object file, for arm, and none at all.
    for (int[] change : new int[][] {{4, 1}, {5, 2}, {16, 1}, {18, 40}}) {
      damage(
          reason,
          bytes -> {
            bytes[change[0]] = (byte) change[1];
            return bytes;
          });
    }
    damage(
        reason,
        bytes ->
            "no library, but a text that is longer than the header of one would be"
                .getBytes(StandardCharsets.UTF_8));
    assertPathsRefused();
  }

  /** Another build is loaded, too, if its versions match. */
  @Test
  void aLibraryThatTheUserBuiltIsLoaded() throws Exception {
    Path built = MODULE.resolve("target/native/libxent.so").toRealPath();
    Result result = runAllowed("-Ddev.xent.library.path=" + built);
    assertThat(result.out()).hasSize(2).allMatch(line -> line.contains(", native "));
  }

  /** Libraries of another version, and such as compute other bits. */
  @Test
  void aStrangerIsRefused() throws Exception {
    String otherBits =
        "computes other bits than this version of Xent does: a softmax of F32 on scalar; ";
    refused.put(stranger("other_abi"), "has the ABI version 2");
    refused.put(stranger("other_numerics"), "has the numerics version 2");
    refused.put(stranger("half"), "is not a library of this version of Xent: ");
    refused.put(stranger("other_bits"), otherBits);
    refused.put(stranger("only_finite"), otherBits);
    assertPathsRefused();
  }

  private static Path stranger(String name) {
    return STRANGERS.resolve("lib" + name + ".so");
  }

  @Test
  void twoClassLoadersLoadACopyEach() throws Exception {
    Result result = run(List.of("", ""), "--enable-native-access=ALL-UNNAMED");
    assertThat(result.out()).hasSize(4).allMatch(line -> line.contains(", native "));
    assertThat(result.err()).isEmpty();
    assertThat(temporary).isEmptyDirectory();
  }

  /** The thread that called lives on, and so do threads of the pool for a while. */
  @ParameterizedTest
  @ValueSource(strings = {"require", "off"})
  void noLiveThreadKeepsAClassLoader(String use) throws Exception {
    Result result =
        run(
            LoaderProbes.Unloading.class,
            List.of("5"),
            "--enable-native-access=ALL-UNNAMED",
            "-Ddev.xent.threads=2",
            "-Ddev.xent.threads.elements=16384",
            "-Ddev.xent.native=" + use);
    assertThat(result.out()).containsExactly("0 loaders left, 0 libraries mapped");
  }

  @Test
  void twoClassLoadersCanNameTheSameFile() throws Exception {
    Path library = librariesInClasses(".so").getFirst();
    Result result =
        run(
            List.of("", ""),
            "--enable-native-access=ALL-UNNAMED",
            "-Ddev.xent.library.path=" + library);
    assertThat(result.out()).hasSize(4).allMatch(line -> line.contains(", native "));
    assertThat(result.err()).isEmpty();
  }

  @Test
  void aMisspeltPropertyIsNamedOnce() throws Exception {
    Result result = runAllowed("-Ddev.xent.thread=1");
    assertThat(result.out()).hasSize(2).allMatch(line -> line.contains(", native "));
    assertThat(result.err())
        .containsOnlyOnce(
            "the system property dev.xent.thread is unknown and has no effect; expected"
                + " dev.xent.threads");
  }

  /** The copy has another name at the next try, and the reason is the same. */
  @Test
  void whatTheSystemRefusesIsNamedOnceAndNotItsCopy() throws Exception {
    byte[] garbage = new byte[100];
    CRC32 checksum = new CRC32();
    checksum.update(garbage);
    Files.write(librariesInClasses(".so").getFirst(), garbage);
    Files.writeString(
        librariesInClasses(".crc32").getFirst(),
        HexFormat.of().toHexDigits((int) checksum.getValue()));
    Result result = runAllowed();
    assertFallback(result, "/libxent.so: invalid ELF header");
    assertThat(result.out()).noneMatch(line -> line.contains(temporary.toString()));
  }

  @Test
  void aDirectoryThatIsMissingIsAReasonThatNamesTheSetting() throws Exception {
    assertFallback(
        runAllowed("-Ddev.xent.tempdir=/nowhere"), "cannot write the native library to /nowhere");
  }

  /** As in a container without a locale. Only a copy of the library needs the directory. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "-Ddev.xent.native=auto | , reference (java.io.tmpdir=/gr????e is not a path: Malformed"
            + " input",
        "-Ddev.xent.native=auto | ; set LC_ALL=C.UTF-8 or set dev.xent.tempdir to another"
            + " directory)",
        "-Ddev.xent.native=off  | , reference (dev.xent.native=off)",
        "-Ddev.xent.tempdir=    | , native ",
        "-Ddev.xent.library.path= | , native ",
      })
  void aTemporaryDirectoryThatTheLocaleCannotName(String option, String said) throws Exception {
    String value =
        switch (option) {
          case "-Ddev.xent.tempdir=" -> temporary.toString();
          case "-Ddev.xent.library.path=" -> librariesInClasses(".so").getFirst().toString();
          default -> "";
        };
    // Java's launcher reads the bytes of the file, whatever the locale of this JVM is.
    Path options =
        Files.writeString(directory.resolve("options"), "-Djava.io.tmpdir=/gr\u00fc\u00dfe");
    List<String> command = new ArrayList<>(List.of("env", "LC_ALL=C"));
    command.addAll(
        command(classPath(), "--enable-native-access=ALL-UNNAMED", "@" + options, option + value));
    command.addAll(List.of(LoaderProbes.InLoaders.class.getName(), ""));
    assertThat(start(command).out()).hasSize(2).allMatch(line -> line.contains(said));
  }

  @Test
  void whereNativeAccessIsDeniedTheReferenceComputes() throws Exception {
    assertFallback(
        run(List.of(""), DENIED),
        "native access is denied; run java with --enable-native-access=ALL-UNNAMED");
  }

  /** Helpers would have to set the bounds of an address, which is native access too. */
  @Test
  void whereNativeAccessIsDeniedMemoryOfOneThreadIsComputedByItAlone() throws Exception {
    Result result =
        run(
            LoaderProbes.DeniedAccess.class,
            List.of("6"),
            DENIED,
            "-Ddev.xent.threads=4",
            "-Ddev.xent.threads.elements=16384");
    assertThat(result.out())
        .containsExactly(
            "0.001",
            "0.6931472",
            "native access is denied; run java with --enable-native-access=ALL-UNNAMED: tensors"
                + " over an address, or with an owner, need it");
    assertThat(result.err()).contains(WARNING).doesNotContain("Exception");
  }

  /** As in a native image that lacks metadata: the option is looked up by its name. */
  @Test
  void whereTheLinkerLacksAnOptionTheReferenceComputes() throws Exception {
    String option = Runtime.version().feature() >= 22 ? "critical" : "isTrivial";
    Path patch = directory.resolve("patch");
    Path patched = patch.resolve("java/lang/foreign/Linker$Option.class");
    Files.createDirectories(patched.getParent());
    try (InputStream stream = Linker.Option.class.getResourceAsStream("Linker$Option.class")) {
      String bytes = new String(stream.readAllBytes(), StandardCharsets.ISO_8859_1);
      assertThat(bytes).contains(option);
      Files.writeString(
          patched, bytes.replace(option, "x" + option.substring(1)), StandardCharsets.ISO_8859_1);
    }
    Result result = runAllowed("--patch-module", "java.base=" + patch);
    assertThat(result.out())
        .hasSize(2)
        .allMatch(line -> line.contains(", reference ("))
        .allMatch(line -> line.contains("/libxent.so cannot be called: ") && line.contains(option));
    assertThat(result.err()).containsOnlyOnce(WARNING);
  }

  @Test
  void settingsThatAreRefusedLoadTheLibraryOnce() throws Exception {
    Isa missing = XentRuntime.get().availableIsas().contains(Isa.NEON) ? Isa.AVX2 : Isa.NEON;
    Result result =
        run(
            LoaderProbes.InvalidSettings.class,
            List.of("3"),
            "--enable-native-access=ALL-UNNAMED",
            "-Ddev.xent.isa=" + missing.name().toLowerCase(Locale.ROOT));
    assertThat(result.out()).containsExactly("refused 3 times, 1 mapped");
  }

  @Test
  void anInstructionSetIsTakenWhereItIsHereAndRefusedWhereNot() throws Exception {
    List<String> names =
        Stream.of(Isa.SCALAR, Isa.AVX2, Isa.AVX512, Isa.NEON)
            .map(isa -> isa.name().toLowerCase(Locale.ROOT))
            .toList();
    List<String> here =
        XentRuntime.get().availableIsas().stream()
            .map(isa -> isa.name().toLowerCase(Locale.ROOT))
            .toList();
    Result result =
        run(
            names.stream().map(name -> "dev.xent.isa=" + name).toList(),
            "--enable-native-access=ALL-UNNAMED");
    assertThat(result.out()).hasSize(2 * names.size());
    for (int i = 0; i < result.out().size(); i++) {
      String name = names.get(i / 2);
      String missing =
          "OptionException: dev.xent.isa=%s is not available on this machine or in this build; the best here is "
              .formatted(name);
      assertThat(result.out().get(i)).contains(here.contains(name) ? ", native " + name : missing);
    }
    assertThat(result.err()).doesNotContain(WARNING);
  }

  @Test
  void aSettingThatCannotBeIsRefusedEveryTime() throws Exception {
    assertRefused(
        runAllowed("-Ddev.xent.native=maybe"),
        "OptionException",
        "dev.xent.native=maybe; expected one of auto, require, off");
  }

  // ---- what is missing for a moment ------------------------------------------------------------

  /** From the jar. */
  private Result starve(String cause, String limit, String... options) throws Exception {
    List<String> all = new ArrayList<>(List.of(options));
    all.add("--enable-native-access=ALL-UNNAMED");
    List<String> command = new ArrayList<>(List.of("sh", "-c", limit + " && exec \"$@\"", "sh"));
    command.addAll(command(jar.toString(), all.toArray(String[]::new)));
    command.addAll(List.of(StarvedProbe.class.getName(), cause));
    return start(command);
  }

  private static List<Path> filesOf(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      return files
          .filter(Files::isRegularFile)
          .filter(file -> root.equals(CLASSES) || file.toString().contains("StarvedProbe"))
          .filter(file -> !file.endsWith("module-info.class"))
          .toList();
    }
  }

  private Result starve(String cause, String use) throws Exception {
    return switch (cause) {
      case "descriptors" -> starve(cause, "ulimit -n 60", "-Ddev.xent.native=" + use);
      case "disk" -> starve(cause, "ulimit -S -f 200", "-Ddev.xent.native=" + use);
      case "memory" ->
          starve(cause, ":", "-Ddev.xent.native=" + use, "-Xmx16m", "-XX:+UseSerialGC");
      case "directory" ->
          starve(
              cause,
              ":",
              "-Ddev.xent.native=" + use,
              "-Ddev.xent.tempdir=" + directory.resolve("later"));
      default -> throw new IllegalArgumentException(cause);
    };
  }

  /** The operation that made the first call computes natively too, and each reason is said once. */
  @ParameterizedTest
  @CsvSource({
    "descriptors, Too many open files",
    "directory, NoSuchFileException",
    "disk, File too large"
  })
  void whatIsMissingForAMomentDoesNotDecide(String cause, String reason) throws Exception {
    Result result = starve(cause, "auto");
    assertThat(result.out()).hasSize(7);
    assertThat(result.out().subList(0, 5)).allMatch(l -> l.startsWith("starved: 0.5, reference, "));
    assertThat(result.out().get(6)).startsWith("later: 0.5, native, ").doesNotContain("backend");
    assertThat(result.err())
        .containsOnlyOnce(WARNING)
        .containsOnlyOnce(reason)
        .containsOnlyOnce("Xent computes with its native library from now on");
    assertThat(temporary).isEmptyDirectory();
  }

  /** Without a pause, as nothing else could be done. */
  @ParameterizedTest
  @CsvSource({
    "descriptors, Too many open files",
    "directory, NoSuchFileException",
    "disk, File too large"
  })
  void whereItIsRequiredTheNextCallTriesAgain(String cause, String reason) throws Exception {
    Result result = starve(cause, "require");
    assertThat(result.out()).hasSize(7);
    assertThat(result.out().subList(0, 5))
        .allMatch(
            l ->
                l.startsWith("starved: the native library is required and cannot be used: cannot "))
        .allMatch(line -> line.contains(reason))
        .containsOnly(result.out().getFirst());
    assertThat(result.out().get(5)).startsWith("next: 0.5, native, ");
    assertThat(result.err()).doesNotContain("Xent", "Exception");
  }

  @Test
  void aLackOfMemoryIsAnErrorAndNoReason() throws Exception {
    Result result = starve("memory", "auto");
    assertThat(result.out().subList(0, 5)).containsOnly("starved: Java heap space");
    assertThat(result.out().get(5)).startsWith("next: 0.5, native, ");
    assertThat(result.err()).doesNotContain("Xent", "Exception");
  }

  @ParameterizedTest
  @ValueSource(strings = {"auto", "require", "path"})
  void anInterruptedThreadLoadsTheLibrary(String use) throws Exception {
    String option =
        use.equals("path")
            ? "-Ddev.xent.library.path=" + librariesInClasses(".so").getFirst()
            : "-Ddev.xent.native=" + use;
    Result result = starve("interrupt", ":", option);
    assertThat(result.out()).hasSize(8).contains("interrupted: true");
    assertThat(result.out())
        .filteredOn(line -> !line.equals("interrupted: true"))
        .allMatch(line -> line.contains(": 0.5, native, "));
    assertThat(result.err()).doesNotContain("Xent", "Exception");
  }

  @Test
  void theReasonReachesTheLogInOneLine() throws Exception {
    deleteLibrary();
    Result result = runAllowed("-Djava.util.logging.SimpleFormatter.format=%4$s %5$s%n");
    assertThat(result.err().lines()).hasSize(1);
    assertThat(result.err()).startsWith("WARNING " + WARNING);
    assertThat(result.err().getBytes(StandardCharsets.UTF_8).length).isLessThan(400);
  }
}
