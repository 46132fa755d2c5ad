// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** What an exchange of states sends and receives. */
class GatherTest {
  private final Tensor logits = Tensor.of(new float[] {1, 2, 3, 4}, 1, 4);
  private final Tensor labels = Tensor.of(new int[] {2});

  private double loss(CrossEntropy loss, Function<PartialStates, List<PartialStates>> gather) {
    LossOutputs outputs = LossOutputs.create();
    loss.shard(0, 4).exchange(logits, labels, Inputs.none(), outputs, gather);
    return outputs.loss();
  }

  @Test
  void getsTheStatesOfEachRound() {
    List<PartialStates> sent = new ArrayList<>();
    Function<PartialStates, List<PartialStates>> gather =
        own -> {
          sent.add(own);
          return List.of(PartialStates.ofBytes(own.toBytes()));
        };
    CrossEntropy loss = CrossEntropy.mean();
    assertThat(loss(loss, gather)).isEqualTo(loss.forward(logits, labels));
    assertThat(sent).hasSize(1);
    logits.setFloat(20_000, 0, 3);
    assertThat(loss(loss, gather)).isEqualTo(loss.forward(logits, labels));
    assertThat(sent).hasSize(3);
  }

  @Test
  void mustReturnTheStatesOfAllShards() {
    assertThatThrownBy(() -> loss(CrossEntropy.mean(), own -> null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("parts is null; expected the states of all shards");
  }
}
