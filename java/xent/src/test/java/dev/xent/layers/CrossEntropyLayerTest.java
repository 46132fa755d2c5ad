// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.Backend;
import dev.xent.CrossEntropy;
import dev.xent.FullyMasked;
import dev.xent.OptionException;
import dev.xent.Reduction;
import dev.xent.ShapeException;
import dev.xent.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CrossEntropyLayerTest {

  private static final double CLAMP = 1e-9;

  /** What no class costs more than: 20.723. */
  private static final double CAP = -Math.log(CLAMP);

  private static final float INFINITY = Float.POSITIVE_INFINITY;

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void isTheOperation(Backend backend) {
    CrossEntropy operation =
        CrossEntropy.builder()
            .axis(-1)
            .ignoreIndex(1)
            .labelSmoothing(0.1)
            .reduction(Reduction.SUM)
            .backend(backend)
            .build();
    Tensor x = Tensor.of(Samples.normal(1, 24, 2), 2, 3, 4);
    Tensor labels = Tensor.of(new int[] {0, 1, 2, 3, 1, 0}, 2, 3);
    Tensor losses = Tensor.of(new float[6], 2, 3);
    Tensor gradient = Tensor.of(new float[24], 2, 3, 4);
    double loss =
        operation.forwardBackward(x, labels, gradient, new CrossEntropy.Outcome().losses(losses));
    try (CrossEntropyLayer layer = CrossEntropyLayer.of(operation, 2, 3, 4)) {
      assertThat(Samples.bits(layer.forward(x, labels))).isEqualTo(Samples.bits(losses));
      assertThat(layer.loss()).isEqualTo(loss);
      assertThat(layer.counted()).isEqualTo(4);
      assertThat(Samples.bits(layer.backward())).isEqualTo(Samples.bits(gradient));
    }
  }

  @Test
  void alongAnotherAxis() {
    Tensor x = Tensor.of(Samples.normal(2, 12, 1), 4, 3);
    Tensor labels = Tensor.of(new int[] {3, 0, 1});
    try (CrossEntropyLayer first = CrossEntropyLayer.along(0, 4, 3);
        CrossEntropyLayer second = new CrossEntropyLayer(3, 4)) {
      first.forward(x, labels);
      second.forward(x.permute(1, 0), labels);
      assertThat(first.loss()).isEqualTo(second.loss());
      assertThat(Samples.bits(first.backward().permute(1, 0)))
          .isEqualTo(Samples.bits(second.backward()));
    }
    assertThatThrownBy(() -> CrossEntropyLayer.along(2, 4, 3))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("axis 2");
  }

  // ---- the clamp -----------------------------------------------------------------------------

  private static CrossEntropyLayer clamped(CrossEntropy operation, long... shape) {
    return CrossEntropyLayer.clamped(CLAMP, operation, shape);
  }

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void clampCapsTheLossAndLeavesTheGradient(Backend backend) {
    Tensor x = Tensor.of(new float[] {0, 50, 0, 20, 1, 0, -INFINITY, 0, 3e38f, 0}, 5, 2);
    Tensor labels = Tensor.of(new int[] {0, 0, 0, 0, 1});
    CrossEntropy operation = CrossEntropy.builder().backend(backend).build();
    try (CrossEntropyLayer plain = CrossEntropyLayer.of(operation, 5, 2);
        CrossEntropyLayer clamped = clamped(operation, 5, 2)) {
      plain.forward(x, labels);
      float[] losses = clamped.forward(x, labels).toFloatArray();
      assertThat(plain.loss()).isInfinite();
      double sum = 0;
      for (int r = 0; r < losses.length; r++) {
        double expected = Math.min(plain.losses().getFloat(r), CAP);
        assertThat((double) losses[r]).isCloseTo(expected, within(2e-6));
        sum += losses[r];
      }
      assertThat(losses[0]).isCloseTo(20.723f, within(5e-4f));
      assertThat(clamped.loss()).isEqualTo(sum / 5);
      assertThat(Samples.bits(clamped.backward())).isEqualTo(Samples.bits(plain.backward()));
    }
  }

  @Test
  void clampIsOnEachTermOfSoftTargets() {
    float[] targets = {0.5f, 0.25f, 0.25f, 0, 1, 0};
    float[] x = {0, 30, -INFINITY, -40, -1, 0};
    double[] logs = {-30, 0, Double.NEGATIVE_INFINITY};
    double first = 0;
    for (int k = 0; k < 3; k++) {
      first += targets[k] * Math.min(-logs[k], CAP);
    }
    try (CrossEntropyLayer layer = clamped(CrossEntropy.mean(), 2, 3)) {
      layer.forward(Tensor.of(x, 2, 3), Tensor.of(targets, 2, 3));
      assertThat((double) layer.losses().getFloat(0)).isCloseTo(first, within(5e-6));
      assertThat((double) layer.losses().getFloat(1))
          .isCloseTo(1 + Math.log1p(Math.exp(-1)), within(1e-6));
    }
  }

  @Test
  void clampIsOnEachTermOfSmoothedLabels() {
    CrossEntropy operation = CrossEntropy.builder().labelSmoothing(0.2).build();
    try (CrossEntropyLayer layer = clamped(operation, 1, 2)) {
      layer.forward(Tensor.of(new float[] {100, 0}, 1, 2), Tensor.of(new int[] {0}));
      assertThat(layer.loss()).isCloseTo(0.1 * CAP, within(1e-6));
    }
  }

  @Test
  void clampLeavesRowsWithoutALossAlone() {
    float[] x = {-INFINITY, -INFINITY, 0, 100, Float.NaN, 0};
    CrossEntropy.Builder builder = CrossEntropy.builder().ignoreIndex(-1);
    try (CrossEntropyLayer zero =
            clamped(builder.fullyMasked(FullyMasked.ZERO).build(), Layer.ANY, 2);
        CrossEntropyLayer nan =
            clamped(builder.fullyMasked(FullyMasked.NAN).build(), Layer.ANY, 2)) {
      Tensor two = Tensor.of(x, 3, 2).slice(0, 0, 2);
      Tensor labels = Tensor.of(new int[] {0, 0});
      assertThat(zero.forward(two, labels).getFloat(0)).isZero();
      assertThat(zero.loss()).isCloseTo(CAP / 2, within(1e-6));
      assertThat(nan.forward(two, labels).getFloat(0)).isNaN();

      Tensor ignoring = Tensor.of(new int[] {1, -1, 0});
      zero.forward(Tensor.of(x, 3, 2), ignoring);
      assertThat(zero.losses().getFloat(1)).isZero();
      assertThat(zero.losses().getFloat(2)).isNaN();
      assertThat(zero.counted()).isEqualTo(2);
    }
  }

  @Test
  void clampFollowsTheAxis() {
    CrossEntropy inner = CrossEntropy.builder().axis(-2).build();
    Tensor x = Tensor.of(Samples.normal(3, 2 * 3 * 4, 30), 2, 3, 4);
    Tensor labels = Tensor.of(Samples.labels(4, 8, 3), 2, 4);
    try (CrossEntropyLayer columns = clamped(inner, 2, 3, 4);
        CrossEntropyLayer rows = clamped(CrossEntropy.mean(), 8, 3)) {
      columns.forward(x, labels);
      Tensor straight = Tensor.of(x.permute(0, 2, 1).toFloatArray(), 8, 3);
      rows.forward(straight, labels.reshape(8));
      assertThat(Samples.bits(columns.losses())).isEqualTo(Samples.bits(rows.losses()));
      assertThat(columns.loss()).isEqualTo(rows.loss());
    }
  }

  @Test
  void aClampIsAProbability() {
    for (double bound : new double[] {0, -1e-9, 1.5, Double.NaN, INFINITY}) {
      assertThatThrownBy(() -> CrossEntropyLayer.clamped(bound, CrossEntropy.mean(), 1, 2))
          .isInstanceOf(OptionException.class)
          .hasMessageContaining(Double.toString(bound));
    }
  }
}
