// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDScope;
import ai.djl.training.GradientCollector;
import ai.djl.training.loss.Loss;
import ai.djl.training.loss.SigmoidBinaryCrossEntropyLoss;
import ai.djl.training.loss.SoftmaxCrossEntropyLoss;
import dev.xent.benchmarks.Candidate;
import dev.xent.benchmarks.Cell;
import dev.xent.benchmarks.Nucleus;
import dev.xent.benchmarks.Operation;
import dev.xent.benchmarks.Operation.Option;
import dev.xent.benchmarks.Problem;
import dev.xent.benchmarks.Task;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.SplittableRandom;
import org.openjdk.jmh.annotations.Benchmark;

/** DJL with PyTorch as its users call it: NDArray, Loss and GradientCollector. */
public final class Djl implements Candidate {
  @Override
  public String name() {
    return "djl";
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
  public Map<String, Task> tasks(Problem problem) {
    DjlTensors tensors = new DjlTensors(problem);
    int axis = problem.shape.axis();
    int[] axes = {axis};
    NDArray x = tensors.input();
    Option option = problem.operation.option;
    if (option == Option.SMOOTHING || option == Option.WEIGHTS) {
      return Map.of(); // SoftmaxCrossEntropyLoss does not support these options
    }
    return switch (problem.operation.kind) {
      case SOFTMAX -> {
        if (option != Option.TEMPERATURE) {
          yield Map.of("softmax", output(() -> x.softmax(axis)));
        }
        yield Map.of(
            "div, softmax",
            output(
                () -> {
                  try (NDArray scaled = x.div(Operation.TEMPERATURE)) {
                    return scaled.softmax(axis);
                  }
                }));
      }
      case LOG_SOFTMAX -> Map.of("logSoftmax", output(() -> x.logSoftmax(axis)));
      case SOFTMAX_BACKWARD -> {
        NDArray dy = tensors.upstream();
        yield Map.of(
            "NDArray formula",
            output(
                () -> {
                  try (NDArray product = x.mul(dy);
                      NDArray sum = product.sum(axes, true);
                      NDArray scaled = x.mul(sum)) {
                    return product.sub(scaled);
                  }
                }));
      }
      case LOG_SOFTMAX_BACKWARD -> {
        NDArray dy = tensors.upstream();
        yield Map.of(
            "NDArray formula",
            output(
                () -> {
                  try (NDArray p = x.exp();
                      NDArray sum = dy.sum(axes, true);
                      NDArray scaled = p.mul(sum)) {
                    return dy.sub(scaled);
                  }
                }));
      }
      case CROSS_ENTROPY -> Map.of("SoftmaxCrossEntropyLoss", new LossTask(problem, tensors));
      case CROSS_ENTROPY_GRAD ->
          Map.of("SoftmaxCrossEntropyLoss, GradientCollector", new LossTask(problem, tensors));
      case BINARY_CROSS_ENTROPY ->
          Map.of("SigmoidBinaryCrossEntropyLoss", new LossTask(problem, tensors));
      case BINARY_CROSS_ENTROPY_GRAD ->
          Map.of(
              "SigmoidBinaryCrossEntropyLoss, GradientCollector", new LossTask(problem, tensors));
      case SAMPLE -> Map.of("topK, div, softmax", sampling(problem, x));
    };
  }

  /** The largest classes, their softmax as an array, and a draw from it. */
  private static Task sampling(Problem problem, NDArray x) {
    boolean all = problem.operation.option == Option.ALL_CLASSES;
    int count = all ? Math.toIntExact(problem.shape.classes()) : Operation.TOP_K;
    int rows = Math.toIntExact(problem.shape.rows());
    SplittableRandom random = new SplittableRandom(1);
    return () -> {
      try (NDList largest = x.topK(count, 1, true, true);
          NDArray scaled = largest.get(0).div(Operation.TEMPERATURE);
          NDArray probabilities = scaled.softmax(1)) {
        float[] p = probabilities.toFloatArray();
        long[] classes = largest.get(1).toLongArray();
        for (int row = 0; row < rows; row++) {
          int from = row * count;
          int drawn = Nucleus.ofFalling(p, from, count, random.nextDouble());
          problem.tokens().setAtIndex(ValueLayout.JAVA_LONG, row, classes[from + drawn]);
        }
      }
      return 0;
    };
  }

  private static Task output(ArrayMaker maker) {
    return new Task() {
      @Override
      public double run() {
        maker.make().close();
        return 0;
      }

      @Override
      public double check(MemorySegment output) {
        try (NDArray array = maker.make()) {
          DjlTensors.copy(array, output);
        }
        return 0;
      }
    };
  }

  /** Creates the output, which the caller closes. */
  private interface ArrayMaker {
    NDArray make();
  }

  /** Loss, with its gradient or without. */
  private static final class LossTask implements Task {
    private final Loss loss;
    private final NDArray x;
    private final NDArray labels;
    private final boolean withGradient;
    private final Problem problem;
    private final int axis;

    LossTask(Problem problem, DjlTensors tensors) {
      this.problem = problem;
      withGradient = problem.operation.hasOutput();
      axis = problem.shape.axis();
      boolean binary = problem.operation.isBinary();
      loss =
          binary
              ? new SigmoidBinaryCrossEntropyLoss("loss", 1, false)
              : new SoftmaxCrossEntropyLoss("loss", 1, axis, true, true);
      x = tensors.input();
      labels = binary ? tensors.targets() : tensors.labels();
      x.setRequiresGradient(withGradient);
    }

    @Override
    public double run() {
      // Frees the arrays of the loss, which would otherwise slow down every later call.
      try (NDScope scope = new NDScope()) {
        scope.suppressNotUsedWarning();
        if (withGradient) {
          backward();
        } else {
          evaluate();
        }
        if (problem.argmax != null) {
          x.argMax(axis);
        }
      }
      return 0;
    }

    /**
     * Equal to GradientCollector.zeroGradients, but faster, because that searches all existing
     * arrays.
     */
    private void backward() {
      try (GradientCollector collector = x.getManager().getEngine().newGradientCollector()) {
        NDArray gradient = x.getGradient();
        gradient.subi(gradient);
        collector.backward(evaluate());
      }
    }

    private NDArray evaluate() {
      return loss.evaluate(new NDList(labels), new NDList(x));
    }

    @Override
    public double check(MemorySegment output) {
      run();
      if (withGradient) {
        try (NDArray gradient = x.getGradient()) {
          DjlTensors.copy(gradient, output);
        }
      }
      if (problem.argmax != null) {
        try (NDArray classes = x.argMax(axis)) {
          DjlTensors.copy(classes, problem.argmax);
        }
      }
      try (NDArray value = evaluate()) {
        return DjlTensors.number(value);
      }
    }
  }

  /** For JMH. */
  public static class Timed extends Cell {
    /** One call. */
    @Benchmark
    public double djl() throws Exception {
      return task.run();
    }
  }
}
