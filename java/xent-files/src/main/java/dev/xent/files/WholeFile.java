// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.time.Instant;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A file that appears complete or not at all. It is written under a hidden name in the same folder,
 * {@code .xent-NAME-PROCESS-NUMBER.tmp}, and {@link #commit} atomically renames it to its final
 * name. Without a commit, {@link #close} removes it, and so does a JVM that ends by {@code exit} or
 * by a signal that it can handle. A JVM that is killed leaves the hidden file. Such a file does not
 * disturb other writers, and {@link #sweep} removes it.
 *
 * <p>After an exception of {@link #write} or {@link #commit}, nothing is published and the hidden
 * file is gone: create the file again.
 *
 * <p>A symbolic link stays a link: the file that it points to is replaced. A link to a missing file
 * is rejected, and so are a read-only file and a file that is mounted by itself.
 *
 * <p>A new file gets the permissions of the file that it replaces. It also gets the owner and the
 * group if the operating system allows it: root may change both, other users may set only a group
 * that they belong to. Access control lists and other extended attributes are not kept.
 *
 * <p>Any number of threads and processes may write files of one name at once: each file is
 * complete, and the last commit wins. An instance belongs to one thread at a time.
 */
public final class WholeFile implements AutoCloseable {
  private static final Set<StandardOpenOption> NEW =
      Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);

  private static final Path MOUNTS = Path.of("/proc/self/mountinfo");

  /** The place of the mount point among the words of a line of {@link #MOUNTS}. */
  private static final int MOUNT_POINT = 4;

  /** The bit of a directory whose files only their owners may rename. */
  private static final int STICKY = 01000;

  /** The most seconds by which the clocks of files and of processes may differ. */
  private static final int CLOCKS = 10;

  private final Path path;
  private final Path target;
  private final Path hidden;
  private final FileChannel channel;

  /** Removes the hidden file if the JVM exits before the commit or the close. */
  private final Thread atExit;

  /** The end of the text. */
  private long length;

  private WholeFile(Path path, Path target, FileAttribute<?>... attributes) throws IOException {
    this.path = path;
    this.target = target;
    this.hidden =
        target.resolveSibling(
            prefix(target)
                + ProcessHandle.current().pid()
                + "-"
                + Long.toHexString(ThreadLocalRandom.current().nextLong())
                + ".tmp");
    this.atExit = Thread.ofPlatform().name("xent-unfinished-output").unstarted(this::delete);
    hook(Runtime::addShutdownHook);
    try {
      this.channel = FileChannel.open(hidden, NEW, attributes);
    } catch (IOException e) {
      hook(Runtime::removeShutdownHook);
      throw e;
    }
  }

  /** What the hidden names of a file begin with: short, even if the name of the file is long. */
  private static String prefix(Path target) {
    return ".xent-" + Integer.toHexString(target.getFileName().hashCode()) + "-";
  }

  /**
   * Creates the hidden file, empty.
   *
   * @param path the final name
   * @param kind the extension for messages: {@code .npy}
   * @throws FileException if the file cannot be created there
   */
  public static WholeFile create(Path path, String kind) {
    Path target = target(path, kind);
    try {
      PosixFileAttributes replaced = replaced(target);
      requireReplaceable(path, target, replaced);
      return replaced == null ? new WholeFile(path, target) : like(replaced, path, target);
    } catch (IOException e) {
      throw failure(path, e);
    }
  }

  private static WholeFile like(PosixFileAttributes replaced, Path path, Path target)
      throws IOException {
    WholeFile file =
        new WholeFile(path, target, PosixFilePermissions.asFileAttribute(replaced.permissions()));
    boolean whole = false;
    try {
      file.inherit(replaced);
      whole = true;
      return file;
    } finally {
      if (!whole) {
        file.close();
      }
    }
  }

  /**
   * Copies the attributes of the replaced file. The owner comes last: only the owner may change the
   * others.
   */
  private void inherit(PosixFileAttributes replaced) throws IOException {
    PosixFileAttributeView view = Files.getFileAttributeView(hidden, PosixFileAttributeView.class);
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
      requireReplaceable(now.owner(), replaced.owner());
    }
  }

  /** Rejects the file of another user in a folder such as /tmp, where only its owner renames it. */
  private void requireReplaceable(UserPrincipal user, UserPrincipal owner) throws IOException {
    Path folder = target.getParent();
    boolean isSticky = ((int) Files.getAttribute(folder, "unix:mode") & STICKY) != 0;
    if (isSticky && !user.equals(owner) && !user.equals(Files.getOwner(folder))) {
      throw new FileException(
          String.format(
              Locale.ROOT,
              "%s belongs to %s, who alone may replace it in %s; name another file",
              path,
              owner.getName(),
              folder));
    }
  }

  /**
   * Removes the hidden files that killed writers of a file left. A hidden file stays if its process
   * runs on this machine, or if it cannot be removed. Reads the whole directory. Do not call this
   * if other machines or containers write the same file: their processes are not visible.
   *
   * @param path the name of the file; nothing is done if no file can have that name
   */
  public static void sweep(Path path) {
    Objects.requireNonNull(path, "path");
    try {
      Path target = place(path);
      if (target.getFileName() == null) {
        return;
      }
      Pattern name = Pattern.compile(Pattern.quote(prefix(target)) + "(\\d{1,10})-[0-9a-f]+\\.tmp");
      try (DirectoryStream<Path> folder = Files.newDirectoryStream(target.getParent())) {
        for (Path each : folder) {
          Matcher parts = name.matcher(each.getFileName().toString());
          if (parts.matches() && isLeft(each, Long.parseLong(parts.group(1)))) {
            Files.delete(each);
          }
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      // Sweeping is optional, and an obstacle to writing is reported when the file is written.
    }
  }

  /** Whether no process has the number, or only one that began after the file was written. */
  private static boolean isLeft(Path file, long process) throws IOException {
    BasicFileAttributes attributes =
        Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    Instant written = attributes.lastModifiedTime().toInstant().plusSeconds(CLOCKS);
    return attributes.isRegularFile()
        && ProcessHandle.of(process)
            .map(handle -> handle.info().startInstant().filter(written::isBefore).isPresent())
            .orElse(true);
  }

  /**
   * The file that a writer of a path replaces or creates: equal for two names of the same file.
   *
   * @param path the final name
   * @param kind the extension for messages: {@code .npy}
   * @return the path with all links resolved
   * @throws FileException if no file can be created there
   */
  public static Path target(Path path, String kind) {
    Objects.requireNonNull(path, "path");
    Objects.requireNonNull(kind, "kind");
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

  /** Rejects a read-only file, even if this process may write everywhere, and a mount point. */
  private static void requireReplaceable(
      Path path, Path target, @Nullable PosixFileAttributes replaced) throws IOException {
    boolean protectedByOwner =
        replaced != null && !replaced.permissions().contains(PosixFilePermission.OWNER_WRITE);
    if (Files.exists(target) && (protectedByOwner || !Files.isWritable(target))) {
      throw new FileException(path + " is read-only; make it writable or name another file");
    }
    if (replaced != null && isMountPoint(target)) {
      throw new FileException(
          path
              + " is mounted by itself and cannot be replaced; mount its directory or name another file");
    }
  }

  /** Whether a file is the target of a bind mount, as containers mount single files. */
  private static boolean isMountPoint(Path file) throws IOException {
    if (!Files.exists(MOUNTS)) {
      return false;
    }
    String escaped =
        file.toString()
            .replace("\\", "\\134")
            .replace(" ", "\\040")
            .replace("\t", "\\011")
            .replace("\n", "\\012");
    return new String(Files.readAllBytes(MOUNTS), StandardCharsets.UTF_8)
        .lines()
        .anyMatch(line -> line.split(" ")[MOUNT_POINT].equals(escaped));
  }

  /** The hidden file, open for reading and writing until the commit or the close. */
  FileChannel channel() {
    return channel;
  }

  /**
   * Appends a text in UTF-8.
   *
   * @throws FileException if it cannot be written, or the file is closed or was committed
   */
  public void write(String text) {
    Objects.requireNonNull(text, "text");
    boolean whole = false;
    try {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      write(channel, ByteBuffer.wrap(bytes), length);
      length += bytes.length;
      whole = true;
    } catch (IOException e) {
      throw failure(e);
    } finally {
      if (!whole) {
        close();
      }
    }
  }

  /** Writes all bytes at a position. */
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

  /**
   * Renames the file to its final name.
   *
   * @throws FileException if the file cannot be renamed, a {@link #write} failed, or the file is
   *     closed or was committed
   */
  public void commit() {
    try {
      if (!channel.isOpen()) {
        throw new ClosedChannelException();
      }
      channel.close(); // some file systems report a full disk here
      Files.move(
          hidden, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw failure(e);
    } finally {
      close();
    }
  }

  /** Removes the file if it was not committed. */
  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      // The content is discarded, so a failed close does not matter.
    }
    delete();
    hook(Runtime::removeShutdownHook);
  }

  /** Removes the hidden file, if there is still one. */
  private void delete() {
    try {
      Files.deleteIfExists(hidden);
    } catch (IOException e) {
      // A sweep removes the file. The caller reports the error that led here.
    }
  }

  private void hook(BiConsumer<Runtime, Thread> change) {
    try {
      change.accept(Runtime.getRuntime(), atExit);
    } catch (IllegalStateException e) {
      // The JVM is exiting: the writer closes the file, or a later sweep removes it.
    }
  }

  /** The exception for a failed write; its line names the file, the cause and the fix. */
  FileException failure(IOException cause) {
    return failure(path, cause);
  }

  private static FileException failure(Path path, IOException e) {
    if (e instanceof ClosedByInterruptException) {
      return new FileException(
          path + " was not written: the thread was interrupted; create it again to write it again",
          e);
    }
    if (e instanceof ClosedChannelException) {
      return new FileException(
          path
              + " was committed or closed before, or a write failed; create it again to write it again",
          e);
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
