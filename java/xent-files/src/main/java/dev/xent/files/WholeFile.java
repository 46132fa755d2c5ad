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
 * A file that appears complete or not at all. It is written under a hidden name in the same folder,
 * {@code .xent-PROCESS-START-NUMBER.tmp}, and {@link #commit} atomically renames it to its final
 * name. Without a commit, {@link #close} removes it, and so does a JVM that ends by {@code exit} or
 * by a signal that it can handle. A JVM that is killed leaves the hidden file. Such a file does not
 * disturb other writers, and {@link #sweep} removes it, because the operating system releases the
 * writer's lock when the writer ends.
 *
 * <p>A symbolic link stays a link: the file that it points to is replaced. A link to a missing file
 * is rejected.
 *
 * <p>A new file gets the permissions of the file that it replaces. It also gets the owner and the
 * group if the operating system allows it: root may change both, other users may set only a group
 * that they belong to. Access control lists and other extended attributes are not kept.
 *
 * <p>Any number of threads and processes may write and sweep files of one name at once: each file
 * is complete, and the last commit wins. An instance belongs to one thread at a time.
 */
public final class WholeFile implements AutoCloseable {
  private static final long NONE = -1;

  private final Path path;
  private final Path target;
  private final HiddenFile hidden;

  /** The start of a text whose write failed, or {@link #NONE}. */
  private long unfinished = NONE;

  private WholeFile(Path path, Path target, HiddenFile hidden) {
    this.path = path;
    this.target = target;
    this.hidden = hidden;
  }

  /**
   * Creates the hidden file, empty.
   *
   * @param path the final name
   * @param kind the extension for messages: {@code .npy}
   * @throws FileException if the file cannot be created there
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

  /**
   * Copies the attributes of the replaced file. The owner comes last: only the owner may change the
   * others.
   */
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
      // This process may not change the owner. A process that may replace a file may also own it.
    }
  }

  /**
   * Removes the hidden files that killed writers left in the folder of a file, for any final name.
   * A hidden file stays if its process runs on this machine, if it is locked, or if it cannot be
   * removed. Reads the whole directory.
   *
   * @param path the name of a file; nothing is done if no file can have that name
   */
  public static void sweep(Path path) {
    Objects.requireNonNull(path, "path");
    try {
      Path folder = place(path).getParent();
      if (folder != null) {
        HiddenFile.sweep(folder);
      }
    } catch (IOException e) {
      // Sweeping is optional, and an obstacle to writing is reported when the file is written.
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

  /** The path with all links resolved; also for a directory. */
  private static Path place(Path path) throws IOException {
    if (Files.exists(path)) {
      return path.toRealPath();
    }
    Path absolute = path.toAbsolutePath();
    return absolute.getParent().toRealPath().resolve(absolute.getFileName());
  }

  /**
   * The attributes of the file that will be replaced; null without such a file or POSIX attributes.
   */
  private static @Nullable PosixFileAttributes replaced(Path target) throws IOException {
    PosixFileAttributeView view = Files.getFileAttributeView(target, PosixFileAttributeView.class);
    try {
      return view == null ? null : view.readAttributes();
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  /** Rejects a read-only file, even if this process may write everywhere. */
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

  /** As {@link #channel}, for a caller that writes the whole file again at explicit positions. */
  FileChannel reopen() throws IOException {
    return hidden.reopen();
  }

  /** Whether written bytes may be missing, so that they must be written again. */
  boolean isLost() {
    return hidden.isLost();
  }

  /**
   * Appends a text in UTF-8. After an exception the write can be repeated: it then starts at the
   * same position.
   *
   * @throws FileException if it cannot be written, or the file is closed or was committed
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

  /** Writes all bytes at a position, also if a previous write stopped midway. */
  static void write(FileChannel channel, ByteBuffer bytes, long position) throws IOException {
    long at = position;
    while (bytes.hasRemaining()) {
      at += channel.write(bytes, at);
    }
  }

  /** The path as the caller passed it. */
  Path path() {
    return path;
  }

  /** The path with all links resolved: equal for two names of the same file. */
  public Path target() {
    return target;
  }

  /**
   * Renames the file to its final name. After an exception the commit can be repeated.
   *
   * @throws FileException if the file cannot be renamed, a {@link #write} failed and was not
   *     repeated, or the file is closed or was committed
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

  /** Removes the file if it was not committed. */
  @Override
  public void close() {
    hidden.close();
  }

  /**
   * The exception to throw after a failed write; its line names the file, the cause and the fix.
   */
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
