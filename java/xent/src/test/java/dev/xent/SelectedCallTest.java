// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.errors.LabelException;
import dev.xent.errors.OptionException;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;

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
    selected.on(logits, targets, lp).upstream(g).gradient(dx).run();
    try (Arena arena = Arena.ofConfined()) {
      SelectedCall call = selected.on(logits, targets, lp).upstream(g);
      Tensor later = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
      assertThatThrownBy(call::backward)
          .isInstanceOf(OptionException.class)
          .hasMessageContaining("no gradient to write");
      call.run();
      call.gradient(later);
      assertThatThrownBy(call::backward)
          .isInstanceOf(OptionException.class)
          .hasMessageContaining("hold no statistics");
      call.saveStatistics(arena).run();
      later.setFloat(7, 0, 0);
      call.backward();
      assertThat(Samples.bits(later)).isEqualTo(Samples.bits(dx));
      call.gradient(logits).backward();
      assertThat(Samples.bits(logits)).isEqualTo(Samples.bits(dx));
    }
  }

  @OnEveryBackend
  void aCallRunsOnWhatTheMemoryHolds(Backend backend) {
    SelectedLogProbabilities selected = on(backend).build();
    Tensor lp = Tensor.of(new float[ROWS * COUNT], ROWS, COUNT);
    SelectedCall call = selected.on(logits, targets, lp);
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
      SelectedCall call = selected.on(logits, targets, lp).saveStatistics(Arena.ofAuto());
      call.run();
      classes[5] = wrong;
      assertThatThrownBy(call::run).isInstanceOf(LabelException.class);
      assertThatThrownBy(() -> selected.on(logits, targets, lp).gradient(gradient).backward())
          .isInstanceOf(OptionException.class)
          .hasMessageContaining("the outputs hold no statistics");
      classes[5] = valid;
      call.gradient(gradient);
      assertThatThrownBy(call::backward)
          .isInstanceOf(OptionException.class)
          .hasMessageContaining("the outputs hold no statistics");
    }
    assertThat(written).containsOnly(0);
  }
}
