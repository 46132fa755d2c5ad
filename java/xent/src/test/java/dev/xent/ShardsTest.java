// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import dev.xent.errors.LabelException;
import dev.xent.errors.OptionException;
import dev.xent.errors.PartialStatesException;
import dev.xent.errors.ShapeException;
import dev.xent.errors.XentException;
import dev.xent.options.Backend;
import dev.xent.options.Smoothing;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Rows whose classes are divided give the bits of the undivided call, however they are divided. */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
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

  /** Sent as bytes, in disorder, and some merged before the others. */
  private List<PartialStates> sent(List<PartialStates> parts) {
    List<PartialStates> sent = new ArrayList<>();
    for (PartialStates part : parts) {
      sent.add(PartialStates.ofBytes(part.toBytes()));
    }
    sent.sort(Comparator.comparing(part -> part.states.firstChunk()));
    if (sent.size() > 2) {
      sent.set(0, PartialStates.merge(List.of(sent.remove(1), sent.get(0))));
    }
    Collections.shuffle(sent, order);
    return sent;
  }

  @OnEveryBackend
  void softmax(Backend backend) throws Exception {
    softmaxOf(backend, logits);
  }

  @OnEveryBackend
  void softmaxWithAShift(Backend backend) throws Exception {
    x[CHUNK + 9] = 40000;
    softmaxOf(backend, logits);
  }

  private void softmaxOf(Backend backend, Tensor in) throws Exception {
    Inputs inputs = Inputs.none().sink(sink);
    for (boolean log : new boolean[] {false, true}) {
      Softmax softmax =
          Softmax.builder().execution(Execution.defaults().backend(backend)).temperature(2).build();
      LogSoftmax logSoftmax =
          LogSoftmax.builder()
              .execution(Execution.defaults().backend(backend))
              .temperature(2)
              .build();
      Tensor expected = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
      if (log) {
        logSoftmax.on(in, expected).inputs(inputs).run();
      } else {
        softmax.on(in, expected).inputs(inputs).run();
      }
      Tensor lse = Tensor.of(new float[ROWS]);
      LogSumExp.builder()
          .execution(Execution.defaults().backend(backend))
          .temperature(2)
          .build()
          .on(in, lse)
          .inputs(inputs)
          .run();
      for (long[] cut : cuts()) {
        Tensor output = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
        AllGather<PartialStates> all = new AllGather<>(cut.length - 1, this::sent);
        List<Tensor> sums =
            all.of(
                i -> {
                  SoftmaxShard shard =
                      log ? logSoftmax.shard(cut[i], CLASSES) : softmax.shard(cut[i], CLASSES);
                  Tensor part = in.slice(1, cut[i], cut[i + 1]);
                  Tensor sum = Tensor.of(new float[ROWS]);
                  RowStatistics rows = shard.exchange(part, inputs, sum, all::gather);
                  assertThat(rows.needsSecondRound()).isFalse();
                  shard.forward(part, inputs, rows, output.slice(1, cut[i], cut[i + 1]));
                  return sum;
                });
        assertThat(all.rounds()).isEqualTo(x[CHUNK + 9] == 40000 ? 2 : 1);
        assertThat(bits(output)).isEqualTo(bits(expected));
        assertThat(sums).allSatisfy(sum -> assertThat(bits(sum)).isEqualTo(bits(lse)));
      }
    }
  }

  @OnEveryBackend
  void lossAndGradientOfLabels(Backend backend) throws Exception {
    lossOf(backend, labels, Inputs.none().rowWeights(weights).sink(sink), true);
  }

  @OnEveryBackend
  void lossAndGradientOfLabelsWithAShift(Backend backend) throws Exception {
    x[2 * CHUNK + 9] = -30000;
    x[2 * CHUNK + 8] = 30000;
    lossOf(backend, labels, Inputs.none(), true);
  }

  @OnEveryBackend
  void lossAndGradientOfProbabilities(Backend backend) throws Exception {
    Tensor q = Tensor.of(Samples.probabilities(ROWS, CLASSES, 6), ROWS, CLASSES);
    lossOf(backend, q, Inputs.none().rowWeights(weights), false);
  }

  @OnEveryBackend
  void lossAndGradientOfSparseTargets(Backend backend) throws Exception {
    Tensor classes = Tensor.of(new int[] {1, CHUNK, CLASSES - 1, 3, 2 * CHUNK, 3}, ROWS, 2);
    Tensor p = Tensor.of(new float[] {0.5f, 0.25f, 1, 2, 0, 1}, ROWS, 2);
    lossOf(backend, classes, Inputs.none().targetWeights(p), false);
  }

  /** As in the whole call: nobody looks at the classes of rows that do not count. */
  @OnEveryBackend
  void rowsWithoutWeightMayHaveAnyLabel(Backend backend) throws Exception {
    Tensor mask = Tensor.of(MemorySegment.ofArray(new byte[] {1, 0, 1}), DType.U8, ROWS);
    Inputs inputs = Inputs.none().rowWeights(mask);
    lossOf(backend, Tensor.of(new int[] {CHUNK + 5, -1, 17}), inputs, true);
    lossOf(backend, Tensor.of(new int[] {CHUNK + 5, CLASSES, 17}), inputs, true);
    Tensor classes = Tensor.of(new int[] {1, CHUNK, CLASSES, -3, 2 * CHUNK, 3}, ROWS, 2);
    Tensor p = Tensor.of(new float[] {0.5f, 0.25f, 1, 2, 0, 1}, ROWS, 2);
    lossOf(backend, classes, inputs.targetWeights(p), false);
  }

  private void lossOf(Backend backend, Tensor targets, Inputs inputs, boolean hasLabels)
      throws Exception {
    CrossEntropy loss =
        CrossEntropy.builder()
            .execution(Execution.defaults().backend(backend))
            .labelSmoothing(0.1)
            .zLoss(1e-3)
            .classWeights(classWeights)
            .build();
    Tensor expected = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    Tensor losses = Tensor.of(new float[ROWS]);
    CrossEntropy.Outputs whole = new CrossEntropy.Outputs().losses(losses).countCorrect(hasLabels);
    loss.on(logits, targets).inputs(inputs).gradient(expected).outputs(whole).run();
    for (long[] cut : cuts()) {
      Tensor gradient = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
      AllGather<PartialStates> all = new AllGather<>(cut.length - 1, this::sent);
      List<CrossEntropy.Outputs> outcomes =
          all.of(
              i -> {
                CrossEntropyShard shard = loss.shard(cut[i], CLASSES);
                Tensor part = logits.slice(1, cut[i], cut[i + 1]);
                boolean dense = targets.type().isFloat();
                Tensor own = dense ? targets.slice(1, cut[i], cut[i + 1]) : targets;
                Tensor divided = Tensor.of(new float[ROWS]);
                CrossEntropy.Outputs outputs =
                    new CrossEntropy.Outputs().losses(divided).countCorrect(hasLabels);
                Tensor out = gradient.slice(1, cut[i], cut[i + 1]);
                ShardCall call =
                    shard.on(part, own, all::gather).inputs(inputs).outputs(outputs).gradient(out);
                assertThat(call.run()).isEqualTo(outputs.loss());
                assertThat(bits(divided)).isEqualTo(bits(losses));
                Tensor again = Tensor.of(new float[(int) out.elements()], out.shape());
                shard.backward(part, own, inputs, call.rows(), null, again);
                assertThat(bits(again)).isEqualTo(bits(out));
                return outputs;
              });
      for (CrossEntropy.Outputs outcome : outcomes) {
        assertThat(outcome.loss()).isEqualTo(whole.loss());
        assertThat(outcome.denominator()).isEqualTo(whole.denominator());
        assertThat(outcome.correctCount()).isEqualTo(whole.correctCount());
      }
      assertThat(bits(gradient)).isEqualTo(bits(expected));
    }
  }

  // ---- refused
  // -----------------------------------------------------------------------------------

  private PartialStates statesOf(long from, long to) {
    return Softmax.along(1)
        .shard(from, CLASSES)
        .partialStates(logits.slice(1, from, to), Inputs.none());
  }

  private static void refused(Class<? extends XentException> type, Runnable call, String... words) {
    assertThatThrownBy(call::run).isInstanceOf(type).hasMessageContainingAll(words);
  }

  @Test
  void shardsThatCannotBe() {
    refused(ShapeException.class, () -> statesOf(100, CHUNK), "firstClass is 100");
    refused(
        ShapeException.class, () -> statesOf(0, 100), "with 100 classes from 0 on of " + CLASSES);
    refused(
        ShapeException.class,
        () ->
            Softmax.along(1)
                .shard(3L * CHUNK, CLASSES)
                .partialStates(logits.slice(1, 0, CHUNK), Inputs.none()),
        "of " + CLASSES);
  }

  @Test
  void statesThatDoNotBelongTogether() {
    PartialStates first = statesOf(0, CHUNK);
    PartialStates last = statesOf(3 * CHUNK, CLASSES);
    PartialStates ofLabels =
        CrossEntropy.mean()
            .shard(CHUNK, CLASSES)
            .partialStates(logits.slice(1, CHUNK, CLASSES), labels, Inputs.none());
    SoftmaxShard shard = Softmax.along(1).shard(0, CLASSES);
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
                .shard(0, CLASSES)
                .finish(statesOf(0, CLASSES), labels, Inputs.none(), new CrossEntropy.Outputs()),
        "expected states of a loss");
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

  /** Before states are exchanged: nobody waits for this shard. */
  @Test
  void outputsThatNeedWholeRows() {
    CrossEntropyShard shard = CrossEntropy.mean().shard(0, CLASSES);
    Tensor floats = Tensor.of(new float[ROWS]);
    Tensor ints = Tensor.of(new int[ROWS]);
    Map<String, CrossEntropy.Outputs> requests = new HashMap<>();
    requests.put("logProbabilities", new CrossEntropy.Outputs().logProbabilities(floats));
    requests.put("argmax", new CrossEntropy.Outputs().argmax(ints));
    requests.put("ranks", new CrossEntropy.Outputs().ranks(ints));
    requests.put("entropies", new CrossEntropy.Outputs().entropies(floats));
    requests.put("topClasses", new CrossEntropy.Outputs().topClasses(ints));
    requests.put("topLogProbabilities", new CrossEntropy.Outputs().topLogProbabilities(floats));
    requests.put("targetGradient", new CrossEntropy.Outputs().targetGradient(floats));
    requests.put("saveStatistics", new CrossEntropy.Outputs().saveStatistics(Arena.ofAuto()));
    PartialStates whole = shard.partialStates(logits, labels, Inputs.none());
    requests.forEach(
        (name, outputs) -> {
          String message = name + " is asked for, and a shard does not have whole rows";
          refused(
              OptionException.class,
              () ->
                  shard.on(logits, labels, mine -> fail("exchanged states")).outputs(outputs).run(),
              message);
          refused(
              OptionException.class,
              () -> shard.finish(whole, labels, Inputs.none(), outputs),
              message);
        });
  }

  @Test
  void exchangesThatGatherSomethingElse() {
    CrossEntropyShard shard = CrossEntropy.mean().shard(0, CLASSES);
    SoftmaxShard softmax = Softmax.along(1).shard(0, CLASSES);
    CrossEntropy.Outputs outputs = new CrossEntropy.Outputs();
    PartialStates ofSoftmax = softmax.partialStates(logits, Inputs.none());
    PartialStates ofRows = shard.partialStates(logits, logits, Inputs.none());
    refused(
        PartialStatesException.class,
        () -> shard.on(logits, labels, mine -> List.of(ofSoftmax)).outputs(outputs).run(),
        "expected states of a loss");
    refused(
        OptionException.class,
        () -> shard.on(logits, labels, mine -> List.of(ofRows)).outputs(outputs).run(),
        "the states are of probability rows");
    refused(
        PartialStatesException.class,
        () -> softmax.exchange(logits, Inputs.none(), null, mine -> List.of()),
        "at least one");
    assertThatThrownBy(() -> softmax.exchange(logits, Inputs.none(), null, null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("gather is null; expected a function that exchanges states");
    assertThat(outputs.rows()).isEqualTo(-1);
  }

  /** What partial-states.md says of them. */
  @Test
  void bytesHaveTheLayoutOfThePage() {
    PartialStates states = statesOf(0, CHUNK);
    ByteBuffer bytes = ByteBuffer.wrap(states.toBytes()).order(ByteOrder.LITTLE_ENDIAN);
    int dimensions = bytes.getInt(32);
    assertThat(dimensions).isEqualTo(2);
    assertThat(bytes.getInt(28)).isEqualTo(64);
    long rows = bytes.getLong(56);
    assertThat(bytes.capacity()).isEqualTo(56 + 8L * dimensions + 64 * rows);
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
  void whatStatesDoNotTell() {
    CrossEntropyShard shard = CrossEntropy.mean().shard(0, CLASSES);
    PartialStates whole = shard.partialStates(logits, labels, Inputs.none());
    refused(
        OptionException.class,
        () -> shard.finish(whole, null, Inputs.none(), new CrossEntropy.Outputs()),
        "class indices");
    Tensor mask = Tensor.of(MemorySegment.ofArray(new byte[CLASSES]), DType.U8, CLASSES);
    CrossEntropyShard smooth = CrossEntropy.builder().labelSmoothing(0.5).build().shard(0, CLASSES);
    refused(
        OptionException.class,
        () -> smooth.partialStates(logits, logits, Inputs.none().classMask(mask)),
        "labelSmoothing is 0.5",
        "classMask");
  }

  /**
   * A shard of all classes, of a loss with the given options, and what nothing may be written to.
   */
  private void refusedShard(
      Backend backend,
      Class<? extends XentException> type,
      Tensor targets,
      Inputs inputs,
      Tensor w,
      String... words) {
    CrossEntropy loss =
        CrossEntropy.builder()
            .execution(Execution.defaults().backend(backend))
            .classWeights(w)
            .build();
    CrossEntropyShard shard = loss.shard(0, CLASSES);
    refused(type, () -> shard.partialStates(logits, targets, inputs), words);
    // Statistics of targets of the same kind, all of which can be.
    boolean labelled = targets.type().isInteger() && targets.rank() == 1;
    Tensor good = labelled ? labels : logits;
    CrossEntropyShard plain =
        CrossEntropy.builder()
            .execution(Execution.defaults().backend(backend))
            .build()
            .shard(0, CLASSES);
    RowStatistics rows =
        plain.finish(
            plain.partialStates(logits, good, Inputs.none()),
            labelled ? good : null,
            Inputs.none(),
            new CrossEntropy.Outputs());
    float[] gradient = new float[ROWS * CLASSES];
    refused(
        type,
        () ->
            shard.backward(logits, targets, inputs, rows, null, Tensor.of(gradient, ROWS, CLASSES)),
        words);
    assertThat(gradient).containsOnly(0);
  }

  @OnEveryBackend
  void targetsAndWeightsThatCannotBe(Backend backend) {
    Tensor wrong = Tensor.of(new int[] {5, 17, CLASSES});
    refusedShard(
        backend, LabelException.class, wrong, Inputs.none(), null, "row 2 has label " + CLASSES);
    byte[] flags = new byte[CLASSES];
    Arrays.fill(flags, (byte) 1);
    flags[17] = 0;
    Inputs masked =
        Inputs.none().classMask(Tensor.of(MemorySegment.ofArray(flags), DType.U8, CLASSES));
    refusedShard(
        backend, LabelException.class, labels, masked, null, "row 2 has label 17, which is masked");
    Tensor entries = Tensor.of(new int[] {1, 2, 3, -5, 5, 6}, ROWS, 2);
    Inputs sparse = Inputs.none().targetWeights(Tensor.of(new float[6], ROWS, 2));
    refusedShard(backend, LabelException.class, entries, sparse, null, "row 1 has label -5");
    Inputs negative = Inputs.none().rowWeights(Tensor.of(new float[] {1, -2, 3}));
    refusedShard(
        backend, OptionException.class, logits, negative, null, "rowWeights of row 1 is -2.0");
    float[] w = Samples.probabilities(1, CLASSES, 4);
    w[CHUNK + 1] = Float.NaN;
    refusedShard(
        backend,
        OptionException.class,
        logits,
        Inputs.none(),
        Tensor.of(w),
        "classWeights of class 8193 is NaN");
    refusedShard(
        backend,
        ShapeException.class,
        logits,
        Inputs.none(),
        Tensor.of(new float[CLASSES - 1]),
        "expected a weight for each class of all shards, in the shape [" + CLASSES + "]");
    CrossEntropy weighted =
        CrossEntropy.builder()
            .execution(Execution.defaults().backend(backend))
            .classWeights(Tensor.of(w))
            .build();
    CrossEntropyShard last = weighted.shard(CHUNK, CLASSES);
    Tensor part = logits.slice(1, CHUNK, CLASSES);
    refused(
        OptionException.class,
        () -> last.partialStates(part, part, Inputs.none()),
        "classWeights of class 8193 is NaN");
    PartialStates soft =
        CrossEntropy.builder()
            .execution(Execution.defaults().backend(backend))
            .build()
            .shard(0, CLASSES)
            .partialStates(logits, logits, Inputs.none());
    refused(
        OptionException.class,
        () -> last.finish(soft, null, Inputs.none(), new CrossEntropy.Outputs()),
        "classWeights of class 8193 is NaN");
  }

  @OnEveryBackend
  void inputsAndOptionsThatCannotBeFinished(Backend backend) {
    Tensor mask = Tensor.of(MemorySegment.ofArray(new byte[CLASSES]), DType.U8, CLASSES);
    List<Inputs> others =
        List.of(
            Inputs.none().classMask(mask),
            Inputs.none().targetWeights(sink),
            Inputs.none().rowOffsets(labels));
    String[] names = {"classMask is U8", "targetWeights is F32", "rowOffsets is I32"};
    CrossEntropyShard plain =
        CrossEntropy.builder()
            .execution(Execution.defaults().backend(backend))
            .build()
            .shard(0, CLASSES);
    PartialStates soft = plain.partialStates(logits, logits, Inputs.none());
    SoftmaxShard softmax =
        Softmax.builder()
            .execution(Execution.defaults().backend(backend))
            .build()
            .shard(0, CLASSES);
    PartialStates states = softmax.partialStates(logits, Inputs.none());
    for (int i = 0; i < names.length; i++) {
      Inputs inputs = others.get(i);
      String[] words = {names[i], "and finish takes none"};
      CrossEntropy.Outputs outcome = new CrossEntropy.Outputs();
      refused(OptionException.class, () -> plain.finish(soft, null, inputs, outcome), words);
      refused(OptionException.class, () -> softmax.finish(states, inputs, null), words);
    }
    CrossEntropy.Outputs outcome = new CrossEntropy.Outputs();
    refused(
        OptionException.class,
        () -> plain.finish(soft, labels, Inputs.none(), outcome),
        "labels is I32 [3], the states are of probability rows");
    CrossEntropyShard ofOthers =
        CrossEntropy.builder()
            .execution(Execution.defaults().backend(backend))
            .labelSmoothing(0.1)
            .smoothing(Smoothing.OTHERS)
            .build()
            .shard(0, CLASSES);
    refused(
        OptionException.class,
        () -> ofOthers.finish(soft, null, Inputs.none(), outcome),
        "smoothing is OTHERS, targets are probability rows");
    CrossEntropyShard clamped =
        CrossEntropy.builder()
            .execution(Execution.defaults().backend(backend))
            .probabilityClamp(1e-7)
            .build()
            .shard(0, CLASSES);
    refused(
        OptionException.class,
        () -> clamped.finish(soft, null, Inputs.none(), outcome),
        "probabilityClamp is 1.0E-7, targets are probability rows");
  }

  /** Of the same number of rows, but not of the same rows. */
  @OnEveryBackend
  void statisticsOfOtherRows(Backend backend) {
    Softmax softmax = Softmax.builder().execution(Execution.defaults().backend(backend)).build();
    Tensor turned = logits.permute(1, 0);
    SoftmaxShard shard = softmax.shard(0, CLASSES);
    SoftmaxShard first =
        Softmax.builder()
            .execution(Execution.defaults().backend(backend))
            .axis(0)
            .build()
            .shard(0, CLASSES);
    x[5] = 40000;
    RowStatistics rows =
        first.finish(first.partialStates(turned, Inputs.none()), Inputs.none(), null);
    assertThat(rows.needsSecondRound()).isTrue();
    String words = "the statistics are of softmax [" + CLASSES + ", 3] with classes along axis 0";
    refused(
        PartialStatesException.class,
        () -> shard.partialStates(logits, Inputs.none(), rows),
        words,
        "logits is F32 [3, " + CLASSES + "]");
    PartialStates again = first.partialStates(turned, Inputs.none(), rows);
    RowStatistics other =
        shard.finish(shard.partialStates(logits, Inputs.none()), Inputs.none(), null);
    refused(
        PartialStatesException.class,
        () -> first.finish(again, Inputs.none(), other, null),
        "the statistics are of softmax [3, " + CLASSES + "] with classes along axis 1",
        "the partial states are of softmax");
    CrossEntropyShard loss =
        CrossEntropy.builder()
            .execution(Execution.defaults().backend(backend))
            .build()
            .shard(0, CLASSES);
    refused(
        PartialStatesException.class,
        () -> loss.partialStates(logits, labels, Inputs.none(), other),
        "the statistics are of softmax");
  }

  /** The kernels' own word of what a state is comes from the bytes. */
  @OnEveryBackend
  void bytesOfStatesOfAnotherKind(Backend backend) {
    Softmax softmax = Softmax.builder().execution(Execution.defaults().backend(backend)).build();
    SoftmaxShard shard = softmax.shard(0, CHUNK);
    Tensor part = logits.slice(1, 0, CHUNK);
    byte[] bytes = shard.partialStates(part, Inputs.none()).toBytes();
    int kind = bytes.length - 3 * 72 + 36;
    for (int value = 0; value < 256; value++) {
      for (int row = 0; row < 3; row++) {
        bytes[kind + 72 * row] = (byte) value;
      }
      PartialStates read = PartialStates.ofBytes(bytes);
      for (Tensor sum : new Tensor[] {null, Tensor.of(new float[3])}) {
        try {
          RowStatistics rows = shard.finish(read, Inputs.none(), sum);
          if (!rows.needsSecondRound()) {
            shard.forward(part, Inputs.none(), rows, Tensor.of(new float[3 * CHUNK], 3, CHUNK));
          }
        } catch (PartialStatesException e) {
          assertThat(e).hasMessageMatching("partial states( of row 0)? do not belong together; .*");
        }
      }
    }
  }
}
