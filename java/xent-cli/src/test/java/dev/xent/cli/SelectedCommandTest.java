// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.xent.support.NpyBytes;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SelectedCommandTest {
  private static final double CERTAIN = -Math.log1p(3 * Math.exp(-20));
  private static final double EVEN = -Math.log(4);

  @TempDir private Path folder;
  private Path logits;
  private Path tokens;
  private Path out;

  @BeforeEach
  void write() {
    logits = NpyBytes.floats(file("x"), "(3, 4)", 20, 0, 0, 0, 1, 1, 1, 1, 0, 0, 20, 0);
    tokens = NpyBytes.longs(file("t"), "(3,)", 0, 3, 2);
    out = file("o");
  }

  @ParameterizedTest
  @ValueSource(strings = {"native", "reference"})
  void writesTheLogProbabilitiesOfTokensAndTheirSums(String backend) {
    Path offsets = NpyBytes.longs(file("s"), "(3,)", 0, 2, 3);
    selected("--backend", backend, "--sequence-offsets", offsets, "--sums", file("z")).succeeds();
    float[] values = NpyBytes.floatsOf(out);
    assertThat(values).hasSize(3);
    assertThat((double) values[0]).isCloseTo(CERTAIN, offset(1e-15));
    assertThat((double) values[1]).isCloseTo(EVEN, offset(1e-7));
    double[] sums = NpyBytes.doublesOf(file("z"));
    assertThat(sums).containsExactly((double) values[0] + values[1], values[2]);
  }

  @Test
  void writesTheGradientOfSeveralClasses() {
    Path pairs = NpyBytes.longs(tokens, "(3, 2)", 0, 1, 3, -1, 2, 2);
    Path g = NpyBytes.floats(file("g"), "(3, 2)", 1, 1, 2, 5, 1, 1);
    selected("--ignore-index", -1, "--upstream", g, "--gradient", file("d")).succeeds();
    assertThat(NpyBytes.floatsOf(out)).hasSize(6);
    assertThat(NpyBytes.floatsOf(out)[3]).isZero();
    float[] dx = NpyBytes.floatsOf(file("d"));
    assertThat((double) dx[1]).isCloseTo(1, offset(1e-6));
    assertThat((double) dx[7]).isCloseTo(1.5, offset(1e-6));
    assertThat((double) dx[4]).isCloseTo(-0.5, offset(1e-6));
    assertThat(NpyBytes.dictionaryOf(file("d"))).contains("(3, 4)");
    assertThat(pairs).exists();
  }

  @Test
  void addsUpRowsOfSeveralDimensionsInOrder() {
    NpyBytes.floats(logits, "(2, 2, 2)", 0, 1, 0, 2, 0, 3, 0, 4);
    NpyBytes.longs(tokens, "(2, 2)", 0, 0, 0, 0);
    Path offsets = NpyBytes.longs(file("s"), "(3,)", 0, 1, 4);
    selected("--sequence-offsets", offsets, "--sums", file("z")).succeeds();
    float[] values = NpyBytes.floatsOf(out);
    assertThat(NpyBytes.doublesOf(file("z")))
        .containsExactly(values[0], (double) values[1] + values[2] + values[3]);
  }

  @Test
  void addsUpTheClassesOfASingleRow() {
    NpyBytes.floats(logits, "(3,)", 1, 2, 3);
    NpyBytes.longs(tokens, "(2,)", 0, 2);
    Path offsets = NpyBytes.longs(file("s"), "(2,)", 0, 1);
    selected("--sequence-offsets", offsets, "--sums", file("z")).succeeds();
    float[] values = NpyBytes.floatsOf(out);
    assertThat(NpyBytes.doublesOf(file("z"))).containsExactly((double) values[0] + values[1]);
  }

  @Test
  void addsUpRowsAlongAnyClassAxis() {
    NpyBytes.floats(logits, "(2, 3)", 0, 0, 0, 1, 2, 3);
    NpyBytes.longs(tokens, "(2, 3)", 0, 0, 1, 0, 1, 1);
    Path offsets = NpyBytes.longs(file("s"), "(3,)", 0, 1, 3);
    selected("--axis", 0, "--sequence-offsets", offsets, "--sums", file("z")).succeeds();
    float[] values = NpyBytes.floatsOf(out);
    assertThat(NpyBytes.doublesOf(file("z")))
        .containsExactly(
            (double) values[0] + values[3], (double) values[1] + values[4] + values[2] + values[5]);
  }

  private Cli selected(Object... options) {
    Object[] words = new Object[5 + options.length];
    words[0] = "selected-log-probabilities";
    words[1] = logits;
    words[2] = tokens;
    words[3] = "-o";
    words[4] = out;
    System.arraycopy(options, 0, words, 5, options.length);
    return xent(words);
  }

  private Path file(String name) {
    return folder.resolve(name + ".npy");
  }
}
