// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.DivergenceKind;
import dev.xent.options.Reduction;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LossTest {
  private static final int ROWS = 4;
  private static final int CLASSES = 3;

  private final Tensor logits = Tensor.of(Samples.logits(ROWS * CLASSES, 2, 1), ROWS, CLASSES);
  private final Tensor targets = LogSoftmax.along(1).forward(logits);

  private static List<Loss> losses() {
    return List.of(
        sumOf(CrossEntropy.builder()).build(),
        sumOf(NllLoss.builder()).build(),
        sumOf(BinaryCrossEntropy.builder()).build(),
        sumOf(Divergence.builder(DivergenceKind.JENSEN_SHANNON)).build());
  }

  private static <B extends ReducedBuilder<B>> B sumOf(B builder) {
    return builder.axis(1).reduction(Reduction.SUM);
  }

  @Test
  void theseAreAll() {
    assertThat(losses())
        .extracting(Object::getClass)
        .containsExactlyInAnyOrder((Class[]) Loss.class.getPermittedSubclasses());
  }

  @ParameterizedTest
  @MethodSource("losses")
  void everyWayComputesTheSame(Loss loss) {
    float[] alone = new float[ROWS * CLASSES];
    float[] bound = new float[ROWS * CLASSES];
    double expected = loss.forward(logits, targets);
    assertThat(expected).isNotZero();
    assertThat(loss.forwardBackward(logits, targets, Tensor.of(alone, ROWS, CLASSES)))
        .isEqualTo(expected);
    LossOutputs outputs = LossOutputs.create();
    assertThat(
            loss.on(logits, targets)
                .gradient(Tensor.of(bound, ROWS, CLASSES))
                .outputs(outputs)
                .run())
        .isEqualTo(expected);
    assertThat(outputs.loss()).isEqualTo(expected);
    assertThat(bound).isEqualTo(alone).isNotEqualTo(new float[ROWS * CLASSES]);
  }

  @ParameterizedTest
  @MethodSource("losses")
  void anotherDenominatorKeepsTheRest(Loss loss) {
    Loss other = loss.withDenominator(64);
    assertThat(other).hasSameClassAs(loss);
    assertThat(other.axis()).isEqualTo(loss.axis()).isEqualTo(1);
    LossOutputs outputs = LossOutputs.create();
    assertThat(other.on(logits, targets).outputs(outputs).run())
        .isEqualTo(loss.forward(logits, targets));
    assertThat(outputs.denominator()).isEqualTo(64);
  }
}
