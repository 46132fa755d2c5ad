// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import dev.xent.DType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** The memory of one call: opened before it, closed after it. */
final class Room implements AutoCloseable {
  private static final int LARGE = 1 << 18;

  private final Place place;
  private final LargeArrays arrays;
  private final Path directory;
  private final Arena arena;
  private final List<Runnable> giveBack = new ArrayList<>();

  Room(Place place, LargeArrays arrays, Path directory) {
    this.place = place;
    this.arrays = arrays;
    this.directory = directory;
    this.arena =
        switch (place) {
          case JAVA_ARRAYS, CONFINED -> Arena.ofConfined();
          case SHARED, MAPPED -> Arena.ofShared();
          case AUTOMATIC -> Arena.ofAuto();
        };
  }

  Arena arena() {
    return arena;
  }

  /** Separate memory for an operand. */
  MemorySegment take(Operand operand) {
    return switch (place) {
      case JAVA_ARRAYS -> array(operand);
      case CONFINED, SHARED, AUTOMATIC -> arena.allocate(operand.bytes(), 64);
      case MAPPED -> mapped(operand.bytes());
    };
  }

  private MemorySegment array(Operand operand) {
    int length = Math.toIntExact(operand.elements());
    DType type = operand.type();
    if (operand.bytes() < LARGE) {
      return segment(type, make(type, length));
    }
    int size = type.byteSize() * (type.isFloat() ? 1 : -1);
    Object array = arrays.take(size, length, count -> make(type, count));
    giveBack.add(() -> arrays.give(size, length, array));
    return segment(type, array);
  }

  private static Object make(DType type, int length) {
    return switch (type) {
      case F32 -> new float[length];
      case F64 -> new double[length];
      case F16, BF16, I16, U16 -> new short[length];
      case I8, U8 -> new byte[length];
      case I32, U32 -> new int[length];
      case I64, U64 -> new long[length];
    };
  }

  private static MemorySegment segment(DType type, Object array) {
    return switch (type) {
      case F32 -> MemorySegment.ofArray((float[]) array);
      case F64 -> MemorySegment.ofArray((double[]) array);
      case F16, BF16, I16, U16 -> MemorySegment.ofArray((short[]) array);
      case I8, U8 -> MemorySegment.ofArray((byte[]) array);
      case I32, U32 -> MemorySegment.ofArray((int[]) array);
      case I64, U64 -> MemorySegment.ofArray((long[]) array);
    };
  }

  private MemorySegment mapped(long bytes) {
    try {
      Path file = Files.createTempFile(directory, "operand", ".bin");
      try (FileChannel channel =
          FileChannel.open(
              file,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE)) {
        return channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    giveBack.forEach(Runnable::run);
    if (place != Place.AUTOMATIC) {
      arena.close();
    }
  }
}
