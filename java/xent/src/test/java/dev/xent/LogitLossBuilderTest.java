// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.OptionException;
import dev.xent.options.FullyMasked;
import java.util.List;
import org.junit.jupiter.api.Test;

class LogitLossBuilderTest {
  private static <B extends LogitLossBuilder<B>> B withOptions(B builder) {
    return builder.fullyMasked(FullyMasked.ZERO).temperature(2).softcap(30).zLoss(0.5);
  }

  @Test
  void oneMethodSetsTheOptionsOfTheFamily() {
    assertThat(
            List.of(
                withOptions(CrossEntropy.builder()).build(),
                withOptions(LinearCrossEntropy.builder()).build()))
        .allSatisfy(
            operation ->
                assertThat(operation.toString())
                    .contains("fullyMasked=ZERO")
                    .contains("temperature=2.0")
                    .contains("softcap=30.0")
                    .contains("zLoss=0.5"));
  }

  @Test
  void anOptionReturnsTheBuilder() {
    CrossEntropy.Builder builder = CrossEntropy.builder();
    assertThat(withOptions(builder)).isSameAs(builder);
    assertThat(builder.probabilityClamp(0.1).focalGamma(0)).isSameAs(builder);
  }

  @Test
  void optionsThatExcludeEachOtherAreRejected() {
    LinearCrossEntropy.Builder builder = LinearCrossEntropy.builder().zLoss(1).focalGamma(2);
    assertThatThrownBy(builder::build).isInstanceOf(OptionException.class);
  }

  @Test
  void valuesOutOfRangeAreRejected() {
    CrossEntropy.Builder builder = CrossEntropy.builder();
    assertThatThrownBy(() -> builder.temperature(0)).isInstanceOf(OptionException.class);
    assertThatThrownBy(() -> builder.softcap(0)).isInstanceOf(OptionException.class);
    assertThatThrownBy(() -> builder.zLoss(-1)).isInstanceOf(OptionException.class);
    assertThatThrownBy(() -> builder.probabilityClamp(0.6)).isInstanceOf(OptionException.class);
    assertThatThrownBy(() -> builder.focalGamma(-1)).isInstanceOf(OptionException.class);
    assertThatNullPointerException()
        .isThrownBy(() -> builder.fullyMasked(null))
        .withMessage("fullyMasked");
  }
}
