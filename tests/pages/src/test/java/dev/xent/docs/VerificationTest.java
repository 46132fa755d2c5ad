// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.XentRuntime;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The page of verification has a result of each area: of today's numerics version, of a commit, and
 * without faults. Before a release it may say that an area was not run.
 */
class VerificationTest {
  private static final Pattern NUMERICS =
      Pattern.compile("^#define XENT_NUMERICS_VERSION (\\d+)$", Pattern.MULTILINE);
  private static final Pattern ROW =
      Pattern.compile(
          "^\\| ([a-z-]+)(=[^|]+)? \\| ([^|]+) \\| ([^|]*?) ?\\| ([^|]*?) ?\\| ([^|]*?) ?\\| ([^|]*?) ?\\| (\\d+) \\|$",
          Pattern.MULTILINE);
  private static final String GOOD =
      """
      | area | counted | found | time | commit | CPU, day | numerics |
      |---|---|---|---|---|---|---|
      | bits=2 | 1,234 values compared; 5 C tests | 0 faults | 9 min | 6d78af68 | NEON, 2026-11-28 | 3 |
      | load | not run | | | | | 3 |
      """;

  private static List<String> faults(
      String results, List<String> areas, String numerics, boolean release) {
    List<MatchResult> rows = ROW.matcher(results).results().toList();
    List<String> faults = new ArrayList<>();
    List<String> named = rows.stream().map(row -> row.group(1)).sorted().toList();
    if (!named.equals(areas.stream().sorted().toList())) {
      faults.add("rows of " + named + ", areas " + areas);
    }
    for (MatchResult row : rows) {
      if (!row.group(8).equals(numerics)) {
        faults.add(row.group(1) + " has numerics version " + row.group(8));
      }
      if (row.group(3).equals("not run")) {
        if (release) {
          faults.add(row.group(1) + " was not run");
        }
      } else if (!row.group(4).equals("0 faults") || !row.group(6).matches("[0-9a-f]{7,40}")) {
        faults.add(row.group());
      }
    }
    return faults;
  }

  @Test
  void thePageHasAResultOfEachAreaOfThisNumericsVersion() throws IOException {
    String header = Files.readString(Page.ROOT.resolve("include/xent.h"));
    MatchResult numerics = NUMERICS.matcher(header).results().findFirst().orElseThrow();
    List<String> areas;
    try (Stream<Path> files = Files.list(Page.ROOT.resolve("tests/verification/areas"))) {
      areas = files.map(file -> file.getFileName().toString()).toList();
    }
    assertThat(areas).hasSizeGreaterThan(10);
    String page = Page.of("docs/developing/verification.md").text();
    String results = page.substring(page.indexOf("## Last results"));
    boolean release = !XentRuntime.get().version().endsWith("-SNAPSHOT");
    assertThat(faults(results, areas, numerics.group(1), release)).isEmpty();
  }

  @Test
  void resultsAndAreasNotRunAreGood() {
    assertThat(faults(GOOD, List.of("bits", "load"), "3", false)).isEmpty();
    assertThat(faults(GOOD, List.of("bits", "load"), "3", true))
        .containsExactly("load was not run");
  }

  @ParameterizedTest
  @CsvSource({
    "28 | 3, 28 | 2, bits has numerics version 2",
    "| | | | | 3, | | | | | 2, load has numerics version 2",
    "bits=2, bats=2, 'rows of [bats, load], areas [bits, load]'",
    "load, bits, 'rows of [bits, bits], areas [bits, load]'",
    "0 faults, 2 faults, 2 faults | 9 min",
    "6d78af68, 6d78af68+, 6d78af68+",
    "6d78af68, unknown, unknown",
  })
  void plantedFaultIsFound(String good, String wrong, String expected) {
    String planted = GOOD.replaceFirst(Pattern.quote(good), wrong);
    assertThat(planted).isNotEqualTo(GOOD);
    assertThat(faults(planted, List.of("bits", "load"), "3", false))
        .singleElement()
        .asString()
        .contains(expected);
  }
}
