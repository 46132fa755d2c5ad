// SPDX-License-Identifier: Apache-2.0
package dev.xent.support;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.CrossEntropy;
import dev.xent.Tensor;

/** Loss and gradient on memory of any kind, which must equal the ones on a Java array. */
public final class Losses {
  public static final int ROWS = 3;
  public static final int CLASSES = 40;

  private static final CrossEntropy LOSS = CrossEntropy.builder().labelSmoothing(0.1).build();
  private static final Tensor LABELS = Tensor.of(new int[] {7, 0, 39});

  private Losses() {}

  /** The shape of logits and gradient. */
  public static long[] shape() {
    return new long[] {ROWS, CLASSES};
  }

  /** Logits without a pattern. */
  public static float[] logits() {
    float[] logits = new float[ROWS * CLASSES];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (i * 37 % 101 - 50) / 7f;
    }
    return logits;
  }

  /** Loss and gradient equal those on a heap array in every bit. */
  public static void requirePlainBits(Tensor logits, Tensor gradient) {
    Tensor plain = Tensor.of(logits.toFloatArray(), ROWS, CLASSES);
    Tensor plainGradient = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    double expected = LOSS.forwardBackward(plain, LABELS, plainGradient);
    double loss = LOSS.forwardBackward(logits, LABELS, gradient);
    assertThat(Double.doubleToRawLongBits(loss)).isEqualTo(Double.doubleToRawLongBits(expected));
    assertThat(gradient.toFloatArray()).containsExactly(plainGradient.toFloatArray());
    assertThat(loss).isGreaterThan(0.1);
  }

  /** A call allocates nothing once it is compiled. */
  public static void requireNoAllocation(Tensor logits, Tensor gradient) {
    Allocation.requireNone(() -> LOSS.forwardBackward(logits, LABELS, gradient));
  }
}
