// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.JniUtils;
import dev.xent.benchmarks.Candidate;
import dev.xent.benchmarks.Cell;
import dev.xent.benchmarks.Problem;
import dev.xent.benchmarks.Task;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;

/**
 * DJL with PyTorch by the shortest way there is: a TorchScript module of a line or a few, called
 * with values that are there before, its output written to memory that is there before where that
 * is faster. The gradients are the kernels of PyTorch's own backward, called without a graph.
 */
public final class DjlScript implements Candidate {
  /** {@code torch.float32} among PyTorch's types. */
  private static final int FLOAT32 = 6;

  @Override
  public String name() {
    return "djl-script";
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
  public Map<String, Task> tasks(Problem problem) throws IOException {
    Scripts scripts = new Scripts(problem);
    int axis = problem.shape.axis();
    switch (problem.operation) {
      case SOFTMAX -> {
        scripts.add("softmax", "torch.softmax(x, %d)".formatted(axis));
        scripts.add("_softmax out", "torch._softmax(x, %d, False, out=out)".formatted(axis));
      }
      case LOG_SOFTMAX -> {
        scripts.add("log_softmax", "torch.log_softmax(x, %d)".formatted(axis));
        scripts.add(
            "_log_softmax out", "torch._log_softmax(x, %d, False, out=out)".formatted(axis));
      }
      case SOFTMAX_BACKWARD -> {
        String call = "torch._softmax_backward_data(other, x, %d, %d".formatted(axis, FLOAT32);
        scripts.add("_softmax_backward_data", call + ")");
        scripts.add("_softmax_backward_data out", call + ", grad_input=out)");
      }
      case LOG_SOFTMAX_BACKWARD -> {
        String call = "torch._log_softmax_backward_data(other, x, %d, %d".formatted(axis, FLOAT32);
        scripts.add("_log_softmax_backward_data", call + ")");
        scripts.add("_log_softmax_backward_data out", call + ", out=out)");
      }
      case CROSS_ENTROPY -> {
        scripts.add("logsumexp, gather", "torch.mean(losses)", logSumExp(axis));
        scripts.add(
            "_log_softmax out, gather",
            "torch.neg(torch.mean(torch.gather(out, %d, other)))".formatted(axis),
            logSoftmax(axis));
        if (axis == 1) {
          scripts.add(
              "cross_entropy_loss",
              "torch.cross_entropy_loss(x, torch.squeeze(other, 1), None, 1, -100, 0.)");
        }
      }
      case CROSS_ENTROPY_GRAD -> lossAndGradient(scripts, axis, problem.shape.rows());
    }
    return scripts.tasks;
  }

  private static String[] logSumExp(int axis) {
    return new String[] {
      "losses = torch.sub(torch.logsumexp(x, [%d], True), torch.gather(x, %d, other))"
          .formatted(axis, axis)
    };
  }

  private static String logSoftmax(int axis) {
    return "logs = torch._log_softmax(x, %d, False, out=out)".formatted(axis);
  }

  private static void lossAndGradient(Scripts scripts, int axis, long rows) throws IOException {
    String loss = "loss = torch.neg(torch.mean(torch.gather(out, %d, other)))".formatted(axis);
    String ones = "torch.full_like(other, -1., dtype=%d)".formatted(FLOAT32);
    scripts.add(
        "_log_softmax out, gather, exp_, scatter_add_, div_",
        "loss",
        logSoftmax(axis),
        loss,
        "p = torch.exp_(out)",
        "q = torch.scatter_add_(out, %d, other, %s)".formatted(axis, ones),
        "g = torch.div_(out, %d)".formatted(rows));
    scripts.add(
        "_log_softmax, gather, _softmax out, scatter_add_, div_",
        "loss",
        "logs = torch._log_softmax(x, %d, False)".formatted(axis),
        "loss = torch.neg(torch.mean(torch.gather(logs, %d, other)))".formatted(axis),
        "p = torch._softmax(x, %d, False, out=out)".formatted(axis),
        "q = torch.scatter_add_(out, %d, other, %s)".formatted(axis, ones),
        "g = torch.div_(out, %d)".formatted(rows));
    scripts.add(
        "log_softmax, gather, scatter_, _log_softmax_backward_data out",
        "loss",
        "logs = torch._log_softmax(x, %d, False)".formatted(axis),
        "loss = torch.neg(torch.mean(torch.gather(logs, %d, other)))".formatted(axis),
        "z = torch.zero_(out)",
        "u = torch.scatter_(out, %d, other, %s)".formatted(axis, -1.0 / rows),
        "g = torch._log_softmax_backward_data(out, logs, %d, %d, out=out)"
            .formatted(axis, FLOAT32));
  }

  /** The modules of a problem. */
  private static final class Scripts {
    private final Map<String, Task> tasks = new LinkedHashMap<>();
    private final Problem problem;
    private final PtNDManager manager;
    private final PtNDArray out;
    private final IValue[] arguments;

    Scripts(Problem problem) {
      this.problem = problem;
      DjlTensors tensors = new DjlTensors(problem);
      manager = (PtNDManager) tensors.manager();
      NDArray x = tensors.input();
      NDArray other =
          problem.operation.hasLoss()
              ? tensors.labels()
              : problem.operation.isBackward() ? tensors.upstream() : x;
      out = (PtNDArray) tensors.room();
      arguments =
          new IValue[] {
            IValue.from((PtNDArray) x), IValue.from((PtNDArray) other), IValue.from(out)
          };
    }

    void add(String way, String result, String... statements) throws IOException {
      PtSymbolBlock block =
          JniUtils.loadModule(
              manager,
              TorchScript.module("x: Tensor, other: Tensor, out: Tensor", result, statements),
              false,
              false);
      tasks.put(way, new Script(block));
    }

    /** One module. */
    private final class Script implements Task {
      private final PtSymbolBlock block;

      Script(PtSymbolBlock block) {
        this.block = block;
      }

      @Override
      public double run() {
        block.forward(arguments).close();
        return 0;
      }

      @Override
      public double check(MemorySegment output) {
        try (IValue value = block.forward(arguments);
            NDArray result = value.toTensor(manager)) {
          if (!problem.operation.hasLoss()) {
            DjlTensors.copy(result, output);
            return 0;
          }
          if (problem.operation.hasOutput()) {
            DjlTensors.copy(out, output);
          }
          return result.getFloat();
        }
      }
    }
  }

  /** For JMH. */
  public static class Timed extends Cell {
    /** One call. */
    @Benchmark
    public double djlScript() throws Exception {
      return task.run();
    }
  }
}
