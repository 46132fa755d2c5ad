// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Code in the Javadoc of every module is code of its tests, so that it compiles and runs. */
class SnippetsTest {
  private static final Path MODULES = Path.of(System.getProperty("basedir"), "..").normalize();

  private static final Pattern CODE_WITHOUT_TESTS =
      Pattern.compile("<pre>\\s*(\\*\\s*)?\\{@code|\\{@snippet(?! file=| lang=\"shell\" )");

  private static final Pattern SNIPPET =
      Pattern.compile(
          "\\{@snippet file=\"([^\"]+)\" region=\"(\\w+)\" :\n(.*?)\n *\\* \\}\n(?= *\\*(?:/|\n(?! *\\* \\}\n)))",
          Pattern.DOTALL);

  private record Source(Path module, Path file, String text) {}

  /** The main sources of all modules but what jextract writes. */
  private static List<Source> sources() throws IOException {
    List<Source> sources = new ArrayList<>();
    try (DirectoryStream<Path> modules = Files.newDirectoryStream(MODULES, "xent*")) {
      for (Path module : modules) {
        Path main = module.resolve("src/main/java");
        if (!Files.isDirectory(main)) {
          continue; // a module without code
        }
        try (Stream<Path> files = Files.walk(main)) {
          for (Path file : files.filter(each -> each.toString().endsWith(".java")).toList()) {
            if (!file.toString().contains("/internal/ffi/")) {
              sources.add(new Source(module, file, Files.readString(file)));
            }
          }
        }
      }
    }
    return sources;
  }

  @Test
  void codeIsASnippetOfATest() throws IOException {
    List<Path> wrong =
        sources().stream()
            .filter(source -> CODE_WITHOUT_TESTS.matcher(source.text()).find())
            .map(Source::file)
            .toList();
    assertThat(wrong).isEmpty();
  }

  @Test
  void snippetsAreWhatTheTestsHave() throws IOException {
    int snippets = 0;
    for (Source source : sources()) {
      for (MatchResult found : SNIPPET.matcher(source.text()).results().toList()) {
        snippets++;
        Path test = source.module().resolve("src/test/java").resolve(found.group(1));
        String code = found.group(3).replaceAll("(?m)^ *\\* ?", "");
        assertThat(code.stripTrailing())
            .as("%s", source.file())
            .isEqualTo(region(test, found.group(2)));
      }
      assertThat(source.text().split("\\{@snippet file", -1).length - 1)
          .as("%s: snippets", source.file())
          .isEqualTo((int) SNIPPET.matcher(source.text()).results().count());
    }
    assertThat(snippets).isGreaterThan(10);
  }

  /** The code between the marks of a region. */
  private static String region(Path test, String name) throws IOException {
    Matcher region =
        Pattern.compile("// @start region=\"" + name + "\" :\n(.*?)\n *// @end\n", Pattern.DOTALL)
            .matcher(Files.readString(test));
    assertThat(region.find()).as("%s has the region %s", test, name).isTrue();
    return region.group(1).stripTrailing().stripIndent();
  }

  @Test
  void codeWithoutTestsIsRecognized() {
    assertThat(List.of("<pre>{@code\n", "<pre>\n * {@code", "{@snippet :", "{@snippet lang=java :"))
        .allMatch(text -> CODE_WITHOUT_TESTS.matcher(text).find());
    assertThat(
            List.of("<pre>\n * {@link", "{@snippet file=\"A.java\"", "{@snippet lang=\"shell\" :"))
        .noneMatch(text -> CODE_WITHOUT_TESTS.matcher(text).find());
  }
}
