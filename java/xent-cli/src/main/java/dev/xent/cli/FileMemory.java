// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.files.Npy;
import dev.xent.files.NpyFile;
import dev.xent.files.NpyOutput;
import dev.xent.files.Safetensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;

/**
 * Where the numbers of a command's files lie. Files are read and written as long as there is memory
 * for all of them; what is larger is mapped. A mapped file that another program shortens ends the
 * process, one that was read does not: nothing but its size limits how safe a command is.
 */
public final class FileMemory implements AutoCloseable {
  private final Arena arena = Arena.ofConfined();
  private long left;

  /** As much as half of what the heap may grow to, which the JVM allows outside of it too. */
  public FileMemory() {
    this(Runtime.getRuntime().maxMemory() / 2);
  }

  /**
   * Memory for files that together have so many bytes.
   *
   * @param bytes of all files that are not mapped
   */
  FileMemory(long bytes) {
    left = bytes;
  }

  /** A file to read from. */
  public NpyFile open(Path path) {
    return readOrMap(size(path), () -> Npy.read(path, arena), () -> Npy.open(path, arena));
  }

  /** A tensor of a .safetensors file, which is mapped: such files have many beside it. */
  Tensor tensor(Path path, String name) {
    Safetensors file = Safetensors.open(path, arena);
    return file.isAligned(name) ? file.tensor(name) : file.copy(name, arena);
  }

  /** A file to be written. */
  NpyOutput create(Path path, DType type, long[] shape) {
    return readOrMap(
        bytes(type, shape),
        () -> Npy.createInMemory(path, type, shape, arena),
        () -> Npy.create(path, type, shape, arena));
  }

  /**
   * Memory for a result without a file; a number without dimensions has one element, as in files.
   */
  Tensor allocate(DType type, long[] shape) {
    return Tensor.allocate(arena, type, shape.length == 0 ? new long[] {1} : shape);
  }

  /** A copy of numbers that cannot be used where they lie. */
  Tensor copy(NpyFile file) {
    return file.copy(arena);
  }

  private <T> T readOrMap(long bytes, Supplier<T> read, Supplier<T> map) {
    if (bytes > left) {
      return map.get();
    }
    try {
      T file = read.get();
      left -= bytes;
      return file;
    } catch (OutOfMemoryError e) {
      // There is less than was thought, for instance by -XX:MaxDirectMemorySize.
      return map.get();
    }
  }

  /** That of a file; 0 of one that cannot be opened, which is said when it is opened. */
  private static long size(Path path) {
    try {
      return Files.size(path);
    } catch (IOException e) {
      return 0;
    }
  }

  /** At most as many as there can be; sizes that cannot be are refused when the file is made. */
  private static long bytes(DType type, long[] shape) {
    double bytes = type.byteSize();
    for (long size : shape) {
      bytes *= size;
    }
    return (long) bytes;
  }

  @Override
  public void close() {
    arena.close();
  }
}
