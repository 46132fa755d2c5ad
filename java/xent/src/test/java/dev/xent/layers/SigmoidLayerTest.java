// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.DType;
import dev.xent.Samples;
import dev.xent.Sigmoid;
import dev.xent.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SigmoidLayerTest {
  private static final Tensor LOGITS =
      Tensor.of(new float[] {-100, -1e-3f, 0, 30, Float.NEGATIVE_INFINITY, Float.NaN}, 2, 3);
  private static final Tensor UPSTREAM = Tensor.of(new float[] {1, -2, 3, 1e9f, 1, 1}, 2, 3);

  @ParameterizedTest
  @EnumSource(names = {"F32", "F64", "F16", "BF16"})
  void hasTheBitsOfTheOperation(DType type) {
    Sigmoid sigmoid = Sigmoid.builder().temperature(0.7).build();
    Tensor logits = Tensor.allocate(type, 2, 3);
    logits.copyFrom(LOGITS);
    Tensor y = Tensor.of(new float[6], 2, 3);
    Tensor dx = Tensor.of(new float[6], 2, 3);
    sigmoid.forward(logits, y);
    sigmoid.backward(logits, UPSTREAM, dx);
    try (SigmoidLayer layer = SigmoidLayer.of(sigmoid, 2, 3)) {
      assertThat(Samples.bits(layer.forward(logits))).isEqualTo(Samples.bits(y));
      logits.copyFrom(UPSTREAM); // the layer has its own copy
      assertThat(Samples.bits(layer.backward(UPSTREAM))).isEqualTo(Samples.bits(dx));
    }
  }

  @Test
  void theTypeOfTheInputsMayChange() {
    Tensor doubles = Tensor.of(new double[] {1e-9, -40}, 2);
    Tensor floats = Tensor.of(new float[] {2, 3}, 2);
    Tensor one = Tensor.of(new float[] {1, 1}, 2);
    try (SigmoidLayer layer = new SigmoidLayer(2);
        SigmoidLayer fresh = new SigmoidLayer(2)) {
      layer.forward(doubles);
      layer.forward(floats);
      fresh.forward(floats);
      assertThat(Samples.bits(layer.backward(one))).isEqualTo(Samples.bits(fresh.backward(one)));
    }
  }
}
