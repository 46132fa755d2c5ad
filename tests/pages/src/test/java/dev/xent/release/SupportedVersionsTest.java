// SPDX-License-Identifier: Apache-2.0
package dev.xent.release;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.XentRuntime;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The policy names the numerics version of this build, and the changelog does. */
class SupportedVersionsTest {
  private static final Path ROOT =
      Path.of(System.getProperty("basedir", "")).toAbsolutePath().resolve("../..").normalize();
  private static final Pattern ROW = Pattern.compile("(?m)^\\| (\\d+) \\| (.*) \\| (.*) \\|$");
  private static final int NUMERICS = XentRuntime.get().numericsVersion();

  @Test
  void theNewestRowIsOfTheNumericsVersionOfThisBuild() throws IOException {
    String page = Files.readString(ROOT.resolve("SECURITY.md"));
    List<MatchResult> rows = ROW.matcher(page).results().toList();
    MatchResult newest = rows.get(0);
    assertThat(newest.group(1)).isEqualTo(Integer.toString(NUMERICS));
    assertThat(newest.group(3)).isEqualTo("while it is the newest");
    assertThat(rows.subList(1, rows.size()))
        .allSatisfy(row -> assertThat(row.group(3)).matches("until \\d{4}-\\d{2}-\\d{2}"));
  }

  @Test
  void theNewestSectionOfTheChangelogNamesTheNumericsVersion() throws IOException {
    String changelog = Files.readString(ROOT.resolve("CHANGELOG.md"));
    String newest = changelog.split("\n## ")[1];
    assertThat(newest).contains("Numerics version " + NUMERICS + ",");
  }
}
