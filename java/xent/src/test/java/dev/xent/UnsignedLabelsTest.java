// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.LabelException;
import dev.xent.options.Backend;
import dev.xent.options.Reduction;
import java.lang.foreign.MemorySegment;

/** Labels of U64 that no long holds: no class, and never the ignore index of the same bits. */
class UnsignedLabelsTest {
  private static final long BEYOND = -100;
  private static final String TEXT = "18446744073709551516";
  private static final String MESSAGE = "row 1 has label " + TEXT + "; expected 0 to 2";

  private final Tensor logits = Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
  private final Tensor labels = u64(2, BEYOND);

  private static Tensor u64(long... values) {
    return Tensor.of(MemorySegment.ofArray(values), DType.U64, values.length);
  }

  @OnEveryBackend
  void areRefusedByAllLosses(Backend backend) {
    CrossEntropy loss =
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
            .ignoreIndex(BEYOND)
            .build();
    NllLoss nll =
        NllLoss.builder()
            .execution(Execution.defaults().withBackend(backend))
            .ignoreIndex(BEYOND)
            .build();
    assertThatThrownBy(() -> loss.forward(logits, labels))
        .isInstanceOfSatisfying(
            LabelException.class,
            e -> {
              assertThat(e.label()).isEqualTo(BEYOND);
              assertThat(e.labelText()).isEqualTo(TEXT);
            })
        .hasMessage(MESSAGE);
    assertThatThrownBy(() -> nll.forward(logits, labels)).hasMessage(MESSAGE);
    CrossEntropyShard shard = loss.shard(0, 3);
    assertThatThrownBy(() -> shard.partialStates(logits, labels, Inputs.none()))
        .hasMessage(MESSAGE);
    BinaryCrossEntropy binary =
        BinaryCrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
            .ignoreIndex(BEYOND)
            .build();
    Tensor flags = u64(0, 1, 1, 0, BEYOND, 1).reshape(2, 3);
    assertThatThrownBy(() -> binary.forward(logits, flags))
        .hasMessage("element 4 has label " + TEXT + "; expected 0 or 1");
  }

  @OnEveryBackend
  void mayBeAnythingInRowsThatDoNotCount(Backend backend) {
    CrossEntropy sum =
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
            .reduction(Reduction.SUM)
            .ignoreIndex(0)
            .build();
    Inputs first = Inputs.none().withRowWeights(Tensor.of(new float[] {1, 0}));
    double expected = sum.forward(logits, Tensor.of(new int[] {2, 0}));
    assertThat(sum.on(logits, labels).inputs(first).run()).isEqualTo(expected);
    assertThat(sum.shard(0, 3).partialStates(logits, labels, first).rows()).isEqualTo(2);
  }

  @OnEveryBackend
  void areNoPaddingOfTokens(Backend backend) {
    Sampler sampler =
        Sampler.builder()
            .execution(Execution.defaults().withBackend(backend))
            .repetitionPenalty(1.5)
            .temperature(1)
            .build();
    Tensor tokens = Tensor.of(new int[2]);
    SamplerOutputs outputs = SamplerOutputs.create();
    SamplerInputs inputs = SamplerInputs.none().withPromptTokens(u64(2, -1, 1, 0).reshape(2, 2));
    assertThatThrownBy(() -> sampler.on(logits, tokens).inputs(inputs).outputs(outputs).run(0))
        .isInstanceOf(LabelException.class)
        .hasMessage(
            "promptTokens of row 0 has 18446744073709551615; expected 0 to 2, or with"
                + " a signed type -1 for no token");
    MemorySegment words = MemorySegment.ofArray(new int[] {2, 1, -1, 0});
    SamplerInputs narrow = SamplerInputs.none().withOutputTokens(Tensor.of(words, DType.U32, 2, 2));
    assertThatThrownBy(() -> sampler.on(logits, tokens).inputs(narrow).outputs(outputs).run(0))
        .hasMessage(
            "outputTokens of row 1 has 4294967295; expected 0 to 2, or with a signed"
                + " type -1 for no token");
  }
}
