// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.xent.CrossEntropy;
import dev.xent.Tensor;
import java.lang.management.ManagementFactory;

/** What loss and gradient on memory of any kind have to be: those of the library's own memory. */
final class Losses {
  static final int ROWS = 3;
  static final int CLASSES = 40;

  private static final int CALLS = 4_000;

  /** Until the compiler has done its work, calls may allocate. */
  private static final int ROUNDS = 40;

  /** What asking for the number may allocate itself, and far below a byte per call. */
  private static final long NOTHING = 1024;

  private static final CrossEntropy LOSS = CrossEntropy.builder().labelSmoothing(0.1).build();
  private static final Tensor LABELS = Tensor.of(new int[] {7, 0, 39});

  private Losses() {}

  static long[] shape() {
    return new long[] {ROWS, CLASSES};
  }

  /** Logits without a pattern. */
  static float[] logits() {
    float[] logits = new float[ROWS * CLASSES];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (i * 37 % 101 - 50) / 7f;
    }
    return logits;
  }

  /** Loss and gradient equal those on a heap array in every bit. */
  static void requirePlainBits(Tensor logits, Tensor gradient) {
    Tensor plain = Tensor.of(logits.toFloatArray(), ROWS, CLASSES);
    Tensor plainGradient = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    double expected = LOSS.forwardBackward(plain, LABELS, plainGradient);
    double loss = LOSS.forwardBackward(logits, LABELS, gradient);
    assertThat(Double.doubleToRawLongBits(loss)).isEqualTo(Double.doubleToRawLongBits(expected));
    assertThat(gradient.toFloatArray()).containsExactly(plainGradient.toFloatArray());
    assertThat(loss).isGreaterThan(0.1);
  }

  /** A call allocates nothing once it is compiled. */
  static void requireNoAllocation(Tensor logits, Tensor gradient) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long least = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS && least >= NOTHING; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < CALLS; i++) {
        LOSS.forwardBackward(logits, LABELS, gradient);
      }
      least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
    }
    assertThat(least).as("bytes of %d calls", CALLS).isLessThan(NOTHING);
  }
}
