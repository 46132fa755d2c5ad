// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.packaging.Processes.Ended;
import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is in the jar and next to it, and how large it is. */
class JarTest {
  /** The limit of the jar's size. A commit that raises it says why. */
  private static final long MOST_BYTES = 2_500_000;

  /** With the libraries of all platforms: mvn -Pnatives. */
  private static final long MOST_BYTES_OF_ALL = 8_400_000;

  /** Copies of these files of the root are in each jar: section 4 of the license. */
  private static final List<String> LEGAL = List.of("META-INF/LICENSE", "META-INF/NOTICE");

  private static final String OF_ANOTHER_PLATFORM = "META-INF/native/windows-aarch64/xent.dll";

  private static List<JarEntry> files() throws IOException {
    try (JarFile jar = new JarFile(Package.JAR.toFile())) {
      return jar.stream().filter(entry -> !entry.isDirectory()).toList();
    }
  }

  @Test
  void sizeIsPrintedAndBounded() throws IOException {
    long size = Files.size(Package.JAR);
    System.out.printf(
        "%s: %,d bytes, of which the largest are:%n", Package.JAR.getFileName(), size);
    files().stream()
        .sorted(Comparator.comparingLong(JarEntry::getCompressedSize).reversed())
        .limit(4)
        .forEach(
            file -> System.out.printf("  %,9d %s%n", file.getCompressedSize(), file.getName()));
    boolean hasAll = files().stream().anyMatch(file -> file.getName().equals(OF_ANOTHER_PLATFORM));
    assertThat(size).isLessThan(hasAll ? MOST_BYTES_OF_ALL : MOST_BYTES);
  }

  @Test
  void holdsXentAndNothingElse() throws IOException {
    assertThat(files())
        .extracting(JarEntry::getName)
        .allMatch(
            name ->
                name.startsWith("dev/xent/")
                    || name.startsWith("META-INF/native/")
                    || name.startsWith("META-INF/native-image/dev.xent/xent/")
                    || name.startsWith("META-INF/maven/dev.xent/xent/")
                    || LEGAL.contains(name)
                    || name.equals("META-INF/MANIFEST.MF")
                    || name.equals("module-info.class"))
        .containsAll(LEGAL)
        .contains(
            "META-INF/native/linux-x86_64/libxent.so",
            "META-INF/native/linux-x86_64/libxent.so.crc32",
            "META-INF/native-image/dev.xent/xent/reachability-metadata.json");
  }

  /** Of the modules that were built; sources and Javadoc too, if a build of a release made them. */
  @Test
  void everyJarHasTheLicenseAndTheNotice() throws IOException {
    List<String> modules = new ArrayList<>();
    for (Path jar : publishedJars()) {
      try (JarFile file = new JarFile(jar.toFile())) {
        for (String name : LEGAL) {
          JarEntry entry = file.getJarEntry(name);
          assertThat(entry).as("%s in %s", name, jar).isNotNull();
          assertThat(file.getInputStream(entry).readAllBytes())
              .as("%s in %s", name, jar)
              .isEqualTo(Files.readAllBytes(Package.ROOT.resolve(name.replace("META-INF/", ""))));
        }
      }
      modules.add(jar.getParent().getParent().getFileName().toString());
    }
    assertThat(modules).contains("xent", "xent-files", "xent-cli");
  }

  private static List<Path> publishedJars() throws IOException {
    try (Stream<Path> files = Files.find(Package.ROOT.resolve("java"), 3, JarTest::isPublished)) {
      return files.toList();
    }
  }

  private static boolean isPublished(Path file, BasicFileAttributes attributes) {
    return file.getParent().endsWith("target")
        && file.getParent().getParent().getFileName().toString().startsWith("xent")
        && file.toString().endsWith(".jar");
  }

  @Test
  void theModuleExportsTheApiAndNeedsTheBaseAlone() {
    ModuleDescriptor module =
        ModuleFinder.of(Package.JAR).find("dev.xent").orElseThrow().descriptor();
    assertThat(module.isAutomatic()).isFalse();
    assertThat(module.exports())
        .filteredOn(each -> !each.isQualified()) // the others are for Xent's adapters
        .extracting(ModuleDescriptor.Exports::source)
        .containsExactlyInAnyOrder(
            "dev.xent",
            "dev.xent.calibration",
            "dev.xent.errors",
            "dev.xent.layers",
            "dev.xent.options");
    assertThat(module.requires())
        .filteredOn(each -> !each.modifiers().contains(ModuleDescriptor.Requires.Modifier.STATIC))
        .extracting(ModuleDescriptor.Requires::name)
        .containsExactly("java.base");
  }

  /** The jars of its annotations are for tools: a compiler that lacks them says nothing. */
  @Test
  void aProgramCompilesWithoutWarningsAgainstItAlone(@TempDir Path directory) throws IOException {
    Path program = directory.resolve("app/Program.java");
    Path module = directory.resolve("module-info.java");
    Files.createDirectories(program.getParent());
    Files.writeString(module, "module app { requires dev.xent; }\n");
    Files.writeString(
        program,
        """
        package app;

        import dev.xent.*;

        class Program {
          private Program() {}

          static double mean(Tensor logits, Tensor labels, Tensor weights) {
            Inputs inputs = Inputs.none().withRowWeights(weights);
            return CrossEntropy.mean().withDenominator(2).on(logits, labels).inputs(inputs).run();
          }
        }
        """);
    String javac = Package.JDK.resolve("bin/javac").toString();
    List<String> strict = List.of(javac, "-Xlint:all", "-Werror", "-d", "classes");
    for (List<String> rest :
        List.of(
            List.of("-cp", Package.JAR.toString(), program.toString()),
            List.of("-p", Package.JAR.toString(), module.toString(), program.toString()))) {
      List<String> command = new ArrayList<>(strict);
      command.addAll(rest);
      Ended ended = Processes.run(directory, command);
      assertThat(ended.exit()).as(ended.err()).isZero();
      assertThat(ended.err()).isEmpty();
    }
  }

  @Test
  void sourcesAndJavadocLieBesideIt() throws IOException {
    assertThat(entries(released("-sources.jar")))
        .contains("module-info.java", "dev/xent/CrossEntropy.java");
    assertThat(entries(released("-javadoc.jar")))
        .contains("dev.xent/dev/xent/CrossEntropy.html", "dev.xent/dev/xent/layers/Layer.html")
        .noneMatch(entry -> entry.contains("internal"));
  }

  @Test
  void theBillOfMaterialsNamesXentAlone() throws IOException {
    assertThat(Files.readString(released("-cyclonedx.json")))
        .contains("\"purl\" : \"pkg:maven/dev.xent/xent@" + Package.VERSION)
        .doesNotContain("jspecify");
  }

  /** What a release has beside the jar: mvn -Pall,release verify, not offline. */
  private static Path released(String suffix) {
    Path file = Package.JAR.resolveSibling("xent-" + Package.VERSION + suffix);
    if (!Package.ALL_REQUIRED) {
      Assumptions.assumeTrue(Files.exists(file), "no build of a release made " + file);
    }
    return file;
  }

  private static List<String> entries(Path jar) throws IOException {
    try (JarFile file = new JarFile(jar.toFile())) {
      return file.stream().map(JarEntry::getName).toList();
    }
  }
}
