// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import dev.xent.errors.NativeLibraryException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;

/**
 * A library file that nobody else can read, write or load: a class loader that loads a copy of its
 * own never clashes with another one.
 *
 * @param directory with access for the owner alone
 * @param file in that directory
 */
record PrivateCopy(Path directory, Path file) implements AutoCloseable {
  /**
   * Writes a copy.
   *
   * @param parent an existing directory
   * @throws NativeLibraryException when it cannot be written
   */
  static PrivateCopy write(byte[] bytes, Path parent, String fileName) {
    try {
      Path directory =
          Files.createTempDirectory(
              parent,
              "xent-",
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      Path file = directory.resolve(fileName);
      PrivateCopy copy = new PrivateCopy(directory, file);
      try {
        Files.write(file, bytes);
      } catch (IOException e) {
        copy.close();
        throw e;
      }
      return copy;
    } catch (IOException e) {
      throw new NativeLibraryException(
          String.format(
              Locale.ROOT,
              "cannot write the native library to %s (%s); set %s to a directory that can be written",
              parent,
              e,
              Settings.TEMPORARY_DIRECTORY),
          e);
    }
  }

  /** Removes the file; where it has been loaded the process keeps what it has mapped. */
  @Override
  public void close() {
    try {
      Files.deleteIfExists(file);
      Files.deleteIfExists(directory);
    } catch (IOException e) {
      Log.debug("cannot remove " + directory + ": " + e);
    }
  }
}
