// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OrtException;
import com.sun.management.ThreadMXBean;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** From a text to numbers: nothing is copied on the way, and all scorers say the same. */
class LetterModelTest {
  private final LetterModel model = model();

  private static LetterModel model() {
    try {
      return new LetterModel();
    } catch (OrtException e) {
      throw new AssertionError(e);
    }
  }

  @AfterEach
  void close() throws Exception {
    model.close();
  }

  @Test
  void lettersThatTheModelDoesNotKnowAreSpaces() {
    assertThat(LetterModel.letters("aZ, \n7é😀")).containsExactly(1, 26, 27, 0, 0, 0, 0, 0, 0);
  }

  @Test
  void whatIsMissingIsNamed() {
    assertThatThrownBy(() -> Service.resource("/models/other.onnx"))
        .hasMessage("/models/other.onnx is not on the class path: build the service again");
  }

  /**
   * Rows of a long text are those of its pieces, which the example with one row at a time makes.
   */
  @Test
  void eachRowFollowsTheSixLettersBeforeIt() throws Exception {
    long[] text = LetterModel.letters("you may add");
    try (Arena arena = Arena.ofConfined()) {
      Tensor all = model.logits(text, 0, text.length + 1, arena);
      for (int i = 0; i <= text.length; i++) {
        long[] before = Arrays.copyOfRange(text, Math.max(i - 6, 0), i);
        Tensor one = model.logits(before, before.length, before.length + 1, arena);
        assertThat(one.toFloatArray()).isEqualTo(all.slice(0, i, i + 1).toFloatArray());
      }
    }
  }

  /**
   * Of a request that has 480 kB of logits, less than a tenth of that is allocated on the Java heap
   * between the text and the score; and what a tensor holds beside the heap is what the model
   * wrote.
   */
  @Test
  void logitsAreNotCopied() throws Exception {
    long[] text = LetterModel.letters("you may reproduce ".repeat(223)); // 4014 letters
    Scorer scorer = new XentScorer();
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 20; i++) {
      try (Arena arena = Arena.ofConfined()) {
        Tensor labels = Tensor.of(text, text.length);
        long before = threads.getCurrentThreadAllocatedBytes();
        Tensor logits = model.logits(text, 0, text.length, arena);
        double score = scorer.logProbability(logits, labels);
        least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        assertThat(score).isNegative().isFinite();
        assertThat(logits.segment().isNative()).isTrue();
        assertThat(logits.segment().byteSize()).isEqualTo(4014 * 30 * 4);
      }
    }
    System.out.println(least + " bytes of Java heap for a request with 481,680 bytes of logits");
    assertThat(least).isLessThan(48_000);
  }

  @ParameterizedTest
  @ValueSource(strings = {"plain", "djl"})
  void allScorersSayTheSame(String name) throws Exception {
    Scorer xent = new XentScorer();
    Scorer other = Scorer.named(name);
    long[] text = LetterModel.letters("you may add your own copyright statement");
    try (Arena arena = Arena.ofConfined()) {
      Tensor logits = model.logits(text, 0, text.length, arena);
      Tensor labels = Tensor.of(text, text.length);
      assertThat(other.logProbability(logits, labels))
          .isCloseTo(xent.logProbability(logits, labels), within(1e-4));
      Tensor next = model.logits(text, text.length, text.length + 1, arena);
      assertThat(other.top(next, 30)).hasSize(30);
      for (int i = 0; i < 5; i++) {
        Scorer.Likely expected = xent.top(next, 5).get(i);
        assertThat(other.top(next, 5).get(i).label()).isEqualTo(expected.label());
        assertThat(other.top(next, 5).get(i).probability())
            .isCloseTo(expected.probability(), within(1e-6f));
      }
    }
  }
}
