// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Inputs;
import dev.xent.LinearCrossEntropy;
import dev.xent.LinearGradients;
import dev.xent.LossOutputs;
import dev.xent.Tensor;
import dev.xent.options.Reduction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/**
 * Linear layers: how losses and gradients move with hidden states, weights, bias, rows and
 * features. Most of it to the bit, as products with powers of two and sums with zeros are exact.
 */
class LinearLawsTest extends Laws {
  private static final Integer[] EDGES = {1, 2, 15, 16, 17, 32, 33, 127, 128, 129, 256, 257, 300};

  /** Bounds a sum of up to 300 products in blocks of 128, and what softmax makes of it. */
  private static final double CLOSE = 1e-4;

  /**
   * What a law is tried on; its numbers are made from the seed.
   *
   * @param rows at least 1
   * @param features of each row
   * @param classes at least 1
   * @param seed of all numbers, of the instruction set and of the options
   */
  record Layer(int rows, int features, int classes, int seed) {
    Tier tier() {
      List<Tier> tiers = Tier.all();
      return tiers.get(seed % tiers.size()).withThreads(1 + seed / 7 % 2);
    }

    Random random() {
      return new Random(seed);
    }

    /** Of those without smoothing and z-loss. */
    double focalGamma() {
      return seed % 3 != 0 && seed % 5 == 1 ? 1.5 : 0;
    }

    LinearCrossEntropy operation() {
      LinearCrossEntropy.Builder builder =
          LinearCrossEntropy.builder().execution(tier().execution()).reduction(Reduction.SUM);
      builder.labelSmoothing(seed % 3 == 0 ? 0.1 : 0).focalGamma(focalGamma());
      return (seed % 5 == 0 ? builder.zLoss(1e-3) : builder).ignoreIndex(-1).build();
    }

    /** With "rows x features x classes #seed", which a property of the system names again. */
    @Override
    public String toString() {
      return String.format(Locale.ROOT, "%d x %d x %d #%d", rows, features, classes, seed);
    }

    static Layer parse(String text) {
      String[] numbers = text.split(" x | #");
      return new Layer(
          Integer.parseInt(numbers[0]),
          Integer.parseInt(numbers[1]),
          Integer.parseInt(numbers[2]),
          Integer.parseInt(numbers[3]));
    }
  }

  /** Inputs as dense floats. */
  record Given(float[] hidden, float[] weights, float[] bias, int[] labels) {
    static Given of(Layer layer) {
      Random random = layer.random();
      int[] labels = new int[layer.rows];
      for (int row = 0; row < layer.rows; row++) {
        labels[row] = random.nextInt(layer.classes);
      }
      return new Given(
          normal(random, layer.rows * layer.features, 1),
          normal(random, layer.classes * layer.features, 1 / Math.sqrt(layer.features)),
          normal(random, layer.classes, 1),
          labels);
    }
  }

  /** Results as dense floats. */
  record Got(double loss, float[] losses, float[] hidden, float[] weights, float[] bias) {}

  private static float[] normal(Random random, int count, double scale) {
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = (float) (scale * random.nextGaussian());
    }
    return numbers;
  }

  private static Got compute(Layer layer, Given given) {
    int rows = given.labels.length;
    int features = given.weights.length / layer.classes;
    float[] losses = new float[rows];
    float[] ofHidden = new float[rows * features];
    float[] ofWeights = new float[layer.classes * features];
    float[] ofBias = new float[layer.classes];
    double loss =
        layer
            .operation()
            .on(
                Tensor.of(given.hidden, rows, features),
                Tensor.of(given.weights, layer.classes, features),
                Tensor.of(given.labels),
                LinearGradients.create()
                    .hidden(Tensor.of(ofHidden, rows, features))
                    .weights(Tensor.of(ofWeights, layer.classes, features))
                    .bias(Tensor.of(ofBias)))
            .inputs(Inputs.none().withBias(Tensor.of(given.bias)))
            .outputs(LossOutputs.create().losses(Tensor.of(losses)))
            .run();
    return new Got(loss, losses, ofHidden, ofWeights, ofBias);
  }

  @Provide
  Arbitrary<Layer> layers() {
    String text = System.getProperty("xent.sample");
    if (text != null) {
      return Arbitraries.just(Layer.parse(text));
    }
    Arbitrary<Integer> rows =
        Arbitraries.frequencyOf(
            Tuple.of(4, Arbitraries.integers().between(1, 9)),
            Tuple.of(2, Arbitraries.integers().between(10, 60)),
            Tuple.of(1, Arbitraries.of(127, 128, 129, 260)));
    Arbitrary<Integer> numbers =
        Arbitraries.oneOf(Arbitraries.of(EDGES), Arbitraries.integers().between(1, 90));
    return Combinators.combine(rows, numbers, numbers, Arbitraries.integers().between(0, 1 << 20))
        .as(Layer::new);
  }

  // ---- comparisons -----------------------------------------------------------------------------

  private static Output bits(float[] values) {
    long[] bits = new long[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Integer.toUnsignedLong(Float.floatToRawIntBits(values[i]));
    }
    return new Output(DType.F32, bits);
  }

  private static void assertSame(String what, float[] got, float[] expected) {
    assertSame(what, bits(got), bits(expected));
  }

  private static void assertClose(String what, float[] got, float[] expected, double scale) {
    for (int i = 0; i < expected.length; i++) {
      assertWithin(what + ", element " + i, got[i], expected[i], CLOSE * scale);
    }
  }

  private static float[] times(float[] values, float factor) {
    float[] result = values.clone();
    for (int i = 0; i < result.length; i++) {
      result[i] *= factor;
    }
    return result;
  }

  /** Rows of `from` numbers as rows of `to`, the rest 0 or left out. */
  private static float[] resized(float[] values, int from, int to) {
    float[] result = new float[values.length / from * to];
    for (int row = 0; row < values.length / from; row++) {
      System.arraycopy(values, row * from, result, row * to, Math.min(from, to));
    }
    return result;
  }

  // ---- laws ------------------------------------------------------------------------------------

  /** Weights that are the unit matrix make the hidden states the logits. */
  @Property(tries = 60)
  void unitMatrix(@ForAll("layers") Layer drawn) {
    Layer layer = new Layer(drawn.rows, drawn.classes, drawn.classes, drawn.seed);
    Given any = Given.of(layer);
    float[] unit = new float[layer.classes * layer.classes];
    for (int k = 0; k < layer.classes; k++) {
      unit[k * layer.classes + k] = 1;
    }
    Got got = compute(layer, new Given(any.hidden, unit, new float[layer.classes], any.labels));
    float[] losses = new float[layer.rows];
    float[] gradient = new float[layer.rows * layer.classes];
    CrossEntropy.Builder builder =
        CrossEntropy.builder().execution(layer.tier().execution()).reduction(Reduction.SUM);
    builder.labelSmoothing(layer.seed % 3 == 0 ? 0.1 : 0).focalGamma(layer.focalGamma());
    double loss =
        (layer.seed % 5 == 0 ? builder.zLoss(1e-3) : builder)
            .ignoreIndex(-1)
            .build()
            .on(
                Tensor.of(any.hidden, layer.rows, layer.classes),
                Tensor.of(any.labels),
                Tensor.of(gradient, layer.rows, layer.classes))
            .outputs(LossOutputs.create().losses(Tensor.of(losses)))
            .run();
    for (int i = 0; i < gradient.length; i++) {
      gradient[i] += 0f; // no gradient of a layer is -0
    }
    assertSame("loss of " + layer, got.loss, loss);
    assertSame("losses of " + layer, got.losses, losses);
    assertSame("gradient of hidden states of " + layer, got.hidden, gradient);
  }

  /** Twice the hidden states and half the weights are the same logits. */
  @Property(tries = 60)
  void powersOfTwo(@ForAll("layers") Layer layer) {
    Given given = Given.of(layer);
    float factor = Math.scalb(1f, layer.seed % 21 - 10);
    Got got = compute(layer, given);
    Got scaled =
        compute(
            layer,
            new Given(
                times(given.hidden, factor),
                times(given.weights, 1 / factor),
                given.bias,
                given.labels));
    assertSame("losses of " + layer, scaled.losses, got.losses);
    assertSame("gradient of hidden states of " + layer, times(scaled.hidden, factor), got.hidden);
    assertSame("gradient of weights of " + layer, times(scaled.weights, 1 / factor), got.weights);
    assertSame("gradient of the bias of " + layer, scaled.bias, got.bias);
  }

  /** Features that are 0 everywhere change nothing and have no gradient. */
  @Property(tries = 60)
  void furtherFeatures(@ForAll("layers") Layer layer) {
    Given given = Given.of(layer);
    int more = layer.features + 1 + layer.seed % 130;
    Got got = compute(layer, given);
    Got padded =
        compute(
            layer,
            new Given(
                resized(given.hidden, layer.features, more),
                resized(given.weights, layer.features, more),
                given.bias,
                given.labels));
    assertSame("losses of " + layer, padded.losses, got.losses);
    assertSame(
        "gradient of hidden states of " + layer,
        padded.hidden,
        resized(got.hidden, layer.features, more));
    assertSame(
        "gradient of weights of " + layer,
        padded.weights,
        resized(got.weights, layer.features, more));
  }

  /** A row's loss and its gradient have nothing to do with the other rows. */
  @Property(tries = 40)
  void rowsAlone(@ForAll("layers") Layer layer) {
    Given given = Given.of(layer);
    Got got = compute(layer, given);
    for (int row : new int[] {0, layer.rows / 2, layer.rows - 1}) {
      int at = row * layer.features;
      int end = at + layer.features;
      Got alone =
          compute(
              layer,
              new Given(
                  Arrays.copyOfRange(given.hidden, at, end),
                  given.weights,
                  given.bias,
                  new int[] {given.labels[row]}));
      assertSame("loss of a row of " + layer, alone.losses[0], got.losses[row]);
      assertSame(
          "gradient of a row of " + layer, alone.hidden, Arrays.copyOfRange(got.hidden, at, end));
    }
  }

  /** The values of ignored rows have no effect, not even NaN. */
  @Property(tries = 40)
  void ignoredRows(@ForAll("layers") Layer layer) {
    Given given = Given.of(layer);
    float[] spoilt = given.hidden.clone();
    for (int row = layer.seed % 2; row < layer.rows; row += 2) {
      given.labels[row] = -1;
      for (int k = 0; k < layer.features; k++) {
        spoilt[row * layer.features + k] = k % 2 == 0 ? Float.NaN : Float.NEGATIVE_INFINITY;
      }
    }
    Got got = compute(layer, given);
    Got other = compute(layer, new Given(spoilt, given.weights, given.bias, given.labels));
    assertSame("losses of " + layer, other.losses, got.losses);
    assertSame("gradient of hidden states of " + layer, other.hidden, got.hidden);
    assertSame("gradient of weights of " + layer, other.weights, got.weights);
    assertSame("gradient of the bias of " + layer, other.bias, got.bias);
  }

  /** A bias is a feature that is 1 in every row. */
  @Property(tries = 40)
  void biasAsFeature(@ForAll("layers") Layer layer) {
    Given given = Given.of(layer);
    int more = layer.features + 1;
    float[] hidden = resized(given.hidden, layer.features, more);
    float[] weights = resized(given.weights, layer.features, more);
    for (int row = 0; row < layer.rows; row++) {
      hidden[row * more + layer.features] = 1;
    }
    for (int k = 0; k < layer.classes; k++) {
      weights[k * more + layer.features] = given.bias[k];
    }
    Got got = compute(layer, given);
    Got other = compute(layer, new Given(hidden, weights, new float[layer.classes], given.labels));
    assertClose("losses of " + layer, other.losses, got.losses, 10);
    assertClose(
        "gradient of hidden states of " + layer,
        resized(other.hidden, more, layer.features),
        got.hidden,
        1);
    float[] ofBias = new float[layer.classes];
    for (int k = 0; k < layer.classes; k++) {
      ofBias[k] = other.weights[k * more + layer.features];
    }
    assertClose("gradient of the bias of " + layer, ofBias, got.bias, layer.rows);
  }

  /** The same for all classes, added to the weights, changes no loss without z-loss. */
  @Property(tries = 40)
  void shiftedWeights(@ForAll("layers") Layer drawn) {
    Layer layer =
        drawn.seed % 5 == 0
            ? new Layer(drawn.rows, drawn.features, drawn.classes, drawn.seed + 1)
            : drawn;
    Given given = Given.of(layer);
    float[] shift = normal(layer.random(), layer.features, 1 / Math.sqrt(layer.features));
    float[] weights = given.weights.clone();
    for (int i = 0; i < weights.length; i++) {
      weights[i] += shift[i % layer.features];
    }
    Got got = compute(layer, given);
    Got other = compute(layer, new Given(given.hidden, weights, given.bias, given.labels));
    assertClose("losses of " + layer, other.losses, got.losses, 10);
    assertClose("gradient of hidden states of " + layer, other.hidden, got.hidden, 1);
    assertClose("gradient of the bias of " + layer, other.bias, got.bias, layer.rows);
  }

  /** Rows in another order: the same losses, and the sums within their roundings. */
  @Property(tries = 40)
  void permutedRows(@ForAll("layers") Layer layer) {
    Given given = Given.of(layer);
    List<Integer> order = new ArrayList<>();
    for (int row = 0; row < layer.rows; row++) {
      order.add(row);
    }
    Collections.shuffle(order, layer.random());
    float[] hidden = new float[given.hidden.length];
    int[] labels = new int[layer.rows];
    for (int row = 0; row < layer.rows; row++) {
      int from = order.get(row);
      labels[row] = given.labels[from];
      System.arraycopy(
          given.hidden, from * layer.features, hidden, row * layer.features, layer.features);
    }
    Got got = compute(layer, given);
    Got other = compute(layer, new Given(hidden, given.weights, given.bias, labels));
    float[] losses = new float[layer.rows];
    for (int row = 0; row < layer.rows; row++) {
      losses[row] = got.losses[order.get(row)];
    }
    assertSame("losses of " + layer, other.losses, losses);
    assertSame("loss of " + layer, other.loss, got.loss);
    assertClose("gradient of weights of " + layer, other.weights, got.weights, layer.rows);
    assertClose("gradient of the bias of " + layer, other.bias, got.bias, layer.rows);
  }
}
