// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.CrossEntropy;
import dev.xent.Execution;
import dev.xent.LossOutputs;
import dev.xent.Samples;
import dev.xent.Tensor;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import dev.xent.options.FullyMasked;
import dev.xent.options.Isa;
import dev.xent.options.Reduction;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
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
            .execution(Execution.defaults().withBackend(backend))
            .build();
    Tensor x = Tensor.of(Samples.logits(24, 2, 1), 2, 3, 4);
    Tensor labels = Tensor.of(new int[] {0, 1, 2, 3, 1, 0}, 2, 3);
    Tensor losses = Tensor.of(new float[6], 2, 3);
    Tensor gradient = Tensor.of(new float[24], 2, 3, 4);
    double loss =
        operation.on(x, labels, gradient).outputs(LossOutputs.create().losses(losses)).run();
    try (CrossEntropyLayer layer = CrossEntropyLayer.of(operation, 2, 3, 4)) {
      assertThat(Samples.bits(layer.forward(x, labels))).isEqualTo(Samples.bits(losses));
      assertThat(layer.loss()).isEqualTo(loss);
      assertThat(layer.validRows()).isEqualTo(4);
      assertThat(Samples.bits(layer.backward())).isEqualTo(Samples.bits(gradient));
    }
  }

  @Test
  void alongAnotherAxis() {
    Tensor x = Tensor.of(Samples.logits(12, 1, 2), 4, 3);
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

  private static CrossEntropy.Builder clamped() {
    return CrossEntropy.builder().probabilityClamp(CLAMP);
  }

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void clampCapsTheLossAndLeavesTheGradient(Backend backend) {
    Tensor x = Tensor.of(new float[] {0, 50, 0, 20, 1, 0, -INFINITY, 0, 50, 0, 3e38f, 0}, 6, 2);
    Tensor labels = Tensor.of(new int[] {0, 0, 0, 0, 0, 1});
    Tensor oneHot = Tensor.of(new float[] {1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1}, 6, 2);
    try (CrossEntropyLayer plain =
            CrossEntropyLayer.of(
                CrossEntropy.builder().execution(Execution.defaults().withBackend(backend)).build(),
                6,
                2);
        CrossEntropyLayer clamped =
            CrossEntropyLayer.of(
                clamped().execution(Execution.defaults().withBackend(backend)).build(), 6, 2)) {
      for (Tensor targets : List.of(labels, oneHot)) {
        plain.forward(x, targets);
        float[] losses = clamped.forward(x, targets).toFloatArray();
        assertThat(plain.loss()).isInfinite();
        double sum = 0;
        for (int r = 0; r < losses.length; r++) {
          float unclamped = plain.losses().getFloat(r);
          boolean within = unclamped > CLAMP && unclamped < CAP;
          float expected = within ? unclamped : (float) (unclamped > CLAMP ? CAP : CLAMP);
          assertThat(losses[r]).isEqualTo(expected);
          sum += losses[r];
        }
        assertThat(losses[0]).isEqualTo(20.723267f);
        assertThat(losses[4]).isEqualTo(1e-9f);
        assertThat(clamped.loss()).isCloseTo(sum / 6, within(1e-14));
        assertThat(Samples.bits(clamped.backward())).isEqualTo(Samples.bits(plain.backward()));
      }
    }
  }

  @Test
  void clampIsOnEachTermOfSoftTargets() {
    float[] targets = {0.5f, 0.25f, 0.25f, 0, 1, 0};
    float[] x = {0, 30, -INFINITY, -40, -1, 0};
    double first = 0.5 * CAP + 0.25 * CLAMP + 0.25 * CAP;
    try (CrossEntropyLayer layer = CrossEntropyLayer.of(clamped().build(), 2, 3)) {
      layer.forward(Tensor.of(x, 2, 3), Tensor.of(targets, 2, 3));
      assertThat(layer.losses().getFloat(0)).isEqualTo((float) first);
      assertThat((double) layer.losses().getFloat(1))
          .isCloseTo(1 + Math.log1p(Math.exp(-1)), within(1e-6));
    }
  }

  @Test
  void clampLeavesRowsWithoutALossAlone() {
    float[] x = {-INFINITY, -INFINITY, 0, 100, Float.NaN, 0};
    CrossEntropy.Builder builder = clamped().ignoreIndex(-1);
    try (CrossEntropyLayer zero =
            CrossEntropyLayer.of(builder.fullyMasked(FullyMasked.ZERO).build(), Layer.ANY, 2);
        CrossEntropyLayer nan =
            CrossEntropyLayer.of(builder.fullyMasked(FullyMasked.NAN).build(), Layer.ANY, 2)) {
      Tensor two = Tensor.of(x, 3, 2).slice(0, 0, 2);
      Tensor labels = Tensor.of(new int[] {0, 0});
      assertThat(zero.forward(two, labels).getFloat(0)).isZero();
      assertThat(zero.loss()).isCloseTo(CAP / 2, within(1e-6));
      assertThat(nan.forward(two, labels).getFloat(0)).isNaN();

      Tensor ignoring = Tensor.of(new int[] {1, -1, 0});
      zero.forward(Tensor.of(x, 3, 2), ignoring);
      assertThat(zero.losses().getFloat(1)).isZero();
      assertThat(zero.losses().getFloat(2)).isNaN();
      assertThat(zero.validRows()).isEqualTo(2);
    }
  }

  /** Temperature, threads and executor are the operation's, and bits do not depend on these. */
  @Test
  void clampKeepsWhatElseTheOperationHas() {
    int rows = 512;
    int classes = 2000;
    Tensor x = Tensor.of(Samples.logits(rows * classes, 30, 3), rows, classes);
    float[] oneHot = new float[rows * classes];
    int[] labels = Samples.labels(rows, classes, 4);
    for (int r = 0; r < rows; r++) {
      oneHot[r * classes + labels[r]] = 1;
    }
    AtomicInteger tasks = new AtomicInteger();
    try (ExecutorService pool = Executors.newFixedThreadPool(2)) {
      Executor counting =
          task -> {
            tasks.incrementAndGet();
            pool.execute(task);
          };
      CrossEntropy operation =
          clamped()
              .temperature(2)
              .execution(
                  Execution.defaults().withThreads(3).withExecutor(counting).withIsa(Isa.SCALAR))
              .build();
      CrossEntropy alone = clamped().temperature(2).execution(Execution.sequential()).build();
      for (Tensor targets : List.of(Tensor.of(labels, rows), Tensor.of(oneHot, rows, classes))) {
        tasks.set(0);
        try (CrossEntropyLayer shared = CrossEntropyLayer.of(operation, rows, classes);
            CrossEntropyLayer layer = CrossEntropyLayer.of(alone, rows, classes)) {
          shared.forward(x, targets);
          layer.forward(x, targets);
          assertThat(tasks).hasPositiveValue();
          assertThat(Samples.bits(shared.losses())).isEqualTo(Samples.bits(layer.losses()));
          assertThat(Samples.bits(shared.backward())).isEqualTo(Samples.bits(layer.backward()));
        }
      }
    }
  }

  @Test
  void clampFollowsTheAxis() {
    CrossEntropy inner = clamped().axis(-2).build();
    Tensor x = Tensor.of(Samples.logits(2 * 3 * 4, 30, 3), 2, 3, 4);
    Tensor labels = Tensor.of(Samples.labels(8, 3, 4), 2, 4);
    try (CrossEntropyLayer columns = CrossEntropyLayer.of(inner, 2, 3, 4);
        CrossEntropyLayer rows = CrossEntropyLayer.of(clamped().build(), 8, 3)) {
      columns.forward(x, labels);
      Tensor straight = Tensor.of(x.permute(0, 2, 1).toFloatArray(), 8, 3);
      rows.forward(straight, labels.reshape(8));
      assertThat(Samples.bits(columns.losses())).isEqualTo(Samples.bits(rows.losses()));
      assertThat(columns.loss()).isEqualTo(rows.loss());
    }
  }
}
