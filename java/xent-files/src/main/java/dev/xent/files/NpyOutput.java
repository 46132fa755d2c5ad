// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import dev.xent.DType;
import dev.xent.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;

/**
 * A .npy file in the making, mapped into memory: {@link #commit} gives it its name in one step.
 * Without a commit, {@link #close} leaves no trace.
 *
 * <p>Both leave the mapping to the arena. What is written through the tensor after a commit is
 * written to the file; after a close without one, to memory that goes with the arena. The operating
 * system brings the numbers to the disk when it likes: whoever reads the file sees them at once,
 * but they may be lost if the machine fails in the next seconds. An instance belongs to one thread
 * at a time.
 */
public final class NpyOutput implements AutoCloseable {
  private static final int ZEROS = 1 << 20;

  private final WholeFile file;
  private final Tensor tensor;

  private NpyOutput(WholeFile file, Tensor tensor) {
    this.file = file;
    this.tensor = tensor;
  }

  /** Makes room for a tensor of +0. */
  static NpyOutput create(Path path, DType type, long[] shape, Arena arena) {
    NpyHeader header = new NpyHeader(type, false, shape.clone());
    header.requireShape();
    WholeFile file = WholeFile.create(path, ".npy");
    try {
      return new NpyOutput(file, write(file, header, arena));
    } catch (IOException e) {
      file.close();
      throw file.failure(e);
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private static Tensor write(WholeFile file, NpyHeader header, Arena arena) throws IOException {
    byte[] head = header.encode();
    long bytes = header.elements() * header.type().byteSize();
    try (FileChannel channel = file.open()) {
      put(channel, ByteBuffer.wrap(head));
      // Writing every byte takes the space now: a full disk is an error here, not a fault later.
      ByteBuffer zeros = ByteBuffer.allocateDirect((int) Math.min(ZEROS, bytes));
      for (long left = bytes; left > 0; left -= zeros.limit()) {
        zeros.clear().limit((int) Math.min(zeros.capacity(), left));
        put(channel, zeros);
      }
      MemorySegment data = InputFile.map(channel, MapMode.READ_WRITE, head.length, bytes, arena);
      long[] shape = header.shape();
      return Tensor.of(data, header.type(), shape.length == 0 ? new long[] {1} : shape);
    }
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
   * Gives the file its name and the permissions of what had it before.
   *
   * @throws FileException if the name cannot be given
   */
  public void commit() {
    file.commit();
  }

  /** Removes what was not committed. */
  @Override
  public void close() {
    file.close();
  }
}
