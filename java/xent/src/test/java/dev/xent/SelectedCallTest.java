// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.errors.LabelException;
import dev.xent.errors.OptionException;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Bound calls of selected log-probabilities: later gradients, saved statistics, failed runs. */
class SelectedCallTest {
  private static final int ROWS = 4;
  private static final int CLASSES = 29;
  private static final int COUNT = 3;

  private final Tensor logits = Tensor.of(Samples.logits(ROWS * CLASSES, 3, 1), ROWS, CLASSES);
  private final int[] classes = Samples.labels(ROWS * COUNT, CLASSES, 2);
  private final Tensor targets = Tensor.of(classes, ROWS, COUNT);

  private static SelectedLogProbabilities.Builder on(Backend backend) {
    return SelectedLogProbabilities.builder().execution(Execution.defaults().withBackend(backend));
  }

  @OnEveryBackend
  void aLaterBackwardAndOneInPlaceHaveTheSameBits(Backend backend) {
    SelectedLogProbabilities selected = on(backend).build();
    Tensor g = Tensor.of(Samples.logits(ROWS * COUNT, 1, 3), ROWS, COUNT);
    Tensor lp = Tensor.of(new float[ROWS * COUNT], ROWS, COUNT);
    Tensor dx = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    selected.on(logits, targets, lp, g, dx).run();
    try (Arena arena = Arena.ofConfined()) {
      LossOutputs saved = LossOutputs.create();
      Tensor later = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
      BoundCall forward = selected.on(logits, targets, lp, saved);
      BoundCall backward = selected.onBackward(logits, targets, saved, g, later);
      forward.run();
      assertThatThrownBy(backward::run)
          .isInstanceOf(OptionException.class)
          .hasMessageContaining("hold no statistics");
      saved.saveStatistics(arena);
      forward.run();
      later.setFloat(7, 0, 0);
      backward.run();
      assertThat(Samples.bits(later)).isEqualTo(Samples.bits(dx));
      selected.onBackward(logits, targets, saved, g, logits).run();
      assertThat(Samples.bits(logits)).isEqualTo(Samples.bits(dx));
    }
  }

  @OnEveryBackend
  void aBackwardTakesTheInputsOfItsForward(Backend backend) {
    SelectedLogProbabilities selected = on(backend).build();
    Inputs sink = Inputs.none().withSink(Tensor.of(new float[] {1, 2, 3, 4}));
    Tensor lp = Tensor.of(new float[ROWS * COUNT], ROWS, COUNT);
    Tensor dx = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    selected.on(logits, targets, lp, null, dx).inputs(sink).run();
    LossOutputs saved = LossOutputs.create().saveStatistics();
    selected.on(logits, targets, lp, saved).inputs(sink).run();
    Tensor later = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    selected.onBackward(logits, targets, saved, null, later).inputs(sink).run();
    assertThat(Samples.bits(later)).isEqualTo(Samples.bits(dx));
  }

  @Test
  void outputsOfLossesAreRefused() {
    SelectedLogProbabilities selected = SelectedLogProbabilities.along(-1);
    Tensor lp = Tensor.of(new float[ROWS * COUNT], ROWS, COUNT);
    Map<String, LossOutputs> others =
        Map.of(
            "losses", LossOutputs.create().losses(lp),
            "countCorrect", LossOutputs.create().countCorrect(true),
            "lossSum", LossOutputs.create().lossSum(LossSum.create()));
    others.forEach(
        (name, outputs) ->
            assertThatThrownBy(() -> selected.on(logits, targets, lp, outputs).run())
                .isInstanceOf(OptionException.class)
                .hasMessage(
                    name
                        + " is requested, and selected log-probabilities have saveStatistics alone;"
                        + " expected outputs without it"));
  }

  @OnEveryBackend
  void aCallRunsOnWhatTheMemoryHolds(Backend backend) {
    SelectedLogProbabilities selected = on(backend).build();
    Tensor lp = Tensor.of(new float[ROWS * COUNT], ROWS, COUNT);
    BoundCall call = selected.on(logits, targets, lp);
    for (int run = 0; run < 4; run++) {
      logits.setFloat(run, 0, classes[0]);
      call.run();
      assertThat(Samples.bits(selected.forward(logits, targets))).isEqualTo(Samples.bits(lp));
    }
    Tensor wide = Tensor.of(new double[] {0, 1}, 1, 2);
    Tensor made = selected.forward(wide, Tensor.of(new byte[] {1}));
    assertThat(made.type()).isEqualTo(DType.F64);
    assertThat(made.getDouble(0)).isCloseTo(-Math.log1p(Math.exp(-1)), within(1e-15));
  }

  @OnEveryBackend
  void aForwardThatFailsLeavesNothingForABackward(Backend backend) {
    SelectedLogProbabilities selected = on(backend).build();
    Tensor lp = Tensor.of(new float[ROWS * COUNT], ROWS, COUNT);
    float[] written = new float[ROWS * CLASSES];
    Tensor gradient = Tensor.of(written, ROWS, CLASSES);
    int valid = classes[5];
    for (int wrong : new int[] {CLASSES, -1}) {
      LossOutputs saved = LossOutputs.create().saveStatistics();
      BoundCall call = selected.on(logits, targets, lp, saved);
      call.run();
      classes[5] = wrong;
      assertThatThrownBy(call::run).isInstanceOf(LabelException.class);
      classes[5] = valid;
      assertThatThrownBy(selected.onBackward(logits, targets, saved, null, gradient)::run)
          .isInstanceOf(OptionException.class)
          .hasMessageContaining("the outputs hold no statistics");
    }
    assertThat(written).containsOnly(0);
  }
}
