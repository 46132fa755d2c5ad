// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.xent.support.NpyBytes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Weights of the unit matrix make logits of hidden states, whose results are known. */
class LinearCommandTest {
  private static final int CLASSES = 4;

  @TempDir private Path folder;
  private Path hidden;
  private Path weights;
  private Path labels;

  @BeforeEach
  void write() {
    float[] unit = new float[CLASSES * CLASSES];
    for (int k = 0; k < CLASSES; k++) {
      unit[k * CLASSES + k] = 1;
    }
    hidden = NpyBytes.floats(file("h"), Golden.SHAPE, Golden.LOGITS);
    weights = NpyBytes.floats(file("w"), "(4, 4)", unit);
    labels = NpyBytes.longs(file("y"), "(2,)", Golden.LABELS);
  }

  @ParameterizedTest
  @ValueSource(strings = {"native", "reference"})
  void lossesAndGradients(String backend) {
    Map<String, Object> printed =
        linear(
                "--backend",
                backend,
                "--reduction",
                "sum",
                "--losses",
                file("l"),
                "--gradient",
                file("dh"),
                "--weights-gradient",
                file("dw"),
                "--bias-gradient",
                file("db"))
            .succeeds()
            .json();
    float[] losses = NpyBytes.floatsOf(file("l"));
    float[] ofHidden = NpyBytes.floatsOf(file("dh"));
    float[] ofWeights = NpyBytes.floatsOf(file("dw"));
    float[] ofBias = NpyBytes.floatsOf(file("db"));
    for (int r = 0; r < 2; r++) {
      assertThat((double) losses[r]).isCloseTo(Golden.LOSSES[r], offset(4e-7));
    }
    for (int v = 0; v < CLASSES; v++) {
      double first = Golden.GRADIENT_OF_SUM[v];
      double second = Golden.GRADIENT_OF_SUM[CLASSES + v];
      assertThat((double) ofBias[v]).isCloseTo(first + second, offset(1e-6));
      assertThat((double) ofHidden[v]).isCloseTo(first, offset(1e-7));
      for (int k = 0; k < CLASSES; k++) {
        double slope = first * Golden.LOGITS[k] + second * Golden.LOGITS[CLASSES + k];
        assertThat((double) ofWeights[v * CLASSES + k]).isCloseTo(slope, offset(1e-6));
      }
    }
    assertThat(printed).containsEntry("rows", 2).containsEntry("correct", 1);
  }

  @Test
  void saysWhatCrossEntropySays() {
    assertThat(linear("--z-loss", 0.1, "--temperature", 2).out())
        .isEqualTo(
            xent("cross-entropy", hidden, labels, "--json", "--z-loss", 0.1, "--temperature", 2)
                .out());
    linear("--top-count", 4, "--top-classes", file("top"), "--ranks", file("rank")).succeeds();
    assertThat(NpyBytes.dictionaryOf(file("top"))).contains("(2, 4)");
  }

  @Test
  void weightsAndBiasOfASafetensorsFile() throws IOException {
    String header =
        "{\"head\":{\"dtype\":\"BF16\",\"shape\":[4,4],\"data_offsets\":[0,32]},"
            + "\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[32,48]}}";
    byte[] text = header.getBytes(StandardCharsets.US_ASCII);
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + text.length + 48)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(text.length)
            .put(text);
    for (int k = 0; k < CLASSES; k++) {
      bytes.putShort(8 + text.length + 2 * (k * CLASSES + k), (short) 0x3f80);
    }
    Path model = folder.resolve("model.safetensors");
    Files.write(model, bytes.array());
    assertThat(
            xent(
                    "linear-cross-entropy",
                    hidden,
                    model + ":head",
                    labels,
                    "--bias",
                    model + ":b",
                    "--json")
                .succeeds()
                .out())
        .isEqualTo(linear().out());
    xent("linear-cross-entropy", hidden, model, labels)
        .refuses("model.safetensors' holds several tensors; use " + model + ":NAME");
    xent("linear-cross-entropy", hidden, model + ":tail", labels).refuses("tail");
  }

  @Test
  void namesTheWorkspaceThatItNeeds() {
    linear("--workspace", 1).refuses("--workspace is 1 byte, and ", "h.npy F32 [2, 4]");
  }

  private Cli linear(Object... options) {
    Object[] words = new Object[options.length + 5];
    words[0] = "linear-cross-entropy";
    words[1] = hidden;
    words[2] = weights;
    words[3] = labels;
    words[4] = "--json";
    System.arraycopy(options, 0, words, 5, options.length);
    return xent(words);
  }

  private Path file(String name) {
    return folder.resolve(name + ".npy");
  }
}
