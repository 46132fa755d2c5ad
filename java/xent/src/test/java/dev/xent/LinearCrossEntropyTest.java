// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import dev.xent.options.EmptyMean;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

/** Cross-entropy of linear layers: what it is. Its bits are in {@code BitsTest}. */
class LinearCrossEntropyTest {
  private static final int ROWS = 6;
  private static final int FEATURES = 5;
  private static final int CLASSES = 7;

  private final float[] h = Samples.logits(ROWS * FEATURES, 1, 1);
  private final float[] w = Samples.logits(CLASSES * FEATURES, 1, 2);
  private final float[] b = Samples.logits(CLASSES, 1, 3);
  private final int[] y = Samples.labels(ROWS, CLASSES, 4);
  private final Tensor hidden = Tensor.of(h, ROWS, FEATURES);
  private final Tensor weights = Tensor.of(w, CLASSES, FEATURES);
  private final Tensor bias = Tensor.of(b, CLASSES);
  private final Tensor labels = Tensor.of(y);
  private final Tensor ofHidden = Tensor.of(new float[h.length], ROWS, FEATURES);
  private final Tensor ofWeights = Tensor.of(new float[w.length], CLASSES, FEATURES);
  private final Tensor ofBias = Tensor.of(new float[CLASSES], CLASSES);
  private final LinearGradients gradients =
      LinearGradients.create().hidden(ofHidden).weights(ofWeights).bias(ofBias);

  private static LinearCrossEntropy.Builder on(Backend backend) {
    return LinearCrossEntropy.builder().execution(Execution.defaults().withBackend(backend));
  }

  /** The mean loss in double, with a change of one number. */
  private double mean(float[] changed, int at, double by) {
    double sum = 0;
    for (int r = 0; r < ROWS; r++) {
      double[] x = new double[CLASSES];
      double total = 0;
      for (int v = 0; v < CLASSES; v++) {
        x[v] = value(b, v, changed, at, by);
        for (int k = 0; k < FEATURES; k++) {
          x[v] +=
              value(h, r * FEATURES + k, changed, at, by)
                  * value(w, v * FEATURES + k, changed, at, by);
        }
        total += Math.exp(x[v]);
      }
      sum += Math.log(total) - x[y[r]];
    }
    return sum / ROWS;
  }

  private static double value(float[] array, int i, float[] changed, int at, double by) {
    return array == changed && i == at ? array[i] + by : array[i];
  }

  private void isGradientOf(Tensor gradient, float[] values) {
    float[] got = gradient.toFloatArray();
    for (int i = 0; i < values.length; i++) {
      double slope = (mean(values, i, 1e-4) - mean(values, i, -1e-4)) / 2e-4;
      assertThat((double) got[i]).isCloseTo(slope, within(1e-6));
    }
  }

  @OnEveryBackend
  void lossAndGradientsOfTheMean(Backend backend) {
    Inputs inputs = Inputs.none().withBias(bias);
    LossOutputs outputs = LossOutputs.create().countCorrect(true);
    double mean =
        on(backend)
            .build()
            .on(hidden, weights, labels, gradients)
            .inputs(inputs)
            .outputs(outputs)
            .run();
    assertThat(mean).isCloseTo(mean(h, 0, 0), within(1e-6));
    isGradientOf(ofHidden, h);
    isGradientOf(ofWeights, w);
    isGradientOf(ofBias, b);
    assertThat(outputs.rows()).isEqualTo(ROWS);
    assertThat(outputs.correctRows()).isBetween(0L, (long) ROWS);
    assertThat(on(backend).build().on(hidden, weights, labels).inputs(inputs).run())
        .isEqualTo(mean);
    assertThat(
            on(backend)
                .reduction(Reduction.SUM)
                .build()
                .on(hidden, weights, labels)
                .inputs(inputs)
                .run())
        .isEqualTo(outputs.sum());
    assertThat(
            on(backend)
                .build()
                .withDenominator(60)
                .on(hidden, weights, labels)
                .inputs(inputs)
                .outputs(outputs)
                .run())
        .isEqualTo(outputs.sum() / 60);
  }

  @OnEveryBackend
  void aTiedEmbeddingServesAsItLies(Backend backend) {
    float[] table = new float[CLASSES * 8];
    for (int v = 0; v < CLASSES; v++) {
      System.arraycopy(w, v * FEATURES, table, v * 8 + 2, FEATURES);
    }
    Tensor embedding = Tensor.of(table, CLASSES, 8).slice(1, 2, 2 + FEATURES);
    LinearCrossEntropy loss = on(backend).build();
    assertThat(loss.forward(hidden, embedding, labels))
        .isEqualTo(loss.forward(hidden, weights, labels));
    Tensor transposed = Tensor.of(new float[w.length], FEATURES, CLASSES);
    transposed.permute(1, 0).copyFrom(weights);
    assertThat(loss.forward(hidden, transposed.permute(1, 0), labels))
        .isEqualTo(loss.forward(hidden, weights.asReadOnly(), labels));
  }

  @OnEveryBackend
  void oneRowAndOneClass(Backend backend) {
    LinearCrossEntropy loss = on(backend).axis(0).build();
    Tensor row = Tensor.of(new float[] {1, 2, 3}, 3);
    Tensor one = Tensor.of(new float[] {1, 1, 1}, 1, 3);
    Tensor label = Tensor.of(new int[] {0});
    LossOutputs outputs = LossOutputs.create().logSumExp(Tensor.of(new float[1], 1));
    assertThat(loss.on(row, one, label).outputs(outputs).run()).isZero();
    assertThat(loss.toString()).startsWith("LinearCrossEntropy[axis=0");
  }

  @OnEveryBackend
  void noRowsGiveZeroGradients(Backend backend) {
    Tensor nothing = hidden.slice(0, 0, 0);
    Tensor none = labels.slice(0, 0, 0);
    ofWeights.setFloat(7, 0, 0);
    ofBias.setFloat(7, 0);
    LinearCrossEntropy loss = on(backend).emptyMean(EmptyMean.ZERO).build();
    gradients.hidden(null);
    assertThat(loss.forwardBackward(nothing, weights, none, gradients)).isZero();
    assertThat(ofWeights.toFloatArray()).containsOnly(0);
    assertThat(ofBias.toFloatArray()).containsOnly(0);
    ofWeights.setFloat(7, 0, 0);
    LinearCrossEntropy sum = on(backend).reduction(Reduction.SUM).build();
    assertThat(sum.forwardBackward(nothing, weights, none, gradients)).isZero();
    assertThat(ofWeights.toFloatArray()).containsOnly(0);
  }

  @OnEveryBackend
  void aTallySeesTheLosses(Backend backend) {
    LossSum lossSum = LossSum.create();
    LossOutputs outputs = LossOutputs.create().lossSum(lossSum);
    LinearCrossEntropy loss = on(backend).build();
    double first =
        loss.on(hidden.slice(0, 0, 2), weights, labels.slice(0, 0, 2)).outputs(outputs).run();
    double second =
        loss.on(hidden.slice(0, 2, 6), weights, labels.slice(0, 2, 6)).outputs(outputs).run();
    assertThat(lossSum.mean()).isEqualTo(loss.forward(hidden, weights, labels));
    assertThat(first).isNotEqualTo(second);
  }

  @OnEveryBackend
  void upstreamNumbersMultiplyRows(Backend backend) {
    LinearCrossEntropy loss = on(backend).reduction(Reduction.SUM).build();
    LossOutputs outputs = LossOutputs.create().saveStatistics(Arena.ofAuto());
    loss.on(hidden, weights, labels).outputs(outputs).run();
    float[] upstream = {1, 0, 0, 0, 0, 2};
    loss.onBackward(hidden, weights, labels, outputs, Tensor.of(upstream), gradients).run();
    float[] got = ofWeights.toFloatArray();
    Tensor first = Tensor.of(new float[w.length], CLASSES, FEATURES);
    Tensor last = Tensor.of(new float[w.length], CLASSES, FEATURES);
    LinearGradients one = LinearGradients.create();
    loss.forwardBackward(hidden.slice(0, 0, 1), weights, labels.slice(0, 0, 1), one.weights(first));
    loss.forwardBackward(hidden.slice(0, 5, 6), weights, labels.slice(0, 5, 6), one.weights(last));
    for (int i = 0; i < got.length; i++) {
      double expected = first.toFloatArray()[i] + 2.0 * last.toFloatArray()[i];
      assertThat((double) got[i]).isCloseTo(expected, within(1e-6));
    }
    assertThatThrownBy(
            () ->
                loss.onBackward(
                        hidden.slice(0, 0, 5),
                        weights,
                        labels.slice(0, 0, 5),
                        outputs,
                        null,
                        gradients.hidden(null))
                    .run())
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("backward was called with 5 rows");
  }

  @OnEveryBackend
  void aWorkspaceThatIsTooSmallSaysHowManyBytesAreNeeded(Backend backend) {
    ofWeights.setFloat(7, 0, 0);
    assertThatThrownBy(
            () ->
                on(backend)
                    .workspace(63)
                    .build()
                    .forwardBackward(hidden, weights, labels, gradients))
        .isInstanceOf(OptionException.class)
        .hasMessageMatching(
            "workspace is 63 bytes, and hidden F32 \\[6, 5\\] with weights F32 \\[7, 5\\] needs"
                + " \\d+; expected that size, or fewer rows at once");
    assertThat(ofWeights.getFloat(0, 0)).isEqualTo(7);
  }

  /** The number of bytes in the message is enough, and one byte less is not. */
  @OnEveryBackend
  void asManyBytesAsAreNeededDo(Backend backend) {
    long enough = 64;
    for (int tries = 0; tries < 2; tries++) {
      try {
        on(backend).workspace(enough).build().forwardBackward(hidden, weights, labels, gradients);
        break;
      } catch (OptionException e) {
        assertThat(tries).isZero();
        enough = Long.parseLong(e.getMessage().replaceAll(".* needs (\\d+);.*", "$1"));
      }
    }
    LinearCrossEntropy less = on(backend).workspace(enough - 1).build();
    assertThatThrownBy(() -> less.forwardBackward(hidden, weights, labels, gradients))
        .isInstanceOf(OptionException.class);
  }

  /** Three dimensions of rows that no three strides describe. */
  @OnEveryBackend
  void piecesHaveGradientsOfTheirRowsAlone(Backend backend) {
    float[] values = Samples.logits(3 * 3 * 3 * 4, 1, 9);
    Tensor all = Tensor.of(values, 3, 3, 3, 4);
    Tensor some = all.slice(0, 0, 2).slice(1, 0, 2).slice(2, 0, 2);
    Tensor dense = Tensor.of(new float[32], 2, 2, 2, 4);
    dense.copyFrom(some);
    Tensor matrix = Tensor.of(Samples.logits(20, 1, 8), 5, 4);
    Tensor classes = Tensor.of(new int[] {0, 1, 2, 3, 4, 0, 1, 2}, 2, 2, 2);
    Tensor a = Tensor.of(new float[32], 2, 2, 2, 4);
    Tensor c = Tensor.of(new float[32], 2, 2, 2, 4);
    LinearCrossEntropy loss = on(backend).build();
    LinearGradients one = LinearGradients.create();
    double expected = loss.forwardBackward(dense, matrix, classes, one.hidden(a));
    assertThat(loss.forwardBackward(some, matrix, classes, one.hidden(c))).isEqualTo(expected);
    assertThat(Samples.bits(c)).isEqualTo(Samples.bits(a));
    one.weights(Tensor.of(new float[20], 5, 4));
    assertThatThrownBy(() -> loss.forwardBackward(some, matrix, classes, one))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("with strides that fall into 2 pieces");
  }

  /** Java arrays: threads or not, states come in blocks of 2^15, and these have two of them. */
  @Test
  void manyRowsOfManyClassesOnTheHeap() {
    int rows = (1 << 14) + 16;
    int classes = 8193;
    Tensor matrix = Tensor.of(Samples.logits(classes, 1, 6), classes, 1);
    Tensor vectors = Tensor.of(Samples.logits(rows, 1, 7), rows, 1);
    Tensor each = Tensor.of(Samples.labels(rows, classes, 8));
    LinearCrossEntropy loss = on(Backend.NATIVE).build();
    Tensor losses = Tensor.of(new float[rows], rows);
    double mean = loss.on(vectors, matrix, each).outputs(LossOutputs.create().losses(losses)).run();
    try (Arena arena = Arena.ofShared()) {
      Tensor expected = Tensor.allocate(arena, DType.F32, rows);
      Tensor offHeap = Tensor.allocate(arena, DType.F32, rows, 1);
      Tensor matrixOffHeap = Tensor.allocate(arena, DType.F32, classes, 1);
      offHeap.copyFrom(vectors);
      matrixOffHeap.copyFrom(matrix);
      Tensor labelsOffHeap = Tensor.allocate(arena, DType.I32, rows);
      labelsOffHeap.copyFrom(each);
      LossOutputs outputs = LossOutputs.create().losses(expected);
      assertThat(loss.on(offHeap, matrixOffHeap, labelsOffHeap).outputs(outputs).run())
          .isEqualTo(mean);
      assertThat(Samples.bits(losses)).isEqualTo(Samples.bits(expected));
    }
  }

  @Test
  void saysWhatItIs() {
    LinearCrossEntropy operation =
        LinearCrossEntropy.builder().labelSmoothing(0.1).softcap(30).workspace(4096).build();
    assertThat(operation.toString())
        .isEqualTo("LinearCrossEntropy[workspace=4096, labelSmoothing=0.1, softcap=30.0]");
    assertThat(operation.axis()).isEqualTo(-1);
    assertThat(gradients.toString())
        .isEqualTo(
            "LinearGradients[hiddenGradient=F32 [6, 5], weightsGradient=F32 [7, 5],"
                + " biasGradient=F32 [7]]");
    assertThat(Inputs.none().withBias(bias).toString()).isEqualTo("Inputs[bias=F32 [7]]");
  }
}
