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
  private final Tensor tensor;

  /** Whether the numbers are in the file, or go there by themselves. */
  private boolean written;

  private NpyOutput(WholeFile file, Tensor tensor, boolean written) {
    this.file = file;
    this.tensor = tensor;
    this.written = written;
  }

  /** Makes room for a tensor of +0, in the file that is mapped, or in memory. */
  static NpyOutput create(Path path, DType type, long[] shape, boolean mapped, Arena arena) {
    NpyHeader header = new NpyHeader(type, false, shape.clone());
    header.requireShape();
    WholeFile file = WholeFile.create(path, ".npy");
    try {
      FileChannel channel = file.channel();
      byte[] head = header.encode();
      put(channel, ByteBuffer.wrap(head));
      long bytes = header.elements() * header.type().byteSize();
      MemorySegment data =
          mapped
              ? mapped(channel, head.length, bytes, arena)
              : InputFile.allocate(bytes, type, arena);
      return new NpyOutput(file, over(data, header), mapped);
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
    for (long left = bytes; left > 0; left -= zeros.limit()) {
      zeros.clear().limit((int) Math.min(zeros.capacity(), left));
      put(channel, zeros);
    }
    return InputFile.map(channel, MapMode.READ_WRITE, start, bytes, arena);
  }

  private static Tensor over(MemorySegment data, NpyHeader header) {
    long[] shape = header.shape();
    return Tensor.of(data, header.type(), shape.length == 0 ? new long[] {1} : shape);
  }

  private static void put(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
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
   * Writes the numbers that lie in memory behind the header of the hidden file; where it is mapped,
   * they are there. A commit does that too; who commits several files together lets each be written
   * first, as here the disk may turn out to be full.
   *
   * @throws FileException if the disk has no room for them, or the output was closed before
   * @throws MemoryException if the arena is closed or another thread's
   */
  public void write() {
    if (written) {
      return;
    }
    try {
      MemorySegment data = tensor.segment();
      for (long at = 0; at < data.byteSize(); at += PIECE) {
        long bytes = Math.min(PIECE, data.byteSize() - at);
        put(file.channel(), data.asSlice(at, bytes).asByteBuffer());
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
                  + "; write or commit it while the arena is open, on a thread that may use it"),
          e);
    }
  }

  /**
   * Gives the file its name, and what {@link WholeFile} says of what had it before. The arena of
   * numbers in memory must be open until they are written; the arena of a mapped file need not.
   *
   * @throws FileException if the disk has no room for numbers that lie in memory, the name cannot
   *     be given, or the output was committed or closed before
   * @throws MemoryException if the arena of numbers that lie in memory is closed or another
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
