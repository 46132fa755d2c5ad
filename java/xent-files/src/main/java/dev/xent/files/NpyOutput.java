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
 * A .npy file in the making, mapped into memory or written from memory: {@link #commit} gives it
 * its name in one step. Without a commit, {@link #close} leaves no trace.
 *
 * <p>Both leave the memory to the arena. What is written through the tensor after a commit is
 * written to the file if it is mapped, and nowhere else; after a close without one, to memory that
 * goes with the arena. The operating system brings the numbers to the disk when it likes: whoever
 * reads the file sees them at once, but they may be lost if the machine fails in the next seconds.
 * An instance belongs to one thread at a time.
 */
public final class NpyOutput implements AutoCloseable {
  private static final int PIECE = 1 << 20;

  private final WholeFile file;
  private final byte[] header;
  private final Tensor tensor;

  /** Whether the numbers get into the file by themselves. */
  private final boolean mapped;

  /** Whether the file has the numbers of memory. */
  private boolean written;

  private NpyOutput(WholeFile file, byte[] header, Tensor tensor, boolean mapped) {
    this.file = file;
    this.header = header;
    this.tensor = tensor;
    this.mapped = mapped;
  }

  /** Makes room for a tensor of +0, in the file that is mapped, or in memory. */
  static NpyOutput create(Path path, DType type, long[] shape, boolean mapped, Arena arena) {
    return create(path, type, shape, mapped, arena, FileChannel::open);
  }

  static NpyOutput create(
      Path path, DType type, long[] shape, boolean mapped, Arena arena, HiddenFile.Opener opener) {
    NpyHeader header = new NpyHeader(type, false, shape.clone());
    header.requireShape();
    WholeFile file = WholeFile.create(path, ".npy", opener);
    try {
      FileChannel channel = file.channel();
      byte[] head = header.encode();
      WholeFile.write(channel, ByteBuffer.wrap(head), 0);
      long bytes = header.elements() * header.type().byteSize();
      MemorySegment data =
          mapped
              ? mapped(channel, head.length, bytes, arena)
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

  /** Writing every byte takes the space now: a full disk is an error here, not a fault later. */
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

  /** Where to write the numbers: contiguous, zeros so far; a single number has the shape [1]. */
  public Tensor tensor() {
    return tensor;
  }

  /** The file with all links followed: equal for two names of one file. */
  public Path target() {
    return file.target();
  }

  /**
   * Writes the numbers that are in memory behind the header of the hidden file; if it is mapped,
   * they are there. A commit does that too. To commit several files together, write each of them
   * first: here the disk may turn out to be full. After an exception the numbers can be written
   * again, from the first one on.
   *
   * @throws FileException if the disk has no room for them, or the output was committed or closed
   *     before
   * @throws MemoryException if the arena is closed or another thread's
   */
  public void write() {
    if (mapped || written && !file.isLost()) {
      return;
    }
    try {
      FileChannel channel = file.reopen();
      MemorySegment data = tensor.segment();
      WholeFile.write(channel, ByteBuffer.wrap(header), 0);
      for (long at = 0; at < data.byteSize(); at += PIECE) {
        long bytes = Math.min(PIECE, data.byteSize() - at);
        WholeFile.write(channel, data.asSlice(at, bytes).asByteBuffer(), header.length + at);
      }
      channel.truncate(header.length + data.byteSize());
      written = true;
    } catch (IOException e) {
      throw file.failure(e);
    } catch (IllegalStateException | WrongThreadException e) {
      throw new MemoryException(
          Shown.line(
              file.path()
                  + " was not written: its numbers cannot be read: "
                  + e.getMessage()
                  + "; write or commit it while the arena is open, on a thread that may use it"),
          e);
    }
  }

  /**
   * Gives the file its name, and what {@link WholeFile} says of what had it before. The arena of
   * numbers in memory must be open until they are written; the arena of a mapped file need not.
   * After an exception the file can be committed again, unless its message says that it must be
   * created again.
   *
   * @throws FileException if the disk has no room for numbers that are in memory, the name cannot
   *     be given, or the output was committed or closed before
   * @throws MemoryException if the arena of numbers that are in memory is closed or another
   *     thread's
   */
  public void commit() {
    write();
    file.commit();
  }

  /** Removes what was not committed. */
  @Override
  public void close() {
    file.close();
  }
}
