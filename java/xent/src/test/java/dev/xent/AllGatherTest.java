// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class AllGatherTest {
  private final Tensor logits = Tensor.of(new float[] {1, 2, 3, 4}, 1, 4);
  private final Tensor labels = Tensor.of(new int[] {2});

  @Test
  void getsTheStatesOfEachRound() {
    List<PartialStates> sent = new ArrayList<>();
    AllGather<PartialStates> gather =
        own -> {
          sent.add(own);
          return List.of(PartialStates.ofBytes(own.toBytes()));
        };
    CrossEntropy loss = CrossEntropy.mean();
    assertThat(loss.shard(0, 4).on(logits, labels, gather).run())
        .isEqualTo(loss.forward(logits, labels));
    assertThat(sent).hasSize(1);
    logits.setFloat(20_000, 0, 3);
    assertThat(loss.shard(0, 4).on(logits, labels, gather).run())
        .isEqualTo(loss.forward(logits, labels));
    assertThat(sent).hasSize(3);
  }

  @Test
  void mustReturnTheStatesOfAllShards() {
    assertThatThrownBy(() -> CrossEntropy.mean().shard(0, 4).on(logits, labels, own -> null).run())
        .isInstanceOf(NullPointerException.class)
        .hasMessage("parts is null; expected the states of all shards");
  }
}
