// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.xent.DType;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.cli.Main;
import dev.xent.files.Npy;
import dev.xent.runtimes.OnnxRuntimeTensors;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Does a system compute what another one does? Both write their outputs as .npy files, and {@code
 * xent verify} compares them, by bits or within a tolerance, and names the first and the worst
 * place. Here: Xent's softmax against ONNX Runtime's, against a loop in Java, and against that loop
 * with a mistake in it.
 */
public final class VerifyOutputs {
  private static final int ROWS = 32;
  private static final int CLASSES = 1000;

  private VerifyOutputs() {}

  public static void main(String[] arguments) throws IOException, OrtException {
    Path folder = Files.createTempDirectory("xent-verify");
    Path xent = folder.resolve("xent.npy");
    Path onnx = folder.resolve("onnxruntime.npy");
    Path loop = folder.resolve("loop.npy");
    Path wrong = folder.resolve("wrong.npy");
    try (Arena arena = Arena.ofConfined()) {
      Tensor logits = logits(arena);
      Tensor probabilities = Tensor.allocate(arena, DType.F32, ROWS, CLASSES);
      Softmax.along(-1).forward(logits, probabilities);
      Npy.write(xent, probabilities);
      runModel(logits, probabilities);
      Npy.write(onnx, probabilities);
      loop(logits, probabilities, 0);
      Npy.write(loop, probabilities);
      loop(logits, probabilities, 1); // leaves the last class out
      Npy.write(wrong, probabilities);

      verify(onnx, xent, "--rtol", "1e-5");
      verify(loop, xent);
      verify(wrong, xent, "--rtol", "1e-5");
    } finally {
      for (Path file : new Path[] {xent, onnx, loop, wrong, folder}) {
        Files.deleteIfExists(file);
      }
    }
  }

  private static Tensor logits(Arena arena) {
    Tensor logits = Tensor.allocate(arena, DType.F32, ROWS, CLASSES);
    Random random = new Random(1);
    for (int r = 0; r < ROWS; r++) {
      for (int k = 0; k < CLASSES; k++) {
        logits.setFloat((float) (4 * random.nextGaussian()), r, k);
      }
    }
    return logits;
  }

  private static void runModel(Tensor logits, Tensor probabilities)
      throws IOException, OrtException {
    OrtEnvironment ort = OrtEnvironment.getEnvironment();
    try (OrtSession model = ort.createSession(Resources.bytes("/models/softmax.onnx"));
        OnnxTensor in = OnnxRuntimeTensors.wrap(ort, logits);
        OnnxTensor out = OnnxRuntimeTensors.wrap(ort, probabilities)) {
      model.run(Map.of("logits", in), Set.of(), Map.of("probabilities", out)).close();
    }
  }

  /** Softmax as it is often written; StrictMath has the same bits on every machine. */
  private static void loop(Tensor logits, Tensor probabilities, int leftOut) {
    for (int r = 0; r < ROWS; r++) {
      float max = Float.NEGATIVE_INFINITY;
      for (int k = 0; k < CLASSES; k++) {
        max = Math.max(max, logits.getFloat(r, k));
      }
      double sum = 0;
      for (int k = 0; k < CLASSES - leftOut; k++) {
        sum += StrictMath.exp(logits.getFloat(r, k) - max);
      }
      for (int k = 0; k < CLASSES; k++) {
        probabilities.setFloat((float) (StrictMath.exp(logits.getFloat(r, k) - max) / sum), r, k);
      }
    }
  }

  /** What {@code ./xent verify ACTUAL.npy EXPECTED.npy} does. */
  private static void verify(Path actual, Path expected, String... options) {
    String[] command = new String[3 + options.length];
    command[0] = "verify";
    command[1] = actual.toString();
    command[2] = expected.toString();
    System.arraycopy(options, 0, command, 3, options.length);
    System.out.printf(
        "$ xent verify %s%n",
        String.join(" ", command).replace("verify ", "").replace(actual.getParent() + "/", ""));
    System.out.flush();
    PrintWriter out = new PrintWriter(System.out, true);
    int code = Main.run(out, out, command);
    System.out.println("exit code " + code);
  }
}
