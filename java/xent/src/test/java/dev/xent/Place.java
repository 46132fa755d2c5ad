// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** The kinds of memory that an F32 tensor can have. */
enum Place {
  OFF_HEAP {
    @Override
    Tensor put(Arena arena, float[] values, long... shape) {
      return Tensor.of(Segments.of(arena, values), DType.F32, shape);
    }
  },
  ALIGNED_TO_ELEMENTS_ONLY {
    @Override
    Tensor put(Arena arena, float[] values, long... shape) {
      MemorySegment segment = arena.allocate(values.length * 4L + 4, 64).asSlice(4);
      MemorySegment.copy(values, 0, segment, ValueLayout.JAVA_FLOAT, 0, values.length);
      return Tensor.of(segment, DType.F32, shape);
    }
  },
  ADDRESS_WITH_OWNER {
    @Override
    Tensor put(Arena arena, float[] values, long... shape) {
      MemorySegment owner = Segments.of(Arena.ofAuto(), values);
      return Tensor.ofAddress(owner.address(), owner.byteSize(), owner, DType.F32, shape);
    }
  },
  DIRECT_BUFFER {
    @Override
    Tensor put(Arena arena, float[] values, long... shape) {
      ByteBuffer bytes = ByteBuffer.allocateDirect(values.length * 4 + 8);
      FloatBuffer buffer = bytes.order(ByteOrder.nativeOrder()).asFloatBuffer();
      buffer.position(2).put(values).position(2);
      return Tensor.of(buffer, shape);
    }
  },
  MAPPED_FILE {
    @Override
    Tensor put(Arena arena, float[] values, long... shape) {
      try {
        Path file = Files.createTempFile("xent", ".bin");
        try (FileChannel channel =
            FileChannel.open(
                file,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                StandardOpenOption.DELETE_ON_CLOSE)) {
          MemorySegment map =
              channel.map(FileChannel.MapMode.READ_WRITE, 0, values.length * 4L, arena);
          MemorySegment.copy(values, 0, map, ValueLayout.JAVA_FLOAT, 0, values.length);
          return Tensor.of(map, DType.F32, shape);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  },
  HEAP_ARRAY {
    @Override
    Tensor put(Arena arena, float[] values, long... shape) {
      return Tensor.of(values.clone(), shape);
    }
  },
  HEAP_ARRAY_FROM_THE_MIDDLE {
    @Override
    Tensor put(Arena arena, float[] values, long... shape) {
      float[] longer = new float[values.length + 3];
      System.arraycopy(values, 0, longer, 3, values.length);
      return Tensor.of(MemorySegment.ofArray(longer).asSlice(12), DType.F32, shape);
    }
  },
  HEAP_BUFFER {
    @Override
    Tensor put(Arena arena, float[] values, long... shape) {
      return Tensor.of(FloatBuffer.wrap(values.clone()), shape);
    }
  };

  /** Makes a row-major, writable tensor with these values, in its own memory. */
  abstract Tensor put(Arena arena, float[] values, long... shape);
}
