// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.DTypeException;
import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import dev.xent.options.SamplingRules;
import dev.xent.options.Ties;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class SamplerTest {
  private static final float[] ROWS = {2, 1, 0, 5, 0, 3, 1, 3};
  private static final float INFINITE = Float.POSITIVE_INFINITY;

  private static Tensor rows() {
    return Tensor.of(ROWS.clone(), 2, 4);
  }

  /** What the filters keep of a row. */
  private static int[] kept(UnaryOperator<Sampler.Builder> options, float... row) {
    byte[] mask = new byte[row.length];
    Sampler sampler = options.apply(Sampler.builder()).build();
    SamplerOutputs outputs = SamplerOutputs.create().keptMask(Tensor.of(mask, 1, row.length));
    sampler.on(Tensor.of(row, 1, row.length), Tensor.of(new int[1])).outputs(outputs).run(0);
    return IntStream.range(0, row.length).filter(k -> mask[k] != 0).toArray();
  }

  // ---- tokens ----------------------------------------------------------------------------------

  /** Of 65536 equal logits the token is the upper half of Random123's last word. */
  @ParameterizedTest
  @CsvSource({
    "NATIVE, 0, 0, 0, 0, 39680",
    "REFERENCE, 0, 0, 0, 0, 39680",
    "NATIVE, ffffffffffffffff, ffffffff, ffffffff, ffffffffffffffff, 27988",
    "REFERENCE, ffffffffffffffff, ffffffff, ffffffff, ffffffffffffffff, 27988",
    "NATIVE, 299f31d0a4093822, 243f6a88, 85a308d3, 0370734413198a2e, 9234",
    "REFERENCE, 299f31d0a4093822, 243f6a88, 85a308d3, 0370734413198a2e, 9234"
  })
  void drawsTheNumbersOfRandom123(
      Backend backend, String seed, String step, String draw, String stream, long expected) {
    Sampler sampler =
        Sampler.builder()
            .execution(Execution.defaults().withBackend(backend))
            .seed(Long.parseUnsignedLong(seed, 16))
            .stream(Long.parseUnsignedLong(stream, 16))
            .draw(Long.parseLong(draw, 16))
            .build();
    Tensor logits = Tensor.of(new float[65536]);
    assertThat(sampler.token(logits, Long.parseLong(step, 16))).isEqualTo(expected);
  }

  @Test
  void takesTheLargest() {
    assertThat(Sampler.greedy().sample(rows(), 0).toLongArray()).containsExactly(3, 1);
    assertThat(Sampler.greedy().token(Tensor.of(new float[] {1, 7, 7}), 9)).isEqualTo(1);
  }

  @Test
  void drawsAsOftenAsSoftmaxSays() {
    float[] logits = {0, 1, -1, 2, -200};
    float[] p = new float[5];
    Softmax.along(-1).forward(Tensor.of(logits), Tensor.of(p));
    int draws = 20_000;
    long[] counts = new long[5];
    Sampler sampler = Sampler.builder().seed(5).build();
    Tensor row = Tensor.of(logits);
    for (int step = 0; step < draws; step++) {
      counts[(int) sampler.token(row, step)]++;
    }
    double chiSquare = 0;
    for (int k = 0; k < 4; k++) {
      double expected = draws * (double) p[k];
      chiSquare += (counts[k] - expected) * (counts[k] - expected) / expected;
    }
    assertThat(counts[4]).isZero();
    assertThat(chiSquare).isLessThan(16.3); // one in a thousand of three degrees of freedom
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void takesFloatsOf32AndOf16Bits(DType type) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor logits = Tensor.allocate(arena, type, 1, 3);
      if (type == DType.F32 || type == DType.F16 || type == DType.BF16) {
        logits.setFloat(4, 0, 2);
        assertThat(Sampler.greedy().token(logits, 0)).isEqualTo(2);
      } else {
        assertThatThrownBy(() -> Sampler.greedy().token(logits, 0))
            .isInstanceOf(DTypeException.class)
            .hasMessageContaining("expected a tensor of type F32, F16");
      }
    }
  }

  @Test
  void aRowGetsItsTokenWhateverTheLayout() {
    float[] values = Samples.logits(6 * 50, 3, 1);
    Sampler sampler = Sampler.builder().axis(1).temperature(1.5).topP(0.9).seed(3).build();
    Tensor dense = Tensor.of(values, 2, 50, 3);
    long[] expected = sampler.sample(dense, 4).toLongArray();
    try (Arena arena = Arena.ofConfined()) {
      Tensor wide = Tensor.allocate(arena, DType.F32, 3, 100, 2);
      Tensor other = wide.permute(2, 1, 0).slice(1, 20, 70);
      other.copyFrom(dense);
      Tensor tokens = Tensor.allocate(arena, DType.I64, 3, 1, 2).permute(2, 1, 0);
      sampler.sample(other, 4, tokens);
      assertThat(tokens.toLongArray()).isEqualTo(expected);
    }
    for (int row = 0; row < 6; row++) {
      Tensor one = dense.slice(0, row / 3, row / 3 + 1).slice(2, row % 3, row % 3 + 1);
      Sampler alone =
          Sampler.builder().axis(1).temperature(1.5).topP(0.9).seed(3).stream(row).build();
      assertThat(alone.token(one, 4)).isEqualTo(expected[row]);
    }
  }

  // ---- filters ---------------------------------------------------------------------------------

  @Test
  void keepsTheLargest() {
    assertThat(kept(b -> b.topK(2), 1, 3, 2, 3)).containsExactly(1, 3);
    assertThat(kept(b -> b.topK(2), 1, 3, 3, 3)).containsExactly(1, 2);
    assertThat(kept(b -> b.topK(2).ties(Ties.ALL), 1, 3, 3, 3)).containsExactly(1, 2, 3);
    assertThat(kept(b -> b.topK(2).rules(SamplingRules.TRANSFORMERS), 1, 3, 3, 3)).hasSize(3);
    assertThat(kept(b -> b.topK(1).minKeep(3), 1, 3, 2, 0)).containsExactly(0, 1, 2);
    assertThat(kept(b -> b.topK(9), 1, -INFINITE, 2)).containsExactly(0, 2);
    assertThat(kept(b -> b.topK(0), 1, -INFINITE, 2)).containsExactly(0, 2);
  }

  @Test
  void keepsTheShortestBeginningOfAMass() {
    float[] ten = new float[10];
    assertThat(kept(b -> b.topP(0.1), ten)).containsExactly(0, 1); // 0.1 is above 1/10
    assertThat(kept(b -> b.topP(0.5), ten)).containsExactly(0, 1, 2, 3, 4);
    assertThat(kept(b -> b.topP(1e-300), ten)).containsExactly(0);
    assertThat(kept(b -> b.topP(1), ten)).hasSize(10);
    assertThat(kept(b -> b.topP(0.5), 0, 9, 0)).containsExactly(1);
    assertThat(kept(b -> b.topP(0.5).minKeep(2), 0, 9, 0)).containsExactly(0, 1);
  }

  @Test
  void keepsAShareOfTheLargest() {
    float half = (float) Math.log(0.5);
    float below = Math.nextDown((float) Math.log(0.25));
    assertThat(kept(b -> b.minP(0.25), 0, half, below)).containsExactly(0, 1);
    assertThat(kept(b -> b.minP(1), 0, 1, 1, 0)).containsExactly(1, 2);
    // at a temperature of 2 probabilities are nearer to each other
    assertThat(kept(b -> b.minP(0.25).temperature(2), 0, half, below)).hasSize(3);
    assertThat(
            kept(b -> b.minP(0.25).temperature(2).rules(SamplingRules.LLAMA_CPP), 0, half, below))
        .hasSize(2);
  }

  @Test
  void keepsWhatIsTypical() {
    // entropy 1.28: the two classes of p = 0.25 have 1.39, the first one 0.92, the last 2.3
    float[] row = logs(0.4, 0.25, 0.25, 0.1);
    assertThat(kept(b -> b.typicalP(0.4), row)).containsExactly(1, 2);
    assertThat(kept(b -> b.typicalP(0.6), row)).containsExactly(0, 1, 2);
    assertThat(kept(b -> b.typicalP(0.95), row)).hasSize(4);
  }

  private static float[] logs(double... p) {
    float[] logits = new float[p.length];
    for (int i = 0; i < p.length; i++) {
      logits[i] = (float) Math.log(p[i]);
    }
    return logits;
  }

  // ---- inputs ----------------------------------------------------------------------------------

  @Test
  void biasMaskAndPenaltiesMoveTheChoice() {
    Tensor logits = Tensor.of(new float[] {4, 3, 2, 1}, 1, 4);
    Tensor bias = Tensor.of(new float[] {-INFINITE, 0, 0, 0});
    Tensor mask = Tensor.of(new byte[] {0, 1, 1, 1});
    Tensor before = Tensor.of(new int[] {0, 0, 0, -1}, 1, 4);
    Sampler.Builder builder = Sampler.builder().temperature(0);
    SamplerInputs none = SamplerInputs.none();
    assertThat(token(builder, logits, none)).isZero();
    assertThat(token(builder, logits, none.withBias(bias))).isEqualTo(1);
    assertThat(token(builder, logits, none.withClassMask(mask))).isEqualTo(1);
    assertThat(token(builder, logits, none.withOutputTokens(before))).isZero();
    builder.repetitionPenalty(2);
    assertThat(token(builder, logits, none.withPromptTokens(before))).isEqualTo(1); // 2
    builder.repetitionPenalty(1).frequencyPenalty(0.5);
    assertThat(token(builder, logits, none.withPromptTokens(before))).isZero();
    assertThat(token(builder, logits, none.withOutputTokens(before))).isEqualTo(1); // 2.5
    builder.frequencyPenalty(0).presencePenalty(1.5);
    assertThat(token(builder, logits, none.withOutputTokens(before))).isEqualTo(1); // 2.5
  }

  private static long token(Sampler.Builder builder, Tensor logits, SamplerInputs inputs) {
    long[] token = new long[1];
    builder.build().on(logits, Tensor.of(token)).inputs(inputs).run(0);
    return token[0];
  }

  @Test
  void rowsWithoutATokenAreCounted() {
    float nan = Float.NaN;
    Tensor logits = Tensor.of(new float[] {nan, 1, INFINITE, 1, -INFINITE, -INFINITE, 1, 2}, 4, 2);
    int[] tokens = new int[4];
    float[] log = new float[4];
    SamplerOutputs outputs = SamplerOutputs.create().processedLogProbabilities(Tensor.of(log));
    Sampler.greedy().on(logits, Tensor.of(tokens)).outputs(outputs).run(0);
    assertThat(tokens).containsExactly(-1, -1, -1, 1);
    assertThat(log).containsExactly(nan, nan, nan, 0);
    assertThat(outputs.rows()).isEqualTo(4);
    assertThat(outputs.sampled()).isEqualTo(1);
    SamplerInputs inputs = SamplerInputs.none().withClassMask(Tensor.of(new byte[] {0, 1}));
    Sampler.greedy().on(logits, Tensor.of(tokens)).inputs(inputs).outputs(outputs).run(0);
    assertThat(tokens).containsExactly(1, 1, -1, 1);
  }

  // ---- outputs ---------------------------------------------------------------------------------

  @Test
  void tellsWhatCrossEntropyTellsOfTheToken() {
    float[] values = Samples.logits(3 * 40, 2, 8);
    Tensor logits = Tensor.of(values, 3, 40);
    long[] tokens = new long[3];
    float[][] own = new float[4][];
    float[][] known = new float[4][];
    for (int i = 0; i < 4; i++) {
      own[i] = new float[i == 2 ? 6 : 3];
      known[i] = new float[own[i].length];
    }
    long[] ranks = new long[3];
    long[] knownRanks = new long[3];
    int[] top = new int[6];
    int[] knownTop = new int[6];
    SamplerOutputs outputs =
        SamplerOutputs.create()
            .logProbabilities(Tensor.of(own[0]))
            .entropies(Tensor.of(own[1]))
            .ranks(Tensor.of(ranks))
            .topClasses(Tensor.of(top, 3, 2))
            .topLogProbabilities(Tensor.of(own[2], 3, 2));
    Sampler.builder()
        .temperature(1.7)
        .topK(5)
        .seed(1)
        .build()
        .on(logits, Tensor.of(tokens))
        .outputs(outputs)
        .run(3);
    LossOutputs expected =
        LossOutputs.create()
            .logProbabilities(Tensor.of(known[0]))
            .entropies(Tensor.of(known[1]))
            .ranks(Tensor.of(knownRanks))
            .topClasses(Tensor.of(knownTop, 3, 2))
            .topLogProbabilities(Tensor.of(known[2], 3, 2));
    CrossEntropy.mean().on(logits, Tensor.of(tokens)).outputs(expected).run();
    assertThat(own).isDeepEqualTo(known);
    assertThat(ranks).isEqualTo(knownRanks);
    assertThat(top).isEqualTo(knownTop);
  }

  @Test
  void tellsWithWhichProbabilityATokenWasDrawn() {
    Tensor logits = Tensor.of(logs(0.5, 0.3, 0.2), 1, 3);
    float[] processed = new float[1];
    int[] kept = new int[1];
    int[] token = new int[1];
    SamplerOutputs outputs =
        SamplerOutputs.create()
            .processedLogProbabilities(Tensor.of(processed))
            .kept(Tensor.of(kept));
    Sampler sampler = Sampler.builder().topK(2).build();
    for (int step = 0; step < 5; step++) {
      sampler.on(logits, Tensor.of(token)).outputs(outputs).run(step);
      double p = token[0] == 0 ? 0.5 / 0.8 : 0.3 / 0.8;
      assertThat((double) processed[0])
          .isCloseTo(Math.log(p), org.assertj.core.data.Offset.offset(1e-6));
      assertThat(kept[0]).isEqualTo(2);
    }
  }

  // ---- requests --------------------------------------------------------------------------------

  @Test
  void aRequestGetsTheTokenThatItGetsAlone() {
    int rows = 40;
    Tensor logits = Tensor.of(Samples.logits(rows * 300, 2, 4), rows, 300);
    Sampler[] kinds = {
      Sampler.greedy(),
      Sampler.builder().temperature(0.7).topK(20).seed(1).build(),
      Sampler.builder().topP(0.8).minP(0.01).seed(2).build(),
      Sampler.builder().rules(SamplingRules.LLAMA_CPP).temperature(2).typicalP(0.5).build()
    };
    SamplerRequests requests = SamplerRequests.create();
    for (int row = 0; row < rows; row++) {
      requests.add(kinds[row % 3], 1000 - row, 0);
    }
    for (int row = 0; row < rows; row++) {
      requests.set(row, kinds[row % 4], 1000 - row, 5).step(row, row);
    }
    assertThat(requests.size()).isEqualTo(rows);
    long[] tokens = new long[rows];
    Sampler.greedy().on(logits, Tensor.of(tokens)).run(requests);
    for (int row = 0; row < rows; row++) {
      SamplerRequests alone = SamplerRequests.create().add(kinds[row % 4], 1000 - row, row);
      long[] token = new long[1];
      Tensor one = logits.slice(0, row, row + 1);
      Sampler.greedy().on(one, Tensor.of(token)).run(alone);
      assertThat(token[0]).isEqualTo(tokens[row]);
    }
    assertThatThrownBy(() -> Sampler.greedy().on(logits, Tensor.of(tokens)).run(requests.clear()))
        .isInstanceOf(OptionException.class)
        .hasMessage(
            "requests has 0 requests, logits is F32 [40, 300] with 40 rows; expected one request"
                + " per row");
    assertThatThrownBy(() -> requests.step(0, 1)).isInstanceOf(IndexOutOfBoundsException.class);
  }

  @ParameterizedTest
  @CsvSource({"NATIVE, 1", "NATIVE, 2", "NATIVE, 7", "REFERENCE, 3"})
  void threadsChangeNothing(Backend backend, int threads) {
    int rows = 61;
    Tensor logits = Tensor.of(Samples.logits(rows * 5000, 3, 2), rows, 5000);
    Execution by = Execution.defaults().withBackend(backend);
    Sampler.Builder builder = Sampler.builder().topP(0.95).temperature(1.2).seed(1);
    long[] expected = builder.execution(by.withThreads(1)).build().sample(logits, 1).toLongArray();
    SamplerOutputs outputs = SamplerOutputs.create();
    int[] tokens = new int[rows];
    builder
        .execution(by.withThreads(threads))
        .build()
        .on(logits, Tensor.of(tokens))
        .outputs(outputs)
        .run(1);
    assertThat(Arrays.stream(tokens).asLongStream().toArray()).isEqualTo(expected);
    assertThat(outputs.sampled()).isEqualTo(rows);
  }

  // ---- errors ----------------------------------------------------------------------------------

  @Test
  void optionsAreRefusedByName() {
    Sampler.Builder b = Sampler.builder();
    refused(
        () -> b.temperature(-1),
        "temperature is -1.0; expected 0, which takes the largest logit, or a number from 2^-32 to"
            + " 2^32");
    refused(() -> b.topK(-1), "topK is -1; expected 0, which keeps all classes, or more");
    refused(() -> b.topP(0), "topP is 0.0; expected a number above 0, at most 1, which keeps all");
    refused(() -> b.minP(1.1), "minP is 1.1; expected a number from 0 to 1");
    refused(() -> b.typicalP(Double.NaN), "typicalP is NaN; expected a number above 0");
    refused(() -> b.minKeep(0), "minKeep is 0; expected 1 or more");
    refused(
        () -> b.repetitionPenalty(0),
        "repetitionPenalty is 0.0; expected a number from 2^-126 to 3.4e38");
    refused(
        () -> b.frequencyPenalty(1e39),
        "frequencyPenalty is 1.0E39; expected a number from -3.4e38 to 3.4e38");
    refused(() -> b.presencePenalty(Double.NaN), "presencePenalty is NaN; expected a number");
    refused(() -> b.draw(1L << 32), "draw is 4294967296; expected a number from 0 to 4294967295");
    refused(
        () -> Sampler.builder().rules(SamplingRules.VLLM).typicalP(0.9).build(),
        "typicalP is 0.9, and VLLM has no such filter");
    refused(
        () -> Sampler.builder().rules(SamplingRules.ONNXRUNTIME_GENAI).minP(0.1).build(),
        "minP is 0.1, and ONNXRUNTIME_GENAI has no such filter");
    refused(() -> Sampler.greedy().token(rows(), -1), "step is -1; expected a number from 0 to");
  }

  private static void refused(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String message) {
    assertThatThrownBy(call).isInstanceOf(OptionException.class).hasMessageContaining(message);
  }

  @Test
  void tensorsAreRefusedByName() {
    Sampler sampler = Sampler.greedy();
    SamplerInputs none = SamplerInputs.none();
    Tensor tokens = Tensor.of(new int[2]);
    SamplerOutputs outputs = SamplerOutputs.create();
    assertThatThrownBy(() -> sampler.token(rows(), 0))
        .isInstanceOf(ShapeException.class)
        .hasMessage("logits is F32 [2, 4] with 2 rows; expected one row, or call sample");
    assertThatThrownBy(() -> sampler.sample(rows(), 0, Tensor.of(new float[2])))
        .isInstanceOf(DTypeException.class)
        .hasMessage("tokens is F32 [2]; expected a tensor of type I32 or I64");
    assertThatThrownBy(() -> sampler.sample(rows(), 0, Tensor.of(new int[3])))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("tokens is I32 [3], logits is F32 [2, 4]");
    SamplerInputs bias = none.withBias(Tensor.of(new float[3]));
    assertThatThrownBy(() -> sampler.on(rows(), tokens).inputs(bias).outputs(outputs).run(0))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("bias is F32 [3], logits is F32 [2, 4] with 4 classes along axis 1");
    SamplerInputs floats = none.withPromptTokens(Tensor.of(new float[4], 2, 2));
    assertThatThrownBy(() -> sampler.on(rows(), tokens).inputs(floats).outputs(outputs).run(0))
        .isInstanceOf(DTypeException.class)
        .hasMessageContaining("promptTokens is F32 [2, 2]; expected classes as I8");
    Tensor logits = rows();
    assertThatThrownBy(
            () ->
                sampler
                    .on(logits, tokens)
                    .inputs(none)
                    .outputs(SamplerOutputs.create().ranks(tokens))
                    .run(0))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("overlap");
  }

  @Test
  void aTokenBeforeThatIsNoClassIsRefusedBeforeAnythingIsWritten() {
    int[] tokens = {7, 7};
    SamplerInputs inputs =
        SamplerInputs.none().withOutputTokens(Tensor.of(new int[] {0, -1, 1, 4}, 2, 2));
    assertThatThrownBy(() -> Sampler.greedy().on(rows(), Tensor.of(tokens)).inputs(inputs).run(0))
        .isInstanceOf(LabelException.class)
        .hasMessage("outputTokens of row 1 has 4; expected 0 to 3, or -1 for no token");
    assertThat(tokens).containsExactly(7, 7);
  }

  @Test
  void saysWhatItIs() {
    assertThat(Sampler.greedy()).hasToString("Sampler[temperature=0]");
    Sampler sampler = Sampler.builder().temperature(0.8).topK(50).topP(0.95).seed(42).build();
    assertThat(sampler).hasToString("Sampler[temperature=0.8, topK=50, topP=0.95, seed=42]");
    assertThat(SamplerInputs.none().withBias(Tensor.of(new float[4])))
        .hasToString("SamplerInputs[bias=F32 [4]]");
  }

  @Test
  void aSamplerWithoutASeedTakesANewOne() {
    Sampler first = Sampler.builder().build();
    Sampler second = Sampler.builder().build();
    assertThat(first.seed()).isNotEqualTo(second.seed());
    assertThat(first).hasToString("Sampler[seed=" + first.seed() + "]");
    Tensor logits = Tensor.of(new float[1000]);
    Sampler replay = Sampler.builder().seed(first.seed()).build();
    for (int step = 0; step < 10; step++) {
      assertThat(replay.token(logits, step)).isEqualTo(first.token(logits, step));
    }
    assertThat(Sampler.builder().seed(0).build()).hasToString("Sampler[seed=0]");
    assertThat(Sampler.greedy().seed()).isZero();
  }

  /** The first call checks everything, the second one prepares its kernel. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void eachCallThatIsMadeAgainRunsAPreparedKernel(boolean heap) {
    Tensor x = heap ? Tensor.of(new float[40], 4, 10) : Tensor.allocate(DType.F32, 4, 10);
    Tensor row = heap ? Tensor.of(new float[10]) : Tensor.allocate(DType.F32, 10);
    Tensor tokens = heap ? Tensor.of(new int[4]) : Tensor.allocate(DType.I32, 4);
    Map<String, Function<Sampler, Runnable>> calls = new LinkedHashMap<>();
    calls.put("sample", sampler -> () -> sampler.sample(x, 3, tokens));
    calls.put("token", sampler -> () -> sampler.token(row, 3));
    calls.put(
        "bound",
        sampler -> {
          SamplerCall call = sampler.on(x, tokens);
          return () -> call.run(3);
        });
    calls.put(
        "requests",
        sampler -> {
          SamplerCall call = sampler.on(x, tokens);
          SamplerRequests requests = SamplerRequests.create();
          for (int i = 0; i < 4; i++) {
            requests.add(sampler, i, 0);
          }
          return () -> call.run(requests);
        });
    calls.put(
        "outputs",
        sampler -> {
          SamplerOutputs outputs =
              SamplerOutputs.create().ranks(Tensor.allocate(Arena.global(), DType.I32, 4));
          SamplerCall call = sampler.on(x, tokens).outputs(outputs);
          return () -> call.run(3);
        });
    calls.put("new texts", sampler -> () -> sampler.start().next(row));
    calls.put(
        "text with a bias",
        sampler -> {
          SamplerInputs inputs = SamplerInputs.none().withBias(Tensor.of(new float[10]));
          SamplerCursor text = sampler.start();
          return () -> text.next(row, inputs);
        });
    calls.forEach(
        (name, made) -> {
          Sampler sampler =
              Sampler.builder()
                  .execution(Execution.sequential().withBackend(Backend.NATIVE))
                  .build();
          Runnable call = made.apply(sampler);
          for (int i = 0; i < 6; i++) {
            call.run();
          }
          assertThat(sampler.operation.preparedRuns()).as(name).isEqualTo(5);
        });
  }
}
