// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.time.Instant;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A file that readers must not see yet. Its name, {@code .xent-PROCESS-START-NUMBER.tmp}, contains
 * the process that writes it, and is short even if the final name is long.
 *
 * <p>The writer holds a lock on it, which the operating system releases when the process ends. So a
 * hidden file is abandoned if it has no lock and its process does not run on this machine. Both
 * conditions are needed. The lock alone is not enough in the same process and machine: opening and
 * closing a file releases the locks of the own process on it, and a writer releases the lock just
 * before it renames the file. The process alone is not enough for writers on another machine or in
 * a container, whose processes are not visible.
 */
final class HiddenFile implements AutoCloseable {
  private static final Pattern NAME =
      Pattern.compile("\\.xent-(\\d{1,10})-([0-9a-f]{1,16})-[0-9a-f]{1,16}\\.tmp");

  private static final Set<StandardOpenOption> NEW =
      Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);

  private static final Set<StandardOpenOption> EXISTING =
      Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE);

  /** Only ASCII digits and letters, in any locale. */
  private static final String OURS =
      ".xent-"
          + ProcessHandle.current().pid()
          + "-"
          + Long.toHexString(start(ProcessHandle.current()))
          + "-";

  /** The difference in milliseconds that two processes may see in the start time of a third. */
  private static final long SAME_START = 10_000;

  /** Opens channels: {@code FileChannel::open}, or one that fails, for tests. */
  interface Opener {
    FileChannel open(Path path, Set<StandardOpenOption> options, FileAttribute<?>... attributes)
        throws IOException;
  }

  private final Path path;
  private final Opener opener;
  private FileChannel channel;

  /** Whether the close failed, so that written bytes may be missing. */
  private boolean lost;

  /** Whether the file was renamed or removed. */
  private boolean done;

  /** Removes the file if the JVM exits before it is renamed or closed. */
  private final Thread atExit;

  private HiddenFile(Opener opener, Path folder, FileAttribute<?>... attributes)
      throws IOException {
    String number = Long.toHexString(ThreadLocalRandom.current().nextLong());
    this.opener = opener;
    this.path = folder.resolve(OURS + number + ".tmp");
    this.atExit = Thread.ofPlatform().name("xent-unfinished-output").unstarted(this::delete);
    addHook();
    try {
      this.channel = opener.open(path, NEW, attributes);
    } catch (IOException e) {
      removeHook();
      throw e;
    }
  }

  /** Creates an empty hidden file in a folder. */
  static HiddenFile create(Opener opener, Path folder, FileAttribute<?>... attributes)
      throws IOException {
    HiddenFile file = new HiddenFile(opener, folder, attributes);
    try {
      while (!file.lock()) {
        file.close();
        file = new HiddenFile(opener, folder, attributes);
      }
      return file;
    } catch (ClosedByInterruptException e) {
      file.close();
      throw e;
    }
  }

  /** The start time of a process in milliseconds; 0 if the system does not report it. */
  private static long start(ProcessHandle process) {
    return process.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
  }

  /** Locks the file; returns false if another machine removed it as abandoned before the lock. */
  private boolean lock() throws IOException {
    try {
      return channel.tryLock() != null && Files.exists(path);
    } catch (ClosedByInterruptException e) {
      throw e;
    } catch (IOException e) {
      return true; // Without locks on this file system, no process can lock the file to remove it.
    }
  }

  Path path() {
    return path;
  }

  FileChannel channel() {
    return channel;
  }

  /**
   * The channel, opened again if an interrupt or a failed commit closed it. The caller then writes
   * the whole file again.
   */
  FileChannel reopen() throws IOException {
    if (channel.isOpen()) {
      return channel;
    }
    if (done) {
      throw new ClosedChannelException();
    }
    channel = opener.open(path, EXISTING);
    if (!lock()) {
      channel.close();
      throw new NoSuchFileException(path.toString());
    }
    lost = false;
    return channel;
  }

  /** Whether written bytes may be missing. */
  boolean isLost() {
    return lost;
  }

  /** Whether an exception names this file. */
  boolean isFileOf(NoSuchFileException e) {
    return path.toString().equals(e.getFile());
  }

  /** Renames the file to its final name, and replaces a file of that name. */
  void moveTo(Path target) throws IOException {
    if (done) {
      throw new ClosedChannelException();
    }
    try {
      channel.close(); // some file systems report a full disk here
    } catch (IOException e) {
      lost = true;
      throw e;
    }
    Files.move(path, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    done = true;
    removeHook();
  }

  /** Removes the file, unless it was renamed. */
  @Override
  public void close() {
    if (done) {
      return;
    }
    done = true;
    try {
      channel.close();
    } catch (IOException e) {
      // The content is discarded, so a failed close does not matter.
    }
    delete();
    removeHook();
  }

  private void delete() {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      // The next sweep removes the file. The caller reports the error that led here.
    }
  }

  private void addHook() {
    try {
      Runtime.getRuntime().addShutdownHook(atExit);
    } catch (IllegalStateException e) {
      // The JVM is exiting: the writer closes the file, or a later sweep removes it.
    }
  }

  private void removeHook() {
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException e) {
      // The JVM is exiting, and the hook finds no file to remove.
    }
  }

  /** Removes the abandoned hidden files of a folder. */
  static void sweep(Path folder) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, HiddenFile::isLeft)) {
      files.forEach(HiddenFile::removeUnlocked);
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
  }

  /** Whether the path is a hidden file whose process does not run on this machine. */
  private static boolean isLeft(Path file) {
    String name = file.getFileName().toString();
    Matcher parts = NAME.matcher(name);
    return parts.matches()
        && !name.startsWith(OURS) // this process runs
        && !runs(Long.parseLong(parts.group(1)), Long.parseUnsignedLong(parts.group(2), 16))
        && Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS);
  }

  private static boolean runs(long process, long start) {
    return ProcessHandle.of(process)
        .filter(handle -> Math.abs(start(handle) - start) < SAME_START)
        .isPresent();
  }

  private static void removeUnlocked(Path file) {
    try (FileChannel channel =
            FileChannel.open(file, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
        FileLock lock = channel.tryLock()) {
      if (lock != null) {
        Files.delete(file);
      }
    } catch (IOException e) {
      // The file belongs to another user, or was removed meanwhile.
    }
  }
}
