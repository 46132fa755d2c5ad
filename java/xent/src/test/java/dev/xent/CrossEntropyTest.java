// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.errors.LabelException;
import dev.xent.options.Backend;
import dev.xent.options.FullyMasked;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CrossEntropyTest {

  private static CrossEntropy.Builder on(Backend backend) {
    return CrossEntropy.builder().execution(Execution.defaults().withBackend(backend));
  }

  /** Loss and gradient of three rows, one of them ignored, and then their softmax in place. */
  @Test
  void theFirstProgram() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor logits =
          Tensor.of(Segments.of(arena, 2f, 1f, 0f, 0f, 3f, 1f, 9f, 9f, 9f), DType.F32, 3, 3);
      Tensor labels = Tensor.of(new int[] {0, 1, -100}, 3);
      Tensor gradient = Tensor.allocate(arena, DType.F32, 3, 3);

      CrossEntropy loss =
          CrossEntropy.builder()
              .ignoreIndex(-100)
              .labelSmoothing(0.1)
              .reduction(Reduction.MEAN)
              .build();
      LossOutputs outcome = LossOutputs.create();
      double mean = loss.on(logits, labels, gradient).outputs(outcome).run();
      Softmax.along(-1).forward(logits, logits);

      double first = Samples.loss(new float[] {2, 1, 0}, Samples.smoothed(0, 3, 0.1));
      double second = Samples.loss(new float[] {0, 3, 1}, Samples.smoothed(1, 3, 0.1));
      assertThat(mean).isCloseTo((first + second) / 2, within(1e-7));
      assertThat(outcome.loss()).isEqualTo(mean);
      assertThat(outcome.rows()).isEqualTo(3);
      assertThat(outcome.validRows()).isEqualTo(2);
      assertThat(outcome.denominator()).isEqualTo(2);
      assertThat(Samples.row(gradient.toFloatArray(), 2, 3)).containsExactly(0, 0, 0);
      assertThat(logits.getFloat(2, 1)).isEqualTo(1 / 3f);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "NATIVE, 10, 0", "NATIVE, 1000, 0", "NATIVE, 10, 0.1", "NATIVE, 3, 1",
    "REFERENCE, 10, 0", "REFERENCE, 1000, 0", "REFERENCE, 10, 0.1", "REFERENCE, 3, 1"
  })
  void labelsGiveWhatTheFormulasSay(Backend backend, int classes, double eps) {
    int rows = 7;
    float[] x = Samples.logits(rows * classes, 3, 5);
    int[] labels = Samples.labels(rows, classes, 6);
    float[] dx = new float[x.length];
    float[] losses = new float[rows];
    float[] lse = new float[rows];
    byte[] hits = new byte[rows];
    LossOutputs outcome =
        LossOutputs.create()
            .losses(Tensor.of(losses))
            .logSumExp(Tensor.of(lse))
            .correct(flags(hits));
    double sum =
        on(backend)
            .reduction(Reduction.SUM)
            .labelSmoothing(eps)
            .gradientScale(-2)
            .build()
            .on(Tensor.of(x, rows, classes), Tensor.of(labels), Tensor.of(dx, rows, classes))
            .outputs(outcome)
            .run();
    double expectedSum = 0;
    long correct = 0;
    for (int r = 0; r < rows; r++) {
      float[] row = Samples.row(x, r, classes);
      double[] q = Samples.smoothed(labels[r], classes, eps);
      double[] expected = Samples.gradient(row, q);
      assertThat((double) losses[r]).isCloseTo(Samples.loss(row, q), within(2e-6));
      assertThat((double) lse[r]).isCloseTo(Samples.logSumExp(row), within(2e-6));
      assertThat(hits[r] == 1).isEqualTo(isLargest(row, labels[r]));
      for (int k = 0; k < classes; k++) {
        assertThat((double) dx[r * classes + k]).isCloseTo(-2 * expected[k], within(2e-6));
      }
      expectedSum += losses[r];
      correct += hits[r];
    }
    assertThat(sum).isCloseTo(expectedSum, within(1e-12));
    assertThat(outcome.correctRows()).isEqualTo(correct);
  }

  private static Tensor flags(byte[] bytes) {
    return Tensor.of(MemorySegment.ofArray(bytes), DType.U8, bytes.length);
  }

  private static boolean isLargest(float[] row, int label) {
    for (float v : row) {
      if (v > row[label]) {
        return false;
      }
    }
    return true;
  }

  @ParameterizedTest
  @CsvSource({"NATIVE, 0", "NATIVE, 0.2", "REFERENCE, 0", "REFERENCE, 0.2"})
  void probabilityRowsGiveWhatTheFormulasSay(Backend backend, double eps) {
    int rows = 4;
    int classes = 30;
    float[] x = Samples.logits(rows * classes, 3, 5);
    float[] q = Samples.probabilities(rows, classes, 6);
    q[0] = 0;
    float[] dx = new float[x.length];
    float[] losses = new float[rows];
    LossOutputs outcome = LossOutputs.create().losses(Tensor.of(losses));
    on(backend)
        .labelSmoothing(eps)
        .build()
        .on(Tensor.of(x, rows, classes), Tensor.of(q, rows, classes), Tensor.of(dx, rows, classes))
        .outputs(outcome)
        .run();
    for (int r = 0; r < rows; r++) {
      float[] row = Samples.row(x, r, classes);
      double[] smoothed = new double[classes];
      for (int k = 0; k < classes; k++) {
        smoothed[k] = (1 - eps) * q[r * classes + k] + eps / classes;
      }
      double[] expected = Samples.gradient(row, smoothed);
      assertThat((double) losses[r]).isCloseTo(Samples.loss(row, smoothed), within(3e-6));
      for (int k = 0; k < classes; k++) {
        assertThat((double) dx[r * classes + k]).isCloseTo(expected[k] / rows, within(1e-6));
      }
    }
    assertThat(outcome.validRows()).isEqualTo(rows);
  }

  @OnEveryBackend
  void oneHotProbabilityRowsAgreeWithLabels(Backend backend) {
    Tensor x = Tensor.of(Samples.logits(12, 2, 3), 3, 4);
    Tensor oneHot = Tensor.of(new float[] {0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1}, 3, 4);
    CrossEntropy mean = on(backend).build();
    assertThat(mean.forward(x, oneHot))
        .isCloseTo(mean.forward(x, Tensor.of(new int[] {1, 0, 3})), within(1e-6));
  }

  @OnEveryBackend
  void takesLabelsOfEveryIntegerTypeAndBothRowShapes(Backend backend) {
    Tensor x = Tensor.of(Samples.logits(12, 2, 3), 3, 4);
    CrossEntropy mean = on(backend).build();
    double expected = mean.forward(x, Tensor.of(new int[] {1, 0, 3}));
    assertThat(mean.forward(x, Tensor.of(new long[] {1, 0, 3}))).isEqualTo(expected);
    assertThat(mean.forward(x, Tensor.of(new short[] {1, 0, 3}))).isEqualTo(expected);
    assertThat(mean.forward(x, Tensor.of(new byte[] {1, 0, 3}))).isEqualTo(expected);
    assertThat(mean.forward(x, flags(new byte[] {1, 0, 3}))).isEqualTo(expected);
    assertThat(mean.forward(x, Tensor.of(new int[] {1, 0, 3}, 3, 1))).isEqualTo(expected);
  }

  @OnEveryBackend
  void takesOneRowWithoutABatchAxis(Backend backend) {
    Tensor x = Tensor.of(new float[] {0, 0});
    assertThat(on(backend).build().forward(x, Tensor.of(new int[] {1})))
        .isCloseTo(Math.log(2), within(1e-7));
  }

  @OnEveryBackend
  void takesImagesWithTheClassesAlongAxisOne(Backend backend) {
    float[] x = Samples.logits(2 * 3 * 4, 2, 3);
    int[] labels = Samples.labels(2 * 4, 3, 4);
    CrossEntropy sum = on(backend).axis(1).reduction(Reduction.SUM).build();
    double images = sum.forward(Tensor.of(x, 2, 3, 2, 2), Tensor.of(labels, 2, 2, 2));
    assertThat(sum.forward(Tensor.of(x, 2, 3, 2, 2), Tensor.of(labels, 2, 1, 2, 2)))
        .isEqualTo(images);
    double expected = 0;
    for (int r = 0; r < 8; r++) {
      int start = r / 4 * 12 + r % 4;
      float[] row = {x[start], x[start + 4], x[start + 8]};
      expected += Samples.loss(row, Samples.smoothed(labels[r], 3, 0));
    }
    assertThat(images).isCloseTo(expected, within(1e-5));
  }

  @OnEveryBackend
  void theGradientMayOverwriteTheLogits(Backend backend) {
    float[] x = Samples.logits(40, 2, 3);
    Tensor labels = Tensor.of(new int[] {1, 0, 9, 3});
    CrossEntropy mean = on(backend).build();
    float[] dx = new float[40];
    double loss = mean.forwardBackward(Tensor.of(x, 4, 10), labels, Tensor.of(dx, 4, 10));
    Tensor both = Tensor.of(x, 4, 10);
    assertThat(mean.forwardBackward(both, labels, both)).isEqualTo(loss);
    assertThat(Samples.bits(x)).isEqualTo(Samples.bits(dx));
  }

  @OnEveryBackend
  void backwardFromSavedStatisticsGivesTheSameBits(Backend backend) {
    float[] x = Samples.logits(40, 2, 3);
    x[3] = 30000;
    Tensor logits = Tensor.of(x, 4, 10);
    Tensor labels = Tensor.of(new int[] {1, 0, 9, 3});
    CrossEntropy mean = on(backend).ignoreIndex(9).labelSmoothing(0.1).build();
    float[] fused = new float[40];
    mean.forwardBackward(logits, labels, Tensor.of(fused, 4, 10));
    try (Arena arena = Arena.ofConfined()) {
      LossOutputs saved = LossOutputs.create().saveStatistics(arena);
      mean.on(logits, labels).outputs(saved).run();
      float[] dx = new float[40];
      mean.onBackward(logits, labels, saved, null, Tensor.of(dx, 4, 10)).run();
      assertThat(Samples.bits(dx)).isEqualTo(Samples.bits(fused));
      mean.onBackward(logits, labels, saved, null, Tensor.of(dx, 4, 10)).run();
      assertThat(Samples.bits(dx)).isEqualTo(Samples.bits(fused));

      Tensor upstream = Tensor.of(new float[] {2, -1, 5, 0});
      mean.onBackward(logits, labels, saved, upstream, logits).run();
      for (int k = 0; k < 10; k++) {
        assertThat(x[k]).isEqualTo(2 * fused[k]);
        assertThat(x[10 + k]).isEqualTo(-fused[10 + k]);
        assertThat(x[20 + k]).isZero();
        assertThat(x[30 + k]).isZero();
      }
    }
  }

  // ---- infinities, NaN and ignored rows --------------------------------------------------------

  private static final float INF = Float.POSITIVE_INFINITY;
  private static final int NAN = 0x7fc00000;

  private final float[] dx = new float[3];
  private final float[] losses = new float[1];
  private final float[] lse = new float[1];
  private final LossOutputs outcome =
      LossOutputs.create().losses(Tensor.of(losses)).logSumExp(Tensor.of(lse)).countCorrect(true);

  /** One row of three classes. */
  private double run(CrossEntropy.Builder builder, int label, float... x) {
    return builder
        .build()
        .on(Tensor.of(x, 1, 3), Tensor.of(new int[] {label}), Tensor.of(dx, 1, 3))
        .outputs(outcome)
        .run();
  }

  @OnEveryBackend
  void aNanOrPlusInfinityMakesLossAndGradientNan(Backend backend) {
    for (float bad : new float[] {Float.NaN, INF}) {
      for (int at = 0; at < 3; at++) {
        for (FullyMasked masked : FullyMasked.values()) {
          float[] x = {-INF, -INF, 1};
          x[at] = bad;
          assertThat(run(on(backend).fullyMasked(masked), 1, x)).isNaN();
          assertThat(Samples.bits(dx)).containsExactly(NAN, NAN, NAN);
          assertThat(Samples.bits(lse)).containsExactly(NAN);
          assertThat(outcome.correctRows()).isZero();
        }
      }
    }
  }

  @OnEveryBackend
  void aLabelOnMinusInfinityHasInfiniteLossAndTheWholeGradient(Backend backend) {
    assertThat(run(on(backend).gradientScale(2), 0, -INF, 1, 1)).isEqualTo(INF);
    assertThat(dx).containsExactly(-2, 1, 1);
    assertThat(run(on(backend), 1, -INF, 1, 1)).isCloseTo(Math.log(2), within(1e-7));
    assertThat(dx).containsExactly(0, -0.5f, 0.5f);
    assertThat(outcome.correctRows()).isEqualTo(1);
  }

  @OnEveryBackend
  void aRowOfMinusInfinitiesFollowsThePolicy(Backend backend) {
    assertThat(run(on(backend), 0, -INF, -INF, -INF)).isNaN();
    assertThat(Samples.bits(dx)).containsExactly(NAN, NAN, NAN);
    assertThat(lse[0]).isNaN();
    assertThat(run(on(backend).fullyMasked(FullyMasked.ZERO), 0, -INF, -INF, -INF)).isZero();
    assertThat(Samples.bits(dx)).containsExactly(0, 0, 0);
    assertThat(Samples.bits(losses)).containsExactly(0);
    assertThat(lse[0]).isEqualTo(-INF);
    assertThat(outcome.correctRows()).isZero();
  }

  @OnEveryBackend
  void oneClassHasNoLoss(Backend backend) {
    float[] gradient = {7};
    double loss =
        on(backend)
            .build()
            .forwardBackward(
                Tensor.of(new float[] {-5}, 1, 1),
                Tensor.of(new int[] {0}),
                Tensor.of(gradient, 1, 1));
    assertThat(loss).isZero();
    assertThat(Samples.bits(gradient)).containsExactly(0);
  }

  @OnEveryBackend
  void ignoredRowsAreNotRead(Backend backend) {
    for (int ignored : new int[] {-100, 1, 2, Integer.MAX_VALUE}) {
      float[] x = {Float.NaN, INF, -INF, 0, 0, 0};
      float[] gradient = {9, 9, 9, 9, 9, 9};
      float[] rowLosses = {9, 9};
      float[] rowLse = {9, 9};
      byte[] hits = {9, 9};
      LossOutputs both =
          LossOutputs.create()
              .losses(Tensor.of(rowLosses))
              .logSumExp(Tensor.of(rowLse))
              .correct(Tensor.of(ByteBuffer.wrap(hits), DType.U8));
      double mean =
          on(backend)
              .ignoreIndex(ignored)
              .build()
              .on(Tensor.of(x, 2, 3), Tensor.of(new int[] {ignored, 0}), Tensor.of(gradient, 2, 3))
              .outputs(both)
              .run();
      assertThat(mean).isCloseTo(Math.log(3), within(1e-6));
      assertThat(Samples.bits(Samples.row(gradient, 0, 3))).containsExactly(0, 0, 0);
      assertThat(gradient[4]).isEqualTo(1 / 3f);
      assertThat(Float.floatToRawIntBits(rowLosses[0])).isZero();
      assertThat(rowLse[0]).isNaN();
      assertThat(hits).containsExactly(0, 1);
      assertThat(both.validRows()).isEqualTo(1);
      assertThat(both.rows()).isEqualTo(2);
    }
  }

  @OnEveryBackend
  void anUnlawfulLabelIsRefusedBeforeAnythingIsWritten(Backend backend) {
    float[] x = Samples.logits(12, 1, 1);
    float[] before = x.clone();
    Tensor logits = Tensor.of(x, 3, 4);
    for (int label : new int[] {7, 4, -1, Integer.MIN_VALUE}) {
      assertThatThrownBy(
              () ->
                  on(backend)
                      .build()
                      .forwardBackward(logits, Tensor.of(new int[] {0, 3, label}), logits))
          .isInstanceOfSatisfying(
              LabelException.class,
              e -> {
                assertThat(e.row()).isEqualTo(2);
                assertThat(e.label()).isEqualTo(label);
                assertThat(e.classes()).isEqualTo(4);
              })
          .hasMessageContaining("row 2 has label " + label + "; expected 0 to 3")
          .hasMessageEndingWith(
              label < 0
                  ? ". To leave such rows out, set ignoreIndex(" + label + ")"
                  : "; expected 0 to 3" + (label == 4 ? "; labels begin at 0" : ""));
      assertThat(x).isEqualTo(before);
    }
  }

  @OnEveryBackend
  void probabilityRowsNeedNotBeProbabilities(Backend backend) {
    float[] q = {2, -1, 0};
    float[] x = {1, 2, -INF};
    double loss =
        on(backend)
            .build()
            .forwardBackward(Tensor.of(x, 1, 3), Tensor.of(q, 1, 3), Tensor.of(dx, 1, 3));
    double lse = Math.log(Math.exp(1) + Math.exp(2));
    assertThat(loss).isCloseTo(2 * (lse - 1) - (lse - 2), within(1e-6));
    assertThat((double) dx[0]).isCloseTo(Math.exp(1 - lse) - 2, within(1e-6));
    assertThat((double) dx[1]).isCloseTo(Math.exp(2 - lse) + 1, within(1e-6));
    assertThat(Float.floatToRawIntBits(dx[2])).isZero();
  }

  @OnEveryBackend
  void probabilitiesThatAreNotFiniteGiveNan(Backend backend) {
    for (float bad : new float[] {Float.NaN, INF, -INF}) {
      double loss =
          on(backend)
              .build()
              .forwardBackward(
                  Tensor.of(new float[] {1, 2, 3}, 1, 3),
                  Tensor.of(new float[] {0, bad, 0}, 1, 3),
                  Tensor.of(dx, 1, 3));
      assertThat(loss).isNaN();
      assertThat(Samples.bits(dx)).containsExactly(NAN, NAN, NAN);
    }
  }

  @OnEveryBackend
  void smoothingCountsMinusInfinity(Backend backend) {
    assertThat(run(on(backend).labelSmoothing(0.1), 1, -INF, 1, 1)).isEqualTo(INF);
  }

  @OnEveryBackend
  void logitsOfAnySizeGiveExactOrInfiniteLosses(Backend backend) {
    float max = Float.MAX_VALUE;
    assertThat(run(on(backend), 0, max, 0, 0)).isZero();
    assertThat(run(on(backend), 1, max, 0, 0)).isEqualTo(max);
    assertThat(run(on(backend), 1, max, -max, 0)).isEqualTo(INF);
    assertThat(dx).containsExactly(1, -1, 0);
  }

  @OnEveryBackend
  void aZeroGradientHasTheSignOfTheScale(Backend backend) {
    run(on(backend), 0, 1000, 0, 0);
    assertThat(Samples.bits(dx)).containsExactly(0, 0, 0);
    run(on(backend).gradientScale(-1), 0, 1000, 0, 0);
    assertThat(Samples.bits(dx)).containsOnly(0x80000000);
  }

  @Test
  void aLabelThatMarksRowsIsAdvisedToBeIgnored() {
    Tensor logits = Tensor.of(new float[6], 2, 3);
    for (int label : new int[] {-1, -100, 255, 3, 7, 256}) {
      boolean mark = label < 0 || label == 255;
      assertThatThrownBy(() -> CrossEntropy.mean().forward(logits, Tensor.of(new int[] {0, label})))
          .isInstanceOf(LabelException.class)
          .hasMessage(
              "row 1 has label %d; expected 0 to 2%s",
              label,
              mark
                  ? ". To leave such rows out, set ignoreIndex(" + label + ")"
                  : label == 3 ? "; labels begin at 0" : "");
    }
  }
}
