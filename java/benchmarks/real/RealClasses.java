// SPDX-License-Identifier: Apache-2.0

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.Tensor;
import dev.xent.TopK;
import dev.xent.TopKResult;
import dev.xent.runtimes.OnnxRuntimeTensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The classes and scores of a classifier in ONNX Runtime for Java beside those of its Python package. The graph ends
 * with Softmax, so the logarithms of its output are the logits. {@code MODEL.onnx DIRECTORY}: the files of features.py.
 * Exits with 1 if a class differs, or a score by more than a thousandth.
 */
final class RealClasses {
  private static final int FEATURES = 2048;

  private RealClasses() {}

  public static void main(String[] arguments) throws IOException, OrtException {
    Path folder = Path.of(arguments[1]);
    List<String> labels = Files.readAllLines(folder.resolve("labels.txt"));
    List<String> expected = Files.readAllLines(folder.resolve("python.tsv"));
    var features = ByteBuffer.wrap(Files.readAllBytes(folder.resolve("features.bin")))
        .order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
    int equal = 0;
    double worst = 0;
    double[][] times = new double[3][expected.size()];
    OrtEnvironment runtime = OrtEnvironment.getEnvironment();
    try (Arena arena = Arena.ofConfined(); OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1);
      Tensor input = Tensor.allocate(arena, DType.I32, 1, FEATURES);
      Tensor row = Tensor.allocate(arena, DType.F32, 1, labels.size());
      TopK best = TopK.builder(3).execution(Execution.sequential()).build();
      try (OrtSession model = runtime.createSession(arguments[0], options);
          OnnxTensor in = OnnxRuntimeTensors.wrap(runtime, input);
          OnnxTensor out = OnnxRuntimeTensors.wrap(runtime, row)) {
        String from = model.getInputNames().iterator().next();
        String to = model.getOutputNames().iterator().next();
        for (int file = 0; file < expected.size(); file++) {
          for (int i = 0; i < FEATURES; i++) {
            input.setLong(features.get(file * FEATURES + i), 0, i);
          }
          long start = System.nanoTime();
          model.run(Map.of(from, in), Set.of(), Map.of(to, out)).close();
          long run = System.nanoTime();
          for (int k = 0; k < labels.size(); k++) {
            row.setFloat((float) Math.log(row.getFloat(0, k)), 0, k);
          }
          long logarithms = System.nanoTime();
          TopKResult found = best.probabilities(row);
          times[2][file] = (System.nanoTime() - logarithms) / 1e3;
          times[1][file] = (logarithms - run) / 1e3;
          times[0][file] = (run - start) / 1e3;
          String[] theirs = expected.get(file).split("\t");
          double score = found.values().getFloat(0, 0);
          worst = Math.max(worst, Math.abs(score / Double.parseDouble(theirs[2]) - 1));
          if (labels.get((int) found.classes().getLong(0, 0)).equals(theirs[1])) {
            equal++;
          } else {
            System.out.println("FAILED: " + expected.get(file));
          }
        }
      }
    }
    System.out.println("| files | classes equal | largest difference of a score | model, µs | log, µs | top 3, µs |");
    System.out.println("|---:|---:|---:|---:|---:|---:|");
    System.out.printf(Locale.ROOT, "| %d | %d | %.1e | %.0f | %.0f | %.0f |%n", expected.size(), equal, worst,
        late(times[0]), late(times[1]), late(times[2]));
    System.exit(equal == expected.size() && worst < 1e-3 ? 0 : 1);
  }

  /** The median of the later half, when the JVM has compiled most. */
  private static double late(double[] times) {
    double[] sorted = Arrays.copyOfRange(times, times.length / 2, times.length);
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
