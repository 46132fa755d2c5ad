// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import dev.xent.benchmarks.Problem;
import dev.xent.benchmarks.Shape;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * Graphs of every operation; where there are several ways, all of them. Inputs are named x, y, dy
 * and t, outputs out and loss. ONNX Runtime has no gradients in its library for the JVM: a user
 * writes them with standard operators.
 */
final class OnnxGraphs {
  private static final String AXIS = "axis";

  private final Shape shape;
  private final int axis;

  private OnnxGraphs(Shape shape) {
    this.shape = shape;
    axis = shape.axis();
  }

  /** The models of the problem's operation, by what they are made of. */
  static Map<String, byte[]> of(Problem problem) {
    OnnxGraphs graphs = new OnnxGraphs(problem.shape);
    Map<String, OnnxGraph> ways =
        switch (problem.operation) {
          case SOFTMAX -> graphs.forward("Softmax");
          case LOG_SOFTMAX -> graphs.forward("LogSoftmax");
          case SOFTMAX_BACKWARD -> graphs.softmaxBackward();
          case LOG_SOFTMAX_BACKWARD -> graphs.logSoftmaxBackward();
          case CROSS_ENTROPY -> graphs.crossEntropy();
          case CROSS_ENTROPY_GRAD -> graphs.lossAndGradient();
        };
    Map<String, byte[]> models = new LinkedHashMap<>();
    ways.forEach((way, graph) -> models.put(way, graph.toBytes()));
    return models;
  }

  private Map<String, OnnxGraph> forward(String operator) {
    return Map.of(
        operator,
        new OnnxGraph()
            .input("x", shape.dims())
            .node("out", operator, "x", OnnxGraph.attribute(AXIS, axis))
            .output("out", shape.dims()));
  }

  private OnnxGraph backward() {
    return new OnnxGraph()
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
    return new OnnxGraph().input("x", shape.dims()).output("loss");
  }

  private OnnxGraph meanOf(OnnxGraph graph, String losses) {
    long[] all = LongStream.range(0, shape.dims().length).toArray();
    return graph.node(
        "loss",
        "ReduceMean",
        losses,
        OnnxGraph.attributes("axes", all),
        OnnxGraph.attribute("keepdims", 0));
  }

  private OnnxGraph logSoftmaxAtLabels(OnnxGraph graph) {
    return graph
        .indices("t", shape.reducedDims())
        .node("logs", "LogSoftmax", "x", OnnxGraph.attribute(AXIS, axis))
        .node("chosen", "GatherElements", "logs t", OnnxGraph.attribute(AXIS, axis))
        .node("losses", "Neg", "chosen");
  }

  private Map<String, OnnxGraph> crossEntropy() {
    Map<String, OnnxGraph> ways = new LinkedHashMap<>();
    ways.put("LogSoftmax, GatherElements", meanOf(logSoftmaxAtLabels(loss()), "losses"));
    ways.put(
        "ReduceLogSumExp, GatherElements",
        meanOf(
            loss()
                .indices("t", shape.reducedDims())
                .node("logs", "ReduceLogSumExp", "x", OnnxGraph.attributes("axes", axis))
                .node("chosen", "GatherElements", "x t", OnnxGraph.attribute(AXIS, axis))
                .node("losses", "Sub", "logs chosen"),
            "losses"));
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
                .node("chosen", "GatherElements", "x t", OnnxGraph.attribute(AXIS, axis))
                .node("losses", "Sub", "logs chosen"),
            "losses"));
    if (axis == 1) {
      ways.put(
          "SoftmaxCrossEntropyLoss",
          loss().indices("t", shape.rowDims()).node("loss", "SoftmaxCrossEntropyLoss", "x t"));
    }
    return ways;
  }

  private Map<String, OnnxGraph> lossAndGradient() {
    Map<String, OnnxGraph> ways = new LinkedHashMap<>();
    ways.put(
        "LogSoftmax, GatherElements, Exp, ScatterElements, Mul",
        atLabelsLessOne(gradient(), "p")
            .node("difference", "ScatterElements", "p t update", OnnxGraph.attribute(AXIS, axis))
            .node("out", "Mul", "difference scale"));
    ways.put(
        "LogSoftmax, GatherElements, Exp, Mul, ScatterElements",
        atLabelsLessOne(gradient(), "p")
            .node("scaled", "Mul", "p scale")
            .node("scaledUpdate", "Mul", "update scale")
            .node(
                "out",
                "ScatterElements",
                "scaled t scaledUpdate",
                OnnxGraph.attribute(AXIS, axis)));
    ways.put(
        "LogSoftmax, GatherElements, Softmax, ScatterElements, Mul",
        atLabelsLessOne(gradient(), "unused")
            .node("p", "Softmax", "x", OnnxGraph.attribute(AXIS, axis))
            .node("difference", "ScatterElements", "p t update", OnnxGraph.attribute(AXIS, axis))
            .node("out", "Mul", "difference scale"));
    return ways;
  }

  private OnnxGraph gradient() {
    return meanOf(logSoftmaxAtLabels(loss()), "losses")
        .output("out", shape.dims())
        .constant("one", 1f)
        .constant("scale", 1f / shape.rows());
  }

  /** Probabilities under that name, and what belongs at the labels. */
  private static OnnxGraph atLabelsLessOne(OnnxGraph graph, String probabilities) {
    OnnxGraph with = probabilities.equals("p") ? graph.node("p", "Exp", "logs") : graph;
    return with.node("atLabels", "Exp", "chosen").node("update", "Sub", "atLabels one");
  }
}
