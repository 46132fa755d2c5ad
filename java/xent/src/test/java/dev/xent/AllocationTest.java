// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Calls allocate nothing. */
class AllocationTest {
  private static final int CALLS = 5_000;

  /** Until the compiler has done its work, calls may allocate. */
  private static final int ROUNDS = 30;

  /** What asking for the number may allocate itself, and far below a byte per call. */
  private static final long NOTHING = 1024;

  private static long allocatedBytes() {
    return ((ThreadMXBean) ManagementFactory.getThreadMXBean()).getCurrentThreadAllocatedBytes();
  }

  private static void allocatesNothing(String what, Runnable call) {
    long least = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS && least >= NOTHING; round++) {
      long before = allocatedBytes();
      for (int i = 0; i < CALLS; i++) {
        call.run();
      }
      least = Math.min(least, allocatedBytes() - before);
    }
    assertThat(least).as("bytes of %d calls of %s", CALLS, what).isLessThan(NOTHING);
  }

  @ParameterizedTest
  @CsvSource({
    "NATIVE, OFF_HEAP, false",
    "NATIVE, HEAP_ARRAY, false",
    "NATIVE, OFF_HEAP, true",
    "NATIVE, HEAP_ARRAY, true",
    "REFERENCE, OFF_HEAP, false",
    "REFERENCE, HEAP_ARRAY, false"
  })
  void everyOperation(Backend backend, Place place, boolean strided) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor x = matrix(arena, place, strided);
      Tensor y = matrix(arena, place, strided);
      Tensor dy = matrix(arena, place, strided);
      Tensor dx = matrix(arena, place, strided);
      Tensor rows = place.put(arena, new float[2], 2);
      Tensor labels = Tensor.of(new int[] {1, 2});
      Tensor hits = Tensor.of(ByteBuffer.allocateDirect(2), DType.U8);

      Softmax softmax = Softmax.builder().backend(backend).build();
      allocatesNothing("softmax", () -> softmax.forward(x, y));
      allocatesNothing("softmax backward", () -> softmax.backward(y, dy, dx));
      LogSoftmax logSoftmax = LogSoftmax.builder().backend(backend).build();
      allocatesNothing("log-softmax", () -> logSoftmax.forward(x, y));
      allocatesNothing("log-softmax backward", () -> logSoftmax.backward(y, dy, dx));
      LogSumExp logSumExp = LogSumExp.builder().backend(backend).build();
      allocatesNothing("log-sum-exp", () -> logSumExp.forward(x, rows));

      CrossEntropy mean = CrossEntropy.builder().backend(backend).labelSmoothing(0.1).build();
      allocatesNothing("cross-entropy", () -> mean.forward(x, labels));
      allocatesNothing("with gradient", () -> mean.forwardBackward(x, labels, dx));
      CrossEntropy.Outcome outcome =
          new CrossEntropy.Outcome().losses(rows).hits(hits).saveStatistics(arena);
      allocatesNothing("with outcome", () -> mean.forwardBackward(x, labels, dx, outcome));
      allocatesNothing("its backward", () -> mean.backward(x, labels, outcome, null, dx));
      CrossEntropy.Outcome counting = new CrossEntropy.Outcome().countCorrect(true);
      allocatesNothing("counting", () -> mean.forward(x, labels, counting));
      allocatesNothing("probability rows", () -> mean.forwardBackward(x, y, dx));
    }
  }

  private static Tensor matrix(Arena arena, Place place, boolean strided) {
    return strided
        ? place.put(arena, Samples.logits(60, 2, 1), 2, 30).slice(1, 3, 13)
        : place.put(arena, Samples.logits(20, 2, 1), 2, 10);
  }
}
