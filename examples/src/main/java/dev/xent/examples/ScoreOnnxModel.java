// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.LossOutputs;
import dev.xent.Tensor;
import dev.xent.runtimes.OnnxRuntimeTensors;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.zip.GZIPInputStream;

/**
 * Scores an ONNX model: it reads handwritten digits and writes its logits where Xent wants them,
 * and Xent tells loss, accuracy and the image that the model believes least.
 */
public final class ScoreOnnxModel {
  private static final int PIXELS = 64;
  private static final int CLASSES = 10;
  private static final String SHADES = " .:oO#";

  private ScoreOnnxModel() {}

  public static void main(String[] arguments) throws IOException, OrtException {
    List<int[]> images = testImages();
    int count = images.size();
    OrtEnvironment ort = OrtEnvironment.getEnvironment();
    try (Arena arena = Arena.ofConfined();
        OrtSession model = ort.createSession(Resources.bytes("/models/digits.onnx"))) {
      Tensor pixels = Tensor.allocate(arena, DType.F32, count, PIXELS);
      Tensor labels = Tensor.of(images.stream().mapToInt(image -> image[PIXELS]).toArray());
      for (int i = 0; i < count; i++) {
        for (int j = 0; j < PIXELS; j++) {
          pixels.setFloat(images.get(i)[j], i, j);
        }
      }

      // The model reads and writes this memory: nothing is copied in or out.
      Tensor logits = Tensor.allocate(arena, DType.F32, count, CLASSES);
      try (OnnxTensor in = OnnxRuntimeTensors.wrap(ort, pixels);
          OnnxTensor out = OnnxRuntimeTensors.wrap(ort, logits)) {
        model.run(Map.of("pixels", in), Set.of(), Map.of("logits", out)).close();
      }

      Tensor losses = Tensor.allocate(arena, DType.F32, count);
      Tensor believed = Tensor.allocate(arena, DType.I32, count);
      LossOutputs outputs = LossOutputs.create().losses(losses).argmax(believed).countCorrect(true);
      double loss = CrossEntropy.builder().build().on(logits, labels).outputs(outputs).run();

      System.out.printf(Locale.ROOT, "images    %d%n", outputs.validRows());
      System.out.printf("loss      %s%n", loss);
      System.out.printf(
          Locale.ROOT, "accuracy  %d of %d%n", outputs.correctRows(), outputs.validRows());
      int worst = worst(losses);
      System.out.printf(
          Locale.ROOT,
          "least believed: image %d is a %d, with probability %.5f; the model says %d%n",
          worst,
          labels.getLong(worst),
          Math.exp(-losses.getFloat(worst)),
          believed.getLong(worst));
      draw(images.get(worst));
    }
  }

  /** Every fifth image of the demo's data: 64 pixels of 0 to 16, then the digit. */
  private static List<int[]> testImages() throws IOException {
    List<int[]> images = new ArrayList<>();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Resources.open("/dev/xent/cli/demo/digits.csv.gz")),
                StandardCharsets.US_ASCII))) {
      int number = 0;
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (++number % 5 == 0) {
          images.add(Arrays.stream(line.split(",")).mapToInt(Integer::parseInt).toArray());
        }
      }
    }
    return images;
  }

  private static int worst(Tensor losses) {
    int worst = 0;
    for (int i = 1; i < losses.elements(); i++) {
      if (losses.getFloat(i) > losses.getFloat(worst)) {
        worst = i;
      }
    }
    return worst;
  }

  private static void draw(int[] image) {
    for (int row = 0; row < PIXELS; row += 8) {
      StringBuilder line = new StringBuilder("  ");
      for (int j = row; j < row + 8; j++) {
        char shade = SHADES.charAt(image[j] * (SHADES.length() - 1) / 16);
        line.append(shade).append(shade);
      }
      System.out.println(line.toString().stripTrailing());
    }
  }
}
