// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.LabelException;
import dev.xent.errors.OptionException;
import dev.xent.errors.PartialStatesException;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import dev.xent.options.SamplingFilter;
import dev.xent.options.SamplingRules;
import dev.xent.options.Ties;
import java.lang.foreign.Arena;
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
   * Samples by shards that exchange states as bytes, in another order each time. All of them get
   * the same tokens. Returns how often states were exchanged.
   */
  private int exchange(Sampler sampler, Tensor whole, SamplerInputs inputs, int[] expected)
      throws Exception {
    int axis = whole.rank() - 1;
    long[] shape = Arrays.copyOf(whole.shape(), axis);
    ShardThreads<SampleStates> all = new ShardThreads<>(ENDS.length - 1, this::sent);
    List<int[]> tokens =
        all.of(
            i -> {
              int[] mine = new int[expected.length];
              Sampler.Outputs outputs = new Sampler.Outputs();
              sampler
                  .shard(ENDS[i], CLASSES)
                  .sample(
                      whole.slice(axis, ENDS[i], ENDS[i + 1]),
                      9,
                      inputs,
                      Tensor.of(mine, shape),
                      outputs,
                      all::gather);
              assertThat(outputs.rows()).isEqualTo(mine.length);
              return mine;
            });
    assertThat(tokens).as("%s", sampler).allSatisfy(mine -> assertThat(mine).isEqualTo(expected));
    return all.rounds();
  }

  private List<SampleStates> sent(List<SampleStates> gathered) {
    List<SampleStates> sent = new ArrayList<>();
    for (SampleStates states : gathered) {
      SampleStates read = SampleStates.ofBytes(states.toBytes());
      assertThat(read.rows()).isEqualTo(states.rows());
      sent.add(read);
    }
    Collections.shuffle(sent, order);
    return sent;
  }

  @OnEveryBackend
  void tokensAreThoseOfWholeRows(Backend backend) throws Exception {
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
        sampler.on(logits, Tensor.of(expected)).inputs(inputs).run(9);
        assertThat(exchange(sampler, logits, inputs, expected))
            .as("%s", sampler)
            .isEqualTo(filters.exchanges);
      }
    }
  }

  /** Three dimensions of rows that no three strides describe. */
  @OnEveryBackend
  void rowsMayLieInPieces(Backend backend) throws Exception {
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
  void manyRowsAreGatheredForTheCallAlone(Backend backend) throws Exception {
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
    batch.on(logits, Tensor.of(expected)).outputs(whole).run(requests);
    SamplerShard shard = batch.shard(0, CLASSES);
    int[] tokens = new int[ROWS];
    float[] logs = new float[ROWS];
    Sampler.Outputs outputs = new Sampler.Outputs().processedLogProbabilities(Tensor.of(logs));
    SamplerInputs none = SamplerInputs.none();
    shard.sample(logits, requests, none, Tensor.of(tokens), outputs, List::of);
    assertThat(tokens).isEqualTo(expected);
    assertThat(logs).isEqualTo(expectedLogs);
    assertThat(outputs.sampled()).isEqualTo(ROWS);
  }

  private void refuses(Sampler.Builder filters, String message) {
    SamplerShard shard = filters.build().shard(0, CLASSES);
    Tensor tokens = Tensor.of(new int[ROWS]);
    Sampler.Outputs outputs = new Sampler.Outputs();
    SamplerInputs none = SamplerInputs.none();
    assertThatThrownBy(() -> shard.sample(logits, 0, none, tokens, outputs, List::of))
        .isInstanceOf(OptionException.class)
        .hasMessage(message);
  }

  @Test
  void whatAShardCannotHaveIsRefused() {
    refuses(
        Sampler.builder().topK(513),
        "topK is 513, on a shard; expected 512 or less, or sample from whole rows");
    refuses(
        Sampler.builder().minKeep(600),
        "minKeep is 600, on a shard; expected 512 or less, or sample from whole rows");
    refuses(
        Sampler.builder().topNSigma(1),
        "topNSigma is 1.0, on a shard; expected none, or sample from whole rows");
    refuses(
        Sampler.builder().dynatempRange(1),
        "dynatempRange is 1.0, on a shard; expected none, or sample from whole rows");
    refuses(
        Sampler.builder().xtcProbability(0.5),
        "xtcProbability is 0.5, on a shard; expected none, or sample from whole rows");
    refuses(
        Sampler.builder().order(SamplingFilter.TOP_K),
        "order is [TOP_K], on a shard; expected none, or sample from whole rows");
    for (Sampler.Builder typical :
        new Sampler.Builder[] {
          Sampler.builder(),
          Sampler.builder().topK(5).ties(Ties.ALL),
          Sampler.builder().topK(5).rules(SamplingRules.TRANSFORMERS)
        }) {
      refuses(
          typical.typicalP(0.5),
          "typicalP is 0.5, on a shard; expected topK with ties FIRST too, or sample from whole rows");
    }
    assertThatThrownBy(() -> Sampler.greedy().shard(-1, 10))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("firstClass is -1, allClasses 10");
    assertThatThrownBy(() -> Sampler.greedy().shard(0, 1L << 31))
        .isInstanceOf(ShapeException.class);
    SamplerShard shard = Sampler.greedy().shard(2000, 4999);
    Tensor tokens = Tensor.of(new int[ROWS]);
    SamplerInputs none = SamplerInputs.none();
    assertThatThrownBy(() -> shard.sample(logits, 0, none, tokens, new Sampler.Outputs(), List::of))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("3000 classes from 2000 on of 4999");
    Sampler.Requests requests = new Sampler.Requests();
    for (int row = 0; row < ROWS; row++) {
      requests.add(Sampler.builder().topK(513).build(), 0, 0);
    }
    SamplerShard whole = Sampler.greedy().shard(0, CLASSES);
    assertThatThrownBy(
            () -> whole.sample(logits, requests, none, tokens, new Sampler.Outputs(), List::of))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("topK is 513");
    Sampler.Outputs ranks = new Sampler.Outputs().ranks(tokens);
    assertThatThrownBy(() -> whole.sample(logits, 0, none, tokens, ranks, List::of))
        .isInstanceOf(OptionException.class)
        .hasMessageStartingWith("ranks is requested, and a shard does not have whole rows");
    SamplerInputs before = none.outputTokens(Tensor.of(new int[] {CLASSES}, 1, 1));
    assertThatThrownBy(
            () ->
                whole.sample(
                    logits.slice(0, 0, 1),
                    0,
                    before,
                    Tensor.of(new int[1]),
                    new Sampler.Outputs(),
                    List::of))
        .isInstanceOf(LabelException.class);
  }

  @Test
  void statesThatDoNotFitAreRefused() {
    Sampler sampler = Sampler.builder().topK(5).seed(1).build();
    SamplerShard shard = sampler.shard(0, CLASSES);
    Tensor tokens = Tensor.of(new int[ROWS]);
    Sampler.Outputs outputs = new Sampler.Outputs();
    SamplerInputs none = SamplerInputs.none();
    SampleStates mine = shard.round(logits, 0, null, none, List.of(), tokens, outputs);
    assertThat(mine).hasToString("SampleStates[rows=6, unfinished=6]");
    assertThat(shard).hasToString("SamplerShard[firstClass=0, allClasses=3000, topK=5, seed=1]");
    assertThatThrownBy(() -> shard.sample(logits, 1, none, tokens, outputs, own -> List.of(mine)))
        .isInstanceOf(PartialStatesException.class)
        .hasMessageStartingWith("partial states of row 0 do not belong together");
    assertThatThrownBy(
            () -> shard.sample(logits, 0, none, tokens, outputs, own -> List.of(own, own)))
        .isInstanceOf(PartialStatesException.class);
    Tensor few = logits.slice(0, 0, 2);
    Tensor two = Tensor.of(new int[2]);
    assertThatThrownBy(() -> shard.sample(few, 0, none, two, outputs, own -> List.of(mine)))
        .isInstanceOf(PartialStatesException.class)
        .hasMessageStartingWith("sample states have 6 rows, logits has 2");
    assertThatThrownBy(() -> shard.sample(logits, 0, none, tokens, outputs, null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("gather is null; expected a function that exchanges states");
  }

  @Test
  void anExchangeThatReturnsNothing() {
    SamplerShard shard = Sampler.greedy().shard(0, 10);
    Tensor tokens = Tensor.of(new int[1]);
    assertThatThrownBy(
            () ->
                shard.sample(
                    Tensor.of(new float[10], 1, 10),
                    0,
                    SamplerInputs.none(),
                    tokens,
                    new Sampler.Outputs(),
                    mine -> List.of()))
        .isInstanceOf(PartialStatesException.class)
        .hasMessageContaining("gather returned no states");
  }
}
