// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.PartialStatesException;
import dev.xent.options.Backend;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The states that shards of a sampler exchange; SamplerShardTest tests the results. */
class SampleStatesTest {
  private static final int ROWS = 6;
  private static final int CLASSES = 3000;

  private final Tensor logits = Tensor.of(Samples.logits(ROWS * CLASSES, 3, 1), ROWS, CLASSES);

  private SampleStates states(Sampler sampler) {
    SamplerShard shard = sampler.shard(0, CLASSES);
    Tensor tokens = Tensor.of(new int[ROWS]);
    return shard.round(
        logits, 0, null, SamplerInputs.none(), List.of(), tokens, new Sampler.Outputs());
  }

  private static Sampler sampler() {
    return Sampler.builder().topK(5).seed(1).build();
  }

  @Test
  void bytesThatAreNoStatesAreRefused() {
    SampleStates mine = states(sampler());
    assertThat(mine).hasToString("SampleStates[rows=6, unfinished=6]");
    assertThat(mine.rows()).isEqualTo(ROWS);
    byte[] bytes = mine.toBytes();
    assertThat(bytes).hasSize(24 + ROWS * 4192);
    for (int cut : new int[] {0, 23, bytes.length - 1, bytes.length - 4192}) {
      assertThatThrownBy(() -> SampleStates.ofBytes(Arrays.copyOf(bytes, cut)))
          .isInstanceOf(PartialStatesException.class)
          .hasMessageEndingWith("; pass bytes that toBytes() wrote");
    }
    for (int at : new int[] {0, 8, 12, 16}) {
      byte[] other = bytes.clone();
      ByteBuffer.wrap(other).order(ByteOrder.LITTLE_ENDIAN).putInt(at, 77);
      assertThatThrownBy(() -> SampleStates.ofBytes(other))
          .isInstanceOf(PartialStatesException.class);
    }
  }

  /** The states of one shard make the tokens of whole rows, also when they were sent as bytes. */
  @OnEveryBackend
  void bytesGiveTheTokens(Backend backend) {
    Sampler sampler =
        Sampler.builder().execution(Execution.defaults().backend(backend)).topK(5).seed(1).build();
    int[] expected = new int[ROWS];
    sampler.sample(logits, 0, Tensor.of(expected));
    int[] tokens = new int[ROWS];
    sampler
        .shard(0, CLASSES)
        .sample(
            logits,
            0,
            SamplerInputs.none(),
            Tensor.of(tokens),
            new Sampler.Outputs(),
            own -> List.of(SampleStates.ofBytes(own.toBytes())));
    assertThat(tokens).isEqualTo(expected);
  }
}
