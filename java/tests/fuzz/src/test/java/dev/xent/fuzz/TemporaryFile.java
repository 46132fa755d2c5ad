// SPDX-License-Identifier: Apache-2.0
package dev.xent.fuzz;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Files that are written over and over, in a folder of this process. */
final class TemporaryFile {
  private static final Path FOLDER = folder();

  private TemporaryFile() {}

  private static Path folder() {
    try {
      return Files.createTempDirectory(Files.createDirectories(Path.of("target/fuzz")), "run");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Path named(String name) {
    return FOLDER.resolve(name);
  }
}
