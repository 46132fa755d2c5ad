// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static dev.xent.internal.adapter.Sharing.unusable;
import static dev.xent.internal.text.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;

/**
 * A .npy file mapped by {@link Npy#open} or read by {@link Npy#read}. The memory is read-only and
 * lives as long as the arena it was opened with.
 */
public final class NpyFile {
  /**
   * The longest header that is accepted; headers that NumPy writes for a plain array are far
   * shorter.
   */
  static final int MAX_HEADER = 1 << 16;

  private final Path path;
  private final NpyHeader header;
  private final long start;
  private final MemorySegment data;

  private NpyFile(Path path, NpyHeader header, long start, MemorySegment data) {
    this.path = path;
    this.header = header;
    this.start = start;
    this.data = data;
  }

  /** Maps or reads the numbers of an open file, which begin at {@code start}. */
  private interface Take {
    MemorySegment from(long start, long bytes, DType type) throws IOException;
  }

  static NpyFile map(Path path, FileChannel channel, Arena arena) throws IOException {
    return take(
        path,
        channel,
        (start, bytes, type) -> InputFile.map(channel, MapMode.READ_ONLY, start, bytes, arena));
  }

  static NpyFile read(Path path, FileChannel channel, Arena arena) throws IOException {
    return take(
        path,
        channel,
        (start, bytes, type) ->
            InputFile.readInto(InputFile.allocate(bytes, type, arena), channel, start));
  }

  private static NpyFile take(Path path, FileChannel channel, Take numbers) throws IOException {
    long size = channel.size();
    ByteBuffer prefix =
        InputFile.read(channel, 0, (int) Math.min(size, NpyHeader.MAGIC.length + 6));
    byte[] magic = new byte[NpyHeader.MAGIC.length];
    if (prefix.remaining() < magic.length + 4) {
      throw new FileException("is too short for a .npy file; save it again with np.save");
    }
    prefix.get(magic);
    if (!Arrays.equals(magic, NpyHeader.MAGIC)) {
      boolean isArchive = magic[0] == 'P' && magic[1] == 'K';
      throw new FileException(
          isArchive
              ? "is a .npz archive; save one array of it with np.save"
              : "is not a .npy file: it does not start with \\x93NUMPY; make one with np.save");
    }
    int major = prefix.get();
    int minor = prefix.get();
    if (major < 1 || major > 3 || minor != 0) {
      throw new FileException(
          message("has .npy version %d.%d; 1.0, 2.0 and 3.0 are read", major & 255, minor & 255));
    }
    int lengthBytes = major == 1 ? 2 : 4;
    long afterPrefix = magic.length + 2L + lengthBytes;
    if (size < afterPrefix) {
      throw new FileException("is too short for a .npy file; save it again with np.save");
    }
    long length = major == 1 ? prefix.getShort() & 0xFFFF : prefix.getInt() & 0xFFFFFFFFL;
    if (length > MAX_HEADER) {
      throw new FileException(
          message("has a header of %d bytes; at most %d are read", length, MAX_HEADER));
    }
    if (size - afterPrefix < length) {
      throw new FileException("ends within its header; it was cut off, copy or save it again");
    }
    ByteBuffer text = InputFile.read(channel, afterPrefix, (int) length);
    NpyHeader header =
        HeaderParser.parse(
            (major == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1)
                .decode(text)
                .toString());
    long start = afterPrefix + length;
    long bytes = dataBytes(header, size - start);
    return new NpyFile(path, header, start, numbers.from(start, bytes, header.type()));
  }

  /**
   * The size of the numbers in bytes, which must equal {@code there}, the bytes after the header.
   */
  private static long dataBytes(NpyHeader header, long there) {
    long bytes = header.elements() * header.type().byteSize();
    if (there != bytes) {
      String cause =
          there < bytes
              ? "it was cut off, copy or save it again"
              : "save each array to its own file";
      throw new FileException(
          message(
              "has %d bytes of data where %s of %s takes %d; %s",
              there, NpyHeader.describe(header.shape()), NpyDescr.of(header.type()), bytes, cause));
    }
    return bytes;
  }

  /** The path as the caller passed it. */
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

  /** The number of elements in the file. */
  public long elements() {
    return header.elements();
  }

  /** The numbers, read-only, in the order of the file, aligned or not. */
  public MemorySegment data() {
    return data.asReadOnly();
  }

  /** Whether the numbers begin at a multiple of their size, as in every file that NumPy writes. */
  public boolean isAligned() {
    return data.address() % type().byteSize() == 0;
  }

  /**
   * The numbers as a read-only tensor over the file's memory; a single number has shape [1].
   *
   * @throws FileException if they are not {@link #isAligned() aligned}
   */
  public Tensor tensor() {
    if (!isAligned()) {
      throw new FileException(
          message(
              "%s has its numbers at byte %d, no multiple of the %d bytes of %s; read it with Npy.copy, or save it again with np.save",
              path, start, type().byteSize(), type()));
    }
    return over(data());
  }

  /**
   * A writable copy of the numbers, in the order of the file.
   *
   * @param arena owns the copy
   * @throws dev.xent.errors.MemoryException if the arena is closed or another thread's
   */
  public Tensor copy(Arena arena) {
    Objects.requireNonNull(arena, "arena");
    try {
      return over(InputFile.allocate(data.byteSize(), type(), arena).copyFrom(data));
    } catch (IllegalStateException | WrongThreadException e) {
      throw unusable(e);
    }
  }

  /** The numbers of a file that was read, as a writable tensor. */
  Tensor own() {
    return over(data);
  }

  private Tensor over(MemorySegment segment) {
    return header.shape().length == 0
        ? Tensor.of(segment, type(), 1)
        : Tensor.strided(segment, type(), shape(), strides());
  }
}
