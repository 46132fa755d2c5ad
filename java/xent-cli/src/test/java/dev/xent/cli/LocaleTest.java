// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.support.NpyBytes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Text, errors and names of files are the same for all digits and letters of locales. */
class LocaleTest {
  @TempDir private Path folder;
  private final Locale before = Locale.getDefault();

  @AfterEach
  void restore() {
    Locale.setDefault(before);
  }

  @ParameterizedTest
  @ValueSource(strings = {"fa-IR", "ar-EG-u-nu-arab", "bn-BD-u-nu-beng", "tr-TR", "de-DE"})
  void everythingIsAsInTheRootLocale(String tag) throws IOException {
    Locale.setDefault(Locale.ROOT);
    String expected = told();
    assertThat(expected).contains("6 valid", "accuracy 0.", "label 10 in row 5", "ulps");
    Locale.setDefault(Locale.forLanguageTag(tag));
    assertThat(told()).isEqualTo(expected);
  }

  /** What commands that print numbers say: facts, comparisons and errors. */
  private String told() throws IOException {
    Path logits = NpyBytes.floats(folder.resolve("x.npy"), "(6, 10)", new float[60]);
    Path labels = NpyBytes.longs(folder.resolve("t.npy"), "(6,)", 0, 1, 2, 3, 4, 5);
    Path wrong = NpyBytes.longs(folder.resolve("w.npy"), "(6,)", 5, 6, 7, 8, 9, 10);
    Path output = folder.resolve("y.npy");
    StringBuilder told = new StringBuilder();
    for (Object[] words :
        new Object[][] {
          {"cross-entropy", logits, labels},
          {"cross-entropy", logits, labels, "--json"},
          {"cross-entropy", logits, wrong},
          {"softmax", logits, "-o", output},
          {"verify", logits, output},
          {"softmax", logits, "-o", output, "--axis", "7"},
          {"softmax", logits, "-o", output, "--threads", "0"},
          {"softmax", labels, "-o", output},
          {"softmax", cut(logits), "-o", output},
          {"softmax", logits, "-o", output, "--temperature", "-2.5"}
        }) {
      Cli run = xent(words);
      told.append(run.code()).append(run.out()).append(run.err());
    }
    return told.toString();
  }

  private Path cut(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    return Files.write(folder.resolve("cut.npy"), Arrays.copyOf(bytes, bytes.length - 1));
  }
}
