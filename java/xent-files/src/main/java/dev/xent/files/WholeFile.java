// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A file that appears whole or not at all. It is written under a hidden name beside its place,
 * {@code .xent-PROCESS-START-NUMBER.tmp}; {@link #commit} gives it its name in one step. Without a
 * commit, {@link #close} leaves no trace, and so does a JVM that is ended by {@code exit} or by a
 * signal that it can answer. One that is killed leaves the hidden file, which is nobody's hindrance
 * and goes with {@link #sweep}: the system takes the writer's lock from it with the writer.
 *
 * <p>A link keeps being one: the file that it leads to is replaced. One that leads to no file is
 * refused.
 *
 * <p>A file that is replaced gives its permissions to the new one, and its owner and its group as
 * far as the system lets this process give files away: root may, others may give a file to a group
 * of theirs. Access control lists and other extended attributes are not kept.
 *
 * <p>Any number of threads and processes may write and sweep files of one name at once: each file
 * is whole, and the last commit stays. An instance belongs to one thread at a time.
 */
public final class WholeFile implements AutoCloseable {
  private static final long NONE = -1;

  private final Path path;
  private final Path target;
  private final HiddenFile hidden;

  /** Where a text begins that was not written as a whole; or {@link #NONE}. */
  private long unfinished = NONE;

  private WholeFile(Path path, Path target, HiddenFile hidden) {
    this.path = path;
    this.target = target;
    this.hidden = hidden;
  }

  /**
   * Makes the hidden file, empty.
   *
   * @param path the name that it gets in the end
   * @param kind what files of its kind end with, as messages name it: {@code .npy}
   * @throws FileException if the file cannot be made there
   */
  public static WholeFile create(Path path, String kind) {
    Objects.requireNonNull(path, "path");
    Objects.requireNonNull(kind, "kind");
    return create(path, kind, FileChannel::open);
  }

  static WholeFile create(Path path, String kind, HiddenFile.Opener opener) {
    Path target = target(path, kind);
    try {
      PosixFileAttributes replaced = replaced(target);
      requireWritable(path, target, replaced);
      return create(path, target, replaced, opener);
    } catch (IOException e) {
      throw failure(path, e);
    }
  }

  private static WholeFile create(
      Path path, Path target, @Nullable PosixFileAttributes replaced, HiddenFile.Opener opener)
      throws IOException {
    Path folder = target.getParent();
    if (replaced == null) {
      return new WholeFile(path, target, HiddenFile.create(opener, folder));
    }
    HiddenFile hidden =
        HiddenFile.create(
            opener, folder, PosixFilePermissions.asFileAttribute(replaced.permissions()));
    try {
      inherit(hidden.path(), replaced);
      return new WholeFile(path, target, hidden);
    } catch (IOException e) {
      hidden.close();
      throw e;
    }
  }

  /** Gives a new file what the replaced one had, its owner last: only he may change the rest. */
  private static void inherit(Path file, PosixFileAttributes replaced) throws IOException {
    PosixFileAttributeView view = Files.getFileAttributeView(file, PosixFileAttributeView.class);
    view.setPermissions(replaced.permissions()); // what the umask took away
    PosixFileAttributes now = view.readAttributes();
    try {
      if (!now.group().equals(replaced.group())) {
        view.setGroup(replaced.group());
      }
      if (!now.owner().equals(replaced.owner())) {
        view.setOwner(replaced.owner());
      }
    } catch (FileSystemException e) {
      // This process may not give files away; whoever may replace a file may have it, too.
    }
  }

  /**
   * Removes the hidden files that writers who were killed have left beside a file, whatever the
   * names that those would have got: a file whose process runs here, or that is locked, stays. What
   * cannot be removed stays too. Reads the whole directory.
   *
   * @param path the name of a file; where no file can be, nothing is done
   */
  public static void sweep(Path path) {
    Objects.requireNonNull(path, "path");
    try {
      Path folder = place(path).getParent();
      if (folder != null) {
        HiddenFile.sweep(folder);
      }
    } catch (IOException e) {
      // Nothing that the caller wants depends on it; what is in the way of writing is said there.
    }
  }

  private static Path target(Path path, String kind) {
    if (path.getFileSystem() != FileSystems.getDefault()) {
      throw new FileException(
          String.format(
              Locale.ROOT,
              "%s is not on the default file system; name a %s file there",
              path,
              kind));
    }
    Path folder = path.toAbsolutePath().getParent();
    if (folder == null || Files.isDirectory(path)) {
      throw new FileException(
          String.format(Locale.ROOT, "%s is a directory; name a %s file in it", path, kind));
    }
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new FileException(
          path + " cannot be written: " + folder + " is no directory; name a file in one");
    }
    if (!Files.isDirectory(folder)) {
      throw new FileException(
          path + " cannot be written: the directory " + folder + " does not exist; make it first");
    }
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new FileException(
          String.format(
              Locale.ROOT, "%s is not a regular file; name a %s file to be written", path, kind));
    }
    if (Files.isSymbolicLink(path) && !Files.exists(path)) {
      throw new FileException(
          path + " is a link that leads to no file; remove it, or name the file to be written");
    }
    try {
      return place(path);
    } catch (IOException e) {
      throw failure(path, e);
    }
  }

  /** The name with all links followed; that of a directory where there is one. */
  private static Path place(Path path) throws IOException {
    if (Files.exists(path)) {
      return path.toRealPath();
    }
    Path absolute = path.toAbsolutePath();
    return absolute.getParent().toRealPath().resolve(absolute.getFileName());
  }

  /** The file that will be replaced; null without one, or where files have no such attributes. */
  private static @Nullable PosixFileAttributes replaced(Path target) throws IOException {
    PosixFileAttributeView view = Files.getFileAttributeView(target, PosixFileAttributeView.class);
    try {
      return view == null ? null : view.readAttributes();
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  /** A file that was made read-only is kept, even for those who may write everywhere. */
  private static void requireWritable(
      Path path, Path target, @Nullable PosixFileAttributes replaced) {
    boolean protectedByOwner =
        replaced != null && !replaced.permissions().contains(PosixFilePermission.OWNER_WRITE);
    if (Files.exists(target) && (protectedByOwner || !Files.isWritable(target))) {
      throw new FileException(path + " is read-only; make it writable or name another file");
    }
  }

  /**
   * The hidden file, open for reading and writing until the commit or the close, or until a thread
   * that uses it is interrupted.
   */
  public FileChannel channel() {
    return hidden.channel();
  }

  /** The same for a writer who writes the whole file once more, at given positions. */
  FileChannel reopen() throws IOException {
    return hidden.reopen();
  }

  /** Whether bytes that were written may be missing, so that they must be written again. */
  boolean isLost() {
    return hidden.isLost();
  }

  /**
   * Writes a text in UTF-8, behind what was written before. After an exception it can be written
   * again: it then begins where it began before.
   *
   * @throws FileException if it cannot be written, or the file is closed or has its name
   */
  public void write(String text) {
    Objects.requireNonNull(text, "text");
    try {
      FileChannel channel = channel();
      if (unfinished == NONE) {
        unfinished = channel.position();
      } else {
        channel = reopen();
        channel.truncate(unfinished);
      }
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      write(channel, ByteBuffer.wrap(bytes), unfinished);
      channel.position(unfinished + bytes.length);
      unfinished = NONE;
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /** Writes bytes to a place, wherever a write before broke off. */
  static void write(FileChannel channel, ByteBuffer bytes, long position) throws IOException {
    long at = position;
    while (bytes.hasRemaining()) {
      at += channel.write(bytes, at);
    }
  }

  /** The file, as it was named. */
  Path path() {
    return path;
  }

  /** The file with all links followed: equal for two names of one file. */
  public Path target() {
    return target;
  }

  /**
   * Gives the file its name. After an exception it can be committed again.
   *
   * @throws FileException if the name cannot be given, a {@link #write} failed and was not
   *     repeated, or the file is closed or has its name
   */
  public void commit() {
    if (unfinished != NONE) {
      throw new FileException(
          path + " is not complete, as a write failed; write it again before you commit it");
    }
    if (isLost()) {
      throw new FileException(
          path
              + " was not written: what was written to it is lost; create it again to write it again");
    }
    try {
      hidden.moveTo(target);
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /** Removes what was not committed. */
  @Override
  public void close() {
    hidden.close();
  }

  /** What to throw where writing failed: the line that names the file, the cause and the fix. */
  public FileException failure(IOException cause) {
    Objects.requireNonNull(cause, "cause");
    if (cause instanceof NoSuchFileException missing && hidden.isFileOf(missing)) {
      return new FileException(
          path
              + " was not written: its temporary file was removed; create it again to write it again",
          cause);
    }
    return failure(path, cause);
  }

  private static FileException failure(Path path, IOException e) {
    if (e instanceof ClosedByInterruptException) {
      return new FileException(
          path + " was not written: the thread was interrupted; write it again", e);
    }
    if (e instanceof ClosedChannelException) {
      return new FileException(
          path + " was committed or closed before; create it again to write it again", e);
    }
    return new FileException(
        String.format(
            Locale.ROOT,
            "%s cannot be written: %s; check its name, its directory, the permissions and the free space",
            path,
            Cause.of(e)),
        e);
  }
}
