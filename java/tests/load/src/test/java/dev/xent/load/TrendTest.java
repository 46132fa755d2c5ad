// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TrendTest {
  private static List<Sample> samples(int count, DoubleUnaryOperator resident) {
    return IntStream.rangeClosed(1, count)
        .mapToObj(t -> new Sample(t, resident.applyAsDouble(t), 0, 0, 0, 0, 0, 0, 0))
        .toList();
  }

  @Test
  void whatIsLostIsSeenThroughNoise() {
    SplittableRandom random = new SplittableRandom(1);
    Trend trend =
        Trend.ofResidentMemory(samples(200, t -> 1000 + 0.5 * t + 40 * random.nextDouble()), 0);
    assertThat(trend.growth()).isCloseTo(0.5 * 199, within(10.0));
    assertThat(trend.mean()).isCloseTo(1000 + 50 + 20, within(5.0));
  }

  @Test
  void noiseWarmingUpAndSingleCallsAreNoGrowth() {
    SplittableRandom random = new SplittableRandom(2);
    Trend trend =
        Trend.ofResidentMemory(
            samples(
                200,
                t -> 1000 + Math.min(t, 50) + 40 * random.nextDouble() + (t % 29 == 0 ? 300 : 0)),
            50);
    assertThat(trend.growth()).isCloseTo(0, within(10.0));
  }

  @Test
  void twoSamplesAreNoTrend() {
    assertThatThrownBy(() -> Trend.ofResidentMemory(samples(12, t -> t), 11))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("2 samples are no trend: run longer");
  }
}
