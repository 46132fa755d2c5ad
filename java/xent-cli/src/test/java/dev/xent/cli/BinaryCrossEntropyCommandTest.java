// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.xent.support.NpyBytes;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BinaryCrossEntropyCommandTest {
  private static final long[] LABELS = {1, 0, 1, 0, 0, 1, 1, 0};

  @TempDir private Path folder;
  private Path logits;
  private Path labels;

  @BeforeEach
  void write() {
    logits = NpyBytes.floats(file("x"), Golden.SHAPE, Golden.LOGITS);
    labels = NpyBytes.longs(file("t"), Golden.SHAPE, LABELS);
  }

  private static double wrong(int i) {
    double x = LABELS[i] == 1 ? -Golden.LOGITS[i] : Golden.LOGITS[i];
    return 1 / (1 + Math.exp(-x));
  }

  @ParameterizedTest
  @ValueSource(strings = {"native", "reference"})
  void lossesAndGradients(String backend) {
    Map<String, Object> printed =
        binary("--backend", backend, "--losses", file("l"), "--gradient", file("g"))
            .succeeds()
            .json();
    float[] losses = NpyBytes.floatsOf(file("l"));
    float[] gradient = NpyBytes.floatsOf(file("g"));
    double sum = 0;
    for (int i = 0; i < 8; i++) {
      double loss = -Math.log1p(-wrong(i));
      sum += loss;
      assertThat((double) losses[i]).isCloseTo(loss, offset(4e-7 * loss));
      assertThat((double) gradient[i])
          .isCloseTo((LABELS[i] == 1 ? -wrong(i) : wrong(i)) / 8, offset(1e-8));
    }
    assertThat((double) printed.get("loss")).isCloseTo(sum / 8, offset(1e-7));
    assertThat(NpyBytes.dictionaryOf(file("l"))).contains(Golden.SHAPE);
    assertThat(printed)
        .containsEntry("rows", 8)
        .containsEntry("valid_rows", 8)
        .containsEntry("correct", null)
        .containsEntry("backend", backend);
  }

  @Test
  void takesEveryOption() {
    Path mask = NpyBytes.flags(file("m"), "(4,)", 1, 0, 0, 1);
    Path positive = NpyBytes.floats(file("r"), "(1, 4)", 2, 1, 1, 1);
    Map<String, Object> printed =
        binary("--reduction", "sum", "--element-weights", mask, "--positive-weights", positive)
            .json();
    assertThat(printed).containsEntry("valid_rows", 4);
    double expected = 0;
    for (int i : new int[] {0, 3, 4, 7}) {
      expected -= (i == 0 ? 2 : 1) * Math.log1p(-wrong(i));
    }
    assertThat((double) printed.get("loss")).isCloseTo(expected, offset(1e-6));

    printed = binary("--reduction", "sum", "--focal-gamma", 2, "--focal-alpha", 0.25).json();
    expected = 0;
    for (int i = 0; i < 8; i++) {
      double weight = LABELS[i] == 1 ? 0.25 : 0.75;
      expected -= weight * wrong(i) * wrong(i) * Math.log1p(-wrong(i));
    }
    assertThat((double) printed.get("loss")).isCloseTo(expected, offset(1e-6));
    assertThat(binary("--ignore-index", 1).json()).containsEntry("valid_rows", 4);
    assertThat(binary("--denominator", 4, "--axis", 0).json()).containsEntry("denominator", 4.0);
  }

  @Test
  void numbersAreTargetsToo() {
    Path soft = NpyBytes.floats(file("s"), Golden.SHAPE, 0, 1, 0.5f, 0.25f, 1, 0, 0.75f, 0.5f);
    xent("binary-cross-entropy", logits, soft).succeeds();
  }

  private Cli binary(Object... options) {
    Object[] words = new Object[4 + options.length];
    words[0] = "binary-cross-entropy";
    words[1] = logits;
    words[2] = labels;
    words[3] = "--json";
    System.arraycopy(options, 0, words, 4, options.length);
    return xent(words);
  }

  private Path file(String name) {
    return folder.resolve(name + ".npy");
  }
}
