// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.OptionException;
import dev.xent.errors.XentException;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import dev.xent.options.SamplingFilter;
import dev.xent.options.SamplingRules;
import dev.xent.options.Ties;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * Every option of a sampler, in a batch in which each row has its own sampler: a row gets the token
 * that it gets alone, or the call throws.
 */
class RequestOptionsTest {
  private static final int ROWS = 300;
  private static final int CLASSES = 12;
  private static final long STREAM = 1000;

  /** In steps of a half, so that some are equal. */
  private static final Tensor LOGITS = Tensor.of(halves(ROWS * CLASSES), ROWS, CLASSES);

  private static final SamplerInputs INPUTS =
      SamplerInputs.none()
          .withPromptTokens(Tensor.of(Samples.labels(ROWS * 3, CLASSES, 5), ROWS, 3))
          .withOutputTokens(Tensor.of(Samples.labels(ROWS * 4, CLASSES, 6), ROWS, 4));

  private enum InBatch {
    /** It changes tokens, as it does alone. */
    COUNTS,

    /** It changes no token. */
    CHANGES_NOTHING,

    /** All rows have it in common. */
    IS_REFUSED
  }

  /** An option, and the other options without which it has no effect. */
  private record Option(
      String name,
      InBatch inBatch,
      UnaryOperator<Sampler.Builder> beside,
      UnaryOperator<Sampler.Builder> choice) {
    Sampler with() {
      return choice.apply(beside.apply(Sampler.builder().seed(0))).build();
    }

    Sampler without() {
      return beside.apply(Sampler.builder().seed(0)).build();
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static final List<Option> OPTIONS =
      List.of(
          refused("axis", b -> b.axis(0)),
          refused("softcap", b -> b.softcap(0.5)),
          new Option(
              "rules", InBatch.COUNTS, b -> b.topK(3), b -> b.rules(SamplingRules.TRANSFORMERS)),
          new Option("ties", InBatch.COUNTS, b -> b.topK(3), b -> b.ties(Ties.ALL)),
          counts("scale", b -> b.scale(4)),
          counts("temperature", b -> b.temperature(0.3)),
          counts("dynatempRange", b -> b.dynatempRange(4)),
          new Option(
              "dynatempExponent",
              InBatch.COUNTS,
              b -> b.dynatempRange(1),
              b -> b.dynatempExponent(40)),
          new Option("minKeep", InBatch.COUNTS, b -> b.topP(0.1), b -> b.minKeep(5)),
          counts("topK", b -> b.topK(2)),
          counts("topP", b -> b.topP(0.5)),
          counts("minP", b -> b.minP(0.5)),
          counts("typicalP", b -> b.typicalP(0.3)),
          counts("topNSigma", b -> b.topNSigma(0.1)),
          counts("xtcProbability", b -> b.xtcProbability(1)),
          new Option(
              "xtcThreshold", InBatch.COUNTS, b -> b.xtcProbability(1), b -> b.xtcThreshold(0.01)),
          new Option(
              "order",
              InBatch.COUNTS,
              b -> b.minP(0.5).temperature(4),
              b -> b.order(SamplingFilter.MIN_P, SamplingFilter.TEMPERATURE)),
          counts("repetitionPenalty", b -> b.repetitionPenalty(4)),
          counts("frequencyPenalty", b -> b.frequencyPenalty(3)),
          counts("presencePenalty", b -> b.presencePenalty(3)),
          counts("seed", b -> b.seed(77)),
          counts("draw", b -> b.draw(1)),
          nothing("stream", b -> b.stream(77)), // each request has its own
          nothing(
              "execution",
              b ->
                  b.execution(
                      Execution.defaults()
                          .withBackend(Backend.REFERENCE)
                          .withIsa(Isa.SCALAR)
                          .withThreads(2)
                          .withExecutor(Runnable::run))));

  private static Option counts(String name, UnaryOperator<Sampler.Builder> choice) {
    return new Option(name, InBatch.COUNTS, b -> b, choice);
  }

  private static Option nothing(String name, UnaryOperator<Sampler.Builder> choice) {
    return new Option(name, InBatch.CHANGES_NOTHING, b -> b, choice);
  }

  private static Option refused(String name, UnaryOperator<Sampler.Builder> choice) {
    return new Option(name, InBatch.IS_REFUSED, b -> b, choice);
  }

  private static float[] halves(int count) {
    float[] values = Samples.logits(count, 2, 8);
    for (int i = 0; i < count; i++) {
      values[i] = Math.round(values[i] * 2) / 2f;
    }
    return values;
  }

  /** The tokens of a batch whose rows all have one sampler. */
  private static long[] inBatch(Sampler computing, Sampler ofRows) {
    SamplerRequests requests = SamplerRequests.create();
    for (int row = 0; row < ROWS; row++) {
      requests.add(ofRows, STREAM + row, 0);
    }
    long[] tokens = new long[ROWS];
    computing.on(LOGITS, Tensor.of(tokens)).inputs(INPUTS).run(requests);
    return tokens;
  }

  /** The tokens of the same rows, from one call per row. */
  private static long[] alone(UnaryOperator<Sampler.Builder> options) {
    long[] tokens = new long[ROWS];
    for (int row = 0; row < ROWS; row++) {
      Sampler sampler = options.apply(Sampler.builder().seed(0)).stream(STREAM + row).build();
      long[] token = new long[1];
      Tensor one = LOGITS.slice(0, row, row + 1);
      sampler.on(one, Tensor.of(token)).inputs(inputsOf(row)).run(0);
      tokens[row] = token[0];
    }
    return tokens;
  }

  private static SamplerInputs inputsOf(int row) {
    int[] prompt = Samples.labels(ROWS * 3, CLASSES, 5);
    int[] output = Samples.labels(ROWS * 4, CLASSES, 6);
    return SamplerInputs.none()
        .withPromptTokens(Tensor.of(Arrays.copyOfRange(prompt, row * 3, row * 3 + 3), 1, 3))
        .withOutputTokens(Tensor.of(Arrays.copyOfRange(output, row * 4, row * 4 + 4), 1, 4));
  }

  /** A request has no text: {@link SamplerRepetitionTest}. */
  private static final Set<String> OF_TEXTS =
      Set.of(
          "noRepeatNgram",
          "bannedSequences",
          "dryMultiplier",
          "dryBase",
          "dryAllowedLength",
          "dryRange",
          "dryBreakers");

  @Test
  void everyOptionIsInTheTable() {
    Stream<Method> options =
        Arrays.stream(Sampler.Builder.class.getMethods())
            .filter(method -> method.getDeclaringClass().getName().startsWith("dev.xent."))
            .filter(method -> Modifier.isPublic(method.getModifiers()) && !method.isBridge())
            .filter(method -> !method.getName().equals("build"))
            .filter(method -> !OF_TEXTS.contains(method.getName()));
    assertThat(options.map(Method::getName).collect(Collectors.toSet()))
        .isEqualTo(OPTIONS.stream().map(Option::name).collect(Collectors.toSet()));
  }

  @ParameterizedTest
  @FieldSource("OPTIONS")
  void aRowGetsTheTokenThatItGetsAloneOrIsRefused(Option option) {
    Sampler other = Sampler.builder().seed(3).topK(1).temperature(7).build();
    if (option.inBatch() == InBatch.IS_REFUSED) {
      assertThatThrownBy(() -> inBatch(other, option.with()))
          .isInstanceOf(OptionException.class)
          .hasMessageStartingWith("request 0 has a sampler with " + option.name())
          .hasMessageEndingWith("expected the same " + option.name());
      assertThatThrownBy(() -> inBatch(option.with(), other)).isInstanceOf(XentException.class);
      return;
    }
    long[] tokens = inBatch(other, option.with());
    assertThat(tokens).isEqualTo(alone(b -> option.choice().apply(option.beside().apply(b))));
    assertThat(Arrays.equals(tokens, inBatch(other, option.without())))
        .isEqualTo(option.inBatch() == InBatch.CHANGES_NOTHING);
  }

  /** A call with requests reads only those options of its sampler that all rows share. */
  @ParameterizedTest
  @FieldSource("OPTIONS")
  void optionsOfTheSamplerThatComputesChangeNoRow(Option option) {
    Sampler ofRows = Sampler.builder().seed(3).topP(0.9).build();
    if (option.inBatch() != InBatch.IS_REFUSED) {
      assertThat(inBatch(option.with(), ofRows)).isEqualTo(inBatch(Sampler.greedy(), ofRows));
    }
  }

  @Test
  void bothSamplersAreNamed() {
    Tensor logits = Tensor.of(new float[8], 2, 4);
    Map<Sampler, String> refusals =
        Map.of(
            Sampler.builder().softcap(0.5).build(),
            "request 1 has a sampler with softcap 0.5, the one that computes has softcap 30.0;"
                + " expected the same softcap",
            Sampler.greedy(),
            "request 1 has a sampler with no softcap, the one that computes has softcap 30.0;"
                + " expected the same softcap",
            Sampler.builder().softcap(30).axis(0).build(),
            "request 1 has a sampler with axis 0, the one that computes has axis -1; expected the"
                + " same axis");
    Sampler computing = Sampler.builder().softcap(30).build();
    int[] tokens = {7, 7};
    refusals.forEach(
        (sampler, message) -> {
          SamplerRequests requests =
              SamplerRequests.create().add(computing, 0, 0).add(sampler, 1, 0);
          assertThatThrownBy(() -> sample(computing, logits, requests, tokens))
              .isInstanceOf(OptionException.class)
              .hasMessage(message);
        });
    assertThat(tokens).containsOnly(7);
  }

  @Test
  void anAxisCountsFromEitherEnd() {
    Sampler last = Sampler.builder().axis(1).build();
    SamplerRequests requests = SamplerRequests.create().add(last, 0, 0).add(Sampler.greedy(), 1, 0);
    Tensor two = Tensor.of(new float[8], 2, 4);
    assertThatCode(() -> sample(Sampler.greedy(), two, requests, new int[2]))
        .doesNotThrowAnyException();
    SamplerRequests one = SamplerRequests.create().add(Sampler.builder().axis(0).build(), 0, 0);
    assertThatCode(() -> sample(Sampler.greedy(), Tensor.of(new float[4]), one, new int[1]))
        .doesNotThrowAnyException();
    assertThatThrownBy(
            () -> sample(Sampler.greedy(), Tensor.of(new float[4], 1, 4), one, new int[1]))
        .isInstanceOf(OptionException.class);
  }

  private static void sample(
      Sampler computing, Tensor logits, SamplerRequests requests, int[] tokens) {
    computing.on(logits, Tensor.of(tokens)).run(requests);
  }
}
