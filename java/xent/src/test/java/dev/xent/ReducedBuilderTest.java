// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.OptionException;
import dev.xent.options.EmptyMean;
import dev.xent.options.Reduction;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReducedBuilderTest {
  private static <B extends ReducedBuilder<B>> B withOptions(B builder) {
    return builder
        .axis(1)
        .reduction(Reduction.SUM)
        .gradientReduction(Reduction.MEAN)
        .gradientScale(2)
        .denominator(64)
        .emptyMean(EmptyMean.ERROR);
  }

  @Test
  void oneMethodSetsTheOptionsOfEveryLoss() {
    assertThat(
            List.of(
                withOptions(CrossEntropy.builder()).build(),
                withOptions(NllLoss.builder()).build(),
                withOptions(LinearCrossEntropy.builder()).build(),
                withOptions(BinaryCrossEntropy.builder()).build(),
                withOptions(Divergence.builder(Divergence.Kind.JENSEN_SHANNON)).build()))
        .allSatisfy(
            operation ->
                assertThat(operation.toString())
                    .contains("axis=1")
                    .contains("reduction=SUM, gradientReduction=MEAN, gradientScale=2.0")
                    .contains("denominator=64.0, emptyMean=ERROR"));
  }

  @Test
  void anOptionReturnsTheBuilder() {
    NllLoss.Builder builder = NllLoss.builder();
    assertThat(withOptions(builder)).isSameAs(builder);
  }

  @Test
  void theGradientIsOfTheLossByDefault() {
    assertThat(NllLoss.builder().reduction(Reduction.SUM).build())
        .hasToString(
            NllLoss.builder()
                .reduction(Reduction.SUM)
                .gradientReduction(Reduction.SUM)
                .build()
                .toString());
  }

  @Test
  void valuesOutOfRangeAreRejected() {
    NllLoss.Builder builder = NllLoss.builder();
    assertThatThrownBy(() -> builder.gradientScale(Double.NaN)).isInstanceOf(OptionException.class);
    assertThatThrownBy(() -> builder.denominator(-1)).isInstanceOf(OptionException.class);
    assertThatNullPointerException()
        .isThrownBy(() -> builder.reduction(null))
        .withMessage("reduction");
    assertThatNullPointerException()
        .isThrownBy(() -> builder.gradientReduction(null))
        .withMessage("gradientReduction");
    assertThatNullPointerException()
        .isThrownBy(() -> builder.emptyMean(null))
        .withMessage("emptyMean");
  }
}
