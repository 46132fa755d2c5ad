// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.sun.management.ThreadMXBean;
import dev.xent.errors.DTypeException;
import dev.xent.errors.EmptyMeanException;
import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import dev.xent.options.EmptyMean;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class NllLossTest {

  private static final int CANONICAL_NAN = 0x7fc00000;
  private static final float INFINITY = Float.POSITIVE_INFINITY;

  private static float[] values(long seed, int count) {
    Random random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (random.nextGaussian() * 3);
    }
    return values;
  }

  private static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    return bits;
  }

  /** The loss of one row, computed by the formula. */
  private static double exactLoss(float[] logs, double[] targets, double smoothing) {
    double loss = 0;
    for (int k = 0; k < logs.length; k++) {
      double weight = (1 - smoothing) * targets[k] + smoothing / logs.length;
      loss -= weight == 0 ? 0 : weight * logs[k];
    }
    return loss;
  }

  // ---- the formula ---------------------------------------------------------------------------

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void lossAndGradientAreThoseOfTheFormula(Backend backend) {
    Random random = new Random(1);
    for (int classes : new int[] {1, 2, 3, 15, 16, 17, 300, 8191, 8192, 8193, 20000}) {
      for (double smoothing : new double[] {0, 0.1, 1}) {
        int rows = 3;
        float[] logs = values(classes, rows * classes);
        int[] labels = random.ints(rows, 0, classes).toArray();
        float[] gradient = new float[rows * classes];
        float[] losses = new float[rows];
        NllLoss loss =
            NllLoss.builder()
                .reduction(Reduction.SUM)
                .gradientScale(-2.5)
                .labelSmoothing(smoothing)
                .execution(Execution.defaults().withBackend(backend))
                .build();
        LossOutputs outcome = LossOutputs.create().losses(Tensor.of(losses));
        double sum =
            loss.on(
                    Tensor.of(logs, rows, classes),
                    Tensor.of(labels),
                    Tensor.of(gradient, rows, classes))
                .outputs(outcome)
                .run();

        double exactSum = 0;
        for (int r = 0; r < rows; r++) {
          double[] target = new double[classes];
          target[labels[r]] = 1;
          float[] row = Arrays.copyOfRange(logs, r * classes, (r + 1) * classes);
          double exact = exactLoss(row, target, smoothing);
          assertThat((double) losses[r]).isCloseTo(exact, within(1e-6 * Math.abs(exact) + 1e-9));
          exactSum += losses[r];
          for (int k = 0; k < classes; k++) {
            double weight = (1 - smoothing) * target[k] + smoothing / classes;
            assertThat(gradient[r * classes + k]).isEqualTo((float) (2.5 * weight));
          }
        }
        assertThat(sum).isEqualTo(exactSum).isEqualTo(outcome.sum());
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void probabilityRowsToo(Backend backend) {
    for (int classes : new int[] {1, 5, 100, 9000}) {
      for (double smoothing : new double[] {0, 0.25}) {
        float[] logs = values(classes, classes);
        float[] targets = values(classes + 1, classes);
        targets[classes / 2] = 0;
        float[] gradient = new float[classes];
        NllLoss loss =
            NllLoss.builder()
                .labelSmoothing(smoothing)
                .execution(Execution.defaults().withBackend(backend))
                .build();
        double actual =
            loss.forwardBackward(
                Tensor.of(logs, 1, classes),
                Tensor.of(targets, 1, classes),
                Tensor.of(gradient, 1, classes));
        double[] wide = new double[classes];
        double size = 0;
        for (int k = 0; k < classes; k++) {
          wide[k] = targets[k];
          size += Math.abs(wide[k] * logs[k]);
        }
        assertThat(actual).isCloseTo(exactLoss(logs, wide, smoothing), within(1e-7 * size + 1e-6));
        for (int k = 0; k < classes; k++) {
          double weight = (1 - smoothing) * wide[k] + smoothing / classes;
          assertThat((double) gradient[k])
              .isCloseTo(-weight, within(1e-7 * Math.abs(weight) + 1e-15));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void isTheSecondHalfOfCrossEntropy(Backend backend) {
    int rows = 20;
    int classes = 7;
    Tensor logits = Tensor.of(values(9, rows * classes), rows, classes);
    Tensor labels = Tensor.of(new Random(2).ints(rows, -1, classes).toArray());
    CrossEntropy whole =
        CrossEntropy.builder()
            .ignoreIndex(-1)
            .labelSmoothing(0.2)
            .execution(Execution.defaults().withBackend(backend))
            .build();
    Tensor logs = Tensor.of(new float[rows * classes], rows, classes);
    LogSoftmax.along(1).forward(logits, logs);
    LossOutputs first = LossOutputs.create().countCorrect(true);
    LossOutputs second = LossOutputs.create().countCorrect(true);
    assertThat(NllLoss.of(whole).on(logs, labels).outputs(second).run())
        .isCloseTo(whole.on(logits, labels).outputs(first).run(), within(1e-6));
    assertThat(second.validRows()).isEqualTo(first.validRows()).isLessThan(rows);
    assertThat(second.denominator()).isEqualTo(first.denominator());
    assertThat(second.correctRows()).isEqualTo(first.correctRows()).isPositive();
  }

  // ---- memory layouts ------------------------------------------------------------------------

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void anyAxisAndAnyStridesGiveTheSameBits(Backend backend) {
    int outer = 3;
    int classes = 5;
    int inner = 4;
    Tensor plain = Tensor.of(values(3, outer * classes * inner), outer, classes, inner);
    Tensor labels =
        Tensor.of(new Random(4).ints(outer * inner, 0, classes).toArray(), outer, inner);
    Tensor rows = Tensor.of(values(5, outer * inner), outer, inner);
    float[] losses = new float[outer * inner];
    float[] gradient = new float[outer * classes * inner];
    NllLoss loss =
        NllLoss.builder()
            .axis(1)
            .execution(Execution.defaults().withBackend(backend))
            .labelSmoothing(0.1)
            .build();
    LossOutputs outcome = LossOutputs.create().losses(Tensor.of(losses, outer, inner));
    double mean =
        loss.on(plain, labels, Tensor.of(gradient, outer, classes, inner)).outputs(outcome).run();

    try (Arena arena = Arena.ofConfined()) {
      // every other element, innermost dimension first
      Tensor wide = Tensor.allocate(arena, DType.F32, inner, 2 * classes, outer, 2);
      Tensor moved = wide.slice(1, classes, 2 * classes).select(3, 1);
      moved.permute(2, 1, 0).copyFrom(plain);
      long[] shuffled = new long[2 * outer * inner];
      for (int n = 0; n < outer; n++) {
        for (int i = 0; i < inner; i++) {
          shuffled[2 * (i * outer + n)] = labels.getLong(n, i);
        }
      }
      Tensor otherLabels = Tensor.of(shuffled, inner, outer, 2).select(2, 0);
      float[] otherLosses = new float[outer * inner];
      NllLoss along =
          NllLoss.builder()
              .axis(-2)
              .execution(Execution.defaults().withBackend(backend))
              .labelSmoothing(0.1)
              .build();
      LossOutputs other = LossOutputs.create().losses(Tensor.of(otherLosses, inner, outer));
      assertThat(along.on(moved, otherLabels, moved).outputs(other).run()).isEqualTo(mean);
      assertThat(bits(Tensor.of(otherLosses, inner, outer).permute(1, 0).toFloatArray()))
          .isEqualTo(bits(losses));
      assertThat(bits(moved.permute(2, 1, 0).toFloatArray())).isEqualTo(bits(gradient));

      along.onBackward(moved, otherLabels, other, rows.permute(1, 0), moved).run();
      float[] weighted = new float[gradient.length];
      loss.onBackward(
              Tensor.of(weighted, outer, classes, inner),
              labels,
              outcome,
              rows,
              Tensor.of(weighted, outer, classes, inner))
          .run();
      assertThat(bits(moved.permute(2, 1, 0).toFloatArray())).isEqualTo(bits(weighted));
    }
  }

  @Test
  void labelsOfEveryWidth() {
    Tensor logs = Tensor.of(values(6, 12), 4, 3);
    byte[] bytes = {0, 2, 1, 2};
    double expected = NllLoss.mean().forward(logs, Tensor.of(new int[] {0, 2, 1, 2}));
    for (Tensor labels :
        new Tensor[] {
          Tensor.of(bytes),
          Tensor.of(MemorySegment.ofArray(bytes), DType.U8, 4, 1),
          Tensor.of(new short[] {0, 2, 1, 2}),
          Tensor.of(new int[] {0, 2, 1, 2}, 4, 1),
          Tensor.of(new long[] {0, 2, 1, 2})
        }) {
      assertThat(NllLoss.mean().forward(logs, labels)).isEqualTo(expected);
    }
  }

  @Test
  void aSingleRow() {
    float[] gradient = {7, 7, 7};
    Tensor logs = Tensor.of(new float[] {-1, -2, -3});
    assertThat(NllLoss.mean().forwardBackward(logs, Tensor.of(new int[] {1}), Tensor.of(gradient)))
        .isEqualTo(2);
    assertThat(gradient).containsExactly(0, -1, 0);
  }

  // ---- backward ------------------------------------------------------------------------------

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.3})
  void backwardAloneGivesTheSameBits(double smoothing) {
    int rows = 6;
    int classes = 4;
    Tensor logs = Tensor.of(values(7, rows * classes), rows, classes);
    Tensor labels = Tensor.of(new int[] {0, -100, 3, 1, 1, -100});
    Tensor probabilities = Tensor.of(values(8, rows * classes), rows, classes);
    float[] together = new float[rows * classes];
    float[] alone = new float[rows * classes];
    LossOutputs outcome = LossOutputs.create();
    NllLoss.Builder builder = NllLoss.builder().labelSmoothing(smoothing);

    NllLoss soft = builder.build();
    soft.on(logs, probabilities, Tensor.of(together, rows, classes)).outputs(outcome).run();
    soft.onBackward(
            Tensor.of(alone, rows, classes),
            probabilities,
            outcome,
            null,
            Tensor.of(alone, rows, classes))
        .run();
    assertThat(bits(alone)).isEqualTo(bits(together));

    NllLoss hard = builder.ignoreIndex(-100).build();
    hard.on(logs, labels, Tensor.of(together, rows, classes)).outputs(outcome).run();
    hard.onBackward(
            Tensor.of(alone, rows, classes), labels, outcome, null, Tensor.of(alone, rows, classes))
        .run();
    assertThat(bits(alone)).isEqualTo(bits(together));

    float[] upstream = {2, 9, -1, 0, 0.5f, Float.NaN};
    hard.onBackward(
            Tensor.of(alone, rows, classes),
            labels,
            outcome,
            Tensor.of(upstream),
            Tensor.of(alone, rows, classes))
        .run();
    for (int i = 0; i < alone.length; i++) {
      double factor = i / classes == 1 || i / classes == 5 ? 0 : upstream[i / classes];
      assertThat((double) alone[i]).isCloseTo(together[i] * factor, within(1e-7));
    }
  }

  @Test
  void backwardNeedsTheForwardOfTheseRows() {
    Tensor gradient = Tensor.of(new float[6], 2, 3);
    Tensor labels = Tensor.of(new int[] {0, 1});
    assertThatThrownBy(
            () ->
                NllLoss.mean()
                    .onBackward(gradient, labels, LossOutputs.create(), null, gradient)
                    .run())
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("the outputs do not come from a forward");
  }

  // ---- edges ---------------------------------------------------------------------------------

  private static float[] losses(NllLoss loss, Tensor logs, Tensor targets) {
    float[] losses = new float[(int) logs.dim(0)];
    loss.on(logs, targets).outputs(LossOutputs.create().losses(Tensor.of(losses))).run();
    return losses;
  }

  @Test
  void aCertainLabelCostsNothing() {
    Tensor logs = Tensor.of(new float[] {0f, -0f}, 2, 1);
    assertThat(bits(losses(NllLoss.sum(), logs, Tensor.of(new int[2])))).containsExactly(0, 0);
    assertThat(bits(losses(NllLoss.sum(), logs, Tensor.of(new float[] {1, 1}, 2, 1))))
        .containsExactly(0, 0);
  }

  @Test
  void onlyWhatHasAWeightIsRead() {
    float[] logs = {Float.NaN, -1, -INFINITY, Float.intBitsToFloat(0xffc12345), -INFINITY, -2};
    Tensor tensor = Tensor.of(logs, 2, 3);
    assertThat(losses(NllLoss.sum(), tensor, Tensor.of(new int[] {1, 2}))).containsExactly(1, 2);
    assertThat(losses(NllLoss.sum(), tensor, Tensor.of(new int[] {2, 1})))
        .containsExactly(INFINITY, INFINITY);
    assertThat(bits(losses(NllLoss.sum(), tensor, Tensor.of(new int[] {0, 0}))))
        .containsExactly(CANONICAL_NAN, CANONICAL_NAN);
    assertThat(losses(NllLoss.sum(), tensor, Tensor.of(new float[] {0, 1, 0, -0f, 0, 0.5f}, 2, 3)))
        .containsExactly(1, 1);
    NllLoss smooth = NllLoss.builder().reduction(Reduction.SUM).labelSmoothing(0.1).build();
    assertThat(bits(losses(smooth, tensor, Tensor.of(new int[] {1, 2}))))
        .containsExactly(CANONICAL_NAN, CANONICAL_NAN);
    assertThat(losses(smooth, Tensor.of(new float[] {-1, -INFINITY}, 1, 2), Tensor.of(new int[1])))
        .containsExactly(INFINITY);
  }

  @Test
  void aProbabilityRowThatIsNotFiniteIsNaN() {
    float[] targets = {1, Float.NaN, INFINITY, -INFINITY, INFINITY, 0};
    float[] gradient = new float[6];
    Tensor logs = Tensor.of(new float[6], 3, 2);
    LossOutputs outcome = LossOutputs.create().losses(Tensor.of(new float[3]));
    NllLoss.sum()
        .on(logs, Tensor.of(targets, 3, 2), Tensor.of(gradient, 3, 2))
        .outputs(outcome)
        .run();
    assertThat(bits(gradient)).containsOnly(CANONICAL_NAN);
    assertThat(outcome.sum()).isNaN();
  }

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void ignoredRowsAreNotReadAndNotCounted(Backend backend) {
    float[] logs = {Float.NaN, Float.NaN, -1, -2};
    float[] gradient = {5, 5, 5, 5};
    byte[] hits = {9, 9};
    float[] losses = {9, 9};
    LossOutputs outcome =
        LossOutputs.create()
            .losses(Tensor.of(losses))
            .correct(Tensor.of(MemorySegment.ofArray(hits), DType.U8, 2));
    double mean =
        NllLoss.builder()
            .ignoreIndex(255)
            .execution(Execution.defaults().withBackend(backend))
            .build()
            .on(
                Tensor.of(logs, 2, 2),
                Tensor.of(MemorySegment.ofArray(new byte[] {-1, 0}), DType.U8, 2),
                Tensor.of(gradient, 2, 2))
            .outputs(outcome)
            .run();
    assertThat(mean).isEqualTo(1);
    assertThat(bits(losses)).containsExactly(0, Float.floatToRawIntBits(1));
    assertThat(bits(gradient)).containsExactly(0, 0, Float.floatToRawIntBits(-1), 0);
    assertThat(hits).containsExactly((byte) 0, (byte) 1);
    assertThat(outcome.validRows()).isEqualTo(1);
    assertThat(outcome.correctRows()).isEqualTo(1);
  }

  @Test
  void hitsAreTheFirstLargest() {
    float[] logs = {-1, -1, -2, -1, -1, Float.NaN, -INFINITY, -INFINITY, -INFINITY, -3, -2, -1};
    LossOutputs outcome = LossOutputs.create().countCorrect(true);
    for (int label = 0; label < 3; label++) {
      NllLoss.mean()
          .on(Tensor.of(logs, 4, 3), Tensor.of(new int[] {label, label, label, label}))
          .outputs(outcome)
          .run();
      assertThat(outcome.correctRows()).isEqualTo(label == 1 ? 0 : 1);
    }
  }

  @Test
  void aMeanOverNothingFollowsThePolicy() {
    float[] gradient = {5, 5};
    Tensor logs = Tensor.of(new float[2], 1, 2);
    Tensor labels = Tensor.of(new int[] {-1});
    NllLoss.Builder builder = NllLoss.builder().ignoreIndex(-1);
    assertThat(builder.build().forwardBackward(logs, labels, Tensor.of(gradient, 1, 2))).isNaN();
    assertThat(bits(gradient)).containsExactly(0, 0);
    assertThat(builder.emptyMean(EmptyMean.ZERO).build().forward(logs, labels)).isZero();
    NllLoss strict = builder.emptyMean(EmptyMean.ERROR).build();
    gradient[0] = 5;
    assertThatThrownBy(() -> strict.forwardBackward(logs, labels, Tensor.of(gradient, 1, 2)))
        .isInstanceOf(EmptyMeanException.class);
    assertThat(gradient[0]).isEqualTo(5);
    assertThat(strict.withDenominator(3).forward(logs, labels)).isZero();
  }

  @Test
  void theDenominatorMayBeGiven() {
    float[] gradient = new float[4];
    Tensor logs = Tensor.of(new float[] {-1, -2, -3, -4}, 2, 2);
    double loss =
        NllLoss.mean()
            .withDenominator(8)
            .forwardBackward(logs, Tensor.of(new int[] {0, 1}), Tensor.of(gradient, 2, 2));
    assertThat(loss).isEqualTo(5.0 / 8);
    assertThat(gradient).containsExactly(-0.125f, 0, 0, -0.125f);
  }

  // ---- errors --------------------------------------------------------------------------------

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void labelsOutOfRangeAreNamedBeforeAnythingIsWritten(Backend backend) {
    float[] gradient = {5, 5, 5, 5};
    assertThatThrownBy(
            () ->
                NllLoss.builder()
                    .execution(Execution.defaults().withBackend(backend))
                    .build()
                    .forwardBackward(
                        Tensor.of(new float[4], 2, 2),
                        Tensor.of(new int[] {0, 2}),
                        Tensor.of(gradient, 2, 2)))
        .isInstanceOfSatisfying(
            LabelException.class,
            e -> {
              assertThat(e.row()).isEqualTo(1);
              assertThat(e.label()).isEqualTo(2);
              assertThat(e.classes()).isEqualTo(2);
            });
    assertThat(gradient).containsOnly(5);
  }

  @Test
  void whatDoesNotFitIsNamed() {
    NllLoss loss = NllLoss.mean();
    Tensor logs = Tensor.of(new float[6], 2, 3);
    Tensor labels = Tensor.of(new int[2]);
    assertThatThrownBy(() -> loss.forward(logs, Tensor.of(new int[3])))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("logProbabilities")
        .hasMessageContaining("[2, 3]");
    assertThatThrownBy(() -> loss.forward(Tensor.of(new int[6], 2, 3), labels))
        .isInstanceOf(DTypeException.class)
        .hasMessageContaining("logProbabilities");
    assertThatThrownBy(() -> loss.forward(Tensor.of(new float[0], 2, 0), labels))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("zero classes");
    assertThatThrownBy(
            () -> loss.forwardBackward(logs, labels, Tensor.of(new float[6], 2, 3).asReadOnly()))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("gradient is read-only");
    Tensor both = Tensor.of(new float[7]);
    assertThatThrownBy(
            () ->
                loss.forwardBackward(
                    both.slice(0, 0, 6).reshape(2, 3), labels, both.slice(0, 1, 7).reshape(2, 3)))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("overlap");
    assertThatThrownBy(
            () -> NllLoss.builder().ignoreIndex(0).build().forward(logs, logs.slice(0, 0, 2)))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("ignoreIndex");
    assertThatThrownBy(() -> NllLoss.builder().labelSmoothing(Double.NaN))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("labelSmoothing");
    Arena arena = Arena.ofConfined();
    Tensor gone = Tensor.allocate(arena, DType.F32, 2, 3);
    arena.close();
    assertThatThrownBy(() -> loss.forward(gone, labels))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("closed");
  }

  // ---- allocation ----------------------------------------------------------------------------

  @Test
  void aCallAllocatesNothing() {
    int rows = 64;
    int classes = 10;
    NllLoss loss = NllLoss.builder().labelSmoothing(0.1).build();
    Tensor logs = Tensor.of(values(1, rows * classes), rows, classes);
    Tensor labels = Tensor.of(new int[rows]);
    Tensor gradient = Tensor.of(new float[rows * classes], rows, classes);
    LossOutputs outcome =
        LossOutputs.create().losses(Tensor.of(new float[rows])).countCorrect(true);
    LossCall bound = loss.on(logs, labels, gradient).outputs(outcome);
    BoundCall backward = loss.onBackward(logs, labels, outcome, null, gradient);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long least = Long.MAX_VALUE;
    // Interpreted code allocates on its own; the compiled code is what counts.
    for (int round = 0; round < 60 && least > 0; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int call = 0; call < 500; call++) {
        bound.run();
        backward.run();
      }
      least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
    }
    assertThat(least).isZero();
  }
}
