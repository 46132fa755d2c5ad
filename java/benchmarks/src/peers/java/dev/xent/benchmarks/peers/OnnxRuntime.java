// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.xent.benchmarks.Candidate;
import dev.xent.benchmarks.Cell;
import dev.xent.benchmarks.Nucleus;
import dev.xent.benchmarks.Problem;
import dev.xent.benchmarks.Task;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.openjdk.jmh.annotations.Benchmark;

/**
 * ONNX Runtime for the JVM, one thread. Inputs are wrapped and not copied, and outputs are pinned
 * to existing memory, so a call only runs the session.
 */
public final class OnnxRuntime implements Candidate {
  @Override
  public String name() {
    return "onnxruntime";
  }

  @Override
  public Kind kind() {
    return Kind.PEER;
  }

  @Override
  public Class<? extends Cell> cell() {
    return Timed.class;
  }

  @Override
  public Map<String, Task> tasks(Problem problem) throws OrtException {
    Map<String, Task> tasks = new LinkedHashMap<>();
    for (Map.Entry<String, byte[]> way : OnnxGraphs.of(problem).entrySet()) {
      Run run = new Run(problem, way.getValue());
      tasks.put(way.getKey(), problem.operation.isSampling() ? run.new Draw() : run);
    }
    return tasks;
  }

  /** A session with its tensors. */
  private static final class Run implements Task {
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;
    private final Map<String, OnnxTensor> inputs = new HashMap<>();
    private final Map<String, OnnxTensor> outputs = new HashMap<>();
    private final Problem problem;
    private final boolean isDouble;
    private final ByteBuffer loss;

    Run(Problem problem, byte[] model) throws OrtException {
      this.problem = problem;
      isDouble = problem.operation.isDouble();
      loss =
          ByteBuffer.allocateDirect(problem.operation.elementBytes())
              .order(ByteOrder.nativeOrder());
      OrtSession.SessionOptions options = new OrtSession.SessionOptions();
      options.setIntraOpNumThreads(1);
      options.setInterOpNumThreads(1);
      options.setExecutionMode(OrtSession.SessionOptions.ExecutionMode.SEQUENTIAL);
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
      session = environment.createSession(model, options);
      long[] dims = problem.shape.dims();
      ByteBuffer input = Problem.buffer(problem.input);
      if (problem.operation.isBackward()) {
        inputs.put("y", elements(input, dims));
        inputs.put("dy", elements(Problem.buffer(problem.upstream()), dims));
      } else {
        inputs.put("x", elements(input, dims));
      }
      if (problem.operation.hasLabels()) {
        inputs.put("t", labels(problem));
      }
      if (problem.operation.isBinary()) {
        inputs.put("t", elements(Problem.buffer(problem.targets()), dims));
      }
      if (problem.operation.hasLoss()) {
        outputs.put("loss", elements(loss));
      }
      if (problem.weights != null) {
        inputs.put("w", elements(Problem.buffer(problem.weights), problem.shape.classes()));
      }
      if (problem.argmax != null) {
        outputs.put("classes", indices(problem.argmax, problem.shape.rowDims()));
      }
      if (problem.operation.hasOutput()) {
        outputs.put("out", elements(Problem.buffer(problem.output), dims));
      }
    }

    /** Draws from the output of the session for every row. */
    private final class Draw implements Task {
      private final int rows = Math.toIntExact(problem.shape.rows());
      private final int count;
      private final boolean falls = session.getOutputNames().contains("classes");
      private final ByteBuffer probabilities;
      private final ByteBuffer classes;
      private final float[] p;
      private final int[] heap;
      private final SplittableRandom random = new SplittableRandom(1);

      Draw() throws OrtException {
        long[] dims = ((TensorInfo) session.getOutputInfo().get("out").getInfo()).getShape();
        count = Math.toIntExact(dims[1]);
        p = new float[rows * count];
        heap = new int[count];
        probabilities = direct(p.length * Float.BYTES);
        classes = direct(p.length * Long.BYTES);
        outputs.put("out", elements(probabilities, dims));
        if (falls) {
          outputs.put(
              "classes", OnnxTensor.createTensor(environment, classes, dims, OnnxJavaType.INT64));
        }
      }

      @Override
      public double run() throws OrtException {
        session.run(inputs, Set.of(), outputs).close();
        probabilities.asFloatBuffer().get(p);
        for (int row = 0; row < rows; row++) {
          int from = row * count;
          long token =
              falls
                  ? classes.getLong(
                      Long.BYTES * (from + Nucleus.ofFalling(p, from, count, random.nextDouble())))
                  : Nucleus.ofHeap(p, from, count, heap, random.nextDouble());
          problem.tokens().setAtIndex(ValueLayout.JAVA_LONG, row, token);
        }
        return 0;
      }
    }

    private static ByteBuffer direct(int bytes) {
      return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    private OnnxTensor labels(Problem problem) throws OrtException {
      long[] wanted = ((TensorInfo) session.getInputInfo().get("t").getInfo()).getShape();
      return indices(problem.labels(), wanted);
    }

    private OnnxTensor indices(MemorySegment segment, long... dims) throws OrtException {
      return OnnxTensor.createTensor(
          environment, Problem.buffer(segment), dims, OnnxJavaType.INT64);
    }

    private OnnxTensor elements(ByteBuffer buffer, long... dims) throws OrtException {
      return OnnxTensor.createTensor(
          environment, buffer, dims, isDouble ? OnnxJavaType.DOUBLE : OnnxJavaType.FLOAT);
    }

    @Override
    public double run() throws OrtException {
      session.run(inputs, Set.of(), outputs).close();
      return isDouble ? loss.getDouble(0) : loss.getFloat(0);
    }
  }

  /** For JMH. */
  public static class Timed extends Cell {
    /** One run of the session. */
    @Benchmark
    public double onnxRuntime() throws Exception {
      return task.run();
    }
  }
}
