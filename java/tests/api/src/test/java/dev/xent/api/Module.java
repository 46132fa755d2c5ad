// SPDX-License-Identifier: Apache-2.0
package dev.xent.api;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A module of the build that has Java code. */
record Module(String name, Path folder) {
  private static final Path ROOT =
      Path.of(System.getProperty("basedir"), "..", "..", "..").normalize();
  private static final Pattern ENTRY = Pattern.compile("<module>(.+)</module>");

  /** All that the build names. */
  static List<Module> all() {
    return ENTRY
        .matcher(text(ROOT.resolve("pom.xml")))
        .results()
        .map(MatchResult::group)
        .map(entry -> entry.replaceAll("</?module>", ""))
        .map(entry -> new Module(entry.replaceFirst(".*/", ""), ROOT.resolve(entry)))
        .filter(module -> Files.exists(module.folder.resolve("src/main/java")))
        .toList();
  }

  /** Those whose packages others may use. */
  static List<Module> withApi() {
    return all().stream()
        .filter(module -> Files.exists(module.folder.resolve("src/main/java/module-info.java")))
        .toList();
  }

  /** Where its classes are, once it was built. */
  Path classes() {
    return folder.resolve("target/classes");
  }

  /** The public types of the packages that it exports to everybody. */
  List<Class<?>> publicTypes() {
    return descriptor().exports().stream()
        .filter(export -> !export.isQualified())
        .map(export -> export.source().replace('.', '/'))
        .flatMap(this::typesIn)
        .toList();
  }

  private ModuleDescriptor descriptor() {
    try (InputStream info = Files.newInputStream(classes().resolve("module-info.class"))) {
      return ModuleDescriptor.read(info);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Stream<Class<?>> typesIn(String packageFolder) {
    try (Stream<Path> files = Files.list(classes().resolve(packageFolder))) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(file -> file.endsWith(".class") && !file.equals("package-info.class"))
          .sorted()
          .<Class<?>>map(file -> type(packageFolder + "/" + file))
          .filter(Module::isPublic)
          .toList()
          .stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Class<?> type(String file) {
    try {
      return Class.forName(file.replace(".class", "").replace('/', '.'));
    } catch (ClassNotFoundException e) {
      throw new AssertionError(e);
    }
  }

  private static boolean isPublic(Class<?> type) {
    return java.lang.reflect.Modifier.isPublic(type.getModifiers())
        && (type.getEnclosingClass() == null || isPublic(type.getEnclosingClass()));
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
