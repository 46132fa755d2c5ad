// SPDX-License-Identifier: Apache-2.0
package dev.xent.release;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.docs.Page;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What the owner of the project has to fill in is listed in docs/developing/releasing.md alone. */
class PlaceholdersTest {
  private static final String PAGE = "docs/developing/releasing.md";

  /** They look for placeholders. */
  private static final Set<String> TOOLS =
      Set.of(
          PAGE,
          "release/check",
          "release/tags",
          "release/verify-tag",
          "tests/pages/src/test/java/dev/xent/release/PlaceholdersTest.java");

  private static final Pattern ROW = Pattern.compile("(?m)^\\| `([^`]+)` \\| [^|]+ \\| (.*) \\|$");
  private static final Pattern QUOTED = Pattern.compile("`([^`]+)`");
  private static final Pattern ADDRESS =
      Pattern.compile("https?://(?:[^\\s/]*github[^\\s/]*/(?:[^\\s/]+/)?xent\\b|xent\\.\\w+)");
  private static final Pattern REPOSITORY =
      Pattern.compile("<scm[^>]*>.*?<url>(https://github.com/[^/<]+/xent)</url>", Pattern.DOTALL);
  private static final Pattern UNFINISHED =
      Pattern.compile("\\b(TODO|FIXME|TBD|CHANGEME|REPLACE_ME|YOUR[-_][A-Z_]+)\\b");

  @Test
  void thePageListsEveryFileThatHasAPlaceholder() throws IOException {
    String page = Files.readString(Page.ROOT.resolve(PAGE));
    String section =
        page.substring(page.indexOf("\n### Placeholders\n"), page.indexOf("\n## What is checked"));
    Map<String, Set<String>> listed = new TreeMap<>();
    for (MatchResult row : ROW.matcher(section).results().toList()) {
      listed.put(row.group(1), all(QUOTED, row.group(2)));
    }
    Map<String, Set<String>> found = new TreeMap<>();
    listed.keySet().forEach(text -> found.put(text, new TreeSet<>()));
    forEachFile(
        (name, text) ->
            listed.keySet().stream()
                .filter(each -> Pattern.compile("\\b" + each + "\\b").matcher(text).find())
                .forEach(each -> found.get(each).add(name)));
    assertThat(found).isEqualTo(listed);
  }

  @Test
  void everyAddressOfXentIsThatOfThePom() throws IOException {
    String pom = Files.readString(Page.ROOT.resolve("pom.xml"));
    String repository = REPOSITORY.matcher(pom).results().findFirst().orElseThrow().group(1);
    Map<String, Set<String>> others = new TreeMap<>();
    forEachFile(
        (name, text) -> {
          Set<String> addresses = all(ADDRESS, text);
          addresses.removeIf(address -> address.startsWith(repository));
          if (!addresses.isEmpty()) {
            others.put(name, addresses);
          }
        });
    assertThat(others).isEmpty();
  }

  @Test
  void nothingElseIsLeftToBeFilledIn() throws IOException {
    Map<String, Set<String>> unfinished = new TreeMap<>();
    forEachFile(
        (name, text) -> {
          if (UNFINISHED.matcher(text).find()) {
            unfinished.put(name, all(UNFINISHED, text));
          }
        });
    assertThat(unfinished).isEmpty();
  }

  private static Set<String> all(Pattern pattern, String text) {
    Set<String> all = new TreeSet<>();
    pattern
        .matcher(text)
        .results()
        .forEach(found -> all.add(found.group(found.groupCount() > 0 ? 1 : 0)));
    return all;
  }

  /** Of the repository, without those of builds, of Git and of editors; names and texts. */
  private static void forEachFile(BiConsumer<String, String> action) throws IOException {
    for (String folder : List.of("", ".ci", ".github")) {
      for (Path file : Page.files(Page.ROOT.resolve(folder))) {
        String name = Page.ROOT.relativize(file).toString();
        if (!TOOLS.contains(name) && !name.contains("/corpus/")) {
          action.accept(name, new String(Files.readAllBytes(file), StandardCharsets.UTF_8));
        }
      }
    }
  }
}
