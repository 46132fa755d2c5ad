// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A page in Markdown.
 *
 * @param path from the root of the repository
 * @param text of the whole page
 */
public record Page(Path path, String text) {
  /** Maven runs tests in the folder of their module; the root is the one with the licence. */
  public static final Path ROOT = root(Path.of(System.getProperty("basedir", "")).toAbsolutePath());

  private static final Pattern OTHER_IMPORT =
      Pattern.compile(
          "^import (?!(?:static )?(?:java\\.|dev\\.xent\\.(?:\\*|[A-Z]|errors\\.|layers\\.|options\\.)))",
          Pattern.MULTILINE);

  private static final Pattern BLOCK =
      Pattern.compile("^```(\\w*)\\n(.*?)^```$", Pattern.MULTILINE | Pattern.DOTALL);

  /**
   * A fenced block.
   *
   * @param page on which it stands
   * @param line of the page on which it begins
   * @param language after the fence
   * @param text between the fences
   */
  record Block(Page page, int line, String language, String text) {
    @Override
    public String toString() {
      return page + ":" + line;
    }
  }

  /**
   * A program and what it prints: a block and the {@code text} block that follows it.
   *
   * @param source the program
   * @param output what the page says it prints
   */
  record Program(Block source, String output) {
    /**
     * Whether it imports more than the JDK and {@code dev.xent}: the module of the examples has it.
     */
    boolean needsOtherLibraries() {
      return OTHER_IMPORT.matcher(source.text).find();
    }

    @Override
    public String toString() {
      return source.toString();
    }
  }

  private static Path root(Path folder) {
    return Files.exists(folder.resolve("LICENSE")) ? folder : root(folder.getParent());
  }

  static Page of(String path) {
    return read(ROOT.resolve(path));
  }

  /** All pages that people read: those of the root and of docs/, and those next to data. */
  static List<Page> all() {
    List<Page> pages =
        files(ROOT).stream()
            .filter(file -> file.toString().endsWith(".md"))
            .sorted()
            .map(Page::read)
            .toList();
    assertThat(pages).extracting(page -> page.path.toString()).contains("README.md");
    return pages;
  }

  /**
   * The files below a folder, without those of builds and of tools. Their folders are not entered:
   * a build or a fuzzer that runs at the same time deletes files there.
   */
  public static List<Path> files(Path root) {
    List<Path> files = new ArrayList<>();
    try {
      Files.walkFileTree(
          root,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
              String name = folder.getFileName().toString();
              boolean tools = name.equals("target") || name.startsWith(".");
              boolean skip = tools && !folder.equals(root) || folder.equals(root.resolve("build"));
              return skip ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
              if (attributes.isRegularFile()) {
                files.add(file);
              }
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return files;
  }

  private static Page read(Path file) {
    try {
      return new Page(ROOT.relativize(file), Files.readString(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  List<Block> blocks() {
    List<Block> blocks = new ArrayList<>();
    Matcher fences = BLOCK.matcher(text);
    while (fences.find()) {
      int line = 1 + (int) text.substring(0, fences.start()).lines().count();
      blocks.add(new Block(this, line, fences.group(1), fences.group(2)));
    }
    return blocks;
  }

  /** The programs of a language on all pages; each must be followed by what it prints. */
  static Stream<Program> programs(String language) {
    return all().stream()
        .flatMap(
            page -> {
              List<Block> blocks = page.blocks();
              List<Program> programs = new ArrayList<>();
              for (int i = 0; i < blocks.size(); i++) {
                if (blocks.get(i).language.equals(language)) {
                  assertThat(blocks)
                      .as("%s prints something", blocks.get(i))
                      .hasSizeGreaterThan(i + 1);
                  assertThat(blocks.get(i + 1).language)
                      .as("output of %s", blocks.get(i))
                      .isEqualTo("text");
                  programs.add(new Program(blocks.get(i), blocks.get(i + 1).text));
                }
              }
              return programs.stream();
            });
  }

  /** The page without its blocks. */
  String prose() {
    return BLOCK.matcher(text).replaceAll("");
  }

  @Override
  public String toString() {
    return path.toString();
  }
}
