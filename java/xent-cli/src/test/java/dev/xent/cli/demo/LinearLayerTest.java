// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.Tensor;
import org.junit.jupiter.api.Test;

class LinearLayerTest {
  @Test
  void learnsAlongItsGradient() {
    try (LinearLayer layer = new LinearLayer(2, 2, 1)) {
      Tensor inputs = Tensor.of(new float[] {1, 2, 3, 4}, 2, 2);
      Tensor upstream = Tensor.of(new float[] {1, -2}, 2, 1);

      assertThat(layer.forward(inputs).toFloatArray()).containsExactly(0, 0);
      assertThat(layer.backward(upstream).toFloatArray()).containsExactly(0, 0, 0, 0);
      layer.step(0.5);

      // dW = x^T dz = (1 - 6, 2 - 8), db = -1; W = -dW / 2 = (2.5, 3), b = 0.5
      assertThat(layer.forward(inputs).toFloatArray()).containsExactly(9, 20);
      assertThat(layer.backward(upstream).toFloatArray()).containsExactly(2.5f, 3, -5, -6);
    }
  }
}
