// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.files.FileException;
import dev.xent.files.Npy;
import dev.xent.files.NpyFile;
import dev.xent.files.NpyOutput;
import dev.xent.files.Safetensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * The memory for the numbers of a command's files. Files are read and written in memory while there
 * is enough for all of them; a file beyond that is mapped. If another program shortens a mapped
 * file, the process ends; this cannot happen to a file that was read.
 */
public final class FileMemory implements AutoCloseable {
  private final Arena arena = Arena.ofConfined();
  private final List<Path> temporary = new ArrayList<>();
  private boolean received;

  /** Up to half of the maximum heap size, which is also the JVM's limit outside of the heap. */
  private long left = Runtime.getRuntime().maxMemory() / 2;

  /** The numbers of an input; a copy if their address in its file is not aligned. */
  public Tensor tensor(InputFile input) {
    Path path = input.path();
    if (path == null) {
      return ofStandardInput();
    }
    if (input.tensor() == null) {
      return tensor(path);
    }
    // Mapped, because such files contain many tensors.
    Safetensors file = Safetensors.open(path, arena);
    String name = input.tensor();
    return file.isAligned(name) ? file.tensor(name) : file.copy(name, arena);
  }

  private Tensor tensor(Path path) {
    NpyFile file = readOrMap(size(path), () -> Npy.read(path, arena), () -> Npy.open(path, arena));
    return file.isAligned() ? file.tensor() : file.copy(arena);
  }

  private Tensor ofStandardInput() {
    if (received) {
      throw new CommandException("standard input is named for two inputs; name a file for one");
    }
    received = true;
    Path copy = temporary();
    try {
      Files.copy(System.in, copy, StandardCopyOption.REPLACE_EXISTING);
      return tensor(copy);
    } catch (FileException e) {
      throw new CommandException("standard input " + e.problem());
    } catch (IOException e) {
      throw new CommandException(
          message("standard input cannot be copied to %s (%s); name a file instead", copy, e));
    }
  }

  /** An empty file that {@link #close} deletes. */
  Path temporary() {
    try {
      temporary.add(Files.createTempFile("xent-", ".npy"));
      return temporary.getLast();
    } catch (IOException e) {
      throw new CommandException(
          message("no file can be made in the temporary folder (%s); name a file instead of -", e));
    }
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
    for (Path each : temporary) {
      try {
        Files.deleteIfExists(each);
      } catch (IOException e) {
        throw new CommandException(message("%s cannot be deleted (%s); delete it", each, e));
      }
    }
  }
}
