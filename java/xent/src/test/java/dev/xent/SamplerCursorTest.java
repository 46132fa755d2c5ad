// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.NoTokenException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SamplerCursorTest {
  private static final int CLASSES = 1000;
  private static final int STEPS = 50;

  private final Sampler sampler = Sampler.builder().temperature(0.9).topP(0.95).seed(7).build();

  /** Logits of a step. */
  private static float[] logits(int step) {
    Random random = new Random(step);
    float[] logits = new float[CLASSES];
    for (int i = 0; i < CLASSES; i++) {
      logits[i] = (float) random.nextGaussian();
    }
    return logits;
  }

  @Test
  void tokensAreThoseOfTheStepsOfTheSampler() {
    SamplerCursor arrays = sampler.start();
    SamplerCursor tensors = sampler.start();
    SamplerCursor segments = sampler.start();
    for (int step = 0; step < STEPS; step++) {
      float[] logits = logits(step);
      long expected = sampler.token(Tensor.of(logits), step);
      assertThat(arrays.step()).isEqualTo(step);
      assertThat(arrays.next(logits)).isEqualTo((int) expected);
      assertThat(tensors.next(Tensor.of(logits))).isEqualTo((int) expected);
      assertThat(segments.next(MemorySegment.ofArray(logits))).isEqualTo((int) expected);
    }
  }

  /** An engine writes its logits into one array again and again. */
  @Test
  void theSameArrayIsReadAnew() {
    SamplerCursor tokens = Sampler.greedy().start();
    float[] logits = new float[4];
    for (int step = 0; step < 4; step++) {
      logits[step] = step + 1;
      assertThat(tokens.next(logits)).isEqualTo(step);
    }
    assertThat(tokens.next(new float[] {0, 1})).isEqualTo(1);
  }

  @Test
  void aStepThatIsSetRepeatsTheSequence() {
    SamplerCursor tokens = sampler.start();
    float[] logits = logits(0);
    int[] first = new int[STEPS];
    for (int step = 0; step < STEPS; step++) {
      first[step] = tokens.next(logits);
    }
    tokens.step(10);
    for (int step = 10; step < STEPS; step++) {
      assertThat(tokens.next(logits)).isEqualTo(first[step]);
    }
    assertThat(tokens).hasToString("SamplerCursor[step=" + STEPS + ", " + sampler + "]");
  }

  @Test
  void aRowWithoutATokenThrowsAndDoesNotCount() {
    SamplerCursor tokens = sampler.start();
    float[] logits = logits(0);
    float saved = logits[3];
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      logits[3] = bad;
      assertThatThrownBy(() -> tokens.next(logits))
          .isInstanceOf(NoTokenException.class)
          .hasMessage(
              "logits is F32 [1000] on the heap with %s in class 3, and no token can be drawn;"
                  + " expected logits without NaN or +inf, one of them above -inf",
              bad);
    }
    assertThat(tokens.step()).isZero();
    logits[3] = saved;
    assertThat(tokens.next(logits)).isEqualTo((int) sampler.token(Tensor.of(logits), 0));
    float[] none = {Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY};
    assertThatThrownBy(() -> tokens.next(none))
        .isInstanceOf(NoTokenException.class)
        .hasMessageContaining(" with -inf in all classes, ");
    assertThat(tokens.step()).isEqualTo(1);
  }

  @Test
  void aPenaltyThatNeedsEarlierTokensIsRefused() {
    for (Sampler.Builder builder :
        List.of(
            Sampler.builder().repetitionPenalty(1.1),
            Sampler.builder().frequencyPenalty(0.5),
            Sampler.builder().presencePenalty(-0.5))) {
      Sampler penalized = builder.seed(1).build();
      SamplerCursor tokens = penalized.start();
      assertThatThrownBy(() -> tokens.next(logits(0))).isInstanceOf(OptionException.class);
      assertThatThrownBy(() -> penalized.token(Tensor.of(logits(0)), 0))
          .hasMessageContaining("this call has no earlier tokens");
      assertThatThrownBy(() -> penalized.sample(Tensor.of(logits(0)), 0))
          .hasMessageContaining("this call has no earlier tokens");
      assertThat(tokens.step()).isZero();
    }
    Sampler off = Sampler.builder().repetitionPenalty(1).frequencyPenalty(0).seed(1).build();
    assertThat(off.start().next(logits(0))).isNotNegative();
  }

  @Test
  void anArrayOfAnotherTypeIsRefused() {
    SamplerCursor tokens = sampler.start();
    for (MemorySegment segment :
        List.of(MemorySegment.ofArray(new double[4]), MemorySegment.ofArray(new int[8]))) {
      assertThatThrownBy(() -> tokens.next(segment))
          .isInstanceOf(DTypeException.class)
          .hasMessageEndingWith("; expected floats: a float[] or memory outside the heap");
    }
    float[] logits = logits(0);
    assertThat(tokens.next(MemorySegment.ofArray(logits)))
        .isEqualTo((int) sampler.token(Tensor.of(logits), 0));
  }

  @Test
  void memoryThatDoesNotFitIsRefused() {
    SamplerCursor tokens = sampler.start();
    MemorySegment closed;
    try (Arena arena = Arena.ofConfined()) {
      closed = arena.allocate(8 * Float.BYTES, Float.BYTES);
    }
    assertThatThrownBy(() -> tokens.next(closed)).isInstanceOf(MemoryException.class);
    assertThatThrownBy(() -> tokens.next(MemorySegment.ofArray(new byte[6])))
        .isInstanceOf(ShapeException.class)
        .hasMessage("logits has 6 bytes; expected 4 bytes for each class: slice the segment");
    assertThatThrownBy(() -> tokens.next(Tensor.of(new float[4], 2, 2)))
        .isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> tokens.step(-1))
        .isInstanceOf(OptionException.class)
        .hasMessage("step is -1; expected a number from 0 to 4294967295");
    assertThat(tokens.step()).isZero();
  }

  /** Where random bits are counted no further. */
  @Test
  void afterTheLastStepIsNone() {
    SamplerCursor tokens = sampler.start().step(0xFFFFFFFFL);
    float[] logits = logits(0);
    assertThat(tokens.next(logits)).isEqualTo((int) sampler.token(Tensor.of(logits), 0xFFFFFFFFL));
    assertThatThrownBy(() -> tokens.next(logits)).isInstanceOf(OptionException.class);
  }
}
