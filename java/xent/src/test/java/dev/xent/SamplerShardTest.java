// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.distributed.SampleStates;
import dev.xent.distributed.SamplerShard;
import dev.xent.errors.LabelException;
import dev.xent.errors.OptionException;
import dev.xent.errors.PartialStatesException;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import dev.xent.options.SamplingRules;
import dev.xent.options.Ties;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Tokens of rows whose classes are divided are those of the whole rows. */
class SamplerShardTest {
  private static final int ROWS = 6;
  private static final int CLASSES = 3000;
  private static final long[] ENDS = {0, 1, 700, 2999, CLASSES};

  private final float[] x = Samples.logits(ROWS * CLASSES, 3, 1);
  private final Tensor logits = Tensor.of(x, ROWS, CLASSES);
  private final Random order = new Random(5);

  private static Sampler.Builder[] samplers() {
    return new Sampler.Builder[] {
      Sampler.builder(),
      Sampler.builder().topK(50).topP(0.9).minP(0.02).typicalP(0.8),
      Sampler.builder().topP(0.4).temperature(0.5),
      Sampler.builder().topP(0.97).temperature(3).minP(1e-6),
      Sampler.builder().rules(SamplingRules.VLLM).minP(0.01).topK(7),
      Sampler.builder().temperature(0)
    };
  }

  /** Rounds until all shards have the tokens, in an order of shards that is another each time. */
  private int rounds(Sampler sampler, Tensor whole, SamplerInputs inputs, int[] tokens) {
    int axis = whole.rank() - 1;
    List<SampleStates> gathered = List.of();
    for (int round = 0; ; round++) {
      List<SampleStates> sent = new ArrayList<>();
      boolean finished = false;
      for (int i = 0; i + 1 < ENDS.length; i++) {
        Tensor mine = whole.slice(axis, ENDS[i], ENDS[i + 1]);
        Sampler.Outputs outputs = new Sampler.Outputs();
        Tensor to = Tensor.of(tokens, tokens.length);
        SampleStates states =
            SamplerShard.of(sampler, ENDS[i], CLASSES)
                .sample(mine, 9, inputs, gathered, to, outputs);
        sent.add(SampleStates.ofBytes(states.toBytes()));
        assertThat(states.rows()).isEqualTo(tokens.length);
        finished = states.isFinished();
        assertThat(outputs.rows()).isEqualTo(tokens.length);
      }
      if (finished) {
        return round;
      }
      Collections.shuffle(sent, order);
      gathered = sent;
    }
  }

  @OnEveryBackend
  void tokensAreThoseOfWholeRows(Backend backend) {
    SamplerInputs inputs =
        SamplerInputs.none().outputTokens(Tensor.of(new int[] {0, 1, 2999, 5, -1, 700}, ROWS, 1));
    for (Sampler.Builder builder : samplers()) {
      for (int threads : new int[] {1, 2, 7}) {
        Sampler sampler =
            builder.backend(backend).threads(threads).frequencyPenalty(3).seed(7).build();
        int[] expected = new int[ROWS];
        sampler.sample(logits, 9, inputs, Tensor.of(expected), new Sampler.Outputs());
        int[] tokens = new int[ROWS];
        int rounds = rounds(sampler, logits, inputs, tokens);
        assertThat(tokens).as("%s", sampler).isEqualTo(expected);
        assertThat(rounds).as("%s", sampler).isBetween(1, 10);
      }
    }
  }

  @Test
  void rowsMayLieInPieces() {
    try (Arena arena = Arena.ofShared()) {
      Tensor wide = Tensor.allocate(arena, DType.F32, 2, 4, 3, CLASSES);
      Tensor apart = wide.slice(1, 1, 2).slice(2, 0, 3);
      for (int i = 0; i < ROWS; i++) {
        apart
            .slice(0, i / 3, i / 3 + 1)
            .slice(2, i % 3, i % 3 + 1)
            .copyFrom(logits.slice(0, i, i + 1).reshape(1, 1, 1, CLASSES));
      }
      Sampler sampler = Sampler.builder().topP(0.9).seed(3).build();
      int[] expected = new int[ROWS];
      sampler.sample(logits, 9, Tensor.of(expected));
      List<SampleStates> gathered = List.of();
      int[] tokens = new int[ROWS];
      for (boolean finished = false; !finished; ) {
        SampleStates mine =
            SamplerShard.of(sampler, 0, CLASSES)
                .sample(
                    apart,
                    9,
                    SamplerInputs.none(),
                    gathered,
                    Tensor.of(tokens, 2, 1, 3),
                    new Sampler.Outputs());
        finished = mine.isFinished();
        gathered = List.of(mine);
      }
      assertThat(tokens).isEqualTo(expected);
    }
  }

  @Test
  void requestsHaveStreamsOfTheirOwn() {
    Sampler.Requests requests = new Sampler.Requests();
    for (int row = 0; row < ROWS; row++) {
      requests.add(samplers()[row].seed(row).build(), 100 + row, row);
    }
    int[] expected = new int[ROWS];
    float[] expectedLogs = new float[ROWS];
    Sampler batch = Sampler.greedy();
    Sampler.Outputs whole =
        new Sampler.Outputs().processedLogProbabilities(Tensor.of(expectedLogs));
    batch.sample(logits, requests, SamplerInputs.none(), Tensor.of(expected), whole);
    SamplerShard shard = SamplerShard.of(batch, 0, CLASSES);
    int[] tokens = new int[ROWS];
    float[] logs = new float[ROWS];
    Sampler.Outputs outputs = new Sampler.Outputs().processedLogProbabilities(Tensor.of(logs));
    SamplerInputs none = SamplerInputs.none();
    SampleStates mine = shard.sample(logits, requests, none, List.of(), Tensor.of(tokens), outputs);
    while (!mine.isFinished()) {
      mine = shard.sample(logits, requests, none, List.of(mine), Tensor.of(tokens), outputs);
    }
    assertThat(tokens).isEqualTo(expected);
    assertThat(logs).isEqualTo(expectedLogs);
    assertThat(outputs.sampled()).isEqualTo(ROWS);
  }

  @Test
  void whatAShardCannotHaveIsRefused() {
    assertThatThrownBy(() -> SamplerShard.of(Sampler.builder().topK(513).build(), 0, 10))
        .isInstanceOf(OptionException.class)
        .hasMessage("topK is 513, on a shard: give 512 or less, or sample from whole rows");
    assertThatThrownBy(() -> SamplerShard.of(Sampler.builder().minKeep(600).build(), 0, 10))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("minKeep is 600");
    for (Sampler.Builder typical :
        new Sampler.Builder[] {
          Sampler.builder(),
          Sampler.builder().topK(5).ties(Ties.ALL),
          Sampler.builder().topK(5).rules(SamplingRules.TRANSFORMERS)
        }) {
      assertThatThrownBy(() -> SamplerShard.of(typical.typicalP(0.5).build(), 0, 10))
          .isInstanceOf(OptionException.class)
          .hasMessage(
              "typicalP is 0.5, on a shard: give topK with ties FIRST too, or sample from whole rows");
    }
    assertThatThrownBy(() -> SamplerShard.of(Sampler.greedy(), -1, 10))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("firstClass is -1, allClasses 10");
    assertThatThrownBy(() -> SamplerShard.of(Sampler.greedy(), 0, 1L << 31))
        .isInstanceOf(ShapeException.class);
    SamplerShard shard = SamplerShard.of(Sampler.greedy(), 2000, 4999);
    Tensor tokens = Tensor.of(new int[ROWS]);
    SamplerInputs none = SamplerInputs.none();
    assertThatThrownBy(
            () -> shard.sample(logits, 0, none, List.of(), tokens, new Sampler.Outputs()))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("3000 classes from 2000 on of 4999");
    Sampler.Requests requests = new Sampler.Requests();
    for (int row = 0; row < ROWS; row++) {
      requests.add(Sampler.builder().topK(513).build(), 0, 0);
    }
    SamplerShard whole = SamplerShard.of(Sampler.greedy(), 0, CLASSES);
    assertThatThrownBy(
            () -> whole.sample(logits, requests, none, List.of(), tokens, new Sampler.Outputs()))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("topK is 513");
    Sampler.Outputs ranks = new Sampler.Outputs().ranks(tokens);
    assertThatThrownBy(() -> whole.sample(logits, 0, none, List.of(), tokens, ranks))
        .isInstanceOf(OptionException.class)
        .hasMessageStartingWith("ranks is asked for, and a shard does not have whole rows");
    SamplerInputs before = none.outputTokens(Tensor.of(new int[] {CLASSES}, 1, 1));
    assertThatThrownBy(
            () ->
                whole.sample(
                    logits.slice(0, 0, 1),
                    0,
                    before,
                    List.of(),
                    Tensor.of(new int[1]),
                    new Sampler.Outputs()))
        .isInstanceOf(LabelException.class);
  }

  @Test
  void statesThatDoNotFitAreRefused() {
    Sampler sampler = Sampler.builder().topK(5).seed(1).build();
    SamplerShard shard = SamplerShard.of(sampler, 0, CLASSES);
    Tensor tokens = Tensor.of(new int[ROWS]);
    Sampler.Outputs outputs = new Sampler.Outputs();
    SamplerInputs none = SamplerInputs.none();
    SampleStates mine = shard.sample(logits, 0, none, List.of(), tokens, outputs);
    assertThat(mine).hasToString("SampleStates[rows=6, unfinished=6]");
    assertThat(shard).hasToString("SamplerShard[firstClass=0, allClasses=3000, topK=5, seed=1]");
    assertThatThrownBy(() -> shard.sample(logits, 1, none, List.of(mine), tokens, outputs))
        .isInstanceOf(PartialStatesException.class)
        .hasMessageStartingWith("partial states of row 0 do not belong together");
    assertThatThrownBy(() -> shard.sample(logits, 0, none, List.of(mine, mine), tokens, outputs))
        .isInstanceOf(PartialStatesException.class);
    Tensor few = logits.slice(0, 0, 2);
    Tensor two = Tensor.of(new int[2]);
    assertThatThrownBy(() -> shard.sample(few, 0, none, List.of(mine), two, outputs))
        .isInstanceOf(PartialStatesException.class)
        .hasMessageStartingWith("sample states have 6 rows, logits has 2");
    byte[] bytes = mine.toBytes();
    assertThat(bytes).hasSize(24 + ROWS * 4192);
    for (int cut : new int[] {0, 23, bytes.length - 1, bytes.length - 4192}) {
      assertThatThrownBy(() -> SampleStates.ofBytes(Arrays.copyOf(bytes, cut)))
          .isInstanceOf(PartialStatesException.class)
          .hasMessageEndingWith("; give bytes that toBytes() wrote");
    }
    for (int at : new int[] {0, 8, 12}) {
      byte[] other = bytes.clone();
      ByteBuffer.wrap(other).order(ByteOrder.LITTLE_ENDIAN).putInt(at, 77);
      assertThatThrownBy(() -> SampleStates.ofBytes(other))
          .isInstanceOf(PartialStatesException.class);
    }
  }
}
