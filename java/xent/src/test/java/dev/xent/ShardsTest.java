// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Rows whose classes are divided give the bits of the undivided call, however they are divided. */
class ShardsTest {
  private static final int CHUNK = 8192;
  private static final int ROWS = 3;
  private static final int CLASSES = 3 * CHUNK + 700;

  private final float[] x = Samples.logits(ROWS * CLASSES, 3, 1);
  private final Tensor logits = Tensor.of(x, ROWS, CLASSES);
  private final Tensor labels = Tensor.of(new int[] {CHUNK + 5, 3 * CHUNK + 1, 17});
  private final Tensor weights = Tensor.of(new float[] {0.5f, 2, 3});
  private final Tensor sink = Tensor.of(new float[] {1, -2, 3});
  private final Tensor classWeights = Tensor.of(Samples.probabilities(1, CLASSES, 4));
  private final Random order = new Random(5);

  /** Every way to cut four chunks. */
  private static List<long[]> cuts() {
    List<long[]> all = new ArrayList<>();
    for (int set = 0; set < 8; set++) {
      int places = set;
      long[] cut = new long[Integer.bitCount(set) + 2];
      int n = 1;
      for (int c = 0; c < 3; c++) {
        if ((places >> c & 1) != 0) {
          cut[n++] = (c + 1L) * CHUNK;
        }
      }
      cut[n] = CLASSES;
      all.add(cut);
    }
    return all;
  }

  private static int[] bits(Tensor tensor) {
    return Samples.bits(tensor);
  }

  /** Sent, in disorder, and some merged before the others. */
  private PartialStates exchanged(List<PartialStates> parts) {
    List<PartialStates> sent = new ArrayList<>();
    for (PartialStates part : parts) {
      sent.add(PartialStates.ofBytes(part.toBytes()));
    }
    if (sent.size() > 2) {
      sent.set(0, PartialStates.merge(List.of(sent.remove(1), sent.get(0))));
    }
    Collections.shuffle(sent, order);
    return PartialStates.merge(sent);
  }

  @OnEveryBackend
  void softmax(Backend backend) {
    softmaxOf(backend, logits);
  }

  @OnEveryBackend
  void softmaxWithAShift(Backend backend) {
    x[CHUNK + 9] = 40000;
    softmaxOf(backend, logits);
  }

  private void softmaxOf(Backend backend, Tensor in) {
    Inputs inputs = Inputs.none().sink(sink);
    for (boolean log : new boolean[] {false, true}) {
      Softmax softmax = Softmax.builder().backend(backend).temperature(2).build();
      LogSoftmax logSoftmax = LogSoftmax.builder().backend(backend).temperature(2).build();
      Tensor expected = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
      if (log) {
        logSoftmax.forward(in, inputs, expected);
      } else {
        softmax.forward(in, inputs, expected);
      }
      Tensor lse = Tensor.of(new float[ROWS]);
      LogSumExp.builder().backend(backend).temperature(2).build().forward(in, inputs, lse);
      for (long[] cut : cuts()) {
        List<SoftmaxShard> shards = new ArrayList<>();
        for (int i = 0; i + 1 < cut.length; i++) {
          shards.add(log ? logSoftmax.onShard(cut[i], CLASSES) : softmax.onShard(cut[i], CLASSES));
        }
        Tensor sum = Tensor.of(new float[ROWS]);
        List<PartialStates> parts = new ArrayList<>();
        for (int i = 0; i < shards.size(); i++) {
          parts.add(shards.get(i).partialStates(in.slice(1, cut[i], cut[i + 1]), inputs));
        }
        RowStatistics rows = shards.get(0).finish(exchanged(parts), inputs, sum);
        assertThat(rows.needsSecondRound()).isEqualTo(x[CHUNK + 9] == 40000);
        if (rows.needsSecondRound()) {
          parts.clear();
          for (int i = 0; i < shards.size(); i++) {
            parts.add(shards.get(i).partialStates(in.slice(1, cut[i], cut[i + 1]), inputs, rows));
          }
          rows = shards.get(0).finish(exchanged(parts), inputs, sum, rows);
        }
        Tensor output = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
        for (int i = 0; i < shards.size(); i++) {
          Tensor part = in.slice(1, cut[i], cut[i + 1]);
          shards.get(i).forward(part, inputs, rows, output.slice(1, cut[i], cut[i + 1]));
        }
        assertThat(bits(output)).isEqualTo(bits(expected));
        assertThat(bits(sum)).isEqualTo(bits(lse));
      }
    }
  }

  @OnEveryBackend
  void lossAndGradientOfLabels(Backend backend) {
    lossOf(backend, labels, Inputs.none().rowWeights(weights).sink(sink), true);
  }

  @OnEveryBackend
  void lossAndGradientOfLabelsWithAShift(Backend backend) {
    x[2 * CHUNK + 9] = -30000;
    x[2 * CHUNK + 8] = 30000;
    lossOf(backend, labels, Inputs.none(), true);
  }

  @OnEveryBackend
  void lossAndGradientOfProbabilities(Backend backend) {
    Tensor q = Tensor.of(Samples.probabilities(ROWS, CLASSES, 6), ROWS, CLASSES);
    lossOf(backend, q, Inputs.none().rowWeights(weights), false);
  }

  @OnEveryBackend
  void lossAndGradientOfSparseTargets(Backend backend) {
    Tensor classes = Tensor.of(new int[] {1, CHUNK, CLASSES - 1, 3, 2 * CHUNK, 3}, ROWS, 2);
    Tensor p = Tensor.of(new float[] {0.5f, 0.25f, 1, 2, 0, 1}, ROWS, 2);
    lossOf(backend, classes, Inputs.none().targetWeights(p), false);
  }

  private void lossOf(Backend backend, Tensor targets, Inputs inputs, boolean hasLabels) {
    CrossEntropy loss =
        CrossEntropy.builder()
            .backend(backend)
            .labelSmoothing(0.1)
            .zLoss(1e-3)
            .classWeights(classWeights)
            .build();
    Tensor expected = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    Tensor losses = Tensor.of(new float[ROWS]);
    CrossEntropy.Outcome whole = new CrossEntropy.Outcome().losses(losses).countCorrect(hasLabels);
    loss.forwardBackward(logits, targets, inputs, expected, whole);
    for (long[] cut : cuts()) {
      List<CrossEntropyShard> shards = new ArrayList<>();
      List<Tensor> parts = new ArrayList<>();
      List<Tensor> of = new ArrayList<>();
      List<PartialStates> states = new ArrayList<>();
      boolean dense = targets.type().isFloat();
      for (int i = 0; i + 1 < cut.length; i++) {
        shards.add(loss.onShard(cut[i], CLASSES));
        parts.add(logits.slice(1, cut[i], cut[i + 1]));
        of.add(dense ? targets.slice(1, cut[i], cut[i + 1]) : targets);
        states.add(shards.get(i).partialStates(parts.get(i), of.get(i), inputs));
      }
      Tensor divided = Tensor.of(new float[ROWS]);
      CrossEntropy.Outcome outcome =
          new CrossEntropy.Outcome().losses(divided).countCorrect(hasLabels);
      Tensor known = hasLabels ? targets : null;
      RowStatistics rows = shards.get(0).finish(exchanged(states), known, inputs, outcome);
      if (rows.needsSecondRound()) {
        for (int i = 0; i < shards.size(); i++) {
          states.set(i, shards.get(i).partialStates(parts.get(i), of.get(i), inputs, rows));
        }
        rows = shards.get(0).finish(exchanged(states), known, inputs, outcome, rows);
      }
      assertThat(bits(divided)).isEqualTo(bits(losses));
      assertThat(outcome.loss()).isEqualTo(whole.loss());
      assertThat(outcome.denominator()).isEqualTo(whole.denominator());
      assertThat(outcome.correct()).isEqualTo(whole.correct());
      Tensor gradient = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
      for (int i = 0; i < shards.size(); i++) {
        Tensor out = gradient.slice(1, cut[i], cut[i + 1]);
        shards.get(i).backward(parts.get(i), of.get(i), inputs, rows, null, out);
      }
      assertThat(bits(gradient)).isEqualTo(bits(expected));
    }
  }

  // ---- refused
  // -----------------------------------------------------------------------------------

  private PartialStates statesOf(long from, long to) {
    return Softmax.along(1)
        .onShard(from, CLASSES)
        .partialStates(logits.slice(1, from, to), Inputs.none());
  }

  private static void refused(Class<? extends XentException> type, Runnable call, String... words) {
    assertThatThrownBy(call::run).isInstanceOf(type).hasMessageContainingAll(words);
  }

  @Test
  void shardsThatCannotBe() {
    refused(ShapeException.class, () -> statesOf(100, CHUNK), "firstClass is 100");
    refused(ShapeException.class, () -> statesOf(0, 100), "with 100 classes from 0 on of " + CLASSES);
    refused(
        ShapeException.class,
        () ->
            Softmax.along(1)
                .onShard(3L * CHUNK, CLASSES)
                .partialStates(logits.slice(1, 0, CHUNK), Inputs.none()),
        "of " + CLASSES);
  }

  @Test
  void statesThatDoNotBelongTogether() {
    PartialStates first = statesOf(0, CHUNK);
    PartialStates last = statesOf(3 * CHUNK, CLASSES);
    PartialStates ofLabels =
        CrossEntropy.mean()
            .onShard(CHUNK, CLASSES)
            .partialStates(logits.slice(1, CHUNK, CLASSES), labels, Inputs.none());
    SoftmaxShard shard = Softmax.along(1).onShard(0, CLASSES);
    refused(PartialStatesException.class, () -> PartialStates.merge(List.of()), "at least one");
    refused(
        PartialStatesException.class,
        () -> PartialStates.merge(List.of(first, last)),
        "classes from 24576",
        "up to 8192");
    refused(
        PartialStatesException.class,
        () -> PartialStates.merge(List.of(first, first)),
        "each class range once");
    refused(
        PartialStatesException.class,
        () -> PartialStates.merge(List.of(first, ofLabels)),
        "softmax, classes 0 to 8191",
        "class indices");
    refused(
        PartialStatesException.class,
        () -> shard.finish(first, Inputs.none(), null),
        "merge those of all classes");
    refused(
        PartialStatesException.class,
        () ->
            CrossEntropy.mean()
                .onShard(0, CLASSES)
                .finish(statesOf(0, CLASSES), labels, Inputs.none(), new CrossEntropy.Outcome()),
        "give those of a loss");
    RowStatistics rows = shard.finish(statesOf(0, CLASSES), Inputs.none(), null);
    refused(
        PartialStatesException.class,
        () ->
            shard.forward(
                logits.slice(0, 0, 1),
                Inputs.none(),
                rows,
                Tensor.of(new float[CLASSES], 1, CLASSES)),
        "statistics are of softmax [3, " + CLASSES + "]");
  }

  @Test
  void bytesThatAreNoStates() {
    byte[] bytes = statesOf(0, CHUNK).toBytes();
    int[] places = {0, 8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 56, 64};
    String[] words = {
      "do not begin",
      "layout version",
      "numerics version",
      "kind",
      "arithmetic",
      "round",
      "size of a state",
      "number of dimensions",
      "axis",
      "chunks",
      "chunks",
      "does not fit shape",
      "shape"
    };
    for (int i = 0; i < places.length; i++) {
      byte[] wrong = bytes.clone();
      wrong[places[i]] += 64;
      if (places[i] == 64) {
        Arrays.fill(wrong, 64, 72, (byte) -1);
      }
      refused(
          PartialStatesException.class,
          () -> PartialStates.ofBytes(wrong),
          "the bytes hold no partial states",
          words[i]);
    }
    refused(
        PartialStatesException.class,
        () -> PartialStates.ofBytes(Arrays.copyOf(bytes, bytes.length - 8)),
        "does not fit shape");
    refused(
        PartialStatesException.class,
        () -> PartialStates.ofBytes(new byte[3]),
        "do not begin as partial states");
  }

  @Test
  void outcomesThatStatesDoNotTell() {
    CrossEntropyShard shard = CrossEntropy.mean().onShard(0, CLASSES);
    PartialStates whole = shard.partialStates(logits, labels, Inputs.none());
    refused(
        OptionException.class,
        () ->
            shard.finish(
                whole,
                labels,
                Inputs.none(),
                new CrossEntropy.Outcome().argmax(Tensor.of(new int[ROWS]))),
        "argmax");
    refused(
        OptionException.class,
        () -> shard.finish(whole, null, Inputs.none(), new CrossEntropy.Outcome()),
        "class indices");
    Tensor mask = Tensor.of(MemorySegment.ofArray(new byte[CLASSES]), DType.U8, CLASSES);
    CrossEntropyShard smooth =
        CrossEntropy.builder().labelSmoothing(0.5).build().onShard(0, CLASSES);
    refused(
        OptionException.class,
        () -> smooth.partialStates(logits, logits, Inputs.none().classMask(mask)),
        "labelSmoothing is 0.5",
        "classMask");
  }
}
