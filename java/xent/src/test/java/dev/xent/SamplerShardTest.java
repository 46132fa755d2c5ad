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

  /** What is sampled, and how often states are exchanged for it. */
  private record Filters(Sampler.Builder builder, int exchanges) {}

  private static List<Filters> filters() {
    return List.of(
        new Filters(Sampler.builder(), 3),
        new Filters(Sampler.builder().topK(50).topP(0.9).minP(0.02).typicalP(0.8), 1),
        new Filters(Sampler.builder().topP(0.4).temperature(0.5), 2),
        new Filters(Sampler.builder().topP(0.97).temperature(3).minP(1e-6), 9),
        new Filters(Sampler.builder().rules(SamplingRules.VLLM).minP(0.01).topK(7), 1),
        new Filters(Sampler.builder().temperature(0), 1));
  }

  /**
   * Exchanges states, in an order of shards that is another each time, until all shards have the
   * tokens, which are the same. Returns how often.
   */
  private int exchange(Sampler sampler, Tensor whole, SamplerInputs inputs, int[] expected) {
    int axis = whole.rank() - 1;
    long[] shape = Arrays.copyOf(whole.shape(), axis);
    List<SampleStates> gathered = List.of();
    for (int exchanges = 0; ; exchanges++) {
      List<SampleStates> sent = new ArrayList<>();
      int finished = 0;
      for (int i = 0; i + 1 < ENDS.length; i++) {
        Tensor mine = whole.slice(axis, ENDS[i], ENDS[i + 1]);
        Sampler.Outputs outputs = new Sampler.Outputs();
        int[] tokens = new int[expected.length];
        SampleStates states =
            SamplerShard.of(sampler, ENDS[i], CLASSES)
                .sample(mine, 9, inputs, gathered, Tensor.of(tokens, shape), outputs);
        sent.add(SampleStates.ofBytes(states.toBytes()));
        assertThat(states.rows()).isEqualTo(tokens.length);
        assertThat(outputs.rows()).isEqualTo(tokens.length);
        if (states.isFinished()) {
          finished++;
          assertThat(tokens).as("shard %d of %s", i, sampler).isEqualTo(expected);
        }
      }
      if (finished > 0) {
        assertThat(finished).isEqualTo(ENDS.length - 1);
        return exchanges;
      }
      Collections.shuffle(sent, order);
      gathered = sent;
    }
  }

  @OnEveryBackend
  void tokensAreThoseOfWholeRows(Backend backend) {
    SamplerInputs inputs =
        SamplerInputs.none().outputTokens(Tensor.of(new int[] {0, 1, 2999, 5, -1, 700}, ROWS, 1));
    for (Filters filters : filters()) {
      for (int threads : new int[] {1, 2, 7}) {
        Sampler sampler =
            filters
                .builder
                .execution(Execution.defaults().backend(backend).threads(threads))
                .frequencyPenalty(3)
                .seed(7)
                .build();
        int[] expected = new int[ROWS];
        sampler.sample(logits, 9, inputs, Tensor.of(expected), new Sampler.Outputs());
        assertThat(exchange(sampler, logits, inputs, expected))
            .as("%s", sampler)
            .isEqualTo(filters.exchanges);
      }
    }
  }

  /** Three dimensions of rows that no three strides describe. */
  @OnEveryBackend
  void rowsMayLieInPieces(Backend backend) {
    try (Arena arena = Arena.ofShared()) {
      Tensor wide = Tensor.allocate(arena, DType.F32, 3, 3, 3, CLASSES);
      Tensor apart = wide.slice(0, 0, 2).slice(1, 0, 2).slice(2, 0, 2);
      apart.copyFrom(Tensor.of(Samples.logits(8 * CLASSES, 3, 2), 2, 2, 2, CLASSES));
      Sampler sampler =
          Sampler.builder()
              .execution(Execution.defaults().backend(backend))
              .topP(0.9)
              .seed(3)
              .build();
      int[] expected = new int[8];
      sampler.sample(apart, 9, Tensor.of(expected, 2, 2, 2));
      assertThat(exchange(sampler, apart, SamplerInputs.none(), expected)).isGreaterThan(1);
    }
  }

  /** More states than a thread keeps room for. */
  @OnEveryBackend
  void manyRowsAreGatheredForTheCallAlone(Backend backend) {
    int rows = 300;
    Tensor many = Tensor.of(Samples.logits(rows * CLASSES, 3, 4), rows, CLASSES);
    Sampler sampler =
        Sampler.builder()
            .execution(Execution.defaults().backend(backend).threads(2))
            .topK(5)
            .seed(2)
            .build();
    int[] expected = new int[rows];
    sampler.sample(many, 9, Tensor.of(expected));
    assertThat(exchange(sampler, many, SamplerInputs.none(), expected)).isEqualTo(1);
  }

  @Test
  void requestsHaveStreamsOfTheirOwn() {
    Sampler.Requests requests = new Sampler.Requests();
    for (int row = 0; row < ROWS; row++) {
      requests.add(filters().get(row).builder.seed(row).build(), 100 + row, row);
    }
    int[] expected = new int[ROWS];
    float[] expectedLogs = new float[ROWS];
    Sampler batch = Sampler.builder().topK(513).build();
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

  private void refuses(Sampler.Builder filters, String message) {
    SamplerShard shard = SamplerShard.of(filters.build(), 0, CLASSES);
    Tensor tokens = Tensor.of(new int[ROWS]);
    Sampler.Outputs outputs = new Sampler.Outputs();
    SamplerInputs none = SamplerInputs.none();
    assertThatThrownBy(() -> shard.sample(logits, 0, none, List.of(), tokens, outputs))
        .isInstanceOf(OptionException.class)
        .hasMessage(message);
  }

  @Test
  void whatAShardCannotHaveIsRefused() {
    refuses(
        Sampler.builder().topK(513),
        "topK is 513, on a shard: give 512 or less, or sample from whole rows");
    refuses(
        Sampler.builder().minKeep(600),
        "minKeep is 600, on a shard: give 512 or less, or sample from whole rows");
    for (Sampler.Builder typical :
        new Sampler.Builder[] {
          Sampler.builder(),
          Sampler.builder().topK(5).ties(Ties.ALL),
          Sampler.builder().topK(5).rules(SamplingRules.TRANSFORMERS)
        }) {
      refuses(
          typical.typicalP(0.5),
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
    for (int at : new int[] {0, 8, 12, 16}) {
      byte[] other = bytes.clone();
      ByteBuffer.wrap(other).order(ByteOrder.LITTLE_ENDIAN).putInt(at, 77);
      assertThatThrownBy(() -> SampleStates.ofBytes(other))
          .isInstanceOf(PartialStatesException.class);
    }
  }
}
