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
 * A library file that no other class loader loads: one that loads a copy of its own never clashes
 * with another one. On Linux and macOS no other user can read or write it; on Windows it has the
 * permissions of the directory that it is in.
 *
 * @param directory on Linux and macOS with access for the owner alone
 * @param file in that directory
 */
record PrivateCopy(Path directory, Path file) implements AutoCloseable {
  private static final String PREFIX = "xent-";

  private static final int ATTEMPTS = 100;

  /** A younger one may have been written and not loaded yet. */
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
              "cannot write the native library to %s (%s); set %s to a directory that can be written",
              parent, withoutName(e.toString(), parent), Settings.TEMPORARY_DIRECTORY),
          e);
    }
  }

  /** The same failure has the same message again, although the directory has another name. */
  private static String withoutName(String message, Path parent) {
    String begin = Pattern.quote(parent.resolve(PREFIX).toString());
    return message.replaceAll(
        begin + "[0-9a-z]+", Matcher.quoteReplacement(parent.resolve(PREFIX + "*").toString()));
  }

  /**
   * As Files.createTempDirectory does, but for the random name, which makes Windows wait for a
   * generator that asks every network adapter. A name that exists is never taken, so nobody gains
   * by guessing it.
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
   * Removes copies that processes have left: Windows lets nobody delete a library that is loaded,
   * so one remains until the next process comes. Those that are still loaded stay.
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
