// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDScope;
import ai.djl.training.GradientCollector;
import ai.djl.training.loss.Loss;
import ai.djl.training.loss.SoftmaxCrossEntropyLoss;
import dev.xent.benchmarks.Candidate;
import dev.xent.benchmarks.Cell;
import dev.xent.benchmarks.Problem;
import dev.xent.benchmarks.Task;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;

/** DJL with PyTorch as its users write it: NDArray, Loss and GradientCollector. */
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
    return switch (problem.operation) {
      case SOFTMAX -> Map.of("softmax", output(() -> x.softmax(axis)));
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
      case CROSS_ENTROPY -> Map.of("SoftmaxCrossEntropyLoss", new LossTask(tensors, axis, false));
      case CROSS_ENTROPY_GRAD ->
          Map.of("SoftmaxCrossEntropyLoss, GradientCollector", new LossTask(tensors, axis, true));
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

  /** Makes the output, which the caller closes. */
  private interface ArrayMaker {
    NDArray make();
  }

  /** Loss, with its gradient or without. */
  private static final class LossTask implements Task {
    private final Loss loss;
    private final NDArray x;
    private final NDArray labels;
    private final boolean withGradient;

    LossTask(DjlTensors tensors, int axis, boolean withGradient) {
      loss = new SoftmaxCrossEntropyLoss("loss", 1, axis, true, true);
      x = tensors.input();
      labels = tensors.labels();
      this.withGradient = withGradient;
      x.setRequiresGradient(withGradient);
    }

    @Override
    public double run() {
      // Frees what the loss leaves behind, which would slow down every call after it.
      try (NDScope scope = new NDScope()) {
        scope.suppressNotUsedWarning();
        if (withGradient) {
          backward();
        } else {
          evaluate();
        }
      }
      return 0;
    }

    /**
     * As GradientCollector.zeroGradients, which looks through all arrays there are, only faster.
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
      try (NDArray value = evaluate()) {
        return value.getFloat();
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
