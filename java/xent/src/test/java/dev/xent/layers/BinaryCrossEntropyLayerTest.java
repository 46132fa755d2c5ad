// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.xent.BinaryCrossEntropy;
import dev.xent.Samples;
import dev.xent.Tensor;
import dev.xent.options.Reduction;
import org.junit.jupiter.api.Test;

/** The loss of elements: every one is a row. */
class BinaryCrossEntropyLayerTest {
  private final float[] x = Samples.logits(12, 2, 1);
  private final Tensor logits = Tensor.of(x, 3, 4);
  private final Tensor targets =
      Tensor.of(new float[] {0, 1, 1, 0, 0.5f, 0, 1, 1, 0, 0, 1, 0.25f}, 3, 4);

  @Test
  void isTheOperation() {
    BinaryCrossEntropy sum = BinaryCrossEntropy.builder().reduction(Reduction.SUM).build();
    Tensor expected = Tensor.of(new float[12], 3, 4);
    try (BinaryCrossEntropyLayer layer = BinaryCrossEntropyLayer.of(sum, Layer.ANY, 4)) {
      Tensor losses = layer.forward(logits, targets);
      assertThat(losses.shape()).containsExactly(3, 4);
      assertThat(layer.loss()).isEqualTo(sum.forwardBackward(logits, targets, expected));
      assertThat(layer.validRows()).isEqualTo(12);
      assertThat(Samples.bits(layer.backward())).isEqualTo(Samples.bits(expected));
    }
  }

  @Test
  void computesWhatTheFormulaSays() {
    try (BinaryCrossEntropyLayer layer = new BinaryCrossEntropyLayer(Layer.ANY, 4)) {
      Tensor losses = layer.forward(logits, targets);
      double sum = 0;
      for (int r = 0; r < 3; r++) {
        for (int k = 0; k < 4; k++) {
          double value = logits.getFloat(r, k);
          double t = targets.getFloat(r, k);
          double expected = Math.log1p(Math.exp(-Math.abs(value))) + Math.max(value, 0) - value * t;
          assertThat((double) losses.getFloat(r, k)).isCloseTo(expected, within(1e-6));
          double slope = 1 / (1 + Math.exp(-value)) - t;
          assertThat((double) layer.backward().getFloat(r, k)).isCloseTo(slope / 12, within(1e-7));
          sum += expected;
        }
      }
      assertThat(layer.loss()).isCloseTo(sum / 12, within(1e-6));
    }
  }

  @Test
  void backwardMultipliesTheElements() {
    float[] factors = Samples.logits(12, 1, 3);
    try (BinaryCrossEntropyLayer layer = new BinaryCrossEntropyLayer(3, 4)) {
      layer.forward(logits, targets);
      float[] gradient = layer.backward().toFloatArray();
      float[] weighted = layer.backward(Tensor.of(factors, 3, 4)).toFloatArray();
      for (int i = 0; i < 12; i++) {
        assertThat(weighted[i]).isEqualTo(gradient[i] * factors[i]);
      }
    }
  }
}
