// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import dev.xent.benchmarks.Operation;
import dev.xent.benchmarks.Operation.Option;
import dev.xent.benchmarks.Problem;
import dev.xent.cli.bench.Shape;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * Graphs of every operation, in several ways if there are some. Inputs are named x, y, dy, t and w,
 * outputs out, loss and classes. ONNX Runtime for the JVM has no gradients, so a user writes them
 * with standard operators.
 */
final class OnnxGraphs {
  private static final String AXIS = "axis";

  private final Shape shape;
  private final int axis;
  private final Operation operation;

  private OnnxGraphs(Problem problem) {
    shape = problem.shape;
    axis = shape.axis();
    operation = problem.operation;
  }

  /** The models of the problem's operation, by the names of their operators. */
  static Map<String, byte[]> of(Problem problem) {
    OnnxGraphs graphs = new OnnxGraphs(problem);
    Map<String, OnnxGraph> ways =
        switch (problem.operation.kind) {
          case SOFTMAX ->
              problem.operation.option == Option.TEMPERATURE
                  ? graphs.softmaxOfTemperature()
                  : graphs.forward("Softmax");
          case LOG_SOFTMAX -> graphs.forward("LogSoftmax");
          case SOFTMAX_BACKWARD -> graphs.softmaxBackward();
          case LOG_SOFTMAX_BACKWARD -> graphs.logSoftmaxBackward();
          case CROSS_ENTROPY -> graphs.crossEntropy();
          case CROSS_ENTROPY_GRAD -> graphs.lossAndGradient();
          case BINARY_CROSS_ENTROPY, BINARY_CROSS_ENTROPY_GRAD -> graphs.binary();
          case SAMPLE -> graphs.sampling();
        };
    Map<String, byte[]> models = new LinkedHashMap<>();
    ways.forEach((way, graph) -> models.put(way, graph.toBytes()));
    return models;
  }

  private OnnxGraph graph() {
    return new OnnxGraph(operation.isDouble());
  }

  private Map<String, OnnxGraph> softmaxOfTemperature() {
    Map<String, OnnxGraph> ways = new LinkedHashMap<>();
    Map.of("Div", Operation.TEMPERATURE, "Mul", 1 / Operation.TEMPERATURE)
        .forEach(
            (operator, number) ->
                ways.put(
                    operator + ", Softmax",
                    graph()
                        .input("x", shape.dims())
                        .constant("number", number)
                        .node("scaled", operator, "x number")
                        .node("out", "Softmax", "scaled", OnnxGraph.attribute(AXIS, axis))
                        .output("out", shape.dims())));
    return ways;
  }

  private Map<String, OnnxGraph> forward(String operator) {
    return Map.of(
        operator,
        graph()
            .input("x", shape.dims())
            .node("out", operator, "x", OnnxGraph.attribute(AXIS, axis))
            .output("out", shape.dims()));
  }

  private OnnxGraph backward() {
    return graph()
        .input("y", shape.dims())
        .input("dy", shape.dims())
        .constant("axes", new long[] {axis})
        .output("out", shape.dims());
  }

  private Map<String, OnnxGraph> softmaxBackward() {
    Map<String, OnnxGraph> ways = new LinkedHashMap<>();
    ways.put(
        "Mul, ReduceSum, Sub, Mul",
        backward()
            .node("product", "Mul", "y dy")
            .node("sum", "ReduceSum", "product axes")
            .node("shifted", "Sub", "dy sum")
            .node("out", "Mul", "shifted y"));
    if (axis == shape.dims().length - 1) {
      long last = axis;
      ways.put(
          "MatMul, Sub, Mul",
          backward()
              .constant("before", new long[] {last})
              .constant("after", new long[] {last + 1})
              .node("wide", "Unsqueeze", "y before")
              .node("tall", "Unsqueeze", "dy after")
              .node("dot", "MatMul", "wide tall")
              .node("sum", "Squeeze", "dot after")
              .node("shifted", "Sub", "dy sum")
              .node("out", "Mul", "shifted y"));
    }
    return ways;
  }

  private Map<String, OnnxGraph> logSoftmaxBackward() {
    return Map.of(
        "Exp, ReduceSum, Mul, Sub",
        backward()
            .node("p", "Exp", "y")
            .node("sum", "ReduceSum", "dy axes")
            .node("scaled", "Mul", "p sum")
            .node("out", "Sub", "dy scaled"));
  }

  private OnnxGraph loss() {
    OnnxGraph graph = graph().input("x", shape.dims()).output("loss");
    return switch (operation.option) {
      case WEIGHTS -> graph.input("w", shape.classes());
      case SMOOTHING ->
          graph
              .constant("keep", 1 - Operation.SMOOTHING)
              .constant("eps", Operation.SMOOTHING)
              .constant("share", share());
      case ARGMAX ->
          graph
              .node(
                  "classes",
                  "ArgMax",
                  "x",
                  OnnxGraph.attribute(AXIS, axis),
                  OnnxGraph.attribute("keepdims", 0))
              .outputIndices("classes", shape.rowDims());
      default -> graph;
    };
  }

  /**
   * The mean loss from {@code logs} and {@code chosen}: the log-sum-exps and the labels' logits.
   */
  private OnnxGraph meanOf(OnnxGraph graph, String logs, String chosen, String logits) {
    OnnxGraph with = graph;
    String target = chosen;
    if (operation.option == Option.SMOOTHING) {
      with =
          graph
              .node("mean", "ReduceMean", logits, OnnxGraph.attributes("axes", axis))
              .node("kept", "Mul", chosen + " keep")
              .node("shared", "Mul", "mean eps")
              .node("target", "Add", "kept shared");
      target = "target";
    }
    with =
        logs.isEmpty()
            ? with.node("losses", "Neg", target)
            : with.node("losses", "Sub", logs + " " + target);
    long[] all = LongStream.range(0, shape.dims().length).toArray();
    if (operation.option == Option.WEIGHTS) {
      return with.node("weights", "Gather", "w t")
          .node("denominator", "ReduceSum", "weights")
          .node("factors", "Div", "weights denominator")
          .node("weighted", "Mul", "losses factors")
          .node("loss", "ReduceSum", "weighted", OnnxGraph.attribute("keepdims", 0));
    }
    return with.node(
        "loss",
        "ReduceMean",
        "losses",
        OnnxGraph.attributes("axes", all),
        OnnxGraph.attribute("keepdims", 0));
  }

  private OnnxGraph logSoftmaxAtLabels() {
    OnnxGraph graph =
        loss()
            .indices("t", shape.reducedDims())
            .node("logs", "LogSoftmax", "x", OnnxGraph.attribute(AXIS, axis))
            .node("chosen", "GatherElements", "logs t", OnnxGraph.attribute(AXIS, axis));
    return meanOf(graph, "", "chosen", "logs");
  }

  private Map<String, OnnxGraph> crossEntropy() {
    Map<String, OnnxGraph> ways = new LinkedHashMap<>();
    ways.put("LogSoftmax, GatherElements", logSoftmaxAtLabels());
    ways.put(
        "ReduceLogSumExp, GatherElements",
        meanOf(
            loss()
                .indices("t", shape.reducedDims())
                .node("logs", "ReduceLogSumExp", "x", OnnxGraph.attributes("axes", axis))
                .node("chosen", "GatherElements", "x t", OnnxGraph.attribute(AXIS, axis)),
            "logs",
            "chosen",
            "x"));
    ways.put(
        "ReduceMax, Sub, Exp, ReduceSum, Log, GatherElements",
        meanOf(
            loss()
                .indices("t", shape.reducedDims())
                .constant("axes", new long[] {axis})
                .node("largest", "ReduceMax", "x", OnnxGraph.attributes("axes", axis))
                .node("below", "Sub", "x largest")
                .node("terms", "Exp", "below")
                .node("sum", "ReduceSum", "terms axes")
                .node("log", "Log", "sum")
                .node("logs", "Add", "log largest")
                .node("chosen", "GatherElements", "x t", OnnxGraph.attribute(AXIS, axis)),
            "logs",
            "chosen",
            "x"));
    if (axis == 1 && operation.option != Option.SMOOTHING) {
      ways.put(
          "SoftmaxCrossEntropyLoss",
          loss()
              .indices("t", shape.rowDims())
              .node(
                  "loss",
                  "SoftmaxCrossEntropyLoss",
                  operation.option == Option.WEIGHTS ? "x t w" : "x t"));
    }
    return ways;
  }

  private Map<String, OnnxGraph> lossAndGradient() {
    Map<String, OnnxGraph> ways = new LinkedHashMap<>();
    ways.put(
        "LogSoftmax, GatherElements, Exp, ScatterElements, Mul",
        probabilities("Exp", "logs")
            .node("difference", "ScatterElements", "q t update", OnnxGraph.attribute(AXIS, axis))
            .node("out", "Mul", "difference factors"));
    ways.put(
        "LogSoftmax, GatherElements, Exp, Mul, ScatterElements",
        probabilities("Exp", "logs")
            .node("scaled", "Mul", "q factors")
            .node("scaledUpdate", "Mul", "update factors")
            .node(
                "out",
                "ScatterElements",
                "scaled t scaledUpdate",
                OnnxGraph.attribute(AXIS, axis)));
    ways.put(
        "LogSoftmax, GatherElements, Softmax, ScatterElements, Mul",
        probabilities("Softmax", "x", OnnxGraph.attribute(AXIS, axis))
            .node("difference", "ScatterElements", "q t update", OnnxGraph.attribute(AXIS, axis))
            .node("out", "Mul", "difference factors"));
    return ways;
  }

  /**
   * Loss and probabilities. {@code q} is the gradient before its factors; at the labels, the
   * gradient is {@code update} instead.
   */
  private OnnxGraph probabilities(String operator, String input, Protobuf... attributes) {
    boolean smooth = operation.option == Option.SMOOTHING;
    OnnxGraph graph =
        logSoftmaxAtLabels()
            .output("out", shape.dims())
            .constant("one", smooth ? 1 - Operation.SMOOTHING + share() : 1)
            .node(smooth ? "p" : "q", operator, input, attributes)
            .node("atLabels", "Exp", "chosen")
            .node("update", "Sub", "atLabels one");
    if (operation.option != Option.WEIGHTS) {
      graph.constant("factors", 1.0 / shape.rows());
    }
    return smooth ? graph.node("q", "Sub", "p share") : graph;
  }

  /** ONNX has no operator for the binary loss. */
  private Map<String, OnnxGraph> binary() {
    Map<String, OnnxGraph> ways = new LinkedHashMap<>();
    ways.put("Softplus, Mul, Sub, ReduceMean", binary("Softplus", "x"));
    ways.put(
        "Abs, Neg, Exp, Log, Relu, Mul, Sub, ReduceMean",
        binary("Add", "positive log")
            .constant("one", 1.0)
            .node("size", "Abs", "x")
            .node("below", "Neg", "size")
            .node("term", "Exp", "below")
            .node("sum", "Add", "term one")
            .node("log", "Log", "sum")
            .node("positive", "Relu", "x"));
    return ways;
  }

  /** The loss by an operator that computes softplus, and the gradient if requested. */
  private OnnxGraph binary(String operator, String inputs) {
    OnnxGraph graph =
        loss()
            .input("t", shape.dims())
            .node("products", "Mul", "x t")
            .node("softplus", operator, inputs);
    graph = meanOf(graph, "softplus", "products", "x");
    if (!operation.hasOutput()) {
      return graph;
    }
    // Sigmoid is faster, but small results have few correct digits.
    return graph
        .constant("factors", 1.0 / shape.elements())
        .node("logs", "Sub", "x softplus")
        .node("p", "Exp", "logs")
        .node("difference", "Sub", "p t")
        .node("out", "Mul", "difference factors")
        .output("out", shape.dims());
  }

  /**
   * Probabilities of the largest classes in descending order with these classes, or of all classes.
   */
  private Map<String, OnnxGraph> sampling() {
    boolean all = operation.option == Option.ALL_CLASSES;
    long count = all ? shape.classes() : Operation.TOP_K;
    Map<String, OnnxGraph> ways = new LinkedHashMap<>();
    ways.put(
        "TopK, Div, Softmax",
        graph()
            .input("x", shape.dims())
            .constant("k", new long[] {count})
            .constant("number", Operation.TEMPERATURE)
            .node("values classes", "TopK", "x k", OnnxGraph.attribute(AXIS, axis))
            .node("scaled", "Div", "values number")
            .node("out", "Softmax", "scaled", OnnxGraph.attribute(AXIS, axis))
            .output("out", shape.rows(), count)
            .outputIndices("classes", shape.rows(), count));
    if (all) {
      ways.put("Div, Softmax, heap", softmaxOfTemperature().get("Div, Softmax"));
    }
    return ways;
  }

  private double share() {
    return Operation.SMOOTHING / shape.classes();
  }
}
