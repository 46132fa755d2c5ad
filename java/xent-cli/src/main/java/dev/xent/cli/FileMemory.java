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
 * The memory for the numbers of a command's files. Files are read and written in memory while there
 * is enough for all of them; a file beyond that is mapped. If another program shortens a mapped
 * file, the process ends; this cannot happen to a file that was read.
 */
public final class FileMemory implements AutoCloseable {
  private final Arena arena = Arena.ofConfined();

  /** Up to half of the maximum heap size, which is also the JVM's limit outside of the heap. */
  private long left = Runtime.getRuntime().maxMemory() / 2;

  /** Opens a file for reading. */
  public NpyFile open(Path path) {
    return readOrMap(size(path), () -> Npy.read(path, arena), () -> Npy.open(path, arena));
  }

  /** A tensor of a .safetensors file, which is mapped, because such files contain many tensors. */
  Tensor tensor(Path path, String name) {
    Safetensors file = Safetensors.open(path, arena);
    return file.isAligned(name) ? file.tensor(name) : file.copy(name, arena);
  }

  /** Creates a file for writing. */
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

  /** The numbers of a file; a copy if their address in it is not aligned. */
  Tensor tensor(NpyFile file) {
    return file.isAligned() ? file.tensor() : file.copy(arena);
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
      // There is less memory than assumed, for example because of -XX:MaxDirectMemorySize.
      return map.get();
    }
  }

  /** The size of a file; 0 if it cannot be opened, which is an error when it is opened later. */
  private static long size(Path path) {
    try {
      return Files.size(path);
    } catch (IOException e) {
      return 0;
    }
  }

  /**
   * The size in bytes, or the largest long if it overflows; the file creation then rejects the
   * size.
   */
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
