// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.DTypeException;
import dev.xent.errors.LabelException;
import dev.xent.errors.NoTokenException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Cursors whose text must not repeat itself, and drafts. */
class SamplerRepetitionTest {
  /** Few classes, so that texts repeat themselves. */
  private static final int CLASSES = 7;

  private static final int STEPS = 60;

  private static float[] logits(Random random) {
    float[] logits = new float[CLASSES];
    for (int i = 0; i < CLASSES; i++) {
      logits[i] = (float) random.nextGaussian();
    }
    return logits;
  }

  /** Options of one text, and their effect on each token, computed place by place. */
  private static final class Options {
    final int ngram;
    final List<int[]> banned = new ArrayList<>();
    final double multiplier;
    final double base;
    final int allowed;
    final int range;
    final List<int[]> breakers = new ArrayList<>();

    Options(Random random) {
      ngram = random.nextInt(3) == 0 ? 0 : 1 + random.nextInt(5);
      for (int i = random.nextInt(3); i > 0; i--) {
        banned.add(random.ints(1 + random.nextInt(3), 0, CLASSES).toArray());
      }
      multiplier = random.nextInt(3) == 0 ? 0 : 3 * random.nextDouble();
      base = random.nextInt(4) == 0 ? 1 : 1 + random.nextDouble();
      allowed = 1 + random.nextInt(3);
      range = random.nextBoolean() ? Integer.MAX_VALUE : 1 + random.nextInt(20);
      for (int i = random.nextInt(3); i > 0; i--) {
        breakers.add(random.ints(1 + random.nextInt(2), 0, CLASSES).toArray());
      }
    }

    Sampler sampler(Sampler.Builder builder) {
      return builder
          .noRepeatNgram(ngram)
          .bannedSequences(banned.toArray(int[][]::new))
          .dryMultiplier(multiplier)
          .dryBase(base)
          .dryAllowedLength(allowed)
          .dryRange(range)
          .dryBreakers(breakers.toArray(int[][]::new))
          .build();
    }

    private boolean isBreaker(int token) {
      return breakers.stream().anyMatch(each -> each.length == 1 && each[0] == token);
    }

    /** The number of tokens after the last breaker, or after {@code begin}. */
    private int sinceBreaker(List<Integer> text, int begin) {
      for (int end = text.size(); end > begin; end--) {
        for (int[] breaker : breakers) {
          int from = end - breaker.length;
          if (from >= begin && text.subList(from, end).equals(listOf(breaker))) {
            return text.size() - end;
          }
        }
      }
      return text.size() - begin;
    }

    private static List<Integer> listOf(int[] tokens) {
      return Arrays.stream(tokens).boxed().toList();
    }

    /** The number of tokens before a place that equal the last ones of the text, up to a limit. */
    private static int same(List<Integer> text, int place, int most) {
      int length = 0;
      while (length < most
          && text.get(place - 1 - length).equals(text.get(text.size() - 1 - length))) {
        length++;
      }
      return length;
    }

    float[] bias(List<Integer> text) {
      float[] bias = new float[CLASSES];
      int begin = Math.max(0, text.size() - range);
      int sinceBreaker = sinceBreaker(text, begin);
      for (int place = begin; place < text.size() && multiplier != 0; place++) {
        int length = Math.min(sinceBreaker, same(text, place, place - begin));
        if (length >= allowed && !isBreaker(text.get(place))) {
          double penalty = multiplier;
          for (int i = allowed; i < length; i++) {
            penalty *= base;
          }
          bias[text.get(place)] = Math.min(bias[text.get(place)], (float) -penalty);
        }
      }
      for (int place = ngram - 1; place < text.size() && ngram > 0; place++) {
        if (same(text, place, ngram - 1) == ngram - 1) {
          bias[text.get(place)] = Float.NEGATIVE_INFINITY;
        }
      }
      for (int[] each : banned) {
        int before = each.length - 1;
        boolean follows = before <= text.size();
        for (int i = 0; i < before && follows; i++) {
          follows = text.get(text.size() - before + i) == each[i];
        }
        if (follows) {
          bias[each[before]] = Float.NEGATIVE_INFINITY;
        }
      }
      return bias;
    }
  }

  /** Texts that go back and take tokens from elsewhere, too. */
  @Test
  void tokensAreThoseOfTheBiasesThatTheDefinitionSays() {
    Random random = new Random(20261127);
    TreeMap<String, Integer> seen = new TreeMap<>();
    for (int sample = 0; sample < 150; sample++) {
      Options options = new Options(random);
      double penalty = random.nextInt(4) == 0 ? 1.2 : 1;
      Sampler plain = builder(penalty, sample).build();
      SamplerCursor cursor = options.sampler(builder(penalty, sample)).start();
      List<Integer> text = new ArrayList<>();
      int[] prompt = random.ints(random.nextInt(10), 0, CLASSES).toArray();
      cursor.promptTokens(prompt);
      Arrays.stream(prompt).forEach(text::add);
      for (int i = 0; i < STEPS; i++) {
        float[] logits = logits(random);
        long step = text.size() - prompt.length;
        float[] bias = options.bias(text);
        long expected = draw(plain, logits, bias, step, penalty == 1 ? List.of() : text);
        if (expected < 0) {
          seen.merge("no token", 1, Integer::sum);
          assertThatThrownBy(() -> cursor.next(logits)).isInstanceOf(NoTokenException.class);
        } else {
          seen.merge(Arrays.equals(bias, new float[CLASSES]) ? "no bias" : "bias", 1, Integer::sum);
          assertThat(cursor.next(logits)).isEqualTo((int) expected);
          text.add((int) expected);
        }
        if (random.nextInt(12) == 0) {
          int back = random.nextInt(text.size() - prompt.length + 1);
          cursor.rewind(text.size() - prompt.length - back);
          text.subList(text.size() - back, text.size()).clear();
        }
        if (random.nextInt(12) == 0) {
          int token = random.nextInt(CLASSES);
          cursor.accept(token);
          text.add(token);
        }
      }
    }
    assertThat(seen.get("bias")).isGreaterThan(1000);
    assertThat(seen.get("no bias")).isGreaterThan(1000);
    assertThat(seen.get("no token")).isGreaterThan(10);
  }

  private static Sampler.Builder builder(double penalty, long seed) {
    return Sampler.builder().temperature(0.8).repetitionPenalty(penalty).seed(seed);
  }

  private static long draw(
      Sampler sampler, float[] logits, float[] bias, long step, List<Integer> before) {
    Tensor token = Tensor.of(new long[1]);
    SamplerInputs inputs = SamplerInputs.none().withBias(Tensor.of(bias));
    if (!before.isEmpty()) {
      inputs =
          inputs.withPromptTokens(Tensor.of(before.stream().mapToInt(Integer::intValue).toArray()));
    }
    sampler.on(Tensor.of(logits), token).inputs(inputs).run(step);
    return token.getLong(0);
  }

  /** As python/tests/test_sampler.py has them. */
  @Test
  void tokensAreThoseOfPython() {
    SamplerCursor cursor =
        Sampler.builder()
            .temperature(0.8)
            .topP(0.9)
            .repetitionPenalty(1.1)
            .noRepeatNgram(4)
            .bannedSequences(new int[] {3}, new int[] {1, 2})
            .dryMultiplier(0.7)
            .dryAllowedLength(1)
            .dryBreakers(new int[] {5})
            .seed(11)
            .build()
            .start()
            .promptTokens(1, 2, 4, 1, 2);
    int[] tokens = new int[24];
    for (int step = 0; step < tokens.length; step++) {
      float[] logits = new float[8];
      for (int i = 0; i < logits.length; i++) {
        logits[i] = (7 * i + 3 * step) % 11 / 4f;
      }
      tokens[step] = cursor.next(logits);
    }
    assertThat(tokens)
        .containsExactly(5, 2, 5, 1, 6, 4, 5, 0, 2, 7, 6, 7, 1, 5, 0, 1, 7, 5, 0, 7, 5, 6, 1, 1);
  }

  /** More classes with a bias than there is memory for at first. */
  @Test
  void aLongTextForbidsManyClasses() {
    SamplerCursor cursor = Sampler.builder().temperature(0).noRepeatNgram(1).build().start();
    float[] logits = new float[500];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = -i;
    }
    for (int i = 0; i < logits.length; i++) {
      assertThat(cursor.next(logits)).isEqualTo(i);
    }
    assertThatThrownBy(() -> cursor.next(logits)).isInstanceOf(NoTokenException.class);
    assertThat(cursor.rewind(3).next(logits)).isEqualTo(3);
  }

  @Test
  void aPenaltyTooLargeForAFloatForbids() {
    Sampler sampler =
        Sampler.builder().temperature(0).dryMultiplier(1).dryBase(1e30).dryAllowedLength(1).build();
    SamplerCursor cursor = sampler.start().promptTokens(0, 2, 3, 1, 0, 2, 3);
    assertThat(cursor.next(new float[] {0, 1e37f, 0, 0})).isZero();
  }

  @Test
  void callsWithoutATextRefuseTheOptions() {
    Tensor row = Tensor.of(new float[4]);
    Tensor token = Tensor.of(new int[1]);
    for (Sampler sampler :
        List.of(
            Sampler.builder().noRepeatNgram(2).build(),
            Sampler.builder().bannedSequences(new int[] {1}).build(),
            Sampler.builder().dryMultiplier(0.8).build())) {
      String message = " is set, and this call does not have the text; expected start()";
      refused(() -> sampler.token(row, 0), message);
      refused(() -> sampler.sample(row, 0), message);
      refused(() -> sampler.on(row, token).run(0), message);
      SamplerRequests requests = SamplerRequests.create();
      refused(() -> requests.add(sampler, 0, 0), message);
      assertThat(requests.size()).isZero();
      assertThat(sampler.start().next(row)).isBetween(0, 3);
    }
    Sampler.Builder builder = Sampler.builder();
    refused(() -> builder.noRepeatNgram(-1), "noRepeatNgram is -1; expected 0 or more");
    refused(
        () -> builder.dryMultiplier(-1), "dryMultiplier is -1.0; expected a number of 0 or more");
    refused(() -> builder.dryMultiplier(Double.NaN), "dryMultiplier is NaN");
    refused(() -> builder.dryBase(0.5), "dryBase is 0.5; expected a number of 1 or more");
    refused(() -> builder.dryAllowedLength(0), "dryAllowedLength is 0; expected 1 or more");
    refused(() -> builder.dryRange(0), "dryRange is 0; expected 1 or more");
    refused(() -> builder.bannedSequences(new int[0]), "a banned sequence is empty");
    refused(() -> builder.bannedSequences(new int[] {1, -1}), "a class of bannedSequences is -1");
    refused(() -> builder.dryBreakers(new int[0]), "a breaker is empty");
    refused(() -> builder.dryBreakers(new int[] {1, -1}), "a class of dryBreakers is -1");
    assertThatThrownBy(
            () -> Sampler.builder().bannedSequences(new int[] {4}).build().start().next(row))
        .isInstanceOf(LabelException.class)
        .hasMessageContaining("bannedSequences");
    Tensor one = Tensor.of(new int[] {1});
    SamplerInputs inputs = SamplerInputs.none().withBias(one, Tensor.of(new float[1]));
    refused(
        () -> Sampler.builder().noRepeatNgram(2).build().start().next(row, inputs),
        "a cursor whose sampler has noRepeatNgram, bannedSequences or dryMultiplier");
    refused(
        () -> {
          SamplerCursor cursor = Sampler.builder().noRepeatNgram(2).build().start();
          cursor.next(row);
          cursor.step(0);
        },
        "expected rewind(step)");
  }

  private static void refused(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String message) {
    assertThatThrownBy(call).isInstanceOf(OptionException.class).hasMessageContaining(message);
  }

  // ---- drafts ----------------------------------------------------------------------------------

  /** Logits that depend on the text before, as those of a model do. */
  private static float[] model(List<Integer> text) {
    return logits(new Random(text.hashCode()));
  }

  @Test
  void aTextWithDraftsIsTheOneWithoutThem() {
    Random random = new Random(7);
    int accepted = 0;
    for (int sample = 0; sample < 60; sample++) {
      Sampler sampler = new Options(random).sampler(builder(1.1, sample));
      List<Integer> alone = new ArrayList<>();
      SamplerCursor one = sampler.start();
      int end = 0;
      try {
        for (; end < STEPS; end++) {
          alone.add(one.next(model(alone)));
        }
      } catch (NoTokenException e) {
        assertThat(e).hasMessageContaining("no token can be drawn");
      }
      List<Integer> text = new ArrayList<>();
      SamplerCursor cursor = sampler.start();
      while (text.size() < end) {
        int count = Math.min(random.nextInt(5), end - 1 - text.size());
        int[] drafts = new int[count];
        float[][] rows = new float[count + 1][];
        List<Integer> drafted = new ArrayList<>(text);
        for (int i = 0; i <= count; i++) {
          rows[i] = model(drafted);
          if (i < count) {
            drafts[i] =
                random.nextInt(4) == 0 ? random.nextInt(CLASSES) : alone.get(text.size() + i);
            drafted.add(drafts[i]);
          }
        }
        int[] tokens = new int[count + 1];
        int agreed = cursor.verify(Tensor.copyOf(rows), drafts, tokens);
        accepted += agreed;
        for (int i = 0; i <= agreed; i++) {
          text.add(tokens[i]);
        }
        assertThat(cursor.step()).isEqualTo(text.size());
      }
      assertThat(text).isEqualTo(alone.subList(0, text.size()));
    }
    assertThat(accepted).isGreaterThan(500);
  }

  @Test
  void aRowWithoutATokenTakesAllOfThemBack() {
    SamplerCursor cursor = Sampler.builder().temperature(0).noRepeatNgram(1).build().start();
    float[][] rows = {{1, 0, 0}, {0, 1, Float.NaN}};
    int[] tokens = {7, 8};
    assertThatThrownBy(() -> cursor.verify(Tensor.copyOf(rows), new int[] {0}, tokens))
        .isInstanceOf(NoTokenException.class)
        .hasMessage(
            "logits[1] is F32 [1, 3] with NaN in class 2, and no token can be drawn; expected"
                + " logits without NaN or +inf, one of them above -inf");
    assertThat(tokens).containsExactly(7, 8);
    assertThat(cursor.step()).isZero();
    assertThat(cursor.next(rows[0])).isZero();
  }

  @Test
  void draftsThatDoNotFitAreRefused() {
    SamplerCursor cursor = Sampler.greedy().start();
    Tensor rows = Tensor.of(new float[6], 2, 3);
    assertThat(cursor.verify(rows, new int[] {0}, new int[2])).isEqualTo(1);
    assertThatThrownBy(() -> cursor.verify(rows, new int[2], new int[3]))
        .isInstanceOf(ShapeException.class)
        .hasMessage(
            "logits is F32 [2, 3], drafts has 2 tokens; expected two dimensions with 3 rows");
    assertThatThrownBy(() -> cursor.verify(rows.reshape(6), new int[1], new int[2]))
        .isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> cursor.verify(rows, new int[1], new int[1]))
        .isInstanceOf(ShapeException.class)
        .hasMessage("tokens has 1 place, drafts has 1; expected one place more");
  }

  @OnEveryBackend
  void draftsWithProbabilitiesKeepTheDistribution(Backend backend) {
    int texts = 4_000;
    double[] p = {0.4, 0.3, 0.2, 0.1, 0};
    double[] q = {0.1, 0.2, 0.3, 0.2, 0.2};
    Execution on = Execution.defaults().withBackend(backend);
    Tensor rows = Tensor.copyOf(new float[][] {logarithms(p), logarithms(p), logarithms(p)});
    Tensor probabilities = Tensor.copyOf(new float[][] {floats(q), floats(q)});
    float[] draftLogits = logarithms(q);
    int[] counts = new int[5];
    int accepted = 0;
    int drawn = 0;
    for (int text = 0; text < texts; text++) {
      // The drafts have the seed and the steps of the tokens.
      Sampler.Builder builder = Sampler.builder().execution(on).seed(7).stream(text);
      SamplerCursor cursor = builder.build().start();
      SamplerCursor drafter = builder.build().start();
      int[] drafts = {drafter.next(draftLogits), drafter.next(draftLogits)};
      int[] tokens = {-1, -1, -1};
      int right = cursor.verify(rows, drafts, probabilities, tokens);
      assertThat(cursor.step()).isEqualTo(right + 1);
      for (int i = 0; i <= right; i++) {
        counts[tokens[i]]++;
        assertThat(i == 2 || (tokens[i] == drafts[i]) == (i < right)).isTrue();
      }
      accepted += Math.min(right, 1);
      drawn += right + 1;
    }
    double chiSquare = 0;
    for (int k = 0; k < 4; k++) {
      double expected = drawn * p[k];
      chiSquare += (counts[k] - expected) * (counts[k] - expected) / expected;
    }
    assertThat(counts[4]).isZero();
    assertThat(chiSquare).isLessThan(16.3); // one in a thousand of three degrees of freedom
    assertThat(accepted / (double) texts).isBetween(0.56, 0.64); // the sum of min(p, q) is 0.6
  }

  private static float[] logarithms(double[] probabilities) {
    float[] x = new float[probabilities.length];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) Math.log(probabilities[i]);
    }
    return x;
  }

  private static float[] floats(double[] values) {
    float[] x = new float[values.length];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) values[i];
    }
    return x;
  }

  @Test
  void aRowWithoutAProbableDraftIsDrawnFromTheRest() {
    SamplerInputs drafts =
        SamplerInputs.none()
            .withDrafts(
                Tensor.of(new int[] {2, 1, -1}),
                Tensor.of(new float[] {1, 0, 0.5f, 0, 1, 0, 0, 0, 1}, 3, 3));
    long[] tokens = new long[3];
    Sampler.builder()
        .topK(1)
        .seed(1)
        .build()
        .on(Tensor.of(new float[] {9, 0, 0, 0, 9, 0, 0, 0, 9}, 3, 3), Tensor.of(tokens))
        .inputs(drafts)
        .run(0);
    assertThat(tokens).containsExactly(0, 1, 2); // of row 0 nothing is left, and 2 is not kept
  }

  @Test
  void probabilitiesOfDraftsThatDoNotFitAreRefused() {
    SamplerCursor cursor = Sampler.builder().seed(1).build().start();
    Tensor rows = Tensor.of(new float[6], 2, 3);
    Tensor two = Tensor.of(new float[6], 2, 3);
    assertThatThrownBy(() -> cursor.verify(rows, new int[1], two, new int[2]))
        .isInstanceOf(ShapeException.class)
        .hasMessage(
            "draftProbabilities is F32 [2, 3], logits is F32 [2, 3], drafts has 1 token; expected"
                + " the shape of logits with one row less");
    assertThatThrownBy(() -> cursor.verify(rows, new int[] {3}, two.slice(0, 0, 1), new int[2]))
        .isInstanceOf(LabelException.class)
        .hasMessage("drafts[0] is 3, logits has 3 classes; expected 0 to 2; tokens begin at 0");
    Tensor integers = Tensor.of(new int[3], 1, 3);
    assertThatThrownBy(() -> cursor.verify(rows, new int[1], integers, new int[2]))
        .isInstanceOf(DTypeException.class);
    assertThat(cursor.step()).isZero();
  }
}
