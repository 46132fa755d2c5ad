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
 * A file that nobody is meant to see yet. Its name, {@code .xent-PROCESS-START-NUMBER.tmp}, tells
 * which process writes it, and is short, whatever the name that the file gets in the end.
 *
 * <p>The writer holds a lock on it, which the system takes away with the process. So one without a
 * lock, whose process does not run on this machine, is nobody's. Both are asked: opening and
 * closing a file takes the locks of the own process from it, and a writer has let go of the lock
 * when it gives the file its name; but another machine, or a container, sees the lock alone.
 */
final class HiddenFile implements AutoCloseable {
  private static final Pattern NAME =
      Pattern.compile("\\.xent-(\\d{1,10})-([0-9a-f]{1,16})-[0-9a-f]{1,16}\\.tmp");

  private static final Set<StandardOpenOption> NEW =
      Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);

  private static final Set<StandardOpenOption> EXISTING =
      Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE);

  /** Digits and letters of ASCII, whatever the locale. */
  private static final String OURS =
      ".xent-"
          + ProcessHandle.current().pid()
          + "-"
          + Long.toHexString(start(ProcessHandle.current()))
          + "-";

  /** By how many milliseconds two processes may differ on when a third one began. */
  private static final long SAME_START = 10_000;

  /** Opens channels: {@code FileChannel::open}, or one of a test that fails. */
  interface Opener {
    FileChannel open(Path path, Set<StandardOpenOption> options, FileAttribute<?>... attributes)
        throws IOException;
  }

  private final Path path;
  private final Opener opener;
  private FileChannel channel;

  /** Whether the system said at the close that it could not keep what was written. */
  private boolean lost;

  /** Whether it has its name, or was removed. */
  private boolean done;

  /** Removes the file where the JVM ends before it is named or closed. */
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

  /** Makes an empty file in a folder. */
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

  /** When a process began, in milliseconds; 0 where the system does not tell. */
  private static long start(ProcessHandle process) {
    return process.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
  }

  /** Locks the file; false if another machine took it for a leftover before. */
  private boolean lock() throws IOException {
    try {
      return channel.tryLock() != null && Files.exists(path);
    } catch (ClosedByInterruptException e) {
      throw e;
    } catch (IOException e) {
      return true; // No locks on this file system: nobody can lock it in order to remove it either.
    }
  }

  Path path() {
    return path;
  }

  FileChannel channel() {
    return channel;
  }

  /**
   * The channel, opened anew if an interrupt closed it, or a commit that failed: for those who
   * write the whole file once more.
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

  /** Whether bytes that were written may be missing. */
  boolean isLost() {
    return lost;
  }

  /** Whether it is this file that an exception speaks of. */
  boolean isFileOf(NoSuchFileException e) {
    return path.toString().equals(e.getFile());
  }

  /** Gives the file its name, which another file may have had. */
  void moveTo(Path target) throws IOException {
    if (done) {
      throw new ClosedChannelException();
    }
    try {
      channel.close(); // some file systems tell here that they have no room
    } catch (IOException e) {
      lost = true;
      throw e;
    }
    Files.move(path, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    done = true;
    removeHook();
  }

  /** Removes the file, unless it has its name. */
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
    delete();
    removeHook();
  }

  private void delete() {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      // The next sweep removes it; the error that led here is the one to tell.
    }
  }

  private void addHook() {
    try {
      Runtime.getRuntime().addShutdownHook(atExit);
    } catch (IllegalStateException e) {
      // The JVM is ending: whoever writes now closes the file, or a sweep removes it.
    }
  }

  private void removeHook() {
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException e) {
      // The JVM is ending, and the hook finds no file.
    }
  }

  /** Removes the hidden files of a folder that nobody writes any more. */
  static void sweep(Path folder) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, HiddenFile::isLeft)) {
      files.forEach(HiddenFile::removeUnlocked);
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
  }

  /** Whether it is a hidden file whose process does not run here. */
  private static boolean isLeft(Path file) {
    String name = file.getFileName().toString();
    Matcher parts = NAME.matcher(name);
    return parts.matches()
        && !name.startsWith(OURS) // the system need not be asked whether this process runs
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
      // It is another user's, or has just gone.
    }
  }
}
