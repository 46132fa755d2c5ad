// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.npy;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.cli.file.Cause;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * A .npy file, open for reading: versions 1 to 3, little-endian, either order, mapped into memory
 * and so of any size. The memory is read-only and lives as long as the arena it was opened with.
 */
public final class NpyFile {
  /** No header that NumPy writes for a plain array comes near this. */
  static final int MAX_HEADER = 1 << 16;

  private final Path path;
  private final NpyHeader header;
  private final MemorySegment data;

  private NpyFile(Path path, NpyHeader header, MemorySegment data) {
    this.path = path;
    this.header = header;
    this.data = data;
  }

  /**
   * Maps a file.
   *
   * @throws NpyException if it is missing, is not a .npy file, is shorter or longer than its header
   *     says, or has elements of a type that is not read
   */
  public static NpyFile open(Path path, Arena arena) {
    try {
      if (Files.isDirectory(path)) {
        throw new NpyException("is a directory; give the .npy file in it");
      }
      if (Files.exists(path) && !Files.isRegularFile(path)) {
        throw new NpyException(
            "is not a regular file; save it to one first (it is mapped, not read)");
      }
      try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
        return map(path, channel, arena);
      }
    } catch (NpyException e) {
      throw new NpyException(path + " " + e.getMessage(), e);
    } catch (NoSuchFileException e) {
      throw new NpyException(path + " does not exist; check the name", e);
    } catch (IOException e) {
      throw new NpyException(
          "%s cannot be read: %s; check the file and its permissions".formatted(path, Cause.of(e)),
          e);
    }
  }

  private static NpyFile map(Path path, FileChannel channel, Arena arena) throws IOException {
    long size = channel.size();
    ByteBuffer prefix = read(channel, 0, (int) Math.min(size, NpyHeader.MAGIC.length + 6));
    byte[] magic = new byte[NpyHeader.MAGIC.length];
    if (prefix.remaining() < magic.length + 4) {
      throw new NpyException("is too short for a .npy file; save it again with np.save");
    }
    prefix.get(magic);
    if (!Arrays.equals(magic, NpyHeader.MAGIC)) {
      throw new NpyException("is not a .npy file (it does not begin so); make one with np.save");
    }
    int major = prefix.get();
    int minor = prefix.get();
    if (major < 1 || major > 3 || minor != 0) {
      throw new NpyException(
          "has .npy version %d.%d; 1.0, 2.0 and 3.0 are read".formatted(major & 255, minor & 255));
    }
    int lengthBytes = major == 1 ? 2 : 4;
    long start = magic.length + 2L + lengthBytes;
    if (size < start) {
      throw new NpyException("is too short for a .npy file; save it again with np.save");
    }
    long length = major == 1 ? prefix.getShort() & 0xFFFF : prefix.getInt() & 0xFFFFFFFFL;
    if (length > MAX_HEADER) {
      throw new NpyException(
          "has a header of %d bytes; at most %d are read".formatted(length, MAX_HEADER));
    }
    if (size - start < length) {
      throw new NpyException("ends within its header; it was cut off, copy or save it again");
    }
    ByteBuffer text = read(channel, start, (int) length);
    NpyHeader header =
        HeaderParser.parse(
            (major == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1)
                .decode(text)
                .toString());
    return new NpyFile(path, header, data(channel, start + length, size, header, arena));
  }

  private static MemorySegment data(
      FileChannel channel, long start, long size, NpyHeader header, Arena arena)
      throws IOException {
    long bytes = header.elements() * header.type().byteSize();
    long there = size - start;
    if (there != bytes) {
      String cause =
          there < bytes
              ? "it was cut off, copy or save it again"
              : "one array per file is read, save it again";
      throw new NpyException(
          "has %d bytes of data where %s of %s takes %d; %s"
              .formatted(
                  there,
                  NpyHeader.describe(header.shape()),
                  NpyDescr.of(header.type()),
                  bytes,
                  cause));
    }
    if (bytes == 0) {
      return arena.allocate(0, header.type().byteSize()).asReadOnly();
    }
    MemorySegment mapped = channel.map(MapMode.READ_ONLY, start, bytes, arena);
    if (start % header.type().byteSize() == 0) {
      return mapped;
    }
    // Only old or hand-made writers leave the numbers at such a place; operations need them
    // aligned.
    return arena.allocate(bytes, header.type().byteSize()).copyFrom(mapped).asReadOnly();
  }

  private static ByteBuffer read(FileChannel channel, long at, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, at + buffer.position()) < 0) {
        throw new NpyException("became shorter while it was read; copy it and try again");
      }
    }
    return buffer.flip();
  }

  /** The file, as it was named. */
  public Path path() {
    return path;
  }

  /** The type of an element. */
  public DType type() {
    return header.type();
  }

  /** Sizes of the axes; empty for a single number. */
  public long[] shape() {
    return header.shape().clone();
  }

  /** Strides in elements. */
  public long[] strides() {
    return header.strides();
  }

  /** How many numbers the file holds. */
  public long elements() {
    return header.elements();
  }

  /** The numbers, read-only, in the order of the file. */
  public MemorySegment data() {
    return data;
  }

  /** The numbers as a read-only tensor; a single number has the shape [1]. */
  public Tensor tensor() {
    if (header.shape().length == 0) {
      return Tensor.of(data, type(), 1);
    }
    return Tensor.strided(data, type(), shape(), strides());
  }
}
