// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A JVM of this JDK with the library's classes and those of its tests. */
final class ChildJvm {
  private static final Path MODULE = Path.of(System.getProperty("basedir"));

  private ChildJvm() {}

  /** The command that runs main with one argument; prefix comes before all of it. */
  static List<String> command(
      List<String> prefix, List<String> options, Class<?> main, String argument) {
    List<String> command = new ArrayList<>(prefix);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-Ddev.xent.threads.elements=16384");
    command.addAll(options);
    command.add("-cp");
    command.add(
        MODULE.resolve("target/classes")
            + File.pathSeparator
            + MODULE.resolve("target/test-classes"));
    command.add(main.getName());
    command.add(argument);
    return command;
  }
}
