// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.internal.load.Settings.Directory;
import dev.xent.internal.load.Settings.NativeUse;
import dev.xent.options.Isa;
import java.lang.reflect.Field;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class SettingsTest {
  private static Settings settings(Map<String, String> properties) {
    return Settings.of(
        name ->
            name.startsWith("java.") && !properties.containsKey(name)
                ? System.getProperty(name)
                : properties.get(name));
  }

  @Test
  void nothingSet() {
    assertThat(settings(Map.of()))
        .isEqualTo(
            new Settings(
                null,
                new Directory("java.io.tmpdir", System.getProperty("java.io.tmpdir")),
                Isa.BEST,
                NativeUse.AUTO,
                Runtime.getRuntime().availableProcessors(),
                1 << 19));
  }

  @Test
  void everythingSet() {
    Map<String, String> properties =
        Map.of(
            "dev.xent.library.path", "/lib/libxent.so",
            "dev.xent.tempdir", "/private",
            "dev.xent.isa", "scalar",
            "dev.xent.native", "require",
            "dev.xent.threads", "3",
            "dev.xent.threads.elements", "1000");
    assertThat(settings(properties))
        .isEqualTo(
            new Settings(
                Path.of("/lib/libxent.so"),
                new Directory("dev.xent.tempdir", "/private"),
                Isa.SCALAR,
                NativeUse.REQUIRE,
                3,
                1000));
  }

  @ParameterizedTest
  @EnumSource(Isa.class)
  void everyInstructionSetHasItsLowerCaseName(Isa isa) {
    String name = isa.name().toLowerCase(java.util.Locale.ROOT);
    assertThat(settings(Map.of("dev.xent.isa", name)).isa()).isEqualTo(isa);
  }

  @Test
  void aRelativeLibraryPathIsMadeAbsolute() {
    assertThat(settings(Map.of("dev.xent.library.path", "libxent.so")).libraryPath())
        .isEqualTo(Path.of("libxent.so").toAbsolutePath());
  }

  @Test
  void aRelativeTemporaryDirectoryIsMadeAbsolute() {
    for (String name : List.of("java.io.tmpdir", "dev.xent.tempdir")) {
      assertThat(settings(Map.of(name, "tmp")).temporaryDirectory().path())
          .isEqualTo(Path.of("tmp").toAbsolutePath());
    }
    assertThat(settings(Map.of("java.io.tmpdir", "")).temporaryDirectory().path())
        .isEqualTo(Path.of("").toAbsolutePath());
  }

  /** Only a copy of the library needs the directory, so it is no error before one is written. */
  @ParameterizedTest
  @CsvSource({
    "java.io.tmpdir, 'a\\0b', 'a?b is not a path: Nul character not allowed'",
    "dev.xent.tempdir, 'a\\0b', 'a?b is not a path: Nul character not allowed'",
    "dev.xent.tempdir, 'a\\nb', 'a?b is not a path: it has control characters'",
  })
  void aTemporaryDirectoryThatIsNoPathIsAReasonOfTheCopy(
      String name, String value, String problem) {
    Settings settings = settings(Map.of(name, value.translateEscapes()));
    assertThatThrownBy(() -> settings.temporaryDirectory().path())
        .isInstanceOf(NativeLibraryException.class)
        .hasMessage(name + "=" + problem + "; set dev.xent.tempdir to another directory");
  }

  @Test
  void aTemporaryDirectoryThatIsNotSetIsAReasonOfTheCopy() {
    Settings settings = Settings.of(name -> null);
    assertThatThrownBy(() -> settings.temporaryDirectory().path())
        .isInstanceOf(NativeLibraryException.class)
        .hasMessage("java.io.tmpdir is not set; set it or dev.xent.tempdir");
  }

  @Test
  void aHostileValueIsShownOnOneShortLine() {
    String value = "a\nb\u001b[2J" + "x".repeat(1_000_000);
    for (String name : List.of("dev.xent.isa", "dev.xent.native", "dev.xent.threads")) {
      assertThatThrownBy(() -> settings(Map.of(name, value)))
          .isInstanceOf(OptionException.class)
          .hasMessageStartingWith(name + "=a?b?[2Jxxx")
          .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(250).hasLineCount(1));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "dev.xent.isa          | AVX2  | dev.xent.isa=AVX2; expected one of best, scalar, avx2,"
            + " avx512, neon",
        "dev.xent.isa          | ''    | dev.xent.isa=; expected one of best, scalar, avx2, avx512,"
            + " neon",
        "dev.xent.native       | maybe | dev.xent.native=maybe; expected one of auto, require, off",
        "dev.xent.threads      | 0     | dev.xent.threads=0; expected 1 to 2147483647",
        "dev.xent.threads      | one   | dev.xent.threads=one; expected 1 to 2147483647",
        "dev.xent.threads.elements | -1 | dev.xent.threads.elements=-1; expected 1 to 2147483647",
        "dev.xent.library.path | ''    | dev.xent.library.path is empty; set a path, or leave it"
            + " out",
        "dev.xent.tempdir      | ' '   | dev.xent.tempdir is empty; set a path, or leave it out",
      })
  void aValueThatCannotBeIsRefusedByName(String name, String value, String message) {
    assertThatThrownBy(() -> settings(Map.of(name, value)))
        .isInstanceOf(OptionException.class)
        .hasMessage(message);
  }

  @Test
  void aPathThatIsNoneIsRefusedByName() {
    assertThatThrownBy(() -> settings(Map.of("dev.xent.library.path", "a\nb.so")))
        .isInstanceOf(OptionException.class)
        .hasMessage(
            "dev.xent.library.path=a?b.so is not a path: it has control characters; rename the"
                + " file");
  }

  @Test
  void aLibraryThatMustNotBeUsedIsAContradiction() {
    Map<String, String> properties =
        Map.of("dev.xent.native", "off", "dev.xent.library.path", "/lib/libxent.so");
    assertThatThrownBy(() -> settings(properties))
        .isInstanceOf(OptionException.class)
        .hasMessage(
            "dev.xent.library.path names a library and dev.xent.native=off forbids it; take one of"
                + " them away");
  }

  // ---- unknown names ---------------------------------------------------------------------------

  @ParameterizedTest
  @CsvSource({
    "dev.xent.thread, dev.xent.threads",
    "dev.xent.Native, dev.xent.native",
    "dev.xent.tmpdir, dev.xent.tempdir",
    "dev.xent.library-path, dev.xent.library.path",
    "dev.xent.isas, dev.xent.isa"
  })
  void theNearestIsNamed(String name, String nearest) {
    assertThat(UnknownSettings.messages(List.of(name)))
        .containsExactly(
            "the system property " + name + " is unknown and has no effect; expected " + nearest);
  }

  @Test
  void ifNoneIsNearAllAreNamed() {
    assertThat(UnknownSettings.messages(List.of("dev.xent.something.else")))
        .containsExactly(
            "the system property dev.xent.something.else is unknown and has no effect; expected one"
                + " of dev.xent.isa, dev.xent.library.path, dev.xent.native, dev.xent.tempdir,"
                + " dev.xent.threads, dev.xent.threads.elements");
  }

  /** A new property must be listed. */
  @Test
  void everyPropertyOfSettingsIsKnown() throws IllegalAccessException {
    List<String> properties = new ArrayList<>();
    for (Field field : Settings.class.getFields()) {
      if (field.get(null) instanceof String name) {
        properties.add(name);
      }
    }
    assertThat(properties).contains(Settings.THREADS);
    assertThat(UnknownSettings.messages(properties)).isEmpty();
  }

  @Test
  void knownOnesAndThoseOfOthersAreLeft() {
    assertThat(
            UnknownSettings.messages(
                List.of("dev.xent.threads", "dev.xentury", "xent.tries", "java.io.tmpdir")))
        .isEmpty();
  }
}
