// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.CrossEntropy;
import dev.xent.LossOutputs;
import dev.xent.Sampler;
import dev.xent.Tensor;
import dev.xent.support.NpyBytes;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SampleCommandTest {
  @TempDir private Path folder;
  private Path logits;

  @BeforeEach
  void write() {
    logits = NpyBytes.floats(file("x"), Golden.SHAPE, Golden.LOGITS);
  }

  private Path file(String name) {
    return folder.resolve(name + ".npy");
  }

  private Cli sample(Object... options) {
    Object[] first = {"sample", logits, "-o", file("tokens"), "--json"};
    return xent(Stream.concat(Arrays.stream(first), Arrays.stream(options)).toArray());
  }

  private long[] tokens(Object... options) {
    sample(options).succeeds();
    return NpyBytes.longsOf(file("tokens"));
  }

  @Test
  void readsTheSeedOfASingleRow() {
    NpyBytes.floats(logits, "(5,)", 1, 1, 1, 1, 1);
    for (String shape : new String[] {"()", "(1,)"}) {
      for (long seed = 0; seed < 5; seed++) {
        long[] expected = tokens("--seed", seed);
        Path seeds = NpyBytes.longs(file("s"), shape, seed);
        assertThat(tokens("--seeds", seeds)).isEqualTo(expected);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"native", "reference"})
  void writesTheTokensThatTheOperationGives(String backend) {
    Map<String, Object> printed =
        sample(
                "--temperature",
                1.5,
                "--top-p",
                0.9,
                "--seed",
                -7,
                "--step",
                3,
                "--backend",
                backend)
            .succeeds()
            .json();
    assertThat(printed)
        .containsEntry("rows", 2)
        .containsEntry("sampled", 2)
        .containsEntry("backend", backend);
    Sampler sampler = Sampler.builder().temperature(1.5).topP(0.9).seed(-7).build();
    Tensor rows = Tensor.of(Golden.LOGITS.clone(), 2, 4);
    assertThat(NpyBytes.longsOf(file("tokens"))).isEqualTo(sampler.sample(rows, 3).toLongArray());
  }

  @Test
  void printsTheTokenOfOneRowWithoutDimensions() {
    Path row = NpyBytes.floats(file("row"), "(3,)", 0, 9, 1);
    Cli printed = xent("sample", row, "--temperature", 0, "--json").succeeds();
    assertThat(printed.json()).containsEntry("rows", 1).containsEntry("sampled", 1);
  }

  @Test
  void everyOptionHasItsEffect() {
    assertThat(tokens("--temperature", 0)).containsExactly(0, 2);
    assertThat(tokens("--top-k", 1)).containsExactly(0, 2);
    assertThat(tokens("--top-p", 1e-9)).containsExactly(0, 2);
    assertThat(tokens("--min-p", 1)).containsExactly(0, 2);
    Path kept = file("kept");
    sample("--typical-p", 0.1, "--min-keep", 3, "--kept", kept).succeeds();
    assertThat(NpyBytes.longsOf(kept)).containsExactly(3, 3);
    Path equal = NpyBytes.floats(file("e"), "(1, 3)", 1, 1, 1);
    for (String rules : new String[] {"xent", "transformers", "vllm", "llama.cpp"}) {
      boolean all = rules.equals("transformers") || rules.equals("vllm");
      xent("sample", equal, "-o", file("t"), "--top-k", 2, "--rules", rules, "--kept", kept)
          .succeeds();
      assertThat(NpyBytes.longsOf(kept)).containsExactly(all ? 3 : 2);
    }
    xent("sample", equal, "-o", file("t"), "--top-k", 2, "--ties", "all", "--kept", kept)
        .succeeds();
    assertThat(NpyBytes.longsOf(kept)).containsExactly(3);
    xent("sample", equal, "-o", file("t"), "--rules", "onnxruntime-genai", "--draw", 1).succeeds();
    assertThat(tokens("--axis", 0, "--temperature", 0)).containsExactly(0, 0, 1, 1);
  }

  @Test
  void filtersKeepTheClassesOfTheirOptions() {
    assertThat(kept("--top-n-sigma", 1)).isEqualTo(2);
    assertThat(kept("--xtc-probability", 1, "--xtc-threshold", 0.2)).isEqualTo(3);
    assertThat(kept("--top-k", 2, "--top-p", 0.7)).isEqualTo(1);
    assertThat(kept("--top-k", 2, "--top-p", 0.7, "--order", "top-p,top-k")).isEqualTo(2);
  }

  /** How many classes of the row 3, 2, 1, 0 the options keep. */
  private long kept(Object... options) {
    Path row = NpyBytes.floats(file("four"), "(1, 4)", 3, 2, 1, 0);
    Path kept = file("kept");
    List<Object> words = new ArrayList<>(List.of("sample", row, "-o", file("t"), "--kept", kept));
    words.addAll(List.of(options));
    xent(words.toArray()).succeeds();
    return NpyBytes.longsOf(kept)[0];
  }

  @Test
  void acceptsDraftsThatAreLikely() {
    NpyBytes.floats(logits, Golden.SHAPE, new float[8]);
    Path drafts = NpyBytes.longs(file("d"), "(2,)", 3, 1);
    float[] small = new float[8];
    Arrays.fill(small, 0.25f);
    Path q = NpyBytes.floats(file("q"), Golden.SHAPE, small);
    for (int seed = 0; seed < 9; seed++) {
      assertThat(tokens("--draft-tokens", drafts, "--draft-probabilities", q, "--seed", seed))
          .containsExactly(3, 1);
    }
  }

  @Test
  void scalesLogitsAndAdaptsTheTemperature() {
    Tensor rows = Tensor.of(Golden.LOGITS.clone(), 2, 4);
    for (int seed = 0; seed < 9; seed++) {
      Sampler sampler =
          Sampler.builder().scale(0.3).dynatempRange(0.9).dynatempExponent(2).seed(seed).build();
      assertThat(
              tokens(
                  "--scale",
                  0.3,
                  "--dynatemp-range",
                  0.9,
                  "--dynatemp-exponent",
                  2,
                  "--seed",
                  seed))
          .isEqualTo(sampler.sample(rows, 0).toLongArray());
    }
  }

  @Test
  void readsMaskBiasAndTokensBefore() {
    Path mask = NpyBytes.flags(file("m"), "(4,)", 0, 1, 1, 1);
    Path bias = NpyBytes.floats(file("b"), "(4,)", 0, 0, Float.NEGATIVE_INFINITY, 0);
    Path before = NpyBytes.longs(file("p"), "(2, 1)", 0, 2);
    assertThat(tokens("--temperature", 0, "--class-mask", mask)).containsExactly(1, 2);
    assertThat(tokens("--temperature", 0, "--bias", bias)).containsExactly(0, 3);
    assertThat(tokens("--temperature", 0, "--prompt-tokens", before, "--repetition-penalty", 9))
        .containsExactly(1, 3);
    assertThat(tokens("--temperature", 0, "--output-tokens", before, "--frequency-penalty", 9))
        .containsExactly(1, 3);
    assertThat(tokens("--temperature", 0, "--output-tokens", before, "--presence-penalty", 9))
        .containsExactly(1, 3);
  }

  @Test
  void rowsHaveSeedsStreamsAndStepsOfTheirOwn() {
    Path same = NpyBytes.floats(file("x"), "(2, 50)", new float[100]);
    assertThat(same).isEqualTo(logits);
    long[] first = tokens("--seed", 5, "--stream", 9, "--step", 2);
    Path nine = NpyBytes.longs(file("s"), "(2,)", 9, 9);
    Path two = NpyBytes.longs(file("n"), "(2,)", 2, 2);
    Path five = NpyBytes.longs(file("f"), "(2,)", 5, 5);
    assertThat(tokens("--seeds", five, "--streams", nine, "--steps", two))
        .containsExactly(first[0], first[0]);
    assertThat(tokens("--seeds", five, "--stream", 9, "--step", 2)).isEqualTo(first);
    assertThat(tokens("--seed", 5, "--streams", nine, "--step", 2))
        .containsExactly(first[0], first[0]);
  }

  @Test
  void rowsOfTheirOwnHaveTheSoftcapAndTheAxisOfAll() {
    Path seeds = NpyBytes.longs(file("s"), "(4,)", 6, 6, 6, 6);
    Path streams = NpyBytes.longs(file("n"), "(4,)", 0, 1, 2, 3);
    Object[] common = {"--axis", 0, "--softcap", 0.01};
    long[] together = tokens(with(common, "--seed", 6));
    assertThat(tokens(with(common, "--seeds", seeds, "--streams", streams))).isEqualTo(together);
  }

  @Test
  void aSeedMayHaveASignOrNone() {
    assertThat(tokens("--seed", "18446744073709551615", "--stream", "18446744073709551614"))
        .isEqualTo(tokens("--seed", -1, "--stream", -2));
  }

  private static Object[] with(Object[] options, Object... more) {
    return Stream.concat(Arrays.stream(options), Arrays.stream(more)).toArray();
  }

  @Test
  void writesWhatIsToldOfTheTokens() {
    sample(
            "--log-probabilities", file("l"),
            "--processed-log-probabilities", file("q"),
            "--kept-mask", file("k"),
            "--ranks", file("r"),
            "--entropies", file("h"),
            "--top-count", 2,
            "--top-classes", file("c"),
            "--top-log-probabilities", file("v"),
            "--top-k", 2,
            "--seed", 4)
        .succeeds();
    float[] known = new float[2];
    long[] ranks = new long[2];
    LossOutputs outputs =
        LossOutputs.create().logProbabilities(Tensor.of(known)).ranks(Tensor.of(ranks));
    CrossEntropy.mean()
        .on(Tensor.of(Golden.LOGITS.clone(), 2, 4), Tensor.of(NpyBytes.longsOf(file("tokens"))))
        .outputs(outputs)
        .run();
    assertThat(NpyBytes.floatsOf(file("l"))).isEqualTo(known);
    assertThat(NpyBytes.longsOf(file("r"))).isEqualTo(ranks);
    assertThat(NpyBytes.longsOf(file("c"))).containsExactly(0, 1, 2, 3);
    assertThat(NpyBytes.dataOf(file("k"))).containsExactly(1, 1, 0, 0, 0, 0, 1, 1);
    for (float p : NpyBytes.floatsOf(file("q"))) {
      assertThat(p).isBetween(-3f, 0f);
    }
    assertThat(NpyBytes.floatsOf(file("h"))).hasSize(2);
    assertThat(NpyBytes.floatsOf(file("v"))).hasSize(4);
  }

  @Test
  void countsRowsWithoutAToken() {
    NpyBytes.floats(logits, "(2, 2)", Float.NaN, 1, 1, 2);
    assertThat(sample("--temperature", 0).succeeds().json())
        .containsEntry("rows", 2)
        .containsEntry("sampled", 1);
    assertThat(NpyBytes.longsOf(file("tokens"))).containsExactly(-1, 1);
    assertThat(xent("sample", logits, "-o", file("tokens"), "--threads", 1).succeeds().out())
        .startsWith("rows         2, 1 with a token")
        .contains("computed by  ");
  }
}
