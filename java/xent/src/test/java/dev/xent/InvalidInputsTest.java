// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.DTypeException;
import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.errors.XentException;
import dev.xent.options.DivergenceKind;
import dev.xent.options.Smoothing;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Invalid inputs, options and outputs: the message has name and value, and nothing is written. */
class InvalidInputsTest {
  private final float[] out = new float[12];
  private final Tensor logits = Tensor.of(Samples.logits(12, 2, 9), 3, 4);
  private final Tensor labels = Tensor.of(new int[] {0, 1, 2});
  private final Tensor output = Tensor.of(out, 3, 4);
  private final Tensor probabilities = Tensor.of(new float[12], 3, 4);
  private final CrossEntropy loss = CrossEntropy.mean();

  @AfterEach
  void nothingIsWritten() {
    assertThat(out).containsOnly(0);
  }

  private static void refused(
      Class<? extends XentException> type, ThrowingCallable call, String... words) {
    assertThatThrownBy(call)
        .isInstanceOf(type)
        .hasMessageContainingAll(words)
        .extracting(Throwable::getMessage)
        .asString()
        .hasLineCount(1);
  }

  private static Tensor u8(int... flags) {
    byte[] bytes = new byte[flags.length];
    for (int i = 0; i < flags.length; i++) {
      bytes[i] = (byte) flags[i];
    }
    return Tensor.of(MemorySegment.ofArray(bytes), DType.U8, flags.length);
  }

  private static LossOutputs outputs() {
    return LossOutputs.create();
  }

  // ---- options ---------------------------------------------------------------------------------

  @ParameterizedTest
  @ValueSource(
      doubles = {
        Double.NaN,
        0,
        -1,
        Double.POSITIVE_INFINITY,
        Double.NEGATIVE_INFINITY,
        Double.MIN_VALUE
      })
  void divisorsThatCannotBe(double bad) {
    refused(
        OptionException.class,
        () -> CrossEntropy.builder().temperature(bad),
        "temperature is " + bad);
    refused(OptionException.class, () -> CrossEntropy.builder().softcap(bad), "softcap is " + bad);
    refused(
        OptionException.class, () -> Softmax.builder().temperature(bad), "temperature is " + bad);
    refused(OptionException.class, () -> LogSoftmax.builder().softcap(bad), "softcap is " + bad);
    refused(OptionException.class, () -> LogSumExp.builder().softcap(bad), "softcap is " + bad);
  }

  @Test
  void factorsOutOfRange() {
    for (double bad : new double[] {0x1p-65, 0x1p65}) {
      String value = Double.toString(bad) + "; expected a number from 2^-32 to 2^32";
      refused(
          OptionException.class,
          () -> CrossEntropy.builder().temperature(bad),
          "temperature is " + value);
      refused(OptionException.class, () -> Softmax.builder().softcap(bad), "softcap is " + value);
      refused(
          OptionException.class,
          () -> LogSumExp.builder().temperature(bad),
          "temperature is " + value);
    }
  }

  @Test
  void otherOptionsThatCannotBe() {
    for (double bad : new double[] {Double.NaN, -1, Double.POSITIVE_INFINITY}) {
      refused(OptionException.class, () -> CrossEntropy.builder().zLoss(bad), "zLoss is " + bad);
    }
    for (double bad : new double[] {Double.NaN, 0, -0.1, 0.51, Double.POSITIVE_INFINITY}) {
      refused(
          OptionException.class,
          () -> CrossEntropy.builder().probabilityClamp(bad),
          "probabilityClamp is " + bad);
    }
    refused(
        OptionException.class,
        () -> CrossEntropy.builder().probabilityClamp(0.25).labelSmoothing(0.125).build(),
        "probabilityClamp is 0.25",
        "labelSmoothing is 0.125");
  }

  @Test
  void optionsOfLabelsWithOtherTargets() {
    Inputs sparse = Inputs.none().withTargetWeights(Tensor.of(new float[3], 3, 1));
    Tensor classes = Tensor.of(new int[3], 3, 1);
    CrossEntropy others = CrossEntropy.builder().smoothing(Smoothing.OTHERS).build();
    CrossEntropyShard clamped = CrossEntropy.builder().probabilityClamp(0.25).build().shard(0, 4);
    refused(
        OptionException.class,
        () -> others.forwardBackward(logits, probabilities, output),
        "smoothing is OTHERS",
        "probability rows F32 [3, 4]");
    refused(
        OptionException.class,
        () -> others.on(logits, classes, output).inputs(sparse).run(),
        "smoothing is OTHERS",
        "sparse targets I32 [3, 1]");
    refused(
        OptionException.class,
        () -> clamped.partialStates(logits, probabilities, Inputs.none()),
        "probabilityClamp is 0.25");
    refused(
        OptionException.class,
        () -> clamped.partialStates(logits, classes, sparse),
        "probabilityClamp is 0.25",
        "sparse targets");
    refused(
        OptionException.class,
        () ->
            CrossEntropy.builder()
                .ignoreIndex(-7)
                .build()
                .forwardBackward(logits, probabilities, output),
        "ignoreIndex is -7");
  }

  @Test
  void optionsOfLogitsOnLogProbabilities() {
    CrossEntropy.Builder[] builders = {
      CrossEntropy.builder().temperature(2),
      CrossEntropy.builder().softcap(30),
      CrossEntropy.builder().zLoss(0.5),
      CrossEntropy.builder().probabilityClamp(0.25)
    };
    String[] names = {
      "temperature is 2.0", "softcap is 30.0", "zLoss is 0.5", "probabilityClamp is 0.25"
    };
    for (int i = 0; i < builders.length; i++) {
      CrossEntropy built = builders[i].build();
      refused(OptionException.class, built::onLogProbabilities, names[i]);
    }
  }

  @Test
  void backwardOfASoftcap() {
    refused(
        OptionException.class,
        () -> Softmax.builder().softcap(30).build().backward(logits, logits, output),
        "softcap is 30.0",
        "derivative");
    refused(
        OptionException.class,
        () -> LogSoftmax.builder().softcap(30).build().backward(logits, logits, output),
        "softcap is 30.0");
  }

  // ---- inputs ----------------------------------------------------------------------------------

  @Test
  void inputsThatAnOperationDoesNotTake() {
    Tensor rows = Tensor.of(new float[3]);
    Inputs rowWeights = Inputs.none().withRowWeights(rows);
    Inputs targetWeights = Inputs.none().withTargetWeights(Tensor.of(new float[3], 3, 1));
    for (Inputs each : new Inputs[] {rowWeights, targetWeights}) {
      String name = each == rowWeights ? "rowWeights is F32 [3]" : "targetWeights is F32 [3, 1]";
      refused(
          OptionException.class,
          () -> Softmax.along(1).on(logits, output).inputs(each).run(),
          name);
      refused(
          OptionException.class,
          () -> Softmax.along(1).onBackward(logits, logits, output).inputs(each).run(),
          name);
      refused(
          OptionException.class,
          () -> LogSumExp.along(1).on(logits, rows).inputs(each).run(),
          name);
    }
    refused(
        OptionException.class,
        () ->
            Softmax.along(1)
                .onBackward(logits, logits, output)
                .inputs(Inputs.none().withSink(rows))
                .run(),
        "sink is F32 [3]");
    for (Inputs each : new Inputs[] {targetWeights, Inputs.none().withRowWeights(rows)}) {
      Tensor numbers = Tensor.of(new int[3]);
      refused(
          OptionException.class,
          () -> Argmax.along(1).on(logits, numbers).inputs(each).run(),
          "and argmax has no such input");
      refused(
          OptionException.class,
          () -> Entropy.along(1).on(logits, rows).inputs(each).run(),
          "and entropy has no such input");
      refused(
          OptionException.class,
          () -> TopK.of(2).onLogProbabilities(logits, numbers, rows).inputs(each).run(),
          "and top-k has no such input");
    }
    LossCall ofElements =
        BinaryCrossEntropy.mean().on(logits, logits).inputs(Inputs.none().withRowWeights(rows));
    refused(OptionException.class, ofElements::run, "and binary cross-entropy has no such input");
    assertThat(rows.toFloatArray()).containsOnly(0);
  }

  @Test
  void inputsOfOtherShapes() {
    refused(
        ShapeException.class,
        () ->
            Softmax.along(1)
                .on(logits, output)
                .inputs(Inputs.none().withClassMask(u8(1, 1, 1)))
                .run(),
        "classMask is U8 [3]",
        "[4]");
    refused(
        ShapeException.class,
        () ->
            loss.on(logits, labels, output)
                .inputs(Inputs.none().withRowWeights(Tensor.of(new float[4])))
                .run(),
        "rowWeights is F32 [4]",
        "shape [3]");
    refused(
        ShapeException.class,
        () ->
            loss.on(logits, labels, output)
                .inputs(Inputs.none().withSink(Tensor.of(new float[2])))
                .run(),
        "sink is F32 [2]");
    refused(
        ShapeException.class,
        () ->
            CrossEntropy.builder()
                .classWeights(Tensor.of(new float[3]))
                .build()
                .forwardBackward(logits, labels, output),
        "classWeights is F32 [3]",
        "shape [4]");
  }

  @Test
  void arraysWithANumberPerRow() {
    Tensor single = Tensor.of(out).slice(0, 0, 1);
    refused(
        ShapeException.class,
        () -> loss.on(logits, labels).outputs(outputs().losses(single)).run(),
        "losses is F32 [1]",
        "shape [3]");
    refused(
        ShapeException.class,
        () -> loss.on(logits, labels).outputs(outputs().correct(u8(0, 0))).run(),
        "correct is U8 [2]",
        "shape [3]");
    for (LossOutputs each :
        new LossOutputs[] {
          outputs().argmax(Tensor.of(new int[2])), outputs().ranks(Tensor.of(new int[2]))
        }) {
      refused(
          ShapeException.class,
          () -> loss.on(logits, labels).outputs(each).run(),
          " is I32 [2]",
          "shape [3]");
    }
    Tensor cube = Tensor.of(new float[24], 2, 3, 4);
    Tensor matrix = Tensor.of(new int[6], 2, 3);
    Tensor pair = Tensor.of(new float[] {1, 1});
    refused(
        ShapeException.class,
        () -> loss.on(cube, matrix).inputs(Inputs.none().withRowWeights(pair)).run(),
        "rowWeights is F32 [2]",
        "shape [2, 3]");
    Inputs forAll = Inputs.none().withRowWeights(pair.slice(0, 0, 1));
    assertThat(loss.on(cube, matrix).inputs(forAll).run()).isEqualTo(loss.forward(cube, matrix));
  }

  @Test
  void arraysInClosedMemory() {
    Tensor closed;
    try (Arena arena = Arena.ofConfined()) {
      closed = Tensor.allocate(arena, DType.F32, 3);
    }
    refused(
        MemoryException.class,
        () -> loss.on(logits, labels).outputs(outputs().losses(closed)).run(),
        "losses");
    refused(
        MemoryException.class,
        () -> loss.on(logits, labels).inputs(Inputs.none().withRowWeights(closed)).run(),
        "rowWeights");
  }

  @Test
  void typesThatDoNotGoTogether() {
    Tensor doubles = Tensor.of(new double[3]);
    Inputs weights = Inputs.none().withRowWeights(doubles);
    refused(
        DTypeException.class,
        () -> loss.on(logits, labels).inputs(weights).run(),
        "rowWeights is F64 [3]",
        "logits is F32 [3, 4]");
    assertThat(
            Divergence.mean(DivergenceKind.KULLBACK_LEIBLER)
                .on(logits, logits)
                .inputs(weights)
                .run())
        .isNaN();
    refused(
        DTypeException.class,
        () ->
            Softmax.along(0)
                .on(Tensor.of(new int[4]), Tensor.of(out))
                .inputs(Inputs.none().withRowOffsets(Tensor.of(new int[] {0, 4})))
                .run(),
        "logits is I32 [4]");
  }

  @Test
  void aTeacherOfIntegers() {
    refused(
        DTypeException.class,
        () ->
            Divergence.mean(DivergenceKind.KULLBACK_LEIBLER)
                .forward(logits, Tensor.of(new int[12], 3, 4)),
        "teacher is I32 [3, 4]");
  }

  @Test
  void sparseTargetsThatDoNotFit() {
    Tensor classes = Tensor.of(new int[6], 3, 2);
    refused(
        ShapeException.class,
        () ->
            loss.on(logits, classes, output)
                .inputs(Inputs.none().withTargetWeights(Tensor.of(new float[3], 3, 1)))
                .run(),
        "targetWeights is F32 [3, 1]",
        "targets is I32 [3, 2]");
    refused(
        ShapeException.class,
        () ->
            loss.on(logits, Tensor.of(new int[8], 4, 2), output)
                .inputs(Inputs.none().withTargetWeights(Tensor.of(new float[8], 4, 2)))
                .run(),
        "targets is I32 [4, 2]",
        "shape [3, k]");
    refused(
        ShapeException.class,
        () ->
            loss.on(logits, Tensor.of(new int[0], 3, 0), output)
                .inputs(Inputs.none().withTargetWeights(Tensor.of(new float[0], 3, 0)))
                .run(),
        "at least one class");
  }

  @Test
  void sparseClassesOutOfRange() {
    Inputs weights = Inputs.none().withTargetWeights(Tensor.of(new float[6], 3, 2));
    Tensor classes = Tensor.of(new int[] {0, 1, 2, 3, 4, 0}, 3, 2);
    refused(
        LabelException.class,
        () -> loss.on(logits, classes, output).inputs(weights).run(),
        "row 2 has label 4",
        "0 to 3");
  }

  @Test
  void labelsOfMaskedClasses() {
    refused(
        LabelException.class,
        () ->
            loss.on(logits, labels, output)
                .inputs(Inputs.none().withClassMask(u8(1, 0, 1, 1)))
                .run(),
        "row 1 has label 1",
        "classMask");
  }

  @Test
  void weightsThatCannotBe() {
    for (float bad : new float[] {-1, Float.NaN, Float.POSITIVE_INFINITY}) {
      refused(
          OptionException.class,
          () ->
              loss.on(logits, labels, output)
                  .inputs(Inputs.none().withRowWeights(Tensor.of(new float[] {1, 2, bad})))
                  .run(),
          "rowWeights of row 2 is " + bad);
      refused(
          OptionException.class,
          () ->
              CrossEntropy.builder()
                  .classWeights(Tensor.of(new float[] {1, bad, 1, 1}))
                  .build()
                  .forwardBackward(logits, labels, output),
          "classWeights of class 1 is " + bad);
    }
  }

  // ---- ragged rows -----------------------------------------------------------------------------

  @Test
  void offsetsThatCannotBe() {
    Tensor values = Tensor.of(new float[12]);
    Tensor written = Tensor.of(out);
    Softmax softmax = Softmax.along(0);
    refused(
        ShapeException.class,
        () ->
            softmax
                .on(logits, output)
                .inputs(Inputs.none().withRowOffsets(Tensor.of(new int[] {0, 4})))
                .run(),
        "logits is F32 [3, 4]",
        "one dimension");
    refused(
        ShapeException.class,
        () ->
            softmax
                .on(values, written)
                .inputs(Inputs.none().withRowOffsets(Tensor.of(new int[] {0, 4, 3, 12})))
                .run(),
        "rowOffsets of row 1 is 4, of row 2 3");
    refused(
        ShapeException.class,
        () ->
            softmax
                .on(values, written)
                .inputs(Inputs.none().withRowOffsets(Tensor.of(new long[] {0, 4, 13})))
                .run(),
        "rowOffsets ends with 13",
        "[12]");
    refused(
        ShapeException.class,
        () ->
            softmax
                .on(values, written)
                .inputs(Inputs.none().withRowOffsets(Tensor.of(new long[] {-1, 4})))
                .run(),
        "rowOffsets begins with -1");
    refused(
        ShapeException.class,
        () ->
            softmax
                .on(values, written)
                .inputs(Inputs.none().withRowOffsets(Tensor.of(new int[0])))
                .run(),
        "rowOffsets is I32 [0]",
        "rows + 1");
    refused(
        ShapeException.class,
        () ->
            loss.on(values, labels, written)
                .inputs(Inputs.none().withRowOffsets(Tensor.of(new int[] {0, 4, 12})))
                .run(),
        "targets is I32 [3]",
        "2 rows",
        "shape [2]");
  }

  @Test
  void masksAndWeightsOfRaggedRows() {
    Tensor values = Tensor.of(Samples.logits(12, 2, 3));
    Inputs ragged = Inputs.none().withRowOffsets(Tensor.of(new int[] {0, 4, 9, 12}));
    refused(
        ShapeException.class,
        () ->
            Softmax.along(0)
                .on(values, Tensor.of(out))
                .inputs(ragged.withClassMask(u8(new int[11])))
                .run(),
        "classMask is U8 [11]",
        "logits is F32 [12]");
    CrossEntropy weighted = weighted(4);
    refused(
        ShapeException.class,
        () -> weighted.on(values, labels, Tensor.of(out)).inputs(ragged).run(),
        "classWeights is F32 [4]",
        "shape [5]");
    double expected = loss.on(values, labels).inputs(ragged).run();
    assertThat(weighted(5).on(values, labels).inputs(ragged).run()).isEqualTo(expected);
    assertThat(weighted(6).on(values, labels).inputs(ragged).run()).isEqualTo(expected);
  }

  /** With the same weight for every class, which changes no mean. */
  private static CrossEntropy weighted(int classes) {
    float[] weights = new float[classes];
    Arrays.fill(weights, 1);
    return CrossEntropy.builder().classWeights(Tensor.of(weights)).build();
  }

  @Test
  void labelsBehindTheEndOfTheirRow() {
    refused(
        LabelException.class,
        () ->
            loss.on(Tensor.of(new float[12]), Tensor.of(new int[] {0, 7, 2}), Tensor.of(out))
                .inputs(Inputs.none().withRowOffsets(Tensor.of(new int[] {0, 8, 12, 12})))
                .run(),
        "row 1 has label 7",
        "0 to 3");
    refused(
        LabelException.class,
        () ->
            loss.on(Tensor.of(new float[12]), Tensor.of(new int[] {0, 0}), Tensor.of(out))
                .inputs(Inputs.none().withRowOffsets(Tensor.of(new int[] {0, 12, 12})))
                .run(),
        "row 1 has label 0; expected none, as the row has no class");
  }

  // ---- outcomes --------------------------------------------------------------------------------

  @Test
  void outcomesThatNeedLabels() {
    Tensor rows = Tensor.of(out, 12).slice(0, 0, 3);
    for (LossOutputs each :
        new LossOutputs[] {
          outputs().logProbabilities(rows),
          outputs().ranks(Tensor.of(new int[3])),
          outputs().countCorrect(true)
        }) {
      refused(
          OptionException.class,
          () -> loss.on(logits, probabilities, output).outputs(each).run(),
          "targets are probability rows");
    }
    refused(
        OptionException.class,
        () -> loss.on(logits, labels).outputs(outputs().targetGradient(output)).run(),
        "targetGradient",
        "class indices");
    refused(
        ShapeException.class,
        () -> loss.on(logits, probabilities).outputs(outputs().targetGradient(rows)).run(),
        "targetGradient is F32 [3]",
        "targets is F32 [3, 4]");
  }

  @Test
  void numbersOfLargestClasses() {
    refused(
        ShapeException.class,
        () ->
            loss.on(logits, labels)
                .outputs(outputs().topClasses(Tensor.of(new int[15], 3, 5)))
                .run(),
        "topClasses is I32 [3, 5]",
        "1 to 4");
    refused(
        ShapeException.class,
        () ->
            loss.on(logits, labels)
                .outputs(
                    outputs()
                        .topClasses(Tensor.of(new int[6], 3, 2))
                        .topLogProbabilities(Tensor.of(out, 3, 4)))
                .run(),
        "topLogProbabilities is F32 [3, 4]",
        "topClasses is I32 [3, 2]");
    refused(
        ShapeException.class,
        () ->
            loss.on(logits, labels)
                .outputs(outputs().topClasses(Tensor.of(new int[8], 4, 2)))
                .run(),
        "topClasses is I32 [4, 2]",
        "shape [3, k]");
  }

  @Test
  void outcomesThatOverlap() {
    Tensor rows = Tensor.of(out, 12).slice(0, 0, 3);
    refused(
        MemoryException.class,
        () -> loss.on(logits, labels).outputs(outputs().losses(rows).entropies(rows)).run(),
        "losses and entropies overlap");
    refused(
        MemoryException.class,
        () -> loss.on(logits, labels, output).inputs(Inputs.none().withSink(rows)).run(),
        "gradient and sink overlap");
    refused(
        MemoryException.class,
        () ->
            loss.on(logits, labels)
                .outputs(outputs().argmax(Tensor.of(new int[3]).asReadOnly()))
                .run(),
        "argmax is read-only");
  }

  @Test
  void statisticsOfAnotherForward() {
    try (Arena arena = Arena.ofConfined()) {
      LossOutputs saved = outputs().saveStatistics(arena);
      loss.on(logits, labels).outputs(saved).run();
      refused(
          OptionException.class,
          () ->
              loss.onBackward(logits, labels, saved, null, output)
                  .inputs(Inputs.none().withClassMask(u8(1, 1, 1, 1)))
                  .run(),
          "3 rows, 4 classes and class indices,",
          "class indices with classMask");
      refused(
          OptionException.class,
          () -> loss.onBackward(logits, probabilities, saved, null, output).run(),
          "class indices",
          "probability rows");
    }
  }

  /** Only rows that the logits can be cut into. */
  @ParameterizedTest
  @CsvSource({
    "2, 'or reshape logits to [2, 6]'",
    "6, 'or reshape logits to [6, 2]'",
    "5,",
    "12, 'or one-hot rows of type F32, F16 or BF16'",
    "24,"
  })
  void logitsInALineAreToBeReshaped(int count, @Nullable String advice) {
    Tensor flat = Tensor.of(new float[12]);
    assertThatThrownBy(() -> loss.forward(flat, Tensor.of(new int[count])))
        .isInstanceOf(ShapeException.class)
        .hasMessageEndingWith(
            "expected targets of shape [1]" + (advice == null ? "" : ", " + advice));
    assertThatThrownBy(() -> loss.forward(flat, Tensor.of(new int[count], 1, count)))
        .isInstanceOf(ShapeException.class)
        .hasMessageEndingWith("expected targets of shape [1]");
  }

  @Test
  void otherLogitsAreNot() {
    Inputs ragged = Inputs.none().withRowOffsets(Tensor.of(new int[] {0, 4, 12}));
    refused(
        ShapeException.class,
        () -> loss.on(Tensor.of(new float[12]), Tensor.of(new int[4])).inputs(ragged).run(),
        "with 2 rows by rowOffsets; expected targets of shape [2], or rowOffsets of shape [5]");
    assertThatThrownBy(
            () ->
                LinearCrossEntropy.mean()
                    .forward(
                        Tensor.of(new float[4]),
                        Tensor.of(new float[48], 12, 4),
                        Tensor.of(new int[6])))
        .hasMessageEndingWith("expected targets of shape [1]");
    assertThatThrownBy(() -> loss.forward(logits, Tensor.of(new int[2])))
        .hasMessageEndingWith("expected targets of shape [3]");
  }
}
