// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.CrossEntropy;
import dev.xent.Tensor;
import dev.xent.support.Allocation;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * What is true of the tensors of every runtime.
 *
 * @param <T> a tensor of the runtime
 */
abstract class SharedMemory<T> {
  /** What a view depends on, to be seen only as long as it is reachable. */
  final List<WeakReference<?>> made = new ArrayList<>();

  /** A tensor of the runtime that the test need not close. */
  abstract T floats(float[] values, long... shape) throws Exception;

  /** A view of labels, in memory of the runtime. */
  abstract Tensor labels(int... classes) throws Exception;

  abstract Tensor view(T tensor) throws Exception;

  /** The numbers as the runtime reads them. */
  abstract float[] values(T tensor) throws Exception;

  static float[] random(int length, long seed) {
    Random random = new Random(seed);
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) (4 * random.nextGaussian());
    }
    return values;
  }

  static void collect() throws InterruptedException {
    System.gc();
    Thread.sleep(10);
  }

  /** Otherwise a test that something is kept could not fail. */
  final void awaitCollected() throws InterruptedException {
    while (made.getFirst().get() != null) {
      collect();
    }
  }

  @Test
  void lossAndGradientHaveTheBitsOfTheCallOnACopy() throws Exception {
    float[] logits = random(5 * 1000, 1);
    int[] classes = {3, 0, 999, 500, 7};
    Tensor expected = Tensor.of(new float[5 * 1000], 5, 1000);
    CrossEntropy loss = CrossEntropy.builder().build();
    double plain =
        loss.forwardBackward(Tensor.of(logits, 5, 1000), Tensor.of(classes, 5), expected);
    T gradient = floats(new float[5 * 1000], 5, 1000);
    double there =
        loss.forwardBackward(view(floats(logits, 5, 1000)), labels(classes), view(gradient));
    assertThat(there).isEqualTo(plain);
    assertThat(values(gradient)).containsExactly(expected.toFloatArray());
  }

  @Test
  void aCallOnAViewAllocatesNothing() throws Exception {
    Tensor logits = view(floats(random(2 * 10, 2), 2, 10));
    Tensor gradient = view(floats(new float[2 * 10], 2, 10));
    Tensor labels = labels(3, 9);
    CrossEntropy loss = CrossEntropy.builder().build();
    Allocation.requireNone(() -> loss.forwardBackward(logits, labels, gradient));
  }
}
