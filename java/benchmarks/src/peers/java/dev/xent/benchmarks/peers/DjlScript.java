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
import dev.xent.benchmarks.Operation;
import dev.xent.benchmarks.Operation.Option;
import dev.xent.benchmarks.Problem;
import dev.xent.benchmarks.Task;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.openjdk.jmh.annotations.Benchmark;

/**
 * DJL with PyTorch in the shortest way: a TorchScript module of a few lines, called with existing
 * values. It writes its output to existing memory if that is faster. The gradients are the kernels
 * of PyTorch's backward, called without a graph.
 */
public final class DjlScript implements Candidate {
  /** {@code torch.float32} and {@code torch.float64} among PyTorch's types. */
  private static final int FLOAT32 = 6;

  private static final int FLOAT64 = 7;

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
    int type = problem.operation.isDouble() ? FLOAT64 : FLOAT32;
    switch (problem.operation.kind) {
      case SOFTMAX -> softmax(scripts, axis, problem.operation.option);
      case LOG_SOFTMAX -> {
        scripts.add("log_softmax", "torch.log_softmax(x, %d)".formatted(axis));
        scripts.add(
            "_log_softmax out", "torch._log_softmax(x, %d, False, out=out)".formatted(axis));
      }
      case SOFTMAX_BACKWARD -> {
        String call = "torch._softmax_backward_data(other, x, %d, %d".formatted(axis, type);
        scripts.add("_softmax_backward_data", call + ")");
        scripts.add("_softmax_backward_data out", call + ", grad_input=out)");
      }
      case LOG_SOFTMAX_BACKWARD -> {
        String call = "torch._log_softmax_backward_data(other, x, %d, %d".formatted(axis, type);
        scripts.add("_log_softmax_backward_data", call + ")");
        scripts.add("_log_softmax_backward_data out", call + ", out=out)");
      }
      case CROSS_ENTROPY -> crossEntropy(scripts, problem.operation.option, axis);
      case CROSS_ENTROPY_GRAD -> lossAndGradient(scripts, problem, axis, type);
      case BINARY_CROSS_ENTROPY, BINARY_CROSS_ENTROPY_GRAD -> binary(scripts, problem);
      case SAMPLE -> sampling(scripts, problem);
    }
    return scripts.tasks;
  }

  private static void softmax(Scripts scripts, int axis, Option option) throws IOException {
    if (option == Option.TEMPERATURE) {
      for (String scaled :
          List.of("div(x, " + Operation.TEMPERATURE, "mul(x, " + 1 / Operation.TEMPERATURE)) {
        String name = scaled.substring(0, 3);
        scripts.add(
            name + ", _softmax out",
            "torch._softmax(torch.%s), %d, False, out=out)".formatted(scaled, axis));
        scripts.add(
            name + " out, softmax",
            "torch.softmax(torch.%s, out=out), %d)".formatted(scaled, axis));
      }
      return;
    }
    scripts.add("softmax", "torch.softmax(x, %d)".formatted(axis));
    scripts.add("_softmax out", "torch._softmax(x, %d, False, out=out)".formatted(axis));
  }

  private static void crossEntropy(Scripts scripts, Option option, int axis) throws IOException {
    String argmax =
        option == Option.ARGMAX
            ? "classes = torch.argmax(x, %d, False, out=extra)".formatted(axis)
            : "";
    scripts.add(
        "logsumexp, gather",
        "loss",
        argmax,
        "sums = torch.logsumexp(x, [%d], True)".formatted(axis),
        loss(
            option,
            "torch.sub(torch.gather(x, %d, other), sums)".formatted(axis),
            "torch.sub(torch.mean(x), torch.mean(sums))"));
    scripts.add(
        "_log_softmax out, gather", "loss", argmax, logSoftmax(axis), loss(option, axis, "out"));
    if (axis == 1) {
      scripts.add(
          "cross_entropy_loss",
          "torch.cross_entropy_loss(x, torch.squeeze(other, 1), %s, 1, -100, %s)"
              .formatted(
                  option == Option.WEIGHTS ? "extra" : "None",
                  option == Option.SMOOTHING ? Operation.SMOOTHING : 0.0),
          argmax);
    }
  }

  private static String logSoftmax(int axis) {
    return "logs = torch._log_softmax(x, %d, False, out=out)".formatted(axis);
  }

  private static String loss(Option option, int axis, String logs) {
    return loss(
        option,
        "torch.gather(%s, %d, other)".formatted(logs, axis),
        "torch.mean(%s)".formatted(logs));
  }

  /**
   * The mean loss from the labels' log-probabilities and the mean over all; weights are factors.
   */
  private static String loss(Option option, String chosen, String mean) {
    return switch (option) {
      case SMOOTHING ->
          "loss = torch.neg(torch.add(torch.mul(torch.mean(%s), %s), torch.mul(%s, %s)))"
              .formatted(chosen, 1 - Operation.SMOOTHING, mean, Operation.SMOOTHING);
      case WEIGHTS ->
          """
          weights = torch.take(extra, other)
          factors = torch.div(weights, torch.sum(weights))
          loss = torch.neg(torch.sum(torch.mul(%s, factors)))
          """
              .formatted(chosen);
      default -> "loss = torch.neg(torch.mean(%s))".formatted(chosen);
    };
  }

  private static void lossAndGradient(Scripts scripts, Problem problem, int axis, int type)
      throws IOException {
    Option option = problem.operation.option;
    long rows = problem.shape.rows();
    boolean smooth = option == Option.SMOOTHING;
    boolean weighted = option == Option.WEIGHTS;
    double share = smooth ? Operation.SMOOTHING / problem.shape.classes() : 0;
    double own = smooth ? 1 - Operation.SMOOTHING : 1;
    String logs = "logs = torch._log_softmax(x, %d, False)".formatted(axis);
    String[] fromProbabilities = {
      smooth ? "s = torch.sub_(out, %s)".formatted(share) : "",
      "q = torch.scatter_add_(out, %d, other, torch.full_like(other, %s, dtype=%d))"
          .formatted(axis, -own, type),
      weighted ? "g = torch.mul_(out, factors)" : "g = torch.div_(out, %d)".formatted(rows)
    };
    scripts.add(
        "_log_softmax out, gather, exp_, scatter_add_, div_",
        "loss",
        concat(
            new String[] {logSoftmax(axis), loss(option, axis, "out"), "p = torch.exp_(out)"},
            fromProbabilities));
    scripts.add(
        "_log_softmax, gather, _softmax out, scatter_add_, div_",
        "loss",
        concat(
            new String[] {
              logs,
              loss(option, axis, "logs"),
              "p = torch._softmax(x, %d, False, out=out)".formatted(axis)
            },
            fromProbabilities));
    scripts.add(
        "log_softmax, gather, scatter_, _log_softmax_backward_data out",
        "loss",
        logs,
        loss(option, axis, "logs"),
        smooth ? "z = torch.fill_(out, %s)".formatted(-share / rows) : "z = torch.zero_(out)",
        "u = torch.scatter_(out, %d, other, %s)"
            .formatted(axis, weighted ? "torch.neg(factors)" : -(own + share) / rows),
        "g = torch._log_softmax_backward_data(out, logs, %d, %d, out=out)".formatted(axis, type));
  }

  /** The loss by PyTorch's own operator or by its parts; the gradient takes four more operators. */
  private static void binary(Scripts scripts, Problem problem) throws IOException {
    Map<String, String> losses =
        Map.of(
            "binary_cross_entropy_with_logits",
            "torch.binary_cross_entropy_with_logits(x, other, None, None, 1)",
            "softplus, dot",
            "torch.sub(torch.mean(torch.softplus(x, out=out)), torch.div(%s, %d))"
                .formatted(
                    "torch.dot(torch.view(x, [-1]), torch.view(other, [-1]))",
                    problem.shape.elements()));
    for (Map.Entry<String, String> loss : losses.entrySet()) {
      String statement = "loss = " + loss.getValue();
      if (problem.operation.hasOutput()) {
        scripts.add(
            loss.getKey() + ", sigmoid out, sub_, div_",
            "loss",
            statement,
            "p = torch.sigmoid(x, out=out)",
            "q = torch.sub_(out, other)",
            "g = torch.div_(out, %d)".formatted(problem.shape.elements()));
      } else {
        scripts.add(loss.getKey(), "loss", statement);
      }
    }
  }

  /** The k largest classes, their nucleus, and a draw. */
  private static void sampling(Scripts scripts, Problem problem) throws IOException {
    boolean all = problem.operation.option == Option.ALL_CLASSES;
    String list =
        all
            ? "values, classes, = torch.sort(x, 1, True)"
            : "values, classes, = torch.topk(x, %d, 1, True, True)".formatted(Operation.TOP_K);
    scripts.add(
        (all ? "sort" : "topk") + ", softmax, cumsum, multinomial",
        "torch.gather(classes, 1, drawn)",
        list,
        "p = torch.softmax(torch.div(values, %s), 1)".formatted(Operation.TEMPERATURE),
        "before = torch.sub(torch.cumsum(p, 1), p)",
        "kept = torch.masked_fill(p, torch.ge(before, %s), 0.)".formatted(Operation.TOP_P),
        "drawn = torch.multinomial(kept, 1)");
  }

  private static String[] concat(String[] first, String[] second) {
    return Stream.concat(Arrays.stream(first), Arrays.stream(second)).toArray(String[]::new);
  }

  /** The modules of a problem. */
  private static final class Scripts {
    private final Map<String, Task> tasks = new LinkedHashMap<>();
    private final Problem problem;
    private final PtNDManager manager;
    private final PtNDArray out;
    private final NDArray classes;
    private final IValue[] arguments;

    Scripts(Problem problem) {
      this.problem = problem;
      DjlTensors tensors = new DjlTensors(problem);
      manager = (PtNDManager) tensors.manager();
      NDArray x = tensors.input();
      NDArray other =
          problem.operation.hasLabels()
              ? tensors.labels()
              : problem.operation.isBinary()
                  ? tensors.targets()
                  : problem.operation.isBackward() ? tensors.upstream() : x;
      NDArray extra =
          switch (problem.operation.option) {
            case WEIGHTS -> tensors.weights();
            case ARGMAX -> tensors.roomOfClasses();
            default -> x;
          };
      out = (PtNDArray) tensors.room();
      arguments =
          Stream.of(x, other, out, extra)
              .map(array -> IValue.from((PtNDArray) array))
              .toArray(IValue[]::new);
      classes = extra;
    }

    void add(String way, String result, String... statements) throws IOException {
      PtSymbolBlock block =
          JniUtils.loadModule(
              manager,
              TorchScript.module(
                  "x: Tensor, other: Tensor, out: Tensor, extra: Tensor", result, statements),
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
            DjlTensors.copy(result, problem.tokens == null ? output : problem.tokens);
            return 0;
          }
          if (problem.operation.hasOutput()) {
            DjlTensors.copy(out, output);
          }
          if (problem.argmax != null) {
            DjlTensors.copy(classes, problem.argmax);
          }
          return DjlTensors.number(result);
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
