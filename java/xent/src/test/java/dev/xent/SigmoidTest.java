// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import org.junit.jupiter.api.Test;

/** Sigmoid and log-sigmoid of each element; their bits are in the conformance files. */
class SigmoidTest {
  private static final float INFINITY = Float.POSITIVE_INFINITY;

  @OnEveryBackend
  void values(Backend backend) {
    Execution execution = Execution.defaults().withBackend(backend);
    float[] x = {0, 2, -100, 100, INFINITY, -INFINITY, Float.NaN};
    assertThat(Sigmoid.builder().execution(execution).build().forward(x))
        .containsExactly(0.5f, 0.880797f, 3.8e-44f, 1, 1, 0, Float.NaN);
    assertThat(LogSigmoid.builder().execution(execution).build().forward(x))
        .containsExactly(-0.6931472f, -0.126928f, -100, -3.8e-44f, 0, -INFINITY, Float.NaN);
    Sigmoid warm = Sigmoid.builder().execution(execution).temperature(2).build();
    assertThat(warm.forward(new float[] {2, -200})).containsExactly(0.7310586f, 3.8e-44f);
  }

  /** The backward is the derivative, also where the sigmoid is rounded to 1. */
  @OnEveryBackend
  void derivatives(Backend backend) {
    Execution execution = Execution.defaults().withBackend(backend);
    double temperature = 1.5;
    Sigmoid sigmoid = Sigmoid.builder().execution(execution).temperature(temperature).build();
    LogSigmoid log = LogSigmoid.builder().execution(execution).temperature(temperature).build();
    double[] x = {-60, -3, -0.5, 0, 0.25, 4, 60};
    Tensor logits = Tensor.of(x);
    Tensor upstream = Tensor.of(new double[] {1, 2, 3, 4, 5, 6, 7});
    for (int i = 0; i < x.length; i++) {
      double u = Math.exp(-Math.abs(x[i]) / temperature);
      double slope = (i + 1) * u / ((1 + u) * (1 + u)) / temperature;
      double ofLog = (i + 1) * (x[i] < 0 ? 1 : u) / (1 + u) / temperature;
      assertThat(sigmoid.backward(logits, upstream).getDouble(i)).isCloseTo(slope, within(slope));
      assertThat(log.backward(logits, upstream).getDouble(i)).isCloseTo(ofLog, within(ofLog));
    }
  }

  private static org.assertj.core.data.Offset<Double> within(double value) {
    return org.assertj.core.data.Offset.offset(value * 2e-15);
  }

  /** The result may be over the logits, the gradient over either input; any strides and types. */
  @OnEveryBackend
  void inPlaceAndStrided(Backend backend) {
    Execution execution = Execution.defaults().withBackend(backend);
    Sigmoid sigmoid = Sigmoid.builder().execution(execution).build();
    Tensor logits = Tensor.of(Samples.logits(600, 5, 1), 20, 30);
    Tensor upstream = Tensor.of(Samples.logits(600, 1, 2), 20, 30);
    Tensor expected = sigmoid.forward(logits);
    Tensor turned = Tensor.allocate(DType.F32, 30, 20).permute(1, 0);
    sigmoid.forward(logits, turned);
    assertThat(turned.toFloatArray()).containsExactly(expected.toFloatArray());
    Tensor gradient = sigmoid.backward(logits, upstream);
    sigmoid.onBackward(logits, upstream, upstream).run();
    assertThat(upstream.toFloatArray()).containsExactly(gradient.toFloatArray());
    sigmoid.on(logits, logits).run();
    assertThat(logits.toFloatArray()).containsExactly(expected.toFloatArray());
  }

  @Test
  void mistakes() {
    Tensor logits = Tensor.of(new float[6], 2, 3);
    assertThatThrownBy(() -> Sigmoid.create().forward(logits, Tensor.of(new float[6])))
        .isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> Sigmoid.builder().temperature(0)).isInstanceOf(OptionException.class);
    assertThat(LogSigmoid.builder().temperature(2).build())
        .hasToString("LogSigmoid[temperature=2.0]");
  }
}
