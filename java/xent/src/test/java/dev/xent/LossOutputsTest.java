// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.errors.EmptyMeanException;
import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import dev.xent.options.Backend;
import dev.xent.options.DivergenceKind;
import dev.xent.options.EmptyMean;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reductions, denominators, and what an outcome hands out. */
class LossOutputsTest {
  private final float[] x = Samples.logits(12, 2, 9);
  private final Tensor logits = Tensor.of(x, 4, 3);
  private final Tensor labels = Tensor.of(new int[] {2, 0, 1, 1});
  private final Tensor ignored = Tensor.of(new int[] {-1, -1, -1, -1});
  private final LossOutputs outcome = LossOutputs.create();

  private static CrossEntropy.Builder on(Backend backend) {
    return CrossEntropy.builder()
        .execution(Execution.defaults().withBackend(backend))
        .ignoreIndex(-1);
  }

  private float[] gradient(CrossEntropy operation, Tensor targets) {
    float[] dx = new float[12];
    operation.on(logits, targets, Tensor.of(dx, 4, 3)).outputs(outcome).run();
    return dx;
  }

  @OnEveryBackend
  void beforeTheFirstCallThatSucceedsThereAreNoNumbers(Backend backend) {
    assertThatThrownBy(
            () ->
                on(backend)
                    .build()
                    .on(logits, Tensor.of(new int[] {9, 0, 0, 0}))
                    .outputs(outcome)
                    .run())
        .isInstanceOf(LabelException.class);
    assertThat(outcome.loss()).isNaN();
    assertThat(outcome.sum()).isNaN();
    assertThat(outcome.denominator()).isNaN();
    assertThat(outcome.rows()).isEqualTo(-1);
    assertThat(outcome.validRows()).isEqualTo(-1);
    correctRowsWereNotCounted();
  }

  @OnEveryBackend
  void reductionsAgree(Backend backend) {
    float[] losses = new float[4];
    CrossEntropy sum = on(backend).reduction(Reduction.SUM).build();
    outcome.losses(Tensor.of(losses));
    double exact = sum.on(logits, labels).outputs(outcome).run();
    assertThat(exact).isEqualTo((double) losses[0] + losses[1] + losses[2] + losses[3]);
    assertThat(sum.forward(logits, labels)).isEqualTo(exact);
    assertThat(on(backend).build().forward(logits, labels)).isEqualTo(exact / 4);
    assertThat(on(backend).denominator(0.5).build().on(logits, labels).outputs(outcome).run())
        .isEqualTo(exact / 0.5);
    assertThat(outcome.denominator()).isEqualTo(0.5);
    assertThat(outcome.validRows()).isEqualTo(4);
    assertThat(outcome.sum()).isEqualTo(exact);
    assertThat(on(backend).build().withDenominator(16).forward(logits, labels))
        .isEqualTo(exact / 16);
  }

  @OnEveryBackend
  void theGradientHasAReductionOfItsOwn(Backend backend) {
    float[] ofSum = gradient(on(backend).reduction(Reduction.SUM).build(), labels);
    float[] ofMean = gradient(on(backend).build(), labels);
    for (int i = 0; i < 12; i++) {
      assertThat(ofMean[i]).isEqualTo(ofSum[i] / 4);
    }
    assertThat(gradient(on(backend).gradientReduction(Reduction.SUM).build(), labels))
        .isEqualTo(ofSum);
    assertThat(outcome.loss()).isEqualTo(outcome.sum() / 4);
    assertThat(
            gradient(
                on(backend)
                    .reduction(Reduction.SUM)
                    .gradientReduction(Reduction.MEAN)
                    .gradientScale(4)
                    .build(),
                labels))
        .isEqualTo(ofSum);
    assertThat(gradient(on(backend).denominator(4).build(), labels)).isEqualTo(ofMean);
  }

  @OnEveryBackend
  void aMeanOverNothingFollowsThePolicy(Backend backend) {
    for (Tensor rows : new Tensor[] {logits, Tensor.of(new float[0], 0, 3)}) {
      Tensor targets = rows == logits ? ignored : Tensor.of(new int[0]);
      assertThat(on(backend).build().forward(rows, targets)).isNaN();
      assertThat(on(backend).emptyMean(EmptyMean.ZERO).build().forward(rows, targets)).isZero();
      CrossEntropy error = on(backend).emptyMean(EmptyMean.ERROR).build();
      assertThatThrownBy(() -> error.forward(rows, targets))
          .isInstanceOf(EmptyMeanException.class)
          .hasMessageContaining("no row is valid");
      CrossEntropy weightless =
          on(backend).emptyMean(EmptyMean.ERROR).classWeights(Tensor.of(new float[3])).build();
      assertThatThrownBy(() -> weightless.forward(logits, Tensor.of(new int[4])))
          .isInstanceOf(EmptyMeanException.class)
          .hasMessageContaining("all weights are 0");
      assertThat(
              on(backend)
                  .reduction(Reduction.SUM)
                  .emptyMean(EmptyMean.ERROR)
                  .build()
                  .on(rows, targets)
                  .outputs(outcome)
                  .run())
          .isZero();
      assertThat(outcome.validRows()).isZero();
      assertThat(on(backend).denominator(8).build().forward(rows, targets)).isZero();
    }
    assertThat(gradient(on(backend).build(), ignored)).containsOnly(0);
  }

  @OnEveryBackend
  void theDenominatorZeroGivesAGradientOfPlusZero(Backend backend) {
    x[0] = Float.NaN;
    CrossEntropy mean = on(backend).denominator(0).gradientScale(-1).build();
    assertThat(Samples.bits(gradient(mean, labels))).containsOnly(0);
    assertThat(outcome.loss()).isNaN();
    float[] wide = new float[24];
    Arrays.fill(wide, 5);
    Tensor gaps = Tensor.of(wide, 4, 6).slice(1, 0, 3);
    mean.forwardBackward(logits, labels, gaps);
    assertThat(Samples.bits(gaps)).containsOnly(0);
    assertThat(wide[3]).isEqualTo(5);
    CrossEntropy error = on(backend).denominator(0).emptyMean(EmptyMean.ERROR).build();
    assertThatThrownBy(() -> error.forwardBackward(logits, labels, logits))
        .isInstanceOf(EmptyMeanException.class)
        .hasMessageContaining("denominator is 0");
    assertThat(x[1]).isNotZero();
  }

  @OnEveryBackend
  void aGradientOfNothingFollowsThePolicy(Backend backend) {
    CrossEntropy error =
        on(backend)
            .reduction(Reduction.SUM)
            .gradientReduction(Reduction.MEAN)
            .emptyMean(EmptyMean.ERROR)
            .build();
    float[] dx = new float[12];
    Arrays.fill(dx, 5);
    assertThatThrownBy(() -> error.forwardBackward(logits, ignored, Tensor.of(dx, 4, 3)))
        .isInstanceOf(EmptyMeanException.class)
        .hasMessageContaining("no row is valid");
    assertThat(dx).containsOnly(5);
    assertThat(error.forward(logits, ignored)).isZero();
  }

  @OnEveryBackend
  void statisticsOfNoRowsAndInClosedMemory(Backend backend) {
    CrossEntropy loss = on(backend).build();
    Tensor nothing = Tensor.of(new float[0], 0, 3);
    try (Arena arena = Arena.ofConfined()) {
      outcome.saveStatistics(arena);
      loss.on(nothing, Tensor.of(new int[0])).outputs(outcome).run();
      loss.onBackward(nothing, Tensor.of(new int[0]), outcome, null, nothing).run();
      loss.on(logits, labels).outputs(outcome).run();
    }
    assertThatThrownBy(() -> loss.on(logits, labels).outputs(outcome).run())
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("the memory of saveStatistics");
  }

  @OnEveryBackend
  void fromOneToAllOfTheLargestClasses(Backend backend) {
    int[] largest = new int[4];
    on(backend)
        .build()
        .on(logits, labels)
        .outputs(outcome.topClasses(Tensor.of(largest, 4, 1)))
        .run();
    int[] all = new int[12];
    on(backend).build().on(logits, labels).outputs(outcome.topClasses(Tensor.of(all, 4, 3))).run();
    for (int row = 0; row < 4; row++) {
      assertThat(all[3 * row]).isEqualTo(largest[row]);
      assertThat(Arrays.copyOfRange(all, 3 * row, 3 * row + 3)).containsExactlyInAnyOrder(0, 1, 2);
    }
  }

  @OnEveryBackend
  void theSumOfLossesIsExact(Backend backend) {
    int rows = 3000;
    float[] spread = Samples.logits(rows * 2, 40, 4);
    float[] losses = new float[rows];
    double sum =
        on(backend)
            .reduction(Reduction.SUM)
            .build()
            .on(Tensor.of(spread, rows, 2), Tensor.of(new byte[rows]))
            .outputs(outcome.losses(Tensor.of(losses)))
            .run();
    BigDecimal exact = BigDecimal.ZERO;
    for (float loss : losses) {
      exact = exact.add(new BigDecimal(loss));
    }
    assertThat(sum).isEqualTo(exact.doubleValue());
  }

  private void correctRowsWereNotCounted() {
    assertThatThrownBy(outcome::correctRows)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "correctRows was not counted; expected countCorrect(true) or correct(tensor) before the"
                + " call");
  }

  @OnEveryBackend
  void countsHitsWithOrWithoutATensor(Backend backend) {
    Tensor rows = Tensor.of(new float[] {1, 1, 0, 0, 2, 2, 5, 5, 5}, 3, 3);
    Tensor targets = Tensor.of(new int[] {0, 2, 0});
    CrossEntropy mean = on(backend).build();
    mean.on(rows, targets).outputs(outcome).run();
    correctRowsWereNotCounted();
    mean.on(rows, targets).outputs(outcome.countCorrect(true)).run();
    assertThat(outcome.correctRows()).isEqualTo(2);
    try (Arena arena = Arena.ofConfined()) {
      Tensor hits = Tensor.allocate(arena, DType.U8, 3, 2).slice(1, 1, 2);
      mean.on(rows, targets).outputs(outcome.correct(hits).countCorrect(false)).run();
      assertThat(hits.toLongArray()).containsExactly(1, 0, 1);
      assertThat(outcome.correctRows()).isEqualTo(2);
    }
    mean.on(rows, targets).outputs(outcome.correct(null)).run();
    correctRowsWereNotCounted();
  }

  @OnEveryBackend
  void hitsOfProbabilityRowsAreRefused(Backend backend) {
    CrossEntropy mean =
        CrossEntropy.builder().execution(Execution.defaults().withBackend(backend)).build();
    assertThatThrownBy(() -> mean.on(logits, logits).outputs(outcome.countCorrect(true)).run())
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("correct");
  }

  // ---- what losses have ------------------------------------------------------------------------

  /** A request of each output alone, by the name of the output. */
  private Map<String, LossOutputs> everyRequest() {
    Map<String, LossOutputs> all = new LinkedHashMap<>();
    all.put("losses", LossOutputs.create().losses(Tensor.of(new float[4])));
    all.put("lossSum", LossOutputs.create().lossSum(LossSum.create()));
    all.put("logSumExp", LossOutputs.create().logSumExp(Tensor.of(new float[4])));
    all.put("correct", LossOutputs.create().correct(Tensor.of(new byte[4])));
    all.put("countCorrect", LossOutputs.create().countCorrect(true));
    all.put("logProbabilities", LossOutputs.create().logProbabilities(Tensor.of(new float[4])));
    all.put("argmax", LossOutputs.create().argmax(Tensor.of(new int[4])));
    all.put("ranks", LossOutputs.create().ranks(Tensor.of(new int[4])));
    all.put("entropies", LossOutputs.create().entropies(Tensor.of(new float[4])));
    all.put("topClasses", LossOutputs.create().topClasses(Tensor.of(new int[4], 4, 1)));
    all.put(
        "topLogProbabilities",
        LossOutputs.create().topLogProbabilities(Tensor.of(new float[4], 4, 1)));
    all.put("targetGradient", LossOutputs.create().targetGradient(Tensor.of(new float[12], 4, 3)));
    all.put("saveStatistics", LossOutputs.create().saveStatistics());
    return all;
  }

  /** What an operation does not compute: rejected by its name before anything is written. */
  private List<String> rejected(String operation, LossCall call, float[] dx) {
    List<String> names = new ArrayList<>();
    everyRequest()
        .forEach(
            (name, outputs) -> {
              Arrays.fill(dx, 7);
              try {
                call.outputs(outputs).run();
                assertThat(outputs.rows()).isEqualTo(4);
              } catch (OptionException e) {
                assertThat(dx).containsOnly(7);
                assertThat(outputs.rows()).isEqualTo(-1);
                if (!e.getMessage().contains("targets are ")) { // of the other kind
                  names.add(name);
                  assertThat(e)
                      .hasMessageStartingWith(name + " is requested, and " + operation + " has ")
                      .hasMessageContaining("; expected outputs without it");
                }
              }
            });
    return names;
  }

  @OnEveryBackend
  void lossesRejectWhatTheyDoNotHave(Backend backend) {
    Execution execution = Execution.defaults().withBackend(backend);
    Tensor probabilities = Tensor.of(new float[12], 4, 3);
    float[] dx = new float[12];
    Tensor gradient = Tensor.of(dx, 4, 3);
    List<String> ofTargets =
        List.of(
            "logSumExp",
            "logProbabilities",
            "argmax",
            "ranks",
            "entropies",
            "topClasses",
            "topLogProbabilities");
    NllLoss nll = NllLoss.builder().execution(execution).build();
    for (Tensor targets : List.of(labels, probabilities)) {
      LossCall call = nll.on(logits, targets, gradient);
      assertThat(rejected("the loss of log-probabilities", call, dx)).isEqualTo(ofTargets);
    }
    List<String> others = new ArrayList<>(ofTargets);
    others.addAll(List.of("correct", "countCorrect", "targetGradient", "saveStatistics"));
    for (DivergenceKind kind : DivergenceKind.values()) {
      Divergence divergence = Divergence.builder(kind).execution(execution).build();
      LossCall call = divergence.on(logits, probabilities, gradient);
      assertThat(rejected("a divergence", call, dx)).containsExactlyInAnyOrderElementsOf(others);
    }
    Tensor elements = logits.select(1, 0);
    float[] ofElements = new float[4];
    LossCall call =
        BinaryCrossEntropy.builder()
            .execution(execution)
            .build()
            .on(elements, elements, Tensor.of(ofElements));
    assertThat(rejected("binary cross-entropy", call, ofElements))
        .containsExactlyInAnyOrderElementsOf(others);
    for (Tensor targets : List.of(labels, probabilities)) {
      CrossEntropy all = CrossEntropy.builder().execution(execution).build();
      assertThat(rejected("", all.on(logits, targets, gradient), dx)).isEmpty();
    }
  }

  @OnEveryBackend
  void backwardNeedsTheStatisticsOfItsForward(Backend backend) {
    CrossEntropy mean = on(backend).build();
    Tensor dx = Tensor.of(new float[12], 4, 3);
    assertThatThrownBy(() -> mean.onBackward(logits, labels, outcome, null, dx).run())
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("saveStatistics");
    mean.on(logits, labels).outputs(outcome).run();
    assertThatThrownBy(() -> mean.onBackward(logits, labels, outcome, null, dx).run())
        .isInstanceOf(OptionException.class);
    try (Arena arena = Arena.ofConfined()) {
      mean.on(logits, labels).outputs(outcome.saveStatistics(arena)).run();
      assertThatThrownBy(
              () ->
                  mean.onBackward(
                          logits.slice(0, 0, 3),
                          labels.slice(0, 0, 3),
                          outcome,
                          null,
                          dx.slice(0, 0, 3))
                      .run())
          .isInstanceOf(OptionException.class)
          .hasMessageContaining("4 rows, 3 classes and class indices");
      mean.onBackward(logits, labels, outcome, null, dx).run();
    }
    assertThatThrownBy(() -> mean.onBackward(logits, labels, outcome, null, dx).run())
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("saveStatistics");
    assertThatThrownBy(() -> mean.on(logits, labels).outputs(outcome).run())
        .isInstanceOf(MemoryException.class);
  }

  @OnEveryBackend
  void statisticsGrowWithTheRows(Backend backend) {
    try (Arena arena = Arena.ofConfined()) {
      outcome.saveStatistics(arena);
      CrossEntropy mean = on(backend).build();
      for (int rows : new int[] {1, 4, 2}) {
        Tensor part = logits.slice(0, 0, rows);
        Tensor targets = labels.slice(0, 0, rows);
        float[] fused = new float[rows * 3];
        float[] later = new float[rows * 3];
        mean.on(part, targets, Tensor.of(fused, rows, 3)).outputs(outcome).run();
        mean.onBackward(part, targets, outcome, null, Tensor.of(later, rows, 3)).run();
        assertThat(later).isEqualTo(fused);
      }
    }
  }

  @OnEveryBackend
  void afterAFailureTheNumbersAreThoseOfBefore(Backend backend) {
    CrossEntropy mean = on(backend).build();
    double loss = mean.on(logits, labels).outputs(outcome).run();
    assertThatThrownBy(
            () -> mean.on(logits, Tensor.of(new int[] {0, 0, 0, 3})).outputs(outcome).run())
        .isInstanceOf(LabelException.class);
    assertThat(outcome.loss()).isCloseTo(loss, within(0.0));
    assertThat(outcome.rows()).isEqualTo(4);
  }
}
