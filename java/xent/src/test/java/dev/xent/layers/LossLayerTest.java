// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.NllLoss;
import dev.xent.Samples;
import dev.xent.Tensor;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import dev.xent.options.Reduction;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Both losses, on both backends. */
class LossLayerTest {

  private static final int ROWS = 6;
  private static final int CLASSES = 5;
  private static final float[] X = Samples.logits(ROWS * CLASSES, 2, 1);
  private static final int[] LABELS = {0, 4, 2, 2, 1, 3};

  /** Makes a loss layer that reports and differentiates by these reductions. */
  interface Kind {
    LossLayer of(Reduction loss, Reduction gradient, long... shape);
  }

  static Stream<Kind> kinds() {
    return Stream.of(Backend.NATIVE, Backend.REFERENCE)
        .flatMap(
            backend ->
                Stream.of(
                    (loss, gradient, shape) ->
                        CrossEntropyLayer.of(
                            CrossEntropy.builder()
                                .axis(Math.min(shape.length - 1, 1))
                                .reduction(loss)
                                .gradientReduction(gradient)
                                .execution(Execution.defaults().withBackend(backend))
                                .build(),
                            shape),
                    (loss, gradient, shape) ->
                        NllLossLayer.of(
                            NllLoss.builder()
                                .axis(Math.min(shape.length - 1, 1))
                                .reduction(loss)
                                .gradientReduction(gradient)
                                .execution(Execution.defaults().withBackend(backend))
                                .build(),
                            shape)));
  }

  private static LossLayer mean(Kind kind, long... shape) {
    return kind.of(Reduction.MEAN, Reduction.MEAN, shape);
  }

  private static Tensor inputs(long... shape) {
    return Tensor.of(X.clone(), shape);
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void labelsOfEveryWidthInBothShapes(Kind kind) {
    byte[] bytes = new byte[ROWS];
    short[] shorts = new short[ROWS];
    long[] longs = new long[ROWS];
    for (int i = 0; i < ROWS; i++) {
      bytes[i] = (byte) LABELS[i];
      shorts[i] = (short) LABELS[i];
      longs[i] = LABELS[i];
    }
    try (LossLayer layer = mean(kind, ROWS, CLASSES)) {
      layer.forward(inputs(ROWS, CLASSES), Tensor.of(LABELS));
      double loss = layer.loss();
      int[] losses = Samples.bits(layer.losses());
      int[] gradient = Samples.bits(layer.backward());
      Tensor unsigned = Tensor.of(MemorySegment.ofArray(bytes), DType.U8, ROWS, 1);
      for (Tensor labels :
          new Tensor[] {
            Tensor.of(bytes),
            unsigned,
            Tensor.of(shorts, ROWS, 1),
            Tensor.of(LABELS, ROWS, 1),
            Tensor.of(longs),
            Tensor.of(longs, ROWS, 1)
          }) {
        layer.forward(inputs(ROWS, CLASSES), labels);
        assertThat(layer.loss()).isEqualTo(loss);
        assertThat(Samples.bits(layer.losses())).isEqualTo(losses);
        assertThat(Samples.bits(layer.backward())).isEqualTo(gradient);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void columnsAreRowsByAnotherName(Kind kind) {
    try (LossLayer rows = mean(kind, ROWS, CLASSES);
        LossLayer columns = mean(kind, ROWS, CLASSES, 1)) {
      rows.forward(inputs(ROWS, CLASSES), Tensor.of(LABELS));
      Tensor losses = columns.forward(inputs(ROWS, CLASSES, 1), Tensor.of(LABELS, ROWS, 1));
      assertThat(losses.shape()).containsExactly(ROWS, 1);
      assertThat(columns.loss()).isEqualTo(rows.loss());
      assertThat(Samples.bits(losses)).isEqualTo(Samples.bits(rows.losses()));
      assertThat(columns.backward().shape()).containsExactly(ROWS, CLASSES, 1);
      assertThat(Samples.bits(columns.backward())).isEqualTo(Samples.bits(rows.backward()));
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void columnsTakeProbabilityColumns(Kind kind) {
    Tensor oneHot = Tensor.of(Samples.oneHot(LABELS, CLASSES), ROWS, CLASSES, 1);
    try (LossLayer columns = mean(kind, ROWS, CLASSES, 1)) {
      columns.forward(inputs(ROWS, CLASSES, 1), Tensor.of(LABELS, ROWS, 1));
      double byLabels = columns.loss();
      columns.forward(inputs(ROWS, CLASSES, 1), oneHot);
      assertThat(columns.loss()).isCloseTo(byLabels, within(1e-6));
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void columnsTakeTargetsWithoutTheirAxesOfSizeOne(Kind kind) {
    int[] everySecond = new int[2 * ROWS];
    for (int i = 0; i < ROWS; i++) {
      everySecond[2 * i] = LABELS[i];
    }
    Tensor strided =
        Tensor.strided(
            MemorySegment.ofArray(everySecond), DType.I32, new long[] {ROWS}, new long[] {2});
    try (LossLayer columns = mean(kind, ROWS, CLASSES, 1)) {
      columns.forward(inputs(ROWS, CLASSES, 1), Tensor.of(LABELS, ROWS, 1));
      int[] losses = Samples.bits(columns.losses());
      for (Tensor labels :
          new Tensor[] {Tensor.of(LABELS), Tensor.of(LABELS, ROWS, 1, 1), strided}) {
        columns.forward(inputs(ROWS, CLASSES, 1), labels);
        assertThat(Samples.bits(columns.losses())).isEqualTo(losses);
      }
      float[] upstream = {1, 2, 3, 4, 5, 6};
      int[] weighted = Samples.bits(columns.backward(Tensor.of(upstream, ROWS, 1)));
      assertThat(Samples.bits(columns.backward(Tensor.of(upstream)))).isEqualTo(weighted);

      float[] oneHot = Samples.oneHot(LABELS, CLASSES);
      columns.forward(inputs(ROWS, CLASSES, 1), Tensor.of(oneHot, ROWS, CLASSES, 1));
      int[] byProbabilities = Samples.bits(columns.losses());
      columns.forward(inputs(ROWS, CLASSES, 1), Tensor.of(oneHot, ROWS, CLASSES));
      assertThat(Samples.bits(columns.losses())).isEqualTo(byProbabilities);
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void lossIsTheReducedRows(Kind kind) {
    for (Reduction reduction : Reduction.values()) {
      try (LossLayer layer = kind.of(reduction, Reduction.SUM, ROWS, CLASSES)) {
        Tensor losses = layer.forward(inputs(ROWS, CLASSES), Tensor.of(LABELS));
        assertThat(losses.shape()).containsExactly(ROWS);
        double sum = 0;
        for (float value : losses.toFloatArray()) {
          sum += value;
        }
        double expected = reduction == Reduction.MEAN ? sum / ROWS : sum;
        assertThat(layer.loss()).isCloseTo(expected, within(1e-12));
        assertThat(layer.validRows()).isEqualTo(ROWS);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void meanLossWithTheGradientOfTheSumOrOfTheMean(Kind kind) {
    try (LossLayer ofMean = kind.of(Reduction.MEAN, Reduction.MEAN, ROWS, CLASSES);
        LossLayer ofSum = kind.of(Reduction.MEAN, Reduction.SUM, ROWS, CLASSES)) {
      ofMean.forward(inputs(ROWS, CLASSES), Tensor.of(LABELS));
      ofSum.forward(inputs(ROWS, CLASSES), Tensor.of(LABELS));
      assertThat(ofSum.loss()).isEqualTo(ofMean.loss());
      float[] mean = ofMean.backward().toFloatArray();
      float[] sum = ofSum.backward().toFloatArray();
      for (int i = 0; i < mean.length; i++) {
        assertThat((double) sum[i]).isCloseTo(mean[i] * (double) ROWS, within(1e-6));
      }
      assertThat(sum).isNotEqualTo(mean);
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void backwardRoundsProductsOfDoublesOnce(Kind kind) {
    double[] upstream = {1 + 0x1p-24 + 0x1p-40, 1d / 3, 1e-3, -0.1, 2d / 3, Math.PI};
    try (LossLayer layer = kind.of(Reduction.MEAN, Reduction.SUM, ROWS, CLASSES)) {
      layer.forward(inputs(ROWS, CLASSES), Tensor.of(LABELS));
      float[] dx = layer.backward().toFloatArray();
      float[] weighted = layer.backward(Tensor.of(upstream)).toFloatArray();
      for (int i = 0; i < dx.length; i++) {
        assertThat(weighted[i]).isEqualTo((float) (dx[i] * upstream[i / CLASSES]));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void backwardMultipliesTheRowsAndDependsOnNothingElse(Kind kind) {
    float[] upstream = {1, 2, 0, -3, 0.5f, 1e3f};
    float[] x = X.clone();
    int[] labels = LABELS.clone();
    try (LossLayer layer = mean(kind, ROWS, CLASSES)) {
      layer.forward(Tensor.of(x, ROWS, CLASSES), Tensor.of(labels));
      Arrays.fill(x, 99f);
      Arrays.fill(labels, 0);
      float[] dx = layer.backward().toFloatArray();
      Tensor weighted = layer.backward(Tensor.of(upstream));
      for (int i = 0; i < dx.length; i++) {
        assertThat(weighted.toFloatArray()[i]).isEqualTo(dx[i] * upstream[i / CLASSES]);
      }
      int[] once = Samples.bits(weighted);
      layer.backward(Tensor.of(new float[ROWS]));
      assertThat(Samples.bits(layer.backward(Tensor.of(upstream)))).isEqualTo(once);
      assertThat(layer.backward().toFloatArray()).isEqualTo(dx);
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void backwardWithOnesIsBackward(Kind kind) {
    float[] one = {1};
    Tensor ones =
        Tensor.strided(MemorySegment.ofArray(one), DType.F32, new long[] {ROWS}, new long[] {0});
    try (LossLayer layer = mean(kind, ROWS, CLASSES)) {
      layer.forward(inputs(ROWS, CLASSES), Tensor.of(LABELS));
      assertThat(Samples.bits(layer.backward(ones))).isEqualTo(Samples.bits(layer.backward()));
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void rowsOfInnerAxesAreMultipliedToo(Kind kind) {
    try (LossLayer layer = kind.of(Reduction.SUM, Reduction.SUM, 2, CLASSES, 3)) {
      layer.forward(inputs(2, CLASSES, 3), Tensor.of(LABELS, 2, 3));
      Tensor dx = layer.backward();
      Tensor weighted = layer.backward(Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3));
      for (int n = 0; n < 2; n++) {
        for (int i = 0; i < 3; i++) {
          for (int k = 0; k < CLASSES; k++) {
            assertThat(weighted.getFloat(n, k, i))
                .isEqualTo(dx.getFloat(n, k, i) * (n * 3 + i + 1));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void oneHotEqualsLabels(Kind kind) {
    Tensor oneHot = Tensor.of(Samples.oneHot(LABELS, CLASSES), ROWS, CLASSES);
    try (LossLayer layer = mean(kind, ROWS, CLASSES)) {
      layer.forward(inputs(ROWS, CLASSES), Tensor.of(LABELS));
      float[] losses = layer.losses().toFloatArray();
      float[] gradient = layer.backward().toFloatArray();
      layer.forward(inputs(ROWS, CLASSES), oneHot);
      for (int r = 0; r < ROWS; r++) {
        assertThat(layer.losses().getFloat(r)).isCloseTo(losses[r], within(1e-6f));
      }
      for (int i = 0; i < gradient.length; i++) {
        assertThat(layer.backward().toFloatArray()[i]).isCloseTo(gradient[i], within(1e-7f));
      }
    }
  }

  @Test
  void labelsAreMoreExactThanOneHotRows() {
    Tensor confident = Tensor.of(new float[] {40, 0}, 1, 2);
    double exact = Math.log1p(Math.exp(-40));
    try (CrossEntropyLayer layer = new CrossEntropyLayer(1, 2)) {
      layer.forward(confident, Tensor.of(new int[] {0}));
      assertThat(layer.loss()).isCloseTo(exact, within(exact * 1e-6));
      layer.forward(confident, Tensor.of(new float[] {1, 0}, 1, 2));
      assertThat(layer.loss()).isBetween(0.0, 1e-15).isNotCloseTo(exact, within(exact * 1e-6));
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void oneHotRowsOfIntegersAreNoLabels(Kind kind) {
    try (LossLayer layer = mean(kind, ROWS, CLASSES)) {
      assertThatThrownBy(
              () ->
                  layer.forward(
                      inputs(ROWS, CLASSES), Tensor.of(new int[ROWS * CLASSES], ROWS, CLASSES)))
          .isInstanceOf(ShapeException.class);
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void upstreamMustHaveOneNumberPerRow(Kind kind) {
    try (LossLayer layer = mean(kind, ROWS, CLASSES)) {
      layer.forward(inputs(ROWS, CLASSES), Tensor.of(LABELS));
      assertThatThrownBy(() -> layer.backward(Tensor.of(new float[ROWS + 1])))
          .isInstanceOf(ShapeException.class)
          .hasMessageContaining("upstream");
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void aSingleRow(Kind kind) {
    try (LossLayer layer = mean(kind, CLASSES)) {
      Tensor losses = layer.forward(Tensor.of(Arrays.copyOf(X, CLASSES)), Tensor.of(new int[] {1}));
      assertThat(losses.shape()).containsExactly(1);
      assertThat(layer.loss()).isEqualTo(losses.getFloat(0));
    }
  }
}
