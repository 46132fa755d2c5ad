// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The same bits on tensors in all kinds of memory. */
class MemoryKindsTest {
  private static final int ROWS = 5;
  private static final int CLASSES = 37;
  private static final float[] X = Samples.logits(ROWS * CLASSES, 3, 11);
  private static final float[] DY = Samples.logits(ROWS * CLASSES, 1, 12);
  private static final int[] LABELS = Samples.labels(ROWS, CLASSES, 13);

  /** All results of all operations, in memory of one kind. */
  private static int[][] results(Backend backend, Place place) {
    try (Arena arena = Arena.ofConfined()) {
      float[] zeros = new float[ROWS * CLASSES];
      Tensor x = place.put(arena, X, ROWS, CLASSES);
      Tensor dy = place.put(arena, DY, ROWS, CLASSES);
      Tensor y = place.put(arena, zeros, ROWS, CLASSES);
      Tensor dx = place.put(arena, zeros, ROWS, CLASSES);
      Tensor logY = place.put(arena, zeros, ROWS, CLASSES);
      Tensor logDx = place.put(arena, zeros, ROWS, CLASSES);
      Tensor lse = place.put(arena, new float[ROWS], ROWS);
      Tensor losses = place.put(arena, new float[ROWS], ROWS, 1);
      Tensor gradient = place.put(arena, zeros, ROWS, CLASSES);
      Tensor later = place.put(arena, zeros, ROWS, CLASSES);
      Softmax softmax =
          Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
      LogSoftmax logSoftmax =
          LogSoftmax.builder().execution(Execution.defaults().withBackend(backend)).build();
      softmax.forward(x, y);
      softmax.backward(y, dy, dx);
      logSoftmax.forward(x, logY);
      logSoftmax.backward(logY, dy, logDx);
      LogSumExp.builder()
          .execution(Execution.defaults().withBackend(backend))
          .build()
          .forward(x, lse);
      CrossEntropy mean =
          CrossEntropy.builder().execution(Execution.defaults().withBackend(backend)).build();
      LossOutputs outcome = LossOutputs.create().losses(losses).saveStatistics(arena);
      mean.on(x, Tensor.of(LABELS), gradient).outputs(outcome).run();
      mean.onBackward(x, Tensor.of(LABELS), outcome, lse, later).run();
      return new int[][] {
        Samples.bits(y),
        Samples.bits(dx),
        Samples.bits(logY),
        Samples.bits(logDx),
        Samples.bits(lse),
        Samples.bits(losses),
        Samples.bits(gradient),
        Samples.bits(later)
      };
    }
  }

  @ParameterizedTest
  @EnumSource
  void everyPlaceGivesTheSameBits(Place place) {
    int[][] expected = results(Backend.NATIVE, Place.OFF_HEAP);
    assertThat(results(Backend.NATIVE, place)).isDeepEqualTo(expected);
    assertThat(results(Backend.REFERENCE, place)).isDeepEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "NATIVE, I8",
    "NATIVE, U8",
    "NATIVE, I16",
    "NATIVE, I32",
    "NATIVE, I64",
    "NATIVE, U16",
    "NATIVE, U32",
    "NATIVE, U64",
    "REFERENCE, I8",
    "REFERENCE, U8",
    "REFERENCE, I16",
    "REFERENCE, I32",
    "REFERENCE, I64",
    "REFERENCE, U16",
    "REFERENCE, U32",
    "REFERENCE, U64"
  })
  void labelsOfEveryTypeInDirectBuffers(Backend backend, DType type) {
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(ROWS * type.byteSize()).order(ByteOrder.nativeOrder());
    for (int label : LABELS) {
      switch (type.byteSize()) {
        case 1 -> bytes.put((byte) label);
        case 2 -> bytes.putShort((short) label);
        case 4 -> bytes.putInt(label);
        default -> bytes.putLong(label);
      }
    }
    CrossEntropy mean =
        CrossEntropy.builder().execution(Execution.defaults().withBackend(backend)).build();
    Tensor x = Tensor.of(X, ROWS, CLASSES);
    assertThat(mean.forward(x, Tensor.of(bytes.flip(), type)))
        .isEqualTo(mean.forward(x, Tensor.of(LABELS)));
  }

  @Test
  void readOnlyMapsAreInputs(@TempDir Path folder) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(X.length * 4).order(ByteOrder.nativeOrder());
    bytes.asFloatBuffer().put(X);
    Path file = folder.resolve("logits.bin");
    Files.write(file, bytes.array());
    float[] expected = new float[X.length];
    Softmax.along(-1).forward(Tensor.of(X, ROWS, CLASSES), Tensor.of(expected, ROWS, CLASSES));
    try (Arena arena = Arena.ofConfined();
        FileChannel channel = FileChannel.open(file)) {
      MemorySegment map = channel.map(FileChannel.MapMode.READ_ONLY, 0, X.length * 4L, arena);
      Tensor x = Tensor.of(map, DType.F32, ROWS, CLASSES);
      assertThat(x.isReadOnly()).isTrue();
      float[] y = new float[X.length];
      Softmax.along(-1).forward(x, Tensor.of(y, ROWS, CLASSES));
      assertThat(y).isEqualTo(expected);
    }
  }

  @OnEveryBackend
  void readOnlyHeapMemoryIsAnInput(Backend backend) {
    MemorySegment readOnly = MemorySegment.ofArray(X).asReadOnly();
    float[] y = new float[X.length];
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    softmax.forward(Tensor.of(readOnly, DType.F32, ROWS, CLASSES), Tensor.of(y, ROWS, CLASSES));
    float[] expected = new float[X.length];
    softmax.forward(Tensor.of(X, ROWS, CLASSES), Tensor.of(expected, ROWS, CLASSES));
    assertThat(y).isEqualTo(expected);
  }
}
