// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;

/**
 * A new .npy file, mapped into memory or written from memory. {@link #commit} atomically renames it
 * to its final name. Without a commit, {@link #close} removes it.
 *
 * <p>The arena still owns the memory after either call. After a commit, writes through the tensor
 * reach the file if it is mapped, and otherwise do not. After a close without a commit, they reach
 * only memory of the arena. The operating system writes the file to disk later: readers see the
 * numbers at once, but the numbers can be lost if the machine fails within the next seconds. An
 * instance belongs to one thread at a time.
 */
public final class NpyOutput implements AutoCloseable {
  private static final int PIECE = 1 << 20;

  private final WholeFile file;
  private final byte[] header;
  private final Tensor tensor;

  /** Whether writes to the tensor reach the file without a call of {@link #write}. */
  private final boolean mapped;

  /** Whether the numbers in memory were written to the file. */
  private boolean written;

  private NpyOutput(WholeFile file, byte[] header, Tensor tensor, boolean mapped) {
    this.file = file;
    this.header = header;
    this.tensor = tensor;
    this.mapped = mapped;
  }

  /** Creates a tensor of +0, in the mapped file or in memory. */
  static NpyOutput create(Path path, DType type, long[] shape, boolean mapped, Arena arena) {
    NpyHeader header = new NpyHeader(type, false, shape.clone());
    header.requireShape();
    WholeFile file = WholeFile.create(path, ".npy");
    try {
      byte[] head = header.encode();
      WholeFile.write(file.channel(), ByteBuffer.wrap(head), 0);
      long bytes = header.elements() * header.type().byteSize();
      MemorySegment data =
          mapped
              ? mapped(file.channel(), head.length, bytes, arena)
              : InputFile.allocate(bytes, type, arena);
      return new NpyOutput(file, head, over(data, header), mapped);
    } catch (IOException e) {
      file.close();
      throw file.failure(e);
    } catch (RuntimeException | OutOfMemoryError e) {
      file.close();
      throw e;
    }
  }

  /**
   * Writes every byte to allocate the space: a full disk is an error here and not a fault later.
   */
  private static MemorySegment mapped(FileChannel channel, int start, long bytes, Arena arena)
      throws IOException {
    ByteBuffer zeros = ByteBuffer.allocateDirect((int) Math.min(PIECE, bytes));
    for (long at = 0; at < bytes; at += zeros.limit()) {
      zeros.clear().limit((int) Math.min(zeros.capacity(), bytes - at));
      WholeFile.write(channel, zeros, start + at);
    }
    return InputFile.map(channel, MapMode.READ_WRITE, start, bytes, arena);
  }

  private static Tensor over(MemorySegment data, NpyHeader header) {
    long[] shape = header.shape();
    return Tensor.of(data, header.type(), shape.length == 0 ? new long[] {1} : shape);
  }

  /** The contiguous tensor to fill, all zeros at first; a single number has shape [1]. */
  public Tensor tensor() {
    return tensor;
  }

  /**
   * Writes the numbers in memory to the hidden file, after the header. Does nothing if the file is
   * mapped. {@link #commit} also does this, unless {@code write} has: write numbers that change
   * after that again. To commit several files together, call {@code write} for each of them first,
   * since a full disk is detected here. After an exception the output cannot be committed; the
   * tensor keeps its numbers, so {@link Npy#write} can write them to another output.
   *
   * @throws FileException if the disk has no room for them, or the output was committed or closed
   *     before
   * @throws MemoryException if the arena is closed or another thread's
   */
  public void write() {
    if (mapped) {
      return;
    }
    written = false;
    try {
      FileChannel channel = file.channel();
      MemorySegment data = tensor.segment();
      WholeFile.write(channel, ByteBuffer.wrap(header), 0);
      for (long at = 0; at < data.byteSize(); at += PIECE) {
        long bytes = Math.min(PIECE, data.byteSize() - at);
        WholeFile.write(channel, data.asSlice(at, bytes).asByteBuffer(), header.length + at);
      }
      written = true;
    } catch (IOException e) {
      throw file.failure(e);
    } catch (IllegalStateException | WrongThreadException e) {
      throw new MemoryException(
          Shown.line(
              file.path()
                  + " was not written: its numbers cannot be read: "
                  + e.getMessage()
                  + "; create it again with an arena that stays open, and write it on a thread that may use it"),
          e);
    } finally {
      if (!written) {
        file.close();
      }
    }
  }

  /**
   * Renames the file to its final name, and replaces an existing file as {@link WholeFile}
   * describes. The arena of numbers in memory must be open until they are written; the arena of a
   * mapped file need not be open. After an exception the output cannot be committed again; the
   * tensor keeps its numbers, as after {@link #write}.
   *
   * @throws FileException if the disk has no room for numbers in memory, the file cannot be
   *     renamed, a write failed, or the output was committed or closed before
   * @throws MemoryException if the arena of numbers in memory is closed or another thread's
   */
  public void commit() {
    if (!written) {
      write();
    }
    file.commit();
  }

  /** Removes the file if it was not committed. */
  @Override
  public void close() {
    file.close();
  }
}
