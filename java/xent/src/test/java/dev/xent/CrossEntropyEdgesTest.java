// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.errors.LabelException;
import dev.xent.options.Backend;
import dev.xent.options.FullyMasked;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

/** The edges that conformance/numerics.md names, for cross-entropy. */
class CrossEntropyEdgesTest {
  private static final float INF = Float.POSITIVE_INFINITY;
  private static final int NAN = 0x7fc00000;

  private final float[] dx = new float[3];
  private final float[] losses = new float[1];
  private final float[] lse = new float[1];
  private final LossOutputs outcome =
      new LossOutputs().losses(Tensor.of(losses)).logSumExp(Tensor.of(lse)).countCorrect(true);

  private static CrossEntropy.Builder on(Backend backend) {
    return CrossEntropy.builder().execution(Execution.defaults().backend(backend));
  }

  /** One row of three classes. */
  private double run(CrossEntropy.Builder builder, int label, float... x) {
    return builder
        .build()
        .on(Tensor.of(x, 1, 3), Tensor.of(new int[] {label}))
        .gradient(Tensor.of(dx, 1, 3))
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
          assertThat(outcome.correctCount()).isZero();
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
    assertThat(outcome.correctCount()).isEqualTo(1);
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
    assertThat(outcome.correctCount()).isZero();
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
          new LossOutputs()
              .losses(Tensor.of(rowLosses))
              .logSumExp(Tensor.of(rowLse))
              .correct(Tensor.of(ByteBuffer.wrap(hits), DType.U8));
      double mean =
          on(backend)
              .ignoreIndex(ignored)
              .build()
              .on(Tensor.of(x, 2, 3), Tensor.of(new int[] {ignored, 0}))
              .gradient(Tensor.of(gradient, 2, 3))
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
