// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.util.List;
import org.junit.jupiter.api.Test;

class OperationBuilderTest {
  /** A builder of every operation. */
  private static List<OperationBuilder<?>> builders() {
    return List.of(
        Softmax.builder(),
        LogSoftmax.builder(),
        LogSumExp.builder(),
        Entropy.builder(),
        Argmax.builder(),
        TopK.builder(3),
        SelectedLogProbabilities.builder(),
        CrossEntropyHvp.builder(),
        Sampler.builder(),
        CrossEntropy.builder(),
        NllLoss.builder(),
        LinearCrossEntropy.builder(),
        BinaryCrossEntropy.builder(),
        Divergence.builder(Divergence.Kind.JENSEN_SHANNON));
  }

  private static <B extends OperationBuilder<B>> B withOptions(B builder) {
    return builder.execution(Execution.sequential()).axis(1);
  }

  @Test
  void anOptionReturnsTheBuilder() {
    for (OperationBuilder<?> builder : builders()) {
      assertThat(builder.execution(Execution.sequential())).isSameAs(builder);
      assertThat(builder.axis(1)).isSameAs(builder);
    }
  }

  @Test
  void oneMethodSetsTheOptionsOfEveryOperation() {
    assertThat(withOptions(Softmax.builder()).build()).hasToString("Softmax[axis=1, threads=1]");
    assertThat(withOptions(Argmax.builder()).build()).hasToString("Argmax[axis=1, threads=1]");
    assertThat(withOptions(Sampler.builder()).seed(7).build())
        .hasToString("Sampler[axis=1, seed=7, threads=1]");
    assertThat(withOptions(CrossEntropy.builder()).zLoss(1).build())
        .hasToString("CrossEntropy[axis=1, zLoss=1.0, threads=1]");
  }

  @Test
  void theLastAxisIsTheDefault() {
    assertThat(Softmax.builder().build().axis()).isEqualTo(-1);
    assertThat(TopK.of(3).axis()).isEqualTo(-1);
    assertThat(Sampler.greedy().axis()).isEqualTo(-1);
    assertThat(CrossEntropy.builder().build().axis()).isEqualTo(-1);
  }

  @Test
  void everyOperationSaysItsAxis() throws ReflectiveOperationException {
    for (OperationBuilder<?> builder : builders()) {
      builder.axis(1);
      Object operation = builder.getClass().getMethod("build").invoke(builder);
      assertThat(operation.getClass().getMethod("axis").invoke(operation))
          .as("%s", operation)
          .isEqualTo(1);
    }
  }

  @Test
  void nullIsRejected() {
    for (OperationBuilder<?> builder : builders()) {
      assertThatNullPointerException()
          .isThrownBy(() -> builder.execution(null))
          .withMessage("execution");
    }
  }
}
