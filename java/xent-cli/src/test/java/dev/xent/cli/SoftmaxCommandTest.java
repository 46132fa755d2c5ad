// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.xent.Softmax;
import dev.xent.Tensor;
import java.nio.file.Path;
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
    xent("softmax-backward", "--y", out, "--dy", dy, "-o", dx).succeeds();
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
    xent("softmax-backward", "--log", "--y", out, "--dy", dy, "-o", dx, "--axis", 1).succeeds();
    float[] gradient = NpyBytes.floatsOf(dx);
    for (int i = 0; i < gradient.length; i++) {
      assertThat((double) gradient[i]).isCloseTo(Golden.LOG_SOFTMAX_BACKWARD[i], offset(2e-6));
    }
  }
}
