// SPDX-License-Identifier: Apache-2.0
package dev.xent.onnxruntime;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.xent.DType;
import dev.xent.Softmax;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
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
  private static final int TURNS = 21;
  private static final long TURN_NANOS = 40_000_000;

  private interface Call {
    void run() throws OrtException;
  }

  private Speed() {}

  /** Prints nanoseconds per element, medians of turns. */
  public static void main(String[] args) throws OrtException {
    compare(64, 1000);
    compare(64, 128256);
  }

  private static void compare(int rows, int classes) throws OrtException {
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
      Softmax softmax = Softmax.builder().sequential().build();
      try (OrtSession session =
              ort.createSession(Model.of("Softmax", DType.F32, rows, classes), options);
          OnnxTensor x = OnnxRuntimeTensors.wrap(ort, in);
          OnnxTensor y = OnnxRuntimeTensors.wrap(ort, out)) {
        Tensor viewX = OnnxRuntimeTensors.view(x);
        Tensor viewY = OnnxRuntimeTensors.view(y);
        Map<String, OnnxTensor> inputs = Map.of("x", x);
        Map<String, OnnxTensor> outputs = Map.of("y", y);
        Call theirs = () -> session.run(inputs, Set.of(), outputs).close();
        Call ours = () -> softmax.forward(viewX, viewY);
        double[] theirNanos = new double[TURNS];
        double[] ourNanos = new double[TURNS];
        for (int warm = 0; warm < 10; warm++) {
          turn(theirs);
          turn(ours);
        }
        for (int i = 0; i < TURNS; i++) {
          theirNanos[i] = turn(theirs) / ((double) rows * classes);
          ourNanos[i] = turn(ours) / ((double) rows * classes);
        }
        Arrays.sort(theirNanos);
        Arrays.sort(ourNanos);
        double theirMedian = theirNanos[TURNS / 2];
        double ourMedian = ourNanos[TURNS / 2];
        System.out.printf(
            "softmax %dx%d: ONNX Runtime %.3f, Xent %.3f ns per element: %.1f times as fast%n",
            rows, classes, theirMedian, ourMedian, theirMedian / ourMedian);
      }
    }
  }

  /** Nanoseconds of a call. */
  private static double turn(Call call) throws OrtException {
    long calls = 0;
    long begin = System.nanoTime();
    long spent;
    do {
      call.run();
      calls++;
      spent = System.nanoTime() - begin;
    } while (spent < TURN_NANOS);
    return (double) spent / calls;
  }
}
