// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.Execution;
import dev.xent.LogSoftmax;
import dev.xent.Samples;
import dev.xent.Tensor;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LogSoftmaxLayerTest {

  private static LogSoftmaxLayer layer(Backend backend, int axis, long... shape) {
    return LogSoftmaxLayer.of(
        LogSoftmax.builder()
            .axis(axis)
            .execution(Execution.defaults().withBackend(backend))
            .build(),
        shape);
  }

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void backwardIsTheTransposedJacobianTimesTheGradient(Backend backend) {
    for (int n = 1; n <= 8; n++) {
      try (LogSoftmaxLayer layer = layer(backend, 1, Layer.ANY, n)) {
        float[] y = layer.forward(Tensor.of(Samples.logits(n, 2, n), 1, n)).toFloatArray();
        float[] dy = Samples.logits(n, 1, 100 + n);
        float[] dx = layer.backward(Tensor.of(dy, 1, n)).toFloatArray();
        for (int j = 0; j < n; j++) {
          double expected = 0; // row j of the transposed (I - stacked exp(y)), times dy
          for (int i = 0; i < n; i++) {
            expected += ((i == j ? 1.0 : 0.0) - Math.exp(y[j])) * dy[i];
          }
          assertThat((double) dx[j]).isCloseTo(expected, within(1e-6));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void columnsAreRowsByAnotherName(Backend backend) {
    float[] x = Samples.logits(5 * 7, 3, 1);
    float[] dy = Samples.logits(5 * 7, 1, 2);
    try (LogSoftmaxLayer rows = layer(backend, 1, 5, 7);
        LogSoftmaxLayer columns = layer(backend, 1, 5, 7, 1)) {
      assertThat(Samples.bits(columns.forward(Tensor.of(x, 5, 7, 1))))
          .isEqualTo(Samples.bits(rows.forward(Tensor.of(x, 5, 7))));
      assertThat(Samples.bits(columns.backward(Tensor.of(dy, 5, 7, 1))))
          .isEqualTo(Samples.bits(rows.backward(Tensor.of(dy, 5, 7))));
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void anotherAxisIsTheSameOnTheTransposed(Backend backend) {
    Tensor x = Tensor.of(Samples.logits(4 * 6, 2, 3), 4, 6);
    Tensor dy = Tensor.of(Samples.logits(4 * 6, 1, 4), 4, 6);
    try (LogSoftmaxLayer first = layer(backend, 0, 4, 6);
        LogSoftmaxLayer second = layer(backend, 1, 6, 4)) {
      assertThat(Samples.bits(first.forward(x).permute(1, 0)))
          .isEqualTo(Samples.bits(second.forward(x.permute(1, 0))));
      assertThat(Samples.bits(first.backward(dy).permute(1, 0)))
          .isEqualTo(Samples.bits(second.backward(dy.permute(1, 0))));
    }
  }

  @Test
  void axisIsOneByDefaultAndZeroWhereThereIsNoOther() {
    float[] x = Samples.logits(12, 1, 5);
    try (LogSoftmaxLayer image = LogSoftmaxLayer.along(1, 2, 3, 2);
        LogSoftmaxLayer vector = new LogSoftmaxLayer(12);
        LogSoftmaxLayer last = LogSoftmaxLayer.along(-1, 2, 3, 2)) {
      assertThat(sumOfExp(image.forward(Tensor.of(x, 2, 3, 2)).select(2, 0).select(0, 0)))
          .isCloseTo(1, within(1e-6));
      assertThat(sumOfExp(vector.forward(Tensor.of(x, 12)))).isCloseTo(1, within(1e-6));
      assertThat(sumOfExp(last.forward(Tensor.of(x, 2, 3, 2)).select(1, 2).select(0, 1)))
          .isCloseTo(1, within(1e-6));
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void backwardTwiceGivesTheSameEvenWhenTheInputsAreGone(Backend backend) {
    float[] x = Samples.logits(3 * 5, 1, 6);
    Tensor dy = Tensor.of(Samples.logits(3 * 5, 1, 7), 3, 5);
    try (LogSoftmaxLayer layer = layer(backend, 1, 3, 5)) {
      layer.forward(Tensor.of(x, 3, 5));
      int[] once = Samples.bits(layer.backward(dy));
      Arrays.fill(x, 7f);
      assertThat(Samples.bits(layer.backward(dy))).isEqualTo(once);
    }
  }

  @Test
  void withoutALayerTheNumbersAreTheSame() {
    Tensor x = Tensor.of(Samples.logits(4 * 9, 5, 8), 4, 9);
    try (LogSoftmaxLayer layer = new LogSoftmaxLayer(4, 9)) {
      assertThat(Samples.bits(LogSoftmaxLayer.stableLogSoftmax(x, 1)))
          .isEqualTo(Samples.bits(layer.forward(x)));
    }
    assertThat(
            LogSoftmaxLayer.stableLogSoftmax(Tensor.of(new float[] {3e38f, 3e38f}), 0)
                .toFloatArray())
        .containsExactly((float) -Math.log(2), (float) -Math.log(2));
  }

  @Test
  void outputsCannotBeWrittenByOthers() {
    try (LogSoftmaxLayer layer = new LogSoftmaxLayer(1, 3)) {
      Tensor y = layer.forward(Tensor.of(new float[3], 1, 3));
      assertThat(y.isReadOnly()).isTrue();
      assertThat(layer.backward(y).isReadOnly()).isTrue();
    }
  }

  private static double sumOfExp(Tensor tensor) {
    double sum = 0;
    for (float value : tensor.toFloatArray()) {
      sum += Math.exp(value);
    }
    return sum;
  }

  @Test
  void axisOutOfRangeIsRefused() {
    assertThatThrownBy(() -> LogSoftmaxLayer.along(2, Layer.ANY, 5))
        .isInstanceOf(ShapeException.class)
        .hasMessage(
            "LogSoftmaxLayer has classes along axis 2, which shape [any, 5] does not have; expected"
                + " an axis from -2 to 1: build the operation with axis(-1), or call along(-1,"
                + " shape), for the last one");
    assertThatThrownBy(() -> LogSoftmaxLayer.along(-3, 3, 5)).isInstanceOf(ShapeException.class);
  }
}
