// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.DTypeException;
import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.NoTokenException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.ToIntFunction;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
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

  /** The interface of an engine. */
  @Test
  void aMethodReferenceIsASampler() {
    ToIntFunction<float[]> arrays = sampler.start()::next;
    ToIntFunction<MemorySegment> segments = sampler.start()::next;
    ToIntFunction<Tensor> tensors = sampler.start()::next;
    for (int step = 0; step < STEPS; step++) {
      float[] logits = logits(step);
      int token = arrays.applyAsInt(logits);
      assertThat(token).isEqualTo((int) sampler.token(Tensor.of(logits), step));
      assertThat(segments.applyAsInt(MemorySegment.ofArray(logits))).isEqualTo(token);
      assertThat(tensors.applyAsInt(Tensor.of(logits))).isEqualTo(token);
    }
  }

  /** After a pause the cursor searches an array in Java. */
  @Test
  void seldomGreedyTokensAreThoseOfTheSampler() throws InterruptedException {
    float nan = Float.intBitsToFloat(0xffc00000);
    float infinity = Float.POSITIVE_INFINITY;
    float[][] rows = {
      {1, 3, 2, 3},
      {-0f, 0, -0f, -1},
      {0, -0f, 0, -1},
      {-5, -7, -4, -infinity},
      {-infinity, -infinity, -infinity, -2},
      {-infinity, -infinity, -infinity, -infinity},
      {1, nan, 3, 2},
      {nan, nan, nan, nan},
      {1, 2, infinity, 3},
      {9, 9.000001f, 1, 2}
    };
    for (Sampler greedy :
        List.of(
            Sampler.greedy(),
            Sampler.builder().temperature(0).softcap(0.1).build(),
            Sampler.builder().temperature(0).scale(0x1p-32).softcap(0x1p-32).build())) {
      SamplerCursor cursor = greedy.start();
      cursor.next(new float[] {1, 2, 3, 4}); // checks; later calls are short
      for (float[] row : rows) {
        int expected;
        try {
          expected = (int) greedy.token(Tensor.of(row), 0);
        } catch (NoTokenException e) {
          expected = -1;
        }
        for (int i = 0; i < 2; i++) { // after a pause, and at once
          int token;
          Thread.sleep(1 - i);
          try {
            token = cursor.next(row);
          } catch (NoTokenException e) {
            token = -1;
          }
          assertThat(token).as("%s of %s", Arrays.toString(row), greedy).isEqualTo(expected);
        }
      }
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
    assertThat(tokens.next(new float[] {0, 1, 0, 0})).isEqualTo(1);
  }

  // ---- copies ----------------------------------------------------------------------------------

  private static final List<Sampler> OF_EVERY_KIND =
      List.of(
          Sampler.builder().seed(3).build(),
          Sampler.builder().seed(3).repetitionPenalty(1.3).frequencyPenalty(0.2).build(),
          Sampler.builder().seed(3).noRepeatNgram(2).dryMultiplier(1).presencePenalty(1).build());

  /** Beams: each has the tokens of its text, whatever another one draws, accepts or forgets. */
  @Test
  void aForkIsIndependent() {
    for (Sampler each : OF_EVERY_KIND) {
      for (int length : new int[] {0, 1, 63, 64, 65, 200}) {
        SamplerCursor cursor = each.start(5).promptTokens(1, 2, 1, 2);
        SamplerCursor same = each.start(5).promptTokens(1, 2, 1, 2);
        SamplerCursor other = each.start(5).promptTokens(1, 2, 1, 2).step(0);
        for (int i = 0; i < length; i++) {
          cursor.accept(i % 7);
          same.accept(i % 7);
          other.accept(i % 7);
        }
        SamplerCursor fork = cursor.fork();
        assertThat(fork).hasToString(cursor.toString());
        fork.accept(9).accept(9);
        other.accept(9).accept(9);
        cursor.promptTokens(8);
        same.promptTokens(8);
        for (int i = 0; i < 70; i++) {
          assertThat(cursor.next(logits(i))).isEqualTo(same.next(logits(i)));
          assertThat(fork.next(logits(i))).isEqualTo(other.next(logits(i)));
        }
        assertThat(fork.step()).isEqualTo(length + 72);
        fork.rewind(length);
        cursor.rewind(length).promptTokens(1, 2, 1, 2);
        assertThat(fork.next(logits(0))).isEqualTo(cursor.next(logits(0)));
      }
    }
  }

  @Test
  void aForkHasAStreamAndItsOwnOutputs() {
    float[] logProbability = {1};
    SamplerCursor cursor =
        sampler
            .start()
            .outputs(SamplerOutputs.create().logProbabilities(Tensor.of(logProbability)));
    assertThat(text(cursor.fork())).isEqualTo(text(sampler.start()));
    assertThat(text(cursor.fork(8))).isEqualTo(text(sampler.start(8)));
    assertThat(logProbability).containsExactly(1);
    cursor.next(logits(0));
    refused(
        ShapeException.class,
        () -> cursor.fork().next(new float[3]),
        "logits is F32 [3] with 3 classes, the rows before in this text have 1000; expected the"
            + " same number of classes, or create a cursor for another text with start()");
  }

  /** A token that is no class is an error while it is in the text, whatever came after it. */
  @Test
  void aTokenThatIsNoClassStaysAfterARewind() {
    for (Sampler each : OF_EVERY_KIND) {
      SamplerCursor cursor = each.start();
      cursor.next(logits(0));
      cursor.accept(CLASSES + 7).accept(1).accept(CLASSES + 9).accept(2);
      for (int step : new int[] {5, 4, 3, 2}) {
        int token = CLASSES + (step > 3 ? 9 : 7);
        for (SamplerCursor rewound : List.of(cursor.rewind(step), cursor.fork())) {
          assertThatThrownBy(() -> rewound.next(logits(1)))
              .isInstanceOf(LabelException.class)
              .hasMessageStartingWith("accept has token " + token + ", logits has 1000 classes; ");
        }
      }
      assertThat(cursor.rewind(1).next(logits(1))).isBetween(0, CLASSES - 1);
    }
  }

  // ---- streams ---------------------------------------------------------------------------------

  private static List<Integer> text(SamplerCursor cursor) {
    List<Integer> text = new ArrayList<>();
    for (int step = 0; step < 8; step++) {
      text.add(cursor.next(new float[CLASSES]));
    }
    return text;
  }

  /** A sampler in a constant must not give every request the same text. */
  @Test
  void eachTextOfASamplerWithoutASeedHasAStream() {
    Sampler constant = Sampler.builder().temperature(0.8).build();
    List<List<Integer>> texts = new ArrayList<>();
    for (int i = 0; i < 9; i++) {
      SamplerCursor cursor = constant.start();
      assertThat(cursor.toString()).contains("stream=" + cursor.stream());
      List<Integer> text = text(cursor);
      Sampler again = Sampler.builder().temperature(0.8).seed(constant.seed()).build();
      assertThat(text(again.start(cursor.stream()))).isEqualTo(text);
      texts.add(text);
    }
    assertThat(texts).doesNotHaveDuplicates();
    assertThat(Sampler.greedy().start().stream()).isZero();
  }

  @Test
  void aSeedOrAStreamRepeatsTheText() {
    for (Sampler each :
        List.of(
            Sampler.builder().seed(3).build(),
            Sampler.builder().stream(5).build(),
            Sampler.builder().seed(3).stream(5).frequencyPenalty(0.1).build())) {
      assertThat(text(each.start())).isEqualTo(text(each.start()));
      assertThat(List.of(text(each.start()), text(each.start(6)), text(each.start(-7))))
          .doesNotHaveDuplicates();
      assertThat(each.start(-7).stream()).isEqualTo(-7);
      assertThat(each.start(each.start().stream())).hasToString(each.start().toString());
    }
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
              "logits is F32 [1000] with %s in class 3, and no token can be drawn;"
                  + " expected logits without NaN or +inf, one of them above -inf",
              bad);
    }
    assertThat(tokens.step()).isZero();
    logits[3] = saved;
    assertThat(tokens.next(logits)).isEqualTo((int) sampler.token(Tensor.of(logits), 0));
    float[] none = new float[CLASSES];
    Arrays.fill(none, Float.NEGATIVE_INFINITY);
    assertThatThrownBy(() -> tokens.next(none))
        .isInstanceOf(NoTokenException.class)
        .hasMessageContaining(" with -inf in all classes, ");
    assertThat(tokens.step()).isEqualTo(1);
  }

  @Test
  void aPenaltyNeedsEarlierTokens() {
    for (Sampler.Builder builder :
        List.of(
            Sampler.builder().repetitionPenalty(1.1),
            Sampler.builder().frequencyPenalty(0.5),
            Sampler.builder().presencePenalty(-0.5))) {
      Sampler penalized = builder.seed(1).build();
      assertThatThrownBy(() -> penalized.token(Tensor.of(logits(0)), 0))
          .hasMessageContaining("this call has no earlier tokens; expected start(), or on(");
      assertThatThrownBy(() -> penalized.sample(Tensor.of(logits(0)), 0))
          .hasMessageContaining("this call has no earlier tokens");
    }
    Sampler off = Sampler.builder().repetitionPenalty(1).frequencyPenalty(0).seed(1).build();
    assertThat(off.start().next(logits(0))).isNotNegative();
  }

  // ---- the text so far -------------------------------------------------------------------------

  private static final int LONG_TEXT = 300;

  private final Sampler penalized =
      Sampler.builder()
          .repetitionPenalty(1.3)
          .frequencyPenalty(0.2)
          .presencePenalty(0.4)
          .topK(40)
          .seed(3)
          .build();

  /** The token of a step, by a call that reads the previous tokens from tensors. */
  private int expected(float[] logits, int[] prompt, List<Integer> text, SamplerInputs more) {
    SamplerInputs inputs = more;
    if (prompt.length > 0) {
      inputs = inputs.withPromptTokens(Tensor.of(prompt));
    }
    if (!text.isEmpty()) {
      inputs = inputs.withOutputTokens(Tensor.of(text.stream().mapToInt(each -> each).toArray()));
    }
    int[] token = new int[1];
    penalized.on(Tensor.of(logits), Tensor.of(token)).inputs(inputs).run(text.size());
    return token[0];
  }

  @Test
  void penaltiesCountThePromptAndTheTextSoFar() {
    int[] prompt = {5, 17, 17, 999};
    SamplerCursor arrays = penalized.start().promptTokens(prompt);
    SamplerCursor matrices = penalized.start().promptTokens(1).promptTokens(prompt);
    List<Integer> text = new ArrayList<>();
    float[] logits = new float[CLASSES];
    for (int step = 0; step < LONG_TEXT; step++) {
      System.arraycopy(logits(step % 3), 0, logits, 0, CLASSES);
      int token = expected(logits, prompt, text, SamplerInputs.none());
      assertThat(arrays.next(logits)).isEqualTo(token);
      assertThat(matrices.next(Tensor.of(logits, 1, CLASSES))).isEqualTo(token);
      text.add(token);
    }
  }

  /** Rows in memory of every kind, with inputs or not, and rows without a token, in any order. */
  @Test
  void rowsOfAnyMemoryContinueOneText() {
    Random random = new Random(5);
    SamplerCursor cursor = penalized.start();
    SamplerCursor other = penalized.start();
    int[] prompt = {};
    List<Integer> text = new ArrayList<>();
    byte[] flags = new byte[CLASSES];
    flags[9] = 1;
    flags[700] = 1;
    SamplerInputs mask = SamplerInputs.none().withClassMask(Tensor.of(flags));
    float[] kept = new float[CLASSES];
    for (int step = 0; step < LONG_TEXT; step++) {
      float[] logits = logits(step % 5);
      Tensor row =
          switch (random.nextInt(5)) {
            case 0 -> Tensor.copyOf(new float[][] {logits});
            case 1 -> Tensor.of(logits).asReadOnly();
            case 2 -> Tensor.of(MemorySegment.ofArray(logits).asReadOnly(), DType.F32, CLASSES);
            case 3 -> Tensor.of(logits, 1, CLASSES);
            default -> {
              System.arraycopy(logits, 0, kept, 0, CLASSES);
              yield Tensor.of(kept);
            }
          };
      if (step % 40 == 20) {
        prompt = new int[] {step, 1, 2};
        cursor.promptTokens(prompt);
      }
      if (step % 17 == 3) {
        float[] none = logits.clone();
        none[step] = Float.NaN;
        assertThatThrownBy(() -> cursor.next(none)).isInstanceOf(NoTokenException.class);
      }
      boolean masked = random.nextInt(6) == 0;
      int token = expected(logits, prompt, text, masked ? mask : SamplerInputs.none());
      assertThat(masked ? cursor.next(row, mask) : cursor.next(row)).isEqualTo(token);
      text.add(token);
      other.next(logits(step));
    }
  }

  /** The memory of the tokens doubles in a step whose row cannot be prepared. */
  @Test
  void tokensBeforeARowThatCannotBePrepared() {
    for (boolean owned : new boolean[] {true, false}) {
      SamplerCursor cursor = penalized.start();
      List<Integer> text = new ArrayList<>();
      for (int step = 0; step < 200; step++) {
        float[] logits = logits(0);
        int token = expected(logits, new int[0], text, SamplerInputs.none());
        Tensor odd =
            owned
                ? Tensor.of(logits).withGuard(() -> null)
                : Tensor.of(MemorySegment.ofArray(logits).asReadOnly(), DType.F32, CLASSES);
        assertThat(step == 65 ? cursor.next(odd) : cursor.next(logits)).isEqualTo(token);
        text.add(token);
      }
    }
  }

  @Test
  void anEmptyArrayAfterARowOfAnotherKind() {
    SamplerCursor cursor = Sampler.greedy().start();
    for (int step = 0; step < 3; step++) {
      cursor.next(logits(0));
    }
    cursor.next(Tensor.of(MemorySegment.ofArray(logits(0)).asReadOnly(), DType.F32, CLASSES));
    assertThatThrownBy(() -> cursor.next(new float[0])).isInstanceOf(ShapeException.class);
  }

  @Test
  void aRowWithoutClassesAfterOtherCallsOfTheSampler() {
    Sampler greedy = Sampler.greedy();
    for (int step = 0; step < 3; step++) {
      greedy.sample(Tensor.of(logits(0), 4, CLASSES / 4), 0, Tensor.of(new int[4]));
      greedy.token(Tensor.allocate(DType.F16, CLASSES), 0);
    }
    SamplerCursor cursor = greedy.start();
    String refusal = "logits F32 [0] has zero classes along axis 0; expected at least one";
    refused(ShapeException.class, () -> cursor.next(Tensor.allocate(DType.F32, 0)), refusal);
    refused(ShapeException.class, () -> cursor.next(new float[0]), refusal);
    MemorySegment none = Arena.ofAuto().allocate(0);
    refused(ShapeException.class, () -> cursor.next(none), refusal);
  }

  /** However long their prompts are. */
  @Test
  void theCallsOfTextsInTurnAreCheckedOnce() {
    Sampler each =
        Sampler.builder()
            .repetitionPenalty(1.1)
            .execution(Execution.sequential().withBackend(Backend.NATIVE))
            .build();
    List<SamplerCursor> texts = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      texts.add(each.start(i).promptTokens(new int[50 * i]));
    }
    int steps = 20;
    for (int step = 0; step < steps; step++) {
      for (SamplerCursor text : texts) {
        text.next(logits(step));
      }
    }
    assertThat(each.operation.preparedRuns()).isEqualTo(8 * steps - 1);
  }

  @Test
  void anArrayHasNoSecondAxis() {
    SamplerCursor cursor = Sampler.builder().temperature(0).axis(1).build().start();
    for (int step = 0; step < 3; step++) {
      cursor.next(Tensor.of(logits(0), 1, CLASSES));
    }
    assertThatThrownBy(() -> cursor.next(logits(0))).isInstanceOf(ShapeException.class);
  }

  @Test
  void acceptedTokensCountAsDrawnOnesDo() {
    SamplerCursor cursor = penalized.start();
    List<Integer> text = new ArrayList<>();
    for (int step = 0; step < STEPS; step++) {
      if (step % 3 == 0) {
        cursor.accept(step);
        text.add(step);
      } else {
        int token = expected(logits(0), new int[0], text, SamplerInputs.none());
        assertThat(cursor.next(logits(0))).isEqualTo(token);
        text.add(token);
      }
      assertThat(cursor.step()).isEqualTo(step + 1);
    }
  }

  @Test
  void aRewoundTextIsDrawnAgain() {
    SamplerCursor cursor = penalized.start().promptTokens(3);
    List<Integer> first = new ArrayList<>();
    for (int step = 0; step < LONG_TEXT; step++) {
      first.add(cursor.next(logits(0)));
    }
    for (int back : new int[] {LONG_TEXT, LONG_TEXT - 1, 100, 64, 1, 0}) {
      cursor.rewind(back);
      for (int step = back; step < Math.min(back + 30, LONG_TEXT); step++) {
        assertThat(cursor.next(logits(0))).isEqualTo(first.get(step));
      }
    }
    SamplerCursor plain = sampler.start();
    int token = plain.next(logits(1));
    assertThat(plain.rewind(0).next(logits(1))).isEqualTo(token);
  }

  @Test
  void aStepHasInputsOfItsOwn() {
    byte[] flags = new byte[CLASSES];
    float[] bias = new float[CLASSES];
    SamplerInputs inputs =
        SamplerInputs.none().withClassMask(Tensor.of(flags)).withBias(Tensor.of(bias));
    SamplerCursor cursor = penalized.start().promptTokens(1, 2);
    SamplerCursor plain = sampler.start();
    List<Integer> text = new ArrayList<>();
    for (int step = 0; step < STEPS; step++) {
      flags[step] = 1;
      flags[step + 1] = 1;
      bias[step] = 0.5f;
      float[] logits = logits(step);
      boolean given = step % 2 == 0;
      int token = expected(logits, new int[] {1, 2}, text, given ? inputs : SamplerInputs.none());
      Tensor row = Tensor.of(logits);
      assertThat(given ? cursor.next(row, inputs) : cursor.next(row)).isEqualTo(token);
      text.add(token);
      int[] expected = new int[1];
      sampler.on(row, Tensor.of(expected)).inputs(inputs).run(step);
      assertThat(plain.next(logits, inputs)).isEqualTo(expected[0]);
    }
  }

  @Test
  void numbersOfEachTokenAreWritten() {
    float[] logProbability = new float[1];
    float[] expected = new float[1];
    int[] token = new int[1];
    SamplerOutputs outputs = SamplerOutputs.create().logProbabilities(Tensor.of(logProbability));
    SamplerCursor cursor = sampler.start().outputs(outputs);
    for (int step = 0; step < 5; step++) {
      Tensor row = Tensor.of(logits(step));
      sampler
          .on(row, Tensor.of(token))
          .outputs(SamplerOutputs.create().logProbabilities(Tensor.of(expected)))
          .run(step);
      assertThat(cursor.next(row)).isEqualTo(token[0]);
      assertThat(logProbability).isEqualTo(expected);
    }
    assertThat(outputs.sampled()).isEqualTo(1);
  }

  /** Options against repetition read the tokens before, too. */
  @Test
  void tokensThatAreNoClassesAreNamedWithoutPenalties() {
    Sampler repeated = Sampler.builder().noRepeatNgram(2).build();
    SamplerCursor prompted = repeated.start().promptTokens(1, CLASSES);
    refused(
        LabelException.class,
        () -> prompted.next(logits(0)),
        "promptTokens has token 1000, logits has 1000 classes; expected 0 to 999; tokens begin at"
            + " 0");
    SamplerCursor accepted = repeated.start().accept(CLASSES + 1);
    refused(
        LabelException.class,
        () -> accepted.next(logits(0)),
        "accept has token 1001, logits has 1000 classes; expected 0 to 999");
    assertThat(accepted.rewind(0).next(logits(0))).isBetween(0, CLASSES - 1);
  }

  /** Without penalties the tokens are checked by the next draw, once. */
  @Test
  void tokensThatAreNoClassesAreNamedWithoutAnyOption() {
    SamplerCursor prompted = sampler.start().promptTokens(1, CLASSES, 2);
    String ofPrompt =
        "promptTokens has token 1000, logits has 1000 classes; expected 0 to 999; tokens begin at"
            + " 0";
    for (int trial = 0; trial < 2; trial++) {
      refused(LabelException.class, () -> prompted.next(logits(0)), ofPrompt);
    }
    Tensor row = Tensor.of(logits(0), 1, CLASSES);
    refused(LabelException.class, () -> prompted.verify(row, new int[0], new int[1]), ofPrompt);
    int first = prompted.promptTokens(1, CLASSES - 1).next(logits(0));
    assertThat(first).isEqualTo(sampler.start().next(logits(0)));
    prompted.accept(CLASSES + 1);
    String ofAccept = "accept has token 1001, logits has 1000 classes; expected 0 to 999";
    refused(LabelException.class, () -> prompted.verify(row, new int[0], new int[1]), ofAccept);
    refused(LabelException.class, () -> prompted.next(logits(1)), ofAccept);
    assertThat(prompted.rewind(1).next(logits(1))).isBetween(0, CLASSES - 1);
    assertThat(prompted.step()).isEqualTo(2);
  }

  @Test
  void rowsOfOneTextHaveOneLength() {
    for (Sampler each : List.of(sampler, penalized)) {
      SamplerCursor cursor = each.start();
      cursor.next(logits(0));
      String refusal =
          "logits is F32 [999] with 999 classes, the rows before in this text have 1000; expected"
              + " the same number of classes, or create a cursor for another text with start()";
      refused(ShapeException.class, () -> cursor.next(Arrays.copyOf(logits(1), 999)), refusal);
      refused(
          ShapeException.class,
          () -> cursor.next(MemorySegment.ofArray(Arrays.copyOf(logits(1), 999))),
          refusal);
      assertThat(cursor.step()).isEqualTo(1);
      assertThat(cursor.next(Tensor.of(logits(1), 1, CLASSES))).isBetween(0, CLASSES - 1);
    }
  }

  @Test
  void theCauseIsLookedForAmongUnmaskedClasses() {
    SamplerCursor cursor = sampler.start();
    float[] row = {Float.NaN, Float.NEGATIVE_INFINITY, 1};
    SamplerInputs packed = SamplerInputs.none().withClassMask(Tensor.of(new int[] {2}, 1, 1));
    refused(
        NoTokenException.class,
        () -> cursor.next(Tensor.of(row, 1, 3), packed),
        "logits is F32 [1, 3] with -inf in all classes that classMask I32 [1, 1] allows, and no"
            + " token can be drawn; expected an allowed class above -inf");
    SamplerInputs flags = SamplerInputs.none().withClassMask(Tensor.of(new byte[] {1, 0, 0}));
    refused(
        NoTokenException.class,
        () -> cursor.next(row, flags),
        "logits is F32 [3] with NaN in class 0, and no token can be drawn; expected logits without"
            + " NaN or +inf, one of them above -inf");
    Tensor bias = Tensor.of(new float[] {0, 0, Float.NEGATIVE_INFINITY});
    SamplerInputs both =
        SamplerInputs.none().withClassMask(Tensor.of(new byte[] {0, 1, 1})).withBias(bias);
    refused(
        NoTokenException.class,
        () -> cursor.next(row, both),
        "logits is F32 [3] with no class that is left by classMask I8 [3] and bias F32 [3], and no"
            + " token can be drawn; expected a sum of logit and bias above -inf, and none that is"
            + " NaN or +inf");
    assertThat(cursor.step()).isZero();
  }

  @Test
  void whatATextCannotHaveIsRefused() {
    SamplerCursor cursor = penalized.start();
    cursor.next(logits(0));
    refused(
        OptionException.class,
        () -> cursor.promptTokens(4, -1),
        "promptTokens[1] is -1; expected a class of the logits, 0 or more");
    refused(
        OptionException.class,
        () -> cursor.accept(-2),
        "token is -2; expected a class of the logits, 0 or more");
    refused(
        OptionException.class,
        () -> cursor.rewind(2),
        "step is 2, this cursor is at step 1; expected no later one");
    refused(
        OptionException.class,
        () -> cursor.step(5),
        "this cursor has the tokens of 1 step, which its penalties count; expected rewind(step) or"
            + " accept(token)");
    SamplerInputs tokens = SamplerInputs.none().withOutputTokens(Tensor.of(new int[] {1}));
    refused(
        OptionException.class,
        () -> cursor.next(Tensor.of(logits(0)), tokens),
        "outputTokens is I32 [1], and a cursor, which has the tokens of its own text, has no such"
            + " input; expected inputs without it");
    SamplerCursor later = penalized.start().step(7);
    later.next(logits(0));
    refused(
        OptionException.class,
        () -> later.rewind(6),
        "2 steps back are more than the 1 token that this cursor has; expected a step since its"
            + " first one");
    cursor.accept(CLASSES);
    refused(
        LabelException.class,
        () -> cursor.next(logits(0)),
        "accept has token 1000, logits has 1000 classes; expected 0 to 999; tokens begin at 0");
    assertThat(cursor.step()).isEqualTo(2);
    byte[] none = new byte[CLASSES];
    refused(
        NoTokenException.class,
        () -> later.next(Tensor.of(logits(0)), SamplerInputs.none().withClassMask(Tensor.of(none))),
        "logits is F32 [1000] with no class that classMask I8 [1000] allows, and no token can be"
            + " drawn; expected a mask that allows at least one class");
    refused(
        ShapeException.class,
        () -> later.next(Tensor.of(new float[2 * CLASSES], 2, CLASSES)),
        "logits is F32 [2, 1000] with 2 rows; expected one row, or call sample");
    assertThat(later.step()).isEqualTo(8);
  }

  private static void refused(
      Class<? extends Exception> type, ThrowingCallable call, String message) {
    assertThatThrownBy(call).isInstanceOf(type).hasMessage(message);
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

  /** The counter of random bits has no step after this one. */
  @Test
  void afterTheLastStepIsNone() {
    SamplerCursor tokens = sampler.start().step(0xFFFFFFFFL);
    float[] logits = logits(0);
    assertThat(tokens.next(logits)).isEqualTo((int) sampler.token(Tensor.of(logits), 0xFFFFFFFFL));
    assertThatThrownBy(() -> tokens.next(logits)).isInstanceOf(OptionException.class);
    assertThat(tokens.rewind(tokens.step()).step()).isEqualTo(1L << 32);
    assertThat(tokens.rewind(0xFFFFFFFFL).next(logits)).isBetween(0, CLASSES - 1);
  }
}
