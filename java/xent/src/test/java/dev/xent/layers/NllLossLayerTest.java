// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.xent.NllLoss;
import dev.xent.Samples;
import dev.xent.Tensor;
import dev.xent.options.Reduction;
import org.junit.jupiter.api.Test;

/** The loss of log-probabilities; what it has in common with other losses is in LossLayerTest. */
class NllLossLayerTest {
  private static final int ROWS = 6;
  private static final int CLASSES = 5;

  private final float[] x = Samples.logits(ROWS * CLASSES, 2, 1);
  private final Tensor labels = Tensor.of(new int[] {0, 4, 2, 2, 1, 3});

  /** Log-softmax and NLL have the loss and the gradient of cross-entropy. */
  @Test
  void afterLogSoftmaxIsCrossEntropy() {
    Tensor logits = Tensor.of(x, ROWS, CLASSES);
    try (LogSoftmaxLayer logSoftmax = new LogSoftmaxLayer(Layer.ANY, CLASSES);
        NllLossLayer nll = new NllLossLayer(Layer.ANY, CLASSES);
        CrossEntropyLayer both = new CrossEntropyLayer(Layer.ANY, CLASSES)) {
      nll.forward(logSoftmax.forward(logits), labels);
      both.forward(logits, labels);
      assertThat(nll.loss()).isCloseTo(both.loss(), within(1e-6));
      assertThat(nll.validRows()).isEqualTo(ROWS);
      Tensor gradient = logSoftmax.backward(nll.backward());
      for (int r = 0; r < ROWS; r++) {
        for (int k = 0; k < CLASSES; k++) {
          assertThat((double) gradient.getFloat(r, k))
              .isCloseTo(both.backward().getFloat(r, k), within(1e-6));
        }
      }
    }
  }

  @Test
  void takesTheOptionsOfTheOperation() {
    NllLoss sum = NllLoss.builder().axis(0).reduction(Reduction.SUM).ignoreIndex(2).build();
    Tensor columns = Tensor.of(x, ROWS, CLASSES).permute(1, 0);
    try (NllLossLayer layer = NllLossLayer.of(sum, CLASSES, Layer.ANY)) {
      layer.forward(columns, labels);
      assertThat(layer.loss()).isEqualTo(sum.forward(columns, labels));
      assertThat(layer.validRows()).isEqualTo(4);
      Tensor gradient = layer.backward();
      assertThat(gradient.shape()).containsExactly(CLASSES, ROWS);
      assertThat(gradient.getFloat(0, 0)).isEqualTo(-1);
      assertThat(gradient.getFloat(2, 2)).isZero();
    }
  }
}
