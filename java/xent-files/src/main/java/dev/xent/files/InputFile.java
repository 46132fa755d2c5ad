// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static dev.xent.internal.adapter.Sharing.unusable;
import static dev.xent.internal.text.Messages.message;

import dev.xent.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Opens, reads and maps the files of all formats. */
final class InputFile {
  private static final int PIECE = 1 << 20;

  private InputFile() {}

  /** Reads from an open file. */
  interface Reader<T> {
    /**
     * The messages of its exceptions have no subject; the caller puts the file name before them.
     */
    T read(FileChannel channel) throws IOException;
  }

  /**
   * Opens a file, passes it to {@code reader}, and closes it.
   *
   * @param kind the extension, for messages: {@code .npy}
   */
  static <T> T open(Path path, String kind, Reader<T> reader) {
    try {
      if (path.getFileSystem() != FileSystems.getDefault()) {
        throw new FileException(
            "is not on the default file system, whose files alone are mapped; copy it there first");
      }
      if (Files.isDirectory(path)) {
        throw new FileException(message("is a directory; name the %s file in it", kind));
      }
      if (Files.exists(path) && !Files.isRegularFile(path)) {
        throw new FileException("is not a regular file; save its content to a file first");
      }
      try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
        return reader.read(channel);
      }
    } catch (FileException e) {
      throw new FileException(path, e.problem(), e);
    } catch (NoSuchFileException e) {
      throw new FileException(path, "does not exist; check the name", e);
    } catch (ClosedByInterruptException e) {
      throw new FileException(path, "was not read: the thread was interrupted; read it again", e);
    } catch (IOException e) {
      throw new FileException(
          path, message("cannot be read: %s; check the file and its permissions", Cause.of(e)), e);
    }
  }

  /** Allocates memory of an arena, aligned for elements of a type. */
  static MemorySegment allocate(long bytes, DType type, Arena arena) {
    try {
      return arena.allocate(bytes, type.byteSize());
    } catch (IllegalStateException | WrongThreadException e) {
      throw unusable(e);
    }
  }

  /** Reads the bytes from {@code start} on until the memory is full. */
  static MemorySegment readInto(MemorySegment memory, FileChannel channel, long start)
      throws IOException {
    for (long at = 0; at < memory.byteSize(); at += PIECE) {
      long bytes = Math.min(PIECE, memory.byteSize() - at);
      fill(memory.asSlice(at, bytes).asByteBuffer(), channel, start + at);
    }
    return memory;
  }

  /** Reads {@code length} bytes into a little-endian buffer on the heap. */
  static ByteBuffer read(FileChannel channel, long at, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    fill(buffer, channel, at);
    return buffer.flip();
  }

  private static void fill(ByteBuffer buffer, FileChannel channel, long at) throws IOException {
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, at + buffer.position()) < 0) {
        throw new FileException("became shorter while it was read; copy it and try again");
      }
    }
  }

  /** Maps a part of a file; a part of 0 bytes needs no mapping. */
  static MemorySegment map(FileChannel channel, MapMode mode, long at, long bytes, Arena arena)
      throws IOException {
    try {
      return bytes == 0 ? arena.allocate(0, Long.BYTES) : channel.map(mode, at, bytes, arena);
    } catch (IllegalStateException | WrongThreadException e) {
      throw unusable(e);
    } catch (IOException e) {
      if (e.getCause() instanceof OutOfMemoryError) {
        throw new OutOfMemoryError(message("no address space to map %d bytes", bytes));
      }
      throw e;
    }
  }
}
