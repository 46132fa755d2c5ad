// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.Sigmoid;
import dev.xent.Tensor;
import dev.xent.calibration.Calibration;
import dev.xent.calibration.TemperatureScaling;
import dev.xent.support.NpyBytes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands calibrate and sigmoid. */
class CalibrateCommandTest {
  private static final float[] LOGITS = {4, 0, 0, 0, 4, 0, 4, 0, 0, 0, 0, 4};
  private static final long[] LABELS = {0, 1, 1, 2};

  @TempDir private Path folder;
  private Path logits;
  private Path labels;

  @BeforeEach
  void write() {
    logits = NpyBytes.floats(folder.resolve("x.npy"), "(4, 3)", LOGITS);
    labels = NpyBytes.longs(folder.resolve("t.npy"), "(4,)", LABELS);
  }

  @Test
  void printsWhatTheLibraryComputes() {
    Tensor x = Tensor.of(LOGITS, 4, 3);
    Tensor t = Tensor.of(LABELS);
    double temperature = TemperatureScaling.fit(x, t);
    Calibration after = Calibration.ofClasses().withTemperature(temperature).add(x, t);
    assertThat(xent("calibrate", logits, labels, "--json").succeeds().out())
        .contains("\"temperature\":" + temperature, "\"loss\":" + after.loss());
    assertThat(xent("calibrate", logits, labels).succeeds().out())
        .contains("temperature  2.232442506204989", "0.7333 to 0.8000", "0.7500      0.7500");
    assertThat(
            xent("calibrate", logits, labels, "--temperature", 1, "--bins", 2, "--equal-counts")
                .succeeds()
                .out())
        .contains("temperature  1.0 (given)");
  }

  @Test
  void drawsTheDiagram() throws IOException {
    Path svg = folder.resolve("d.svg");
    xent("calibrate", logits, labels, "--diagram", svg, "--ignore-index", 2).succeeds();
    assertThat(Files.readString(svg)).startsWith("<svg").contains("3 rows", "accuracy", "circle");
  }

  @Test
  void elementsAndOneClass() {
    Path marks =
        NpyBytes.longs(folder.resolve("m.npy"), "(4, 3)", 1, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1);
    assertThat(xent("calibrate", logits, marks, "--elements").succeeds().out())
        .contains("rows         12");
    assertThat(xent("calibrate", logits, labels, "--class", 1).succeeds().out())
        .contains("rows         4");
  }

  @Test
  void writesSigmoids() {
    Path out = folder.resolve("y.npy");
    xent("sigmoid", logits, "-o", out).succeeds();
    assertThat(NpyBytes.floatsOf(out)).containsExactly(Sigmoid.create().forward(LOGITS));
    xent("sigmoid", logits, "-o", out, "--log", "--temperature", 2, "--dtype", "f16").succeeds();
    assertThat(NpyBytes.dictionaryOf(out)).contains("(4, 3)");
  }
}
