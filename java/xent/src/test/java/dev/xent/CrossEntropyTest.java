// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.xent.options.Backend;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CrossEntropyTest {

  private static CrossEntropy.Builder on(Backend backend) {
    return CrossEntropy.builder().execution(Execution.defaults().backend(backend));
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
      LossOutputs outcome = new LossOutputs();
      double mean = loss.on(logits, labels).gradient(gradient).outputs(outcome).run();
      Softmax.along(-1).forward(logits, logits);

      double first = Samples.loss(new float[] {2, 1, 0}, Samples.smoothed(0, 3, 0.1));
      double second = Samples.loss(new float[] {0, 3, 1}, Samples.smoothed(1, 3, 0.1));
      assertThat(mean).isCloseTo((first + second) / 2, within(1e-7));
      assertThat(outcome.loss()).isEqualTo(mean);
      assertThat(outcome.rows()).isEqualTo(3);
      assertThat(outcome.validRows()).isEqualTo(2);
      assertThat(outcome.denominator()).isEqualTo(2);
      assertThat(outcome.correctCount()).isEqualTo(-1);
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
        new LossOutputs().losses(Tensor.of(losses)).logSumExp(Tensor.of(lse)).correct(flags(hits));
    double sum =
        on(backend)
            .reduction(Reduction.SUM)
            .labelSmoothing(eps)
            .gradientScale(-2)
            .build()
            .on(Tensor.of(x, rows, classes), Tensor.of(labels))
            .gradient(Tensor.of(dx, rows, classes))
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
    assertThat(outcome.correctCount()).isEqualTo(correct);
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
    LossOutputs outcome = new LossOutputs().losses(Tensor.of(losses));
    on(backend)
        .labelSmoothing(eps)
        .build()
        .on(Tensor.of(x, rows, classes), Tensor.of(q, rows, classes))
        .gradient(Tensor.of(dx, rows, classes))
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
      LossOutputs saved = new LossOutputs().saveStatistics(arena);
      mean.on(logits, labels).outputs(saved).run();
      float[] dx = new float[40];
      mean.on(logits, labels).gradient(Tensor.of(dx, 4, 10)).backward(saved);
      assertThat(Samples.bits(dx)).isEqualTo(Samples.bits(fused));
      mean.on(logits, labels).gradient(Tensor.of(dx, 4, 10)).backward(saved);
      assertThat(Samples.bits(dx)).isEqualTo(Samples.bits(fused));

      Tensor upstream = Tensor.of(new float[] {2, -1, 5, 0});
      mean.on(logits, labels).gradient(logits).backward(saved, upstream);
      for (int k = 0; k < 10; k++) {
        assertThat(x[k]).isEqualTo(2 * fused[k]);
        assertThat(x[10 + k]).isEqualTo(-fused[10 + k]);
        assertThat(x[20 + k]).isZero();
        assertThat(x[30 + k]).isZero();
      }
    }
  }
}
