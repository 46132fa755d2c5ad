// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.npy;

import dev.xent.DType;
import dev.xent.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
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
 * A .npy file in the making. The numbers are written into a hidden file beside it, mapped into
 * memory; {@link #commit} gives it its name in one step. Without a commit, {@link #close} leaves no
 * trace.
 */
public final class NpyOutput implements AutoCloseable {
  private static final int ZEROS = 1 << 20;

  private final Path path;
  private final Path target;
  private final Path temporary;
  private final Tensor tensor;
  private boolean done;

  private NpyOutput(Path path, Path target, Path temporary, Tensor tensor) {
    this.path = path;
    this.target = target;
    this.temporary = temporary;
    this.tensor = tensor;
  }

  /**
   * Makes room for a tensor of +0.
   *
   * @throws NpyException if the file cannot be made there
   */
  public static NpyOutput create(Path path, DType type, long[] shape, Arena arena) {
    Path target = target(path);
    Path temporary =
        target.resolveSibling(
            ".%s.%d-%x.tmp"
                .formatted(target.getFileName(), ProcessHandle.current().pid(), System.nanoTime()));
    try {
      Set<PosixFilePermission> permissions = permissions(target);
      requireWritable(path, target, permissions);
      temporary.toFile().deleteOnExit();
      Tensor tensor =
          write(temporary, permissions, new NpyHeader(type, false, shape.clone()), arena);
      return new NpyOutput(path, target, temporary, tensor);
    } catch (IOException e) {
      delete(temporary);
      throw failure(path, e);
    }
  }

  private static Path target(Path path) {
    Path folder = path.toAbsolutePath().getParent();
    if (folder == null || Files.isDirectory(path)) {
      throw new NpyException(path + " is a directory; name a .npy file in it");
    }
    if (!Files.isDirectory(folder)) {
      throw new NpyException(
          path + " cannot be written: there is no directory " + folder + "; make it first");
    }
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new NpyException(path + " is not a regular file; name a .npy file to be written");
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
      throw new NpyException(path + " is read-only; make it writable or name another file");
    }
  }

  private static Tensor write(
      Path temporary, @Nullable Set<PosixFilePermission> permissions, NpyHeader header, Arena arena)
      throws IOException {
    byte[] head = header.encode();
    long bytes = header.elements() * header.type().byteSize();
    try (FileChannel channel =
        FileChannel.open(
            temporary,
            Set.of(
                StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE),
            permissions == null
                ? new FileAttribute<?>[0]
                : new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(permissions)})) {
      if (permissions != null) {
        Files.setPosixFilePermissions(temporary, permissions); // what the umask took away
      }
      put(channel, ByteBuffer.wrap(head));
      // Writing every byte takes the space now: a full disk is an error here, not a fault later.
      ByteBuffer zeros = ByteBuffer.allocateDirect((int) Math.min(ZEROS, bytes));
      for (long left = bytes; left > 0; left -= zeros.limit()) {
        zeros.clear().limit((int) Math.min(zeros.capacity(), left));
        put(channel, zeros);
      }
      MemorySegment data =
          bytes == 0
              ? arena.allocate(0, header.type().byteSize())
              : channel.map(MapMode.READ_WRITE, head.length, bytes, arena);
      long[] shape = header.shape();
      return Tensor.of(data, header.type(), shape.length == 0 ? new long[] {1} : shape);
    }
  }

  private static void put(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /** Where to write the numbers: contiguous; a single number has the shape [1]. */
  public Tensor tensor() {
    return tensor;
  }

  /** The file with all links followed: equal for two names of one file. */
  public Path target() {
    return target;
  }

  /** Gives the file its name and the permissions of what had it before. */
  public void commit() {
    try {
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      done = true;
    } catch (IOException e) {
      throw failure(path, e);
    }
  }

  /** Removes what was not committed. */
  @Override
  public void close() {
    if (!done) {
      delete(temporary);
      done = true;
    }
  }

  private static void delete(Path temporary) {
    try {
      Files.deleteIfExists(temporary);
    } catch (IOException e) {
      // Left to deleteOnExit; the error that led here is the one to tell.
      temporary.toFile().deleteOnExit();
    }
  }

  private static NpyException failure(Path path, IOException e) {
    return new NpyException(
        "%s cannot be written: %s; check the directory, its permissions and its free space"
            .formatted(path, Cause.of(e)),
        e);
  }
}
