// SPDX-License-Identifier: Apache-2.0
package dev.xent.onnxruntime;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;
import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.support.Turns;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Softmax by ONNX Runtime and by Xent, in turns, one thread each, from the same memory to the same
 * memory. Not a test; run by hand:
 *
 * <pre>{@code
 * mvn -q -Pall -pl java/xent-onnxruntime test-compile exec:exec -Dexec.executable=java \
 *   -Dexec.classpathScope=test -Dexec.args="-cp %classpath dev.xent.onnxruntime.Speed"
 * }</pre>
 */
final class Speed {
  private Speed() {}

  /** Prints nanoseconds per element, medians of turns. */
  public static void main(String[] args) throws Exception {
    compare(64, 1000);
    compare(64, 128256);
  }

  private static void compare(int rows, int classes) throws Exception {
    OrtEnvironment ort = OrtEnvironment.getEnvironment();
    try (Arena arena = Arena.ofConfined();
        OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1);
      options.setInterOpNumThreads(1);
      Tensor in = Tensor.allocate(arena, DType.F32, rows, classes);
      Tensor out = Tensor.allocate(arena, DType.F32, rows, classes);
      Random random = new Random(1);
      for (int row = 0; row < rows; row++) {
        for (int c = 0; c < classes; c++) {
          in.setFloat((float) (4 * random.nextGaussian()), row, c);
        }
      }
      Softmax softmax = Softmax.builder().execution(Execution.sequential()).build();
      try (OrtSession session =
              ort.createSession(Model.of("Softmax", DType.F32, rows, classes), options);
          OnnxTensor x = OnnxRuntimeTensors.wrap(ort, in);
          OnnxTensor y = OnnxRuntimeTensors.wrap(ort, out)) {
        Tensor viewX = OnnxRuntimeTensors.view(x);
        Tensor viewY = OnnxRuntimeTensors.view(y);
        Map<String, OnnxTensor> inputs = Map.of("x", x);
        Map<String, OnnxTensor> outputs = Map.of("y", y);
        Turns.Call theirs = () -> session.run(inputs, Set.of(), outputs).close();
        Turns.Call ours = () -> softmax.forward(viewX, viewY);
        Turns.compare(
            "softmax " + rows + "x" + classes, "ONNX Runtime", (long) rows * classes, theirs, ours);
      }
    }
  }
}
