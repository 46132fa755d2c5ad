// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.SPARSE;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.xent.options.Backend;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * More than 2^31 elements, of more than 2^32 bytes, in a mapped file that takes no room on the
 * disk: no index fits an int.
 */
@Tag("slow")
class LargeTensorTest {
  private static final long ELEMENTS = (1L << 31) + (1L << 20);

  @TempDir private Path directory;

  private MemorySegment map(Arena arena) throws IOException {
    try (FileChannel file =
        FileChannel.open(directory.resolve("logits"), CREATE_NEW, READ, WRITE, SPARSE)) {
      return file.map(MapMode.READ_WRITE, 0, ELEMENTS * Short.BYTES, arena);
    }
  }

  /** Zeros but for one logit of 30 at the label: log1p((classes - 1) exp(-30)). */
  private static double lossOfThirty(long classes) {
    return Math.log1p((classes - 1) * Math.exp(-30));
  }

  /** One after the other, as each page that is touched first takes its time. */
  @Test
  void longRowsAndManyRows() throws IOException {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = map(arena);
      rowsOfMoreThanTwoGigabytes(memory);
      manyRows(memory);
    }
  }

  private static void manyRows(MemorySegment memory) {
    long classes = 8192;
    int rows = (int) (ELEMENTS / classes);
    try (Arena arena = Arena.ofShared()) {
      Tensor logits = Tensor.of(memory, DType.BF16, rows, classes);
      logits.setFloat(30, rows - 1, classes - 1);
      logits.setFloat(30, rows - 2, 0);
      int[] labels = new int[rows];
      labels[rows - 1] = (int) classes - 1;
      Tensor losses = Tensor.allocate(arena, DType.F32, rows);
      CrossEntropy loss =
          CrossEntropy.builder()
              .execution(Execution.defaults().withBackend(Backend.NATIVE))
              .build();
      LossOutputs outcome = LossOutputs.create().losses(losses).countCorrect(true);
      loss.on(logits, Tensor.of(labels)).outputs(outcome).run();
      assertThat(losses.getDouble(rows - 3)).isCloseTo(Math.log(classes), within(1e-5));
      assertThat(losses.getDouble(rows - 2)).isCloseTo(lossOfThirty(classes), within(1e-13));
      assertThat(losses.getDouble(rows - 1)).isCloseTo(lossOfThirty(classes), within(1e-13));
      assertThat(outcome.correctRows()).isEqualTo(rows);

      // The last rows alone, with their gradient in place.
      Tensor last = logits.slice(0, rows - 2, rows);
      loss.forwardBackward(last, Tensor.of(new int[] {0, (int) classes - 1}), last);
      assertThat(logits.getDouble(rows - 1, 0)).isCloseTo(Math.exp(-30) / 2, within(1e-16));
      assertThat(logits.getDouble(rows - 3, classes - 1)).isZero();
    }
  }

  private static void rowsOfMoreThanTwoGigabytes(MemorySegment memory) {
    long classes = ELEMENTS / 2;
    Tensor logits = Tensor.of(memory, DType.BF16, 2, classes);
    logits.setFloat(30, 1, classes - 1);
    Tensor losses = Tensor.of(new float[2]);
    Tensor hits = Tensor.of(MemorySegment.ofArray(new byte[2]), DType.U8, 2);
    CrossEntropy loss =
        CrossEntropy.builder().execution(Execution.defaults().withBackend(Backend.NATIVE)).build();
    loss.on(logits, Tensor.of(new long[] {classes - 2, classes - 1}))
        .outputs(LossOutputs.create().losses(losses).correct(hits))
        .run();
    assertThat(losses.getDouble(0)).isCloseTo(Math.log(classes), within(1e-5));
    assertThat(losses.getDouble(1)).isCloseTo(lossOfThirty(classes), within(1e-9));
    assertThat(hits.toLongArray()).containsExactly(0, 1);
  }
}
