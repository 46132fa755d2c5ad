// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The Javadoc of a public method begins with a verb, because an IDE shows its first sentence. */
class FirstSentencesTest {
  private static final Path SOURCES =
      Path.of(System.getProperty("basedir"), "src/main/java/dev/xent");

  /**
   * A comment that belongs to a method: annotations, modifiers and a type, then a name with "(".
   */
  private static final Pattern METHOD =
      Pattern.compile(
          "/\\*\\*((?:(?!\\*/).)*)\\*/\\s*(?:@\\w+(?:\\([^)]*\\))?\\s+)*"
              + "((?:(?:public|protected|static|final|abstract|default)\\s+|<[^>]+>\\s+)*)"
              + "(?!record\\s)[\\w.<>\\[\\]@?, ]*?\\b(\\w+)\\(",
          Pattern.DOTALL);

  /** A verb in the third person. */
  private static final Pattern VERB = Pattern.compile("[\\s*]*([A-Z][a-z]+s) .*", Pattern.DOTALL);

  private static final Set<String> OTHER_WORDS =
      Set.of("This", "Its", "Losses", "Rows", "Classes", "Labels", "Tensors", "Numbers", "Tokens");

  @Test
  void everyPublicMethodBeginsWithAVerb() throws IOException {
    List<String> others = new ArrayList<>();
    int methods = 0;
    try (Stream<Path> files = Files.walk(SOURCES)) {
      for (Path file : files.filter(FirstSentencesTest::isPublic).sorted().toList()) {
        String source = Files.readString(file);
        boolean open = source.contains("public interface ");
        Matcher method = METHOD.matcher(source);
        while (method.find()) {
          String modifiers = method.group(2);
          if (open || modifiers.contains("public") || modifiers.contains("protected")) {
            methods++;
            Matcher verb = VERB.matcher(method.group(1));
            if (!verb.matches() || OTHER_WORDS.contains(verb.group(1))) {
              others.add(file.getFileName() + " " + method.group(3) + ":" + method.group(1));
            }
          }
        }
      }
    }
    assertThat(others).isEmpty();
    assertThat(methods).isGreaterThan(300);
  }

  private static boolean isPublic(Path file) {
    return file.toString().endsWith(".java") && !file.toString().contains("internal");
  }
}
