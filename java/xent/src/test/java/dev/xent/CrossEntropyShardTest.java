// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.errors.LabelException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.errors.XentException;
import dev.xent.options.Backend;
import dev.xent.options.Smoothing;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Losses and gradients of divided classes: the bits of the undivided call. */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class CrossEntropyShardTest extends DividedRows {
  @OnEveryBackend
  void lossAndGradientOfLabels(Backend backend) throws Exception {
    lossOf(backend, labels, Inputs.none().withRowWeights(weights).withSink(sink), true);
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
    lossOf(backend, q, Inputs.none().withRowWeights(weights), false);
  }

  @OnEveryBackend
  void lossAndGradientOfSparseTargets(Backend backend) throws Exception {
    Tensor classes = Tensor.of(new int[] {1, CHUNK, CLASSES - 1, 3, 2 * CHUNK, 3}, ROWS, 2);
    Tensor p = Tensor.of(new float[] {0.5f, 0.25f, 1, 2, 0, 1}, ROWS, 2);
    lossOf(backend, classes, Inputs.none().withTargetWeights(p), false);
  }

  /** As in the whole call, the classes of rows that do not count are not checked. */
  @OnEveryBackend
  void rowsWithoutWeightMayHaveAnyLabel(Backend backend) throws Exception {
    Tensor mask = Tensor.of(MemorySegment.ofArray(new byte[] {1, 0, 1}), DType.U8, ROWS);
    Inputs inputs = Inputs.none().withRowWeights(mask);
    lossOf(backend, Tensor.of(new int[] {CHUNK + 5, -1, 17}), inputs, true);
    lossOf(backend, Tensor.of(new int[] {CHUNK + 5, CLASSES, 17}), inputs, true);
    Tensor classes = Tensor.of(new int[] {1, CHUNK, CLASSES, -3, 2 * CHUNK, 3}, ROWS, 2);
    Tensor p = Tensor.of(new float[] {0.5f, 0.25f, 1, 2, 0, 1}, ROWS, 2);
    lossOf(backend, classes, inputs.withTargetWeights(p), false);
  }

  /** Rows whose places in memory no two strides describe. */
  @OnEveryBackend
  void rowsInPieces(Backend backend) {
    Tensor whole = Tensor.of(Samples.logits(8 * 40, 3, 1), 2, 2, 2, 40).permute(1, 0, 2, 3);
    Tensor each = Tensor.of(Samples.labels(8, 40, 2), 2, 2, 2);
    CrossEntropy loss =
        CrossEntropy.builder().execution(Execution.defaults().withBackend(backend)).build();
    Tensor expected = Tensor.of(new float[8 * 40], 2, 2, 2, 40);
    Tensor gradient = Tensor.of(new float[8 * 40], 2, 2, 2, 40);
    double mean = loss.forwardBackward(whole, each, expected);
    LossOutputs outputs = LossOutputs.create();
    CrossEntropyShard shard = loss.shard(0, 40);
    RowStatistics rows = shard.exchange(whole, each, Inputs.none(), outputs, List::of);
    shard.backward(whole, each, Inputs.none(), rows, null, gradient);
    assertThat(outputs.loss()).isEqualTo(mean);
    assertThat(bits(gradient)).isEqualTo(bits(expected));
  }

  private void lossOf(Backend backend, Tensor targets, Inputs inputs, boolean hasLabels)
      throws Exception {
    CrossEntropy loss =
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
            .labelSmoothing(0.1)
            .zLoss(1e-3)
            .classWeights(classWeights)
            .build();
    Tensor expected = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    Tensor losses = Tensor.of(new float[ROWS]);
    LossOutputs whole = LossOutputs.create().losses(losses).countCorrect(hasLabels);
    loss.on(logits, targets, expected).inputs(inputs).outputs(whole).run();
    for (long[] cut : cuts()) {
      Tensor gradient = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
      ShardThreads<PartialStates> all = new ShardThreads<>(cut.length - 1, this::sent);
      List<LossOutputs> outcomes =
          all.of(
              i -> {
                CrossEntropyShard shard = loss.shard(cut[i], CLASSES);
                Tensor part = logits.slice(1, cut[i], cut[i + 1]);
                boolean dense = targets.type().isFloat();
                Tensor own = dense ? targets.slice(1, cut[i], cut[i + 1]) : targets;
                Tensor divided = Tensor.of(new float[ROWS]);
                LossOutputs outputs = LossOutputs.create().losses(divided).countCorrect(hasLabels);
                Tensor out = gradient.slice(1, cut[i], cut[i + 1]);
                RowStatistics rows = shard.exchange(part, own, inputs, outputs, all::gather);
                assertThat(bits(divided)).isEqualTo(bits(losses));
                shard.backward(part, own, inputs, rows, null, out);
                return outputs;
              });
      for (LossOutputs outcome : outcomes) {
        assertThat(outcome.loss()).isEqualTo(whole.loss());
        assertThat(outcome.denominator()).isEqualTo(whole.denominator());
        assertThat(outcome.validRows()).isEqualTo(whole.validRows());
        if (hasLabels) {
          assertThat(outcome.correctRows()).isEqualTo(whole.correctRows());
        }
      }
      assertThat(bits(gradient)).isEqualTo(bits(expected));
    }
  }

  /**
   * Asserts that a shard of all classes, with class weights {@code w}, throws from its partial
   * states and its backward pass, and writes no gradient.
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
            .execution(Execution.defaults().withBackend(backend))
            .classWeights(w)
            .build();
    CrossEntropyShard shard = loss.shard(0, CLASSES);
    assertThat(shard.axis()).isEqualTo(loss.axis());
    refused(type, () -> shard.partialStates(logits, targets, inputs), words);
    // Statistics of targets of the same kind, all of which can be.
    boolean labelled = targets.type().isInteger() && targets.rank() == 1;
    Tensor good = labelled ? labels : logits;
    CrossEntropyShard plain =
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
            .build()
            .shard(0, CLASSES);
    RowStatistics rows =
        plain.finish(
            plain.partialStates(logits, good, Inputs.none()),
            labelled ? good : null,
            Inputs.none(),
            LossOutputs.create());
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
        Inputs.none().withClassMask(Tensor.of(MemorySegment.ofArray(flags), DType.U8, CLASSES));
    refusedShard(
        backend, LabelException.class, labels, masked, null, "row 2 has label 17, which is masked");
    Tensor entries = Tensor.of(new int[] {1, 2, 3, -5, 5, 6}, ROWS, 2);
    Inputs sparse = Inputs.none().withTargetWeights(Tensor.of(new float[6], ROWS, 2));
    refusedShard(backend, LabelException.class, entries, sparse, null, "row 1 has label -5");
    Inputs negative = Inputs.none().withRowWeights(Tensor.of(new float[] {1, -2, 3}));
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
            .execution(Execution.defaults().withBackend(backend))
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
            .execution(Execution.defaults().withBackend(backend))
            .build()
            .shard(0, CLASSES)
            .partialStates(logits, logits, Inputs.none());
    refused(
        OptionException.class,
        () -> last.finish(soft, null, Inputs.none(), LossOutputs.create()),
        "classWeights of class 8193 is NaN");
  }

  @OnEveryBackend
  void inputsAndOptionsThatCannotBeFinished(Backend backend) {
    Tensor mask = Tensor.of(MemorySegment.ofArray(new byte[CLASSES]), DType.U8, CLASSES);
    List<Inputs> others =
        List.of(
            Inputs.none().withClassMask(mask),
            Inputs.none().withTargetWeights(sink),
            Inputs.none().withRowOffsets(labels));
    String[] names = {"classMask is U8", "targetWeights is F32", "rowOffsets is I32"};
    CrossEntropyShard plain =
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
            .build()
            .shard(0, CLASSES);
    PartialStates soft = plain.partialStates(logits, logits, Inputs.none());
    SoftmaxShard softmax =
        Softmax.builder()
            .execution(Execution.defaults().withBackend(backend))
            .build()
            .shard(0, CLASSES);
    PartialStates states = softmax.partialStates(logits, Inputs.none());
    for (int i = 0; i < names.length; i++) {
      Inputs inputs = others.get(i);
      String[] words = {names[i], "and finish has no such input"};
      LossOutputs outcome = LossOutputs.create();
      refused(OptionException.class, () -> plain.finish(soft, null, inputs, outcome), words);
      refused(OptionException.class, () -> softmax.finish(states, inputs, null), words);
    }
    LossOutputs outcome = LossOutputs.create();
    refused(
        OptionException.class,
        () -> plain.finish(soft, labels, Inputs.none(), outcome),
        "labels is I32 [3], the states are of probability rows");
    CrossEntropyShard ofOthers =
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
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
            .execution(Execution.defaults().withBackend(backend))
            .probabilityClamp(1e-7)
            .build()
            .shard(0, CLASSES);
    refused(
        OptionException.class,
        () -> clamped.finish(soft, null, Inputs.none(), outcome),
        "probabilityClamp is 1.0E-7, targets are probability rows");
  }
}
