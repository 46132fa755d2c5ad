// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.XentRuntime;
import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

/** What pages name exists, and what exists is named where a reader looks for it. */
class PagesTest {
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
  private static final Pattern HEADING = Pattern.compile("^#+ (.*)$", Pattern.MULTILINE);
  private static final Pattern PROPERTY = Pattern.compile("\"(dev\\.xent\\.[a-z.]+)\"");
  private static final Pattern TABLE_PROPERTY =
      Pattern.compile("^\\| `(dev\\.xent\\.[a-z.]+)` \\|", Pattern.MULTILINE);
  private static final Pattern DEPENDENCY_VERSION =
      Pattern.compile(
          "dev\\.xent:xent:([\\w.-]+)|<artifactId>xent</artifactId>\\s*<version>([\\w.-]+)<");
  private static final Pattern NAMED_FILE =
      Pattern.compile("`((?:native|java|include|cmake|tools|docs)/[\\w./-]+)`");
  private static final Pattern CLASS = Pattern.compile("\\b[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+\\b");
  private static final Set<String> NOT_OURS =
      Set.of(
          "ByteBuf",
          "OnnxTensor",
          "PyTorch",
          "TensorFlow",
          "BigDecimal",
          "NoClassDefFoundError",
          "StackOverflowError",
          "UnboundFunction",
          "ScalarFunction",
          "AggregateFunction");

  /** Of other libraries, in the code that uses them. */
  private static final Pattern IMPORTED = Pattern.compile("(?m)^import [\\w.]+\\.(\\w+);$");

  private static final int LONGEST_LINE = 120;
  private static final Pattern LINED = Pattern.compile(".*\\.(md|java|c|h)");
  private static final Pattern UNLINED = Pattern.compile("(.*/)?internal/ffi/.*");
  private static final Pattern ONE_LITERAL =
      Pattern.compile("\\s*([+:?] )?\"([^\"\\\\]|\\\\.)*\"\\W*");
  private static final Pattern FENCED = Pattern.compile("(?ms)^ *```.*?^ *```$");
  private static final Pattern ONE_WORD = Pattern.compile("`[^`]*`|\\]\\([^)]*\\)");
  private static final Pattern ERROR = Pattern.compile("^### `(.+)`$", Pattern.MULTILINE);

  static List<Page> pages() {
    return Page.all();
  }

  @ParameterizedTest
  @MethodSource("pages")
  void linksLeadSomewhere(Page page) {
    Path folder = Page.ROOT.resolve(page.path()).getParent();
    LINK.matcher(page.prose())
        .results()
        .map(link -> link.group(1))
        .filter(link -> !link.matches("[a-z]+:.*"))
        .forEach(
            link -> {
              String[] parts = link.split("#", 2);
              Path target =
                  parts[0].isEmpty()
                      ? Page.ROOT.resolve(page.path())
                      : folder.resolve(parts[0]).normalize();
              assertThat(target).as("%s in %s", link, page).exists();
              if (parts.length == 2) {
                assertThat(anchors(target)).as("%s in %s", link, page).contains(parts[1]);
              }
            });
  }

  /** The anchors of headings on GitHub. */
  private static List<String> anchors(Path target) {
    Page page = Page.of(Page.ROOT.relativize(target).toString());
    return HEADING
        .matcher(page.prose())
        .results()
        .map(heading -> heading.group(1).toLowerCase(Locale.ROOT))
        .map(text -> text.replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-'))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("pages")
  void namedFilesExist(Page page) {
    assertThat(firstGroups(NAMED_FILE, page.prose()))
        .filteredOn(name -> !name.contains("/target/"))
        .allSatisfy(name -> assertThat(Page.ROOT.resolve(name)).exists());
  }

  @Test
  void classesOfTheDesignExist() throws IOException {
    Set<String> known = new HashSet<>();
    for (Path file : Page.files(Page.ROOT)) {
      String name = file.getFileName().toString();
      if (name.endsWith(".java")) {
        known.add(name.substring(0, name.length() - ".java".length()));
        if (file.toString().contains("xent-spark")) {
          known.addAll(firstGroups(IMPORTED, Files.readString(Page.ROOT.resolve(file))));
        }
      }
    }
    String page = Page.of("docs/developing/design.md").text();
    assertThat(CLASS.matcher(page).results().map(MatchResult::group))
        .filteredOn(name -> !NOT_OURS.contains(name))
        .hasSizeGreaterThan(10)
        .allSatisfy(name -> assertThat(known).contains(name));
  }

  @Test
  void thePageOnSettingsNamesEverySettingAndNoOther() throws IOException {
    String settings =
        Files.readString(
            Page.ROOT.resolve("java/xent/src/main/java/dev/xent/internal/load/Settings.java"));
    List<String> read = firstGroups(PROPERTY, settings);
    assertThat(read).isNotEmpty();
    assertThat(firstGroups(TABLE_PROPERTY, Page.of("docs/running.md").text()))
        .containsExactlyInAnyOrderElementsOf(read);
  }

  @Test
  void thePageOnInstallingHasTheVersionOfThisBuild() {
    List<String> told =
        DEPENDENCY_VERSION
            .matcher(Page.of("docs/installing.md").text())
            .results()
            .map(version -> version.group(1) != null ? version.group(1) : version.group(2))
            .toList();
    assertThat(told).hasSize(2).containsOnly(XentRuntime.get().version());
  }

  /**
   * The blocks of XML on pages: parts of a pom, whose artifacts of Xent are modules of this build.
   */
  static Stream<Page.Block> partsOfPoms() {
    return pages().stream()
        .flatMap(page -> page.blocks().stream())
        .filter(block -> block.language().equals("xml"));
  }

  @ParameterizedTest
  @MethodSource("partsOfPoms")
  void partOfAPomIsWellFormedAndNamesModulesOfThisBuild(Page.Block block) throws Exception {
    Document pom =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(new InputSource(new StringReader("<project>" + block.text() + "</project>")));
    NodeList groups = pom.getElementsByTagName("groupId");
    for (int i = 0; i < groups.getLength(); i++) {
      if (groups.item(i).getTextContent().equals("dev.xent")) {
        Element coordinates = (Element) groups.item(i).getParentNode();
        String module = textOf(coordinates, "artifactId");
        assertThat(Page.ROOT.resolve("java").resolve(module).resolve("pom.xml")).exists();
        assertThat(textOf(coordinates, "version")).isEqualTo(XentRuntime.get().version());
      }
    }
  }

  private static String textOf(Element element, String name) {
    return element.getElementsByTagName(name).item(0).getTextContent();
  }

  @Test
  void theIndexNamesEveryPage() {
    Path docs = Page.ROOT.resolve("docs");
    List<String> names =
        Page.files(docs).stream()
            .map(file -> docs.relativize(file).toString())
            .filter(name -> name.endsWith(".md") && !name.matches("README.md|site/.*"))
            .toList();
    assertThat(firstGroups(LINK, Page.of("docs/README.md").text())).containsAll(names);
  }

  @Test
  void everyErrorOfTroubleshootingIsOneThatTheCodeCanGive() {
    String sources = sources();
    List<String> errors = firstGroups(ERROR, Page.of("docs/troubleshooting.md").text());
    assertThat(errors).hasSizeGreaterThan(3);
    assertThat(errors)
        .allSatisfy(
            error ->
                assertThat(error.split("…"))
                    .allSatisfy(part -> assertThat(sources.contains(part)).as(part).isTrue()));
  }

  /**
   * Breaks that cannot be are not asked for: of tables, blocks of code, headings and links, and of
   * messages, which a reader looks for as a whole.
   */
  @Test
  void linesAreOfAtMost120Characters() {
    assertThat(
            Page.files(Page.ROOT).stream()
                .filter(file -> LINED.matcher(file.toString()).matches())
                .filter(file -> !UNLINED.matcher(Page.ROOT.relativize(file).toString()).matches())
                .flatMap(PagesTest::longLines))
        .isEmpty();
  }

  private static Stream<String> longLines(Path file) {
    boolean isPage = file.toString().endsWith(".md");
    String text = isPage ? FENCED.matcher(text(file)).replaceAll("") : text(file);
    return text.lines()
        .filter(line -> line.codePointCount(0, line.length()) > LONGEST_LINE)
        .filter(line -> isPage ? hasBreak(line) : !ONE_LITERAL.matcher(line).matches())
        .map(line -> Page.ROOT.relativize(file) + ": " + line);
  }

  /** Whether a line of a page could end earlier. */
  private static boolean hasBreak(String line) {
    String words = ONE_WORD.matcher(line.strip()).replaceAll("");
    return !words.matches("[|#].*") && words.replaceFirst("^([-*]|\\d+\\.) ", "").contains(" ");
  }

  /** Everything that can print a message, with the strings that are broken into lines joined. */
  private static String sources() {
    return Stream.of("java", "native/src/api", "tools", "xent", "pom.xml")
        .map(Page.ROOT::resolve)
        .map(Page::files)
        .flatMap(List::stream)
        .filter(file -> !file.toString().matches(".*/dev/xent/docs/.*"))
        .filter(file -> file.toString().matches(".*(\\.java|api/.*\\.c|pom\\.xml|xent|find-jdk)"))
        .map(PagesTest::text)
        .map(text -> text.replaceAll("\"\\s*\\+\\s*\"", ""))
        .collect(Collectors.joining("\n"));
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> firstGroups(Pattern pattern, String text) {
    return pattern.matcher(text).results().map((MatchResult found) -> found.group(1)).toList();
  }
}
