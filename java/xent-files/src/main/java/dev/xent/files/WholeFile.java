// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A file that appears whole or not at all. It is written under a hidden name beside its place;
 * {@link #commit} gives it its name in one step. Without a commit, {@link #close} leaves no trace.
 * A link keeps being one: what it leads to is replaced.
 *
 * <p>An instance belongs to one thread at a time.
 */
public final class WholeFile implements AutoCloseable {
  private final Path path;
  private final Path target;
  private final Path temporary;
  private boolean done;

  private WholeFile(Path path, Path target) {
    this.path = path;
    this.target = target;
    this.temporary =
        target.resolveSibling(
            ".%s.%d-%x.tmp"
                .formatted(target.getFileName(), ProcessHandle.current().pid(), System.nanoTime()));
  }

  /**
   * Makes the hidden file, empty.
   *
   * @param path the name that it gets in the end
   * @param kind what files of its kind end with, as messages name it: {@code .npy}
   * @throws FileException if the file cannot be made there
   */
  public static WholeFile create(Path path, String kind) {
    WholeFile file = new WholeFile(path, target(path, kind));
    try {
      Set<PosixFilePermission> permissions = permissions(file.target);
      requireWritable(path, file.target, permissions);
      file.temporary.toFile().deleteOnExit();
      if (permissions == null) {
        Files.createFile(file.temporary);
      } else {
        FileAttribute<?> attribute = PosixFilePermissions.asFileAttribute(permissions);
        Files.createFile(file.temporary, attribute);
        Files.setPosixFilePermissions(file.temporary, permissions); // what the umask took away
      }
      return file;
    } catch (IOException e) {
      file.close();
      throw file.failure(e);
    }
  }

  private static Path target(Path path, String kind) {
    if (path.getFileSystem() != FileSystems.getDefault()) {
      throw new FileException(
          "%s is not on the default file system; name a %s file there".formatted(path, kind));
    }
    Path folder = path.toAbsolutePath().getParent();
    if (folder == null || Files.isDirectory(path)) {
      throw new FileException("%s is a directory; name a %s file in it".formatted(path, kind));
    }
    if (!Files.isDirectory(folder)) {
      throw new FileException(
          path + " cannot be written: there is no directory " + folder + "; make it first");
    }
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new FileException(
          "%s is not a regular file; name a %s file to be written".formatted(path, kind));
    }
    try {
      return Files.exists(path) ? path.toRealPath() : path.toAbsolutePath();
    } catch (IOException e) {
      throw failure(path, e);
    }
  }

  /** Those of the file that will be replaced; null without one or where files have none. */
  private static @Nullable Set<PosixFilePermission> permissions(Path target) throws IOException {
    PosixFileAttributeView view = Files.getFileAttributeView(target, PosixFileAttributeView.class);
    return view == null || !Files.exists(target) ? null : view.readAttributes().permissions();
  }

  /** A file that was made read-only is kept, even for those who may write everywhere. */
  private static void requireWritable(
      Path path, Path target, @Nullable Set<PosixFilePermission> permissions) {
    boolean protectedByOwner =
        permissions != null && !permissions.contains(PosixFilePermission.OWNER_WRITE);
    if (Files.exists(target) && (protectedByOwner || !Files.isWritable(target))) {
      throw new FileException(path + " is read-only; make it writable or name another file");
    }
  }

  /**
   * Opens the hidden file for reading and writing; the caller closes the channel.
   *
   * @throws IOException if the system refuses; {@link #failure} says it in one line
   */
  public FileChannel open() throws IOException {
    return FileChannel.open(temporary, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  /**
   * Writes a text in UTF-8.
   *
   * @throws FileException if it cannot be written
   */
  public void write(String text) {
    try {
      Files.writeString(temporary, text);
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /** The file with all links followed: equal for two names of one file. */
  public Path target() {
    return target;
  }

  /**
   * Gives the file its name and the permissions of what had it before.
   *
   * @throws FileException if the name cannot be given
   */
  public void commit() {
    try {
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      done = true;
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /** Removes what was not committed. */
  @Override
  public void close() {
    if (done) {
      return;
    }
    done = true;
    try {
      Files.deleteIfExists(temporary);
    } catch (IOException e) {
      // Left to deleteOnExit; the error that led here is the one to tell.
      temporary.toFile().deleteOnExit();
    }
  }

  /** What to throw where writing failed: the line that names the file, the cause and the fix. */
  public FileException failure(IOException e) {
    return failure(path, e);
  }

  private static FileException failure(Path path, IOException e) {
    return new FileException(
        "%s cannot be written: %s; check the directory, its permissions and its free space"
            .formatted(path, Cause.of(e)),
        e);
  }
}
