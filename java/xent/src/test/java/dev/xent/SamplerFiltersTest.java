// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static dev.xent.options.SamplingFilter.MIN_P;
import static dev.xent.options.SamplingFilter.TEMPERATURE;
import static dev.xent.options.SamplingFilter.TOP_K;
import static dev.xent.options.SamplingFilter.TOP_P;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import dev.xent.options.SamplingRules;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Top-n-sigma, XTC and the order of filters on rows whose kept classes are known. */
class SamplerFiltersTest {
  /** Which classes of a row with these probabilities are kept. */
  private static byte[] kept(
      Backend backend, UnaryOperator<Sampler.Builder> options, double... probabilities) {
    float[] logits = new float[probabilities.length];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) Math.log(probabilities[i]);
    }
    Sampler sampler =
        options
            .apply(Sampler.builder().seed(1).execution(Execution.sequential().withBackend(backend)))
            .build();
    byte[] mask = new byte[logits.length];
    sampler
        .on(Tensor.of(logits), Tensor.of(new int[1]))
        .outputs(SamplerOutputs.create().keptMask(Tensor.of(mask)))
        .run(0);
    return mask;
  }

  @ParameterizedTest
  @EnumSource(
      value = Backend.class,
      names = {"NATIVE", "REFERENCE"})
  void xtcRemovesAllAboveTheLeastLikelyThatReachesTheThreshold(Backend backend) {
    double[] p = {0.4, 0.3, 0.2, 0.1};
    assertThat(kept(backend, b -> b.xtcProbability(1).xtcThreshold(0.09), p))
        .containsExactly(0, 0, 0, 1);
    assertThat(kept(backend, b -> b.xtcProbability(1).xtcThreshold(0.19), p))
        .containsExactly(0, 0, 1, 1);
    assertThat(kept(backend, b -> b.xtcProbability(1).xtcThreshold(0.29), p))
        .containsExactly(0, 1, 1, 1);
    assertThat(kept(backend, b -> b.xtcProbability(1).xtcThreshold(0.39), p))
        .containsExactly(1, 1, 1, 1);
    assertThat(kept(backend, b -> b.xtcProbability(0).xtcThreshold(0.09), p))
        .containsExactly(1, 1, 1, 1);
    assertThat(kept(backend, b -> b.xtcProbability(1).xtcThreshold(0.09).minKeep(2), p))
        .containsExactly(1, 1, 1, 1);
    // 0.3 and its equal stay.
    assertThat(kept(backend, b -> b.xtcProbability(1), 0.4, 0.3, 0.3)).containsExactly(0, 1, 1);
  }

  @ParameterizedTest
  @EnumSource(
      value = Backend.class,
      names = {"NATIVE", "REFERENCE"})
  void xtcIsAChanceOfItsOwn(Backend backend) {
    float[] logits = {4, 3.5f, 0, -1};
    Sampler sampler =
        Sampler.builder()
            .seed(5)
            .xtcProbability(0.5)
            .execution(Execution.sequential().withBackend(backend))
            .build();
    int[] tokens = new int[4000];
    sampler.sample(
        Tensor.of(repeated(logits, tokens.length), tokens.length, 4), 0, Tensor.of(tokens));
    long first = Arrays.stream(tokens).filter(token -> token == 0).count();
    // Half of the time class 0 is removed; else it has 0.604 of the softmax.
    assertThat(first / (double) tokens.length).isBetween(0.27, 0.34);
  }

  private static float[] repeated(float[] row, int times) {
    float[] rows = new float[row.length * times];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = row[i % row.length];
    }
    return rows;
  }

  @ParameterizedTest
  @EnumSource(
      value = Backend.class,
      names = {"NATIVE", "REFERENCE"})
  void topNSigmaKeepsWhatIsNearTheLargestLogit(Backend backend) {
    // Logits 0, -1, -2, -3 have the standard deviation 1.118.
    double[] p = {1, Math.exp(-1), Math.exp(-2), Math.exp(-3)};
    assertThat(kept(backend, b -> b.topNSigma(0.5), p)).containsExactly(1, 0, 0, 0);
    assertThat(kept(backend, b -> b.topNSigma(1), p)).containsExactly(1, 1, 0, 0);
    assertThat(kept(backend, b -> b.topNSigma(1.5).temperature(9), p)).containsExactly(1, 1, 0, 0);
    assertThat(kept(backend, b -> b.topNSigma(3), p)).containsExactly(1, 1, 1, 1);
    assertThat(kept(backend, b -> b.topNSigma(0.5).minKeep(3), p)).containsExactly(1, 1, 1, 0);
    assertThat(kept(backend, b -> b.topNSigma(1), 0.5, 0.5)).containsExactly(1, 1);
  }

  @ParameterizedTest
  @EnumSource(
      value = Backend.class,
      names = {"NATIVE", "REFERENCE"})
  void filtersRunInTheirOrder(Backend backend) {
    double[] p = {0.4, 0.3, 0.2, 0.1};
    // Of the first three, which are 0.44, 0.33, 0.22, two have 0.7; of all it takes 0.4 and 0.3.
    UnaryOperator<Sampler.Builder> both = b -> b.topK(3).topP(0.75);
    assertThat(kept(backend, b -> both.apply(b).order(TOP_K, TOP_P), p))
        .containsExactly(1, 1, 0, 0);
    assertThat(kept(backend, b -> both.apply(b).order(TOP_P, TOP_K), p))
        .containsExactly(1, 1, 1, 0);
    // At temperature 4 nothing is below half of the largest.
    UnaryOperator<Sampler.Builder> hot = b -> b.minP(0.6).temperature(4);
    assertThat(kept(backend, b -> hot.apply(b).order(MIN_P), p)).containsExactly(1, 1, 1, 1);
    assertThat(kept(backend, b -> hot.apply(b).order(MIN_P, TEMPERATURE), p))
        .containsExactly(1, 1, 0, 0);
    assertThat(kept(backend, b -> hot.apply(b).rules(SamplingRules.LLAMA_CPP), p))
        .containsExactly(1, 1, 0, 0);
  }

  /** As in engines that list the k largest and cut the list when the full softmax reaches p. */
  @ParameterizedTest
  @EnumSource(
      value = Backend.class,
      names = {"NATIVE", "REFERENCE"})
  void topPBeforeTopKKeepsWhatBothKeep(Backend backend) {
    SplittableRandom random = new SplittableRandom(20261127);
    for (int row = 0; row < 200; row++) {
      double[] p = random.doubles(2 + random.nextInt(40)).map(x -> Math.pow(x, 4) + 1e-6).toArray();
      int k = 1 + random.nextInt(12);
      double mass = 0.3 + 0.69 * random.nextDouble();
      byte[] both = kept(backend, b -> b.topK(k).topP(mass).order(TOP_P, TOP_K), p);
      byte[] first = kept(backend, b -> b.topK(k), p);
      byte[] second = kept(backend, b -> b.topP(mass), p);
      for (int i = 0; i < p.length; i++) {
        assertThat(both[i]).isEqualTo((byte) (first[i] & second[i]));
      }
    }
  }
}
