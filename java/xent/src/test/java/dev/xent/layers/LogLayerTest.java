// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.Samples;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.ShapeException;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LogLayerTest {

  private static final int CANONICAL_NAN = 0x7fc00000;

  @Test
  void isTheRoundedLogarithm() {
    int count = 1 << 20;
    Random random = new Random(1);
    float[] x = new float[count];
    for (int i = 0; i < count; i++) {
      // every positive float alike, subnormal ones too
      x[i] = Float.intBitsToFloat(random.nextInt(0x7f800000));
    }
    try (LogLayer layer = new LogLayer(Layer.ANY)) {
      float[] y = layer.forward(Tensor.of(x)).toFloatArray();
      for (int i = 0; i < count; i++) {
        double exact = StrictMath.log(x[i]);
        assertThat(Math.abs(y[i] - exact))
            .as("log(%s)", x[i])
            .isLessThanOrEqualTo(0.51 * Math.ulp((float) exact));
      }
    }
  }

  @Test
  void doublesAreNotRoundedBeforeTheirLogarithm() {
    double[] x = {1 + 1e-9, 1e-60, 1e300, Double.MIN_VALUE};
    double[] dy = {1, 1e-50, 1e301, 0};
    float[] slopes = {(float) (1 / x[0]), (float) (1e-50 / x[1]), (float) (1e301 / x[2]), 0f};
    try (LogLayer layer = new LogLayer(Layer.ANY)) {
      float[] y = layer.forward(Tensor.of(x)).toFloatArray();
      for (int i = 0; i < x.length; i++) {
        assertThat(y[i]).as("log(%s)", x[i]).isEqualTo((float) StrictMath.log(x[i]));
      }
      assertThat(layer.backward(Tensor.of(dy)).toFloatArray()).containsExactly(slopes);
    }
  }

  @Test
  void edges() {
    float[] x = {
      0f, -0f, 1f, Float.POSITIVE_INFINITY, -1f, Float.NaN, Float.intBitsToFloat(0xffc12345)
    };
    try (LogLayer layer = new LogLayer(x.length)) {
      assertThat(Samples.bits(layer.forward(Tensor.of(x))))
          .containsExactly(
              Float.floatToRawIntBits(Float.NEGATIVE_INFINITY),
              Float.floatToRawIntBits(Float.NEGATIVE_INFINITY),
              0,
              Float.floatToRawIntBits(Float.POSITIVE_INFINITY),
              CANONICAL_NAN,
              CANONICAL_NAN,
              CANONICAL_NAN);
    }
  }

  @Test
  void backwardDivides() {
    float[] x = {0.25f, 3f, 0f, 0f, 0f, 1e-40f};
    float[] dy = {-1f, 1f, 0f, -0f, -1f, 1f};
    try (LogLayer layer = new LogLayer(x.length)) {
      layer.forward(Tensor.of(x));
      Arrays.fill(x, 5f);
      assertThat(layer.backward(Tensor.of(dy)).toFloatArray())
          .containsExactly(-4f, 1f / 3f, 0f, 0f, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY);
    }
  }

  @Test
  void stridesDoNotMatter() {
    Tensor x = Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
    Tensor dy = Tensor.of(new float[] {6, 5, 4, 3, 2, 1}, 2, 3);
    try (LogLayer layer = new LogLayer(2, 3);
        LogLayer transposed = new LogLayer(3, 2)) {
      assertThat(Samples.bits(transposed.forward(x.permute(1, 0)).permute(1, 0)))
          .isEqualTo(Samples.bits(layer.forward(x)));
      assertThat(Samples.bits(transposed.backward(dy.permute(1, 0)).permute(1, 0)))
          .isEqualTo(Samples.bits(layer.backward(dy)));
    }
  }

  @Test
  void badTensorsAreNamed() {
    try (LogLayer layer = new LogLayer(2)) {
      assertThatThrownBy(() -> layer.forward(Tensor.of(new int[2])))
          .isInstanceOf(DTypeException.class);
      layer.forward(Tensor.of(new float[2]));
      assertThatThrownBy(() -> layer.backward(Tensor.of(new float[3])))
          .isInstanceOf(ShapeException.class)
          .hasMessageContaining("[3]")
          .hasMessageContaining("[2]");
    }
  }
}
