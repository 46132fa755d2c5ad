// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.errors.LabelException;
import dev.xent.errors.OptionException;
import dev.xent.options.Backend;
import dev.xent.options.Reduction;
import dev.xent.options.Smoothing;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Weights, masks, smoothing of both kinds, sparse targets and ragged rows of {@link NllLoss}. */
class NllLossOptionsTest {
  private static final double NEAR = 2e-6;
  private static final int IGNORED = -7;

  /** A batch of rows with every input, and what the formula makes of it in double. */
  private static final class Batch {
    final int rows;
    final int classes;
    final float[] logs;
    final int[] labels;
    final float[] probabilities;
    final int[] entries;
    final float[] entryWeights;
    final int count;
    final byte[] mask;
    final float[] rowWeights;
    final float[] classWeights;

    Batch(int rows, int classes, long seed) {
      Random random = new Random(seed);
      this.rows = rows;
      this.classes = classes;
      count = 3;
      logs = values(random, rows * classes, -4, 0);
      probabilities = values(random, rows * classes, 0, 1);
      entryWeights = values(random, rows * count, 0, 1);
      rowWeights = values(random, rows, 0.5, 2);
      classWeights = values(random, classes, 0, 2);
      mask = new byte[rows * classes];
      labels = new int[rows];
      entries = new int[rows * count];
      classWeights[classes - 1] = 0;
      rowWeights[rows - 1] = 0;
      for (int i = 0; i < mask.length; i++) {
        mask[i] = (byte) (random.nextInt(4) == 0 ? 0 : 1);
        logs[i] = mask[i] == 0 ? Float.NaN : logs[i];
      }
      for (int r = 0; r < rows; r++) {
        labels[r] = counted(random, r);
        for (int j = 0; j < count; j++) {
          entries[r * count + j] = counted(random, r);
        }
      }
      labels[0] = IGNORED;
      entries[1] = IGNORED;
      entries[count] = entries[count + 1];
    }

    /** A class of a row that is not masked; class 0 never is. */
    private int counted(Random random, int row) {
      int k = random.nextInt(classes);
      int from = row * classes;
      mask[from] = 1;
      logs[from] = Float.isNaN(logs[from]) ? -1 : logs[from];
      return mask[from + k] == 0 ? 0 : k;
    }

    Tensor of(float[] values) {
      return Tensor.of(values, rows, values.length / rows);
    }

    Inputs inputs() {
      return Inputs.none()
          .withClassMask(Tensor.of(MemorySegment.ofArray(mask), DType.U8, rows, classes))
          .withRowWeights(Tensor.of(rowWeights));
    }

    /** Targets before smoothing of a row; null if the row is ignored. */
    double[] targets(int row, TargetsOf kind) {
      double[] targets = new double[classes];
      switch (kind) {
        case LABELS -> {
          if (labels[row] == IGNORED) {
            return null;
          }
          targets[labels[row]] = 1;
        }
        case PROBABILITIES -> {
          for (int k = 0; k < classes; k++) {
            targets[k] = probabilities[row * classes + k];
          }
        }
        case SPARSE -> {
          for (int j = row * count; j < (row + 1) * count; j++) {
            if (entries[j] != IGNORED) {
              targets[entries[j]] += entryWeights[j];
            }
          }
        }
      }
      return rowWeights[row] == 0 ? null : targets;
    }

    /** w q' of a row. */
    double[] weighted(double[] targets, int row, double smoothing, boolean others) {
      double[] weighted = new double[classes];
      int counted = 0;
      for (int k = 0; k < classes; k++) {
        counted += mask[row * classes + k];
      }
      for (int k = 0; k < classes; k++) {
        boolean isLabel = others && k == labels[row];
        double share = isLabel ? 0 : smoothing / (others ? counted - 1 : counted);
        weighted[k] =
            mask[row * classes + k] == 0
                ? 0
                : classWeights[k] * ((1 - smoothing) * targets[k] + share);
      }
      return weighted;
    }
  }

  /** What the targets are. */
  private enum TargetsOf {
    LABELS,
    PROBABILITIES,
    SPARSE
  }

  private static float[] values(Random random, int count, double from, double to) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (from + (to - from) * random.nextDouble());
    }
    return values;
  }

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void everythingAtOnceIsTheFormula(Backend backend) {
    for (TargetsOf kind : TargetsOf.values()) {
      for (double smoothing : new double[] {0, 0.25, 1}) {
        for (Smoothing shared : Smoothing.values()) {
          if (kind == TargetsOf.LABELS || shared == Smoothing.UNIFORM) {
            compare(new Batch(9, 40, 3), kind, smoothing, shared, backend);
            compare(new Batch(3, 9000, 4), kind, smoothing, shared, backend);
          }
        }
      }
    }
  }

  private static void compare(
      Batch batch, TargetsOf kind, double smoothing, Smoothing shared, Backend backend) {
    NllLoss.Builder builder =
        NllLoss.builder()
            .smoothing(shared)
            .labelSmoothing(smoothing)
            .classWeights(Tensor.of(batch.classWeights))
            .gradientScale(-3)
            .reduction(Reduction.SUM)
            .execution(Execution.defaults().withBackend(backend));
    if (kind != TargetsOf.PROBABILITIES) {
      builder.ignoreIndex(IGNORED);
    }
    NllLoss loss = builder.build();
    float[] losses = new float[batch.rows];
    float[] gradient = new float[batch.logs.length];
    float[] slopes = new float[kind == TargetsOf.SPARSE ? batch.entries.length : gradient.length];
    LossOutputs outcome = LossOutputs.create().losses(Tensor.of(losses));
    Tensor targets = Tensor.of(batch.labels);
    Inputs inputs = batch.inputs();
    if (kind != TargetsOf.LABELS) {
      outcome.targetGradient(batch.of(slopes));
      targets = batch.of(batch.probabilities);
    }
    if (kind == TargetsOf.SPARSE) {
      targets = Tensor.of(batch.entries, batch.rows, batch.count);
      inputs = inputs.withTargetWeights(batch.of(batch.entryWeights));
    }
    loss.on(batch.of(batch.logs), targets, batch.of(gradient))
        .inputs(inputs)
        .outputs(outcome)
        .run();

    double denominator = 0;
    int counted = 0;
    for (int r = 0; r < batch.rows; r++) {
      double[] plain = batch.targets(r, kind);
      if (plain != null) {
        counted++;
        double own = kind == TargetsOf.LABELS ? batch.classWeights[batch.labels[r]] : 1;
        denominator += batch.rowWeights[r] * own;
      }
      double[] weighted =
          plain == null
              ? new double[batch.classes]
              : batch.weighted(plain, r, smoothing, shared == Smoothing.OTHERS);
      double exact = 0;
      for (int k = 0; k < batch.classes; k++) {
        int at = r * batch.classes + k;
        double factor = batch.rowWeights[r] * weighted[k];
        exact -= factor == 0 ? 0 : factor * batch.logs[at];
        assertThat((double) gradient[at]).isCloseTo(3 * factor, within(NEAR));
        if (kind == TargetsOf.PROBABILITIES) {
          double slope = plain == null || batch.mask[at] == 0 ? 0 : slope(batch, r, k, smoothing);
          assertThat((double) slopes[at]).isCloseTo(slope, within(20 * NEAR));
        }
      }
      assertThat((double) losses[r]).isCloseTo(exact, within(NEAR * Math.max(1, exact)));
      for (int j = r * batch.count; kind == TargetsOf.SPARSE && j < (r + 1) * batch.count; j++) {
        int k = batch.entries[j];
        double slope = plain == null || k == IGNORED ? 0 : slope(batch, r, k, smoothing);
        assertThat((double) slopes[j]).isCloseTo(slope, within(20 * NEAR));
      }
    }
    assertThat(outcome.validRows()).isEqualTo(counted);
    assertThat(outcome.denominator()).isCloseTo(denominator, within(1e-12));

    float[] alone = new float[gradient.length];
    loss.onBackward(batch.of(alone), targets, outcome, null, batch.of(alone)).inputs(inputs).run();
    assertThat(alone).isEqualTo(gradient);
    float[] inPlace = batch.logs.clone();
    loss.on(batch.of(inPlace), targets, batch.of(inPlace)).inputs(inputs).outputs(outcome).run();
    assertThat(inPlace).isEqualTo(gradient);
  }

  private static double slope(Batch batch, int row, int k, double smoothing) {
    double log = batch.logs[row * batch.classes + k];
    return 3 * batch.rowWeights[row] * (1 - smoothing) * batch.classWeights[k] * log;
  }

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void raggedRowsAreRowsOfTheirOwn(Backend backend) {
    Random random = new Random(8);
    float[] logs = values(random, 12, -3, 0);
    float[] probabilities = values(random, 12, 0, 1);
    int[] offsets = {1, 4, 4, 9, 11};
    float[] losses = new float[4];
    float[] gradient = new float[12];
    NllLoss loss =
        NllLoss.builder()
            .labelSmoothing(0.1)
            .execution(Execution.defaults().withBackend(backend))
            .build();
    LossOutputs outcome = LossOutputs.create().losses(Tensor.of(losses));
    loss.on(Tensor.of(logs), Tensor.of(probabilities), Tensor.of(gradient))
        .inputs(Inputs.none().withRowOffsets(Tensor.of(offsets)))
        .outputs(outcome)
        .run();
    NllLoss one = NllLoss.builder().labelSmoothing(0.1).build();
    assertThat(losses[1]).isZero();
    for (int r = 0; r < 4; r++) {
      int classes = offsets[r + 1] - offsets[r];
      if (classes == 0) {
        continue;
      }
      Tensor row = Tensor.of(logs).slice(0, offsets[r], offsets[r + 1]);
      float[] slice = new float[classes];
      double alone =
          one.forwardBackward(
              row, Tensor.of(probabilities).slice(0, offsets[r], offsets[r + 1]), Tensor.of(slice));
      assertThat((double) losses[r]).isEqualTo(alone);
      for (int k = 0; k < classes; k++) {
        assertThat(gradient[offsets[r] + k]).isEqualTo(slice[k] / 4);
      }
    }
    assertThat(gradient[0]).isZero();
    assertThat(gradient[11]).isZero();
  }

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void lossesOfSeveralCallsAddUp(Backend backend) {
    Batch batch = new Batch(8, 30, 6);
    NllLoss loss =
        NllLoss.builder()
            .classWeights(Tensor.of(batch.classWeights))
            .ignoreIndex(IGNORED)
            .execution(Execution.defaults().withBackend(backend))
            .build();
    Tensor labels = Tensor.of(batch.labels);
    LossSum lossSum = LossSum.create();
    LossOutputs outcome = LossOutputs.create().lossSum(lossSum);
    for (int r = 0; r < batch.rows; r += 4) {
      Tensor weights = Tensor.of(batch.rowWeights).slice(0, r, r + 4);
      loss.on(batch.of(batch.logs).slice(0, r, r + 4), labels.slice(0, r, r + 4))
          .inputs(Inputs.none().withRowWeights(weights))
          .outputs(outcome)
          .run();
    }
    Inputs weights = Inputs.none().withRowWeights(Tensor.of(batch.rowWeights));
    assertThat(lossSum.mean())
        .isEqualTo(loss.on(batch.of(batch.logs), labels).inputs(weights).run());
    assertThat(lossSum.rows()).isEqualTo(8);
    assertThat(lossSum.validRows()).isEqualTo(6);
  }

  /** Numbers that floats hold: in F64 they make the same sums, not rounded to float. */
  @OnEveryBackend
  void everythingMayBeInF64(Backend backend) {
    double[] logs = {-1, -2, -3, -0.5, -4, -0.25};
    double[] classes = {0.5, 2, 1};
    double[] rows = {3, 0.25};
    Tensor x = Tensor.of(logs, 2, 3);
    Inputs inputs = Inputs.none().withRowWeights(Tensor.of(rows));
    NllLoss loss =
        NllLoss.builder()
            .execution(Execution.defaults().withBackend(backend))
            .reduction(Reduction.SUM)
            .classWeights(Tensor.of(classes))
            .build();
    double[] dx = new double[6];
    Tensor gradient = Tensor.of(dx, 2, 3);
    double labels = loss.on(x, Tensor.of(new int[] {1, 2}), gradient).inputs(inputs).run();
    assertThat(labels).isEqualTo(3 * 2 * 2 + 0.25 * 0.25);
    assertThat(dx).containsExactly(0, -6, 0, 0, 0, -0.25);
    LossOutputs outcome = LossOutputs.create();
    double rowsOfProbabilities =
        loss.on(x, Tensor.of(new double[] {0, 1, 0, 0, 0, 1}, 2, 3))
            .inputs(inputs)
            .outputs(outcome)
            .run();
    assertThat(rowsOfProbabilities).isEqualTo(labels);
    double[] again = new double[6];
    loss.onBackward(
            Tensor.of(again, 2, 3),
            Tensor.of(new int[] {1, 2}),
            outcome,
            null,
            Tensor.of(again, 2, 3))
        .inputs(inputs)
        .run();
    assertThat(again).isEqualTo(dx);
    Inputs sparse = inputs.withTargetWeights(Tensor.of(new double[] {1, 1}, 2, 1));
    assertThat(loss.on(x, Tensor.of(new int[] {1, 2}, 2, 1)).inputs(sparse).run())
        .isEqualTo(labels);
  }

  @Test
  void whatIsNoClassOfItsRowIsRefused() {
    Tensor logs = Tensor.of(new float[5]);
    Inputs ragged = Inputs.none().withRowOffsets(Tensor.of(new int[] {0, 2, 5}));
    assertThatThrownBy(
            () -> NllLoss.mean().on(logs, Tensor.of(new int[] {2, 2})).inputs(ragged).run())
        .isInstanceOf(LabelException.class)
        .hasMessageContaining("row 0 has label 2; expected 0 to 1");
    Inputs masked =
        Inputs.none()
            .withClassMask(Tensor.of(MemorySegment.ofArray(new byte[] {1, 0}), DType.U8, 2));
    Tensor row = Tensor.of(new float[2], 1, 2);
    assertThatThrownBy(() -> NllLoss.mean().on(row, Tensor.of(new int[] {1})).inputs(masked).run())
        .isInstanceOf(LabelException.class)
        .hasMessageContaining("masked by classMask");
    Inputs sink = Inputs.none().withSink(Tensor.of(new float[1]));
    assertThatThrownBy(() -> NllLoss.mean().on(row, Tensor.of(new int[] {1})).inputs(sink).run())
        .isInstanceOf(OptionException.class)
        .hasMessageContaining(
            "sink is F32 [1], and the loss of log-probabilities has no such input");
  }

  @Test
  void aRowOfWhichEveryClassIsMaskedCostsNothing() {
    Tensor logs = Tensor.of(new float[] {Float.NaN, Float.NaN}, 1, 2);
    Inputs masked =
        Inputs.none().withClassMask(Tensor.of(MemorySegment.ofArray(new byte[2]), DType.U8, 2));
    float[] gradient = {5, 5};
    double loss =
        NllLoss.builder()
            .labelSmoothing(0.5)
            .build()
            .on(logs, Tensor.of(new float[] {0.5f, 0.5f}, 1, 2), Tensor.of(gradient, 1, 2))
            .inputs(masked)
            .run();
    assertThat(loss).isZero();
    assertThat(gradient).containsOnly(0);
  }

  @Test
  void weightsThatCannotBeAreRefused() {
    Tensor logs = Tensor.of(new float[4], 2, 2);
    Tensor labels = Tensor.of(new int[2]);
    Inputs weights = Inputs.none().withRowWeights(Tensor.of(new float[] {1, -1}));
    assertThatThrownBy(() -> NllLoss.mean().on(logs, labels).inputs(weights).run())
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("rowWeights of row 1 is -1.0");
    NllLoss weighted =
        NllLoss.builder().classWeights(Tensor.of(new float[] {1, Float.NaN})).build();
    assertThatThrownBy(() -> weighted.forward(logs, logs))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("classWeights of class 1 is NaN");
  }
}
