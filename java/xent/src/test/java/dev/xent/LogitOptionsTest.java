// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.OptionException;
import dev.xent.options.FullyMasked;
import java.util.List;
import org.junit.jupiter.api.Test;

class LogitOptionsTest {
  private static <B extends OperationBuilder<B>> B withOptions(LogitOptions<B> options) {
    options.fullyMasked(FullyMasked.ZERO);
    options.softcap(30);
    return options.temperature(2);
  }

  @Test
  void oneMethodSetsTheOptionsOfBothFamilies() {
    assertThat(
            List.of(withOptions(Softmax.builder()).build(), withOptions(TopK.builder(3)).build()))
        .allSatisfy(operation -> assertHasOptions(operation));
    assertThat(
            List.of(
                withOptions(CrossEntropy.builder()).build(),
                withOptions(LinearCrossEntropy.builder()).build()))
        .allSatisfy(operation -> assertHasOptions(operation));
  }

  private static void assertHasOptions(Object operation) {
    assertThat(operation.toString())
        .contains("temperature=2.0", "softcap=30.0", "fullyMasked=ZERO");
  }

  @Test
  void anOptionReturnsTheBuilder() {
    CrossEntropy.Builder builder = CrossEntropy.builder();
    assertThat(withOptions(builder)).isSameAs(builder);
  }

  @Test
  void valuesOutOfRangeAreRejected() {
    for (LogitOptions<?> builder : List.of(Softmax.builder(), CrossEntropy.builder())) {
      assertThatThrownBy(() -> builder.temperature(0)).isInstanceOf(OptionException.class);
      assertThatThrownBy(() -> builder.softcap(0)).isInstanceOf(OptionException.class);
      assertThatNullPointerException()
          .isThrownBy(() -> builder.fullyMasked(null))
          .withMessage("fullyMasked");
    }
  }
}
