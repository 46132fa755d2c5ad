// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.xent.options.Backend;
import dev.xent.options.FullyMasked;
import org.junit.jupiter.api.Test;

/** {@code - sum p log p} of each row. */
class EntropyTest {
  private static Entropy.Builder on(Backend backend) {
    return Entropy.builder().execution(Execution.defaults().withBackend(backend));
  }

  private static float entropy(Backend backend, FullyMasked masked, float... x) {
    Tensor result = Tensor.of(new float[1]);
    on(backend).fullyMasked(masked).build().forward(Tensor.of(x), result);
    return result.getFloat(0);
  }

  @OnEveryBackend
  void isThatOfTheSoftmax(Backend backend) {
    for (int classes : new int[] {1, 2, 17, 1000, 9000}) {
      float[] x = Samples.logits(20 * classes, 2, classes);
      Tensor result = Tensor.of(new float[20]);
      on(backend).temperature(2).build().forward(Tensor.of(x, 20, classes), result);
      for (int row = 0; row < 20; row++) {
        float[] values = Samples.row(x, row, classes);
        for (int k = 0; k < classes; k++) {
          values[k] /= 2;
        }
        double expected = 0;
        for (double p : Samples.softmax(values)) {
          expected -= p * Math.log(p);
        }
        assertThat((double) result.getFloat(row))
            .isCloseTo(expected, within(classes <= 17 ? 2e-6 : 4e-6));
      }
    }
  }

  /** The bits are those of the entropies that a loss returns. */
  @OnEveryBackend
  void isThatOfALoss(Backend backend) {
    Tensor logits = Tensor.of(Samples.logits(30 * 17, 2, 3), 30, 17);
    Tensor alone = Tensor.of(new float[30]);
    Tensor beside = Tensor.of(new float[30]);
    on(backend).temperature(2).build().forward(logits, alone);
    CrossEntropy.builder()
        .execution(Execution.defaults().withBackend(backend))
        .temperature(2)
        .build()
        .on(logits, Tensor.of(new int[30]))
        .outputs(LossOutputs.create().entropies(beside))
        .run();
    assertThat(Samples.bits(alone)).isEqualTo(Samples.bits(beside));
  }

  @OnEveryBackend
  void edges(Backend backend) {
    float infinity = Float.POSITIVE_INFINITY;
    for (FullyMasked masked : FullyMasked.values()) {
      assertThat(entropy(backend, masked, 1, Float.NaN)).isNaN();
      assertThat(entropy(backend, masked, 1, infinity)).isNaN();
      assertThat(entropy(backend, masked, 7)).isZero();
      assertThat(entropy(backend, masked, -infinity, 3)).isZero();
      assertThat(entropy(backend, masked, -infinity, 3, 3)).isEqualTo((float) Math.log(2));
    }
    assertThat(entropy(backend, FullyMasked.NAN, -infinity, -infinity)).isNaN();
    assertThat(entropy(backend, FullyMasked.ZERO, -infinity, -infinity)).isZero();
    Tensor result = Tensor.of(new float[] {9});
    on(backend)
        .fullyMasked(FullyMasked.ZERO)
        .build()
        .on(Tensor.of(new float[3], 1, 3), result)
        .inputs(Inputs.none().withClassMask(Tensor.of(new byte[3])))
        .run();
    assertThat(result.getFloat(0)).isZero();
  }

  @Test
  void makesItsResult() {
    Tensor x = Tensor.of(new double[] {0, 0, 0, 0}, 2, 2);
    Tensor entropies = Entropy.along(0).forward(x);
    assertThat(entropies.type()).isEqualTo(DType.F64);
    assertThat(entropies.toDoubleArray()).containsExactly(Math.log(2), Math.log(2));
    Tensor half = Entropy.along(-1).forward(Tensor.allocate(DType.BF16, 5, 4));
    assertThat(half.type()).isEqualTo(DType.F32);
    assertThat(half.shape()).containsExactly(5);
  }
}
