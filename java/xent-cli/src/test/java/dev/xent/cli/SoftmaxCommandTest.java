// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.support.NpyBytes;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SoftmaxCommandTest {
  @TempDir private Path folder;
  private Path logits;
  private Path out;

  @BeforeEach
  void write() {
    logits = NpyBytes.floats(folder.resolve("x.npy"), Golden.SHAPE, Golden.LOGITS);
    out = folder.resolve("y.npy");
  }

  @ParameterizedTest
  @ValueSource(strings = {"native", "reference", "auto"})
  void givesProbabilities(String backend) {
    assertThat(xent("softmax", logits, "-o", out, "--backend", backend).succeeds().out()).isEmpty();
    Golden.assertFile(out, Golden.SOFTMAX);
    assertThat(NpyBytes.dictionaryOf(out)).contains("'<f4'", "False", "(2, 4)");
  }

  @Test
  void printsProbabilitiesWithoutAFile() {
    xent("softmax", logits, "-o", out).succeeds();
    float[] expected = NpyBytes.floatsOf(out);
    assertThat(xent("softmax", logits).succeeds().out().replaceAll(" +", " "))
        .contains("0 " + expected[0] + " " + expected[1])
        .endsWith("f32 [2, 4]" + System.lineSeparator());
  }

  @Test
  void givesLogProbabilities() {
    xent("softmax", logits, "--output", out, "--log", "--isa", "scalar", "--threads", 1).succeeds();
    Golden.assertFile(out, Golden.LOG_SOFTMAX);
  }

  @Test
  void worksAlongAnyAxis() {
    Path turned = folder.resolve("turned.npy");
    float[] columns = new float[8];
    double[] expected = new double[8];
    for (int r = 0; r < 2; r++) {
      for (int k = 0; k < 4; k++) {
        columns[k * 2 + r] = Golden.LOGITS[r * 4 + k];
        expected[k * 2 + r] = Golden.SOFTMAX[r * 4 + k];
      }
    }
    NpyBytes.floats(turned, "(4, 2)", columns);
    xent("softmax", turned, "-o", out, "--axis", 0).succeeds();
    Golden.assertFile(out, expected);
    xent("softmax", turned, "-o", out, "--axis=-2").succeeds();
    Golden.assertFile(out, expected);
  }

  @Test
  void readsFortranOrder() {
    float[] columns = new float[8];
    for (int r = 0; r < 2; r++) {
      for (int k = 0; k < 4; k++) {
        columns[k * 2 + r] = Golden.LOGITS[r * 4 + k];
      }
    }
    String dictionary = NpyBytes.dictionary("<f4", true, Golden.SHAPE);
    NpyBytes.write(logits, NpyBytes.file(dictionary, NpyBytes.floats(columns)));
    xent("softmax", logits, "-o", out).succeeds();
    Golden.assertFile(out, Golden.SOFTMAX);
  }

  @Test
  void mayOverwriteItsInput() {
    xent("softmax", logits, "-o", logits).succeeds();
    Golden.assertFile(logits, Golden.SOFTMAX);
  }

  @ParameterizedTest
  @ValueSource(strings = {"native", "reference"})
  void takesTheOptionsOfLogits(String backend) {
    Path mask = NpyBytes.flags(folder.resolve("m.npy"), Golden.SHAPE, 1, 1, 1, 0, 1, 0, 1, 1);
    softmax(backend, "--temperature", 2, "--class-mask", mask);
    Golden.assertFile(
        out,
        0.506480391055654,
        0.3071958857184984,
        0.1863237232258476,
        0,
        0.16289127509249063,
        0,
        0.5685464148510541,
        0.26856231005645526);
    softmax(backend, "--softcap", 2.5);
    Golden.assertFile(
        out,
        0.569737281078813,
        0.28004654574494364,
        0.10831930776755837,
        0.04189686540868493,
        0.11466854537588642,
        0.05456744532925067,
        0.5626985050161234,
        0.2680655042787395);
    Path sink = NpyBytes.floats(folder.resolve("s.npy"), "(2,)", 0.5f, -1);
    softmax(backend, "--sink", sink);
    Golden.assertFile(
        out,
        0.5630212318141845,
        0.20712393612745927,
        0.07619663787579924,
        0.028031176560891775,
        0.06025449388568186,
        0.02846220756393409,
        0.7340500078675636,
        0.16378869581244565);
  }

  @ParameterizedTest
  @ValueSource(strings = {"native", "reference"})
  void takesRaggedRows(String backend) {
    NpyBytes.floats(logits, "(8,)", 2, 1, 0, -1, 0.5f, -0.25f, 3, 1.5f);
    Path offsets = NpyBytes.longs(folder.resolve("o.npy"), "(3,)", 0, 3, 8);
    double[] expected = {
      0.6652409557748219, 0.24472847105479764, 0.09003057317038046, 0.01344459487037478,
      0.06025449388568186, 0.02846220756393409, 0.7340500078675636, 0.16378869581244565
    };
    softmax(backend, "--row-offsets", offsets);
    Golden.assertFile(out, expected);
    softmax(backend, "--row-offsets", offsets, "--log");
    Golden.assertFile(out, Arrays.stream(expected).map(Math::log).toArray());
  }

  @Test
  void goesBackWithTemperatureMaskAndRaggedRows() {
    Path dy = NpyBytes.floats(folder.resolve("dy.npy"), Golden.SHAPE, Golden.UPSTREAM);
    Path dx = folder.resolve("dx.npy");
    softmax("auto");
    xent("softmax-backward", out, dy, "-o", dx, "--temperature", 2).succeeds();
    assertGradient(dx, 0.5);

    Path mask = NpyBytes.flags(folder.resolve("m.npy"), "(4,)", 1, 0, 1, 1);
    softmax("auto", "--class-mask", mask);
    xent("softmax-backward", out, dy, "-o", dx, "--class-mask", mask).succeeds();
    float[] gradient = NpyBytes.floatsOf(dx);
    assertThat(gradient[1]).isZero();
    assertThat(gradient[5]).isZero();

    NpyBytes.floats(logits, "(8,)", Golden.LOGITS);
    NpyBytes.floats(dy, "(8,)", Golden.UPSTREAM);
    Path offsets = NpyBytes.longs(folder.resolve("o.npy"), "(3,)", 0, 4, 8);
    softmax("auto", "--row-offsets", offsets);
    xent("softmax-backward", out, dy, "-o", dx, "--row-offsets", offsets).succeeds();
    assertGradient(dx, 1);
  }

  @Test
  void rowsWithoutClassesFollowThePolicy() {
    Path mask = NpyBytes.flags(folder.resolve("m.npy"), "(1, 4)", 0, 0, 0, 0);
    softmax("auto", "--class-mask", mask);
    assertThat(NpyBytes.floatsOf(out)).containsOnly(Float.NaN);
    softmax("auto", "--class-mask", mask, "--fully-masked", "zero");
    assertThat(NpyBytes.floatsOf(out)).containsOnly(0);
  }

  private static void assertGradient(Path dx, double scale) {
    float[] actual = NpyBytes.floatsOf(dx);
    assertThat(actual).hasSameSizeAs(Golden.SOFTMAX_BACKWARD);
    for (int i = 0; i < actual.length; i++) {
      assertThat((double) actual[i]).isCloseTo(scale * Golden.SOFTMAX_BACKWARD[i], offset(3e-7));
    }
  }

  private void softmax(String backend, Object... options) {
    List<Object> words = new ArrayList<>(List.of("softmax", logits, "-o", out));
    words.addAll(List.of("--backend", backend));
    words.addAll(List.of(options));
    xent(words.toArray()).succeeds();
  }

  @Test
  void everyBackendGivesTheSameBits() {
    Path other = folder.resolve("other.npy");
    xent("softmax", logits, "-o", out, "--backend", "native").succeeds();
    xent("softmax", logits, "-o", other, "--backend", "reference").succeeds();
    assertThat(out).hasSameBinaryContentAs(other);
  }

  @Test
  void givesTheBitsOfOneCallHoweverLargeTheFile() {
    int rows = 5;
    int classes = (1 << 20) + 3;
    float[] values = new float[rows * classes];
    for (int i = 0; i < values.length; i++) {
      values[i] = (i * 31L % 1009) / 64f;
    }
    for (long[] shape : new long[][] {{rows, classes}, {classes, rows}}) {
      NpyBytes.floats(logits, "(%d, %d)".formatted(shape[0], shape[1]), values);
      for (int axis = 0; axis < 2; axis++) {
        float[] expected = new float[values.length];
        Softmax.along(axis).forward(Tensor.of(values, shape), Tensor.of(expected, shape));
        xent("softmax", logits, "-o", out, "--axis", axis).succeeds();
        assertThat(NpyBytes.floatsOf(out)).isEqualTo(expected);
      }
    }
  }

  @Test
  void goesBack() {
    Path dy = NpyBytes.floats(folder.resolve("dy.npy"), Golden.SHAPE, Golden.UPSTREAM);
    Path dx = folder.resolve("dx.npy");
    xent("softmax", logits, "-o", out).succeeds();
    xent("softmax-backward", out, dy, "-o", dx).succeeds();
    float[] gradient = NpyBytes.floatsOf(dx);
    for (int i = 0; i < gradient.length; i++) {
      // y * (dy - s): as exact as the difference that is multiplied
      assertThat((double) gradient[i]).isCloseTo(Golden.SOFTMAX_BACKWARD[i], offset(4e-7));
    }
  }

  @Test
  void goesBackAlongTheLogarithm() {
    Path dy = NpyBytes.floats(folder.resolve("dy.npy"), Golden.SHAPE, Golden.UPSTREAM);
    Path dx = folder.resolve("dx.npy");
    xent("softmax", logits, "-o", out, "--log").succeeds();
    xent("softmax-backward", "--log", out, dy, "-o", dx, "--axis", 1).succeeds();
    float[] gradient = NpyBytes.floatsOf(dx);
    for (int i = 0; i < gradient.length; i++) {
      assertThat((double) gradient[i]).isCloseTo(Golden.LOG_SOFTMAX_BACKWARD[i], offset(2e-6));
    }
  }
}
