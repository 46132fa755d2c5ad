// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.OptionException;
import dev.xent.options.FullyMasked;
import java.util.List;
import org.junit.jupiter.api.Test;

class LogitBuilderTest {
  private static <B extends LogitBuilder<B>> B withOptions(B builder) {
    return builder.axis(1).fullyMasked(FullyMasked.ZERO).temperature(2).softcap(30);
  }

  @Test
  void oneMethodSetsTheOptionsOfTheFamily() {
    String options = "axis=1, temperature=2.0, softcap=30.0, fullyMasked=ZERO]";
    assertThat(
            List.of(
                withOptions(Softmax.builder()).build(),
                withOptions(LogSoftmax.builder()).build(),
                withOptions(LogSumExp.builder()).build(),
                withOptions(Entropy.builder()).build(),
                withOptions(TopK.builder(3)).build(),
                withOptions(SelectedLogProbabilities.builder()).build()))
        .allSatisfy(operation -> assertThat(operation.toString()).endsWith(options));
  }

  @Test
  void anOptionReturnsTheBuilder() {
    Softmax.Builder builder = Softmax.builder();
    assertThat(withOptions(builder)).isSameAs(builder);
  }

  @Test
  void valuesOutOfRangeAreRejected() {
    Softmax.Builder builder = Softmax.builder();
    assertThatThrownBy(() -> builder.temperature(0)).isInstanceOf(OptionException.class);
    assertThatThrownBy(() -> builder.softcap(Double.NaN)).isInstanceOf(OptionException.class);
    assertThatNullPointerException()
        .isThrownBy(() -> builder.fullyMasked(null))
        .withMessage("fullyMasked");
  }
}
