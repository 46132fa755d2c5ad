// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/**
 * The hidden files that whole files are written to, and what is left of them where a process was
 * killed. Each is locked by its writer as long as that is at work; the system takes the lock away
 * with the process, so one without a lock is nobody's.
 *
 * <p>The names never come twice: should a file system keep no locks, another process may remove a
 * file that is being written, which its writer notices, but never write into it.
 */
final class Leftovers {
  /** Those of this process, which opening and closing them again would take the lock from. */
  private static final Set<Path> OURS = ConcurrentHashMap.newKeySet();

  private Leftovers() {}

  /** The name of a hidden file that nobody has yet. */
  static Path newName(Path target) {
    return target.resolveSibling(
        ".%s.%d-%x.tmp"
            .formatted(target.getFileName(), ProcessHandle.current().pid(), System.nanoTime()));
  }

  private static Pattern names(Path target) {
    return Pattern.compile(
        Pattern.quote("." + target.getFileName() + ".") + "\\d{1,10}-[0-9a-f]{1,16}\\.tmp");
  }

  /**
   * Locks a new file for as long as its channel is open.
   *
   * @return false if it was taken for a leftover before it was locked: another one is needed
   */
  static boolean claim(Path file, FileChannel channel) {
    try {
      if (channel.tryLock() == null || !Files.exists(file)) {
        return false;
      }
    } catch (IOException e) {
      // No locks on this file system: nobody can lock it in order to remove it either.
    }
    OURS.add(file);
    return true;
  }

  /** Says that a file which was claimed is closed. */
  static void release(Path file) {
    OURS.remove(file);
  }

  /** Removes what nobody writes to any more. */
  static void remove(Path target) throws IOException {
    Path folder = target.getParent();
    if (folder == null) {
      return;
    }
    Pattern names = names(target);
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(
            folder,
            file ->
                names.matcher(file.getFileName().toString()).matches()
                    && Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))) {
      files.forEach(Leftovers::removeUnlocked);
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
  }

  private static void removeUnlocked(Path file) {
    if (OURS.contains(file)) {
      return;
    }
    try (FileChannel channel =
            FileChannel.open(file, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
        FileLock lock = channel.tryLock()) {
      if (lock != null) {
        Files.delete(file);
      }
    } catch (IOException | OverlappingFileLockException e) {
      // It is another user's, or has just gone.
    }
  }
}
