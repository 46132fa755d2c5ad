// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static dev.xent.options.SamplingFilter.MIN_P;
import static dev.xent.options.SamplingFilter.TEMPERATURE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.xent.options.Backend;
import dev.xent.options.SamplingRules;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The scale of logits, and the dynamic temperature, against formulas in double. */
class SamplerScaleTest {
  private static final int CLASSES = 300;

  /** The results of a row. */
  private record Drawn(
      int token, float processed, float logProbability, float entropy, byte[] kept) {}

  private static Drawn draw(
      Backend backend, float[] logits, UnaryOperator<Sampler.Builder> options) {
    Sampler.Builder builder =
        Sampler.builder().seed(3).execution(Execution.sequential().withBackend(backend));
    int[] token = new int[1];
    float[] processed = new float[1];
    float[] logProbability = new float[1];
    float[] entropy = new float[1];
    byte[] kept = new byte[logits.length];
    options
        .apply(builder)
        .build()
        .on(Tensor.of(logits), Tensor.of(token))
        .outputs(
            SamplerOutputs.create()
                .processedLogProbabilities(Tensor.of(processed))
                .logProbabilities(Tensor.of(logProbability))
                .entropies(Tensor.of(entropy))
                .keptMask(Tensor.of(kept)))
        .run(0);
    return new Drawn(token[0], processed[0], logProbability[0], entropy[0], kept);
  }

  private static float[] row(SplittableRandom random, double deviation) {
    float[] row = new float[CLASSES];
    for (int i = 0; i < CLASSES; i++) {
      row[i] = (float) (deviation * random.nextGaussian());
    }
    return row;
  }

  private static float[] times(float[] row, double scale) {
    float[] scaled = row.clone();
    for (int i = 0; i < scaled.length; i++) {
      scaled[i] = (float) (scaled[i] * scale);
    }
    return scaled;
  }

  @ParameterizedTest
  @EnumSource(
      value = Backend.class,
      names = {"NATIVE", "REFERENCE"})
  void scaledLogitsAreThoseOfARowThatWasMultiplied(Backend backend) {
    SplittableRandom random = new SplittableRandom(20261128);
    for (double scale : new double[] {0.0625, 0.125, 8, 0.3, 1.7}) {
      boolean exact = Math.scalb(1.0, Math.getExponent(scale)) == scale;
      float[] row = row(random, 4 / scale);
      for (UnaryOperator<Sampler.Builder> options :
          Arrays.<UnaryOperator<Sampler.Builder>>asList(
              b -> b, b -> b.topP(0.9).temperature(0.7), b -> b.softcap(5), b -> b.minP(0.05))) {
        Drawn scaled = draw(backend, row, b -> options.apply(b).scale(scale));
        Drawn expected = draw(backend, times(row, scale), options);
        assertThat(scaled.token).isEqualTo(expected.token);
        assertThat(scaled.kept).isEqualTo(expected.kept);
        assertThat(scaled.processed).isCloseTo(expected.processed, within(exact ? 0 : 3e-6f));
        assertThat(scaled.logProbability)
            .isCloseTo(expected.logProbability, within(exact ? 0 : 3e-6f));
        assertThat(scaled.entropy).isCloseTo(expected.entropy, within(exact ? 0 : 3e-6f));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Backend.class,
      names = {"NATIVE", "REFERENCE"})
  void eachRequestHasItsScale(Backend backend) {
    SplittableRandom random = new SplittableRandom(20261129);
    double[] scales = {1, 0.5, 0.5, 4, 1};
    float[] logits = new float[scales.length * CLASSES];
    SamplerRequests requests = SamplerRequests.create();
    for (int i = 0; i < scales.length; i++) {
      System.arraycopy(row(random, 3), 0, logits, i * CLASSES, CLASSES);
      requests.add(Sampler.builder().seed(3).scale(scales[i]).build(), 0, 0);
    }
    int[] tokens = new int[scales.length];
    float[] entropies = new float[scales.length];
    Sampler.builder()
        .execution(Execution.sequential().withBackend(backend))
        .build()
        .on(Tensor.of(logits, scales.length, CLASSES), Tensor.of(tokens))
        .outputs(SamplerOutputs.create().entropies(Tensor.of(entropies)))
        .run(requests);
    for (int i = 0; i < scales.length; i++) {
      double scale = scales[i];
      float[] row = Arrays.copyOfRange(logits, i * CLASSES, (i + 1) * CLASSES);
      Drawn alone = draw(backend, row, b -> b.scale(scale));
      assertThat(tokens[i]).isEqualTo(alone.token);
      assertThat(entropies[i]).isEqualTo(alone.entropy);
    }
  }

  /** The temperature by the entropy of a row's classes that are kept before it. */
  private static double temperature(
      float[] row, byte[] left, double middle, double range, double exponent) {
    double sum = 0;
    double most = Double.NEGATIVE_INFINITY;
    int count = 0;
    for (int i = 0; i < row.length; i++) {
      most = left[i] != 0 ? Math.max(most, row[i]) : most;
    }
    for (int i = 0; i < row.length; i++) {
      sum += left[i] != 0 ? Math.exp(row[i] - most) : 0;
      count += left[i];
    }
    double entropy = 0;
    for (int i = 0; i < row.length; i++) {
      double p = Math.exp(row[i] - most) / sum;
      entropy -= left[i] != 0 ? p * Math.log(p) : 0;
    }
    double least = Math.max(middle - range, 0);
    double share = count < 2 ? 1 : Math.pow(entropy / Math.log(count), exponent);
    return least + (middle + range - least) * share;
  }

  private static double logProbability(float[] row, byte[] kept, int token, double temperature) {
    double sum = 0;
    for (int i = 0; i < row.length; i++) {
      sum += kept[i] != 0 ? Math.exp((row[i] - row[token]) / temperature) : 0;
    }
    return -Math.log(sum);
  }

  @ParameterizedTest
  @EnumSource(
      value = Backend.class,
      names = {"NATIVE", "REFERENCE"})
  void theTemperatureRisesWithTheEntropyOfWhatIsLeft(Backend backend) {
    SplittableRandom random = new SplittableRandom(20261130);
    byte[] all = new byte[CLASSES];
    Arrays.fill(all, (byte) 1);
    for (int i = 0; i < 40; i++) {
      float[] row = row(random, 0.2 + 4 * random.nextDouble());
      double middle = 0.4 + random.nextDouble();
      double range = 1.5 * random.nextDouble();
      double exponent = 0.3 + 2 * random.nextDouble();
      UnaryOperator<Sampler.Builder> options =
          b -> b.temperature(middle).dynatempRange(range).dynatempExponent(exponent);
      Drawn first = draw(backend, row, options);
      double ofAll = temperature(row, all, middle, range, exponent);
      assertThat((double) first.processed)
          .isCloseTo(logProbability(row, all, first.token, ofAll), within(2e-5));
      // With the rules of llama.cpp, the temperature comes last.
      Drawn last =
          draw(
              backend,
              row,
              b -> options.apply(b).topK(20).minP(0.05).rules(SamplingRules.LLAMA_CPP));
      double ofFew = temperature(row, last.kept, middle, range, exponent);
      assertThat((double) last.processed)
          .isCloseTo(logProbability(row, last.kept, last.token, ofFew), within(2e-5));
      // A filter after the temperature has its weights.
      Drawn between = draw(backend, row, b -> options.apply(b).minP(0.3).order(TEMPERATURE, MIN_P));
      Drawn fixed = draw(backend, row, b -> b.temperature(ofAll).minP(0.3));
      assertThat(between.kept).isEqualTo(fixed.kept);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Backend.class,
      names = {"NATIVE", "REFERENCE"})
  void equalLogitsHaveTheHighestTemperatureAndOneClassHasNone(Backend backend) {
    float[] equal = new float[4];
    assertThat(draw(backend, equal, b -> b.dynatempRange(1)).processed)
        .isEqualTo((float) -Math.log(4));
    float[] certain = {200, 0, 0, 0};
    assertThat(draw(backend, certain, b -> b.temperature(0.5).dynatempRange(2)).token).isZero();
    float[] single = {1, Float.NEGATIVE_INFINITY};
    assertThat(draw(backend, single, b -> b.dynatempRange(2)).processed).isZero();
    Drawn greedy = draw(backend, certain, b -> b.temperature(0).dynatempRange(2));
    assertThat(greedy.token).isZero();
  }
}
