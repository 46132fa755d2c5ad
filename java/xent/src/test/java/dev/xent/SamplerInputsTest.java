// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.options.Backend;
import org.junit.jupiter.api.Test;

/** What a sampler reads besides logits. */
class SamplerInputsTest {
  private static final Tensor LOGITS = Tensor.of(new float[] {4, 3, 2, 1}, 1, 4);

  private static long token(Backend backend, SamplerInputs inputs) {
    Sampler greedy =
        Sampler.builder()
            .execution(Execution.defaults().withBackend(backend))
            .temperature(0)
            .repetitionPenalty(10)
            .build();
    Tensor token = Tensor.of(new int[1]);
    greedy.on(LOGITS, token).inputs(inputs).run(0);
    return token.getLong(0);
  }

  @OnEveryBackend
  void eachInputMovesTheLargest(Backend backend) {
    SamplerInputs none = SamplerInputs.none();
    assertThat(token(backend, none)).isZero();
    assertThat(token(backend, none.withClassMask(Tensor.of(new byte[] {0, 1, 1, 1})))).isEqualTo(1);
    assertThat(token(backend, none.withBias(Tensor.of(new float[] {0, 0, 5, 0})))).isEqualTo(2);
    Tensor earlier = Tensor.of(new int[] {0, -1}, 1, 2);
    assertThat(token(backend, none.withPromptTokens(earlier))).isEqualTo(1);
    assertThat(token(backend, none.withOutputTokens(earlier))).isEqualTo(1);
    assertThat(token(backend, none.withClassMask(Tensor.of(new int[] {0b1100})))).isEqualTo(2);
    Tensor biased = Tensor.of(new int[] {3, -1, 0}, 1, 3);
    Tensor by = Tensor.of(new float[] {9, 1, -9}, 1, 3);
    assertThat(token(backend, none.withBias(biased, by))).isEqualTo(3);
    SamplerInputs both =
        none.withPromptTokens(earlier).withOutputTokens(Tensor.of(new long[] {1, 2}, 1, 2));
    assertThat(token(backend, both)).isEqualTo(3);
  }

  @OnEveryBackend
  void aForbiddenClassStillCountsAndAMaskedOneDoesNot(Backend backend) {
    Sampler greedy =
        Sampler.builder()
            .execution(Execution.defaults().withBackend(backend))
            .temperature(0)
            .build();
    Tensor token = Tensor.of(new int[1]);
    Tensor chance = Tensor.of(new float[1]);
    SamplerCall call =
        greedy.on(LOGITS, token).outputs(SamplerOutputs.create().logProbabilities(chance));
    float infinity = Float.POSITIVE_INFINITY;
    SamplerInputs forbidden =
        SamplerInputs.none().withBias(Tensor.of(new float[] {-infinity, 0, 0, 0}));
    call.inputs(forbidden).run(0);
    assertThat(token.getLong(0)).isEqualTo(1);
    float counted = chance.getFloat(0);
    SamplerInputs masked = SamplerInputs.none().withClassMask(Tensor.of(new byte[] {0, 1, 1, 1}));
    call.inputs(masked).run(0);
    assertThat(token.getLong(0)).isEqualTo(1);
    assertThat(chance.getFloat(0)).isGreaterThan(counted + 1);
  }

  @OnEveryBackend
  void bitsOfTheMaskAreReadFromTheLowestOn(Backend backend) {
    Sampler greedy =
        Sampler.builder()
            .execution(Execution.defaults().withBackend(backend))
            .temperature(0)
            .build();
    float[] logits = new float[3 * 70];
    Tensor tokens = Tensor.of(new int[3]);
    int[] words = new int[3 * 3];
    int[] expected = {0, 33, 69};
    for (int row = 0; row < 3; row++) {
      words[row * 3 + expected[row] / 32] = 1 << expected[row] % 32;
    }
    words[2] = -1 << 6; // bits after the last class
    greedy
        .on(Tensor.of(logits, 3, 70), tokens)
        .inputs(SamplerInputs.none().withClassMask(Tensor.of(words, 3, 3)))
        .run(0);
    assertThat(tokens.toIntArray()).containsExactly(expected);
  }

  @OnEveryBackend
  void ofAClassThatIsThereTwiceTheLastBiasCounts(Backend backend) {
    Sampler sampler =
        Sampler.builder()
            .execution(Execution.defaults().withBackend(backend))
            .temperature(0)
            .build();
    Tensor token = Tensor.of(new int[1]);
    Tensor twice = Tensor.of(new int[] {3, 3}, 1, 2);
    SamplerCall call = sampler.on(LOGITS, token);
    call.inputs(SamplerInputs.none().withBias(twice, Tensor.of(new float[] {9, 0}, 1, 2))).run(0);
    assertThat(token.getLong(0)).isZero();
    call.inputs(SamplerInputs.none().withBias(twice, Tensor.of(new float[] {0, 9}, 1, 2))).run(0);
    assertThat(token.getLong(0)).isEqualTo(3);
  }

  @Test
  void isImmutable() {
    SamplerInputs none = SamplerInputs.none();
    SamplerInputs biased = none.withBias(Tensor.of(new float[10]));
    assertThat(none).hasToString("SamplerInputs[]").isSameAs(SamplerInputs.none());
    assertThat(biased.toString()).startsWith("SamplerInputs[bias=F32 [10]");
    assertThatThrownBy(() -> none.withClassMask(null)).isInstanceOf(NullPointerException.class);
    assertThatThrownBy(() -> none.withBias(null)).isInstanceOf(NullPointerException.class);
    Tensor some = Tensor.of(new int[4], 1, 4);
    assertThatThrownBy(() -> none.withBias(some, null)).hasMessageContaining("biasValues");
    assertThatThrownBy(() -> none.withBias(null, some)).hasMessageContaining("biasTokens");
    assertThatThrownBy(() -> none.withDrafts(some, null))
        .hasMessageContaining("draftProbabilities");
    assertThatThrownBy(() -> none.withPromptTokens(null)).isInstanceOf(NullPointerException.class);
    assertThatThrownBy(() -> none.withOutputTokens(null)).isInstanceOf(NullPointerException.class);
  }
}
