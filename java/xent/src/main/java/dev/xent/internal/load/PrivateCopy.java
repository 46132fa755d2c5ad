// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.NativeLibraryException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A copy of the library for one class loader. Class loaders cannot load the same file, so each
 * loads its own copy. On Linux and macOS no other user can read or write the copy. On Windows it
 * has the permissions of its parent directory.
 *
 * @param directory on Linux and macOS accessible by the owner only
 * @param file in that directory
 */
record PrivateCopy(Path directory, Path file) implements AutoCloseable {
  private static final String PREFIX = "xent-";

  private static final int ATTEMPTS = 100;

  /**
   * Minimum age of a copy that is removed: a younger copy may have been written but not loaded yet.
   */
  private static final Duration LEFT_FOR = Duration.ofMinutes(10);

  /**
   * Writes a copy.
   *
   * @param parent an existing directory
   * @throws NativeLibraryException when it cannot be written
   */
  static PrivateCopy write(byte[] bytes, Path parent, String fileName) {
    try {
      Path directory = createDirectory(parent);
      Path file = directory.resolve(fileName);
      PrivateCopy copy = new PrivateCopy(directory, file);
      // Files.write takes many small steps, which are slow before they are compiled.
      try (FileOutputStream out = new FileOutputStream(file.toFile())) {
        out.write(bytes);
      } catch (IOException e) {
        copy.close();
        throw e;
      }
      return copy;
    } catch (IOException e) {
      throw new NativeLibraryException(
          message(
              "cannot write the native library to %s (%s); set %s to a directory that can be"
                  + " written",
              parent, withoutName(e.toString(), parent), Settings.TEMPORARY_DIRECTORY),
          e);
    }
  }

  /** Hides the random directory name, so that a repeated failure has the same message. */
  private static String withoutName(String message, Path parent) {
    String begin = Pattern.quote(parent.resolve(PREFIX).toString());
    return message.replaceAll(
        begin + "[0-9a-z]+", Matcher.quoteReplacement(parent.resolve(PREFIX + "*").toString()));
  }

  /**
   * Like Files.createTempDirectory, except for the random name: on Windows its generator waits for
   * a query of every network adapter. The name may be predictable, because an existing directory is
   * never used.
   */
  private static Path createDirectory(Path parent) throws IOException {
    boolean posix = parent.getFileSystem().supportedFileAttributeViews().contains("posix");
    FileAttribute<?>[] forOwner =
        posix
            ? new FileAttribute<?>[] {
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"))
            }
            : new FileAttribute<?>[0];
    for (int attempt = 1; ; attempt++) {
      Path directory =
          parent.resolve(PREFIX + Long.toUnsignedString(System.nanoTime(), Character.MAX_RADIX));
      try {
        return Files.createDirectory(directory, forOwner);
      } catch (FileAlreadyExistsException e) {
        if (attempt == ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  /**
   * Removes copies that ended processes left: Windows does not allow deleting a loaded library, so
   * the last copy remains until the next process starts. Copies that are still loaded stay.
   */
  static void removeLeft(Path parent, String fileName) {
    Instant before = Instant.now().minus(LEFT_FOR);
    try (DirectoryStream<Path> directories = Files.newDirectoryStream(parent, PREFIX + "*")) {
      for (Path directory : directories) {
        Path file = directory.resolve(fileName);
        if (Files.isRegularFile(file)
            && Files.getLastModifiedTime(file).toInstant().isBefore(before)) {
          new PrivateCopy(directory, file).close();
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      Log.debug("cannot look for copies that are left in " + parent + ": " + e);
    }
  }

  /** Removes the file. If it was loaded, the process keeps its mapping. */
  @Override
  public void close() {
    remove(file);
    remove(directory); // also if the file was never made in it, or cannot be looked for
  }

  private static void remove(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      Log.debug("cannot remove " + path + ": " + e);
    }
  }
}
