// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
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
 * A file that appears whole or not at all. It is written under a hidden name beside its place,
 * {@code .NAME.PROCESS-NUMBER.tmp}; {@link #commit} gives it its name in one step. Without a
 * commit, {@link #close} leaves no trace, and so does a JVM that is ended by {@code exit} or by a
 * signal that it can answer. One that is killed leaves the hidden file, which is nobody's hindrance
 * and goes with {@link #sweep}: the system takes the writer's lock from it with the writer.
 *
 * <p>A link keeps being one: what it leads to is replaced.
 *
 * <p>An instance belongs to one thread at a time.
 */
public final class WholeFile implements AutoCloseable {
  private static final Set<StandardOpenOption> NEW =
      Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);

  private final Path path;
  private final Path target;
  private final Path temporary;
  private final FileChannel channel;
  private boolean done;

  private WholeFile(Path path, Path target, Path temporary, FileChannel channel) {
    this.path = path;
    this.target = target;
    this.temporary = temporary;
    this.channel = channel;
  }

  /**
   * Makes the hidden file, empty.
   *
   * @param path the name that it gets in the end
   * @param kind what files of its kind end with, as messages name it: {@code .npy}
   * @throws FileException if the file cannot be made there
   */
  public static WholeFile create(Path path, String kind) {
    Path target = target(path, kind);
    try {
      Set<PosixFilePermission> permissions = permissions(target);
      requireWritable(path, target, permissions);
      return create(path, target, permissions);
    } catch (IOException e) {
      throw failure(path, e);
    }
  }

  private static WholeFile create(
      Path path, Path target, @Nullable Set<PosixFilePermission> permissions) throws IOException {
    FileAttribute<?>[] attributes =
        permissions == null
            ? new FileAttribute<?>[0]
            : new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(permissions)};
    WholeFile file = open(path, target, attributes);
    while (!Leftovers.claim(file.temporary, file.channel)) {
      file.close();
      file = open(path, target, attributes);
    }
    try {
      if (permissions != null) {
        Files.setPosixFilePermissions(file.temporary, permissions); // what the umask took away
      }
      return file;
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  private static WholeFile open(Path path, Path target, FileAttribute<?>... attributes)
      throws IOException {
    Path temporary = Leftovers.newName(target);
    temporary.toFile().deleteOnExit();
    return new WholeFile(path, target, temporary, FileChannel.open(temporary, NEW, attributes));
  }

  /**
   * Removes the hidden files that writers of a file have left who were killed: those beside it that
   * no process has locked. What cannot be removed stays. Reads the whole directory.
   *
   * @param path the name that the file gets in the end; where no file can be, nothing is done
   */
  public static void sweep(Path path) {
    try {
      Leftovers.remove(Files.exists(path) ? path.toRealPath() : path.toAbsolutePath());
    } catch (IOException e) {
      // Nothing that the caller wants depends on it; what is in the way of writing is said there.
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

  /** The hidden file, open for reading and writing until the commit or the close. */
  public FileChannel channel() {
    return channel;
  }

  /**
   * Writes a text in UTF-8.
   *
   * @throws FileException if it cannot be written
   */
  public void write(String text) {
    try {
      ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
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
      channel.close(); // some file systems tell here that they have no room
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      done = true;
      Leftovers.release(temporary);
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
      channel.close();
    } catch (IOException e) {
      // The numbers are not wanted any more.
    }
    Leftovers.release(temporary);
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
    if (e instanceof ClosedByInterruptException) {
      return new FileException(
          path + " was not written: the thread was interrupted; write it again", e);
    }
    return new FileException(
        "%s cannot be written: %s; check the directory, its permissions and its free space"
            .formatted(path, Cause.of(e)),
        e);
  }
}
