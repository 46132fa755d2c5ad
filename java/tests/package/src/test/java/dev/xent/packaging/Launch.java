// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import dev.xent.packaging.Processes.Ended;
import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A command line of `java` that is put together word by word. */
final class Launch {
  private final Path folder;
  private final List<String> options = new ArrayList<>();
  private List<String> place = List.of();
  private final List<String> arguments = new ArrayList<>();
  private Path java = Package.JDK.resolve("bin/java");

  /**
   * The program with Xent's jar on the class path and native access.
   *
   * @param folder of the situation; its folder {@code tmp} is the temporary directory
   */
  Launch(Path folder) {
    this.folder = folder;
    option("-Djava.io.tmpdir=" + folder.resolve("tmp"));
    // As it is in containers whose file system cannot be written.
    option("-XX:-UsePerfData");
    onClassPath(Package.JAR);
  }

  Launch onClassPath(Path jar) {
    place =
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            jar + File.pathSeparator + Package.PROGRAM,
            "dev.xent.packaging.Probe");
    return this;
  }

  Launch with(String... words) {
    place = List.of(words);
    return this;
  }

  Launch by(Path java) {
    this.java = java;
    return this;
  }

  Launch option(String option) {
    options.add(option);
    return this;
  }

  Launch argument(String... words) {
    arguments.addAll(List.of(words));
    return this;
  }

  List<String> command() {
    List<String> all = new ArrayList<>();
    all.add(java.toString());
    all.addAll(options);
    all.addAll(place);
    all.addAll(arguments);
    return all;
  }

  Ended run() {
    return Processes.run(folder, command());
  }
}
