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

class DivergenceCommandTest {
  /** At a temperature of 2, computed with 70 digits by another program. */
  private static final double[] LOSSES = {0.05888484135735024, 0.16598457361312993};

  private static final double[] GRADIENT_OF_SUM = {
    0.07191228416124198,
    -0.017612660447166823,
    -0.010682618560314699,
    -0.043617005153760456,
    0.02247738544758611,
    -0.033361669127858984,
    0.1176499085055961,
    -0.10676562482532323
  };

  @TempDir private Path folder;
  private Path student;
  private Path teacher;

  @BeforeEach
  void write() {
    student = NpyBytes.floats(file("x"), Golden.SHAPE, Golden.LOGITS);
    teacher = NpyBytes.doubles(file("a"), Golden.SHAPE, 1, 1, 0, 0, 0, 1, 2, 3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"native", "reference"})
  void comparesTheLogitsOfAStudentWithItsTeachers(String backend) {
    Map<String, Object> printed =
        kl(
                "--reduction",
                "sum",
                "--backend",
                backend,
                "--losses",
                file("l"),
                "--gradient",
                file("g"))
            .succeeds()
            .json();
    Golden.assertClose((double) printed.get("loss"), LOSSES[0] + LOSSES[1]);
    assertThat(printed)
        .containsEntry("rows", 2)
        .containsEntry("valid_rows", 2)
        .containsEntry("correct", null)
        .containsEntry("backend", backend);
    Golden.assertFile(file("l"), LOSSES);
    float[] gradient = NpyBytes.floatsOf(file("g"));
    for (int i = 0; i < gradient.length; i++) {
      assertThat((double) gradient[i]).isCloseTo(GRADIENT_OF_SUM[i], offset(1e-7));
    }
  }

  @Test
  void takesWeightsAndMasks() {
    Path weights = NpyBytes.floats(file("u"), "(2,)", 0, 3);
    Map<String, Object> printed = kl("--row-weights", weights, "--denominator", 1).json();
    Golden.assertClose((double) printed.get("loss"), 3 * LOSSES[1]);
    assertThat(printed).containsEntry("valid_rows", 1);
    Path mask = NpyBytes.flags(file("m"), "(4,)", 0, 1, 0, 0);
    assertThat(kl("--class-mask", mask).json()).containsEntry("loss", 0.0);
    NpyBytes.flags(mask, "(4,)", 0, 0, 0, 0);
    assertThat(kl("--class-mask", mask).json()).containsEntry("loss", "nan");
    assertThat(kl("--class-mask", mask, "--fully-masked", "zero").json())
        .containsEntry("loss", 0.0);
  }

  @Test
  void takesTheKindOfDivergence() {
    assertThat((double) kl("--kind", "total-variation").json().get("loss")).isBetween(0.1, 0.3);
    assertThat((double) kl("--kind", "jensen-shannon").json().get("loss")).isBetween(0.01, 0.1);
    assertThat(kl("--kind", "kullback-leibler").json()).isEqualTo(kl().json());
  }

  @Test
  void writesAnyType() {
    kl("--losses", file("l"), "--dtype", "f64").succeeds();
    assertThat(NpyBytes.doublesOf(file("l"))[0]).isCloseTo(LOSSES[0], offset(1e-14));
    kl("--gradient", file("g"), "--dtype", "bf16").succeeds();
    assertThat(NpyBytes.dictionaryOf(file("g"))).contains("<V2");
  }

  private Cli kl(Object... options) {
    Object[] words = new Object[6 + options.length];
    words[0] = "divergence";
    words[1] = student;
    words[2] = teacher;
    words[3] = "--json";
    words[4] = "--temperature";
    words[5] = 2;
    System.arraycopy(options, 0, words, 6, options.length);
    return xent(words);
  }

  private Path file(String name) {
    return folder.resolve(name + ".npy");
  }
}
