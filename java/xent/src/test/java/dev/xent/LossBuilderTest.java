// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.OptionException;
import dev.xent.options.Smoothing;
import java.util.List;
import org.junit.jupiter.api.Test;

class LossBuilderTest {
  private static final Tensor WEIGHTS = Tensor.of(new float[] {1, 2, 3});

  private static <B extends LossBuilder<B>> B withOptions(B builder) {
    return builder
        .ignoreIndex(-7)
        .labelSmoothing(0.25)
        .smoothing(Smoothing.OTHERS)
        .classWeights(WEIGHTS);
  }

  @Test
  void oneMethodSetsTheOptionsOfTheFamily() {
    assertThat(
            List.of(
                withOptions(CrossEntropy.builder()).build(),
                withOptions(NllLoss.builder()).build(),
                withOptions(LinearCrossEntropy.builder()).build()))
        .allSatisfy(
            operation ->
                assertThat(operation.toString())
                    .contains("ignoreIndex=-7")
                    .contains("labelSmoothing=0.25")
                    .contains("smoothing=OTHERS")
                    .contains("classWeights="));
  }

  @Test
  void anOptionReturnsTheBuilder() {
    NllLoss.Builder builder = NllLoss.builder();
    assertThat(withOptions(builder)).isSameAs(builder);
  }

  @Test
  void classWeightsCanBeTakenBack() {
    assertThat(NllLoss.builder().classWeights(WEIGHTS).classWeights(null).build())
        .hasToString(NllLoss.builder().build().toString());
  }

  @Test
  void valuesOutOfRangeAreRejected() {
    NllLoss.Builder builder = NllLoss.builder();
    assertThatThrownBy(() -> builder.labelSmoothing(1.5)).isInstanceOf(OptionException.class);
    assertThatNullPointerException()
        .isThrownBy(() -> builder.smoothing(null))
        .withMessage("smoothing");
  }
}
